/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart on a DSA in a virtual machine: QEMU's VT-d, Linux's vfio-pci and iommufd, and the device model
 * as a PCI device (pci_port.h). The guest has two of them. Programs run as children; what needs to
 * look closer uses svart's public API here.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <svart/svart.h>

#include "case.h"

#define SUITE_PAGE        UINT64_C(4096)
#define SUITE_NR_DEVICES  2
#define SUITE_TIMEOUT_NS  UINT64_C(20000000000)
#define SUITE_SCRATCH     "/dev/shm" /* the one place that a guest can write to */
#define SUITE_MANY_FAULTS 10240u
#define SUITE_KILLS       5
/* As a child: copies fresh memory until it is killed. */
#define SUITE_CHILD "copy-for-ever"

/** DSA completion status: page request answered with an error (DSA spec 5.2). */
#define DSA_STATUS_PAGE_FAULT_RESPONSE 0x04
#define DSA_STATUS_CODE                0x3f

/** Owner: main(). Lifetime: the program; what it opens, one case. Locks: none. */
struct suite {
	char addresses[SUITE_NR_DEVICES][16];
	char programs[PATH_MAX]; /**< The build's top folder. */

	struct svart *rt;
	struct svart_space *spaces[2];
	struct svart_fault_service *faults;
	struct svart_device *devices[SUITE_NR_DEVICES];
	struct svart_queue *queues[2];
};

/* --- Opening and closing ------------------------------------------------------------------------- */

static void suite_spec(
	const struct suite *s, unsigned int device, const char *options, char *buf, size_t len)
{
	snprintf(buf, len, "pci:%s,portal=split%s%s", s->addresses[device],
		options[0] != '\0' ? "," : "", options);
}

static void suite_start(struct case_run *run, struct suite *s, enum svart_fault_run how,
	const struct svart_space_params *params)
{
	struct svart_fault_params faults = SVART_FAULT_PARAMS_INIT(.run = how);

	CHECK_EQ(run, svart_init(NULL, &s->rt), 0);
	CHECK_EQ(run, svart_space_create(s->rt, params, &s->spaces[0]), 0);
	CHECK_EQ(run, svart_space_create(s->rt, params, &s->spaces[1]), 0);
	CHECK_EQ(run, svart_fault_service_create(s->rt, &faults, &s->faults), 0);
}

static void suite_open(struct case_run *run, struct suite *s, unsigned int device,
	const char *options, unsigned int space)
{
	char spec[128];

	suite_spec(s, device, options, spec, sizeof(spec));
	if (svart_device_open(s->rt, spec, s->spaces[space], s->faults, &s->devices[device]) != 0)
		case_fail(run, "%s: %s", spec, svart_error_text());
}

/* One device, one space, one queue. */
static void suite_open_one(struct case_run *run, struct suite *s, enum svart_fault_run how,
	const struct svart_space_params *params)
{
	suite_start(run, s, how, params);
	suite_open(run, s, 0, "pasid=5", 0);
	CHECK_EQ(run, svart_queue_create(s->devices[0], NULL, &s->queues[0]), 0);
}

/* Ends the queues and devices. Returns the first error. */
static int suite_close_devices(struct suite *s)
{
	int rc = 0;

	for (unsigned int i = 0; i < 2; i++) {
		if (s->queues[i] != NULL && rc == 0)
			rc = svart_queue_destroy(s->queues[i]);
		s->queues[i] = NULL;
	}
	for (unsigned int i = 0; i < SUITE_NR_DEVICES; i++) {
		if (s->devices[i] != NULL && rc == 0)
			rc = svart_device_close(s->devices[i]);
		s->devices[i] = NULL;
	}
	return rc;
}

static int suite_close(struct suite *s)
{
	int rc = suite_close_devices(s);

	if (s->faults != NULL && rc == 0)
		rc = svart_fault_service_destroy(s->faults);
	for (unsigned int i = 0; i < 2; i++) {
		if (s->spaces[i] != NULL && rc == 0)
			rc = svart_space_destroy(s->spaces[i]);
		s->spaces[i] = NULL;
	}
	if (s->rt != NULL && rc == 0)
		rc = svart_fini(s->rt);
	s->faults = NULL;
	s->rt = NULL;
	return rc;
}

