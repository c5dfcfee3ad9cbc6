/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * How many page requests are served in a second, and how long each group waits for its answer.
 *
 * Groups have neighbouring pages, at random places. "Resident" pages are mapped for the device already
 * (another device's request, or an earlier one, brought them), so only the answer is to do. "Cold" pages
 * have never been touched: each group makes the kernel find memory, clear it and map it, with no
 * fault-around, so that the window of one group never serves another.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fault.h"
#include "json_out.h"
#include "random.h"
#include "rig.h"
#include "say.h"
#include "stats.h"

#define PAGE UINT64_C(4096)
/** Groups under way of each device. */
#define IN_FLIGHT 8
/** Page requests of one run, all devices together. */
#define RESIDENT_REQUESTS 32768
#define COLD_REQUESTS     8192
/** Limits of the groups of one run: with too few, a percentile means nothing. */
#define MIN_GROUPS 512
#define MAX_GROUPS 8192
#define QUICK_PART 16

static const uint32_t group_sizes[] = { 1, 8, 64 };
static const uint32_t resolver_counts[] = { 0, 1, 2 };

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_DEVICES   4
/** One more than devices, because a single device is also measured with one group under way. */
#define NR_LOADS (MAX_DEVICES + 1)
#define NR_ROWS  (LENGTH(group_sizes) * LENGTH(resolver_counts) * 2 * NR_LOADS)

/** One way to load the service, and its result. Owner: perf_service. Locks: none. */
struct row {
	uint32_t group_size, devices, resolvers, in_flight;
	bool resident;
	struct perf_rounds requests_per_s, p50, p99, max, own_p50, own_p99, maps_per_group;
};

/** Owner: the command. Lifetime: one run of it. Locks: none. */
struct perf_service {
	bool quick;
	uint64_t seed;
	struct row rows[NR_ROWS];
};

/** The data of one run. Owner: the stack. Lifetime: one run. Locks: none. */
struct field {
	uint32_t nr_groups; /**< Groups of each device. */
	uint64_t bytes;     /**< Bytes of all memory. */
	uint8_t *memory;
	uint64_t *addrs;   /**< Addresses: array[nr_groups of all devices]. */
	uint64_t *latency; /**< As above. */
	uint64_t *own;     /**< As above. */
};

static uint32_t groups_of_run(const struct perf_service *s, const struct row *row)
{
	uint32_t nr = (row->resident ? RESIDENT_REQUESTS : COLD_REQUESTS) / row->group_size;

	if (nr < MIN_GROUPS)
		nr = MIN_GROUPS;
	if (nr > MAX_GROUPS)
		nr = MAX_GROUPS;
	return s->quick ? nr / QUICK_PART : nr;
}

/** Lists the groups' places, each once, in random order. */
static void shuffle(struct field *f, uint32_t nr, uint64_t group_bytes, uint64_t *seed)
{
	uint64_t addr;
	uint32_t i, k;

	for (i = 0; i < nr; i++)
		f->addrs[i] = (uintptr_t)f->memory + i * group_bytes;
	for (i = nr - 1; i > 0; i--) {
		k = (uint32_t)(svart_perf_random(seed) % (i + 1));
		addr = f->addrs[i];
		f->addrs[i] = f->addrs[k];
		f->addrs[k] = addr;
	}
}

static void field_free(struct field *f)
{
	if (f->memory != NULL)
		munmap(f->memory, f->bytes);
	free(f->addrs);
	free(f->latency);
	free(f->own);
}

static int field_make(struct perf_service *s, const struct row *row, struct field *f)
{
	uint64_t group_bytes = row->group_size * PAGE;
	uint32_t nr;

	f->nr_groups = groups_of_run(s, row) / row->devices;
	nr = f->nr_groups * row->devices;
	f->bytes = nr * group_bytes;
	f->memory = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (f->memory == MAP_FAILED)
		f->memory = NULL;
	f->addrs = calloc(nr, sizeof(*f->addrs));
	f->latency = calloc(nr, sizeof(*f->latency));
	f->own = calloc(nr, sizeof(*f->own));
	if (f->memory == NULL || f->addrs == NULL || f->latency == NULL || f->own == NULL) {
		field_free(f);
		svart_perf_say_errno("measure page requests", -ENOMEM);
		return -ENOMEM;
	}
	/* If huge pages are on for all memory, those of one group would serve the next. */
	madvise(f->memory, f->bytes, MADV_NOHUGEPAGE);
	shuffle(f, nr, group_bytes, &s->seed);
	return 0;
}

static void row_count(struct row *row, struct field *f, uint64_t ns, uint64_t maps)
{
	uint32_t nr = f->nr_groups * row->devices;

	svart_perf_sort(f->latency, nr);
	svart_perf_sort(f->own, nr);
	svart_perf_rounds_add(&row->requests_per_s, 1e9 * nr * row->group_size / (double)ns);
	svart_perf_rounds_add(&row->p50, (double)svart_perf_quantile(f->latency, nr, 500));
	svart_perf_rounds_add(&row->p99, (double)svart_perf_quantile(f->latency, nr, 990));
	svart_perf_rounds_add(&row->max, (double)f->latency[nr - 1]);
	svart_perf_rounds_add(&row->own_p50, (double)svart_perf_quantile(f->own, nr, 500));
	svart_perf_rounds_add(&row->own_p99, (double)svart_perf_quantile(f->own, nr, 990));
	svart_perf_rounds_add(&row->maps_per_group, (double)maps / nr);
}

/** Runs a row on a rig that fits it. */
static int rig_measure(struct row *row, struct perf_rig *rig, struct field *f)
{
	struct perf_requester_job jobs[MAX_DEVICES];
	uint64_t begin = (uintptr_t)f->memory, ns, maps;
	uint32_t i;
	int rc = 0;

	if (row->resident)
		rc = svart_space_resolve(rig->space, begin, begin + f->bytes,
			SVART_ACCESS_READ | SVART_ACCESS_WRITE);
	if (rc != 0)
		return svart_perf_say_errno("map memory for the requesters", rc);
	for (i = 0; i < row->devices; i++)
		jobs[i] = (struct perf_requester_job){
			.addrs = f->addrs + i * f->nr_groups,
			.nr_groups = f->nr_groups,
			.group_size = row->group_size,
			.in_flight = row->in_flight,
			.write = true,
			.latency_ns = f->latency + i * f->nr_groups,
			.own_ns = f->own + i * f->nr_groups,
		};
	maps = svart_perf_map_timer_maps(&rig->timer);
	rc = svart_perf_rig_run(rig, jobs, row->devices, &ns);
	if (rc == 0)
		row_count(row, f, ns, svart_perf_map_timer_maps(&rig->timer) - maps);
	return rc;
}

static int row_measure(struct perf_service *s, struct row *row)
{
	struct perf_rig_params params = {
		.nr_devices = row->devices,
		.resolvers = row->resolvers,
		.space = { .pin_limit_bytes = UINT64_C(1) << 40, .fault_around_bytes = PAGE },
	};
	struct field f = { 0 };
	struct perf_rig *rig;
	int rc = field_make(s, row, &f);

	if (rc != 0)
		return rc;
	rc = svart_perf_rig_create(&params, &rig);
	if (rc == 0) {
		rc = rig_measure(row, rig, &f);
		svart_perf_rig_destroy(rig);
	}
	field_free(&f);
	return rc;
}

static void rows_list(struct perf_service *s)
{
	struct row *row = s->rows;
	size_t size, run, load;
	int cold;

	for (cold = 0; cold < 2; cold++) {
		for (run = 0; run < LENGTH(resolver_counts); run++) {
			for (size = 0; size < LENGTH(group_sizes); size++) {
				for (load = 0; load < NR_LOADS; load++)
					*row++ = (struct row){
						.group_size = group_sizes[size],
						.devices = load == 0 ? 1 : (uint32_t)load,
						.resolvers = resolver_counts[run],
						.in_flight = load == 0 ? 1 : IN_FLIGHT,
						.resident = cold == 0,
					};
			}
		}
	}
}

int svart_perf_service_measure(
	const struct perf_options *o, unsigned int rounds, struct perf_service **out)
{
	struct perf_service *s = calloc(1, sizeof(*s));
	unsigned int round;
	size_t i;
	int rc = 0;

	if (s == NULL)
		return svart_perf_say_errno("measure page requests", -ENOMEM);
	s->quick = o->quick;
	s->seed = o->seed;
	rows_list(s);
	for (round = 0; round < rounds && rc == 0; round++)
		for (i = 0; i < NR_ROWS && rc == 0; i++)
			rc = row_measure(s, &s->rows[i]);
	if (rc != 0)
		svart_perf_service_free(s);
	else
		*out = s;
	return rc;
}

static json_t *row_json(const struct row *row)
{
	/* clang-format off */
	return json_pack("{s:i, s:i, s:b, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"group_size", row->group_size,
		"devices", row->devices,
		"resident", row->resident,
		"resolvers", row->resolvers,
		"in_flight", row->in_flight,
		"requests_per_s", svart_perf_rounds_whole(&row->requests_per_s),
		"p50_ns", svart_perf_rounds_whole(&row->p50),
		"p99_ns", svart_perf_rounds_whole(&row->p99),
		"max_ns", app_json_whole(svart_perf_rounds_max(&row->max)),
		"own_p50_ns", svart_perf_rounds_whole(&row->own_p50),
		"own_p99_ns", svart_perf_rounds_whole(&row->own_p99),
		"maps_per_group", app_json_real(svart_perf_rounds_median(&row->maps_per_group)));
	/* clang-format on */
}

json_t *svart_perf_service_json(const struct perf_service *s)
{
	json_t *rows = json_array();
	const struct row *row;

	for (row = s->rows; row < s->rows + NR_ROWS; row++)
		rows = app_json_append(rows, row_json(row));
	return rows;
}

void svart_perf_service_text(const struct perf_service *s)
{
	const struct row *row;

	printf("%-9s %9s %6s %8s %9s %12s %9s %9s %11s %9s\n", "pages", "resolvers", "group",
		"devices", "in flight", "requests/s", "p50 ns", "p99 ns", "max ns", "own p50");
	for (row = s->rows; row < s->rows + NR_ROWS; row++)
		printf("%-9s %9" PRIu32 " %6" PRIu32 " %8" PRIu32 " %9" PRIu32
		       " %12.0f %9.0f %9.0f %11.0f %9.0f\n",
			row->resident ? "resident" : "cold", row->resolvers, row->group_size,
			row->devices, row->in_flight,
			svart_perf_rounds_median(&row->requests_per_s),
			svart_perf_rounds_median(&row->p50), svart_perf_rounds_median(&row->p99),
			svart_perf_rounds_max(&row->max), svart_perf_rounds_median(&row->own_p50));
	putchar('\n');
}

void svart_perf_service_free(struct perf_service *s)
{
	free(s);
}
