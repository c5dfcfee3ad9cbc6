/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"
#include "svart_config.h"

#define PAGE 4096UL

/* Not as fixtures: cmocka puts its own signal handlers around each of these and each test. */

static void begin(void)
{
	assert_int_equal(svart_guard_init(), 0);
}

static void end(void)
{
	svart_guard_fini();
}

static uint8_t *map(size_t len, int prot)
{
	void *p = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static void test_guard_copy_of_present_memory_is_memmove(void **state)
{
	uint8_t buf[64], expected[64];
	unsigned int i;

	(void)state;
	begin();
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = expected[i] = (uint8_t)i;
	memmove(expected + 3, expected, 50);
	assert_int_equal(svart_guard_copy(buf + 3, buf, 50), 0);
	assert_memory_equal(buf, expected, sizeof(buf));
	end();
}

static void test_guard_copy_of_overlapping_long_ranges_is_memmove(void **state)
{
	uint8_t *a = map(20 * PAGE, PROT_READ | PROT_WRITE);
	uint8_t *b = malloc(20 * PAGE);
	size_t i;

	(void)state;
	begin();
	if (b == NULL)
		abort();
	for (i = 0; i < 20 * PAGE; i++)
		a[i] = b[i] = (uint8_t)(i * 7 + i / 251);
	memmove(b + 1000, b, 19 * PAGE);
	assert_int_equal(svart_guard_copy(a + 1000, a, 19 * PAGE), 0);
	assert_memory_equal(a, b, 20 * PAGE);
	memmove(b, b + 777, 19 * PAGE);
	assert_int_equal(svart_guard_copy(a, a + 777, 19 * PAGE), 0);
	assert_memory_equal(a, b, 20 * PAGE);
	munmap(a, 20 * PAGE);
	free(b);
	end();
}

static void test_guard_copy_from_or_to_a_hole_gives_efault(void **state)
{
	uint8_t *hole = map(2 * PAGE, PROT_READ | PROT_WRITE), buf[64] = { 0 };

	(void)state;
	begin();
	munmap(hole + PAGE, PAGE);
	assert_int_equal(svart_guard_copy(buf, hole + PAGE - 32, 64), -EFAULT);
	assert_int_equal(svart_guard_copy(hole + PAGE - 32, buf, 64), -EFAULT);
	assert_int_equal(svart_guard_copy(hole + PAGE - 32, buf, 32), 0);
	munmap(hole, PAGE);
	end();
}

static void test_guard_copy_to_read_only_memory_gives_efault(void **state)
{
	uint8_t *page = map(PAGE, PROT_READ), buf[8] = { 1 };

	(void)state;
	begin();
	assert_int_equal(svart_guard_copy(page, buf, sizeof(buf)), -EFAULT);
	munmap(page, PAGE);
	end();
}

static void test_guard_copy_beyond_a_truncated_file_gives_efault(void **state)
{
	int fd = memfd_create("guard", MFD_CLOEXEC);
	uint8_t *page, byte;

	(void)state;
	begin();
	assert_int_equal(ftruncate(fd, PAGE), 0);
	page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(page != MAP_FAILED);
	assert_int_equal(svart_guard_copy(&byte, page, 1), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(svart_guard_copy(&byte, page, 1), -EFAULT);
	munmap(page, PAGE);
	close(fd);
	end();
}

static void test_guard_copy_of_a_null_pointer_gives_efault(void **state)
{
	uint8_t byte;

	(void)state;
	begin();
	assert_int_equal(svart_guard_copy(&byte, NULL, 1), -EFAULT);
	end();
}

static void test_guard_survives_many_faults_in_a_row(void **state)
{
	uint8_t byte;
	int i;

	(void)state;
	begin();
	for (i = 0; i < 1000; i++)
		assert_int_equal(svart_guard_copy(&byte, NULL, 1), -EFAULT);
	end();
}

static void test_guard_fill_continues_a_pattern_at_its_phase(void **state)
{
	uint8_t *page = map(PAGE, PROT_READ | PROT_WRITE);

	(void)state;
	begin();
	assert_int_equal(svart_guard_fill(page, 4, 0x0706050403020100, 0x0f0e0d0c0b0a0908, 6), 0);
	assert_memory_equal(page, "\x06\x07\x08\x09", 4);
	assert_int_equal(svart_guard_fill(NULL, 4, 0, 0, 0), -EFAULT);
	munmap(page, PAGE);
	end();
}

static void test_guard_publish_writes_the_whole_record(void **state)
{
	uint8_t *page = map(PAGE, PROT_READ | PROT_WRITE);

	(void)state;
	begin();
	assert_int_equal(svart_guard_publish(page, "status and more", 16), 0);
	assert_string_equal((char *)page, "status and more");
	assert_int_equal(svart_guard_publish(page, "X", 1), 0);
	assert_int_equal(page[0], 'X');
	munmap(page, PAGE);
	assert_int_equal(svart_guard_publish(page, "status and more", 16), -EFAULT);
	end();
}

#if !SVART_GUARD_BY_SYSCALL

/** Runs a child and returns how it ended. */
static int status_of(void (*child)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		child();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void fault_unguarded(void)
{
	volatile uint8_t *nothing = NULL;

	signal(SIGABRT, SIG_DFL);
	*nothing = 1;
}

static void reset_and_fault(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	/* As a program would have it; cmocka has a handler of its own. */
	svart_guard_fini();
	sigaction(SIGSEGV, &dfl, NULL);
	svart_guard_init();
	fault_unguarded();
}

static void test_guard_unguarded_fault_still_ends_the_process(void **state)
{
	int status;

	(void)state;
	begin();
	status = status_of(reset_and_fault);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	end();
}

static void exit_42(int signo)
{
	(void)signo;
	_exit(42);
}

static void own_handler_and_fault(void)
{
	struct sigaction own = { .sa_handler = exit_42 };

	svart_guard_fini();
	sigaction(SIGSEGV, &own, NULL);
	svart_guard_init();
	fault_unguarded();
}

static void test_guard_unguarded_fault_reaches_the_handler_before(void **state)
{
	int status;

	(void)state;
	begin();
	status = status_of(own_handler_and_fault);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
	end();
}

static void later_handler_then_fini(void)
{
	struct sigaction own = { .sa_handler = exit_42 }, now;

	sigaction(SIGSEGV, &own, NULL);
	svart_guard_fini();
	sigaction(SIGSEGV, NULL, &now);
	_exit(now.sa_handler == exit_42 ? 7 : 8);
}

static void test_guard_fini_leaves_a_later_handler_alone(void **state)
{
	int status;

	(void)state;
	begin();
	status = status_of(later_handler_then_fini);
	assert_int_equal(WEXITSTATUS(status), 7);
	end();
}

static void test_guard_fault_leaves_the_signal_unblocked(void **state)
{
	sigset_t now;
	uint8_t byte;

	(void)state;
	begin();
	assert_int_equal(svart_guard_copy(&byte, NULL, 1), -EFAULT);
	sigprocmask(SIG_SETMASK, NULL, &now);
	assert_int_equal(sigismember(&now, SIGSEGV), 0);
	end();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guard_copy_of_present_memory_is_memmove),
		cmocka_unit_test(test_guard_copy_of_overlapping_long_ranges_is_memmove),
		cmocka_unit_test(test_guard_copy_from_or_to_a_hole_gives_efault),
		cmocka_unit_test(test_guard_copy_to_read_only_memory_gives_efault),
		cmocka_unit_test(test_guard_copy_beyond_a_truncated_file_gives_efault),
		cmocka_unit_test(test_guard_copy_of_a_null_pointer_gives_efault),
		cmocka_unit_test(test_guard_survives_many_faults_in_a_row),
		cmocka_unit_test(test_guard_fill_continues_a_pattern_at_its_phase),
		cmocka_unit_test(test_guard_publish_writes_the_whole_record),
#if !SVART_GUARD_BY_SYSCALL
		cmocka_unit_test(test_guard_unguarded_fault_still_ends_the_process),
		cmocka_unit_test(test_guard_unguarded_fault_reaches_the_handler_before),
		cmocka_unit_test(test_guard_fini_leaves_a_later_handler_alone),
		cmocka_unit_test(test_guard_fault_leaves_the_signal_unblocked),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
