/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "options.h"

#include <errno.h>

#include "command_line.h"
#include "message.h"
#include "number.h"

#define MIN_SIZE    32 /* The words that check a packet need 16. */
#define MAX_SIZE    9000
#define MAX_PACKETS UINT64_C(1000000000000)

static const char help_head[] = "\n"
				"Usage: dpdk-pktcopy [EAL OPTION...] -- [OPTION...]\n"
				"\n"
				"Copies packets from one mempool to another by a DMA device.\n"
				"\n"
				"Options:\n";

static const char help_tail[] =
	"\n"
	"One lcore runs all stages; two: the second one copies; three: one for each stage.\n"
	"\n"
	"Exit status:\n"
	"  0  every packet went through, whole\n"
	"  1  something failed, or the command line is wrong; the message says what\n";

static bool parse_size(const char *text, void *field)
{
	struct packet_size *size = field;
	uint64_t min, max;
	const char *end = app_number_read(text, MIN_SIZE, MAX_SIZE, &min);

	if (end == NULL)
		return false;
	max = min;
	if (*end != '\0' && (*end != '-' || !app_number_parse(end + 1, min, MAX_SIZE, &max)))
		return false;
	size->min = (uint32_t)min;
	size->max = (uint32_t)max;
	return true;
}

static const struct app_option rows[] = {
	APP_TEXT('d', "dma", struct options, dma, "NAME",
		"the dmadev (default: the first that copies memory)"),
	APP_NUMBER('n', "packets", struct options, packets, 1, MAX_PACKETS, "N",
		"how many packets (default: 1000000)"),
	APP_OWN('s', "size", struct options, size, parse_size,
		"a number of bytes, or two with '-' between them, from 32 to 9000", "MIN[-MAX]",
		"their bytes, 32 to 9000 (default: 64-1500)"),
	APP_NUMBER('b', "burst", struct options, burst, 1, PKTCOPY_MAX_BURST, "N",
		"packets at a time, 1 to 256 (default: 32)"),
	APP_NUMBER('r', "ring", struct options, ring, 1, UINT16_MAX, "N",
		"copies in flight at most (default: 512)"),
	APP_FLAG('j', "json", struct options, json, "print one JSON object"),
	APP_OPTIONS_END,
};

static const struct app_usage usage = { help_head, rows, help_tail, "dpdk-pktcopy -- --help" };

void options_usage(const char *program)
{
	(void)program;
	app_usage_print(&usage);
}

int options_parse(int argc, char **argv, struct options *o)
{
	struct app_operands operands;
	int rc;

	*o = (struct options){ .packets = 1000000, .size = { 64, 1500 }, .burst = 32, .ring = 512 };
	rc = app_options_parse(argc, argv, &usage, o, &operands);
	if (rc != 0 || operands.nr == 0)
		return rc;
	app_say("'%s' is one word too many", operands.word[0]);
	return app_usage_hint(&usage);
}
