/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "trial.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/** What the destination holds until the copy is done; an untouched page holds zeros. */
#define NOT_COPIED 0x5a
/** Milliseconds by which the counters may be late. */
#define MAX_MOMENTS 100

/** The stack, in the order in which it is made; NULL: not made. Owner: svart_info_trial_run(). */
struct stack {
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *q;
	size_t page_bytes;
	uint8_t *pages; /* The CPU never touches the first; the second is the destination. */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

__attribute__((format(printf, 2, 3))) static void say(
	struct info_trial *trial, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(trial->result, sizeof(trial->result), format, args);
	va_end(args);
}

static int stack_open(struct stack *s, const char *spec)
{
	int rc = svart_space_create(s->rt, NULL, &s->space);

	if (rc == 0)
		rc = svart_fault_service_create(s->rt, NULL, &s->faults);
	if (rc == 0)
		rc = svart_device_open(s->rt, spec, s->space, s->faults, &s->dev);
	if (rc == 0)
		rc = svart_queue_create(s->dev, NULL, &s->q);
	return rc;
}

/**
 * Ends the stack in the opposite order. An object that refuses to end stays, and so do those that it needs.
 * @return 0 or -errno.
 */
static int stack_close(struct stack *s)
{
	int rc = 0;

	if (s->q != NULL)
		rc = svart_queue_destroy(s->q);
	if (rc == 0 && s->dev != NULL)
		rc = svart_device_close(s->dev);
	if (rc == 0 && s->faults != NULL)
		rc = svart_fault_service_destroy(s->faults);
	if (rc == 0 && s->space != NULL)
		rc = svart_space_destroy(s->space);
	return rc;
}

static bool sends_page_requests(const struct stack *s)
{
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();

	svart_device_info_get(s->dev, &info);
	return (info.features & SVART_FEATURE_PAGE_REQUESTS) != 0;
}

static uint64_t nr_answers(const struct svart_fault_stats *stats)
{
	return stats->answers_success + stats->answers_invalid + stats->answers_gone;
}

static int pages_map(struct stack *s)
{
	void *pages;

	s->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	pages = mmap(NULL, 2 * s->page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0);
	if (pages == MAP_FAILED)
		return -errno;
	s->pages = pages;
	s->pages[s->page_bytes] = NOT_COPIED;
	return 0;
}

/**
 * Reads the counters when they are complete: a service counts an answer after it was sent, so the operation
 * can be done a little before that.
 */
static void read_counters(
	const struct stack *s, struct svart_fault_stats *stats, struct info_trial *trial)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	unsigned int i;

	for (i = 0; i < MAX_MOMENTS; i++) {
		svart_fault_stats_get(s->faults, stats);
		if (nr_answers(stats) >= stats->groups)
			break;
		nanosleep(&moment, NULL);
	}
	trial->page_requests = stats->page_requests;
	trial->answers = stats->answers_success;
	trial->answer_ns = stats->latency_max_ns;
}

/** Judges a queue that takes nothing more, or that ended the operation because of that. */
static void judge_failure(const struct stack *s, struct info_trial *trial)
{
	struct svart_queue_error error = SVART_QUEUE_ERROR_INIT();

	if (svart_queue_error_get(s->q, &error) == 0)
		say(trial, "the operation failed with its queue: %s", error.text);
	else
		say(trial, "the operation failed with its queue, which gives no reason");
}

/**
 * Judges an operation that did not end in time. It is known what is missing, but not whether it would ever
 * come.
 */
static void judge_silence(
	const struct stack *s, const struct svart_fault_stats *stats, struct info_trial *trial)
{
	double ms = (double)trial->time_ns / 1e6;

	if (svart_queue_state_get(s->q) == SVART_QUEUE_FAILED)
		judge_failure(s, trial);
	else if (!sends_page_requests(s))
		say(trial,
			"the operation did not end in %.3g ms: the device is slow (--timeout waits "
			"longer), or it hangs",
			ms);
	else if (stats->page_requests == 0)
		say(trial,
			"no page request arrived in %.3g ms: the device is slow (--timeout waits "
			"longer), or it hangs, or the IOMMU accepted it but does not deliver its "
			"faults (an SMMU does so where the device cannot stall, a VM where the "
			"host delivers none)",
			ms);
	else if (stats->groups == 0)
		say(trial,
			"page requests arrived, but not the last one of their group, in %.3g ms: "
			"it "
			"was lost, or the device is slow (--timeout waits longer)",
			ms);
	else if (nr_answers(stats) < stats->groups)
		say(trial,
			"page requests arrived, but were not all answered in %.3g ms: a page takes "
			"long to come; --timeout waits longer",
			ms);
	else
		say(trial,
			"page requests arrived and were answered, but the operation did not end in "
			"%.3g ms: the device is slow (--timeout waits longer), or the answers do "
			"not reach it",
			ms);
}

