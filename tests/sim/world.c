/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "world.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"
#include "machines.h"
#include "dsa_model.h"
#include "engine.h"
#include "model.h"
#include "model_state.h"
#include "space.h"

/**
 * Steps of one device without progress after which its operations are stuck: all that a DSA of the model
 * takes before it gives up on a page, and as much again, since which device steps is drawn.
 */
#define MAX_STEPS (UINT64_C(2) * DSA_MAX_FAULT_TRIES * (UINT64_C(2) << DSA_MAX_REST_SHIFT))
/**
 * Rounds after which nothing will move any more: devices have nothing to do, not even to rest, the
 * service has looked each time, without an answer, and seconds have gone by. Its calls fail in one round
 * of five at most.
 */
#define MAX_STILL_ROUNDS 400
/** Rounds without progress after which devices take twice the steps in each: they rest for thousands. */
#define DOUBLING_ROUNDS 256
#define MAX_DOUBLINGS   7
/** Polls after which a queue of a reset device must have found that out (pmd/dsa: 64 Ki). */
#define MAX_DEAD_POLLS 200000u
/** Deadlines are up to 2^11 times as long: of few steps of the devices, which take 1 us each, up to 8 ms. */
#define SHORTEST_DEADLINE_NS UINT64_C(4000)

typedef unsigned long long ull;

/* --- chance in the form of a world --------------------------------------------------------------- */

static void draw_weather(struct sim_world *w)
{
	struct sim_random *r = &w->random;
	struct sim_weather *weather = &w->machine.weather;

	if (sim_chance(r, 600))
		weather->step = sim_between(r, 10, 500);
	if (sim_chance(r, 150))
		weather->fail_map = sim_between(r, 5, 200);
	if (sim_chance(r, 300))
		weather->busy = sim_between(r, 5, 200);
	if (sim_chance(r, 300))
		weather->partial = sim_between(r, 50, 500);
	if (sim_chance(r, 120))
		weather->surprise = sim_between(r, 2, 30);
}

/** Most worlds have no injection; there is more to see of one kind alone than of all at once. */
static void draw_injection(struct sim_world *w)
{
	uint32_t draw = sim_below(&w->random, 1000);

	w->injection = draw < 600 ? SIM_INJECT_NONE : draw < 820 ? SIM_INJECT_ONE : SIM_INJECT_SOME;
	w->idle_permille = sim_chance(&w->random, 150) ? sim_between(&w->random, 500, 980) : 0;
}

/** What can be injected, and the highest rate at which programs still get on. */
static const struct {
	const char *name;
	uint32_t most;
} injections[] = {
	{ "lose_last", 300 },
	{ "duplicate", 1000 },
	{ "reorder", 1000 },
	{ "delay", 1000 },
	{ "overflow", 400 },
	{ "invalid", 300 },
	{ "slow_answer", 1000 },
	{ "enomem", 400 },
	{ "reset", 50 },
};

#define NR_INJECTIONS (sizeof(injections) / sizeof(injections[0]))

/** Adds one to a device's options. */
static void inject(struct sim_world *w, uint32_t which, uint32_t most, char *spec, size_t len)
{
	size_t at = strlen(spec);

	if (most > injections[which].most)
		most = injections[which].most;
	snprintf(spec + at, len - at, "%s%s:%u",
		strstr(spec, ",inject=") != NULL ? "+" : ",inject=", injections[which].name,
		sim_between(&w->random, 1, most));
	w->injects_enomem |= strcmp(injections[which].name, "enomem") == 0;
	w->injects_reset |= strcmp(injections[which].name, "reset") == 0;
}

static void draw_inject(struct sim_world *w, char *spec, size_t len)
{
	struct sim_random *r = &w->random;
	uint32_t i, most = sim_chance(r, 500) ? 30 : 1000;

	if (w->injection == SIM_INJECT_NONE)
		return;
	if (w->injection == SIM_INJECT_ONE) {
		inject(w, sim_below(r, NR_INJECTIONS), most, spec, len);
		return;
	}
	for (i = 0; i < NR_INJECTIONS; i++) {
		if (sim_chance(r, 350))
			inject(w, i, sim_chance(r, 700) ? 100 : most, spec, len);
	}
}

/** Where its page requests come from, and how they are handled. */
static void draw_faults(struct sim_world *w, const struct sim_device *d, char *spec, size_t len)
{
	static const char *const ways[] = { "", "", "", ",iommu=smmu", ",faults=raw",
		",faults=raw,private=30", ",faults=raw,private=100", ",faults=raw,iommu=smmu",
		",faults=raw,iommu=smmu,pri=on" };
	const char *way = ways[sim_below(&w->random, sizeof(ways) / sizeof(ways[0]))];
	bool eager = sim_chance(&w->random, 400);

	if (!d->has_faults)
		way = ",faults=off";
	w->machine.stalls |= strstr(way, "iommu=smmu") != NULL;
	snprintf(spec, len, "%s%s", way, eager && d->has_faults ? ",fault_mode=eager" : "");
}

