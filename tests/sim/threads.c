/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "threads.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "random.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#elif __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(UNDER_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define FIBERS_ASAN 1
#elif defined(__SANITIZE_THREAD__) || defined(UNDER_TSAN)
#include <sanitizer/tsan_interface.h>
#define FIBERS_TSAN 1
#endif

/** A resolver has some KiB of arrays; sanitizers want a multiple. */
#define STACK_BYTES ((size_t)512 << 10)
#define GUARD_BYTES ((size_t)16 << 10)
/** Looks without anything that moves, 10 ms apart, after which a sleep has no end: no wait is longer. */
#define MAX_IDLE 2000
/** Locks that are held at once. */
#define MAX_HELD 64
/** Thousandths of condition waits that end without a reason, each time somebody is chosen. */
#define SPURIOUS_PERMILLE 3

/** What a thread does. */
enum state {
	FREE = 0, /**< There is none. */
	READY,    /**< It runs, or waits for its turn. */
	ASLEEP,   /**< Until somebody wakes it: see `on`. */
	POLLING,  /**< Until a file is ready or its time is over. */
	ENDED,    /**< Nobody has joined it yet. */
};

/** What a thread is asleep on. */
enum why { ON_MUTEX, ON_COND, ON_SEM, ON_READ, ON_WRITE, ON_JOIN };

/** A thread. Owner: the scheduler. Lifetime: create to join; of main: start to stop. Locks: none. */
struct thread {
	enum state state;
	enum why why;
	const void *on; /**< While it is asleep. */
	const void
		*writes; /**< The rwlock that it wants to write, from its call until it has it. */
	uint32_t weight;
	char name[16];

	void *(*main)(void *arg);
	void *arg, *result;
	struct pollfd *fds; /**< While it polls. */
	unsigned int nr_fds;
	uint64_t deadline_ns;

	ucontext_t context;
	void *stack;        /**< NULL for main. */
	const void *bottom; /**< Of its stack, for ASan. */
	size_t bytes;
	void *fake_stack; /**< ASan's. */
	void *fiber;      /**< TSan's. */
};

/** The scheduler. Owner: the run. Lifetime: start to stop. Locks: none, one thread runs. */
struct scheduler {
	bool on;
	uint32_t hold; /**< Not 0: what runs is one step. */
	uint32_t current, previous;
	uint32_t switch_permille;
	uint64_t turns; /**< So far. */
	struct sim_random random;
	struct sim_trace *trace;
	struct sim_threads_world world;
	struct thread threads[SIM_MAX_THREADS];
	struct {
		const void *lock;
		uint32_t thread;
	} held[MAX_HELD];
	uint32_t nr_held;
};

/** The calls of the linker have no argument for it. */
static struct scheduler sched;

int __real_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *), void *arg);
int __real_pthread_join(pthread_t thread, void **result);
int __real_pthread_setname_np(pthread_t thread, const char *name);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_trylock(pthread_mutex_t *mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __real_pthread_cond_timedwait(
	pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *deadline);
int __real_pthread_cond_signal(pthread_cond_t *cond);
int __real_pthread_cond_broadcast(pthread_cond_t *cond);
int __real_pthread_rwlock_rdlock(pthread_rwlock_t *lock);
int __real_pthread_rwlock_wrlock(pthread_rwlock_t *lock);
int __real_pthread_rwlock_unlock(pthread_rwlock_t *lock);
int __real_sem_wait(sem_t *sem);
int __real_sem_post(sem_t *sem);
int __real_sched_yield(void);

int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *), void *arg);
int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_setname_np(pthread_t thread, const char *name);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __wrap_pthread_cond_timedwait(
	pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *deadline);
int __wrap_pthread_cond_signal(pthread_cond_t *cond);
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond);
int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *lock);
int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t *lock);
int __wrap_pthread_rwlock_unlock(pthread_rwlock_t *lock);
int __wrap_sem_wait(sem_t *sem);
int __wrap_sem_post(sem_t *sem);
int __wrap_sched_yield(void);

static struct thread *self(void)
{
	return &sched.threads[sched.current];
}

/* --- failing --------------------------------------------------------------------------------- */

static const char *holder_of(const void *lock)
{
	uint32_t i;

	for (i = 0; i < sched.nr_held; i++) {
		if (sched.held[i].lock == lock)
			return sched.threads[sched.held[i].thread].name;
	}
	return "nobody";
}

