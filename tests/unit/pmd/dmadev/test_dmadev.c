/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "dmadev_vchan.h"
#include "fake_queue.h"

#define PAGE       ((size_t)4096)
#define SUBMIT     RTE_DMA_OP_FLAG_SUBMIT
#define FENCE      RTE_DMA_OP_FLAG_FENCE
#define SUCCESSFUL RTE_DMA_STATUS_SUCCESSFUL

/** Pages that can be read and written, page-aligned. */
#define PAGES 64

/** A running vchan 0 on a fake queue. */
struct rig {
	struct fake_queue fake;
	struct svart_dmadev_vchan *vchans[1];
	struct svart_dmadev_vchan *v;
	uint8_t *src, *dst;
};

static void rig_start(struct rig *r, uint16_t nb_desc, uint32_t depth, uint64_t max_transfer)
{
	struct svart_dmadev_vchan_params params = {
		.nb_desc = nb_desc,
		.depth = depth,
		.max_transfer_bytes = max_transfer,
		.is_dsa = true,
	};
	size_t i;

	fake_queue_init(&r->fake, depth);
	assert_int_equal(svart_dmadev_vchan_create(&params, &r->v), 0);
	r->vchans[0] = r->v;
	r->src = mmap(
		NULL, 2 * PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(r->src, MAP_FAILED);
	r->dst = r->src + PAGES * PAGE;
	for (i = 0; i < PAGES * PAGE; i++)
		r->src[i] = (uint8_t)(i * 7 + i / 251);
	svart_dmadev_vchan_start(r->v, &r->fake.fast);
}

static void rig_end(struct rig *r)
{
	svart_dmadev_vchan_destroy(r->v);
	munmap(r->src, 2 * PAGES * PAGE);
}

static rte_iova_t at(const void *p)
{
	return (uintptr_t)p;
}

/** Copies len bytes at offset off of both areas. */
static int copy(struct rig *r, size_t off, uint32_t len, uint64_t flags)
{
	return svart_dmadev_copy(r->vchans, 0, at(r->src + off), at(r->dst + off), len, flags);
}

static uint16_t completed(struct rig *r, uint16_t nr, uint16_t *last, bool *error)
{
	*error = false;
	return svart_dmadev_completed(r->vchans, 0, nr, last, error);
}

/** Takes nr completions that are all successful, letting the device run. */
static void expect_successful(struct rig *r, unsigned int nr)
{
	uint16_t last;
	bool error;
	unsigned int got = 0, idle = 0;

	while (got < nr) {
		fake_queue_run(&r->fake);
		got += completed(r, (uint16_t)(nr - got), &last, &error);
		assert_false(error);
		assert_true(idle++ < 100000);
	}
}

static enum rte_dma_status_code next_status(struct rig *r)
{
	enum rte_dma_status_code status;
	uint16_t last;
	int i;

	for (i = 0; i < 1000; i++) {
		fake_queue_run(&r->fake);
		if (svart_dmadev_completed_status(r->vchans, 0, 1, &last, &status) == 1)
			return status;
	}
	fail_msg("no completion");
	return RTE_DMA_STATUS_ERROR_UNKNOWN;
}

/* --- ids and capacity ------------------------------------------------------------------------- */

static void test_dmadev_ids_start_at_0_and_wrap_after_65535(void **state)
{
	struct rig r;
	uint16_t last;
	bool error;
	int i;

	(void)state;
	rig_start(&r, 8, 4, UINT32_MAX);
	for (i = 0; i < 140000; i++) {
		assert_int_equal(copy(&r, 0, 8, SUBMIT), i & UINT16_MAX);
		fake_queue_run(&r.fake);
		assert_int_equal(completed(&r, 8, &last, &error), 1);
		assert_int_equal(last, i & UINT16_MAX);
	}
	rig_end(&r);
}

static void test_dmadev_ring_takes_exactly_nb_desc(void **state)
{
	static const uint16_t sizes[] = { 1, 2, 5, 64, 300 };
	struct rig r;
	unsigned int s;
	uint16_t i;

	(void)state;
	for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		rig_start(&r, sizes[s], 4, UINT32_MAX);
		for (i = 0; i < sizes[s]; i++) {
			assert_int_equal(svart_dmadev_burst_capacity(r.vchans, 0), sizes[s] - i);
			assert_int_equal(copy(&r, i, 1, i % 3 == 0 ? SUBMIT : 0), i);
		}
		assert_int_equal(svart_dmadev_burst_capacity(r.vchans, 0), 0);
		assert_int_equal(copy(&r, 0, 1, SUBMIT), -ENOSPC);
		svart_dmadev_submit(r.vchans, 0);
		expect_successful(&r, sizes[s]);
		assert_memory_equal(r.dst, r.src, sizes[s]);
		assert_int_equal(svart_dmadev_burst_capacity(r.vchans, 0), sizes[s]);
		rig_end(&r);
	}
}

/** Of a device that says it is deeper: parts are counted in 16 bits. */
static void test_dmadev_queue_is_never_deeper_than_parts_can_be_counted(void **state)
{
	const struct svart_dmadev_vchan_params params = { .nb_desc = 1, .depth = UINT32_MAX };
	struct svart_dmadev_vchan *v;

	(void)state;
	assert_int_equal(svart_dmadev_vchan_create(&params, &v), 0);
	assert_int_equal(v->depth, SVART_DMADEV_DEPTH_MAX);
	assert_in_range(v->depth, 1, UINT16_MAX - 1);
	svart_dmadev_vchan_destroy(v);
}

