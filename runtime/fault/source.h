/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_SOURCE_H
#define SVART_FAULT_SOURCE_H

/**
 * @file
 * Where page requests come from and answers go.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "machine.h"
#include "page_request.h"

struct svart_fault_source;

/** What a kind of source can do. */
struct svart_fault_source_ops {
	const char *name;
	/** Each group is delivered whole: no record of another one between its own. */
	bool whole_groups;
	/**
	 * A LAST that asks for neither reading nor writing (PCIe 6.0, 10.4.1.2.1: a stop marker) is
	 * owed an answer. True for iommufd, where every cookie is; false for raw queues, where no
	 * device waits for one and the marker belongs to no group.
	 */
	bool answers_stop_markers;
	/**
	 * Takes up to nr queued records.
	 * @return how many, 0 if there are none, or -errno: -EAGAIN, -ENOMEM try again later;
	 * -EOVERFLOW requests were lost, so that partial groups may lack some: the service drops
	 * them; -ENODEV the device is lost, or another: fetch is not called any more.
	 * @thread the service's fetch thread. Does not block, does not allocate but to grow a buffer
	 * for a group larger than any seen so far.
	 */
	ssize_t (*fetch)(struct svart_fault_source *s, struct svart_page_request *out, size_t nr);
	/**
	 * Sends answers, each once.
	 * @param gone out: array[nr]: whether the group was gone already (a detach answered it).
	 * @return 0, or -errno when the source can take no answers any more; gone is then true for
	 * those that were not taken.
	 * @thread any, several at once.
	 */
	int (*respond)(struct svart_fault_source *s, const struct svart_page_response *answers,
		size_t nr, bool *gone);
	void (*destroy)(struct svart_fault_source *s);
};

/**
 * One source: of one attachment of one device. Implementations embed it first.
 *
 * Owner: who created it. Lifetime: create to ops->destroy(); not while a service has it. Locks: the
 * implementation's own, around what respond and fetch share.
 */
struct svart_fault_source {
	const struct svart_fault_source_ops *ops;
	struct svart_machine *m;
	int fd; /**< To poll for POLLIN. */
	/* Written by fetch, read by the thread that fetches. */
	size_t buffered; /**< Records it holds: fetch gives them without the fd being readable. */
	uint64_t malformed; /**< Records so far that it took but could not deliver. */
};

/** Groups of one iommufd source that can wait for their answers; more wait in the kernel. */
#define SVART_FAULT_IOMMUFD_OUTSTANDING 4096

/**
 * A source on an iommufd fault fd.
 *
 * A malformed group is delivered as one LAST with SVART_PAGE_REQUEST_MALFORMED, so that its cookie is
 * answered; where no cookie names it, it is counted in svart_fault_source.malformed and no more.
 *
 * @param fault_fd from svart_iommufd_fault_queue_alloc(); stays the caller's.
 * @param dev_id   iommufd's id of the device; records with another id are malformed.
 * @param max_group records of the largest group to expect, 0: as many as devices have; grows when
 *                  the kernel says EINVAL.
 * @return 0, -EINVAL max_group above 65536, -ENOMEM.
 * @thread control.
 */
int svart_fault_source_iommufd_create(struct svart_machine *m, int fault_fd, uint32_t dev_id,
	size_t max_group, struct svart_fault_source **out);

#endif
