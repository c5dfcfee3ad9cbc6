/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* dsa_spec.h against the kernel's own description of the same hardware. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/idxd.h>

#include "dsa_spec.h"

#define ASSERT_SAME_FIELD(ours, our_field, theirs, their_field)                                  \
	do {                                                                                     \
		assert_int_equal(                                                                \
			offsetof(struct ours, our_field), offsetof(struct theirs, their_field)); \
		assert_int_equal(sizeof(((struct ours *)0)->our_field),                          \
			sizeof(((struct theirs *)0)->their_field));                              \
	} while (0)

static void test_desc_has_the_layout_of_linux(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct svart_dsa_desc), sizeof(struct dsa_hw_desc));
	ASSERT_SAME_FIELD(svart_dsa_desc, completion_addr, dsa_hw_desc, completion_addr);
	ASSERT_SAME_FIELD(svart_dsa_desc, src, dsa_hw_desc, src_addr);
	ASSERT_SAME_FIELD(svart_dsa_desc, pattern, dsa_hw_desc, pattern);
	ASSERT_SAME_FIELD(svart_dsa_desc, readback_addr, dsa_hw_desc, rdback_addr);
	ASSERT_SAME_FIELD(svart_dsa_desc, desc_list_addr, dsa_hw_desc, desc_list_addr);
	ASSERT_SAME_FIELD(svart_dsa_desc, dst, dsa_hw_desc, dst_addr);
	ASSERT_SAME_FIELD(svart_dsa_desc, readback_addr2, dsa_hw_desc, rdback_addr2);
	ASSERT_SAME_FIELD(svart_dsa_desc, size, dsa_hw_desc, xfer_size);
	ASSERT_SAME_FIELD(svart_dsa_desc, desc_count, dsa_hw_desc, desc_count);
	ASSERT_SAME_FIELD(svart_dsa_desc, int_handle, dsa_hw_desc, int_handle);
	ASSERT_SAME_FIELD(svart_dsa_desc, reserved, dsa_hw_desc, rsvd1);
	ASSERT_SAME_FIELD(svart_dsa_desc, op_specific, dsa_hw_desc, op_specific);
	ASSERT_SAME_FIELD(svart_dsa_desc, pattern_hi, dsa_hw_desc, pattern_upper);
}

static void test_desc_bit_fields_are_where_linux_has_them(void **state)
{
	struct svart_dsa_desc ours = {
		.pasid_priv = (uint32_t)(SVART_FIELD_PREP(SVART_DSA_DESC_PASID, 0x12345) |
					 SVART_FIELD_PREP(SVART_DSA_DESC_PRIV, 1)),
		.flags_opcode = (uint32_t)(SVART_FIELD_PREP(SVART_DSA_DESC_FLAGS, 0xabcdef) |
					   SVART_FIELD_PREP(SVART_DSA_DESC_OPCODE, 0x20)),
	};
	struct dsa_hw_desc theirs;

	(void)state;
	memcpy(&theirs, &ours, sizeof(theirs));
	assert_int_equal(theirs.pasid, 0x12345);
	assert_int_equal(theirs.priv, 1);
	assert_int_equal(theirs.rsvd, 0);
	assert_int_equal(theirs.flags, 0xabcdef);
	assert_int_equal(theirs.opcode, 0x20);
}

static void test_record_has_the_layout_of_linux(void **state)
{
	const struct svart_dsa_record ours = { .invalid_flags = 0xabcdef };
	struct dsa_completion_record theirs;

	(void)state;
	assert_int_equal(sizeof(struct svart_dsa_record), sizeof(struct dsa_completion_record));
	ASSERT_SAME_FIELD(svart_dsa_record, status, dsa_completion_record, status);
	ASSERT_SAME_FIELD(svart_dsa_record, result, dsa_completion_record, result);
	ASSERT_SAME_FIELD(svart_dsa_record, fault_info, dsa_completion_record, fault_info);
	ASSERT_SAME_FIELD(
		svart_dsa_record, bytes_completed, dsa_completion_record, bytes_completed);
	ASSERT_SAME_FIELD(
		svart_dsa_record, descs_completed, dsa_completion_record, descs_completed);
	ASSERT_SAME_FIELD(svart_dsa_record, fault_addr, dsa_completion_record, fault_addr);
	ASSERT_SAME_FIELD(svart_dsa_record, op_specific, dsa_completion_record, op_specific);
	memcpy(&theirs, &ours, sizeof(theirs));
	assert_int_equal(theirs.invalid_flags, 0xabcdef);
	assert_int_equal(SVART_DSA_STATUS_CODE, DSA_COMP_STATUS_MASK);
	assert_int_equal(SVART_DSA_STATUS_WRITE, DSA_COMP_STATUS_WRITE);
}

