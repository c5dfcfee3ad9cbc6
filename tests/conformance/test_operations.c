/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Every operation that the device has, against a reference of the suite's own (reference.h): what it writes and
 * what it leaves alone, its result and tags; in parts, at missing pages and at bad addresses, with fences.
 *
 * An operation has all its operands in an arena, each in a room of its own. The reference does it in a copy of the
 * arena.
 */

#include "backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "reference.h"

#define NR_OPS     18u
#define ROOM       (64u * 1024)
#define NR_ROOMS   4u
#define ARENA      (NR_ROOMS * ROOM)
#define LONGEST    40000u
#define RECORD_MAX 4000u

/** The arena, and what it should be. Owner: one test. */
struct arena {
	struct backend *b;
	uint8_t *real;
	uint8_t *expected;
	uint32_t seed;
};

static uint32_t draw(struct arena *a, uint32_t below)
{
	return test_random(&a->seed) % below;
}

static void arena_open(struct arena *a, struct backend *b)
{
	backend_need(b, BACKEND_SVART);
	a->b = b;
	a->seed = test_seed();
	a->real = guarded_alloc(ARENA);
	a->expected = malloc(ARENA);
	assert_non_null(a->expected);
	memset(a->expected, 0, ARENA); /* As memory that was never touched. */
}

static void arena_close(struct arena *a)
{
	guarded_free(a->b, a->real, ARENA);
	free(a->expected);
}

/** Gives a part of the arena other bytes, in both. */
static void arena_set(struct arena *a, uint8_t *at, size_t len)
{
	scramble(at, len, draw(a, UINT32_MAX));
	memcpy(a->expected + (at - a->real), at, len);
}

static void *expected_of(const struct arena *a, const void *at)
{
	return at == NULL ? NULL : a->expected + ((const uint8_t *)at - a->real);
}

static bool announced(const struct backend *b, unsigned int opcode)
{
	return (b->info.ops >> opcode & 1) != 0;
}

/* --- operations --------------------------------------------------------------------------------- */

static bool uses_blocks(unsigned int opcode)
{
	return opcode >= SVART_OP_DIF_CHECK && opcode <= SVART_OP_DIX_GENERATE;
}

static bool uses_delta(unsigned int opcode)
{
	return opcode == SVART_OP_CREATE_DELTA || opcode == SVART_OP_APPLY_DELTA;
}

static bool checks_blocks(unsigned int opcode)
{
	return opcode == SVART_OP_DIF_CHECK || opcode == SVART_OP_DIF_STRIP ||
	       opcode == SVART_OP_DIF_UPDATE;
}

static uint64_t draw_length(struct arena *a)
{
	static const uint32_t edges[] = { 1, 2, 7, 8, 9, 63, 64, 4095, 4096, 4097, 8192, LONGEST };

	return draw(a, 3) == 0 ? edges[draw(a, 12)] : 1 + draw(a, draw(a, 4) == 0 ? LONGEST : 600);
}

/** An address in a room, with space for `len` and what a destination may be longer. */
static uint8_t *draw_addr(struct arena *a, unsigned int room, uint32_t align)
{
	return a->real + room * ROOM +
	       draw(a, (ROOM - 2 * LONGEST / 2 - LONGEST / 8) / 4) / align * align;
}

/** Where everything is, for an opcode; flags are 0. */
static struct svart_op draw_operands(struct arena *a, unsigned int opcode)
{
	uint32_t align = uses_delta(opcode) ? 8 : 1;
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = (uint8_t)opcode;
	op.cookie = draw(a, UINT32_MAX);
	op.length = draw_length(a);
	if (uses_delta(opcode))
		op.length = (op.length + 7) / 8 * 8;
	if (opcode != SVART_OP_FILL && opcode != SVART_OP_CACHE_FLUSH &&
		opcode != SVART_OP_APPLY_DELTA)
		op.src = draw_addr(a, 0, align);
	if (opcode != SVART_OP_COMPARE && opcode != SVART_OP_COMPARE_VALUE &&
		opcode != SVART_OP_CRC && opcode != SVART_OP_CREATE_DELTA &&
		opcode != SVART_OP_DIF_CHECK && opcode != SVART_OP_TRANSLATE)
		op.dst = draw_addr(a, 1, align);
	if (opcode == SVART_OP_COMPARE || opcode == SVART_OP_CREATE_DELTA)
		op.src2 = draw_addr(a, 2, align);
	if (opcode == SVART_OP_DUALCAST)
		op.dst2 = (uint8_t *)op.dst + ROOM;
	if (uses_delta(opcode))
		op.delta = draw_addr(a, 3, 8);
	return op;
}