/* --- Operations and memory ----------------------------------------------------------------------- */

static void *suite_map(struct case_run *run, uint64_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(run, p != MAP_FAILED);
	return p;
}

static struct svart_completion suite_wait_one(struct case_run *run, struct svart_queue *q)
{
	struct svart_completion done;

	CHECK_EQ(run, svart_queue_wait(q, &done, 1, SUITE_TIMEOUT_NS), 1);
	return done;
}

static struct svart_completion suite_copy(struct case_run *run, struct svart_queue *q, void *dst,
	const void *src, uint64_t len, uint32_t flags)
{
	CHECK_EQ(run, svart_queue_prep_copy(q, dst, src, len, flags, 1), 1);
	return suite_wait_one(run, q);
}

/* Nobody but the device may have written all of it. */
static bool is_filled(const void *p, uint64_t len, uint64_t pattern)
{
	const uint64_t *words = p;

	for (uint64_t i = 0; i < len / 8; i++) {
		if (words[i] != pattern)
			return false;
	}
	return true;
}

static void suite_check_answers(struct case_run *run, const struct suite *s)
{
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();
	uint64_t answers;
	int tries = 0;

	/* An answer is counted just after it was sent: its operation can have ended before. */
	do {
		usleep(tries != 0 ? 1000 : 0);
		svart_fault_stats_get(s->faults, &stats);
		answers = stats.answers_success + stats.answers_invalid + stats.answers_gone;
	} while (answers != stats.groups && ++tries < 5000);
	CHECK_EQ(run, answers, stats.groups);
	CHECK_EQ(run, stats.dropped, 0);
	CHECK_EQ(run, stats.sources_lost, 0);
}

/* --- Programs ------------------------------------------------------------------------------------ */

