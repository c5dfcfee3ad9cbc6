/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-perf fault: what page requests cost.
 */
#include "fault.h"

#include <stddef.h>

#include "json_out.h"

#define USUAL_ROUNDS 7

static int print_json(const struct perf_options *o, unsigned int rounds,
	const struct perf_copy *copy, const struct perf_service *service,
	const struct perf_growth *growth)
{
	return app_json_print(
		json_pack("{s:o, s:o, s:o, s:o}", "machine", svart_perf_host_json(&o->host, rounds),
			"cold_copy", svart_perf_copy_json(copy), "service",
			svart_perf_service_json(service), "growth", svart_perf_growth_json(growth)),
		SVART_PERF_JSON_FLAGS);
}

static void print_text(const struct perf_options *o, unsigned int rounds,
	const struct perf_copy *copy, const struct perf_service *service,
	const struct perf_growth *growth)
{
	svart_perf_host_text(&o->host, rounds);
	svart_perf_copy_text(copy);
	svart_perf_service_text(service);
	svart_perf_growth_text(growth);
}

static int run(const struct perf_options *o)
{
	unsigned int rounds = svart_perf_rounds(o, USUAL_ROUNDS);
	struct perf_service *service = NULL;
	struct perf_growth *growth = NULL;
	struct perf_copy *copy = NULL;
	int rc;

	rc = svart_perf_copy_measure(o, rounds, &copy);
	if (rc != 0)
		return rc;
	rc = svart_perf_service_measure(o, rounds, &service);
	if (rc != 0)
		goto free_copy;
	rc = svart_perf_growth_measure(o, rounds, &growth);
	if (rc != 0)
		goto free_service;
	if (o->json)
		rc = print_json(o, rounds, copy, service, growth);
	else
		print_text(o, rounds, copy, service, growth);
	svart_perf_growth_free(growth);
free_service:
	svart_perf_service_free(service);
free_copy:
	svart_perf_copy_free(copy);
	return rc;
}

const struct perf_command svart_perf_fault = { .name = "fault", .run = run };
