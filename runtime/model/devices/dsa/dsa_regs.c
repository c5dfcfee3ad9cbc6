/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Registers and tables of BAR 0 (DSA spec 9.2). Capabilities are those that Sapphire Rapids shows, and for DSA
 * 2.0 what that adds to them.
 */

#include <string.h>

#include "bits.h"
#include "dsa_model.h"

/*
 * What SPR shows, without what options change. Bit 38 of GENCAP is real and undocumented. Of WQCAP the
 * occupancy interrupt (bit 53) is left out: the model has none.
 */
#define GENCAP_SPR UINT64_C(0x40915f0107)
#define WQCAP_SPR  UINT64_C(0x1f000000080080)
#define GRPCAP_SPR UINT64_C(0x36004)

/* Bits that software can set, dword by dword; but PRS_DISABLE, where WQCAP does not show it. */
static const uint64_t wqcfg_writable[DSA_WQCFG_DWORDS] = {
	[0] = SVART_DSA_WQCFG0_SIZE,
	[1] = SVART_DSA_WQCFG1_THRESHOLD,
	[2] = SVART_DSA_WQCFG2_DEDICATED | SVART_DSA_WQCFG2_BLOCK_ON_FAULT |
	      SVART_DSA_WQCFG2_ATS_DISABLE | SVART_DSA_WQCFG2_PRS_DISABLE |
	      SVART_DSA_WQCFG2_PRIORITY | SVART_DSA_WQCFG2_PASID | SVART_DSA_WQCFG2_PASID_EN |
	      SVART_DSA_WQCFG2_PRIV,
	[3] = SVART_DSA_WQCFG3_MAX_XFER_SHIFT | SVART_DSA_WQCFG3_MAX_BATCH_SHIFT,
};

/* Of EVLCFG. */
static const uint64_t evlcfg_writable[SVART_DSA_EVLCFG_WORDS] = {
	SVART_DSA_EVLCFG0_PASID_EN | SVART_DSA_EVLCFG0_PRIV | SVART_DSA_EVLCFG0_BASE,
	SVART_DSA_EVLCFG1_SIZE | SVART_DSA_EVLCFG1_PASID,
};

#define MSIX_PERM_WRITABLE \
	(SVART_DSA_MSIX_PERM_IGNORE | SVART_DSA_MSIX_PERM_PASID_EN | SVART_DSA_MSIX_PERM_PASID)

static uint64_t with_field(uint64_t word, uint64_t mask, uint64_t value)
{
	return (word & ~mask) | SVART_FIELD_PREP(mask, value);
}

static bool is_version_2(const struct dsa *d)
{
	return d->options.version >= 2;
}

/* What DSA 2.0 adds is the event log, with entries of 32 << 1 bytes. */
static uint64_t gencap(const struct dsa *d)
{
	uint64_t cap =
		with_field(GENCAP_SPR, SVART_DSA_GENCAP_MAX_XFER_SHIFT, d->options.max_xfer_shift);

	if (is_version_2(d))
		cap |= SVART_FIELD_PREP(SVART_DSA_GENCAP_EVL_SUPPORT, 1u);
	if (d->options.block_on_fault == 0)
		cap &= ~SVART_DSA_GENCAP_BLOCK_ON_FAULT;
	if (d->options.overlap == 0)
		cap &= ~SVART_DSA_GENCAP_OVERLAP_COPY;
	return cap;
}

static uint64_t wqcap(const struct dsa *d)
{
	uint64_t cap = with_field(WQCAP_SPR, SVART_DSA_WQCAP_NR_WQS, d->options.nr_wqs);

	if (is_version_2(d))
		cap |= SVART_DSA_WQCAP_PRS_DISABLE;
	return with_field(cap, SVART_DSA_WQCAP_TOTAL_SIZE, d->options.wq_size_total);
}

