/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Operations that stopped early, and go on: what all parts do together must be what the whole would have done at
 * once. That is worked out when the first part has ended. In between the program may change what it uses; then the
 * rest is dropped, for there is no one result.
 */

#include <stdlib.h>
#include <string.h>

#include "meaning.h"
#include "world.h"

/** FNV-1a, 64 bits (Fowler, Noll, Vo): offset basis and prime. */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

typedef unsigned long long ull;

/** Bytes of a page of a range, from one of its bytes on. */
static uint64_t in_page(uint64_t addr, uint64_t left)
{
	uint64_t part = SIM_PAGE - addr % SIM_PAGE;

	return part < left ? part : left;
}

/** Whether all memory of an operation is there, whatever it allows: it can be mended. */
static bool is_there(struct sim_world *w, const struct svart_op *op)
{
	struct sim_operand o[SIM_MAX_OPERANDS];
	uint32_t nr = sim_operands(op, o), i;
	uint64_t at;
	enum sim_page page;

	for (i = 0; i < nr; i++) {
		for (at = 0; at < o[i].len; at += in_page(o[i].addr + at, o[i].len - at)) {
			page = sim_memory_page(&w->memory, o[i].addr + at);
			if (page == SIM_PAGE_HOLE || page == SIM_PAGE_BEYOND)
				return false;
		}
	}
	return true;
}

/** A hash of all that it reads and writes. */
static uint64_t hash_memory(struct sim_world *w, const struct svart_op *op)
{
	struct sim_operand o[SIM_MAX_OPERANDS];
	uint32_t nr = sim_operands(op, o), i;
	uint64_t hash = FNV_BASIS, at, part, k;
	const uint8_t *bytes;

	for (i = 0; i < nr; i++) {
		for (at = 0; at < o[i].len; at += part) {
			part = in_page(o[i].addr + at, o[i].len - at);
			bytes = sim_memory_shadow(&w->memory, o[i].addr + at);
			for (k = 0; k < part; k++)
				hash = (hash ^ bytes[k]) * FNV_PRIME;
		}
	}
	return hash;
}

static void drop(struct sim_rest *rest)
{
	free(rest->writes);
	memset(rest, 0, sizeof(*rest));
}

void sim_rests_lose(struct sim_world *w, const struct sim_queue *q)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_RESTS; i++) {
		if (w->rests[i].queue == q)
			drop(&w->rests[i]);
	}
}

static struct sim_rest *find_place(struct sim_world *w)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_RESTS; i++) {
		if (w->rests[i].queue == NULL)
			return &w->rests[i];
	}
	return NULL;
}

void sim_rest_begin(struct sim_world *w, struct sim_queue *q, struct sim_op *o)
{
	struct sim_rest *rest = find_place(w);

	if (o->rest != NULL || rest == NULL || !is_there(w, &o->op))
		return;
	*rest = (struct sim_rest){ .queue = q, .number = w->next_rest++, .whole = o->op };
	rest->writes = malloc(sizeof(*rest->writes));
	if (rest->writes == NULL)
		sim_fail(w->trace, "the simulation itself: no memory");
	sim_op_mean(&w->memory, &o->op, sim_op_whole(&o->op), sim_op_runs_backwards(&o->op), true,
		&rest->must, rest->writes);
	o->rest = rest;
}

void sim_rest_keep(struct sim_world *w, const struct sim_op *o, const struct svart_completion *done,
	bool stopped)
{
	struct sim_rest *rest = o->rest;

	if (rest == NULL)
		return;
	if (!stopped || !is_there(w, &rest->whole)) {
		drop(rest);
		return;
	}
	rest->going = false;
	rest->op = o->op;
	svart_op_rest(&rest->op, done);
	rest->hash = hash_memory(w, &rest->whole);
}

/* --- going on ------------------------------------------------------------------------------------ */

