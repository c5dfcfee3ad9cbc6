/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What copies, of one piece and of lists, and fills must do on every backend, with good addresses.
 */

#include "backend.h"

#include <linux/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD 0xa5

static const size_t sizes[] = { 0, 1, 2, 7, 8, 9, 63, 64, 65, 127, 255, 4095, 4096, 4097, 8191,
	8192, 8193, 65535, 65536, 65537, 1 << 20, (1 << 20) + 13 };

#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

/** DPDK says nothing of an operation of no bytes. */
static size_t first_size(const struct backend *b)
{
	return (b->features & BACKEND_NO_LENGTH) != 0 ? 0 : 1;
}

static void check_copy(struct backend *b, size_t len, size_t src_off, size_t dst_off)
{
	const size_t room = len + 2 * PAGE;
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
	struct backend *b = *state;
	size_t i;

	for (i = first_size(b); i < NR_SIZES; i++)
		check_copy(b, sizes[i], 0, 0);
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

	backend_need(b, BACKEND_OVERLAP);
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
	const size_t room = len + 2 * PAGE;
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
	struct backend *b = *state;
	size_t i;

	backend_need(b, BACKEND_FILL);
	for (i = first_size(b); i < NR_SIZES; i++)
		check_fill(b, sizes[i], i % 9, UINT64_C(0x0123456789abcdef) + i);
}

/** The last byte of the range is the last of its mapping: one byte more would fault. */
static void test_fill_ends_at_the_last_mapped_byte(void **state)
{
	struct backend *b = *state;
	uint8_t *dst = guarded_alloc(2 * PAGE), expected[65];
	static const size_t lens[] = { 1, 8, 9, 65 };
	struct svart_completion done;
	size_t i;

	backend_need(b, BACKEND_FILL);
	for (i = 0; i < 4; i++) {
		expected_fill(expected, lens[i], UINT64_C(0x8877665544332211));
		done = run_fill(b, dst + 2 * PAGE - lens[i], UINT64_C(0x8877665544332211), lens[i]);
		assert_done(&done, lens[i]);
		assert_memory_equal(dst + 2 * PAGE - lens[i], expected, lens[i]);
	}
	guarded_free(b, dst, 2 * PAGE);
}

static void test_noop_completes(void **state)
{
	struct backend *b = *state;
	struct svart_op op = { .opcode = SVART_OP_NOOP, .cookie = 77 };
	struct svart_completion done;

	backend_need(b, BACKEND_SVART);
	assert_int_equal(svart_queue_prep(b->q, &op, 1), 1);
	wait_all(b, &done, 1);
	assert_done(&done, 0);
	assert_int_equal(done.cookie, 77);
}

/** By page requests, where the device has them. */
static void test_cold_memory_is_faulted_in(void **state)
{
	struct backend *b = *state;
	const size_t len = 8 << 20;
	uint8_t *src = guarded_alloc(len), *dst = guarded_alloc(len);
	struct svart_fault_stats before = SVART_FAULT_STATS_INIT(),
				 after = SVART_FAULT_STATS_INIT();
	struct svart_completion done;

	backend_need(b, BACKEND_SVART);
	svart_fault_stats_get(b->faults, &before);
	done = run_copy(b, dst, src, len); /* Neither was ever touched. */
	svart_fault_stats_get(b->faults, &after);
	assert_done(&done, len);
	if (b->info.features & SVART_FEATURE_PAGE_REQUESTS) {
		assert_true(after.page_requests > before.page_requests);
		assert_true(after.answers_success > before.answers_success);
	}
	assert_int_equal(after.answers_invalid, before.answers_invalid);
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
	forget(b, on_stack, 3000);
	forget(b, on_heap, 3000);
	free(on_heap);
}

/** Not at their edges, and not touched before. */
static void test_hugepages_serve(void **state)
{
	struct backend *b = *state;
	const size_t half = 4u << 20, len = half - PAGE;
	uint8_t *area = mmap(NULL, 2 * half, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB, -1, 0);
	struct svart_completion done;

	if (area == MAP_FAILED)
		backend_skip("the system has no 4 free hugepages of 2 MiB (vm.nr_hugepages)");
	scramble(area, len / 2, 11);
	done = run_copy(b, area + half + 7, area + 100, len);
	assert_done(&done, len);
	assert_memory_equal(area + half + 7, area + 100, len);
	assert_int_equal(area[half + 6], 0);
	assert_int_equal(area[half + 7 + len], 0);
	forget(b, area, 2 * half);
	assert_int_equal(munmap(area, 2 * half), 0);
}

