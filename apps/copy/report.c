/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "say.h"

static double seconds(const struct copy_report *r)
{
	return (double)r->time_ns / 1e9;
}

/* A JSON string (RFC 8259, section 7). */
static void print_json_string(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_json(const struct copy_options *options, const struct copy_report *r)
{
	printf("{\"device\": ");
	print_json_string(options->device);
	printf(", \"bytes\": %" PRIu64 ", \"seconds\": %.6f, \"ops\": %" PRIu64, r->bytes,
		seconds(r), r->totals.ops);
	printf(", \"page_requests\": %" PRIu64 ", \"groups\": %" PRIu64, r->faults.page_requests,
		r->faults.groups);
	printf(", \"answers\": {\"success\": %" PRIu64 ", \"invalid\": %" PRIu64 "}",
		r->faults.answers_success, r->faults.answers_invalid);
	printf(", \"fault_latency_ns\": {\"p50\": %" PRIu64 ", \"p99\": %" PRIu64
	       ", \"max\": %" PRIu64 "}",
		r->faults.latency_p50_ns, r->faults.latency_p99_ns, r->faults.latency_max_ns);
	printf(", \"pinned_bytes_peak\": %" PRIu64 "}\n", r->space.pinned_bytes_peak);
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
	if (options->json)
		print_json(options, r);
	else if (!options->quiet)
		print_text(options, r);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return svart_copy_say_file("print the summary to", "standard output", -errno);
}
