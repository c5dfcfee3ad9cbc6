/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_INJECT_H
#define SVART_TEST_INJECT_H

/**
 * @file
 * Memory that the kernel cannot get (Documentation/fault-injection): allocations of slabs and of
 * pages, and iommufd's own. On the model, where no kernel allocates for svart, the n-th system call
 * fails with ENOMEM instead.
 */

#include <stdbool.h>

#include "fail_machine.h"

/** Owner: its case. Lifetime: open to close. Locks: none. */
struct inject {
	struct fail_machine *machine; /**< On the model. */
	int nth_fd;                   /**< On a kernel: /proc/thread-self/fail-nth. */
	int task_fd;                  /**< On a kernel: /proc/thread-self/make-it-fail. */
};

/**
 * Makes ready. @param machine on the model; NULL on a kernel.
 * @return NULL, or what is missing.
 */
const char *inject_open(struct inject *inject, struct fail_machine *machine);
void inject_close(struct inject *inject);

/** The n-th allocation from now on that this thread needs fails. n from 1 on. */
void inject_arm(struct inject *inject, unsigned int n);
/** Ends that. @return whether it came so far. */
bool inject_disarm(struct inject *inject);

/**
 * Kernel only: whether the threads that this thread makes from now on are among those whose
 * allocations fail at random. @return whether the kernel took it.
 */
bool inject_inherit(struct inject *inject, bool on);
/**
 * Kernel only: how many of the allocations of those threads fail from now on.
 * @return whether the kernel took it.
 */
bool inject_at_random(struct inject *inject, unsigned int percent);

#endif
