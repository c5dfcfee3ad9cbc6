/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_COPY_ENGINE_H
#define SVART_PERF_COPY_ENGINE_H

/**
 * @file
 * The engines that copy: copy_pass.c drives each of them in the same way.
 */

#include <stdint.h>

#include <rte_cycles.h>

/** Most operations of one call of submit() or poll(). */
#define SVART_PERF_MAX_BURST 64
/** Most operations under way. */
#define SVART_PERF_MAX_DEPTH 1024

struct perf_engine;

/**
 * Memory that is copied: operation n copies slot n modulo nr_slots of src to the same slot of dst.
 *
 * Owner: the command. Lifetime: one run of it. Locks: none; engines' threads copy what was submitted.
 */
struct perf_slots {
	uint8_t *src, *dst;
	uint32_t size;     /**< Bytes of a slot. */
	uint32_t nr_slots; /**< A power of two. */
};

static inline uint64_t svart_perf_slot_off(const struct perf_slots *s, uint64_t n)
{
	return (n & (s->nr_slots - 1)) * s->size;
}

/** One kind of engine. All calls come from one thread. */
struct perf_engine_ops {
	const char *name;
	/**
	 * Makes the engine.
	 * @return 0; -ENODEV if it is not there, told: the caller leaves it out; else -errno, told.
	 */
	int (*open)(struct perf_engine **out);
	/**
	 * Lets the engine run; it may use the processor until stop().
	 * @param depth in: wanted depth; out: most operations that it has under way.
	 * @return 0 or -errno, told.
	 */
	int (*start)(struct perf_engine *e, uint32_t *depth);
	/** Prepares and hands over operations n to n + nr - 1. @return how many it took. */
	uint16_t (*submit)(
		struct perf_engine *e, const struct perf_slots *slots, uint64_t n, uint16_t nr);
	/** @return how many have completed, nr at most; -EIO if one has failed. */
	int (*poll)(struct perf_engine *e, uint16_t nr);
	/** Stops the engine. Nothing is under way. */
	void (*stop)(struct perf_engine *e);
	void (*close)(struct perf_engine *e);
};

extern const struct perf_engine_ops svart_perf_engine_svart;
extern const struct perf_engine_ops svart_perf_engine_svart_dmadev;
extern const struct perf_engine_ops svart_perf_engine_skeleton;
extern const struct perf_engine_ops svart_perf_engine_memcpy;
extern const struct perf_engine_ops svart_perf_engine_null;

/* --- copy_null.c ------------------------------------------------------------------------------ */

/** Ticks of rte_rdtsc() that the parts of the driver took for a number of operations. */
struct perf_null_parts {
	uint64_t prep;
	uint64_t submit; /**< submit(), including the portal stores. */
	uint64_t portal; /**< The same portal stores alone. */
	uint64_t poll;
};

/** Adds the time that `bursts` bursts of `burst` copies take, part by part. */
void svart_perf_null_measure(struct perf_engine *e, const struct perf_slots *slots, uint16_t burst,
	uint32_t bursts, struct perf_null_parts *parts);

#endif
