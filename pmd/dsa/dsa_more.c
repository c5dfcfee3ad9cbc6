/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Operations other than noop, copy, fill and drain: their descriptors, and what their completion records mean
 * (DSA spec 8.3). The table of operations has all that is not of the DSA.
 *
 * A record is untrusted. What a device can say in two ways is worked out here: tags of protection information
 * move on by blocks, whatever the record has; the predicate is evaluated anew; and only whole blocks count.
 */

#include "dsa_internal.h"

#include <string.h>

#include "bits.h"
#include "op_delta.h"

/* op_specific of operations with protection information: flags of the source, of the destination, of both. */
#define DIF_SRC   SVART_MASK(7, 0)
#define DIF_DST   SVART_MASK(15, 8)
#define DIF_FLAGS SVART_MASK(23, 16)
#define TAG_REF   SVART_MASK(31, 0)
#define TAG_MASK  SVART_MASK(47, 32)
#define TAG_APP   SVART_MASK(63, 48)

/* Of a record: the CRC, the delta record's bytes; DIF's errors (byte 1). */
#define RECORD_LOW   SVART_MASK(31, 0)
#define RECORD_ERROR SVART_MASK(3, 0)

/* --- descriptors -------------------------------------------------------------------------------- */

static uint64_t tags_word(const struct svart_tags *tags)
{
	return SVART_FIELD_PREP(TAG_REF, tags->ref) | SVART_FIELD_PREP(TAG_MASK, tags->app_mask) |
	       SVART_FIELD_PREP(TAG_APP, tags->app);
}

static void write_dif(const struct svart_op *op, struct svart_dsa_desc *desc)
{
	const struct svart_dif *dif = &op->dif;

	desc->op_specific[0] = SVART_FIELD_PREP(DIF_SRC, dif->src_flags) |
			       SVART_FIELD_PREP(DIF_DST, dif->dst_flags) |
			       SVART_FIELD_PREP(DIF_FLAGS, dif->flags | dif->block);
	desc->op_specific[1] = tags_word(&op->src_tags);
	desc->op_specific[2] = tags_word(&op->dst_tags);
}

/** The flag and the result that count as success, if the device can be told: a comparison has one bit. */
static uint64_t write_expected(const struct svart_op *op, struct svart_dsa_desc *desc)
{
	bool compares = op->opcode != SVART_OP_CREATE_DELTA;
	uint32_t expected = op->bounds.expected;

	if ((op->flags & SVART_OP_CHECK_RESULT) == 0 || (compares && expected == 3))
		return 0;
	desc->op_specific[compares ? 0 : 2] = compares ? expected >> 1 : expected;
	return SVART_DSA_FLAG_CHECK_RESULT;
}

/** Bytes of a delta record that can be used: of whole entries, as the device wants its limit (DSA spec 8.3.7). */
static uint32_t delta_room(const struct svart_op *op)
{
	return op->bounds.delta_max - op->bounds.delta_max % SVART_DELTA_ENTRY_BYTES;
}

static void write_operands(const struct svart_op *op, struct svart_dsa_desc *desc)
{
	desc->src = op->pattern;
	desc->dst = (uintptr_t)op->dst;
	switch (op->opcode) {
	case SVART_OP_COMPARE:
	case SVART_OP_COMPARE_VALUE:
		desc->dst = op->x;
		break;
	case SVART_OP_CREATE_DELTA:
		desc->dst = (uintptr_t)op->src2;
		desc->op_specific[0] = (uintptr_t)op->delta;
		desc->op_specific[1] = delta_room(op);
		break;
	case SVART_OP_APPLY_DELTA:
		desc->src = (uintptr_t)op->delta;
		desc->op_specific[0] = op->bounds.delta_max;
		break;
	case SVART_OP_DUALCAST:
		desc->op_specific[0] = (uintptr_t)op->dst2;
		break;
	case SVART_OP_CRC:
	case SVART_OP_COPY_CRC:
		desc->op_specific[0] = op->seed;
		break;
	case SVART_OP_TRANSLATE:
		desc->op_specific[1] = op->stride != 0 ? op->stride : SVART_PAGE_SIZE;
		break;
	default:
		break;
	}
}

static uint64_t crc_flags(const struct svart_op *op)
{
	uint64_t flags = 0;

	if ((op->flags & SVART_OP_BYPASS_CRC) != 0)
		flags |= SVART_DSA_FLAG_BYPASS_CRC;
	if ((op->flags & SVART_OP_BYPASS_DATA) != 0)
		flags |= SVART_DSA_FLAG_BYPASS_DATA;
	return flags;
}

uint64_t svart_pmd_dsa_more_write(const struct svart_op *op, struct svart_dsa_desc *desc)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);

	memset(desc->op_specific, 0, sizeof(desc->op_specific));
	desc->size = (uint32_t)op->length;
	write_operands(op, desc);
	if ((row->traits & (SVART_OP_CHECKS_TAGS | SVART_OP_MAKES_TAGS)) != 0)
		write_dif(op, desc);
	return crc_flags(op) | (row->results != 0 ? write_expected(op, desc) : 0);
}

/* --- completions -------------------------------------------------------------------------------- */

static bool has(const struct svart_op_row *row, unsigned int traits)
{
	return (row->traits & traits) != 0;
}

/** What of the operation bytes_done counts. */
static uint64_t bytes_of(const struct svart_op *op)
{
	return op->opcode == SVART_OP_APPLY_DELTA ? op->bounds.delta_max : op->length;
}

