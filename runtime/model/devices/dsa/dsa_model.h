/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DSA_MODEL_H
#define SVART_DSA_MODEL_H

/**
 * @file
 * The parts of the DSA model, for each other.
 *
 *   dsa_portal.c  stores into portals -> rings of descriptors
 *   dsa_regs.c    registers and tables of BAR 0, SWERR
 *   dsa_cmd.c     the command register
 *   dsa_engine.c  executes descriptors
 *   dsa_batch.c   fetches those of a batch
 *   dsa_check.c   looks at them before
 *   dsa_quick.c   executes those that are nothing but a copy
 *   dsa_work.c    executes those that compute (dsa_work.h)
 *   dsa_record.c  ends them: completion records, errors that no record tells, interrupts
 *   dsa_log.c     the event log of DSA 2.0, and SWERR for what is not logged
 *   dsa_fault.c   page request groups
 *   dsa_atc.c     cached translations
 *   dsa_options.c what the device is told when it is made
 *   dsa.c         life, the table of bus.h
 *
 * An engine is a state machine that svart_dsa_engine_step() moves:
 *
 *          a descriptor           a page is missing         LAST was sent
 *   IDLE ----------------> RUN ----------------> SEND ----------------> BLOCKED
 *    ^  <-----------------  ^                     |                        |
 *    |       completed      +---------------------|------------------------+
 *    |                            response        | aborted
 *    +------------------------------------- CLOSE <
 *          LAST was sent
 *
 * A page may be one of the data, of a batch's list, or that of the completion record (enum dsa_reach): for the
 * last an engine waits whether the descriptor may block or not, unless its WQ has page requests off.
 *
 * An engine whose descriptor ends with an entry of the event log is in LOG, instead of IDLE, while that is full.
 *
 * An engine that has a batch does its descriptors one after the other. Between two of them it is in BATCH
 * instead of IDLE; after the last one the batch's own descriptor is completed as any other is.
 *
 * All functions but svart_dsa_portal_store() run under the device's lock (bus.h). None blocks.
 */

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "dsa_spec.h"
#include "op_delta.h"
#include "op_dif.h"

/* Most of each that the tables have room for; what Sapphire Rapids has. */
#define DSA_MAX_WQS     8
#define DSA_MAX_GROUPS  4
#define DSA_MAX_ENGINES 4
#define DSA_MAX_WQ_SIZE 128

/* A WQCFG has 32 bytes: WQCAP.WQCFG_SIZE is 0. */
#define DSA_WQCFG_DWORDS SVART_DSA_WQCFG_MIN_DWORDS

#define DSA_GRPCFG_OFF    0x300
#define DSA_WQCFG_OFF     0x400
#define DSA_MSIX_PERM_OFF 0x200

/* PRG indexes have 9 bits (PCIe 6.0, 10.4.1). */
#define DSA_NR_PRGI 512
/* Most pages in a group; option prg_pages. */
#define DSA_MAX_PRG_PAGES 64

/* Descriptors that either side fetches before their turn, for they are in the other core's cache. */
#define DSA_FETCH_AHEAD 8

/* Data that an engine moves in one step. */
#define DSA_STEP_SHIFT 18
#define DSA_STEP_BYTES (UINT64_C(1) << DSA_STEP_SHIFT)
/* Descriptors that it takes in one step; option burst. */
#define DSA_MAX_BURST 64
/* Untranslated accesses go through a buffer of this size. */
#define DSA_BOUNCE_BYTES 4096
/* Pages that one ATS request asks for, and that are kept as one if they lie in one piece. */
#define DSA_BLOCK_PAGES 16
#define DSA_BLOCK_BYTES (UINT64_C(4096) * DSA_BLOCK_PAGES)
/* Answers "success" after which a page that is still missing fails the operation. */
#define DSA_MAX_FAULT_TRIES 64
/* A page that is still missing is asked for after up to so many steps, as a power of two. */
#define DSA_MAX_REST_SHIFT 12

