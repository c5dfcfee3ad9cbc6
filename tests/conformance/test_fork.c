/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A program that forks while other threads are inside the driver, and so hold its locks. The child has
 * none of these threads: whatever it calls must come back. The parent's fork does not wait for them.
 *
 * The driver's calls of libsvart go through this program, which the dynamic linker searches first, and
 * so can be made to last until the fork is over.
 */

#include "backend_kinds.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <svart/svart.h>

#include <rte_dev.h>
#include <rte_dmadev.h>
#include <rte_errno.h>
#include <rte_memory.h>

/** Seconds that a thread stays inside the driver unless it is let go. */
#define STAY_S 8
/** Seconds that a fork may take on a busy machine: less than a thread stays. */
#define FORK_S 4
/** Seconds after which a child hangs. */
#define CHILD_S   20
#define NR_FORKS  40
#define OTHER     "dma_svart8"
#define NEW       "dma_svart9"
#define NEW_ARGS  "device=model:dsa1"
#define SAME_ARGS "device=model:dsa0"

/* --- calls that last ----------------------------------------------------------------------------- */

/** The call that is to last, and how its thread and the test meet. */
static struct {
	const char *_Atomic call;
	sem_t inside, go_on;
} stay;

/** @return whether it came before the time was over. */
static bool wait_for(sem_t *sem, int seconds)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += seconds;
	while (sem_timedwait(sem, &deadline) != 0) {
		if (errno != EINTR)
			return false;
	}
	return true;
}

static void stay_in(const char *call)
{
	const char *wanted = atomic_load(&stay.call);

	if (wanted == NULL || strcmp(wanted, call) != 0)
		return;
	atomic_store(&stay.call, NULL);
	sem_post(&stay.inside);
	wait_for(&stay.go_on, STAY_S);
}

/** libsvart's function of this name. */
static void *real(const char *call)
{
	void *function = dlsym(RTLD_NEXT, call);

	stay_in(call);
	return function;
}

SVART_API int svart_device_open(struct svart *rt, const char *spec, struct svart_space *space,
	struct svart_fault_service *faults, struct svart_device **dev)
{
	int (*open)(struct svart *, const char *, struct svart_space *,
		struct svart_fault_service *, struct svart_device **) = real("svart_device_open");

	return open(rt, spec, space, faults, dev);
}

SVART_API int svart_device_close(struct svart_device *dev)
{
	int (*close)(struct svart_device *) = real("svart_device_close");

	return close(dev);
}

SVART_API int svart_queue_destroy(struct svart_queue *q)
{
	int (*destroy)(struct svart_queue *) = real("svart_queue_destroy");

	return destroy(q);
}

SVART_API int svart_space_forget(struct svart_space *space, const void *addr, size_t len)
{
	int (*take)(struct svart_space *, const void *, size_t) = real("svart_space_forget");

	return take(space, addr, len);
}

/* --- what threads and children do ---------------------------------------------------------------- */

/** Owner: one test. */
struct rig {
	struct backend *b;
	struct rte_device *dev;
	int16_t other; /**< A dmadev that is never started. */
	void *page;    /**< DPDK knows it, so that it can be unmapped. */
	FILE *file;    /**< The child's: sanitizers leave it an allocator that may be locked. */
	atomic_bool stop;
};

static struct rte_device *device_find(const char *name)
{
	struct rte_dev_iterator iterator;
	struct rte_device *dev, *found = NULL;
	char filter[64];

	snprintf(filter, sizeof(filter), "bus=vdev,name=%s", name);
	RTE_DEV_FOREACH(dev, filter, &iterator)
	found = dev;
	return found;
}

static FILE *file_new(void)
{
	FILE *file = fopen("/dev/null", "w");

	assert_non_null(file);
	return file;
}

static void rig_open(struct rig *r, struct backend *b)
{
	backend_need(b, BACKEND_FORK);
	*r = (struct rig){ .b = b };
	assert_int_equal(rte_eal_hotplug_add("vdev", OTHER, SAME_ARGS), 0);
	r->other = (int16_t)rte_dma_get_dev_id_by_name(OTHER);
	assert_true(r->other >= 0);
	r->dev = device_find(OTHER);
	assert_non_null(r->dev);
	r->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(r->page, MAP_FAILED);
	assert_int_equal(rte_extmem_register(r->page, PAGE, NULL, 0, PAGE), 0);
	r->file = file_new();
	assert_int_equal(setvbuf(r->file, NULL, _IONBF, 0), 0);
	sem_init(&stay.inside, 0, 0);
	sem_init(&stay.go_on, 0, 0);
}

static void rig_close(struct rig *r)
{
	assert_int_equal(rte_extmem_unregister(r->page, PAGE), 0);
	munmap(r->page, PAGE);
	fclose(r->file);
	assert_int_equal(rte_eal_hotplug_remove("vdev", OTHER), 0);
	sem_destroy(&stay.inside);
	sem_destroy(&stay.go_on);
}

