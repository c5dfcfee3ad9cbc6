/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-perf ops: what every operation costs: through a queue of a DSA of the software machine, by runtime/ops on the
 * calling thread, and by the library call that programs use for it, in rounds that alternate.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <svart/svart.h>

#include "clock.h"
#include "json_out.h"
#include "message.h"
#include "ops_kinds.h"
#include "options.h"
#include "say.h"
#include "stats.h"

#define SPEC         "model:dsa0"
#define USUAL_ROUNDS 7
/** Operations that are handed over at once, twice of which are under way. */
#define BURST 32u
/** Time that a turn must take. */
#define TURN_NS       UINT64_C(3000000)
#define QUICK_TURN_NS UINT64_C(300000)
#define TURN_MAX      (UINT64_C(1) << 20)

enum { BY_MODEL, BY_CPU, BY_LIBRARY, NR_WAYS };

/** One operation of one size. Owner: the bench. Lifetime: its. Locks: none. */
struct row {
	const struct perf_ops_kind *kind;
	struct svart_op op;
	struct perf_rounds bytes_per_s[NR_WAYS];
};

/** What is measured. Owner: the command. Lifetime: one run. Locks: none. */
struct bench {
	const struct perf_options *o;
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *q;
	struct perf_ops_memory memory, kept; /**< kept: what one way has written. */
	unsigned int nr_rows;
	struct row rows[];
};

/* --- the three ways ----------------------------------------------------------------------------- */

/** Does an operation so many times. @return 0 or -EIO, told. */
static int by_model(
	struct bench *b, const struct row *row, uint64_t nr, struct perf_ops_outcome *out)
{
	struct svart_completion done[BURST];
	struct svart_op ops[BURST];
	uint64_t sent = 0, polled = 0;
	uint16_t n, i;

	for (i = 0; i < BURST; i++)
		ops[i] = row->op;
	while (polled < nr) {
		n = (uint16_t)(nr - sent < BURST ? nr - sent : BURST);
		if (n != 0 && sent - polled <= BURST)
			sent += svart_queue_prep(b->q, ops, n);
		n = svart_queue_wait(b->q, done, BURST, UINT64_MAX);
		for (i = 0; i < n; i++)
			if (done[i].status != SVART_STATUS_OK)
				break;
		if (n == 0 || i != n) {
			app_say("%s on " SPEC ": %s", row->kind->name,
				n == 0 ? "the queue has failed"
				       : svart_status_name(done[i].status));
			return -EIO;
		}
		polled += n;
		*out = (struct perf_ops_outcome){ done[n - 1].result, done[n - 1].delta_bytes };
	}
	return 0;
}

/** @return whether this row can be done this way. */
static bool has_way(const struct row *row, unsigned int way)
{
	return way == BY_MODEL || (way == BY_CPU ? row->kind->cpu : row->kind->library) != NULL;
}

static int do_way(struct bench *b, const struct row *row, unsigned int way, uint64_t nr,
	struct perf_ops_outcome *out)
{
	void (*one)(const struct svart_op *op, struct perf_ops_outcome *out) =
		way == BY_CPU ? row->kind->cpu : row->kind->library;
	uint64_t i;

	*out = (struct perf_ops_outcome){ 0 };
	if (way == BY_MODEL)
		return by_model(b, row, nr, out);
	for (i = 0; i < nr; i++)
		one(&row->op, out);
	return 0;
}

static uint64_t length_of(const struct row *row)
{
	return row->op.length;
}

/** One turn: so often that it takes the time that it must. */
static int turn(struct bench *b, struct row *row, unsigned int way)
{
	uint64_t want = b->o->quick ? QUICK_TURN_NS : TURN_NS, nr = 1, begin, ns;
	struct perf_ops_outcome out;
	int rc;

	for (;; nr *= 4) {
		begin = svart_perf_now_ns();
		rc = do_way(b, row, way, nr, &out);
		ns = svart_perf_now_ns() - begin + 1;
		if (rc != 0)
			return rc;
		if (ns >= want || nr >= TURN_MAX)
			break;
	}
	svart_perf_rounds_add(
		&row->bytes_per_s[way], (double)nr * (double)length_of(row) * 1e9 / (double)ns);
	return 0;
}

/* --- whether all do the same -------------------------------------------------------------------- */

static uint8_t *const *pieces_of(const struct perf_ops_memory *m, unsigned int *nr)
{
	*nr = sizeof(*m) / sizeof(m->src);
	return &m->src;
}

