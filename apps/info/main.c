/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-info, the doctor: which accelerators there are, and what each lacks before svart can bind it.
 */
#include <stdlib.h>

#include "command_line.h"
#include "message.h"
#include "options.h"
#include "report.h"
#include "standard.h"
#include "trial.h"

/** Spec that --probe tries without a SPEC, if no accelerator is ready. */
#define FALLBACK_SPEC "model:dsa0"

/** Finds the first accelerator that is ready. @return whether there is one. */
static bool find_ready(const struct svart_probe *probe, struct svart_probe_path *path)
{
	struct svart_probe_device dev = SVART_PROBE_DEVICE_INIT();
	uint32_t i, k;

	for (i = 0; svart_probe_device_get(probe, i, &dev) == 0; i++) {
		for (k = 0; !dev.software && svart_probe_path_get(probe, i, k, path) == 0; k++) {
			if (path->ready)
				return true;
		}
	}
	return false;
}

static int report(struct svart *rt, const struct svart_probe *probe, const struct info_options *o)
{
	struct svart_probe_path path = SVART_PROBE_PATH_INIT();
	struct info_trial trial;
	bool good = find_ready(probe, &path);
	const char *spec = o->spec;
	int rc = 0;

	if (o->try_fault) {
		if (spec == NULL)
			spec = good ? path.spec : FALLBACK_SPEC;
		svart_info_trial_run(rt, spec, o->timeout_ms * UINT64_C(1000000), &trial);
		good = trial.ok;
	}
	if (o->json)
		rc = svart_info_print_json(probe, o->try_fault ? &trial : NULL);
	else
		svart_info_print_text(probe, o->try_fault ? &trial : NULL);
	return rc == 0 && app_flush_output() == 0 && good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	struct info_options options;
	struct svart_probe *probe;
	int status = EXIT_FAILURE;
	struct svart *rt;
	int rc;

	if (app_standard_open() != 0)
		return EXIT_FAILURE;
	rc = svart_info_options_parse(argc, argv, &options);
	if (rc < 0)
		return APP_EXIT_USAGE;
	if (rc > 0)
		return app_flush_output() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	if (svart_init(&init, &rt) != 0) {
		app_say("cannot start: %s", svart_error_text());
		return EXIT_FAILURE;
	}
	if (svart_probe_create(rt, &probe) != 0) {
		app_say("cannot look: %s", svart_error_text());
		goto fini;
	}
	status = report(rt, probe, &options);
	svart_probe_destroy(probe);
fini:
	svart_fini(rt);
	return status;
}
