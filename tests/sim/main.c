/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-sim: runs worlds, one for each seed, each in a process of its own, made from the same state:
 * a seed does the same whether it is run alone or after others, and a crash has a seed and a trace.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_log.h>

#include "world.h"

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#define UNDER_TSAN __has_feature(thread_sanitizer)
#else
#define UNDER_TSAN 0
#endif

/** Meson's exit status of a test that was not run. */
#define SKIPPED 77

#define MAX_JOBS 64
/** Seconds after which a run hangs; the slowest takes some milliseconds. */
#define HANG_SECONDS 30

/** The command line. Owner: main(). */
struct options {
	uint64_t first, seeds;
	double seconds; /**< No new seed after that; 0: no limit. */
	unsigned int jobs;
	bool verbose;
	bool twice; /**< Each seed is run again and must do the same. */
	bool keep_going;
};

/** A run. Owner: main(). */
struct job {
	pid_t pid; /**< 0: none. */
	uint64_t seed;
	bool again; /**< It is the second run of its seed. */
	uint64_t hash;
	struct sim_trace *trace; /**< Shared with it. */
};

/** The parent's count. Owner: main(). */
struct tally {
	uint64_t next, end, good, bad, events;
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void usage(const char *name, int status)
{
	fprintf(status == 0 ? stdout : stderr,
		"usage: %s [--seeds N] [--first S] [--time SECONDS] [--jobs N] [--verbose] "
		"[--twice]\n"
		"          [--keep-going]\n\n"
		"Runs N simulated worlds (default 1000), the first with seed S (default 1). A "
		"failure\n"
		"prints its seed, the last events and what did not hold.\n\n"
		"  --time SECONDS  start no more worlds after that\n"
		"  --jobs N        run N at once (default: one for each CPU)\n"
		"  --verbose       print every event as it comes\n"
		"  --twice         run each seed twice; both must do exactly the same\n"
		"  --keep-going    go on after a failure\n",
		name);
	exit(status);
}

static double read_number(const char *text, const char *name)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= 0) || value > 1e15)
		usage(name, 2);
	return value;
}

static void read_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = { { "seeds", required_argument, NULL, 'n' },
		{ "first", required_argument, NULL, 'f' }, { "time", required_argument, NULL, 't' },
		{ "jobs", required_argument, NULL, 'j' }, { "verbose", no_argument, NULL, 'v' },
		{ "twice", no_argument, NULL, '2' }, { "keep-going", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'n':
			o->seeds = (uint64_t)read_number(optarg, argv[0]);
			break;
		case 'f':
			o->first = (uint64_t)read_number(optarg, argv[0]);
			break;
		case 't':
			o->seconds = read_number(optarg, argv[0]);
			break;
		case 'j':
			o->jobs = (unsigned int)read_number(optarg, argv[0]);
			break;
		case 'v':
			o->verbose = true;
			break;
		case '2':
			o->twice = true;
			break;
		case 'k':
			o->keep_going = true;
			break;
		default:
			usage(argv[0], c == 'h' ? 0 : 2);
		}
	}
	if (optind != argc || o->jobs == 0 || o->jobs > MAX_JOBS)
		usage(argv[0], 2);
}

/** Addresses decide nothing that they should not; a replay must have the same ones all the same. */
static void fix_layout(char **argv)
{
	int now = personality(0xffffffff);

	if (now == -1 || (now & ADDR_NO_RANDOMIZE) != 0)
		return;
	if (personality((unsigned long)now | ADDR_NO_RANDOMIZE) != -1)
		execv("/proc/self/exe", argv);
	fprintf(stderr, "sim: addresses are random here (%s): replays may differ\n",
		strerror(errno));
}

static _Noreturn void run(uint64_t seed, struct sim_trace *trace)
{
	struct sim_world *w = calloc(1, sizeof(*w));

	if (w == NULL)
		sim_fail(trace, "the simulation itself: no memory");
	alarm(HANG_SECONDS);
	sim_world_init(w, seed, trace);
	sim_act(w);
	sim_world_fini(w);
	free(w);
	exit(0);
}

