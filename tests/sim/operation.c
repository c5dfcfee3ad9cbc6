/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <string.h>

#include "meaning.h"
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

/** Whether it reads or writes a range, or only: whether it writes it. */
static bool uses(const struct sim_op *o, struct range r, bool write)
{
	struct sim_operand operands[SIM_MAX_OPERANDS];
	/* What is done of one that goes on stays as it is, too. */
	uint32_t nr = sim_operands(o->rest != NULL ? &o->rest->whole : &o->op, operands), i;

	for (i = 0; i < nr; i++) {
		if (write && !operands[i].write)
			continue;
		if (overlap(make_range(operands[i].addr, operands[i].len), r))
			return true;
	}
	return false;
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
	return uses(o, r, false);
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
		if (w->ops[i].queue != NULL && uses(&w->ops[i], make_range(addr, len), true))
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

/** Whether two operations at once would have no one result. A fence orders those of one queue. */
bool sim_op_is_in_the_way(
	struct sim_world *w, const struct sim_queue *q, const struct svart_op *op, bool fenced)
{
	struct sim_operand operands[SIM_MAX_OPERANDS];
	uint32_t nr = sim_operands(op, operands), i, k;
	const struct sim_op *o;
	struct range r;

	for (i = 0; i < SIM_MAX_OPS; i++) {
		o = &w->ops[i];
		if (o->queue == NULL || (fenced && o->queue == q && !o->failed))
			continue;
		for (k = 0; k < nr; k++) {
			r = make_range(operands[k].addr, operands[k].len);
			if (uses(o, r, true) || (operands[k].write && touches(o, r)))
				return true;
		}
	}
	return false;
}

/* --- preparing ------------------------------------------------------------------------------- */

/** Whether a device refuses the form of it. */
static bool is_malformed(
	const struct sim_world *w, const struct sim_queue *q, const struct svart_op *op)
{
	const struct svart_device_info *info = &q->dev->info;
	uint64_t most = info->max_transfer_bytes;

	/* What a queue without page requests holds is limited by its own space, the device's by its home. */
	if (!q->dev->has_faults)
		most = sim_budget_held_max(w, q->space);
	return sim_op_malformed(op, info->ops, most, info->features & SVART_FEATURE_OVERLAP);
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

static void tell_prep(struct sim_world *w, const struct sim_queue *q, const struct sim_op *o)
{
	const struct svart_op *op = &o->op;

	sim_event(w->trace,
		"prep %llu on q%ld: %s, flags %#x, dst %#llx src %#llx len %#llx, words %#llx "
		"%#llx "
		"%#llx%s%s",
		(ull)op->cookie, (long)(q - w->queues), sim_op_name(op->opcode), op->flags,
		(ull)(uintptr_t)op->dst, (ull)op->pattern, (ull)op->length, (ull)op->x, (ull)op->y,
		(ull)op->z, o->malformed ? " malformed" : "", o->rest != NULL ? " (rest)" : "");
}

bool sim_op_take(
	struct sim_world *w, struct sim_queue *q, const struct svart_op *op, struct sim_rest *rest)
{
	struct sim_op *o = find_place(w);

	if (o == NULL)
		return false;
	*o = (struct sim_op){ .op = *op,
		.rest = rest,
		.number = q->next_prep,
		.malformed = is_malformed(w, q, op),
		.failures = w->machine.failures,
		.invalid = sim_device_injected(w, q->dev, "invalid"),
		.forgets = w->forgets,
		.expired = sim_expired(w) };
	if (svart_queue_prep(q->q, op, 1) != 1) {
		sim_event(w->trace, "prep %llu on q%ld: not taken", (ull)op->cookie,
			(long)(q - w->queues));
		return false;
	}
	q->next_prep++;
	o->queue = q;
	tell_prep(w, q, o);
	return true;
}

bool sim_op_prep(struct sim_world *w, struct sim_queue *q)
{
	struct svart_op op;

	if (find_place(w) == NULL)
		return false;
	sim_op_draw(w, q, &op);
	if (sim_op_is_in_the_way(w, q, &op, (op.flags & SVART_OP_FENCE) != 0))
		return false;
	if (!is_malformed(w, q, &op))
		sim_op_dress(w, &op);
	return sim_op_take(w, q, &op, NULL);
}

/* --- judging --------------------------------------------------------------------------------- */

static struct sim_op *find_op(struct sim_world *w, const struct sim_queue *q, uint64_t cookie)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_OPS; i++) {
		if (w->ops[i].queue == q && !w->ops[i].failed && w->ops[i].op.cookie == cookie)
			return &w->ops[i];
	}
	return NULL;
}

