/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "pci.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 256
#define PCI_DIR    "/sys/bus/pci/devices"

int svart_sysfs_read(struct svart_machine *m, const char *path, char *buf, size_t len)
{
	int fd = m->ops->open(m, path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = m->ops->read(m, fd, buf, len - 1);
	m->ops->close(m, fd);
	if (n < 0)
		return (int)n;
	buf[n] = '\0';
	if (n > 0 && buf[n - 1] == '\n')
		buf[n - 1] = '\0';
	return 0;
}

static int read_number(struct svart_machine *m, const char *address, const char *file, int64_t min,
	int64_t max, int64_t *value)
{
	char path[PATH_BYTES], text[32], *end;
	int64_t number;
	int rc;

	snprintf(path, sizeof(path), PCI_DIR "/%s/%s", address, file);
	rc = svart_sysfs_read(m, path, text, sizeof(text));
	if (rc != 0)
		return rc;
	errno = 0;
	number = strtoll(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0' || number < min || number > max)
		return -EBADMSG;
	*value = number;
	return 0;
}

int svart_sysfs_link_name(struct svart_machine *m, const char *path, char *name, size_t len)
{
	char target[PATH_BYTES];
	const char *last;
	ssize_t n;

	name[0] = '\0';
	n = m->ops->readlink(m, path, target, sizeof(target) - 1);
	if (n == -ENOENT)
		return 0;
	if (n < 0)
		return (int)n;
	target[n] = '\0';
	last = strrchr(target, '/');
	last = last != NULL ? last + 1 : target;
	if (*last == '\0' || strlen(last) >= len)
		return -EBADMSG;
	strcpy(name, last);
	return 0;
}

/** Takes the first "vfioN" of a vfio-dev folder. */
static int take_vfio_name(void *arg, const char *name)
{
	char *cdev = arg;
	size_t digits;

	if (strncmp(name, "vfio", strlen("vfio")) != 0)
		return 0;
	digits = strspn(name + strlen("vfio"), "0123456789");
	if (digits == 0 || digits > 9 || name[strlen("vfio") + digits] != '\0')
		return 0;
	snprintf(cdev, sizeof(((struct svart_pci_device *)0)->vfio_cdev), "/dev/vfio/devices/%.13s",
		name);
	return 1;
}

static int read_vfio_cdev(struct svart_machine *m, const char *address, char *cdev)
{
	char path[PATH_BYTES];
	int rc;

	cdev[0] = '\0';
	snprintf(path, sizeof(path), PCI_DIR "/%s/vfio-dev", address);
	rc = m->ops->listdir(m, path, take_vfio_name, cdev);
	return rc == -ENOENT || rc > 0 ? 0 : rc;
}

int svart_pci_read(struct svart_machine *m, const char *address, struct svart_pci_device *dev)
{
	int64_t vendor, device, revision, node = -1;
	char driver[PATH_BYTES];
	int rc;

	rc = read_number(m, address, "vendor", 0, UINT16_MAX, &vendor);
	if (rc != 0)
		return rc == -ENOENT ? -ENODEV : rc;
	rc = read_number(m, address, "device", 0, UINT16_MAX, &device);
	if (rc != 0)
		return rc;
	rc = read_number(m, address, "revision", 0, UINT8_MAX, &revision);
	if (rc != 0)
		return rc;
	rc = read_number(m, address, "numa_node", -1, INT32_MAX, &node);
	if (rc != 0 && rc != -ENOENT) /* A kernel without NUMA has no such file. */
		return rc;
	*dev = (struct svart_pci_device){
		.vendor = (uint16_t)vendor,
		.device = (uint16_t)device,
		.revision = (uint8_t)revision,
		.numa_node = (int32_t)node,
	};
	snprintf(dev->address, sizeof(dev->address), "%s", address);
	snprintf(driver, sizeof(driver), PCI_DIR "/%s/driver", address);
	rc = svart_sysfs_link_name(m, driver, dev->driver, sizeof(dev->driver));
	if (rc != 0)
		return rc;
	return read_vfio_cdev(m, address, dev->vfio_cdev);
}
