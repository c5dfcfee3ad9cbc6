/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "prq.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "dsa.h"

#define TRACING "/sys/kernel/tracing"
#define EVENT   TRACING "/events/intel_iommu/prq_report/enable"

/* What one CPU's buffer has, and what did not fit in it. Returns false: no such CPU. */
static bool count_cpu(unsigned int cpu, long *count)
{
	char path[128], line[128];
	unsigned long nr;
	FILE *file;

	snprintf(path, sizeof(path), TRACING "/per_cpu/cpu%u/stats", cpu);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "entries: %lu", &nr) == 1 ||
			sscanf(line, "overrun: %lu", &nr) == 1)
			*count += (long)nr;
	fclose(file);
	return true;
}

static long count_all(void)
{
	long count = 0;
	unsigned int cpu = 0;

	while (count_cpu(cpu, &count))
		cpu++;
	return count;
}

/* What the buffers had counted when prq_start() was called. */
static long begun_at;

int prq_start(void)
{
	struct stat st;
	int rc;

	if (stat(EVENT, &st) != 0 && mount("trace", TRACING, "tracefs", 0, NULL) != 0)
		return -errno;
	rc = file_write(EVENT, "1");
	begun_at = count_all();
	return rc;
}

long prq_count(void)
{
	return count_all() - begun_at;
}
