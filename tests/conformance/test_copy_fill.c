/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What copy and fill must do on every backend, with good addresses.
 */

#include "backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD 0xa5

static const size_t sizes[] = { 0, 1, 2, 7, 8, 9, 63, 64, 65, 127, 255, 4095, 4096, 4097, 8191,
	8192, 8193, 65535, 65536, 65537, 1 << 20, (1 << 20) + 13 };

#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void check_copy(struct backend *b, size_t len, size_t src_off, size_t dst_off)
{
	size_t room = len + 2 * PAGE;
	uint8_t *src = guarded_alloc(room), *dst = guarded_alloc(room);
	struct svart_completion done;
	size_t i;

	scramble(src, room, (uint32_t)len + 1);
	memset(dst, GUARD, room);
	done = run_copy(b, dst + dst_off, src + src_off, len);
	assert_done(&done, len);
	assert_memory_equal(dst + dst_off, src + src_off, len);
	for (i = 0; i < dst_off; i++)
		assert_int_equal(dst[i], GUARD);
	for (i = dst_off + len; i < room; i++)
		assert_int_equal(dst[i], GUARD);
	guarded_free(b, src, room);
	guarded_free(b, dst, room);
}

static void test_copy_of_every_size_writes_that_and_no_more(void **state)
{
	size_t i;

	for (i = 0; i < NR_SIZES; i++)
		check_copy(*state, sizes[i], 0, 0);
}

static void test_copy_takes_any_alignment(void **state)
{
	static const size_t offsets[] = { 0, 1, 31, 63, 64, 4095 };
	size_t i, j;

	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		for (j = 0; j < sizeof(offsets) / sizeof(offsets[0]); j++)
			check_copy(*state, 4097, offsets[i], offsets[j]);
	}
}

/** The last byte of each range is the last of its mapping: one byte more would fault. */
static void test_copy_ends_at_the_last_mapped_byte(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(2 * PAGE), *dst = guarded_alloc(2 * PAGE);
	static const size_t lens[] = { 1, 65, 4096, 8192 };
	struct svart_completion done;
	size_t i;

	for (i = 0; i < 4; i++) {
		scramble(src, 2 * PAGE, (uint32_t)i);
		done = run_copy(b, dst + 2 * PAGE - lens[i], src + 2 * PAGE - lens[i], lens[i]);
		assert_done(&done, lens[i]);
		assert_memory_equal(dst + 2 * PAGE - lens[i], src + 2 * PAGE - lens[i], lens[i]);
	}
	guarded_free(b, src, 2 * PAGE);
	guarded_free(b, dst, 2 * PAGE);
}

static void check_overlap(struct backend *b, size_t len, size_t src_off, size_t dst_off)
{
	size_t room = len + (src_off > dst_off ? src_off : dst_off);
	uint8_t *buf = guarded_alloc(room), *expected = malloc(room);
	struct svart_completion done;

	scramble(buf, room, (uint32_t)(len + src_off));
	memcpy(expected, buf, room);
	memmove(expected + dst_off, expected + src_off, len);
	done = run_copy(b, buf + dst_off, buf + src_off, len);
	assert_done(&done, len);
	assert_memory_equal(buf, expected, room);
	free(expected);
	guarded_free(b, buf, room);
}

static void test_copy_overlaps_both_ways_as_memmove(void **state)
{
	struct backend *b = *state;
	static const size_t distances[] = { 0, 1, 63, 64, 4096, 5000 };
	static const size_t lens[] = { 1, 65, 8192, 300000 };
	size_t i, j;

	if (!(b->info.features & SVART_FEATURE_OVERLAP))
		skip();
	for (i = 0; i < 6; i++) {
		for (j = 0; j < 4; j++) {
			check_overlap(b, lens[j], 0, distances[i]);
			check_overlap(b, lens[j], distances[i], 0);
		}
	}
}

static void expected_fill(uint8_t *p, size_t len, uint64_t pattern)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = (uint8_t)(pattern >> (i % 8 * 8));
}

static void check_fill(struct backend *b, size_t len, size_t off, uint64_t pattern)
{
	size_t room = len + 2 * PAGE;
	uint8_t *dst = guarded_alloc(room), *expected = malloc(room);
	struct svart_completion done;

	memset(dst, GUARD, room);
	memset(expected, GUARD, room);
	expected_fill(expected + off, len, pattern);
	done = run_fill(b, dst + off, pattern, len);
	assert_done(&done, len);
	assert_memory_equal(dst, expected, room);
	free(expected);
	guarded_free(b, dst, room);
}

static void test_fill_of_every_size_writes_that_and_no_more(void **state)
{
	size_t i;

	for (i = 0; i < NR_SIZES; i++)
		check_fill(*state, sizes[i], i % 9, UINT64_C(0x0123456789abcdef) + i);
}

static void test_noop_completes(void **state)
{
	struct backend *b = *state;
	struct svart_op op = { .opcode = SVART_OP_NOOP, .cookie = 77 };
	struct svart_completion done;

	assert_int_equal(svart_queue_prep(b->q, &op, 1), 1);
	wait_all(b, &done, 1);
	assert_done(&done, 0);
	assert_int_equal(done.cookie, 77);
}

