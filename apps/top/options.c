/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "say.h"

#define NS_PER_S    1e9
#define SECONDS_MIN 0.05
#define SECONDS_MAX 86400.0
#define COUNT_MAX   1000000000
#define PID_LAST    (1 << 22) /* PID_MAX_LIMIT of linux/threads.h. */

enum option_code {
	OPTION_FILE_PREFIX = 'f',
	OPTION_PID = 'p',
	OPTION_SOCKET = 's',
	OPTION_LIST = 'l',
	OPTION_INTERVAL = 'i',
	OPTION_COUNT = 'n',
	OPTION_ONCE = '1',
	OPTION_RATES = 'r',
	OPTION_JSON = 'j',
	OPTION_TIMEOUT = 't',
	OPTION_HELP = 'h',
	OPTION_VERSION = 'V',
};

static const struct option long_options[] = {
	{ "file-prefix", required_argument, NULL, OPTION_FILE_PREFIX },
	{ "pid", required_argument, NULL, OPTION_PID },
	{ "socket", required_argument, NULL, OPTION_SOCKET },
	{ "list", no_argument, NULL, OPTION_LIST },
	{ "interval", required_argument, NULL, OPTION_INTERVAL },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "once", no_argument, NULL, OPTION_ONCE },
	{ "rates", no_argument, NULL, OPTION_RATES },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* clang-format off */
static const char help_text[] =
	"Usage: svart-top [OPTION]...\n"
	"\n"
	"Shows the devices of a running svart program and what its fault service does for them,\n"
	"for each device and PASID, once a second. It reads the program's DPDK telemetry socket,\n"
	"so the program must run with EAL, as it does by default, and be yours, or you root.\n"
	"\n"
	"On a terminal it takes the whole screen; q ends it. Elsewhere it prints plain text, one\n"
	"table after the other.\n"
	"\n"
	"Which program:\n"
	"  -p, --pid=PID          the one with this process id\n"
	"  -f, --file-prefix=NAME the one that EAL was started in with --file-prefix=NAME. svart's\n"
	"                         own default is svart; several programs can have the same\n"
	"  -s, --socket=PATH      the one behind this socket, wherever it is\n"
	"                         With none of these: the only one that runs. Sockets are looked\n"
	"                         for where EAL makes them: in dpdk/NAME below $RUNTIME_DIRECTORY,\n"
	"                         /var/run, $XDG_RUNTIME_DIR and /tmp\n"
	"  -l, --list             list the programs that could be shown, and end\n"
	"\n"
	"Options:\n"
	"  -i, --interval=S       seconds between samples, 0.05 to 86400 (default: 1)\n"
	"  -n, --count=N          end after N samples\n"
	"  -1, --once             --count=1, and plain text also on a terminal\n"
	"  -r, --rates            leave out the first sample, which has no rates: it only begins\n"
	"                         the first interval. So --once --rates takes one interval\n"
	"  -j, --json             print one JSON object a line for each sample\n"
	"  -t, --timeout=S        give up when the program has not answered for so long, 0.05 to\n"
	"                         86400 (default: 10). It answers late while it opens or closes\n"
	"                         a device\n"
	"  -h, --help             print this text\n"
	"  -V, --version          print the version\n"
	"\n"
	"Columns: REQ/S and GROUP/S, page requests and groups a second; SUCCESS and INVALID, answers\n"
	"by their code, OWN, those of both to records owed an answer of their own, and GONE, those\n"
	"that a detach had given already; OVERFL, times a queue overflowed; DEADL, groups answered\n"
	"because of their deadline; DROPPED, records; P50, P99 and MAX, time from fetch to answer;\n"
	"PINNED, bytes that devices keep in memory now; MODE and SOURCE, how page requests are\n"
	"handled and where they come from. Counts are since the device was opened, or attached. A\n"
	"device with several PASIDs has a row for each and one for all.\n"
	"\n"
	"The JSON object has: time (seconds since 1970), pid, program, version, socket, seconds\n"
	"(since the sample before, null in the first) and devices [{id, name, address, driver,\n"
	"numa_node, queues, queues_free, fault_mode, fault_source, pinned_bytes, pinned_bytes_peak,\n"
	"faults, pasids [{pasid, pinned_bytes, pinned_bytes_peak, faults}]}]. pasid is a number, or\n"
	"null where the device is attached without one. faults has page_requests, groups,\n"
	"answers_success, answers_invalid, answers_own, answers_gone, dropped, eager_pages, overflows,\n"
	"deadlines, sources_lost, latency_p50_ns, latency_p99_ns, latency_max_ns; and\n"
	"page_requests_per_s and groups_per_s, null where there is no sample before.\n"
	"Errors go to standard error, as text.\n"
	"\n"
	"Exit status:\n"
	"  0  as many samples as wanted were shown, or q, SIGINT, SIGTERM or SIGHUP ended it\n"
	"  1  no program could be shown, or several could and none was chosen; or it answers not\n"
	"     at all, or not as svart does\n"
	"  2  the command line is wrong; nothing was done\n"
	"  3  the program ended while it was shown\n"
	"\n"
	"Examples:\n"
	"  svart-top\n"
	"  svart-top --pid 4711 --interval 0.5\n"
	"  svart-top --once --rates --json | jq '.devices[] | {name, rate: .faults.page_requests_per_s}'\n";
