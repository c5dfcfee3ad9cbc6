/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_INJECT_H
#define SVART_MODEL_INJECT_H

/**
 * @file
 * Injection: what goes wrong between a device, its IOMMU and the kernel, by name and by the machine's
 * seed. Option of every device: inject=NAME:PERMILLE[+NAME:PERMILLE...].
 *
 * Injections and their effects keep the rules of PCIe, the IOMMU and the kernel. All times are counted in
 * steps of the device, so that step=manual repeats them. A page request is open while it is on its way, and
 * while its answer is. All of them arrive before a detach or a reset ends, and all requests arrive before a
 * stop marker or a drain, as PCIe's ordering demands.
 *
 * On a device with stalls (iommu=smmu without PRI) each request is a transaction of its own: no LAST is
 * lost, nothing arrives twice, and the queue has no overflow: its records wait a little instead.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "kernel_device.h"

/** What can be injected. Each comment has the option's name, and the events to which its rate applies. */
enum svart_inject {
	/**
	 * lose_last, of LASTs: the LAST does not arrive. The requests before it stay a partial group; the
	 * device waits SVART_INJECT_PATIENCE steps, gives up and treats the group as refused.
	 */
	SVART_INJECT_LOSE_LAST,
	/** duplicate, of requests except LASTs: the request arrives twice. The copy takes no credit. */
	SVART_INJECT_DUPLICATE,
	/**
	 * reorder, of requests: the next one of its group overtakes it. A LAST overtakes nothing of its
	 * group (PCIe 6.0, 10.4.1: without relaxed ordering); other groups overtake it instead.
	 */
	SVART_INJECT_REORDER,
	/** delay, of requests: it and those of its group behind it arrive some steps later. */
	SVART_INJECT_DELAY,
	/**
	 * overflow, of requests: the queue behaves as if it were full. The request is dropped, and a LAST
	 * is answered SUCCESS. A raw queue shows the overflow in its registers, and drops more until
	 * software has seen it; Linux drops all partial groups (intel_prq_event_thread(),
	 * iopf_queue_discard_partial()).
	 */
	SVART_INJECT_OVERFLOW,
	/** invalid, of answers: a SUCCESS reaches the device as INVALID. */
	SVART_INJECT_INVALID,
	/** slow_answer, of answers: the answer takes some steps to reach the device. */
	SVART_INJECT_SLOW_ANSWER,
	/**
	 * enomem, of IOMMU_IOAS_MAPs into an IOAS that the device is attached to, and of groups read from a
	 * fault object: the call fails with -ENOMEM. Nothing is mapped; the group stays queued.
	 */
	SVART_INJECT_ENOMEM,
	/**
	 * reset, of requests: the device gets a function level reset before its next step, as by AER;
	 * vfio-pci's error interrupt is raised.
	 */
	SVART_INJECT_RESET,
	/** gone, of requests: somebody pulls the device out before its next step (kernel_device.h). */
	SVART_INJECT_GONE,
	/**
	 * halt, halt_flr, of requests: before its next step it halts, for a hardware error. The former is
	 * mended by the device's own reset, the latter by a function level reset only. Not of devices that
	 * have no such state.
	 */
	SVART_INJECT_HALT,
	SVART_INJECT_HALT_FLR,
	/** no_master, of requests: before its next step somebody else clears its bus master bit. */
	SVART_INJECT_NO_MASTER,
	/**
	 * enodev, of groups read from a fault object: the read fails with -ENODEV, and so do all reads and
	 * writes of the object from then on. Only the model does this: no Linux up to 7.2 answers a fault
	 * object so, but a kernel may.
	 */
	SVART_INJECT_ENODEV,
	SVART_INJECT_NR,
};

/** Most steps by which something is late. */
#define SVART_INJECT_LATE_STEPS 16
/** Steps that a device waits for an answer that cannot come. */
#define SVART_INJECT_PATIENCE 256

/** How often each injection strikes, of 1000. Owner: the structure that embeds it. */
struct svart_inject_rates {
	uint16_t permille[SVART_INJECT_NR];
};

struct svart_inject_item;
TAILQ_HEAD(svart_inject_list, svart_inject_item);

/**
 * The injection of one device.
 *
 * Owner: its device. Lifetime: the device's. Locks: rates are constant, struck is atomic, the device lock
 * guards the rest.
 */
struct svart_inject_port {
	struct svart_prg_way way; /**< It is first, so that the device's way leads here. */
	struct svart_kernel_errors errors;
	struct svart_kernel_device *dev;
	struct svart_inject_rates rates;
	bool active; /**< At least one rate is not 0. */
	_Atomic uint64_t struck[SVART_INJECT_NR];
	struct svart_inject_item *pool;
	struct svart_inject_list free, late; /**< late: oldest first. */
	uint64_t now;                        /**< Steps of the device. */
	bool reset_due, gone_due, no_master_due, halt_due, halt_flr_due;
	bool draining; /**< Nothing new is injected. */
};

/**
 * Reads NAME:PERMILLE[+NAME:PERMILLE...].
 * @param text text of len bytes. @return 0, or -EINVAL with an error text.
 */
int svart_inject_parse(const char *text, int len, struct svart_inject_rates *out);
/** @return the injection of this name, or SVART_INJECT_NR. */
enum svart_inject svart_inject_find(const char *name);

/**
 * Installs itself as a device's errors and, if any rate is not 0, as its way.
 * @return 0 or -ENOMEM; the caller must call svart_inject_fini() in any case.
 */
int svart_inject_init(struct svart_inject_port *port, struct svart_kernel_device *dev,
	const struct svart_inject_rates *rates);
void svart_inject_fini(struct svart_inject_port *port);

/**
 * Counts a step of the device, which is over.
 * @return whether there is anything to step for. The device lock is held.
 */
bool svart_inject_step(struct svart_inject_port *port);

#endif
