/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "copy_engine.h"
#include "message.h"
#include "number.h"
#include "stats.h"

#define QUICK_ROUNDS    3
#define MAX_OUTSTANDING 65536
#define MAX_SIZE        1048576
#define MAX_BURST       SVART_PERF_MAX_BURST
#define MAX_DEPTH       SVART_PERF_MAX_DEPTH

enum option_code {
	OPTION_JSON = 'j',
	OPTION_HELP = 'h',
	OPTION_QUICK = 'q',
	OPTION_ROUNDS = 'r',
	OPTION_VERSION = 'V',
	OPTION_OUTSTANDING = 'o',
	OPTION_SEED = 256,
	OPTION_ENGINES,
	OPTION_SIZES,
	OPTION_BURSTS,
	OPTION_DEPTHS,
};

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "quick", no_argument, NULL, OPTION_QUICK },
	{ "rounds", required_argument, NULL, OPTION_ROUNDS },
	{ "outstanding", required_argument, NULL, OPTION_OUTSTANDING },
	{ "engines", required_argument, NULL, OPTION_ENGINES },
	{ "sizes", required_argument, NULL, OPTION_SIZES },
	{ "bursts", required_argument, NULL, OPTION_BURSTS },
	{ "depths", required_argument, NULL, OPTION_DEPTHS },
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char help_text[] =
	"Usage: svart-perf COMMAND [OPTION]...\n"
	"\n"
	"Measures svart on this machine. What is compared is measured in the same run, in rounds\n"
	"that alternate, and medians are reported, with the machine they are from.\n"
	"\n"
	"Commands:\n"
	"  copy    copies by svart's queues, by svart under DPDK (dmadev), by DPDK's dma_skeleton, "
	"by\n"
	"          memcpy(), and the driver alone: rates, time of the submitting core, latencies\n"
	"  group   nanoseconds per page request of grouping, beside a linear list of partial\n"
	"          requests that is scanned at each LAST\n"
	"  fault   copies into cold memory beside memcpy(); page requests per second and the time\n"
	"          from a page request to its answer; how that grows with devices and memory\n"
	"\n"
	"Options:\n"
	"  -o, --outstanding=LIST  group: partial requests at once, numbers from 1 to 65536 "
	"parted\n"
	"                          by commas, 16 at most (default: 32,128,512,4096)\n"
	"      --engines=LIST      copy: of svart, svart-dmadev, dma_skeleton, memcpy, svart-null\n"
	"                          (default: all)\n"
	"      --sizes=LIST        copy: bytes, 1 to 1048576 (default: "
	"64,256,1024,4096,16384,65536,\n"
	"                          262144,1048576)\n"
	"      --bursts=LIST       copy: operations handed over at once, 1 to 64 (default: "
	"1,8,32)\n"
	"      --depths=LIST       copy: operations under way, 1 to 1024 (default: 32,256,1024)\n"
	"      --seed=N            of random streams and addresses (default: 1)\n"
	"  -r, --rounds=N          rounds of each measure, 1 to 101 (default: 11 for group, else "
	"7)\n"
	"  -q, --quick             a few seconds, for a look whether it works: less memory, three\n"
	"                          rounds. The figures are worth little\n"
	"  -j, --json              print one JSON object instead of tables\n"
	"  -h, --help              print this text\n"
	"  -V, --version           print the version\n"
	"\n"
	"The JSON objects are described in doc/guides/svart-perf.rst. Errors go to standard "
	"error.\n"
	"\n"
	"Exit status:\n"
	"  0  measured\n"
	"  1  something failed; the message says what\n"
	"  2  the command line is wrong; nothing was done\n"
	"\n"
	"Examples:\n"
	"  svart-perf copy --sizes 1024 --bursts 32 --json\n"
	"  svart-perf group --outstanding 32,512 --json\n"
	"  svart-perf fault --rounds 15\n";

static int parse_rounds(const char *text, unsigned int *rounds)
{
	uint64_t value;

	if (!app_number_parse(text, 1, SVART_PERF_MAX_ROUNDS, &value)) {
		app_say("--rounds: '%s' is not a number from 1 to %d", text, SVART_PERF_MAX_ROUNDS);
		return -EINVAL;
	}
	*rounds = (unsigned int)value;
	return 0;
}

static int parse_seed(const char *text, uint64_t *seed)
{
	if (app_number_parse(text, 0, UINT64_MAX, seed))
		return 0;
	app_say("--seed: '%s' is not a number of 64 bits", text);
	return -EINVAL;
}

