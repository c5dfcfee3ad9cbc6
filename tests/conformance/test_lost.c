/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A device that is lost in the middle of its work: pulled out, kept from memory, given up by the kernel.
 * What was in flight completes, as failed; nothing more is taken; all can be closed. On the software
 * machine, which does so on demand, whichever way page requests go.
 *
 * A dmadev is lost once for the whole program: its device has inject= among its arguments.
 */

#include "backend_kinds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_dmadev.h>

#define NR        16u
#define SECOND_NS UINT64_C(1000000000)

/** What is done to the device at its first page request, and what is then said of it. */
struct way {
	const char *inject;
	const char *text;
	const char *or_text;
};

static const struct way ways[] = {
	{ "gone", "the device is gone: register", "the device is unplugged" },
	{ "no_master", "bus mastering", "the device has halted" },
	{ "enodev", "page requests are lost: read of the fault fd: No such device", NULL },
};

static bool is_raw(void)
{
	return strstr(backend_spec(), "faults=raw") != NULL;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

/** Opens a device that is lost like this; NULL: it has no page requests, or cannot be lost so. */
static struct backend *open_to_lose(const struct way *way)
{
	struct backend *b;
	char options[64], spec[192];

	if (strncmp(backend_spec(), "model:dsa", 9) != 0 ||
		strstr(backend_spec(), "faults=off") != NULL)
		backend_skip("nothing loses this device on demand");
	if (is_raw() && strcmp(way->inject, "enodev") == 0)
		return NULL;
	snprintf(options, sizeof(options), "queues=2,inject=%s:1000", way->inject);
	backend_spec_with(options, spec, sizeof(spec));
	b = backend_new(spec);
	assert_int_equal(svart_queue_create(b->dev, NULL, &b->second), 0);
	return b;
}

static void expect_failed(struct svart_queue *q, const struct way *way)
{
	struct svart_queue_error error = SVART_QUEUE_ERROR_INIT();

	assert_int_equal(svart_queue_state_get(q), SVART_QUEUE_FAILED);
	assert_int_equal(svart_queue_error_get(q, &error), 0);
	if (strstr(error.text, way->text) == NULL &&
		(way->or_text == NULL || strstr(error.text, way->or_text) == NULL))
		fail_msg("inject=%s: \"%s\"", way->inject, error.text);
	if (strstr(error.text, "open it again") == NULL)
		fail_msg("\"%s\" does not say what to do", error.text);
}

static void expect_takes_nothing(struct backend *b, struct svart_queue *q)
{
	struct svart_completion done;
	uint64_t start = now_ns();
	uint8_t byte = 0;

	(void)b;
	assert_int_equal(svart_queue_prep_fill(q, &byte, 1, 1, 0, 0), 0);
	assert_int_equal(svart_queue_submit(q), 0);
	assert_int_equal(svart_queue_wait(q, &done, 1, TIMEOUT_NS), 0);
	assert_in_range(now_ns() - start, 0, 5 * SECOND_NS);
	assert_int_equal(svart_queue_in_flight(q), 0);
}

/** Each that was in flight comes back once, in order: done, or failed with the queue. */
static void take_all(struct backend *b, bool polls)
{
	struct svart_completion done;
	uint64_t start = now_ns();
	unsigned int i, failed = 0;

	for (i = 0; i < NR; i++) {
		while ((polls ? svart_queue_poll(b->q, &done, 1)
			      : svart_queue_wait(b->q, &done, 1, TIMEOUT_NS)) == 0) {
			assert_in_range(now_ns() - start, 0, TIMEOUT_NS);
			if (polls)
				svart_fault_pump(b->faults);
		}
		assert_int_equal(done.cookie, i);
		assert_true(
			done.status == SVART_STATUS_OK || done.status == SVART_STATUS_QUEUE_FAILED);
		failed += done.status != SVART_STATUS_OK;
	}
	assert_true(failed > 0);
	assert_in_range(now_ns() - start, 0, TIMEOUT_NS);
}

static void check_lost(bool polls)
{
	uint8_t *buf = guarded_alloc(2 * NR * PAGE);
	struct svart_queue *q;
	struct backend *b;
	unsigned int i;
	size_t w;

	for (w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
		b = open_to_lose(&ways[w]);
		if (b == NULL)
			continue;
		for (i = 0; i < NR; i++)
			assert_true(
				enqueue_copy(b, buf + i * PAGE, buf + (NR + i) * PAGE, PAGE, 0, i));
		svart_queue_submit(b->q);
		take_all(b, polls);
		expect_failed(b->q, &ways[w]);
		expect_failed(b->second, &ways[w]);
		expect_takes_nothing(b, b->q);
		expect_takes_nothing(b, b->second);
		assert_int_equal(svart_queue_destroy(b->second), 0);
		b->second = NULL;
		assert_in_range(svart_queue_create(b->dev, NULL, &q), -ENODEV, -EIO);
		forget(b, buf, 2 * NR * PAGE);
		backend_delete(b);
	}
	b = backend_new(backend_spec());
	guarded_free(b, buf, 2 * NR * PAGE);
	backend_delete(b);
}

static void test_lost_device_ends_waits_with_the_cause_in_words(void **state)
{
	(void)state;
	check_lost(false);
}

static void test_lost_device_is_found_by_polls_alone(void **state)
{
	(void)state;
	if (strstr(backend_spec(), "step=manual") != NULL)
		backend_skip("nothing moves without a wait");
	check_lost(true);
}

/** Another device of the same runtime, space and service goes on. */
static void test_lost_device_leaves_the_others_alone(void **state)
{
	struct svart_completion done;
	struct svart_device *other;
	struct svart_queue *q;
	uint8_t *buf = guarded_alloc(4 * PAGE);
	struct backend *b;
	char spec[192];

	(void)state;
	b = open_to_lose(&ways[0]);
	snprintf(spec, sizeof(spec), "model:dsa1%s", backend_spec() + strlen("model:dsa0"));
	backend_must(svart_device_open(b->rt, spec, b->space, b->faults, &other), spec);
	backend_must(svart_queue_create(other, NULL, &q), "svart_queue_create");
	assert_true(enqueue_copy(b, buf, buf + PAGE, PAGE, 0, 0));
	wait_all(b, &done, 1);
	expect_failed(b->q, &ways[0]);
	assert_int_equal(svart_queue_prep_fill(q, buf + 2 * PAGE, 0x11, 2 * PAGE, 0, 7), 1);
	assert_int_equal(svart_queue_wait(q, &done, 1, TIMEOUT_NS), 1);
	assert_done(&done, 2 * PAGE);
	assert_int_equal(svart_queue_destroy(q), 0);
	assert_int_equal(svart_device_close(other), 0);
	guarded_free(b, buf, 4 * PAGE);
	backend_delete(b);
}

/* --- a dmadev ----------------------------------------------------------------------------------- */

static void test_lost_dmadev_reports_and_counts_every_operation(void **state)
{
	const int16_t id = backend_dmadev_id();
	struct backend *b = *state;
	uint8_t *buf = guarded_alloc(2 * NR * PAGE);
	enum rte_dma_vchan_status status;
	struct svart_completion done[NR];
	struct rte_dma_stats stats;
	unsigned int i, failed = 0;
	uint16_t last;
	bool has_error = false;

	assert_int_equal(rte_dma_stats_reset(id, 0), 0);
	for (i = 0; i < NR; i++)
		assert_true(enqueue_copy(b, buf + i * PAGE, buf + (NR + i) * PAGE, PAGE, 0, i));
	wait_all(b, done, NR);
	for (i = 0; i < NR; i++)
		failed += done[i].status != SVART_STATUS_OK;
	assert_true(failed > 0);
	assert_int_equal(rte_dma_stats_get(id, 0, &stats), 0);
	assert_int_equal(stats.submitted, NR);
	assert_int_equal(stats.completed, NR);
	assert_int_equal(stats.errors, failed);
	assert_int_equal(rte_dma_vchan_status(id, 0, &status), 0);
	assert_int_equal(status, RTE_DMA_VCHAN_HALTED_ERROR);
	/* It may take one more, to find that out; never a second. */
	if (rte_dma_copy(id, 0, (rte_iova_t)buf, (rte_iova_t)buf + PAGE, 8,
		    RTE_DMA_OP_FLAG_SUBMIT) >= 0) {
		assert_int_equal(rte_dma_completed(id, 0, 1, &last, &has_error), 0);
		assert_true(has_error);
		assert_int_equal(rte_dma_copy(id, 0, (rte_iova_t)buf, (rte_iova_t)buf + PAGE, 8,
					 RTE_DMA_OP_FLAG_SUBMIT),
			-EIO);
	}
	assert_int_equal(rte_dma_burst_capacity(id, 0), 0);
	guarded_free(b, buf, 2 * NR * PAGE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest native[] = {
		cmocka_unit_test(test_lost_device_ends_waits_with_the_cause_in_words),
		cmocka_unit_test(test_lost_device_is_found_by_polls_alone),
		cmocka_unit_test(test_lost_device_leaves_the_others_alone),
	};
	const struct CMUnitTest dmadev[] = {
		backend_test(test_lost_dmadev_reports_and_counts_every_operation),
	};

	if (argc > 1 && strncmp(argv[1], "dmadev:", 7) == 0)
		return backend_run(argc, argv, dmadev);
	return backend_run(argc, argv, native);
}
