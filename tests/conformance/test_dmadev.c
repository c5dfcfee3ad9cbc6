/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What rte_dmadev.h promises and only dmadevs have: burst capacity, statistics, the last id, errors
 * that stay until they are asked for.
 */

#include "backend_kinds.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_dmadev.h>

/** Configures, sets up and starts the stopped device anew. */
static void set_up(struct backend *b)
{
	const struct rte_dma_conf conf = { .nb_vchans = 1 };
	const struct rte_dma_vchan_conf vchan = { .direction = RTE_DMA_DIR_MEM_TO_MEM,
		.nb_desc = (uint16_t)b->ring };

	assert_int_equal(rte_dma_configure(backend_dmadev_id(), &conf), 0);
	assert_int_equal(rte_dma_vchan_setup(backend_dmadev_id(), 0, &vchan), 0);
	backend_start(b);
}

static uint16_t capacity(void)
{
	return rte_dma_burst_capacity(backend_dmadev_id(), 0);
}

/** Memory to copy within: a source and a destination of a page each. */
static uint8_t *two_pages(void)
{
	uint8_t *buf = guarded_alloc(2 * PAGE);

	scramble(buf, PAGE, 1);
	return buf;
}

static void copy_n(struct backend *b, uint8_t *buf, unsigned int n)
{
	struct svart_completion done[64];
	unsigned int i;

	assert_true(n <= 64);
	for (i = 0; i < n; i++)
		assert_true(enqueue_copy(b, buf + PAGE, buf, PAGE, 0, i));
	wait_all(b, done, n);
}

static void test_burst_capacity_counts_the_places_left(void **state)
{
	struct backend *b = *state;
	uint8_t *buf = two_pages();
	struct svart_completion done[64];
	unsigned int i, left;

	for (left = capacity(); left > 0; left--) {
		assert_int_equal(capacity(), left);
		assert_true(enqueue_copy(b, buf + PAGE, buf, 8, 0, left));
	}
	assert_int_equal(capacity(), 0);
	assert_false(enqueue_copy(b, buf + PAGE, buf, 8, 0, 0));
	for (i = 0; i < b->ring / 64; i++) {
		wait_all(b, done, 64);
		assert_int_equal(capacity(), (i + 1) * 64);
	}
	guarded_free(b, buf, 2 * PAGE);
}

static void test_burst_capacity_of_an_idle_ring_is_nb_desc(void **state)
{
	assert_int_equal(capacity(), ((struct backend *)*state)->ring);
}

static void test_an_empty_poll_says_the_last_id(void **state)
{
	struct backend *b = *state;
	uint8_t *buf = two_pages();
	enum rte_dma_status_code code;
	uint16_t last;
	bool has_error;

	copy_n(b, buf, 5);
	last = 77;
	assert_int_equal(rte_dma_completed(backend_dmadev_id(), 0, 8, &last, &has_error), 0);
	assert_int_equal(last, 4);
	assert_false(has_error);
	last = 77;
	assert_int_equal(rte_dma_completed_status(backend_dmadev_id(), 0, 1, &last, &code), 0);
	assert_int_equal(last, 4);
	guarded_free(b, buf, 2 * PAGE);
}

static void complete_one(void)
{
	const time_t start = time(NULL);

	while (rte_dma_completed(backend_dmadev_id(), 0, 1, NULL, NULL) == 0)
		assert_true(wait_a_little(start));
}

static void test_completed_takes_null_for_what_is_not_wanted(void **state)
{
	struct backend *b = *state;
	uint8_t *buf = two_pages();
	unsigned int i;

	for (i = 0; i < 3; i++)
		assert_true(rte_dma_copy(backend_dmadev_id(), 0, (rte_iova_t)buf,
				    (rte_iova_t)(buf + PAGE), 8, RTE_DMA_OP_FLAG_SUBMIT) >= 0);
	for (i = 0; i < 3; i++)
		complete_one();
	guarded_free(b, buf, 2 * PAGE);
}