static void start(struct job *job, uint64_t seed, const struct options *o)
{
	fflush(NULL);
	job->seed = seed;
	sim_trace_init(job->trace, o->verbose);
	job->pid = fork();
	if (job->pid == 0)
		run(seed, job->trace);
	if (job->pid < 0) {
		perror("sim: fork");
		exit(2);
	}
}

static void tell_failure(const char *name, const struct job *job, int status)
{
	fprintf(stderr, "\nsim: seed %" PRIu64 " failed; its last events:\n", job->seed);
	sim_trace_print(job->trace, stderr);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		fprintf(stderr, "FAILED: it hangs (%d s)\n", HANG_SECONDS);
	else if (WIFSIGNALED(status))
		fprintf(stderr, "FAILED: it died of signal %d (%s)\n", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else if (job->trace->failure[0] == '\0')
		fprintf(stderr, "FAILED: its process ended with status %d; what it said is above\n",
			WEXITSTATUS(status));
	fprintf(stderr, "Replay: %s --first %" PRIu64 " --seeds 1 --verbose\n", name, job->seed);
}

/** A run has ended. @return whether its seed must run again. */
static bool finish(
	struct job *job, int status, const struct options *o, struct tally *t, const char *name)
{
	bool again = o->twice && !job->again;

	job->pid = 0;
	t->events += job->trace->nr;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		tell_failure(name, job, status);
		t->bad++;
		job->again = false;
		return false;
	}
	if (job->again && job->hash != job->trace->hash) {
		fprintf(stderr, "sim: seed %" PRIu64 " did two different things\n", job->seed);
		t->bad++;
		job->again = false;
		return false;
	}
	job->hash = job->trace->hash;
	job->again = again;
	if (!again)
		t->good++;
	return again;
}

static struct job *job_of(struct job *jobs, unsigned int nr, pid_t pid)
{
	while (nr > 0 && jobs[nr - 1].pid != pid)
		nr--;
	return nr > 0 ? &jobs[nr - 1] : NULL;
}

/** Starts what can be started. @return whether something runs. */
static bool fill(struct job *jobs, const struct options *o, struct tally *t, double begin)
{
	bool late = (o->seconds > 0 && now_s() - begin >= o->seconds) ||
		    (t->bad != 0 && !o->keep_going);
	unsigned int i, running = 0;

	for (i = 0; i < o->jobs; i++) {
		if (jobs[i].pid == 0 && !late && t->next != t->end)
			start(&jobs[i], t->next++, o);
		running += jobs[i].pid != 0;
	}
	return running != 0;
}

static struct sim_trace *make_trace(void)
{
	void *p = mmap(NULL, sizeof(struct sim_trace), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("sim: mmap");
		exit(2);
	}
	return p;
}

int main(int argc, char **argv)
{
	struct options o = {
		.first = 1, .seeds = 1000, .jobs = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN)
	};
	struct job jobs[MAX_JOBS] = { 0 }, *job;
	double begin = now_s();
	struct tally t = { 0 };
	unsigned int i;
	int status;
	pid_t pid;

	if (o.jobs == 0 || o.jobs > MAX_JOBS)
		o.jobs = 1;
	read_options(argc, argv, &o);
	if (UNDER_TSAN) {
		printf("sim: skipped: one thread has no races, and ThreadSanitizer's own memory is "
		       "in "
		       "the way of the simulated program's\n");
		return SKIPPED;
	}
	fix_layout(argv);
	if (!o.verbose) /* Resets and tight limits are what the log warns of. */
		rte_log_set_global_level(RTE_LOG_EMERG);
	t.next = o.first;
	t.end = o.first + o.seeds;
	for (i = 0; i < o.jobs; i++)
		jobs[i].trace = make_trace();
	while (fill(jobs, &o, &t, begin)) {
		pid = wait(&status);
		job = job_of(jobs, o.jobs, pid);
		if (job != NULL && finish(job, status, &o, &t, argv[0]))
			start(job, job->seed, &o);
	}
	printf("sim: %" PRIu64 " seeds from %" PRIu64 " on, %" PRIu64 " events, %.1f s: %" PRIu64
	       " good, %" PRIu64 " bad\n",
		t.good + t.bad, o.first, t.events, now_s() - begin, t.good, t.bad);
	return t.bad != 0;
}
