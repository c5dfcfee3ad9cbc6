/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-copy: copies a file by an accelerator that is handed raw process addresses.
 *
 * This file has the order of all steps. Files are opened before the device, because most mistakes are about
 * files; the queue is stopped before memory is taken back, and memory before the device is closed, also
 * when something failed.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "command_line.h"
#include "job.h"
#include "message.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "report.h"
#include "say.h"
#include "session.h"
#include "source.h"
#include "standard.h"
#include "verify.h"

/* The copy is complete, but a later step failed. */
#define EXIT_LATE 3

/* The handler sets it, on any thread; the loops read it through pointers. */
static atomic_int stop_signal;

static void on_signal(int number)
{
	stop_signal = number;
}

/* The first signal ends the copy and tidies up; a second one of its kind ends the program. */
static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	/*
	 * With these ignored, a file beyond RLIMIT_FSIZE, and a summary that nobody reads, are errors of a
	 * call.
	 */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction old;

		/* nohup and background jobs ignore some signals, and those stay ignored. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

/* Runs the operations, and in any case takes all memory back from the device. */
static int copy_data(const struct copy_options *options, struct copy_session *session,
	struct copy_source *src, struct copy_output *out, struct copy_report *report)
{
	struct copy_progress progress;
	struct copy_job_params job = { session, src, out, &progress, &stop_signal };
	uint64_t bytes = svart_copy_source_bytes(src);
	int rc, unmap_rc;

	rc = svart_copy_output_prepare(out, bytes, session->depth, session->chunk);
	if (rc != 0 || bytes == 0)
		return rc;
	svart_copy_progress_start(&progress, !options->quiet && !options->json, "copied", bytes);
	rc = svart_copy_job_run(&job, &report->totals);
	svart_copy_progress_end(&progress);
	svart_copy_session_stop(session);
	unmap_rc = svart_copy_output_unmap(out, session->space);
	if (rc == 0)
		rc = unmap_rc;
	return rc;
}

static int verify(const struct copy_options *options, const struct copy_source *src,
	const struct copy_output *out)
{
	struct copy_progress progress;
	int rc;

	svart_copy_progress_start(&progress, !options->quiet && !options->json, "verified",
		svart_copy_source_bytes(src));
	rc = svart_copy_verify(src, out, &progress, &stop_signal);
	svart_copy_progress_end(&progress);
	return rc;
}

/* Gives up a copy that failed, and says what it leaves behind. */
static void give_up(struct copy_output *out, int rc)
{
	const char *state = svart_copy_output_undo(out);

	if (rc == -EINTR)
		svart_copy_say("interrupted by signal %d", (int)stop_signal);
	svart_copy_say("the copy failed; '%s' %s", out->target.path, state);
}

/* Does all steps on an open device. */
static int copy_on_device(const struct copy_options *options, struct copy_session *session,
	struct copy_source *src, struct copy_output *out, struct copy_report *report)
{
	uint64_t start_ns = svart_copy_now_ns();
	int rc;

	report->bytes = svart_copy_source_bytes(src);
	report->depth = session->depth;
	report->chunk = session->chunk;
	rc = copy_data(options, session, src, out, report);
	report->time_ns = svart_copy_now_ns() - start_ns;
	report->faults = (struct svart_fault_stats)SVART_FAULT_STATS_INIT();
	report->space = (struct svart_space_stats)SVART_SPACE_STATS_INIT();
	svart_fault_stats_get(session->faults, &report->faults);
	svart_space_stats_get(session->space, &report->space);
	if (rc == 0 && options->verify)
		rc = verify(options, src, out);
	if (rc == 0 && stop_signal != 0)
		rc = -EINTR;
	if (rc == 0)
		rc = svart_copy_source_check(src);
	if (rc == 0)
		rc = svart_copy_output_commit(out);
	if (rc != 0)
		give_up(out, rc);
	report->complete = rc == 0;
	return rc;
}

/*
 * Opens everything, copies, closes everything.
 * @return 0 or -errno, told; report->complete says whether the copy was complete before.
 */
static int copy_file(const struct copy_options *options, struct copy_report *report)
{
	struct copy_session session = { 0 };
	struct copy_source src;
	struct copy_output out;
	int rc, close_rc;

	rc = svart_copy_source_open(options->source, &src);
	if (rc != 0)
		return rc;
	rc = svart_copy_output_open(options->destination, &src, options->verify, &out);
	if (rc != 0)
		goto close_source;
	rc = svart_copy_session_open(options, &session);
	if (rc == 0)
		rc = copy_on_device(options, &session, &src, &out, report);
	svart_copy_output_close(&out);
close_source:
	svart_copy_session_stop(&session);
	close_rc = svart_copy_source_close(&src, session.space);
	if (rc == 0)
		rc = close_rc;
	close_rc = svart_copy_session_close(&session);
	return rc != 0 ? rc : close_rc;
}

int main(int argc, char **argv)
{
	struct copy_options options;
	struct copy_report report = { 0 };
	int rc;

	if (app_standard_open() != 0)
		return EXIT_FAILURE;
	rc = svart_copy_options_parse(argc, argv, &options);
	if (rc < 0)
		return APP_EXIT_USAGE;
	catch_signals();
	if (rc > 0)
		return app_flush_output() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	rc = copy_file(&options, &report);
	if (rc == 0)
		rc = svart_copy_report_print(&options, &report);
	if (rc == 0)
		return EXIT_SUCCESS;
	if (!report.complete)
		return EXIT_FAILURE;
	svart_copy_say("the copy itself is complete, in '%s'", options.destination);
	return EXIT_LATE;
}
