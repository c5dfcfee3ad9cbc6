/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <svart/init.h>
#include <svart/op.h>

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
	};

	return status < sizeof(names) / sizeof(names[0]) ? names[status] : "unknown status";
}
