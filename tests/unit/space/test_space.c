/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "fixture.h"

static void test_space_params_out_of_range_are_named(void **state)
{
	const struct {
		struct svart_space_params params;
		const char *name;
	} cases[] = {
		{ { .pin_limit_bytes = PAGE - 1 }, "pin_limit_bytes" },
		{ { .fault_around_bytes = PAGE / 2 }, "fault_around_bytes" },
		{ { .fault_around_bytes = 3 * PAGE }, "fault_around_bytes" },
		{ { .fault_around_bytes = 2 * CHUNK }, "fault_around_bytes" },
		{ { .max_chunks = UINT32_MAX }, "max_chunks" },
	};
	struct svart_space *space = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < SVART_ARRAY_SIZE(cases); i++) {
		assert_int_equal(svart_space_init(&cases[i].params, &space), -EINVAL);
		assert_non_null(strstr(svart_fail_text(), cases[i].name));
		assert_null(space);
	}
}

static void test_space_unbound_resolves_nothing_and_forgets(void **state)
{
	struct svart_space *space;
	char c;

	(void)state;
	assert_int_equal(svart_space_init(NULL, &space), 0);
	assert_int_equal(svart_space_resolve(space, 0x10000, 0x11000, R), -ENODEV);
	assert_int_equal(svart_space_map_static(space, (void *)0x10000, PAGE), -ENODEV);
	assert_int_equal(svart_space_check_aperture(space), -ENODEV);
	assert_int_equal(svart_space_forget(space, &c, 1), 0);
	assert_int_equal(svart_space_bound(space), 0);
	svart_space_unbind(space);
	svart_space_fini(space);
}