/* Most operands of an operation that computes, and most bytes of each at once: a protected block. */
#define DSA_MAX_PLACES 4
#define DSA_UNIT_BYTES 4112
/* Operands that can miss a page at once. */
#define DSA_MAX_MISSES DSA_MAX_PLACES

/* 16 MiB of 4 KiB pages in two ways: a figure of ours, the specification has none. */
#define DSA_ATC_SETS 2048
#define DSA_ATC_WAYS 2
/* Blocks beside them. */
#define DSA_NR_BLOCKS 512

struct dsa;
struct dsa_op;
struct svart_op_row;

/** Opcodes that dsa_engine.c does where the data lies, and noop; all others are in dsa_work.h. */
#define DSA_OPS_IN_PLACE                                                          \
	(UINT64_C(1) << SVART_DSA_OP_NOOP | UINT64_C(1) << SVART_DSA_OP_MEMMOVE | \
		UINT64_C(1) << SVART_DSA_OP_FILL)

/**
 * What create() was told.
 *
 * Owner: the device. Lifetime: create to destroy; constant. Locks: none.
 */
struct dsa_options {
	uint32_t nr_wqs;
	uint32_t nr_engines;
	uint32_t nr_groups;
	uint32_t wq_size_total;
	uint32_t max_xfer_shift;
	uint32_t prg_pages;
	uint32_t prg_rate;
	uint32_t burst;
	uint32_t prg_rest;       /**< 0: it asks again at once. */
	uint32_t prg_ahead;      /**< 0: it asks ahead on the first tries only. */
	uint32_t version;        /**< The major one: 1 or 2. */
	uint32_t block_on_fault; /**< 0: engines stop at a missing page. */
	uint32_t overlap;        /**< 0: copies must not overlap. */
	uint32_t
		bof_ignored; /**< 1: the flag BOF means nothing where the WQ does not block; 0: it is refused. */
	uint64_t opcap; /**< Operations that it has: the first word of OPCAP. */
};

/**
 * The descriptors of a WQ: filled by any thread, emptied under the device's lock. Positions count
 * from 0 and wrap at 2^32. A place is its store's until runs says that it is filled, then the device's.
 *
 * Stores and the device run on different cores, so what one side writes often is on lines of its own.
 *
 * Owner: stores write ctl (by compare-and-swap), head_seen and refused; the device the rest.
 * Lifetime: the device's. Locks: none.
 */
struct dsa_ring {
	/** Bit 0: open; 1: shared; 8 to 15: size; 16 to 23: threshold; 32 to 63: tail, the next position.
	 *  One word, so that a store checks and reserves at once. */
	alignas(64) _Atomic uint64_t ctl;
	/** What head was when a store last looked: head only grows, so there is that much room. */
	_Atomic uint32_t head_seen;

	alignas(64) _Atomic uint32_t head; /**< The next position to take. */
	uint32_t discard;                  /**< Positions before it were aborted. */
	uint32_t filled;                   /**< Positions before it are known to be filled. */
	bool dropped[DSA_MAX_WQ_SIZE];     /**< Places whose descriptor was aborted alone. */

	alignas(64) _Atomic uint64_t refused; /**< A store that was dropped: see dsa_portal.c. */

	/** Stores that came together: at the first one's place, when all are there. See dsa_portal.c. */
	alignas(64) _Atomic uint64_t runs[DSA_MAX_WQ_SIZE];
	alignas(64) struct svart_dsa_desc descs[DSA_MAX_WQ_SIZE];
};

/**
 * One work queue.
 *
 * Owner: the device. Lifetime: the device's. Locks: the device's, but ring.
 */
struct dsa_wq {
	uint32_t cfg[DSA_WQCFG_DWORDS]; /**< As software wrote it; dword 6 is computed. */
	uint8_t state;                  /**< enum svart_dsa_wq_state. */
	uint32_t
		log_mark; /**< Of the event log's entries so far, what the last one of the WQ counts. */
	/** A descriptor that comes in small stores. */
	uint64_t part_off;   /**< Portal offset of its first byte. */
	uint32_t part_bytes; /**< So many have come. */
	struct svart_dsa_desc part;
	struct dsa_ring ring;
};

