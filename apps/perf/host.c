/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "host.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/** Finds what follows `name` and a colon in /proc/cpuinfo. */
static void read_cpu_name(char *name, size_t bytes)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256], *value;

	snprintf(name, bytes, "unknown");
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		value = strstr(line, ": ");
		if (strncmp(line, "model name", strlen("model name")) != 0 || value == NULL)
			continue;
		value[strcspn(value, "\n")] = '\0';
		snprintf(name, bytes, "%s", value + 2);
		break;
	}
	fclose(file);
}

/** Of "always [madvise] never" what is in brackets. */
static void read_huge_pages(char *mode, size_t bytes)
{
	FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
	char line[64] = "", *open, *close;

	snprintf(mode, bytes, "unknown");
	if (file == NULL)
		return;
	if (fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	fclose(file);
	open = strchr(line, '[');
	close = open != NULL ? strchr(open, ']') : NULL;
	if (close == NULL)
		return;
	*close = '\0';
	snprintf(mode, bytes, "%s", open + 1);
}

void svart_perf_host_get(struct perf_host *host)
{
	struct utsname name;
	cpu_set_t cpus;

	*host = (struct perf_host){ .cores = 1 };
	read_cpu_name(host->cpu, sizeof(host->cpu));
	read_huge_pages(host->huge_pages, sizeof(host->huge_pages));
	if (uname(&name) == 0)
		snprintf(host->kernel, sizeof(host->kernel), "%.*s", (int)sizeof(host->kernel) - 1,
			name.release);
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		host->cores = (unsigned int)CPU_COUNT(&cpus);
	getloadavg(&host->load, 1);
}

void svart_perf_host_json(struct perf_json *j, const struct perf_host *host, unsigned int rounds)
{
	svart_perf_json_object(j, "machine");
	svart_perf_json_string(j, "cpu", host->cpu);
	svart_perf_json_uint(j, "cores", host->cores);
	svart_perf_json_string(j, "kernel", host->kernel);
	svart_perf_json_string(j, "huge_pages", host->huge_pages);
	svart_perf_json_string(j, "version", SVART_PERF_VERSION);
	svart_perf_json_string(j, "build", SVART_PERF_BUILD);
	svart_perf_json_string(j, "sanitizers", SVART_PERF_SANITIZERS);
	svart_perf_json_real(j, "load", host->load, 2);
	svart_perf_json_uint(j, "rounds", rounds);
	svart_perf_json_object_end(j);
}

void svart_perf_host_text(const struct perf_host *host, unsigned int rounds)
{
	printf("%s, %u cores, Linux %s, load %.1f; %s build, sanitizers: %s; medians of %u "
	       "rounds\n\n",
		host->cpu, host->cores, host->kernel, host->load, SVART_PERF_BUILD,
		SVART_PERF_SANITIZERS, rounds);
}