/* clang-format on */

static int parse_seconds(const char *option, const char *text, uint64_t *ns)
{
	char *end;
	double value;

	errno = 0;
	value = text[0] >= '0' && text[0] <= '9' ? strtod(text, &end) : -1;
	if (errno != 0 || !(value >= SECONDS_MIN && value <= SECONDS_MAX) || *end != '\0') {
		svart_top_say("%s: '%s' is not a number of seconds from %g to %g", option, text,
			SECONDS_MIN, SECONDS_MAX);
		return -EINVAL;
	}
	*ns = (uint64_t)(value * NS_PER_S);
	return 0;
}

static int parse_number(const char *option, const char *text, uint64_t max, uint64_t *number)
{
	if (app_number_parse(text, 1, max, number))
		return 0;
	svart_top_say(
		"%s: '%s' is not a number from 1 to %llu", option, text, (unsigned long long)max);
	return -EINVAL;
}

static int parse_pid(const char *text, pid_t *pid)
{
	uint64_t number = 0;
	int rc = parse_number("--pid", text, PID_LAST, &number);

	*pid = (pid_t)number;
	return rc;
}

/* It becomes part of a path. */
static int parse_prefix(const char *text, const char **prefix)
{
	*prefix = text;
	if (*text != '\0' && strchr(text, '/') == NULL && text[0] != '.')
		return 0;
	svart_top_say("--file-prefix: '%s' is no file prefix: a path is named with --socket", text);
	return -EINVAL;
}

/* @return as svart_top_options_parse(). */
static int parse_option(int option, const char *arg, struct top_options *o)
{
	switch (option) {
	case OPTION_FILE_PREFIX:
		return parse_prefix(arg, &o->file_prefix);
	case OPTION_PID:
		return parse_pid(arg, &o->pid);
	case OPTION_SOCKET:
		o->socket = arg;
		return 0;
	case OPTION_LIST:
		o->list = true;
		return 0;
	case OPTION_INTERVAL:
		return parse_seconds("--interval", arg, &o->interval_ns);
	case OPTION_COUNT:
		return parse_number("--count", arg, COUNT_MAX, &o->count);
	case OPTION_ONCE:
		o->count = 1;
		return 0;
	case OPTION_RATES:
		o->rates = true;
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_TIMEOUT:
		return parse_seconds("--timeout", arg, &o->timeout_ns);
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

/* What cannot be asked for together. */
static int check(int nr_operands, char **operands, const struct top_options *o)
{
	if (nr_operands > 0) {
		svart_top_say("'%s' is one word too many; a program is named with --pid, "
			      "--file-prefix or --socket",
			operands[0]);
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
	int option, rc = 0;

	*options = (struct top_options){
		.interval_ns = (uint64_t)NS_PER_S,
		.timeout_ns = (uint64_t)(10 * NS_PER_S),
	};
	while (rc == 0 &&
		(option = getopt_long(argc, argv, "f:p:s:li:n:1rjt:hV", long_options, NULL)) != -1)
		rc = parse_option(option, optarg, options);
	if (rc == 0)
		rc = check(argc - optind, argv + optind, options);
	if (rc < 0)
		fputs("Try 'svart-top --help'.\n", stderr);
	return rc;
}