static void draw_dif(struct arena *a, struct svart_op *op)
{
	static const uint8_t inverts[] = { 0, SVART_DIF_INVERT_SEED, SVART_DIF_INVERT_RESULT,
		SVART_DIF_INVERT_SEED | SVART_DIF_INVERT_RESULT };
	bool checks = checks_blocks(op->opcode);
	bool makes = op->opcode != SVART_OP_DIF_CHECK && op->opcode != SVART_OP_DIF_STRIP;
	uint32_t block;

	op->dif.block = (uint8_t)draw(a, 4);
	op->dif.flags = inverts[draw(a, 4)];
	block = reference_block(op) + (checks ? 8 : 0);
	op->length = (1 + op->length / block) * block;
	if (op->length > LONGEST)
		op->length = LONGEST / block * block;
	if (checks) {
		op->dif.src_flags = (uint8_t)(draw(a, 2) ? draw(a, 256) : draw(a, 2) << 4);
		op->src_tags = (struct svart_tags){ draw(a, 2) ? UINT32_MAX - 1 : draw(a, 1000),
			(uint16_t)(draw(a, 2) ? draw(a, 65536) : 0), (uint16_t)draw(a, 65536) };
	}
	if (makes) {
		op->dif.dst_flags = (uint8_t)(draw(a, 256) & (SVART_DIF_DST_APP_INCREMENTS |
								     SVART_DIF_DST_REF_FIXED));
		if (checks)
			op->dif.dst_flags |= (uint8_t)(draw(a, 8) ? 0 : draw(a, 256) & 0x68);
		op->dst_tags = (struct svart_tags){ draw(a, UINT32_MAX), (uint16_t)draw(a, 65536),
			(uint16_t)draw(a, 65536) };
	}
}

/** Makes the source of a check right: what insert would make of it. Sometimes a byte is changed then. */
static void protect(struct arena *a, const struct svart_op *op)
{
	uint32_t block = reference_block(op), nr = (uint32_t)(op->length / (block + 8)), i;
	uint8_t *bare = malloc((size_t)nr * block), *src = (uint8_t *)(uintptr_t)op->src;
	struct svart_op insert = { .opcode = SVART_OP_DIF_INSERT, .dst = src, .src = bare };
	struct svart_completion done;

	assert_non_null(bare);
	scramble(bare, (size_t)nr * block, draw(a, UINT32_MAX));
	insert.length = (uint64_t)nr * block;
	insert.dif.block = op->dif.block;
	insert.dif.flags = op->dif.flags;
	if ((op->dif.src_flags & SVART_DIF_SRC_REF_FIXED) != 0)
		insert.dif.dst_flags |= SVART_DIF_DST_REF_FIXED;
	if ((op->dif.src_flags & SVART_DIF_SRC_APP_INCREMENTS) != 0)
		insert.dif.dst_flags |= SVART_DIF_DST_APP_INCREMENTS;
	insert.dst_tags = op->src_tags;
	insert.dst_tags.app_mask = 0;
	reference(&insert, &done);
	if (draw(a, 3) == 0)
		src[draw(a, (uint32_t)op->length)] ^= (uint8_t)(1 << draw(a, 8));
	for (i = 0; i < nr && draw(a, 6) == 0; i++)
		memset(src + (uint64_t)(i + 1) * (block + 8) - 8 + 2 * draw(a, 2), 0xff, 6);
	memcpy(expected_of(a, src), src, op->length);
	free(bare);
}

/** Makes two sources alike, but for some bytes. */
static void make_alike(struct arena *a, const uint8_t *from, const uint8_t *to, uint64_t len)
{
	uint8_t *bytes = (uint8_t *)(uintptr_t)to;
	uint32_t i, changes = draw(a, 3) == 0 ? 0 : 1 + draw(a, 20);

	memcpy(bytes, from, len);
	for (i = 0; i < changes; i++)
		bytes[draw(a, (uint32_t)len)] ^= (uint8_t)(1 + draw(a, 255));
	memcpy(expected_of(a, bytes), bytes, len);
}