/** Whether an operation that was prepared before this one has not ended. */
static bool any_before(const struct sim_world *w, const struct sim_op *o)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_OPS; i++) {
		if (w->ops[i].queue == o->queue && !w->ops[i].failed &&
			w->ops[i].number < o->number)
			return true;
	}
	return false;
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
		"operation %llu (%s, flags %#x, dst %#llx, src %#llx, length %#llx) ended with "
		"\"%s\", "
		"%#llx bytes done, result %#llx, fault address %#llx, flags %u: %s",
		(ull)o->op.cookie, sim_op_name(o->op.opcode), o->op.flags,
		(ull)(uintptr_t)o->op.dst, (ull)o->op.pattern, (ull)o->op.length,
		svart_status_name(done->status), (ull)done->bytes_done, (ull)done->result,
		(ull)done->fault_addr, done->flags, what);
}

/** Where an operand may be what stopped an operation: its bytes [start, end). */
static struct range stop_range(const struct sim_op *o, const struct sim_operand *operand,
	const struct svart_completion *done, bool back)
{
	uint64_t unit = sim_op_unit(&o->op), at = done->bytes_done / unit * operand->step;
	uint64_t len = operand->step;
	bool has_faults = o->queue->dev->has_faults;

	if (back)
		at = o->op.length - done->bytes_done - 1;
	if (operand->step == 0 || o->op.opcode == SVART_OP_TRANSLATE) {
		at = operand->step == 0 ? 0 : at;
		len = operand->len - at;
	}
	/* An entry of a delta record is read at once. */
	if (o->op.opcode == SVART_OP_APPLY_DELTA && operand->step != 0)
		len = 10;
	/* Without page requests what must run backwards, or is whole or nothing, is not even begun. */
	if (!has_faults && done->bytes_done == 0 &&
		(sim_op_runs_backwards(&o->op) || sim_op_begins_anew(&o->op))) {
		at = 0;
		len = operand->len;
	}
	return make_range(operand->addr + at, len);
}

static struct range pages_of(struct range r)
{
	r.start &= ~(uint64_t)(SIM_PAGE - 1);
	r.end = (r.end - 1) | (SIM_PAGE - 1);
	return r;
}

/** Whether it stopped at an operand that it wanted to read, or to write; two that want one page are told as one. */
static bool is_stop(
	const struct sim_op *o, const struct svart_completion *done, bool back, bool write)
{
	struct sim_operand operands[SIM_MAX_OPERANDS];
	uint32_t nr = sim_operands(&o->op, operands), i;
	bool here = false, so = false;
	struct range r, pages;

	for (i = 0; i < nr; i++) {
		if (operands[i].len == 0)
			continue;
		r = stop_range(o, &operands[i], done, back);
		pages = pages_of(r);
		here |= done->fault_addr - r.start < r.end - r.start;
		so |= operands[i].write == write && done->fault_addr >= pages.start &&
		      done->fault_addr <= pages.end;
	}
	return here && so;
}

/** Where it stopped must be where its done part ends, and have a reason. */
static void check_stop(
	struct sim_world *w, const struct sim_op *o, const struct svart_completion *done, bool back)
{
	bool write = done->flags & SVART_COMPLETION_FAULT_WRITE;

