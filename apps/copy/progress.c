/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S  UINT64_C(1000000000)
#define PERIOD_NS (NS_PER_S / 10)

uint64_t svart_copy_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

void svart_copy_progress_start(
	struct copy_progress *p, bool wanted, const char *doing, uint64_t total)
{
	*p = (struct copy_progress){
		.on = wanted && isatty(STDERR_FILENO),
		.doing = doing,
		.total = total,
		.start_ns = svart_copy_now_ns(),
	};
	p->next_ns = p->start_ns + PERIOD_NS;
}

void svart_copy_progress_update(struct copy_progress *p, uint64_t done)
{
	uint64_t now;
	double seconds;

	if (!p->on)
		return;
	now = svart_copy_now_ns();
	if (now < p->next_ns)
		return;
	p->next_ns = now + PERIOD_NS;
	seconds = (double)(now - p->start_ns) / (double)NS_PER_S;
	fprintf(stderr, "\r%s %5.1f%% of %.1f MiB, %.0f MB/s\033[K", p->doing,
		100.0 * (double)done / (double)p->total, (double)p->total / (1 << 20),
		(double)done / 1e6 / seconds);
	fflush(stderr);
}

void svart_copy_progress_end(struct copy_progress *p)
{
	if (p->on)
		fputs("\r\033[K", stderr);
	p->on = false;
}