static void test_dmadev_empty_poll_returns_the_last_id(void **state)
{
	enum rte_dma_status_code status;
	struct rig r;
	uint16_t last = 1;
	bool error;

	(void)state;
	rig_start(&r, 8, 4, UINT32_MAX);
	assert_int_equal(completed(&r, 8, &last, &error), 0);
	assert_int_equal(last, UINT16_MAX);
	copy(&r, 0, 8, SUBMIT);
	expect_successful(&r, 1);
	assert_int_equal(completed(&r, 8, &last, &error), 0);
	assert_int_equal(last, 0);
	last = 5;
	assert_int_equal(svart_dmadev_completed_status(r.vchans, 0, 1, &last, &status), 0);
	assert_int_equal(last, 0);
	rig_end(&r);
}

/* --- submission and backlog ------------------------------------------------------------------- */

static void test_dmadev_nothing_reaches_the_queue_before_submit(void **state)
{
	struct rig r;
	uint16_t last;
	bool error;

	(void)state;
	rig_start(&r, 8, 4, UINT32_MAX);
	copy(&r, 0, 8, 0);
	assert_int_equal(fake_queue_run(&r.fake), 0);
	assert_int_equal(completed(&r, 8, &last, &error), 0);
	assert_int_equal(r.fake.head, 0);
	svart_dmadev_submit(r.vchans, 0);
	assert_int_equal(fake_queue_run(&r.fake), 1);
	assert_int_equal(completed(&r, 8, &last, &error), 1);
	rig_end(&r);
}

static void test_dmadev_submit_flag_submits_all_before_it_too(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, 8, 4, UINT32_MAX);
	copy(&r, 0, 8, 0);
	copy(&r, 8, 8, SUBMIT);
	copy(&r, 16, 8, 0);
	assert_int_equal(fake_queue_run(&r.fake), 2);
	rig_end(&r);
}

static void test_dmadev_backlog_goes_on_as_completions_are_taken(void **state)
{
	struct rig r;
	uint16_t i;

	(void)state;
	rig_start(&r, 500, 3, UINT32_MAX);
	for (i = 0; i < 500; i++)
		copy(&r, i * 100u, 100, 0);
	svart_dmadev_submit(r.vchans, 0);
	assert_int_equal(r.fake.handed, 3);
	assert_true(svart_dmadev_vchan_is_busy(r.v));
	expect_successful(&r, 500);
	assert_memory_equal(r.dst, r.src, 500 * 100);
	assert_false(svart_dmadev_vchan_is_busy(r.v));
	rig_end(&r);
}

static void test_dmadev_advance_alone_brings_the_backlog_to_its_end(void **state)
{
	struct rig r;
	int i;

	(void)state;
	rig_start(&r, 100, 3, UINT32_MAX);
	for (i = 0; i < 100; i++)
		copy(&r, (size_t)i, 1, 0);
	svart_dmadev_submit(r.vchans, 0);
	for (i = 0; i < 100 && svart_dmadev_vchan_is_busy(r.v); i++) {
		fake_queue_run(&r.fake);
		svart_dmadev_vchan_advance(r.v);
	}
	assert_false(svart_dmadev_vchan_is_busy(r.v));
	expect_successful(&r, 100);
	rig_end(&r);
}

static void test_dmadev_inline_service_is_pumped_by_an_empty_poll(void **state)
{
	struct rig r;
	uint16_t last;
	bool error;

	(void)state;
	rig_start(&r, 8, 4, UINT32_MAX);
	r.v->pump = (struct svart_fault_service *)(void *)&r.fake;
	completed(&r, 1, &last, &error);
	assert_int_equal(r.fake.pumps, 0); /* Nothing is under way. */
	copy(&r, 0, 8, SUBMIT);
	completed(&r, 1, &last, &error);
	assert_int_equal(r.fake.pumps, 1);
	rig_end(&r);
}

/* --- fences ----------------------------------------------------------------------------------- */

/** Copies a word along a chain, each link fenced. The fake runs the last first. */
static void test_dmadev_fence_waits_for_all_before_it(void **state)
{
	struct rig r;
	int i;

	(void)state;
	rig_start(&r, 64, 16, UINT32_MAX);
	memset(r.dst, 0, 1000);
	r.dst[0] = 99;
	for (i = 0; i < 20; i++)
		assert_int_equal(svart_dmadev_copy(r.vchans, 0, at(r.dst + i), at(r.dst + i + 1), 1,
					 i != 0 ? FENCE : 0),
			i);
	svart_dmadev_submit(r.vchans, 0);
	assert_int_equal(r.fake.handed, 1);
	expect_successful(&r, 20);
	assert_int_equal(r.dst[20], 99);
	rig_end(&r);
}

