/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_FAULT_H
#define SVART_PERF_FAULT_H

/**
 * @file
 * The three parts of svart-perf fault. Each part measures into a struct of its own, and prints what is in
 * it.
 */

#include "options.h"

/* --- fault_copy.c: a copy into cold memory ------------------------------------------------------- */

struct perf_copy;
/** @return 0 or -errno, told. */
int svart_perf_copy_measure(
	const struct perf_options *options, unsigned int rounds, struct perf_copy **out);
/** @return the member "cold_copy"; NULL: no memory. */
json_t *svart_perf_copy_json(const struct perf_copy *copy);
void svart_perf_copy_text(const struct perf_copy *copy);
void svart_perf_copy_free(struct perf_copy *copy);

/* --- fault_service.c: from page requests to answers ------------------------------------------------ */

struct perf_service;
/** @return 0 or -errno, told. */
int svart_perf_service_measure(
	const struct perf_options *options, unsigned int rounds, struct perf_service **out);
/** @return the member "service"; NULL: no memory. */
json_t *svart_perf_service_json(const struct perf_service *service);
void svart_perf_service_text(const struct perf_service *service);
void svart_perf_service_free(struct perf_service *service);

/* --- fault_growth.c: what a group costs among many devices, and with much mapped ------------------- */

struct perf_growth;
/** @return 0 or -errno, told. */
int svart_perf_growth_measure(
	const struct perf_options *options, unsigned int rounds, struct perf_growth **out);
/** @return the member "growth"; NULL: no memory. */
json_t *svart_perf_growth_json(const struct perf_growth *growth);
void svart_perf_growth_text(const struct perf_growth *growth);
void svart_perf_growth_free(struct perf_growth *growth);

#endif
