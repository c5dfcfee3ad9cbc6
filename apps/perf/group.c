/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-perf group: what grouping costs, with svart's table and a linear list side by side.
 *
 * Both get the same streams, in the same rounds. A pass begins with an empty table, and adds the requests
 * that shall be outstanding. Then it is timed, except the making of the requests: every request is added,
 * and every group that is complete is released.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "group.h"
#include "group_list.h"
#include "group_stream.h"
#include "json_out.h"
#include "message.h"
#include "options.h"
#include "say.h"
#include "stats.h"

#define USUAL_ROUNDS 11
#define REQUESTS     32768
/** Least time of the passes of one round, and their largest number. */
#define ROUND_NS   UINT64_C(2000000)
#define MAX_PASSES 16
/** Requests fetched at once: a fault service does the same. */
#define BURST 512
/** Least size of the table of every stream, so that all are measured on the same size. */
#define MIN_NODES 8192
/** Streams for each number of outstanding requests. */
#define NR_SHAPES 4

static const struct {
	bool random;
	uint32_t group_size;
} shapes[NR_SHAPES] = { { false, 1 }, { false, 8 }, { false, 64 }, { true, 8 } };

/** Figures of one stream. Owner: the stack. Lifetime: one run. Locks: none. */
struct row {
	struct perf_stream stream;
	struct perf_rounds svart_ns, list_ns;
};

/** What is measured. Owner: the stack. Lifetime: one run. Locks: none. */
struct bench {
	struct svart_grouper *table;
	struct perf_list list;
	struct svart_page_request burst[BURST]; /**< Requests as a source delivers them. */
	struct row rows[SVART_PERF_MAX_LIST * NR_SHAPES];
	unsigned int nr_rows;
};

/** Fetches a burst, which is not timed. @return how many. */
static uint32_t fetch(struct bench *b, const struct perf_stream *s, uint32_t from, uint32_t to)
{
	uint32_t nr = to - from < BURST ? to - from : BURST, i;

	for (i = 0; i < nr; i++)
		svart_perf_stream_request(s, from + i, &b->burst[i]);
	return nr;
}

/** Adds a burst to the table. @return nanoseconds. */
static uint64_t table_burst(struct bench *b, uint32_t nr)
{
	uint64_t begin = svart_perf_now_ns();
	uint32_t i, first;

	for (i = 0; i < nr; i++)
		if (svart_grouper_add(b->table, &b->burst[i], &first) == 1)
			svart_grouper_release(b->table, first);
	return svart_perf_now_ns() - begin;
}

/** As table_burst(). */
static uint64_t list_burst(struct bench *b, uint32_t nr)
{
	uint64_t begin = svart_perf_now_ns();
	struct perf_list_node *group;
	uint32_t i;

	for (i = 0; i < nr; i++)
		if (svart_perf_list_add(&b->list, &b->burst[i], &group) == 1)
			svart_perf_list_release(&b->list, group);
	return svart_perf_now_ns() - begin;
}

/** Runs items [from, to) in bursts. @return nanoseconds. */
static uint64_t bursts_run(struct bench *b, const struct perf_stream *s, uint32_t from, uint32_t to,
	uint64_t (*burst)(struct bench *b, uint32_t nr))
{
	uint64_t ns = 0;
	uint32_t nr;

	for (; from < to; from += nr) {
		nr = fetch(b, s, from, to);
		ns += burst(b, nr);
	}
	return ns;
}

static uint64_t table_pass(struct bench *b, const struct perf_stream *s)
{
	uint64_t ns;

	bursts_run(b, s, 0, s->nr_before, table_burst);
	ns = bursts_run(b, s, s->nr_before, s->nr, table_burst);
	svart_grouper_drop_partial(b->table);
	return ns;
}

static uint64_t list_pass(struct bench *b, const struct perf_stream *s)
{
	uint64_t ns;

	bursts_run(b, s, 0, s->nr_before, list_burst);
	ns = bursts_run(b, s, s->nr_before, s->nr, list_burst);
	svart_perf_list_drop(&b->list);
	return ns;
}

/** Runs one round: a pass to warm up, then some that count. @return nanoseconds a request. */
static double round_ns(struct bench *b, const struct perf_stream *s,
	uint64_t (*pass)(struct bench *b, const struct perf_stream *s))
{
	uint64_t sum = 0, nr = 0;

	pass(b, s);
	do {
		sum += pass(b, s);
		nr += s->nr - s->nr_before;
	} while (sum < ROUND_NS && nr < (uint64_t)MAX_PASSES * REQUESTS);
	return (double)sum / (double)nr;
}

/** Tells whether a group is the same in both, request by request. */
static bool same_group(
	const struct svart_grouper *table, uint32_t node, const struct perf_list_node *group)
{
	while (node != SVART_GROUP_NONE && group != NULL) {
		if (svart_grouper_request(table, node)->addr != group->request.addr)
			return false;
		node = svart_grouper_next(table, node);
		group = group->next;
	}
	return node == SVART_GROUP_NONE && group == NULL;
}

