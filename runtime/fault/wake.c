/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* How the service's own thread is woken from its poll. */
#include "engine.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "error.h"

void svart_fault_kick(void *arg)
{
	struct svart_fault_service *s = arg;
	uint64_t one = 1;

	/* It fails only after 2^64 - 2 wakes that were not taken back: then the thread is awake anyway. */
	if (s->wake_fd >= 0)
		s->wake_machine->ops->write(s->wake_machine, s->wake_fd, &one, sizeof(one));
}

void svart_fault_wake(struct svart_fault_service *s)
{
	pthread_mutex_lock(&s->gate.mutex);
	svart_fault_kick(s);
	pthread_mutex_unlock(&s->gate.mutex);
}

/** Takes back the wakes so far. Inside the gate, where wake_fd does not change. */
static void wake_clear(struct svart_fault_service *s)
{
	uint64_t count;

	s->wake_machine->ops->read(s->wake_machine, s->wake_fd, &count, sizeof(count));
}

/**
 * Makes a new wake eventfd, because the program has closed the old one by a bug: poll() would return at once,
 * for ever. The old number is not closed, because it may be another file by now. Inside the gate.
 */
static void wake_renew(struct svart_fault_service *s)
{
	struct svart_machine *m = s->wake_machine;
	int fd = m->ops->eventfd(m, 0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0) {
		svart_pause(m, m->ops->now_ns(m) + SVART_FAULT_POLL_RETRY_NS);
		return;
	}
	pthread_mutex_lock(&s->gate.mutex);
	s->wake_fd = fd;
	pthread_mutex_unlock(&s->gate.mutex);
}

void svart_fault_wake_read(struct svart_fault_service *s, short revents)
{
	if (revents & SVART_FAULT_LOST_EVENTS)
		wake_renew(s);
	else if (revents & POLLIN)
		wake_clear(s);
}

int svart_fault_wake_open(struct svart_fault_service *s, struct svart_machine *m)
{
	int fd;

	if (s->params.run != SVART_FAULT_RUN_THREAD || s->wake_fd >= 0)
		return 0;
	fd = m->ops->eventfd(m, 0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return svart_fail(fd,
			"cannot make an eventfd for the fault service (%s): raise the "
			"limit of open files (ulimit -n)",
			strerror(-fd));
	pthread_mutex_lock(&s->gate.mutex);
	s->wake_machine = m;
	s->wake_fd = fd;
	pthread_mutex_unlock(&s->gate.mutex);
	return 0;
}

void svart_fault_wake_close(struct svart_fault_service *s)
{
	struct svart_machine *m = s->wake_machine;
	int fd = s->wake_fd;

	pthread_mutex_lock(&s->gate.mutex);
	s->wake_machine = NULL;
	s->wake_fd = -1;
	pthread_mutex_unlock(&s->gate.mutex);
	if (fd >= 0)
		m->ops->close(m, fd);
}