static void test_dmadev_operations_after_a_fenced_one_go_with_it(void **state)
{
	struct rig r;
	uint16_t last;
	bool error;

	(void)state;
	rig_start(&r, 64, 16, UINT32_MAX);
	copy(&r, 0, 1, 0);
	copy(&r, 1, 1, 0);
	copy(&r, 2, 1, FENCE);
	copy(&r, 3, 1, SUBMIT);
	assert_int_equal(r.fake.handed, 2);
	fake_queue_run(&r.fake);
	assert_int_equal(completed(&r, 64, &last, &error), 2);
	assert_int_equal(r.fake.handed, 4);
	expect_successful(&r, 2);
	rig_end(&r);
}

static void test_dmadev_fence_waits_for_a_resumed_operation(void **state)
{
	struct rig r;
	uint16_t last;
	bool error;

	(void)state;
	rig_start(&r, 64, 16, UINT32_MAX);
	r.fake.fault_page = at(r.dst + PAGE);
	r.fake.faults_left = 1;
	copy(&r, 0, 3 * PAGE, 0);
	svart_dmadev_copy(
		r.vchans, 0, at(r.dst + 2 * PAGE), at(r.dst + 8 * PAGE), PAGE, FENCE | SUBMIT);
	fake_queue_run(&r.fake);
	assert_int_equal(completed(&r, 64, &last, &error), 0);
	assert_int_equal(r.fake.handed, 2); /* The rest of the first; not the second. */
	expect_successful(&r, 2);
	assert_memory_equal(r.dst + 8 * PAGE, r.src + 2 * PAGE, PAGE);
	rig_end(&r);
}

static void test_dmadev_fenced_long_operation_is_split_after_the_fence(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, 64, 16, 1000);
	copy(&r, 0, PAGE, 0);
	svart_dmadev_copy(r.vchans, 0, at(r.dst), at(r.dst + 2 * PAGE), PAGE, FENCE | SUBMIT);
	assert_int_equal(r.fake.handed, 5);
	expect_successful(&r, 2);
	assert_memory_equal(r.dst + 2 * PAGE, r.src, PAGE);
	rig_end(&r);
}

/* --- long and scattered operations ------------------------------------------------------------ */

static void test_dmadev_operation_beyond_the_largest_transfer_is_split(void **state)
{
	struct rig r;
	uint16_t last;
	bool error;
	size_t i;

	(void)state;
	rig_start(&r, 8, 4, 1001);
	copy(&r, 0, 50 * 1000, SUBMIT);
	svart_dmadev_fill(
		r.vchans, 0, UINT64_C(0x8877665544332211), at(r.dst + 60000), 5003, SUBMIT);
	assert_int_equal(completed(&r, 8, &last, &error), 0);
	expect_successful(&r, 2);
	assert_memory_equal(r.dst, r.src, 50 * 1000);
	for (i = 0; i < 5003; i++)
		assert_int_equal(r.dst[60000 + i], 0x11 * (i % 8 + 1));
	assert_int_equal(r.dst[60000 + 5003], 0);
	rig_end(&r);
}

/** Cuts total bytes into nr pieces, some of them empty, with gaps in memory. */
static void scatter(struct rte_dma_sge *sges, unsigned int nr, uint32_t total, uint8_t *memory)
{
	unsigned int i;
	size_t off = 0;

	for (i = 0; i < nr; i++) {
		sges[i].length = i + 1 == nr ? total : (uint32_t)rand() % (total + 1);
		sges[i].addr = at(memory + off);
		total -= sges[i].length;
		off += sges[i].length + (size_t)rand() % 5;
	}
}

static void gather(const struct rte_dma_sge *sges, unsigned int nr, uint8_t *out)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		memcpy(out, (const void *)(uintptr_t)sges[i].addr, sges[i].length);
		out += sges[i].length;
	}
}

static void test_dmadev_scattered_copy_keeps_the_order_of_bytes(void **state)
{
	struct rte_dma_sge src[SVART_DMADEV_SGES_MAX], dst[SVART_DMADEV_SGES_MAX];
	static uint8_t a[20000], b[20000];
	struct rig r;
	uint16_t nb_src, nb_dst;
	uint32_t total;
	int i;

	(void)state;
	rig_start(&r, 8, 4, 700);
	for (i = 0; i < 2000; i++) {
		nb_src = (uint16_t)(1 + rand() % SVART_DMADEV_SGES_MAX);
		nb_dst = (uint16_t)(1 + rand() % SVART_DMADEV_SGES_MAX);
		total = (uint32_t)rand() % 20000;
		scatter(src, nb_src, total, r.src + rand() % 1000);
		scatter(dst, nb_dst, total, r.dst);
		assert_int_equal(svart_dmadev_copy_sg(r.vchans, 0, src, dst, nb_src, nb_dst,
					 SUBMIT | (i % 3 == 0 ? FENCE : 0)),
			i & UINT16_MAX);
		expect_successful(&r, 1);
		gather(src, nb_src, a);
		gather(dst, nb_dst, b);
		assert_memory_equal(a, b, total);
	}
	rig_end(&r);
}

