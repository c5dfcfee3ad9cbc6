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
/** Milliseconds that the counters may be behind. */
#define MAX_MOMENTS 100

/** The stack, in the order in which it is made; NULL: not made. Owner: svart_info_trial_run(). */
struct stack {
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *q;
	size_t page_bytes;
	uint8_t *pages; /* The first is never touched by the CPU, the second is the destination. */
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

/** The opposite order. What refuses to end stays, and with it what it stands on. */
static void stack_close(struct stack *s)
{
	int rc = 0;

	if (s->q != NULL)
		svart_queue_destroy(s->q);
	if (s->dev != NULL)
		rc = svart_device_close(s->dev);
	if (rc == 0 && s->faults != NULL)
		rc = svart_fault_service_destroy(s->faults);
	if (rc == 0 && s->space != NULL)
		svart_space_destroy(s->space);
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

/** A service counts an answer after it was sent: the operation can be done a little before that. */
static void read_counters(const struct stack *s, struct info_trial *trial)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	struct svart_fault_stats stats;
	unsigned int i;

	for (i = 0; i < MAX_MOMENTS; i++) {
		svart_fault_stats_get(s->faults, &stats);
		if (stats.answers_success + stats.answers_invalid + stats.answers_gone >=
			stats.groups)
			break;
		nanosleep(&moment, NULL);
	}
	trial->page_requests = stats.page_requests;
	trial->answers = stats.answers_success;
	trial->answer_ns = stats.latency_max_ns;
}

/** The operation did not end in time. */
static void judge_silence(struct info_trial *trial)
{
	if (trial->page_requests == 0)
		say(trial,
			"no page request arrived in %.0f ms: the IOMMU accepted the device but "
			"does not deliver its faults (an SMMU does so where the device cannot "
			"stall, a VM where the host delivers none)",
			(double)trial->time_ns / 1e6);
	else
		say(trial,
			"page requests arrived, but the operation did not end in %.0f ms: the "
			"answers do not reach the device",
			(double)trial->time_ns / 1e6);
}

static void judge_completion(
	const struct stack *s, const struct svart_completion *done, struct info_trial *trial)
{
	struct svart_device_info info;

	svart_device_info_get(s->dev, &info);
	if (done->status == SVART_STATUS_BAD_ADDRESS)
		say(trial,
			"the operation failed: the device cannot reach %#llx, which is mapped in "
			"the process; its page request was refused, or its addresses are too "
			"narrow",
			(unsigned long long)done->fault_addr);
	else if (done->status != SVART_STATUS_OK)
		say(trial, "the operation failed: %s (device status %#x)",
			svart_status_name(done->status), done->hw_status);
	else if (s->pages[s->page_bytes] != 0)
		say(trial, "the operation ended well, but the byte was not copied");
	else if (!(info.features & SVART_FEATURE_PAGE_REQUESTS))
		say(trial, "the byte was copied; the device sends no page requests, and its "
			   "memory was mapped when the operation was submitted");
	else if (trial->page_requests == 0)
		say(trial, "the byte was copied without a page request: the device reached the "
			   "page by another way, so nothing is known of its faults");
	else
		say(trial, "the page request arrived and was answered, and the byte was copied");
	trial->ok = done->status == SVART_STATUS_OK && s->pages[s->page_bytes] == 0 &&
		    (trial->page_requests != 0 || !(info.features & SVART_FEATURE_PAGE_REQUESTS));
}

static void copy_byte(struct stack *s, uint64_t timeout_ns, struct info_trial *trial)
{
	struct svart_completion done;
	uint64_t start_ns = now_ns();
	uint16_t nr;

	svart_queue_prep_copy(s->q, s->pages + s->page_bytes, s->pages, 1, 0, 0);
	svart_queue_submit(s->q);
	nr = svart_queue_wait(s->q, &done, 1, timeout_ns);
	trial->time_ns = now_ns() - start_ns;
	read_counters(s, trial);
	if (nr == 0)
		judge_silence(trial);
	else
		judge_completion(s, &done, trial);
}

void svart_info_trial_run(
	struct svart *rt, const char *spec, uint64_t timeout_ns, struct info_trial *trial)
{
	struct stack s = { .rt = rt };
	int rc;

	*trial = (struct info_trial){ .spec = spec };
	rc = pages_map(&s);
	if (rc != 0) {
		say(trial, "no memory for two pages: %s", strerror(-rc));
		return;
	}
	rc = stack_open(&s, spec);
	if (rc != 0)
		say(trial, "it cannot be opened: %s", svart_error_text());
	else
		copy_byte(&s, timeout_ns, trial);
	stack_close(&s);
	/* Only now can no device reach the pages. */
	munmap(s.pages, 2 * s.page_bytes);
}