/** Writes what a thread waits for. @return the bytes written. */
static int describe(const struct thread *t, char *text, size_t len)
{
	static const char *const whats[] = { [ON_MUTEX] = "a mutex",
		[ON_COND] = "a condition",
		[ON_SEM] = "a semaphore",
		[ON_READ] = "an rwlock to read",
		[ON_WRITE] = "an rwlock to write",
		[ON_JOIN] = "the end of a thread" };
	bool is_lock = t->why == ON_MUTEX || t->why == ON_READ || t->why == ON_WRITE;

	if (t->state == POLLING)
		return snprintf(text, len, "; %s polls %u files", t->name, t->nr_fds);
	if (t->state != ASLEEP)
		return snprintf(text, len, "; %s can run", t->name);
	return snprintf(text, len, "; %s waits for %s%s%s", t->name, whats[t->why],
		is_lock ? ", held by " : "", is_lock ? holder_of(t->on) : "");
}

static _Noreturn void fail_deadlock(void)
{
	char text[480];
	size_t at = 0;
	uint32_t i;

	for (i = 0; i < SIM_MAX_THREADS; i++) {
		if (sched.threads[i].state == FREE || sched.threads[i].state == ENDED)
			continue;
		at += (size_t)describe(&sched.threads[i], text + at, sizeof(text) - at);
		if (at >= sizeof(text))
			break;
	}
	sim_fail(sched.trace, "deadlock: nothing moves any more%.*s", (int)sizeof(text), text);
}

/* --- turns ----------------------------------------------------------------------------------- */

#ifdef FIBERS_ASAN
static void nothing(void)
{
}

/** Its first switch of a process makes ASan warn of what fibers prevent: it is made here, unheard. */
void sim_threads_prepare(void)
{
	static uint8_t stack[64 << 10];
	ucontext_t here, there;
	int err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &here;
	dup2(null, STDERR_FILENO);
	makecontext(&there, nothing, 0);
	swapcontext(&here, &there);
	dup2(err, STDERR_FILENO);
	close(null);
	close(err);
}
#else
void sim_threads_prepare(void)
{
}
#endif

#ifdef FIBERS_ASAN
static void before_switch(struct thread *from, const struct thread *to)
{
	__sanitizer_start_switch_fiber(
		from->state == ENDED ? NULL : &from->fake_stack, to->bottom, to->bytes);
}

static void after_switch(struct thread *to, struct thread *from)
{
	__sanitizer_finish_switch_fiber(to->fake_stack, &from->bottom, &from->bytes);
}
#elif defined(FIBERS_TSAN)
static void before_switch(struct thread *from, const struct thread *to)
{
	(void)from;
	__tsan_switch_to_fiber(to->fiber, 0);
}

static void after_switch(struct thread *to, struct thread *from)
{
	(void)to;
	(void)from;
}
#else
static void before_switch(struct thread *from, const struct thread *to)
{
	(void)from;
	(void)to;
}

static void after_switch(struct thread *to, struct thread *from)
{
	(void)to;
	(void)from;
}
#endif

/** Gives the turn to a thread, and comes back when it is this one's again. */
static void switch_to(uint32_t next)
{
	struct thread *from = self(), *to = &sched.threads[next];
	int error = errno;

	if (to == from)
		return;
	sched.turns++;
	sched.previous = sched.current;
	sched.current = next;
	sched.trace->who = next != 0 ? to->name : NULL;
	before_switch(from, to);
	swapcontext(&from->context, &to->context);
	after_switch(from, &sched.threads[sched.previous]);
	errno = error;
}

static bool is_ready(const struct thread *t)
{
	if (t->state != POLLING)
		return t->state == READY;
	return sched.world.poll(sched.world.arg, t->fds, t->nr_fds) != 0 ||
	       sched.world.now_ns(sched.world.arg) >= t->deadline_ns;
}

/** Draws who is next. @param others not the one that runs. @return SIM_MAX_THREADS: nobody can. */
static uint32_t choose(bool others)
{
	uint32_t weights[SIM_MAX_THREADS], sum = 0, i, at;

	for (i = 0; i < SIM_MAX_THREADS; i++) {
		weights[i] = (others && i == sched.current) || !is_ready(&sched.threads[i])
				     ? 0
				     : sched.threads[i].weight;
		sum += weights[i];
	}
	if (sum == 0)
		return SIM_MAX_THREADS;
	at = sim_below(&sched.random, sum);
	for (i = 0; at >= weights[i]; i++)
		at -= weights[i];
	return i;
}

