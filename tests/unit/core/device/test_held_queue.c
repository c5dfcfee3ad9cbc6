/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Map-on-submit over the public calls, on the model's edu device: the limit and the order, bad
 * addresses, and addresses that the device cannot reach.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <svart/svart.h>

#include "hold.h"

#define PAGE       4096u
#define TIMEOUT_NS UINT64_C(5000000000)
#define ALL        "model:edu0,dma_mask_bits=64"

/** Owner: one test. */
struct rig {
	struct svart *rt;
	struct svart_space *space;
	struct svart_device *dev;
	struct svart_queue *q;
	struct svart_device_info info;
};

static void rig_open(struct rig *r, const char *spec, uint64_t pin_limit)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	const struct svart_space_params params =
		SVART_SPACE_PARAMS_INIT(.pin_limit_bytes = pin_limit, .fault_around_bytes = PAGE);

	assert_int_equal(svart_init(&init, &r->rt), 0);
	assert_int_equal(svart_space_create(r->rt, &params, &r->space), 0);
	assert_int_equal(svart_device_open(r->rt, spec, r->space, NULL, &r->dev), 0);
	assert_int_equal(svart_queue_create(r->dev, NULL, &r->q), 0);
	r->info = (struct svart_device_info)SVART_DEVICE_INFO_INIT();
	assert_int_equal(svart_device_info_get(r->dev, &r->info), 0);
}

static void rig_close(struct rig *r)
{
	assert_int_equal(svart_queue_destroy(r->q), 0);
	assert_int_equal(svart_space_held(r->space), 0);
	assert_int_equal(svart_device_close(r->dev), 0);
	assert_int_equal(svart_space_destroy(r->space), 0);
	assert_int_equal(svart_fini(r->rt), 0);
}

static uint8_t *pages_new(unsigned int nr)
{
	uint8_t *p =
		mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	memset(p, 0x5a, nr * PAGE);
	return p;
}

static void pages_free(struct rig *r, uint8_t *p, unsigned int nr)
{
	assert_int_equal(svart_space_forget(r->space, p, nr * PAGE), 0);
	munmap(p, nr * PAGE);
}

static struct svart_completion next(struct rig *r)
{
	struct svart_completion done;

	assert_int_equal(svart_queue_wait(r->q, &done, 1, TIMEOUT_NS), 1);
	return done;
}

static void test_device_without_page_requests_needs_no_fault_service_and_says_so(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "model:edu0", 0);
	assert_string_equal(r.info.driver, "edu");
	assert_false(r.info.features & SVART_FEATURE_PAGE_REQUESTS);
	rig_close(&r);
	rig_open(&r, "model:dsa0,faults=off", 0);
	assert_false(r.info.features & SVART_FEATURE_PAGE_REQUESTS);
	rig_close(&r);
}

static void test_device_with_page_requests_needs_a_fault_service(void **state)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	struct svart_device *dev;
	struct rig r;

	(void)state;
	assert_int_equal(svart_init(&init, &r.rt), 0);
	assert_int_equal(svart_space_create(r.rt, NULL, &r.space), 0);
	assert_int_equal(svart_device_open(r.rt, "model:dsa0", r.space, NULL, &dev), -EINVAL);
	assert_non_null(strstr(svart_error_text(), "faults=off"));
	assert_int_equal(
		svart_device_open(r.rt, "model:dsa0,faults=on", r.space, NULL, &dev), -EINVAL);
	assert_int_equal(svart_space_destroy(r.space), 0);
	assert_int_equal(svart_fini(r.rt), 0);
}

