/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "world.h"

#include <errno.h>

typedef unsigned long long ull;

/** A draw of pages of a region. Owner: the stack. */
struct pages {
	struct sim_region *g;
	uint32_t first, nr;
	uint64_t addr, len;
};

static struct pages whole_region(struct sim_region *g)
{
	return (struct pages){ .g = g,
		.nr = g->nr_pages,
		.addr = (uintptr_t)g->base,
		.len = (uint64_t)g->nr_pages * SIM_PAGE };
}

static struct pages draw_pages(struct sim_world *w)
{
	struct pages p = { .g = &w->memory.regions[sim_below(&w->random, SIM_NR_REGIONS)] };

	if (sim_chance(&w->random, 300)) {
		p.nr = p.g->nr_pages;
	} else {
		p.first = sim_below(&w->random, p.g->nr_pages);
		p.nr = sim_between(&w->random, 1, p.g->nr_pages - p.first);
	}
	p.addr = (uintptr_t)p.g->base + (uint64_t)p.first * SIM_PAGE;
	p.len = (uint64_t)p.nr * SIM_PAGE;
	return p;
}

static struct sim_device *draw_device(struct sim_world *w)
{
	return &w->devices[sim_below(&w->random, w->nr_devices)];
}

/* --- operations ---------------------------------------------------------------------------------- */

static void act_prep(struct sim_world *w)
{
	struct sim_queue *q = &w->queues[sim_below(&w->random, SIM_MAX_QUEUES)];
	uint32_t nr = sim_between(&w->random, 1, 6);

	if (q->q == NULL)
		return;
	while (nr-- > 0)
		sim_op_prep(w, q);
	if (sim_chance(&w->random, 700))
		svart_queue_submit(q->q);
}

/** What stopped early goes on. */
static void act_rest(struct sim_world *w)
{
	sim_rest_resume(w);
}

/** Only a fence is between two operations that depend on each other, and perhaps others that do not. */
static void act_chain(struct sim_world *w)
{
	struct sim_queue *q = &w->queues[sim_below(&w->random, SIM_MAX_QUEUES)];
	bool apart = sim_chance(&w->random, 600);
	uint32_t nr = sim_below(&w->random, 3);
	struct svart_op ops[2];

	if (q->q == NULL || !sim_chain_draw(w, ops))
		return;
	if (sim_chance(&w->random, 600))
		sim_forget(w, (uintptr_t)ops[0].src, ops[0].length);
	if (sim_op_is_in_the_way(w, q, &ops[0], false) || !sim_op_take(w, q, &ops[0], NULL))
		return;
	if (apart)
		svart_queue_submit(q->q);
	while (nr-- > 0)
		sim_op_prep(w, q);
	if (!sim_op_is_in_the_way(w, q, &ops[1], true))
		sim_op_take(w, q, &ops[1], NULL);
	svart_queue_submit(q->q);
}

static void act_poll(struct sim_world *w)
{
	sim_poll_all(w);
}

static void act_step(struct sim_world *w)
{
	uint32_t nr = sim_between(&w->random, 1, 24);

	while (nr-- > 0)
		sim_step(w);
}

static void act_pump(struct sim_world *w)
{
	sim_pump(w);
}

/** Everything is cold, and every queue wants some of it. */
static void act_storm(struct sim_world *w)
{
	uint32_t i, n;

	sim_forget(w, SIM_ARENA, SIM_ARENA_BYTES);
	for (i = 0; i < SIM_MAX_QUEUES; i++) {
		for (n = 0; w->queues[i].q != NULL && n < 8; n++)
			sim_op_prep(w, &w->queues[i]);
	}
	sim_poll_all(w);
}

static void act_settle(struct sim_world *w)
{
	sim_settle_all(w);
	sim_check_service(w);
	sim_machine_check_answered(&w->machine, "nothing is in flight");
	sim_machine_check_areas(&w->machine, "nothing is in flight");
	sim_memory_check_all(&w->memory, "nothing is in flight");
}

/* --- memory -------------------------------------------------------------------------------------- */