static void assert_stats_of(uint16_t vchan, uint64_t submitted, uint64_t completed, uint64_t errors)
{
	struct rte_dma_stats stats;

	assert_int_equal(rte_dma_stats_get(backend_dmadev_id(), vchan, &stats), 0);
	assert_int_equal(stats.submitted, submitted);
	assert_int_equal(stats.completed, completed);
	assert_int_equal(stats.errors, errors);
}

static void assert_stats(uint64_t submitted, uint64_t completed, uint64_t errors)
{
	assert_stats_of(0, submitted, completed, errors);
}

static void test_statistics_count_and_are_reset(void **state)
{
	struct backend *b = *state;
	uint8_t *buf = two_pages();
	struct svart_completion done[4];
	unsigned int i;

	assert_int_equal(rte_dma_stats_reset(backend_dmadev_id(), RTE_DMA_ALL_VCHAN), 0);
	copy_n(b, buf, 10);
	assert_stats(10, 10, 0);
	for (i = 0; i < 4; i++)
		assert_true(enqueue_copy(b, buf + PAGE, buf, 8, 0, i));
	assert_stats(10, 10, 0); /* Not submitted yet. */
	wait_all(b, done, 4);
	assert_stats(14, 14, 0);
	assert_int_equal(rte_dma_stats_reset(backend_dmadev_id(), 0), 0);
	assert_stats(0, 0, 0);
	copy_n(b, buf, 1);
	assert_stats(1, 1, 0);
	guarded_free(b, buf, 2 * PAGE);
}

/** "completed" counts the failed ones too. */
static void test_statistics_count_errors(void **state)
{
	struct backend *b = *state;
	uint8_t *buf = two_pages();
	struct svart_completion done[3];

	backend_need(b, BACKEND_ERRORS);
	assert_int_equal(rte_dma_stats_reset(backend_dmadev_id(), 0), 0);
	assert_true(enqueue_copy(b, buf + PAGE, buf, 8, 0, 0));
	assert_true(enqueue_copy(b, NULL, buf, 8, 0, 1));
	assert_true(enqueue_copy(b, buf + PAGE, NULL, 8, 0, 2));
	wait_all(b, done, 3);
	assert_stats(3, 3, done[2].status == SVART_STATUS_ABORTED ? 1 : 2);
	guarded_free(b, buf, 2 * PAGE);
}

static void wait_until_idle(void)
{
	enum rte_dma_vchan_status status = RTE_DMA_VCHAN_ACTIVE;
	const time_t start = time(NULL);
	int rc;

	do {
		rc = rte_dma_vchan_status(backend_dmadev_id(), 0, &status);
		if (rc == -ENOTSUP)
			backend_skip("the device does not tell the status of a channel");
	} while (rc == 0 && status == RTE_DMA_VCHAN_ACTIVE && wait_a_little(start));
	assert_int_equal(rc, 0);
	assert_int_equal(status, RTE_DMA_VCHAN_IDLE);
}

/** The error is after nr operations. */
static void complete_until_error(unsigned int nr)
{
	const time_t start = time(NULL);
	unsigned int n = 0;
	bool has_error = false;

	do
		n += rte_dma_completed(backend_dmadev_id(), 0, 8, NULL, &has_error);
	while (!has_error && wait_a_little(start));
	assert_true(has_error);
	assert_int_equal(n, nr);
}

static void test_an_error_stays_until_its_status_is_asked_for(void **state)
{
	struct backend *b = *state;
	uint8_t *buf = two_pages();
	struct svart_completion done = { 0 };
	uint16_t last;
	unsigned int i;
	bool has_error;

	backend_need(b, BACKEND_ERRORS);
	assert_true(enqueue_copy(b, buf + PAGE, buf, 8, 0, 0));
	assert_true(enqueue_copy(b, NULL, buf, 8, 0, 1));
	assert_true(enqueue_copy(b, buf + PAGE, buf, 8, 0, 2));
	backend_submit(b, 0);
	complete_until_error(1);
	for (i = 0; i < 3; i++) {
		assert_int_equal(
			rte_dma_completed(backend_dmadev_id(), 0, 8, &last, &has_error), 0);
		assert_true(has_error);
		assert_int_equal(last, 0);
	}
	backend_dmadev_taken(b, 1);
	wait_all(b, &done, 1);
	assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
	wait_all(b, &done, 1);
	assert_true(done.status == SVART_STATUS_OK || done.status == SVART_STATUS_ABORTED);
	copy_n(b, buf, 1);
	guarded_free(b, buf, 2 * PAGE);
}

