/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DSA_INTERNAL_H
#define SVART_DSA_INTERNAL_H

/**
 * @file
 * The DSA driver from the inside.
 *
 * - dsa_pmd.c   the ops table: open, close, start and stop, put together from the parts below
 * - dsa_hw.c    the device: commands, reset, capabilities, groups, enable
 * - dsa_wq.c    one work queue (WQ): configure, enable, quiesce
 * - dsa_irq.c   completion interrupts of a queue
 * - dsa_error.c errors that the device reports outside of completion records, and the queues that they
 *   concern
 * - dsa_fast.c  prep, submit, poll
 * - dsa_batch.c submit for queues that hand over batches
 * - dsa_more.c  descriptors and records of operations other than noop, copy, fill and drain
 *
 * Functions are named svart_pmd_dsa_*: svart_dsa_* are those of the software model and the spec.
 *
 * Registers are reached from two sides. The command register, the tables and the capabilities
 * belong to the control thread (the core's control mutex). Threads that poll in vain read SWERR and GENSTS,
 * one at a time (svart_dsa_device.errors_busy).
 */

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsa_spec.h"
#include "machine.h"
#include "op_table.h"
#include "svart_pmd.h"

/** Cache line, which two writers must not share. */
#define SVART_DSA_CACHE_LINE 64

/** Largest size of a WQ that is used, in entries. Real devices have 128 in all. */
#define SVART_DSA_WQ_SIZE_MAX 4096u

/** Result of a read when nothing answers: the device is gone from the bus (PCIe 6.0, 2.3.2). */
#define SVART_DSA_ALL_ONES32 UINT32_MAX
#define SVART_DSA_ALL_ONES64 UINT64_MAX

/** Why a queue failed. */
enum svart_dsa_cause {
	SVART_DSA_CAUSE_SWERR = 1, /**< SWERR named it, or no queue at all. */
	SVART_DSA_CAUSE_OVERFLOW,  /**< SWERR lost an error, which may have been the queue's. */
	SVART_DSA_CAUSE_HALTED,    /**< The device has halted. */
	SVART_DSA_CAUSE_LOST,      /**< svart_pmd_device.lost says how. */
	SVART_DSA_CAUSE_RESET,     /**< The device is disabled: something reset it. */
};

/** svart_dsa_failure.state, in this order only; queue_start() begins anew. */
enum svart_dsa_failure_state {
	SVART_DSA_RUNNING = 0,
	SVART_DSA_FAILING = 1, /**< Claimed by the one who writes the cause. */
	SVART_DSA_FAILED = 2,  /**< The cause is complete and does not change any more. */
};

/**
 * The failure of one queue. It lives in the device, so that any poller can leave it for any queue.
 *
 * Owner: the thread that moves state from RUNNING to FAILING writes the rest. Lifetime: the device's.
 * Locks: state; release when it becomes FAILED, acquire before the rest is read.
 */
struct svart_dsa_failure {
	alignas(SVART_DSA_CACHE_LINE) atomic_uint state; /**< enum svart_dsa_failure_state. */
	enum svart_dsa_cause cause;
	uint64_t swerr0; /**< SWERR's first word, with CAUSE_SWERR; GENSTS, with CAUSE_HALTED. */
	uint64_t fault_addr; /**< SWERR's third word, with CAUSE_SWERR. */
};