/** A record of some entries, sometimes with one that is wrong. */
static void make_record(struct arena *a, struct svart_op *op)
{
	uint8_t *entry = op->delta;
	uint32_t at = 0, words = (uint32_t)(op->length / 8);

	op->bounds.delta_max = 0;
	while (op->bounds.delta_max < RECORD_MAX && at < words) {
		entry[0] = (uint8_t)at;
		entry[1] = (uint8_t)(at >> 8);
		scramble(entry + 2, 8, draw(a, UINT32_MAX));
		entry += 10;
		op->bounds.delta_max += 10;
		at += 1 + draw(a, 40);
	}
	if (draw(a, 4) == 0) {
		entry -= 10 * (1 + draw(a, op->bounds.delta_max / 10));
		entry[0] = entry[1] = (uint8_t)(draw(a, 2) ? 0xff : 0);
	}
	memcpy(expected_of(a, op->delta), op->delta, op->bounds.delta_max);
}

static void draw_expected(struct arena *a, struct svart_op *op, uint32_t results)
{
	if (draw(a, 2) == 0)
		return;
	op->flags |= SVART_OP_CHECK_RESULT;
	op->bounds.expected = 1 + draw(a, (1u << results) - 1);
}

/** What is not of operands. */
static void draw_rest(struct arena *a, struct svart_op *op)
{
	switch (op->opcode) {
	case SVART_OP_FILL:
		op->pattern = (uint64_t)draw(a, UINT32_MAX) << 32 | draw(a, UINT32_MAX);
		break;
	case SVART_OP_COMPARE:
		make_alike(a, op->src, op->src2, op->length);
		draw_expected(a, op, 2);
		break;
	case SVART_OP_COMPARE_VALUE:
		op->value = UINT64_C(0x0101010101010101) * draw(a, 256);
		memset((void *)(uintptr_t)op->src, (int)(op->value & 0xff), op->length);
		memset(expected_of(a, op->src), (int)(op->value & 0xff), op->length);
		make_alike(a, op->src, op->src, op->length);
		draw_expected(a, op, 2);
		break;
	case SVART_OP_CREATE_DELTA:
		make_alike(a, op->src, op->src2, op->length);
		op->bounds.delta_max = 80 + draw(a, RECORD_MAX);
		draw_expected(a, op, 3);
		break;
	case SVART_OP_APPLY_DELTA:
		make_record(a, op);
		break;
	case SVART_OP_CRC:
	case SVART_OP_COPY_CRC:
		op->seed = draw(a, 2) ? draw(a, UINT32_MAX) : 0;
		op->flags |= draw(a, 2) ? draw(a, 4) * SVART_OP_BYPASS_CRC : 0;
		break;
	case SVART_OP_TRANSLATE:
		op->stride = draw(a, 3) * PAGE;
		break;
	default:
		break;
	}
}

/** An operation that is sound, with operands that suit it. */
static struct svart_op draw_op(struct arena *a, unsigned int opcode)
{
	struct svart_op op = draw_operands(a, opcode);

	if (opcode == SVART_OP_NOOP || opcode == SVART_OP_DRAIN) {
		op = (struct svart_op){ .opcode = (uint8_t)opcode, .cookie = op.cookie };
		return op;
	}
	if (uses_blocks(opcode))
		draw_dif(a, &op);
	if (op.src != NULL && checks_blocks(opcode))
		protect(a, &op);
	else if (op.src != NULL)
		arena_set(a, (uint8_t *)(uintptr_t)op.src, op.length);
	draw_rest(a, &op);
	return op;
}

static unsigned int draw_opcode(struct arena *a)
{
	unsigned int opcode;

	do
		opcode = draw(a, NR_OPS);
	while (!announced(a->b, opcode));
	return opcode;
}

/** The operation in the copy of the arena. */
static struct svart_op in_copy(const struct arena *a, const struct svart_op *op)
{
	struct svart_op copy = *op;

	copy.dst = expected_of(a, op->dst);
	if (op->opcode != SVART_OP_FILL)
		copy.src = expected_of(a, op->src);
	if (op->opcode == SVART_OP_COMPARE || op->opcode == SVART_OP_CREATE_DELTA ||
		op->opcode == SVART_OP_DUALCAST)
		copy.src2 = expected_of(a, op->src2);
	if (uses_delta(op->opcode))
		copy.delta = expected_of(a, op->delta);
	return copy;
}

