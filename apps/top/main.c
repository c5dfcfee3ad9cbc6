/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-top: what a running program's fault service does, sample after sample.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command_line.h"
#include "client.h"
#include "find.h"
#include "message.h"
#include "options.h"
#include "report.h"
#include "say.h"
#include "screen.h"
#include "standard.h"
#include "wait.h"

#define EXIT_ENDED 3

#define LINE_END "\033[K\r\n"

/**
 * The whole program.
 *
 * Owner: main(). Lifetime: the program's. Locks: none.
 */
struct top {
	struct top_options options;
	struct top_client client;
	struct top_screen screen;
	struct top_sample now, before;
	uint64_t nr_shown;
	bool quit; /**< The user asked for the end. */
};

/** Shows the present sample on the screen. @return 0; -EIO, told: there is no screen any more. */
static int draw(struct top *top)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);
	int rc = -ENOMEM;

	if (file != NULL) {
		svart_top_print_text(file, &top->client, &top->now, top->screen.columns,
			top->screen.rows, LINE_END);
		rc = fclose(file) == 0 ? svart_top_screen_draw(text) : -ENOMEM;
		free(text);
	}
	if (rc == 0)
		return 0;
	svart_top_screen_leave(&top->screen);
	app_say("cannot print to standard output: %s", strerror(-rc));
	return -EIO;
}

/** Shows the present sample. @return 0 or -errno, told. */
static int show(struct top *top)
{
	double seconds = top->before.time_ns != 0
				 ? (double)(top->now.time_ns - top->before.time_ns) / 1e9
				 : TOP_NO_RATE;
	int rc = 0;

	if (top->screen.on)
		return draw(top);
	if (top->options.json) {
		rc = svart_top_print_json(&top->client, &top->now, seconds);
	} else {
		if (top->nr_shown != 0)
			putchar('\n');
		svart_top_print_text(
			stdout, &top->client, &top->now, TOP_NO_LIMIT, TOP_NO_LIMIT, "\n");
		putchar('\n');
	}
	return rc == 0 ? app_flush_output() : rc;
}

/** Reads the keys that were pressed. */
static void read_keys(struct top *top)
{
	char keys[64];
	ssize_t i, nr = read(STDIN_FILENO, keys, sizeof(keys));

	if (nr <= 0)
		top->screen.keys = nr < 0 && (errno == EINTR || errno == EAGAIN);
	for (i = 0; i < nr; i++)
		top->quit |= keys[i] == 'q' || keys[i] == 'Q';
}

/** Does what signals asked for, except the end. */
static int serve_signals(struct top *top)
{
	bool redraw = false;

	if (svart_top_signal_stop()) {
		svart_top_screen_leave(&top->screen);
		raise(SIGSTOP);
		svart_top_screen_enter(&top->screen);
		redraw = true;
	}
	if (svart_top_signal_resize()) {
		svart_top_screen_measure(&top->screen);
		redraw = true;
	}
	return redraw && top->screen.on ? show(top) : 0;
}

/** Waits for the time of the next sample. @return 0 or -errno, told. */
static int wait_until(struct top *top, uint64_t deadline_ns)
{
	int rc;

	for (;;) {
		struct pollfd keys = { .fd = STDIN_FILENO, .events = POLLIN };

		rc = svart_top_wait(&keys, top->screen.on && top->screen.keys ? 1 : 0, deadline_ns);
		if (rc == -ETIMEDOUT || svart_top_signal_end())
			return 0;
		if (rc == 0)
			read_keys(top);
		rc = rc == -EINTR ? serve_signals(top) : 0;
		if (rc != 0 || top->quit)
			return rc;
	}
}

static int take(struct top *top)
{
	int rc;

	svart_top_sample_free(&top->before);
	top->before = top->now;
	top->now = (struct top_sample){ 0 };
	rc = svart_top_sample_take(&top->client, &top->now);
	if (rc == 0)
		svart_top_rates(&top->now, &top->before);
	return rc;
}

/** Samples until the end. @return 0, or -errno of the client; -EIO if the output failed, told. */
static int run(struct top *top)
{
	const struct top_options *o = &top->options;
	uint64_t next_ns = svart_top_now_ns();
	int rc;

	for (;;) {
		rc = take(top);
		if (rc != 0)
			return rc;
		if (top->before.time_ns != 0 || !o->rates) {
			rc = show(top);
			top->nr_shown++;
		}
		if (rc != 0 || (o->count != 0 && top->nr_shown >= o->count))
			return rc;
		next_ns += o->interval_ns;
		/* It is late: it does not make up for missed samples. */
		if (next_ns < svart_top_now_ns())
			next_ns = svart_top_now_ns() + o->interval_ns;
		rc = wait_until(top, next_ns);
		if (rc != 0 || top->quit || svart_top_signal_end())
			return rc;
	}
}

/** Says how it ended. @return the exit status. */
static int conclude(const struct top *top, int rc)
{
	if (rc == 0 || rc == -EINTR)
		return EXIT_SUCCESS;
	if (rc == -ECONNRESET) {
		svart_top_say("program %ld (%s) closed the connection: it has ended, or its "
			      "telemetry has",
			(long)top->client.pid, top->client.program);
		return EXIT_ENDED;
	}
	if (top->client.error[0] != '\0')
		svart_top_say("%s", top->client.error);
	return EXIT_FAILURE;
}

static int watch(struct top *top)
{
	const struct top_options *o = &top->options;
	int rc = svart_top_choose(o, &top->client);

	if (rc != 0)
		return rc == -EINTR ? EXIT_SUCCESS : EXIT_FAILURE;
	if (!o->json && o->count != 1 && svart_top_screen_possible())
		svart_top_screen_enter(&top->screen);
	rc = run(top);
	svart_top_screen_leave(&top->screen);
	rc = conclude(top, rc);
	svart_top_sample_free(&top->before);
	svart_top_sample_free(&top->now);
	svart_top_client_close(&top->client);
	return rc;
}

static int list(const struct top_options *o)
{
	int rc = svart_top_list(o);

	if (rc == -EINTR)
		return EXIT_SUCCESS;
	if (rc > 0)
		rc = app_flush_output() == 0 ? rc : -EIO;
	return rc > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static struct top top;
	int rc;

	if (app_standard_open() != 0)
		return EXIT_FAILURE;
	rc = svart_top_options_parse(argc, argv, &top.options);
	if (rc < 0)
		return APP_EXIT_USAGE;
	if (rc > 0)
		return app_flush_output() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	svart_top_signals_catch();
	return top.options.list ? list(&top.options) : watch(&top);
}
