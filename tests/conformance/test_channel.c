/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Channels over time and side by side: stopped with work in flight, two of them on two threads, and
 * fork().
 */

#include "backend.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN (256u * 1024u)

static void assert_works(struct backend *b, uint32_t seed)
{
	uint8_t *src = guarded_alloc(PAGE), *dst = guarded_alloc(PAGE);
	struct svart_completion done;

	scramble(src, PAGE, seed);
	done = run_copy(b, dst, src, PAGE);
	assert_done(&done, PAGE);
	assert_memory_equal(dst, src, PAGE);
	guarded_free(b, src, PAGE);
	guarded_free(b, dst, PAGE);
}

static void fill_ring(struct backend *b, uint8_t *dst, const uint8_t *src, size_t len)
{
	unsigned int i = 0;

	while (i < b->ring && enqueue_copy(b, dst, src, len, 0, i))
		i++;
	assert_true(i > 0);
}

static void test_stop_with_work_in_flight_and_start_again(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(LEN), *dst = guarded_alloc(LEN);
	uint32_t i;

	for (i = 0; i < 10; i++) {
		fill_ring(b, dst, src, i % 2 == 0 ? LEN : 64);
		backend_submit(b, 0);
		backend_stop(b);
		backend_start(b);
		assert_works(b, i);
	}
	guarded_free(b, src, LEN);
	guarded_free(b, dst, LEN);
}

/** What was enqueued and never submitted is gone, and leaves nothing in the ring. */
static void test_stop_forgets_what_was_not_submitted(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(PAGE), *dst = guarded_alloc(PAGE);
	struct svart_completion done;

	memset(src, 1, PAGE);
	fill_ring(b, dst, src, PAGE);
	backend_stop(b);
	backend_start(b);
	backend_submit(b, 0);
	usleep(10000);
	assert_int_equal(backend_poll(b, 0, &done, 1), 0);
	assert_works(b, 1);
	if ((b->features & BACKEND_SVART) == 0) /* svart's queues end by completing their ring. */
		assert_int_equal(dst[0], 0);
	guarded_free(b, src, PAGE);
	guarded_free(b, dst, PAGE);
}

/** The program may then free or reuse its memory. */
static void test_nothing_is_written_after_stop(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(LEN), *dst = guarded_alloc(LEN), *zero = calloc(1, LEN);
	unsigned int i;

	memset(src, 0xff, LEN);
	for (i = 0; i < 5; i++) {
		fill_ring(b, dst, src, LEN);
		backend_submit(b, 0);
		backend_stop(b);
		memset(dst, 0, LEN);
		usleep(20000);
		assert_memory_equal(dst, zero, LEN);
		backend_start(b);
	}
	assert_works(b, 2);
	free(zero);
	guarded_free(b, src, LEN);
	guarded_free(b, dst, LEN);
}

static void test_closed_and_opened_again_and_again(void **state)
{
	struct backend *b;
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		b = backend_open_with(&(struct backend_params){ .ring = 32u << i % 3 });
		assert_works(b, i);
		backend_delete(b);
	}
}

/* --- two channels ------------------------------------------------------------------------------ */

static void test_two_channels_have_rings_of_their_own(void **state)
{
	struct backend *b = backend_open_with(&(struct backend_params){ .channels = 2 });
	uint8_t *buf = guarded_alloc(4 * PAGE);
	struct svart_op op = {
		.opcode = SVART_OP_COPY, .src = buf, .dst = buf + PAGE, .length = 8
	};
	struct svart_completion done;
	unsigned int i;

	(void)state;
	for (i = 0; i < b->ring; i++)
		assert_true(backend_enqueue(b, 0, &op, 0));
	op.cookie = 99;
	op.dst = buf + 2 * PAGE;
	buf[0] = 7;
	assert_true(backend_enqueue(b, 1, &op, 0));
	assert_int_equal(backend_wait(b, 1, &done, 1, TIMEOUT_NS), 1);
	assert_done(&done, 8);
	assert_int_equal(done.cookie, 99);
	assert_int_equal(buf[2 * PAGE], 7);
	assert_int_equal(buf[PAGE], 0); /* The first channel was not submitted. */
	for (i = 0; i < b->ring; i++) {
		wait_all(b, &done, 1);
		assert_done(&done, 8);
	}
	assert_int_equal(buf[PAGE], 7);
	guarded_free(b, buf, 4 * PAGE);
	backend_delete(b);
}

/** A thread on a channel. Owner: the test. Assertions are made by who joins it. */
struct worker {
	pthread_t thread;
	struct backend *b;
	unsigned int channel;
	uint32_t seed;
	uint8_t *src, *dst;
	const char *wrong; /**< What went wrong, or NULL. */
};

