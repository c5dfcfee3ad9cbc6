/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include "dmadev_vchan.h"

#include "op_table.h"

/* Status codes of Intel DSA's completion records (DSA specification 2.0, section 5.8, table 5-9): of the
 * byte, bit 7 says whether a faulting access was a write. */
#define DSA_CODE_MASK   0x7fu
#define DSA_WRITE       0x80u
#define DSA_BAD_OPCODE  0x10u
#define DSA_BAD_SIZE    0x13u
#define DSA_OVERLAP     0x16u
#define DSA_HW_ERROR    0x20u
#define DSA_TRANSLATION 0x22u

static enum rte_dma_status_code bad_address(bool is_write)
{
	return is_write ? RTE_DMA_STATUS_INVALID_DST_ADDR : RTE_DMA_STATUS_INVALID_SRC_ADDR;
}

static enum rte_dma_status_code status_of_dsa(uint8_t hw_status)
{
	switch (hw_status & DSA_CODE_MASK) {
	case DSA_BAD_OPCODE:
		return RTE_DMA_STATUS_INVALID_OPCODE;
	case DSA_BAD_SIZE:
		return RTE_DMA_STATUS_INVALID_LENGTH;
	case DSA_OVERLAP:
		return RTE_DMA_STATUS_INVALID_ADDR;
	case DSA_HW_ERROR:
		return RTE_DMA_STATUS_BUS_ERROR;
	case DSA_TRANSLATION:
		return bad_address((hw_status & DSA_WRITE) != 0);
	default:
		return RTE_DMA_STATUS_ERROR_UNKNOWN;
	}
}

/** Tells the status of an operation that svart did not hand to the device at all. */
static enum rte_dma_status_code status_of_malformed(const struct svart_op *op)
{
	svart_op_rule_t rules[SVART_NR_OPCODES], rule;

	/*
	 * The length is not the reason, because longer operations are split, and no flags are set. So the
	 * device lacks the operation, or cannot overlap.
	 */
	svart_op_rules(UINT64_MAX, false, rules);
	return svart_op_check(rules, op, UINT64_MAX, &rule) == SVART_OP_WRONG_OVERLAP
		       ? RTE_DMA_STATUS_INVALID_ADDR
		       : RTE_DMA_STATUS_INVALID_OPCODE;
}

enum rte_dma_status_code svart_dmadev_status_of(
	const struct svart_op *op, const struct svart_completion *done, bool is_dsa)
{
	switch (done->status) {
	case SVART_STATUS_OK:
		return RTE_DMA_STATUS_SUCCESSFUL;
	case SVART_STATUS_BAD_ADDRESS:
		return bad_address(
			!svart_op_reads(op) || (done->flags & SVART_COMPLETION_FAULT_WRITE) != 0);
	case SVART_STATUS_PARTIAL:
	case SVART_STATUS_NO_MEMORY:
		return RTE_DMA_STATUS_PAGE_FAULT;
	case SVART_STATUS_INVALID:
		if (done->hw_status == 0)
			return status_of_malformed(op);
		break;
	case SVART_STATUS_ABORTED:
		return RTE_DMA_STATUS_USER_ABORT;
	case SVART_STATUS_DEVICE_ERROR:
		break;
	default:
		return RTE_DMA_STATUS_ERROR_UNKNOWN;
	}
	return is_dsa ? status_of_dsa(done->hw_status) : RTE_DMA_STATUS_ERROR_UNKNOWN;
}