/** What a device can do: its version, and operations that it lacks. */
static void draw_abilities(struct sim_world *w, struct sim_device *d, char *spec, size_t len)
{
	/*
	 * All: a block of 4104 bytes, with 8 more, is in 3 pages, in source and destination. None with delta
	 * records or protection information: dualcast has three operands. Copy and fill.
	 */
	static const struct {
		const char *option;
		uint32_t step_pages; /* Of what is left, the operation that touches most at once. */
	} some[] = { { "", 6 }, { "", 6 }, { "", 6 }, { "", 6 }, { ",opcap=0x10003027f", 3 },
		{ ",opcap=0x1f", 2 } };
	uint32_t which = sim_below(&w->random, sizeof(some) / sizeof(some[0]));
	const char *version = sim_chance(&w->random, 500) ? ",version=2" : "";
	const char *overlap = sim_chance(&w->random, 150) ? ",overlap=off" : "";

	d->step_pages = some[which].step_pages;
	snprintf(spec, len, "%s%s%s", version, overlap, some[which].option);
}

static void draw_dsa(struct sim_world *w, struct sim_device *d, uint32_t nr)
{
	struct sim_random *r = &w->random;
	uint32_t queues = sim_between(r, 1, 4), wqs = sim_between(r, queues, 8);
	uint32_t groups = sim_between(r, 1, 4), size = sim_between(r, 8, 64);
	uint32_t engines = sim_between(r, 1, 4),
		 each = sim_chance(r, 500) ? sim_between(r, 1, engines) : 1;
	uint32_t used = queues < groups ? queues : groups;
	int len;

	/* A group has so many engines, and one queue at least. */
	used = used < engines / each ? used : engines / each;
	d->engines = used * each;
	d->prg_pages = sim_chance(r, 300) ? 1 : sim_between(r, 2, 16);
	d->has_faults = sim_chance(r, 850);
	snprintf(d->name, sizeof(d->name), "model:dsa%u", nr % 8);
	len = snprintf(d->spec, sizeof(d->spec),
		"model:dsa%u,queues=%u,wqs=%u,engines=%u,groups=%u,wq_size_total=%u,prg_pages=%u",
		nr % 8, queues, wqs, engines, groups, size, d->prg_pages);
	if (each != 1)
		len += snprintf(
			d->spec + len, sizeof(d->spec) - (size_t)len, ",queue_engines=%u", each);
	if (sim_chance(r, 600))
		len += snprintf(d->spec + len, sizeof(d->spec) - (size_t)len, ",prg_rate=%u",
			sim_between(r, 1, 3));
	if (sim_chance(r, 600))
		len += snprintf(d->spec + len, sizeof(d->spec) - (size_t)len, ",burst=%u",
			sim_between(r, 1, 3));
	if (sim_chance(r, 500)) {
		d->pasids[d->home] = sim_between(r, 1, 40);
		len += snprintf(d->spec + len, sizeof(d->spec) - (size_t)len, ",pasid=%u",
			d->pasids[d->home]);
	}
	if (sim_chance(r, 300))
		len += snprintf(d->spec + len, sizeof(d->spec) - (size_t)len, ",prg_rest=off");
	if (sim_chance(r, 300))
		len += snprintf(d->spec + len, sizeof(d->spec) - (size_t)len, ",prg_ahead=always");
	draw_abilities(w, d, d->spec + len, sizeof(d->spec) - (size_t)len);
	len = (int)strlen(d->spec);
	draw_faults(w, d, d->spec + len, sizeof(d->spec) - (size_t)len);
	draw_inject(w, d->spec, sizeof(d->spec));
}

static void draw_device(struct sim_world *w, uint32_t nr)
{
	struct sim_device *d = &w->devices[nr];

	d->home = sim_below(&w->random, w->nr_spaces);
	d->is_edu = sim_chance(&w->random, 100);
	if (!d->is_edu) {
		draw_dsa(w, d, nr);
		return;
	}
	snprintf(d->name, sizeof(d->name), "model:edu%u", nr % 4);
	snprintf(d->spec, sizeof(d->spec), "model:edu%u,dma_mask_bits=64", nr % 4);
}

static bool has_both_kinds(const struct sim_world *w)
{
	uint32_t i, with = 0;

	for (i = 0; i < w->nr_devices; i++)
		with += w->devices[i].has_faults;
	return with != 0 && with != w->nr_devices;
}

/* --- making it ----------------------------------------------------------------------------------- */

static void must(struct sim_world *w, int rc, const char *what)
{
	if (rc != 0)
		sim_fail(w->trace, "%s: %d, %s", what, rc, svart_error_text());
}

static uint32_t count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint32_t nr = 0;

	while (readdir(dir) != NULL)
		nr++;
	closedir(dir);
	return nr;
}