/** Checks that both make the same groups of a stream: a fast but wrong one is worth nothing. */
static int check(struct bench *b, const struct perf_stream *s)
{
	struct svart_page_request request;
	struct perf_list_node *group;
	bool same = true;
	uint32_t i, first;
	int rc;

	for (i = 0; i < s->nr && same; i++) {
		svart_perf_stream_request(s, i, &request);
		rc = svart_grouper_add(b->table, &request, &first);
		same = rc >= 0 && svart_perf_list_add(&b->list, &request, &group) == rc;
		if (!same || rc == 0)
			continue;
		same = same_group(b->table, first, group);
		svart_grouper_release(b->table, first);
		svart_perf_list_release(&b->list, group);
	}
	svart_grouper_drop_partial(b->table);
	svart_perf_list_drop(&b->list);
	if (same)
		return 0;
	app_say("request %" PRIu32 " of stream %s, groups of %" PRIu32 ", %" PRIu32
		" outstanding: the table and the list do not agree",
		i - 1, s->name, s->group_size, s->outstanding);
	return -EIO;
}

/** Tells a power of two above the number of requests that a stream can have partial at once. */
static uint32_t nodes_for(const struct perf_options *o)
{
	uint32_t nr = MIN_NODES;
	unsigned int i;

	for (i = 0; i < o->outstanding.nr; i++)
		while (nr < 2 * o->outstanding.value[i] + 256)
			nr *= 2;
	return nr;
}

static void bench_close(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < b->nr_rows; i++)
		svart_perf_stream_destroy(&b->rows[i].stream);
	svart_perf_list_fini(&b->list);
	svart_grouper_destroy(b->table);
}

/** Opens the bench. @return 0 or -errno, told; the caller closes it in either case. */
static int bench_open(struct bench *b, const struct perf_options *o)
{
	uint32_t requests = o->quick ? REQUESTS / 4 : REQUESTS;
	int rc = svart_grouper_create(nodes_for(o), &b->table);
	unsigned int i, k;

	if (rc == 0)
		rc = svart_perf_list_init(&b->list, nodes_for(o));
	for (i = 0; i < o->outstanding.nr && rc == 0; i++) {
		for (k = 0; k < NR_SHAPES && rc == 0; k++) {
			rc = svart_perf_stream_create(&b->rows[b->nr_rows].stream, shapes[k].random,
				shapes[k].group_size, o->outstanding.value[i], requests, o->seed);
			b->nr_rows += rc == 0;
		}
	}
	if (rc == -ENOMEM)
		app_say("no memory for the streams: ask for fewer outstanding requests");
	else if (rc != 0)
		svart_perf_say_errno("make the streams", rc);
	for (i = 0; i < b->nr_rows && rc == 0; i++)
		rc = check(b, &b->rows[i].stream);
	return rc;
}

static void measure(struct bench *b, unsigned int rounds)
{
	unsigned int round, i;
	struct row *row;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < b->nr_rows; i++) {
			row = &b->rows[i];
			svart_perf_rounds_add(
				&row->svart_ns, round_ns(b, &row->stream, table_pass));
			svart_perf_rounds_add(&row->list_ns, round_ns(b, &row->stream, list_pass));
		}
	}
}

static double ratio_of(const struct row *row)
{
	return svart_perf_rounds_median(&row->list_ns) / svart_perf_rounds_median(&row->svart_ns);
}

static json_t *row_json(const struct row *row)
{
	/* clang-format off */
	return json_pack("{s:s, s:i, s:i, s:o, s:o, s:o}",
		"stream", row->stream.name,
		"group_size", row->stream.group_size,
		"outstanding", row->stream.outstanding,
		"svart_ns", svart_perf_rounds_real(&row->svart_ns),
		"list_ns", svart_perf_rounds_real(&row->list_ns),
		"ratio", app_json_real(ratio_of(row)));
	/* clang-format on */
}

static int print_json(const struct bench *b, const struct perf_options *o, unsigned int rounds)
{
	json_t *results = json_array();
	unsigned int i;

	for (i = 0; i < b->nr_rows; i++)
		results = app_json_append(results, row_json(&b->rows[i]));
	return app_json_print(json_pack("{s:o, s:o}", "machine",
				      svart_perf_host_json(&o->host, rounds), "results", results),
		SVART_PERF_JSON_FLAGS);
}

static void print_text(const struct bench *b, const struct perf_options *o, unsigned int rounds)
{
	char ratio[SVART_PERF_NUMBER_BYTES];
	const struct row *row;
	unsigned int i;

	svart_perf_host_text(&o->host, rounds);
	printf("%-12s %6s %12s %10s %10s %8s\n", "stream", "group", "outstanding", "svart ns",
		"list ns", "ratio");
	for (i = 0; i < b->nr_rows; i++) {
		row = &b->rows[i];
		printf("%-12s %6" PRIu32 " %12" PRIu32 " %10.1f %10.1f %8s\n", row->stream.name,
			row->stream.group_size, row->stream.outstanding,
			svart_perf_rounds_median(&row->svart_ns),
			svart_perf_rounds_median(&row->list_ns),
			svart_perf_number(ratio_of(row), 1, ratio));
	}
}

static int run(const struct perf_options *o)
{
	unsigned int rounds = svart_perf_rounds(o, USUAL_ROUNDS);
	struct bench *b = calloc(1, sizeof(*b));
	int rc;

	if (b == NULL)
		return svart_perf_say_errno("measure grouping", -ENOMEM);
	rc = bench_open(b, o);
	if (rc == 0) {
		measure(b, rounds);
		if (o->json)
			rc = print_json(b, o, rounds);
		else
			print_text(b, o, rounds);
	}
	bench_close(b);
	free(b);
	return rc;
}

const struct perf_command svart_perf_group = { .name = "group", .run = run };
