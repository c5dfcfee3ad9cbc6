/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Many at once, and little room: threads with a queue each, memory that comes and goes under running
 * copies, limits of a few pages, and programs that do things in the wrong order.
 */

#include "backend.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#define UNDER_TSAN __has_feature(thread_sanitizer)
#else
#define UNDER_TSAN 0
#endif

#define NR_THREADS 8
#define CHUNK      (UINT64_C(2) << 20)

static bool has_page_requests(const struct backend *b)
{
	return (b->info.features & SVART_FEATURE_PAGE_REQUESTS) != 0;
}

/* --- a queue for each thread ------------------------------------------------------------------- */

/** One thread with its queue. Owner: the test. Assertions are made by who joins it. */
struct worker {
	pthread_t thread;
	struct svart_space *space;
	struct svart_queue *q;
	unsigned int rounds;
	size_t bytes; /**< Of each of its two buffers. */
	uint32_t seed;
	bool remaps; /**< Buffers are forgotten, unmapped and mapped anew each round. */
	/* Out. */
	const char *wrong; /**< What went wrong, or NULL. */
	struct svart_completion done;
};

static uint8_t *map_anonymous(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/** @return what went wrong, or NULL. */
static const char *copy_once(struct worker *w, uint8_t *dst, const uint8_t *src, size_t len)
{
	const struct svart_op op = {
		.opcode = SVART_OP_COPY, .cookie = len, .dst = dst, .src = src, .length = len
	};

	prep_patiently(w->q, &op);
	if (svart_queue_in_flight(w->q) != 1)
		return "prep took nothing";
	if (svart_queue_wait(w->q, &w->done, 1, TIMEOUT_NS) != 1)
		return "no completion";
	if (w->done.status != SVART_STATUS_OK || w->done.cookie != len)
		return "not OK";
	return memcmp(dst, src, len) == 0 ? NULL : "wrong bytes";
}

/** A random part of one buffer goes to a random place of the other. */
static const char *work_once(struct worker *w, uint8_t *src, uint8_t *dst)
{
	size_t from = test_random(&w->seed) % w->bytes, to = test_random(&w->seed) % w->bytes;
	size_t room = w->bytes - (from > to ? from : to);

	src[from] = (uint8_t)test_random(&w->seed);
	return copy_once(w, dst + to, src + from, test_random(&w->seed) % room + 1);
}

static const char *give_back(struct worker *w, uint8_t *buf)
{
	if (svart_space_forget(w->space, buf, w->bytes) != 0)
		return "forget failed";
	munmap(buf, w->bytes);
	return NULL;
}

static const char *work_on_new_memory(struct worker *w)
{
	uint8_t *src = map_anonymous(w->bytes), *dst = map_anonymous(w->bytes);
	unsigned int i, nr = w->remaps ? 1 : w->rounds;
	const char *wrong = src == NULL || dst == NULL ? "no memory" : NULL;

	if (wrong == NULL)
		scramble(src, w->bytes, w->seed);
	for (i = 0; i < nr && wrong == NULL; i++)
		wrong = work_once(w, src, dst);
	if (wrong == NULL)
		wrong = give_back(w, src);
	return wrong != NULL ? wrong : give_back(w, dst);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	unsigned int i, nr = w->remaps ? w->rounds : 1;

	for (i = 0; i < nr && w->wrong == NULL; i++)
		w->wrong = work_on_new_memory(w);
	return NULL;
}

static void start(struct worker *w)
{
	assert_int_equal(pthread_create(&w->thread, NULL, worker_main, w), 0);
}

static void finish(struct worker *w)
{
	assert_int_equal(pthread_join(w->thread, NULL), 0);
	if (w->wrong != NULL)
		fail_msg("%s: status %s, fault address %#llx, %llu bytes done, cookie %llu",
			w->wrong, svart_status_name(w->done.status),
			(unsigned long long)w->done.fault_addr,
			(unsigned long long)w->done.bytes_done, (unsigned long long)w->done.cookie);
}

/** Runs NR_THREADS of these, each with a queue of its own; the first has the backend's. */
static void run_workers(struct backend *b, const struct worker *like)
{
	struct worker w[NR_THREADS];
	unsigned int i;

	for (i = 0; i < NR_THREADS; i++) {
		w[i] = *like;
		w[i].space = b->space;
		w[i].seed += i;
		w[i].q = b->q;
		if (i > 0)
			assert_int_equal(svart_queue_create(b->dev, NULL, &w[i].q), 0);
	}
	for (i = 0; i < NR_THREADS; i++)
		start(&w[i]);
	for (i = 0; i < NR_THREADS; i++)
		finish(&w[i]);
	for (i = 1; i < NR_THREADS; i++)
		assert_int_equal(svart_queue_destroy(w[i].q), 0);
}

static void run_backend_of_workers(
	const struct svart_space_params *params, uint32_t resolvers, const struct worker *like)
{
	struct svart_space_stats stats = SVART_SPACE_STATS_INIT();
	struct backend *b;
	char spec[128];

	backend_skip_unless_takes("queues=8");
	backend_spec_with("queues=8", spec, sizeof(spec));
	b = backend_new_with(spec, params, resolvers);
	if (params != NULL && !has_page_requests(b)) {
		backend_delete(b);
		skip(); /* Operations larger than the limits need a device that stops on the way. */
	}
	run_workers(b, like);
	svart_space_stats_get(b->space, &stats);
	if (params != NULL && params->pin_limit_bytes != 0)
		assert_true(stats.pinned_bytes_peak <= params->pin_limit_bytes);
	backend_delete(b);
}

static void test_eight_threads_copy_side_by_side(void **state)
{
	const struct worker like = { .rounds = 150, .bytes = 3 * CHUNK, .seed = test_seed() };

	(void)state;
	run_backend_of_workers(NULL, 0, &like);
}

static void test_eight_threads_copy_side_by_side_with_resolvers(void **state)
{
	const struct worker like = { .rounds = 150, .bytes = 3 * CHUNK, .seed = test_seed() };

	(void)state;
	if (backend_is_inline())
		skip();
	run_backend_of_workers(NULL, 4, &like);
}

static void test_eight_threads_map_and_unmap_their_memory(void **state)
{
	const struct worker like = {
		.rounds = 100, .bytes = 64 * PAGE, .seed = test_seed(), .remaps = true
	};

	(void)state;
	run_backend_of_workers(NULL, 0, &like);
	if (!backend_is_inline())
		run_backend_of_workers(NULL, 3, &like);
}

/* --- little room ------------------------------------------------------------------------------- */

/** Chunks for the largest step of each of a DSA's four engines, 6 pages, and for the records of eight queues. */
static void test_eight_threads_share_a_few_chunks(void **state)
{
	const struct svart_space_params params = SVART_SPACE_PARAMS_INIT(.max_chunks = 32);
	const struct worker like = { .rounds = 30, .bytes = CHUNK, .seed = test_seed() };

	(void)state;
	run_backend_of_workers(&params, 0, &like);
}

/** Two groups of page requests on each of four engines are 64 pages; records and the rest are few. */
static void test_eight_threads_share_a_pin_limit_of_a_few_pages(void **state)
{
	const struct svart_space_params params =
		SVART_SPACE_PARAMS_INIT(.pin_limit_bytes = 96 * PAGE);
	const struct worker like = { .rounds = 30, .bytes = 64 * PAGE, .seed = test_seed() };

	(void)state;
	run_backend_of_workers(&params, 0, &like);
	if (!backend_is_inline())
		run_backend_of_workers(&params, 4, &like);
}

/** All that is asked for at once fits, and little more. */
static void test_a_long_copy_goes_through_a_pin_limit_of_24_pages(void **state)
{
	const struct svart_space_params params =
		SVART_SPACE_PARAMS_INIT(.pin_limit_bytes = 24 * PAGE);
	const size_t len = 512 * PAGE;
	uint8_t *src = guarded_alloc(len), *dst = guarded_alloc(len);
	struct backend *b = backend_new_with(backend_spec(), &params, 0);
	struct svart_completion done;

	(void)state;
	if (has_page_requests(b)) {
		scramble(src, len, 5);
		done = run_copy(b, dst, src, len);
		assert_done(&done, len);
		assert_memory_equal(dst, src, len);
	}
	guarded_free(b, src, len);
	guarded_free(b, dst, len);
	backend_delete(b);
}

/* --- forgetting -------------------------------------------------------------------------------- */

/** A thread that forgets one range again and again. */
struct forgetter {
	pthread_t thread;
	struct svart_space *space;
	void *addr;
	size_t len;
	atomic_bool stop;
	int rc;
};

static void *forgetter_main(void *arg)
{
	struct forgetter *f = arg;

	while (!atomic_load(&f->stop) && f->rc == 0)
		f->rc = svart_space_forget(f->space, f->addr, f->len);
	return NULL;
}

static void forgetter_start(struct forgetter *f)
{
	assert_int_equal(pthread_create(&f->thread, NULL, forgetter_main, f), 0);
}

static void forgetter_stop(struct forgetter *f)
{
	atomic_store(&f->stop, true);
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	assert_int_equal(f->rc, 0);
}

/** The pages between those that are used are forgotten for ever, and share every window with them. */
static void test_forgetting_a_neighbour_fails_no_operation(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(33 * PAGE), *dst = guarded_alloc(33 * PAGE);
	struct forgetter f[2] = {
		{ .space = b->space, .addr = src + 16 * PAGE, .len = PAGE },
		{ .space = b->space, .addr = dst + 16 * PAGE, .len = PAGE },
	};
	struct svart_completion done = { 0 };
	unsigned int i, page;

	scramble(src, 33 * PAGE, 1);
	forgetter_start(&f[0]);
	forgetter_start(&f[1]);
	for (i = 0; i < 300 && done.status == SVART_STATUS_OK; i++) {
		page = i % 16 + i / 16 % 2 * 17;
		done = run_copy(b, dst + page * PAGE, src + page * PAGE, PAGE);
		svart_space_forget(b->space, src + page * PAGE, PAGE);
	}
	forgetter_stop(&f[0]);
	forgetter_stop(&f[1]);
	assert_done(&done, PAGE);
	assert_memory_equal(dst, src, 16 * PAGE);
	assert_memory_equal(dst + 17 * PAGE, src + 17 * PAGE, 16 * PAGE);
	guarded_free(b, src, 33 * PAGE);
	guarded_free(b, dst, 33 * PAGE);
}

/** Forgotten while it is used, and never freed: each copy ends, with a fault there or served again. */
static void test_forgetting_what_is_copied_ends_every_copy(void **state)
{
	const size_t len = 64 * PAGE;
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(len), *dst = guarded_alloc(len);
	struct forgetter f = { .space = b->space, .addr = src, .len = len };
	struct svart_completion done;
	unsigned int i, wrong = 0;

	forgetter_start(&f);
	for (i = 0; i < 30; i++) {
		scramble(src, len, i);
		done = run_copy(b, dst, src, len);
		if (done.status != SVART_STATUS_OK)
			wrong += done.fault_addr - (uintptr_t)src >= len;
		wrong += memcmp(dst, src, done.bytes_done) != 0;
	}
	forgetter_stop(&f);
	assert_int_equal(wrong, 0);
	guarded_free(b, src, len);
	guarded_free(b, dst, len);
}

/* --- pages that come late ---------------------------------------------------------------------- */

/** @return a userfaultfd that owns the range, -1 where there is none to be had. */
static int make_late(void *addr, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)addr, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &range) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void come(int uffd, void *addr, size_t len)
{
	struct uffdio_zeropage zero = { .range = { .start = (uintptr_t)addr, .len = len } };

	assert_int_equal(ioctl(uffd, UFFDIO_ZEROPAGE, &zero), 0);
}

