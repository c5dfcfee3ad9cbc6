/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MAX_TRANSFER_H
#define SVART_MAX_TRANSFER_H

/**
 * @file
 * How long one operation may be.
 */

#include <stdint.h>

struct svart_device;
struct svart_pmd_device;
struct svart_space;

/** Tells the largest operation of a device's queues in a space that it is attached to. */
uint64_t svart_max_transfer(const struct svart_pmd_device *dev, const struct svart_space *space);
/** Computes the device's largest operation anew after its attachments have changed. */
void svart_max_transfer_update(struct svart_device *dev);

#endif
