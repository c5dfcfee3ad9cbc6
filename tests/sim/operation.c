/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <string.h>

#include "world.h"

/** Forgets after which a device may give up on a page: it asks 64 times, and each can undo some answers. */
#define MANY_FORGETS 8
/** Bytes beside a destination that are checked with it. */
#define GUARD_BYTES 64u

typedef unsigned long long ull;

/** Bytes [start, end). Owner: the stack. */
struct range {
	uint64_t start, end;
};

static bool overlap(struct range a, struct range b)
{
	return a.start < b.end && b.start < a.end;
}

static struct range make_range(uint64_t addr, uint64_t len)
{
	/* Operands that wrap are beyond all memory of the program. */
	return (struct range){ addr, addr + len < addr ? UINT64_MAX : addr + len };
}

static struct range dst_of(const struct svart_op *op)
{
	if (op->opcode == SVART_OP_NOOP)
		return (struct range){ 0, 0 };
	return make_range((uintptr_t)op->dst, op->length);
}

static struct range src_of(const struct svart_op *op)
{
	if (op->opcode != SVART_OP_COPY)
		return (struct range){ 0, 0 };
	return make_range((uintptr_t)op->src, op->length);
}

/* --- in whose way ---------------------------------------------------------------------------- */

uint32_t sim_ops_in_flight(const struct sim_world *w, const struct sim_queue *q)
{
	uint32_t i, nr = 0;

	for (i = 0; i < SIM_MAX_OPS; i++) {
		if (!w->ops[i].failed)
			nr += q != NULL ? w->ops[i].queue == q : w->ops[i].queue != NULL;
	}
	return nr;
}

static bool touches(const struct sim_op *o, struct range r)
{
	if (o->queue == NULL)
		return false;
	/* What is held is held by whole pages. */
	if (!o->queue->dev->has_faults) {
		r.start &= ~(uint64_t)(SIM_PAGE - 1);
		r.end = (r.end + SIM_PAGE - 1) & ~(uint64_t)(SIM_PAGE - 1);
	}
	return overlap(dst_of(&o->op), r) || overlap(src_of(&o->op), r);
}

bool sim_ops_touch(struct sim_world *w, uint64_t addr, uint64_t len)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_OPS; i++) {
		if (touches(&w->ops[i], make_range(addr, len)))
			return true;
	}
	return false;
}

struct sim_queue *sim_ops_touch_failed(struct sim_world *w, uint64_t addr, uint64_t len)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_OPS; i++) {
		if (w->ops[i].failed && touches(&w->ops[i], make_range(addr, len)))
			return w->ops[i].queue;
	}
	return NULL;
}

bool sim_ops_write(struct sim_world *w, uint64_t addr, uint64_t len)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_OPS; i++) {
		if (w->ops[i].queue != NULL &&
			overlap(dst_of(&w->ops[i].op), make_range(addr, len)))
			return true;
	}
	return false;
}

void sim_ops_disturb(struct sim_world *w, uint64_t addr, uint64_t len)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_OPS; i++) {
		if (touches(&w->ops[i], make_range(addr, len)))
			w->ops[i].disturbed = true;
	}
}

/** Whether two operations at once would have no one result. */
static bool is_in_the_way(struct sim_world *w, const struct svart_op *op)
{
	struct range dst = dst_of(op), src = src_of(op);

	return sim_ops_write(w, src.start, src.end - src.start) ||
	       (dst.end != dst.start && sim_ops_write(w, dst.start, dst.end - dst.start)) ||
	       sim_ops_touch(w, dst.start, dst.end - dst.start);
}

/* --- drawing --------------------------------------------------------------------------------- */

static uint64_t draw_length(struct sim_world *w)
{
	switch (sim_below(&w->random, 8)) {
	case 0:
	case 1:
		return sim_between(&w->random, 1, 64);
	case 2:
	case 3:
		return sim_between(&w->random, 1, SIM_PAGE);
	case 4:
		return SIM_PAGE * sim_between(&w->random, 1, 4);
	case 5:
	case 6:
		return sim_between(&w->random, 1, 5 * SIM_PAGE);
	default:
		return sim_between(&w->random, 0, 20 * SIM_PAGE);
	}
}

