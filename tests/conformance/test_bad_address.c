/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A bad address is an answer, not a crash, and nothing is written beyond it. svart's own completions
 * name it, what lies before it is done, and no other operation notices.
 */

#include "backend.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NR_PAGES 8u
#define LEN      (NR_PAGES * PAGE)

enum hole { HOLE_UNMAPPED, HOLE_PROT_NONE, HOLE_READ_ONLY, NR_HOLES };

/**
 * Makes page `at` of an area unusable. Sanitizers map pages when a thread starts, and must not do so where nothing
 * is to be: so the backend's threads have done something before.
 */
static void dig(struct backend *b, uint8_t *area, unsigned int at, enum hole hole)
{
	uint8_t *page = area + at * PAGE, from[8] = { 0 }, to[8];

	run_copy(b, to, from, sizeof(from));

	switch (hole) {
	case HOLE_UNMAPPED:
		assert_int_equal(munmap(page, PAGE), 0);
		break;
	case HOLE_PROT_NONE:
		assert_int_equal(mprotect(page, PAGE, PROT_NONE), 0);
		break;
	default:
		assert_int_equal(mprotect(page, PAGE, PROT_READ), 0);
		break;
	}
}

static void assert_bad(const struct backend *b, const struct svart_completion *done,
	const uint8_t *area, unsigned int at, uint64_t bytes_done, bool write)
{
	assert_int_equal(done->status, SVART_STATUS_BAD_ADDRESS);
	if ((b->features & BACKEND_TELLS_WHERE) == 0)
		return;
	assert_true(done->flags & SVART_COMPLETION_FAULT_ADDR);
	assert_int_equal(!!(done->flags & SVART_COMPLETION_FAULT_WRITE), write);
	assert_int_equal(done->fault_addr & ~(uint64_t)(PAGE - 1), (uintptr_t)(area + at * PAGE));
	assert_int_equal(done->bytes_done, bytes_done);
}

static void check_source(struct backend *b, unsigned int at, enum hole hole, size_t off)
{
	uint8_t *src = guarded_alloc(LEN), *dst = guarded_alloc(LEN);
	uint64_t good = at * PAGE > off ? at * PAGE - off : 0;
	struct svart_completion done;

	scramble(src, LEN, at);
	dig(b, src, at, hole);
	done = run_copy(b, dst, src + off, LEN - off);
	assert_bad(b, &done, src, at, good, false);
	if ((b->features & BACKEND_TELLS_WHERE) != 0)
		assert_memory_equal(dst, src + off, good);
	guarded_free(b, src, LEN);
	guarded_free(b, dst, LEN);
}

static void test_bad_source_at_start_middle_and_end_stops_there(void **state)
{
	static const enum hole holes[] = { HOLE_UNMAPPED, HOLE_PROT_NONE };
	static const unsigned int places[] = { 0, 3, NR_PAGES - 1 };
	struct backend *b = *state;
	unsigned int i, j;

	backend_need(b, BACKEND_ERRORS);
	for (i = 0; i < 2; i++) {
		for (j = 0; j < 3; j++) {
			check_source(b, places[j], holes[i], 0);
			check_source(b, places[j], holes[i], 100);
		}
	}
}

static void assert_zero(const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		assert_int_equal(p[i], 0);
}

static void check_destination(
	struct backend *b, unsigned int at, enum hole hole, size_t off, bool fill)
{
	uint8_t *src = guarded_alloc(LEN), *dst = guarded_alloc(LEN);
	uint64_t good = at * PAGE > off ? at * PAGE - off : 0;
	struct svart_completion done;

	if (fill)
		memset(src, 0x5a, LEN);
	else
		scramble(src, LEN, at);
	dig(b, dst, at, hole);
	done = fill ? run_fill(b, dst + off, UINT64_C(0x5a5a5a5a5a5a5a5a), LEN - off)
		    : run_copy(b, dst + off, src, LEN - off);
	assert_bad(b, &done, dst, at, good, true);
	if ((b->features & BACKEND_TELLS_WHERE) != 0)
		assert_memory_equal(dst + off, src, good);
	if (hole == HOLE_READ_ONLY)
		assert_zero(dst + at * PAGE, PAGE);
	if (at > 0)
		assert_zero(dst, off);
	guarded_free(b, src, LEN);
	guarded_free(b, dst, LEN);
}

