/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_COPY_ENGINE_H
#define SVART_PERF_COPY_ENGINE_H

/**
 * @file
 * What copies: each engine is driven in the same way by copy_pass.c.
 */

#include <stdint.h>

#include <rte_cycles.h>

/** Operations of one call of submit() or poll() at most. */
#define SVART_PERF_MAX_BURST 64
/** Operations under way at most. */
#define SVART_PERF_MAX_DEPTH 1024

struct perf_engine;

/**
 * Memory that is copied: operation n copies slot n modulo nr_slots of src to the same slot of dst.
 *
 * Owner: the command. Lifetime: one run of it. Locks: none; engines' threads copy what was submitted.
 */
struct perf_slots {
	uint8_t *src, *dst;
	uint32_t size;     /**< Of a slot. */
	uint32_t nr_slots; /**< A power of two. */
};

static inline uint64_t svart_perf_slot_off(const struct perf_slots *s, uint64_t n)
{
	return (n & (s->nr_slots - 1)) * s->size;
}

/** One kind of engine. All calls come from one thread. */
struct perf_engine_ops {
	const char *name;
	/** Makes it. @return 0; -ENODEV it is not there, told: leave it out; else -errno, told. */
	int (*open)(struct perf_engine **out);
	/**
	 * Lets it run; until stop() it may use the processor.
	 * @param depth in: wanted; out: how many operations it has under way at most.
	 * @return 0 or -errno, told.
	 */
	int (*start)(struct perf_engine *e, uint32_t *depth);
	/** Prepares and hands over operations n to n + nr - 1. @return how many it took. */
	uint16_t (*submit)(
		struct perf_engine *e, const struct perf_slots *slots, uint64_t n, uint16_t nr);
	/** @return how many have completed, nr at most; -EIO one has failed. */
	int (*poll)(struct perf_engine *e, uint16_t nr);
	/** Nothing is under way. */
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
	uint64_t submit; /**< With the portal stores. */
	uint64_t portal; /**< The same portal stores alone. */
	uint64_t poll;
};

/** Adds what `bursts` bursts of `burst` copies take, part by part. */
void svart_perf_null_measure(struct perf_engine *e, const struct perf_slots *slots, uint16_t burst,
	uint32_t bursts, struct perf_null_parts *parts);

#endif
