/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/**
 * @file
 * The DSA driver's queue under completion records of any contents, on the fake device of its unit tests: operations
 * of every kind, and a device that writes what it likes to the records of those that it has. Each operation
 * completes once, in its order; what its completion says is within the operation; and the rest of it
 * (svart_op_rest()) is, too. The operations' memory does not exist: the driver never touches it.
 *
 * Input: a byte of options, then steps, each a letter and its operands.
 *
 *     p OPCODE FLAGS LEN DST SRC X Y Z   prepare a sound operation, or nearly so
 *     r OP                               prepare 64 bytes as they are
 *     s                                  submit
 *     w SLOT RECORD                      the device writes the 32 bytes of a record
 *     f SLOT STATUS RESULT BYTES ADDR    it writes one whose address is near the operation
 *     b SLOT RECORD                      it writes a batch's record
 *     l                                  poll
 */

#include <stdbool.h>
#include <string.h>

#include "fake_dsa.h"

#include "../sim/forms.h"
#include "dsa_internal.h"
#include "fuzz.h"

/** Steps that are carried out. */
#define MAX_STEPS 256
#define MAX_DEPTH 16u
/** Where the operations' operands are. */
#define MEMORY UINT64_C(0x100000000)
#define PLACE  UINT64_C(0x10000000)
/** Polls after which all that was completed has been polled. */
#define MAX_POLLS 64
/** What OPCAP has of DSA 1.0 and 2.0. */
#define OPCAP UINT64_C(0x100bf07ff)

enum option {
	OPTION_BATCHES = 1 << 0,
	OPTION_UNORDERED = 1 << 1,
};

/** Owner: one input. */
struct rig {
	struct fake_dsa *f;
	struct svart_queue *q;
	struct svart_dsa_queue *ring;
	bool unordered;
	uint64_t prepared, polled; /**< Numbers of operations; the number is the cookie. */
	struct svart_op ops[MAX_DEPTH];
	bool open[MAX_DEPTH]; /**< It has not completed. */
};

/* --- preparing ------------------------------------------------------------------------------------ */

static uint64_t address(struct fuzz_input *in, unsigned int place)
{
	return MEMORY + place * PLACE + 8u * fuzz_u16(in);
}

static void draw_words(struct fuzz_input *in, struct svart_op *op)
{
	uint64_t x = address(in, 2), y = address(in, 3), z = fuzz_u64(in);

	switch (op->opcode) {
	case SVART_OP_COMPARE:
	case SVART_OP_CREATE_DELTA:
	case SVART_OP_DUALCAST:
		op->x = op->opcode == SVART_OP_DUALCAST
				? (x & ~UINT64_C(0xfff)) | ((uintptr_t)op->dst & 0xfff)
				: x;
		break;
	case SVART_OP_COMPARE_VALUE:
		op->value = z;
		break;
	case SVART_OP_CRC:
	case SVART_OP_COPY_CRC:
		op->seed = z >> 32;
		break;
	case SVART_OP_TRANSLATE:
		op->stride = (z & 3) << 12;
		break;
	default:
		break;
	}
	if (op->opcode == SVART_OP_CREATE_DELTA || op->opcode == SVART_OP_APPLY_DELTA) {
		op->y = y;
		op->bounds.delta_max = 80 + 10 * (uint32_t)(z & 0xff);
	}
	if ((op->flags & SVART_OP_CHECK_RESULT) != 0)
		op->bounds.expected = 1 + (uint32_t)(z >> 8) % 3;
}

static void draw_blocks(struct fuzz_input *in, struct svart_op *op)
{
	uint64_t tags;

	if (!sim_op_checks_tags(op) && !sim_op_makes_tags(op))
		return;
	tags = fuzz_u64(in);
	op->dif.block = fuzz_u8(in) & 3;
	op->dif.flags = fuzz_u8(in) & 0xc;
	if (sim_op_checks_tags(op)) {
		op->dif.src_flags = fuzz_u8(in);
		memcpy(&op->src_tags, &tags, sizeof(tags));
	}
	if (sim_op_makes_tags(op)) {
		op->dif.dst_flags = fuzz_u8(in) & 0x90;
		memcpy(&op->dst_tags, &tags, sizeof(tags));
	}
	op->length = op->length % 32 * sim_op_unit(op);
}