static void test_a_channel_that_has_done_all_is_idle(void **state)
{
	struct backend *b = *state;
	uint8_t *buf = two_pages();
	struct svart_completion done[8];
	unsigned int i;

	wait_until_idle();
	for (i = 0; i < 8; i++)
		assert_true(enqueue_copy(b, buf + PAGE, buf, PAGE, 0, i));
	backend_submit(b, 0);
	wait_until_idle(); /* Before anybody asked for a completion. */
	assert_int_equal(backend_poll(b, 0, done, 8), 8);
	wait_until_idle();
	guarded_free(b, buf, 2 * PAGE);
}

/** A hint that no driver may refuse. */
static void test_statistics_are_each_channels_own(void **state)
{
	struct backend *b = backend_open_with(&(struct backend_params){ .channels = 2 });
	uint8_t *buf = two_pages();
	const struct svart_op op = {
		.opcode = SVART_OP_COPY, .src = buf, .dst = buf + PAGE, .length = 8
	};
	struct svart_completion done;

	(void)state;
	assert_int_equal(rte_dma_stats_reset(backend_dmadev_id(), RTE_DMA_ALL_VCHAN), 0);
	copy_n(b, buf, 2);
	assert_true(backend_enqueue(b, 1, &op, 0));
	assert_int_equal(backend_wait(b, 1, &done, 1, TIMEOUT_NS), 1);
	assert_stats_of(0, 2, 2, 0);
	assert_stats_of(1, 1, 1, 0);
	assert_stats_of(RTE_DMA_ALL_VCHAN, 3, 3, 0);
	assert_int_equal(rte_dma_stats_reset(backend_dmadev_id(), 1), 0);
	assert_stats_of(0, 2, 2, 0);
	assert_stats_of(RTE_DMA_ALL_VCHAN, 2, 2, 0);
	guarded_free(b, buf, 2 * PAGE);
	backend_delete(b);
}

