/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WIDTH  100
#define INDENT 12

/** Prints a word in the left column and a text beside it, broken at blanks. */
static void print_row(const char *word, const char *text)
{
	size_t room = WIDTH - INDENT, len;

	printf("  %-*s", INDENT - 2, word);
	while (strlen(text) > room) {
		for (len = room; len > 0 && text[len] != ' '; len--)
			;
		if (len == 0)
			len = strcspn(text, " ");
		printf("%.*s\n", (int)len, text);
		text += len + (text[len] == ' ');
		if (*text != '\0')
			printf("%*s", INDENT, "");
	}
	if (*text != '\0')
		printf("%s\n", text);
}

static void print_system(const struct svart_probe_system *system)
{
	char text[320];

	puts("system");
	print_row("kernel", system->kernel[0] != '\0' ? system->kernel : "unknown");
	if (!system->iommufd)
		print_row("iommufd", "no /dev/iommu");
	else
		print_row("iommufd",
			system->iommufd_permitted ? "/dev/iommu" : "/dev/iommu, no permission");
	snprintf(text, sizeof(text), "%" PRIu32, system->nr_iommus);
	print_row("IOMMUs", text);
	if (!system->sysfs)
		print_row("sysfs",
			"nothing in /sys, so no device is seen: mount -t sysfs sysfs /sys");
	print_row("CPU", system->movdir64b ? "has MOVDIR64B" : "has no MOVDIR64B");
	snprintf(text, sizeof(text), "%" PRIu64 " KiB can be pinned for devices",
		system->pin_limit_bytes >> 10);
	print_row("memory", text);
	if (system->telemetry[0] != '\0')
		snprintf(text, sizeof(text), "%s", system->telemetry);
	else
		snprintf(text, sizeof(text), "none: %s. Programs start without",
			system->telemetry_missing);
	print_row("telemetry", text);
}

static void print_path(const struct svart_probe_path *path)
{
	char text[sizeof(path->missing) + 16];

	if (path->ready)
		snprintf(text, sizeof(text), "ready");
	else
		snprintf(text, sizeof(text), "missing: %s", path->missing);
	print_row(path->path, text);
	if (path->fix[0] != '\0')
		print_row("  fix", path->fix);
	if (path->note[0] != '\0')
		print_row("  note", path->note);
	if (path->ready)
		print_row("  open as", path->spec);
}

static void print_device(
	const struct svart_probe *probe, uint32_t index, const struct svart_probe_device *dev)
{
	struct svart_probe_path path = SVART_PROBE_PATH_INIT();
	char text[160];
	uint32_t i;

	printf("\n%s\n", dev->name);
	snprintf(text, sizeof(text), "%s%s%s%s%s", dev->model,
		dev->address[0] != '\0' ? " at " : "", dev->address,
		dev->kernel_driver[0] != '\0' ? ", bound to " : "", dev->kernel_driver);
	print_row("is", text);
	if (dev->numa_node >= 0) {
		snprintf(text, sizeof(text), "%" PRId32, dev->numa_node);
		print_row("NUMA node", text);
	}
	for (i = 0; svart_probe_path_get(probe, index, i, &path) == 0; i++)
		print_path(&path);
}

static void print_trial(const struct info_trial *trial)
{
	char text[160];
	int len;

	printf("\nprobe of %s: %s\n", trial->spec, trial->ok ? "succeeded" : "FAILED");
	print_row("result", trial->result);
	if (trial->time_ns == 0)
		return;
	len = snprintf(text, sizeof(text), "%.1f us %s; %" PRIu64 " page requests arrived",
		(double)trial->time_ns / 1e3,
		trial->ended ? "for the operation" : "until it was given up", trial->page_requests);
	if (trial->answers != 0 && len > 0 && (size_t)len < sizeof(text))
		snprintf(text + len, sizeof(text) - (size_t)len, ", answered within %.1f us",
			(double)trial->answer_ns / 1e3);
	print_row("time", text);
}

static void print_left_out(const struct svart_probe_system *system)
{
	if (system->nr_unreadable != 0)
		printf("\n%" PRIu32 " PCI functions were passed over: what sysfs says of them "
		       "cannot be read\n",
			system->nr_unreadable);
	if (system->nr_left_out != 0)
		printf("\n%" PRIu32 " more devices were left out\n", system->nr_left_out);
}

void svart_info_print_text(const struct svart_probe *probe, const struct info_trial *trial)
{
	struct svart_probe_system system = SVART_PROBE_SYSTEM_INIT();
	struct svart_probe_device dev = SVART_PROBE_DEVICE_INIT();
	bool silicon = false;
	uint32_t i;

	svart_probe_system_get(probe, &system);
	print_system(&system);
	for (i = 0; svart_probe_device_get(probe, i, &dev) == 0; i++) {
		print_device(probe, i, &dev);
		silicon |= !dev.software;
	}
	if (!silicon)
		puts("\nno accelerator that svart knows is in this system");
	print_left_out(&system);
	if (trial != NULL)
		print_trial(trial);
}