static void act_write(struct sim_world *w)
{
	struct pages p = draw_pages(w);
	uint64_t addr = p.addr + sim_below(&w->random, (uint32_t)p.len);
	uint64_t len = sim_between(&w->random, 1, 2 * SIM_PAGE);

	if (len > p.addr + p.len - addr)
		len = p.addr + p.len - addr;
	if (sim_ops_touch(w, addr, len) || !sim_memory_range_allows(&w->memory, addr, len, true))
		return;
	sim_event(w->trace, "write [%#llx, +%#llx)", (ull)addr, (ull)len);
	sim_memory_write(&w->memory, addr, len, sim_random(&w->random));
}

/** Nothing brings back what nobody uses, whatever was asked for before it was forgotten. */
static void act_forget_unused(struct sim_world *w)
{
	uint32_t i, nr = sim_between(&w->random, 1, 6);
	struct pages unused[SIM_NR_REGIONS];

	for (i = 0; i < SIM_NR_REGIONS; i++) {
		unused[i] = whole_region(&w->memory.regions[i]);
		if (sim_ops_touch(w, unused[i].addr, unused[i].len))
			unused[i].len = 0;
		else
			sim_forget(w, unused[i].addr, unused[i].len);
	}
	while (nr-- > 0) {
		sim_pump(w);
		act_step(w);
	}
	for (i = 0; i < SIM_NR_REGIONS; i++) {
		if (unused[i].len != 0)
			sim_check_gone(w, unused[i].addr, unused[i].len);
	}
}

static void act_forget(struct sim_world *w)
{
	struct pages p = draw_pages(w);
	uint64_t off = sim_below(&w->random, SIM_PAGE);

	sim_forget(w, p.addr + off, p.len - off);
}

/** The rule: operations end, then it is forgotten, then it changes. */
static struct pages draw_idle_pages(struct sim_world *w)
{
	struct pages p = draw_pages(w);

	sim_settle(w, p.addr, p.len);
	/* Else a thread may still map what was asked for by an operation that has given up. */
	if (sim_may_be_late(w))
		sim_threads_quiesce();
	sim_forget(w, p.addr, p.len);
	/* What waited in forget may have been an operation, but never on these pages. */
	return p;
}

static void act_unmap(struct sim_world *w)
{
	struct pages p = draw_idle_pages(w);

	sim_event(w->trace, "munmap [%#llx, +%#llx)", (ull)p.addr, (ull)p.len);
	sim_memory_unmap(&w->memory, p.g, p.first, p.nr);
}

/** Between the forget and the munmap other operations go on, beside these pages. */
static void act_unmap_late(struct sim_world *w)
{
	uint32_t nr = sim_between(&w->random, 1, 4);
	struct pages p;

	if (sim_may_be_late(w))
		return;
	if (sim_chance(&w->random, 700))
		act_storm(w);
	p = draw_idle_pages(w);
	while (nr-- > 0) {
		act_step(w);
		sim_pump(w);
	}
	if (sim_may_be_late(w))
		return;
	sim_event(w->trace, "late munmap [%#llx, +%#llx)", (ull)p.addr, (ull)p.len);
	sim_memory_unmap(&w->memory, p.g, p.first, p.nr);
	sim_machine_check_areas(&w->machine, "after a forget and a munmap by the rule");
}

static void act_map(struct sim_world *w)
{
	struct pages p = draw_idle_pages(w);

	sim_event(w->trace, "mmap [%#llx, +%#llx)", (ull)p.addr, (ull)p.len);
	sim_memory_map(&w->memory, p.g, p.first, p.nr,
		sim_chance(&w->random, 850) ? SIM_PAGE_WRITE : SIM_PAGE_READ);
}

static void act_protect(struct sim_world *w)
{
	static const enum sim_page some[] = { SIM_PAGE_WRITE, SIM_PAGE_WRITE, SIM_PAGE_READ,
		SIM_PAGE_READ, SIM_PAGE_NONE };
	struct pages p = draw_idle_pages(w);
	enum sim_page what = some[sim_below(&w->random, 5)];

	sim_event(w->trace, "mprotect [%#llx, +%#llx) %d", (ull)p.addr, (ull)p.len, (int)what);
	sim_memory_protect(&w->memory, p.g, p.first, p.nr, what);
}

