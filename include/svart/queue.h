/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_QUEUE_H
#define SVART_QUEUE_H

/**
 * @file
 * Queues: prep, submit, poll.
 *
 * A queue is one hardware work queue, owned by one thread. prep writes operations into the queue's
 * ring, submit hands them to the device, poll returns completions in the order of prep. None of the
 * three locks, allocates, logs or makes a system call; but where the device has no page requests
 * (device.h) prep maps what is not mapped yet, and prep and poll take short locks to hold and release.
 *
 * @code
 * svart_queue_prep_copy(q, dst, src, len, 0, cookie);
 * svart_queue_submit(q);
 * while (svart_queue_poll(q, &done, 1) == 0)
 *         ;
 * if (done.status != SVART_STATUS_OK)
 *         ...
 * @endcode
 */

#include <stdint.h>
#include <string.h>

#include <svart/device.h>
#include <svart/init.h>
#include <svart/op.h>
#include <svart/queue_inline.h>
#include <svart/space.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What svart_queue_create() can be told. All zero means the defaults. */
struct svart_queue_params {
	/** Operations in flight at most, 1 to svart_device_info.queue_depth. 0: the largest. */
	uint32_t depth;
	/** A space the device is attached to. NULL: the one it was opened with. */
	struct svart_space *space;
};

/** Where a queue stands. */
enum svart_queue_state {
	SVART_QUEUE_RUNNING = 0, /**< Takes operations. */
	SVART_QUEUE_FAILED =
		1, /**< The device reported an error of the queue; it takes nothing more. */
};

/** Why a queue failed. */
struct svart_queue_error {
	uint8_t code;        /**< The device's error code. */
	uint8_t operation;   /**< The device's opcode of the descriptor, if known, else 0. */
	uint8_t write;       /**< 1: the faulting access was a write. */
	uint8_t reserved[5]; /**< 0. */
	uint64_t fault_addr; /**< Faulting address, or 0. */
	char text[112];      /**< In words. */
};

/**
 * Starts one of the device's work queues.
 *
 * @param dev    the device.
 * @param params how; NULL for the defaults; read only during the call.
 * @param q      out: the queue; the caller ends it with svart_queue_destroy(). It belongs to one
 *               thread at a time; handing it over needs the program's own synchronisation.
 * @return 0 or a negative errno; *q is written only on success.
 * @errors -EINVAL depth out of range. -ENOSPC all queues are in use: destroy one or open the device
 *         with queues=N. -ENOENT the device is not attached to params->space. -ENOTSUP the CPU has
 *         no MOVDIR64B: open an emulated device with portal=split. -ENOMEM. -EIO, -ETIMEDOUT the
 *         device refused: svart_error_text() has its code.
 * @thread any.
 * @blocks until the device has enabled the queue; at most some seconds on a device that hangs.
 */
SVART_API int svart_queue_create(
	struct svart_device *dev, const struct svart_queue_params *params, struct svart_queue **q);

/**
 * Drains, disables and frees a queue. Operations still in flight complete first; those that do not
 * within two seconds are aborted. Completions not polled by then are lost: poll first.
 *
 * @return 0.
 * @thread the queue's owner; nothing else may use the queue any more.
 * @blocks until the device has drained; page requests are answered meanwhile.
 */
SVART_API int svart_queue_destroy(struct svart_queue *q);

/**
 * Waits for completions: submits what is prepared, polls, and between polls lets the machine move,
 * pumps inline fault services, and yields the CPU.
 *
 * @param done       out: array[nr] of completions.
 * @param nr         how many at most, 1 or more.
 * @param timeout_ns give up after so many nanoseconds; UINT64_MAX: never.
 * @return how many completions were written; 0 when the time is over, or at once when nothing is
 *         in flight.
 * @thread the queue's owner.
 * @blocks up to timeout_ns.
 */
SVART_API uint16_t svart_queue_wait(
	struct svart_queue *q, struct svart_completion *done, uint16_t nr, uint64_t timeout_ns);

/**
 * Tells whether a queue still takes operations.
 *
 * @thread any.
 * @blocks never.
 */
SVART_API enum svart_queue_state svart_queue_state_get(const struct svart_queue *q);

/**
 * Tells why a queue failed.
 *
 * @param error out: the cause; filled in whole on success.
 * @return 0, or -ENODATA if the queue has not failed.
 * @thread the queue's owner.
 * @blocks never.
 */
SVART_API int svart_queue_error_get(const struct svart_queue *q, struct svart_queue_error *error);

/**
 * Operations prepared or submitted whose completions were not polled yet.
 *
 * @thread the queue's owner.
 * @blocks never.
 */
SVART_API uint32_t svart_queue_in_flight(const struct svart_queue *q);

/**
 * Puts operations into the queue's ring. A malformed one takes its place in the ring and completes
 * with SVART_STATUS_INVALID; it never reaches the device.
 *
 * @param ops array[nr] of operations; copied, the caller's again on return.
 * @param nr  how many.
 * @return how many were taken, from ops[0] on; fewer than nr when the ring is full: poll, then go
 *         on; 0 also when the queue has failed (svart_queue_state_get()). A device without page
 *         requests also takes fewer when no more memory can be held: poll, then go on.
 * @thread the queue's owner.
 * @blocks never; without page requests while memory that is not mapped yet is mapped.
 */
static inline uint16_t svart_queue_prep(
	struct svart_queue *q, const struct svart_op *ops, uint16_t nr)
{
	return q->prep(q, ops, nr);
}

/**
 * Puts one copy into the ring: dst[0..length) = src[0..length), as memmove().
 *
 * @param flags  bits of enum svart_op_flag.
 * @param cookie returned with the completion.
 * @return 1, or 0 when the ring is full or the queue has failed.
 * @thread the queue's owner.
 * @blocks never.
 */
static inline uint16_t svart_queue_prep_copy(struct svart_queue *q, void *dst, const void *src,
	uint64_t length, uint8_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_COPY;
	op.flags = flags;
	op.cookie = cookie;
	op.dst = dst;
	op.src = src;
	op.length = length;
	return q->prep(q, &op, 1);
}

/**
 * Puts one fill into the ring: the 8 bytes of pattern repeated over dst[0..length), low byte first.
 *
 * @param flags  bits of enum svart_op_flag.
 * @param cookie returned with the completion.
 * @return 1, or 0 when the ring is full or the queue has failed.
 * @thread the queue's owner.
 * @blocks never.
 */
static inline uint16_t svart_queue_prep_fill(struct svart_queue *q, void *dst, uint64_t pattern,
	uint64_t length, uint8_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_FILL;
	op.flags = flags;
	op.cookie = cookie;
	op.dst = dst;
	op.pattern = pattern;
	op.length = length;
	return q->prep(q, &op, 1);
}

/**
 * Hands what was prepared to the device, as far as it has room.
 *
 * @return how many operations were handed over; the rest stays prepared, call again after a poll.
 * @thread the queue's owner.
 * @blocks never.
 */
static inline uint16_t svart_queue_submit(struct svart_queue *q)
{
	return q->submit(q);
}

/**
 * Takes completions, in the order of prep.
 *
 * @param done out: array[nr]; entries beyond the return value are untouched.
 * @param nr   how many at most.
 * @return how many were written.
 * @thread the queue's owner.
 * @blocks never.
 */
static inline uint16_t svart_queue_poll(
	struct svart_queue *q, struct svart_completion *done, uint16_t nr)
{
	return q->poll(q, done, nr);
}

#ifdef __cplusplus
}
#endif

#endif