/** A scattered copy of as many pieces as there can be: each source but one ends in a destination. */
static void copy_most_pieces(struct rig *r)
{
	struct rte_dma_sge src[SVART_DMADEV_SGES_MAX], dst[SVART_DMADEV_SGES_MAX];
	uint32_t i, length;

	for (i = 0; i < SVART_DMADEV_SGES_MAX; i++) {
		length = i == 0 ? 50 : 100;
		src[i] = (struct rte_dma_sge){ at(r->src + i * PAGE), length };
		length = i + 1 == SVART_DMADEV_SGES_MAX ? 50 : 100;
		dst[i] = (struct rte_dma_sge){ at(r->dst + i * PAGE), length };
	}
	assert_int_equal(svart_dmadev_copy_sg(r->vchans, 0, src, dst, SVART_DMADEV_SGES_MAX,
				 SVART_DMADEV_SGES_MAX, SUBMIT),
		0);
}

static void test_dmadev_scattered_copy_that_the_queue_holds_needs_no_further_call(void **state)
{
	struct rig r;
	uint16_t last;
	bool error;

	(void)state;
	rig_start(&r, 8, SVART_DMADEV_SEGMENTS_MAX, UINT32_MAX);
	copy_most_pieces(&r);
	assert_int_equal(fake_queue_run(&r.fake), SVART_DMADEV_SEGMENTS_MAX);
	assert_int_equal(completed(&r, 1, &last, &error), 1);
	assert_false(error);
	rig_end(&r);
}

/** The device runs dry between the calls: each of them takes one piece and hands over the next. */
static void test_dmadev_scattered_copy_on_a_queue_of_depth_1_takes_a_call_for_each_piece(
	void **state)
{
	struct rig r;
	uint16_t last;
	bool error;
	int i;

	(void)state;
	rig_start(&r, 8, 1, UINT32_MAX);
	copy_most_pieces(&r);
	for (i = 1; i < SVART_DMADEV_SEGMENTS_MAX; i++) {
		assert_int_equal(fake_queue_run(&r.fake), 1);
		assert_int_equal(completed(&r, 1, &last, &error), 0);
		assert_false(error);
	}
	assert_int_equal(fake_queue_run(&r.fake), 1);
	assert_int_equal(completed(&r, 1, &last, &error), 1);
	assert_int_equal(fake_queue_run(&r.fake), 0);
	rig_end(&r);
}

static void test_dmadev_scattered_copy_of_unequal_sides_is_refused(void **state)
{
	struct rte_dma_sge sges[2] = { { .length = 8 }, { .length = 9 } };
	struct rig r;

	(void)state;
	rig_start(&r, 8, 4, 700);
	assert_int_equal(
		svart_dmadev_copy_sg(r.vchans, 0, &sges[0], &sges[1], 1, 1, SUBMIT), -EINVAL);
	assert_int_equal(svart_dmadev_copy_sg(r.vchans, 0, sges, sges, 0, 1, SUBMIT), -EINVAL);
	assert_int_equal(
		svart_dmadev_copy_sg(r.vchans, 0, sges, sges, 1, SVART_DMADEV_SGES_MAX + 1, SUBMIT),
		-EINVAL);
	assert_int_equal(svart_dmadev_burst_capacity(r.vchans, 0), 8);
	rig_end(&r);
}

/* --- failures --------------------------------------------------------------------------------- */

/** Of five copies, of a page each, the third meets an address that is not mapped. */
static void rig_with_failure(struct rig *r)
{
	int i;

	rig_start(r, 16, 8, UINT32_MAX);
	munmap(r->dst + 2 * PAGE, PAGE);
	r->fake.fault_page = at(r->dst + 2 * PAGE);
	r->fake.faults_left = 1000;
	for (i = 0; i < 5; i++)
		copy(r, (size_t)i * PAGE, PAGE, 0);
	svart_dmadev_submit(r->vchans, 0);
	fake_queue_run(&r->fake);
}

static void test_dmadev_completed_stops_before_a_failure_until_its_status_is_taken(void **state)
{
	enum rte_dma_status_code status[5];
	struct rig r;
	uint16_t last;
	bool error;
	int i;

	(void)state;
	rig_with_failure(&r);
	assert_int_equal(completed(&r, 16, &last, &error), 2);
	assert_true(error);
	for (i = 0; i < 5; i++) {
		assert_int_equal(completed(&r, 16, &last, &error), 0);
		assert_true(error);
		assert_int_equal(last, 1);
	}
	assert_int_equal(svart_dmadev_completed_status(r.vchans, 0, 5, &last, status), 3);
	assert_int_equal(last, 4);
	assert_int_equal(status[0], RTE_DMA_STATUS_INVALID_DST_ADDR);
	assert_int_equal(status[1], SUCCESSFUL);
	assert_int_equal(status[2], SUCCESSFUL);
	rig_end(&r);
}

static void test_dmadev_failure_behind_what_was_asked_for_is_not_told_yet(void **state)
{
	struct rig r;
	uint16_t last;
	bool error;

	(void)state;
	rig_with_failure(&r);
	assert_int_equal(completed(&r, 2, &last, &error), 2);
	assert_false(error);
	rig_end(&r);
}

static void test_dmadev_failed_part_fails_its_operation_once(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, 16, 4, 100);
	munmap(r.dst + PAGE, PAGE);
	r.fake.fault_page = at(r.dst + PAGE);
	r.fake.faults_left = 100000;
	copy(&r, 0, 3 * PAGE, SUBMIT);
	copy(&r, 4 * PAGE, PAGE, SUBMIT);
	assert_int_equal(next_status(&r), RTE_DMA_STATUS_INVALID_DST_ADDR);
	assert_int_equal(next_status(&r), SUCCESSFUL);
	assert_memory_equal(r.dst, r.src, PAGE);
	assert_int_equal(r.v->errors, 1);
	rig_end(&r);
}