static int locate(struct svart_machine *m, const char *name, const char *options, char address[16])
{
	struct sim_machine *s = (struct sim_machine *)m;
	int rc;

	sim_threads_hold();
	rc = svart_machine_model.locate(s->inner, name, options, address);
	sim_threads_release();
	if (rc == 0)
		sim_machine_located(s, address);
	return rc;
}

static void keep(struct svart_machine *m)
{
	(void)m; /* The world ends the model itself, after a look at what is left in it. */
}

/** Puts the watched machine in the model's place. */
static void replace_machine(struct sim_world *w)
{
	struct svart_machine_slot *slot = svart_machines_find(w->rt, "model");

	w->class = *slot->class;
	w->class.locate = locate;
	w->class.destroy = keep;
	slot->class = &w->class;
	slot->m = &w->machine.base;
}

/** Somebody else does something in the middle of a call. */
static void surprise(void *arg)
{
	struct sim_world *w = arg;
	struct sim_device *d = &w->devices[sim_below(&w->random, w->nr_devices)];

	sim_device_reset(w, d);
}

/** Worlds that end in the same place have gone the same way: what was drawn, counted and timed says so. */
static void tell_end(struct sim_world *w)
{
	const struct sim_machine *s = &w->machine;
	struct svart_machine *m = s->inner;

	sim_event(w->trace,
		"the end: %llu ns, %llu completions, %llu expired, %llu unmaps, %llu answers, last "
		"draws %#llx "
		"and %#llx",
		(ull)m->ops->now_ns(m), (ull)w->completed, (ull)w->expired, (ull)s->unmaps,
		(ull)s->answers, (ull)sim_random(&w->random),
		(ull)svart_seed_draw(&svart_model_of(m)->seed, UINT64_MAX));
}

/** Whether the program keeps a range from devices just now. */
static bool is_covered(void *arg, uint64_t addr, uint64_t len)
{
	return sim_invalidate_covers(arg, addr, len);
}

static void make_machine(struct sim_world *w)
{
	struct svart_machine *inner;
	char options[64];

	snprintf(options, sizeof(options), "step=manual,vmas=checked,seed=%llu",
		(ull)sim_random(&w->random));
	must(w, svart_model_create(options, &inner), "svart_model_create");
	sim_machine_init(&w->machine, inner, w->trace, &w->random, &w->memory);
	w->machine.maps.old_kernel = sim_chance(&w->random, 200);
	w->machine.surprise = surprise;
	w->machine.arg = w;
}

/** Who runs the service: the program, or threads, with a deadline or without. */
static struct svart_fault_params draw_service(struct sim_world *w)
{
	struct sim_random *r = &w->random;
	struct svart_fault_params p = SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_INLINE,
		.max_requests = 256u << sim_below(r, 2));

	w->threads = sim_chance(r, 400);
	if (!w->threads)
		return p;
	p.run = SVART_FAULT_RUN_THREAD;
	p.resolvers = sim_chance(r, 200) ? 0 : sim_between(r, 1, 3);
	w->deadlines = p.resolvers != 0 && sim_chance(r, 250);
	if (w->deadlines)
		p.deadline_ns = SHORTEST_DEADLINE_NS << sim_below(r, 12);
	return p;
}

static bool step_alone(void *arg)
{
	struct sim_world *w = arg;

	return sim_machine_step_alone(&w->machine);
}

static int poll_now(void *arg, struct pollfd *fds, unsigned int nr)
{
	struct svart_machine *m = ((struct sim_world *)arg)->machine.inner;
	int rc;

	sim_threads_hold();
	rc = m->ops->poll(m, fds, nr, 0);
	sim_threads_release();
	return rc;
}

static uint64_t now_ns(void *arg)
{
	struct svart_machine *m = &((struct sim_world *)arg)->machine.base;

	return m->ops->now_ns(m);
}

static void make_service(struct sim_world *w)
{
	const struct sim_threads_world world = {
		.arg = w, .step = step_alone, .poll = poll_now, .now_ns = now_ns
	};
	struct svart_fault_params params = draw_service(w);

	if (w->threads)
		sim_threads_start(&world, w->trace, sim_random(&w->random));
	sim_event(w->trace, "service: %s, %u resolvers, deadline %llu ns",
		w->threads ? "threads" : "inline", params.resolvers, (ull)params.deadline_ns);
	must(w, svart_fault_service_create(w->rt, &params, &w->faults),
		"svart_fault_service_create");
}

uint64_t sim_expired(const struct sim_world *w)
{
	const struct svart_fault_counters *n;
	uint64_t nr = 0;
	uint32_t i;

	for (i = 0; w->deadlines && i < SVART_FAULT_MAX_SOURCES; i++) {
		n = atomic_load_explicit(&w->faults->lanes[i].counters, memory_order_relaxed);
		if (n != NULL)
			nr += n->deadlines + n->dropped;
	}
	return nr;
}

