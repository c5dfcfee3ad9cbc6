/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"

static int rule_none(uint64_t page, unsigned int access)
{
	(void)page;
	(void)access;
	return -EFAULT;
}

static void test_fetch_group_is_answered_once_at_its_last(void **state)
{
	struct fake_world *w = *state;
	uint64_t token;

	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID);
	assert_int_equal(svart_fault_pump(w->service), 0);
	assert_int_equal(fake_source_nr_answers(&w->source), 0);
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(2), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(svart_fault_pump(w->service), 0);
	assert_int_equal(fake_source_nr_answers(&w->source), 1);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
}

static void test_fetch_answer_carries_the_last_requests_identity(void **state)
{
	struct svart_page_request request = { .addr = PAGE_AT(1),
		.pasid = 77,
		.group_id = 300,
		.flags = PASID | LAST,
		.access = R,
		.token = UINT64_MAX - 1,
		.private_data = { 0x0123456789abcdef, 0xfedcba9876543210 } };
	struct fake_world *w = *state;
	struct svart_page_response *answer = &w->source.answers[0];

	fake_source_push_request(&w->source, &request);
	svart_fault_pump(w->service);
	assert_int_equal(answer->token, request.token);
	assert_int_equal(answer->pasid, 77);
	assert_int_equal(answer->group_id, 300);
	assert_int_equal(answer->flags, PASID | LAST);
	assert_memory_equal(answer->private_data, request.private_data, 16);
}

static void test_fetch_many_answers_go_in_one_call(void **state)
{
	struct fake_world *w = *state;
	uint32_t i;

	for (i = 0; i < 64; i++)
		fake_source_push(&w->source, 1, i, PAGE_AT(i * 3), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 64);
	assert_int_equal(w->source.nr_responds, 1);
}

static void test_fetch_record_that_needs_a_response_gets_its_own_first(void **state)
{
	struct fake_world *w = *state;
	uint64_t own, last;

	own = fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | OWN);
	fake_source_push(&w->source, 1, 1, PAGE_AT(2), R, PASID);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, own), SUCCESS);
	assert_int_equal(w->source.answers[0].private_data[0], PAGE_AT(1) ^ 0x1111);
	assert_int_equal(w->source.answers[0].private_data[1], 1);
	/* After its page was resolved, and nothing else. */
	assert_int_equal(w->space.nr_calls, 1);
	assert_int_equal(w->space.calls[0].start, PAGE_AT(1));

	last = fake_source_push(&w->source, 1, 1, PAGE_AT(3), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	/* It is a member of its group all the same. */
	assert_int_equal(w->space.calls[1].start, PAGE_AT(1));
	assert_int_equal(w->space.calls[1].end, PAGE_AT(4));
}

static void test_fetch_last_that_needs_a_response_gets_one_answer(void **state)
{
	struct fake_world *w = *state;
	uint64_t token = fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | OWN | LAST);

	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
}

static void test_fetch_last_that_comes_twice_is_answered_twice(void **state)
{
	struct fake_world *w = *state;
	uint64_t first, second;

	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID);
	first = fake_source_push(&w->source, 1, 1, PAGE_AT(2), R, PASID | LAST);
	second = fake_source_push(&w->source, 1, 1, PAGE_AT(2), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 2);
	assert_int_equal(fake_source_code(&w->source, first), SUCCESS);
	assert_int_equal(fake_source_code(&w->source, second), SUCCESS);
}

static void test_fetch_bad_record_that_needs_a_response_is_invalid_twice(void **state)
{
	struct fake_world *w = *state;
	uint64_t own, last;

	w->space.rule = rule_none;
	own = fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | OWN);
	last = fake_source_push(&w->source, 1, 1, PAGE_AT(2), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 2);
	assert_int_equal(fake_source_code(&w->source, own), INVALID);
	assert_int_equal(fake_source_code(&w->source, last), INVALID);
}

