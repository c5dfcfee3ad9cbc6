/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "options.h"

#include <getopt.h>
#include <stdio.h>

#include "number.h"

#define MIN_SIZE    32u /* What a packet is checked by needs 16. */
#define MAX_SIZE    9000u
#define MAX_PACKETS UINT64_C(1000000000000)

static const struct option long_options[] = {
	{ "dma", required_argument, NULL, 'd' },
	{ "packets", required_argument, NULL, 'n' },
	{ "size", required_argument, NULL, 's' },
	{ "burst", required_argument, NULL, 'b' },
	{ "ring", required_argument, NULL, 'r' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

void options_usage(const char *program)
{
	printf("\nUsage: %s [EAL OPTION...] -- [OPTION...]\n"
	       "Copies packets from one mempool to another by a DMA device.\n\n"
	       "  -d, --dma=NAME        the dmadev (default: the first that copies memory)\n"
	       "  -n, --packets=N       how many packets (default: 1000000)\n"
	       "  -s, --size=MIN[-MAX]  their bytes, %u to %u (default: 64-1500)\n"
	       "  -b, --burst=N         packets at a time, 1 to %u (default: 32)\n"
	       "  -r, --ring=N          copies in flight at most (default: 512)\n"
	       "  -j, --json            print one JSON object\n"
	       "  -h, --help            print this\n\n"
	       "One lcore runs all stages; two: the second one copies; three: one for each "
	       "stage.\n",
		program, MIN_SIZE, MAX_SIZE, PKTCOPY_MAX_BURST);
}

static bool parse_size(const char *text, struct options *o)
{
	uint64_t min, max;
	const char *end = app_number_read(text, MIN_SIZE, MAX_SIZE, &min);

	if (end == NULL)
		return false;
	max = min;
	if (*end != '\0' && (*end != '-' || !app_number_parse(end + 1, min, MAX_SIZE, &max)))
		return false;
	o->min_size = (uint32_t)min;
	o->max_size = (uint32_t)max;
	return true;
}

static bool parse_u16(const char *text, uint16_t max, uint16_t *value)
{
	uint64_t number;

	if (!app_number_parse(text, 1, max, &number))
		return false;
	*value = (uint16_t)number;
	return true;
}

/** @return whether the option's value is good. */
static bool parse_option(int option, const char *value, struct options *o)
{
	switch (option) {
	case 'd':
		o->dma = value;
		return true;
	case 'n':
		return app_number_parse(value, 1, MAX_PACKETS, &o->packets);
	case 's':
		return parse_size(value, o);
	case 'b':
		return parse_u16(value, PKTCOPY_MAX_BURST, &o->burst);
	case 'r':
		return parse_u16(value, UINT16_MAX, &o->ring);
	default:
		o->json = true;
		return true;
	}
}

enum options_result options_parse(int argc, char **argv, struct options *o)
{
	const char *program = argv[0];
	int option;

	*o = (struct options){
		.packets = 1000000, .min_size = 64, .max_size = 1500, .burst = 32, .ring = 512
	};
	optind = 1;
	while ((option = getopt_long(argc, argv, "d:n:s:b:r:jh", long_options, NULL)) != -1) {
		if (option == 'h') {
			options_usage(program);
			return OPTIONS_HELP;
		}
		if (option == '?')
			return OPTIONS_WRONG;
		if (!parse_option(option, optarg, o)) {
			fprintf(stderr, "%s: -%c %s: not a value of this option; see -- --help\n",
				program, option, optarg);
			return OPTIONS_WRONG;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: %s: no such argument; see -- --help\n", program, argv[optind]);
		return OPTIONS_WRONG;
	}
	return OPTIONS_RUN;
}
