/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>

#include "json_out.h"
#include "message.h"

static double seconds(const struct copy_report *r)
{
	return (double)r->time_ns / 1e9;
}

static int print_json(const struct copy_options *options, const struct copy_report *r)
{
	const struct svart_fault_stats *f = &r->faults;
	json_t *answers = json_pack("{s:I, s:I}", "success", (json_int_t)f->answers_success,
		"invalid", (json_int_t)f->answers_invalid);
	json_t *latency = json_pack("{s:I, s:I, s:I}", "p50", (json_int_t)f->latency_p50_ns, "p99",
		(json_int_t)f->latency_p99_ns, "max", (json_int_t)f->latency_max_ns);

	/* clang-format off */
	json_t *object = json_pack("{s:o, s:I, s:f, s:I, s:I, s:I, s:o, s:o, s:I}",
		"device", app_json_text(options->device),
		"bytes", (json_int_t)r->bytes,
		"seconds", seconds(r),
		"ops", (json_int_t)r->totals.ops,
		"page_requests", (json_int_t)f->page_requests,
		"groups", (json_int_t)f->groups,
		"answers", answers,
		"fault_latency_ns", latency,
		"pinned_bytes_peak", (json_int_t)r->space.pinned_bytes_peak);
	/* clang-format on */

	return app_json_print(object, APP_JSON_SECONDS);
}

static void print_text(const struct copy_options *options, const struct copy_report *r)
{
	double rate = r->time_ns != 0 ? (double)r->bytes * 1e3 / (double)r->time_ns : 0;

	printf("copied         %" PRIu64 " bytes in %.3f s, %.0f MB/s%s\n", r->bytes, seconds(r),
		rate, options->verify ? ", verified" : "");
	if (r->totals.data_bytes < r->bytes)
		printf("holes          %" PRIu64 " bytes of these were left as holes\n",
			r->bytes - r->totals.data_bytes);
	printf("operations     %" PRIu64 " on %s, %" PRIu32 " in flight, %" PRIu64
	       " bytes at most each\n",
		r->totals.ops, options->device, r->depth, r->chunk);
	printf("page requests  %" PRIu64 " in %" PRIu64 " groups; answers: %" PRIu64
	       " success, %" PRIu64 " invalid\n",
		r->faults.page_requests, r->faults.groups, r->faults.answers_success,
		r->faults.answers_invalid);
	printf("fault latency  p50 %.1f us, p99 %.1f us, max %.1f us\n",
		(double)r->faults.latency_p50_ns / 1e3, (double)r->faults.latency_p99_ns / 1e3,
		(double)r->faults.latency_max_ns / 1e3);
	printf("pinned         %.1f MiB at the peak\n",
		(double)r->space.pinned_bytes_peak / (1 << 20));
}

int svart_copy_report_print(const struct copy_options *options, const struct copy_report *r)
{
	int rc = 0;

	if (options->json)
		rc = print_json(options, r);
	else if (!options->quiet)
		print_text(options, r);
	return rc != 0 ? rc : app_flush_output();
}