static void tell_output(const char *path)
{
	char line[256];
	FILE *f = fopen(path, "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		printf("  | %s%s", line, strchr(line, '\n') != NULL ? "" : "\n");
	if (f != NULL)
		fclose(f);
}

/* Runs a program of the build with its output in a file. Returns its status as from waitpid(). */
static int run_program(struct case_run *run, const char *out, char *const argv[])
{
	int status;
	pid_t pid = fork();

	CHECK(run, pid >= 0);
	if (pid == 0) {
		int fd = open(out, O_CREAT | O_WRONLY | O_TRUNC, 0600);

		if (fd >= 0 && dup2(fd, 1) == 1 && dup2(fd, 2) == 2)
			execv(argv[0], argv);
		_exit(127);
	}
	CHECK_EQ(run, waitpid(pid, &status, 0), pid);
	return status;
}

/* Runs it; the case fails with its output if it does. */
static void must_run(struct case_run *run, const struct suite *s, const char *program,
	const char *first, const char *second, const char *third, const char *fourth)
{
	const char *out = SUITE_SCRATCH "/output";
	char path[PATH_MAX + 64];
	char *argv[] = { path, (char *)(uintptr_t)first, (char *)(uintptr_t)second,
		(char *)(uintptr_t)third, (char *)(uintptr_t)fourth, NULL };
	int status;

	snprintf(path, sizeof(path), "%s/%s", s->programs, program);
	status = run_program(run, out, argv);
	if (status == 0)
		return;
	tell_output(out);
	case_fail(run, "%s: wait status %#x", program, status);
}

static void make_file(struct case_run *run, const char *path, unsigned int pages)
{
	uint64_t page[SUITE_PAGE / 8];
	FILE *f = fopen(path, "w");

	CHECK(run, f != NULL);
	for (unsigned int i = 0; i < pages; i++) {
		for (unsigned int word = 0; word < SUITE_PAGE / 8; word++)
			page[word] = (i * UINT64_C(512) + word) * UINT64_C(0x9e3779b97f4a7c15);
		if (fwrite(page, sizeof(page), 1, f) != 1) {
			fclose(f);
			case_fail(run, "cannot write %s", path);
		}
	}
	fwrite("odd", 3, 1, f);
	CHECK_EQ(run, fclose(f), 0);
}

static bool same_files(const char *a, const char *b)
{
	char left[4096], right[4096];
	FILE *f = fopen(a, "r"), *g = fopen(b, "r");
	size_t n = 1, m = 1;
	bool same = f != NULL && g != NULL;

	while (same && n != 0) {
		n = fread(left, 1, sizeof(left), f);
		m = fread(right, 1, sizeof(right), g);
		same = n == m && memcmp(left, right, n) == 0;
	}
	if (f != NULL)
		fclose(f);
	if (g != NULL)
		fclose(g);
	return same;
}

static void copy_a_file(struct case_run *run, struct suite *s, const char *faults)
{
	const char *src = SUITE_SCRATCH "/src", *dst = SUITE_SCRATCH "/dst";
	char device[160] = "--device=";
	bool same;

	suite_spec(s, 0, "pasid=1", device + strlen(device), sizeof(device) - strlen(device));
	make_file(run, src, 4096);
	must_run(run, s, "apps/svart-copy", device, faults, src, dst);
	same = same_files(src, dst);
	unlink(src);
	unlink(dst);
	CHECK(run, same);
}

static void svart_copy_copies_a_file(struct case_run *run, void *arg)
{
	copy_a_file(run, arg, "--faults=thread");
}

static void svart_copy_inline_copies_a_file(struct case_run *run, void *arg)
{
	copy_a_file(run, arg, "--faults=inline");
}

static void conformance(struct case_run *run, struct suite *s, const char *program)
{
	const char *const ways[] = { "thread", "inline" };
	char path[64], spec[128];

	suite_spec(s, 0, "pasid=5", spec, sizeof(spec));
	snprintf(path, sizeof(path), "tests/conformance/%s", program);
	for (unsigned int i = 0; i < 2; i++)
		must_run(run, s, path, spec, ways[i], NULL, NULL);
}

static void conformance_copy_fill(struct case_run *run, void *arg)
{
	conformance(run, arg, "test_copy_fill");
}

static void conformance_bad_address(struct case_run *run, void *arg)
{
	conformance(run, arg, "test_bad_address");
}

static void conformance_life(struct case_run *run, void *arg)
{
	conformance(run, arg, "test_life");
}

/* Every operation, also in batches, whose lists the device fetches from the process. */
static void conformance_operations(struct case_run *run, void *arg)
{
	struct suite *s = arg;
	char spec[128];

	conformance(run, s, "test_operations");
	suite_spec(s, 0, "pasid=5", spec, sizeof(spec));
	must_run(run, s, "tests/conformance/test_operations", spec, "thread", "batches", NULL);
}

/* --- Interrupts ---------------------------------------------------------------------------------- */

/* By MSI-X of VFIO, through the VT-d: a program that sleeps is woken by each completion, and by none else. */
static void completions_raise_the_eventfd(struct case_run *run, void *arg)
{
	const struct svart_queue_params params =
		SVART_QUEUE_PARAMS_INIT(.flags = SVART_QUEUE_EVENTS);
	struct suite *s = arg;
	uint64_t *buf = suite_map(run, 1 << 20), count;
	struct pollfd wait = { .events = POLLIN };
	struct svart_completion done;

	suite_start(run, s, SVART_FAULT_RUN_THREAD, NULL);
	suite_open(run, s, 0, "pasid=5,queues=2", 0);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_EQ(run, svart_queue_create(s->devices[0], &params, &s->queues[i]), 0);
	for (unsigned int i = 0; i < 20; i++) {
		struct svart_queue *q = s->queues[i % 2], *other = s->queues[1 - i % 2];

		CHECK_EQ(run, svart_queue_prep_fill(q, buf + 512 * i, i, SUITE_PAGE, 0, i), 1);
		CHECK_EQ(run, svart_queue_submit(q), 1);
		wait.fd = svart_queue_event_fd(q);
		CHECK_EQ(run, poll(&wait, 1, (int)(SUITE_TIMEOUT_NS / 1000000)), 1);
		CHECK_EQ(run, read(wait.fd, &count, sizeof(count)), sizeof(count));
		CHECK_EQ(run, count, 1);
		CHECK_EQ(run, svart_queue_poll(q, &done, 1), 1);
		CHECK_EQ(run, done.status, SVART_STATUS_OK);
		wait.fd = svart_queue_event_fd(other);
		CHECK_EQ(run, poll(&wait, 1, 0), 0);
	}
	CHECK_EQ(run, suite_close(s), 0);
	munmap(buf, 1 << 20);
}

/* --- Attaching ----------------------------------------------------------------------------------- */

/* What is mapped in one space is a missing page in the other, for both queues of one device. */
static void queues_of_two_pasids_do_not_reach_each_other(struct case_run *run, void *arg)
{
	struct suite *s = arg;
	struct svart_queue_params params = SVART_QUEUE_PARAMS_INIT();
	uint64_t *mine[2];
	struct svart_completion done;

	suite_start(run, s, SVART_FAULT_RUN_THREAD, NULL);
	suite_open(run, s, 0, "pasid=5,queues=2", 0);
	CHECK_EQ(run, svart_device_attach(s->devices[0], s->spaces[1], 9), 0);
	for (unsigned int i = 0; i < 2; i++) {
		params.space = s->spaces[i];
		CHECK_EQ(run, svart_queue_create(s->devices[0], &params, &s->queues[i]), 0);
		/* In a chunk of its own, so that fault-around of one maps nothing of the other. */
		mine[i] = suite_map(run, 4 << 20);
		CHECK_EQ(run, svart_queue_prep_fill(s->queues[i], mine[i], i + 1, SUITE_PAGE, 0, i),
			1);
		done = suite_wait_one(run, s->queues[i]);
		CHECK_EQ(run, done.status, SVART_STATUS_OK);
		CHECK(run, is_filled(mine[i], SUITE_PAGE, i + 1));
	}
	for (unsigned int i = 0; i < 2; i++) {
		done = suite_copy(
			run, s->queues[i], mine[1 - i], mine[i], SUITE_PAGE, SVART_OP_NO_BLOCK);
		CHECK_EQ(run, done.status, SVART_STATUS_PARTIAL);
		CHECK_EQ(run, done.bytes_done, 0);
		CHECK_EQ(run, done.fault_addr, (uintptr_t)mine[1 - i]);
		CHECK(run, is_filled(mine[1 - i], SUITE_PAGE, 2 - i));
	}
	suite_check_answers(run, s);
	CHECK_EQ(run, suite_close(s), 0);
}

/*
 * QEMU's VT-d takes no page requests without PASID. So a second device, which has one, brings the
 * pages into the same space; then the first one reaches them by its RID.
 */
static void rid_attach_reaches_what_is_mapped(struct case_run *run, void *arg)
{
	struct suite *s = arg;
	uint64_t *src = suite_map(run, 1 << 20), *dst = suite_map(run, 1 << 20);
	struct svart_completion done;

	suite_start(run, s, SVART_FAULT_RUN_THREAD, NULL);
	suite_open(run, s, 0, "", 0);
	suite_open(run, s, 1, "pasid=7", 0);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_EQ(run, svart_queue_create(s->devices[i], NULL, &s->queues[i]), 0);
	done = suite_copy(run, s->queues[0], dst, src, 64 << 10, 0);
	CHECK_EQ(run, done.status, SVART_STATUS_BAD_ADDRESS);
	CHECK_EQ(run, done.bytes_done, 0);
	CHECK_EQ(run, svart_queue_prep_fill(s->queues[1], src, 11, 64 << 10, 0, 1), 1);
	done = suite_wait_one(run, s->queues[1]);
	CHECK_EQ(run, done.status, SVART_STATUS_OK);
	done = suite_copy(run, s->queues[1], dst, src, 64 << 10, 0);
	CHECK_EQ(run, done.status, SVART_STATUS_OK);
	memset(dst, 0, 64 << 10);
	done = suite_copy(run, s->queues[0], dst, src, 64 << 10, 0);
	CHECK_EQ(run, done.status, SVART_STATUS_OK);
	CHECK(run, is_filled(dst, 64 << 10, 11));
	CHECK_EQ(run, suite_close(s), 0);
}

/* The emulated CPU has no MOVDIR64B; that the device is emulated too, somebody must say. */
static void without_movdir64b_a_queue_is_refused(struct case_run *run, void *arg)
{
	struct suite *s = arg;
	char spec[128];

	suite_start(run, s, SVART_FAULT_RUN_THREAD, NULL);
	snprintf(spec, sizeof(spec), "pci:%s,pasid=5", s->addresses[0]);
	if (svart_device_open(s->rt, spec, s->spaces[0], s->faults, &s->devices[0]) == 0)
		CHECK_EQ(run, svart_queue_create(s->devices[0], NULL, &s->queues[0]), -ENOTSUP);
	CHECK(run, strstr(svart_error_text(), "MOVDIR64B") != NULL);
	CHECK(run, strstr(svart_error_text(), "portal=split") != NULL);
	CHECK_EQ(run, suite_close(s), 0);
}

/* --- Faults -------------------------------------------------------------------------------------- */

/* INVALID goes down to the device, and comes back as the status that says so. */
static void bad_address_comes_back_as_status_4(struct case_run *run, void *arg)
{
	struct suite *s = arg;
	uint8_t *src = suite_map(run, 4 * SUITE_PAGE), *dst = suite_map(run, 4 * SUITE_PAGE);
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();
	struct svart_completion done;

	suite_open_one(run, s, SVART_FAULT_RUN_THREAD, NULL);
	memset(src, 0x5a, 4 * SUITE_PAGE);
	CHECK_EQ(run, munmap(dst + 2 * SUITE_PAGE, SUITE_PAGE), 0);
	done = suite_copy(run, s->queues[0], dst, src, 4 * SUITE_PAGE, 0);
	CHECK_EQ(run, done.status, SVART_STATUS_BAD_ADDRESS);
	CHECK_EQ(run, done.hw_status & DSA_STATUS_CODE, DSA_STATUS_PAGE_FAULT_RESPONSE);
	CHECK_EQ(run, done.flags, SVART_COMPLETION_FAULT_ADDR | SVART_COMPLETION_FAULT_WRITE);
	CHECK_EQ(run, done.fault_addr, (uintptr_t)dst + 2 * SUITE_PAGE);
	CHECK_EQ(run, done.bytes_done, 2 * SUITE_PAGE);
	CHECK_EQ(run, memcmp(dst, src, 2 * SUITE_PAGE), 0);
	svart_fault_stats_get(s->faults, &stats);
	/* Once with its neighbours, once alone: the device does not ask again and again. */
	CHECK(run, stats.answers_invalid > 0 && stats.answers_invalid <= 2);
	suite_check_answers(run, s);
	CHECK_EQ(run, suite_close(s), 0);
}

/* Groups of four, page by page: none may stay without an answer. */
static void ten_thousand_faults_lose_none(struct case_run *run, void *arg)
{
	struct suite *s = arg;
	const struct svart_space_params params =
		SVART_SPACE_PARAMS_INIT(.fault_around_bytes = SUITE_PAGE);
	const uint64_t piece = 4 * SUITE_PAGE, nr = SUITE_MANY_FAULTS / 4;
	uint8_t *buf = suite_map(run, SUITE_MANY_FAULTS * SUITE_PAGE);
	struct svart_completion done[32];
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();
	uint64_t sent = 0, got = 0;

	suite_open_one(run, s, SVART_FAULT_RUN_THREAD, &params);
	while (got < nr) {
		uint16_t n;

		while (sent < nr && svart_queue_prep_fill(s->queues[0], buf + sent * piece, ~sent,
					    piece, 0, sent) == 1)
			sent++;
		n = svart_queue_wait(s->queues[0], done, 32, SUITE_TIMEOUT_NS);
		CHECK(run, n > 0);
		for (uint16_t i = 0; i < n; i++)
			CHECK_EQ(run, done[i].status, SVART_STATUS_OK);
		got += n;
	}
	for (uint64_t i = 0; i < nr; i++)
		CHECK(run, is_filled(buf + i * piece, piece, ~i));
	svart_fault_stats_get(s->faults, &stats);
	CHECK(run, stats.page_requests >= SUITE_MANY_FAULTS);
	CHECK_EQ(run, stats.answers_success, stats.groups);
	suite_check_answers(run, s);
	printf("  | %llu page requests in %llu groups, fetch to answer p50 %llu us, p99 %llu us\n",
		(unsigned long long)stats.page_requests, (unsigned long long)stats.groups,
		(unsigned long long)stats.latency_p50_ns / 1000,
		(unsigned long long)stats.latency_p99_ns / 1000);
	CHECK_EQ(run, suite_close(s), 0);
	munmap(buf, SUITE_MANY_FAULTS * SUITE_PAGE);
}

/* --- Memory that goes away ----------------------------------------------------------------------- */

static uint8_t *suite_map_file(struct case_run *run, void *at, uint64_t len, int *fd)
{
	void *p;

	*fd = memfd_create("suite", MFD_CLOEXEC);
	CHECK(run, *fd >= 0);
	CHECK_EQ(run, ftruncate(*fd, (off_t)len), 0);
	p = mmap(
		at, len, PROT_READ | PROT_WRITE, MAP_SHARED | (at != NULL ? MAP_FIXED : 0), *fd, 0);
	CHECK(run, p != MAP_FAILED);
	return p;
}

/*
 * Another file takes the addresses while the device fills them. Once forget has returned, no byte of
 * the old file changes; what is submitted from then on is in the new one.
 */
static void memory_replaced_in_use_is_left_alone_after_forget(struct case_run *run, void *arg)
{
	struct suite *s = arg;
	const uint64_t piece = 64 << 10, len = 4 << 20;
	uint8_t *then = suite_map(run, len), *now = suite_map(run, len), *at;
	struct svart_completion done[8];
	int old, fresh;

	suite_open_one(run, s, SVART_FAULT_RUN_THREAD, NULL);
	at = suite_map_file(run, NULL, len, &old);
	for (uint64_t off = 0; off < len; off += piece) {
		if (svart_queue_prep_fill(s->queues[0], at + off, off + 1, piece, 0, off) != 1)
			break;
	}
	svart_queue_submit(s->queues[0]);
	CHECK(run, svart_queue_wait(s->queues[0], done, 8, SUITE_TIMEOUT_NS) > 0);
	CHECK(run, suite_map_file(run, at, len, &fresh) == at);
	CHECK_EQ(run, svart_space_forget(s->spaces[0], at, len), 0);
	CHECK_EQ(run, pread(old, then, len, 0), (ssize_t)len);
	while (svart_queue_in_flight(s->queues[0]) > 0) {
		uint16_t n = svart_queue_wait(s->queues[0], done, 8, SUITE_TIMEOUT_NS);

		CHECK(run, n > 0);
		for (uint16_t i = 0; i < n; i++)
			CHECK_EQ(run, done[i].status, SVART_STATUS_OK);
	}
	CHECK_EQ(run, svart_queue_prep_fill(s->queues[0], at, 77, piece, 0, 1), 1);
	CHECK_EQ(run, suite_wait_one(run, s->queues[0]).status, SVART_STATUS_OK);
	CHECK(run, is_filled(at, piece, 77));
	CHECK_EQ(run, pread(old, now, len, 0), (ssize_t)len);
	CHECK_EQ(run, memcmp(then, now, len), 0);
	suite_check_answers(run, s);
	CHECK_EQ(run, suite_close(s), 0);
	close(old);
	close(fresh);
}

/* --- Sudden ends --------------------------------------------------------------------------------- */

static void suite_check_usable(struct case_run *run, struct suite *s)
{
	uint64_t *src = suite_map(run, 1 << 20), *dst = suite_map(run, 1 << 20);
	struct svart_completion done;

	CHECK_EQ(run, svart_queue_prep_fill(s->queues[0], src, 31, 1 << 20, 0, 1), 1);
	CHECK_EQ(run, suite_wait_one(run, s->queues[0]).status, SVART_STATUS_OK);
	done = suite_copy(run, s->queues[0], dst, src, 1 << 20, 0);
	CHECK_EQ(run, done.status, SVART_STATUS_OK);
	CHECK(run, is_filled(dst, 1 << 20, 31));
	CHECK_EQ(run, svart_space_forget(s->spaces[0], src, 1 << 20), 0);
	CHECK_EQ(run, svart_space_forget(s->spaces[0], dst, 1 << 20), 0);
	munmap(src, 1 << 20);
	munmap(dst, 1 << 20);
}

/* The child: faults without end. Says so once it runs. */
static int copy_for_ever(const char *address)
{
	struct suite s = { 0 };
	struct case_run run = { 0 };
	const uint64_t len = 8 << 20;
	struct svart_completion done[32];
	uint8_t *buf;

	if (setjmp(run.leave) != 0) {
		fprintf(stderr, "child: %s\n", run.reason);
		return 1;
	}
	snprintf(s.addresses[0], sizeof(s.addresses[0]), "%s", address);
	suite_open_one(&run, &s, SVART_FAULT_RUN_THREAD, NULL);
	buf = suite_map(&run, len);
	for (uint64_t i = 0;; i++) {
		uint8_t *at = buf + i % 128 * (len / 128);

		svart_queue_prep_fill(s.queues[0], at, i, len / 128, 0, i);
		svart_queue_submit(s.queues[0]);
		svart_queue_poll(s.queues[0], done, 32);
		if (i == 200 && write(1, "!", 1) != 1)
			return 1;
		if (i % 64 == 0)
			svart_space_forget(s.spaces[0], buf, len);
	}
}

static void kill_one(struct case_run *run, struct suite *s, unsigned int round)
{
	char self[] = "/proc/self/exe", mode[] = SUITE_CHILD, c;
	char *argv[] = { self, mode, s->addresses[0], NULL };
	int pipes[2], status;
	ssize_t got;
	pid_t pid;

	CHECK_EQ(run, pipe(pipes), 0);
	pid = fork();
	CHECK(run, pid >= 0);
	if (pid == 0) {
		dup2(pipes[1], 1);
		close(pipes[0]);
		execv(self, argv);
		_exit(127);
	}
	close(pipes[1]);
	got = read(pipes[0], &c, 1);
	close(pipes[0]);
	usleep(3000 * round);
	kill(pid, SIGKILL);
	CHECK_EQ(run, waitpid(pid, &status, 0), pid);
	CHECK_EQ(run, got, 1);
}

static void killed_in_the_middle_of_faults_the_device_opens_again(struct case_run *run, void *arg)
{
	struct suite *s = arg;

	for (unsigned int i = 0; i < SUITE_KILLS; i++) {
		kill_one(run, s, i);
		suite_open_one(run, s, SVART_FAULT_RUN_THREAD, NULL);
		suite_check_usable(run, s);
		suite_check_answers(run, s);
		CHECK_EQ(run, suite_close(s), 0);
	}
}

static void reset_device(struct case_run *run, const char *address)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", address);
	fd = open(path, O_WRONLY);
	CHECK(run, fd >= 0);
	n = write(fd, "1", 1);
	close(fd);
	CHECK_EQ(run, n, 1);
}

