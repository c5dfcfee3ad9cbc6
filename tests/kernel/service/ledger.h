/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_LEDGER_H
#define SVART_TEST_LEDGER_H

/**
 * @file
 * A machine around another one that keeps books of the fault descriptors: which groups were read, and
 * what was answered. It believes the kernel's results only, nothing that svart counts. Also a
 * fail_machine, whose n-th call can be made to fail.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "fail_machine.h"

/** Fault descriptors watched, and groups that wait for their answers, at a time. */
#define LEDGER_MAX_FDS  4
#define LEDGER_MAX_OPEN 4096

/** What was seen so far. */
struct ledger_counts {
	uint64_t groups;  /**< Read. */
	uint64_t success; /**< Answered, and the kernel took it. */
	uint64_t invalid;
	uint64_t gone;         /**< Answered after a detach had: the kernel said EINVAL. */
	uint64_t strays;       /**< Answered without being owed an answer. Must be 0. */
	uint64_t twice;        /**< A cookie read again before it was answered. Must be 0. */
	uint64_t maps_enomem;  /**< IOAS_MAPs that failed for want of memory, */
	uint64_t maps_refused; /**< and for another reason. */
};

/** A group that was read and not answered. */
struct ledger_entry {
	int fd;
	uint32_t cookie;
};

/** Owner: main(). Lifetime: the program. Locks: lock guards all below it. */
struct ledger {
	struct fail_machine base; /**< What svart is given. */
	struct svart_machine_ops ops;
	const struct svart_machine_ops *fail_ops; /**< Of the fail_machine alone. */
	pthread_mutex_t lock;
	int fds[LEDGER_MAX_FDS]; /**< Or -1. */
	struct ledger_entry open[LEDGER_MAX_OPEN];
	unsigned int nr_open;
	struct ledger_counts counts;
	uint32_t last_code; /**< Of the last answer. */
};

void ledger_init(struct ledger *ledger, struct svart_machine *inner);
/** The machine. */
static inline struct svart_machine *ledger_machine(struct ledger *ledger)
{
	return &ledger->base.base;
}
/** Starts with a clean page. */
void ledger_clear(struct ledger *ledger);
/** @return whether there was room. */
bool ledger_watch(struct ledger *ledger, int fault_fd);
/** @return how many groups of it were never answered. */
unsigned int ledger_unwatch(struct ledger *ledger, int fault_fd);
struct ledger_counts ledger_counts(struct ledger *ledger);
/** Answers so far, of any kind. */
uint64_t ledger_answers(struct ledger *ledger);

#endif