/**
 * One group: which WQs and engines work together.
 *
 * Owner: software's writes. Lifetime: the device's. Locks: the device's.
 */
struct dsa_group {
	uint64_t wqs[SVART_DSA_GRPCFG_WQS_WORDS];
	uint64_t engines;
	uint64_t flags;
};

/** Where an engine is; see the picture above. */
enum dsa_engine_state {
	DSA_ENGINE_IDLE,
	DSA_ENGINE_RUN,
	DSA_ENGINE_SEND,
	DSA_ENGINE_BLOCKED,
	DSA_ENGINE_CLOSE,
	DSA_ENGINE_BATCH,
	DSA_ENGINE_LOG, /**< Its descriptor is over, but for an entry of the log. */
};

/**
 * The page request group that an engine sends or waits for.
 *
 * Owner: its engine. Lifetime: from the miss to the response. Locks: the device's.
 */
struct dsa_prg {
	uint16_t prgi;
	uint8_t nr;          /**< Pages in the group. */
	uint8_t sent;        /**< Of them, sent. */
	bool refused;        /**< The response was not "success". */
	uint64_t write;      /**< Bit n: pages[n] is wanted for writing. */
	uint64_t fault_addr; /**< The byte that could not be reached: in pages[0]. */
	uint64_t pages[DSA_MAX_PRG_PAGES];
};

/**
 * One cached translation.
 *
 * Owner: the device. Lifetime: until invalidated or replaced. Locks: the device's.
 */
struct dsa_atc_entry {
	uint64_t page; /**< Page-aligned address; DSA_ATC_EMPTY: none. */
	uint64_t translated;
	uint32_t pasid;
	bool read;
	bool write;
};

/** Bits of pasid_priv that are neither. */
#define DSA_PASID_PRIV_RESERVED ((uint32_t)(~(SVART_DSA_DESC_PASID | SVART_DSA_DESC_PRIV)))

/** Descriptors of whatever PASID, or of none. */
#define DSA_ANY_PASID (UINT32_MAX - 1)

/** Is no page address. */
#define DSA_ATC_EMPTY UINT64_MAX

/**
 * Pages in a row whose translations lie in a row, too.
 *
 * Owner: the device. Lifetime: until one of them is invalidated, or replaced. Locks: the device's.
 */
struct dsa_atc_block {
	uint64_t addr; /**< A multiple of DSA_BLOCK_BYTES; DSA_ATC_EMPTY: none. */
	uint64_t translated;
	uint32_t pasid;
	bool write; /**< What it may be accessed for: that, or reading. */
};

/** What an engine translates again and again: each has the entry that it used last. */
enum dsa_recent {
	DSA_RECENT_SRC,
	DSA_RECENT_DST,
	DSA_RECENT_RECORD,
	DSA_RECENT_LIST,
	DSA_NR_RECENT,
};

/** What an engine reaches for, and so what a page is for that it waits for. */
enum dsa_reach {
	DSA_REACH_DATA,
	DSA_REACH_LIST,   /**< The next descriptor of a batch. */
	DSA_REACH_RECORD, /**< Nothing is left to do but to write it. */
};

/**
 * The batch that an engine works on.
 *
 * Owner: its engine. Lifetime: from its descriptor to the completion of that. Locks: the device's.
 */
struct dsa_batch {
	struct svart_dsa_desc desc; /**< The batch's own. */
	uint32_t count;             /**< Descriptors in its list; 0: there is no batch. */
	uint32_t next;              /**< Of them, the next to fetch. */
	bool failed;                /**< One of them was no success. */
	bool logged;                /**< The record of one of them is in the event log. */
	uint8_t id;                 /**< Of it, in the event log. */
};

/**
 * How far an operation that computes is: see dsa_work.h.
 *
 * Owner: its engine. Lifetime: the descriptor's. Locks: the device's.
 */
struct dsa_work {
	bool over;      /**< Nothing is left but its record. */
	bool seeded;    /**< CRC: the seed is known. */
	uint8_t status; /**< How it ended; 0: with success. */
	uint8_t result; /**< The record's result. */
	union {
		uint32_t crc;
		struct svart_op_delta_create create;
		struct svart_op_delta_apply apply;
		struct svart_op_dif dif;
	};
};

