/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_LOSS_H
#define SVART_LOSS_H

/**
 * @file
 * Devices that are lost: they are gone, or what the kernel does for them is gone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svart_pmd.h>

#include "source.h"

struct svart_attachment;
struct svart_device;

/** Size of the text of a loss: the room that struct svart_queue_error has. */
#define SVART_LOST_TEXT_BYTES 112

/**
 * Writes down how a device was lost, and fails its queues. It is svart_transport_device.lost.
 * @param owner the device. @thread any. @blocks never.
 */
void svart_device_lose(void *owner, enum svart_pmd_loss loss, uint32_t value);
/** Does the same for a lost source. It is svart_fault_source.lost. @param owner the device. */
void svart_device_source_lost(void *owner, enum svart_fault_loss loss, int value);
/**
 * Calls svart_device_look(), for programs that never wait. It is svart_fault_source.watch.
 * @param owner the device.
 */
void svart_device_watch(void *owner);
/**
 * Says that the driver's open() is done, or that its close() will be called. The driver is told of a loss
 * only in between.
 * @return whether the device is there.
 */
bool svart_device_run(struct svart_device *dev, bool running);
/** Makes a queue that has just started fail, if the device was lost meanwhile. */
void svart_device_lost_again(struct svart_device *dev);
/**
 * Looks whether the kernel's side of a device is there, as svart_transport_ops.look.
 * @param a an attachment with a queue of the caller's, or NULL: then it does not look at page requests.
 * @thread any. @blocks for two system calls.
 */
void svart_device_look(struct svart_device *dev, const struct svart_attachment *a);
/** Logs a loss that was not logged yet. @thread any. @blocks while the log is written. */
void svart_device_tell_lost(struct svart_device *dev);
/**
 * Puts a loss in words: what happened, with which value, and what to do.
 * @param buf array[len]; "" if the device is not lost.
 */
void svart_device_lost_text(const struct svart_device *dev, char *buf, size_t len);
/** @return 0, or -ENODEV, told, if the device was lost. */
int svart_device_check_there(struct svart_device *dev);

#endif
