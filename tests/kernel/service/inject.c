/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEBUGFS "/sys/kernel/debug/"

/** A knob and its value. */
struct setting {
	const char *path, *value;
};

/* By default only what is ready to fail anyway is made to: not what may sleep, no single pages. */
static const struct setting settings[] = {
	{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
	{ DEBUGFS "failslab/verbose", "0" },
	{ DEBUGFS "failslab/task-filter", "Y" },
	{ DEBUGFS "failslab/times", "-1" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ DEBUGFS "fail_page_alloc/min-order", "0" },
	{ DEBUGFS "fail_page_alloc/verbose", "0" },
	{ DEBUGFS "fail_page_alloc/task-filter", "Y" },
	{ DEBUGFS "fail_page_alloc/times", "-1" },
	{ DEBUGFS "fail_iommufd/verbose", "0" },
};

/* Not of iommufd's own hooks: they return errors that no want of memory gives. */
static const char *const probabilities[] = {
	DEBUGFS "failslab/probability",
	DEBUGFS "fail_page_alloc/probability",
};

static bool set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool taken;

	if (fd < 0)
		return false;
	taken = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	close(fd);
	return taken;
}

const char *inject_open(struct inject *inject, struct fail_machine *machine)
{
	*inject = (struct inject){ .machine = machine, .nth_fd = -1, .task_fd = -1 };
	if (machine != NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (!set(settings[i].path, settings[i].value))
			return settings[i].path;
	inject->nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	inject->task_fd = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC);
	if (inject->nth_fd >= 0 && inject->task_fd >= 0)
		return NULL;
	inject_close(inject);
	return "/proc/thread-self/fail-nth";
}

void inject_close(struct inject *inject)
{
	if (inject->machine != NULL)
		inject->machine->fail_at = 0;
	if (inject->nth_fd >= 0) {
		(void)!pwrite(inject->nth_fd, "0", 1, 0);
		close(inject->nth_fd);
		inject_at_random(inject, 0);
	}
	if (inject->task_fd >= 0)
		close(inject->task_fd);
	inject->nth_fd = -1;
	inject->task_fd = -1;
}

void inject_arm(struct inject *inject, unsigned int n)
{
	char text[16];
	int len;

	if (inject->machine != NULL) {
		atomic_store(&inject->machine->calls, 0);
		inject->machine->error = -ENOMEM;
		inject->machine->fail_at = n;
		return;
	}
	len = snprintf(text, sizeof(text), "%u", n);
	(void)!pwrite(inject->nth_fd, text, (size_t)len, 0);
}

bool inject_disarm(struct inject *inject)
{
	char text[16] = "";
	bool struck;

	if (inject->machine != NULL) {
		struck = atomic_load(&inject->machine->calls) >= inject->machine->fail_at;
		inject->machine->fail_at = 0;
		return struck;
	}
	/* What is left to count; 0: it has failed. */
	(void)!pread(inject->nth_fd, text, sizeof(text) - 1, 0);
	(void)!pwrite(inject->nth_fd, "0", 1, 0);
	return text[0] == '0';
}

bool inject_inherit(struct inject *inject, bool on)
{
	return pwrite(inject->task_fd, on ? "1" : "0", 1, 0) == 1;
}

bool inject_at_random(struct inject *inject, unsigned int percent)
{
	char text[16];

	(void)inject;
	snprintf(text, sizeof(text), "%u", percent);
	for (size_t i = 0; i < sizeof(probabilities) / sizeof(probabilities[0]); i++)
		if (!set(probabilities[i], text))
			return false;
	return true;
}