static void test_bad_destination_at_start_middle_and_end_stops_there(void **state)
{
	static const unsigned int places[] = { 0, 3, NR_PAGES - 1 };
	struct backend *b = *state;
	unsigned int hole, j;

	backend_need(b, BACKEND_ERRORS);
	for (hole = 0; hole < NR_HOLES; hole++) {
		for (j = 0; j < 3; j++) {
			check_destination(b, places[j], (enum hole)hole, 0, false);
			check_destination(b, places[j], (enum hole)hole, 200, false);
			if ((b->features & BACKEND_FILL) != 0)
				check_destination(b, places[j], (enum hole)hole, 0, true);
		}
	}
}

static void test_null_and_kernel_addresses_are_answered(void **state)
{
	struct backend *b = *state;
	static const uintptr_t addrs[] = { 0, 0x1000, 0x7ffffffff000, 0xffff800000000000,
		0xfffffffffffff000 };
	uint8_t *good = guarded_alloc(PAGE);
	struct svart_completion done;
	unsigned int i;

	backend_need(b, BACKEND_ERRORS);
	for (i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
		done = run_copy(b, good, (const void *)addrs[i], 64);
		assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
		assert_int_equal(done.bytes_done, 0);
		done = run_copy(b, (void *)addrs[i], good, 64);
		assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
		if ((b->features & BACKEND_FILL) == 0)
			continue;
		done = run_fill(b, (void *)addrs[i], 1, 64);
		assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
	}
	done = run_copy(b, good + 64, good, 64);
	assert_done(&done, 64);
	guarded_free(b, good, PAGE);
}

static void test_other_operations_in_flight_are_not_disturbed(void **state)
{
	struct backend *b = *state;
	enum { NR = 16 };
	uint8_t *src = guarded_alloc(NR * PAGE), *dst = guarded_alloc(NR * PAGE);
	uint8_t *bad = guarded_alloc(PAGE);
	struct svart_completion done[NR];
	unsigned int i;

	backend_need(b, BACKEND_ERRORS);
	scramble(src, NR * PAGE, 1);
	dig(b, bad, 0, HOLE_UNMAPPED);
	for (i = 0; i < NR; i++)
		assert_true(enqueue_copy(
			b, dst + i * PAGE, i % 4 == 2 ? bad : src + i * PAGE, PAGE, 0, i));
	wait_all(b, done, NR);
	for (i = 0; i < NR; i++) {
		assert_int_equal(done[i].cookie, i);
		if (i % 4 == 2) {
			assert_bad(b, &done[i], bad, 0, 0, false);
		} else if (done[i].status == SVART_STATUS_ABORTED) { /* DPDK: NOT_ATTEMPTED. */
			assert_false((b->features & BACKEND_SVART) != 0);
			assert_zero(dst + i * PAGE, PAGE);
		} else {
			assert_done(&done[i], PAGE);
			assert_memory_equal(dst + i * PAGE, src + i * PAGE, PAGE);
		}
	}
	guarded_free(b, src, NR * PAGE);
	guarded_free(b, dst, NR * PAGE);
	guarded_free(b, bad, PAGE);
}