/* Nobody pumps the service while the reset comes: the device waits for answers. */
static void reset_with_faults_pending_can_be_closed_and_opened(struct case_run *run, void *arg)
{
	struct suite *s = arg;
	uint8_t *buf = suite_map(run, 1 << 20);
	struct svart_completion done;

	suite_open_one(run, s, SVART_FAULT_RUN_INLINE, NULL);
	for (unsigned int i = 0; i < 16; i++)
		CHECK_EQ(run,
			svart_queue_prep_fill(
				s->queues[0], buf + i * (64 << 10), i, 64 << 10, 0, i),
			1);
	svart_queue_submit(s->queues[0]);
	usleep(100 * 1000);
	reset_device(run, s->addresses[0]);
	/* What the device forgot completes with an error, or not at all until the queue ends. */
	while (svart_queue_wait(s->queues[0], &done, 1, SUITE_TIMEOUT_NS / 20) == 1)
		CHECK(run, done.status != SVART_STATUS_OK);
	suite_check_answers(run, s);
	CHECK_EQ(run, suite_close(s), 0);
	suite_open_one(run, s, SVART_FAULT_RUN_INLINE, NULL);
	suite_check_usable(run, s);
	CHECK_EQ(run, suite_close(s), 0);
	munmap(buf, 1 << 20);
}

