/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include "bits.h"
#include "dsa_spec.h"

static const char *const status_names[] = {
	[SVART_DSA_STATUS_NONE] = "not done",
	[SVART_DSA_STATUS_SUCCESS] = "success",
	[SVART_DSA_STATUS_SUCCESS_PREDICATE_FALSE] = "success, predicate false",
	[SVART_DSA_STATUS_PAGE_FAULT] = "page fault, partly done",
	[SVART_DSA_STATUS_PAGE_FAULT_RESPONSE] = "page fault, page request refused",
	[SVART_DSA_STATUS_BATCH_FAILED] = "a descriptor of the batch failed",
	[SVART_DSA_STATUS_BATCH_PAGE_FAULT] = "page fault in the batch list",
	[SVART_DSA_STATUS_DELTA_OFFSET_ORDER] = "delta offsets do not increase",
	[SVART_DSA_STATUS_DELTA_OFFSET_RANGE] = "delta offset out of range",
	[SVART_DSA_STATUS_DIF_ERROR] = "DIF error",
	[SVART_DSA_STATUS_BAD_OPCODE] = "bad operation code",
	[SVART_DSA_STATUS_BAD_FLAGS] = "bad flags",
	[SVART_DSA_STATUS_RESERVED_SET] = "reserved field is not zero",
	[SVART_DSA_STATUS_BAD_SIZE] = "bad transfer size",
	[SVART_DSA_STATUS_BAD_DESC_COUNT] = "bad descriptor count",
	[SVART_DSA_STATUS_BAD_DELTA_SIZE] = "bad delta record size",
	[SVART_DSA_STATUS_OVERLAP] = "buffers overlap",
	[SVART_DSA_STATUS_DUALCAST_ALIGN] = "dualcast destinations differ in alignment",
	[SVART_DSA_STATUS_DESC_LIST_ALIGN] = "batch list is not aligned",
	[SVART_DSA_STATUS_BAD_INT_HANDLE] = "bad interrupt handle",
	[SVART_DSA_STATUS_RECORD_TRANSLATION] = "completion record not reachable",
	[SVART_DSA_STATUS_RECORD_ALIGN] = "completion record is not aligned",
	[SVART_DSA_STATUS_ADDRESS_ALIGN] = "address is not aligned",
	[SVART_DSA_STATUS_BAD_PRIV] = "bad privilege",
	[SVART_DSA_STATUS_TRAFFIC_CLASS] = "bad traffic class",
	[SVART_DSA_STATUS_READBACK_PAGE_FAULT] = "page fault in readback",
	[SVART_DSA_STATUS_HW_ERROR] = "hardware error",
	[SVART_DSA_STATUS_HW_ERROR_READBACK] = "hardware error in readback",
	[SVART_DSA_STATUS_TRANSLATION] = "translation failed",
	[SVART_DSA_STATUS_DRAIN_EVL] = "completed behind entries of the event log",
	[SVART_DSA_STATUS_BATCH_EVL] = "batch with entries of the event log",
};

static const char *const cmd_error_names[] = {
	[SVART_DSA_CMD_OK] = "success",
	[SVART_DSA_CMD_BAD_COMMAND] = "unknown command",
	[SVART_DSA_CMD_BAD_WQ] = "no such work queue",
	[SVART_DSA_CMD_HW_ERROR] = "hardware error",
	[SVART_DSA_CMD_RESERVED_SET] = "reserved bits set in the command",
	[SVART_DSA_CMD_DEV_ENABLED] = "device is not disabled",
	[SVART_DSA_CMD_DEV_CONFIG] = "bad configuration",
	[SVART_DSA_CMD_BUS_MASTER_OFF] = "bus mastering is off",
	[SVART_DSA_CMD_PRS_ALLOCATION] = "bad page request allocation",
	[SVART_DSA_CMD_WQ_SIZE_SUM] = "sum of work queue sizes too large",
	[SVART_DSA_CMD_GROUP_INCOMPLETE] = "group lacks work queues or engines",
	[SVART_DSA_CMD_GROUP_WQ] = "bad work queues in a group",
	[SVART_DSA_CMD_GROUP_ENGINE] = "bad engines in a group",
	[SVART_DSA_CMD_GROUP_RDBUFS] = "bad read buffers of a group",
	[SVART_DSA_CMD_WQ_DEV_DISABLED] = "device is not enabled",
	[SVART_DSA_CMD_WQ_ENABLED] = "work queue is not disabled",
	[SVART_DSA_CMD_WQ_SIZE] = "work queue size is 0",
	[SVART_DSA_CMD_WQ_PRIORITY] = "work queue priority is 0",
	[SVART_DSA_CMD_WQ_MODE] = "bad work queue mode",
	[SVART_DSA_CMD_WQ_BLOCK_ON_FAULT] = "bad block on fault setting",
	[SVART_DSA_CMD_WQ_PASID_EN] = "bad PASID setting",
	[SVART_DSA_CMD_WQ_MAX_BATCH] = "maximum batch size too large",
	[SVART_DSA_CMD_WQ_MAX_XFER] = "maximum transfer size too large",
	[SVART_DSA_CMD_WQ_PRIV] = "privileged mode is off",
	[SVART_DSA_CMD_WQ_OCCUPANCY_INT] = "bad occupancy interrupt",
	[SVART_DSA_CMD_WQ_ATS] = "ATS settings do not match",
	[SVART_DSA_CMD_DEV_DISABLED] = "device is not enabled",
	[SVART_DSA_CMD_WQ_DISABLED] = "work queue is not enabled",
	[SVART_DSA_CMD_BAD_INT_INDEX] = "bad interrupt index",
	[SVART_DSA_CMD_NO_INT_HANDLE] = "no interrupt handle left",
};

static const char *name_of(
	const char *const *names, size_t nr, unsigned int code, const char *otherwise)
{
	return code < nr && names[code] != NULL ? names[code] : otherwise;
}

const char *svart_dsa_cmd_error_name(unsigned int error)
{
	return name_of(cmd_error_names, SVART_ARRAY_SIZE(cmd_error_names), error, "unknown error");
}

const char *svart_dsa_swerr_name(unsigned int error)
{
	switch (error) {
	case SVART_DSA_SWERR_BUS_MASTER:
		return "bus mastering was turned off";
	case SVART_DSA_SWERR_CMD_ACTIVE:
		return "command written while one was active";
	case SVART_DSA_SWERR_WQ_MODE:
		return "posted store to a shared work queue";
	case SVART_DSA_SWERR_WQ_DISABLED:
		return "descriptor for a disabled work queue";
	case SVART_DSA_SWERR_WQ_FULL:
		return "work queue overflow";
	default:
		return name_of(
			status_names, SVART_ARRAY_SIZE(status_names), error, "unknown error");
	}
}
