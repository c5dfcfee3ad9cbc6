/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-perf: measures svart. Each command is a file or some files, and prints a table or JSON. They share
 * the command line, the clock and medians.
 */
#include <stdlib.h>

#include "command_line.h"
#include "message.h"
#include "options.h"
#include "standard.h"

static const struct perf_command *const commands[] = { &svart_perf_copy, &svart_perf_ops,
	&svart_perf_group, &svart_perf_fault, NULL };

int main(int argc, char **argv)
{
	struct perf_options options;
	int rc;

	if (app_standard_open() != 0)
		return EXIT_FAILURE;
	rc = svart_perf_options_parse(argc, argv, commands, &options);
	if (rc < 0)
		return APP_EXIT_USAGE;
	if (rc == 0) {
		svart_perf_host_get(&options.host);
		if (options.command->run(&options) != 0)
			return EXIT_FAILURE;
	}
	return app_flush_output() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
