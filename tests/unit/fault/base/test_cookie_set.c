/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <string.h>

#include "cookie_set.h"
#include "fake.h"

static void test_cookie_set_takes_a_cookie_once(void **state)
{
	struct svart_cookie_set *set;

	(void)state;
	assert_int_equal(svart_cookie_set_create(4, &set), 0);
	assert_int_equal(svart_cookie_set_add(set, 5), 0);
	assert_int_equal(svart_cookie_set_add(set, 5), -EEXIST);
	assert_true(svart_cookie_set_remove(set, 5));
	assert_false(svart_cookie_set_remove(set, 5));
	assert_int_equal(svart_cookie_set_add(set, 5), 0);
	svart_cookie_set_destroy(set);
}

static void test_cookie_set_never_holds_cookie_zero(void **state)
{
	struct svart_cookie_set *set;

	(void)state;
	assert_int_equal(svart_cookie_set_create(4, &set), 0);
	assert_false(svart_cookie_set_remove(set, 0));
	svart_cookie_set_destroy(set);
}

static void test_cookie_set_full_refuses_one_more(void **state)
{
	struct svart_cookie_set *set;
	uint32_t i;

	(void)state;
	assert_int_equal(svart_cookie_set_create(4, &set), 0);
	for (i = 1; i <= 4; i++)
		assert_int_equal(svart_cookie_set_add(set, i << 30 | i), 0);
	assert_int_equal(svart_cookie_set_add(set, 77), -ENOSPC);
	assert_true(svart_cookie_set_remove(set, 2u << 30 | 2));
	assert_int_equal(svart_cookie_set_add(set, 77), 0);
	svart_cookie_set_destroy(set);
}

static void test_cookie_set_random_use_is_as_a_plain_array(void **state)
{
	enum { NR = 200 };
	uint64_t seed = fake_seed();
	bool there[NR + 1] = { false };
	struct svart_cookie_set *set;
	uint32_t i, cookie, nr = 0;
	int rc;

	(void)state;
	assert_int_equal(svart_cookie_set_create(128, &set), 0);
	for (i = 0; i < 200000; i++) {
		cookie = (uint32_t)(fake_random(&seed) % NR) + 1;
		if (fake_random(&seed) % 2) {
			rc = svart_cookie_set_add(set, cookie * 0x01000193);
			assert_int_equal(rc, there[cookie] ? -EEXIST : nr == 128 ? -ENOSPC : 0);
			nr += rc == 0;
			there[cookie] = there[cookie] || rc == 0;
		} else {
			assert_int_equal(
				svart_cookie_set_remove(set, cookie * 0x01000193), there[cookie]);
			nr -= there[cookie];
			there[cookie] = false;
		}
	}
	svart_cookie_set_destroy(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cookie_set_takes_a_cookie_once),
		cmocka_unit_test(test_cookie_set_never_holds_cookie_zero),
		cmocka_unit_test(test_cookie_set_full_refuses_one_more),
		cmocka_unit_test(test_cookie_set_random_use_is_as_a_plain_array),
	};

	return cmocka_run_group_tests_name("cookie_set", tests, NULL, NULL);
}
