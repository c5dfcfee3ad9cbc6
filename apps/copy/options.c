/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

#define DEPTH_MAX 65536
#define CHUNK_MAX (UINT64_C(1) << 31)

enum option_code {
	OPTION_DEVICE = 'd',
	OPTION_DEPTH = 'n',
	OPTION_CHUNK = 'c',
	OPTION_HELP = 'h',
	OPTION_QUIET = 'q',
	OPTION_VERSION = 'V',
	OPTION_FAULTS = 256,
	OPTION_VERIFY,
	OPTION_JSON,
	OPTION_EAL,
};

static const struct option long_options[] = {
	{ "device", required_argument, NULL, OPTION_DEVICE },
	{ "depth", required_argument, NULL, OPTION_DEPTH },
	{ "chunk", required_argument, NULL, OPTION_CHUNK },
	{ "faults", required_argument, NULL, OPTION_FAULTS },
	{ "verify", no_argument, NULL, OPTION_VERIFY },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "quiet", no_argument, NULL, OPTION_QUIET },
	{ "eal", required_argument, NULL, OPTION_EAL },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char help_text[] =
	"Usage: svart-copy [OPTION]... SRC DST\n"
	"\n"
	"Copies the file SRC to DST by an accelerator that is handed raw process addresses. SRC "
	"is\n"
	"mapped, and the device reads the mapping itself: it asks for the pages it lacks, and the\n"
	"program answers its page requests. Where Linux lets a device write to mapped files "
	"(tmpfs,\n"
	"memfd, hugetlbfs) it writes straight into DST, elsewhere into buffers that are written "
	"out\n"
	"behind it.\n"
	"\n"
	"DST may be a directory: the copy then gets the name of SRC. The copy appears under its\n"
	"name when it is complete and not before; if anything fails, or on SIGINT, SIGTERM or\n"
	"SIGHUP, an old DST is left as it was. Holes in SRC stay holes. What is appended to SRC\n"
	"while it is copied is left out; a SRC that gets shorter is an error.\n"
	"\n"
	"Options:\n"
	"  -d, --device=SPEC      accelerator, BUS:NAME[,KEY=VALUE]... (default: model:dsa0).\n"
	"                         model:dsa0 is a DSA of the software machine in this process;\n"
	"                         pci:0000:6a:01.0 is silicon, bound to vfio-pci; with ,pasid=5\n"
	"                         it is attached by PASID 5\n"
	"  -n, --depth=N          operations in flight, 1 to 65536 (default: 8); the device may\n"
	"                         have a lower limit\n"
	"  -c, --chunk=BYTES      bytes of one operation, 1 to 2G (default: 256K); the device may\n"
	"                         have a lower limit. Suffixes K, M and G are powers of 1024\n"
	"      --faults=thread    answer page requests on a thread of their own (the default): it\n"
	"                         goes on while this program waits for the disk\n"
	"      --faults=inline    answer them in the copying thread, whenever it waits for the\n"
	"                         device: no second thread, best where DST is mapped\n"
	"      --verify           read both files back and compare them before DST gets its name\n"
	"      --json             print one JSON object instead of the summary; no progress line\n"
	"  -q, --quiet            print neither progress nor summary\n"
	"      --eal=\"ARGS\"       arguments of DPDK's EAL, instead of svart's own, which need\n"
	"                         neither root nor hugepages\n"
	"  -h, --help             print this text\n"
	"  -V, --version          print the version\n"
	"\n"
	"The JSON object has: device, bytes (the size of the file), seconds, ops, page_requests,\n"
	"groups, answers {success, invalid}, fault_latency_ns {p50, p99, max}, pinned_bytes_peak.\n"
	"Errors go to standard error, as text.\n"
	"\n"
	"Exit status:\n"
	"  0  the copy is complete\n"
	"  1  the copy failed; the message says why, and DST is as it was before\n"
	"  2  the command line is wrong; nothing was done\n"
	"\n"
	"Examples:\n"
	"  svart-copy --verify big.img /var/tmp/copy.img\n"
	"  svart-copy --device pci:0000:6a:01.0 --depth 32 --chunk 1M --json big.img /dev/shm/\n";