/** What the registers say the device can do; every value is in range. Constant after open. */
struct svart_dsa_caps {
	uint64_t opcap[SVART_DSA_OPCAP_WORDS];
	uint32_t nr_wqs;
	uint32_t nr_groups;
	uint32_t nr_engines;
	/** Read buffers to give to groups; 0: the device does not need that. */
	uint32_t nr_rdbufs;
	uint32_t total_size;    /**< WQ entries to divide. */
	uint32_t wqcfg_off;     /**< Offset of the table in BAR 0. */
	uint32_t wqcfg_bytes;   /**< Bytes of one WQ's entry. */
	uint32_t msix_perm_off; /**< Offset of the table in BAR 0. */
	uint32_t msix_perms;    /**< Its entries; 0: there is no use for it. */
	uint32_t commands;      /**< CMDCAP, or 0: the device does not say. */
	uint32_t grpcfg_off;    /**< Offset of the table in BAR 0. */
	uint8_t max_xfer_shift;
	uint8_t max_batch_shift;
	bool block_on_fault;
	bool overlap_copy;
	bool batches;       /**< There are batches. */
	bool cache_control; /**< The flag CC is for operations that write. */
	bool op_config;     /**< WQCFG has an operation bitmap. */
	bool prs_disable;   /**< WQCFG has the PRS disable bit. */
	bool priority;      /**< WQs have priorities. */
};

/**
 * One DSA.
 *
 * Owner: control thread, except errors_busy and failures. Lifetime: open to close. Locks: the core's
 * control mutex; errors_busy for SWERR and GENSTS.
 */
struct svart_dsa_device {
	struct svart_pmd_device *dev;
	struct svart_machine *m;
	uint8_t *regs; /**< BAR 0. */
	struct svart_dsa_caps caps;
	uint32_t nr_queues;
	uint32_t nr_running;    /**< Queues that were started and not stopped. */
	uint32_t nr_groups;     /**< Groups that have queues. */
	uint32_t group_engines; /**< Engines of each of them. */
	uint32_t traffic_class; /**< Of their data and completion records. */
	uint32_t wq_size;       /**< Entries of each WQ. */
	uint8_t max_xfer_shift; /**< Largest transfer of each WQ, log2. */
	bool block_on_fault; /**< WQs may block: the device can, and its requests are answered. */
	bool enabled;        /**< ENABLE_DEV was done, and no reset since then. */
	bool hung;           /**< It could not even be reset; it lost bus mastering. */
	atomic_flag errors_busy;
	struct svart_dsa_failure *failures; /**< array[nr_queues]. */
};

/** Where the result of a ring entry comes from. */
enum svart_dsa_entry_kind {
	SVART_DSA_ENTRY_DEVICE = 0, /**< From its completion record. */
	SVART_DSA_ENTRY_DONE,       /**< There is nothing to do: the result is OK. */
	SVART_DSA_ENTRY_INVALID,    /**< It is malformed: the result is INVALID. */
	SVART_DSA_ENTRY_TAKEN,      /**< Its result was polled, before those of older ones. */
};

/** What is unusual of a ring entry, as bits. */
enum svart_dsa_entry_bit {
	SVART_DSA_ENTRY_MORE =
		1 << 0, /**< The operation is in `more`, and dsa_more.c knows what it means. */
	SVART_DSA_ENTRY_FENCE =
		1 << 1, /**< It is not handed over before all before it have ended. */
	SVART_DSA_ENTRY_WORDS = 1 << 2, /**< The last words of the slot's descriptor are not 0. */
	SVART_DSA_ENTRY_LAST = 1 << 3,  /**< It is the last one of a batch. */
};

/** What poll must remember of an operation. It is in memory that no device can reach. */
struct svart_dsa_entry {
	uint64_t cookie;
	uint32_t length; /**< Bytes; the largest transfer is 2^31. */
	uint8_t kind;    /**< enum svart_dsa_entry_kind. */
	uint8_t bits;    /**< enum svart_dsa_entry_bit; 0 for almost all. */
	uint8_t reserved[2];
};

/**
 * What a queue with SVART_QUEUE_BATCHES has besides. Owner: the queue's thread. Lifetime: the queue's. Locks: none.
 */
struct svart_dsa_batches {
	struct svart_dsa_desc desc; /**< Of the batch that is handed over. */
	struct svart_dsa_record
		*records; /**< Device memory: of the batch whose last operation is in the slot. */
	uint32_t max;     /**< Operations of one batch. */
	uint32_t last[];  /**< Slot of the last operation of a slot's batch, if it has one. */
};