/** @return why a device may not reach what is mapped in the process. */
static const char *why_not_reached(const struct stack *s, const struct svart_fault_stats *stats)
{
	if (!sends_page_requests(s))
		return "the device has too few address bits for it (of edu: dma_mask_bits), or it "
		       "could not be pinned (RLIMIT_MEMLOCK, ulimit -l)";
	if (stats->answers_invalid != 0)
		return "svart could not map it for the device: more would be pinned than may be "
		       "(RLIMIT_MEMLOCK, ulimit -l), or there is no memory";
	return "the device's page request was lost or refused on its way";
}

/** Judges an operation that failed in another way. */
static void judge_status(
	const struct stack *s, const struct svart_completion *done, struct info_trial *trial)
{
	struct svart_queue_error error = SVART_QUEUE_ERROR_INIT();
	bool told = svart_queue_error_get(s->q, &error) == 0;

	say(trial, "the operation failed: %s (device status %#x)%s%s",
		svart_status_name(done->status), done->hw_status, told ? ": " : "", error.text);
}

static void judge_completion(const struct stack *s, const struct svart_completion *done,
	const struct svart_fault_stats *stats, struct info_trial *trial)
{
	bool asks = sends_page_requests(s);

	if (done->status == SVART_STATUS_BAD_ADDRESS)
		say(trial,
			"the operation failed: the device cannot reach %#llx, which is mapped in "
			"the process: %s",
			(unsigned long long)done->fault_addr, why_not_reached(s, stats));
	else if (done->status == SVART_STATUS_QUEUE_FAILED)
		judge_failure(s, trial);
	else if (done->status != SVART_STATUS_OK)
		judge_status(s, done, trial);
	else if (s->pages[s->page_bytes] != 0)
		say(trial, "the operation ended well, but the byte was not copied");
	else if (!asks)
		say(trial, "the byte was copied; the device sends no page requests, and its "
			   "memory was mapped when the operation was submitted");
	else if (trial->page_requests == 0)
		say(trial, "the byte was copied without a page request: the device reached the "
			   "page by another way, so nothing is known of its faults");
	else
		say(trial, "the page request arrived and was answered, and the byte was copied");
	trial->ok = done->status == SVART_STATUS_OK && s->pages[s->page_bytes] == 0 &&
		    (trial->page_requests != 0 || !asks);
}

static void copy_byte(struct stack *s, uint64_t timeout_ns, struct info_trial *trial)
{
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();
	struct svart_completion done;
	uint64_t start_ns = now_ns();

	if (svart_queue_prep_copy(s->q, s->pages + s->page_bytes, s->pages, 1, 0, 0) != 1) {
		say(trial, "the queue takes no operation");
		return;
	}
	svart_queue_submit(s->q);
	trial->ended = svart_queue_wait(s->q, &done, 1, timeout_ns) == 1;
	trial->time_ns = now_ns() - start_ns;
	read_counters(s, &stats, trial);
	if (trial->ended)
		judge_completion(s, &done, &stats, trial);
	else
		judge_silence(s, &stats, trial);
}

void svart_info_trial_run(
	struct svart *rt, const char *spec, uint64_t timeout_ns, struct info_trial *trial)
{
	struct stack s = { .rt = rt };
	int rc;

	*trial = (struct info_trial){ .spec = spec };
	rc = pages_map(&s);
	if (rc != 0) {
		say(trial, "cannot map two pages: %s", strerror(-rc));
		return;
	}
	rc = stack_open(&s, spec);
	if (rc != 0)
		say(trial, "it cannot be opened: %s", svart_error_text());
	else
		copy_byte(&s, timeout_ns, trial);
	/* Only after that no device can reach the pages. */
	if (stack_close(&s) == 0)
		munmap(s.pages, 2 * s.page_bytes);
}