/** Waits until somebody waits for a late page. */
static void wait_missed(int uffd)
{
	struct pollfd fd = { .fd = uffd, .events = POLLIN };

	assert_int_equal(poll(&fd, 1, (int)(TIMEOUT_NS / 1000000)), 1);
}

/**
 * A fill of a late page on the backend's queue, and copies on another one meanwhile. They begin when a
 * resolver waits for the page: what it took together with that waits, too.
 */
static void copy_past_a_late_page(struct backend *b, int uffd, uint8_t *late, uint8_t *buf)
{
	struct svart_queue *slow = b->q;
	struct svart_completion done;
	unsigned int i;

	assert_int_equal(svart_queue_create(b->dev, NULL, &b->q), 0);
	assert_int_equal(svart_queue_prep_fill(slow, late, 7, PAGE, 0, 77), 1);
	svart_queue_submit(slow);
	wait_missed(uffd);
	for (i = 0; i < 32; i++) {
		done = run_copy(b, buf + (32 + i) * PAGE, buf + i * PAGE, PAGE);
		assert_done(&done, PAGE);
	}
	assert_int_equal(svart_queue_poll(slow, &done, 1), 0);
	assert_int_equal(svart_queue_destroy(b->q), 0);
	b->q = slow;
	come(uffd, late, PAGE);
	wait_all(b, &done, 1);
	assert_done(&done, PAGE);
	assert_int_equal(done.cookie, 77);
}

