/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "model_types.h"

#define VA        UINT64_C(0x7f0000000000)
#define NR_PROBES 4
#define NR_STEPS  200

static void test_locate_gives_one_address_to_one_name(void **state)
{
	struct svart_machine *m;
	char a[16], b[16], c[16];

	(void)state;
	assert_int_equal(svart_machine_model.create("step=manual", &m), 0);
	assert_int_equal(svart_machine_model.locate(m, "dsa0", "", a), 0);
	assert_int_equal(svart_machine_model.locate(m, "dsa7", "step=manual", b), 0);
	assert_int_equal(svart_machine_model.locate(m, "dsa0", NULL, c), 0);
	assert_string_equal(a, "0000:6a:01.0");
	assert_string_equal(b, "0000:6a:08.0");
	assert_string_equal(c, a);
	svart_machine_model.destroy(m);
}

static void test_locate_of_an_unknown_name_gives_enoent(void **state)
{
	static const char *const names[] = { "dsa8", "dsa", "dsa00", "dsa0x", "iax0", "" };
	struct svart_machine *m;
	char address[16];
	size_t i;

	(void)state;
	assert_int_equal(svart_machine_model.create("", &m), 0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(svart_machine_model.locate(m, names[i], "", address), -ENODEV);
	svart_machine_model.destroy(m);
}

static void test_locate_with_options_that_contradict_gives_einval(void **state)
{
	struct svart_machine *m;
	char address[16];

	(void)state;
	assert_int_equal(svart_machine_model.create("step=manual,seed=5,wqs=4", &m), 0);
	assert_int_equal(svart_machine_model.locate(m, "dsa0", "wqs=4,seed=5", address), 0);
	assert_int_equal(svart_machine_model.locate(m, "dsa0", "step=thread", address), -EINVAL);
	assert_int_equal(svart_machine_model.locate(m, "dsa0", "seed=6", address), -EINVAL);
	assert_int_equal(svart_machine_model.locate(m, "dsa0", "vmas=trusted", address), 0);
	assert_int_equal(svart_machine_model.locate(m, "dsa0", "vmas=checked", address), -EINVAL);
	assert_int_equal(svart_machine_model.locate(m, "dsa0", "wqs=2", address), -EINVAL);
	assert_int_equal(svart_machine_model.locate(m, "dsa1", "wqs=2", address), 0);
	assert_int_equal(svart_machine_model.locate(m, "dsa2", "nonsense=2", address), -EINVAL);
	assert_int_equal(svart_machine_model.locate(m, "dsa2", "wqs=many", address), -EINVAL);
	assert_non_null(strstr(svart_fail_text(), "wqs=many"));
	svart_machine_model.destroy(m);
}

static void test_create_with_an_unknown_option_gives_einval(void **state)
{
	struct svart_machine *m = NULL;

	(void)state;
	assert_int_equal(svart_machine_model.create("nonsense=1", &m), -EINVAL);
	assert_int_equal(svart_machine_model.create("step=sometimes", &m), -EINVAL);
	assert_null(m);
}

static bool has_key(const char *const *keys, const char *key)
{
	while (*keys != NULL && strcmp(*keys, key) != 0)
		keys++;
	return *keys != NULL;
}

static void test_option_keys_name_those_of_every_device_model(void **state)
{
	const struct svart_model_type *t;
	const char *const *key;

	(void)state;
	for (t = svart_model_types; t->model != NULL; t++) {
		for (key = t->model->option_keys; key != NULL && *key != NULL; key++)
			assert_true(has_key(svart_machine_model.option_keys, *key));
	}
}

static void test_manual_time_stands_but_for_steps_and_pauses(void **state)
{
	uint64_t start;
	struct rig r;

	(void)state;
	rig_create(&r, "step=manual");
	start = r.m->ops->now_ns(r.m);
	assert_int_equal(r.m->ops->now_ns(r.m), start);
	svart_model_step(r.m);
	r.m->ops->pause(r.m, UINT64_MAX);
	assert_int_equal(r.m->ops->now_ns(r.m), start + 2 * SVART_MODEL_STEP_NS);
	rig_destroy(&r);
}

static void test_manual_step_moves_nothing_before_open(void **state)
{
	struct rig r;

	(void)state;
	rig_create(&r, "step=manual");
	r.probe->busy = true;
	assert_false(svart_model_step(r.m));
	assert_int_equal(r.probe->steps, 0);
	rig_destroy(&r);
}

static void send_one(struct probe *p, void *arg)
{
	struct svart_bus_page_request request = {
		.pasid = NO_PASID, .addr = VA, .read = true, .last = true
	};

	(void)arg;
	p->bus->ops->page_request(p->bus, &request);
}

static void test_manual_poll_steps_until_something_is_ready(void **state)
{
	struct pollfd fd = { .events = POLLIN };
	uint64_t start;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	fd.fd = r.fault_fd;
	start = r.m->ops->now_ns(r.m);
	assert_int_equal(r.m->ops->poll(r.m, &fd, 1, 10 * SVART_MODEL_STEP_NS), 0);
	assert_int_equal(r.m->ops->now_ns(r.m) - start, 10 * SVART_MODEL_STEP_NS);
	assert_int_equal(r.m->ops->poll(r.m, &fd, 1, UINT64_MAX), 0);
	r.probe->script = send_one;
	assert_int_equal(r.m->ops->poll(r.m, &fd, 1, UINT64_MAX), 1);
	rig_destroy(&r);
}

/** Steps several busy devices and writes down which of them moved. */
static void record_order(const char *options, unsigned char *order)
{
	struct probe *probes[NR_PROBES];
	unsigned int i, p, steps[NR_PROBES] = { 0 };
	char address[16];
	int cdevs[NR_PROBES];
	uint32_t id;
	struct rig r;

	rig_create(&r, options);
	r.iommufd = r.m->ops->open(r.m, "/dev/iommu", O_RDWR);
	probes[0] = r.probe;
	for (p = 1; p < NR_PROBES; p++) {
		assert_int_equal(svart_model_add_device(r.m, &probe_model, "", address), 0);
		probes[p] = rig_last_probe();
	}
	for (p = 0; p < NR_PROBES; p++) {
		char path[] = "/dev/vfio/devices/vfio0";

		path[sizeof(path) - 2] = (char)('0' + p);
		cdevs[p] = r.m->ops->open(r.m, path, O_RDWR);
		assert_int_equal(rig_device_bind(&r, cdevs[p], r.iommufd, &id), 0);
		probes[p]->busy = true;
	}
	for (i = 0; i < NR_STEPS; i++) {
		assert_true(svart_model_step(r.m));
		for (p = 0; p < NR_PROBES; p++) {
			if (probes[p]->steps != steps[p])
				order[i] = (unsigned char)p;
			steps[p] = probes[p]->steps;
		}
	}
	for (p = 0; p < NR_PROBES; p++) {
		assert_true(steps[p] > 0);
		r.m->ops->close(r.m, cdevs[p]);
	}
	rig_destroy(&r);
}

static void test_manual_order_follows_from_the_seed(void **state)
{
	unsigned char first[NR_STEPS], again[NR_STEPS], other[NR_STEPS];

	(void)state;
	record_order("step=manual,seed=7", first);
	record_order("step=manual,seed=7", again);
	record_order("step=manual,seed=8", other);
	assert_memory_equal(first, again, NR_STEPS);
	assert_memory_not_equal(first, other, NR_STEPS);
}

static void test_destroy_ends_what_is_still_open(void **state)
{
	void *bar;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=thread");
	assert_int_equal(r.m->ops->mmap(r.m, NULL, PAGE, 3, 1, r.cdev, 0, &bar), 0);
	svart_model_destroy(r.m);
}

static void test_add_device_beyond_the_limit_gives_enospc(void **state)
{
	unsigned int nr = 1;
	char address[16];
	struct rig r;
	int rc;

	(void)state;
	rig_create(&r, NULL);
	while ((rc = svart_model_add_device(r.m, &probe_model, "", address)) == 0)
		nr++;
	assert_int_equal(rc, -ENOSPC);
	assert_true(nr >= 8);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locate_gives_one_address_to_one_name),
		cmocka_unit_test(test_locate_of_an_unknown_name_gives_enoent),
		cmocka_unit_test(test_locate_with_options_that_contradict_gives_einval),
		cmocka_unit_test(test_create_with_an_unknown_option_gives_einval),
		cmocka_unit_test(test_option_keys_name_those_of_every_device_model),
		cmocka_unit_test(test_manual_time_stands_but_for_steps_and_pauses),
		cmocka_unit_test(test_manual_step_moves_nothing_before_open),
		cmocka_unit_test(test_manual_poll_steps_until_something_is_ready),
		cmocka_unit_test(test_manual_order_follows_from_the_seed),
		cmocka_unit_test(test_destroy_ends_what_is_still_open),
		cmocka_unit_test(test_add_device_beyond_the_limit_gives_enospc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