static void act_discard(struct sim_world *w)
{
	struct pages p = draw_idle_pages(w);

	sim_event(w->trace, "MADV_DONTNEED [%#llx, +%#llx)", (ull)p.addr, (ull)p.len);
	sim_memory_discard(&w->memory, p.g, p.first, p.nr);
}

/** In place, first the mapping and then the forget, while operations go on. */
static void act_replace(struct sim_world *w)
{
	struct pages p = draw_pages(w);
	bool running = sim_chance(&w->random, 700);
	uint32_t i;

	if (!running)
		sim_settle(w, p.addr, p.len);
	for (i = 0; i < SIM_MAX_OPS; i++) {
		/* What is held must stay as it is. */
		if (w->ops[i].queue != NULL && !w->ops[i].queue->dev->has_faults)
			return;
	}
	sim_event(w->trace, "replace [%#llx, +%#llx)", (ull)p.addr, (ull)p.len);
	sim_ops_disturb(w, p.addr, p.len);
	w->replaced = true;
	sim_memory_map(&w->memory, p.g, p.first, p.nr, SIM_PAGE_WRITE);
	w->machine.calm = true;
	sim_forget(w, p.addr, p.len);
	w->machine.calm = false;
}

/* --- invalidations ------------------------------------------------------------------------------- */

/** Changes what pages are, or what is in them. */
static void change(struct sim_world *w, const struct pages *p)
{
	static const enum sim_page some[] = { SIM_PAGE_WRITE, SIM_PAGE_READ, SIM_PAGE_NONE };

	switch (sim_below(&w->random, 4)) {
	case 0:
		sim_memory_unmap(&w->memory, p->g, p->first, p->nr);
		break;
	case 1:
		sim_memory_map(&w->memory, p->g, p->first, p->nr, SIM_PAGE_WRITE);
		break;
	case 2:
		sim_memory_protect(
			&w->memory, p->g, p->first, p->nr, some[sim_below(&w->random, 3)]);
		break;
	default:
		sim_memory_discard(&w->memory, p->g, p->first, p->nr);
	}
}

/** While it is open operations go on beside it and want what is in it. */
static void act_invalidate(struct sim_world *w)
{
	struct pages p = draw_pages(w);
	struct sim_invalidation *inv;
	uint32_t nr;

	if (sim_chance(&w->random, 300))
		act_storm(w);
	inv = sim_invalidate_begin(w, p.addr, p.len);
	if (inv == NULL)
		return;
	for (nr = sim_below(&w->random, 6); nr > 0; nr--) {
		act_prep(w);
		act_step(w);
		sim_pump(w);
	}
	if (sim_chance(&w->random, 700)) {
		sim_event(w->trace, "change [%#llx, +%#llx)", (ull)p.addr, (ull)p.len);
		sim_ops_disturb(w, p.addr, p.len);
		/* What devices have written of it so far; they write no more before the end. */
		if (sim_ops_write(w, p.addr, p.len))
			sim_memory_accept(&w->memory, p.addr, p.len);
		change(w, &p);
	}
	/* Else it stays open until something waits for what it keeps away, or the program ends it. */
	if (sim_chance(&w->random, 600))
		sim_invalidate_end(w, inv);
}

static void act_invalidate_end(struct sim_world *w)
{
	sim_invalidate_end_all(w);
}

/* --- devices ------------------------------------------------------------------------------------- */

static void act_queue_create(struct sim_world *w)
{
	sim_queue_create(w, draw_device(w));
}

static void act_queue_destroy(struct sim_world *w)
{
	sim_queue_destroy(w, &w->queues[sim_below(&w->random, SIM_MAX_QUEUES)]);
}

static void act_attach(struct sim_world *w)
{
	struct sim_device *d = draw_device(w);

	sim_device_attach(w, d);
	sim_queue_create(w, d);
}

static void act_detach(struct sim_world *w)
{
	sim_device_detach(w, draw_device(w));
}

static void act_reopen(struct sim_world *w)
{
	struct sim_device *d = draw_device(w);

	sim_device_close(w, d);
	sim_device_open(w, d);
}

/** Leaves operations in the rings that were never submitted. */
static void prep_only(struct sim_world *w, const struct sim_device *d)
{
	uint32_t i, n;

	for (i = 0; i < SIM_MAX_QUEUES; i++) {
		for (n = 0; w->queues[i].q != NULL && w->queues[i].dev == d && n < 3; n++)
			sim_op_prep(w, &w->queues[i]);
	}
}