/**
 * One queue: a ring of operations, indexed by counters that run free and wrap at 2^32.
 *
 *   tail            posted           head
 *   |  handed over  |   prepared    |        head - tail <= depth <= size of the WQ
 *
 * The last inequality is the flow control: a dedicated WQ accepts MOVDIR64B whether it has room or not, and
 * would lose descriptors that are too many. An operation that was polled has left the WQ.
 *
 * Owner: the queue's thread. Lifetime: queue_start to queue_stop. Locks: none. The members are laid out by
 * cache line: constants; what prep and submit write; what poll writes.
 */
struct svart_dsa_queue {
	/* Constant. */
	alignas(SVART_DSA_CACHE_LINE) struct svart_dsa_entry *entries;
	struct svart_dsa_desc *descs;     /**< Private; a portal store copies one of them. */
	struct svart_dsa_record *records; /**< Device memory. */
	struct svart_dsa_failure *failure;
	uint32_t mask; /**< Length of the arrays - 1. */
	uint32_t depth;
	uint64_t max_transfer_bytes;
	struct svart_dsa_batches *batches; /**< NULL: operations are handed over one by one. */
	uint16_t
		any_flags; /**< Of every descriptor: it asks for a record, and maybe an interrupt. */
	uint16_t plain_flags; /**< Of one with operands: it may block, too. */
	uint32_t cache_flags; /**< CC or 0, for operations that write to the cache. */
	/* Constant, the second line. The driver's bits are the DSA's opcode. */
	alignas(SVART_DSA_CACHE_LINE) svart_op_rule_t rules[SVART_NR_OPCODES];

	alignas(SVART_DSA_CACHE_LINE) uint8_t *portal_page;
	struct svart_portal portal;
	struct svart_op *more; /**< Operations of dsa_more.c, as they were given. */
	uint16_t int_handle;   /**< Of its interrupts, if it has any. */
	uint32_t index;        /**< Index of the WQ. */
	struct svart_dsa_device *device;
	const struct svart_pmd_queue *pmd; /**< The core's queue, for unusual cases. */
	struct svart_pmd_mem record_mem;

	/* prep and submit write these. */
	alignas(SVART_DSA_CACHE_LINE) uint32_t head;
	uint32_t posted;
	uint32_t portal_off; /**< Offset of the next 64 bytes in the portal's page. */
	uint32_t nr_fences;  /**< Operations with a fence that are prepared and not handed over. */
	uint32_t settled;    /**< Before it all have ended, as far as submit has looked. */

	/* poll writes these. */
	alignas(SVART_DSA_CACHE_LINE) uint32_t tail;
	uint32_t nr_taken;    /**< Entries from tail on whose results were polled. */
	uint64_t empty_polls; /**< Empty polls in a row, with work in flight. */
	uint64_t check_at;    /**< Number of empty polls at which poll looks at SWERR. */
};
static_assert(offsetof(struct svart_dsa_queue, rules) == SVART_DSA_CACHE_LINE,
	"what every operation reads beside its rule is in one cache line");
static_assert(offsetof(struct svart_dsa_queue, head) % SVART_DSA_CACHE_LINE == 0,
	"prep and submit write a cache line of their own");
static_assert(offsetof(struct svart_dsa_queue, tail) ==
		      offsetof(struct svart_dsa_queue, head) + SVART_DSA_CACHE_LINE,
	"poll writes a cache line of its own");
static_assert(sizeof(struct svart_dsa_entry) == 16, "four entries are in a cache line");

static inline uint32_t svart_pmd_dsa_read32(const struct svart_dsa_device *d, uint32_t off)
{
	return d->m->ops->mmio_read32(d->m, d->regs + off);
}

static inline uint64_t svart_pmd_dsa_read64(const struct svart_dsa_device *d, uint32_t off)
{
	return d->m->ops->mmio_read64(d->m, d->regs + off);
}

