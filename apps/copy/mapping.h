/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_MAPPING_H
#define SVART_COPY_MAPPING_H

/**
 * @file
 * Memory that the device gets, and that is taken back behind it as the copy advances.
 *
 * A file is mapped as a whole: address space costs nothing, and no operation waits at a window's edge.
 * Memory behind the copy is forgotten and unmapped in steps, so only a step and the memory in flight are
 * pinned at a time, whatever the size of the file.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svart/space.h>

/**
 * One mapping.
 *
 * Owner: the copying thread, which never touches mapped files: a file that was cut short would raise
 * SIGBUS. Lifetime: open to close. Locks: none.
 */
struct copy_mapping {
	uint8_t *addr; /**< NULL: nothing is mapped. */
	size_t bytes;  /**< Bytes that were mapped at first, whole pages. */
	size_t released; /**< Bytes of these, from the start, that are forgotten and unmapped by now. */
	size_t step;     /**< Bytes that are released at a time, whole pages. */
};

/**
 * Maps the first bytes of a file, shared, because with MAP_PRIVATE a pin would copy each page.
 *
 * @param fd   the file; -1: anonymous memory, private.
 * @param prot as for mmap().
 * @return 0 or -errno, not told.
 */
int svart_copy_mapping_open(int fd, uint64_t bytes, int prot, struct copy_mapping *map);

/** Whether a file's pages may be pinned for a device to write to (mm/gup.c, FOLL_LONGTERM). */
bool svart_copy_mapping_device_writable(int fd);

/**
 * Takes back whole steps that end at or before `bytes`: no device reaches them any more, and they
 * are unmapped.
 *
 * @return 0 or -errno, told. After an error a device may still reach the memory: it stays mapped.
 */
int svart_copy_mapping_release(struct copy_mapping *map, struct svart_space *space, uint64_t bytes);

/**
 * Takes back all that is left. No operation on it is in flight.
 *
 * @param space may be NULL if no device ever had the memory.
 * @return as svart_copy_mapping_release().
 */
int svart_copy_mapping_close(struct copy_mapping *map, struct svart_space *space);

#endif
