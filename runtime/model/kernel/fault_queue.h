/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_FAULT_QUEUE_H
#define SVART_MODEL_FAULT_QUEUE_H

/**
 * @file
 * The fault object of IOMMU_FAULT_QUEUE_ALLOC and its descriptor: it gives out whole groups of page
 * requests, and takes one answer for each group (the kernel's drivers/iommu/iommufd/eventq.c).
 */

#include <pthread.h>
#include <stdint.h>
#include <sys/queue.h>

#include "iobj.h"
#include "prg.h"

/**
 * A fault object.
 *
 * Owner: its context. Lifetime: FAULT_QUEUE_ALLOC to DESTROY; its descriptor and HWPTs are users.
 * Locks: lock. A group in deliver or cookies belongs to its device, which takes it back under both locks.
 */
struct svart_model_fault {
	struct svart_iobj obj;
	struct svart_prg_sink sink;
	pthread_mutex_t lock;
	struct svart_prg_list deliver; /**< Whole groups, oldest first. */
	struct svart_prg **cookies;    /**< Groups by cookie - 1: read and not answered. */
	uint32_t room;                 /**< Length of cookies. */
	bool broken;                   /**< Reads and writes give ENODEV. */
	/** A duplicate of the descriptor's eventfd, whose counter is 1 while deliver is not empty. */
	int event_fd;
};

/**
 * Does IOMMU_FAULT_QUEUE_ALLOC.
 * @param out out: the object, which the caller uses. @param fd out: its descriptor. @return 0 or -errno.
 */
int svart_model_fault_create(struct svart_ictx *ctx, struct svart_model_fault **out, int *fd);

#endif
