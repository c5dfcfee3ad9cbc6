/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* The kernel's own use of the device: dmatest, which copies and compares, on queues of type "kernel". */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#include "suite.h"

#define DMATEST         "/sys/module/dmatest/parameters/"
#define SVA_PARAMETER   "/sys/module/idxd/parameters/sva"
#define QUEUES          4u
#define QUEUE_SIZE      16u
#define THREADS         2u
#define COPIES          100u
#define WAIT_MS         60000u
#define POLL_MS         100u
#define LOG_BYTES       (256 * 1024)
#define KLOG_READ_ALL   3
#define KLOG_DEVICE     "/dev/kmsg"
#define MARK            "svart: dmatest begins"
#define SUMMARY_PATTERN "summary %u tests, %u failures"

static const struct wq_config dedicated = { .nr = QUEUES, .size = QUEUE_SIZE, .kernel = true };
static const struct wq_config shared = { .nr = QUEUES,
	.size = QUEUE_SIZE,
	.threshold = QUEUE_SIZE / 2,
	.kernel = true,
	.shared = true };

/* --- Interrupts ---------------------------------------------------------------------------------- */

/* Interrupts of idxd's completion vectors: lines of /proc/interrupts that end in a name with "idxd". */
static unsigned long count_interrupts(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	unsigned long nr = 0;
	char line[512];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		char *at = strchr(line, ':'), *end = at;

		if (at == NULL || strstr(line, "idxd-portal") == NULL)
			continue;
		for (at++; end != at; at = end)
			nr += strtoul(at, &end, 10);
	}
	if (file != NULL)
		fclose(file);
	return nr;
}

/* --- dmatest ------------------------------------------------------------------------------------- */

static void set_parameter(struct case_run *run, const char *name, unsigned int value)
{
	char path[128], text[16];
	int rc;

	snprintf(path, sizeof(path), DMATEST "%s", name);
	snprintf(text, sizeof(text), "%u", value);
	rc = file_write(path, text);
	if (rc != 0)
		case_fail(run, "dmatest: %s=%u: %s", name, value, strerror(-rc));
}

/* Gives dmatest every channel that the driver has made. Returns how many it took. */
static unsigned int add_channels(void)
{
	DIR *dir = opendir("/sys/class/dma");
	unsigned int nr = 0;

	for (struct dirent *e = dir != NULL ? readdir(dir) : NULL; e != NULL; e = readdir(dir))
		if (strncmp(e->d_name, "dma", 3) == 0 &&
			file_write(DMATEST "channel", e->d_name) == 0)
			nr++;
	if (dir != NULL)
		closedir(dir);
	return nr;
}

/* What dmatest has told since the last mark: one line for each thread. */
struct summary {
	unsigned int nr_threads, nr_tests, nr_failures;
};

static void read_line(struct summary *summary, const char *line)
{
	const char *at = strstr(line, "summary ");
	unsigned int tests, failures;

	if (strstr(line, MARK) != NULL)
		*summary = (struct summary){ 0 };
	if (at == NULL || sscanf(at, SUMMARY_PATTERN, &tests, &failures) != 2)
		return;
	summary->nr_threads++;
	summary->nr_tests += tests;
	summary->nr_failures += failures;
}

static struct summary read_summary(void)
{
	struct summary summary = { 0 };
	char *log = calloc(1, LOG_BYTES), *save = NULL;

	if (log != NULL && klogctl(KLOG_READ_ALL, log, LOG_BYTES - 1) > 0)
		for (char *line = strtok_r(log, "\n", &save); line != NULL;
			line = strtok_r(NULL, "\n", &save))
			read_line(&summary, line);
	free(log);
	return summary;
}

/* dmatest's own "wait" knows of no thread that has not run yet. */
static struct summary wait_for_threads(unsigned int nr_threads)
{
	struct summary summary = read_summary();

	for (unsigned int i = 0; summary.nr_threads < nr_threads && i < WAIT_MS / POLL_MS; i++) {
		usleep(POLL_MS * 1000);
		summary = read_summary();
	}
	return summary;
}

static void run_dmatest(struct case_run *run)
{
	const unsigned int nr_threads = SUITE_DEVICES * QUEUES * THREADS;
	unsigned long before = count_interrupts();
	struct summary summary;
	unsigned int nr_channels;

	set_parameter(run, "timeout", 10000);
	set_parameter(run, "iterations", COPIES);
	set_parameter(run, "threads_per_chan", THREADS);
	set_parameter(run, "test_buf_size", 65536);
	CHECK_EQ(run, file_write(KLOG_DEVICE, MARK), 0);
	nr_channels = add_channels();
	file_write(DMATEST "run", "1");
	summary = wait_for_threads(nr_channels * THREADS);
	/* This also gives the channels back. */
	file_write(DMATEST "run", "0");
	CHECK_EQ(run, nr_channels, SUITE_DEVICES * QUEUES);
	CHECK_EQ(run, summary.nr_threads, nr_threads);
	CHECK_EQ(run, summary.nr_failures, 0);
	CHECK_EQ(run, summary.nr_tests, nr_threads * COPIES);
	/* It waits for each copy's interrupt. */
	CHECK(run, count_interrupts() > before);
}

/* --- Cases --------------------------------------------------------------------------------------- */

static void rebind(struct case_run *run, struct dsa *dsa)
{
	CHECK_EQ(run, dsa_write_pci(dsa, "driver/unbind", dsa->pci), 0);
	CHECK_EQ(run, file_write("/sys/bus/pci/drivers_probe", dsa->pci), 0);
	CHECK_EQ(run, dsa_find(dsa), 0);
}

static void rebind_all(struct case_run *run, struct suite *s, const char *sva)
{
	CHECK_EQ(run, file_write(SVA_PARAMETER, sva), 0);
	for (unsigned int i = 0; i < SUITE_DEVICES; i++)
		rebind(run, &s->dsas[i]);
}

/* Without the kernel's PASID, by the addresses of the DMA API. */
static void kernel_copies_without_sva(struct case_run *run, void *suite)
{
	struct suite *s = suite;

	rebind_all(run, s, "N");
	suite_enable(run, s, &dedicated);
	run_dmatest(run);
}

static void kernel_copies_with_sva(struct case_run *run, void *suite)
{
	rebind_all(run, suite, "Y");
	suite_enable(run, suite, &dedicated);
	run_dmatest(run);
}

static void kernel_copies_by_shared_queues(struct case_run *run, void *suite)
{
	rebind_all(run, suite, "Y");
	suite_enable(run, suite, &shared);
	run_dmatest(run);
}

const struct suite_case suite_kernel_cases[] = {
	{ "kernel_copies_without_sva", kernel_copies_without_sva },
	{ "kernel_copies_with_sva", kernel_copies_with_sva },
	{ "kernel_copies_by_shared_queues", kernel_copies_by_shared_queues },
	{ NULL, NULL },
};
