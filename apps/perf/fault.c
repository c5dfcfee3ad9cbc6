/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-perf fault: what page requests cost.
 */
#include "fault.h"

#include <stddef.h>

#define USUAL_ROUNDS 7

static void print_json(const struct perf_options *o, unsigned int rounds,
	const struct perf_copy *copy, const struct perf_service *service,
	const struct perf_growth *growth)
{
	struct perf_json j = { 0 };

	svart_perf_json_object(&j, NULL);
	svart_perf_host_json(&j, &o->host, rounds);
	svart_perf_copy_json(&j, copy);
	svart_perf_service_json(&j, service);
	svart_perf_growth_json(&j, growth);
	svart_perf_json_object_end(&j);
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
		print_json(o, rounds, copy, service, growth);
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