/** Addresses at which nothing of the process can be. */
static uint64_t draw_wild(struct sim_world *w)
{
	static const uint64_t some[] = { 0, 0x10, SIM_ARENA, SIM_ARENA + SIM_SLOT_BYTES / 2 - 100,
		SIM_ARENA + SIM_ARENA_BYTES - 5 * SIM_PAGE, UINT64_C(0x800000000000),
		UINT64_C(0xffff800000000000), UINT64_MAX - 4095, UINT64_MAX - 10 };

	return some[sim_below(&w->random, sizeof(some) / sizeof(some[0]))];
}

/** Mostly within a region; else across its ends, or somewhere else. */
static uint64_t draw_operand(struct sim_world *w, uint64_t *len)
{
	struct sim_region *g = &w->memory.regions[sim_below(&w->random, SIM_NR_REGIONS)];
	uint64_t bytes = (uint64_t)g->nr_pages * SIM_PAGE, start = (uintptr_t)g->base;

	if (sim_chance(&w->random, 20))
		return draw_wild(w);
	if (sim_chance(&w->random, 60))
		return start + sim_below(&w->random, (uint32_t)bytes);
	if (sim_chance(&w->random, 20))
		return start - sim_below(&w->random, SIM_PAGE);
	if (*len > bytes)
		*len = bytes;
	start += sim_below(&w->random, (uint32_t)(bytes - *len) + 1);
	if (sim_chance(&w->random, 300))
		start &= ~(uint64_t)(SIM_PAGE - 1);
	return start;
}

/** Whether a device refuses the form of it. */
static bool is_malformed(
	const struct sim_world *w, const struct sim_queue *q, const struct svart_op *op)
{
	uint64_t dst = (uintptr_t)op->dst, src = (uintptr_t)op->src;
	uint64_t apart = dst > src ? dst - src : src - dst, most = q->dev->info.max_transfer_bytes;

	/* What a queue without page requests holds is limited by its own space, the device's by its home. */
	if (!q->dev->has_faults)
		most = sim_budget_held_max(w, q->space);
	if (!q->dev->has_faults && -apart < apart)
		apart = -apart; /* Around the end of all addresses. */

	if (op->flags & ~SVART_OP_NO_BLOCK || op->opcode > SVART_OP_FILL ||
		(op->hint | op->reserved | op->x | op->y | op->z) != 0)
		return true;
	if (op->opcode == SVART_OP_NOOP || op->length == 0)
		return false;
	if (op->length > most)
		return true;
	if (op->opcode != SVART_OP_COPY || (q->dev->info.features & SVART_FEATURE_OVERLAP))
		return false;
	return apart < op->length;
}

/** Sets something that must be 0. */
static void spoil(struct sim_world *w, struct svart_op *op)
{
	switch (sim_below(&w->random, 6)) {
	case 0:
		op->hint = 1;
		break;
	case 1:
		op->reserved = 0x100;
		break;
	case 2:
		op->flags |= UINT32_C(1) << 31;
		break;
	case 3:
		op->x = 1;
		break;
	case 4:
		op->y = UINT64_C(1) << 40;
		break;
	default:
		op->z = UINT64_C(1) << 63;
	}
}

