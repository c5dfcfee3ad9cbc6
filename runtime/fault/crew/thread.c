/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "thread.h"

#include <signal.h>
#include <string.h>

#include "dpdk_compat.h"
#include "error.h"

/** Blocks all signals except those that an instruction of the thread itself raises. */
static void signals_block(sigset_t *old)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	sigset_t set;
	size_t i;

	sigfillset(&set);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&set, own[i]);
	pthread_sigmask(SIG_SETMASK, &set, old);
}

int svart_fault_thread_start(
	bool eal, const char *name, void *(*main)(void *arg), void *arg, pthread_t *thread)
{
	sigset_t old;
	int rc;

	/* The thread inherits the mask; the program's signals are for the program's threads. */
	signals_block(&old);
	if (eal) {
		rc = svart_ctrl_thread_create(thread, name, main, arg);
	} else {
		rc = -pthread_create(thread, NULL, main, arg);
		if (rc == 0)
			pthread_setname_np(*thread, name);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		return svart_fail(rc,
			"cannot start thread %s (%s): raise the limit of threads "
			"(ulimit -u), or pump the service inline",
			name, strerror(-rc));
	return 0;
}
