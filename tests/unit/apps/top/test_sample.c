/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-top's reading of telemetry: what is right, what is not, and rates.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "sample.h"

#define COUNTS                                                                                    \
	"'page_requests':80,'groups':10,'answers_success':9,'answers_invalid':1,'answers_own':2," \
	"'answers_gone':3,'dropped':4,'eager_pages':5,'overflows':6,'deadlines':7,"               \
	"'sources_lost':8,'latency_p50_ns':100,'latency_p99_ns':200,'latency_max_ns':300"
#define DEVICE                                                                                \
	"{'id':3,'name':'model:dsa0','address':'0000:6a:01.0','driver':'dsa','numa_node':-1," \
	"'queues':2,'queues_free':1,'fault_mode':'eager','fault_source':'vtd',"               \
	"'spaces':{'5':{'pinned_bytes':4096,'pinned_bytes_peak':8192},"                       \
	"'none':{'pinned_bytes':1,'pinned_bytes_peak':2}}}"
#define FAULTS "{'id':3," COUNTS ",'latency_ns':{},'pasids':{'5':{" COUNTS "},'none':{" COUNTS "}}}"

/** JSON with ' for ". */
static json_t *load(const char *text)
{
	char buffer[4096];
	json_t *value;
	size_t i;

	assert_true(strlen(text) < sizeof(buffer));
	strcpy(buffer, text);
	for (i = 0; buffer[i] != '\0'; i++)
		buffer[i] = buffer[i] == '\'' ? '"' : buffer[i];
	value = json_loads(buffer, 0, NULL);
	assert_non_null(value);
	return value;
}

static struct top_device parsed;

static int parse(json_t *device, json_t *faults)
{
	int rc = svart_top_device_parse(device, faults, &parsed);

	json_decref(device);
	json_decref(faults);
	return rc;
}

static void test_device_is_read_whole(void **state)
{
	(void)state;
	assert_int_equal(parse(load(DEVICE), load(FAULTS)), 0);
	assert_int_equal(parsed.id, 3);
	assert_int_equal(parsed.numa_node, -1);
	assert_string_equal(parsed.name, "model:dsa0");
	assert_string_equal(parsed.fault_mode, "eager");
	assert_string_equal(parsed.fault_source, "vtd");
	assert_int_equal(parsed.faults.page_requests, 80);
	assert_int_equal(parsed.faults.latency_max_ns, 300);
	assert_int_equal(parsed.nr_pasids, 2);
	assert_int_equal(parsed.pasids[0].pasid, 5);
	assert_int_equal(parsed.pasids[0].pins.now, 4096);
	assert_int_equal(parsed.pasids[1].pasid, TOP_PASID_NONE);
	assert_int_equal(parsed.pins.now, 4097);
	assert_int_equal(parsed.pins.peak, 8194);
}

static void test_lost_device_is_one_if_the_program_says_so(void **state)
{
	json_t *device = load(DEVICE);

	(void)state;
	assert_int_equal(parse(json_incref(device), load(FAULTS)), 0);
	assert_string_equal(parsed.lost, "");
	json_object_set_new(device, "lost", json_string(""));
	assert_int_equal(parse(json_incref(device), load(FAULTS)), 0);
	assert_string_equal(parsed.lost, "");
	json_object_set_new(device, "lost", json_string("it is gone\n"));
	assert_int_equal(parse(json_incref(device), load(FAULTS)), 0);
	assert_string_equal(parsed.lost, "it is gone?");
	json_object_set_new(device, "lost", json_true());
	assert_int_equal(parse(device, load(FAULTS)), -EPROTO);
}

static void test_text_that_would_move_the_cursor_is_made_harmless(void **state)
{
	json_t *device = load(DEVICE);

	(void)state;
	json_object_set_new(device, "name", json_string("a\033[2Jb\xc3\xa9\n"));
	assert_int_equal(parse(device, load(FAULTS)), 0);
	assert_string_equal(parsed.name, "a?[2Jb???");
}

static void test_text_that_is_too_long_is_cut(void **state)
{
	json_t *device = load(DEVICE);
	char name[1000];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	json_object_set_new(device, "name", json_string(name));
	assert_int_equal(parse(device, load(FAULTS)), 0);
	assert_int_equal(strlen(parsed.name), TOP_TEXT_BYTES - 1);
}

static void test_each_missing_member_is_refused(void **state)
{
	static const char *const of_device[] = { "id", "name", "address", "driver", "numa_node",
		"queues", "queues_free", "fault_mode", "fault_source" };
	json_t *object;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(of_device) / sizeof(of_device[0]); i++) {
		object = load(DEVICE);
		json_object_del(object, of_device[i]);
		assert_int_equal(parse(object, load(FAULTS)), -EPROTO);
	}
	for (i = 0; i < svart_top_nr_fault_fields; i++) {
		object = load(FAULTS);
		json_object_del(object, svart_top_fault_fields[i].name);
		assert_int_equal(parse(load(DEVICE), object), -EPROTO);
	}
}

