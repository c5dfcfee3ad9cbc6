/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Simulated threads: turns, locks, waits, and what is told when none can go on. */

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "threads.h"

#define TURNS 200

/** What threads wait for: a file that becomes ready, and a clock. Owner: the test. */
struct world {
	uint64_t now_ns;
	uint64_t ready_ns; /**< When the file is. */
	unsigned int steps;
};

static bool world_step(void *arg)
{
	struct world *w = arg;

	w->steps++;
	w->now_ns += 1000;
	return false;
}

static int world_poll(void *arg, struct pollfd *fds, unsigned int nr)
{
	struct world *w = arg;

	assert_int_equal(nr, 1);
	fds->revents = w->now_ns >= w->ready_ns ? POLLIN : 0;
	return fds->revents != 0;
}

static uint64_t world_now(void *arg)
{
	return ((struct world *)arg)->now_ns;
}

static struct sim_trace *trace;
static struct world world;

static void start(uint64_t seed)
{
	const struct sim_threads_world w = {
		.arg = &world, .step = world_step, .poll = world_poll, .now_ns = world_now
	};

	world = (struct world){ .ready_ns = UINT64_MAX };
	sim_trace_init(trace, false);
	sim_threads_start(&w, trace, seed);
}

static int setup(void **state)
{
	(void)state;
	trace = mmap(
		NULL, sizeof(*trace), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return trace == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	return munmap(trace, sizeof(*trace));
}

/** What two threads and main do, in the order in which they do it. */
struct order {
	char text[3 * TURNS + 1];
	unsigned int nr;
};

struct writer {
	struct order *order;
	char letter;
};

static void *write_letters(void *arg)
{
	const struct writer *w = arg;
	unsigned int i;

	for (i = 0; i < TURNS; i++) {
		w->order->text[w->order->nr++] = w->letter;
		sim_threads_point();
	}
	return arg;
}

static void run_writers(uint64_t seed, struct order *order)
{
	struct writer w[] = { { order, 'a' }, { order, 'b' }, { order, 'm' } };
	pthread_t threads[2];
	void *result;
	int i;

	memset(order, 0, sizeof(*order));
	start(seed);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_letters, &w[i]), 0);
	write_letters(&w[2]);
	for (i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, &w[i]);
	}
	sim_threads_stop();
	assert_int_equal(order->nr, 3 * TURNS);
}

static void test_threads_take_turns_as_the_seed_says(void **state)
{
	struct order first, again, other;
	unsigned int differ = 0, mixed = 0;
	uint64_t seed;

	(void)state;
	for (seed = 1; seed < 20; seed++) {
		run_writers(seed, &first);
		run_writers(seed, &again);
		run_writers(seed + 1000, &other);
		assert_string_equal(first.text, again.text);
		differ += strcmp(first.text, other.text) != 0;
		mixed += strstr(first.text, "ma") != NULL && strstr(first.text, "am") != NULL;
	}
	assert_int_equal(differ, 19);
	/* In some worlds turns are long. */
	assert_in_range(mixed, 10, 18);
}

/** A counter that is right if one thread at a time is between lock and unlock. */
struct counter {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	sem_t sem;
	pthread_rwlock_t rwlock;
	unsigned int value, waiting;
	bool go;
};

static void counter_init(struct counter *c)
{
	memset(c, 0, sizeof(*c));
	pthread_mutex_init(&c->mutex, NULL);
	pthread_cond_init(&c->changed, NULL);
	pthread_rwlock_init(&c->rwlock, NULL);
	sem_init(&c->sem, 0, 0);
}

static void *count(void *arg)
{
	struct counter *c = arg;
	unsigned int i, value;

	for (i = 0; i < TURNS; i++) {
		pthread_mutex_lock(&c->mutex);
		value = c->value;
		sim_threads_point();
		sim_threads_yield();
		c->value = value + 1;
		pthread_mutex_unlock(&c->mutex);
	}
	return NULL;
}

static void test_mutex_keeps_others_out(void **state)
{
	struct counter c;
	pthread_t thread;
	uint64_t seed;

	(void)state;
	for (seed = 1; seed < 20; seed++) {
		counter_init(&c);
		start(seed);
		assert_int_equal(pthread_create(&thread, NULL, count, &c), 0);
		count(&c);
		assert_int_equal(pthread_join(thread, NULL), 0);
		sim_threads_stop();
		assert_int_equal(c.value, 2 * TURNS);
	}
}

static void *wait_for_go(void *arg)
{
	struct counter *c = arg;

	pthread_mutex_lock(&c->mutex);
	c->waiting++;
	while (!c->go)
		pthread_cond_wait(&c->changed, &c->mutex);
	c->value++;
	pthread_mutex_unlock(&c->mutex);
	sem_wait(&c->sem);
	c->value++;
	return NULL;
}