static void wake(const void *on, enum why why)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_THREADS; i++) {
		if (sched.threads[i].state == ASLEEP && sched.threads[i].on == on &&
			sched.threads[i].why == why)
			sched.threads[i].state = READY;
	}
}

/** A condition's wait may end without a reason (POSIX, pthread_cond_wait()). */
static void wake_spuriously(void)
{
	struct thread *t = &sched.threads[sim_below(&sched.random, SIM_MAX_THREADS)];

	if (t->state == ASLEEP && t->why == ON_COND && sim_chance(&sched.random, SPURIOUS_PERMILLE))
		t->state = READY;
}

/** Draws who is next, letting devices and time go on until there is one. */
static uint32_t await_anybody(void)
{
	uint32_t next, idle = 0;

	wake_spuriously();
	while ((next = choose(false)) == SIM_MAX_THREADS) {
		idle = sched.world.step(sched.world.arg) ? 0 : idle + 1;
		if (idle == MAX_IDLE)
			fail_deadlock();
	}
	return next;
}

/** The one that runs cannot go on. */
static void give_up_turn(void)
{
	if (sched.hold != 0)
		sim_fail(sched.trace, "the simulation itself: %s would sleep within one step",
			self()->name);
	switch_to(await_anybody());
	self()->state = READY;
}

static void sleep_on(const void *on, enum why why)
{
	self()->state = ASLEEP;
	self()->on = on;
	self()->why = why;
	give_up_turn();
}

void sim_threads_point(void)
{
	if (sched.on && sched.hold == 0 && sim_chance(&sched.random, sched.switch_permille))
		switch_to(choose(false));
}

bool sim_threads_yield(void)
{
	uint32_t next;

	if (!sched.on || sched.hold != 0)
		return false;
	next = choose(true);
	if (next == SIM_MAX_THREADS)
		return false;
	switch_to(next);
	return true;
}

void sim_threads_quiesce(void)
{
	while (sim_threads_yield())
		;
}

void sim_threads_hold(void)
{
	sched.hold++;
}

void sim_threads_release(void)
{
	sched.hold--;
}

bool sim_threads_on(void)
{
	return sched.on;
}

uint32_t sim_threads_current(void)
{
	return sched.current;
}

int sim_threads_poll(struct pollfd *fds, unsigned int nr, uint64_t timeout_ns)
{
	uint64_t begin = sched.world.now_ns(sched.world.arg);
	struct thread *t = self();
	int rc;

	t->fds = fds;
	t->nr_fds = nr;
	t->deadline_ns = timeout_ns > UINT64_MAX - begin ? UINT64_MAX : begin + timeout_ns;
	for (;;) {
		sim_threads_point();
		rc = sched.world.poll(sched.world.arg, fds, nr);
		if (rc != 0 || sched.world.now_ns(sched.world.arg) >= t->deadline_ns)
			return rc;
		t->state = POLLING;
		give_up_turn();
	}
}

/* --- life ------------------------------------------------------------------------------------ */

static void draw_weight(struct thread *t)
{
	t->weight = UINT32_C(1) << sim_below(&sched.random, 6);
}

void sim_threads_start(
	const struct sim_threads_world *world, struct sim_trace *trace, uint64_t seed)
{
	struct thread *t = &sched.threads[0];

	sched = (struct scheduler){ .on = true, .trace = trace, .world = *world };
	sched.random.state = seed;
	sched.switch_permille = UINT32_C(8) << sim_below(&sched.random, 7);
	t->state = READY;
	draw_weight(t);
	snprintf(t->name, sizeof(t->name), "main");
#ifdef FIBERS_TSAN
	t->fiber = __tsan_get_current_fiber();
#endif
}

void sim_threads_stop(void)
{
	uint32_t i;

	for (i = 1; i < SIM_MAX_THREADS; i++) {
		if (sched.threads[i].state != FREE)
			sim_fail(sched.trace, "the thread %s is left", sched.threads[i].name);
	}
	sim_event(sched.trace, "threads: %llu turns", (unsigned long long)sched.turns);
	sched.on = false;
}

/** The begin and the end of each thread. */
static void begin(void)
{
	struct thread *t = self();

	after_switch(t, &sched.threads[sched.previous]);
	t->result = t->main(t->arg);
	t->state = ENDED;
	wake(t, ON_JOIN);
	switch_to(await_anybody());
}