static int parse_list(
	const char *name, const char *text, uint32_t max, struct perf_list_option *list)
{
	const char *at = text;
	uint64_t value;

	list->nr = 0;
	do {
		at = app_number_read(at, 1, max, &value);
		if (at == NULL || (*at != ',' && *at != '\0') || list->nr == SVART_PERF_MAX_LIST) {
			app_say("--%s: '%s' is not a list of at most %d numbers from 1 to "
				"%u, parted by commas",
				name, text, SVART_PERF_MAX_LIST, max);
			return -EINVAL;
		}
		list->value[list->nr++] = (uint32_t)value;
	} while (*at++ == ',');
	return 0;
}

/** @return as svart_perf_options_parse(). */
static int parse_option(int option, const char *arg, struct perf_options *o)
{
	switch (option) {
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_QUICK:
		o->quick = true;
		return 0;
	case OPTION_ROUNDS:
		return parse_rounds(arg, &o->rounds);
	case OPTION_SEED:
		return parse_seed(arg, &o->seed);
	case OPTION_OUTSTANDING:
		return parse_list("outstanding", arg, MAX_OUTSTANDING, &o->outstanding);
	case OPTION_ENGINES:
		o->engines = arg;
		return 0;
	case OPTION_SIZES:
		return parse_list("sizes", arg, MAX_SIZE, &o->sizes);
	case OPTION_BURSTS:
		return parse_list("bursts", arg, MAX_BURST, &o->bursts);
	case OPTION_DEPTHS:
		return parse_list("depths", arg, MAX_DEPTH, &o->depths);
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

static int parse_command(
	int argc, char **argv, const struct perf_command *const *commands, struct perf_options *o)
{
	unsigned int i;

	if (argc != 1) {
		app_say("needs one command; there are %d", argc);
		return -EINVAL;
	}
	for (i = 0; commands[i] != NULL; i++)
		if (strcmp(argv[0], commands[i]->name) == 0)
			o->command = commands[i];
	if (o->command != NULL)
		return 0;
	app_say("'%s' is no command", argv[0]);
	return -EINVAL;
}

/** Whether the engines are some that the command has. */
static int check_engines(const struct perf_options *o)
{
	const char *at = o->engines;
	size_t len;

	if (at == NULL || o->command->engine_is_known == NULL)
		return 0;
	do {
		len = strcspn(at, ",");
		if (!o->command->engine_is_known(at, len)) {
			app_say("--engines: '%.*s' is no engine", (int)len, at);
			return -EINVAL;
		}
		at += len;
	} while (*at++ == ',');
	return 0;
}

/** What the user did not ask for. --quick has fewer cells. */
static void copy_defaults(struct perf_options *o)
{
	static const struct perf_list_option sizes = {
		{ 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576 }, 8
	};
	static const struct perf_list_option bursts = { { 1, 8, 32 }, 3 };
	static const struct perf_list_option depths = { { 32, 256, 1024 }, 3 };
	static const struct perf_list_option quick_sizes = { { 64, 1024, 65536 }, 3 };
	static const struct perf_list_option quick_bursts = { { 1, 32 }, 2 };
	static const struct perf_list_option quick_depths = { { 256 }, 1 };

	if (o->sizes.nr == 0)
		o->sizes = o->quick ? quick_sizes : sizes;
	if (o->bursts.nr == 0)
		o->bursts = o->quick ? quick_bursts : bursts;
	if (o->depths.nr == 0)
		o->depths = o->quick ? quick_depths : depths;
}

unsigned int svart_perf_rounds(const struct perf_options *options, unsigned int usual)
{
	if (options->rounds != 0)
		return options->rounds;
	return options->quick ? QUICK_ROUNDS : usual;
}

int svart_perf_options_parse(
	int argc, char **argv, const struct perf_command *const *commands, struct perf_options *o)
{
	int option, rc = 0;

	*o = (struct perf_options){
		.seed = 1,
		.outstanding = { { 32, 128, 512, 4096 }, 4 },
	};
	while (rc == 0 && (option = getopt_long(argc, argv, "o:r:qjhV", long_options, NULL)) != -1)
		rc = parse_option(option, optarg, o);
	if (rc == 0)
		rc = parse_command(argc - optind, argv + optind, commands, o);
	if (rc == 0)
		rc = check_engines(o);
	if (rc == 0)
		copy_defaults(o);
	if (rc < 0)
		fputs("Try 'svart-perf --help'.\n", stderr);
	return rc;
}
