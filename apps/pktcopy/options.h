/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef PKTCOPY_OPTIONS_H
#define PKTCOPY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define PKTCOPY_MAX_BURST 256u

/** Least and most bytes of a packet. */
struct packet_size {
	uint32_t min;
	uint32_t max;
};

/** What the command line says after "--". */
struct options {
	const char *dma;  /**< Name of the dmadev; NULL: the first one that copies memory. */
	uint64_t packets; /**< How many packets. */
	struct packet_size size;
	uint16_t burst; /**< Packets at a time, 1 to PKTCOPY_MAX_BURST. */
	uint16_t ring;  /**< Most copies in flight: nb_desc. */
	bool json;
};

/** Reads argv; argv[0] is skipped. @return as app_options_parse() (command_line.h). */
int options_parse(int argc, char **argv, struct options *o);

/** Prints help to standard output; a hook of EAL's own --help. */
void options_usage(const char *program);

#endif