/**
 * An error that no completion record tells: SWERR's words, without VALID, and what only an entry of the event
 * log has.
 *
 * Owner: who makes it. Lifetime: until it is told. Locks: the device's.
 */
struct dsa_report {
	uint64_t word0, word1;
	uint64_t fault_addr;
	uint64_t log0, log1;            /**< Bits that the entry has besides. */
	struct svart_dsa_record record; /**< That was to be written; or 0. */
	bool is_record; /**< The entry is in the place of a record, and of its interrupt. */
};

/**
 * One engine with the descriptor it works on.
 *
 * Owner: the device. Lifetime: the device's; desc and what follows while not IDLE.
 * Locks: the device's.
 */
struct dsa_engine {
	enum dsa_engine_state state;
	uint8_t index;
	uint8_t next_wq; /**< Where the search for work goes on. */

	struct svart_dsa_desc desc;
	const struct svart_op_row
		*row;            /**< Of its opcode, if that is of DSA_OPS_IN_PLACE; or NULL. */
	const struct dsa_op *op; /**< Of its opcode, if it computes (dsa_work.h); or NULL. */
	struct dsa_work work;
	struct dsa_wq *wq;
	uint32_t position; /**< In the WQ's ring. */
	uint32_t pasid;    /**< Or SVART_BUS_NO_PASID. */
	bool priv;         /**< Its requests are privileged; with a PASID only. */
	uint32_t done;     /**< Bytes; from the end if backward. */
	bool backward;
	bool untranslated;    /**< By dma_read() and dma_write(). */
	bool ask_one;         /**< The next group is of one page: a larger one was refused. */
	uint32_t fault_tries; /**< Responses since the last progress, but those at once. */
	uint32_t rest;        /**< Steps before it asks. */
	struct dsa_prg prg;
	struct dsa_batch batch;
	enum dsa_reach reach;
	struct svart_dsa_record record; /**< With DSA_REACH_RECORD: how it ended. */
	struct dsa_report report;       /**< In DSA_ENGINE_LOG. */
	struct dsa_atc_entry recent[DSA_NR_RECENT];
};

/** A set of the cache, one line of the host's; victim is the way to replace next. */
struct dsa_atc_set {
	alignas(64) struct dsa_atc_entry ways[DSA_ATC_WAYS];
	uint8_t victim;
};

/** Where a descriptor came from, for SWERR and the event log. */
struct dsa_origin {
	uint32_t pasid;
	uint32_t flags;
	uint16_t int_handle;
	uint8_t batch_id;
	uint8_t wq;
	uint8_t opcode;
	bool priv;
	bool in_batch;
	uint16_t batch_index;
};

/** A record of success that is still to be written. Owner: the device. Lifetime: a step. */
struct dsa_late {
	uint64_t translated;
	uint64_t completion_addr;
	struct dsa_origin origin;
};

/**
 * A command that waits for descriptors.
 *
 * Owner: the device. Lifetime: while CMDSTS.ACTIVE. Locks: the device's.
 */
struct dsa_command {
	uint32_t code;               /**< enum svart_dsa_cmd. */
	uint32_t wqs;                /**< Bit n: WQ n has to be drained. */
	uint32_t pasid;              /**< Of which descriptors; or DSA_ANY_PASID. */
	uint32_t marks[DSA_MAX_WQS]; /**< Of each, up to this position. */
};

/**
 * The device.
 *
 * Owner: who created it. Lifetime: create to destroy. Locks: the caller's (bus.h), but what
 * svart_dsa_portal_store() touches: each WQ's ring, and any_refused.
 */
struct dsa {
	struct svart_bus *bus;
	struct dsa_options options;

