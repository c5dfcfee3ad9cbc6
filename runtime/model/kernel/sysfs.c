/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bits.h"
#include "kernel_device.h"
#include "kernel_state.h"

#define DENYLIST_PATH "/sys/module/vfio_pci/parameters/disable_denylist"
#define DEVICES_DIR   "/sys/bus/pci/devices"
#define CDEVS_DIR     "/dev/vfio/devices"
#define DRIVER_TARGET "../../../../bus/pci/drivers/vfio-pci"

/** What a path names. */
enum node {
	NODE_NONE,
	NODE_DENYLIST, /**< The file. */
	NODE_DEVICES,  /**< Folder of the devices. */
	NODE_CDEVS,    /**< Folder of the cdevs. */
	NODE_DEVICE,   /**< Folder of one device. */
	NODE_VENDOR,   /**< Files of a device, in the order of attributes[]. */
	NODE_DEVICE_ID,
	NODE_CLASS,
	NODE_REVISION,
	NODE_NUMA_NODE,
	NODE_DRIVER,    /**< The link. */
	NODE_VFIO_DEV,  /**< Folder in a device's folder. */
	NODE_VFIO_CDEV, /**< Folder in NODE_VFIO_DEV. */
};

static const struct {
	const char *name;
	enum node node;
} attributes[] = {
	{ "vendor", NODE_VENDOR },
	{ "device", NODE_DEVICE_ID },
	{ "class", NODE_CLASS },
	{ "revision", NODE_REVISION },
	{ "numa_node", NODE_NUMA_NODE },
	{ "driver", NODE_DRIVER },
	{ "vfio-dev", NODE_VFIO_DEV },
};

static void cdev_name(const struct svart_kernel_device *dev, char *name, size_t len)
{
	snprintf(name, len, "vfio%u", dev->index);
}

/** Finds what a path inside a device's folder names. */
static enum node find_attribute(const struct svart_kernel_device *dev, const char *rest)
{
	char cdev[32];
	size_t i;

	for (i = 0; i < SVART_ARRAY_SIZE(attributes); i++) {
		if (strcmp(rest, attributes[i].name) == 0)
			return attributes[i].node;
	}
	snprintf(cdev, sizeof(cdev), "vfio-dev/vfio%u", dev->index);
	return strcmp(rest, cdev) == 0 ? NODE_VFIO_CDEV : NODE_NONE;
}

/** Finds what a path below DEVICES_DIR names: ADDRESS or ADDRESS/REST. */
static enum node find_in_devices(
	struct svart_kernel *kernel, const char *rest, struct svart_kernel_device **dev)
{
	size_t len = strcspn(rest, "/");
	char address[16];

	if (len >= sizeof(address))
		return NODE_NONE;
	memcpy(address, rest, len);
	address[len] = '\0';
	*dev = svart_kernel_device_find(kernel, address);
	if (*dev == NULL)
		return NODE_NONE;
	return rest[len] == '\0' ? NODE_DEVICE : find_attribute(*dev, rest + len + 1);
}

static enum node find(
	struct svart_kernel *kernel, const char *given, struct svart_kernel_device **dev)
{
	size_t len = strlen(given);
	char path[256];

	while (len > 1 && given[len - 1] == '/')
		len--;
	if (len >= sizeof(path))
		return NODE_NONE;
	memcpy(path, given, len);
	path[len] = '\0';
	if (strcmp(path, DENYLIST_PATH) == 0)
		return NODE_DENYLIST;
	if (strcmp(path, CDEVS_DIR) == 0)
		return NODE_CDEVS;
	if (strcmp(path, DEVICES_DIR) == 0)
		return NODE_DEVICES;
	if (strncmp(path, DEVICES_DIR "/", sizeof(DEVICES_DIR)) != 0)
		return NODE_NONE;
	return find_in_devices(kernel, path + sizeof(DEVICES_DIR), dev);
}