static void draw_op(struct sim_world *w, struct svart_op *op)
{
	static const uint8_t opcodes[] = { SVART_OP_COPY, SVART_OP_COPY, SVART_OP_COPY,
		SVART_OP_COPY, SVART_OP_FILL, SVART_OP_FILL, SVART_OP_NOOP };
	uint64_t len = draw_length(w);

	memset(op, 0, sizeof(*op));
	op->opcode = opcodes[sim_below(&w->random, sizeof(opcodes))];
	op->cookie = w->next_cookie++;
	if (op->opcode == SVART_OP_NOOP)
		return;
	op->flags = sim_chance(&w->random, 100) ? SVART_OP_NO_BLOCK : 0;
	op->dst = (void *)(uintptr_t)draw_operand(w, &len);
	if (op->opcode == SVART_OP_FILL)
		op->pattern = sim_random(&w->random);
	else if (sim_chance(&w->random, 80) &&
		 sim_memory_region(&w->memory, (uintptr_t)op->dst) != NULL)
		op->src = (const uint8_t *)op->dst + sim_below(&w->random, 2 * SIM_PAGE) - SIM_PAGE;
	else
		op->src = (const void *)(uintptr_t)draw_operand(w, &len);
	op->length = len;
	if (sim_chance(&w->random, 10))
		spoil(w, op);
	if (sim_chance(&w->random, 5))
		op->opcode = 77;
}

static struct sim_op *find_place(struct sim_world *w)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_OPS; i++) {
		if (w->ops[i].queue == NULL)
			return &w->ops[i];
	}
	return NULL;
}

bool sim_op_prep(struct sim_world *w, struct sim_queue *q)
{
	struct sim_op *o = find_place(w);
	struct svart_op op;

	if (o == NULL)
		return false;
	draw_op(w, &op);
	if (is_in_the_way(w, &op))
		return false;
	*o = (struct sim_op){ .op = op,
		.number = q->next_prep,
		.malformed = is_malformed(w, q, &op),
		.failures = w->machine.failures,
		.invalid = sim_device_injected(w, q->dev, "invalid"),
		.forgets = w->forgets,
		.expired = sim_expired(w) };
	if (svart_queue_prep(q->q, &op, 1) != 1) {
		sim_event(w->trace, "prep %llu on q%ld: not taken", (ull)op.cookie,
			(long)(q - w->queues));
		return false;
	}
	q->next_prep++;
	o->queue = q;
	sim_event(w->trace, "prep %llu on q%ld: %s%s dst %#llx src %#llx len %#llx%s",
		(ull)op.cookie, (long)(q - w->queues),
		op.opcode == SVART_OP_COPY   ? "copy"
		: op.opcode == SVART_OP_FILL ? "fill"
					     : "noop",
		op.flags & SVART_OP_NO_BLOCK ? " (no block)" : "", (ull)(uintptr_t)op.dst,
		(ull)op.pattern, (ull)op.length, o->malformed ? " malformed" : "");
	return true;
}

/* --- judging --------------------------------------------------------------------------------- */

static struct sim_op *find_op(struct sim_world *w, const struct sim_queue *q, uint64_t number)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_OPS; i++) {
		if (w->ops[i].queue == q && w->ops[i].number == number)
			return &w->ops[i];
	}
	return NULL;
}

/** Does to the copy of memory what an operation did, bytes of it, from its front or its back. */
static void do_to_shadow(struct sim_world *w, const struct svart_op *op, uint64_t bytes, bool back)
{
	uint64_t skip = back ? op->length - bytes : 0, dst = (uintptr_t)op->dst, at, i;
	uint8_t taken[32 * SIM_PAGE];

	if (bytes == 0 || op->opcode == SVART_OP_NOOP)
		return;
	for (i = 0; i < bytes; i++) {
		at = (uintptr_t)op->src + skip + i;
		if (op->opcode == SVART_OP_COPY)
			taken[i] = *sim_memory_shadow(&w->memory, at);
		else
			taken[i] = (uint8_t)(op->pattern >> (skip + i) % 8 * 8);
	}
	for (i = 0; i < bytes; i++)
		*sim_memory_shadow(&w->memory, dst + skip + i) = taken[i];
}

/** Whether a device may find a page bad that is good. */
static const char *excuse_of(const struct sim_world *w, const struct sim_op *o)
{
	if (o->failures != w->machine.failures)
		return "a map failed";
	if (sim_device_was_reset(w, o->queue->dev))
		return "the device was reset";
	if (o->invalid != sim_device_injected(w, o->queue->dev, "invalid"))
		return "an answer was turned around";
	/* What was given up stays where it is: it joins later groups of its index, and takes nodes. */
	if (sim_machine_injected(&w->machine, "lose_last") != 0)
		return "a last request was lost";
	if (o->disturbed)
		return "its memory was replaced";
	if (o->expired != sim_expired(w))
		return "its time was over";
	if (w->forgets - o->forgets >= MANY_FORGETS)
		return "it was forgotten too often";
	return NULL;
}