static uint64_t expired(void *arg)
{
	return sim_expired(arg);
}

static void make_runtime(struct sim_world *w)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	struct svart_space_params params;
	uint32_t i;

	must(w, svart_init(&init, &w->rt), "svart_init");
	replace_machine(w);
	make_service(w);
	w->machine.expired = expired;
	for (i = 0; i < w->nr_spaces; i++) {
		params = sim_budget_draw(w, &w->spaces[i]);
		must(w, svart_space_create(w->rt, &params, &w->spaces[i].space),
			"svart_space_create");
		sim_event(w->trace, "space %u: %llu pages, %u chunks, fault-around %llu pages", i,
			(ull)params.pin_limit_bytes / SIM_PAGE, params.max_chunks,
			(ull)params.fault_around_bytes / SIM_PAGE);
	}
}

void sim_world_init(struct sim_world *w, uint64_t seed, struct sim_trace *trace)
{
	uint32_t i;

	w->seed = seed;
	w->trace = trace;
	w->random.state = seed;
	w->fds = count_fds();
	sim_memory_init(&w->memory, trace, &w->random);
	make_machine(w);
	draw_weather(w);
	draw_injection(w);
	w->nr_spaces = sim_between(&w->random, 1, SIM_MAX_SPACES);
	w->nr_devices = sim_between(&w->random, 1, SIM_MAX_DEVICES);
	for (i = 0; i < w->nr_devices; i++)
		draw_device(w, i);
	w->mixed = has_both_kinds(w);
	w->machine.covered = is_covered;
	w->machine.may_put_off = w->mixed;
	make_runtime(w);
	for (i = 0; i < w->nr_devices; i++)
		sim_device_open(w, &w->devices[i]);
}

/* --- devices and queues -------------------------------------------------------------------------- */

/** Whether a control call may fail: for want of memory, or by a reset. */
static bool may_fail(const struct sim_world *w)
{
	return w->machine.weather.fail_map != 0 || w->machine.weather.surprise != 0 ||
	       w->injects_enomem || w->injects_reset;
}

/** A control call has returned rc, for which there is room in its space, or not. */
static void told(
	struct sim_world *w, int rc, const char *what, const char *whom, bool fits, bool was_reset)
{
	sim_event(w->trace, "%s %s: %d", what, whom, rc);
	if (rc == -ENOSPC ? fits : rc != 0 && !may_fail(w) && !was_reset)
		sim_fail(w->trace, "%s %s: %d, %s", what, whom, rc, svart_error_text());
	if (rc == 0 && !fits)
		sim_fail(w->trace, "%s %s: done, and there is no room for it", what, whom);
}

void sim_device_open(struct sim_world *w, struct sim_device *d)
{
	bool fits = sim_budget_fits(w, d->home, d, 0);
	int rc;

	if (d->dev != NULL)
		return;
	d->reset = false;
	rc = svart_device_open(w->rt, d->spec, w->spaces[d->home].space,
		d->has_faults ? w->faults : NULL, &d->dev);
	told(w, rc, "open", d->spec, fits, false);
	if (rc != 0) {
		d->dev = NULL;
		return;
	}
	memcpy(d->address, w->machine.last_address, sizeof(d->address));
	d->resets = sim_device_injected(w, d, "reset");
	d->cdev = w->machine.last_cdev;
	d->info = (struct svart_device_info)SVART_DEVICE_INFO_INIT();
	svart_device_info_get(d->dev, &d->info);
	sim_queue_create(w, d);
}

void sim_device_close(struct sim_world *w, struct sim_device *d)
{
	uint32_t i;
	int rc;

	if (d->dev == NULL)
		return;
	for (i = 0; i < SIM_MAX_QUEUES; i++) {
		if (w->queues[i].q != NULL && w->queues[i].dev == d)
			sim_queue_destroy(w, &w->queues[i]);
	}
	sim_event(w->trace, "close %s", d->name);
	rc = svart_device_close(d->dev);
	must(w, rc, "svart_device_close");
	d->dev = NULL;
	for (i = 0; i < SIM_MAX_SPACES; i++) {
		if (i != d->home)
			d->pasids[i] = 0;
	}
}

void sim_device_attach(struct sim_world *w, struct sim_device *d)
{
	uint32_t space = sim_below(&w->random, w->nr_spaces),
		 pasid = sim_between(&w->random, 1, 40);
	uint32_t i;
	int rc, must_be = 0;

	if (d->dev == NULL)
		return;
	for (i = 0; i < SIM_MAX_SPACES; i++) {
		if (d->pasids[i] == pasid || d->pasids[space] != 0)
			must_be = -EEXIST;
	}
	if (must_be == 0 && !sim_budget_fits(w, space, d, 0))
		must_be = -ENOSPC;
	if (d->pasids[d->home] == 0)
		must_be = -EINVAL;
	rc = svart_device_attach(d->dev, w->spaces[space].space, pasid);
	sim_event(w->trace, "attach %s to space %u by pasid %u: %d", d->name, space, pasid, rc);
	if (rc != must_be && (rc == 0 || rc == -ENOSPC || !may_fail(w)))
		sim_fail(w->trace, "attach: %d, and must be %d: %s", rc, must_be,
			svart_error_text());
	if (rc == 0)
		d->pasids[space] = pasid;
}