static void test_fetch_stop_marker_of_a_raw_queue_is_not_answered(void **state)
{
	struct fake_world *w = *state;
	uint64_t token;

	fake_source_push(&w->source, 1, 0, PAGE_AT(1), R, PASID);
	fake_source_push(&w->source, 1, 0, 0, 0, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 0);
	assert_int_equal(fake_source_nr_answers(&w->source), 0);
	/* Nor does it end a group that has its id. */
	token = fake_source_push(&w->source, 1, 0, PAGE_AT(2), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	assert_int_equal(w->space.calls[0].end - w->space.calls[0].start, 2 * PAGE);
}

static void test_fetch_stop_marker_that_is_owed_an_answer_gets_one(void **state)
{
	struct svart_fault_params params = { .run = SVART_FAULT_RUN_INLINE, .max_requests = 64 };
	struct fake_world *w = fake_world_create_whole(&params);
	uint64_t token;

	(void)state;
	token = fake_source_push(&w->source, 1, 0, 0, 0, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	assert_int_equal(w->space.nr_calls, 0);
	fake_world_destroy(w);
}

static void test_fetch_last_without_a_node_is_answered_invalid(void **state)
{
	struct fake_world *w = *state;
	uint64_t token, last;
	uint32_t i;

	for (i = 0; i < 64; i++)
		fake_source_push(&w->source, 1, 1, PAGE_AT(i), R, PASID);
	assert_int_equal(svart_fault_pump(w->service), 0);
	token = fake_source_push(&w->source, 1, 2, PAGE_AT(99), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, token), INVALID);
	/* The partial group that holds the nodes ends as well. */
	last = fake_source_push(&w->source, 1, 1, PAGE_AT(64), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, last), INVALID);
	assert_int_equal(fake_world_stats(w).dropped, 66);
	/* And all is well again. */
	token = fake_source_push(&w->source, 1, 2, PAGE_AT(99), R, PASID | LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
}

static void test_fetch_group_larger_than_all_nodes_is_answered_invalid_once(void **state)
{
	struct fake_world *w = *state;
	unsigned int answered = 0;
	uint64_t token;
	uint32_t i;

	for (i = 0; i < 199; i++)
		fake_source_push(&w->source, 1, 1, PAGE_AT(i), R, PASID);
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(i), R, PASID | LAST);
	for (i = 0; i < 10; i++)
		answered += svart_fault_pump(w->service);
	assert_int_equal(answered, 1);
	assert_int_equal(fake_source_code(&w->source, token), INVALID);
	assert_int_equal(fake_world_stats(w).dropped, 200);
}

static void test_fetch_takes_no_more_than_there_are_nodes_for(void **state)
{
	struct fake_world *w = *state;
	uint32_t i;

	for (i = 0; i < 10; i++)
		fake_source_push(&w->source, 1, 1, PAGE_AT(i), R, PASID);
	svart_fault_pump(w->service);
	assert_int_equal(w->source.last_nr, 64);
	fake_source_push(&w->source, 1, 2, PAGE_AT(i), R, PASID | LAST);
	svart_fault_pump(w->service);
	assert_int_equal(w->source.last_nr, 54);
}

static void test_fetch_with_few_nodes_takes_a_burst_of_what_takes_none(void **state)
{
	struct fake_world *w = *state;
	uint32_t i;

	for (i = 0; i < 62; i++)
		fake_source_push(&w->source, 1, i, PAGE_AT(i), R, PASID);
	for (i = 0; i < 3; i++)
		fake_source_push(&w->source, 1, 99, PAGE_AT(i), R, PASID);
	for (i = 0; i < 2; i++)
		svart_fault_pump(w->service);
	assert_int_equal(fake_world_stats(w).dropped, 3);
	/* The rest of that group is dropped, too: two nodes are free, and none is taken. */
	for (i = 0; i < 600; i++)
		fake_source_push(&w->source, 1, 99, PAGE_AT(i), R, PASID);
	svart_fault_pump(w->service);
	assert_int_equal(fake_world_stats(w).dropped, 3 + 512);
	svart_fault_pump(w->service);
	assert_int_equal(fake_world_stats(w).dropped, 3 + 600);
}

static void test_fetch_own_answer_without_a_node_is_invalid(void **state)
{
	struct fake_world *w = *state;
	uint64_t own;
	uint32_t i;

	for (i = 0; i < 63; i++)
		fake_source_push(&w->source, 1, 1, PAGE_AT(i), R, PASID);
	own = fake_source_push(&w->source, 1, 1, PAGE_AT(i), R, PASID | OWN);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, own), INVALID);
}

