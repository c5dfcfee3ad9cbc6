/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_H
#define SVART_FAULT_H

/**
 * @file
 * The fault service: fetches the devices' page requests, groups them, makes the pages present and
 * mapped, and answers each group once.
 *
 * One service can serve many devices. It runs in one of three ways (enum svart_fault_run). A device
 * names its service when it is opened (device.h); from then on until the device is closed every
 * group of page requests gets exactly one answer: SUCCESS, or INVALID where the address is not
 * mapped or not allowed.
 *
 * @code
 * struct svart_fault_params p = SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_INLINE);
 * svart_fault_service_create(rt, &p, &faults);
 * ...
 * while (!svart_queue_poll(q, &c, 1))
 *         svart_fault_pump(faults);
 * @endcode
 */

#include <stdbool.h>
#include <stdint.h>

#include <svart/init.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One fault service. Opaque. */
struct svart_fault_service;

/** Who runs the service. */
enum svart_fault_run {
	/**
	 * A thread of its own, which sleeps while there is nothing to do. It wakes once a second to look
	 * whether its devices are still there.
	 */
	SVART_FAULT_RUN_THREAD = 0,
	/**
	 * A DPDK service. The program maps it to a service lcore (svart_fault_service_dpdk_id()). It needs
	 * EAL.
	 */
	SVART_FAULT_RUN_DPDK,
	/**
	 * The program runs it by svart_fault_pump(), and svart runs it wherever svart waits. This is the
	 * fastest way for a program of one thread. The program must not wait for a device without pumping.
	 */
	SVART_FAULT_RUN_INLINE,
};

/**
 * When the pages of a group are made present. Each device has a mode, which can change while the device
 * runs (svart_device_fault_mode_set()). In both modes the answer is sent when the LAST has come; only what
 * happens before that differs. iommufd hands out whole groups, so there the two are the same; on raw queues
 * (faults=raw) a group's requests come one by one, and eager handling overlaps with their arrival.
 */
enum svart_fault_mode {
	/** The pages of a group are sorted, merged and mapped together when the group's LAST has come. */
	SVART_FAULT_DEFERRED = 0,
	/**
	 * Each page is mapped when its request comes, for devices with large groups. A page that cannot be
	 * mapped is remembered: its group is answered INVALID at the LAST, whatever has been mapped there
	 * since.
	 */
	SVART_FAULT_EAGER = 1,
};

/**
 * Parameters of svart_fault_service_create(). Initialise them with SVART_FAULT_PARAMS_INIT(), then set what
 * differs from the defaults. Zero in a field means its default.
 */
struct svart_fault_params {
	uint32_t size;            /**< Size of the structure, set by SVART_FAULT_PARAMS_INIT(). */
	enum svart_fault_run run; /**< Default: SVART_FAULT_RUN_THREAD. */
	/**
	 * Threads that map pages, 0 to 16. With 0, the default, the thread that fetches also maps. With
	 * resolvers a page that takes long to come delays only its own batch. INLINE takes no resolvers.
	 */
	uint32_t resolvers;
	/** Page requests that can be held at once, a power of two, 64 to 65536. Default: 4096. */
	uint32_t max_requests;
	/**
	 * Nanoseconds after which an unanswered group is answered INVALID, which fails its
	 * operation. 0, the default, means never. A deadline needs resolvers, because a thread that maps
	 * cannot watch a clock.
	 */
	uint64_t deadline_ns;
};

/** Initialises a struct svart_fault_params: its size, and the fields that are named. */
#define SVART_FAULT_PARAMS_INIT(...)                                   \
	{                                                              \
		.size = sizeof(struct svart_fault_params), __VA_ARGS__ \
	}

/**
 * Counters of a service since it was created, or of a device or one of its attachments since that was made
 * (svart_device_fault_stats_get()). Initialise them with SVART_FAULT_STATS_INIT().
 */
