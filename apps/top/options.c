/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "command_line.h"
#include "say.h"

#define NS_PER_S  UINT64_C(1000000000)
#define MIN_MS    50
#define MAX_MS    86400000
#define COUNT_MAX 1000000000
#define PID_LAST  (1 << 22) /* PID_MAX_LIMIT of linux/threads.h. */

/* clang-format off */
static const char help_head[] =
	"Usage: svart-top [OPTION]...\n"
	"\n"
	"Shows the devices of a running svart program and what its fault service does for them,\n"
	"for each device and PASID, once a second. It reads the program's DPDK telemetry socket,\n"
	"so the program must run with EAL, as it does by default, and be yours, or you root.\n"
	"\n"
	"On a terminal it takes the whole screen; q ends it. Elsewhere it prints plain text, one\n"
	"table after the other.\n"
	"\n"
	"Which program:\n";

static const char help_tail[] =
	"\n"
	"Columns: REQ/S and GROUP/S, page requests and groups a second; SUCCESS and INVALID, answers\n"
	"by their code, OWN, those of both to records owed an answer of their own, and GONE, those\n"
	"that a detach had given already; OVERFL, times a queue overflowed; DEADL, groups answered\n"
	"because of their deadline; DROPPED, records; P50, P99 and MAX, time from fetch to answer;\n"
	"PINNED, bytes that devices keep in memory now; MODE and SOURCE, how page requests are\n"
	"handled and where they come from. Counts are since the device was opened, or attached. A\n"
	"device with several PASIDs has a row for each and one for all. (lost) behind its name: the\n"
	"device is gone, or the kernel's side of it.\n"
	"\n"
	"The JSON object has: time (seconds since 1970), pid, program, version, socket, seconds\n"
	"(since the sample before, null in the first) and devices [{id, name, address, driver,\n"
	"numa_node, queues, queues_free, fault_mode, fault_source, pinned_bytes, pinned_bytes_peak,\n"
	"faults, pasids [{pasid, pinned_bytes, pinned_bytes_peak, faults}]}]. pasid is a number, or\n"
	"null where the device is attached without one. faults has page_requests, groups,\n"
	"answers_success, answers_invalid, answers_own, answers_gone, dropped, eager_pages, overflows,\n"
	"deadlines, sources_lost, latency_p50_ns, latency_p99_ns, latency_max_ns; and\n"
	"page_requests_per_s and groups_per_s, null where there is no sample before. A device that\n"
	"was lost has also lost: how, as text.\n"
	"Errors go to standard error, as text.\n"
	"\n"
	"Exit status:\n"
	"  0  as many samples as wanted were shown, or q, SIGINT, SIGTERM or SIGHUP ended it\n"
	"  1  no program could be shown, or several could and none was chosen; or it answers not\n"
	"     at all, or not as svart does; or standard output takes nothing\n"
	"  2  the command line is wrong; nothing was done\n"
	"  3  the program, or its telemetry, ended while it was shown\n"
	"\n"
	"Examples:\n"
	"  svart-top\n"
	"  svart-top --pid 4711 --interval 0.5\n"
	"  svart-top --once --rates --json | jq '.devices[] | {name, rate: .faults.page_requests_per_s}'\n";
/* clang-format on */

/** Reads a file prefix, which becomes part of a path. */
static bool parse_prefix(const char *text, void *field)
{
	*(const char **)field = text;
	return *text != '\0' && strchr(text, '/') == NULL && text[0] != '.';
}

static const struct app_option rows[] = {
	APP_NUMBER('p', "pid", struct top_options, pid, 1, PID_LAST, "PID",
		"the one with this process id"),
	APP_OWN('f', "file-prefix", struct top_options, file_prefix, parse_prefix,
		"a file prefix: a path is named with --socket", "NAME",
		"the one that EAL was started in with --file-prefix=NAME. svart's own default is "
		"svart; several programs can have the same"),
	APP_TEXT('s', "socket", struct top_options, socket, "PATH",
		"the one behind this socket, wherever it is. With none of these: the only one "
		"that runs. Sockets are looked for where EAL makes them: in dpdk/NAME below "
		"$RUNTIME_DIRECTORY, /var/run, $XDG_RUNTIME_DIR and /tmp"),
	APP_FLAG('l', "list", struct top_options, list,
		"list the programs that could be shown, and end"),
	APP_HEADING("Options:"),
	APP_SECONDS('i', "interval", struct top_options, interval_ns, MIN_MS, MAX_MS, "S",
		"seconds between samples, 0.05 to 86400 (default: 1)"),
	APP_NUMBER(
		'n', "count", struct top_options, count, 1, COUNT_MAX, "N", "end after N samples"),
	APP_FLAG('1', "once", struct top_options, once,
		"--count=1, and plain text also on a terminal"),
	APP_FLAG('r', "rates", struct top_options, rates,
		"leave out the first sample, which has no rates: it only begins the first "
		"interval. So --once --rates takes one interval"),
	APP_FLAG('j', "json", struct top_options, json,
		"print one JSON object a line for each sample"),
	APP_SECONDS('t', "timeout", struct top_options, timeout_ns, MIN_MS, MAX_MS, "S",
		"give up when the program has not answered for so long, 0.05 to 86400 (default: "
		"10). It answers late while it opens or closes a device. Where a program is looked "
		"for, each gets a tenth of it"),
	APP_OPTIONS_END,
};

static const struct app_usage usage = { help_head, rows, help_tail, "svart-top --help" };

/* Refuses options that cannot be used together. */
static int check(const struct app_operands *operands, const struct top_options *o)
{
	if (operands->nr > 0) {
		svart_top_say("'%s' is one word too many; a program is named with --pid, "
			      "--file-prefix or --socket",
			operands->word[0]);
		return -EINVAL;
	}
	if (o->socket != NULL && (o->file_prefix != NULL || o->pid != 0 || o->list)) {
		svart_top_say("--socket names a program already: leave out --pid, --file-prefix "
			      "and --list");
		return -EINVAL;
	}
	return 0;
}

int svart_top_options_parse(int argc, char **argv, struct top_options *options)
{
	struct app_operands operands;
	int rc;

	*options = (struct top_options){
		.interval_ns = NS_PER_S,
		.timeout_ns = 10 * NS_PER_S,
	};
	rc = app_options_parse(argc, argv, &usage, options, &operands);
	if (rc == 0 && check(&operands, options) != 0)
		rc = app_usage_hint(&usage);
	if (options->once)
		options->count = 1;
	return rc;
}