static void test_dmadev_failed_queue_fails_all_and_halts(void **state)
{
	struct rig r;
	int i;

	(void)state;
	rig_start(&r, 16, 4, UINT32_MAX);
	for (i = 0; i < 10; i++)
		copy(&r, (size_t)i, 1, 0);
	svart_dmadev_submit(r.vchans, 0);
	copy(&r, 10, 1, 0);
	fake_queue_fail(&r.fake);
	for (i = 0; i < 10; i++)
		assert_int_equal(next_status(&r), RTE_DMA_STATUS_ERROR_UNKNOWN);
	assert_int_equal(copy(&r, 0, 1, SUBMIT), -EIO);
	assert_int_equal(svart_dmadev_burst_capacity(r.vchans, 0), 0);
	svart_dmadev_submit(r.vchans, 0);
	assert_int_equal(next_status(&r), RTE_DMA_STATUS_ERROR_UNKNOWN);
	assert_int_equal(r.v->state, SVART_DMADEV_HALTED);
	rig_end(&r);
}

static void test_dmadev_queue_that_fails_under_split_operations_fails_each_once(void **state)
{
	struct rig r;
	int i;

	(void)state;
	rig_start(&r, 16, 4, 100);
	r.fake.fault_page = at(r.dst);
	r.fake.faults_left = 1;
	for (i = 0; i < 5; i++)
		copy(&r, 0, 1000, FENCE);
	svart_dmadev_submit(r.vchans, 0);
	fake_queue_run(&r.fake);
	fake_queue_fail(&r.fake);
	for (i = 0; i < 5; i++)
		assert_int_equal(next_status(&r), RTE_DMA_STATUS_ERROR_UNKNOWN);
	assert_false(svart_dmadev_vchan_is_busy(r.v));
	rig_end(&r);
}

/* --- resuming --------------------------------------------------------------------------------- */

/** A page that can be had, the test says which, faults so many times. */
static void rig_with_faults(struct rig *r, unsigned int times)
{
	rig_start(r, 16, 4, UINT32_MAX);
	r->fake.faults_left = times;
}

static void test_dmadev_copy_goes_on_where_it_faulted(void **state)
{
	struct rig r;

	(void)state;
	rig_with_faults(&r, 3);
	r.fake.fault_page = at(r.dst + 2 * PAGE);
	copy(&r, 5, 5 * PAGE, SUBMIT);
	expect_successful(&r, 1);
	assert_memory_equal(r.dst + 5, r.src + 5, 5 * PAGE);
	assert_int_equal(r.dst[5 + 5 * PAGE], 0);
	assert_int_equal(r.dst[4], 0);
	assert_int_equal(r.v->resumed, 3);
	rig_end(&r);
}

static void test_dmadev_copy_goes_on_where_its_source_faulted(void **state)
{
	struct rig r;

	(void)state;
	rig_with_faults(&r, 1);
	r.fake.fault = SVART_STATUS_PARTIAL;
	r.fake.fault_page = at(r.src + 2 * PAGE);
	copy(&r, 5, 5 * PAGE, SUBMIT);
	expect_successful(&r, 1);
	assert_memory_equal(r.dst + 5, r.src + 5, 5 * PAGE);
	rig_end(&r);
}

static void test_dmadev_backward_copy_goes_on_from_its_end(void **state)
{
	struct rig r;

	(void)state;
	rig_with_faults(&r, 2);
	r.fake.backward = true;
	r.fake.fault_page = at(r.dst + 2 * PAGE);
	copy(&r, 5, 5 * PAGE, SUBMIT);
	expect_successful(&r, 1);
	assert_memory_equal(r.dst, (uint8_t[5]){ 0 }, 5);
	assert_memory_equal(r.dst + 5, r.src + 5, 5 * PAGE);
	assert_int_equal(r.dst[5 + 5 * PAGE], 0);
	rig_end(&r);
}

static void test_dmadev_resumed_fill_keeps_its_pattern(void **state)
{
	struct rig r;
	size_t i;

	(void)state;
	rig_with_faults(&r, 2);
	r.fake.fault_page = at(r.dst + 2 * PAGE);
	svart_dmadev_fill(
		r.vchans, 0, UINT64_C(0x8877665544332211), at(r.dst + 3), 3 * PAGE, SUBMIT);
	expect_successful(&r, 1);
	for (i = 0; i < 3 * PAGE; i++)
		assert_int_equal(r.dst[3 + i], 0x11 * (i % 8 + 1));
	assert_int_equal(r.dst[3 + 3 * PAGE], 0);
	rig_end(&r);
}

static void test_dmadev_page_that_is_refused_again_and_again_ends_as_failure(void **state)
{
	struct rig r;

	(void)state;
	rig_with_faults(&r, 1000);
	r.fake.fault_page = at(r.dst + 2 * PAGE);
	copy(&r, 0, 5 * PAGE, SUBMIT);
	assert_int_equal(next_status(&r), RTE_DMA_STATUS_INVALID_DST_ADDR);
	assert_true(r.v->resumed > 0 && r.v->resumed < 10);
	assert_memory_equal(r.dst, r.src, 2 * PAGE);
	rig_end(&r);
}

