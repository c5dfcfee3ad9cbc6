/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Spaces, queues and devices over time: forgetting, several queues, several spaces, stopping with
 * work in flight, forks.
 */

#include "backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_new_memory_at_an_old_address_is_what_the_device_sees(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(PAGE), *dst = guarded_alloc(PAGE);
	struct svart_completion done;
	unsigned int i;

	for (i = 0; i < 50; i++) {
		scramble(src, PAGE, i);
		done = run_copy(b, dst, src, PAGE);
		assert_done(&done, PAGE);
		assert_memory_equal(dst, src, PAGE);
		assert_int_equal(svart_space_forget(b->space, src, PAGE), 0);
		assert_ptr_equal(mmap(src, PAGE, PROT_READ | PROT_WRITE,
					 MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			src);
	}
	guarded_free(b, src, PAGE);
	guarded_free(b, dst, PAGE);
}

static void test_forgotten_and_unmapped_memory_is_out_of_reach(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(4 * PAGE), *dst = guarded_alloc(4 * PAGE);
	struct svart_completion done;

	done = run_copy(b, dst, src, 4 * PAGE);
	assert_done(&done, 4 * PAGE);
	assert_int_equal(svart_space_forget(b->space, dst, 4 * PAGE), 0);
	assert_int_equal(munmap(dst, 4 * PAGE), 0);
	done = run_copy(b, dst, src, 4 * PAGE);
	assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
	assert_int_equal(done.fault_addr & ~(uint64_t)(PAGE - 1), (uintptr_t)dst);
	guarded_free(b, src, 4 * PAGE);
	guarded_free(b, dst, 4 * PAGE);
}

static void test_queue_can_be_created_again_and_again(void **state)
{
	struct backend *b = *state;
	uint8_t src[100], dst[100];
	struct svart_completion done;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		assert_int_equal(svart_queue_destroy(b->q), 0);
		assert_int_equal(svart_queue_create(b->dev, NULL, &b->q), 0);
		scramble(src, sizeof(src), i);
		done = run_copy(b, dst, src, sizeof(src));
		assert_done(&done, sizeof(src));
		assert_memory_equal(dst, src, sizeof(src));
	}
}

static void test_queue_is_destroyed_with_work_in_flight(void **state)
{
	struct backend *b = *state;
	const size_t len = 256 * 1024;
	uint8_t *src = guarded_alloc(len), *dst = guarded_alloc(len);
	unsigned int i;

	for (i = 0; i < 10; i++) {
		while (svart_queue_prep_copy(b->q, dst, src, len, 0, i) == 1)
			;
		svart_queue_submit(b->q);
		assert_int_equal(svart_queue_destroy(b->q), 0);
		assert_int_equal(svart_queue_create(b->dev, NULL, &b->q), 0);
		assert_int_equal(svart_space_forget(b->space, src, len), 0);
	}
	guarded_free(b, src, len);
	guarded_free(b, dst, len);
}

static void test_depth_out_of_range_is_refused(void **state)
{
	struct backend *b = *state;
	struct svart_queue_params params =
		SVART_QUEUE_PARAMS_INIT(.depth = b->info.queue_depth + 1);
	struct svart_queue *q;

	assert_int_equal(svart_queue_create(b->dev, &params, &q), -EINVAL);
	assert_non_null(strstr(svart_error_text(), "depth"));
	assert_int_equal(
		svart_queue_create(b->dev, NULL, &q), -ENOSPC); /* The one queue is taken. */
}

static void test_a_used_device_cannot_be_closed(void **state)
{
	struct backend *b = *state;

	assert_int_equal(svart_device_close(b->dev), -EBUSY);
	assert_int_equal(svart_space_destroy(b->space), -EBUSY);
	if (b->info.features & SVART_FEATURE_PAGE_REQUESTS)
		assert_int_equal(svart_fault_service_destroy(b->faults), -EBUSY);
	assert_int_equal(svart_fini(b->rt), -EBUSY);
}

static void test_calls_in_a_forked_child_fail_clearly(void **state)
{
	struct backend *b = *state;
	uint8_t src[64], dst[64];
	struct svart_completion done;
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		struct svart_queue *q;
		int bad = svart_queue_prep_copy(b->q, dst, src, 64, 0, 0) != 0;

		bad |= svart_queue_submit(b->q) != 0 || svart_queue_poll(b->q, &done, 1) != 0;
		bad |= svart_queue_create(b->dev, NULL, &q) != -EPERM;
		bad |= svart_space_forget(b->space, src, 64) != -EPERM;
		bad |= strstr(svart_error_text(), "fork") == NULL;
		bad |= svart_device_close(b->dev) != -EPERM;
		_exit(bad);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	scramble(src, sizeof(src), 1);
	done = run_copy(b, dst, src, 64); /* The parent is not disturbed. */
	assert_done(&done, 64);
	assert_memory_equal(dst, src, 64);
	assert_int_equal(svart_space_forget(b->space, src, sizeof(src)), 0);
	assert_int_equal(svart_space_forget(b->space, dst, sizeof(dst)), 0);
}