static void test_cold_memory_is_faulted_in(void **state)
{
	struct backend *b = *state;
	const size_t len = 8 << 20;
	uint8_t *src = guarded_alloc(len), *dst = guarded_alloc(len);
	struct svart_fault_stats before, after;
	struct svart_completion done;
	uint8_t *zero = calloc(1, len);

	svart_fault_stats_get(b->faults, &before);
	done = run_copy(b, dst, src, len); /* Neither was ever touched. */
	svart_fault_stats_get(b->faults, &after);
	assert_done(&done, len);
	assert_memory_equal(dst, zero, len);
	if (b->info.features & SVART_FEATURE_PAGE_REQUESTS) {
		assert_true(after.page_requests > before.page_requests);
		assert_true(after.answers_success > before.answers_success);
	}
	assert_int_equal(after.answers_invalid, before.answers_invalid);
	free(zero);
	guarded_free(b, src, len);
	guarded_free(b, dst, len);
}

static void test_malloc_and_stack_memory_serve(void **state)
{
	struct backend *b = *state;
	uint8_t on_stack[3000], *on_heap = malloc(3000);
	struct svart_completion done;

	scramble(on_heap, 3000, 5);
	done = run_copy(b, on_stack, on_heap, 3000);
	assert_done(&done, 3000);
	assert_memory_equal(on_stack, on_heap, 3000);
	assert_int_equal(svart_space_forget(b->space, on_stack, 3000), 0);
	assert_int_equal(svart_space_forget(b->space, on_heap, 3000), 0);
	free(on_heap);
}

static void test_completions_come_in_the_order_of_prep(void **state)
{
	struct backend *b = *state;
	const unsigned int nr = b->info.queue_depth;
	uint8_t *buf = guarded_alloc(nr * 64u), *out = guarded_alloc(nr * 64u);
	struct svart_completion *done = calloc(nr, sizeof(*done));
	unsigned int i;

	scramble(buf, nr * 64u, 3);
	for (i = 0; i < nr; i++)
		assert_int_equal(
			svart_queue_prep_copy(b->q, out + i * 64u, buf + i * 64u, 64, 0, i), 1);
	assert_int_equal(svart_queue_in_flight(b->q), nr);
	assert_int_equal(
		svart_queue_prep_copy(b->q, out, buf, 64, 0, nr), 0); /* The ring is full. */
	wait_all(b, done, nr);
	for (i = 0; i < nr; i++) {
		assert_done(&done[i], 64);
		assert_int_equal(done[i].cookie, i);
	}
	assert_memory_equal(out, buf, nr * 64u);
	assert_int_equal(svart_queue_in_flight(b->q), 0);
	free(done);
	guarded_free(b, buf, nr * 64u);
	guarded_free(b, out, nr * 64u);
}

static void test_a_burst_of_ops_is_taken_as_far_as_there_is_room(void **state)
{
	struct backend *b = *state;
	const unsigned int nr = b->info.queue_depth + 5;
	struct svart_op *ops = calloc(nr, sizeof(*ops));
	struct svart_completion *done = calloc(nr, sizeof(*done));
	uint8_t *buf = guarded_alloc(nr * 8u);
	unsigned int i, taken;

	for (i = 0; i < nr; i++)
		ops[i] = (struct svart_op){ .opcode = SVART_OP_FILL,
			.cookie = i,
			.dst = buf + i * 8u,
			.pattern = i,
			.length = 8 };
	taken = svart_queue_prep(b->q, ops, (uint16_t)nr);
	assert_int_equal(taken, b->info.queue_depth);
	wait_all(b, done, taken);
	assert_int_equal(svart_queue_prep(b->q, ops + taken, (uint16_t)(nr - taken)), nr - taken);
	wait_all(b, done + taken, nr - taken);
	for (i = 0; i < nr; i++) {
		assert_done(&done[i], 8);
		assert_int_equal(done[i].cookie, i);
		assert_int_equal(((uint64_t *)(void *)buf)[i], i);
	}
	free(ops);
	free(done);
	guarded_free(b, buf, nr * 8u);
}

static void test_malformed_ops_complete_as_invalid_in_their_place(void **state)
{
	struct backend *b = *state;
	uint8_t src[64] = { 1 }, dst[64] = { 0 };
	struct svart_op ops[] = {
		{ .opcode = SVART_OP_COPY, .cookie = 0, .dst = dst, .src = src, .length = 32 },
		{ .opcode = 200, .cookie = 1, .dst = dst, .src = src, .length = 32 },
		{ .opcode = SVART_OP_COPY,
			.flags = 0x80,
			.cookie = 2,
			.dst = dst,
			.src = src,
			.length = 32 },
		{ .opcode = SVART_OP_COPY,
			.reserved = { 1 },
			.cookie = 3,
			.dst = dst,
			.src = src,
			.length = 32 },
		{ .opcode = SVART_OP_COPY,
			.cookie = 4,
			.dst = dst,
			.src = src,
			.length = b->info.max_transfer_bytes + 1 },
		{ .opcode = SVART_OP_COPY,
			.cookie = 5,
			.dst = dst + 32,
			.src = src + 32,
			.length = 32 },
	};
	struct svart_completion done[6];
	unsigned int i;

	assert_int_equal(svart_queue_prep(b->q, ops, 6), 6);
	wait_all(b, done, 6);
	for (i = 0; i < 6; i++) {
		assert_int_equal(done[i].cookie, i);
		assert_int_equal(
			done[i].status, i == 0 || i == 5 ? SVART_STATUS_OK : SVART_STATUS_INVALID);
	}
	assert_memory_equal(dst, src, 64);
	assert_int_equal(svart_space_forget(b->space, src, sizeof(src)), 0);
	assert_int_equal(svart_space_forget(b->space, dst, sizeof(dst)), 0);
}

