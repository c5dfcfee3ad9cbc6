/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Structures that carry their size, as each public call takes them: of an older program, of a newer one,
 * and of one that forgot the size. What the copying does in each case is tests/unit/util/test_sized.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <svart/queue_inline.h>

/* What the compiler puts between members is in no copy's control: the structures have nothing of it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"
#include <svart/svart.h>
#pragma GCC diagnostic pop

#define SPEC "model:dsa0"

/** A program. Owner: the group of tests. */
struct rig {
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *q;
	struct svart_probe *probe;
};

static int setup(void **state)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	struct rig *r = calloc(1, sizeof(*r));

	if (r == NULL || svart_init(&init, &r->rt) != 0 ||
		svart_space_create(r->rt, NULL, &r->space) != 0 ||
		svart_fault_service_create(r->rt, NULL, &r->faults) != 0 ||
		svart_device_open(r->rt, SPEC, r->space, r->faults, &r->dev) != 0 ||
		svart_queue_create(r->dev, NULL, &r->q) != 0 ||
		svart_probe_create(r->rt, &r->probe) != 0)
		return -1;
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	int rc = 0;

	svart_probe_destroy(r->probe);
	rc |= svart_queue_destroy(r->q);
	rc |= svart_device_close(r->dev);
	rc |= svart_fault_service_destroy(r->faults);
	rc |= svart_space_destroy(r->space);
	rc |= svart_fini(r->rt);
	free(r);
	return rc;
}

/** A structure of a later version. */
union newer {
	uint32_t size;
	unsigned char bytes[2048];
	uint64_t words[256];
};

/* --- what a program gives ---------------------------------------------------------------------- */

/** Makes something by params, and destroys it again. @return what the making returned. */
typedef int give(struct rig *r, const void *params);

static int give_init(struct rig *r, const void *params)
{
	struct svart *rt;
	int rc = svart_init(params, &rt);

	(void)r;
	return rc == 0 ? svart_fini(rt) : rc;
}

static int give_space(struct rig *r, const void *params)
{
	struct svart_space *space;
	int rc = svart_space_create(r->rt, params, &space);

	return rc == 0 ? svart_space_destroy(space) : rc;
}

static int give_faults(struct rig *r, const void *params)
{
	struct svart_fault_service *faults;
	int rc = svart_fault_service_create(r->rt, params, &faults);

	return rc == 0 ? svart_fault_service_destroy(faults) : rc;
}

static int give_queue(struct rig *r, const void *params)
{
	struct svart_queue *q;
	int rc = svart_queue_create(r->dev, params, &q);

	return rc == 0 ? svart_queue_destroy(q) : rc;
}

static const struct svart_init_params no_eal = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
static const struct svart_space_params space_params = SVART_SPACE_PARAMS_INIT();
static const struct svart_fault_params fault_params = SVART_FAULT_PARAMS_INIT();
static const struct svart_queue_params queue_params = SVART_QUEUE_PARAMS_INIT();

static const struct given {
	give *give;
	const void *params;
	const char *name, *macro;
} givens[] = {
	{ give_init, &no_eal, "struct svart_init_params", "SVART_INIT_PARAMS_INIT()" },
	{ give_space, &space_params, "struct svart_space_params", "SVART_SPACE_PARAMS_INIT()" },
	{ give_faults, &fault_params, "struct svart_fault_params", "SVART_FAULT_PARAMS_INIT()" },
	{ give_queue, &queue_params, "struct svart_queue_params", "SVART_QUEUE_PARAMS_INIT()" },
};
#define NR_GIVENS (sizeof(givens) / sizeof(givens[0]))

static void test_params_of_a_newer_program_pass_if_they_ask_for_nothing_new(void **state)
{
	union newer params;
	uint32_t size;
	size_t i;

	for (i = 0; i < NR_GIVENS; i++) {
		memcpy(&size, givens[i].params, sizeof(size));
		memset(&params, 0, sizeof(params));
		memcpy(&params, givens[i].params, size);
		params.size = size + 8;
		/* All queues of the device are in use: that is what comes next. */
		assert_int_equal(givens[i].give(*state, &params),
			givens[i].give == give_queue ? -ENOSPC : 0);
		params.bytes[size + 7] = 1;
		assert_int_equal(givens[i].give(*state, &params), -E2BIG);
		assert_non_null(strstr(svart_error_text(), givens[i].name));
	}
}

static void test_params_without_a_size_are_of_the_first_version(void **state)
{
	union newer params;
	uint32_t size;
	size_t i;

	for (i = 0; i < NR_GIVENS; i++) {
		memcpy(&size, givens[i].params, sizeof(size));
		memset(&params, 0xa5, sizeof(params));
		memcpy(&params, givens[i].params, size);
		params.size = 0;
		assert_int_equal(givens[i].give(*state, &params),
			givens[i].give == give_queue ? -ENOSPC : 0);
	}
}

static void test_params_with_a_size_that_never_was_are_refused_by_name(void **state)
{
	const union newer params = { .size = 4 };
	size_t i;

	for (i = 0; i < NR_GIVENS; i++) {
		assert_int_equal(givens[i].give(*state, &params), -EINVAL);
		assert_non_null(strstr(svart_error_text(), givens[i].name));
		assert_non_null(strstr(svart_error_text(), givens[i].macro));
	}
}

/* --- what a program gets ----------------------------------------------------------------------- */

typedef int take(struct rig *r, void *out);

