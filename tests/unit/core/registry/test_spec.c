/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <svart/init.h>

#include "bits.h"
#include "spec.h"

static void test_spec_is_taken_apart(void **state)
{
	struct svart_spec spec;

	(void)state;
	assert_int_equal(svart_spec_parse("pci:0000:6a:01.0,pasid=5,queues=2", &spec), 0);
	assert_string_equal(spec.bus, "pci");
	assert_string_equal(spec.name, "0000:6a:01.0");
	assert_string_equal(rte_kvargs_get(spec.options, "pasid"), "5");
	assert_string_equal(rte_kvargs_get(spec.options, "queues"), "2");
	svart_spec_fini(&spec);
	assert_int_equal(svart_spec_parse("model:dsa0", &spec), 0);
	assert_int_equal(spec.options->count, 0);
	svart_spec_fini(&spec);
}

static void test_bad_specs_are_refused_with_a_text(void **state)
{
	static const char *const bad[] = { "", "dsa0", ":dsa0", "model:", "model:,a=1",
		"model:dsa0,a", "model:dsa0,a=", "model:dsa0,a=1,a=2", "averyverylongbusname:dsa0",
		"model:a-name-that-is-longer-than-any-device-will-ever-have" };
	struct svart_spec spec;
	size_t i;

	(void)state;
	for (i = 0; i < SVART_ARRAY_SIZE(bad); i++) {
		assert_int_equal(svart_spec_parse(bad[i], &spec), -EINVAL);
		assert_true(strlen(svart_error_text()) > 10);
	}
	assert_int_equal(svart_spec_parse(NULL, &spec), -EINVAL);
}

static void test_options_are_parted_by_who_takes_them(void **state)
{
	static const char *const machine_keys[] = { "step", "seed", NULL };
	static const char *const transport_keys[] = { "device_fd", NULL };
	static const char *const driver_keys[] = { "queues", NULL };
	struct svart_spec spec;
	char selected[64], tiny[8];

	(void)state;
	assert_int_equal(
		svart_spec_parse(
			"model:dsa0,seed=3,pasid=1,step=manual,queues=4,device_fd=5", &spec),
		0);
	assert_int_equal(svart_spec_select(&spec, machine_keys, selected, sizeof(selected)), 0);
	assert_string_equal(selected, "seed=3,step=manual");
	assert_int_equal(svart_spec_select(&spec, machine_keys, tiny, sizeof(tiny)), -EINVAL);
	assert_int_equal(svart_spec_check(&spec, machine_keys, transport_keys, driver_keys), 0);
	assert_int_equal(
		svart_spec_check(&spec, driver_keys, transport_keys, driver_keys), -EINVAL);
	assert_non_null(strstr(svart_error_text(), "seed"));
	svart_spec_fini(&spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spec_is_taken_apart),
		cmocka_unit_test(test_bad_specs_are_refused_with_a_text),
		cmocka_unit_test(test_options_are_parted_by_who_takes_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