static void test_prep_takes_fewer_while_the_limit_is_held(void **state)
{
	uint8_t *src = pages_new(64), *dst = pages_new(64);
	unsigned int i, taken = 0, polled = 0;
	struct rig r;

	(void)state;
	rig_open(&r, ALL, 64 * PAGE); /* 16 pages can be held: 4 copies of 2 pages each. */
	while (svart_queue_prep_copy(
		r.q, dst + taken * 2 * PAGE, src + taken * 2 * PAGE, 2 * PAGE, 0, taken))
		taken++;
	assert_int_equal(taken, 4);
	assert_int_equal(svart_space_held(r.space), 16 * PAGE);
	for (i = taken; i < 32; i++) {
		assert_int_equal(next(&r).cookie, polled++);
		assert_int_equal(svart_queue_prep_copy(r.q, dst + i * 2 * PAGE, src + i * 2 * PAGE,
					 2 * PAGE, 0, i),
			1);
	}
	while (polled < 32) {
		struct svart_completion done = next(&r);

		assert_int_equal(done.cookie, polled++);
		assert_int_equal(done.status, SVART_STATUS_OK);
	}
	assert_memory_equal(dst, src, 64 * PAGE);
	pages_free(&r, src, 64);
	pages_free(&r, dst, 64);
	rig_close(&r);
}

static void test_operation_above_the_limit_is_invalid_in_its_place(void **state)
{
	uint8_t *src = pages_new(8), *dst = pages_new(8);
	struct rig r;

	(void)state;
	rig_open(&r, ALL, 64 * PAGE);
	assert_int_equal(r.info.max_transfer_bytes, 6 * PAGE);
	assert_int_equal(svart_queue_prep_copy(r.q, dst, src, PAGE, 0, 0), 1);
	assert_int_equal(svart_queue_prep_copy(r.q, dst, src, 6 * PAGE + 1, 0, 1), 1);
	assert_int_equal(svart_queue_prep_copy(r.q, dst + 1, src + 1, 6 * PAGE, 0, 2), 1);
	assert_int_equal(next(&r).status, SVART_STATUS_OK);
	assert_int_equal(next(&r).status, SVART_STATUS_INVALID);
	assert_int_equal(next(&r).status, SVART_STATUS_OK);
	pages_free(&r, src, 8);
	pages_free(&r, dst, 8);
	rig_close(&r);
}

static void test_nothing_completes_before_it_is_submitted(void **state)
{
	struct svart_completion done;
	struct rig r;

	(void)state;
	rig_open(&r, ALL, 0);
	assert_int_equal(svart_queue_prep_fill(r.q, NULL, 0, 1, 0, 7), 1);
	assert_int_equal(svart_queue_poll(r.q, &done, 1), 0);
	assert_int_equal(svart_queue_submit(r.q), 1);
	assert_int_equal(svart_queue_poll(r.q, &done, 1), 1);
	assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
	assert_int_equal(done.cookie, 7);
	rig_close(&r);
}

static void test_backward_copy_with_a_bad_address_is_not_begun(void **state)
{
	uint8_t *mem = pages_new(8);
	struct svart_completion done;
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,faults=off", 0);
	memset(mem, 1, PAGE);
	assert_int_equal(mprotect(mem + 6 * PAGE, PAGE, PROT_NONE), 0);
	assert_int_equal(svart_queue_prep_copy(r.q, mem + PAGE, mem, 6 * PAGE, 0, 0), 1);
	done = next(&r);
	assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
	assert_int_equal(done.bytes_done, 0);
	assert_int_equal(mem[PAGE], 0x5a);
	pages_free(&r, mem, 8);
	rig_close(&r);
}

