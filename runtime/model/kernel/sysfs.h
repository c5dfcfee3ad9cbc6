/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_SYSFS_H
#define SVART_MODEL_SYSFS_H

/**
 * @file
 * The files by which a program finds the model's devices: a small /sys, read-only, and the folder of
 * cdevs. Devices are bound to vfio-pci, which has its denylist off.
 *
 *     /sys/bus/pci/devices/ADDRESS/{vendor,device,class,revision,numa_node}
 *     /sys/bus/pci/devices/ADDRESS/driver -> ../../../../bus/pci/drivers/vfio-pci
 *     /sys/bus/pci/devices/ADDRESS/vfio-dev/vfioN/
 *     /sys/module/vfio_pci/parameters/disable_denylist
 *     /dev/vfio/devices/vfioN
 */

#include <stdbool.h>
#include <sys/types.h>

struct svart_kernel;
struct svart_model_file;

/** Opens a file of /sys. @return a descriptor, or -ENOENT, -EISDIR, -EACCES for writing, -errno. */
int svart_model_sysfs_open(struct svart_kernel *kernel, const char *path, int flags);
/** Tells whether a file is of /sys: its descriptor is a real file with the text. */
bool svart_model_sysfs_is_file(const struct svart_model_file *f);
/** @return length of the link's target, -ENOENT, or -EINVAL if it is no link. */
ssize_t svart_model_sysfs_readlink(
	struct svart_kernel *kernel, const char *path, char *buf, size_t len);
/** Lists a folder of /sys or /dev/vfio/devices. As listdir of machine.h; -ENOENT, -ENOTDIR. */
int svart_model_sysfs_listdir(struct svart_kernel *kernel, const char *path,
	int (*entry)(void *arg, const char *name), void *arg);

#endif