static void test_fetch_own_answers_of_a_group_that_is_dropped_are_invalid(void **state)
{
	struct fake_world *w = *state;
	uint64_t own[2], last;
	uint32_t i;

	for (i = 0; i < 64; i++)
		fake_source_push(&w->source, 1, 1, PAGE_AT(i), R, PASID);
	svart_fault_pump(w->service);
	/* No node: the group is dropped, and so is all that comes of it. */
	for (i = 0; i < 2; i++)
		own[i] = fake_source_push(&w->source, 1, 1, PAGE_AT(64 + i), R, PASID | OWN);
	last = fake_source_push(&w->source, 1, 1, PAGE_AT(66), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 3);
	assert_int_equal(fake_source_code(&w->source, own[0]), INVALID);
	assert_int_equal(fake_source_code(&w->source, own[1]), INVALID);
	assert_int_equal(fake_source_code(&w->source, last), INVALID);
	assert_int_equal(w->space.nr_calls, 0);
}

static void test_fetch_overflow_drops_partial_groups(void **state)
{
	struct fake_world *w = *state;
	uint64_t token;

	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID);
	fake_source_push(&w->source, 1, 2, PAGE_AT(2), R, PASID);
	svart_fault_pump(w->service);
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(9), R, PASID | LAST);
	w->source.fetch_rc = -EOVERFLOW;
	svart_fault_pump(w->service);
	assert_int_equal(fake_world_stats(w).dropped, 2);
	w->source.fetch_rc = 0;
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	assert_int_equal(w->space.nr_calls, 1);
	assert_int_equal(w->space.calls[0].start, PAGE_AT(9));
}

static void test_fetch_source_that_says_later_is_asked_later(void **state)
{
	struct fake_world *w = *state;
	unsigned int fetches;
	uint32_t i;

	atomic_store(&w->m.clock_ns, 1000);
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	w->source.fetch_rc = -EAGAIN;
	for (i = 0; i < 10; i++)
		svart_fault_pump(w->service);
	fetches = w->source.nr_fetches;
	assert_int_equal(fetches, 1);
	w->source.fetch_rc = 0;
	atomic_fetch_add(&w->m.clock_ns, 1000000);
	assert_int_equal(svart_fault_pump(w->service), 1);
}

/** A fetch that fails like this, forever. @return how often it was called. */
static unsigned int fetch_fails(struct fake_world *w, int rc)
{
	unsigned int i, before = w->source.nr_fetches;

	atomic_fetch_add(&w->m.clock_ns, 1000);
	w->source.fetch_rc = rc;
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	for (i = 0; i < 10000; i++) {
		svart_fault_pump(w->service);
		atomic_fetch_add(&w->m.clock_ns, 1000000);
	}
	return w->source.nr_fetches - before;
}

static void test_fetch_that_says_later_is_made_for_ever(void **state)
{
	struct fake_world *w = *state;

	assert_int_equal(fetch_fails(w, -EAGAIN), 10000);
	assert_int_equal(fetch_fails(w, -ENOMEM), 10000);
	assert_int_equal(w->source.nr_lost, 0);
}

static void test_fetch_error_that_does_not_pass_loses_the_source(void **state)
{
	struct fake_world *w = *state;

	assert_int_equal(fetch_fails(w, -EIO), 100);
	fake_source_assert_lost(&w->source, SVART_FAULT_LOSS_FETCH, EIO);
	assert_int_equal(fake_world_stats(w).sources_lost, 1);
}

static void test_fetch_error_that_passes_in_time_loses_nothing(void **state)
{
	struct fake_world *w = *state;
	unsigned int i, k;

	atomic_store(&w->m.clock_ns, 1000);
	for (k = 0; k < 3; k++) {
		w->source.fetch_rc = -EIO;
		fake_source_push(&w->source, 1, k, PAGE_AT(1), R, PASID | LAST);
		for (i = 0; i < 99; i++) {
			svart_fault_pump(w->service);
			atomic_fetch_add(&w->m.clock_ns, 1000000);
		}
		w->source.fetch_rc = 0;
		assert_int_equal(svart_fault_pump(w->service), 1);
	}
	assert_int_equal(w->source.nr_lost, 0);
}

static void test_fetch_loss_is_told_with_its_errno_once(void **state)
{
	static const int errors[] = { ENODEV, EBADF };
	struct fake_world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		w = fake_world_create_inline(64);
		assert_int_equal(fetch_fails(w, -errors[i]), 1);
		fake_source_assert_lost(&w->source, SVART_FAULT_LOSS_FETCH, errors[i]);
		fake_world_destroy(w);
	}
}