static inline void svart_pmd_dsa_write32(
	const struct svart_dsa_device *d, uint32_t off, uint32_t value)
{
	d->m->ops->mmio_write32(d->m, d->regs + off, value);
}

static inline void svart_pmd_dsa_write64(
	const struct svart_dsa_device *d, uint32_t off, uint64_t value)
{
	d->m->ops->mmio_write64(d->m, d->regs + off, value);
}

/* --- dsa_hw.c: control thread ----------------------------------------------------------------- */

/** How long a queue that is stopped may go on with what it has. */
#define SVART_DSA_DRAIN_NS UINT64_C(2000000000)
/** How long a command may take before the device counts as hung. */
#define SVART_DSA_COMMAND_NS UINT64_C(2000000000)
/** The same for RESET_DEV, which lets every engine come to an end. */
#define SVART_DSA_RESET_NS UINT64_C(5000000000)

/**
 * Executes a command, after an earlier one that is still active.
 *
 * @return 0; -EIO the device refused or is gone; -ETIMEDOUT it did not finish, and only an FLR will let the
 *         device take another command. Told.
 * @blocks up to SVART_DSA_COMMAND_NS or SVART_DSA_RESET_NS, by svart_pause().
 */
int svart_pmd_dsa_command(struct svart_dsa_device *d, enum svart_dsa_cmd cmd, uint32_t operand);

/** Whether GENSTS says that the device has halted. */
static inline bool svart_pmd_dsa_is_halted(uint32_t gensts)
{
	return gensts != SVART_DSA_ALL_ONES32 &&
	       SVART_FIELD_GET(SVART_DSA_GENSTS_STATE, gensts) == SVART_DSA_STATE_HALT;
}

/** What a device that has halted waits for, and what to do. @param gensts of it. Never NULL. */
const char *svart_pmd_dsa_halt_text(uint32_t gensts);

/** Whether the registers answer. If not, every queue fails. @thread any. */
bool svart_pmd_dsa_answers(struct svart_dsa_device *d);

/** Checks that BAR 0 is there and holds the registers. @return 0 or -EIO, told. */
int svart_pmd_dsa_bars_check(const struct svart_dsa_device *d);

/** Sets memory space and INTx disable, and bus mastering as master says. @return 0 or -errno, told. */
int svart_pmd_dsa_bus_enable(struct svart_dsa_device *d, bool master);

/**
 * Resets the device and forgets an error that it may still report. Nothing is configured afterwards.
 * @return 0, -EIO, -ETIMEDOUT; told. @blocks as svart_pmd_dsa_command().
 */
int svart_pmd_dsa_reset(struct svart_dsa_device *d);

/** Reads and checks the capability registers into d->caps. @return 0; -EIO, -ENOTSUP; told. */
int svart_pmd_dsa_caps_read(struct svart_dsa_device *d);

/** Writes groups and WQ sizes for d->nr_queues. The device is disabled. It only writes registers. */
void svart_pmd_dsa_groups_configure(struct svart_dsa_device *d);

/** Enables the configured device. @return 0, -EIO, -ETIMEDOUT; told. @blocks as a command. */
int svart_pmd_dsa_enable(struct svart_dsa_device *d);

/**
 * Disables and resets the device and takes bus mastering from it. It always succeeds: without bus mastering
 * even a hung device reaches no memory. @blocks as two commands.
 */
void svart_pmd_dsa_shutdown(struct svart_dsa_device *d);

/* --- dsa_wq.c: control thread ----------------------------------------------------------------- */

/**
 * Configures and enables the queue's WQ, which is disabled.
 * @return 0; -EIO, -ETIMEDOUT; told. On error the WQ is disabled. @blocks as some commands.
 */
int svart_pmd_dsa_wq_enable(struct svart_dsa_device *d, const struct svart_pmd_queue *q);

