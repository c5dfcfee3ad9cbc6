/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MOUNTS_H
#define SVART_MOUNTS_H

/**
 * @file
 * What /proc/self/mountinfo says of a file system, read while other threads and processes mount and unmount.
 */

#include "machine.h"

/**
 * Whether a file system writes its pages back to a store: if so, Linux refuses long-term write pins of its
 * shared mappings (mm/gup.c, since 6.5).
 *
 * Mounts come and go between two reads of the file, and then kernels before 5.8 miss one (fs/namespace.c
 * counts them). So an answer is believed only if two readings in a row agree on it.
 *
 * @param major, minor of the file system's device, as in /proc/self/maps.
 * @return 1 it does; 0 it does not; -EAGAIN the mounts changed all the time; -EBADMSG the file does not have
 *         the form of proc(5); another -errno of opening or reading it. No text.
 * @thread any. @blocks on the kernel's lock of mounts. It does not allocate. It is bounded: eight readings.
 */
int svart_mounts_writeback(struct svart_machine *m, uint32_t major, uint32_t minor);

#endif