	uint32_t gencfg;
	uint32_t genctrl;
	uint32_t state;      /**< enum svart_dsa_state. */
	uint32_t reset_type; /**< enum svart_dsa_reset_type; while halted. */
	uint32_t intcause;
	uint32_t cmd;
	uint32_t cmdsts;
	uint64_t swerr[SVART_DSA_SWERR_WORDS];
	uint64_t evlcfg[SVART_DSA_EVLCFG_WORDS];
	uint64_t evlstatus;
	uint32_t nr_logged;    /**< Entries since the device was enabled; wraps. */
	uint8_t next_batch_id; /**< Of the next batch. */
	uint32_t msix_perm[SVART_DSA_NR_VECTORS];
	struct dsa_command command;

	/** A ring's refused is not 0; set after it. */
	_Atomic bool any_refused;

	struct dsa_group groups[DSA_MAX_GROUPS];
	struct dsa_wq wqs[DSA_MAX_WQS];
	struct dsa_engine engines[DSA_MAX_ENGINES];

	/** Of each PRG index: requests sent and not answered; whose; for what. */
	struct {
		uint8_t sent;
		uint8_t owner; /**< Engine + 1; 0: free; DSA_PRG_ORPHAN. */
		uint32_t pasid;
	} prgs[DSA_NR_PRGI];
	uint16_t next_prgi;
	uint32_t requests_open;

	uint32_t nr_late;
	struct dsa_late late[DSA_MAX_BURST];

	struct dsa_atc_set atc[DSA_ATC_SETS];
	struct dsa_atc_block blocks[DSA_NR_BLOCKS];
	uint8_t bounce[DSA_BOUNCE_BYTES];
	uint8_t room[DSA_MAX_PLACES][DSA_UNIT_BYTES]; /**< For units of work. */
};

/** Answers to it change nothing: its operation was aborted. */
#define DSA_PRG_ORPHAN 0xff

/** Whether OPCAP has an operation. */
static inline bool svart_dsa_has_op(const struct dsa *d, unsigned int opcode)
{
	return opcode < 64 && (d->options.opcap >> opcode & 1) != 0;
}

/* --- dsa_options.c ---------------------------------------------------------------------------- */

/** NULL-terminated. */
extern const char *const svart_dsa_option_keys[];
/** @param text "key=value,...", or NULL. @return 0; -EINVAL. */
int svart_dsa_options_parse(struct dsa_options *options, const char *text);

/* --- dsa_portal.c ----------------------------------------------------------------------------- */

/**
 * Takes nr descriptors into WQ wq's ring; those that it has no place for are dropped, and why is
 * noted for SWERR.
 * @thread any; no lock.
 */
void svart_dsa_portal_store(struct dsa *d, unsigned int wq, const void *descs, uint32_t nr);
/**
 * A deferrable write at off of BAR 2: takes a descriptor if the WQ is shared, and has room for one, or
 * below its threshold if the portal is a limited one.
 * @return whether it was taken. @thread any; no lock.
 */
bool svart_dsa_portal_enqueue(struct dsa *d, uint64_t off, const struct svart_dsa_desc *desc);
/** A store of 4 or 8 bytes at off of BAR 2; the one that completes 64 bytes submits them. */
void svart_dsa_portal_write(struct dsa *d, uint64_t off, unsigned int size, uint64_t value);
/** Reports what svart_dsa_portal_store() noted. @return whether there was anything. */
bool svart_dsa_portal_report(struct dsa *d);

