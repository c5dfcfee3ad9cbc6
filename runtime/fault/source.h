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

#include "iommu_unit_file.h"
#include "machine.h"
#include "page_request.h"

struct svart_fault_service;
struct svart_fault_source;

/** What a kind of source can do. */
struct svart_fault_source_ops {
	const char *name;
	/** Each group is delivered whole: no record of another one between its own. */
	bool whole_groups;
	/** Records can be owed an answer of their own (SVART_PAGE_REQUEST_NEEDS_RESPONSE). */
	bool own_answers;
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
	/**
	 * The attachment has been detached: no new request of it is on its way. Takes what is still
	 * queued for it and was not fetched, and answers INVALID to what of it is owed an answer; fetch
	 * finds nothing of it any more. NULL where the detach itself does that (iommufd).
	 * @return how many records it took.
	 * @thread the service's fetch thread, or control while that stands; fetch is not called
	 * afterwards. Bounded by the queue's size.
	 */
	size_t (*flush)(struct svart_fault_source *s);
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
	int fd; /**< To poll for POLLIN. Several sources may have the same. */
	/** Of sources that one service must serve: which does, NULL at first. NULL: there are none. */
	_Atomic(struct svart_fault_service *) *service;
	uint32_t device; /**< svart's number of the device, for traces; set by who created it. */
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

/**
 * The raw fault queues of one device, which this process owns: the rings, enabled in the unit.
 *
 * Records of the ring are sorted by PASID to the sources made on it, each an attachment of the device;
 * any of the sources' fetch takes records off the ring for all of them. A record of a PASID without a
 * source, or of another requester, is answered INVALID if it is owed an answer, and counted
 * (svart_fault_source.malformed of the first source).
 *
 * Owner: the device. Lifetime: create to destroy; its sources end before. All its sources are served by
 * one fault service, the first that one of them is added to (svart_fault_service_add() refuses others):
 * its fetch thread takes the interrupt and what is in the rings. A lock guards the rings of requests,
 * which control takes besides to make and end sources, and another the ring of answers.
 */
struct svart_fault_raw;

/**
 * Makes the rings and enables them in the unit.
 *
 * @param unit an open unit (iommu_unit_file.h); stays the caller's.
 * @return 0, -ENOMEM, -EIO the unit does not do as told (its registers' values are in the text);
 *         -ENOTSUP a kind of unit that svart does not know.
 * @thread control.
 */
int svart_fault_raw_create(
	struct svart_machine *m, const struct svart_iommu_unit *unit, struct svart_fault_raw **out);
/** Disables the queues. No source is left, and no request of the device is on its way. */
void svart_fault_raw_destroy(struct svart_fault_raw *raw);

/**
 * A source of one attachment on raw queues. Groups are named by PASID and group id; a request's token
 * says which ring it came from, and goes back with the answer. SVART_PAGE_REQUEST_NEEDS_RESPONSE is set on the records for which the unit demands it (VT-d:
 * private data present), and nothing else in svart looks at why.
 *
 * Outstanding answers are kept by (PASID, group id), so that each is sent once: an answer to what is
 * not owed one is `gone`. SVART_PAGE_RESPONSE_INVALID becomes Invalid Request (VT-d 1, PRI_FAIL) or
 * ABORT; SUCCESS becomes Success or RETRY.
 *
 * @param pasid of the attachment, or SVART_PASID_NONE. @return 0, -EEXIST the PASID has a source,
 *         -ENOMEM.
 * @thread control.
 */
int svart_fault_source_raw_create(
	struct svart_fault_raw *raw, uint32_t pasid, struct svart_fault_source **out);

#endif
