/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The checks of a descriptor before anything is done (DSA spec 5.7, 8).
 */

#include "bits.h"
#include "dsa_model.h"
#include "dsa_ops.h"
#include "dsa_work.h"
#include "op_table.h"

#define FLAGS_ANY                                                                               \
	(SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR | SVART_DSA_FLAG_RCI | SVART_DSA_FLAG_CRSTS | \
		SVART_DSA_FLAG_CR_TCS)
#define FLAGS_DATA                                                                       \
	(FLAGS_ANY | SVART_DSA_FLAG_BOF | SVART_DSA_FLAG_CC | SVART_DSA_FLAG_ADDR1_TCS | \
		SVART_DSA_FLAG_ADDR2_TCS | SVART_DSA_FLAG_STORD | SVART_DSA_FLAG_DRDBK | \
		SVART_DSA_FLAG_DSTS)
/* Of its list. */
#define FLAGS_BATCH (FLAGS_ANY | SVART_DSA_FLAG_BOF | SVART_DSA_FLAG_CC | SVART_DSA_FLAG_ADDR1_TCS)

/* Without a PASID they need no permission: the kernel's vfio selftest has them so. */
static bool user_interrupts_are_off(const struct dsa *d, const struct dsa_engine *e)
{
	return e->pasid != SVART_BUS_NO_PASID && !e->priv &&
	       (d->gencfg & SVART_DSA_GENCFG_USER_INT_EN) == 0;
}

/* The handle is an index of the MSI-X table; its permission is of the descriptor's PASID. */
bool svart_dsa_int_handle_is_good(const struct dsa *d, const struct dsa_engine *e)
{
	uint32_t perm, pasid = SVART_BUS_NO_PASID;

	if (!svart_dsa_engine_flag(e, SVART_DSA_FLAG_RCI))
		return true;
	if (e->desc.int_handle == 0 || e->desc.int_handle >= SVART_DSA_NR_VECTORS ||
		user_interrupts_are_off(d, e))
		return false;
	perm = d->msix_perm[e->desc.int_handle];
	if ((perm & SVART_DSA_MSIX_PERM_IGNORE) != 0)
		return true;
	if ((perm & SVART_DSA_MSIX_PERM_PASID_EN) != 0)
		pasid = (uint32_t)SVART_FIELD_GET(SVART_DSA_MSIX_PERM_PASID, perm);
	return pasid == e->pasid;
}

bool svart_dsa_has_operands(const struct dsa_engine *e)
{
	return e->op != NULL || (e->row != NULL && e->row->nr_operands != 0);
}

static bool is_batch(const struct dsa_engine *e)
{
	return svart_dsa_engine_opcode(e) == SVART_DSA_OP_BATCH;
}

static uint64_t flags_allowed(const struct dsa *d, const struct dsa_engine *e)
{
	uint64_t allowed = FLAGS_ANY;

	if (e->op != NULL)
		allowed = FLAGS_ANY | e->op->flags;
	else if (svart_dsa_has_operands(e))
		allowed = FLAGS_DATA;
	else if (is_batch(e))
		allowed = FLAGS_BATCH;
	if ((e->wq->cfg[2] & SVART_DSA_WQCFG2_BLOCK_ON_FAULT) == 0 && d->options.bof_ignored == 0)
		allowed &= ~SVART_DSA_FLAG_BOF;
	return svart_dsa_engine_in_batch(e) ? allowed | SVART_DSA_FLAG_FENCE : allowed;
}

/* Flags that are wrong: not of this operation, or a record that has no address. */
static uint32_t check_flags(const struct dsa *d, const struct dsa_engine *e)
{
	uint32_t flags = (uint32_t)SVART_FIELD_GET(SVART_DSA_DESC_FLAGS, e->desc.flags_opcode);
	uint32_t wrong = flags & ~(uint32_t)flags_allowed(d, e);

	if (!svart_dsa_engine_flag(e, SVART_DSA_FLAG_CRAV))
		wrong |= flags & (uint32_t)SVART_DSA_FLAG_RCR;
	return wrong;
}

/* Bits of the descriptor's last 24 bytes that mean nothing to it. */
static uint64_t words_set(const struct dsa_engine *e)
{
	const uint64_t *words = e->desc.op_specific;
	uint64_t set = 0;

	for (unsigned int i = 0; i < SVART_ARRAY_SIZE(e->desc.op_specific); i++)
		set |= words[i] & ~(e->op != NULL ? e->op->words[i] : 0);
	return set;
}