/* --- what is checked ---------------------------------------------------------------------------- */

static void expect_tags(struct svart_tags tags, struct svart_tags expected)
{
	assert_int_equal(tags.ref, expected.ref);
	assert_int_equal(tags.app, expected.app);
	assert_int_equal(tags.app_mask, expected.app_mask);
}

static void expect_arena(const struct arena *a, const struct svart_op *op)
{
	size_t i;

	if (memcmp(a->real, a->expected, ARENA) == 0)
		return;
	for (i = 0; a->real[i] == a->expected[i];)
		i++;
	fail_msg("opcode %u, length %llu: byte %#zx of room %zu is %#x, not %#x", op->opcode,
		(unsigned long long)op->length, i % ROOM, i / ROOM, a->real[i], a->expected[i]);
}

/** The completion of the whole operation, or of its last part; and the arena. */
static void expect_whole(const struct arena *a, const struct svart_op *op,
	const struct svart_completion *done, const struct svart_completion *expected)
{
	if (done->status != expected->status || done->result != expected->result)
		fail_msg("opcode %u, flags %#x, length %llu: status %s (device's %#x), result "
			 "%#llx, not "
			 "%s, %#llx",
			op->opcode, op->flags, (unsigned long long)op->length,
			svart_status_name(done->status), done->hw_status,
			(unsigned long long)done->result, svart_status_name(expected->status),
			(unsigned long long)expected->result);
	assert_int_equal(done->cookie, op->cookie);
	assert_int_equal(done->delta_bytes, expected->delta_bytes);
	expect_tags(done->src_tags, expected->src_tags);
	expect_tags(done->dst_tags, expected->dst_tags);
	expect_arena(a, op);
}

static void test_operations_agree_with_the_reference(void **state)
{
	struct svart_completion done, expected;
	struct svart_op op, copy;
	struct arena a;
	unsigned int i;

	arena_open(&a, *state);
	for (i = 0; i < 400; i++) {
		op = draw_op(&a, draw_opcode(&a));
		copy = in_copy(&a, &op);
		reference(&copy, &expected);
		done = run_op(a.b, &op);
		expect_whole(&a, &op, &done, &expected);
		assert_int_equal(done.bytes_done, expected.bytes_done);
		assert_int_equal(done.fault_addr, 0);
		assert_int_equal(done.flags, 0);
	}
	arena_close(&a);
}

/** Published check values. */
static void test_known_answers(void **state)
{
	static const char digits[] = "123456789";
	struct backend *b = *state;
	uint8_t *bytes = guarded_alloc(PAGE), *blocks = guarded_alloc(PAGE);
	struct svart_op op = { .opcode = SVART_OP_CRC, .src = bytes, .length = 9 };
	struct svart_completion done;

	assert_int_equal(reference_crc32c(digits, 9), 0xe3069283);
	assert_int_equal(reference_crc16(digits, 9), 0xd0db);
	if (!announced(b, SVART_OP_CRC) || !announced(b, SVART_OP_DIF_INSERT))
		backend_skip("the device computes no checksums");
	memcpy(bytes, digits, 9);
	done = run_op(b, &op);
	assert_done(&done, 9);
	assert_int_equal(done.result, 0xe3069283);
	memset(bytes, 0, PAGE);
	op.length = 32;
	done = run_op(b, &op);
	assert_int_equal(done.result, 0x8a9136aa);
	/* The guard of a block that begins with zeros is that of what follows them. */
	memcpy(bytes + 512 - 9, digits, 9);
	op = (struct svart_op){
		.opcode = SVART_OP_DIF_INSERT, .dst = blocks, .src = bytes, .length = 512
	};
	done = run_op(b, &op);
	assert_done(&done, 512);
	assert_int_equal(blocks[512] << 8 | blocks[513], 0xd0db);
	guarded_free(b, bytes, PAGE);
	guarded_free(b, blocks, PAGE);
}

/* --- in parts ----------------------------------------------------------------------------------- */

/** Brings the page at an address into the device's reach, for what the device wanted. The bytes stay. */
static void bring(struct backend *b, uint64_t addr, bool write)
{
	uint8_t *byte = (uint8_t *)(uintptr_t)addr, sink;
	struct svart_completion done;

	done = write ? run_fill(b, byte, *byte, 1) : run_copy(b, &sink, byte, 1);
	assert_done(&done, 1);
	forget(b, &sink, 1);
}

