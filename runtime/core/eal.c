/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_trace.h>

#include "core.h"
#include "error.h"

#define MAX_ARGS 64

/**
 * Needs neither root, hugepages nor a PCI scan, and writes no file but telemetry's socket. Its memory
 * is only EAL's own: 16 MiB are never touched in full.
 */
static const char default_args[] =
	"--no-huge -m 16 --no-pci --no-shconf --iova-mode=va --file-prefix=svart "
	"--log-level=lib.eal:warning --log-level=lib.telemetry:error --lcores=0@";

/**
 * One lcore that floats over every CPU the thread may use. EAL would otherwise pin the calling thread
 * to one CPU, and threads that it starts later with it.
 */
static int append_cpus(char *args, size_t len)
{
	size_t used = strlen(args);
	const char *sep = "(";
	cpu_set_t cpus;
	int cpu;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return svart_fail(-errno, "cannot read the CPU affinity: %s", strerror(errno));
	for (cpu = 0; cpu < CPU_SETSIZE && used < len; cpu++) {
		if (!CPU_ISSET(cpu, &cpus))
			continue;
		used += (size_t)snprintf(args + used, len - used, "%s%d", sep, cpu);
		sep = ",";
	}
	if (used < len)
		used += (size_t)snprintf(args + used, len - used, ")");
	return used < len ? 0 : svart_fail(-EINVAL, "too many CPUs for EAL's --lcores");
}

/**
 * EAL runs once in a process, so this is the process's too. Locks: lock. EAL keeps pointers into its
 * arguments: so long they stay.
 */
static struct {
	pthread_mutex_t lock;
	bool failed; /**< Our start of it failed: what EAL says of itself means nothing then. */
	bool ours;   /**< We started it, so that no one else will end it. */
	char *args;
} eal = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int start(char *args)
{
	char *argv[MAX_ARGS + 1] = { "svart" };
	int argc = 1, rc;
	char *word, *save;

	for (word = strtok_r(args, " \t\n", &save); word != NULL;
		word = strtok_r(NULL, " \t\n", &save)) {
		if (argc == MAX_ARGS)
			return svart_fail(-EINVAL, "more than %d words for EAL", MAX_ARGS - 1);
		argv[argc++] = word;
	}
	rc = rte_eal_init(argc, argv);
	eal.failed = rc < 0;
	eal.ours = rc >= 0;
	if (rc >= 0)
		return 0;
	if (rte_errno == EALREADY)
		return svart_fail(-EALREADY,
			"EAL did not start before and cannot be tried again in "
			"this process: correct its arguments, start anew");
	rc = rte_errno > 0 ? -rte_errno : -EINVAL;
	return svart_fail(rc,
		"EAL does not start (%s): look at its messages above, and correct the EAL "
		"arguments",
		rte_strerror(-rc));
}

/** With the lock. */
static int start_once(const char *args)
{
	size_t len = sizeof(default_args) + (size_t)CPU_SETSIZE * sizeof("1023");
	int rc = 0;

	/* EAL counts its lcores early in its start, and has at least one then. */
	if (rte_lcore_count() != 0 && !eal.failed)
		return 0;
	free(eal.args); /* Of a start that failed. */
	eal.args = args != NULL ? strdup(args) : malloc(len);
	if (eal.args == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	if (args == NULL) {
		memcpy(eal.args, default_args, sizeof(default_args));
		rc = append_cpus(eal.args, len);
	}
	return rc != 0 ? rc : start(eal.args);
}

int svart_eal_start(const char *args)
{
	int rc;

	pthread_mutex_lock(&eal.lock);
	rc = start_once(args);
	pthread_mutex_unlock(&eal.lock);
	return rc;
}

void svart_eal_trace_save(void)
{
	int rc = 0;

	pthread_mutex_lock(&eal.lock);
	if (eal.ours && rte_trace_is_enabled())
		rc = rte_trace_save();
	pthread_mutex_unlock(&eal.lock);
	if (rc != 0)
		svart_log(SVART_LOG_ERR, "the trace could not be written (%s): see --trace-dir",
			strerror(-rc));
}