/** A child that waits until its channel is idle ends: what is under way is its parent's. */
static void test_a_channel_is_not_busy_in_a_child(void **state)
{
	struct backend *b = *state;
	uint8_t *buf = two_pages();
	enum rte_dma_vchan_status channel = RTE_DMA_VCHAN_IDLE;
	struct svart_completion done[2];
	int status;
	pid_t pid;

	backend_need(b, BACKEND_FORK);
	assert_true(enqueue_copy(b, buf + PAGE, buf, PAGE, BACKEND_FLAG_SUBMIT, 0));
	assert_true(enqueue_copy(b, buf + PAGE, buf, PAGE, 0, 1));
	pid = fork();
	if (pid == 0) {
		backend_submit(b, 0);
		rte_dma_vchan_status(backend_dmadev_id(), 0, &channel);
		_exit(channel == RTE_DMA_VCHAN_ACTIVE);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	wait_all(b, done, 2);
	guarded_free(b, buf, 2 * PAGE);
}

static void test_the_hint_of_the_cache_is_no_error(void **state)
{
	struct backend *b = *state;
	uint8_t *buf = two_pages();

	assert_true(rte_dma_copy(backend_dmadev_id(), 0, (rte_iova_t)buf, (rte_iova_t)(buf + PAGE),
			    PAGE, RTE_DMA_OP_FLAG_LLC | RTE_DMA_OP_FLAG_SUBMIT) >= 0);
	complete_one();
	assert_memory_equal(buf + PAGE, buf, PAGE);
	guarded_free(b, buf, 2 * PAGE);
}

static void test_a_started_device_is_not_configured(void **state)
{
	const struct rte_dma_conf conf = { .nb_vchans = 1 };
	const struct rte_dma_vchan_conf vchan = { .direction = RTE_DMA_DIR_MEM_TO_MEM,
		.nb_desc = 64 };

	(void)state;
	assert_int_equal(rte_dma_configure(backend_dmadev_id(), &conf), -EBUSY);
	assert_int_equal(rte_dma_vchan_setup(backend_dmadev_id(), 0, &vchan), -EBUSY);
}

static void test_a_channel_that_is_not_set_up_refuses_all(void **state)
{
	const struct rte_dma_conf conf = { .nb_vchans = 1 };
	const int16_t id = backend_dmadev_id();
	struct backend *b = *state;
	uint8_t *buf = two_pages();
	const rte_iova_t at = (rte_iova_t)buf;
	enum rte_dma_vchan_status channel;
	enum rte_dma_status_code code;
	struct rte_dma_stats stats;
	uint16_t last;
	bool has_error;

	backend_need(b, BACKEND_ROBUST);
	backend_stop(b);
	assert_int_equal(rte_dma_configure(id, &conf), 0);
	assert_int_equal(rte_dma_start(id), -EINVAL);
	assert_int_equal(rte_dma_copy(id, 0, at, at + 8, 8, RTE_DMA_OP_FLAG_SUBMIT), -EINVAL);
	assert_int_equal(rte_dma_fill(id, 0, 1, at, 8, RTE_DMA_OP_FLAG_SUBMIT), -EINVAL);
	assert_int_equal(rte_dma_burst_capacity(id, 0), 0);
	assert_int_equal(rte_dma_submit(id, 0), 0);
	assert_int_equal(rte_dma_completed(id, 0, 8, &last, &has_error), 0);
	assert_int_equal(rte_dma_completed_status(id, 0, 1, &last, &code), 0);
	assert_int_equal(rte_dma_vchan_status(id, 0, &channel), -EINVAL);
	assert_int_equal(rte_dma_stats_get(id, 0, &stats), 0);
	assert_int_equal(stats.submitted, 0);
	set_up(b);
	copy_n(b, buf, 1);
	guarded_free(b, buf, 2 * PAGE);
}

/** Telemetry's thread asks for dumps and statistics whenever somebody asks it. */
static void *look_on(void *stop)
{
	struct rte_dma_stats stats;
	char text[4096];
	FILE *file;

	while (!atomic_load((atomic_bool *)stop)) {
		file = fmemopen(text, sizeof(text), "w");
		rte_dma_dump(backend_dmadev_id(), file);
		fclose(file);
		rte_dma_stats_get(backend_dmadev_id(), RTE_DMA_ALL_VCHAN, &stats);
	}
	return NULL;
}

static void test_another_thread_may_look_on(void **state)
{
	struct backend *b = *state;
	uint8_t *buf = two_pages();
	atomic_bool stop = false;
	pthread_t thread;
	unsigned int i;

	backend_need(b, BACKEND_ROBUST);
	assert_int_equal(pthread_create(&thread, NULL, look_on, &stop), 0);
	for (i = 0; i < 300; i++) {
		backend_stop(b);
		set_up(b);
		copy_n(b, buf, 1);
	}
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	guarded_free(b, buf, 2 * PAGE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		backend_test(test_burst_capacity_of_an_idle_ring_is_nb_desc),
		backend_test(test_burst_capacity_counts_the_places_left),
		backend_test(test_an_empty_poll_says_the_last_id),
		backend_test(test_completed_takes_null_for_what_is_not_wanted),
		backend_test(test_statistics_count_and_are_reset),
		backend_test(test_statistics_count_errors),
		cmocka_unit_test(test_statistics_are_each_channels_own),
		backend_test(test_an_error_stays_until_its_status_is_asked_for),
		backend_test(test_a_channel_that_has_done_all_is_idle),
		backend_test(test_a_channel_is_not_busy_in_a_child),
		backend_test(test_the_hint_of_the_cache_is_no_error),
		backend_test(test_a_started_device_is_not_configured),
		backend_test(test_a_channel_that_is_not_set_up_refuses_all),
		backend_test(test_another_thread_may_look_on),
	};

	return backend_run(argc, argv, tests);
}