	if (!(done->flags & SVART_COMPLETION_FAULT_ADDR))
		wrong(w, o, done, "it does not say where it stopped");
	if (done->bytes_done >= sim_op_whole(&o->op))
		wrong(w, o, done, "all of it is done");
	if (done->bytes_done % sim_op_unit(&o->op) != 0)
		wrong(w, o, done, "a part of a block is done");
	if (back && !sim_op_runs_backwards(&o->op))
		wrong(w, o, done, "it does not run backwards");
	if (!is_stop(o, done, back, write))
		wrong(w, o, done, "it did not stop behind what is done");
	if (done->status == SVART_STATUS_BAD_ADDRESS &&
		sim_memory_allows(&w->memory, done->fault_addr, write) && excuse_of(w, o) == NULL)
		wrong(w, o, done, "that address is good");
	if (done->status == SVART_STATUS_PARTIAL && !(o->op.flags & SVART_OP_NO_BLOCK))
		wrong(w, o, done, "it was to wait for pages");
}

/** Completions come in the order of prep; on an unordered queue only fences and drains wait for what was before. */
static void check_order(
	struct sim_world *w, const struct sim_op *o, const struct svart_completion *done)
{
	bool waits = (o->op.flags & SVART_OP_FENCE) != 0 || o->op.opcode == SVART_OP_DRAIN;

	if (!any_before(w, o) || (o->queue->unordered && (!waits || o->malformed)))
		return;
	wrong(w, o, done, "operations before it have not ended");
}

/**
 * Whether it may have ended without having begun: on a queue that hands over batches an operation has failed, and a
 * fence came after that.
 */
static bool may_abort(const struct sim_op *o)
{
	const struct sim_queue *q = o->queue;

	return q->batches && q->failed && (q->fence_failed || (o->op.flags & SVART_OP_FENCE) != 0);
}

/** What batches must know of those that have ended. */
static void note_end(
	struct sim_queue *q, const struct sim_op *o, const struct svart_completion *done)
{
	if (q->failed && (o->op.flags & SVART_OP_FENCE) != 0)
		q->fence_failed = true;
	if (done->status != SVART_STATUS_OK && done->status != SVART_STATUS_INVALID)
		q->failed = true;
}

/** Whether nothing can be said of what it wrote. */
static bool is_blurred(
	const struct sim_world *w, const struct sim_op *o, const struct svart_completion *done)
{
	if (o->disturbed)
		return true;
	return sim_device_was_reset(w, o->queue->dev) && done->status != SVART_STATUS_OK;
}

static bool is_stopped(const struct svart_completion *done)
{
	return done->status == SVART_STATUS_BAD_ADDRESS || done->status == SVART_STATUS_PARTIAL ||
	       done->status == SVART_STATUS_NO_MEMORY;
}

static bool is_done(const struct svart_completion *done)
{
	return done->status == SVART_STATUS_OK || done->status == SVART_STATUS_PREDICATE_FALSE ||
	       done->status == SVART_STATUS_DIF_ERROR || done->status == SVART_STATUS_DELTA_ERROR;
}

static bool same_tags(const struct svart_tags *a, const struct svart_tags *b)
{
	return a->ref == b->ref && a->app == b->app && a->app_mask == b->app_mask;
}

/** Fields that every completion leaves alone. */
static void check_rest_of_fields(
	struct sim_world *w, const struct sim_op *o, const struct svart_completion *done)
{
	static const struct svart_tags none;
	uint64_t reserved;

	memcpy(&reserved, done->reserved, sizeof(reserved));
	if (reserved != 0 || done->engine != 0)
		wrong(w, o, done, "it sets what is reserved");
	if (!(done->flags & SVART_COMPLETION_FAULT_ADDR) && done->fault_addr != 0)
		wrong(w, o, done, "it has a fault address, and does not say so");
	if (is_done(done) && done->flags != 0)
		wrong(w, o, done, "it is done and has flags of one that stopped");
	if (is_done(done) || is_stopped(done))
		return;
	if (done->bytes_done != 0 || done->result != 0 || done->delta_bytes != 0 ||
		!same_tags(&done->src_tags, &none) || !same_tags(&done->dst_tags, &none))
		wrong(w, o, done, "it was not done and has results");
}