static void test_fetch_lost_source_disturbs_no_other(void **state)
{
	struct fake_world *w = *state;
	struct fake_source other;
	uint64_t token;

	fake_source_init(&other, &w->m);
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &w->space), 0);
	w->source.fetch_rc = -ENODEV;
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	token = fake_source_push(&other, 1, 1, PAGE_AT(2), R, PASID | LAST);
	svart_fault_pump(w->service);
	svart_fault_pump(w->service);
	assert_int_equal(w->source.nr_lost, 1);
	assert_int_equal(other.nr_lost, 0);
	assert_int_equal(fake_source_code(&other, token), SUCCESS);
	svart_fault_service_remove(w->service, &other.base);
	fake_source_fini(&other);
}

static void test_fetch_lost_source_is_not_asked_again(void **state)
{
	struct fake_world *w = *state;
	uint32_t i;

	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID);
	svart_fault_pump(w->service);
	fake_source_push(&w->source, 1, 1, PAGE_AT(2), R, PASID);
	w->source.fetch_rc = -ENODEV;
	for (i = 0; i < 10; i++)
		svart_fault_pump(w->service);
	assert_int_equal(w->source.nr_fetches, 2);
	assert_int_equal(fake_world_stats(w).sources_lost, 1);
	assert_int_equal(fake_world_stats(w).dropped, 1);
	/* It is there until it is removed. */
	assert_int_equal(svart_fault_service_fini(w->service), -EBUSY);
}

static void test_fetch_source_whose_fd_is_bad_is_lost(void **state)
{
	struct fake_world *w = *state;
	int fd = w->source.base.fd;

	w->source.base.fd = dup(fd);
	close(w->source.base.fd);
	svart_fault_pump(w->service);
	svart_fault_pump(w->service);
	w->source.base.fd = fd;
	assert_int_equal(fake_world_stats(w).sources_lost, 1);
	assert_int_equal(w->source.nr_fetches, 0);
	fake_source_assert_lost(&w->source, SVART_FAULT_LOSS_POLL, POLLNVAL);
}

static void test_fetch_source_whose_other_end_is_closed_is_lost(void **state)
{
	struct fake_world *w = *state;
	int fd = w->source.base.fd, ends[2];

	assert_int_equal(pipe(ends), 0);
	close(ends[1]);
	w->source.base.fd = ends[0];
	svart_fault_pump(w->service);
	w->source.base.fd = fd;
	close(ends[0]);
	fake_source_assert_lost(&w->source, SVART_FAULT_LOSS_POLL, POLLHUP);
	assert_int_equal(w->source.nr_fetches, 0);
}

static void test_fetch_source_that_is_checked_is_lost_when_the_check_fails(void **state)
{
	struct fake_world *w = *state;
	struct fake_source other;

	atomic_store(&w->m.clock_ns, 1000);
	fake_source_init(&other, &w->m);
	other.ops.check = fake_source_check;
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &w->space), 0);
	svart_fault_pump(w->service);
	atomic_store(&other.check_rc, -EIO);
	/* Once a second. */
	atomic_fetch_add(&w->m.clock_ns, 999999999);
	svart_fault_pump(w->service);
	assert_int_equal(other.nr_lost, 0);
	atomic_fetch_add(&w->m.clock_ns, 1);
	svart_fault_pump(w->service);
	fake_source_assert_lost(&other, SVART_FAULT_LOSS_CHECK, EIO);
	assert_int_equal(w->source.nr_lost, 0);
	svart_fault_service_remove(w->service, &other.base);
	fake_source_fini(&other);
}

/** Once a second, until it is lost; also a source whose own check finds nothing. */
static void test_fetch_who_owns_a_source_can_watch_it(void **state)
{
	struct fake_world *w = *state;
	struct fake_source other;
	unsigned int i;

	atomic_store(&w->m.clock_ns, 1000);
	fake_source_init(&other, &w->m);
	other.ops.check = fake_source_check;
	other.base.watch = fake_source_watch;
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &w->space), 0);
	for (i = 1; i <= 3; i++) {
		svart_fault_pump(w->service);
		svart_fault_pump(w->service);
		assert_int_equal(other.nr_watches, i);
		atomic_fetch_add(&w->m.clock_ns, 999999999);
		svart_fault_pump(w->service);
		assert_int_equal(other.nr_watches, i);
		atomic_fetch_add(&w->m.clock_ns, 1);
	}
	atomic_store(&other.check_rc, -EIO);
	svart_fault_pump(w->service);
	atomic_fetch_add(&w->m.clock_ns, 1000000000);
	svart_fault_pump(w->service);
	assert_int_equal(other.nr_watches, 3);
	assert_int_equal(w->source.nr_watches, 0);
	svart_fault_service_remove(w->service, &other.base);
	fake_source_fini(&other);
}

