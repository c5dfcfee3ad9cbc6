/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_QUEUE_H
#define SVART_QUEUE_H

/**
 * @file
 * Queues: prep, submit, poll.
 *
 * A queue is one hardware work queue, owned by one thread. prep writes operations into the queue's
 * ring, submit hands them to the device, poll returns completions in the order of prep, unless
 * SVART_QUEUE_UNORDERED says that any will do. None of the three
 * takes a lock, allocates, logs or makes a system call. There is one exception: for a device without page
 * requests (device.h) prep maps what is not mapped yet, and prep and poll take short locks to hold and
 * release memory.
 *
 * @code
 * svart_queue_prep_copy(q, dst, src, len, 0, cookie);
 * svart_queue_submit(q);
 * svart_queue_wait(q, &done, 1, UINT64_MAX);
 * if (done.status != SVART_STATUS_OK)
 *         ...
 * @endcode
 *
 * A program that loops around svart_queue_poll() must leave a CPU to the thread of the fault service: under
 * SCHED_FIFO on one CPU, a loop that never sleeps blocks the thread that brings the page it waits for.
 * svart_queue_wait() yields.
 *
 * svart_queue_prep() and its like, svart_queue_submit() and svart_queue_poll() are inline. libsvart.so has
 * them too, under the same names, for other languages to bind to.
 *
 * A device can be lost under its queues: it is pulled out, somebody else resets it or switches it off, or
 * what the kernel did for it is gone. Then every queue of the device fails (SVART_QUEUE_FAILED), and poll
 * returns what was in flight with SVART_STATUS_QUEUE_FAILED. The next poll tells a loss that the fault
 * service has found. Poll finds by itself a loss that registers show, within 65536 calls that return
 * nothing while operations are in flight; svart_queue_wait() finds it within milliseconds.
 * svart_queue_wait() finds a loss that only a system call shows (a descriptor that the program closed, the
 * bus master bit) within some 10 ms, and the fault service finds it within a second, so a program that
 * never waits learns of it from poll and svart_queue_state_get(). A device without page requests has no
 * service: its program should wait now and then. doc/errors has all ways and texts.
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

/** Bits of svart_queue_params.flags. */
enum svart_queue_flag {
	/**
	 * Completions are polled as they come, in any order: an operation that waits for a page does not hold
	 * back those that ended after it began. Its place in the ring becomes free with the oldest operation.
	 */
	SVART_QUEUE_UNORDERED = 1 << 0,
	/**
	 * Completions raise the eventfd of svart_queue_event_fd(), for programs that sleep. Each costs an
	 * interrupt.
	 */
	SVART_QUEUE_EVENTS = 1 << 1,
	/**
	 * Submit hands what is prepared over in batches: the device fetches the operations of one by itself, and
	 * one engine does them, one after the other. It also keeps their fences: but when an operation of the
	 * batch has failed (also by PREDICATE_FALSE), those from the next fence on are not begun, and end with
	 * SVART_STATUS_ABORTED.
	 */
	SVART_QUEUE_BATCHES = 1 << 2,
};

/**
 * Parameters of svart_queue_create(). Initialise them with SVART_QUEUE_PARAMS_INIT(), then set what differs
 * from the defaults. Zero in a field means its default.
 */
struct svart_queue_params {
	uint32_t size; /**< Size of the structure, set by SVART_QUEUE_PARAMS_INIT(). */
	/** Operations in flight at most, 1 to svart_device_info.queue_depth. 0: the largest. */
	uint32_t depth;
	/** A space the device is attached to. NULL: the one it was opened with. */
	struct svart_space *space;
	uint32_t flags; /**< Bits of enum svart_queue_flag. */
	/**
	 * 1 to 15: how many turns the queue gets among those that share its engines, if the device has
	 * priorities; larger numbers get more. 0: 1.
	 */
	uint32_t priority;
};

/** Initialises a struct svart_queue_params: its size, and the fields that are named. */
#define SVART_QUEUE_PARAMS_INIT(...)                                   \
	{                                                              \
		.size = sizeof(struct svart_queue_params), __VA_ARGS__ \
	}

/** State of a queue. */
enum svart_queue_state {
	SVART_QUEUE_RUNNING = 0, /**< Takes operations. */
	/** The device reported an error of the queue, or was lost; it takes nothing more. */
	SVART_QUEUE_FAILED = 1,
};

