/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "command_line.h"
#include "message.h"

#define DEPTH_MAX 65536
#define CHUNK_MAX (UINT64_C(1) << 31)

static const char help_head[] =
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
	"SIGHUP, an old DST is left as it was. It keeps owner, permissions, ACL, attributes and\n"
	"names as with cp. Where a new file could not have all of these, or not its name (hard\n"
	"links, setuid, bind mounts, directories that may not be written, a memfd), DST is "
	"written\n"
	"in place, as by cp, and left empty if the copy fails. Holes in SRC stay holes. What is\n"
	"appended to SRC while it is copied is left out; a SRC that gets shorter is an error.\n"
	"\n"
	"Options:\n";

static const char help_tail[] =
	"\n"
	"The JSON object has: device, bytes (the size of the file), seconds, ops, page_requests,\n"
	"groups, answers {success, invalid}, fault_latency_ns {p50, p99, max}, pinned_bytes_peak.\n"
	"Errors go to standard error, as text.\n"
	"\n"
	"Exit status:\n"
	"  0  the copy is complete\n"
	"  1  the copy failed; the message says why. DST is as it was, unless it says what else\n"
	"     became of it\n"
	"  2  the command line is wrong; nothing was done\n"
	"  3  the copy is complete, but the summary could not be printed, or the device not\n"
	"     closed; the message says which\n"
	"\n"
	"Examples:\n"
	"  svart-copy --verify big.img /var/tmp/copy.img\n"
	"  svart-copy --device pci:0000:6a:01.0 --depth 32 --chunk 1M --json big.img /dev/shm/\n";

static bool parse_faults(const char *text, void *field)
{
	enum svart_fault_run *faults = field;

	if (strcmp(text, "thread") == 0)
		*faults = SVART_FAULT_RUN_THREAD;
	else if (strcmp(text, "inline") == 0)
		*faults = SVART_FAULT_RUN_INLINE;
	else
		return false;
	return true;
}

static const struct app_option rows[] = {
	APP_TEXT('d', "device", struct copy_options, device, "SPEC",
		"accelerator, BUS:NAME[,KEY=VALUE]... (default: model:dsa0). model:dsa0 is a DSA "
		"of the software machine in this process, short for pci:dsa0,machine=model; "
		"pci:0000:6a:01.0 is silicon, bound to vfio-pci; with ,pasid=5 it is attached by "
		"PASID 5"),
	APP_NUMBER('n', "depth", struct copy_options, depth, 1, DEPTH_MAX, "N",
		"operations in flight, 1 to 65536 (default: 8); the device may have a lower limit"),
	APP_BYTES('c', "chunk", struct copy_options, chunk, 1, CHUNK_MAX, "BYTES",
		"bytes of one operation, 1 to 2G (default: 256K); the device may have a lower "
		"limit. Suffixes K, M and G are powers of 1024"),
	APP_OWN('\0', "faults", struct copy_options, faults, parse_faults, "'thread' or 'inline'",
		"WORD",
		"who answers page requests: thread, a thread of their own (the default), which "
		"goes on while this program waits for the disk; inline, the copying thread, "
		"whenever it waits for the device: no second thread, best where DST is mapped"),
	APP_FLAG('\0', "verify", struct copy_options, verify,
		"read both files back and compare them before DST gets its name"),
	APP_FLAG('\0', "json", struct copy_options, json,
		"print one JSON object instead of the summary; no progress line"),
	APP_FLAG('q', "quiet", struct copy_options, quiet, "print neither progress nor summary"),
	APP_TEXT('\0', "eal", struct copy_options, eal, "\"ARGS\"",
		"arguments of DPDK's EAL, instead of svart's own, which need neither root nor "
		"hugepages"),
	APP_OPTIONS_END,
};

static const struct app_usage usage = { help_head, rows, help_tail, "svart-copy --help" };

static int take_operands(const struct app_operands *operands, struct copy_options *o)
{
	if (operands->nr != 2) {
		app_say("needs two names, SRC and DST; there %s %d",
			operands->nr == 1 ? "is" : "are", operands->nr);
		return -EINVAL;
	}
	o->source = operands->word[0];
	o->destination = operands->word[1];
	if (*o->source != '\0' && *o->destination != '\0')
		return 0;
	app_say("%s is an empty name", *o->source == '\0' ? "SRC" : "DST");
	return -EINVAL;
}

int svart_copy_options_parse(int argc, char **argv, struct copy_options *options)
{
	struct app_operands operands;
	int rc;

	*options = (struct copy_options){
		.device = "model:dsa0",
		.faults = SVART_FAULT_RUN_THREAD,
	};
	rc = app_options_parse(argc, argv, &usage, options, &operands);
	if (rc == 0 && take_operands(&operands, options) != 0)
		rc = app_usage_hint(&usage);
	return rc;
}