static void test_completions_come_in_the_order_of_prep(void **state)
{
	struct backend *b = *state;
	const unsigned int nr = b->ring / 2;
	uint8_t *buf = guarded_alloc(nr * 64u), *out = guarded_alloc(nr * 64u);
	struct svart_completion *done = calloc(nr, sizeof(*done));
	unsigned int i;

	scramble(buf, nr * 64u, 3);
	for (i = 0; i < nr; i++)
		assert_true(enqueue_copy(b, out + i * 64u, buf + i * 64u, 64, 0, i));
	wait_all(b, done, nr);
	for (i = 0; i < nr; i++) {
		assert_done(&done[i], 64);
		assert_int_equal(done[i].cookie, i);
	}
	assert_memory_equal(out, buf, nr * 64u);
	free(done);
	guarded_free(b, buf, nr * 64u);
	guarded_free(b, out, nr * 64u);
}

static void test_a_burst_of_ops_is_taken_as_far_as_there_is_room(void **state)
{
	struct backend *b = *state;
	const unsigned int nr = b->ring + 5;
	struct svart_op *ops;
	struct svart_completion *done;
	uint8_t *buf;
	unsigned int i, taken;

	backend_need(b, BACKEND_SVART);
	ops = calloc(nr, sizeof(*ops));
	done = calloc(nr, sizeof(*done));
	buf = guarded_alloc(nr * 8u);
	for (i = 0; i < nr; i++)
		ops[i] = (struct svart_op){ .opcode = SVART_OP_FILL,
			.cookie = i,
			.dst = buf + i * 8u,
			.pattern = i,
			.length = 8 };
	taken = svart_queue_prep(b->q, ops, (uint16_t)nr);
	assert_int_equal(taken, b->ring);
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
			.reserved = 1,
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

	backend_need(b, BACKEND_SVART);
	assert_int_equal(svart_queue_prep(b->q, ops, 6), 6);
	wait_all(b, done, 6);
	for (i = 0; i < 6; i++) {
		assert_int_equal(done[i].cookie, i);
		assert_int_equal(
			done[i].status, i == 0 || i == 5 ? SVART_STATUS_OK : SVART_STATUS_INVALID);
	}
	assert_memory_equal(dst, src, 64);
	forget(b, src, sizeof(src));
	forget(b, dst, sizeof(dst));
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
	forget(b, map, 3 * PAGE);
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
	forget(b, map, 2 * PAGE);
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
		size_t len = 1 + test_random(&seed) % (test_random(&seed) % 4 == 0 ? 100000 : 5000);
		size_t to = test_random(&seed) % (arena - len),
		       from = test_random(&seed) % (arena - len);
		uint64_t pattern = (uint64_t)test_random(&seed) << 32 | test_random(&seed);
		struct svart_completion done;

		if (test_random(&seed) % 3 == 0 && (b->features & BACKEND_FILL) != 0) {
			expected_fill(expected + to, len, pattern);
			done = run_fill(b, real + to, pattern, len);
		} else {
			if (!(b->features & BACKEND_OVERLAP) && to < from + len && from < to + len)
				continue;
			memmove(expected + to, expected + from, len);
			done = run_copy(b, real + to, real + from, len);
		}
		assert_done(&done, len);
		if (test_random(&seed) % 16 == 0)
			forget(b, real + to, len);
	}
	assert_memory_equal(real, expected, arena);
	free(expected);
	guarded_free(b, real, arena);
}

/* --- lists ------------------------------------------------------------------------------------- */

/** Cuts len bytes of a buffer into nr pieces, with gap bytes between them. */
static void cut(struct backend_piece *pieces, unsigned int nr, uint8_t *buf, size_t len, size_t gap)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		size_t from = len * i / nr, to = len * (i + 1) / nr;

		pieces[i].addr = buf + from + gap * i;
		pieces[i].length = (uint32_t)(to - from);
	}
}

