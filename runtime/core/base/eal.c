/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "eal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_trace.h>

#include "eal_look.h"
#include "error.h"

/** Most words of EAL's command line, two of them svart's own. */
#define MAX_ARGS  64
#define MAX_WORDS (MAX_ARGS - 3)

/**
 * These need neither root, hugepages nor a PCI scan, and write no file except telemetry's socket. The
 * memory is only for EAL itself, which never touches all of the 16 MiB.
 */
static const char default_args[] =
	"--no-huge -m 16 --no-pci --no-shconf --iova-mode=va --file-prefix=" SVART_EAL_PREFIX
	" --log-level=lib.telemetry:error --lcores=0@";

/**
 * Appends one lcore that floats over every CPU the thread may use. Otherwise EAL would pin the calling
 * thread, and with it the threads that it starts later, to one CPU.
 */
static int append_cpus(char *args, size_t len)
{
	size_t used = strlen(args);
	const char *sep = "(";
	cpu_set_t cpus;
	int cpu;

	if (svart_eal_cpus(&cpus) == 0)
		return svart_fail(
			-ENODEV, "/sys shows EAL none of this process's CPUs: mount sysfs");
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
 * EAL runs once in a process, so there is one of this in a process. Locks: lock, which a child made by
 * fork() makes anew, because a start takes long and no fork waits for it. EAL keeps pointers into its
 * arguments, so they are kept as well.
 */
static struct {
	pthread_mutex_t lock;
	bool starting; /**< This process is starting EAL now. */
	bool failed; /**< svart's start of EAL failed: what EAL says of itself means nothing then. */
	bool ours;   /**< svart started EAL, so nobody else will end it. */
	char *args;
} eal = { .lock = PTHREAD_MUTEX_INITIALIZER };

/** Cuts args into words. @return how many, or -EINVAL, told. */
static int split(char *args, char *words[MAX_WORDS])
{
	char *word, *save;
	int nr = 0;

	for (word = strtok_r(args, " \t\n", &save); word != NULL;
		word = strtok_r(NULL, " \t\n", &save)) {
		if (nr == MAX_WORDS)
			return svart_fail(-EINVAL, "more than %d words for EAL", MAX_WORDS);
		words[nr++] = word;
	}
	return nr;
}

/** @return the last value of an option, given as --OPTION=VALUE or --OPTION VALUE; or NULL. */
static const char *option_find(char *const *words, int nr, const char *option)
{
	size_t len = strlen(option);
	const char *value = NULL;
	int i;

	for (i = 0; i < nr; i++) {
		if (strncmp(words[i], option, len) != 0)
			continue;
		if (words[i][len] == '=')
			value = words[i] + len + 1;
		else if (words[i][len] == '\0')
			value = i + 1 < nr ? words[i + 1] : "";
	}
	return value;
}

/**
 * Tells whether to leave telemetry to EAL: if the words have an option for it, or if the socket can be
 * made.
 */
static bool wants_telemetry(char *const *words, int nr)
{
	const char *prefix = option_find(words, nr, "--file-prefix");
	char text[256];

	if (option_find(words, nr, "--telemetry") != NULL ||
		option_find(words, nr, "--no-telemetry") != NULL)
		return true;
	if (svart_eal_has_telemetry(prefix != NULL ? prefix : "rte", text, sizeof(text)))
		return true;
	svart_log(SVART_LOG_INFO, "no telemetry: %s", text);
	return false;
}

static int tell_not_started(int rc)
{
	if (rc == EALREADY)
		return svart_fail(-EALREADY,
			"EAL did not start before and cannot be tried again in "
			"this process: correct its arguments, start anew");
	rc = rc > 0 ? -rc : -EINVAL;
	return svart_fail(rc,
		"EAL does not start (%s): look at its messages above, and correct the EAL "
		"arguments; --no-huge, --no-pci, --no-shconf and --no-telemetry do without what a "
		"container may lack",
		rte_strerror(-rc));
}

/** @param defaults whether the arguments are svart's own. */
static int start(char *args, bool defaults)
{
	char *words[MAX_WORDS], *argv[MAX_ARGS] = { (char *)"svart" };
	int nr = split(args, words), argc = 1, rc;
	bool telemetry;

	if (nr < 0)
		return nr;
	telemetry = wants_telemetry(words, nr);
	if (!telemetry)
		argv[argc++] = (char *)"--no-telemetry";
	/* If there is no folder for the socket, EAL logs an error and goes on. */
	if (defaults)
		argv[argc++] = (char *)(telemetry ? "--log-level=lib.eal:warning"
						  : "--log-level=lib.eal:critical");
	memcpy(&argv[argc], words, (size_t)nr * sizeof(words[0]));
	rc = rte_eal_init(argc + nr, argv);
	eal.failed = rc < 0;
	eal.ours = rc >= 0;
	if (rc < 0)
		return tell_not_started(rte_errno);
	if (defaults)
		rte_log_set_level_pattern("lib.eal", RTE_LOG_WARNING);
	return 0;
}

/** Starts EAL unless it runs. The caller holds the lock. */
static int start_once(const char *args)
{
	size_t len = sizeof(default_args) + (size_t)CPU_SETSIZE * sizeof("1023");
	int rc = 0;

	/* EAL counts its lcores early in its start, and has at least one then. */
	if (rte_lcore_count() != 0 && !eal.failed)
		return 0;
	free(eal.args); /* They are left from a start that failed. */
	eal.args = args != NULL ? strdup(args) : malloc(len);
	if (eal.args == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	if (args == NULL) {
		memcpy(eal.args, default_args, sizeof(default_args));
		rc = append_cpus(eal.args, len);
	}
	return rc != 0 ? rc : start(eal.args, args == NULL);
}

int svart_eal_start(const char *args, bool *runs)
{
	int rc;

	pthread_mutex_lock(&eal.lock);
	eal.starting = true;
	rc = start_once(args);
	eal.starting = false;
	pthread_mutex_unlock(&eal.lock);
	*runs = rc == 0;
	if (rc == 0 || args != NULL)
		return rc;
	svart_log(rc == -ENODEV ? SVART_LOG_INFO : SVART_LOG_WARN,
		"%s. Going on without EAL: without telemetry, traces and DPDK services",
		svart_fail_text());
	return 0;
}

void svart_eal_forked(void)
{
	pthread_mutex_init(&eal.lock, NULL);
	if (!eal.starting)
		return;
	/*
	 * No thread of the child goes on with the start. The arguments may be half copied, so they are left
	 * alone.
	 */
	eal.starting = false;
	eal.failed = true;
	eal.args = NULL;
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