static void test_dmadev_page_that_cannot_be_had_is_not_tried_again(void **state)
{
	struct rig r;

	(void)state;
	rig_with_faults(&r, 1000);
	r.fake.fault_page = at(r.dst + 2 * PAGE);
	mprotect(r.dst + 2 * PAGE, PAGE, PROT_READ);
	copy(&r, 0, 5 * PAGE, SUBMIT);
	assert_int_equal(next_status(&r), RTE_DMA_STATUS_INVALID_DST_ADDR);
	assert_int_equal(r.v->resumed, 0);
	r.fake.fault_page = at(r.src + 2 * PAGE);
	munmap(r.src + 2 * PAGE, PAGE);
	copy(&r, 0, 5 * PAGE, SUBMIT);
	assert_int_equal(next_status(&r), RTE_DMA_STATUS_INVALID_SRC_ADDR);
	assert_int_equal(r.v->resumed, 0);
	rig_end(&r);
}

static void test_dmadev_operations_behind_a_resumed_one_retire_after_it(void **state)
{
	struct rig r;
	uint16_t last;
	bool error;
	int i;

	(void)state;
	rig_with_faults(&r, 1);
	r.fake.fault_page = at(r.dst);
	for (i = 0; i < 12; i++)
		copy(&r, (size_t)i * PAGE, PAGE, 0);
	svart_dmadev_submit(r.vchans, 0);
	fake_queue_run(&r.fake);
	assert_int_equal(completed(&r, 16, &last, &error), 0);
	expect_successful(&r, 12);
	assert_memory_equal(r.dst, r.src, 12 * PAGE);
	rig_end(&r);
}

/* --- statistics, stop, fork ------------------------------------------------------------------- */

static void expect_stats(struct rig *r, uint64_t submitted, uint64_t done, uint64_t errors)
{
	struct rte_dma_stats stats;

	svart_dmadev_vchan_stats_get(r->v, &stats);
	assert_int_equal(stats.submitted, submitted);
	assert_int_equal(stats.completed, done);
	assert_int_equal(stats.errors, errors);
}

static void test_dmadev_statistics_count_at_submit_and_at_completion(void **state)
{
	struct rig r;
	int i;

	(void)state;
	rig_with_failure(&r);
	copy(&r, 0, 1, 0);
	expect_stats(&r, 5, 0, 0);
	for (i = 0; i < 5; i++)
		next_status(&r);
	expect_stats(&r, 5, 5, 1);
	svart_dmadev_vchan_stats_reset(r.v);
	expect_stats(&r, 0, 0, 0);
	svart_dmadev_submit(r.vchans, 0);
	expect_successful(&r, 1);
	expect_stats(&r, 1, 1, 0);
	svart_dmadev_vchan_stop(r.v);
	expect_stats(&r, 1, 1, 0);
	rig_end(&r);
}

static void test_dmadev_stopped_vchan_takes_nothing_and_gives_nothing(void **state)
{
	struct rig r;
	uint16_t last;
	bool error;

	(void)state;
	rig_start(&r, 8, 4, UINT32_MAX);
	copy(&r, 0, 8, SUBMIT);
	svart_dmadev_vchan_stop(r.v);
	assert_int_equal(copy(&r, 0, 8, SUBMIT), -EINVAL);
	assert_int_equal(svart_dmadev_submit(r.vchans, 0), 0);
	assert_int_equal(completed(&r, 8, &last, &error), 0);
	assert_int_equal(svart_dmadev_burst_capacity(r.vchans, 0), 0);
	rig_end(&r);
}

static void test_dmadev_restart_begins_anew_at_id_0(void **state)
{
	struct rig r;
	int i;

	(void)state;
	rig_start(&r, 8, 4, 100);
	r.fake.fault_page = at(r.dst);
	r.fake.faults_left = 2;
	for (i = 0; i < 6; i++)
		copy(&r, 0, 250, i % 2 == 0 ? FENCE | SUBMIT : SUBMIT);
	fake_queue_run(&r.fake);
	svart_dmadev_vchan_advance(r.v);
	svart_dmadev_vchan_stop(r.v);
	fake_queue_init(&r.fake, 4);
	svart_dmadev_vchan_start(r.v, &r.fake.fast);
	for (i = 0; i < 8; i++)
		assert_int_equal(copy(&r, (size_t)i * 300, 300, SUBMIT), i);
	expect_successful(&r, 8);
	assert_memory_equal(r.dst, r.src, 8 * 300);
	rig_end(&r);
}

static void test_dmadev_child_of_a_fork_is_refused(void **state)
{
	struct rig r;
	uint16_t last;
	bool error;

	(void)state;
	rig_start(&r, 8, 4, UINT32_MAX);
	copy(&r, 0, 8, SUBMIT);
	svart_dmadev_vchan_mark_forked(r.v);
	assert_int_equal(copy(&r, 0, 8, SUBMIT), -EPERM);
	assert_int_equal(completed(&r, 8, &last, &error), 0);
	assert_false(svart_dmadev_vchan_is_busy(r.v));
	rig_end(&r);
}

