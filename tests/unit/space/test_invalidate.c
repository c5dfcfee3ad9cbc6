/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "fixture.h"
#include "hold.h"

static int begin(struct fixture *fx, const void *addr, size_t len, struct svart_invalidation *inv)
{
	return svart_space_invalidate_begin(fx->space, addr, len, inv);
}

static int end(struct fixture *fx, struct svart_invalidation *inv)
{
	return svart_space_invalidate_end(fx->space, inv);
}

static void test_invalidation_keeps_its_range_from_devices_until_it_ends(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct svart_invalidation inv;
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(begin(&fx, mem + 4 * PAGE + 1, 1, &inv), 0);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	assert_int_equal(resolve(&fx, mem + 4 * PAGE, PAGE, R), -EINPROGRESS);
	assert_int_equal(resolve(&fx, mem, 8 * PAGE, W), -EINPROGRESS);
	assert_int_equal(resolve(&fx, mem + 8 * PAGE, PAGE, R), 0);
	assert_false(fake_is_mapped(fx.fake, mem + 4 * PAGE));
	assert_int_equal(end(&fx, &inv), 0);
	assert_int_equal(resolve(&fx, mem + 4 * PAGE, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem + 4 * PAGE));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_invalidation_of_thousands_of_ranges_brings_none_back(void **state)
{
	enum { NR = 4000 };
	struct svart_invalidation *inv = calloc(NR, sizeof(*inv));
	uint8_t *mem = chunks_new(16, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	fixture_open(&fx, NULL);
	for (i = 0; i < NR; i++)
		assert_int_equal(begin(&fx, mem + 2 * i * PAGE, PAGE, &inv[i]), 0);
	for (i = 0; i < NR; i++) {
		assert_int_equal(resolve(&fx, mem + (2 * i + 1) * PAGE, PAGE, R), 0);
		assert_false(fake_is_mapped(fx.fake, mem + 2 * i * PAGE));
	}
	assert_int_equal(fake_bytes(fx.fake), (NR + (16 * CHUNK / PAGE - 2 * NR)) * PAGE);
	for (i = 0; i < NR; i++)
		assert_int_equal(end(&fx, &inv[i]), 0);
	free(inv);
	fixture_close(&fx);
	chunks_free(mem, 16);
}

static void test_invalidations_nest_and_overlap(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct svart_invalidation a, b, c;
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(begin(&fx, mem, 8 * PAGE, &a), 0);
	assert_int_equal(begin(&fx, mem + 4 * PAGE, 8 * PAGE, &b), 0);
	assert_int_equal(begin(&fx, mem, 8 * PAGE, &c), 0);
	assert_int_equal(end(&fx, &a), 0);
	assert_int_equal(resolve(&fx, mem, PAGE, R), -EINPROGRESS);
	assert_int_equal(end(&fx, &c), 0);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 5 * PAGE, PAGE, R), -EINPROGRESS);
	assert_int_equal(end(&fx, &b), 0);
	assert_int_equal(resolve(&fx, mem + 5 * PAGE, PAGE, R), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void *end_elsewhere(void *arg)
{
	void **args = arg;

	return (void *)(intptr_t)svart_space_invalidate_end(args[0], args[1]);
}

static void test_invalidation_ends_from_another_thread_once(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct svart_invalidation inv;
	struct fixture fx;
	pthread_t thread;
	void *args[2], *rc;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(begin(&fx, mem, PAGE, &inv), 0);
	args[0] = fx.space;
	args[1] = &inv;
	pthread_create(&thread, NULL, end_elsewhere, args);
	pthread_join(thread, &rc);
	assert_null(rc);
	assert_int_equal(end(&fx, &inv), -EINVAL);
	assert_non_null(strstr(svart_fail_text(), "not open"));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_invalidation_of_memory_that_was_never_begun_cannot_end(void **state)
{
	struct svart_invalidation inv;
	struct svart_space *other;
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	memset(&inv, 0x5a, sizeof(inv));
	assert_int_equal(end(&fx, &inv), -EINVAL);
	other = fixture_second_space(&fx);
	assert_int_equal(begin(&fx, &inv, 1, &inv), 0);
	assert_int_equal(svart_space_invalidate_end(other, &inv), -EINVAL);
	assert_int_equal(end(&fx, &inv), 0);
	svart_space_unbind(other);
	svart_space_fini(other);
	fixture_close(&fx);
}

static void test_invalidation_of_nothing_covers_nothing(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct svart_invalidation inv;
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(begin(&fx, mem, 0, &inv), 0);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(end(&fx, &inv), 0);
	assert_int_equal(begin(&fx, (void *)(UINTPTR_MAX - 10), 12, &inv), -EINVAL);
	assert_non_null(strstr(svart_fail_text(), "wraps"));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

/** A begin on a thread of its own. */
struct beginner {
	struct fixture *fx;
	const void *addr;
	struct svart_invalidation inv;
	atomic_bool done;
	int rc;
};

static void *run_beginner(void *arg)
{
	struct beginner *b = arg;

	b->rc = begin(b->fx, b->addr, PAGE, &b->inv);
	atomic_store(&b->done, true);
	return NULL;
}

static void test_invalidation_waits_for_a_map_under_way_which_is_undone(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;
	struct beginner b = { .fx = &fx, .addr = mem };
	struct resolver a;
	pthread_t thread;

	(void)state;
	fixture_open_exact(&fx);
	fake_hold_map(fx.fake, mem);
	resolver_start(&a, &fx, mem, PAGE, R);
	fake_wait_held(fx.fake, 1);
	pthread_create(&thread, NULL, run_beginner, &b);
	while (svart_space_open_invalidations(fx.space) == 0)
		usleep(50);
	settle_down();
	assert_false(atomic_load(&b.done));
	fake_release(fx.fake);
	pthread_join(thread, NULL);
	assert_int_equal(b.rc, 0);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	/* The resolver found its page begun, and did not wait: it may be who ends it. */
	assert_int_equal(resolver_join(&a), -EINPROGRESS);
	assert_int_equal(end(&fx, &b.inv), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_invalidation_that_the_kernel_refuses_has_not_begun(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct svart_invalidation inv;
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	fx.fake->unmap_script = (struct fake_script){ .error = -EDEADLK, .count = 1 };
	assert_int_equal(begin(&fx, mem, PAGE, &inv), -EIO);
	assert_int_equal(svart_space_open_invalidations(fx.space), 0);
	assert_int_equal(end(&fx, &inv), -EINVAL);
	assert_int_equal(resolve(&fx, mem + PAGE, PAGE, R), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_invalidation_takes_no_holds_and_a_hold_of_it_takes_nothing(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	uint64_t at = (uintptr_t)mem, bad;
	struct svart_invalidation inv;
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(svart_space_enable_holds(fx.space), 0);
	assert_int_equal(begin(&fx, mem, PAGE, &inv), 0);
	assert_int_equal(svart_space_hold(fx.space, at, at + 2 * PAGE, W, &bad), -EAGAIN);
	assert_int_equal(svart_space_held(fx.space), 0);
	assert_int_equal(svart_space_hold(fx.space, at + PAGE, at + 2 * PAGE, W, &bad), 0);
	assert_int_equal(end(&fx, &inv), 0);
	assert_int_equal(svart_space_hold(fx.space, at, at + 2 * PAGE, W, &bad), 0);
	assert_int_equal(begin(&fx, mem, PAGE, &inv), -EBUSY);
	svart_space_release(fx.space, at, at + 2 * PAGE);
	svart_space_release(fx.space, at + PAGE, at + 2 * PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void wake(void *arg)
{
	(*(unsigned int *)arg)++;
}

static void test_invalidation_end_tells_who_listens(void **state)
{
	unsigned int told = 0;
	struct svart_space_listener l = { .wake = wake, .arg = &told };
	struct svart_invalidation inv;
	struct fixture fx;
	uint64_t ends;

	(void)state;
	fixture_open_exact(&fx);
	ends = svart_space_ends(fx.space);
	svart_space_listen(fx.space, &l);
	assert_int_equal(begin(&fx, &fx, 1, &inv), 0);
	assert_int_equal(told, 0);
	assert_int_equal(end(&fx, &inv), 0);
	assert_int_equal(told, 1);
	assert_int_equal(svart_space_ends(fx.space), ends + 1);
	svart_space_unlisten(fx.space, &l);
	assert_int_equal(begin(&fx, &fx, 1, &inv), 0);
	assert_int_equal(end(&fx, &inv), 0);
	assert_int_equal(told, 1);
	fixture_close(&fx);
}

/* --- helpers --------------------------------------------------------------------------------------- */

static void test_munmap_takes_the_memory_from_devices_first(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(svart_space_munmap(fx.space, mem, CHUNK), 0);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	assert_int_equal(msync(mem, PAGE, MS_ASYNC), -1);
	assert_int_equal(svart_space_munmap(fx.space, mem + 1, CHUNK), -EINVAL);
	assert_non_null(strstr(svart_fail_text(), "munmap"));
	assert_int_equal(svart_space_open_invalidations(fx.space), 0);
	fixture_close(&fx);
}

static void test_madvise_and_mprotect_take_effect_for_devices(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	mem[0] = 7;
	assert_int_equal(resolve(&fx, mem, PAGE, W), 0);
	assert_int_equal(svart_space_madvise(fx.space, mem, CHUNK, MADV_DONTNEED), 0);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	assert_int_equal(mem[0], 0);
	assert_int_equal(resolve(&fx, mem, PAGE, W), 0);
	assert_int_equal(svart_space_mprotect(fx.space, mem, CHUNK, PROT_READ), 0);
	assert_int_equal(resolve(&fx, mem, PAGE, W), -EFAULT);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(svart_space_madvise(fx.space, mem, CHUNK, 12345), -EINVAL);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_mremap_moves_and_replaces_what_devices_see(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	struct fixture fx;
	void *to = mem + CHUNK;

	(void)state;
	fixture_open(&fx, NULL);
	mem[0] = 42;
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + CHUNK, PAGE, R), 0);
	assert_int_equal(
		svart_space_mremap(fx.space, mem, CHUNK, CHUNK, MREMAP_MAYMOVE | MREMAP_FIXED, &to),
		0);
	assert_ptr_equal(to, mem + CHUNK);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	assert_int_equal(mem[CHUNK], 42);
	assert_int_equal(svart_space_mremap(fx.space, to, CHUNK, CHUNK / 2, 0, &to), 0);
	assert_ptr_equal(to, mem + CHUNK);
	assert_int_equal(svart_space_open_invalidations(fx.space), 0);
	fixture_close(&fx);
	munmap(to, CHUNK / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invalidation_keeps_its_range_from_devices_until_it_ends),
		cmocka_unit_test(test_invalidation_of_thousands_of_ranges_brings_none_back),
		cmocka_unit_test(test_invalidations_nest_and_overlap),
		cmocka_unit_test(test_invalidation_ends_from_another_thread_once),
		cmocka_unit_test(test_invalidation_of_memory_that_was_never_begun_cannot_end),
		cmocka_unit_test(test_invalidation_of_nothing_covers_nothing),
		cmocka_unit_test(test_invalidation_waits_for_a_map_under_way_which_is_undone),
		cmocka_unit_test(test_invalidation_that_the_kernel_refuses_has_not_begun),
		cmocka_unit_test(test_invalidation_takes_no_holds_and_a_hold_of_it_takes_nothing),
		cmocka_unit_test(test_invalidation_end_tells_who_listens),
		cmocka_unit_test(test_munmap_takes_the_memory_from_devices_first),
		cmocka_unit_test(test_madvise_and_mprotect_take_effect_for_devices),
		cmocka_unit_test(test_mremap_moves_and_replaces_what_devices_see),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
