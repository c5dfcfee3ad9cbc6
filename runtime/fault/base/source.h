/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_SOURCE_H
#define SVART_FAULT_SOURCE_H

/**
 * @file
 * Fault sources: page requests come from them and answers go to them.
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
struct svart_fault_wing;

/** Which call found out that a source is lost. */
enum svart_fault_loss {
	SVART_FAULT_LOSS_POLL = 1, /**< poll() of its fd. The value is its revents. */
	SVART_FAULT_LOSS_FETCH, /**< ops->fetch. Here and below the value is the errno, positive. */
	SVART_FAULT_LOSS_RESPOND, /**< ops->respond. */
	SVART_FAULT_LOSS_CHECK,   /**< ops->check. */
};

/** What a kind of source can do. */
struct svart_fault_source_ops {
	const char *name;
	/**
	 * NULL: each group is delivered whole, with no record of another group between its own, and is owed
	 * one answer. Else records come as the device sends them, and the wing makes groups of them (wing.h).
	 */
	const struct svart_fault_wing *wing;
	/**
	 * Takes up to nr queued records.
	 * @return how many, 0 if there are none, or -errno: -EAGAIN, -ENOMEM try again later;
	 * -EOVERFLOW, with a wing only: requests were lost, so that partial groups may lack some
	 * and are dropped; -ENODEV, -EBADF the source is lost: fetch is not called any more; another error
	 * may pass: the source is lost after SVART_FAULT_MAX_FAILURES such calls in a row.
	 * @thread the service's fetch thread. It does not block. It allocates only to grow a buffer
	 * for a group larger than any seen so far.
	 */
	ssize_t (*fetch)(struct svart_fault_source *s, struct svart_page_request *out, size_t nr);
	/**
	 * Sends answers, each once.
	 * @param gone out: array[nr]: whether the group was gone already (a detach answered it).
	 * @return 0, or -errno if the source can take no answers any more; gone is then true for
	 * those answers that were not taken.
	 * @thread any, several at once.
	 */
	int (*respond)(struct svart_fault_source *s, const struct svart_page_response *answers,
		size_t nr, bool *gone);
	/**
	 * Waits until fetch finds all that the device has sent so far. NULL if the source cannot wait for
	 * that (iommufd): then fetch finds what the kernel has queued.
	 * @thread inside the service's gate: fetch and flush are not called meanwhile. The wait is bounded: a
	 * unit that does not finish is lost.
	 */
	void (*drain)(struct svart_fault_source *s);
	/**
	 * Takes the records that are still queued for the attachment and were not fetched, and answers
	 * INVALID to those that are owed an answer; fetch finds none of them any more. It is called after the
	 * attachment was detached, when no new request of it is on its way. NULL if the detach itself does
	 * that (iommufd).
	 * @return how many records it took.
	 * @thread the service's fetch thread, or control while that thread stands still; fetch is not called
	 * afterwards. Bounded by the queue's size.
	 */
	size_t (*flush)(struct svart_fault_source *s);
	/**
	 * Checks whether the source still works, if a loss would not make the fd readable. NULL
	 * if poll() or fetch shows a loss (iommufd).
	 * @return 0, or -errno: the source is lost.
	 * @thread any, several at once. It does not block: it reads some registers.
	 */
	int (*check)(struct svart_fault_source *s);
	void (*destroy)(struct svart_fault_source *s);
};

/**
 * One source, of one attachment of one device. Implementations embed it as their first member.
 *
 * Owner: its creator. Lifetime: create to ops->destroy(), which is not called while a service has it. Locks:
 * the implementation's own, around what respond and fetch share.
 */