static void draw_op(struct fuzz_input *in, struct svart_op *op)
{
	memset(op, 0, sizeof(*op));
	op->opcode = fuzz_u8(in) % (SVART_OP_DRAIN + 1);
	op->flags = fuzz_u8(in) & 0x3f;
	op->length = fuzz_u16(in);
	if (op->opcode == SVART_OP_CREATE_DELTA || op->opcode == SVART_OP_APPLY_DELTA)
		op->length &= ~UINT64_C(7);
	op->dst = (void *)(uintptr_t)address(in, 0);
	op->src = (const void *)(uintptr_t)address(in, 1);
	draw_words(in, op);
	draw_blocks(in, op);
	/* Unused addresses must be 0. */
	if (sim_op_malformed(op, UINT64_MAX, UINT64_MAX, true) &&
		op->opcode != SVART_OP_CACHE_FLUSH && op->opcode != SVART_OP_APPLY_DELTA)
		op->dst = NULL;
	else if (op->opcode == SVART_OP_CACHE_FLUSH || op->opcode == SVART_OP_APPLY_DELTA)
		op->src = NULL;
}

static void prep(struct rig *r, struct svart_op *op)
{
	uint32_t at = r->prepared % MAX_DEPTH;

	op->cookie = r->prepared;
	if (r->q->prep(r->q, op, 1) == 0)
		return;
	FUZZ_CHECK(!r->open[at], r->prepared, r->polled);
	r->ops[at] = *op;
	r->open[at] = true;
	r->prepared++;
}

/* --- completions --------------------------------------------------------------------------------- */

/** Whether an address is in a page of an operand. */
static bool is_near(const struct svart_op *op, uint64_t addr)
{
	struct sim_operand o[SIM_MAX_OPERANDS];
	uint32_t nr = sim_operands(op, o), i;

	for (i = 0; i < nr; i++) {
		uint64_t first = o[i].addr >> 12, last = (o[i].addr + o[i].len - 1) >> 12;

		if (o[i].len != 0 && (addr >> 12) - first <= last - first)
			return true;
	}
	return false;
}

/** The operands of the rest are within those of the whole. */
static void check_rest(const struct svart_op *op, const struct svart_completion *done)
{
	struct sim_operand whole[SIM_MAX_OPERANDS], rest[SIM_MAX_OPERANDS];
	struct svart_op left = *op;
	uint32_t nr = sim_operands(op, whole), i;

	svart_op_rest(&left, done);
	FUZZ_CHECK(sim_operands(&left, rest) == nr, nr, left.opcode);
	for (i = 0; i < nr; i++) {
		uint64_t off = rest[i].addr - whole[i].addr;

		FUZZ_CHECK(
			off <= whole[i].len && rest[i].len <= whole[i].len - off, off, rest[i].len);
	}
}

static void check_results(const struct svart_op *op, const struct svart_completion *done)
{
	bool is_create = op->opcode == SVART_OP_CREATE_DELTA;

	FUZZ_CHECK(done->delta_bytes <= (is_create ? op->bounds.delta_max : 0), done->delta_bytes,
		op->opcode);
	if (done->status == SVART_STATUS_DIF_ERROR)
		FUZZ_CHECK(
			sim_op_checks_tags(op) && done->result - 1 < 15, done->result, op->opcode);
	else if (op->opcode == SVART_OP_CRC || op->opcode == SVART_OP_COPY_CRC)
		FUZZ_CHECK(done->result <= UINT32_MAX, done->result, 0);
	else if (op->opcode == SVART_OP_COMPARE || op->opcode == SVART_OP_COMPARE_VALUE)
		FUZZ_CHECK(done->result <= 1, done->result, 0);
	else
		FUZZ_CHECK(done->result <= (is_create ? 2u : 0u), done->result, op->opcode);
	if (done->status == SVART_STATUS_DELTA_ERROR)
		FUZZ_CHECK(op->opcode == SVART_OP_APPLY_DELTA, op->opcode, 0);
	if (done->status == SVART_STATUS_PREDICATE_FALSE)
		FUZZ_CHECK((op->flags & SVART_OP_CHECK_RESULT) != 0 &&
				   (op->bounds.expected >> done->result & 1) == 0,
			op->flags, done->result);
}