/** The rest of an operation that was not begun is all of it, with its tags, or its seed. */
static void test_operation_that_is_not_begun_says_how_it_would_go_on(void **state)
{
	const struct svart_tags tags = { .ref = 7, .app_mask = 0xf, .app = 0x1230 };
	const struct svart_dif dif = { .block = SVART_DIF_BLOCK_512 };
	uint8_t *mem = pages_new(1);
	struct svart_completion done;
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,faults=off", 0);
	assert_int_equal(svart_queue_prep_dif_check(r.q, NULL, 2 * 520, &dif, &tags, 0, 1), 1);
	done = next(&r);
	assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
	assert_int_equal(done.flags, SVART_COMPLETION_FAULT_ADDR);
	assert_int_equal(done.bytes_done, 0);
	assert_memory_equal(&done.src_tags, &tags, sizeof(tags));
	assert_int_equal(
		svart_queue_prep_dif_insert(r.q, NULL, mem, 2 * 512, &dif, &tags, 0, 2), 1);
	done = next(&r);
	assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
	assert_int_equal(done.flags, SVART_COMPLETION_FAULT_ADDR | SVART_COMPLETION_FAULT_WRITE);
	assert_int_equal(done.cookie, 2);
	assert_memory_equal(&done.dst_tags, &tags, sizeof(tags));
	assert_int_equal(svart_queue_prep_crc(r.q, NULL, 100, 0x1234, 0, 3), 1);
	done = next(&r);
	assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
	assert_int_equal(done.result, 0x1234);
	pages_free(&r, mem, 1);
	rig_close(&r);
}

