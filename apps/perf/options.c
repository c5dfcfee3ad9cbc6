/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "options.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "command_line.h"
#include "copy_engine.h"
#include "message.h"
#include "number.h"
#include "stats.h"

#define QUICK_ROUNDS    3
#define MAX_OUTSTANDING 65536
#define MAX_SIZE        1048576
#define MAX_BURST       SVART_PERF_MAX_BURST
#define MAX_DEPTH       SVART_PERF_MAX_DEPTH

static const char help_head[] =
	"Usage: svart-perf COMMAND [OPTION]...\n"
	"\n"
	"Measures svart on this machine. What is compared is measured in the same run, in rounds\n"
	"that alternate, and medians are reported, with the machine they are from.\n"
	"\n"
	"Commands:\n"
	"  copy    copies by svart's queues, by svart under DPDK (dmadev), by DPDK's dma_skeleton, "
	"by\n"
	"          memcpy(), and the driver alone: rates, time of the submitting core, latencies\n"
	"  ops     each operation by a DSA of the software machine, by svart's own code and by "
	"the\n"
	"          library call that programs use for it: bytes per second\n"
	"  group   nanoseconds per page request of grouping, beside a linear list of partial\n"
	"          requests that is scanned at each LAST\n"
	"  fault   copies into cold memory beside memcpy(); page requests per second and the time\n"
	"          from a page request to its answer; how that grows with devices and memory\n"
	"\n"
	"Options:\n";

static const char help_tail[] =
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
	"  svart-perf ops --json\n"
	"  svart-perf group --outstanding 32,512 --json\n"
	"  svart-perf fault --rounds 15\n";

static bool list_parse(const char *text, uint32_t max, struct perf_list_option *list)
{
	const char *at = text;
	uint64_t value;

	list->nr = 0;
	do {
		at = app_number_read(at, 1, max, &value);
		if (at == NULL || (*at != ',' && *at != '\0') || list->nr == SVART_PERF_MAX_LIST)
			return false;
		list->value[list->nr++] = (uint32_t)value;
	} while (*at++ == ',');
	return true;
}

static bool parse_outstanding(const char *text, void *field)
{
	return list_parse(text, MAX_OUTSTANDING, field);
}

static bool parse_sizes(const char *text, void *field)
{
	return list_parse(text, MAX_SIZE, field);
}

static bool parse_bursts(const char *text, void *field)
{
	return list_parse(text, MAX_BURST, field);
}

static bool parse_depths(const char *text, void *field)
{
	return list_parse(text, MAX_DEPTH, field);
}

#define LIST_OF "a list of at most 16 numbers, parted by commas, from 1 to "

static const struct app_option rows[] = {
	APP_OWN('o', "outstanding", struct perf_options, outstanding, parse_outstanding,
		LIST_OF "65536", "LIST",
		"group: partial requests at once, numbers from 1 to 65536 parted by commas, 16 "
		"at most (default: 32,128,512,4096)"),
	APP_TEXT('\0', "engines", struct perf_options, engines, "LIST",
		"copy: of svart, svart-dmadev, dma_skeleton, memcpy, svart-null (default: all)"),
	APP_OWN('\0', "sizes", struct perf_options, sizes, parse_sizes, LIST_OF "1048576", "LIST",
		"copy, ops: bytes, 1 to 1048576 (default: "
		"64,256,1024,4096,16384,65536,262144,1048576; of ops 4096,65536). ops takes whole "
		"words "
		"and blocks of 512 bytes, one at least"),
	APP_OWN('\0', "bursts", struct perf_options, bursts, parse_bursts, LIST_OF "64", "LIST",
		"copy: operations handed over at once, 1 to 64 (default: 1,8,32)"),
	APP_OWN('\0', "depths", struct perf_options, depths, parse_depths, LIST_OF "1024", "LIST",
		"copy: operations under way, 1 to 1024 (default: 32,256,1024)"),
	APP_NUMBER('\0', "seed", struct perf_options, seed, 0, UINT64_MAX, "N",
		"of random streams and addresses (default: 1)"),
	APP_NUMBER('r', "rounds", struct perf_options, rounds, 1, SVART_PERF_MAX_ROUNDS, "N",
		"rounds of each measure, 1 to 101 (default: 11 for group, else 7)"),
	APP_FLAG('q', "quick", struct perf_options, quick,
		"a few seconds, for a look whether it works: less memory, three rounds. The "
		"figures are worth little"),
	APP_FLAG('j', "json", struct perf_options, json, "print one JSON object instead of tables"),
	APP_OPTIONS_END,
};

static_assert(SVART_PERF_MAX_LIST == 16 && SVART_PERF_MAX_ROUNDS == 101, "the texts above say so");
static_assert(MAX_BURST == 64 && MAX_DEPTH == 1024, "the texts above say so");

static const struct app_usage usage = { help_head, rows, help_tail, "svart-perf --help" };

static int take_command(const struct app_operands *operands,
	const struct perf_command *const *commands, struct perf_options *o)
{
	unsigned int i;

	if (operands->nr != 1) {
		app_say("needs one command; there are %d", operands->nr);
		return -EINVAL;
	}
	for (i = 0; commands[i] != NULL; i++)
		if (strcmp(operands->word[0], commands[i]->name) == 0)
			o->command = commands[i];
	if (o->command != NULL)
		return 0;
	app_say("'%s' is no command", operands->word[0]);
	return -EINVAL;
}

/** Checks whether the command has the engines. */
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

/** Sets what the user did not give. --quick has fewer cells. */
static void copy_defaults(struct perf_options *o)
{
	static const struct perf_list_option sizes = {
		{ 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576 }, 8
	};
	static const struct perf_list_option ops_sizes = { { 4096, 65536 }, 2 };
	static const struct perf_list_option bursts = { { 1, 8, 32 }, 3 };
	static const struct perf_list_option depths = { { 32, 256, 1024 }, 3 };
	static const struct perf_list_option quick_sizes = { { 64, 1024, 65536 }, 3 };
	static const struct perf_list_option quick_bursts = { { 1, 32 }, 2 };
	static const struct perf_list_option quick_depths = { { 256 }, 1 };

	if (o->sizes.nr == 0 && o->command == &svart_perf_ops)
		o->sizes = ops_sizes;
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
	struct app_operands operands;
	int rc;

	*o = (struct perf_options){
		.seed = 1,
		.outstanding = { { 32, 128, 512, 4096 }, 4 },
	};
	rc = app_options_parse(argc, argv, &usage, o, &operands);
	if (rc != 0)
		return rc;
	if (take_command(&operands, commands, o) != 0 || check_engines(o) != 0)
		return app_usage_hint(&usage);
	copy_defaults(o);
	return 0;
}