static _Noreturn void wrong(struct sim_world *w, const struct sim_op *o,
	const struct svart_completion *done, const char *what)
{
	sim_fail(w->trace,
		"operation %llu (opcode %u, dst %#llx, src %#llx, length %#llx) ended with \"%s\", "
		"%#llx bytes done, fault address %#llx, flags %u: %s",
		(ull)o->op.cookie, o->op.opcode, (ull)(uintptr_t)o->op.dst, (ull)o->op.pattern,
		(ull)o->op.length, svart_status_name(done->status), (ull)done->bytes_done,
		(ull)done->fault_addr, done->flags, what);
}

/** The bytes that it says are done must be within good memory. */
static void check_done_part(
	struct sim_world *w, const struct sim_op *o, const struct svart_completion *done, bool back)
{
	uint64_t skip = back ? o->op.length - done->bytes_done : 0;

	if (o->op.opcode == SVART_OP_NOOP)
		return;
	if (!sim_memory_range_allows(
		    &w->memory, (uintptr_t)o->op.dst + skip, done->bytes_done, true))
		wrong(w, o, done, "it wrote to what may not be written");
	if (o->op.opcode == SVART_OP_COPY &&
		!sim_memory_range_allows(
			&w->memory, (uintptr_t)o->op.src + skip, done->bytes_done, false))
		wrong(w, o, done, "it read from what may not be read");
}

static bool runs_backwards(const struct svart_op *op)
{
	return op->opcode == SVART_OP_COPY && (uintptr_t)op->dst > (uintptr_t)op->src &&
	       (uintptr_t)op->dst - (uintptr_t)op->src < op->length;
}

/** Where it stopped must be where its done part ends, and have a reason. */
static void check_stop(
	struct sim_world *w, const struct sim_op *o, const struct svart_completion *done, bool back)
{
	bool write = done->flags & SVART_COMPLETION_FAULT_WRITE;
	uint64_t at = write ? (uintptr_t)o->op.dst : (uintptr_t)o->op.src, off;

	if (!(done->flags & SVART_COMPLETION_FAULT_ADDR))
		wrong(w, o, done, "it does not say where it stopped");
	if (!write && o->op.opcode != SVART_OP_COPY)
		wrong(w, o, done, "it reads nothing");
	if (done->bytes_done >= o->op.length)
		wrong(w, o, done, "all of it is done");
	off = back ? o->op.length - done->bytes_done - 1 : done->bytes_done;
	at += off;
	/* Where both operands want one page, the device may name either. */
	if (write && o->op.opcode == SVART_OP_COPY &&
		done->fault_addr == (uintptr_t)o->op.src + off &&
		done->fault_addr / SIM_PAGE == at / SIM_PAGE)
		at = done->fault_addr;
	/* Without page requests a copy that must run backwards is not even begun. */
	if (!o->queue->dev->has_faults && runs_backwards(&o->op) && done->bytes_done == 0 &&
		done->fault_addr - (at - off) < o->op.length)
		at = done->fault_addr;
	if (done->fault_addr != at)
		wrong(w, o, done, "it did not stop behind what is done");
	if (done->status == SVART_STATUS_BAD_ADDRESS &&
		sim_memory_allows(&w->memory, done->fault_addr, write) && excuse_of(w, o) == NULL)
		wrong(w, o, done, "that address is good");
	if (done->status == SVART_STATUS_PARTIAL && !(o->op.flags & SVART_OP_NO_BLOCK))
		wrong(w, o, done, "it was to wait for pages");
}

/** Whether nothing can be said of what it wrote. */
static bool is_blurred(
	const struct sim_world *w, const struct sim_op *o, const struct svart_completion *done)
{
	if (o->disturbed)
		return true;
	return sim_device_was_reset(w, o->queue->dev) && done->status != SVART_STATUS_OK;
}

