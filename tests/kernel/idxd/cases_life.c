/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Processes that come and go; resets; the driver leaves and returns. After each the queue must serve the next
 * program. The driver is never unbound from a device that is enabled: Linux 7.2 frees its queues first, and crashes.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"

#define QUEUES        4u
#define QUEUE_SIZE    8u
#define NR_CLOSES     10u
#define NR_RESETS     3u
#define NR_REBINDS    3u
#define NR_SUCCESSORS 80u
#define WORK_BYTES    (1u << 20)
#define WORK_ROUNDS   10u
#define NR_KILLS      20u
#define KILL_STEP_US  700u
#define NR_WORKERS    8u
#define FOR_EVER      0u
#define BEGIN_MS      20000u
#define NOWHERE       UINT64_C(0x1000)
#define BOF           IDXD_OP_FLAG_BOF
#define BYTES_ONES    UINT64_C(0x0101010101010101)

static const struct wq_config dedicated = { .nr = 1, .size = QUEUE_SIZE };
static const struct wq_config four_dedicated = { .nr = QUEUES, .size = QUEUE_SIZE };
static const struct wq_config shared = {
	.nr = 1, .size = QUEUE_SIZE, .threshold = QUEUE_SIZE / 2, .shared = true
};

/* --- A process that works ------------------------------------------------------------------------ */

/* A worker's exit status, and what it means. */
enum worker_end {
	WORKER_DONE,
	WORKER_NOT_OPENED,
	WORKER_NO_COMPLETION,
	WORKER_FAILED,
	WORKER_WRONG_BYTES,
};

static const char *const worker_ends[] = {
	[WORKER_DONE] = "everything done",
	[WORKER_NOT_OPENED] = "a queue that it cannot open",
	[WORKER_NO_COMPLETION] = "no completion in 10 s",
	[WORKER_FAILED] = "an operation that failed",
	[WORKER_WRONG_BYTES] = "wrong bytes",
};

/*
 * What workers share with the suite.
 *
 * Owner: the case. Lifetime: the case's. Locks: none.
 */
static struct progress {
	atomic_uint rounds; /* That all workers have done. */
	atomic_bool enough; /* Those that work for ever end. */
} * progress;

static void make_progress(struct case_run *run, struct suite *s)
{
	progress = (void *)suite_map_as(run, s, SUITE_PAGE, MAP_SHARED | MAP_ANONYMOUS);
}

/* Returns whether all of it is the pattern; says what is not. */
static bool is_filled(const uint8_t *memory, uint64_t pattern)
{
	const volatile uint64_t *words = (const volatile uint64_t *)memory;
	size_t nr_wrong = 0, first = 0;

	for (size_t i = WORK_BYTES / 8; i-- > 0;) {
		if (words[i] == pattern)
			continue;
		first = i;
		nr_wrong++;
	}
	if (nr_wrong > 0)
		printf("worker: %zu words wrong, the first at %p is %#llx, not %#llx\n", nr_wrong,
			(const void *)(memory + first * 8), (unsigned long long)words[first],
			(unsigned long long)pattern);
	fflush(stdout);
	return nr_wrong == 0;
}

