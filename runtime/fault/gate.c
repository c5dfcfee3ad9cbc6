/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "gate.h"

void svart_gate_init(struct svart_gate *gate)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&gate->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&gate->changed, &attr);
	pthread_condattr_destroy(&attr);
	gate->busy = false;
	gate->control = 0;
}

void svart_gate_fini(struct svart_gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->mutex);
}

bool svart_gate_try(struct svart_gate *gate)
{
	bool inside;

	pthread_mutex_lock(&gate->mutex);
	inside = !gate->busy && gate->control == 0;
	if (inside)
		gate->busy = true;
	pthread_mutex_unlock(&gate->mutex);
	return inside;
}

bool svart_gate_enter_control(struct svart_gate *gate, void (*kick)(void *arg), void *arg,
	const struct timespec *deadline)
{
	bool inside;
	int rc = 0;

	pthread_mutex_lock(&gate->mutex);
	gate->control++;
	if (gate->busy)
		kick(arg);
	while (gate->busy && rc == 0)
		rc = pthread_cond_timedwait(&gate->changed, &gate->mutex, deadline);
	gate->control--;
	inside = !gate->busy;
	if (inside)
		gate->busy = true;
	pthread_mutex_unlock(&gate->mutex);
	return inside;
}

bool svart_gate_enter_thread(
	struct svart_gate *gate, bool (*ready)(const void *arg), const void *arg, const bool *stop)
{
	bool inside;

	pthread_mutex_lock(&gate->mutex);
	while (!*stop && (gate->busy || gate->control != 0 || !ready(arg)))
		pthread_cond_wait(&gate->changed, &gate->mutex);
	inside = !*stop;
	if (inside)
		gate->busy = true;
	pthread_mutex_unlock(&gate->mutex);
	return inside;
}

void svart_gate_leave(struct svart_gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->busy = false;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->mutex);
}

void svart_gate_stop(struct svart_gate *gate, bool *stop)
{
	pthread_mutex_lock(&gate->mutex);
	*stop = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->mutex);
}