/** Lets stores in, as the WQ's configuration says. */
void svart_dsa_ring_open(struct dsa_ring *ring, const struct dsa_wq *wq);
/** Lets no store in any more. */
void svart_dsa_ring_close(struct dsa_ring *ring);
/** Aborts all that is in the ring, also what a store has reserved and not filled yet. */
void svart_dsa_ring_discard(struct dsa_ring *ring);
/** Aborts descriptors of a PASID in a shared WQ's ring, but for those that are not filled yet. */
void svart_dsa_ring_drop(struct dsa_ring *ring, uint32_t pasid);
/** The position after the last descriptor of a PASID in a shared WQ's ring, as far as is known. */
uint32_t svart_dsa_ring_mark(struct dsa_ring *ring, uint32_t pasid);
/** How many descriptors can be taken, from *position (out) on. */
uint32_t svart_dsa_ring_ready(struct dsa_ring *ring, uint32_t *position);
/** Takes the nr oldest ones of those that are ready. */
void svart_dsa_ring_pass(struct dsa_ring *ring, uint32_t nr);
/** A descriptor that is ready, where it lies. */
static inline const struct svart_dsa_desc *svart_dsa_ring_at(
	const struct dsa_ring *ring, uint32_t position)
{
	return &ring->descs[position % DSA_MAX_WQ_SIZE];
}
/** Takes the oldest descriptor. @return false if there is none (yet). */
bool svart_dsa_ring_take(struct dsa_ring *ring, struct svart_dsa_desc *desc, uint32_t *position);
/** The position of the next store. */
uint32_t svart_dsa_ring_tail(struct dsa_ring *ring);
/** Descriptors stored and not taken. */
uint32_t svart_dsa_ring_used(struct dsa_ring *ring);
/** Whether all before position were taken. */
bool svart_dsa_ring_passed(struct dsa_ring *ring, uint32_t position);

/* --- dsa_regs.c ------------------------------------------------------------------------------- */

/** Aligned access of 4 bytes to BAR 0. Reads what no register has as 0. */
uint32_t svart_dsa_reg_read(struct dsa *d, uint64_t off);
void svart_dsa_reg_write(struct dsa *d, uint64_t off, uint32_t value);
/** Registers and tables as after power-on. */
void svart_dsa_regs_reset(struct dsa *d);

/** Sets INTCAUSE bits and raises vector 0. */
void svart_dsa_event(struct dsa *d, uint64_t cause);
/** Records an error in SWERR. Sets OVERFLOW if one is there. */
void svart_dsa_swerr(struct dsa *d, const struct dsa_report *report);

/* --- dsa_log.c -------------------------------------------------------------------------------- */

/** Whether errors go to the event log. */
bool svart_dsa_log_is_on(const struct dsa *d);
/** Whether EVLCFG is one that ENABLE_DEV takes. */
bool svart_dsa_log_config_is_good(const struct dsa *d);
/** The device is being enabled: the log is empty. */
void svart_dsa_log_start(struct dsa *d);
/** A write to a half of EVLSTATUS. */
void svart_dsa_log_ack(struct dsa *d, uint64_t off, uint32_t value);
/** Whether software may not have read all that was logged of a WQ. */
bool svart_dsa_log_is_unread(const struct dsa *d, const struct dsa_wq *wq);
/** Tells of an error that no engine waits for: by the log, or if it is full, off or out of reach by SWERR. */
void svart_dsa_report(struct dsa *d, const struct dsa_report *report);
/**
 * Tells of e->report, and ends the descriptor then; the engine is in DSA_ENGINE_LOG.
 * @return false: the log is full.
 */
bool svart_dsa_log_engine(struct dsa *d, struct dsa_engine *e);

/* --- dsa_cmd.c -------------------------------------------------------------------------------- */

/** A write to CMD. */
void svart_dsa_cmd_write(struct dsa *d, uint32_t value);
/** Ends the active command if what it waits for is done. @return whether it ended. */
bool svart_dsa_cmd_poll(struct dsa *d);
/** Whether requests with a PASID may be privileged. */
bool svart_dsa_may_be_privileged(const struct dsa *d);
/** Stops everything at once, until a reset of this type or a stronger one. */
void svart_dsa_halt(struct dsa *d, enum svart_dsa_reset_type type);
/** Bus mastering was turned off: tells so by SWERR, and halts until an FLR. */
void svart_dsa_master_lost(struct dsa *d);

/* --- dsa_engine.c ----------------------------------------------------------------------------- */

/** Moves an engine by one event, a burst of descriptors, or DSA_STEP_BYTES. @return whether it moved. */
bool svart_dsa_engine_step(struct dsa *d, struct dsa_engine *e);
/** Drops the descriptor, if it is of this WQ and PASID (DSA_ANY_PASID). Nothing is written. */
void svart_dsa_engine_abort(
	struct dsa *d, struct dsa_engine *e, const struct dsa_wq *wq, uint32_t pasid);