void sim_device_detach(struct sim_world *w, struct sim_device *d)
{
	uint32_t space = sim_below(&w->random, w->nr_spaces), i;
	bool destroy = sim_chance(&w->random, 700), has_queue = false;
	int rc, must_be;

	if (d->dev == NULL)
		return;
	for (i = 0; i < SIM_MAX_QUEUES && space != d->home; i++) {
		if (w->queues[i].q == NULL || w->queues[i].dev != d || w->queues[i].space != space)
			continue;
		if (destroy)
			sim_queue_destroy(w, &w->queues[i]);
		else
			has_queue = true;
	}
	must_be = space == d->home || d->pasids[space] == 0 ? -ENOENT : has_queue ? -EBUSY : 0;
	rc = svart_device_detach(d->dev, w->spaces[space].space);
	sim_event(w->trace, "detach %s from space %u: %d", d->name, space, rc);
	if (rc != must_be)
		sim_fail(w->trace, "detach: %d, and must be %d", rc, must_be);
	if (rc == 0)
		d->pasids[space] = 0;
}

void sim_device_reset(struct sim_world *w, struct sim_device *d)
{
	/* edu has no reset, and cannot tell a transfer that was ended from one that is done. */
	if (d->dev == NULL || d->is_edu)
		return;
	d->reset = true;
	w->was_reset = true;
	sim_machine_reset(&w->machine, d->cdev);
}

bool sim_device_was_reset(const struct sim_world *w, const struct sim_device *d)
{
	return d->reset || (w->injects_reset && sim_device_injected(w, d, "reset") != d->resets);
}

uint64_t sim_device_injected(
	const struct sim_world *w, const struct sim_device *d, const char *name)
{
	uint64_t nr;

	if (d->address[0] == '\0')
		return 0;
	sim_threads_hold();
	nr = svart_model_injected(w->machine.inner, d->address, name);
	sim_threads_release();
	return nr;
}

static struct sim_queue *find_queue_place(struct sim_world *w)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_QUEUES; i++) {
		if (w->queues[i].q == NULL)
			return &w->queues[i];
	}
	return NULL;
}

/** The first queue of a device that was reset brings it to life. */
static void note_revival(struct sim_world *w, struct sim_device *d)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_QUEUES; i++)
		if (w->queues[i].q != NULL && w->queues[i].dev == d)
			return;
	d->reset = false;
	d->resets = sim_device_injected(w, d, "reset");
}

void sim_queue_create(struct sim_world *w, struct sim_device *d)
{
	struct sim_queue *q = find_queue_place(w);
	uint32_t space =
		sim_chance(&w->random, 500) ? d->home : sim_below(&w->random, w->nr_spaces);
	struct svart_queue_params params = SVART_QUEUE_PARAMS_INIT(.space = w->spaces[space].space);
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();
	struct svart_queue *made;
	uint32_t pages;
	bool fits;
	int rc;

	if (q == NULL || d->dev == NULL || (space != d->home && d->pasids[space] == 0))
		return;
	svart_device_info_get(d->dev, &info);
	if (info.nr_queues_free == 0)
		return;
	params.depth = sim_between(&w->random, 1, info.queue_depth);
	if (sim_chance(&w->random, 300))
		params.flags |= SVART_QUEUE_UNORDERED;
	if ((info.features & SVART_FEATURE_BATCHES) != 0 && sim_chance(&w->random, 300))
		params.flags |= SVART_QUEUE_BATCHES;
	pages = sim_budget_queue(params.depth, params.flags);
	fits = sim_budget_fits(w, space, NULL, pages);
	rc = svart_queue_create(d->dev, &params, &made);
	told(w, rc, "queue of", d->name, fits, sim_device_was_reset(w, d));
	if (rc != 0)
		return;
	note_revival(w, d);
	q->q = made;
	q->dev = d;
	q->space = space;
	q->depth = params.depth;
	q->pages = pages;
	q->unordered = (params.flags & SVART_QUEUE_UNORDERED) != 0;
	q->batches = (params.flags & SVART_QUEUE_BATCHES) != 0;
	q->next_prep = 0;
	q->failed = q->fence_failed = false;
	sim_event(w->trace, "q%ld: on %s, space %u, depth %u, flags %u", (long)(q - w->queues),
		d->name, space, q->depth, params.flags);
}

void sim_queue_destroy(struct sim_world *w, struct sim_queue *q)
{
	if (q->q == NULL)
		return;
	sim_event(w->trace, "destroy q%ld with %u in flight", (long)(q - w->queues),
		svart_queue_in_flight(q->q));
	must(w, svart_queue_destroy(q->q), "svart_queue_destroy");
	sim_ops_lose(w, q);
	q->q = NULL;
}