/** Cold memory is asked for; some of it has arrived, some is on its way. */
static void ask_and_pause(struct sim_world *w)
{
	uint32_t nr = sim_between(&w->random, 1, 10);

	act_storm(w);
	while (nr-- > 0) {
		sim_step(w);
		if (sim_chance(&w->random, 400))
			sim_pump(w);
	}
}

static void destroy_queues(struct sim_world *w, const struct sim_device *d)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_QUEUES; i++) {
		if (w->queues[i].q != NULL && w->queues[i].dev == d)
			sim_queue_destroy(w, &w->queues[i]);
	}
}

static void act_reset(struct sim_world *w)
{
	struct sim_device *d = draw_device(w);

	if (sim_chance(&w->random, 500))
		prep_only(w, d);
	if (sim_chance(&w->random, 600))
		ask_and_pause(w);
	sim_device_reset(w, d);
	if (sim_chance(&w->random, 500))
		sim_poll_dead(w);
	if (sim_chance(&w->random, 300))
		act_settle(w);
	if (sim_chance(&w->random, 400)) {
		destroy_queues(w, d);
		act_forget_unused(w);
	}
	if (sim_chance(&w->random, 600)) {
		sim_device_close(w, d);
		sim_device_open(w, d);
	}
}

static void act_fault_mode(struct sim_world *w)
{
	enum svart_fault_mode mode =
		sim_chance(&w->random, 500) ? SVART_FAULT_EAGER : SVART_FAULT_DEFERRED;
	struct sim_device *d = draw_device(w);
	int rc;

	if (d->dev == NULL)
		return;
	rc = svart_device_fault_mode_set(d->dev, mode);
	sim_event(w->trace, "fault mode of %s: %d: %d", d->name, (int)mode, rc);
	if (rc != (d->has_faults ? 0 : -ENODEV))
		sim_fail(w->trace, "svart_device_fault_mode_set: %d", rc);
}

/* --- the table ----------------------------------------------------------------------------------- */

/** Something the program, or the world, does. */
struct action {
	void (*act)(struct sim_world *w);
	uint32_t weight;
	bool always; /**< In every world; others are in some worlds only. */
};

static const struct action actions[] = {
	{ act_prep, 300, true },
	{ act_poll, 200, true },
	{ act_rest, 150, true },
	{ act_chain, 30, true },
	{ act_step, 300, true },
	{ act_pump, 150, true },
	{ act_write, 40, true },
	{ act_settle, 12, true },
	{ act_forget, 40, false },
	{ act_forget_unused, 10, false },
	{ act_unmap, 30, false },
	{ act_map, 40, false },
	{ act_unmap_late, 20, false },
	{ act_protect, 30, false },
	{ act_discard, 15, false },
	{ act_replace, 15, false },
	{ act_invalidate, 25, false },
	{ act_invalidate_end, 10, false },
	{ act_storm, 10, false },
	{ act_queue_create, 15, false },
	{ act_queue_destroy, 8, false },
	{ act_attach, 15, false },
	{ act_detach, 10, false },
	{ act_reopen, 5, false },
	{ act_reset, 8, false },
	{ act_fault_mode, 15, false },
};

#define NR_ACTIONS (sizeof(actions) / sizeof(actions[0]))

void sim_act(struct sim_world *w)
{
	uint32_t weights[NR_ACTIONS], sum = 0, nr = sim_between(&w->random, 20, 140), at, i;

	/* Worlds differ: what a world has many of, or none, brings about what an average never does. */
	for (i = 0; i < NR_ACTIONS; i++) {
		weights[i] = actions[i].weight * sim_between(&w->random, 1, 4);
		if (!actions[i].always && sim_chance(&w->random, 350))
			weights[i] = 0;
		sum += weights[i];
	}
	while (nr-- > 0) {
		at = sim_below(&w->random, sum);
		for (i = 0; at >= weights[i]; i++)
			at -= weights[i];
		actions[i].act(w);
		sim_threads_point();
	}
	if (sim_chance(&w->random, 750))
		act_settle(w);
}