static int stack_create(struct thread *t)
{
	uint8_t *at = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return EAGAIN;
	if (mprotect(at + GUARD_BYTES, STACK_BYTES, PROT_READ | PROT_WRITE) != 0) {
		munmap(at, GUARD_BYTES + STACK_BYTES);
		return EAGAIN;
	}
	t->stack = at;
	t->bottom = at + GUARD_BYTES;
	t->bytes = STACK_BYTES;
	return 0;
}

/** Separate, for getcontext() returns twice to compilers. */
static void context_create(struct thread *t)
{
	getcontext(&t->context);
	t->context.uc_stack.ss_sp = (uint8_t *)t->stack + GUARD_BYTES;
	t->context.uc_stack.ss_size = STACK_BYTES;
	t->context.uc_link = NULL;
	/* The library has just blocked all for the thread; the alarm is not the library's. */
	sigdelset(&t->context.uc_sigmask, SIGALRM);
	makecontext(&t->context, begin, 0);
}

static struct thread *find_free(void)
{
	uint32_t i = 1;

	while (i < SIM_MAX_THREADS && sched.threads[i].state != FREE)
		i++;
	if (i == SIM_MAX_THREADS)
		sim_fail(sched.trace, "the simulation itself: too many threads");
	return &sched.threads[i];
}

int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *), void *arg)
{
	struct thread *t;

	if (!sched.on)
		return __real_pthread_create(thread, attr, main, arg);
	t = find_free();
	*t = (struct thread){ .main = main, .arg = arg };
	if (stack_create(t) != 0)
		return EAGAIN;
	context_create(t);
#ifdef FIBERS_TSAN
	t->fiber = __tsan_create_fiber(0);
#endif
	draw_weight(t);
	t->state = READY;
	*thread = (pthread_t)(t - sched.threads);
	sim_threads_point();
	return 0;
}

int __wrap_pthread_setname_np(pthread_t thread, const char *name)
{
	if (!sched.on)
		return __real_pthread_setname_np(thread, name);
	snprintf(sched.threads[thread].name, sizeof(sched.threads[0].name), "%s", name);
	return 0;
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
	struct thread *t = &sched.threads[thread];

	if (!sched.on)
		return __real_pthread_join(thread, result);
	while (t->state != ENDED)
		sleep_on(t, ON_JOIN);
	if (result != NULL)
		*result = t->result;
#ifdef FIBERS_TSAN
	__tsan_destroy_fiber(t->fiber);
#endif
#ifdef FIBERS_ASAN
	/* What comes there next is no stack. */
	__asan_unpoison_memory_region(t->bottom, t->bytes);
#endif
	munmap(t->stack, GUARD_BYTES + STACK_BYTES);
	t->state = FREE;
	return 0;
}

/* --- locks ----------------------------------------------------------------------------------- */

/** Within one step nobody else can have a lock that is taken there. */
static void must_be_free(int rc)
{
	if (rc != 0)
		sim_fail(sched.trace, "the simulation itself: a lock is taken within one step, and "
				      "outside of any");
}

static void note_held(const void *lock)
{
	if (sched.nr_held == MAX_HELD)
		sim_fail(sched.trace, "the simulation itself: too many locks are held");
	sched.held[sched.nr_held].lock = lock;
	sched.held[sched.nr_held++].thread = sched.current;
}

/** @return whether this thread held it. */
static bool note_released(const void *lock)
{
	uint32_t i;

	for (i = sched.nr_held; i > 0; i--) {
		if (sched.held[i - 1].lock == lock && sched.held[i - 1].thread == sched.current) {
			sched.held[i - 1] = sched.held[--sched.nr_held];
			return true;
		}
	}
	return false;
}

static void take_mutex(pthread_mutex_t *mutex)
{
	while (__real_pthread_mutex_trylock(mutex) != 0)
		sleep_on(mutex, ON_MUTEX);
	note_held(mutex);
}

static void give_mutex(pthread_mutex_t *mutex)
{
	if (!note_released(mutex))
		sim_fail(sched.trace, "%s unlocks a mutex that it has not locked", self()->name);
	__real_pthread_mutex_unlock(mutex);
	wake(mutex, ON_MUTEX);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	if (!sched.on)
		return __real_pthread_mutex_lock(mutex);
	if (sched.hold != 0) {
		must_be_free(__real_pthread_mutex_trylock(mutex));
		return 0;
	}
	sim_threads_point();
	take_mutex(mutex);
	return 0;
}