/* --- going on ------------------------------------------------------------------------------------ */

bool sim_step(struct sim_world *w)
{
	return sim_machine_step(&w->machine);
}

enum sim_pumped sim_pump(struct sim_world *w)
{
	if (w->idle_permille != 0 && sim_chance(&w->random, w->idle_permille))
		return SIM_NOT_PUMPED;
	if (w->threads)
		return sim_threads_yield() ? SIM_PUMPED : SIM_PUMPED_NOTHING;
	return svart_fault_pump(w->faults) > 0 ? SIM_PUMPED : SIM_PUMPED_NOTHING;
}

static uint32_t poll_queue(struct sim_world *w, struct sim_queue *q)
{
	struct svart_completion done[8];
	uint16_t n = svart_queue_poll(q->q, done, (uint16_t)sim_between(&w->random, 1, 8)), i;

	for (i = 0; i < n; i++)
		sim_op_judge(w, q, &done[i]);
	if (svart_queue_in_flight(q->q) != sim_ops_in_flight(w, q))
		sim_fail(w->trace, "q%ld: %u in flight, and must be %u", (long)(q - w->queues),
			svart_queue_in_flight(q->q), sim_ops_in_flight(w, q));
	return n;
}

uint32_t sim_poll_all(struct sim_world *w)
{
	uint32_t i, n = 0;

	for (i = 0; i < SIM_MAX_QUEUES; i++) {
		if (w->queues[i].q == NULL)
			continue;
		svart_queue_submit(w->queues[i].q);
		n += poll_queue(w, &w->queues[i]);
	}
	return n;
}

void sim_poll_dead(struct sim_world *w)
{
	struct svart_completion done;
	uint32_t i, n;

	for (i = 0; i < SIM_MAX_QUEUES; i++) {
		struct sim_queue *q = &w->queues[i];

		if (q->q == NULL || !sim_device_was_reset(w, q->dev) ||
			sim_ops_in_flight(w, q) == 0)
			continue;
		for (n = 0; sim_ops_in_flight(w, q) != 0 && n < MAX_DEAD_POLLS; n++) {
			if (svart_queue_poll(q->q, &done, 1) != 0)
				sim_op_judge(w, q, &done);
			else if (n % 1000 == 999)
				svart_queue_submit(q->q);
		}
		if (n == MAX_DEAD_POLLS)
			sim_fail(w->trace, "q%u of a device that was reset never says so", i);
		if (svart_queue_poll(q->q, &done, 1) != 0)
			sim_op_judge(w, q, &done);
	}
}

/** Whether a device waits for an answer. */
static bool any_asked(struct sim_world *w, const void *arg)
{
	struct svart_model_stats stats;

	(void)arg;
	sim_threads_hold();
	svart_model_stats_get(w->machine.inner, &stats);
	sim_threads_release();
	return stats.page_requests_open != 0;
}

/** How long nothing has got on. Owner: the stack. */
struct patience {
	uint64_t progress; /**< Of the devices, as last seen. */
	uint64_t steps;    /**< Since it changed, or something completed. */
	uint32_t rounds;   /**< The same. */
	uint32_t still;    /**< Rounds in a row in which nothing moved at all. */
};

/** Fails if what is awaited will never come. */
static void lose_patience(struct sim_world *w, const struct patience *p)
{
	if (p->still < MAX_STILL_ROUNDS && p->steps < w->nr_devices * MAX_STEPS)
		return;
	sim_fail(w->trace, "stuck: %u operations, page requests %s, and devices %s",
		sim_ops_in_flight(w, NULL), any_asked(w, NULL) ? "open" : "answered",
		p->still < MAX_STILL_ROUNDS ? "move and get nowhere" : "wait for nothing");
}

/** One round of waiting: devices step, and the program may pump. */
static void wait_round(struct sim_world *w, struct patience *p)
{
	uint32_t doublings = p->rounds / DOUBLING_ROUNDS;
	uint64_t progress = sim_machine_progress(&w->machine), i;
	bool moved = false;

	if (progress != p->progress)
		*p = (struct patience){ .progress = progress };
	if (doublings > MAX_DOUBLINGS)
		doublings = MAX_DOUBLINGS;
	i = (uint64_t)sim_below(&w->random, 12) << doublings;
	p->rounds++;
	p->steps += i;
	for (; i > 0; i--)
		moved |= sim_step(w);
	switch (sim_pump(w)) {
	case SIM_PUMPED_NOTHING:
		p->still = moved ? 0 : p->still + 1;
		break;
	case SIM_PUMPED:
		p->still = 0;
		break;
	case SIM_NOT_PUMPED:
		break;
	}
}

