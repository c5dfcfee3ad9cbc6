/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "world.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core.h"
#include "engine.h"
#include "model.h"
#include "space.h"

/** Rounds without a completion after which an operation is stuck. */
#define MAX_ROUNDS 6000
/** Polls after which a queue of a reset device must have found that out (pmd/dsa: 64 Ki). */
#define MAX_DEAD_POLLS 200000u
/** Pages of the runtime's own that a space must hold besides what devices ask for. */
#define OWN_PAGES 48u

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
	snprintf(spec, len, "%s%s", way, eager && d->has_faults ? ",fault_mode=eager" : "");
}

static void draw_dsa(struct sim_world *w, struct sim_device *d, uint32_t nr)
{
	struct sim_random *r = &w->random;
	uint32_t queues = sim_between(r, 1, 4);
	int len;

	d->engines = sim_between(r, 1, 4);
	d->prg_pages = sim_chance(r, 300) ? 1 : sim_between(r, 2, 16);
	d->has_faults = sim_chance(r, 850);
	snprintf(d->name, sizeof(d->name), "model:dsa%u", nr % 8);
	len = snprintf(d->spec, sizeof(d->spec),
		"model:dsa%u,queues=%u,wqs=%u,engines=%u,groups=%u,wq_size_total=%u,prg_pages=%u",
		nr % 8, queues, sim_between(r, queues, 8), d->engines, sim_between(r, 1, 4),
		sim_between(r, 8, 64), d->prg_pages);
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

/** What the documentation asks a space for, so that no device gives up. */
static struct svart_space_params draw_limits(struct sim_world *w)
{
	struct sim_random *r = &w->random;
	uint32_t pages = OWN_PAGES, chunks = 8, i;

	for (i = 0; i < w->nr_devices; i++) {
		pages += 2 * w->devices[i].engines * w->devices[i].prg_pages;
		chunks += 4 * (w->devices[i].engines + 2);
	}
	pages *= sim_between(r, 1, 3);
	if (w->tight) {
		pages = sim_between(r, 24, pages);
		chunks = sim_between(r, 4, chunks);
	}
	return (struct svart_space_params){
		.pin_limit_bytes = (uint64_t)pages * SIM_PAGE,
		.fault_around_bytes = (uint64_t)SIM_PAGE << sim_below(r, 10),
		.max_chunks = chunks,
	};
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
	int rc = svart_machine_model.locate(s->inner, name, options, address);

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

static void make_machine(struct sim_world *w)
{
	struct svart_machine *inner;
	char options[64];

	snprintf(options, sizeof(options), "step=manual,seed=%llu", (ull)sim_random(&w->random));
	must(w, svart_model_create(options, &inner), "svart_model_create");
	sim_machine_init(&w->machine, inner, w->trace, &w->random, &w->memory);
	w->machine.surprise = surprise;
	w->machine.arg = w;
}

static void make_runtime(struct sim_world *w)
{
	const struct svart_init_params init = { .flags = SVART_INIT_NO_EAL };
	const struct svart_fault_params fault = { .run = SVART_FAULT_RUN_INLINE,
		.max_requests = 256u << sim_below(&w->random, 2) };
	struct svart_space_params params;
	uint32_t i;

	must(w, svart_init(&init, &w->rt), "svart_init");
	replace_machine(w);
	must(w, svart_fault_service_create(w->rt, &fault, &w->faults),
		"svart_fault_service_create");
	for (i = 0; i < w->nr_spaces; i++) {
		params = draw_limits(w);
		w->spaces[i].pin_limit = params.pin_limit_bytes;
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
	w->tight = sim_chance(&w->random, 120);
	w->nr_spaces = sim_between(&w->random, 1, SIM_MAX_SPACES);
	w->nr_devices = sim_between(&w->random, 1, SIM_MAX_DEVICES);
	for (i = 0; i < w->nr_devices; i++)
		draw_device(w, i);
	w->mixed = has_both_kinds(w);
	w->machine.may_refuse = w->tight || w->mixed;
	w->machine.may_put_off = w->mixed;
	make_runtime(w);
	for (i = 0; i < w->nr_devices; i++)
		sim_device_open(w, &w->devices[i]);
}

/* --- devices and queues -------------------------------------------------------------------------- */

/** Whether a control call may fail: for want of memory, or by a reset. */
static bool may_fail(const struct sim_world *w)
{
	return w->tight || w->machine.weather.fail_map != 0 || w->machine.weather.surprise != 0 ||
	       w->injects_enomem || w->injects_reset;
}

static void told(struct sim_world *w, int rc, const char *what, const char *whom, bool was_reset)
{
	sim_event(w->trace, "%s %s: %d", what, whom, rc);
	if (rc != 0 && !may_fail(w) && !was_reset)
		sim_fail(w->trace, "%s %s: %d, %s", what, whom, rc, svart_error_text());
}

void sim_device_open(struct sim_world *w, struct sim_device *d)
{
	int rc;

	if (d->dev != NULL)
		return;
	d->reset = false;
	rc = svart_device_open(w->rt, d->spec, w->spaces[d->home].space,
		d->has_faults ? w->faults : NULL, &d->dev);
	told(w, rc, "open", d->spec, false);
	if (rc != 0) {
		d->dev = NULL;
		return;
	}
	memcpy(d->address, w->machine.last_address, sizeof(d->address));
	d->resets = sim_device_injected(w, d, "reset");
	d->cdev = w->machine.last_cdev;
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
	if (d->pasids[d->home] == 0)
		must_be = -EINVAL;
	rc = svart_device_attach(d->dev, w->spaces[space].space, pasid);
	sim_event(w->trace, "attach %s to space %u by pasid %u: %d", d->name, space, pasid, rc);
	if (rc != must_be && !(must_be == 0 && may_fail(w)))
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
	return d->address[0] != '\0' ? svart_model_injected(w->machine.inner, d->address, name) : 0;
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

void sim_queue_create(struct sim_world *w, struct sim_device *d)
{
	struct sim_queue *q = find_queue_place(w);
	uint32_t space =
		sim_chance(&w->random, 500) ? d->home : sim_below(&w->random, w->nr_spaces);
	struct svart_queue_params params = { .space = w->spaces[space].space };
	struct svart_device_info info;
	int rc;

	if (q == NULL || d->dev == NULL || (space != d->home && d->pasids[space] == 0))
		return;
	svart_device_info_get(d->dev, &info);
	if (info.nr_queues_free == 0)
		return;
	params.depth = sim_between(&w->random, 1, info.queue_depth);
	rc = svart_queue_create(d->dev, &params, &q->q);
	told(w, rc, "queue of", d->name, sim_device_was_reset(w, d));
	if (rc != 0) {
		q->q = NULL;
		return;
	}
	q->dev = d;
	q->space = space;
	q->depth = params.depth;
	q->next_prep = q->next_poll = 0;
	sim_event(w->trace, "q%ld: on %s, space %u, depth %u", (long)(q - w->queues), d->name,
		space, q->depth);
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

void sim_pump(struct sim_world *w)
{
	if (w->idle_permille == 0 || !sim_chance(&w->random, w->idle_permille))
		svart_fault_pump(w->faults);
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
	svart_model_stats_get(w->machine.inner, &stats);
	return stats.page_requests_open != 0;
}

/** Goes on while something is busy. */
static void settle(
	struct sim_world *w, bool (*is_busy)(struct sim_world *w, const void *arg), const void *arg)
{
	uint32_t rounds = 0, i;

	while (is_busy(w, arg)) {
		if (sim_poll_all(w) != 0)
			rounds = 0;
		if (rounds++ == MAX_ROUNDS)
			sim_fail(w->trace, "stuck: %u operations, page requests %s",
				sim_ops_in_flight(w, NULL),
				any_asked(w, NULL) ? "open" : "answered");
		for (i = sim_below(&w->random, 12); i > 0; i--)
			sim_step(w);
		sim_pump(w);
		if (rounds > 8)
			sim_poll_dead(w);
	}
}

/** Bytes. Owner: the stack. */
struct range {
	uint64_t addr, len;
};

static bool is_touched(struct sim_world *w, const void *arg)
{
	const struct range *r = arg;

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
		if (w->ops[i].queue != NULL && !w->ops[i].queue->dev->has_faults)
			return true;
	}
	return false;
}

void sim_settle(struct sim_world *w, uint64_t addr, uint64_t len)
{
	const struct range r = { addr, len };

	settle(w, is_touched, &r);
}

void sim_settle_all(struct sim_world *w)
{
	settle(w, any_in_flight, NULL);
	/* What queues that were destroyed had asked for is answered, too. */
	settle(w, any_asked, NULL);
}

void sim_check_service(struct sim_world *w)
{
	/* What a device gave up, or was reset from, stays a partial group. */
	if (w->was_reset || sim_machine_injected(&w->machine, "reset") != 0 ||
		sim_machine_injected(&w->machine, "lose_last") != 0)
		return;
	w->machine.calm = true;
	svart_fault_pump(w->faults); /* An overflow may be all there is to see. */
	w->machine.calm = false;
	if (svart_group_pool_free(w->faults->pool) != w->faults->params.max_requests)
		sim_fail(w->trace, "%u page requests are still held, and all were answered",
			w->faults->params.max_requests - svart_group_pool_free(w->faults->pool));
}

/** Whether a device is attached to a space. */
static bool is_bound(const struct sim_world *w, uint32_t space)
{
	uint32_t i;

	for (i = 0; i < w->nr_devices; i++) {
		const struct sim_device *d = &w->devices[i];

		if (d->dev != NULL && (d->home == space || d->pasids[space] != 0))
			return true;
	}
	return false;
}

/** What the space says of itself must be what the machine has seen. */
static void check_space(struct sim_world *w, uint32_t i)
{
	struct svart_space_stats stats;
	uint64_t pinned;

	if (!is_bound(w, i))
		return;
	pinned = sim_machine_pinned(&w->machine, svart_space_ioas(w->spaces[i].space));
	svart_space_stats_get(w->spaces[i].space, &stats);
	if (stats.pinned_bytes != pinned)
		sim_fail(w->trace, "space %u says that %llu bytes are pinned, and %llu are", i,
			(ull)stats.pinned_bytes, (ull)pinned);
	if (pinned > w->spaces[i].pin_limit || stats.pinned_bytes_peak > w->spaces[i].pin_limit)
		sim_fail(w->trace, "space %u has %llu bytes pinned, and may have %llu", i,
			(ull)pinned, (ull)w->spaces[i].pin_limit);
}

void sim_forget(struct sim_world *w, uint64_t addr, uint64_t len)
{
	uint32_t i;
	int rc;

	/* A wait for what this thread itself must poll would end in vain. */
	settle(w, any_held, NULL);
	w->forgets++;
	sim_event(w->trace, "forget [%#llx, +%#llx)", (ull)addr, (ull)len);
	for (i = 0; i < w->nr_spaces; i++) {
		rc = svart_space_forget(w->spaces[i].space, (void *)(uintptr_t)addr, len);
		must(w, rc, "svart_space_forget");
		if (is_bound(w, i))
			sim_machine_check_gone(&w->machine, svart_space_ioas(w->spaces[i].space),
				addr, len, "forgotten");
		check_space(w, i);
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
	if (w->machine.nr_own != 0)
		sim_fail(w->trace, "%u mappings of the runtime are left", w->machine.nr_own);
}

void sim_world_fini(struct sim_world *w)
{
	uint32_t i, fds;

	sim_machine_check_areas(&w->machine, "before the end");
	for (i = 0; i < w->nr_devices; i++)
		sim_device_close(w, &w->devices[i]);
	/* Nobody is left to hold a node. */
	if (svart_group_pool_free(w->faults->pool) != w->faults->params.max_requests)
		sim_fail(w->trace, "%u page requests are still held, and all devices are closed",
			w->faults->params.max_requests - svart_group_pool_free(w->faults->pool));
	must(w, svart_fault_service_destroy(w->faults), "svart_fault_service_destroy");
	for (i = 0; i < w->nr_spaces; i++)
		must(w, svart_space_destroy(w->spaces[i].space), "svart_space_destroy");
	must(w, svart_fini(w->rt), "svart_fini");
	check_nothing_left(w);
	svart_model_destroy(w->machine.inner);
	sim_memory_check_all(&w->memory, "at the end");
	sim_memory_fini(&w->memory);
	fds = count_fds();
	if (fds != w->fds)
		sim_fail(w->trace, "%u files are open at the end, and were %u", fds, w->fds);
}
