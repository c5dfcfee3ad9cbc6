/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef PKTCOPY_OPTIONS_H
#define PKTCOPY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define PKTCOPY_MAX_BURST 256u

/** What the command line says after "--". */
struct options {
	const char *dma;   /**< Name of the dmadev; NULL: the first one that copies memory. */
	uint64_t packets;  /**< How many. */
	uint32_t min_size; /**< Bytes of a packet, at least. */
	uint32_t max_size; /**< And at most. */
	uint16_t burst;    /**< Packets at a time, 1 to PKTCOPY_MAX_BURST. */
	uint16_t ring;     /**< Copies in flight at most: nb_desc. */
	bool json;
};

/** What options_parse() found. */
enum options_result {
	OPTIONS_RUN,
	OPTIONS_HELP,  /**< Help was printed; end with success. */
	OPTIONS_WRONG, /**< It was told what is wrong; end with failure. */
};

/** Reads argv; argv[0] is skipped. */
enum options_result options_parse(int argc, char **argv, struct options *o);

/** Prints help to standard output; a hook of EAL's own --help. */
void options_usage(const char *program);

#endif