static void test_two_queues_work_side_by_side(void **state)
{
	char spec[128];
	struct backend *b;
	struct svart_queue *first;
	uint8_t *buf = guarded_alloc(64 * PAGE);
	struct svart_completion done;
	unsigned int i;

	(void)state;
	backend_skip_unless_takes("queues=2");
	backend_spec_with("queues=2", spec, sizeof(spec));
	b = backend_new(spec);
	first = b->q;
	assert_int_equal(svart_queue_create(b->dev, NULL, &b->q), 0);
	for (i = 0; i < 32; i++)
		assert_int_equal(svart_queue_prep_fill(first, buf + i * PAGE, i, PAGE, 0, i), 1);
	svart_queue_submit(first);
	for (i = 32; i < 64; i++) {
		done = run_fill(b, buf + i * PAGE, i, PAGE);
		assert_done(&done, PAGE);
	}
	assert_int_equal(svart_queue_destroy(b->q), 0);
	b->q = first;
	for (i = 0; i < 32; i++) {
		wait_all(b, &done, 1);
		assert_done(&done, PAGE);
	}
	for (i = 0; i < 64; i++)
		assert_int_equal(*(uint64_t *)(void *)(buf + i * PAGE), i);
	guarded_free(b, buf, 64 * PAGE);
	backend_delete(b);
}

/** Each queue sees its own space's pins only: what one space forgot, the other still maps. */
static void test_two_spaces_under_two_pasids(void **state)
{
	char spec[128];
	struct backend *b;
	struct svart_queue *first;
	struct svart_space *second;
	struct svart_queue_params params = SVART_QUEUE_PARAMS_INIT();
	struct svart_space_stats stats = SVART_SPACE_STATS_INIT();
	uint8_t *buf = guarded_alloc(4 * PAGE);
	struct svart_completion done;

	(void)state;
	if (strstr(backend_spec(), "pasid=") == NULL)
		skip();
	backend_skip_unless_takes("queues=2");
	backend_spec_with("queues=2", spec, sizeof(spec));
	b = backend_new(spec);
	first = b->q;
	assert_int_equal(svart_space_create(b->rt, NULL, &second), 0);
	params.space = second;
	assert_int_equal(svart_queue_create(b->dev, &params, &b->q), -ENOENT);
	assert_int_equal(svart_device_attach(b->dev, second, 0), -EINVAL);
	assert_int_equal(svart_device_attach(b->dev, second, 9), 0);
	assert_int_equal(svart_device_attach(b->dev, second, 10), -EEXIST);
	assert_int_equal(svart_queue_create(b->dev, &params, &b->q), 0);
	assert_int_equal(svart_device_detach(b->dev, second), -EBUSY);
	done = run_fill(b, buf, 1, 4 * PAGE);
	assert_done(&done, 4 * PAGE);
	svart_space_stats_get(second, &stats);
	assert_true(stats.pinned_bytes >= 4 * PAGE);
	assert_int_equal(svart_space_forget(second, buf, 4 * PAGE), 0);
	assert_int_equal(svart_queue_destroy(b->q), 0);
	b->q = first;
	done = run_fill(b, buf, 2, 4 * PAGE);
	assert_done(&done, 4 * PAGE);
	assert_int_equal(svart_device_detach(b->dev, second), 0);
	assert_int_equal(svart_space_destroy(second), 0);
	guarded_free(b, buf, 4 * PAGE);
	backend_delete(b);
}

/** The options of a machine hold for all its devices, but not those of an open that failed. */
static void test_a_failed_open_leaves_no_machine_behind(void **state)
{
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart *rt;

	(void)state;
	if (strncmp(backend_spec(), "model:", 6) != 0)
		skip();
	assert_int_equal(svart_init(NULL, &rt), 0);
	assert_int_equal(svart_space_create(rt, NULL, &space), 0);
	assert_int_equal(svart_fault_service_create(rt, NULL, &faults), 0);
	assert_int_equal(
		svart_device_open(rt, "model:dsa99,step=manual", space, faults, &dev), -ENODEV);
	assert_int_equal(svart_device_open(rt, "model:dsa0,step=thread", space, faults, &dev), 0);
	assert_int_equal(
		svart_device_open(rt, "model:dsa1,step=manual", space, faults, &dev), -EINVAL);
	assert_int_equal(svart_device_close(dev), 0);
	assert_int_equal(svart_fault_service_destroy(faults), 0);
	assert_int_equal(svart_space_destroy(space), 0);
	assert_int_equal(svart_fini(rt), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest shared[] = {
		cmocka_unit_test(test_new_memory_at_an_old_address_is_what_the_device_sees),
		cmocka_unit_test(test_forgotten_and_unmapped_memory_is_out_of_reach),
		cmocka_unit_test(test_queue_can_be_created_again_and_again),
		cmocka_unit_test(test_queue_is_destroyed_with_work_in_flight),
		cmocka_unit_test(test_depth_out_of_range_is_refused),
		cmocka_unit_test(test_a_used_device_cannot_be_closed),
		cmocka_unit_test(test_calls_in_a_forked_child_fail_clearly),
	};
	const struct CMUnitTest own[] = {
		cmocka_unit_test(test_a_failed_open_leaves_no_machine_behind),
		cmocka_unit_test(test_two_queues_work_side_by_side),
		cmocka_unit_test(test_two_spaces_under_two_pasids),
	};
	int failed;

	backend_configure(argc, argv);
	failed = cmocka_run_group_tests(shared, backend_open, backend_close);
	return failed + cmocka_run_group_tests(own, NULL, NULL);
}