/** Why a queue failed. SVART_QUEUE_ERROR_INIT() comes first. */
struct svart_queue_error {
	uint32_t size;       /**< Size of the structure, set by SVART_QUEUE_ERROR_INIT(). */
	uint8_t code;        /**< The device's error code, 0 if the device was lost. */
	uint8_t operation;   /**< The device's opcode of the descriptor, if known, else 0. */
	uint8_t write;       /**< 1: the faulting access was a write. */
	uint8_t reserved;    /**< Always 0. */
	uint64_t fault_addr; /**< Faulting address, or 0. */
	char text[112]; /**< The error in words: what happened, with which value, and what to do. */
};

/** Initialises a struct svart_queue_error: `struct svart_queue_error e = SVART_QUEUE_ERROR_INIT();` */
#define SVART_QUEUE_ERROR_INIT(...)                                   \
	{                                                             \
		.size = sizeof(struct svart_queue_error), __VA_ARGS__ \
	}

/**
 * Starts one of the device's work queues.
 *
 * @param dev    the device.
 * @param params parameters; NULL for the defaults; read only during the call.
 * @param q      out: the queue; the caller ends it with svart_queue_destroy(). It belongs to one
 *               thread at a time; handing it over needs the program's own synchronisation.
 * @return 0 or a negative errno; *q is written only on success.
 * @errors -EINVAL depth or priority out of range, an unknown flag, or params->size is neither 0 nor a size that the structure ever had.
 *         -E2BIG params has a field that only a newer svart knows. -ENOSPC all queues are in use: destroy
 *         one or open the device with queues=N. -ENOENT the device is not attached to params->space.
 *         -ENOTSUP the CPU has no MOVDIR64B: open an emulated device with portal=split; or a priority or
 *         SVART_QUEUE_EVENTS is given, and the device has none. -ENOMEM. -ENODEV
 *         the device was lost: svart_error_text() says how; close it, open it again. -EIO, -ETIMEDOUT the
 *         device refused: svart_error_text() has its code.
 * @thread any.
 * @blocks until the device has enabled the queue; at most some seconds on a device that hangs.
 */
SVART_API int svart_queue_create(
	struct svart_device *dev, const struct svart_queue_params *params, struct svart_queue **q);

/**
 * Drains, disables and frees a queue. A queue that has failed is replaced this way: destroy it and create
 * another; the device stays open, and so do its other queues. A device that has halted is reset when all of
 * its queues are destroyed and the first one is created anew, if that reset is one that software can do. Operations that are still in flight complete first. Those that do not
 * complete within two seconds, and all operations of a queue that has failed, are aborted. Completions that
 * were not polled by then are lost: poll first. When this function returns 0, the device no longer uses the
 * memory of the queue or of its operations. No page will be mapped any more for the last page requests of
 * the operations, even if they were on their way. Engines of other queues of the device that wait for a
 * page are told to ask for it again.
 *
 * @return 0 or a negative errno.
 * @errors -EBUSY the queue is stopped, but not all of its page requests were found: the thread that fetches
 *         page requests is mapping a page that does not come (in a fault service without resolvers), or the
 *         requests cannot be read. The memory of the queue's operations stays as it is. Call again when the
 *         page has come.
 * @thread the queue's owner; nothing else may use the queue any more.
 * @blocks until the device has drained; page requests are answered meanwhile. If the queue has failed or
 *         had operations in flight, it also waits until the fault service has ended its pass, for two
 *         seconds at most, and while a source of page requests says "later", for two more.
 */
SVART_API int svart_queue_destroy(struct svart_queue *q);

/**
 * Waits for completions: submits what is prepared, polls, and between polls lets the machine move,
 * pumps inline fault services, and yields the CPU. While nothing completes it looks whether the device is
 * still there: it reads the registers every millisecond, and every 10 ms it looks at the descriptors and
 * the PCI command register, by two system calls. A lost device ends the wait, with completions of status
 * SVART_STATUS_QUEUE_FAILED.
 *
 * @param done       out: array[nr] of completions.
 * @param nr         the largest number to return, 1 or more.
 * @param timeout_ns nanoseconds after which it gives up; UINT64_MAX means never.
 * @return how many completions were written; 0 when the time is over, or at once when nothing is
 *         in flight.
 * @thread the queue's owner.
 * @blocks up to timeout_ns.
 */
SVART_API uint16_t svart_queue_wait(
	struct svart_queue *q, struct svart_completion *done, uint16_t nr, uint64_t timeout_ns);

