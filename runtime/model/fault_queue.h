/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_FAULT_QUEUE_H
#define SVART_MODEL_FAULT_QUEUE_H

/**
 * @file
 * The fault object of IOMMU_FAULT_QUEUE_ALLOC and its descriptor: whole groups of page requests out,
 * one answer a group in (the kernel's drivers/iommu/iommufd/eventq.c).
 */

#include <pthread.h>
#include <stdint.h>
#include <sys/queue.h>

#include "iobj.h"

struct svart_prg;

TAILQ_HEAD(svart_prg_list, svart_prg);

/**
 * A fault object.
 *
 * Owner: its context. Lifetime: FAULT_QUEUE_ALLOC to DESTROY; its descriptor and HWPTs are users.
 * Locks: lock. A group in deliver or cookies is its device's, which takes it back under both locks.
 */
struct svart_model_fault {
	struct svart_iobj obj;
	pthread_mutex_t lock;
	struct svart_prg_list deliver; /**< Whole groups, oldest first. */
	struct svart_prg **cookies;    /**< By cookie - 1: read and not answered. */
	uint32_t room;                 /**< Of cookies. */
	int event_fd; /**< A duplicate of the descriptor's eventfd: 1 while deliver is not empty. */
};

/**
 * IOMMU_FAULT_QUEUE_ALLOC.
 * @param out out: the object, which the caller uses. @param fd out: its descriptor. @return 0 or -errno.
 */
int svart_model_fault_create(struct svart_ictx *ctx, struct svart_model_fault **out, int *fd);

/** Queues a whole group. Its device's lock is held. Does not fail or block. */
void svart_model_fault_deliver(struct svart_model_fault *fault, struct svart_prg *group);
/** Takes back a group that was delivered, wherever it is now. Its device's lock is held. */
void svart_model_fault_withdraw(struct svart_model_fault *fault, struct svart_prg *group);

#endif