/** What a completion says is within its operation. */
static void check_done(const struct svart_op *op, const struct svart_completion *done)
{
	bool stopped = done->status == SVART_STATUS_PARTIAL ||
		       done->status == SVART_STATUS_BAD_ADDRESS ||
		       done->status == SVART_STATUS_NO_MEMORY;
	bool malformed = sim_op_malformed(op, UINT64_MAX, UINT64_C(1) << 31, true);
	bool has_addr = (done->flags & SVART_COMPLETION_FAULT_ADDR) != 0;

	FUZZ_CHECK(done->status <= SVART_STATUS_DELTA_ERROR, done->status, 0);
	FUZZ_CHECK(!malformed || done->status == SVART_STATUS_INVALID, done->status, op->opcode);
	FUZZ_CHECK(malformed || done->bytes_done <= sim_op_whole(op), done->bytes_done, op->opcode);
	FUZZ_CHECK(!malformed || done->bytes_done == 0, done->bytes_done, op->opcode);
	FUZZ_CHECK(has_addr == stopped, done->flags, done->status);
	FUZZ_CHECK(has_addr || done->fault_addr == 0, done->fault_addr, 0);
	if (malformed)
		return;
	FUZZ_CHECK(!has_addr || is_near(op, done->fault_addr), done->fault_addr, op->opcode);
	FUZZ_CHECK(done->bytes_done % sim_op_unit(op) == 0, done->bytes_done, op->opcode);
	check_results(op, done);
	if (stopped)
		check_rest(op, done);
}

static unsigned int poll_once(struct rig *r)
{
	struct svart_completion done[MAX_DEPTH];
	uint16_t n = r->q->poll(r->q, done, MAX_DEPTH), i;

	for (i = 0; i < n; i++) {
		uint32_t at = done[i].cookie % MAX_DEPTH;

		FUZZ_CHECK(done[i].cookie < r->prepared && r->open[at] &&
				   r->ops[at].cookie == done[i].cookie,
			done[i].cookie, r->prepared);
		FUZZ_CHECK(r->unordered || done[i].cookie == r->polled, done[i].cookie, r->polled);
		r->open[at] = false;
		r->polled++;
		check_done(&r->ops[at], &done[i]);
	}
	return n;
}

/* --- the device ---------------------------------------------------------------------------------- */

/** The slot of an operation that the device has, if any. */
static bool find_slot(const struct rig *r, uint8_t choice, uint32_t *slot)
{
	uint32_t nr = r->ring->posted - r->ring->tail;

	if (nr == 0)
		return false;
	*slot = (r->ring->tail + choice % nr) & r->ring->mask;
	return r->ring->entries[*slot].kind == SVART_DSA_ENTRY_DEVICE;
}

static void record_write(struct svart_dsa_record *record, const struct svart_dsa_record *from)
{
	struct svart_dsa_record bytes = *from;

	/* The status is written last. */
	bytes.status = 0;
	memcpy(record, &bytes, sizeof(bytes));
	__atomic_store_n(&record->status, from->status, __ATOMIC_RELEASE);
}