/** The device would cut the address off and write somewhere else. */
static void test_addresses_above_the_mask_are_refused(void **state)
{
	uint8_t *high = pages_new(1), *low, *edge;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	struct svart_completion done;
	struct rig r;

	(void)state;
	low = mmap((void *)0x8000000, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	edge = mmap((void *)(0x10000000 - PAGE), 2 * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (low == MAP_FAILED || edge == MAP_FAILED)
		skip(); /* The addresses are taken. */
	rig_open(&r, "model:edu0", 0);
	assert_int_equal(svart_queue_prep_fill(r.q, high, 0, 16, 0, 0), 1);
	done = next(&r);
	assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
	assert_int_equal(done.fault_addr, (uintptr_t)high);
	assert_int_equal(high[0], 0x5a);
	assert_int_equal(svart_queue_prep_fill(r.q, low, 0x77, 16, 0, 0), 1);
	assert_int_equal(next(&r).status, SVART_STATUS_OK);
	assert_int_equal(low[8], 0x77);
	assert_int_equal(svart_queue_prep_fill(r.q, edge, UINT64_MAX, 2 * PAGE, 0, 0), 1);
	done = next(&r);
	assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
	assert_int_equal(done.bytes_done, PAGE);
	assert_int_equal(done.fault_addr, 0x10000000);
	assert_int_equal(edge[PAGE - 1], 0xff);
	assert_int_equal(edge[PAGE], 0);
	pages_free(&r, high, 1);
	pages_free(&r, low, 1);
	pages_free(&r, edge, 2);
	rig_close(&r);
}

static void test_mapped_memory_is_prepared_without_a_system_call(void **state)
{
	uint8_t *src = pages_new(1), *dst = pages_new(1);
	struct svart_space_stats before = SVART_SPACE_STATS_INIT(),
				 after = SVART_SPACE_STATS_INIT();
	unsigned int i;
	struct rig r;

	(void)state;
	rig_open(&r, ALL, 0);
	assert_int_equal(svart_queue_prep_copy(r.q, dst, src, PAGE, 0, 0), 1);
	next(&r);
	svart_space_stats_get(r.space, &before);
	for (i = 0; i < 100; i++) {
		assert_int_equal(svart_queue_prep_copy(r.q, dst, src, PAGE, 0, i), 1);
		next(&r);
	}
	svart_space_stats_get(r.space, &after);
	assert_int_equal(after.maps, before.maps);
	assert_int_equal(after.unmaps, before.unmaps);
	pages_free(&r, src, 1);
	pages_free(&r, dst, 1);
	rig_close(&r);
}

/* --- operations that are cut ----------------------------------------------------------------------- */

#define DSA "model:dsa0,faults=off"

static struct svart_completion run(struct rig *r, const struct svart_op *op)
{
	assert_int_equal(svart_queue_prep(r->q, op, 1), 1);
	return next(r);
}

/** Three pages, of which this one may not be accessed. */
static uint8_t *pages_without(unsigned int page)
{
	uint8_t *p = pages_new(3);

	assert_int_equal(mprotect(p + page * PAGE, PAGE, PROT_NONE), 0);
	return p;
}

static void expect_cut(const struct svart_completion *done, const void *addr, uint64_t bytes)
{
	assert_int_equal(done->status, SVART_STATUS_BAD_ADDRESS);
	assert_int_equal(done->fault_addr, (uintptr_t)addr);
	assert_int_equal(done->bytes_done, bytes);
}

static void test_operation_is_cut_at_each_operand(void **state)
{
	uint8_t *good = pages_new(3), *good2 = pages_new(3), *bad = pages_without(1);
	struct svart_op op = { .opcode = SVART_OP_DUALCAST, .length = 3 * PAGE };
	struct svart_completion done;
	struct rig r;

	(void)state;
	rig_open(&r, DSA, 0);
	memset(good, 1, PAGE);
	op.dst = good2;
	op.dst2 = good;
	op.src = bad;
	done = run(&r, &op);
	expect_cut(&done, bad + PAGE, PAGE);
	assert_false(done.flags & SVART_COMPLETION_FAULT_WRITE);
	op.dst = bad;
	op.src = good2;
	done = run(&r, &op);
	expect_cut(&done, bad + PAGE, PAGE);
	assert_true(done.flags & SVART_COMPLETION_FAULT_WRITE);
	op.dst = good;
	op.dst2 = bad;
	done = run(&r, &op);
	expect_cut(&done, bad + PAGE, PAGE);
	assert_int_equal(good[2 * PAGE], 0x5a);
	pages_free(&r, good, 3);
	pages_free(&r, good2, 3);
	pages_free(&r, bad, 3);
	rig_close(&r);
}

static void check_compare_cut(struct rig *r, struct svart_op op, uint64_t differs_at)
{
	static const uint8_t status[] = { SVART_STATUS_OK, SVART_STATUS_PREDICATE_FALSE,
		SVART_STATUS_OK, SVART_STATUS_OK };
	struct svart_completion done;

	for (op.bounds.expected = 0; op.bounds.expected < 4; op.bounds.expected++) {
		op.flags = op.bounds.expected != 0 ? SVART_OP_CHECK_RESULT : 0;
		done = run(r, &op);
		if (differs_at >= PAGE) {
			expect_cut(&done, (const uint8_t *)op.src2 + PAGE, PAGE);
			continue;
		}
		assert_int_equal(done.status, status[op.bounds.expected]);
		assert_int_equal(done.result, 1);
		assert_int_equal(done.bytes_done, differs_at);
		assert_int_equal(done.fault_addr, 0);
	}
}

static void test_comparison_that_is_cut_still_finds_what_is_before(void **state)
{
	uint8_t *a = pages_new(3), *bad = pages_without(1);
	const struct svart_op op = {
		.opcode = SVART_OP_COMPARE, .src = a, .src2 = bad, .length = 3 * PAGE
	};
	struct rig r;

	(void)state;
	rig_open(&r, DSA, 0);
	check_compare_cut(&r, op, UINT64_MAX);
	a[2 * PAGE] = 1; /* Behind the cut. */
	check_compare_cut(&r, op, 2 * PAGE);
	a[PAGE - 1] = 1; /* Just before it. */
	check_compare_cut(&r, op, PAGE - 1);
	a[0] = 1;
	check_compare_cut(&r, op, 0);
	pages_free(&r, a, 3);
	pages_free(&r, bad, 3);
	rig_close(&r);
}

static void test_blocks_are_cut_whole_and_tell_their_tags(void **state)
{
	uint8_t *src = pages_new(3), *bad = pages_without(1);
	struct svart_op op = { .opcode = SVART_OP_DIF_INSERT,
		.src = src,
		.dst = bad,
		.length = 20 * 512,
		.dst_tags = { .ref = 100, .app = 7 } };
	struct svart_completion done;
	struct rig r;

	(void)state;
	rig_open(&r, DSA, 0);
	done = run(&r, &op);
	expect_cut(&done, bad + PAGE, 7 * 512); /* 7 * 520 bytes are before the page. */
	assert_int_equal(done.dst_tags.ref, 107);
	svart_op_rest(&op, &done);
	assert_ptr_equal(op.src, src + 7 * 512);
	assert_ptr_equal(op.dst, bad + 7 * 520);
	assert_int_equal(op.length, 13 * 512);
	assert_int_equal(op.dst_tags.ref, 107);
	done = run(&r, &op); /* No block of the rest is whole. */
	expect_cut(&done, bad + PAGE, 0);
	assert_int_equal(done.dst_tags.ref, 107);
	assert_int_equal(done.dst_tags.app, 7);
	pages_free(&r, src, 3);
	pages_free(&r, bad, 3);
	rig_close(&r);
}

static void test_checksum_of_nothing_is_its_seed(void **state)
{
	uint8_t *bad = pages_without(0);
	struct svart_op op = {
		.opcode = SVART_OP_CRC, .src = bad, .length = 2 * PAGE, .seed = 0x1234
	};
	struct svart_completion done;
	struct rig r;

	(void)state;
	rig_open(&r, DSA, 0);
	done = run(&r, &op);
	expect_cut(&done, bad, 0);
	assert_int_equal(done.result, 0x1234);
	op.length = 0;
	done = run(&r, &op);
	assert_int_equal(done.status, SVART_STATUS_OK);
	assert_int_equal(done.result, 0x1234);
	pages_free(&r, bad, 3);
	rig_close(&r);
}

static void test_delta_operations_are_not_cut(void **state)
{
	uint8_t *a = pages_new(3), *record = pages_new(1), *bad = pages_without(2);
	struct svart_op op = { .opcode = SVART_OP_CREATE_DELTA,
		.src = a,
		.src2 = bad,
		.delta = record,
		.length = 3 * PAGE,
		.flags = SVART_OP_CHECK_RESULT,
		.bounds = { .delta_max = 80, .expected = 1u << SVART_DELTA_DIFFERS } };
	struct svart_completion done;
	struct svart_op before;
	struct rig r;

	(void)state;
	rig_open(&r, DSA, 0);
	a[0] = 1;
	done = run(&r, &op);
	expect_cut(&done, bad + 2 * PAGE, 0);
	assert_int_equal(done.delta_bytes, 0);
	assert_int_equal(record[0], 0x5a);
	before = op;
	svart_op_rest(&op, &done);
	assert_memory_equal(&op, &before, sizeof(op));
	pages_free(&r, a, 3);
	pages_free(&r, record, 1);
	pages_free(&r, bad, 3);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_device_without_page_requests_needs_no_fault_service_and_says_so),
		cmocka_unit_test(test_device_with_page_requests_needs_a_fault_service),
		cmocka_unit_test(test_prep_takes_fewer_while_the_limit_is_held),
		cmocka_unit_test(test_operation_above_the_limit_is_invalid_in_its_place),
		cmocka_unit_test(test_nothing_completes_before_it_is_submitted),
		cmocka_unit_test(test_backward_copy_with_a_bad_address_is_not_begun),
		cmocka_unit_test(test_operation_that_is_not_begun_says_how_it_would_go_on),
		cmocka_unit_test(test_addresses_above_the_mask_are_refused),
		cmocka_unit_test(test_mapped_memory_is_prepared_without_a_system_call),
		cmocka_unit_test(test_operation_is_cut_at_each_operand),
		cmocka_unit_test(test_comparison_that_is_cut_still_finds_what_is_before),
		cmocka_unit_test(test_blocks_are_cut_whole_and_tell_their_tags),
		cmocka_unit_test(test_checksum_of_nothing_is_its_seed),
		cmocka_unit_test(test_delta_operations_are_not_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
