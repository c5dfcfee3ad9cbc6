/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What the linker puts in the place of the library's own functions (meson.build): what the model asks the
 * real process behind the machine's back, and lock-free steps of threads, so that turns end between them.
 */

#include "engine.h"
#include "sim_machine.h"
#include "threads.h"
#include "work_queue.h"

bool __wrap_svart_has_cap(unsigned int cap);
bool __real_svart_fault_group_move(struct svart_fault_group *group,
	enum svart_fault_group_state from, enum svart_fault_group_state to);
bool __wrap_svart_fault_group_move(struct svart_fault_group *group,
	enum svart_fault_group_state from, enum svart_fault_group_state to);
void __real_svart_work_queue_put(struct svart_work_queue *q, const uint32_t *work, uint32_t nr);
void __wrap_svart_work_queue_put(struct svart_work_queue *q, const uint32_t *work, uint32_t nr);
uint32_t __real_svart_work_queue_take(
	struct svart_work_queue *q, uint32_t *work, uint32_t nr, uint32_t shares);
uint32_t __wrap_svart_work_queue_take(
	struct svart_work_queue *q, uint32_t *work, uint32_t nr, uint32_t shares);
uint32_t __real_svart_work_queue_waiting(const struct svart_work_queue *q);
uint32_t __wrap_svart_work_queue_waiting(const struct svart_work_queue *q);
void __real_svart_fault_resolve(struct svart_fault_worker *w, const uint32_t *groups, uint32_t nr);
void __wrap_svart_fault_resolve(struct svart_fault_worker *w, const uint32_t *groups, uint32_t nr);
int __real_svart_fault_ask_again(struct svart_fault_service *s, struct svart_fault_lane *lane);
int __wrap_svart_fault_ask_again(struct svart_fault_service *s, struct svart_fault_lane *lane);
bool __real_svart_fault_group_take(struct svart_fault_group *group);
bool __wrap_svart_fault_group_take(struct svart_fault_group *group);

/** By the number of the thread. */
static bool asks_again[SIM_MAX_THREADS];

bool sim_asks_again(void)
{
	return asks_again[sim_threads_current()];
}

/** What the process may, and its RLIMIT_MEMLOCK, are no part of a world. */
bool __wrap_svart_has_cap(unsigned int cap)
{
	(void)cap;
	return true;
}

bool __wrap_svart_fault_group_move(struct svart_fault_group *group,
	enum svart_fault_group_state from, enum svart_fault_group_state to)
{
	bool moved;

	sim_threads_point();
	moved = __real_svart_fault_group_move(group, from, to);
	sim_threads_point();
	return moved;
}

void __wrap_svart_work_queue_put(struct svart_work_queue *q, const uint32_t *work, uint32_t nr)
{
	sim_threads_point();
	__real_svart_work_queue_put(q, work, nr);
	sim_threads_point();
}

uint32_t __wrap_svart_work_queue_take(
	struct svart_work_queue *q, uint32_t *work, uint32_t nr, uint32_t shares)
{
	uint32_t got;

	sim_threads_point();
	got = __real_svart_work_queue_take(q, work, nr, shares);
	sim_threads_point();
	return got;
}

uint32_t __wrap_svart_work_queue_waiting(const struct svart_work_queue *q)
{
	uint32_t nr;

	sim_threads_point();
	nr = __real_svart_work_queue_waiting(q);
	sim_threads_point();
	return nr;
}

/** Between what it does and giving the groups back there is a ring, which is inlined. */
void __wrap_svart_fault_resolve(struct svart_fault_worker *w, const uint32_t *groups, uint32_t nr)
{
	sim_threads_point();
	__real_svart_fault_resolve(w, groups, nr);
	sim_threads_point();
}

bool __wrap_svart_fault_group_take(struct svart_fault_group *group)
{
	bool taken;

	sim_threads_point();
	taken = __real_svart_fault_group_take(group);
	sim_threads_point();
	return taken;
}

int __wrap_svart_fault_ask_again(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	int rc;

	asks_again[sim_threads_current()] = true;
	rc = __real_svart_fault_ask_again(s, lane);
	asks_again[sim_threads_current()] = false;
	return rc;
}