/* Has the device fill fresh memory. */
static int work_once(struct client *client, unsigned int round)
{
	uint8_t *memory =
		mmap(NULL, WORK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t pattern = BYTES_ONES * (round % 255 + 1);
	struct dsa_hw_desc desc = client_fill(memory, pattern, WORK_BYTES, BOF);
	struct outcome outcome = { 0 };
	int status = WORKER_DONE;

	if (client_try(client, &desc, &outcome) != 0)
		return WORKER_NO_COMPLETION;
	if (outcome.status != DSA_COMP_SUCCESS)
		status = WORKER_FAILED;
	else if (!is_filled(memory, pattern))
		status = WORKER_WRONG_BYTES;
	munmap(memory, WORK_BYTES);
	return status;
}

static bool goes_on(unsigned int round, unsigned int rounds)
{
	return rounds == FOR_EVER ? !atomic_load(&progress->enough) : round < rounds;
}

static int work(const char *path, enum client_by by, unsigned int rounds)
{
	struct client client = CLIENT_CLOSED;
	int status = WORKER_DONE, rc = client_open(&client, path, by);

	if (rc != 0) {
		printf("worker: %s: %s\n", path, strerror(-rc));
		fflush(stdout);
		return WORKER_NOT_OPENED;
	}
	for (unsigned int i = 0; status == WORKER_DONE && goes_on(i, rounds); i++) {
		status = work_once(&client, i);
		if (status == WORKER_DONE)
			atomic_fetch_add(&progress->rounds, 1);
	}
	client_close(&client);
	return status;
}

static int start_worker(struct case_run *run, struct suite *s, unsigned int dsa, unsigned int wq,
	enum client_by by, unsigned int rounds)
{
	char path[64];
	int pid;

	dsa_wq_path(&s->dsas[dsa], wq, path, sizeof(path));
	pid = suite_fork(run, s);
	if (pid == 0)
		_exit(work(path, by, rounds));
	return pid;
}

static void check_worker(struct case_run *run, struct suite *s, int pid)
{
	int status = suite_wait(s, pid);

	CHECK(run, WIFEXITED(status));
	if (WEXITSTATUS(status) != WORKER_DONE)
		case_fail(run, "a worker ended with %s", worker_ends[WEXITSTATUS(status)]);
}

/* Queue 0 of the first device serves a new program. */
static void check_works(struct case_run *run, struct suite *s, enum client_by by)
{
	check_worker(run, s, start_worker(run, s, 0, 0, by, 2));
}

/* A worker that works for ever has ended: says how. */
static void check_workers_run(struct case_run *run, struct suite *s)
{
	int status;

	for (unsigned int i = 0; i < SUITE_CHILDREN; i++) {
		if (s->children[i] == 0 || waitpid(s->children[i], &status, WNOHANG) == 0)
			continue;
		s->children[i] = 0;
		case_fail(run, "a worker ended with %s after %u rounds of all",
			WIFEXITED(status) ? worker_ends[WEXITSTATUS(status)] : "a signal",
			atomic_load(&progress->rounds));
	}
}

/* Waits until workers have done some rounds more, so that they are in the middle of one. */
static void wait_for_rounds(struct case_run *run, struct suite *s, unsigned int more)
{
	unsigned int want = atomic_load(&progress->rounds) + more;

	for (unsigned int ms = 0; atomic_load(&progress->rounds) < want; ms++) {
		check_workers_run(run, s);
		if (ms > BEGIN_MS)
			case_fail(run, "the workers stand still after %u rounds of all",
				atomic_load(&progress->rounds));
		usleep(1000);
	}
}

/* --- Processes ----------------------------------------------------------------------------------- */

static void eight_processes_work_at_once(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	int pids[SUITE_DEVICES * QUEUES];
	unsigned int nr = 0;

	make_progress(run, s);
	suite_enable(run, s, &four_dedicated);
	for (unsigned int i = 0; i < SUITE_DEVICES * QUEUES; i++)
		pids[nr++] =
			start_worker(run, s, i / QUEUES, i % QUEUES, CLIENT_MOVDIR64B, WORK_ROUNDS);
	while (nr > 0)
		check_worker(run, s, pids[--nr]);
}

static void eight_processes_share_a_queue(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	int pids[8];
	unsigned int nr = 0;

	make_progress(run, s);
	suite_enable(run, s, &shared);
	while (nr < 8) {
		enum client_by by = nr % 2 == 0 ? CLIENT_ENQCMD : CLIENT_WRITE_SHARED;

		pids[nr++] = start_worker(run, s, 0, 0, by, WORK_ROUNDS);
	}
	while (nr > 0)
		check_worker(run, s, pids[--nr]);
}

/* More than a device can know PASIDs at once. */
static void many_processes_follow_each_other(struct case_run *run, void *suite)
{
	struct suite *s = suite;

	make_progress(run, s);
	suite_enable(run, s, &dedicated);
	for (unsigned int i = 0; i < NR_SUCCESSORS; i++)
		check_worker(run, s, start_worker(run, s, 0, 0, CLIENT_MOVDIR64B, 1));
}

/* Submits, and ends at once. */
static int leave_with_work(const char *path)
{
	struct client client = CLIENT_CLOSED;
	uint8_t *memory =
		mmap(NULL, WORK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (client_open(&client, path, CLIENT_MOVDIR64B) != 0)
		return WORKER_NOT_OPENED;
	for (unsigned int i = 0; i < QUEUE_SIZE; i++) {
		uint32_t bytes = WORK_BYTES / QUEUE_SIZE;
		struct dsa_hw_desc desc = client_fill(memory + (size_t)i * bytes, 1, bytes, BOF);

		desc.completion_addr = (uintptr_t)client_record(&client);
		client_submit(&client, &desc);
	}
	return WORKER_DONE;
}

static void closing_with_work_outstanding_leaves_the_queue_usable(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	char path[64];

	make_progress(run, s);
	suite_enable(run, s, &dedicated);
	dsa_wq_path(&s->dsas[0], 0, path, sizeof(path));
	for (unsigned int i = 0; i < NR_CLOSES; i++) {
		int pid = suite_fork(run, s);

		if (pid == 0)
			_exit(leave_with_work(path));
		check_worker(run, s, pid);
	}
	check_works(run, s, CLIENT_MOVDIR64B);
}

/* --- kill -9 ------------------------------------------------------------------------------------- */

static void kill_worker(struct suite *s, int pid)
{
	kill(pid, SIGKILL);
	suite_wait(s, pid);
}

/* Each time in another moment of a round; the next program has the dead one's PASID and addresses. */
static void kill_in_the_middle(struct case_run *run, struct suite *s, enum client_by by)
{
	for (unsigned int i = 0; i < NR_KILLS; i++) {
		int pid = start_worker(run, s, 0, 0, by, FOR_EVER);

		wait_for_rounds(run, s, 2);
		usleep(i * KILL_STEP_US);
		check_workers_run(run, s);
		kill_worker(s, pid);
		check_works(run, s, by);
	}
}

static void kill_on_a_dedicated_queue(struct case_run *run, void *suite)
{
	struct suite *s = suite;

	make_progress(run, s);
	suite_enable(run, s, &dedicated);
	kill_in_the_middle(run, s, CLIENT_MOVDIR64B);
}

static void kill_on_a_shared_queue(struct case_run *run, void *suite)
{
	struct suite *s = suite;

	make_progress(run, s);
	suite_enable(run, s, &shared);
	kill_in_the_middle(run, s, CLIENT_ENQCMD);
}

/* Worker nr of some that take turns on queues of both devices. */
static int start_one_of(struct case_run *run, struct suite *s, unsigned int nr, enum client_by by,
	unsigned int queues)
{
	unsigned int queue = nr % queues;

	return start_worker(run, s, queue / QUEUES, queue % QUEUES, by, FOR_EVER);
}

/* Every second of eight is killed, and has a successor; the others must not notice. */
static void kill_some_of_eight(
	struct case_run *run, struct suite *s, enum client_by by, unsigned int queues)
{
	int pids[NR_WORKERS];

	for (unsigned int i = 0; i < NR_WORKERS; i++)
		pids[i] = start_one_of(run, s, i, by, queues);
	for (unsigned int i = 0; i < NR_KILLS; i++) {
		unsigned int at = i * 2 % NR_WORKERS;

		wait_for_rounds(run, s, NR_WORKERS);
		kill_worker(s, pids[at]);
		pids[at] = start_one_of(run, s, at, by, queues);
	}
	wait_for_rounds(run, s, 2 * NR_WORKERS);
	atomic_store(&progress->enough, true);
	for (unsigned int i = 0; i < NR_WORKERS; i++)
		check_worker(run, s, pids[i]);
	check_works(run, s, by);
}

static void kill_some_of_eight_processes(struct case_run *run, void *suite)
{
	struct suite *s = suite;

	make_progress(run, s);
	suite_enable(run, s, &four_dedicated);
	kill_some_of_eight(run, s, CLIENT_MOVDIR64B, NR_WORKERS);
}

static void kill_some_of_eight_that_share_a_queue(struct case_run *run, void *suite)
{
	struct suite *s = suite;

	make_progress(run, s);
	suite_enable(run, s, &shared);
	kill_some_of_eight(run, s, CLIENT_ENQCMD, 1);
}

/* --- What cannot be told in a record ------------------------------------------------------------- */

static void record_at_a_bad_address_is_a_software_error(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	struct dsa_hw_desc desc = { .opcode = DSA_OPCODE_NOOP,
		.flags = IDXD_OP_FLAG_CRAV | IDXD_OP_FLAG_RCR,
		.completion_addr = NOWHERE };
	struct pollfd event = { .events = POLLIN };

	make_progress(run, s);
	suite_enable(run, s, &dedicated);
	suite_open(run, s);
	event.fd = s->client.fd;
	CHECK_EQ(run, client_submit(&s->client, &desc), 0);
	CHECK_EQ(run, poll(&event, 1, 5000), 1);
	CHECK_EQ(run, event.revents, POLLIN);
	client_close(&s->client);
	check_works(run, s, CLIENT_MOVDIR64B);
}

/* --- Resets and the driver ----------------------------------------------------------------------- */

/* idxd saves what is configured, and enables it again. */
static void function_level_reset_when_idle(struct case_run *run, void *suite)
{
	struct suite *s = suite;

	make_progress(run, s);
	suite_enable(run, s, &dedicated);
	for (unsigned int i = 0; i < NR_RESETS; i++) {
		check_works(run, s, CLIENT_MOVDIR64B);
		CHECK_EQ(run, dsa_write_pci(&s->dsas[0], "reset", "1"), 0);
	}
	check_works(run, s, CLIENT_MOVDIR64B);
}

/* The program's work is lost; the next one's is not. */
static void function_level_reset_when_working(struct case_run *run, void *suite)
{
	struct suite *s = suite;

	make_progress(run, s);
	suite_enable(run, s, &dedicated);
	for (unsigned int i = 0; i < NR_RESETS; i++) {
		start_worker(run, s, 0, 0, CLIENT_MOVDIR64B, FOR_EVER);
		wait_for_rounds(run, s, 2);
		CHECK_EQ(run, dsa_write_pci(&s->dsas[0], "reset", "1"), 0);
		suite_kill(s);
		check_works(run, s, CLIENT_MOVDIR64B);
	}
}

static void driver_leaves_and_returns(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	struct dsa *dsa = &s->dsas[0];

	make_progress(run, s);
	for (unsigned int i = 0; i < NR_REBINDS; i++) {
		CHECK_EQ(run, dsa_write_pci(dsa, "driver/unbind", dsa->pci), 0);
		CHECK_EQ(run, file_write("/sys/bus/pci/drivers_probe", dsa->pci), 0);
		CHECK_EQ(run, dsa_find(dsa), 0);
		suite_enable(run, s, &dedicated);
		check_works(run, s, CLIENT_MOVDIR64B);
		for (unsigned int d = 0; d < SUITE_DEVICES; d++)
			dsa_disable(&s->dsas[d], &s->config);
		s->config.nr = 0;
	}
}

const struct suite_case suite_life_cases[] = {
	{ "eight_processes_work_at_once", eight_processes_work_at_once },
	{ "eight_processes_share_a_queue", eight_processes_share_a_queue },
	{ "many_processes_follow_each_other", many_processes_follow_each_other },
	{ "closing_with_work_outstanding_leaves_the_queue_usable",
		closing_with_work_outstanding_leaves_the_queue_usable },
	{ "kill_on_a_dedicated_queue", kill_on_a_dedicated_queue },
	{ "kill_on_a_shared_queue", kill_on_a_shared_queue },
	{ "kill_some_of_eight_processes", kill_some_of_eight_processes },
	{ "kill_some_of_eight_that_share_a_queue", kill_some_of_eight_that_share_a_queue },
	{ "record_at_a_bad_address_is_a_software_error",
		record_at_a_bad_address_is_a_software_error },
	{ "function_level_reset_when_idle", function_level_reset_when_idle },
	{ "function_level_reset_when_working", function_level_reset_when_working },
	{ "driver_leaves_and_returns", driver_leaves_and_returns },
	{ NULL, NULL },
};