/**
 * Waits for completions of several queues: as svart_queue_wait(), for the first that has any. It begins to look
 * at the queue after the one that it returned last, *which, so that none is left out while others are busy.
 *
 * @param queues array[nr_queues]; all are the caller's own, of any devices of one machine.
 * @param which  in: the index that the last call gave, UINT32_MAX in the first one; out: the index of the queue
 *               that the completions are of, untouched if there are none.
 * @param done   out: array[nr] of completions, all of one queue. @param nr 1 or more.
 * @return how many were written; 0 when the time is over, or at once when nothing is in flight on any.
 * @thread the owner of all of them.
 * @blocks up to timeout_ns.
 */
SVART_API uint16_t svart_queues_wait(struct svart_queue *const *queues, uint32_t nr_queues,
	uint32_t *which, struct svart_completion *done, uint16_t nr, uint64_t timeout_ns);

/**
 * Tells the eventfd of a queue with SVART_QUEUE_EVENTS, for poll(), epoll or io_uring: it is readable when an
 * operation has completed since it was read (8 bytes, eventfd(2)). A program reads it, then polls the queue until
 * that returns 0, then sleeps. It must not sleep without a limit: what fails a whole queue raises nothing, and is
 * found by svart_queue_poll() and svart_queue_wait().
 *
 * @return the descriptor, which is the queue's and is closed with it; -ENOTSUP the queue has none.
 * @thread any. @blocks never.
 */
SVART_API int svart_queue_event_fd(const struct svart_queue *q);

/**
 * Tells whether a queue still takes operations. A queue whose device was lost has failed from the moment at
 * which any thread found the loss.
 *
 * @thread any.
 * @blocks never.
 */
SVART_API enum svart_queue_state svart_queue_state_get(const struct svart_queue *q);

/**
 * Tells why a queue failed.
 *
 * @param error in: its size; out: the cause; filled in whole on success.
 * @return 0; -EINVAL error->size is not a valid size; -ENODATA the queue has not failed.
 * @thread the queue's owner.
 * @blocks never.
 */
SVART_API int svart_queue_error_get(const struct svart_queue *q, struct svart_queue_error *error);
/** @cond Sets the size first. */
#define svart_queue_error_get(q, error) svart_queue_error_get(q, SVART_SIZE_SET(error))
/** @endcond */

/**
 * Counts the operations that were prepared or submitted and whose completions were not polled yet.
 *
 * @thread the queue's owner.
 * @blocks never.
 */
SVART_API uint32_t svart_queue_in_flight(const struct svart_queue *q);

/**
 * Tells the largest length of one operation of this queue, in bytes. It depends on the device, and for a
 * device without page requests (device.h) also on what the queue's space can hold, so queues of one device
 * differ if their spaces differ. A longer operation completes with SVART_STATUS_INVALID.
 *
 * @return bytes, 1 or more; the same from svart_queue_create() on.
 * @thread any.
 * @blocks never.
 */
SVART_API uint64_t svart_queue_max_transfer_bytes(const struct svart_queue *q);

/**
 * Puts operations into the queue's ring. A malformed one takes its place in the ring and completes
 * with SVART_STATUS_INVALID; it never reaches the device.
 *
 * @param ops array[nr] of operations; they are copied, and the array is the caller's again on return.
 * @param nr  length of ops.
 * @return how many were taken, from ops[0] on. It is fewer than nr when the ring is full, and for a device
 *         without page requests also when no more memory can be held: poll, then go on. It is also 0 when
 *         the queue has failed (svart_queue_state_get()).
 * @thread the queue's owner.
 * @blocks never, if the device has page requests; if not, while memory that is not mapped yet is mapped.
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
 * @param cookie it is returned with the completion.
 * @return 1, or 0 when the ring is full or the queue has failed.
 * @thread the queue's owner.
 * @blocks never.
 */
static inline uint16_t svart_queue_prep_copy(struct svart_queue *q, void *dst, const void *src,
	uint64_t length, uint32_t flags, uint64_t cookie)
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
 * @param cookie it is returned with the completion.
 * @return 1, or 0 when the ring is full or the queue has failed.
 * @thread the queue's owner.
 * @blocks never.
 */
static inline uint16_t svart_queue_prep_fill(struct svart_queue *q, void *dst, uint64_t pattern,
	uint64_t length, uint32_t flags, uint64_t cookie)
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
 * @param nr   the largest number to return.
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
