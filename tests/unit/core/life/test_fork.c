/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A fork while another thread is inside svart with one of the locks that a process has once. The child
 * lacks that thread, and starts a runtime of its own all the same.
 *
 * The linker gives svart the functions below in the place of EAL's and the system's (meson.build), so
 * that they last until the fork is over.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include <svart/svart.h>

#include "guard.h"
#include "svart_config.h"

/** Seconds after which a child hangs. */
#define CHILD_S 20
/** How long a thread stays inside: the fork must not wait for EAL, and may for a signal handler. */
#define EAL_STAY_NS   UINT64_C(8000000000)
#define GUARD_STAY_NS UINT64_C(500000000)
/** Seconds that a fork may take on a busy machine. */
#define FORK_S 4

static struct {
	atomic_bool eal, guard; /**< Calls that are to last. */
	sem_t inside, go_on;
} stay;

/** @return whether it came before the time was over. */
static bool wait_for(sem_t *sem, uint64_t ns)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += (time_t)(ns / UINT64_C(1000000000));
	deadline.tv_nsec += (long)(ns % UINT64_C(1000000000));
	if (deadline.tv_nsec >= 1000000000) {
		deadline.tv_sec++;
		deadline.tv_nsec -= 1000000000;
	}
	while (sem_timedwait(sem, &deadline) != 0) {
		if (errno != EINTR)
			return false;
	}
	return true;
}

static void stay_in(atomic_bool *call, uint64_t ns)
{
	if (!atomic_exchange(call, false))
		return;
	sem_post(&stay.inside);
	wait_for(&stay.go_on, ns);
}

int __wrap_rte_eal_init(int argc, char **argv);
int __real_sigaction(int signo, const struct sigaction *action, struct sigaction *old);
int __wrap_sigaction(int signo, const struct sigaction *action, struct sigaction *old);

/** An EAL that does not start; the first start takes its time. */
int __wrap_rte_eal_init(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	stay_in(&stay.eal, EAL_STAY_NS);
	rte_errno = EALREADY;
	return -1;
}

int __wrap_sigaction(int signo, const struct sigaction *action, struct sigaction *old)
{
	if (signo == SIGSEGV && action != NULL)
		stay_in(&stay.guard, GUARD_STAY_NS);
	return __real_sigaction(signo, action, old);
}

/* --- what threads and children do ---------------------------------------------------------------- */

static void *start_eal(void *arg)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.eal_args = "--no-huge");
	struct svart *rt;

	(void)arg;
	assert_true(svart_init(&init, &rt) < 0);
	return NULL;
}

static void *make_guard(void *arg)
{
	(void)arg;
	assert_int_equal(svart_guard_init(), 0);
	svart_guard_fini();
	return NULL;
}

static int child_starts_eal(void)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.eal_args = "--no-huge");
	struct svart *rt;

	return svart_init(&init, &rt) == -EALREADY ? 0 : 1;
}

/** step=manual: no thread is started, which race detectors do not bear in such a child. */
static int child_opens_a_device(void)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	const struct svart_fault_params fault =
		SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_INLINE);
	struct svart_fault_service *faults;
	struct svart_space *space;
	struct svart_device *dev;
	struct svart *rt;

	if (svart_init(&init, &rt) != 0 || svart_space_create(rt, NULL, &space) != 0 ||
		svart_fault_service_create(rt, &fault, &faults) != 0)
		return 1;
	if (svart_device_open(rt, "model:dsa0,step=manual", space, faults, &dev) != 0)
		return 2;
	return svart_device_close(dev) != 0 ? 3 : 0;
}

/** Forks while a thread is inside. */
static void fork_inside(atomic_bool *call, void *(*thread_main)(void *), int (*child)(void))
{
	pthread_t thread;
	time_t start;
	int status;
	pid_t pid;

	sem_init(&stay.inside, 0, 0);
	sem_init(&stay.go_on, 0, 0);
	atomic_store(call, true);
	assert_int_equal(pthread_create(&thread, NULL, thread_main, NULL), 0);
	assert_true(wait_for(&stay.inside, CHILD_S * UINT64_C(1000000000)));
	start = time(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(CHILD_S);
		_exit(child());
	}
	assert_true(pid > 0);
	assert_in_range(time(NULL) - start, 0, FORK_S);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	sem_post(&stay.go_on);
	assert_int_equal(pthread_join(thread, NULL), 0);
	if (WIFSIGNALED(status))
		fail_msg("the child hangs, or died: %s", strsignal(WTERMSIG(status)));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- tests --------------------------------------------------------------------------------------- */

static void test_fork_while_eal_starts_leaves_a_child_that_is_told(void **state)
{
	(void)state;
	fork_inside(&stay.eal, start_eal, child_starts_eal);
}

static void test_fork_while_signal_handlers_are_set_leaves_a_child_that_sets_its_own(void **state)
{
	(void)state;
	if (SVART_GUARD_BY_SYSCALL)
		skip(); /* Sanitizers' builds have no handlers. */
	fork_inside(&stay.guard, make_guard, child_opens_a_device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fork_while_eal_starts_leaves_a_child_that_is_told),
		cmocka_unit_test(
			test_fork_while_signal_handlers_are_set_leaves_a_child_that_sets_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