static void test_fetch_source_without_a_check_can_be_watched(void **state)
{
	struct fake_world *w = *state;
	struct fake_source other;

	fake_source_init(&other, &w->m);
	other.base.watch = fake_source_watch;
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &w->space), 0);
	svart_fault_pump(w->service);
	assert_int_equal(other.nr_watches, 1);
	svart_fault_service_remove(w->service, &other.base);
	atomic_fetch_add(&w->m.clock_ns, 1000000000);
	svart_fault_pump(w->service);
	assert_int_equal(other.nr_watches, 1);
	fake_source_fini(&other);
}

static void test_fetch_failed_poll_is_got_over(void **state)
{
	struct fake_world *w = *state;

	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	w->m.poll_rc = -ENOMEM;
	assert_int_equal(svart_fault_pump(w->service), 0);
	assert_int_equal(svart_fault_pump(w->service), 1);
}

static void test_fetch_source_that_takes_no_answers_is_lost_and_they_are_gone(void **state)
{
	struct fake_world *w = *state;

	w->source.respond_rc = -ENODEV;
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_world_stats(w).sources_lost, 1);
	assert_int_equal(fake_world_stats(w).answers_gone, 1);
	assert_int_equal(fake_world_stats(w).answers_success, 0);
	fake_source_assert_lost(&w->source, SVART_FAULT_LOSS_RESPOND, ENODEV);
}

static void test_fetch_records_that_a_source_holds_need_no_readable_fd(void **state)
{
	struct fake_world *w = *state;
	uint64_t count;

	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	assert_int_equal(read(w->source.base.fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(svart_fault_pump(w->service), 0);
	w->source.base.buffered = 1;
	assert_int_equal(svart_fault_pump(w->service), 1);
	w->source.base.buffered = 0;
}

static void test_fetch_statistics_add_up(void **state)
{
	struct fake_world *w = *state;
	struct svart_fault_stats stats;
	uint64_t gone;

	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID);
	fake_source_push(&w->source, 1, 1, PAGE_AT(2), R, PASID | LAST);
	gone = fake_source_push(&w->source, 1, 2, PAGE_AT(2), R, PASID | LAST);
	w->source.gone_token = gone;
	svart_fault_pump(w->service);
	w->space.rule = rule_none;
	fake_source_push(&w->source, 1, 3, PAGE_AT(3), R, PASID | LAST);
	w->source.base.malformed += 5;
	svart_fault_pump(w->service);
	stats = fake_world_stats(w);
	assert_int_equal(stats.page_requests, 9);
	assert_int_equal(stats.groups, 3);
	assert_int_equal(stats.answers_success, 1);
	assert_int_equal(stats.answers_invalid, 1);
	assert_int_equal(stats.answers_gone, 1);
	assert_int_equal(stats.dropped, 5);
}

static struct fake_machine *slow_machine;

/** Each look at a page takes a microsecond of the machine's time. */
static int rule_takes_time(uint64_t page, unsigned int access)
{
	(void)page;
	(void)access;
	atomic_fetch_add(&slow_machine->clock_ns, 1000);
	return 0;
}

static void test_fetch_records_that_a_source_could_not_deliver_are_counted_when_it_goes(
	void **state)
{
	struct fake_world *w = *state;

	w->source.base.malformed += 5;
	fake_world_remove(w);
	assert_int_equal(fake_world_stats(w).page_requests, 5);
	assert_int_equal(fake_world_stats(w).dropped, 5);
}

static void test_fetch_latency_is_from_fetch_to_answer(void **state)
{
	struct fake_world *w = *state;
	struct svart_fault_stats stats;

	slow_machine = &w->m;
	atomic_store(&w->m.clock_ns, 5000000);
	w->space.rule = rule_takes_time;
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	svart_fault_pump(w->service);
	stats = fake_world_stats(w);
	assert_int_equal(stats.latency_max_ns, 1000);
	assert_in_range(stats.latency_p50_ns, 1000 - 1000 / 16, 1000);
	assert_in_range(stats.latency_p99_ns, 1000 - 1000 / 16, 1000);
	atomic_store(&w->m.clock_ns, 0);
}

static void test_fetch_busy_source_does_not_starve_another(void **state)
{
	struct fake_world *w = *state;
	struct fake_source other;
	uint64_t token;
	uint32_t i;

	fake_source_init(&other, &w->m);
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &w->space), 0);
	for (i = 0; i < 1000; i++)
		fake_source_push(&w->source, 1, i % 512, PAGE_AT(i), R, PASID | LAST);
	token = fake_source_push(&other, 1, 1, PAGE_AT(5000), R, PASID | LAST);
	svart_fault_pump(w->service);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&other, token), SUCCESS);
	svart_fault_service_remove(w->service, &other.base);
	fake_source_fini(&other);
}

