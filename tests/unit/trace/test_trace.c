/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The points without EAL: registered, off, harmless, and switched by name. What a trace holds is tested
 * by the functional tests.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <svart_pmd.h>

#include "request_trace.h"
#include "trace.h"

static const char *const names[] = {
	"svart.fault.page_request",
	"svart.fault.group_ready",
	"svart.fault.resolve",
	"svart.fault.page_response",
	"svart.fault.overflow",
	"svart.fault.deadline",
	"svart.queue.submit",
	"svart.queue.complete",
};

#define NR_NAMES (sizeof(names) / sizeof(names[0]))

static void test_trace_every_point_is_registered_by_its_name(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NR_NAMES; i++)
		assert_non_null(rte_trace_point_lookup(names[i]));
}

static void test_trace_every_point_is_off_at_first(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NR_NAMES; i++)
		assert_false(rte_trace_point_is_enabled(rte_trace_point_lookup(names[i])));
	assert_false(svart_trace_resolve_on());
	assert_false(svart_trace_submit_on());
	assert_false(svart_trace_complete_on());
}

static void test_trace_calls_without_eal_do_nothing(void **state)
{
	const struct svart_page_request request = { .flags = SVART_PAGE_REQUEST_LAST };
	struct svart_pmd_device dev = { .number = 3 };
	struct svart_pmd_queue q = { .dev = &dev, .index = 1 };
	struct svart_completion done = { .cookie = 5 };

	(void)state;
	svart_trace_page_request(0, &request);
	svart_trace_group_ready(0, &request, 1);
	svart_trace_resolve(0, 4096, 1, 1, 0);
	svart_trace_page_response(0, UINT32_MAX, 0, 0, 0, 0, false, 1);
	svart_trace_overflow(0, 1);
	svart_trace_deadline(0, &request, 1);
	svart_trace_submit(&q.fast, 1, 5);
	svart_trace_complete(&q.fast, &done, 1);
	assert_null(RTE_PER_LCORE(trace_mem));
}

static void test_trace_on_follows_its_point(void **state)
{
	rte_trace_point_t *resolve = rte_trace_point_lookup("svart.fault.resolve");

	(void)state;
	assert_int_equal(rte_trace_point_enable(resolve), 0);
	assert_true(svart_trace_resolve_on());
	assert_int_equal(rte_trace_point_disable(resolve), 0);
	assert_false(svart_trace_resolve_on());
}

static void test_trace_pasid_without_the_flag_is_none(void **state)
{
	struct svart_page_request request = { .pasid = 7 };

	(void)state;
	assert_int_equal(svart_trace_pasid(&request), UINT32_MAX);
	request.flags = SVART_PAGE_REQUEST_PASID;
	assert_int_equal(svart_trace_pasid(&request), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace_every_point_is_registered_by_its_name),
		cmocka_unit_test(test_trace_every_point_is_off_at_first),
		cmocka_unit_test(test_trace_calls_without_eal_do_nothing),
		cmocka_unit_test(test_trace_on_follows_its_point),
		cmocka_unit_test(test_trace_pasid_without_the_flag_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
