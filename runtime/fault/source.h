/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_SOURCE_H
#define SVART_FAULT_SOURCE_H

/**
 * @file
 * Where page requests come from and answers go.
 */

#include <stddef.h>
#include <sys/types.h>

#include "machine.h"
#include "page_request.h"

struct svart_fault_source;

/** What a kind of source can do. */
struct svart_fault_source_ops {
	const char *name;
	/** Each group is delivered whole, in one fetch. */
	bool whole_groups;
	/**
	 * Takes up to nr queued records.
	 * @return how many, 0 if there are none, or -errno: -ENODEV the device is lost; -EAGAIN try
	 * again later.
	 * @thread the service's fetch thread. Does not block, does not allocate but to grow a buffer
	 * for a group larger than any seen so far.
	 */
	ssize_t (*fetch)(struct svart_fault_source *s, struct svart_page_request *out, size_t nr);
	/**
	 * Sends answers; each is sent once or, where the source says the group is gone (it was
	 * answered by a detach), counted.
	 * @param gone out: how many were gone already.
	 * @return 0, or -errno when the source can take no answers any more.
	 * @thread any.
	 */
	int (*respond)(struct svart_fault_source *s, const struct svart_page_response *answers,
		size_t nr, size_t *gone);
	void (*destroy)(struct svart_fault_source *s);
};

/** One source: of one attachment of one device. Implementations embed it first. */
struct svart_fault_source {
	const struct svart_fault_source_ops *ops;
	struct svart_machine *m;
	int fd; /**< To poll for POLLIN. */
};

/**
 * A source on an iommufd fault fd.
 *
 * @param fault_fd from svart_iommufd_fault_queue_alloc(); stays the caller's.
 * @param dev_id   iommufd's id of the device; records with another id are malformed.
 * @param max_group records of the largest group to expect; grows when the kernel says EINVAL.
 */
int svart_fault_source_iommufd_create(struct svart_machine *m, int fault_fd, uint32_t dev_id,
	size_t max_group, struct svart_fault_source **out);

#endif