/** Writes the text of a file. @return its length, or -EISDIR if the node is no file. */
static int text_of(enum node node, const struct svart_kernel_device *dev, char *text, size_t len)
{
	switch (node) {
	case NODE_DENYLIST:
		return snprintf(text, len, "Y\n");
	case NODE_VENDOR:
		return snprintf(text, len, "0x%04x\n", dev->hw.type->vendor);
	case NODE_DEVICE_ID:
		return snprintf(text, len, "0x%04x\n", dev->hw.type->device);
	case NODE_CLASS:
		return snprintf(text, len, "0x%06x\n", dev->hw.type->class_code);
	case NODE_REVISION:
		return snprintf(text, len, "0x%02x\n", dev->hw.type->revision);
	case NODE_NUMA_NODE:
		/* The model uses memory where the program has it, on no node of its own. */
		return snprintf(text, len, "-1\n");
	default:
		return -EISDIR;
	}
}

static const struct svart_model_file_ops sysfs_ops = { .release = NULL };

bool svart_model_sysfs_is_file(const struct svart_model_file *f)
{
	return f->ops == &sysfs_ops;
}

int svart_model_sysfs_open(struct svart_kernel *kernel, const char *path, int flags)
{
	struct svart_kernel_device *dev = NULL;
	enum node node = find(kernel, path, &dev);
	char text[32];
	int len, fd, rc;

	if (node == NODE_NONE)
		return -ENOENT;
	len = text_of(node, dev, text, sizeof(text));
	if (len < 0)
		return len;
	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	/* This is a real file, so poll(), read() and pread() of the real machine can use it. */
	fd = memfd_create("svart-sysfs", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = pwrite(fd, text, (size_t)len, 0) == len ? 0 : -EIO;
	if (rc == 0)
		rc = svart_model_file_adopt(&kernel->files, &sysfs_ops, NULL, fd);
	if (rc < 0)
		close(fd);
	return rc;
}

ssize_t svart_model_sysfs_readlink(
	struct svart_kernel *kernel, const char *path, char *buf, size_t len)
{
	struct svart_kernel_device *dev;
	enum node node = find(kernel, path, &dev);
	size_t target = sizeof(DRIVER_TARGET) - 1;

	if (node == NODE_NONE)
		return -ENOENT;
	if (node != NODE_DRIVER || len == 0)
		return -EINVAL;
	target = target < len ? target : len;
	memcpy(buf, DRIVER_TARGET, target);
	return (ssize_t)target;
}

static int list_devices(struct svart_kernel *kernel, bool cdevs,
	int (*entry)(void *arg, const char *name), void *arg)
{
	const struct svart_kernel_device *dev;
	char name[16];
	unsigned int i;
	int rc = 0;

	for (i = 0; i < svart_kernel_nr_devices(kernel) && rc == 0; i++) {
		dev = kernel->devices[i];
		cdev_name(dev, name, sizeof(name));
		rc = entry(arg, cdevs ? name : dev->address);
	}
	return rc;
}

static int list_device(int (*entry)(void *arg, const char *name), void *arg)
{
	int rc = 0;
	size_t i;

	for (i = 0; i < SVART_ARRAY_SIZE(attributes) && rc == 0; i++)
		rc = entry(arg, attributes[i].name);
	return rc;
}

int svart_model_sysfs_listdir(struct svart_kernel *kernel, const char *path,
	int (*entry)(void *arg, const char *name), void *arg)
{
	struct svart_kernel_device *dev = NULL;
	char name[16];

	switch (find(kernel, path, &dev)) {
	case NODE_NONE:
		return -ENOENT;
	case NODE_DEVICES:
		return list_devices(kernel, false, entry, arg);
	case NODE_CDEVS:
		return list_devices(kernel, true, entry, arg);
	case NODE_DEVICE:
		return list_device(entry, arg);
	case NODE_VFIO_DEV:
		cdev_name(dev, name, sizeof(name));
		return entry(arg, name);
	case NODE_VFIO_CDEV:
		return 0;
	default:
		return -ENOTDIR;
	}
}