static void test_what_is_left_can_be_submitted_after_mending(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(LEN), *dst = guarded_alloc(LEN);
	struct svart_completion done;
	uint64_t left;

	backend_need(b, BACKEND_ERRORS);
	scramble(src, LEN, 2);
	assert_int_equal(mprotect(dst + 3 * PAGE, PAGE, PROT_NONE), 0);
	done = run_copy(b, dst, src, LEN);
	assert_bad(b, &done, dst, 3, 3 * PAGE, true);
	assert_int_equal(mprotect(dst + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
	left = LEN - done.bytes_done; /* All of it where the device does not tell. */
	done = run_copy(b, dst + LEN - left, src + LEN - left, left);
	assert_done(&done, left);
	assert_memory_equal(dst, src, LEN);
	guarded_free(b, src, LEN);
	guarded_free(b, dst, LEN);
}

static void test_read_only_memory_serves_as_source(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(LEN), *dst = guarded_alloc(LEN);
	struct svart_completion done;

	scramble(src, LEN, 3);
	assert_int_equal(mprotect(src, LEN, PROT_READ), 0);
	done = run_copy(b, dst, src, LEN);
	assert_done(&done, LEN);
	assert_memory_equal(dst, src, LEN);
	guarded_free(b, src, LEN);
	guarded_free(b, dst, LEN);
}

/** Read as a source first, so that it may be mapped read-only, then written by the device. */
static void test_memory_that_was_source_serves_as_destination(void **state)
{
	struct backend *b = *state;
	int fd = memfd_create("upgrade", 0);
	uint8_t *other = guarded_alloc(LEN), *map;
	struct svart_completion done;

	assert_int_equal(ftruncate(fd, LEN), 0);
	map = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	scramble(map, LEN, 4);
	done = run_copy(b, other, map, LEN);
	assert_done(&done, LEN);
	memset(other, 0x11, LEN);
	done = run_copy(b, map, other, LEN);
	assert_done(&done, LEN);
	assert_memory_equal(map, other, LEN);
	forget(b, map, LEN);
	munmap(map, LEN);
	close(fd);
	guarded_free(b, other, LEN);
}

static void test_no_block_stops_at_the_first_missing_page(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(LEN), *dst = guarded_alloc(LEN);
	struct svart_completion done;
	uint64_t total = 0;

	backend_need(b, BACKEND_SVART);
	scramble(src, LEN, 5);
	assert_int_equal(svart_queue_prep_copy(b->q, dst, src, LEN, SVART_OP_NO_BLOCK, 9), 1);
	wait_all(b, &done, 1);
	assert_int_equal(done.status, SVART_STATUS_PARTIAL);
	assert_true(done.flags & SVART_COMPLETION_FAULT_ADDR);
	total = done.bytes_done;
	assert_true(total < LEN);
	done = run_copy(b, dst + total, src + total, LEN - total); /* Waits for pages. */
	assert_done(&done, LEN - total);
	assert_memory_equal(dst, src, LEN);
	guarded_free(b, src, LEN);
	guarded_free(b, dst, LEN);
}

/** One piece of a list is bad: an error of the whole. */
static void test_a_bad_piece_of_a_list_is_answered(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(3 * PAGE), *dst = guarded_alloc(3 * PAGE);
	struct backend_piece to[3], from[3];
	struct svart_completion done = { 0 };
	unsigned int bad, i;

	backend_need(b, BACKEND_ERRORS | BACKEND_LISTS);
	for (bad = 0; bad < 6; bad++) {
		for (i = 0; i < 3; i++) {
			to[i] = (struct backend_piece){ bad == i ? NULL : dst + i * PAGE, 100 };
			from[i] =
				(struct backend_piece){ bad == i + 3 ? NULL : src + i * PAGE, 100 };
		}
		assert_true(backend_enqueue_lists(b, to, 3, from, 3, bad));
		wait_all(b, &done, 1);
		assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
		assert_int_equal(done.cookie, bad);
	}
	guarded_free(b, src, 3 * PAGE);
	guarded_free(b, dst, 3 * PAGE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		backend_test(test_bad_source_at_start_middle_and_end_stops_there),
		backend_test(test_bad_destination_at_start_middle_and_end_stops_there),
		backend_test(test_null_and_kernel_addresses_are_answered),
		backend_test(test_other_operations_in_flight_are_not_disturbed),
		backend_test(test_what_is_left_can_be_submitted_after_mending),
		backend_test(test_read_only_memory_serves_as_source),
		backend_test(test_memory_that_was_source_serves_as_destination),
		backend_test(test_a_bad_piece_of_a_list_is_answered),
		backend_test(test_no_block_stops_at_the_first_missing_page),
	};

	return backend_run(argc, argv, tests);
}
