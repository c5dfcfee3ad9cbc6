/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "machine.h"

#include <errno.h>
#include <sched.h>

void svart_pause(struct svart_machine *m, uint64_t deadline_ns)
{
	struct svart_idle_hook *hook;
	unsigned int i;

	for (i = 0; i < SVART_MACHINE_MAX_IDLE_HOOKS; i++) {
		if (atomic_load_explicit(&m->hooks[i], memory_order_relaxed) == NULL)
			continue;
		/*
		 * Orders the count before the second look at the hook; pairs with the removal, which
		 * clears the hook first and looks at the count then. So one of the two threads sees the
		 * other.
		 */
		atomic_fetch_add_explicit(&m->running, 1, memory_order_seq_cst);
		hook = atomic_load_explicit(&m->hooks[i], memory_order_seq_cst);
		if (hook != NULL)
			hook->run(hook->arg);
		atomic_fetch_sub_explicit(&m->running, 1, memory_order_release);
	}
	m->ops->pause(m, deadline_ns);
}

int svart_machine_idle_add(struct svart_machine *m, struct svart_idle_hook *hook)
{
	struct svart_idle_hook *none;
	unsigned int i;

	for (i = 0; i < SVART_MACHINE_MAX_IDLE_HOOKS; i++) {
		none = NULL;
		if (atomic_compare_exchange_strong(&m->hooks[i], &none, hook))
			return 0;
	}
	return -ENOSPC;
}

void svart_machine_idle_remove(struct svart_machine *m, struct svart_idle_hook *hook)
{
	struct svart_idle_hook *expected;
	unsigned int i;

	for (i = 0; i < SVART_MACHINE_MAX_IDLE_HOOKS; i++) {
		expected = hook;
		if (atomic_compare_exchange_strong(&m->hooks[i], &expected, NULL))
			break;
	}
	while (atomic_load_explicit(&m->running, memory_order_seq_cst) != 0)
		sched_yield();
}
