/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Which machine a spec means: by its bus, by machine=, by the environment. All forms that mean the same
 * device lead to the same machine, and call it the same.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <svart/svart.h>

#include "bits.h"
#include "buses.h"
#include "machines.h"
#include "spec.h"

static struct svart *rt;

static int setup(void **state)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);

	(void)state;
	unsetenv("SVART_MACHINE");
	return svart_init(&init, &rt);
}

static int teardown(void **state)
{
	(void)state;
	unsetenv("SVART_MACHINE");
	return svart_fini(rt);
}

/** The machine of a spec, or NULL: it was refused, with a text that holds `why`. */
static const char *machine_of(const char *text, const char *variable, const char *why)
{
	const struct svart_spec_bus *bus;
	struct svart_machine_slot *slot;
	struct svart_spec spec;

	if (variable != NULL)
		setenv("SVART_MACHINE", variable, 1);
	else
		unsetenv("SVART_MACHINE");
	assert_int_equal(svart_spec_parse(text, &spec), 0);
	bus = svart_spec_bus_find(rt, spec.bus);
	assert_non_null(bus);
	slot = svart_machines_choose(rt, bus, &spec);
	if (slot == NULL && strstr(svart_error_text(), why) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", svart_error_text(), why);
	svart_spec_fini(&spec);
	return slot != NULL ? slot->class->name : NULL;
}

static void test_spec_without_machine_means_linux(void **state)
{
	(void)state;
	assert_string_equal(machine_of("pci:0000:6a:01.0", NULL, ""), "linux");
	assert_string_equal(machine_of("pci:0000:6a:01.0", "", ""), "linux");
	assert_string_equal(machine_of("pci:0000:6a:01.0,machine=linux", NULL, ""), "linux");
}

static void test_environment_is_for_specs_that_do_not_say(void **state)
{
	(void)state;
	assert_string_equal(machine_of("pci:dsa0", "model", ""), "model");
	assert_string_equal(machine_of("pci:dsa0", "linux", ""), "linux");
	assert_string_equal(machine_of("pci:dsa0,machine=linux", "model", ""), "linux");
	assert_string_equal(machine_of("pci:dsa0,machine=model", "linux", ""), "model");
	assert_string_equal(machine_of("model:dsa0", "linux", ""), "model");
	assert_string_equal(machine_of("model:dsa0", "no-such", ""), "model");
}

static void test_short_form_is_the_long_one(void **state)
{
	(void)state;
	assert_string_equal(machine_of("model:dsa0", NULL, ""), "model");
	assert_string_equal(machine_of("pci:dsa0,machine=model", NULL, ""), "model");
	assert_string_equal(machine_of("model:dsa0,machine=model", NULL, ""), "model");
}

static void test_machines_that_are_none_or_contradict_are_refused_in_words(void **state)
{
	(void)state;
	assert_null(machine_of("pci:dsa0,machine=qemu", NULL, "option machine=qemu: the machines"));
	assert_null(machine_of("model:dsa0,machine=qemu", NULL, "option machine=qemu"));
	assert_null(machine_of("pci:dsa0", "qemu", "SVART_MACHINE=qemu: the machines are linux"));
	assert_null(machine_of("model:dsa0,machine=linux", NULL,
		"model:dsa0 is short for machine=model: leave machine=linux out"));
}

/* --- devices ------------------------------------------------------------------------------------- */

/** Opens one device after the other in one runtime, with one space, and closes them. */
struct rig {
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *devs[2];
};

static int rig_device(struct rig *r, unsigned int i, const char *spec)
{
	return svart_device_open(rt, spec, r->space, r->faults, &r->devs[i]);
}

static void rig_open(struct rig *r)
{
	assert_int_equal(svart_space_create(rt, NULL, &r->space), 0);
	assert_int_equal(svart_fault_service_create(rt, NULL, &r->faults), 0);
}

static void rig_close(struct rig *r)
{
	assert_int_equal(svart_fault_service_destroy(r->faults), 0);
	assert_int_equal(svart_space_destroy(r->space), 0);
}

static void assert_name(struct svart_device *dev, const char *name)
{
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();

	svart_device_info_get(dev, &info);
	assert_string_equal(info.name, name);
	assert_string_equal(info.address, "0000:6a:01.0");
}

static void test_both_forms_give_a_device_the_same_name(void **state)
{
	static const char *const specs[] = { "model:dsa0", "pci:dsa0,machine=model", "pci:dsa0" };
	struct rig r;
	size_t i;

	(void)state;
	rig_open(&r);
	setenv("SVART_MACHINE", "model", 1);
	for (i = 0; i < SVART_ARRAY_SIZE(specs); i++) {
		assert_int_equal(rig_device(&r, 0, specs[i]), 0);
		assert_name(r.devs[0], "model:dsa0");
		assert_int_equal(svart_device_close(r.devs[0]), 0);
	}
	rig_close(&r);
}

static void test_both_forms_lead_to_one_machine(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	assert_int_equal(rig_device(&r, 0, "model:dsa0"), 0);
	assert_int_equal(rig_device(&r, 1, "pci:dsa0,machine=model"), -EBUSY);
	assert_int_equal(rig_device(&r, 1, "pci:dsa1,machine=model,step=manual"), -EINVAL);
	assert_non_null(strstr(svart_error_text(), "the model runs with step=thread"));
	/* The same space: it would be refused on another machine. */
	assert_int_equal(rig_device(&r, 1, "pci:dsa1,machine=model"), 0);
	assert_int_equal(svart_device_close(r.devs[1]), 0);
	assert_int_equal(svart_device_close(r.devs[0]), 0);
	rig_close(&r);
}

static void test_failed_open_leaves_no_machine(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	assert_int_not_equal(rig_device(&r, 0, "pci:dsa0"), 0);
	assert_null(svart_machines_find(rt, "linux")->m);
	assert_int_equal(rig_device(&r, 0, "pci:dsa0,machine=model,nonsense=3"), -EINVAL);
	assert_non_null(strstr(svart_error_text(), "unknown option nonsense="));
	assert_null(svart_machines_find(rt, "model")->m);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_spec_without_machine_means_linux, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_environment_is_for_specs_that_do_not_say, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_form_is_the_long_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_machines_that_are_none_or_contradict_are_refused_in_words, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_both_forms_give_a_device_the_same_name, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_both_forms_lead_to_one_machine, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_failed_open_leaves_no_machine, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
