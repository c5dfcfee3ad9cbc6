/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * DPDK dmadevs, driven as a DPDK program does: dma_skeleton, DPDK's own in software, which copies on
 * a thread; and dma_svart0, svart's, on a DSA of the software machine. Its driver is a file of its own
 * (librte_dma_svart.so); this program looks for it next to its own build, and where libraries are.
 */
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_dmadev.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include "copy_engine.h"
#include "message.h"
#include "say.h"

#define DRIVER "librte_dma_svart.so"
/** Room for the numbers of all possible CPUs. */
#define CPUS_BYTES (CPU_SETSIZE * 5)

/** Owner: one thread. Lifetime: open to close. Locks: none. */
struct perf_engine {
	const char *name;
	int16_t dev_id;
	uint16_t min_desc, max_desc;
};

/**
 * Writes one lcore that floats over all CPUs: otherwise EAL would bind this thread, and others with it, to
 * one CPU.
 */
static void lcores_write(char *text, size_t bytes)
{
	size_t used = (size_t)snprintf(text, bytes, "--lcores=0@(");
	const char *sep = "";
	cpu_set_t cpus;
	int cpu;

	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (cpu = 0; cpu < CPU_SETSIZE && used < bytes; cpu++) {
		if (!CPU_ISSET(cpu, &cpus))
			continue;
		used += (size_t)snprintf(text + used, bytes - used, "%s%d", sep, cpu);
		sep = ",";
	}
	if (used < bytes)
		snprintf(text + used, bytes - used, ")");
}

/** Starts EAL, which runs once in a process and keeps its arguments. @return 0 or -errno, told. */
static int eal_start(void)
{
	static char lcores[CPUS_BYTES];
	char *argv[] = { "svart-perf", "--no-huge", "-m", "64", "--no-pci", "--no-shconf",
		"--iova-mode=va", "--no-telemetry", "--file-prefix=svart-perf", "--log-level=error",
		lcores, NULL };

	if (lcores[0] != '\0')
		return 0;
	lcores_write(lcores, sizeof(lcores));
	if (rte_eal_init((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv) >= 0)
		return 0;
	app_say("cannot start EAL: %s", rte_strerror(rte_errno));
	return -EIO;
}

/** Opens a device. @return 0; -ENODEV if there is no such driver; told. */
static int device_open(const char *name, const char *args, struct perf_engine **out)
{
	struct perf_engine *e;
	struct rte_dma_info info;
	int rc = rte_eal_hotplug_add("vdev", name, args);

	if (rc != 0) {
		app_say("%s is left out: EAL cannot make it: %s", name, rte_strerror(-rc));
		return -ENODEV;
	}
	e = calloc(1, sizeof(*e));
	if (e == NULL) {
		rte_eal_hotplug_remove("vdev", name);
		return svart_perf_say_errno("measure dmadevs", -ENOMEM);
	}
	e->name = name;
	e->dev_id = (int16_t)rte_dma_get_dev_id_by_name(name);
	rte_dma_info_get(e->dev_id, &info);
	e->min_desc = info.min_desc;
	e->max_desc = info.max_desc;
	*out = e;
	return 0;
}

static int open_skeleton(struct perf_engine **out)
{
	int rc = eal_start();

	return rc != 0 ? rc : device_open("dma_skeleton", "", out);
}

/** Loads the driver, which registers itself with EAL; it stays loaded. @return whether it is there. */
static bool driver_load(void)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof(DRIVER) - 32);
	char *slash;

	path[len > 0 ? len : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL) {
		strcpy(slash, "/../pmd/dmadev/" DRIVER);
		if (access(path, R_OK) == 0)
			return dlopen(path, RTLD_NOW) != NULL;
	}
	return dlopen(DRIVER, RTLD_NOW) != NULL;
}

static int open_svart(struct perf_engine **out)
{
	int rc = eal_start();

	if (rc != 0)
		return rc;
	if (!driver_load()) {
		app_say("svart-dmadev is left out: %s", dlerror());
		return -ENODEV;
	}
	return device_open("dma_svart0", "device=model:dsa1", out);
}

static int start(struct perf_engine *e, uint32_t *depth)
{
	const struct rte_dma_conf dev_conf = { .nb_vchans = 1 };
	struct rte_dma_vchan_conf conf = { .direction = RTE_DMA_DIR_MEM_TO_MEM };
	int rc;

	if (*depth > e->max_desc)
		*depth = e->max_desc;
	conf.nb_desc = *depth < e->min_desc ? e->min_desc : (uint16_t)*depth;
	rc = rte_dma_configure(e->dev_id, &dev_conf);
	if (rc == 0)
		rc = rte_dma_vchan_setup(e->dev_id, 0, &conf);
	if (rc == 0)
		rc = rte_dma_start(e->dev_id);
	if (rc != 0)
		app_say("cannot start %s: %s", e->name, rte_strerror(-rc));
	return rc;
}

static uint16_t submit(
	struct perf_engine *e, const struct perf_slots *slots, uint64_t n, uint16_t nr)
{
	uint64_t off;
	uint16_t i;

	for (i = 0; i < nr; i++) {
		off = svart_perf_slot_off(slots, n + i);
		if (rte_dma_copy(e->dev_id, 0, (uintptr_t)slots->src + off,
			    (uintptr_t)slots->dst + off, slots->size, 0) < 0)
			break;
	}
	rte_dma_submit(e->dev_id, 0);
	return i;
}

static int poll_dmadev(struct perf_engine *e, uint16_t nr)
{
	bool has_error = false;
	uint16_t last, n = rte_dma_completed(e->dev_id, 0, nr, &last, &has_error);

	return has_error ? -EIO : n;
}

static void stop(struct perf_engine *e)
{
	rte_dma_stop(e->dev_id);
}

static void close_dmadev(struct perf_engine *e)
{
	rte_eal_hotplug_remove("vdev", e->name);
	free(e);
}

const struct perf_engine_ops svart_perf_engine_skeleton = {
	.name = "dma_skeleton",
	.open = open_skeleton,
	.start = start,
	.submit = submit,
	.poll = poll_dmadev,
	.stop = stop,
	.close = close_dmadev,
};

const struct perf_engine_ops svart_perf_engine_svart_dmadev = {
	.name = "svart-dmadev",
	.open = open_svart,
	.start = start,
	.submit = submit,
	.poll = poll_dmadev,
	.stop = stop,
	.close = close_dmadev,
};
