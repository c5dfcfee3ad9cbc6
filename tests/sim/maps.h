/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIM_MAPS_H
#define SVART_SIM_MAPS_H

/**
 * @file
 * /proc/self/maps of the simulated process: read as text, or asked by PROCMAP_QUERY (proc(5),
 * linux/fs.h). What the real kernel would tell depends on its version, on how it joins mappings, and on
 * all else that is in the process.
 *
 * The model holds each map against the real file all the same (pin.c).
 */

#include "layout.h"
#include "threads.h"

#define SIM_MAPS_PATH       "/proc/self/maps"
#define SIM_MAPS_FILES      64
#define SIM_MAPS_TEXT_BYTES 32768

/** Owner: the machine. Lifetime: a run. Locks: none. */
struct sim_maps {
	const struct sim_layout *layout;
	bool old_kernel; /**< It has no PROCMAP_QUERY. */
	struct {
		int fd; /**< -1: none. */
		uint64_t off;
	} files[SIM_MAPS_FILES];
	/** What each thread reads: as of its last read from the beginning. */
	struct sim_maps_text {
		size_t len;
		char text[SIM_MAPS_TEXT_BYTES];
	} texts[SIM_MAX_THREADS];
};

void sim_maps_init(struct sim_maps *maps, const struct sim_layout *layout);
/** A file was opened, or closed, that is this one. */
void sim_maps_opened(struct sim_maps *maps, int fd);
void sim_maps_closed(struct sim_maps *maps, int fd);
bool sim_maps_is(const struct sim_maps *maps, int fd);
/** As the system calls; -errno in place of -1. */
ssize_t sim_maps_read(struct sim_maps *maps, int fd, void *buf, size_t len);
ssize_t sim_maps_pread(struct sim_maps *maps, void *buf, size_t len, uint64_t off);
int sim_maps_ioctl(struct sim_maps *maps, unsigned long request, void *arg);

#endif