/** What the parent had only enqueued is the parent's to submit. */
static void test_dmadev_child_of_a_fork_submits_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, 8, 4, UINT32_MAX);
	copy(&r, 0, 8, SUBMIT);
	copy(&r, 8, 8, 0);
	svart_dmadev_vchan_mark_forked(r.v);
	assert_int_equal(svart_dmadev_submit(r.vchans, 0), 0);
	assert_int_equal(r.fake.head, 1);
	assert_false(svart_dmadev_vchan_is_busy(r.v));
	rig_end(&r);
}

/* --- all of it -------------------------------------------------------------------------------- */

/** Enqueues something that writes the page: plain, long, scattered, a fill. */
static int enqueue_random(struct rig *r, size_t page, uint64_t flags)
{
	struct rte_dma_sge src[2], dst[3];
	uint8_t *to = r->dst + page * PAGE, *from = r->src + page * PAGE;

	switch (rand() % 4) {
	case 0:
		memset(from, 0x5a, PAGE);
		return svart_dmadev_fill(
			r->vchans, 0, UINT64_C(0x5a5a5a5a5a5a5a5a), at(to), PAGE, flags);
	case 1:
		src[0] = (struct rte_dma_sge){ at(from), 1000 };
		src[1] = (struct rte_dma_sge){ at(from + 1000), PAGE - 1000 };
		dst[0] = (struct rte_dma_sge){ at(to), 3000 };
		dst[1] = (struct rte_dma_sge){ at(to + 3000), 0 };
		dst[2] = (struct rte_dma_sge){ at(to + 3000), PAGE - 3000 };
		return svart_dmadev_copy_sg(r->vchans, 0, src, dst, 2, 3, flags);
	default:
		return svart_dmadev_copy(r->vchans, 0, at(from), at(to), PAGE, flags);
	}
}

static void test_dmadev_random_traffic_retires_in_order_and_is_done_by_then(void **state)
{
	struct rig r;
	uint64_t retired = 0, enqueued = 0;
	uint16_t last, n, i;
	bool error;
	size_t page;
	int id;

	(void)state;
	rig_start(&r, 50, 7, 1500);
	while (retired < 60000) {
		page = enqueued % PAGES;
		if (rand() % 3 != 0 && enqueued - retired < PAGES) {
			memset(r.dst + page * PAGE, 0, PAGE);
			id = enqueue_random(&r, page,
				(rand() % 4 == 0 ? SUBMIT : 0) | (rand() % 16 == 0 ? FENCE : 0));
			assert_int_equal(id,
				enqueued - retired < 50 ? (int)(enqueued & UINT16_MAX) : -ENOSPC);
			enqueued += id >= 0;
		}
		if (rand() % 5 == 0)
			svart_dmadev_submit(r.vchans, 0);
		if (rand() % 7 == 0 && r.fake.faults_left == 0) {
			r.fake.fault_page = at(r.src + (size_t)(rand() % (2 * PAGES)) * PAGE);
			r.fake.faults_left = 2;
		}
		if (rand() % 2 == 0)
			fake_queue_run(&r.fake);
		n = completed(&r, (uint16_t)(1 + rand() % 20), &last, &error);
		assert_false(error);
		for (i = 0; i < n; i++, retired++) {
			page = retired % PAGES;
			assert_memory_equal(r.dst + page * PAGE, r.src + page * PAGE, PAGE);
		}
		assert_int_equal(last, (uint16_t)(retired - 1));
	}
	rig_end(&r);
}

/* --- status ----------------------------------------------------------------------------------- */