static void judge_status(
	struct sim_world *w, const struct sim_op *o, const struct svart_completion *done)
{
	bool back = done->flags & SVART_COMPLETION_BACKWARD;

	switch (done->status) {
	case SVART_STATUS_OK:
		if (o->malformed)
			wrong(w, o, done, "it is malformed");
		if (done->bytes_done != (o->op.opcode == SVART_OP_NOOP ? 0 : o->op.length))
			wrong(w, o, done, "not all of it is done");
		if (!o->disturbed)
			check_done_part(w, o, done, false);
		break;
	case SVART_STATUS_NO_MEMORY:
		if (o->failures == w->machine.failures)
			wrong(w, o, done, "there was memory for all that was asked for");
		/* fall through */
	case SVART_STATUS_BAD_ADDRESS:
	case SVART_STATUS_PARTIAL:
		if (o->malformed)
			wrong(w, o, done, "it is malformed");
		if (done->bytes_done > o->op.length)
			wrong(w, o, done, "more is done than there was");
		check_stop(w, o, done, back);
		if (!o->disturbed)
			check_done_part(w, o, done, back);
		break;
	case SVART_STATUS_INVALID:
		if (!o->malformed)
			wrong(w, o, done, "it is well-formed");
		break;
	default:
		if (!sim_device_was_reset(w, o->queue->dev))
			wrong(w, o, done, "nothing happened to its queue");
	}
}

/** What memory must be now. */
static void apply(struct sim_world *w, const struct sim_op *o, const struct svart_completion *done)
{
	struct range dst = dst_of(&o->op);
	bool back = done->flags & SVART_COMPLETION_BACKWARD;

	if (dst.start == dst.end)
		return;
	if (is_blurred(w, o, done))
		sim_memory_accept(&w->memory, dst.start, dst.end - dst.start);
	else
		do_to_shadow(w, &o->op, done->bytes_done, back);
	if (dst.start >= SIM_ARENA && dst.end <= SIM_ARENA + SIM_ARENA_BYTES &&
		!sim_ops_write(w, dst.start - GUARD_BYTES, o->op.length + 2 * GUARD_BYTES))
		sim_memory_check(&w->memory, dst.start - GUARD_BYTES,
			o->op.length + 2 * GUARD_BYTES, "after an operation");
}

void sim_op_judge(struct sim_world *w, struct sim_queue *q, const struct svart_completion *done)
{
	struct sim_op *o = find_op(w, q, q->next_poll), ended;

	sim_event(w->trace, "done %llu on q%ld: %s, %#llx bytes%s%s", (ull)done->cookie,
		(long)(q - w->queues), svart_status_name(done->status), (ull)done->bytes_done,
		done->flags & SVART_COMPLETION_FAULT_WRITE ? ", write fault" : "",
		done->flags & SVART_COMPLETION_BACKWARD ? ", backward" : "");
	if (o == NULL)
		sim_fail(w->trace, "a completion (cookie %llu) of nothing that is in flight",
			(ull)done->cookie);
	if (o->op.cookie != done->cookie)
		wrong(w, o, done, "the completion has another operation's cookie");
	ended = *o;
	judge_status(w, &ended, done);
	o->queue = NULL;
	q->next_poll++;
	w->completed++;
	apply(w, &ended, done);
	/* What it uses is the program's again when the queue is destroyed. */
	if (done->status == SVART_STATUS_QUEUE_FAILED) {
		o->queue = q;
		o->failed = true;
	}
}

void sim_ops_lose(struct sim_world *w, struct sim_queue *q)
{
	struct range dst;
	uint32_t i;

	for (i = 0; i < SIM_MAX_OPS; i++) {
		if (w->ops[i].queue != q)
			continue;
		dst = dst_of(&w->ops[i].op);
		if (dst.start != dst.end)
			sim_memory_accept(&w->memory, dst.start, dst.end - dst.start);
		w->ops[i].queue = NULL;
		w->ops[i].failed = false;
	}
}