/**
 * Disables a WQ: lets it finish for SVART_DSA_DRAIN_NS, drains or else aborts it, and resets it. If that
 * fails, it resets the device, which fails the device's other queues. If that fails too, it takes bus
 * mastering from the device. Afterwards nothing of the WQ reaches memory. All except the first is logged.
 *
 * @param queue the operations in flight on it, NULL if there are none.
 * @blocks up to SVART_DSA_DRAIN_NS and some commands; page requests are answered meanwhile.
 */
void svart_pmd_dsa_wq_quiesce(
	struct svart_dsa_device *d, uint32_t index, const struct svart_dsa_queue *queue);

/* --- dsa_irq.c: control thread ---------------------------------------------------------------- */

/** Binds the queue's eventfd, if it has one, to a vector. @return 0; -ENOTSUP, -EIO, -ETIMEDOUT; told. */
int svart_pmd_dsa_irq_start(
	struct svart_dsa_device *d, const struct svart_pmd_queue *q, struct svart_dsa_queue *dq);
/** Frees it. The queue is stopped. */
void svart_pmd_dsa_irq_stop(struct svart_dsa_device *d, const struct svart_pmd_queue *q,
	const struct svart_dsa_queue *dq);

static inline bool svart_pmd_dsa_has_command(
	const struct svart_dsa_device *d, enum svart_dsa_cmd command)
{
	return (d->caps.commands >> command & 1) != 0;
}

/* --- dsa_error.c ------------------------------------------------------------------------------ */

/** Fails a queue, unless it has failed already. @param swerr0, fault_addr with CAUSE_SWERR, else 0.
 * @thread any. @blocks never. */
void svart_pmd_dsa_fail_queue(struct svart_dsa_device *d, uint32_t index,
	enum svart_dsa_cause cause, uint64_t swerr0, uint64_t fault_addr);
/** Fails every queue of the device. */
void svart_pmd_dsa_fail_all(struct svart_dsa_device *d, enum svart_dsa_cause cause, uint64_t swerr0,
	uint64_t fault_addr);

/** A register reads all ones: the device is lost, and every queue fails. @param off the register's offset. */
void svart_pmd_dsa_lose(struct svart_dsa_device *d, uint32_t off);

/**
 * Reads SWERR and GENSTS, acknowledges the error and fails the queue it names, or all if it names
 * none, or if another error was lost. Does nothing while another thread does the same.
 * @return whether it looked. @thread any. @blocks never: at most five register accesses.
 */
bool svart_pmd_dsa_errors_check(struct svart_dsa_device *d);

/** Forgets the failure of a queue that is about to start, and errors still pending from before.
 * @thread control. @blocks while another thread reads the error registers. */
void svart_pmd_dsa_failure_clear(struct svart_dsa_device *d, uint32_t index);

static inline bool svart_pmd_dsa_failed(const struct svart_dsa_failure *f)
{
	/* Orders the state before reads of the cause; pairs with the release in dsa_error.c. */
	return atomic_load_explicit(&f->state, memory_order_acquire) == SVART_DSA_FAILED;
}

/**
 * Puts the cause of a failed queue in words; there are no words for SVART_DSA_CAUSE_LOST.
 * @thread any. @blocks never.
 */
void svart_pmd_dsa_failure_describe(
	const struct svart_dsa_failure *f, uint32_t index, struct svart_queue_error *error);

/* --- dsa_fast.c ------------------------------------------------------------------------------- */

/** Sets what prep takes. @param ops bit n: enum svart_opcode n. @param overlap copies may overlap. */
void svart_pmd_dsa_rules_set(struct svart_dsa_queue *q, uint64_t ops, bool overlap);

/** Tells the length of a ring's arrays: depth, rounded up to a power of two. */
uint32_t svart_pmd_dsa_ring_entries(uint32_t depth);

/** Bytes of device memory that a ring needs. @param batches whether it hands over batches. */
size_t svart_pmd_dsa_ring_mem_bytes(uint32_t depth, bool batches);