/* The read-only 64-bit registers; others read 0. */
static uint64_t cap_read(const struct dsa *d, uint64_t off)
{
	const uint64_t unit = SVART_DSA_OFFSETS_UNIT;

	switch (off) {
	case SVART_DSA_VER_OFF:
		return is_version_2(d) ? SVART_DSA_VER_2_0 : SVART_DSA_VER_1_0;
	case SVART_DSA_GENCAP_OFF:
		return gencap(d);
	case SVART_DSA_WQCAP_OFF:
		return wqcap(d);
	case SVART_DSA_GRPCAP_OFF:
		return with_field(GRPCAP_SPR, SVART_DSA_GRPCAP_NR_GROUPS, d->options.nr_groups);
	case SVART_DSA_ENGCAP_OFF:
		return SVART_FIELD_PREP(SVART_DSA_ENGCAP_NR_ENGINES, d->options.nr_engines);
	case SVART_DSA_OPCAP_OFF:
		return d->options.opcap;
	case SVART_DSA_OFFSETS_OFF:
		return SVART_FIELD_PREP(SVART_DSA_OFFSETS_GRPCFG, DSA_GRPCFG_OFF / unit) |
		       SVART_FIELD_PREP(SVART_DSA_OFFSETS_WQCFG, DSA_WQCFG_OFF / unit) |
		       SVART_FIELD_PREP(SVART_DSA_OFFSETS_MSIX_PERM, DSA_MSIX_PERM_OFF / unit);
	default:
		return 0;
	}
}

static uint32_t half(uint64_t word, uint64_t off)
{
	return (uint32_t)(word >> (off & 4) * 8);
}

static void set_half(uint64_t *word, uint64_t off, uint32_t value)
{
	unsigned int shift = (unsigned int)(off & 4) * 8;

	*word = (*word & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)value << shift;
}

static uint32_t gensts(const struct dsa *d)
{
	return (uint32_t)(SVART_FIELD_PREP(SVART_DSA_GENSTS_STATE, d->state) |
			  SVART_FIELD_PREP(SVART_DSA_GENSTS_RESET_TYPE, d->reset_type));
}

static uint32_t wqcfg_read(struct dsa *d, uint64_t off)
{
	struct dsa_wq *wq = &d->wqs[off / SVART_DSA_WQCFG_MIN_BYTES];
	uint64_t dword = off % SVART_DSA_WQCFG_MIN_BYTES / 4;

	if (dword == 6)
		return (uint32_t)(SVART_FIELD_PREP(SVART_DSA_WQCFG6_OCCUPANCY,
					  svart_dsa_ring_used(&wq->ring)) |
				  SVART_FIELD_PREP(SVART_DSA_WQCFG6_STATE, wq->state));
	return wq->cfg[dword];
}

/* Sizes are fixed while the device is enabled, the rest while the WQ is (DSA spec 9.2.18). */
static void wqcfg_write(struct dsa *d, uint64_t off, uint32_t value)
{
	struct dsa_wq *wq = &d->wqs[off / SVART_DSA_WQCFG_MIN_BYTES];
	uint64_t dword = off % SVART_DSA_WQCFG_MIN_BYTES / 4;

	if (wq->state != SVART_DSA_WQ_DISABLED)
		return;
	if (dword == 0 && d->state != SVART_DSA_STATE_DISABLED)
		return;
	if (dword == 2 && !is_version_2(d))
		value &= (uint32_t)~SVART_DSA_WQCFG2_PRS_DISABLE;
	wq->cfg[dword] = (uint32_t)(value & wqcfg_writable[dword]);
}

/* Fixed while the device is enabled, as GENCFG is. */
static void evlcfg_write(struct dsa *d, uint64_t off, uint32_t value)
{
	uint64_t at = (off - SVART_DSA_EVLCFG_OFF) / 8;

	if (d->state != SVART_DSA_STATE_DISABLED)
		return;
	set_half(&d->evlcfg[at], off, value);
	d->evlcfg[at] &= evlcfg_writable[at];
}