/** Goes on while something is busy. */
static void settle(
	struct sim_world *w, bool (*is_busy)(struct sim_world *w, const void *arg), const void *arg)
{
	struct patience p = { 0 };

	while (is_busy(w, arg)) {
		if (sim_poll_all(w) != 0)
			p = (struct patience){ 0 };
		/* What devices wait for may be what the program keeps from them. */
		if (sim_chance(&w->random, 100))
			sim_invalidate_end_all(w);
		lose_patience(w, &p);
		wait_round(w, &p);
		if (p.rounds > 8)
			sim_poll_dead(w);
	}
}

/** Bytes. Owner: the stack. */
struct range {
	uint64_t addr, len;
};

/** A queue that failed is not waited for: it is destroyed. */
static bool is_touched(struct sim_world *w, const void *arg)
{
	const struct range *r = arg;
	struct sim_queue *q = sim_ops_touch_failed(w, r->addr, r->len);

	while (q != NULL) {
		sim_queue_destroy(w, q);
		q = sim_ops_touch_failed(w, r->addr, r->len);
	}
	return sim_ops_touch(w, r->addr, r->len);
}

static bool any_in_flight(struct sim_world *w, const void *arg)
{
	(void)arg;
	return sim_ops_in_flight(w, NULL) != 0;
}

/** Whether there is an operation on a device that holds its memory. */
static bool any_held(struct sim_world *w, const void *arg)
{
	uint32_t i;

	(void)arg;
	for (i = 0; i < SIM_MAX_OPS; i++) {
		if (w->ops[i].queue != NULL && !w->ops[i].failed &&
			!w->ops[i].queue->dev->has_faults)
			return true;
	}
	return false;
}

void sim_settle(struct sim_world *w, uint64_t addr, uint64_t len)
{
	const struct range r = { addr, len };

	settle(w, is_touched, &r);
}

/* A wait for what this thread itself must poll would end in vain. */
void sim_settle_held(struct sim_world *w)
{
	settle(w, any_held, NULL);
}

void sim_settle_all(struct sim_world *w)
{
	settle(w, any_in_flight, NULL);
	/* What queues that were destroyed had asked for is answered, too. */
	settle(w, any_asked, NULL);
}

bool sim_is_bound(const struct sim_world *w, uint32_t space)
{
	uint32_t i;

	for (i = 0; i < w->nr_devices; i++) {
		const struct sim_device *d = &w->devices[i];

		if (d->dev != NULL && (d->home == space || d->pasids[space] != 0))
			return true;
	}
	return false;
}

/**
 * What the space says of itself must be what the machine has seen; or more, while others map, which is
 * counted before it is done.
 */
void sim_check_space(struct sim_world *w, uint32_t i, bool quiet)
{
	struct svart_space_stats stats = SVART_SPACE_STATS_INIT();
	uint64_t pinned;

	if (!sim_is_bound(w, i))
		return;
	pinned = sim_machine_pinned(&w->machine, svart_space_ioas(w->spaces[i].space));
	svart_space_stats_get(w->spaces[i].space, &stats);
	if (quiet ? stats.pinned_bytes != pinned : stats.pinned_bytes < pinned)
		sim_fail(w->trace, "space %u says that %llu bytes are pinned, and %llu are", i,
			(ull)stats.pinned_bytes, (ull)pinned);
	if (!w->replaced && (stats.replaced != 0 || stats.replaced_held != 0))
		sim_fail(w->trace,
			"space %u took memory as replaced that the program had forgotten", i);
	if (pinned > w->spaces[i].pin_limit || stats.pinned_bytes_peak > w->spaces[i].pin_limit)
		sim_fail(w->trace, "space %u has %llu bytes pinned, and may have %llu", i,
			(ull)pinned, (ull)w->spaces[i].pin_limit);
}

/** The service looks at all there is; an overflow may be all. */
static void pump_all(struct sim_world *w)
{
	if (!w->threads) {
		/* An overflow is told in the pass after that which takes the records before it. */
		do
			svart_fault_pump(w->faults);
		while (w->faults->worked);
		return;
	}
	/* When all resolvers have given back what they had, it takes that back when it next looks. */
	sim_threads_quiesce();
	svart_fault_wake(w->faults);
	sim_threads_quiesce();
}

/** Whether there is a queue of a device that was reset. */
static bool any_dead(const struct sim_world *w)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_QUEUES; i++) {
		if (w->queues[i].q != NULL && sim_device_was_reset(w, w->queues[i].dev))
			return true;
	}
	return false;
}

void sim_check_service(struct sim_world *w)
{
	uint32_t i;

	/* What a device gave up, or was reset from, stays a partial group: until its queue is destroyed. */
	if (any_dead(w) || sim_machine_injected(&w->machine, "lose_last") != 0)
		return;
	w->machine.calm = true;
	pump_all(w);
	w->machine.calm = false;
	for (i = 0; i < w->nr_spaces; i++)
		sim_check_space(w, i, true);
	if (svart_group_pool_free(w->faults->pool) != w->faults->params.max_requests)
		sim_fail(w->trace, "%u page requests are still held, and all were answered",
			w->faults->params.max_requests - svart_group_pool_free(w->faults->pool));
}