static void test_a_page_that_comes_late_holds_up_its_own_queue_only(void **state)
{
	uint8_t *late, *buf;
	struct backend *b;
	char spec[128];
	int uffd;

	(void)state;
	if (backend_is_inline())
		skip();
	backend_skip_unless_takes("queues=2");
	late = guarded_alloc(PAGE);
	buf = guarded_alloc(64 * PAGE);
	uffd = make_late(late, PAGE);
	if (uffd < 0)
		skip();
	backend_spec_with("queues=2", spec, sizeof(spec));
	b = backend_new_with(spec, NULL, 2);
	if (has_page_requests(b))
		copy_past_a_late_page(b, uffd, late, buf);
	guarded_free(b, late, PAGE);
	guarded_free(b, buf, 64 * PAGE);
	close(uffd);
	backend_delete(b);
}

/* --- order and time ---------------------------------------------------------------------------- */

/** One run through the model, as far as a program can see it: 16 copies of len bytes. */
static struct svart_fault_stats run_by_seed(
	unsigned int seed, uint8_t *dst, const uint8_t *src, size_t len)
{
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();
	struct svart_completion done[16];
	struct backend *b;
	char spec[64];
	unsigned int i;

	snprintf(spec, sizeof(spec), "model:dsa0,step=manual,seed=%u", seed);
	b = backend_new(spec);
	for (i = 0; i < 16; i++)
		svart_queue_prep_copy(b->q, dst + i * len, src + i * len, len, 0, i);
	wait_all(b, done, 16);
	svart_fault_stats_get(b->faults, &stats);
	backend_delete(b);
	return stats;
}

