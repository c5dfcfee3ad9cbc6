/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "message.h"
#include "number.h"

#define DEFAULT_TIMEOUT_MS 2000
#define MAX_TIMEOUT_MS     600000
#define NS_PER_MS          UINT64_C(1000000)

enum option_code {
	OPTION_PROBE = 'p',
	OPTION_JSON = 'j',
	OPTION_TIMEOUT = 't',
	OPTION_HELP = 'h',
	OPTION_VERSION = 'V',
};

static const struct option long_options[] = {
	{ "probe", optional_argument, NULL, OPTION_PROBE },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char help_text[] =
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
	"Options:\n"
	"  -p, --probe [SPEC]   also open a device and have it copy one byte from a page that\n"
	"                       nobody has touched, which is harmless; report whether its page\n"
	"                       request arrived and was answered in time. Some IOMMUs accept a\n"
	"                       device and never deliver its page requests: nothing but this\n"
	"                       finds out. The device is reset, so no other program must use it.\n"
	"                       SPEC is BUS:NAME[,KEY=VALUE]...; without it the first accelerator\n"
	"                       that is ready is taken, or model:dsa0 if none is\n"
	"  -t, --timeout=MS     how long to wait for --probe's operation, 1 to 600000\n"
	"                       milliseconds (default: 2000)\n"
	"  -j, --json           print one JSON object\n"
	"  -h, --help           print this text\n"
	"  -V, --version        print the version\n"
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
	"  1  no accelerator is ready; or, with --probe, it failed, whatever else is ready\n"
	"  2  the command line is wrong; nothing was done\n"
	"\n"
	"Examples:\n"
	"  svart-info\n"
	"  svart-info --probe pci:0000:6a:01.0,pasid=1\n"
	"  svart-info --json | jq '.devices[].paths[] | select(.ready | not) | .fix'\n";

static int parse_timeout(const char *text, uint64_t *timeout_ns)
{
	uint64_t value;

	if (!app_number_parse(text, 1, MAX_TIMEOUT_MS, &value)) {
		app_say("--timeout: '%s' is not a number of milliseconds from 1 to %d", text,
			MAX_TIMEOUT_MS);
		return -EINVAL;
	}
	*timeout_ns = value * NS_PER_MS;
	return 0;
}

/** @return as svart_info_options_parse(). */
static int parse_option(int option, const char *arg, struct info_options *o)
{
	switch (option) {
	case OPTION_PROBE:
		o->try_fault = true;
		o->spec = arg;
		return 0;
	case OPTION_TIMEOUT:
		return parse_timeout(arg, &o->timeout_ns);
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_HELP:
		fputs(help_text, stdout);
		return 1;
	case OPTION_VERSION:
		puts(APP_NAME " " APP_VERSION);
		return 1;
	default: /* getopt_long() has told. */
		return -EINVAL;
	}
}

/** Takes the SPEC of "--probe SPEC", which getopt_long() leaves as an operand. */
static int parse_operands(int argc, char **argv, struct info_options *o)
{
	if (argc == 0)
		return 0;
	if (argc == 1 && o->try_fault && o->spec == NULL) {
		o->spec = argv[0];
		return 0;
	}
	app_say("'%s' is one word too many%s", argv[0],
		o->try_fault ? "" : "; a device is named with --probe");
	return -EINVAL;
}

int svart_info_options_parse(int argc, char **argv, struct info_options *options)
{
	int option, rc = 0;

	*options = (struct info_options){ .timeout_ns = DEFAULT_TIMEOUT_MS * NS_PER_MS };
	while (rc == 0 && (option = getopt_long(argc, argv, "pt:jhV", long_options, NULL)) != -1)
		rc = parse_option(option, optarg, options);
	if (rc == 0)
		rc = parse_operands(argc - optind, argv + optind, options);
	if (rc < 0)
		fputs("Try 'svart-info --help'.\n", stderr);
	return rc;
}