/** What it says of what it did must be what its bytes say. */
static void check_results(struct sim_world *w, const struct sim_op *o,
	const struct svart_completion *done, const struct sim_meaning *m)
{
	if (!m->reached)
		wrong(w, o, done, "it used what may not be used so");
	if (is_done(done) && !m->ended)
		wrong(w, o, done, "not all of it is done");
	if (is_done(done) && done->status != m->status)
		wrong(w, o, done, "another status would be right");
	if (is_stopped(done) && m->ended)
		wrong(w, o, done, "it had ended before that");
	/* Part of a record says nothing; of a checksum that was not begun neither. */
	if (is_stopped(done) && sim_op_begins_anew(&o->op))
		return;
	if (is_done(done) ? done->bytes_done != m->bytes : m->bytes != done->bytes_done)
		wrong(w, o, done, "another number of bytes would be right");
	if (done->result != m->result && (is_done(done) || done->bytes_done != 0))
		wrong(w, o, done, "another result would be right");
	if (done->delta_bytes != m->delta_bytes)
		wrong(w, o, done, "another length of the delta record would be right");
	if (!same_tags(&done->src_tags, &m->src_tags) || !same_tags(&done->dst_tags, &m->dst_tags))
		wrong(w, o, done, "other tags would be right");
}

static void judge_status(
	struct sim_world *w, const struct sim_op *o, const struct svart_completion *done)
{
	bool back = done->flags & SVART_COMPLETION_BACKWARD;

	check_rest_of_fields(w, o, done);
	switch (done->status) {
	case SVART_STATUS_OK:
	case SVART_STATUS_PREDICATE_FALSE:
	case SVART_STATUS_DIF_ERROR:
	case SVART_STATUS_DELTA_ERROR:
		if (o->malformed)
			wrong(w, o, done, "it is malformed");
		break;
	case SVART_STATUS_NO_MEMORY:
		if (o->failures == w->machine.failures)
			wrong(w, o, done, "there was memory for all that was asked for");
		/* fall through */
	case SVART_STATUS_BAD_ADDRESS:
	case SVART_STATUS_PARTIAL:
		if (o->malformed)
			wrong(w, o, done, "it is malformed");
		check_stop(w, o, done, back);
		break;
	case SVART_STATUS_INVALID:
		if (!o->malformed)
			wrong(w, o, done, "it is well-formed");
		break;
	case SVART_STATUS_ABORTED:
		if (may_abort(o))
			break;
		/* fall through */
	default:
		if (!sim_device_was_reset(w, o->queue->dev))
			wrong(w, o, done, "nothing happened to its queue");
	}
}

/** Takes what is in memory for right. What other operations make of it is then not known either. */
static void accept(struct sim_world *w, uint64_t addr, uint64_t len)
{
	uint32_t i;

	sim_memory_accept(&w->memory, addr, len);
	for (i = 0; i < SIM_MAX_OPS; i++) {
		if (w->ops[i].queue != NULL && uses(&w->ops[i], make_range(addr, len), false))
			w->ops[i].disturbed = true;
	}
}

/** Looks at what was written, and a little beside it, unless another operation is about to write there. */
static void check_around(struct sim_world *w, uint64_t addr, uint64_t len)
{
	if (addr < SIM_ARENA || addr + len > SIM_ARENA + SIM_ARENA_BYTES || addr + len < addr)
		return;
	if (!sim_ops_write(w, addr - GUARD_BYTES, len + 2 * GUARD_BYTES))
		sim_memory_check(&w->memory, addr - GUARD_BYTES, len + 2 * GUARD_BYTES,
			"after an operation");
}

/** Accepts what an operation may have written of which nothing can be said. */
static void accept_unknown(
	struct sim_world *w, const struct sim_op *o, const struct svart_completion *done)
{
	struct sim_operand operands[SIM_MAX_OPERANDS];
	uint32_t nr = sim_operands(&o->op, operands), i;
	struct range r;