/** Sets the bytes that are done, of whole blocks, and the tags of the next one. */
static void set_done(const struct svart_op *op, uint64_t bytes, struct svart_completion *done)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);
	struct svart_op next = *op;

	done->bytes_done = svart_op_whole(op, bytes);
	if (!has(row, SVART_OP_CHECKS_TAGS | SVART_OP_MAKES_TAGS))
		return;
	svart_op_tags_advance(&next, done->bytes_done / svart_op_block(op));
	if (has(row, SVART_OP_CHECKS_TAGS))
		done->src_tags = next.src_tags;
	if (has(row, SVART_OP_MAKES_TAGS))
		done->dst_tags = next.dst_tags;
}

/** What the result is to the program. */
static enum svart_status predicate(const struct svart_op *op, uint64_t result)
{
	if ((op->flags & SVART_OP_CHECK_RESULT) != 0 && (op->bounds.expected >> result & 1) == 0)
		return SVART_STATUS_PREDICATE_FALSE;
	return SVART_STATUS_OK;
}

void svart_pmd_dsa_more_empty(const struct svart_op *op, struct svart_completion *done)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);

	set_done(op, 0, done);
	done->result = has(row, SVART_OP_HAS_SEED) ? op->seed : 0;
	done->status = (uint8_t)predicate(op, 0);
}

/** An operation that was done. The last of its results ends it early, if that can be. */
static enum svart_status complete_done(const struct svart_op *op,
	const struct svart_dsa_record *record, struct svart_completion *done)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);
	uint64_t bytes = bytes_of(op), low = SVART_FIELD_GET(RECORD_LOW, record->op_specific[0]);

	if (has(row, SVART_OP_HAS_SEED))
		done->result = low;
	if (row->results != 0) {
		if (record->result >= row->results)
			return SVART_STATUS_DEVICE_ERROR;
		done->result = record->result;
		if (record->result + 1u == row->results) {
			bytes = record->bytes_completed;
			/* What ended it early is at this byte, which is one of the operation's. */
			if (bytes >= bytes_of(op))
				return SVART_STATUS_DEVICE_ERROR;
		}
	}
	if (op->opcode == SVART_OP_CREATE_DELTA) {
		if (low > delta_room(op) || low % SVART_DELTA_ENTRY_BYTES != 0)
			return SVART_STATUS_DEVICE_ERROR;
		done->delta_bytes = (uint32_t)low;
	}
	set_done(op, bytes, done);
	return predicate(op, done->result);
}

/** A block, or an entry of a delta record, that is wrong: it is one of the operation's. */
static enum svart_status complete_wrong(const struct svart_op *op, enum svart_status status,
	const struct svart_dsa_record *record, struct svart_completion *done)
{
	if (record->bytes_completed >= bytes_of(op))
		return SVART_STATUS_DEVICE_ERROR;
	set_done(op, record->bytes_completed, done);
	if (status != SVART_STATUS_DIF_ERROR)
		return status;
	done->result = SVART_FIELD_GET(RECORD_ERROR, record->result);
	return done->result != 0 ? status : SVART_STATUS_DEVICE_ERROR;
}

/** Whether the address is in a page of an operand. */
static bool is_operand(const struct svart_op *op, uint64_t addr)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);
	unsigned int i;

	for (i = 0; i < row->nr_operands; i++)
		if (svart_pmd_dsa_in_pages(addr, svart_op_addr(op, &row->operands[i]),
			    svart_op_len(op, &row->operands[i])))
			return true;
	return false;
}

/** A page fault: what a checksum was until then is the seed of the rest. */
static enum svart_status complete_fault(const struct svart_op *op,
	const struct svart_dsa_record *record, struct svart_completion *done)
{
	if (record->bytes_completed > bytes_of(op) || !is_operand(op, record->fault_addr))
		return SVART_STATUS_DEVICE_ERROR;
	set_done(op, record->bytes_completed, done);
	if (has(svart_op_row(op->opcode), SVART_OP_HAS_SEED))
		done->result = SVART_FIELD_GET(RECORD_LOW, record->op_specific[0]);
	return SVART_STATUS_PARTIAL;
}

enum svart_status svart_pmd_dsa_more_complete(const struct svart_op *op,
	const struct svart_dsa_record *record, struct svart_completion *done)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);
	unsigned int code = SVART_FIELD_GET(SVART_DSA_STATUS_CODE, record->status);

	switch (code) {
	case SVART_DSA_STATUS_SUCCESS:
		return complete_done(op, record, done);
	case SVART_DSA_STATUS_SUCCESS_PREDICATE_FALSE:
		return (row->good >> SVART_STATUS_PREDICATE_FALSE & 1) != 0
			       ? complete_done(op, record, done)
			       : SVART_STATUS_DEVICE_ERROR;
	case SVART_DSA_STATUS_PAGE_FAULT:
	case SVART_DSA_STATUS_PAGE_FAULT_RESPONSE:
		return complete_fault(op, record, done);
	case SVART_DSA_STATUS_DIF_ERROR:
		return has(row, SVART_OP_CHECKS_TAGS)
			       ? complete_wrong(op, SVART_STATUS_DIF_ERROR, record, done)
			       : SVART_STATUS_DEVICE_ERROR;
	case SVART_DSA_STATUS_DELTA_OFFSET_ORDER:
	case SVART_DSA_STATUS_DELTA_OFFSET_RANGE:
		return op->opcode == SVART_OP_APPLY_DELTA
			       ? complete_wrong(op, SVART_STATUS_DELTA_ERROR, record, done)
			       : SVART_STATUS_DEVICE_ERROR;
	default:
		return svart_pmd_dsa_status(code);
	}
}