/** A random part of one buffer to a random place of the other. @return what went wrong, or NULL. */
static const char *work_once(struct worker *w)
{
	const size_t from = test_random(&w->seed) % LEN, to = test_random(&w->seed) % LEN;
	const size_t room = LEN - (from > to ? from : to);
	const struct svart_op op = { .opcode = SVART_OP_COPY,
		.cookie = w->seed,
		.dst = w->dst + to,
		.src = w->src + from,
		.length = test_random(&w->seed) % room + 1 };
	struct svart_completion done;
	const time_t start = time(NULL);

	w->src[from] = (uint8_t)test_random(&w->seed);
	while (!backend_enqueue(w->b, w->channel, &op, 0)) {
		if (!wait_a_little(start))
			return "no room in the ring";
	}
	if (backend_wait(w->b, w->channel, &done, 1, TIMEOUT_NS) != 1)
		return "no completion";
	if (done.status != SVART_STATUS_OK || done.cookie != op.cookie)
		return "the wrong completion";
	return memcmp(op.dst, op.src, op.length) == 0 ? NULL : "the wrong bytes";
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	unsigned int i;

	for (i = 0; i < 500 && w->wrong == NULL; i++)
		w->wrong = work_once(w);
	return NULL;
}

static void test_two_threads_use_two_channels(void **state)
{
	struct backend *b = backend_open_with(&(struct backend_params){ .channels = 2 });
	struct worker w[2] = { 0 };
	uint32_t seed = test_seed();
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		w[i] = (struct worker){ .b = b, .channel = i, .seed = seed + i };
		w[i].src = guarded_alloc(LEN);
		w[i].dst = guarded_alloc(LEN);
		scramble(w[i].src, LEN, w[i].seed);
	}
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&w[i].thread, NULL, worker_main, &w[i]), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
	for (i = 0; i < 2; i++) {
		if (w[i].wrong != NULL)
			fail_msg("channel %u: %s", i, w[i].wrong);
		guarded_free(b, w[i].src, LEN);
		guarded_free(b, w[i].dst, LEN);
	}
	backend_delete(b);
}

/* --- fork -------------------------------------------------------------------------------------- */

static void join_child(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/** The memory is the parent's: what a child does with its copy is its own affair. */
static void test_a_child_does_not_disturb_its_parent(void **state)
{
	struct backend *b = *state;
	enum { NR = 8 };
	uint8_t *src = guarded_alloc(NR * LEN), *dst = guarded_alloc(NR * LEN);
	struct svart_completion done[NR];
	unsigned int i;
	pid_t pid;

	scramble(src, NR * LEN, 1);
	for (i = 0; i < NR; i++) {
		assert_true(enqueue_copy(b, dst + i * LEN, src + i * LEN, LEN, 0, i));
		if (i == NR / 2)
			backend_submit(b, 0);
	}
	pid = fork();
	if (pid == 0) {
		memset(src, 0xee, NR * LEN);
		memset(dst, 0xee, NR * LEN);
		_exit(0);
	}
	wait_all(b, done, NR);
	for (i = 0; i < NR; i++)
		assert_done(&done[i], LEN);
	assert_memory_equal(dst, src, NR * LEN);
	join_child(pid);
	assert_works(b, 3);
	guarded_free(b, src, NR * LEN);
	guarded_free(b, dst, NR * LEN);
}

/** In a child: submits, and waits for nothing. @return what is wrong, as an exit status. */
static int child_main(struct backend *b, uint8_t *dst, const uint8_t *src)
{
	struct svart_completion done;

	alarm(20);
	backend_submit(b, 0);
	if (backend_poll(b, 0, &done, 1) != 0)
		return 1;
	return enqueue_copy(b, dst, src, PAGE, 0, 3) ? 2 : 0;
}

/** It never waits for its parent's device, and gets no completion of its parent's work. */
static void test_a_child_has_no_part_in_its_parents_work(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(2 * PAGE), *dst = guarded_alloc(2 * PAGE);
	struct svart_completion done[2];
	pid_t pid;

	backend_need(b, BACKEND_FORK);
	scramble(src, 2 * PAGE, 5);
	assert_true(enqueue_copy(b, dst, src, PAGE, BACKEND_FLAG_SUBMIT, 1));
	assert_true(enqueue_copy(b, dst + PAGE, src + PAGE, PAGE, 0, 2)); /* Not submitted yet. */
	pid = fork();
	if (pid == 0)
		_exit(child_main(b, dst, src));
	join_child(pid);
	wait_all(b, done, 2);
	assert_done(&done[0], PAGE);
	assert_done(&done[1], PAGE);
	assert_memory_equal(dst, src, 2 * PAGE);
	assert_works(b, 4);
	guarded_free(b, src, 2 * PAGE);
	guarded_free(b, dst, 2 * PAGE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		backend_test(test_stop_with_work_in_flight_and_start_again),
		backend_test(test_stop_forgets_what_was_not_submitted),
		backend_test(test_nothing_is_written_after_stop),
		cmocka_unit_test(test_closed_and_opened_again_and_again),
		cmocka_unit_test(test_two_channels_have_rings_of_their_own),
		cmocka_unit_test(test_two_threads_use_two_channels),
		backend_test(test_a_child_does_not_disturb_its_parent),
		backend_test(test_a_child_has_no_part_in_its_parents_work),
	};

	return backend_run(argc, argv, tests);
}