static void test_condition_and_semaphore_wake_who_waits(void **state)
{
	struct counter c;
	pthread_t threads[2];
	uint64_t seed;
	int i;

	(void)state;
	for (seed = 1; seed < 20; seed++) {
		counter_init(&c);
		start(seed);
		for (i = 0; i < 2; i++)
			pthread_create(&threads[i], NULL, wait_for_go, &c);
		sim_threads_quiesce();
		assert_int_equal(c.waiting, 2);
		assert_int_equal(c.value, 0);
		pthread_mutex_lock(&c.mutex);
		c.go = true;
		pthread_cond_broadcast(&c.changed);
		pthread_mutex_unlock(&c.mutex);
		sim_threads_quiesce();
		assert_int_equal(c.value, 2);
		sem_post(&c.sem);
		sim_threads_quiesce();
		assert_int_equal(c.value, 3);
		sem_post(&c.sem);
		for (i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
		sim_threads_stop();
		assert_int_equal(c.value, 4);
	}
}

static void *write_lock(void *arg)
{
	struct counter *c = arg;

	pthread_rwlock_wrlock(&c->rwlock);
	c->value = 1;
	pthread_rwlock_unlock(&c->rwlock);
	return NULL;
}

static void *read_lock(void *arg)
{
	struct counter *c = arg;

	pthread_rwlock_rdlock(&c->rwlock);
	assert_int_equal(c->value, 1);
	pthread_rwlock_unlock(&c->rwlock);
	return NULL;
}

/** As in the kernel: who comes to read waits behind a writer, though another one is reading. */
static void test_rwlock_lets_nobody_overtake_a_writer(void **state)
{
	struct counter c;
	pthread_t writer, reader;

	(void)state;
	counter_init(&c);
	start(1);
	pthread_rwlock_rdlock(&c.rwlock);
	pthread_create(&writer, NULL, write_lock, &c);
	sim_threads_quiesce();
	pthread_create(&reader, NULL, read_lock, &c);
	sim_threads_quiesce();
	assert_int_equal(c.value, 0);
	pthread_rwlock_unlock(&c.rwlock);
	pthread_join(writer, NULL);
	pthread_join(reader, NULL);
	sim_threads_stop();
}

static void test_poll_lets_time_go_on_when_all_wait(void **state)
{
	struct pollfd fd = { .fd = 0, .events = POLLIN };

	(void)state;
	start(1);
	assert_int_equal(sim_threads_poll(&fd, 1, 0), 0);
	assert_int_equal(world.steps, 0);
	assert_int_equal(sim_threads_poll(&fd, 1, 5000), 0);
	assert_int_equal(world.now_ns, 5000);
	world.ready_ns = 9000;
	assert_int_equal(sim_threads_poll(&fd, 1, UINT64_MAX), 1);
	assert_int_equal(world.now_ns, 9000);
	sim_threads_stop();
}

static void test_hold_makes_one_step(void **state)
{
	struct order order = { 0 };
	struct writer w = { &order, 'a' };
	pthread_t thread;
	unsigned int i;

	(void)state;
	start(1);
	sim_threads_hold();
	pthread_create(&thread, NULL, write_letters, &w);
	for (i = 0; i < 1000; i++) {
		sim_threads_point();
		assert_false(sim_threads_yield());
	}
	assert_int_equal(order.nr, 0);
	sim_threads_release();
	pthread_join(thread, NULL);
	sim_threads_stop();
	assert_int_equal(order.nr, TURNS);
}

/* --- what fails ------------------------------------------------------------------------------ */

/** Runs something in a process of its own, which must fail, with a text that has all of these. */
static void assert_failure(void (*run)(void), const char *const *texts)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	for (; *texts != NULL; texts++)
		assert_non_null(strstr(trace->failure, *texts));
}

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;

static void *lock_the_other_way(void *arg)
{
	pthread_mutex_lock(&second);
	sim_threads_yield();
	pthread_mutex_lock(&first);
	return arg;
}

static void lock_crosswise(void)
{
	pthread_t thread;

	start(1);
	pthread_create(&thread, NULL, lock_the_other_way, NULL);
	pthread_setname_np(thread, "other");
	pthread_mutex_lock(&first);
	sim_threads_yield();
	pthread_mutex_lock(&second);
	pthread_join(thread, NULL);
}

static void test_deadlock_is_told_with_who_waits_for_whom(void **state)
{
	static const char *const texts[] = { "deadlock", "main waits for a mutex, held by other",
		"other waits for a mutex, held by main", NULL };

	(void)state;
	assert_failure(lock_crosswise, texts);
}

static void leave_a_thread(void)
{
	pthread_t thread;

	start(1);
	pthread_create(&thread, NULL, lock_the_other_way, NULL);
	pthread_setname_np(thread, "left");
	sim_threads_stop();
}

static void test_thread_that_nobody_joined_is_told(void **state)
{
	static const char *const texts[] = { "the thread left is left", NULL };

	(void)state;
	assert_failure(leave_a_thread, texts);
}

static void unlock_what_is_not_locked(void)
{
	start(1);
	pthread_mutex_unlock(&first);
}

static void test_unlock_of_what_is_not_locked_is_told(void **state)
{
	static const char *const texts[] = { "main unlocks a mutex that it has not locked", NULL };

	(void)state;
	assert_failure(unlock_what_is_not_locked, texts);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_threads_take_turns_as_the_seed_says),
		TEST(test_mutex_keeps_others_out),
		TEST(test_condition_and_semaphore_wake_who_waits),
		TEST(test_rwlock_lets_nobody_overtake_a_writer),
		TEST(test_poll_lets_time_go_on_when_all_wait),
		TEST(test_hold_makes_one_step),
		TEST(test_deadlock_is_told_with_who_waits_for_whom),
		TEST(test_thread_that_nobody_joined_is_told),
		TEST(test_unlock_of_what_is_not_locked_is_told),
	};

	sim_threads_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