/* The 64-bit word of the group table at off, or NULL. */
static uint64_t *grpcfg_word(struct dsa *d, uint64_t off)
{
	struct dsa_group *group = &d->groups[off / SVART_DSA_GRPCFG_BYTES];
	uint64_t at = off % SVART_DSA_GRPCFG_BYTES / 8 * 8;

	if (at < SVART_DSA_GRPCFG_ENGINES_OFF)
		return &group->wqs[at / 8];
	if (at == SVART_DSA_GRPCFG_ENGINES_OFF)
		return &group->engines;
	return at == SVART_DSA_GRPCFG_FLAGS_OFF ? &group->flags : NULL;
}

/* Whether off is in a table of nr entries; makes it relative. */
static bool in_table(uint64_t *off, uint64_t start, uint64_t nr, uint64_t bytes)
{
	if (*off < start || *off - start >= nr * bytes)
		return false;
	*off -= start;
	return true;
}

static uint32_t table_read(struct dsa *d, uint64_t off)
{
	if (in_table(&off, DSA_WQCFG_OFF, d->options.nr_wqs, SVART_DSA_WQCFG_MIN_BYTES))
		return wqcfg_read(d, off);
	if (in_table(&off, DSA_GRPCFG_OFF, d->options.nr_groups, SVART_DSA_GRPCFG_BYTES)) {
		const uint64_t *word = grpcfg_word(d, off);

		return word != NULL ? half(*word, off) : 0;
	}
	if (in_table(&off, DSA_MSIX_PERM_OFF, SVART_DSA_NR_VECTORS, SVART_DSA_MSIX_PERM_BYTES))
		return off % SVART_DSA_MSIX_PERM_BYTES == 0
			       ? d->msix_perm[off / SVART_DSA_MSIX_PERM_BYTES]
			       : 0;
	return half(cap_read(d, off & ~UINT64_C(7)), off);
}

uint32_t svart_dsa_reg_read(struct dsa *d, uint64_t off)
{
	if (off >= SVART_DSA_SWERR_OFF && off < SVART_DSA_SWERR_OFF + sizeof(d->swerr))
		return half(d->swerr[(off - SVART_DSA_SWERR_OFF) / 8], off);
	if (off >= SVART_DSA_EVLCFG_OFF && off < SVART_DSA_EVLCFG_OFF + sizeof(d->evlcfg))
		return half(d->evlcfg[(off - SVART_DSA_EVLCFG_OFF) / 8], off);
	switch (off) {
	case SVART_DSA_EVLSTATUS_OFF:
	case SVART_DSA_EVLSTATUS_OFF + 4:
		return half(d->evlstatus, off);
	case SVART_DSA_GENCFG_OFF:
		return d->gencfg;
	case SVART_DSA_GENCTRL_OFF:
		return d->genctrl;
	case SVART_DSA_GENSTS_OFF:
		return gensts(d);
	case SVART_DSA_INTCAUSE_OFF:
		return d->intcause;
	case SVART_DSA_CMD_OFF:
		return d->cmd;
	case SVART_DSA_CMDSTS_OFF:
		return d->cmdsts;
	default:
		return table_read(d, off);
	}
}

/* VALID and OVERFLOW are cleared by writing 1; the rest goes with VALID. */
static void swerr_ack(struct dsa *d, uint32_t value)
{
	uint64_t left = d->swerr[0] & (SVART_DSA_SWERR0_VALID | SVART_DSA_SWERR0_OVERFLOW) & ~value;

	if ((left & SVART_DSA_SWERR0_VALID) != 0) {
		d->swerr[0] &= ~(value & SVART_DSA_SWERR0_OVERFLOW);
		return;
	}
	memset(d->swerr, 0, sizeof(d->swerr));
	d->swerr[0] = left;
}

static void table_write(struct dsa *d, uint64_t off, uint32_t value)
{
	if (in_table(&off, DSA_WQCFG_OFF, d->options.nr_wqs, SVART_DSA_WQCFG_MIN_BYTES)) {
		wqcfg_write(d, off, value);
	} else if (in_table(&off, DSA_GRPCFG_OFF, d->options.nr_groups, SVART_DSA_GRPCFG_BYTES)) {
		uint64_t *word = grpcfg_word(d, off);

		if (word != NULL && d->state == SVART_DSA_STATE_DISABLED)
			set_half(word, off, value);
	} else if (in_table(&off, DSA_MSIX_PERM_OFF, SVART_DSA_NR_VECTORS,
			   SVART_DSA_MSIX_PERM_BYTES)) {
		if (off % SVART_DSA_MSIX_PERM_BYTES == 0)
			d->msix_perm[off / SVART_DSA_MSIX_PERM_BYTES] =
				(uint32_t)(value & MSIX_PERM_WRITABLE);
	}
}