static void write_any(struct rig *r, struct fuzz_input *in, bool batch)
{
	struct svart_dsa_record record;
	uint8_t choice = fuzz_u8(in);
	uint32_t slot;

	fuzz_bytes(in, &record, sizeof(record));
	if (!find_slot(r, choice, &slot))
		return;
	if (!batch)
		record_write(&r->ring->records[slot], &record);
	else if (r->ring->batches != NULL)
		record_write(&r->ring->batches->records[slot], &record);
}

/** A record that is nearly right. */
static void write_near(struct rig *r, struct fuzz_input *in)
{
	struct svart_dsa_record record = { 0 };
	uint8_t choice = fuzz_u8(in), kind;
	uint32_t slot;

	record.status = fuzz_u8(in);
	record.result = fuzz_u8(in);
	record.bytes_completed = fuzz_u16(in);
	kind = fuzz_u8(in);
	record.op_specific[0] = fuzz_u16(in);
	if (!find_slot(r, choice, &slot))
		return;
	record.fault_addr = kind & 1 ? r->ring->descs[slot].dst : r->ring->descs[slot].src;
	if (kind & 2)
		record.fault_addr = r->ring->descs[slot].op_specific[0];
	record.fault_addr += record.bytes_completed * (kind >> 2 & 1);
	record_write(&r->ring->records[slot], &record);
}

/** It completes all that it has, and has not completed. */
static void finish(struct rig *r)
{
	const struct svart_dsa_record good = { .status = SVART_DSA_STATUS_SUCCESS };
	uint32_t i, slot;

	for (i = r->ring->tail; i != r->ring->posted; i++) {
		slot = i & r->ring->mask;
		if (r->ring->entries[slot].kind != SVART_DSA_ENTRY_DEVICE)
			continue;
		if (r->ring->records[slot].status == 0)
			record_write(&r->ring->records[slot], &good);
		if (r->ring->batches != NULL && r->ring->batches->records[slot].status == 0)
			record_write(&r->ring->batches->records[slot], &good);
	}
}

/* --- an input ------------------------------------------------------------------------------------ */

static void submit(struct rig *r)
{
	/* The fake counts what it has; here nobody tells it what has ended. */
	r->f->in_wq[0] = 0;
	r->q->submit(r->q);
}

static void start(struct rig *r, uint8_t options)
{
	memset(r, 0, sizeof(*r));
	r->f = fake_create();
	fake_set64(r->f, SVART_DSA_OPCAP_OFF, OPCAP);
	r->unordered = (options & OPTION_UNORDERED) != 0;
	r->f->queue_flags = (r->unordered ? SVART_QUEUE_UNORDERED : 0) |
			    (options & OPTION_BATCHES ? SVART_QUEUE_BATCHES : 0);
	r->q = fake_start_first(r->f, 1 + (options >> 4) % MAX_DEPTH);
	r->ring = r->q->priv;
}

static void step(struct rig *r, struct fuzz_input *in)
{
	uint8_t letter = fuzz_u8(in);
	struct svart_op op;

	if (letter == 'p') {
		draw_op(in, &op);
		prep(r, &op);
	} else if (letter == 'r') {
		fuzz_bytes(in, &op, sizeof(op));
		prep(r, &op);
	} else if (letter == 's') {
		submit(r);
	} else if (letter == 'w' || letter == 'b') {
		write_any(r, in, letter == 'b');
	} else if (letter == 'f') {
		write_near(r, in);
	} else if (letter == 'l') {
		poll_once(r);
	}
}

void fuzz_one(struct fuzz_input *in)
{
	struct rig r;
	unsigned int i;

	start(&r, fuzz_u8(in));
	for (i = 0; i < MAX_STEPS && in->left > 0; i++)
		step(&r, in);
	for (i = 0; i < MAX_POLLS && r.polled != r.prepared; i++) {
		submit(&r);
		finish(&r);
		poll_once(&r);
	}
	FUZZ_CHECK(r.polled == r.prepared, r.polled, r.prepared);
	fake_stop(r.f, 0);
	fake_close(r.f);
	fake_destroy(r.f);
}