struct svart_fault_source {
	const struct svart_fault_source_ops *ops;
	struct svart_machine *m;
	int fd; /**< It is polled for POLLIN. Several sources may have the same fd. */
	/**
	 * For sources that one service must serve together: that service, or NULL at first. NULL: there are
	 * no others.
	 */
	_Atomic(struct svart_fault_service *) *service;
	uint32_t device; /**< svart's number of the device, for traces; its creator sets it. */
	/**
	 * The creator sets it before the source is added to a service; NULL: nothing is called. It is called
	 * once, when the service finds that the source is lost, by the thread that finds
	 * it: a fetch thread, a resolver, or a thread that pumps. It must not call the service.
	 * @param value as enum svart_fault_loss says.
	 */
	void (*lost)(void *owner, enum svart_fault_loss loss, int value);
	/**
	 * The creator sets it likewise, or it is NULL. The fetch thread calls it every SVART_FAULT_WATCH_NS,
	 * until the source is lost or removed: for losses that its fd does not show. It may make some system
	 * calls, and must not call the service.
	 */
	void (*watch)(void *owner);
	void *owner; /**< The argument of `lost` and `watch`. */
	/* Written by fetch, read by the thread that fetches. */
	size_t buffered; /**< Records that it holds: fetch delivers them even if the fd is not readable. */
	uint64_t malformed; /**< Records so far that it took but could not deliver. */
};

/** Groups of one iommufd source that can wait for their answers; further groups wait in the kernel. */
#define SVART_FAULT_IOMMUFD_OUTSTANDING 4096

/**
 * A source on an iommufd fault fd.
 *
 * A malformed group is delivered as one LAST with SVART_PAGE_REQUEST_MALFORMED, so that its cookie is
 * answered. If no cookie names it, it is only counted in svart_fault_source.malformed.
 *
 * @param fault_fd from svart_iommufd_fault_queue_alloc(); stays the caller's.
 * @param dev_id   iommufd's id of the device; records with another id are malformed.
 * @param max_group records of the largest group to expect, 0: as many as devices have; the source grows it
 *                  when the kernel says EINVAL.
 * @return 0, -EINVAL max_group above 65536, -ENOMEM.
 * @thread control.
 */
int svart_fault_source_iommufd_create(struct svart_machine *m, int fault_fd, uint32_t dev_id,
	size_t max_group, struct svart_fault_source **out);

/**
 * The raw fault queues of one device, which this process owns: the rings, enabled in the unit.
 *
 * Records of the ring are sorted by PASID to the sources made on it, each an attachment of the device.
 * The fetch of any source takes records off the ring for all of them. A record of a PASID without a
 * source, or of another requester, is answered INVALID if it is owed an answer, and counted
 * (svart_fault_source.malformed of the first source).
 *
 * Owner: the device. Lifetime: create to destroy; its sources end before. One fault service serves all its
 * sources: the first that one of them is added to (svart_fault_service_add() refuses others). The service's
 * fetch thread takes the interrupt and what is in the rings. Locks: one guards the rings of requests; control
 * takes it too, to make and end sources. Another guards the ring of answers.
 */
struct svart_fault_raw;

/**
 * Makes the rings and enables them in the unit.
 *
 * @param unit an open unit (iommu_unit_file.h); stays the caller's.
 * @return 0, -ENOMEM, -EIO the unit does not do what it is told (its registers' values are in the text);
 *         -ENOTSUP a kind of unit that svart does not know.
 * @thread control.
 */
int svart_fault_raw_create(
	struct svart_machine *m, const struct svart_iommu_unit *unit, struct svart_fault_raw **out);
/**
 * Refuses what is still queued, and disables the queues. The caller made sure that no source is left, and
 * that no request of the device is on its way.
 * @thread control. @blocks a fifth of a second, with a unit that takes no answers.
 */
void svart_fault_raw_destroy(struct svart_fault_raw *raw);

/**
 * Makes a source of one attachment on raw queues. Groups are named by PASID and group id; a request's token
 * says which ring it came from, and goes back with the answer. SVART_PAGE_REQUEST_NEEDS_RESPONSE is set on
 * the records for which the unit demands it (VT-d: private data present), and nothing else in svart looks at
 * why.
 *
 * Outstanding answers are kept by (PASID, group id), so that each is sent once: an answer that is not owed
 * is `gone`. SVART_PAGE_RESPONSE_INVALID becomes Invalid Request (VT-d 1, PRI_FAIL) or
 * ABORT; SUCCESS becomes Success or RETRY.
 *
 * @param pasid of the attachment, or SVART_PASID_NONE. @return 0, -EEXIST the PASID has a source,
 *         -ENOMEM.
 * @thread control.
 */
int svart_fault_source_raw_create(
	struct svart_fault_raw *raw, uint32_t pasid, struct svart_fault_source **out);

#endif