static void test_space_second_bind_only_counts(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;
	uint32_t ioas;

	(void)state;
	fixture_open(&fx, NULL);
	ioas = svart_space_ioas(fx.space);
	assert_int_equal(svart_space_bind(fx.space, &fx.fake->machine, fx.iommufd), 0);
	assert_int_equal(svart_space_bound(fx.space), 2);
	assert_int_equal(svart_space_ioas(fx.space), ioas);
	assert_int_equal(fx.fake->nr_ioas, 1);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	svart_space_unbind(fx.space);
	assert_true(fake_is_mapped(fx.fake, mem));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_space_of_another_machine_is_refused(void **state)
{
	struct fake_iommufd *other = fake_iommufd_create();
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(svart_space_bind(fx.space, &other->machine, fx.iommufd), -EXDEV);
	assert_int_equal(svart_space_bind(fx.space, &fx.fake->machine, fx.iommufd + 1), -EXDEV);
	assert_int_equal(svart_space_bound(fx.space), 1);
	fixture_close(&fx);
	fake_iommufd_destroy(other);
}

static void test_space_can_be_bound_again_after_the_last_unbind(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	svart_space_unbind(fx.space);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	assert_int_equal(fx.fake->nr_ioas, 0);
	assert_int_equal(resolve(&fx, mem, PAGE, R), -ENODEV);
	assert_int_equal(svart_space_bind(fx.space, &fx.fake->machine, fx.iommufd), 0);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_space_fini_while_bound_unmaps_and_destroys(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	svart_space_fini(fx.space);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	assert_int_equal(fx.fake->nr_ioas, 0);
	assert_int_equal(fx.fake->destroyed_with_areas, 0);
	assert_int_equal(fx.fake->open_fds, 1);
	fx.fake->machine.ops->close(&fx.fake->machine, fx.iommufd);
	fake_iommufd_destroy(fx.fake);
	chunks_free(mem, 1);
}

static void test_space_bind_that_fails_leaves_nothing_behind(void **state)
{
	struct fake_iommufd *fake = fake_iommufd_create();
	struct svart_machine *m = &fake->machine;
	int iommufd = m->ops->open(m, "/dev/iommu", 0);
	struct svart_space *space;

	(void)state;
	assert_int_equal(svart_space_init(NULL, &space), 0);
	fake->ranges_error = -ENODEV;
	assert_int_equal(svart_space_bind(space, m, iommufd), -ENODEV);
	assert_int_equal(svart_space_bound(space), 0);
	assert_int_equal(fake->nr_ioas, 0);
	assert_int_equal(fake->open_fds, 1);
	fake->ranges_error = 0;
	assert_int_equal(svart_space_bind(space, m, iommufd), 0);
	svart_space_unbind(space);
	svart_space_fini(space);
	m->ops->close(m, iommufd);
	fake_iommufd_destroy(fake);
}

static void test_space_keeps_its_owner(void **state)
{
	struct svart_space *space;
	int owner;

	(void)state;
	assert_int_equal(svart_space_init(NULL, &space), 0);
	assert_null(svart_space_owner(space));
	svart_space_set_owner(space, &owner);
	assert_ptr_equal(svart_space_owner(space), &owner);
	svart_space_fini(space);
}

static int use_dead_space(struct fixture *fx, uint8_t *mem)
{
	unsigned int unmaps = fake_nr_unmaps(fx->fake);

	if (resolve(fx, mem, PAGE, R) != -EPERM ||
		svart_space_forget(fx->space, mem, PAGE) != -EPERM ||
		svart_space_map_static(fx->space, mem + CHUNK, PAGE) != -EPERM ||
		svart_space_bind(fx->space, &fx->fake->machine, fx->iommufd) != -EPERM ||
		svart_space_check_aperture(fx->space) != -EPERM)
		return 1;
	svart_space_unmap_static(fx->space, mem, PAGE);
	svart_space_unbind(fx->space);
	svart_space_fini(fx->space);
	return fake_nr_unmaps(fx->fake) == unmaps && fake_is_mapped(fx->fake, mem) ? 0 : 2;
}

static void test_space_in_a_forked_child_is_dead_and_does_not_touch_the_kernel(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	struct fixture fx;
	int status;
	pid_t pid;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	pid = fork();
	if (pid == 0) {
		svart_space_mark_dead(fx.space);
		_exit(use_dead_space(&fx, mem));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	fixture_close(&fx);
	chunks_free(mem, 2);
}

static void test_space_stats_count_what_happened(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct svart_space_stats stats;
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + PAGE, PAGE, R), 0);
	assert_int_equal(svart_space_forget(fx.space, mem, PAGE), 0);
	stats = stats_of(&fx);
	assert_int_equal(stats.maps, 2);
	assert_int_equal(stats.unmaps, 1);
	assert_int_equal(stats.pinned_bytes, PAGE);
	assert_int_equal(stats.pinned_bytes_peak, 2 * PAGE);
	assert_int_equal(stats.evictions + stats.upgrades + stats.exact_retries + stats.replaced +
				 stats.replaced_held,
		0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

/* Not a check of speed, which this machine cannot promise: it says the number. */
static void test_space_resolve_of_a_mapped_page_says_its_cost(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct timespec t0, t1;
	struct fixture fx;
	size_t i, n = 200000;
	int rc = 0;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, CHUNK, R), 0);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (i = 0; i < n; i++)
		rc |= resolve(&fx, mem + (i % 512) * PAGE, PAGE, R);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	assert_int_equal(rc, 0);
	print_message("resolve of a mapped page: %.0f ns\n",
		((double)(t1.tv_sec - t0.tv_sec) * 1e9 + (double)(t1.tv_nsec - t0.tv_nsec)) /
			(double)n);
	assert_int_equal(fake_nr_maps(fx.fake), 1);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_space_params_out_of_range_are_named),
		cmocka_unit_test(test_space_unbound_resolves_nothing_and_forgets),
		cmocka_unit_test(test_space_second_bind_only_counts),
		cmocka_unit_test(test_space_of_another_machine_is_refused),
		cmocka_unit_test(test_space_can_be_bound_again_after_the_last_unbind),
		cmocka_unit_test(test_space_fini_while_bound_unmaps_and_destroys),
		cmocka_unit_test(test_space_bind_that_fails_leaves_nothing_behind),
		cmocka_unit_test(test_space_keeps_its_owner),
		cmocka_unit_test(
			test_space_in_a_forked_child_is_dead_and_does_not_touch_the_kernel),
		cmocka_unit_test(test_space_stats_count_what_happened),
		cmocka_unit_test(test_space_resolve_of_a_mapped_page_says_its_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
