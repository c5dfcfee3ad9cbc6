/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <svart/init.h>
#include <svart/op.h>

#include "op_table.h"

const char *svart_status_name(unsigned int status)
{
	static const char *const names[] = {
		[SVART_STATUS_OK] = "ok",
		[SVART_STATUS_BAD_ADDRESS] = "bad address",
		[SVART_STATUS_PARTIAL] = "partial: a page was missing",
		[SVART_STATUS_INVALID] = "invalid operation",
		[SVART_STATUS_DEVICE_ERROR] = "device error",
		[SVART_STATUS_ABORTED] = "aborted",
		[SVART_STATUS_QUEUE_FAILED] = "queue failed",
		[SVART_STATUS_NO_MEMORY] = "no memory for a page",
		[SVART_STATUS_PREDICATE_FALSE] = "done, with another result than expected",
		[SVART_STATUS_DIF_ERROR] = "wrong protection information",
		[SVART_STATUS_DELTA_ERROR] = "malformed delta record",
	};

	return status < sizeof(names) / sizeof(names[0]) ? names[status] : "unknown status";
}

void svart_op_rest(struct svart_op *op, const struct svart_completion *done)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);

	if (row == NULL || done->bytes_done == 0 || done->bytes_done > op->length)
		return;
	svart_op_resume(op, done->bytes_done, (done->flags & SVART_COMPLETION_BACKWARD) != 0);
	if ((row->traits & SVART_OP_HAS_SEED) != 0)
		op->seed = (uint32_t)done->result;
}