static void test_opcodes_are_those_of_linux(void **state)
{
	(void)state;
	assert_int_equal(SVART_DSA_OP_NOOP, DSA_OPCODE_NOOP);
	assert_int_equal(SVART_DSA_OP_BATCH, DSA_OPCODE_BATCH);
	assert_int_equal(SVART_DSA_OP_DRAIN, DSA_OPCODE_DRAIN);
	assert_int_equal(SVART_DSA_OP_MEMMOVE, DSA_OPCODE_MEMMOVE);
	assert_int_equal(SVART_DSA_OP_FILL, DSA_OPCODE_MEMFILL);
	assert_int_equal(SVART_DSA_OP_COMPARE, DSA_OPCODE_COMPARE);
	assert_int_equal(SVART_DSA_OP_COMPARE_PATTERN, DSA_OPCODE_COMPVAL);
	assert_int_equal(SVART_DSA_OP_CREATE_DELTA, DSA_OPCODE_CR_DELTA);
	assert_int_equal(SVART_DSA_OP_APPLY_DELTA, DSA_OPCODE_AP_DELTA);
	assert_int_equal(SVART_DSA_OP_DUALCAST, DSA_OPCODE_DUALCAST);
	assert_int_equal(SVART_DSA_OP_CRC, DSA_OPCODE_CRCGEN);
	assert_int_equal(SVART_DSA_OP_COPY_CRC, DSA_OPCODE_COPY_CRC);
	assert_int_equal(SVART_DSA_OP_DIF_CHECK, DSA_OPCODE_DIF_CHECK);
	assert_int_equal(SVART_DSA_OP_DIF_INSERT, DSA_OPCODE_DIF_INS);
	assert_int_equal(SVART_DSA_OP_DIF_STRIP, DSA_OPCODE_DIF_STRP);
	assert_int_equal(SVART_DSA_OP_DIF_UPDATE, DSA_OPCODE_DIF_UPDT);
	assert_int_equal(SVART_DSA_OP_CACHE_FLUSH, DSA_OPCODE_CFLUSH);
}

static void test_flags_are_those_of_linux(void **state)
{
	(void)state;
	assert_int_equal(SVART_DSA_FLAG_FENCE, IDXD_OP_FLAG_FENCE);
	assert_int_equal(SVART_DSA_FLAG_BOF, IDXD_OP_FLAG_BOF);
	assert_int_equal(SVART_DSA_FLAG_CRAV, IDXD_OP_FLAG_CRAV);
	assert_int_equal(SVART_DSA_FLAG_RCR, IDXD_OP_FLAG_RCR);
	assert_int_equal(SVART_DSA_FLAG_RCI, IDXD_OP_FLAG_RCI);
	assert_int_equal(SVART_DSA_FLAG_CRSTS, IDXD_OP_FLAG_CRSTS);
	assert_int_equal(SVART_DSA_FLAG_CHECK_RESULT, IDXD_OP_FLAG_CR);
	assert_int_equal(SVART_DSA_FLAG_CC, IDXD_OP_FLAG_CC);
	assert_int_equal(SVART_DSA_FLAG_ADDR1_TCS, IDXD_OP_FLAG_ADDR1_TCS);
	assert_int_equal(SVART_DSA_FLAG_ADDR2_TCS, IDXD_OP_FLAG_ADDR2_TCS);
	assert_int_equal(SVART_DSA_FLAG_ADDR3_TCS, IDXD_OP_FLAG_ADDR3_TCS);
	assert_int_equal(SVART_DSA_FLAG_CR_TCS, IDXD_OP_FLAG_CR_TCS);
	assert_int_equal(SVART_DSA_FLAG_STORD, IDXD_OP_FLAG_STORD);
	assert_int_equal(SVART_DSA_FLAG_DRDBK, IDXD_OP_FLAG_DRDBK);
	assert_int_equal(SVART_DSA_FLAG_DSTS, IDXD_OP_FLAG_DSTS);
}

