/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "engine.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_service.h>
#include <rte_service_component.h>

#include "error.h"
#include "thread.h"

/** Polls without sleeping after a pass that found work: the next fault is often close behind. */
#define SPIN_POLLS 32
/** How often a DPDK service that is being stopped is checked. */
#define STOP_LOOK_US 100

/* --- polling: inside the gate ---------------------------------------------------------------------- */

/**
 * Whether a lane's fd is to be polled: there are nodes, and its source is not lost and did not say "later".
 */
static bool lane_polled(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	if (!svart_fault_lane_open(lane) || svart_fault_starved_ns(s, lane) != 0)
		return false;
	if (lane->retry_ns != 0 && svart_fault_now(lane) < lane->retry_ns)
		return false;
	lane->retry_ns = 0;
	return true;
}

/** Lists what to poll. @return how many fds; those of lanes come first. */
static unsigned int fds_list(struct svart_fault_service *s)
{
	unsigned int nr = 0;
	uint32_t i;

	if (s->crew != NULL && (svart_fault_starved(s) || s->nr_kept_back != 0)) {
		svart_crew_want(s->crew);
		svart_fault_reap(s);
	}
	for (i = 0; i < s->nr_lanes; i++) {
		if (!lane_polled(s, &s->lanes[i]))
			continue;
		s->fds[nr] = (struct pollfd){ .fd = s->lanes[i].source->fd, .events = POLLIN };
		s->fd_lanes[nr++] = (uint16_t)i;
	}
	return nr;
}

static void fds_read(struct svart_fault_service *s, unsigned int nr)
{
	struct svart_fault_lane *lane;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		lane = &s->lanes[s->fd_lanes[i]];
		if (s->fds[i].revents & SVART_FAULT_LOST_EVENTS)
			svart_fault_lose(lane, SVART_FAULT_LOSS_POLL, s->fds[i].revents);
		else
			lane->readable = (s->fds[i].revents & POLLIN) != 0;
	}
}

/**
 * Looks which sources have something, sleeping until one has.
 *
 * Sources may be on several machines. The poll of the first machine is used for all: fd numbers are real on
 * every machine (machine.h).
 *
 * @return 0 or -errno of poll.
 */
static int sources_poll(struct svart_fault_service *s, uint64_t timeout_ns)
{
	struct svart_machine *m = s->wake_machine;
	unsigned int nr_lanes = fds_list(s), nr = nr_lanes;
	int rc;

	if (nr_lanes != 0)
		m = s->lanes[s->fd_lanes[0]].source->m;
	if (s->wake_fd >= 0)
		s->fds[nr++] = (struct pollfd){ .fd = s->wake_fd, .events = POLLIN };
	if (nr == 0)
		return 0;
	/* Groups can have become ready when those of resolvers were taken back. */
	rc = m->ops->poll(m, s->fds, nr, s->nr_ready != 0 ? 0 : timeout_ns);
	if (rc < 0)
		return rc;
	fds_read(s, nr_lanes);
	if (nr != nr_lanes)
		svart_fault_wake_read(s, s->fds[nr_lanes].revents);
	return 0;
}

/** Makes a pass without sleeping. @return answers sent. */
static uint32_t pass_now(struct svart_fault_service *s)
{
	sources_poll(s, 0);
	return svart_fault_pass(s);
}

/* --- the thread ------------------------------------------------------------------------------------ */

static bool thread_ready(const void *arg)
{
	const struct svart_fault_service *s = arg;

	return s->nr_sources != 0;
}

/** One round of the service's own thread. @param spins in/out: polls left before it sleeps. */
static void thread_round(struct svart_fault_service *s, unsigned int *spins)
{
	struct svart_machine *m = s->wake_machine;
	uint64_t due_ns = *spins != 0 ? 0 : svart_fault_due_ns(s);
	int rc = sources_poll(s, due_ns < SVART_FAULT_WATCH_NS ? due_ns : SVART_FAULT_WATCH_NS);

	if (rc < 0 && rc != -EINTR)
		svart_pause(m, m->ops->now_ns(m) + SVART_FAULT_POLL_RETRY_NS);
	svart_fault_pass(s);
	if (s->worked)
		*spins = SPIN_POLLS;
	else if (*spins != 0)
		(*spins)--;
}

static void *thread_main(void *arg)
{
	struct svart_fault_service *s = arg;
	unsigned int spins = 0;

	while (svart_gate_enter_thread(&s->gate, thread_ready, s, &s->stop)) {
		thread_round(s, &spins);
		svart_gate_leave(&s->gate);
	}
	return NULL;
}

/* --- the DPDK service ------------------------------------------------------------------------------ */

static int32_t dpdk_run(void *arg)
{
	struct svart_fault_service *s = arg;
	bool worked;

	if (!svart_gate_try(&s->gate))
		return -EAGAIN;
	pass_now(s);
	worked = s->worked;
	svart_gate_leave(&s->gate);
	return worked ? 0 : -EAGAIN;
}

