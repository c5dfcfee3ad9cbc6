/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_FAIL_MACHINE_H
#define SVART_TEST_FAIL_MACHINE_H

/**
 * @file
 * A machine around another one whose n-th system call fails.
 *
 * Calls that end something (close, munmap, the ioctls that destroy, detach and unmap) never fail and
 * are not counted: Linux does not refuse them to a caller that keeps their rules, and a caller can do
 * nothing about it.
 */

#include <stdatomic.h>

#include "machine.h"

/** Owner: its test. Lifetime: until the runtime that uses it has ended. */
struct fail_machine {
	struct svart_machine base; /**< What the runtime is given. */
	struct svart_machine *inner;
	unsigned int fail_at; /**< The call that fails, from 1 on; 0: none. */
	int error;            /**< What it returns, a negative errno. */
	atomic_uint calls;    /**< Calls so far. */
	char failed[64];      /**< Which call it was, for messages. */
};

void fail_machine_init(struct fail_machine *f, struct svart_machine *inner);

#endif