static void test_statuses_are_those_of_linux(void **state)
{
	(void)state;
	assert_int_equal(SVART_DSA_STATUS_NONE, DSA_COMP_NONE);
	assert_int_equal(SVART_DSA_STATUS_SUCCESS, DSA_COMP_SUCCESS);
	assert_int_equal(SVART_DSA_STATUS_SUCCESS_PREDICATE_FALSE, DSA_COMP_SUCCESS_PRED);
	assert_int_equal(SVART_DSA_STATUS_PAGE_FAULT, DSA_COMP_PAGE_FAULT_NOBOF);
	assert_int_equal(SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, DSA_COMP_PAGE_FAULT_IR);
	assert_int_equal(SVART_DSA_STATUS_BATCH_FAILED, DSA_COMP_BATCH_FAIL);
	assert_int_equal(SVART_DSA_STATUS_BATCH_PAGE_FAULT, DSA_COMP_BATCH_PAGE_FAULT);
	assert_int_equal(SVART_DSA_STATUS_DELTA_OFFSET_ORDER, DSA_COMP_DR_OFFSET_NOINC);
	assert_int_equal(SVART_DSA_STATUS_DELTA_OFFSET_RANGE, DSA_COMP_DR_OFFSET_ERANGE);
	assert_int_equal(SVART_DSA_STATUS_DIF_ERROR, DSA_COMP_DIF_ERR);
	assert_int_equal(SVART_DSA_STATUS_BAD_OPCODE, DSA_COMP_BAD_OPCODE);
	assert_int_equal(SVART_DSA_STATUS_BAD_FLAGS, DSA_COMP_INVALID_FLAGS);
	assert_int_equal(SVART_DSA_STATUS_RESERVED_SET, DSA_COMP_NOZERO_RESERVE);
	assert_int_equal(SVART_DSA_STATUS_BAD_SIZE, DSA_COMP_XFER_ERANGE);
	assert_int_equal(SVART_DSA_STATUS_BAD_DESC_COUNT, DSA_COMP_DESC_CNT_ERANGE);
	assert_int_equal(SVART_DSA_STATUS_BAD_DELTA_SIZE, DSA_COMP_DR_ERANGE);
	assert_int_equal(SVART_DSA_STATUS_OVERLAP, DSA_COMP_OVERLAP_BUFFERS);
	assert_int_equal(SVART_DSA_STATUS_DUALCAST_ALIGN, DSA_COMP_DCAST_ERR);
	assert_int_equal(SVART_DSA_STATUS_DESC_LIST_ALIGN, DSA_COMP_DESCLIST_ALIGN);
	assert_int_equal(SVART_DSA_STATUS_BAD_INT_HANDLE, DSA_COMP_INT_HANDLE_INVAL);
	assert_int_equal(SVART_DSA_STATUS_RECORD_TRANSLATION, DSA_COMP_CRA_XLAT);
	assert_int_equal(SVART_DSA_STATUS_RECORD_ALIGN, DSA_COMP_CRA_ALIGN);
	assert_int_equal(SVART_DSA_STATUS_ADDRESS_ALIGN, DSA_COMP_ADDR_ALIGN);
	assert_int_equal(SVART_DSA_STATUS_BAD_PRIV, DSA_COMP_PRIV_BAD);
	assert_int_equal(SVART_DSA_STATUS_TRAFFIC_CLASS, DSA_COMP_TRAFFIC_CLASS_CONF);
	assert_int_equal(SVART_DSA_STATUS_READBACK_PAGE_FAULT, DSA_COMP_PFAULT_RDBA);
	assert_int_equal(SVART_DSA_STATUS_HW_ERROR, DSA_COMP_HW_ERR1);
	assert_int_equal(SVART_DSA_STATUS_HW_ERROR_READBACK, DSA_COMP_HW_ERR_DRB);
	assert_int_equal(SVART_DSA_STATUS_TRANSLATION, DSA_COMP_TRANSLATION_FAIL);
}

static void test_names_of_known_codes_are_words(void **state)
{
	(void)state;
	assert_string_equal(svart_dsa_swerr_name(SVART_DSA_STATUS_SUCCESS), "success");
	assert_string_equal(
		svart_dsa_cmd_error_name(SVART_DSA_CMD_BUS_MASTER_OFF), "bus mastering is off");
	assert_string_equal(svart_dsa_swerr_name(SVART_DSA_STATUS_RECORD_TRANSLATION),
		"completion record not reachable");
	assert_string_equal(svart_dsa_swerr_name(SVART_DSA_SWERR_WQ_FULL), "work queue overflow");
}

static void test_names_of_unknown_codes_are_not_null(void **state)
{
	(void)state;
	for (unsigned int code = 0; code < 0x200; code++) {
		assert_non_null(svart_dsa_cmd_error_name(code));
		assert_non_null(svart_dsa_swerr_name(code));
	}
	assert_string_equal(svart_dsa_swerr_name(0x1ff), "unknown error");
	assert_string_equal(svart_dsa_cmd_error_name(0xff), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_desc_has_the_layout_of_linux),
		cmocka_unit_test(test_desc_bit_fields_are_where_linux_has_them),
		cmocka_unit_test(test_record_has_the_layout_of_linux),
		cmocka_unit_test(test_opcodes_are_those_of_linux),
		cmocka_unit_test(test_flags_are_those_of_linux),
		cmocka_unit_test(test_statuses_are_those_of_linux),
		cmocka_unit_test(test_names_of_known_codes_are_words),
		cmocka_unit_test(test_names_of_unknown_codes_are_not_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