/** Takes pages of the arena away; they read as zeros then. */
static void drop(struct arena *a, uint32_t page, uint32_t nr)
{
	uint8_t *at = a->real + page * PAGE;

	forget(a->b, at, nr * PAGE);
	assert_int_equal(madvise(at, nr * PAGE, MADV_DONTNEED), 0);
	memset(a->expected + page * PAGE, 0, nr * PAGE);
}

/** An operation that waits for no page is done in as many parts as pages are missing. */
static void finish_in_parts(const struct arena *a, struct svart_op op,
	struct svart_completion *done, unsigned int *parts)
{
	op.flags |= SVART_OP_NO_BLOCK;
	for (*parts = 1;; ++*parts) {
		*done = run_op(a->b, &op);
		if (done->status != SVART_STATUS_PARTIAL)
			return;
		assert_true(done->flags & SVART_COMPLETION_FAULT_ADDR);
		assert_in_range(
			done->fault_addr, (uintptr_t)a->real, (uintptr_t)a->real + ARENA - 1);
		assert_in_range(*parts, 1, ARENA / PAGE * 4);
		bring(a->b, done->fault_addr, (done->flags & SVART_COMPLETION_FAULT_WRITE) != 0);
		svart_op_rest(&op, done);
	}
}

static void test_parts_are_the_whole(void **state)
{
	struct svart_completion done, expected;
	struct svart_op op, copy;
	struct arena a;
	unsigned int i, parts, many = 0;

	arena_open(&a, *state);
	if (!announced(a.b, SVART_OP_FILL))
		backend_skip("the device cannot touch a page for writing");
	for (i = 0; i < 150; i++) {
		drop(&a, 0, ARENA / PAGE);
		op = draw_op(&a, draw_opcode(&a));
		copy = in_copy(&a, &op);
		reference(&copy, &expected);
		finish_in_parts(&a, op, &done, &parts);
		expect_whole(&a, &op, &done, &expected);
		many += parts > 2;
	}
	assert_true(many > 10);
	arena_close(&a);
}

/* --- bad addresses ------------------------------------------------------------------------------ */

/** The page at `off` of an operand is inaccessible: the operation ends there, and goes on when it is not. */
static void check_bad_page(
	struct arena *a, const struct svart_op *op, uint8_t *operand, uint64_t off, bool write)
{
	uint8_t *page = operand + off - (uintptr_t)(operand + off) % PAGE;
	struct svart_completion done, expected;
	struct svart_op copy = in_copy(a, op), rest = *op;

	reference(&copy, &expected);
	forget(a->b, page, PAGE);
	assert_int_equal(mprotect(page, PAGE, PROT_NONE), 0);
	done = run_op(a->b, op);
	assert_int_equal(mprotect(page, PAGE, PROT_READ | PROT_WRITE), 0);
	if (done.status != expected.status || done.status == SVART_STATUS_BAD_ADDRESS) {
		assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
		assert_int_equal(done.fault_addr - done.fault_addr % PAGE, (uintptr_t)page);
		assert_int_equal((done.flags & SVART_COMPLETION_FAULT_WRITE) != 0, write);
		svart_op_rest(&rest, &done);
		done = run_op(a->b, &rest);
	}
	expect_whole(a, op, &done, &expected);
}

static void check_bad_operand(struct arena *a, unsigned int opcode,
	const void *(*operand)(const struct svart_op *op), bool write)
{
	struct svart_op op;
	uint8_t *at;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		do
			op = draw_op(a, opcode);
		while (op.length < 3 * PAGE);
		at = (uint8_t *)(uintptr_t)operand(&op);
		if (at == NULL)
			return;
		check_bad_page(a, &op, at, i * (op.length - 1) / 2, write);
	}
}

static const void *src_of(const struct svart_op *op)
{
	return op->opcode == SVART_OP_FILL ? NULL : op->src;
}

static const void *dst_of(const struct svart_op *op)
{
	return op->opcode == SVART_OP_CACHE_FLUSH || op->opcode == SVART_OP_DIX_GENERATE ||
			       op->opcode == SVART_OP_APPLY_DELTA
		       ? NULL
		       : op->dst;
}