/** Copies all memory, or compares it. */
static void memory_copy(const struct perf_ops_memory *to, const struct perf_ops_memory *from)
{
	unsigned int nr, i;
	uint8_t *const *a = pieces_of(to, &nr), *const *b = pieces_of(from, &nr);

	for (i = 0; i < nr; i++)
		memcpy(a[i], b[i], SVART_PERF_OPS_BYTES);
}

static bool memory_is(const struct perf_ops_memory *x, const struct perf_ops_memory *y)
{
	unsigned int nr, i;
	uint8_t *const *a = pieces_of(x, &nr), *const *b = pieces_of(y, &nr);

	for (i = 0; i < nr; i++)
		if (memcmp(a[i], b[i], SVART_PERF_OPS_BYTES) != 0)
			return false;
	return true;
}

static void memory_clear(const struct perf_ops_memory *m)
{
	memset(m->dst, 0, SVART_PERF_OPS_BYTES);
	memset(m->dst2, 0, SVART_PERF_OPS_BYTES);
	memset(m->delta, 0, SVART_PERF_OPS_BYTES);
}

/** Does an operation once by each way, and compares what came of it. @return 0 or -EIO, told. */
static int check(struct bench *b, struct row *row, uint32_t size)
{
	struct perf_ops_outcome out, first = { 0 };
	unsigned int way;
	int rc = 0;

	for (way = 0; way < NR_WAYS && rc == 0; way++) {
		if (!has_way(row, way))
			continue;
		memory_clear(&b->memory);
		row->kind->make(&b->memory, size, &row->op);
		rc = do_way(b, row, way, 1, &out);
		if (rc == 0 && way == 0) {
			first = out;
			memory_copy(&b->kept, &b->memory);
		} else if (rc == 0 && (memcmp(&out, &first, sizeof(out)) != 0 ||
					      !memory_is(&b->memory, &b->kept))) {
			app_say("%s of %" PRIu64 " bytes: the ways to do it do not agree",
				row->kind->name, length_of(row));
			rc = -EIO;
		}
	}
	return rc;
}

/** One round of one operation: its sources are made anew, which all operations share. */
static int row_round(struct bench *b, struct row *row, uint32_t size)
{
	unsigned int way;
	int rc = 0;

	row->kind->make(&b->memory, size, &row->op);
	for (way = 0; way < NR_WAYS && rc == 0; way++)
		if (has_way(row, way))
			rc = turn(b, row, way);
	return rc;
}

static int measure(struct bench *b, unsigned int rounds)
{
	unsigned int round, i, sizes = b->o->sizes.nr;
	int rc = 0;

	for (i = 0; i < b->nr_rows && rc == 0; i++)
		rc = check(b, &b->rows[i], b->o->sizes.value[i % sizes]);
	for (round = 0; round < rounds && rc == 0; round++)
		for (i = 0; i < b->nr_rows && rc == 0; i++)
			rc = row_round(b, &b->rows[i], b->o->sizes.value[i % sizes]);
	return rc;
}

/* --- life --------------------------------------------------------------------------------------- */

static int memory_map(struct perf_ops_memory *m)
{
	uint8_t **pieces[] = { &m->src, &m->src2, &m->dst, &m->dst2, &m->delta };
	unsigned int i;
	void *area;

	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		area = mmap(NULL, SVART_PERF_OPS_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (area == MAP_FAILED)
			return svart_perf_say_errno("map memory", -errno);
		*pieces[i] = area;
	}
	return 0;
}

static void memory_unmap(const struct perf_ops_memory *m)
{
	unsigned int nr, i;
	uint8_t *const *pieces = pieces_of(m, &nr);

	for (i = 0; i < nr; i++)
		if (pieces[i] != NULL)
			munmap(pieces[i], SVART_PERF_OPS_BYTES);
}

static int device_open(struct bench *b)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	int rc = svart_init(&init, &b->rt);

	if (rc == 0)
		rc = svart_space_create(b->rt, NULL, &b->space);
	if (rc == 0)
		rc = svart_fault_service_create(b->rt, NULL, &b->faults);
	if (rc == 0)
		rc = svart_device_open(b->rt, SPEC, b->space, b->faults, &b->dev);
	if (rc == 0)
		rc = svart_queue_create(b->dev, NULL, &b->q);
	return rc == 0 ? 0 : svart_perf_say_failed("open " SPEC, rc);
}

