/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_INJECT_H
#define SVART_MODEL_INJECT_H

/**
 * @file
 * Injection: what goes wrong between a device, its IOMMU and the kernel, by name and by the machine's
 * seed. Option of every device: inject=NAME:PERMILLE[+NAME:PERMILLE...].
 *
 * What strikes keeps the rules of PCIe, the IOMMU and the kernel, and so does what follows it. All
 * times are counted in steps of the device, so that step=manual repeats them. A request on its way
 * and an answer on its way are page requests that are open. Before a detach or a reset ends, all of
 * them have arrived, and before a stop marker or a drain the requests, as PCIe's ordering has it.
 *
 * On a device with stalls (iommu=smmu without PRI) each request is a transaction of its own: no LAST
 * is lost, nothing is there twice, and the queue has no overflow, so its records wait a little instead.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "bus.h"

struct svart_ioas;
struct svart_model;
struct svart_model_device;

/** What can be injected. The comments say of what its rate is. */
enum svart_inject {
	/**
	 * lose_last, of LASTs: it does not arrive. What came before it stays a partial group; the
	 * device waits SVART_INJECT_PATIENCE steps, gives up and takes the group for refused.
	 */
	SVART_INJECT_LOSE_LAST,
	/** duplicate, of requests but LASTs: it arrives twice. The copy takes none of the credits. */
	SVART_INJECT_DUPLICATE,
	/**
	 * reorder, of requests: the next one of its group overtakes it. A LAST overtakes nothing of its
	 * group (PCIe 6.0, 10.4.1: without relaxed ordering); it is overtaken by other groups instead.
	 */
	SVART_INJECT_REORDER,
	/** delay, of requests: it and those of its group behind it arrive some steps later. */
	SVART_INJECT_DELAY,
	/**
	 * overflow, of requests: the queue takes it as if it were full. It is dropped, a LAST answered
	 * SUCCESS. A raw queue says so in its registers, and drops more until software has seen it;
	 * Linux drops all partial groups (intel_prq_event_thread(), iopf_queue_discard_partial()).
	 */
	SVART_INJECT_OVERFLOW,
	/** invalid, of answers: what was SUCCESS reaches the device as INVALID. */
	SVART_INJECT_INVALID,
	/** slow_answer, of answers: it takes some steps to reach the device. */
	SVART_INJECT_SLOW_ANSWER,
	/**
	 * enomem, of IOMMU_IOAS_MAPs into what the device is attached to, and of groups read from a
	 * fault object: -ENOMEM. Nothing is mapped; the group stays queued.
	 */
	SVART_INJECT_ENOMEM,
	/**
	 * reset, of requests: before the device's next step it gets a function level reset, as by
	 * AER; vfio-pci's error interrupt is raised.
	 */
	SVART_INJECT_RESET,
	SVART_INJECT_NR,
};

/** The most steps that something is late. */
#define SVART_INJECT_LATE_STEPS 16
/** How many steps a device waits for an answer that cannot come. */
#define SVART_INJECT_PATIENCE 256

/** How often each strikes, of 1000. Owner: what embeds it. */
struct svart_inject_rates {
	uint16_t permille[SVART_INJECT_NR];
};

struct svart_inject_item;
TAILQ_HEAD(svart_inject_list, svart_inject_item);

/**
 * The injection of one device.
 *
 * Owner: its device. Lifetime: the device's. Locks: rates are constant, struck is atomic, the rest has
 * the device lock.
 */
struct svart_inject_port {
	struct svart_inject_rates rates;
	bool active; /**< Any rate is not 0. */
	_Atomic uint64_t struck[SVART_INJECT_NR];
	struct svart_inject_item *pool;
	struct svart_inject_list free, late; /**< late: oldest first. */
	uint64_t now;                        /**< Steps of the device. */
	bool reset_due;
	bool draining; /**< Nothing new is injected. */
};

/**
 * Reads NAME:PERMILLE[+NAME:PERMILLE...].
 * @param text of len bytes. @return 0, or -EINVAL with an error text.
 */
int svart_inject_parse(const char *text, int len, struct svart_inject_rates *out);
/** @return which one has this name, or SVART_INJECT_NR. */
enum svart_inject svart_inject_find(const char *name);

/** @return 0 or -ENOMEM; svart_inject_fini() is due in any case. */
int svart_inject_init(struct svart_model_device *dev, const struct svart_inject_rates *rates);
void svart_inject_fini(struct svart_model_device *dev);

/** Whether this one strikes now, which is counted then. Any thread, any lock but the seed's. */
bool svart_inject_strikes(struct svart_model_device *dev, enum svart_inject which);
/** Whether an IOMMU_IOAS_MAP is to fail for want of memory. No device lock held. */
bool svart_inject_map_fails(struct svart_model *model, struct svart_ioas *ioas);

/* All of these have the device lock held. */

/** A device sent a request, which has a credit. @return true: it is seen to; false: it arrives now. */
bool svart_inject_request(
	struct svart_model_device *dev, const struct svart_bus_page_request *request);
/**
 * A device is about to be answered.
 * @param nr_credits what it gets back with the answer. @return true: it is seen to.
 */
bool svart_inject_answer(struct svart_model_device *dev, uint32_t pasid, uint16_t prgi,
	enum svart_bus_prg_response code, uint32_t nr_credits);
/** A step of the device is over. @return whether there is anything to step for. */
bool svart_inject_step(struct svart_model_device *dev);
/** Requests on their way, of a PASID or of all, arrive before this returns. */
void svart_inject_drain(struct svart_model_device *dev, bool all, uint32_t pasid);
/** As svart_inject_drain(); answers arrive, too, and what a device waits for in vain is over. */
void svart_inject_flush(struct svart_model_device *dev, bool all, uint32_t pasid);

#endif
