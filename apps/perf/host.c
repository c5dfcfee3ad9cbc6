/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "host.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "json_out.h"

/** Finds the text after `name` and a colon in /proc/cpuinfo. */
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

/** Reads the word in brackets of "always [madvise] never". */
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

json_t *svart_perf_host_json(const struct perf_host *host, unsigned int rounds)
{
	/* clang-format off */
	return json_pack("{s:o, s:i, s:o, s:o, s:s, s:s, s:s, s:o, s:i}",
		"cpu", app_json_text(host->cpu),
		"cores", host->cores,
		"kernel", app_json_text(host->kernel),
		"huge_pages", app_json_text(host->huge_pages),
		"version", APP_VERSION,
		"build", SVART_PERF_BUILD,
		"sanitizers", SVART_PERF_SANITIZERS,
		"load", app_json_real(host->load),
		"rounds", rounds);
	/* clang-format on */
}

void svart_perf_host_text(const struct perf_host *host, unsigned int rounds)
{
	printf("%s, %u cores, Linux %s, load %.1f; %s build, sanitizers: %s; medians of %u "
	       "rounds\n\n",
		host->cpu, host->cores, host->kernel, host->load, SVART_PERF_BUILD,
		SVART_PERF_SANITIZERS, rounds);
}
