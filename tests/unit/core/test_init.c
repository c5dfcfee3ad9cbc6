/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <svart/svart.h>

/** One test, for EAL starts once in a process: it must be the first of its program. */
static void test_init_after_eal_refused_its_arguments_starts_it(void **state)
{
	const struct svart_init_params bad = { .eal_args = "--no-such-option" };
	struct svart_fault_service *faults;
	struct svart *rt;

	(void)state;
	assert_true(svart_init(&bad, &rt) < 0);
	/* EAL has counted its lcores by now, and does not run all the same. */
	assert_true(svart_init(&bad, &rt) < 0);
	assert_int_equal(svart_init(NULL, &rt), 0);
	assert_int_equal(svart_fault_service_create(rt, NULL, &faults), 0);
	assert_int_equal(svart_fault_service_destroy(faults), 0);
	assert_int_equal(svart_fini(rt), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init_after_eal_refused_its_arguments_starts_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