static bool reserved_are_zero(const struct dsa_engine *e)
{
	const struct svart_dsa_desc *desc = &e->desc;
	uint64_t set = (desc->pasid_priv & DSA_PASID_PRIV_RESERVED) | desc->reserved | words_set(e);

	if (e->op != NULL)
		set |= (e->op->no_src ? desc->src : 0) | (e->op->no_dst ? desc->dst : 0);
	else if (is_batch(e))
		set |= desc->dst;
	else if (!svart_dsa_has_operands(e))
		set |= desc->src | desc->dst | desc->size;
	return set == 0;
}

static bool size_is_good(const struct dsa_engine *e)
{
	uint64_t shift = SVART_FIELD_GET(SVART_DSA_WQCFG3_MAX_XFER_SHIFT, e->wq->cfg[3]);

	if (!svart_dsa_has_operands(e))
		return true;
	return e->desc.size != 0 && e->desc.size <= UINT64_C(1) << shift;
}

/* In a batch there is no batch, nor a drain. */
static bool opcode_is_known(const struct dsa *d, const struct dsa_engine *e)
{
	if (e->row != NULL || e->op != NULL)
		return true;
	return !svart_dsa_engine_in_batch(e) && svart_dsa_has_op(d, svart_dsa_engine_opcode(e)) &&
	       (is_batch(e) || svart_dsa_engine_opcode(e) == SVART_DSA_OP_DRAIN);
}

/* What only this operation asks for. The DSA takes no batch of one. */
static unsigned int check_own(const struct dsa *d, const struct dsa_engine *e)
{
	uint64_t shift = SVART_FIELD_GET(SVART_DSA_WQCFG3_MAX_BATCH_SHIFT, e->wq->cfg[3]);

	if (e->op != NULL && e->op->check != NULL)
		return e->op->check(e);
	if (e->row != NULL && e->row->overlap == SVART_OVERLAP_MEMMOVE && d->options.overlap == 0 &&
		svart_dsa_overlap(e->desc.src, e->desc.size, e->desc.dst, e->desc.size))
		return SVART_DSA_STATUS_OVERLAP;
	if (!is_batch(e))
		return SVART_DSA_STATUS_SUCCESS;
	if (e->desc.desc_count < 2 || e->desc.desc_count > UINT64_C(1) << shift)
		return SVART_DSA_STATUS_BAD_DESC_COUNT;
	return e->desc.desc_list_addr % SVART_DSA_DESC_BYTES == 0
		       ? SVART_DSA_STATUS_SUCCESS
		       : SVART_DSA_STATUS_DESC_LIST_ALIGN;
}

bool svart_dsa_engine_check(struct dsa *d, struct dsa_engine *e)
{
	uint32_t flags = 0;
	unsigned int status = SVART_DSA_STATUS_SUCCESS;

	if (svart_dsa_engine_flag(e, SVART_DSA_FLAG_CRAV) &&
		e->desc.completion_addr % SVART_DSA_RECORD_BYTES != 0) {
		/* Nowhere to write a record to. */
		svart_dsa_engine_no_record(d, e, SVART_DSA_STATUS_RECORD_ALIGN);
		return false;
	}
	if (!opcode_is_known(d, e))
		status = SVART_DSA_STATUS_BAD_OPCODE;
	else if ((flags = check_flags(d, e)) != 0)
		status = SVART_DSA_STATUS_BAD_FLAGS;
	else if (!reserved_are_zero(e))
		status = SVART_DSA_STATUS_RESERVED_SET;
	else if (e->priv && !svart_dsa_may_be_privileged(d))
		status = SVART_DSA_STATUS_BAD_PRIV;
	else if (!size_is_good(e))
		status = SVART_DSA_STATUS_BAD_SIZE;
	else if (!svart_dsa_int_handle_is_good(d, e))
		status = SVART_DSA_STATUS_BAD_INT_HANDLE;
	else
		status = check_own(d, e);
	if (status == SVART_DSA_STATUS_SUCCESS)
		return true;
	svart_dsa_engine_error(d, e, status, flags);
	return false;
}