bool sim_may_be_late(const struct sim_world *w)
{
	return sim_machine_injected(&w->machine, "lose_last") != 0;
}

/** Whether threads may have mapped something of a range since it was forgotten: what is asked for. */
static bool may_come_back(struct sim_world *w, uint64_t addr, uint64_t len)
{
	uint64_t first = addr & ~(uint64_t)(SIM_PAGE - 1);
	uint64_t end = (addr + len + SIM_PAGE - 1) & ~(uint64_t)(SIM_PAGE - 1);

	return w->threads && (sim_ops_touch(w, first, end - first) || sim_may_be_late(w));
}

void sim_check_gone(struct sim_world *w, uint64_t addr, uint64_t len)
{
	uint32_t i;

	for (i = 0; i < w->nr_spaces; i++) {
		if (sim_is_bound(w, i) && !sim_ops_touch(w, addr, len) && !sim_may_be_late(w))
			sim_machine_check_gone(&w->machine, svart_space_ioas(w->spaces[i].space),
				addr, len, "forgotten before, and nothing asks for it");
	}
}

void sim_forget(struct sim_world *w, uint64_t addr, uint64_t len)
{
	uint32_t i;
	int rc;

	sim_settle_held(w);
	w->forgets++;
	sim_event(w->trace, "forget [%#llx, +%#llx)", (ull)addr, (ull)len);
	for (i = 0; i < w->nr_spaces; i++) {
		rc = svart_space_forget(w->spaces[i].space, (void *)(uintptr_t)addr, len);
		must(w, rc, "svart_space_forget");
		if (sim_is_bound(w, i) && !may_come_back(w, addr, len))
			sim_machine_check_gone(&w->machine, svart_space_ioas(w->spaces[i].space),
				addr, len, "forgotten");
		sim_check_space(w, i, !w->threads);
	}
}

/* --- the end ------------------------------------------------------------------------------------- */

static void check_nothing_left(struct sim_world *w)
{
	struct svart_model_stats left;

	svart_model_stats_get(w->machine.inner, &left);
	if (left.open_fds != 0 || left.mappings != 0 || left.objects != 0 ||
		left.pinned_bytes != 0 || left.page_requests_open != 0)
		sim_fail(w->trace,
			"left at the end: %u fds, %u mappings, %u objects, %llu bytes pinned, "
			"%llu page requests",
			left.open_fds, left.mappings, left.objects, (ull)left.pinned_bytes,
			(ull)left.page_requests_open);
	if (left.stale_accesses != 0)
		sim_fail(w->trace, "devices reached memory that was gone %llu times",
			(ull)left.stale_accesses);
	if (left.bad_answers != 0 || (left.late_answers != 0 && !w->was_reset &&
					     sim_machine_injected(&w->machine, "reset") == 0))
		sim_fail(w->trace, "%llu answers that nothing waited for, %llu to what was reset",
			(ull)left.bad_answers, (ull)left.late_answers);
	if (left.dmar_faults != 0)
		sim_fail(w->trace, "%llu requests without translation were refused",
			(ull)left.dmar_faults);
	if (w->machine.layout.nr_own != 0)
		sim_fail(w->trace, "%u mappings of the runtime are left", w->machine.layout.nr_own);
}

void sim_world_fini(struct sim_world *w)
{
	uint32_t i, fds;

	sim_machine_check_areas(&w->machine, "before the end");
	for (i = 0; i < w->nr_devices; i++)
		sim_device_close(w, &w->devices[i]);
	/* Nobody is left to hold a node; what resolvers give back now, nobody takes without a device. */
	if (w->threads) {
		sim_threads_quiesce();
		svart_fault_reap(w->faults);
	}
	if (svart_group_pool_free(w->faults->pool) != w->faults->params.max_requests)
		sim_fail(w->trace, "%u page requests are still held, and all devices are closed",
			w->faults->params.max_requests - svart_group_pool_free(w->faults->pool));
	w->expired = sim_expired(w);
	must(w, svart_fault_service_destroy(w->faults), "svart_fault_service_destroy");
	sim_invalidate_end_all(w);
	if (w->threads)
		sim_threads_stop();
	for (i = 0; i < w->nr_spaces; i++)
		must(w, svart_space_destroy(w->spaces[i].space), "svart_space_destroy");
	must(w, svart_fini(w->rt), "svart_fini");
	check_nothing_left(w);
	tell_end(w);
	svart_model_destroy(w->machine.inner);
	sim_memory_check_all(&w->memory, "at the end");
	sim_memory_fini(&w->memory);
	fds = count_fds();
	if (fds != w->fds)
		sim_fail(w->trace, "%u files are open at the end, and were %u", fds, w->fds);
}
