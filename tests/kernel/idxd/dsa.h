/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_IDXD_DSA_H
#define SVART_TEST_IDXD_DSA_H

/**
 * @file
 * The DSAs that Linux's driver idxd has, as sysfs shows them.
 *
 * Work queues are configured as an administrator does it: attributes are written, then the device and its queues
 * are bound to the drivers of the bus "dsa".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "case.h"

/** One DSA. Its number may be another one when idxd has probed it again. */
struct dsa {
	char pci[16]; /**< Its address. */
	unsigned int nr;
};

/** How the work queues of a device are to be. */
struct wq_config {
	unsigned int nr; /**< Queues 0 .. nr - 1, all in group 0, as all engines. */
	unsigned int size, threshold;
	bool shared;
	bool kernel; /**< For the kernel's dmaengine; else for programs. */
	bool no_block_on_fault;
};

/** Writes text to a file of sysfs or the like. @return 0 or -errno. */
int file_write(const char *path, const char *text);
/** Reads a file's first line, without its end. @return 0 or -errno. */
int file_read(const char *path, char *buf, size_t bytes);

/** Finds idxd's devices, in the order of their PCI addresses. @return how many. */
unsigned int dsa_find_all(struct dsa *dsas, unsigned int max);
/** Finds the number of the device at a PCI address. @return 0 or -ENOENT. */
int dsa_find(struct dsa *dsa);
/** Writes text to a file of the PCI device: "reset", "driver/unbind". @return 0 or -errno. */
int dsa_write_pci(const struct dsa *dsa, const char *file, const char *text);

/** Configures and enables a device. The case fails, with the driver's status, if that fails. */
void dsa_enable(struct case_run *run, const struct dsa *dsa, const struct wq_config *config);
/** Disables a device and its queues; what is not enabled stays as it is. */
void dsa_disable(const struct dsa *dsa, const struct wq_config *config);
/** The path of a queue's character device. */
void dsa_wq_path(const struct dsa *dsa, unsigned int wq, char *buf, size_t bytes);

#endif
