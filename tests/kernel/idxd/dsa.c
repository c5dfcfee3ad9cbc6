/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "dsa.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUS         "/sys/bus/dsa"
#define MAX_ENGINES 8

/* --- Files --------------------------------------------------------------------------------------- */

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int file_read(const char *path, char *buf, size_t bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, buf, bytes - 1);
	close(fd);
	if (got < 0)
		return -errno;
	buf[got] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* --- Finding ------------------------------------------------------------------------------------- */

/* /sys/bus/dsa/devices/dsaN leads to .../PCI-ADDRESS/dsaN. Returns false: it is no device. */
static bool read_dsa(const char *name, struct dsa *dsa)
{
	char path[PATH_MAX], target[PATH_MAX], *end;
	ssize_t got;

	if (sscanf(name, "dsa%u", &dsa->nr) != 1)
		return false;
	snprintf(path, sizeof(path), BUS "/devices/%s", name);
	got = readlink(path, target, sizeof(target) - 1);
	if (got < 0)
		return false;
	target[got] = '\0';
	end = strrchr(target, '/');
	if (end == NULL)
		return false;
	*end = '\0';
	end = strrchr(target, '/');
	return sscanf(end == NULL ? target : end + 1, "%15s", dsa->pci) == 1;
}

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct dsa *)a)->pci, ((const struct dsa *)b)->pci);
}

unsigned int dsa_find_all(struct dsa *dsas, unsigned int max)
{
	DIR *dir = opendir(BUS "/devices");
	unsigned int nr = 0;

	for (struct dirent *e = dir != NULL ? readdir(dir) : NULL; e != NULL; e = readdir(dir))
		if (nr < max && read_dsa(e->d_name, &dsas[nr]))
			nr++;
	if (dir != NULL)
		closedir(dir);
	qsort(dsas, nr, sizeof(*dsas), by_address);
	return nr;
}

int dsa_find(struct dsa *dsa)
{
	struct dsa all[8];
	unsigned int nr = dsa_find_all(all, 8);

	for (unsigned int i = 0; i < nr; i++) {
		if (strcmp(all[i].pci, dsa->pci) != 0)
			continue;
		dsa->nr = all[i].nr;
		return 0;
	}
	return -ENOENT;
}

int dsa_write_pci(const struct dsa *dsa, const char *file, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", dsa->pci, file);
	return file_write(path, text);
}

/* --- Configuring --------------------------------------------------------------------------------- */

static const char *wq_driver(const struct wq_config *config)
{
	return config->kernel ? "dmaengine" : "user";
}

static int write_attribute(const char *kind, const struct dsa *dsa, unsigned int nr,
	const char *attribute, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), BUS "/devices/%s%u.%u/%s", kind, dsa->nr, nr, attribute);
	return file_write(path, value);
}

static void set(struct case_run *run, const struct dsa *dsa, unsigned int wq, const char *attribute,
	const char *value)
{
	int rc = write_attribute("wq", dsa, wq, attribute, value);

	if (rc != 0)
		case_fail(run, "wq%u.%u: %s=%s: %s", dsa->nr, wq, attribute, value, strerror(-rc));
}

static void set_number(struct case_run *run, const struct dsa *dsa, unsigned int wq,
	const char *attribute, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	set(run, dsa, wq, attribute, text);
}

static void configure_wq(struct case_run *run, const struct dsa *dsa, unsigned int wq,
	const struct wq_config *config)
{
	set(run, dsa, wq, "group_id", "0");
	set(run, dsa, wq, "mode", config->shared ? "shared" : "dedicated");
	set_number(run, dsa, wq, "size", config->size);
	if (config->shared)
		set_number(run, dsa, wq, "threshold", config->threshold);
	set(run, dsa, wq, "priority", "10");
	set(run, dsa, wq, "block_on_fault", config->no_block_on_fault ? "0" : "1");
	set(run, dsa, wq, "type", config->kernel ? "kernel" : "user");
	set(run, dsa, wq, "name", config->kernel ? "dmaengine" : "suite");
	set(run, dsa, wq, "driver_name", wq_driver(config));
}

/* bind or unbind, of idxd's drivers for devices and for queues. */
static int drive(const char *driver, const char *verb, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), BUS "/drivers/%s/%s", driver, verb);
	return file_write(path, name);
}

static void bind(struct case_run *run, const struct dsa *dsa, const char *driver, const char *name)
{
	int rc = drive(driver, "bind", name);
	char path[PATH_MAX], status[128] = "";

	if (rc == 0)
		return;
	snprintf(path, sizeof(path), BUS "/devices/dsa%u/cmd_status", dsa->nr);
	file_read(path, status, sizeof(status));
	case_fail(run, "enabling %s: %s, cmd_status %s", name, strerror(-rc), status);
}

void dsa_enable(struct case_run *run, const struct dsa *dsa, const struct wq_config *config)
{
	char name[32];

	for (unsigned int i = 0; i < MAX_ENGINES; i++)
		write_attribute("engine", dsa, i, "group_id", "0");
	for (unsigned int i = 0; i < config->nr; i++)
		configure_wq(run, dsa, i, config);
	snprintf(name, sizeof(name), "dsa%u", dsa->nr);
	bind(run, dsa, "idxd", name);
	for (unsigned int i = 0; i < config->nr; i++) {
		snprintf(name, sizeof(name), "wq%u.%u", dsa->nr, i);
		bind(run, dsa, wq_driver(config), name);
	}
}

void dsa_disable(const struct dsa *dsa, const struct wq_config *config)
{
	char name[32];

	for (unsigned int i = 0; i < config->nr; i++) {
		snprintf(name, sizeof(name), "wq%u.%u", dsa->nr, i);
		drive(wq_driver(config), "unbind", name);
	}
	snprintf(name, sizeof(name), "dsa%u", dsa->nr);
	drive("idxd", "unbind", name);
}

void dsa_wq_path(const struct dsa *dsa, unsigned int wq, char *buf, size_t bytes)
{
	snprintf(buf, bytes, "/dev/dsa/wq%u.%u", dsa->nr, wq);
}
