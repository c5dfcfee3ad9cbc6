/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A channel's ring: it holds what it says, nothing completes before it is submitted, ids and places
 * go round. Ids of dmadevs are checked by the backend, with every call.
 */

#include "backend.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NR_IDS 65536u
#define WORD   sizeof(uint64_t)

/** Words that are copied one by one: source, destination, and where the next copy goes. */
struct words {
	uint64_t *src, *dst;
	unsigned int nr;
};

static struct words words_new(unsigned int nr)
{
	struct words w = {
		.src = guarded_alloc(nr * WORD), .dst = guarded_alloc(nr * WORD), .nr = nr
	};

	scramble(w.src, nr * WORD, nr);
	return w;
}

static void words_free(struct backend *b, struct words *w)
{
	guarded_free(b, w->src, w->nr * WORD);
	guarded_free(b, w->dst, w->nr * WORD);
}

static bool enqueue_word(struct backend *b, struct words *w, unsigned int i, unsigned int flags)
{
	return enqueue_copy(b, &w->dst[i % w->nr], &w->src[i % w->nr], WORD, flags, i);
}

/** Completions i to i + nr - 1 are of these words. */
static void assert_words(
	const struct words *w, const struct svart_completion *done, unsigned int i, unsigned int nr)
{
	unsigned int j;

	for (j = 0; j < nr; j++) {
		assert_done(&done[j], WORD);
		assert_int_equal(done[j].cookie, i + j);
		assert_true(w->dst[(i + j) % w->nr] == w->src[(i + j) % w->nr]);
	}
}

static void check_exact_ring(struct backend *b)
{
	const unsigned int nr = b->ring;
	struct svart_completion *done = calloc(nr, sizeof(*done));
	struct words w = words_new(nr + 1);
	unsigned int round, i;

	for (round = 0; round < 3; round++) {
		memset(w.dst, 0, nr * WORD);
		for (i = 0; i < nr; i++)
			if (!enqueue_word(b, &w, i, 0))
				fail_msg("a ring of %u is full with %u", nr, i);
		if (enqueue_word(b, &w, nr, 0))
			fail_msg("a ring of %u took one more", nr);
		if ((b->features & BACKEND_SVART) != 0)
			assert_int_equal(svart_queue_in_flight(b->q), nr);
		wait_all(b, done, nr);
		assert_words(&w, done, 0, nr);
		assert_int_equal(backend_poll(b, 0, done, 1), 0);
	}
	free(done);
	words_free(b, &w);
}

static void test_a_ring_holds_what_it_says_and_no_more(void **state)
{
	check_exact_ring(*state);
}

static void check_ring_of(uint32_t ring)
{
	struct backend *b = backend_open_with(&(struct backend_params){ .ring = ring });

	check_exact_ring(b);
	backend_delete(b);
}

static void test_a_ring_of_32_holds_32(void **state)
{
	(void)state;
	check_ring_of(32);
}

static void test_a_ring_of_100_holds_100(void **state)
{
	(void)state;
	check_ring_of(100);
}

/** More than most devices have place for. */
static void test_a_ring_of_4096_holds_4096(void **state)
{
	(void)state;
	check_ring_of(4096);
}

/** A place is free again when its completion was taken, and not before. */
static void test_each_completion_taken_gives_one_place(void **state)
{
	struct backend *b = *state;
	const unsigned int nr = b->ring;
	struct svart_completion done = { 0 };
	struct words w = words_new(4 * nr);
	unsigned int head, tail = 0;

	for (head = 0; head < nr; head++)
		assert_true(enqueue_word(b, &w, head, 0));
	while (head < 4 * nr) {
		wait_all(b, &done, 1);
		assert_words(&w, &done, tail++, 1);
		assert_true(enqueue_word(b, &w, head++, 0));
		assert_false(enqueue_word(b, &w, head, 0));
	}
	for (; tail < head; tail++) {
		wait_all(b, &done, 1);
		assert_words(&w, &done, tail, 1);
	}
	words_free(b, &w);
}

static void assert_nothing_happens(struct backend *b, const struct words *w, unsigned int from)
{
	struct svart_completion done;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		assert_int_equal(backend_poll(b, 0, &done, 1), 0);
		usleep(1000);
	}
	for (i = from; i < w->nr; i++)
		assert_int_equal(w->dst[i], 0);
}