int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	int rc;

	if (sched.on && sched.hold == 0)
		sim_threads_point();
	rc = __real_pthread_mutex_trylock(mutex);
	if (rc == 0 && sched.on && sched.hold == 0)
		note_held(mutex);
	return rc;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	if (!sched.on || sched.hold != 0)
		return __real_pthread_mutex_unlock(mutex);
	give_mutex(mutex);
	sim_threads_point();
	return 0;
}

int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	if (!sched.on)
		return __real_pthread_cond_wait(cond, mutex);
	give_mutex(mutex);
	sleep_on(cond, ON_COND);
	take_mutex(mutex);
	return 0;
}

/**
 * The library bounds a teardown's wait by seconds, for a page that does not come. Here every page comes, so
 * that the time is never over: a wait that nobody ends is a deadlock, and found as one.
 */
int __wrap_pthread_cond_timedwait(
	pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *deadline)
{
	if (!sched.on)
		return __real_pthread_cond_timedwait(cond, mutex, deadline);
	return __wrap_pthread_cond_wait(cond, mutex);
}

int __wrap_pthread_cond_signal(pthread_cond_t *cond)
{
	uint32_t first, i;
	struct thread *t;

	if (!sched.on)
		return __real_pthread_cond_signal(cond);
	/* Whichever it likes. */
	first = sim_below(&sched.random, SIM_MAX_THREADS);
	for (i = 0; i < SIM_MAX_THREADS; i++) {
		t = &sched.threads[(first + i) % SIM_MAX_THREADS];
		if (t->state == ASLEEP && t->why == ON_COND && t->on == cond) {
			t->state = READY;
			break;
		}
	}
	sim_threads_point();
	return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *cond)
{
	if (!sched.on)
		return __real_pthread_cond_broadcast(cond);
	wake(cond, ON_COND);
	sim_threads_point();
	return 0;
}

/** Whether somebody waits to write: who comes to read then waits behind him, as in the kernel. */
static bool writer_waits(const pthread_rwlock_t *lock)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_THREADS; i++) {
		if (sched.threads[i].state != FREE && sched.threads[i].writes == lock)
			return true;
	}
	return false;
}

int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
	if (!sched.on)
		return __real_pthread_rwlock_rdlock(lock);
	if (sched.hold != 0) {
		must_be_free(pthread_rwlock_tryrdlock(lock));
		return 0;
	}
	sim_threads_point();
	while (writer_waits(lock) || pthread_rwlock_tryrdlock(lock) != 0)
		sleep_on(lock, ON_READ);
	note_held(lock);
	return 0;
}

int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
	if (!sched.on)
		return __real_pthread_rwlock_wrlock(lock);
	if (sched.hold != 0) {
		must_be_free(pthread_rwlock_trywrlock(lock));
		return 0;
	}
	sim_threads_point();
	self()->writes = lock;
	while (pthread_rwlock_trywrlock(lock) != 0)
		sleep_on(lock, ON_WRITE);
	self()->writes = NULL;
	note_held(lock);
	return 0;
}

int __wrap_pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
	if (!sched.on || sched.hold != 0)
		return __real_pthread_rwlock_unlock(lock);
	note_released(lock);
	__real_pthread_rwlock_unlock(lock);
	wake(lock, ON_WRITE);
	wake(lock, ON_READ);
	sim_threads_point();
	return 0;
}

int __wrap_sem_wait(sem_t *sem)
{
	if (!sched.on)
		return __real_sem_wait(sem);
	sim_threads_point();
	while (sem_trywait(sem) != 0)
		sleep_on(sem, ON_SEM);
	return 0;
}

int __wrap_sem_post(sem_t *sem)
{
	int rc;

	if (!sched.on)
		return __real_sem_post(sem);
	rc = __real_sem_post(sem);
	wake(sem, ON_SEM);
	sim_threads_point();
	return rc;
}

int __wrap_sched_yield(void)
{
	if (!sched.on)
		return __real_sched_yield();
	if (sched.hold != 0)
		sim_fail(sched.trace,
			"the simulation itself: %s waits for another thread within "
			"one step",
			self()->name);
	sim_threads_yield();
	return 0;
}