/**
 * Makes the private part of a queue: ring and descriptors. The caller sets the other constants and
 * ends it with svart_pmd_dsa_ring_destroy().
 *
 * @param depth   operations, 1 to SVART_DSA_WQ_SIZE_MAX.
 * @param mem     svart_pmd_dsa_ring_mem_bytes() of device memory, of whole pages; stays the caller's.
 * @param batches whether it hands over batches.
 * @return 0 or -ENOMEM, told. @thread control.
 */
int svart_pmd_dsa_ring_create(
	uint32_t depth, void *mem, bool batches, struct svart_dsa_queue **out);
void svart_pmd_dsa_ring_destroy(struct svart_dsa_queue *q);

/** Tells whether the device has written every completion record that it owes. @thread control, at the end. */
bool svart_pmd_dsa_ring_settled(const struct svart_dsa_queue *q);

/** The functions of a running queue; see svart/queue.h. @thread the queue's owner. */
uint16_t svart_pmd_dsa_prep(struct svart_queue *fast, const struct svart_op *ops, uint16_t nr);
uint16_t svart_pmd_dsa_submit(struct svart_queue *fast);
uint16_t svart_pmd_dsa_poll(struct svart_queue *fast, struct svart_completion *done, uint16_t nr);
/** poll for SVART_QUEUE_UNORDERED. */
uint16_t svart_pmd_dsa_poll_any(
	struct svart_queue *fast, struct svart_completion *done, uint16_t nr);

/* --- dsa_more.c: the queue's thread ------------------------------------------------------------- */

/** Writes all of an operation's descriptor but its flags and opcode. @return flags that only such operations have. */
uint64_t svart_pmd_dsa_more_write(const struct svart_op *op, struct svart_dsa_desc *desc);

/** Completes an operation of no bytes. @param done its cookie is set; the rest is 0. */
void svart_pmd_dsa_more_empty(const struct svart_op *op, struct svart_completion *done);

/**
 * Completes an operation by its record, whose fields are checked: one that makes no sense is a DEVICE_ERROR.
 * @param record a copy.
 * @param done   in: cookie, the rest is 0; out: all but status, hw_status and what is said of a fault.
 * @return its status; after a page fault, whoever refused the page, PARTIAL.
 */
enum svart_status svart_pmd_dsa_more_complete(const struct svart_op *op,
	const struct svart_dsa_record *record, struct svart_completion *done);

/** What a status other than success and page faults means to the program. @param code without its WRITE bit. */
enum svart_status svart_pmd_dsa_status(unsigned int code);

/** Whether addr is in a page of [start, start + len). */
bool svart_pmd_dsa_in_pages(uint64_t addr, uint64_t start, uint64_t len);

/** Whether all that was handed over has ended. What was seen once is not looked at again. */
bool svart_pmd_dsa_all_settled(struct svart_dsa_queue *q);

/* --- dsa_batch.c ---------------------------------------------------------------------------------- */

/** Makes q->batches, which free() ends. @param records array[mask + 1]. @return 0 or -ENOMEM, told. */
int svart_pmd_dsa_batches_create(struct svart_dsa_queue *q, struct svart_dsa_record *records);
/** submit for SVART_QUEUE_BATCHES. */
uint16_t svart_pmd_dsa_submit_batches(struct svart_queue *fast);
/** Whether the last operation of a batch, which has a record, has not ended yet, for its batch has not. */
bool svart_pmd_dsa_batch_holds(const struct svart_dsa_queue *q, uint32_t slot);
/**
 * What became of an operation without a record.
 * @param hw_status out: its record's status, if it has one now; that of its batch, if it has ended without the
 *                  operation; untouched if it has not ended.
 * @return SVART_STATUS_OK: hw_status says whether there is a record now. ABORTED: a fence in the batch came after a
 *         failure. DEVICE_ERROR: the batch failed.
 */
enum svart_status svart_pmd_dsa_batch_left(
	const struct svart_dsa_queue *q, uint32_t slot, uint8_t *hw_status);

#endif
