/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MAPS_H
#define SVART_MAPS_H

/**
 * @file
 * The text of /proc/self/maps, read while other threads map and unmap.
 *
 * Linux promises that areas come in order, and that an area that is mapped during the whole of a reading has
 * a line (Documentation/filesystems/proc.rst), for a reader that shares its descriptor with no other
 * (lines.h). Some kernels break the second promise: they go on after the end of the area that they reported
 * last, and so skip an area that has been merged with it since (fs/proc/task_mmu.c, until 5.7). So:
 *
 * - a reading takes a descriptor from a pool, and no other thread reads that meanwhile;
 * - an area is believed if its line came whole, in one read, after lines that were well-formed and in
 *   order: then the area was so at one moment of the call;
 * - two readings in a row must agree that there is no area, or on a line that came in pieces;
 * - text that is torn or out of order is read again, a few times.
 */

#include "machine.h"

/**
 * How many readings there can be at once. It is fewer than the 16 resolvers that a fault service can have,
 * because each space has descriptors of its own, and resolvers spend most of their time pinning.
 */
#define SVART_MAPS_READERS 8

/** One line of the text: an area of memory, whose pages have one origin and one protection. */
struct svart_maps_area {
	uint64_t start;  /**< First byte. */
	uint64_t end;    /**< First byte after it. */
	uint64_t offset; /**< Offset of its first byte in its file. */
	uint64_t inode;  /**< Inode number of its file; 0: it has no file. */
	uint32_t major;  /**< The file system's device. */
	uint32_t minor;
	uint32_t prot; /**< enum svart_access: the accesses that the CPU may make. */
	bool shared;   /**< MAP_SHARED. */
};

/**
 * The descriptors.
 *
 * Owner: its creator; any thread may read. Lifetime: create to destroy. Locks: one for each descriptor,
 * held for a reading; a thread that finds all taken waits for one.
 */
struct svart_maps;

/** Opens one descriptor. @return 0; -ENOMEM; -errno of opening the file. With a text. */
int svart_maps_create(struct svart_machine *m, struct svart_maps **out);
void svart_maps_destroy(struct svart_maps *maps);

/**
 * Opens the other descriptors, before the first reading. It is needed if the kernel can be asked only by this
 * text.
 * @return 0 or -errno of opening the file. With a text.
 */
int svart_maps_add_readers(struct svart_maps *maps);

/** @return a descriptor of the file, for ioctls. */
int svart_maps_fd(const struct svart_maps *maps);

/**
 * Finds the area that contains addr.
 *
 * @return 0; -ENOENT there is none; -EAGAIN the text changed all the time: ask again; -EBADMSG it does not
 *         have the form of proc(5); another -errno of reading. No text: this is the fault path.
 * @thread any. @blocks for its turn, and on the process's mmap lock. It does not allocate. It is bounded:
 *         eight readings.
 */
int svart_maps_find(struct svart_maps *maps, uint64_t addr, struct svart_maps_area *area);

/**
 * Finds where the process's memory ends: the highest end of an area that is not above limit.
 *
 * @param top out: 0 if there is none.
 * @return 0; -EAGAIN no two readings in a row, of eight, agree; -EBADMSG the text does not have the form of
 *         proc(5); another -errno of opening or reading the file. With a text.
 * @thread control. @blocks while the file is read, two times as a rule.
 */
int svart_maps_top(struct svart_machine *m, uint64_t limit, uint64_t *top);

#endif