/** Whether an engine works on a descriptor of wq and pasid (DSA_ANY_PASID) from before position. */
bool svart_dsa_engines_busy(
	const struct dsa *d, const struct dsa_wq *wq, uint32_t position, uint32_t pasid);
/** Whether its descriptors say what PASID they are of. */
static inline bool svart_dsa_wq_is_shared(const struct dsa_wq *wq)
{
	return (wq->cfg[2] & SVART_DSA_WQCFG2_DEDICATED) == 0;
}
/** The PASID that a dedicated WQ's requests carry, or SVART_BUS_NO_PASID. */
uint32_t svart_dsa_wq_pasid(const struct dsa_wq *wq);
/** Whether they are privileged. */
bool svart_dsa_wq_priv(const struct dsa_wq *wq);

static inline uint32_t svart_dsa_engine_opcode(const struct dsa_engine *e)
{
	return (uint32_t)SVART_FIELD_GET(SVART_DSA_DESC_OPCODE, e->desc.flags_opcode);
}

static inline bool svart_dsa_engine_flag(const struct dsa_engine *e, uint64_t flag)
{
	return (e->desc.flags_opcode & flag) != 0;
}

/** Whether its descriptor is one of a batch's. */
static inline bool svart_dsa_engine_in_batch(const struct dsa_engine *e)
{
	return e->batch.count != 0;
}

/* --- dsa_batch.c ------------------------------------------------------------------------------ */

/** The engine's descriptor is a good one of a batch: its list comes next. */
void svart_dsa_batch_begin(struct dsa_engine *e);
/**
 * Fetches the next descriptor of the batch.
 * @return false: the engine waits for the list's page, or has completed the batch.
 */
bool svart_dsa_batch_next(struct dsa *d, struct dsa_engine *e);
/** Ends the batch: its list could not be read at addr. */
void svart_dsa_batch_fault(struct dsa *d, struct dsa_engine *e, uint64_t addr);

/* --- dsa_check.c ------------------------------------------------------------------------------ */

/** Ends an operation with something wrong. @return whether it is good. */
bool svart_dsa_engine_check(struct dsa *d, struct dsa_engine *e);
/** Whether the descriptor may raise the interrupt that it asks for, if it asks for one. */
bool svart_dsa_int_handle_is_good(const struct dsa *d, const struct dsa_engine *e);
/** Whether it reaches for data; noop, and the device's own operations (batch, drain), do not. */
bool svart_dsa_has_operands(const struct dsa_engine *e);

/* --- dsa_quick.c ------------------------------------------------------------------------------ */

/**
 * Does up to most copies from the head of wq for an engine that is idle, as long as they need nothing
 * but to be copied. Their records are written by the flush.
 *
 * @param bytes in, out: what the step has moved.
 * @return how many; the next descriptor, if there is one, is for the engine.
 */
uint32_t svart_dsa_quick(
	struct dsa *d, struct dsa_engine *e, struct dsa_wq *wq, uint32_t most, uint64_t *bytes);

/* --- dsa_record.c ----------------------------------------------------------------------------- */

/** What of an engine's descriptor SWERR and the event log tell. */
struct dsa_origin svart_dsa_engine_origin(const struct dsa *d, const struct dsa_engine *e);
/** All of an engine's descriptor is told, but its interrupt if that is asked for. */
void svart_dsa_engine_end(struct dsa *d, struct dsa_engine *e, bool interrupt);
/** Writes e->record, and ends the operation; or asks for the record's page. */
void svart_dsa_record_write(struct dsa *d, struct dsa_engine *e);
/**
 * Ends the operation: record, or SWERR; interrupt; idle. An engine that misses the record's page asks for
 * it, and ends when that has come, or was refused.
 */
void svart_dsa_engine_complete(
	struct dsa *d, struct dsa_engine *e, const struct svart_dsa_record *record);
void svart_dsa_engine_success(struct dsa *d, struct dsa_engine *e);
void svart_dsa_engine_error(
	struct dsa *d, struct dsa_engine *e, unsigned int status, uint32_t invalid_flags);