static int dpdk_start(struct svart_fault_service *s)
{
	/* The gate makes a second lcore go away, so DPDK need not lock. */
	struct rte_service_spec spec = {
		.name = "svart_fault",
		.callback = dpdk_run,
		.callback_userdata = s,
		.capabilities = RTE_SERVICE_CAP_MT_SAFE,
		.socket_id = -1,
	};
	int rc = rte_service_component_register(&spec, &s->dpdk_id);

	if (rc != 0)
		return svart_fail(rc, "DPDK takes no more services (%s): end another one first",
			strerror(-rc));
	rte_service_component_runstate_set(s->dpdk_id, 1);
	rte_service_runstate_set(s->dpdk_id, 1);
	return 0;
}

static void dpdk_stop(struct svart_fault_service *s)
{
	rte_service_runstate_set(s->dpdk_id, 0);
	rte_service_component_runstate_set(s->dpdk_id, 0);
	/* An lcore that is inside the callback comes out at the end of its pass. */
	while (rte_service_may_be_active(s->dpdk_id) == 1)
		usleep(STOP_LOOK_US);
	rte_service_component_unregister(s->dpdk_id);
}

int svart_fault_service_dpdk_id(const struct svart_fault_service *s, uint32_t *id)
{
	if (s->params.run != SVART_FAULT_RUN_DPDK)
		return svart_fail(-ENOTSUP,
			"the fault service does not run as a DPDK service: create "
			"it with SVART_FAULT_RUN_DPDK");
	*id = s->dpdk_id;
	return 0;
}

/* --- inline ---------------------------------------------------------------------------------------- */

unsigned int svart_fault_pump(struct svart_fault_service *s)
{
	unsigned int answered = 0;

	if (s->params.run != SVART_FAULT_RUN_INLINE ||
		atomic_load_explicit(&s->dead, memory_order_relaxed) || !svart_gate_try(&s->gate))
		return 0;
	if (s->nr_sources != 0)
		answered = pass_now(s);
	svart_gate_leave(&s->gate);
	return answered;
}

static void hook_run(void *arg)
{
	svart_fault_pump(arg);
}

/* --- start and stop -------------------------------------------------------------------------------- */

int svart_fault_run_start(struct svart_fault_service *s)
{
	switch (s->params.run) {
	case SVART_FAULT_RUN_THREAD:
		return svart_fault_thread_start(s->eal, "svart-fault", thread_main, s, &s->thread);
	case SVART_FAULT_RUN_DPDK:
		return dpdk_start(s);
	case SVART_FAULT_RUN_INLINE:
		break;
	}
	return 0;
}

void svart_fault_run_stop(struct svart_fault_service *s)
{
	switch (s->params.run) {
	case SVART_FAULT_RUN_THREAD:
		svart_gate_stop(&s->gate, &s->stop);
		pthread_join(s->thread, NULL);
		break;
	case SVART_FAULT_RUN_DPDK:
		dpdk_stop(s);
		break;
	case SVART_FAULT_RUN_INLINE:
		break;
	}
}

/** @return the place of m, or an empty one; NULL if there is neither. */
static struct svart_fault_machine *machine_find(
	struct svart_fault_service *s, const struct svart_machine *m)
{
	struct svart_fault_machine *empty = NULL;
	uint32_t i;

	for (i = 0; i < SVART_FAULT_MAX_MACHINES; i++) {
		if (s->machines[i].m == m)
			return &s->machines[i];
		if (s->machines[i].m == NULL && empty == NULL)
			empty = &s->machines[i];
	}
	return empty;
}

int svart_fault_machine_get(struct svart_fault_service *s, struct svart_machine *m)
{
	struct svart_fault_machine *place = machine_find(s, m);
	int rc;

	if (place == NULL)
		return svart_fail(-ENOSPC,
			"a fault service serves %d machines at most: create one more",
			SVART_FAULT_MAX_MACHINES);
	rc = svart_fault_wake_open(s, m);
	if (rc != 0)
		return rc;
	if (place->m == NULL && s->params.run == SVART_FAULT_RUN_INLINE) {
		place->hook = (struct svart_idle_hook){ .run = hook_run, .arg = s };
		rc = svart_machine_idle_add(m, &place->hook);
		if (rc != 0)
			return svart_fail(rc,
				"machine %s has %d inline fault services already: use "
				"one for several devices",
				m->ops->name, SVART_MACHINE_MAX_IDLE_HOOKS);
	}
	if (place->m == NULL)
		place->watch_ns = 0;
	place->m = m;
	place->nr_sources++;
	return 0;
}

struct svart_idle_hook *svart_fault_machine_put(
	struct svart_fault_service *s, struct svart_machine *m)
{
	struct svart_fault_machine *place = machine_find(s, m);

	if (s->nr_sources == 0)
		svart_fault_wake_close(s);
	if (--place->nr_sources != 0)
		return NULL;
	place->m = NULL;
	return s->params.run == SVART_FAULT_RUN_INLINE ? &place->hook : NULL;
}
