/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_FAKE_DSA_H
#define SVART_TEST_FAKE_DSA_H

/**
 * @file
 * A DSA for driver tests: registers in plain memory, a command register that does as it is told, a
 * portal that keeps what is stored, a clock that moves only when the driver waits. It checks that
 * accesses stay inside the BARs, that a WQ never gets more descriptors than it was configured for,
 * and that no command is written while another is active.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdint.h>

#include "bits.h"
#include "dsa_spec.h"
#include "machine.h"
#include "svart_pmd.h"

#define FAKE_BAR0_BYTES    0x2000
#define FAKE_WQS           8
#define FAKE_BAR2_BYTES    (FAKE_WQS * SVART_DSA_WQ_PORTAL_BYTES)
#define FAKE_MSIX_PERM_OFF 0x200
#define FAKE_GRPCFG_OFF    0x300
#define FAKE_WQCFG_OFF     0x500
#define FAKE_WQCFG_BYTES   64
#define FAKE_PORTAL_LOG    4096

/** What the fake's device is after fake_create(): Sapphire Rapids, with 64-byte WQCFGs. */
#define FAKE_GENCAP UINT64_C(0x40915f0107)
#define FAKE_WQCAP  UINT64_C(0xff000001080080)
#define FAKE_GRPCAP UINT64_C(0x36004)
#define FAKE_ENGCAP UINT64_C(4)
#define FAKE_OPCAP  UINT64_C(0x1003f03ff)

enum fake_option {
	FAKE_QUEUES,
	FAKE_MAX_XFER_SHIFT,
	FAKE_ENGINES,
	FAKE_GROUPS,
	FAKE_TRAFFIC_CLASS,
	FAKE_NR_OPTIONS,
};

/**
 * Owner: one test. Lifetime: fake_create() to fake_destroy(). Locks: none, but for what a test with
 * threads adds.
 */
struct fake_dsa {
	struct svart_machine m; /**< First: the driver sees this. */
	struct svart_pmd_device dev;
	struct svart_pmd_queue queues[FAKE_WQS];
	_Alignas(64) uint8_t bar0[FAKE_BAR0_BYTES];
	uint8_t *bar2; /**< Never accessed. */
	uint64_t now_ns;
	uint64_t pauses;
	uint16_t pci_command;
	uint64_t options[FAKE_NR_OPTIONS];    /**< By enum fake_option; 0: not given. */
	uint32_t queue_flags, queue_priority; /**< Of the queues that start. */
	int event_fd;                         /**< Of them, plus one; 0: none. */
	uint64_t late_swerr; /**< Appears in SWERR when GENSTS is read; 0: nothing does. */
	int fail_irq;        /**< Result of binding a vector. */

	/* Script. */
	bool gone;              /**< Reads give all ones. */
	unsigned int gone_at;   /**< It is gone with this read of a register; 0: it stays. */
	uint8_t cmd_error[16];  /**< What a command ends with. */
	bool cmd_hangs[16];     /**< It never ends. */
	bool cmd_no_effect[16]; /**< It ends well but does nothing. */
	/** What a WQ shows while its ENABLE_WQ hangs. */
	enum svart_dsa_wq_state wq_state_while_hung;
	unsigned int cmd_pauses; /**< How many pauses each takes. */
	int wqcfg_stuck;         /**< This dword of WQCFGs does not take writes; -1: none. */
	int fail_mem, fail_portal, fail_config; /**< -errno, or 0. */
	uint64_t refused; /**< The page that was refused for want of memory. */

	/* What happened. */
	char trace[4096]; /**< Words; a word is not repeated in a row. */
	uint32_t cmd_active;
	unsigned int cmd_left;
	unsigned int mems; /**< Allocated and not freed. */
	unsigned int swerr_acks;
	unsigned int reg_reads;
	struct svart_dsa_desc portal_log[FAKE_PORTAL_LOG];
	uint32_t portal_offs[FAKE_PORTAL_LOG];
	uint32_t nr_posted;       /**< Of portal_log, modulo its size. */
	uint32_t in_wq[FAKE_WQS]; /**< Posted and not completed. */
	/** Called in each pause and for each descriptor, if set. */
	void (*on_pause)(struct fake_dsa *f);
	void (*on_post)(struct fake_dsa *f, const struct svart_dsa_desc *desc);
};

struct fake_dsa *fake_create(void);
/** Fails the test if something was not given back. */
void fake_destroy(struct fake_dsa *f);

uint32_t fake_get32(const struct fake_dsa *f, uint32_t off);
uint64_t fake_get64(const struct fake_dsa *f, uint32_t off);
void fake_set32(struct fake_dsa *f, uint32_t off, uint32_t value);
void fake_set64(struct fake_dsa *f, uint32_t off, uint64_t value);
/** Dword of the WQCFG of a WQ. */
uint32_t fake_wqcfg(const struct fake_dsa *f, uint32_t wq, unsigned int dword);

int fake_open(struct fake_dsa *f);
void fake_close(struct fake_dsa *f);
/** Starts queue `index` as the core does. */
int fake_start(struct fake_dsa *f, uint32_t index, uint32_t depth);
void fake_stop(struct fake_dsa *f, uint32_t index);
/** Opens, and starts queue 0 with `depth`. */
struct svart_queue *fake_start_first(struct fake_dsa *f, uint32_t depth);

/** The n-th descriptor that was posted, from 0. */
const struct svart_dsa_desc *fake_desc(const struct fake_dsa *f, uint32_t n);
/** Writes a completion record of the n-th posted descriptor as the device does: status last. */
void fake_complete(struct fake_dsa *f, uint32_t n, uint8_t status);
void fake_complete_fault(struct fake_dsa *f, uint32_t n, uint8_t status, uint8_t result,
	uint32_t bytes, uint64_t addr);
/** Puts an error into SWERR. */
void fake_swerr(struct fake_dsa *f, uint64_t word0, uint64_t addr);
/** Polls until something comes, `max` times at most. */
uint16_t fake_poll(
	struct svart_queue *q, struct svart_completion *done, uint16_t nr, unsigned int max);

#endif