/** Lets the pages of an operand be used as it wants to. */
static void mend(struct sim_world *w, const struct sim_operand *operand)
{
	uint64_t start = operand->addr & ~(uint64_t)(SIM_PAGE - 1);
	uint64_t end = (operand->addr + operand->len + SIM_PAGE - 1) & ~(uint64_t)(SIM_PAGE - 1);
	struct sim_region *g = sim_memory_region(&w->memory, operand->addr);

	if (operand->len == 0 ||
		sim_memory_range_allows(&w->memory, operand->addr, operand->len, operand->write))
		return;
	sim_settle(w, start, end - start);
	if (sim_may_be_late(w))
		sim_threads_quiesce();
	sim_forget(w, start, end - start);
	sim_event(w->trace, "mend [%#llx, +%#llx)", (ull)start, (ull)(end - start));
	sim_memory_protect(&w->memory, g, (uint32_t)((start - (uintptr_t)g->base) / SIM_PAGE),
		(uint32_t)((end - start) / SIM_PAGE), SIM_PAGE_WRITE);
}

/** Whether it may go on now, and all it used is as it was left. */
static bool is_unchanged(struct sim_world *w, const struct sim_rest *rest, uint64_t number)
{
	return rest->queue != NULL && rest->number == number && !rest->going &&
	       is_there(w, &rest->whole) && hash_memory(w, &rest->whole) == rest->hash;
}

void sim_rest_resume(struct sim_world *w)
{
	uint32_t at = sim_below(&w->random, SIM_MAX_RESTS), i, nr;
	bool blocks = sim_chance(&w->random, 700);
	struct sim_operand o[SIM_MAX_OPERANDS];
	struct sim_rest *rest = NULL;
	uint64_t number;

	for (i = 0; i < SIM_MAX_RESTS && rest == NULL; i++, at = (at + 1) % SIM_MAX_RESTS) {
		if (w->rests[at].queue != NULL && !w->rests[at].going)
			rest = &w->rests[at];
	}
	if (rest == NULL)
		return;
	number = rest->number;
	nr = sim_operands(&rest->whole, o);
	for (i = 0; i < nr && is_unchanged(w, rest, number); i++)
		mend(w, &o[i]);
	if (!is_unchanged(w, rest, number)) {
		if (rest->queue != NULL && rest->number == number && !rest->going)
			drop(rest);
		return;
	}
	/* What is in flight may change it, then the next try drops it. */
	if (sim_op_is_in_the_way(w, rest->queue, &rest->whole, false))
		return;
	if (blocks)
		rest->op.flags &= ~(uint32_t)SVART_OP_NO_BLOCK;
	rest->op.cookie = w->next_cookie++;
	rest->going = sim_op_take(w, rest->queue, &rest->op, rest);
}

/* --- the end ------------------------------------------------------------------------------------- */

static void check_memory(struct sim_world *w, const struct sim_rest *rest)
{
	const struct sim_writes *must = rest->writes;
	uint32_t i, k;
	uint64_t addr;

	for (i = 0; i < must->nr; i++) {
		for (k = 0; k < must->ranges[i].len; k++) {
			addr = must->ranges[i].addr + k;
			if (*sim_memory_shadow(&w->memory, addr) !=
				must->bytes[must->ranges[i].at + k])
				sim_fail(w->trace,
					"the parts of operation %llu (%s) left byte %#llx as none "
					"would that was done at once",
					(ull)rest->op.cookie, sim_op_name(rest->op.opcode),
					(ull)addr);
		}
	}
}

void sim_rest_judge(
	struct sim_world *w, const struct sim_op *o, const struct svart_completion *done)
{
	const struct sim_rest *rest = o->rest;
	const struct sim_meaning *must;
	uint64_t bytes = done->bytes_done;

	if (rest == NULL || !rest->going)
		return;
	must = &rest->must;
	if (!sim_op_begins_anew(&o->op))
		bytes += rest->whole.length - o->op.length;
	if (done->status != must->status || done->result != must->result || bytes != must->bytes ||
		done->delta_bytes != must->delta_bytes ||
		memcmp(&done->src_tags, &must->src_tags, sizeof(must->src_tags)) != 0 ||
		memcmp(&done->dst_tags, &must->dst_tags, sizeof(must->dst_tags)) != 0)
		sim_fail(w->trace,
			"the parts of operation %llu (%s) ended with \"%s\", %#llx bytes, result "
			"%#llx, and the whole would have with \"%s\", %#llx bytes, result %#llx",
			(ull)o->op.cookie, sim_op_name(o->op.opcode),
			svart_status_name(done->status), (ull)bytes, (ull)done->result,
			svart_status_name(must->status), (ull)must->bytes, (ull)must->result);
	check_memory(w, rest);
}