/** Of the same memory: what is mapped around a page depends on where it is. */
static void test_one_seed_gives_one_history(void **state)
{
	const size_t len = 16 * PAGE;
	struct svart_fault_stats first, second;
	uint8_t *src, *dst;

	(void)state;
	if (strstr(backend_spec(), "model:dsa0,step=manual") == NULL)
		skip();
	src = map_anonymous(16 * len);
	dst = map_anonymous(16 * len);
	assert_non_null(src);
	assert_non_null(dst);
	first = run_by_seed(3, dst, src, len);
	second = run_by_seed(3, dst, src, len);
	assert_true(first.page_requests > 0);
	assert_memory_equal(
		&first, &second, sizeof(first)); /* Latencies too: time is the model's. */
	munmap(src, 16 * len);
	munmap(dst, 16 * len);
}

/* --- life -------------------------------------------------------------------------------------- */

static unsigned int entries_of(const char *path)
{
	DIR *dir = opendir(path);
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void test_opening_and_closing_leaks_no_descriptor_and_no_thread(void **state)
{
	unsigned int i, fds = 0, threads = 0;
	uint8_t from[64], to[64];
	struct svart_completion done;
	struct backend *b;

	(void)state;
	for (i = 0; i < 50; i++) {
		b = backend_new(backend_spec());
		scramble(from, sizeof(from), i);
		done = run_copy(b, to, from, sizeof(from));
		assert_done(&done, sizeof(from));
		assert_memory_equal(to, from, sizeof(from));
		backend_delete(b);
		if (i == 0) { /* What the first one made and left is DPDK's. */
			fds = entries_of("/proc/self/fd");
			threads = entries_of("/proc/self/task");
		}
	}
	assert_int_equal(entries_of("/proc/self/fd"), fds);
	assert_int_equal(entries_of("/proc/self/task"), threads);
}

static void test_a_device_that_is_open_is_busy(void **state)
{
	struct backend *b = *state;
	struct svart_device *dev;

	assert_int_equal(
		svart_device_open(b->rt, backend_spec(), b->space, b->faults, &dev), -EBUSY);
}

/** Runs in a child made by fork(). @return 0, or the number of the check that failed. */
static int child_of_a_parent_with_work(struct backend *b)
{
	struct svart_completion done;
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();
#if !UNDER_TSAN
	uint8_t from[64] = "own", to[64];
	struct backend *own;
#endif

	alarm(20);
	if (svart_queue_wait(b->q, &done, 1, UINT64_MAX) != 0)
		return 1;
	svart_device_info_get(b->dev, &info);
	if (strcmp(info.name, b->info.name) != 0)
		return 2;
#if !UNDER_TSAN /* It allows no threads after the fork of a threaded program. */
	own = backend_new(backend_spec());
	done = run_copy(own, to, from, sizeof(from));
	if (done.status != SVART_STATUS_OK || memcmp(to, from, sizeof(from)) != 0)
		return 3;
	backend_delete(own);
#endif
	return 0;
}

static void test_a_child_waits_for_no_work_of_its_parent_and_has_its_own(void **state)
{
	struct backend *b = *state;
	uint8_t *buf = guarded_alloc(2 * PAGE);
	struct svart_completion done;
	int status;
	pid_t pid;

	assert_int_equal(svart_queue_prep_copy(b->q, buf, buf + PAGE, PAGE, 0, 1), 1);
	svart_queue_submit(b->q);
	pid = fork();
	if (pid == 0)
		_exit(child_of_a_parent_with_work(b));
	wait_all(b, &done, 1);
	assert_done(&done, PAGE);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	guarded_free(b, buf, 2 * PAGE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest shared[] = {
		cmocka_unit_test(test_forgetting_a_neighbour_fails_no_operation),
		cmocka_unit_test(test_forgetting_what_is_copied_ends_every_copy),
		cmocka_unit_test(test_a_device_that_is_open_is_busy),
		cmocka_unit_test(test_a_child_waits_for_no_work_of_its_parent_and_has_its_own),
	};
	const struct CMUnitTest own[] = {
		cmocka_unit_test(test_eight_threads_copy_side_by_side),
		cmocka_unit_test(test_eight_threads_copy_side_by_side_with_resolvers),
		cmocka_unit_test(test_eight_threads_map_and_unmap_their_memory),
		cmocka_unit_test(test_eight_threads_share_a_few_chunks),
		cmocka_unit_test(test_eight_threads_share_a_pin_limit_of_a_few_pages),
		cmocka_unit_test(test_a_long_copy_goes_through_a_pin_limit_of_24_pages),
		cmocka_unit_test(test_a_page_that_comes_late_holds_up_its_own_queue_only),
		cmocka_unit_test(test_one_seed_gives_one_history),
		cmocka_unit_test(test_opening_and_closing_leaks_no_descriptor_and_no_thread),
	};
	int failed;

	backend_configure(argc, argv);
	failed = cmocka_run_group_tests(shared, backend_open, backend_close);
	return failed + cmocka_run_group_tests(own, NULL, NULL);
}