static void bench_close(struct bench *b)
{
	if (b->q != NULL)
		svart_queue_destroy(b->q);
	if (b->dev != NULL)
		svart_device_close(b->dev);
	if (b->faults != NULL)
		svart_fault_service_destroy(b->faults);
	if (b->space != NULL)
		svart_space_destroy(b->space);
	if (b->rt != NULL)
		svart_fini(b->rt);
	memory_unmap(&b->memory);
	memory_unmap(&b->kept);
	free(b);
}

/** Makes a row for each operation that the device has, and each size. */
static void rows_make(struct bench *b)
{
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();
	const struct perf_ops_kind *kind;
	unsigned int i;

	svart_device_info_get(b->dev, &info);
	for (kind = svart_perf_ops_kinds; kind->name != NULL; kind++)
		for (i = 0; (info.ops >> kind->opcode & 1) != 0 && i < b->o->sizes.nr; i++)
			b->rows[b->nr_rows++].kind = kind;
}

/* --- results ------------------------------------------------------------------------------------ */

static double rate_of(const struct row *row, unsigned int way)
{
	return has_way(row, way) ? svart_perf_rounds_median(&row->bytes_per_s[way]) : (double)NAN;
}

static json_t *rate_json(const struct row *row, unsigned int way)
{
	return has_way(row, way) ? app_json_whole(rate_of(row, way)) : json_null();
}

static json_t *row_json(const struct row *row)
{
	/* clang-format off */
	return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o}",
		"op", row->kind->name,
		"size", (json_int_t)length_of(row),
		"model_bytes_per_s", rate_json(row, BY_MODEL),
		"cpu_bytes_per_s", rate_json(row, BY_CPU),
		"library_bytes_per_s", rate_json(row, BY_LIBRARY),
		"ratio_model_to_cpu", app_json_real(rate_of(row, BY_MODEL) / rate_of(row, BY_CPU)),
		"ratio_cpu_to_library",
			app_json_real(rate_of(row, BY_CPU) / rate_of(row, BY_LIBRARY)));
	/* clang-format on */
}

static int print_json(const struct bench *b, unsigned int rounds)
{
	json_t *results = json_array();
	unsigned int i;

	for (i = 0; i < b->nr_rows; i++)
		results = app_json_append(results, row_json(&b->rows[i]));
	return app_json_print(
		json_pack("{s:o, s:o}", "machine", svart_perf_host_json(&b->o->host, rounds),
			"results", results),
		SVART_PERF_JSON_FLAGS);
}

static void row_text(const struct row *row)
{
	char text[5][SVART_PERF_NUMBER_BYTES];

	printf("%-12s %8" PRIu64 " %9s %9s %9s %10s %12s\n", row->kind->name, length_of(row),
		svart_perf_number(rate_of(row, BY_MODEL) / 1e9, 3, text[0]),
		svart_perf_number(rate_of(row, BY_CPU) / 1e9, 3, text[1]),
		svart_perf_number(rate_of(row, BY_LIBRARY) / 1e9, 3, text[2]),
		svart_perf_number(rate_of(row, BY_MODEL) / rate_of(row, BY_CPU), 2, text[3]),
		svart_perf_number(rate_of(row, BY_CPU) / rate_of(row, BY_LIBRARY), 2, text[4]));
}

static void print_text(const struct bench *b, unsigned int rounds)
{
	unsigned int i;

	svart_perf_host_text(&b->o->host, rounds);
	printf("%-12s %8s %9s %9s %9s %10s %12s\n", "op, GB/s", "size", "model", "cpu", "library",
		"model:cpu", "cpu:library");
	for (i = 0; i < b->nr_rows; i++)
		row_text(&b->rows[i]);
}

static size_t kinds_count(void)
{
	size_t nr = 0;

	while (svart_perf_ops_kinds[nr].name != NULL)
		nr++;
	return nr;
}

static int run(const struct perf_options *o)
{
	unsigned int rounds = svart_perf_rounds(o, USUAL_ROUNDS);
	struct bench *b = calloc(1, sizeof(*b) + kinds_count() * o->sizes.nr * sizeof(b->rows[0]));
	int rc;

	if (b == NULL)
		return svart_perf_say_errno("measure operations", -ENOMEM);
	b->o = o;
	rc = memory_map(&b->memory);
	if (rc == 0)
		rc = memory_map(&b->kept);
	if (rc == 0)
		rc = device_open(b);
	if (rc == 0) {
		rows_make(b);
		rc = measure(b, rounds);
	}
	if (rc == 0 && o->json)
		rc = print_json(b, rounds);
	else if (rc == 0)
		print_text(b, rounds);
	bench_close(b);
	return rc;
}

const struct perf_command svart_perf_ops = { .name = "ops", .run = run };