/* Registers that only DSA 2.0 has. */
static void log_write(struct dsa *d, uint64_t off, uint32_t value)
{
	if (!is_version_2(d))
		return;
	if (off >= SVART_DSA_EVLSTATUS_OFF)
		svart_dsa_log_ack(d, off, value);
	else
		evlcfg_write(d, off, value);
}

static void gencfg_write(struct dsa *d, uint32_t value)
{
	uint64_t writable = SVART_DSA_GENCFG_RDBUF_LIMIT | SVART_DSA_GENCFG_USER_INT_EN;

	if (is_version_2(d))
		writable |= SVART_DSA_GENCFG_EVL_EN;
	if (d->state == SVART_DSA_STATE_DISABLED)
		d->gencfg = (uint32_t)(value & writable);
}

static void genctrl_write(struct dsa *d, uint32_t value)
{
	uint64_t writable = SVART_DSA_GENCTRL_SWERR_INT | SVART_DSA_GENCTRL_HALT_INT;

	if (is_version_2(d))
		writable |= SVART_DSA_GENCTRL_EVL_INT;
	d->genctrl = (uint32_t)(value & writable);
}

void svart_dsa_reg_write(struct dsa *d, uint64_t off, uint32_t value)
{
	if (off >= SVART_DSA_EVLCFG_OFF && off < SVART_DSA_EVLSTATUS_OFF + 8) {
		log_write(d, off, value);
		return;
	}
	switch (off) {
	case SVART_DSA_GENCFG_OFF:
		gencfg_write(d, value);
		break;
	case SVART_DSA_GENCTRL_OFF:
		genctrl_write(d, value);
		break;
	case SVART_DSA_INTCAUSE_OFF:
		d->intcause &= ~value;
		break;
	case SVART_DSA_CMD_OFF:
		svart_dsa_cmd_write(d, value);
		break;
	case SVART_DSA_SWERR_OFF:
		swerr_ack(d, value);
		break;
	default:
		table_write(d, off, value);
	}
}

void svart_dsa_event(struct dsa *d, uint64_t cause)
{
	d->intcause |= (uint32_t)cause;
	d->bus->ops->interrupt(d->bus, 0);
}

void svart_dsa_swerr(struct dsa *d, const struct dsa_report *report)
{
	if ((d->swerr[0] & SVART_DSA_SWERR0_VALID) != 0) {
		d->swerr[0] |= SVART_DSA_SWERR0_OVERFLOW;
		return;
	}
	d->swerr[0] =
		(d->swerr[0] & SVART_DSA_SWERR0_OVERFLOW) | report->word0 | SVART_DSA_SWERR0_VALID;
	d->swerr[1] = report->word1;
	d->swerr[2] = report->fault_addr;
	if ((d->genctrl & SVART_DSA_GENCTRL_SWERR_INT) != 0)
		svart_dsa_event(d, SVART_DSA_INTCAUSE_ERR);
}

void svart_dsa_regs_reset(struct dsa *d)
{
	d->gencfg = 0;
	d->genctrl = 0;
	d->state = SVART_DSA_STATE_DISABLED;
	d->reset_type = SVART_DSA_RESET_SOFTWARE;
	d->intcause = 0;
	memset(d->swerr, 0, sizeof(d->swerr));
	memset(d->evlcfg, 0, sizeof(d->evlcfg));
	svart_dsa_log_start(d);
	memset(d->msix_perm, 0, sizeof(d->msix_perm));
	memset(d->groups, 0, sizeof(d->groups));
	for (unsigned int i = 0; i < DSA_MAX_WQS; i++)
		memset(d->wqs[i].cfg, 0, sizeof(d->wqs[i].cfg));
}