static const void *src2_of(const struct svart_op *op)
{
	return op->opcode == SVART_OP_COMPARE || op->opcode == SVART_OP_CREATE_DELTA ? op->src2
										     : NULL;
}

static const void *dst2_of(const struct svart_op *op)
{
	return op->opcode == SVART_OP_DUALCAST ? op->dst2 : NULL;
}

static void test_bad_pages_of_each_operand(void **state)
{
	struct arena a;
	unsigned int opcode;

	arena_open(&a, *state);
	for (opcode = SVART_OP_COPY; opcode < SVART_OP_DRAIN; opcode++) {
		if (!announced(a.b, opcode))
			continue;
		check_bad_operand(&a, opcode, src_of, false);
		check_bad_operand(&a, opcode, src2_of, false);
		check_bad_operand(&a, opcode, dst_of, true);
		check_bad_operand(&a, opcode, dst2_of, true);
	}
	arena_close(&a);
}

/* --- rules -------------------------------------------------------------------------------------- */

static void expect_invalid(struct arena *a, const struct svart_op *op)
{
	struct svart_completion done = run_op(a->b, op);

	if (done.status != SVART_STATUS_INVALID)
		fail_msg("opcode %u, length %llu: status %s", op->opcode,
			(unsigned long long)op->length, svart_status_name(done.status));
	expect_arena(a, op);
}

/** What is written overlaps nothing; lengths and addresses of delta records; blocks; low bits. */
static void test_rules_between_operands(void **state)
{
	struct svart_op op, good;
	struct arena a;
	unsigned int opcode;

	arena_open(&a, *state);
	for (opcode = SVART_OP_COMPARE; opcode < SVART_OP_DRAIN; opcode++) {
		if (!announced(a.b, opcode))
			continue;
		do
			good = draw_op(&a, opcode);
		while (good.length < 64);
		op = good;
		op.flags = 1u << 31;
		expect_invalid(&a, &op);
		op = good;
		op.length = a.b->info.max_transfer_bytes + 8;
		expect_invalid(&a, &op);
		if (good.src != NULL && good.dst != NULL) {
			op = good;
			op.dst = (uint8_t *)(uintptr_t)op.src + 8;
			op.dst2 = opcode == SVART_OP_DUALCAST ? (uint8_t *)op.dst + PAGE : op.dst2;
			expect_invalid(&a, &op);
		}
		if (uses_blocks(opcode)) {
			op = good;
			op.length--;
			expect_invalid(&a, &op);
		}
		if (uses_delta(opcode)) {
			op = good;
			op.length = SVART_DELTA_MAX_BYTES + 8;
			expect_invalid(&a, &op);
			op = good;
			op.delta = (uint8_t *)op.delta + 4;
			expect_invalid(&a, &op);
		}
		if (opcode == SVART_OP_DUALCAST) {
			op = good;
			op.dst2 = (uint8_t *)op.dst2 + 1;
			expect_invalid(&a, &op);
		}
	}
	arena_close(&a);
}

/** Nothing is read, and what is known of nothing is told. */
static void test_operations_of_no_bytes(void **state)
{
	struct svart_completion done, expected;
	struct svart_op op, copy;
	struct arena a;
	unsigned int opcode;

	arena_open(&a, *state);
	for (opcode = SVART_OP_COPY; opcode < SVART_OP_DRAIN; opcode++) {
		if (!announced(a.b, opcode) || opcode == SVART_OP_APPLY_DELTA)
			continue;
		op = draw_op(&a, opcode);
		op.length = 0;
		copy = in_copy(&a, &op);
		reference(&copy, &expected);
		done = run_op(a.b, &op);
		expect_whole(&a, &op, &done, &expected);
		assert_int_equal(done.hw_status, 0);
	}
	arena_close(&a);
}