static int take_info(struct rig *r, void *out)
{
	return (svart_device_info_get)(r->dev, out);
}

static int take_device_stats(struct rig *r, void *out)
{
	return (svart_device_fault_stats_get)(r->dev, NULL, out);
}

static int take_space_stats(struct rig *r, void *out)
{
	return (svart_space_stats_get)(r->space, out);
}

static int take_fault_stats(struct rig *r, void *out)
{
	return (svart_fault_stats_get)(r->faults, out);
}

static int take_error(struct rig *r, void *out)
{
	return (svart_queue_error_get)(r->q, out);
}

static int take_system(struct rig *r, void *out)
{
	return (svart_probe_system_get)(r->probe, out);
}

static int take_device(struct rig *r, void *out)
{
	return (svart_probe_device_get)(r->probe, 0, out);
}

static int take_path(struct rig *r, void *out)
{
	return (svart_probe_path_get)(r->probe, 0, 0, out);
}

static const struct taken {
	take *take;
	uint32_t size;
	const char *name, *macro;
} takens[] = {
	{ take_info, sizeof(struct svart_device_info), "struct svart_device_info",
		"SVART_DEVICE_INFO_INIT()" },
	{ take_device_stats, sizeof(struct svart_fault_stats), "struct svart_fault_stats",
		"SVART_FAULT_STATS_INIT()" },
	{ take_space_stats, sizeof(struct svart_space_stats), "struct svart_space_stats",
		"SVART_SPACE_STATS_INIT()" },
	{ take_fault_stats, sizeof(struct svart_fault_stats), "struct svart_fault_stats",
		"SVART_FAULT_STATS_INIT()" },
	{ take_system, sizeof(struct svart_probe_system), "struct svart_probe_system",
		"SVART_PROBE_SYSTEM_INIT()" },
	{ take_device, sizeof(struct svart_probe_device), "struct svart_probe_device",
		"SVART_PROBE_DEVICE_INIT()" },
	{ take_path, sizeof(struct svart_probe_path), "struct svart_probe_path",
		"SVART_PROBE_PATH_INIT()" },
	{ take_error, sizeof(struct svart_queue_error), "struct svart_queue_error",
		"SVART_QUEUE_ERROR_INIT()" },
};
#define NR_TAKENS (sizeof(takens) / sizeof(takens[0]))

static void test_answers_to_a_newer_program_end_with_zeroes(void **state)
{
	union newer out;
	size_t i, k;

	for (i = 0; i < NR_TAKENS; i++) {
		if (takens[i].take == take_error)
			continue; /* The queue has not failed. */
		memset(&out, 0xa5, sizeof(out));
		out.size = takens[i].size + 16;
		assert_int_equal(takens[i].take(*state, &out), 0);
		assert_int_equal(out.size, takens[i].size + 16);
		for (k = takens[i].size; k < out.size; k++)
			assert_int_equal(out.bytes[k], 0);
		for (; k < sizeof(out); k++)
			assert_int_equal(out.bytes[k], 0xa5);
	}
}

static void test_answers_without_a_size_are_refused_and_not_written(void **state)
{
	union newer out, before;
	size_t i;

	for (i = 0; i < NR_TAKENS; i++) {
		memset(&out, 0xa5, sizeof(out));
		out.size = 0;
		before = out;
		assert_int_equal(takens[i].take(*state, &out), -EINVAL);
		assert_non_null(strstr(svart_error_text(), takens[i].name));
		assert_non_null(strstr(svart_error_text(), takens[i].macro));
		assert_memory_equal(&out, &before, sizeof(out));
	}
}

/** Memory that nobody has set: its size is anything. */
static void test_answers_into_garbage_are_refused(void **state)
{
	union newer out;
	size_t i;

	for (i = 0; i < NR_TAKENS; i++) {
		memset(&out, 0xa5, sizeof(out));
		assert_int_equal(takens[i].take(*state, &out), -EINVAL);
	}
}

/** As programs call them: what was in the structure does not matter. */
static void test_calls_set_the_size_themselves(void **state)
{
	struct rig *r = *state;
	struct svart_device_info info;
	struct svart_space_stats space;
	struct svart_fault_stats faults;
	struct svart_probe_path path;

	memset(&info, 0xa5, sizeof(info));
	memset(&space, 0xa5, sizeof(space));
	memset(&faults, 0xa5, sizeof(faults));
	memset(&path, 0xa5, sizeof(path));
	assert_int_equal(svart_device_info_get(r->dev, &info), 0);
	assert_string_equal(info.name, SPEC);
	assert_int_equal(info.size, sizeof(info));
	assert_int_equal(svart_space_stats_get(r->space, &space), 0);
	assert_true(space.pinned_bytes != 0 && space.pinned_bytes % 4096 == 0);
	assert_int_equal(svart_fault_stats_get(r->faults, &faults), 0);
	assert_int_equal(faults.sources_lost, 0);
	assert_int_equal(svart_probe_path_get(r->probe, 0, 0, &path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_params_of_a_newer_program_pass_if_they_ask_for_nothing_new),
		cmocka_unit_test(test_params_without_a_size_are_of_the_first_version),
		cmocka_unit_test(test_params_with_a_size_that_never_was_are_refused_by_name),
		cmocka_unit_test(test_calls_set_the_size_themselves),
		cmocka_unit_test(test_answers_to_a_newer_program_end_with_zeroes),
		cmocka_unit_test(test_answers_without_a_size_are_refused_and_not_written),
		cmocka_unit_test(test_answers_into_garbage_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