static int unmap(const struct rig *r)
{
	return rte_dev_dma_unmap(r->dev, r->page, (uintptr_t)r->page, PAGE);
}

static void look_on(int16_t id, FILE *file)
{
	struct rte_dma_stats stats;

	rte_dma_dump(id, file);
	rewind(file);
	rte_dma_stats_get(id, RTE_DMA_ALL_VCHAN, &stats);
}

static void *thread_looks_on(void *rig)
{
	struct rig *r = rig;
	FILE *file = file_new();

	while (!atomic_load(&r->stop))
		look_on(backend_dmadev_id(), file);
	fclose(file);
	return NULL;
}

static void *thread_unmaps(void *rig)
{
	struct rig *r = rig;

	while (!atomic_load(&r->stop))
		assert_int_equal(unmap(r), 0);
	return NULL;
}

static void *thread_adds(void *rig)
{
	(void)rig;
	assert_int_equal(rte_eal_hotplug_add("vdev", NEW, NEW_ARGS), 0);
	assert_int_equal(rte_eal_hotplug_remove("vdev", NEW), 0);
	return NULL;
}

static void *thread_unmaps_once(void *rig)
{
	assert_int_equal(unmap(rig), 0);
	return NULL;
}

static void *thread_stops(void *rig)
{
	struct rig *r = rig;

	backend_stop(r->b);
	return NULL;
}

/**
 * Calls that take a lock of the driver's, or may not do to the parent's device what they do.
 * @return 0: as it should be.
 */
static int child_calls(const struct rig *r)
{
	const struct rte_dma_conf conf = { .nb_vchans = 1 };

	look_on(backend_dmadev_id(), r->file);
	look_on(r->other, r->file);
	if (unmap(r) == 0 || rte_errno != EPERM)
		return 1;
	if (rte_dma_configure(r->other, &conf) != -EPERM)
		return 2;
	if (rte_dma_stop(backend_dmadev_id()) != -EPERM)
		return 3;
	return rte_dma_close(r->other) != -EPERM ? 4 : 0;
}

static void fork_once(const struct rig *r)
{
	time_t start = time(NULL);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(CHILD_S);
		_exit(child_calls(r));
	}
	assert_true(pid > 0);
	assert_in_range(time(NULL) - start, 0, FORK_S);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	sem_post(&stay.go_on);
	if (WIFSIGNALED(status))
		fail_msg("the child hangs, or died: %s", strsignal(WTERMSIG(status)));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/** Forks while a thread is inside a call of libsvart that the driver made. */
static void fork_inside(struct rig *r, const char *call, void *(*thread_main)(void *))
{
	pthread_t thread;

	atomic_store(&stay.call, call);
	assert_int_equal(pthread_create(&thread, NULL, thread_main, r), 0);
	assert_true(wait_for(&stay.inside, CHILD_S));
	fork_once(r);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* --- tests --------------------------------------------------------------------------------------- */

static void test_fork_while_a_device_is_opened_leaves_a_child_that_goes_on(void **state)
{
	struct rig r;

	rig_open(&r, *state);
	fork_inside(&r, "svart_device_open", thread_adds);
	rig_close(&r);
}

static void test_fork_while_a_device_is_closed_leaves_a_child_that_goes_on(void **state)
{
	struct rig r;

	rig_open(&r, *state);
	fork_inside(&r, "svart_device_close", thread_adds);
	rig_close(&r);
}

static void test_fork_while_memory_is_unmapped_leaves_a_child_that_goes_on(void **state)
{
	struct rig r;

	rig_open(&r, *state);
	fork_inside(&r, "svart_space_forget", thread_unmaps_once);
	rig_close(&r);
}

static void test_fork_while_a_dmadev_is_stopped_leaves_a_child_that_goes_on(void **state)
{
	struct rig r;

	rig_open(&r, *state);
	fork_inside(&r, "svart_queue_destroy", thread_stops);
	backend_start(r.b);
	rig_close(&r);
}

static void test_forks_beside_threads_that_take_the_locks_leave_children_that_go_on(void **state)
{
	pthread_t threads[2];
	struct rig r;
	int i;

	rig_open(&r, *state);
	assert_int_equal(pthread_create(&threads[0], NULL, thread_looks_on, &r), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, thread_unmaps, &r), 0);
	for (i = 0; i < NR_FORKS; i++)
		fork_once(&r);
	atomic_store(&r.stop, true);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	rig_close(&r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		backend_test(test_fork_while_a_device_is_opened_leaves_a_child_that_goes_on),
		backend_test(test_fork_while_a_device_is_closed_leaves_a_child_that_goes_on),
		backend_test(test_fork_while_memory_is_unmapped_leaves_a_child_that_goes_on),
		backend_test(test_fork_while_a_dmadev_is_stopped_leaves_a_child_that_goes_on),
		backend_test(
			test_forks_beside_threads_that_take_the_locks_leave_children_that_go_on),
	};

	return backend_run(argc, argv, tests);
}