	for (i = 0; i < nr; i++) {
		if (!operands[i].write || operands[i].len == 0)
			continue;
		r = make_range(operands[i].addr, operands[i].len);
		if (is_blurred(w, o, done))
			accept(w, r.start, r.end - r.start);
		else if (o->op.opcode == SVART_OP_CREATE_DELTA && is_stopped(done))
			accept(w, r.start, r.end - r.start);
		else if (done->status == SVART_STATUS_DIF_ERROR) /* Its data may be there. */
			accept(w,
				r.start + done->bytes_done / sim_op_unit(&o->op) * operands[i].step,
				operands[i].step);
	}
}

/** What it did, if something can be said of it, and what memory must be now. */
static void apply(struct sim_world *w, const struct sim_op *o, const struct svart_completion *done)
{
	bool back = done->flags & SVART_COMPLETION_BACKWARD;
	struct sim_operand operands[SIM_MAX_OPERANDS];
	uint32_t nr = sim_operands(&o->op, operands), i;
	struct sim_meaning m;

	if (!is_blurred(w, o, done) && (is_done(done) || is_stopped(done))) {
		sim_op_mean(&w->memory, &o->op,
			is_done(done) ? sim_op_whole(&o->op) : done->bytes_done, back, false, &m,
			&w->writes);
		check_results(w, o, done, &m);
		if (o->op.opcode != SVART_OP_CREATE_DELTA || is_done(done))
			sim_writes_apply(&w->memory, &w->writes);
	}
	if (!o->malformed)
		accept_unknown(w, o, done);
	for (i = 0; i < nr; i++) {
		if (operands[i].write && operands[i].len != 0)
			check_around(w, operands[i].addr, operands[i].len);
	}
}

static void tell_done(
	struct sim_world *w, const struct sim_queue *q, const struct svart_completion *done)
{
	sim_event(w->trace, "done %llu on q%ld: %s, %#llx bytes, result %#llx%s%s%s",
		(ull)done->cookie, (long)(q - w->queues), svart_status_name(done->status),
		(ull)done->bytes_done, (ull)done->result,
		done->flags & SVART_COMPLETION_FAULT_ADDR ? ", fault" : "",
		done->flags & SVART_COMPLETION_FAULT_WRITE ? ", write fault" : "",
		done->flags & SVART_COMPLETION_BACKWARD ? ", backward" : "");
}

void sim_op_judge(struct sim_world *w, struct sim_queue *q, const struct svart_completion *done)
{
	struct sim_op *o = find_op(w, q, done->cookie), ended;

	tell_done(w, q, done);
	if (o == NULL)
		sim_fail(w->trace, "a completion (cookie %llu) of nothing that is in flight",
			(ull)done->cookie);
	check_order(w, o, done);
	ended = *o;
	judge_status(w, &ended, done);
	note_end(q, &ended, done);
	o->queue = NULL;
	o->rest = NULL;
	w->completed++;
	if (!is_blurred(w, &ended, done) && is_stopped(done))
		sim_rest_begin(w, q, &ended);
	apply(w, &ended, done);
	if (!is_blurred(w, &ended, done) && is_done(done))
		sim_rest_judge(w, &ended, done);
	sim_rest_keep(w, &ended, done, !is_blurred(w, &ended, done) && is_stopped(done));
	/* What it uses is the program's again when the queue is destroyed. */
	if (done->status == SVART_STATUS_QUEUE_FAILED) {
		o->queue = q;
		o->failed = true;
	}
}

void sim_ops_lose(struct sim_world *w, struct sim_queue *q)
{
	struct sim_operand operands[SIM_MAX_OPERANDS];
	uint32_t i, k, nr;

	for (i = 0; i < SIM_MAX_OPS; i++) {
		if (w->ops[i].queue != q)
			continue;
		nr = sim_operands(&w->ops[i].op, operands);
		for (k = 0; k < nr; k++) {
			if (operands[k].write && operands[k].len != 0)
				sim_memory_accept(&w->memory, operands[k].addr, operands[k].len);
		}
		w->ops[i].queue = NULL;
		w->ops[i].failed = false;
	}
	sim_rests_lose(w, q);
}
