/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* What the rigs with a real kernel share. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"

/* Has each CPU add what it counted for itself; reading the file does it. */
static void vmstat_refresh(void)
{
	FILE *file = fopen("/proc/sys/vm/stat_refresh", "re");

	if (file == NULL)
		return;
	(void)fgetc(file);
	fclose(file);
}

/* @return the counter's value in /proc/vmstat, or -1. */
static int64_t vmstat_get(const char *name)
{
	char key[64];
	int64_t value, found = -1;
	FILE *file = fopen("/proc/vmstat", "re");

	if (file == NULL)
		return -1;
	while (found < 0 && fscanf(file, "%63s %" SCNd64, key, &value) == 2)
		if (strcmp(key, name) == 0)
			found = value;
	fclose(file);
	return found;
}

int64_t rig_linux_left_behind(struct rig *rig)
{
	int64_t acquired, released;

	(void)rig;
	vmstat_refresh();
	acquired = vmstat_get("nr_foll_pin_acquired");
	released = vmstat_get("nr_foll_pin_released");
	return acquired < 0 || released < 0 ? -ENOENT : acquired - released;
}
