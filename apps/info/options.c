/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "options.h"

#include <errno.h>

#include "command_line.h"
#include "message.h"

#define DEFAULT_TIMEOUT_MS 2000
#define MAX_TIMEOUT_MS     600000

static const char help_head[] =
	"Usage: svart-info [--json]\n"
	"       svart-info [--json] [--timeout=MS] --probe [SPEC]\n"
	"\n"
	"Lists the accelerators of this system that svart knows, and for each way to bind one "
	"says\n"
	"that it is ready, or the first thing that is missing and how to mend it. When that is\n"
	"mended, call svart-info again: it names the next.\n"
	"\n"
	"Without --probe nothing is changed: files of /sys and /proc are read, /dev/iommu and the\n"
	"devices' files in /dev/vfio/devices are opened and closed again. Run it as the user who\n"
	"will run the program, for permissions and limits are that user's; but only root can read\n"
	"the capabilities of a PCI device, so run it as root first.\n"
	"\n"
	"Ways to bind a device:\n"
	"  model   the software machine in this process; needs nothing and is always ready\n"
	"  vfio    a PCI function through its VFIO cdev and iommufd: the way svart drives silicon\n"
	"  idxd    a work queue of the kernel's idxd driver; told, not supported by svart yet\n"
	"  uacce   a device of the kernel's uacce class; told, not supported by svart yet\n"
	"\n"
	"What is looked for, in this order: an IOMMU; VT-d's scalable mode, and page requests\n"
	"(ECAP.SMTS, PRS and PDS); /dev/iommu; VFIO cdevs; a new enough kernel (6.11 for page\n"
	"requests in user space, 6.16 for PASID attach); vfio-pci's denylist; a binding to\n"
	"vfio-pci; a physical function with ATS, PRI and, where the kernel needs it, PASID;\n"
	"RLIMIT_MEMLOCK; an IOMMU as wide as the process's addresses; MOVDIR64B; permission.\n"
	"\n"
	"Options:\n";

static const char help_tail[] =
	"\n"
	"The JSON object has: kernel; cpu {movdir64b}; iommufd {present, permitted}; iommus;\n"
	"pin_limit_bytes; unreadable and left_out (PCI functions and devices not told of);\n"
	"devices [{name, address, model, kernel_driver, software, numa_node, paths [{path, ready,\n"
	"code, missing, fix, note, spec}]}], where code is a word for programs (no-iommu,\n"
	"not-bound, ...) and missing, fix, note and spec are null where there is nothing to say;\n"
	"and with --probe probe {device, ok, arrived, answered, page_requests, seconds,\n"
	"answer_seconds, result}.\n"
	"Errors go to standard error, as text.\n"
	"\n"
	"Exit status:\n"
	"  0  an accelerator is ready, other than the model's; or, with --probe, its operation\n"
	"     was done, and its page requests arrived if the device sends any\n"
	"  1  no accelerator is ready; or, with --probe, it failed, whatever else is ready; or\n"
	"     nothing is known, as svart does not start or the report could not be printed:\n"
	"     standard error says so\n"
	"  2  the command line is wrong; nothing was done\n"
	"\n"
	"Examples:\n"
	"  svart-info\n"
	"  svart-info --probe pci:0000:6a:01.0,pasid=1\n"
	"  svart-info --json | jq '.devices[].paths[] | select(.ready | not) | .fix'\n";

static const struct app_option rows[] = {
	APP_MAY_TEXT('p', "probe", struct info_options, spec, try_fault, "SPEC",
		"also open a device and have it copy one byte from a page that nobody has "
		"touched, which is harmless; report whether its page request arrived and was "
		"answered in time. Some IOMMUs accept a device and never deliver its page "
		"requests: nothing but this finds out. The device is reset, so no other program "
		"must use it. SPEC is BUS:NAME[,KEY=VALUE]...; without it the first accelerator "
		"that is ready is taken, or model:dsa0 if none is"),
	APP_RANGE(APP_OPTION_NUMBER, 't', "timeout", struct info_options, timeout_ms, 1,
		MAX_TIMEOUT_MS, "milliseconds", "MS",
		"how long to wait for --probe's operation, 1 to 600000 milliseconds (default: "
		"2000)"),
	APP_FLAG('j', "json", struct info_options, json, "print one JSON object"),
	APP_OPTIONS_END,
};

static const struct app_usage usage = { help_head, rows, help_tail, "svart-info --help" };

/** Takes the SPEC of "--probe SPEC", which is an operand. */
static int take_operands(const struct app_operands *operands, struct info_options *o)
{
	if (operands->nr == 0)
		return 0;
	if (operands->nr == 1 && o->try_fault && o->spec == NULL) {
		o->spec = operands->word[0];
		return 0;
	}
	app_say("'%s' is one word too many%s", operands->word[0],
		o->try_fault ? "" : "; a device is named with --probe");
	return -EINVAL;
}

int svart_info_options_parse(int argc, char **argv, struct info_options *options)
{
	struct app_operands operands;
	int rc;

	*options = (struct info_options){ .timeout_ms = DEFAULT_TIMEOUT_MS };
	rc = app_options_parse(argc, argv, &usage, options, &operands);
	if (rc == 0 && take_operands(&operands, options) != 0)
		rc = app_usage_hint(&usage);
	return rc;
}