/** Ends the operation by SWERR: its record cannot be written. */
void svart_dsa_engine_no_record(struct dsa *d, struct dsa_engine *e, unsigned int status);
/** Ends what the engine reaches for with a page fault; addr could not be reached. */
void svart_dsa_engine_fault(
	struct dsa *d, struct dsa_engine *e, unsigned int status, uint64_t addr, bool write);
/** Ends the operation for an error of the bus that is no page fault. */
void svart_dsa_engine_bus_error(struct dsa *d, struct dsa_engine *e, int rc);
/** Has success of the engine's descriptor written by the flush. @return false: it must be written. */
bool svart_dsa_record_later(struct dsa *d, struct dsa_engine *e);
/** Writes what is to be written. At the end of each step: translations hold until then. */
void svart_dsa_records_flush(struct dsa *d);

/* --- dsa_fault.c ------------------------------------------------------------------------------ */

/** An operand that misses a page. */
struct dsa_miss {
	uint64_t addr;  /**< The byte needed next. */
	uint64_t bytes; /**< From there to the operand's end, in the copy's direction. */
	bool write;
};

/**
 * Starts a page request group for nr operands, 1 to DSA_MAX_MISSES, the first one's page first; or ends the operation
 * if it may not block.
 */
void svart_dsa_fault_raise(
	struct dsa *d, struct dsa_engine *e, const struct dsa_miss *misses, unsigned int nr);
/** Sends what credits allow of the group of an engine in SEND or CLOSE. @return whether it moved. */
bool svart_dsa_fault_send(struct dsa *d, struct dsa_engine *e);
/** A page request group response. */
void svart_dsa_fault_response(
	struct dsa *d, uint32_t pasid, uint16_t prgi, enum svart_bus_prg_response code);
/** The engine's operation is gone: its group no longer matters to it. */
void svart_dsa_fault_orphan(struct dsa *d, struct dsa_engine *e);
/** Forgets all groups: the function was reset. */
void svart_dsa_fault_reset(struct dsa *d);

/* --- dsa_atc.c -------------------------------------------------------------------------------- */

/** A piece of an operand. */
struct dsa_span {
	uint64_t addr;  /**< Of its first byte; of the byte after its last one if backward. */
	uint64_t ahead; /**< Bytes of the operand from there on; to ask ahead for. */
	bool write;
	bool backward;
	struct dsa_atc_entry *recent; /**< What it was translated by last. */
};

/**
 * Finds the longest piece, at most max bytes, that lies in one run of translated addresses.
 *
 * @param translated out: where its lowest byte is.
 * @return its bytes, 0 if the first page is missing; -errno as ats_translate().
 */
int64_t svart_dsa_atc_run(struct dsa *d, uint32_t pasid, const struct dsa_span *span, uint64_t max,
	uint64_t *translated);
/** Whether max bytes from the span's address on are in the page that it was in before. */
static inline bool svart_dsa_atc_is_recent(
	const struct dsa_span *span, uint32_t pasid, uint64_t max)
{
	const struct dsa_atc_entry *recent = span->recent;

	return recent->page == svart_page_down(span->addr) && recent->pasid == pasid &&
	       (span->write ? recent->write : recent->read) && !span->backward &&
	       (span->addr & SVART_PAGE_MASK) + max <= SVART_PAGE_SIZE;
}
/** Where a span is that is recent. */
static inline uint64_t svart_dsa_atc_recent(const struct dsa_span *span)
{
	return span->recent->translated + (span->addr & SVART_PAGE_MASK);
}
/** Asks the IOMMU about nr (at most DSA_MAX_PRG_PAGES) pages and keeps those that are present. */
int svart_dsa_atc_fill(struct dsa *d, uint32_t pasid, uint64_t page, unsigned int nr, bool write,
	struct svart_ats_entry *entries);
/** Drops translations: as svart_device_model.invalidate. */
void svart_dsa_atc_invalidate(struct dsa *d, uint32_t pasid, uint64_t va, uint64_t len);
/** Drops all. */
void svart_dsa_atc_reset(struct dsa *d);

#endif