static void test_fetch_same_group_of_two_sources_is_two_groups(void **state)
{
	struct fake_world *w = *state;
	struct fake_source other;
	uint64_t a, b;

	fake_source_init(&other, &w->m);
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &w->space), 0);
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID);
	fake_source_push(&other, 1, 1, PAGE_AT(11), R, PASID);
	svart_fault_pump(w->service);
	a = fake_source_push(&w->source, 1, 1, PAGE_AT(2), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, a), SUCCESS);
	b = fake_source_push(&other, 1, 1, PAGE_AT(12), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&other, b), SUCCESS);
	assert_int_equal(w->space.calls[0].end, PAGE_AT(3));
	assert_int_equal(w->space.calls[1].start, PAGE_AT(11));
	svart_fault_service_remove(w->service, &other.base);
	fake_source_fini(&other);
}

#define t(name) cmocka_unit_test_setup_teardown(name, fake_world_setup, fake_world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(test_fetch_group_is_answered_once_at_its_last),
		t(test_fetch_answer_carries_the_last_requests_identity),
		t(test_fetch_many_answers_go_in_one_call),
		t(test_fetch_record_that_needs_a_response_gets_its_own_first),
		t(test_fetch_last_that_needs_a_response_gets_one_answer),
		t(test_fetch_last_that_comes_twice_is_answered_twice),
		t(test_fetch_bad_record_that_needs_a_response_is_invalid_twice),
		t(test_fetch_stop_marker_of_a_raw_queue_is_not_answered),
		cmocka_unit_test(test_fetch_stop_marker_that_is_owed_an_answer_gets_one),
		t(test_fetch_last_without_a_node_is_answered_invalid),
		t(test_fetch_group_larger_than_all_nodes_is_answered_invalid_once),
		t(test_fetch_takes_no_more_than_there_are_nodes_for),
		t(test_fetch_with_few_nodes_takes_a_burst_of_what_takes_none),
		t(test_fetch_own_answer_without_a_node_is_invalid),
		t(test_fetch_own_answers_of_a_group_that_is_dropped_are_invalid),
		t(test_fetch_overflow_drops_partial_groups),
		t(test_fetch_source_that_says_later_is_asked_later),
		t(test_fetch_that_says_later_is_made_for_ever),
		t(test_fetch_error_that_does_not_pass_loses_the_source),
		t(test_fetch_error_that_passes_in_time_loses_nothing),
		cmocka_unit_test(test_fetch_loss_is_told_with_its_errno_once),
		t(test_fetch_lost_source_disturbs_no_other),
		t(test_fetch_lost_source_is_not_asked_again),
		t(test_fetch_source_whose_fd_is_bad_is_lost),
		t(test_fetch_source_whose_other_end_is_closed_is_lost),
		t(test_fetch_source_that_is_checked_is_lost_when_the_check_fails),
		t(test_fetch_who_owns_a_source_can_watch_it),
		t(test_fetch_source_without_a_check_can_be_watched),
		t(test_fetch_failed_poll_is_got_over),
		t(test_fetch_source_that_takes_no_answers_is_lost_and_they_are_gone),
		t(test_fetch_records_that_a_source_holds_need_no_readable_fd),
		t(test_fetch_statistics_add_up),
		t(test_fetch_records_that_a_source_could_not_deliver_are_counted_when_it_goes),
		t(test_fetch_latency_is_from_fetch_to_answer),
		t(test_fetch_busy_source_does_not_starve_another),
		t(test_fetch_same_group_of_two_sources_is_two_groups),
	};

	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
