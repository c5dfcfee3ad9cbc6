/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-sim: runs worlds, one for each seed, each in a process of its own, made from the same state:
 * a seed does the same whether it is run alone or after others, and a crash has a seed and a trace.
 * --twice proves that a world follows from its seed alone: it runs all of them again, in processes
 * that have nothing else in common (shake.h).
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
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_log.h>

#include "layout.h"
#include "shake.h"
#include "world.h"

#define MAX_JOBS 64
/** Seconds after which a run hangs; the slowest takes some milliseconds. */
#define HANG_SECONDS 30
/** First seeds that are drawn have so few digits that one can type them. */
#define RANDOM_FIRSTS UINT64_C(1000000000)

/** The command line. Owner: main(). */
struct options {
	uint64_t first, seeds;
	double seconds; /**< No new seed after that; 0: no limit. */
	unsigned int jobs;
	bool random; /**< The first seed was drawn. */
	bool verbose;
	bool twice; /**< All seeds are run again elsewhere and must do the same. */
	bool hashes;
	bool shake;
	bool keep_going;
};

/** A run. Owner: main(). */
struct job {
	pid_t pid; /**< 0: none. */
	uint64_t seed;
	struct sim_trace *trace; /**< Shared with it. */
};

/** The parent's count. Owner: main(). */
struct tally {
	uint64_t next, end, good, bad, events;
	uint64_t *hashes; /**< What each seed did, from the first one on; NULL: nobody asks. */
	uint64_t room;    /**< Of hashes. */
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
		"          [--hashes] [--shake] [--keep-going]\n\n"
		"Runs N simulated worlds (default 1000), the first with seed S (default 1). A "
		"failure\n"
		"prints its seed, the last events and what did not hold.\n\n"
		"  --first random  begin anywhere; the seed is printed\n"
		"  --time SECONDS  start no more worlds after that\n"
		"  --jobs N        run N at once (default: one for each CPU)\n"
		"  --verbose       print every event as it comes\n"
		"  --twice         run all again in another address layout; both runs of a seed "
		"must "
		"do\n"
		"                  exactly the same\n"
		"  --hashes        print each seed and a hash of what it did, and nothing else\n"
		"  --shake         before each world, move what is in its process\n"
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

static uint64_t draw_first(void)
{
	uint64_t draw;

	if (getrandom(&draw, sizeof(draw), 0) != sizeof(draw)) {
		perror("sim: getrandom");
		exit(2);
	}
	return draw % RANDOM_FIRSTS;
}

static void read_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = { { "seeds", required_argument, NULL, 'n' },
		{ "first", required_argument, NULL, 'f' }, { "time", required_argument, NULL, 't' },
		{ "jobs", required_argument, NULL, 'j' }, { "verbose", no_argument, NULL, 'v' },
		{ "twice", no_argument, NULL, '2' }, { "hashes", no_argument, NULL, 'x' },
		{ "shake", no_argument, NULL, 's' }, { "keep-going", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'n':
			o->seeds = (uint64_t)read_number(optarg, argv[0]);
			break;
		case 'f':
			o->random = strcmp(optarg, "random") == 0;
			o->first =
				o->random ? draw_first() : (uint64_t)read_number(optarg, argv[0]);
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
		case 'x':
			o->hashes = true;
			break;
		case 's':
			o->shake = true;
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

/**
 * Worlds do not depend on addresses of the real process, but a defect may: a wild pointer then goes to
 * the same place again in a replay.
 */
static void fix_layout(char **argv)
{
	int now = personality(0xffffffff);

	if (now == -1 || (now & ADDR_NO_RANDOMIZE) != 0)
		return;
	if (personality((unsigned long)now | ADDR_NO_RANDOMIZE) != -1)
		execv("/proc/self/exe", argv);
}

static _Noreturn void run(uint64_t seed, const struct options *o, struct sim_trace *trace)
{
	struct sim_world *w;

	if (o->shake)
		sim_shake();
	w = calloc(1, sizeof(*w));
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
		run(seed, o, job->trace);
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

/** Keeps what a seed did. */
static void keep_hash(struct tally *t, uint64_t index, uint64_t hash)
{
	uint64_t room = t->room == 0 ? 1024 : t->room;

	while (room <= index)
		room *= 2;
	if (room != t->room) {
		t->hashes = reallocarray(t->hashes, room, sizeof(t->hashes[0]));
		if (t->hashes == NULL) {
			perror("sim: hashes");
			exit(2);
		}
		t->room = room;
	}
	t->hashes[index] = hash;
}

/** A run has ended. */
static void finish(
	struct job *job, int status, const struct options *o, struct tally *t, const char *name)
{
	job->pid = 0;
	t->events += job->trace->nr;
	if (o->hashes)
		printf("%" PRIu64 " %016" PRIx64 "\n", job->seed, job->trace->hash);
	if (o->twice)
		keep_hash(t, job->seed - o->first, job->trace->hash);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		t->good++;
		return;
	}
	t->bad++;
	tell_failure(name, job, status);
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

static void run_all(const struct options *o, struct tally *t, const char *name)
{
	struct job jobs[MAX_JOBS] = { 0 }, *job;
	double begin = now_s();
	unsigned int i;
	int status;
	pid_t pid;

	t->next = o->first;
	t->end = o->first + o->seeds;
	for (i = 0; i < o->jobs; i++)
		jobs[i].trace = make_trace();
	while (fill(jobs, o, t, begin)) {
		pid = wait(&status);
		job = job_of(jobs, o->jobs, pid);
		if (job != NULL)
			finish(job, status, o, t, name);
	}
}

/* --- again, elsewhere ------------------------------------------------------------------------ */

/** Starts all seeds that were run, with another number of jobs. @return what will print their hashes. */
static FILE *start_again(const struct options *o, const struct tally *t, char *name, pid_t *pid)
{
	char first[24], seeds[24], jobs[24];
	char *argv[] = { name, "--first", first, "--seeds", seeds, "--jobs", jobs, "--hashes",
		"--shake", "--keep-going", NULL };
	FILE *out;
	int fd;

	snprintf(first, sizeof(first), "%" PRIu64, o->first);
	snprintf(seeds, sizeof(seeds), "%" PRIu64, t->next - o->first);
	snprintf(jobs, sizeof(jobs), "%u", o->jobs < MAX_JOBS ? o->jobs + 1 : 1);
	*pid = sim_spawn_elsewhere(argv, &fd);
	out = *pid > 0 ? fdopen(fd, "r") : NULL;
	if (out == NULL) {
		perror("sim: cannot run the seeds again");
		exit(2);
	}
	return out;
}

/** Runs all seeds again. @return how many did something else, or were not run. */
static uint64_t compare_again(const struct options *o, const struct tally *t, char *name)
{
	uint64_t seed, hash, same = 0;
	int status;
	pid_t pid;
	FILE *out = start_again(o, t, name, &pid);

	while (fscanf(out, "%" SCNu64 " %" SCNx64, &seed, &hash) == 2) {
		if (seed < o->first || seed >= t->next)
			continue;
		if (t->hashes[seed - o->first] == hash)
			same++;
		else
			fprintf(stderr, "sim: seed %" PRIu64 " did two different things\n", seed);
	}
	fclose(out);
	waitpid(pid, &status, 0);
	if (t->bad == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		fprintf(stderr, "sim: the second run of the seeds failed\n");
	return t->next - o->first - same;
}

/* --- the program ----------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	struct options o = {
		.first = 1, .seeds = 1000, .jobs = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN)
	};
	double begin = now_s();
	struct tally t = { 0 };
	uint64_t other = 0;

	if (o.jobs == 0 || o.jobs > MAX_JOBS)
		o.jobs = 1;
	read_options(argc, argv, &o);
	if (!o.shake)
		fix_layout(argv);
	if (!sim_layout_check())
		return 2;
	sim_threads_prepare();
	if (o.random && !o.hashes)
		printf("sim: the first seed is %" PRIu64 "\n", o.first);
	if (!o.verbose) /* Resets and tight limits are what the log warns of. */
		rte_log_set_global_level(RTE_LOG_EMERG);
	run_all(&o, &t, argv[0]);
	if (o.twice && (t.bad == 0 || o.keep_going))
		other = compare_again(&o, &t, argv[0]);
	free(t.hashes);
	if (!o.hashes)
		printf("sim: %" PRIu64 " seeds from %" PRIu64 " on, %" PRIu64
		       " events, %.1f s: %" PRIu64 " good, %" PRIu64 " bad\n",
			t.good + t.bad, o.first, t.events, now_s() - begin, t.good, t.bad);
	return t.bad != 0 || other != 0;
}