static void test_nothing_is_done_before_it_is_submitted(void **state)
{
	struct backend *b = *state;
	struct svart_completion done[8];
	struct words w = words_new(8);
	unsigned int i;

	for (i = 0; i < 4; i++)
		assert_true(enqueue_word(b, &w, i, 0));
	assert_nothing_happens(b, &w, 0);
	wait_all(b, done, 4); /* Submits. */
	assert_words(&w, done, 0, 4);
	for (; i < 8; i++)
		assert_true(enqueue_word(b, &w, i, 0));
	assert_nothing_happens(b, &w, 4);
	wait_all(b, done, 4);
	assert_words(&w, done, 4, 4);
	words_free(b, &w);
}

/** Polls, without submitting, until nr completions came. */
static void poll_all(struct backend *b, struct svart_completion *done, unsigned int nr)
{
	const time_t start = time(NULL);
	unsigned int got = 0;

	do
		got += backend_poll(b, 0, done + got, (uint16_t)(nr - got));
	while (got < nr && wait_a_little(start));
	assert_int_equal(got, nr);
}

/** On a machine that stands still until somebody waits, polling alone ends nothing. */
static bool moves_by_itself(const struct backend *b)
{
	return (b->features & BACKEND_SVART) == 0 ||
	       (!backend_is_inline() && strstr(backend_spec(), "step=manual") == NULL);
}

static void test_submit_is_for_all_that_is_enqueued(void **state)
{
	struct backend *b = *state;
	struct svart_completion done[8];
	struct words w = words_new(8);
	unsigned int i;

	if (!moves_by_itself(b))
		backend_skip("the machine moves only while somebody waits");
	for (i = 0; i < 8; i++)
		assert_true(enqueue_word(b, &w, i, 0));
	backend_submit(b, 0);
	poll_all(b, done, 8);
	assert_words(&w, done, 0, 8);
	words_free(b, &w);
}

static void test_the_submit_flag_is_as_good_as_submit(void **state)
{
	struct backend *b = *state;
	struct svart_completion done[8];
	struct words w = words_new(8);
	unsigned int i;

	if (!moves_by_itself(b))
		backend_skip("the machine moves only while somebody waits");
	for (i = 0; i < 8; i++)
		assert_true(enqueue_word(b, &w, i, i == 7 ? BACKEND_FLAG_SUBMIT : 0));
	poll_all(b, done, 8);
	assert_words(&w, done, 0, 8);
	words_free(b, &w);
}

/** Bursts of any size go round the ring, and no completion is lost, doubled or out of order. */
static void run_through(struct backend *b, unsigned int total, uint32_t seed)
{
	struct svart_completion done[64];
	struct words w = words_new(2 * b->ring + 7);
	unsigned int head = 0, tail = 0, n;

	while (tail < total) {
		n = test_random(&seed) % (b->ring + 1);
		while (n-- > 0 && head < total && enqueue_word(b, &w, head, 0))
			head++;
		n = test_random(&seed) % 64 + 1;
		n = backend_wait(b, 0, done, (uint16_t)n, head > tail ? TIMEOUT_NS : 0);
		if (n == 0 && head > tail)
			fail_msg("operation %u never completed", tail);
		if (b->wrong != NULL)
			fail_msg("%s", b->wrong);
		assert_words(&w, done, tail, n);
		for (; n > 0; n--) /* So that the next copy of this word must do something. */
			w.src[tail++ % w.nr] ^= UINT64_C(0x0101010101010101);
	}
	words_free(b, &w);
}

static void test_bursts_of_any_size_go_round_the_ring(void **state)
{
	struct backend *b = *state;

	run_through(b, 20 * b->ring, test_seed());
}

static void test_ids_go_round_at_65536(void **state)
{
	run_through(*state, NR_IDS + 100, test_seed());
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		backend_test(test_a_ring_holds_what_it_says_and_no_more),
		cmocka_unit_test(test_a_ring_of_32_holds_32),
		cmocka_unit_test(test_a_ring_of_100_holds_100),
		cmocka_unit_test(test_a_ring_of_4096_holds_4096),
		backend_test(test_each_completion_taken_gives_one_place),
		backend_test(test_nothing_is_done_before_it_is_submitted),
		backend_test(test_submit_is_for_all_that_is_enqueued),
		backend_test(test_the_submit_flag_is_as_good_as_submit),
		backend_test(test_bursts_of_any_size_go_round_the_ring),
		backend_test(test_ids_go_round_at_65536),
	};

	return backend_run(argc, argv, tests);
}