/* --- All of them --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(struct case_run *run, void *arg);
} suite_cases[] = {
	{ "svart_copy_copies_a_file", svart_copy_copies_a_file },
	{ "svart_copy_inline_copies_a_file", svart_copy_inline_copies_a_file },
	{ "conformance_copy_fill", conformance_copy_fill },
	{ "conformance_bad_address", conformance_bad_address },
	{ "conformance_life", conformance_life },
	{ "conformance_operations", conformance_operations },
	{ "completions_raise_the_eventfd", completions_raise_the_eventfd },
	{ "queues_of_two_pasids_do_not_reach_each_other",
		queues_of_two_pasids_do_not_reach_each_other },
	{ "without_movdir64b_a_queue_is_refused", without_movdir64b_a_queue_is_refused },
	{ "rid_attach_reaches_what_is_mapped", rid_attach_reaches_what_is_mapped },
	{ "bad_address_comes_back_as_status_4", bad_address_comes_back_as_status_4 },
	{ "ten_thousand_faults_lose_none", ten_thousand_faults_lose_none },
	{ "memory_replaced_in_use_is_left_alone_after_forget",
		memory_replaced_in_use_is_left_alone_after_forget },
	{ "killed_in_the_middle_of_faults_the_device_opens_again",
		killed_in_the_middle_of_faults_the_device_opens_again },
	{ "reset_with_faults_pending_can_be_closed_and_opened",
		reset_with_faults_pending_can_be_closed_and_opened },
};

static bool is_dsa(const char *address)
{
	char path[320], text[32] = "";
	FILE *f;
	bool is;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/modalias", address);
	f = fopen(path, "r");
	is = f != NULL && fgets(text, sizeof(text), f) != NULL &&
	     strncmp(text, "pci:v00008086d00000B25", 22) == 0;
	if (f != NULL)
		fclose(f);
	return is;
}

static bool find_devices(struct suite *s)
{
	DIR *dir = opendir("/sys/bus/pci/devices");
	struct dirent *entry;
	unsigned int nr = 0;

	while (dir != NULL && nr < SUITE_NR_DEVICES && (entry = readdir(dir)) != NULL) {
		if (strlen(entry->d_name) < sizeof(s->addresses[0]) && is_dsa(entry->d_name))
			memcpy(s->addresses[nr++], entry->d_name, strlen(entry->d_name) + 1);
	}
	if (dir != NULL)
		closedir(dir);
	return nr == SUITE_NR_DEVICES;
}

/* The build's top folder: this program is four levels below it. */
static bool find_programs(struct suite *s)
{
	ssize_t n = readlink("/proc/self/exe", s->programs, sizeof(s->programs) - 1);

	for (unsigned int up = 0; n > 0 && up < 4; up++) {
		while (n > 0 && s->programs[n - 1] != '/')
			n--;
		n--;
	}
	if (n <= 0)
		return false;
	s->programs[n] = '\0';
	return true;
}

int main(int argc, char **argv)
{
	struct case_run run = { .only = argc > 2 ? argv[2] : "" };
	struct suite s = { 0 };

	if (argc == 3 && strcmp(argv[1], SUITE_CHILD) == 0)
		return copy_for_ever(argv[2]);
	if (!find_devices(&s) || !find_programs(&s)) {
		fprintf(stderr, "dsa_suite: needs %u PCI devices 8086:0b25\n", SUITE_NR_DEVICES);
		return 2;
	}
	setenv("TMPDIR", SUITE_SCRATCH, 1);
	for (size_t i = 0; i < sizeof(suite_cases) / sizeof(suite_cases[0]); i++) {
		case_run(&run, suite_cases[i].name, suite_cases[i].fn, &s);
		if (suite_close(&s) != 0)
			printf("  | after it: %s\n", svart_error_text());
	}
	return case_exit_status(&run);
}
