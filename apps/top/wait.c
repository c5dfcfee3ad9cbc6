/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "wait.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

/* The handler sets these. */
static volatile sig_atomic_t end_wanted, resized, stop_wanted;
/* Signal mask of the waits; outside of them these signals are blocked. */
static sigset_t waits_mask;

static void on_signal(int number)
{
	if (number == SIGWINCH)
		resized = 1;
	else if (number == SIGTSTP)
		stop_wanted = 1;
	else
		end_wanted = 1;
}

void svart_top_signals_catch(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP };
	struct sigaction action = { .sa_handler = on_signal };
	struct sigaction old;
	sigset_t block;
	size_t i;

	sigemptyset(&block);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* nohup and background jobs ignore some signals, and those stay ignored. */
		if (sigaction(signals[i], NULL, &old) != 0 || old.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &action, NULL);
		sigaddset(&block, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &block, &waits_mask);
}

bool svart_top_signal_end(void)
{
	return end_wanted != 0;
}

static bool take(volatile sig_atomic_t *flag)
{
	bool was = *flag != 0;

	*flag = 0;
	return was;
}

bool svart_top_signal_resize(void)
{
	return take(&resized);
}

bool svart_top_signal_stop(void)
{
	return take(&stop_wanted);
}

uint64_t svart_top_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

int svart_top_wait(struct pollfd *fds, nfds_t nr, uint64_t deadline_ns)
{
	uint64_t now = svart_top_now_ns();
	uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
	struct timespec ts = {
		.tv_sec = (time_t)(left / NS_PER_S),
		.tv_nsec = (long)(left % NS_PER_S),
	};
	int rc = ppoll(fds, nr, &ts, &waits_mask);

	if (rc > 0)
		return 0;
	return rc == 0 ? -ETIMEDOUT : -errno;
}