/** A record of the largest range, whose last word differs. */
static void test_the_largest_delta_range(void **state)
{
	struct backend *b = *state;
	uint8_t *from = guarded_alloc(SVART_DELTA_MAX_BYTES),
		*to = guarded_alloc(SVART_DELTA_MAX_BYTES);
	uint8_t *record = guarded_alloc(PAGE);
	struct svart_completion done;
	struct svart_op op = { .opcode = SVART_OP_CREATE_DELTA,
		.src = from,
		.src2 = to,
		.delta = record,
		.length = SVART_DELTA_MAX_BYTES };

	if (!announced(b, SVART_OP_CREATE_DELTA))
		backend_skip("the device makes no delta records");
	op.bounds.delta_max = 80;
	to[0] = 1;
	to[SVART_DELTA_MAX_BYTES - 1] = 2;
	done = run_op(b, &op);
	assert_done(&done, SVART_DELTA_MAX_BYTES);
	assert_int_equal(done.result, SVART_DELTA_DIFFERS);
	assert_int_equal(done.delta_bytes, 20);
	op = (struct svart_op){ .opcode = SVART_OP_APPLY_DELTA,
		.dst = from,
		.delta = record,
		.length = SVART_DELTA_MAX_BYTES };
	op.bounds.delta_max = 20;
	done = run_op(b, &op);
	assert_done(&done, 20);
	assert_memory_equal(from, to, SVART_DELTA_MAX_BYTES);
	guarded_free(b, from, SVART_DELTA_MAX_BYTES);
	guarded_free(b, to, SVART_DELTA_MAX_BYTES);
	guarded_free(b, record, PAGE);
}

/* --- order -------------------------------------------------------------------------------------- */

/** Each copy is of what the one before it has written; every page is cold at first. */
static void test_fences_order_a_chain(void **state)
{
	struct backend *b = *state;
	const unsigned int nr = 24;
	struct svart_completion done[24];
	uint8_t *pages = guarded_alloc((nr + 1) * PAGE), first[PAGE];
	unsigned int round, i;

	backend_need(b, BACKEND_SVART);
	for (round = 0; round < 10; round++) {
		scramble(pages, PAGE, round + 1);
		memcpy(first, pages, PAGE);
		for (i = 0; i < nr; i++) {
			const struct svart_op op = { .opcode = SVART_OP_COPY,
				.flags = SVART_OP_FENCE,
				.cookie = i,
				.dst = pages + (i + 1) * PAGE,
				.src = pages + i * PAGE,
				.length = PAGE };

			prep_patiently(b->q, &op);
		}
		wait_all(b, done, nr);
		for (i = 0; i < nr; i++) {
			assert_done(&done[i], PAGE);
			assert_int_equal(done[i].cookie, i);
		}
		assert_memory_equal(pages + nr * PAGE, first, PAGE);
	}
	guarded_free(b, pages, (nr + 1) * PAGE);
}

/** Operations that end badly do not hold up what is behind the fence; a drain ends after them. */
static void test_fences_pass_failures(void **state)
{
	struct backend *b = *state;
	struct svart_completion done[4];
	uint8_t *pages = guarded_alloc(PAGE);
	const struct svart_op ops[] = {
		{ .opcode = SVART_OP_COPY, .dst = pages, .src = pages + PAGE, .length = 8 },
		{ .opcode = 255, .flags = SVART_OP_FENCE, .cookie = 1 },
		{ .opcode = SVART_OP_COPY,
			.flags = SVART_OP_FENCE,
			.cookie = 2,
			.dst = pages + 8,
			.src = pages + 16,
			.length = 8 },
		{ .opcode = SVART_OP_DRAIN, .cookie = 3 },
	};
	unsigned int i, nr = announced(b, SVART_OP_DRAIN) ? 4 : 3;

	backend_need(b, BACKEND_SVART | BACKEND_FENCE_PASSES);
	pages[16] = 9;
	for (i = 0; i < nr; i++)
		prep_patiently(b->q, &ops[i]);
	wait_all(b, done, nr);
	assert_int_equal(done[0].status, SVART_STATUS_BAD_ADDRESS);
	assert_int_equal(done[1].status, SVART_STATUS_INVALID);
	assert_done(&done[2], 8);
	assert_int_equal(pages[8], 9);
	if (nr == 4)
		assert_done(&done[3], 0);
	guarded_free(b, pages, PAGE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		backend_test(test_operations_agree_with_the_reference),
		backend_test(test_known_answers),
		backend_test(test_parts_are_the_whole),
		backend_test(test_bad_pages_of_each_operand),
		backend_test(test_rules_between_operands),
		backend_test(test_operations_of_no_bytes),
		backend_test(test_the_largest_delta_range),
		backend_test(test_fences_order_a_chain),
		backend_test(test_fences_pass_failures),
	};

	return backend_run(argc, argv, tests);
}