static void test_dmadev_status_names_what_failed(void **state)
{
	static const struct {
		uint8_t opcode, status, flags, hw_status;
		enum rte_dma_status_code expected;
	} cases[] = {
		{ SVART_OP_COPY, SVART_STATUS_OK, 0, 1, SUCCESSFUL },
		{ SVART_OP_COPY, SVART_STATUS_BAD_ADDRESS, SVART_COMPLETION_FAULT_ADDR, 0x04,
			RTE_DMA_STATUS_INVALID_SRC_ADDR },
		{ SVART_OP_COPY, SVART_STATUS_BAD_ADDRESS, SVART_COMPLETION_FAULT_WRITE, 0x84,
			RTE_DMA_STATUS_INVALID_DST_ADDR },
		{ SVART_OP_FILL, SVART_STATUS_BAD_ADDRESS, 0, 0x04,
			RTE_DMA_STATUS_INVALID_DST_ADDR },
		{ SVART_OP_COPY, SVART_STATUS_PARTIAL, 0, 0x83, RTE_DMA_STATUS_PAGE_FAULT },
		{ SVART_OP_COPY, SVART_STATUS_INVALID, 0, 0x10, RTE_DMA_STATUS_INVALID_OPCODE },
		{ SVART_OP_COPY, SVART_STATUS_INVALID, 0, 0x93, RTE_DMA_STATUS_INVALID_LENGTH },
		{ SVART_OP_COPY, SVART_STATUS_INVALID, 0, 0, RTE_DMA_STATUS_INVALID_ADDR },
		{ SVART_OP_FILL, SVART_STATUS_INVALID, 0, 0, RTE_DMA_STATUS_INVALID_OPCODE },
		{ SVART_OP_COPY, SVART_STATUS_DEVICE_ERROR, 0, 0xa2,
			RTE_DMA_STATUS_INVALID_DST_ADDR },
		{ SVART_OP_COPY, SVART_STATUS_DEVICE_ERROR, 0, 0x20, RTE_DMA_STATUS_BUS_ERROR },
		{ SVART_OP_COPY, SVART_STATUS_DEVICE_ERROR, 0, 0x7f, RTE_DMA_STATUS_ERROR_UNKNOWN },
		{ SVART_OP_COPY, SVART_STATUS_ABORTED, 0, 0, RTE_DMA_STATUS_USER_ABORT },
		{ SVART_OP_COPY, SVART_STATUS_QUEUE_FAILED, 0, 0, RTE_DMA_STATUS_ERROR_UNKNOWN },
		{ SVART_OP_COPY, 250, 0, 0, RTE_DMA_STATUS_ERROR_UNKNOWN },
	};
	struct svart_op op = { .dst = (void *)16, .src = (void *)8, .length = 16 };
	struct svart_completion done = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		op.opcode = cases[i].opcode;
		done.status = cases[i].status;
		done.flags = cases[i].flags;
		done.hw_status = cases[i].hw_status;
		assert_int_equal(svart_dmadev_status_of(&op, &done, true), cases[i].expected);
	}
	/* Another driver's status byte says nothing. */
	done = (struct svart_completion){ .status = SVART_STATUS_DEVICE_ERROR, .hw_status = 0x10 };
	assert_int_equal(svart_dmadev_status_of(&op, &done, false), RTE_DMA_STATUS_ERROR_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dmadev_ids_start_at_0_and_wrap_after_65535),
		cmocka_unit_test(test_dmadev_ring_takes_exactly_nb_desc),
		cmocka_unit_test(test_dmadev_queue_is_never_deeper_than_parts_can_be_counted),
		cmocka_unit_test(test_dmadev_empty_poll_returns_the_last_id),
		cmocka_unit_test(test_dmadev_nothing_reaches_the_queue_before_submit),
		cmocka_unit_test(test_dmadev_submit_flag_submits_all_before_it_too),
		cmocka_unit_test(test_dmadev_backlog_goes_on_as_completions_are_taken),
		cmocka_unit_test(test_dmadev_advance_alone_brings_the_backlog_to_its_end),
		cmocka_unit_test(test_dmadev_inline_service_is_pumped_by_an_empty_poll),
		cmocka_unit_test(test_dmadev_fence_waits_for_all_before_it),
		cmocka_unit_test(test_dmadev_operations_after_a_fenced_one_go_with_it),
		cmocka_unit_test(test_dmadev_fence_waits_for_a_resumed_operation),
		cmocka_unit_test(test_dmadev_fenced_long_operation_is_split_after_the_fence),
		cmocka_unit_test(test_dmadev_operation_beyond_the_largest_transfer_is_split),
		cmocka_unit_test(test_dmadev_scattered_copy_keeps_the_order_of_bytes),
		cmocka_unit_test(
			test_dmadev_scattered_copy_that_the_queue_holds_needs_no_further_call),
		cmocka_unit_test(
			test_dmadev_scattered_copy_on_a_queue_of_depth_1_takes_a_call_for_each_piece),
		cmocka_unit_test(test_dmadev_scattered_copy_of_unequal_sides_is_refused),
		cmocka_unit_test(
			test_dmadev_completed_stops_before_a_failure_until_its_status_is_taken),
		cmocka_unit_test(test_dmadev_failure_behind_what_was_asked_for_is_not_told_yet),
		cmocka_unit_test(test_dmadev_failed_part_fails_its_operation_once),
		cmocka_unit_test(test_dmadev_failed_queue_fails_all_and_halts),
		cmocka_unit_test(
			test_dmadev_queue_that_fails_under_split_operations_fails_each_once),
		cmocka_unit_test(test_dmadev_copy_goes_on_where_it_faulted),
		cmocka_unit_test(test_dmadev_copy_goes_on_where_its_source_faulted),
		cmocka_unit_test(test_dmadev_backward_copy_goes_on_from_its_end),
		cmocka_unit_test(test_dmadev_resumed_fill_keeps_its_pattern),
		cmocka_unit_test(test_dmadev_page_that_is_refused_again_and_again_ends_as_failure),
		cmocka_unit_test(test_dmadev_page_that_cannot_be_had_is_not_tried_again),
		cmocka_unit_test(test_dmadev_operations_behind_a_resumed_one_retire_after_it),
		cmocka_unit_test(test_dmadev_statistics_count_at_submit_and_at_completion),
		cmocka_unit_test(test_dmadev_stopped_vchan_takes_nothing_and_gives_nothing),
		cmocka_unit_test(test_dmadev_restart_begins_anew_at_id_0),
		cmocka_unit_test(test_dmadev_child_of_a_fork_is_refused),
		cmocka_unit_test(test_dmadev_child_of_a_fork_submits_nothing),
		cmocka_unit_test(test_dmadev_random_traffic_retires_in_order_and_is_done_by_then),
		cmocka_unit_test(test_dmadev_status_names_what_failed),
	};
	const char *text = getenv("SVART_SEED");
	unsigned int seed = text != NULL ? (unsigned int)strtoul(text, NULL, 0) : 1;

	printf("SVART_SEED=%u\n", seed);
	srand(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