struct svart_fault_stats {
	uint32_t size;          /**< Size of the structure, set by SVART_FAULT_STATS_INIT(). */
	uint32_t reserved;      /**< Always 0. */
	uint64_t page_requests; /**< Records fetched. */
	uint64_t groups;        /**< Groups completed by a LAST. */
	/** Answers SUCCESS: answers to groups, and own answers to records. */
	uint64_t answers_success;
	uint64_t answers_invalid; /**< Answers INVALID, likewise. */
	uint64_t answers_own;     /**< Those of both that were own answers to records. */
	uint64_t answers_gone;    /**< Answers that came after a detach had already answered. */
	/** Malformed records, and partial groups dropped at a detach, an overflow or a queue's end. */
	uint64_t dropped;
	uint64_t eager_pages; /**< Pages resolved before their group's LAST. */
	uint64_t overflows;   /**< How often a queue overflowed, so that requests were lost. */
	uint64_t deadlines;   /**< Groups answered INVALID because their deadline passed. */
	/** Attachments whose page requests cannot be read or answered any more. */
	uint64_t sources_lost;
	uint64_t latency_p50_ns; /**< Median time from fetch to answer. */
	uint64_t latency_p99_ns; /**< 99th percentile of it, from a histogram: within 1/16. */
	uint64_t latency_max_ns; /**< The longest. */
};

/** Initialises a struct svart_fault_stats: `struct svart_fault_stats s = SVART_FAULT_STATS_INIT();` */
#define SVART_FAULT_STATS_INIT(...)                                   \
	{                                                             \
		.size = sizeof(struct svart_fault_stats), __VA_ARGS__ \
	}

/**
 * Makes a fault service and starts it in the way params->run says.
 *
 * @param rt     the runtime.
 * @param params how to run; NULL for the defaults; read only during the call.
 * @param faults out: the service; the caller destroys it with svart_fault_service_destroy().
 * @return 0 or a negative errno; *faults is written only on success.
 * @errors -EINVAL a field is out of range, or a combination is not possible (resolvers or a deadline with
 *         INLINE), or params->size is neither 0 nor a size that the structure ever had: svart_error_text()
 *         names it.
 *         -E2BIG params has a field that only a newer svart knows.
 *         -ENOTSUP SVART_FAULT_RUN_DPDK without EAL: start EAL first.
 *         -ENOMEM, -EAGAIN no memory or no thread: free some.
 * @thread any.
 * @blocks until its threads run.
 */
SVART_API int svart_fault_service_create(struct svart *rt, const struct svart_fault_params *params,
	struct svart_fault_service **faults);

/**
 * Stops and destroys a service.
 *
 * @return 0, or -EBUSY while a device uses it: close the device, then call again.
 * @thread any but the service's own; nothing else may use the service any more.
 * @blocks until its threads have ended.
 */
SVART_API int svart_fault_service_destroy(struct svart_fault_service *faults);

/**
 * Runs an inline service once: fetches what is queued, maps, answers.
 *
 * @return how many groups were answered; 0 when there was nothing to do, when another thread is pumping at
 *         the moment, or when the service is not INLINE.
 * @thread any; one thread at a time: a second one returns at once.
 * @blocks while the kernel maps pages, which can last until a page has come.
 */
SVART_API unsigned int svart_fault_pump(struct svart_fault_service *faults);

/**
 * Tells the DPDK service id of a service made with SVART_FAULT_RUN_DPDK, for rte_service_map_lcore_set().
 * The service is registered, its component is ready and its run state is on; the program maps it to a
 * service lcore and starts that.
 *
 * @param id out: the id.
 * @return 0, or -ENOTSUP for a service that does not run as a DPDK service.
 * @thread any.
 * @blocks never.
 */
SVART_API int svart_fault_service_dpdk_id(const struct svart_fault_service *faults, uint32_t *id);

/**
 * Copies a service's counters. An answer is counted just after it was sent, so an operation can complete a
 * moment before its answer is counted.
 *
 * @param stats in: its size; out: a snapshot; the fields are read one after the other.
 * @return 0; -EINVAL stats->size is not a valid size: nothing is written.
 * @thread any.
 * @blocks never.
 */
SVART_API int svart_fault_stats_get(
	const struct svart_fault_service *faults, struct svart_fault_stats *stats);
/** @cond Sets the size first. */
#define svart_fault_stats_get(faults, stats) svart_fault_stats_get(faults, SVART_SIZE_SET(stats))
/** @endcond */

#ifdef __cplusplus
}
#endif

#endif
