/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>

#include "fixture.h"
#include "refused.h"

static void test_refused_page_is_told_once(void **state)
{
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_false(svart_space_was_refused(fx.space, 5 * PAGE));
	svart_space_refuse(fx.space, 5 * PAGE + 7, -ENOMEM);
	svart_space_refuse(fx.space, 5 * PAGE + 9, -ENOMEM);
	assert_false(svart_space_was_refused(fx.space, 6 * PAGE));
	assert_true(svart_space_was_refused(fx.space, 5 * PAGE + 100));
	assert_false(svart_space_was_refused(fx.space, 5 * PAGE));
	fixture_close(&fx);
}

static void test_refused_for_another_reason_since_is_not_want_of_memory(void **state)
{
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	svart_space_refuse(fx.space, 5 * PAGE, -ENOMEM);
	svart_space_refuse(fx.space, 5 * PAGE, -EFAULT);
	assert_false(svart_space_was_refused(fx.space, 5 * PAGE));
	fixture_close(&fx);
}

static void test_refused_table_keeps_the_newest(void **state)
{
	struct svart_refused r;
	uint64_t i;

	(void)state;
	svart_refused_init(&r);
	for (i = 1; i <= SVART_NR_REFUSED + 10; i++)
		svart_refused_add(&r, i * PAGE);
	assert_int_equal(atomic_load(&r.nr), SVART_NR_REFUSED);
	for (i = 1; i <= 10; i++)
		assert_false(svart_refused_remove(&r, i * PAGE));
	for (; i <= SVART_NR_REFUSED + 10; i++)
		assert_true(svart_refused_remove(&r, i * PAGE));
	assert_int_equal(atomic_load(&r.nr), 0);
	svart_refused_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_page_is_told_once),
		cmocka_unit_test(test_refused_for_another_reason_since_is_not_want_of_memory),
		cmocka_unit_test(test_refused_table_keeps_the_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
