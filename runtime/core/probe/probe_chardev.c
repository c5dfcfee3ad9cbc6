/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Accelerators that kernel drivers offer by character devices of their own: work queues of idxd, and
 * uacce. svart has no driver for these; the probe tells their state all the same.
 */

#include <stdio.h>
#include <string.h>

#include "kernel.h"
#include "machine.h"
#include "pci.h"
#include "probe_check.h"
#include "probe_host.h"
#include "probe_list.h"
#include "probe_text.h"

#define DSA_DIR    "/sys/bus/dsa/devices"
#define UACCE_DIR  "/sys/class/uacce"
#define PATH_BYTES 320
/** A name in sysfs is shorter than that (NAME_MAX). */
#define NAME_BYTES 256
/** Room for an attribute; a longer one is cut. */
#define VALUE_BYTES 48

/** What listdir() passes to its callback. */
struct walk {
	const struct svart_probe_host *host;
	struct svart_probe_list *list;
	int rc;
};

/** Reads an attribute's text, "unknown" if there is none. */
static const char *read_attribute(struct svart_machine *m, const char *dir, const char *name,
	const char *file, char value[VALUE_BYTES])
{
	char path[PATH_BYTES];
	size_t len;

	len = (size_t)snprintf(path, sizeof(path), "%s/%s/%s", dir, name, file);
	if (len >= sizeof(path) || svart_sysfs_read(m, path, value, VALUE_BYTES) != 0 ||
		value[0] == '\0')
		return "unknown";
	value[strcspn(value, "\n")] = '\0'; /* uacce lists one algorithm on each line. */
	return value;
}

/** Finds a PCI address in a link's target: .../0000:6a:01.0/dsa0/wq0.0 */
static void find_address(struct svart_machine *m, const char *dir, const char *name,
	char address[SVART_PCI_ADDRESS_LEN])
{
	char path[PATH_BYTES], target[512], *part, *rest = target;
	ssize_t n;

	address[0] = '\0';
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return;
	n = m->ops->readlink(m, path, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = '\0';
	while ((part = strsep(&rest, "/")) != NULL) {
		if (svart_pci_address_check(part) == 0)
			snprintf(address, SVART_PCI_ADDRESS_LEN, "%.12s", part);
	}
}

/** Adds a device. The last PCI function on the path is the device itself; those before it are bridges. */
static struct svart_probe_found *add(
	struct walk *walk, const char *path, const char *dir, const char *name)
{
	struct svart_probe_found *found = svart_probe_list_add(walk->list, path, &walk->rc);

	if (found == NULL)
		return NULL;
	svart_probe_print(found->dev.name, sizeof(found->dev.name), "%s:%s", path, name);
	find_address(walk->host->m, dir, name, found->dev.address);
	svart_probe_miss(&found->paths[0], SVART_PROBE_UNSUPPORTED, "not supported by svart yet");
	return found;
}

/** Tells whether a name is of a work queue, such as "wq0.0"; "dsa0", "engine0.0" and "group0.0" are not. */
static bool is_wq(const char *name)
{
	return strncmp(name, "wq", 2) == 0 && name[2] >= '0' && name[2] <= '9';
}

static int take_wq(void *arg, const char *name)
{
	char state[VALUE_BYTES], type[VALUE_BYTES], mode[VALUE_BYTES], driver[VALUE_BYTES];
	struct walk *walk = arg;
	struct svart_machine *m = walk->host->m;
	struct svart_probe_found *found;

	if (!is_wq(name) || strlen(name) >= NAME_BYTES)
		return 0;
	found = add(walk, "idxd", DSA_DIR, name);
	if (found == NULL)
		return walk->rc;
	svart_probe_print(found->dev.model, sizeof(found->dev.model), "idxd work queue");
	svart_probe_print(found->dev.kernel_driver, sizeof(found->dev.kernel_driver), "idxd");
	svart_probe_note(&found->paths[0], "state %s, type %s, mode %s, driver_name %s",
		read_attribute(m, DSA_DIR, name, "state", state),
		read_attribute(m, DSA_DIR, name, "type", type),
		read_attribute(m, DSA_DIR, name, "mode", mode),
		read_attribute(m, DSA_DIR, name, "driver_name", driver));
	svart_probe_note(
		&found->paths[0], "mapping its portal takes CAP_SYS_RAWIO (INTEL-SA-01084)");
	if (found->dev.address[0] != '\0')
		svart_probe_fix(&found->paths[0],
			"disable it (accel-config disable-device), and bind %s to vfio-pci",
			found->dev.address);
	return 0;
}

static int take_uacce(void *arg, const char *name)
{
	char api[VALUE_BYTES], flags[VALUE_BYTES], algorithms[VALUE_BYTES];
	struct walk *walk = arg;
	struct svart_machine *m = walk->host->m;
	struct svart_probe_found *found;

	if (strlen(name) >= NAME_BYTES)
		return 0;
	found = add(walk, "uacce", UACCE_DIR, name);
	if (found == NULL)
		return walk->rc;
	svart_probe_print(found->dev.model, sizeof(found->dev.model), "uacce device");
	/* ABI/testing/sysfs-driver-uacce: bit 0 of flags says that it takes process addresses. */
	svart_probe_note(&found->paths[0], "api %s, flags %s, algorithms %s",
		read_attribute(m, UACCE_DIR, name, "api", api),
		read_attribute(m, UACCE_DIR, name, "flags", flags),
		read_attribute(m, UACCE_DIR, name, "algorithms", algorithms));
	return 0;
}

static int walk_dir(const struct svart_probe_host *host, struct svart_probe_list *list,
	const char *dir, int (*take)(void *arg, const char *name))
{
	struct walk walk = { .host = host, .list = list };
	uint32_t from = list->nr;

	host->m->ops->listdir(host->m, dir, take, &walk);
	svart_probe_list_sort(list, from);
	return walk.rc;
}

int svart_probe_idxd(const struct svart_probe_host *host, struct svart_probe_list *list)
{
	return walk_dir(host, list, DSA_DIR, take_wq);
}

int svart_probe_uacce(const struct svart_probe_host *host, struct svart_probe_list *list)
{
	return walk_dir(host, list, UACCE_DIR, take_uacce);
}