static void test_members_of_other_types_are_refused(void **state)
{
	static const char *const wrong[] = { "[]", "{}", "-1", "1.5", "true", "null", "'7'" };
	json_t *faults, *pasids;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[64];

		snprintf(text, sizeof(text), "{'v':%s}", wrong[i]);
		pasids = load(text);
		faults = load(FAULTS);
		json_object_set(faults, "groups", json_object_get(pasids, "v"));
		json_decref(pasids);
		assert_int_equal(parse(load(DEVICE), faults), -EPROTO);
	}
	assert_int_equal(parse(load("[]"), load("[]")), -EPROTO);
	assert_int_equal(parse(json_null(), json_null()), -EPROTO);
}

static void test_pasids_that_are_none_are_refused(void **state)
{
	static const char *const names[] = { "", "x", "-1", "5x", "4294967295",
		"99999999999999999999", "None" };
	json_t *faults, *counts;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		faults = load(FAULTS);
		counts = json_object_get(json_object_get(faults, "pasids"), "5");
		json_object_set(json_object_get(faults, "pasids"), names[i], counts);
		assert_int_equal(parse(load(DEVICE), faults), -EPROTO);
	}
}

static void test_pasids_beyond_the_limit_are_left_out(void **state)
{
	json_t *faults = load(FAULTS), *pasids = json_object_get(faults, "pasids");
	unsigned int i;
	char name[16];

	(void)state;
	for (i = 100; i < 400; i++) {
		snprintf(name, sizeof(name), "%u", i);
		json_object_set(pasids, name, json_object_get(pasids, "5"));
	}
	assert_int_equal(parse(load(DEVICE), faults), 0);
	assert_int_equal(parsed.nr_pasids, TOP_PASIDS_MAX);
}

static void test_sums_that_wrap_are_refused(void **state)
{
	json_t *device = load(DEVICE);
	json_t *spaces = json_object_get(device, "spaces");

	(void)state;
	json_object_set_new(json_object_get(spaces, "5"), "pinned_bytes", json_integer(INT64_MAX));
	json_object_set_new(
		json_object_get(spaces, "none"), "pinned_bytes", json_integer(INT64_MAX));
	assert_int_equal(parse(device, load(FAULTS)), -EPROTO);
}

/** Two samples of one device, two seconds apart. Owner: one test. */
struct pair {
	struct top_device before_device, now_device;
	struct top_sample before, now;
};

static void pair_init(struct pair *p)
{
	assert_int_equal(parse(load(DEVICE), load(FAULTS)), 0);
	p->before_device = parsed;
	p->before_device.time_ns = 1000000000;
	p->now_device = parsed;
	p->now_device.time_ns = 3000000000;
	p->before = (struct top_sample){ .nr_devices = 1, .devices = &p->before_device };
	p->now = (struct top_sample){ .nr_devices = 1, .devices = &p->now_device };
}

static bool is(double value, double wanted)
{
	return value > wanted - 1e-6 && value < wanted + 1e-6;
}

static void test_rates_are_differences_by_time(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	p.now_device.faults.page_requests += 100;
	p.now_device.pasids[1].faults.groups += 7;
	svart_top_rates(&p.now, &p.before);
	assert_true(is(p.now_device.faults.page_requests_per_s, 50));
	assert_true(is(p.now_device.faults.groups_per_s, 0));
	assert_true(is(p.now_device.pasids[1].faults.groups_per_s, 3.5));
}

static void test_rates_of_another_device_are_none(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	strcpy(p.now_device.name, "model:dsa1");
	svart_top_rates(&p.now, &p.before);
	assert_true(is(p.now_device.faults.page_requests_per_s, TOP_NO_RATE));
}

static void test_rates_of_counters_that_went_back_are_none(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	p.now_device.faults.groups--;
	svart_top_rates(&p.now, &p.before);
	assert_true(is(p.now_device.faults.groups_per_s, TOP_NO_RATE));
	assert_true(is(p.now_device.pasids[0].faults.groups_per_s, 0));
}

static void test_rates_without_a_sample_before_are_none(void **state)
{
	const struct top_sample none = { 0 };
	struct pair p;

	(void)state;
	pair_init(&p);
	svart_top_rates(&p.now, &none);
	assert_true(is(p.now_device.faults.groups_per_s, TOP_NO_RATE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device_is_read_whole),
		cmocka_unit_test(test_lost_device_is_one_if_the_program_says_so),
		cmocka_unit_test(test_text_that_would_move_the_cursor_is_made_harmless),
		cmocka_unit_test(test_text_that_is_too_long_is_cut),
		cmocka_unit_test(test_each_missing_member_is_refused),
		cmocka_unit_test(test_members_of_other_types_are_refused),
		cmocka_unit_test(test_pasids_that_are_none_are_refused),
		cmocka_unit_test(test_pasids_beyond_the_limit_are_left_out),
		cmocka_unit_test(test_sums_that_wrap_are_refused),
		cmocka_unit_test(test_rates_are_differences_by_time),
		cmocka_unit_test(test_rates_of_another_device_are_none),
		cmocka_unit_test(test_rates_of_counters_that_went_back_are_none),
		cmocka_unit_test(test_rates_without_a_sample_before_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