/** What a list of pieces must leave in a buffer of GUARD bytes. */
static void expect_pieces(uint8_t *expected, const uint8_t *dst, size_t room,
	const struct backend_piece *to, unsigned int nr, const uint8_t *data)
{
	unsigned int i;

	memset(expected, GUARD, room);
	for (i = 0; i < nr; i++) {
		memcpy(expected + ((const uint8_t *)to[i].addr - dst), data, to[i].length);
		data += to[i].length;
	}
}

static void check_lists(struct backend *b, unsigned int nr_dst, unsigned int nr_src, size_t len)
{
	const size_t gap = 77, room = len + 16 * gap;
	uint8_t *src = guarded_alloc(room), *dst = guarded_alloc(room), *expected = malloc(room);
	uint8_t *data = malloc(len);
	struct backend_piece to[8], from[8];
	struct svart_completion done = { 0 };
	unsigned int i;

	scramble(data, len, (uint32_t)len);
	cut(to, nr_dst, dst, len, gap);
	cut(from, nr_src, src, len, gap);
	for (i = 0; i < nr_src; i++)
		memcpy(from[i].addr, data + len * i / nr_src, from[i].length);
	expect_pieces(expected, dst, room, to, nr_dst, data);
	memset(dst, GUARD, room);
	assert_true(backend_enqueue_lists(b, to, nr_dst, from, nr_src, 5));
	memset(to, 0, sizeof(to)); /* The lists are the caller's again. */
	memset(from, 0, sizeof(from));
	wait_all(b, &done, 1);
	assert_done(&done, len);
	assert_int_equal(done.cookie, 5);
	assert_memory_equal(dst, expected, room);
	free(data);
	free(expected);
	guarded_free(b, src, room);
	guarded_free(b, dst, room);
}

static void test_lists_of_any_shape_are_copied(void **state)
{
	struct backend *b = *state;
	unsigned int nr_dst, nr_src;

	backend_need(b, BACKEND_LISTS);
	for (nr_dst = 1; nr_dst <= 8; nr_dst++) {
		for (nr_src = 1; nr_src <= 8; nr_src++) {
			check_lists(b, nr_dst, nr_src, 50);
			check_lists(b, nr_dst, nr_src, 30011);
		}
	}
}

static void test_a_list_is_one_operation(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(PAGE), *dst = guarded_alloc(PAGE);
	struct backend_piece to[4], from[3];
	struct svart_completion done[9];
	unsigned int i;

	backend_need(b, BACKEND_LISTS);
	cut(to, 4, dst, PAGE, 0);
	cut(from, 3, src, PAGE, 0);
	for (i = 0; i < 8; i++)
		assert_true(backend_enqueue_lists(b, to, 4, from, 3, i));
	assert_true(enqueue_copy(b, dst, src, PAGE, 0, 8));
	wait_all(b, done, 9);
	for (i = 0; i < 9; i++)
		assert_int_equal(done[i].cookie, i);
	assert_int_equal(backend_poll(b, 0, done, 1), 0);
	guarded_free(b, src, PAGE);
	guarded_free(b, dst, PAGE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		backend_test(test_copy_of_every_size_writes_that_and_no_more),
		backend_test(test_copy_takes_any_alignment),
		backend_test(test_copy_ends_at_the_last_mapped_byte),
		backend_test(test_copy_overlaps_both_ways_as_memmove),
		backend_test(test_fill_of_every_size_writes_that_and_no_more),
		backend_test(test_fill_ends_at_the_last_mapped_byte),
		backend_test(test_noop_completes),
		backend_test(test_cold_memory_is_faulted_in),
		backend_test(test_malloc_and_stack_memory_serve),
		backend_test(test_hugepages_serve),
		backend_test(test_completions_come_in_the_order_of_prep),
		backend_test(test_a_burst_of_ops_is_taken_as_far_as_there_is_room),
		backend_test(test_malformed_ops_complete_as_invalid_in_their_place),
		backend_test(test_file_mappings_serve_as_source),
		backend_test(test_memfd_serves_as_destination),
		backend_test(test_random_operations_agree_with_memmove),
		backend_test(test_lists_of_any_shape_are_copied),
		backend_test(test_a_list_is_one_operation),
	};

	return backend_run(argc, argv, tests);
}