/* @return the shift of a suffix at *end, which is moved past it; 0 if there is none. */
static unsigned int suffix_shift(char **end)
{
	unsigned int shift;

	switch (toupper((unsigned char)**end)) {
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	default:
		return 0;
	}
	(*end)++;
	return shift;
}

/* Reads a decimal number, strictly: digits, and a suffix where the option takes bytes. */
static int parse_number(
	const char *option, const char *text, bool bytes, uint64_t max, uint64_t *out)
{
	const char *form = bytes ? "a number of bytes such as 4096, 256K or 1M" : "a number";
	unsigned long long value;
	unsigned int shift;
	char *end;

	errno = 0;
	value = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10)
						: (end = (char *)text, 0);
	shift = bytes && end != text ? suffix_shift(&end) : 0;
	if (end == text || *end != '\0') {
		svart_copy_say("%s: '%s' is not %s", option, text, form);
		return -EINVAL;
	}
	if (errno == ERANGE || value == 0 || value > max >> shift) {
		svart_copy_say("%s: '%s' is out of range, 1 to %llu", option, text,
			(unsigned long long)max);
		return -EINVAL;
	}
	*out = (uint64_t)value << shift;
	return 0;
}

static int parse_depth(const char *text, uint32_t *depth)
{
	uint64_t value;
	int rc = parse_number("--depth", text, false, DEPTH_MAX, &value);

	if (rc == 0)
		*depth = (uint32_t)value;
	return rc;
}

static int parse_faults(const char *text, enum svart_fault_run *faults)
{
	if (strcmp(text, "thread") == 0)
		*faults = SVART_FAULT_RUN_THREAD;
	else if (strcmp(text, "inline") == 0)
		*faults = SVART_FAULT_RUN_INLINE;
	else {
		svart_copy_say("--faults: '%s' is neither 'thread' nor 'inline'", text);
		return -EINVAL;
	}
	return 0;
}

/* @return as svart_copy_options_parse(). */
static int parse_option(int option, const char *arg, struct copy_options *o)
{
	switch (option) {
	case OPTION_DEVICE:
		o->device = arg;
		return 0;
	case OPTION_DEPTH:
		return parse_depth(arg, &o->depth);
	case OPTION_CHUNK:
		return parse_number("--chunk", arg, true, CHUNK_MAX, &o->chunk);
	case OPTION_FAULTS:
		return parse_faults(arg, &o->faults);
	case OPTION_VERIFY:
		o->verify = true;
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_QUIET:
		o->quiet = true;
		return 0;
	case OPTION_EAL:
		o->eal = arg;
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

static int parse_operands(int argc, char **argv, struct copy_options *o)
{
	if (argc != 2) {
		svart_copy_say("needs two names, SRC and DST; there %s %d",
			argc == 1 ? "is" : "are", argc);
		return -EINVAL;
	}
	o->source = argv[0];
	o->destination = argv[1];
	if (*o->source != '\0' && *o->destination != '\0')
		return 0;
	svart_copy_say("%s is an empty name", *o->source == '\0' ? "SRC" : "DST");
	return -EINVAL;
}

int svart_copy_options_parse(int argc, char **argv, struct copy_options *options)
{
	int option, rc = 0;

	*options = (struct copy_options){
		.device = "model:dsa0",
		.faults = SVART_FAULT_RUN_THREAD,
	};
	while (rc == 0 && (option = getopt_long(argc, argv, "d:n:c:qhV", long_options, NULL)) != -1)
		rc = parse_option(option, optarg, options);
	if (rc == 0)
		rc = parse_operands(argc - optind, argv + optind, options);
	if (rc < 0)
		fputs("Try 'svart-copy --help'.\n", stderr);
	return rc;
}