static void test_file_mappings_serve_as_source(void **state)
{
	struct backend *b = *state;
	const char *dir = getenv("TMPDIR");
	char path[256];
	int fd;
	uint8_t *content = malloc(3 * PAGE), *out = guarded_alloc(3 * PAGE);
	struct svart_completion done;
	void *map;

	snprintf(path, sizeof(path), "%s/svart-conformance-XXXXXX", dir != NULL ? dir : "/tmp");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	scramble(content, 3 * PAGE, 9);
	assert_int_equal(write(fd, content, 3 * PAGE), 3 * PAGE);
	map = mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	done = run_copy(b, out, map, 3 * PAGE);
	assert_done(&done, 3 * PAGE);
	assert_memory_equal(out, content, 3 * PAGE);
	assert_int_equal(svart_space_forget(b->space, map, 3 * PAGE), 0);
	munmap(map, 3 * PAGE);
	close(fd);
	unlink(path);
	free(content);
	guarded_free(b, out, 3 * PAGE);
}

static void test_memfd_serves_as_destination(void **state)
{
	struct backend *b = *state;
	int fd = memfd_create("conformance", 0);
	uint8_t *src = guarded_alloc(2 * PAGE), back[2 * PAGE];
	struct svart_completion done;
	void *map;

	assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
	map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	scramble(src, 2 * PAGE, 10);
	done = run_copy(b, map, src, 2 * PAGE);
	assert_done(&done, 2 * PAGE);
	assert_int_equal(pread(fd, back, sizeof(back), 0), sizeof(back));
	assert_memory_equal(back, src, sizeof(back));
	assert_int_equal(svart_space_forget(b->space, map, 2 * PAGE), 0);
	munmap(map, 2 * PAGE);
	close(fd);
	guarded_free(b, src, 2 * PAGE);
}

/** Random copies and fills inside one arena, many in flight when they do not touch each other. */
static void test_random_operations_agree_with_memmove(void **state)
{
	struct backend *b = *state;
	const size_t arena = 1 << 20;
	uint8_t *real = guarded_alloc(arena), *expected = malloc(arena);
	uint32_t seed = test_seed(), round;

	scramble(real, arena, seed);
	memcpy(expected, real, arena);
	for (round = 0; round < 400; round++) {
		size_t len = test_random(&seed) % (test_random(&seed) % 4 == 0 ? 100000 : 5000);
		size_t to = test_random(&seed) % (arena - len),
		       from = test_random(&seed) % (arena - len);
		uint64_t pattern = (uint64_t)test_random(&seed) << 32 | test_random(&seed);
		struct svart_completion done;

		if (test_random(&seed) % 3 == 0) {
			expected_fill(expected + to, len, pattern);
			done = run_fill(b, real + to, pattern, len);
		} else {
			if (!(b->info.features & SVART_FEATURE_OVERLAP) && to < from + len &&
				from < to + len)
				continue;
			memmove(expected + to, expected + from, len);
			done = run_copy(b, real + to, real + from, len);
		}
		assert_done(&done, len);
		if (test_random(&seed) % 16 == 0)
			assert_int_equal(svart_space_forget(b->space, real + to, len), 0);
	}
	assert_memory_equal(real, expected, arena);
	free(expected);
	guarded_free(b, real, arena);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_of_every_size_writes_that_and_no_more),
		cmocka_unit_test(test_copy_takes_any_alignment),
		cmocka_unit_test(test_copy_ends_at_the_last_mapped_byte),
		cmocka_unit_test(test_copy_overlaps_both_ways_as_memmove),
		cmocka_unit_test(test_fill_of_every_size_writes_that_and_no_more),
		cmocka_unit_test(test_noop_completes),
		cmocka_unit_test(test_cold_memory_is_faulted_in),
		cmocka_unit_test(test_malloc_and_stack_memory_serve),
		cmocka_unit_test(test_completions_come_in_the_order_of_prep),
		cmocka_unit_test(test_a_burst_of_ops_is_taken_as_far_as_there_is_room),
		cmocka_unit_test(test_malformed_ops_complete_as_invalid_in_their_place),
		cmocka_unit_test(test_file_mappings_serve_as_source),
		cmocka_unit_test(test_memfd_serves_as_destination),
		cmocka_unit_test(test_random_operations_agree_with_memmove),
	};

	backend_configure(argc, argv);
	return cmocka_run_group_tests(tests, backend_open, backend_close);
}
