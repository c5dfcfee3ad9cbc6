/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "probe_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bits.h"

/** Makes text plain: names of the system can contain any byte, and none may harm a terminal or a log. */
static void make_plain(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

static void print_args(char *buf, size_t len, const char *format, va_list args)
{
	if (vsnprintf(buf, len, format, args) < 0)
		buf[0] = '\0';
	make_plain(buf);
}

void svart_probe_print(char *buf, size_t len, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_args(buf, len, format, args);
	va_end(args);
}

bool svart_probe_miss(
	struct svart_probe_path *path, enum svart_probe_code code, const char *format, ...)
{
	va_list args;

	path->code = code;
	va_start(args, format);
	print_args(path->missing, sizeof(path->missing), format, args);
	va_end(args);
	return false;
}

void svart_probe_note(struct svart_probe_path *path, const char *format, ...)
{
	size_t used = strlen(path->note);
	va_list args;

	if (used != 0) {
		svart_probe_print(path->note + used, sizeof(path->note) - used, "; ");
		used = strlen(path->note);
	}
	va_start(args, format);
	print_args(path->note + used, sizeof(path->note) - used, format, args);
	va_end(args);
}

const char *svart_probe_code_name(unsigned int code)
{
	static const char *const names[] = {
		[SVART_PROBE_READY] = "ready",
		[SVART_PROBE_UNSUPPORTED] = "unsupported",
		[SVART_PROBE_UNREADABLE] = "unreadable",
		[SVART_PROBE_NO_IOMMU] = "no-iommu",
		[SVART_PROBE_NO_SCALABLE] = "no-scalable-mode",
		[SVART_PROBE_IOMMU_NO_FAULT] = "iommu-no-page-requests",
		[SVART_PROBE_NO_IOMMUFD] = "no-iommufd",
		[SVART_PROBE_NO_VFIO_CDEV] = "no-vfio-cdev",
		[SVART_PROBE_OLD_KERNEL] = "old-kernel",
		[SVART_PROBE_DENYLIST] = "denylist",
		[SVART_PROBE_NOT_BOUND] = "not-bound",
		[SVART_PROBE_VIRTUAL] = "virtual-function",
		[SVART_PROBE_CONFIG_SPACE] = "config-space",
		[SVART_PROBE_NO_ATS] = "no-ats",
		[SVART_PROBE_NO_PRI] = "no-pri",
		[SVART_PROBE_NO_PASID] = "no-pasid",
		[SVART_PROBE_MEMLOCK] = "memlock",
		[SVART_PROBE_APERTURE] = "aperture",
		[SVART_PROBE_NO_MOVDIR64B] = "no-movdir64b",
		[SVART_PROBE_PERMISSION] = "permission",
		[SVART_PROBE_NO_PROC] = "no-proc",
	};

	return code < SVART_ARRAY_SIZE(names) ? names[code] : "unknown";
}
