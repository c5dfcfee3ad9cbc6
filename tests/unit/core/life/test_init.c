/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Starting the runtime, and EAL with it, on systems that lack something. EAL starts once in a process:
 * until the last test it only seems to be asked.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include <svart/svart.h>

#define MAX_WORDS 64
#define FOLDERS   "RUNTIME_DIRECTORY"

/** What the system is to be, and what was asked of it. */
static struct {
	long page_bytes;   /**< What the system says that a page has; 0: the truth. */
	int hidden_cpus;   /**< CPUs below that are not in /sys. */
	bool eal_is_real;  /**< Else it fails, and words has what it was told. */
	unsigned int asks; /**< Of EAL. */
	char words[MAX_WORDS][256];
	int nr_words;
} sys;

/* The linker gives svart these in the place of the system's and EAL's: see meson.build. */
long __real_sysconf(int name);
long __wrap_sysconf(int name);
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __real_rte_eal_init(int argc, char **argv);
int __wrap_rte_eal_init(int argc, char **argv);

long __wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE && sys.page_bytes != 0 ? sys.page_bytes : __real_sysconf(name);
}

int __wrap_access(const char *path, int mode)
{
	int cpu;

	if (sscanf(path, "/sys/devices/system/cpu/cpu%d/", &cpu) != 1 || cpu >= sys.hidden_cpus)
		return __real_access(path, mode);
	errno = ENOENT;
	return -1;
}

int __wrap_rte_eal_init(int argc, char **argv)
{
	int i;

	sys.asks++;
	if (sys.eal_is_real)
		return __real_rte_eal_init(argc, argv);
	assert_in_range(argc, 1, MAX_WORDS);
	sys.nr_words = argc;
	for (i = 0; i < argc; i++)
		snprintf(sys.words[i], sizeof(sys.words[i]), "%s", argv[i]);
	rte_errno = ENODEV;
	return -1;
}

/** Whether EAL was told a word, or one that begins so. */
static bool was_told(const char *begin)
{
	int i;

	for (i = 0; i < sys.nr_words; i++) {
		if (strncmp(sys.words[i], begin, strlen(begin)) == 0)
			return true;
	}
	return false;
}

static int reset(void **state)
{
	(void)state;
	memset(&sys, 0, sizeof(sys));
	unsetenv(FOLDERS);
	return 0;
}

/* --- the system ---------------------------------------------------------------------------------- */

/** Another page size would be found out by what the kernel refuses to map, or not at all. */
static void test_init_refuses_other_page_sizes_in_words(void **state)
{
	static const long sizes[] = { 16384, 65536, -1 };
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	struct svart *rt;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		sys.page_bytes = sizes[i];
		assert_int_equal(svart_init(&init, &rt), -ENOTSUP);
	}
	sys.page_bytes = 65536;
	assert_int_equal(svart_init(NULL, &rt), -ENOTSUP);
	assert_non_null(strstr(svart_error_text(), "65536"));
	assert_non_null(strstr(svart_error_text(), "4096"));
	sys.page_bytes = 0;
	assert_int_equal(svart_init(&init, &rt), 0);
	assert_int_equal(svart_fini(rt), 0);
}

/* --- telemetry, which nothing depends on --------------------------------------------------------- */

/** Starts with a folder for EAL's files, or with arguments of its own. */
static void start(const char *folder, const char *args)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.eal_args = args);
	struct svart *rt;
	int rc;

	assert_int_equal(setenv(FOLDERS, folder, 1), 0);
	rc = svart_init(&init, &rt);
	assert_int_equal(sys.asks, 1);
	sys.asks = 0;
	/* EAL that does not start is an error for who asked for it. */
	assert_int_equal(rc, args != NULL ? -ENODEV : 0);
	if (rc == 0)
		assert_int_equal(svart_fini(rt), 0);
}

static void folder_new(char folder[64])
{
	snprintf(folder, 64, "/tmp/svart-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
}

static void test_init_has_telemetry_where_a_socket_can_be_made(void **state)
{
	char folder[64], path[128];

	(void)state;
	folder_new(folder);
	start(folder, NULL);
	assert_false(was_told("--no-telemetry"));
	snprintf(path, sizeof(path), "%s/dpdk", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	start(folder, NULL);
	assert_false(was_told("--no-telemetry"));
	rmdir(path);
	rmdir(folder);
}

static void test_init_without_a_folder_for_telemetry_does_without(void **state)
{
	char folder[64], path[128];
	int fd;

	(void)state;
	folder_new(folder);
	snprintf(path, sizeof(path), "%s/absent", folder);
	start(path, NULL);
	assert_true(was_told("--no-telemetry"));
	/* A file is where the folder would be. */
	snprintf(path, sizeof(path), "%s/dpdk", folder);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	start(folder, NULL);
	assert_true(was_told("--no-telemetry"));
	unlink(path);
	rmdir(folder);
}

/** sockaddr_un(7): 108 bytes. Programs of the same prefix need some for their number. */
static void test_init_with_too_long_a_path_for_a_socket_does_without(void **state)
{
	char folder[64], path[200];
	size_t len;

	(void)state;
	folder_new(folder);
	len = strlen(folder);
	memset(path, 'x', sizeof(path));
	memcpy(path, folder, len);
	path[len] = '/';
	path[74] = '\0';
	assert_int_equal(mkdir(path, 0700), 0);
	start(path, NULL); /* And /dpdk/svart/dpdk_telemetry.v2:999 are 33 + 74 bytes. */
	assert_false(was_told("--no-telemetry"));
	rmdir(path);
	path[74] = 'x';
	path[75] = '\0';
	assert_int_equal(mkdir(path, 0700), 0);
	start(path, NULL);
	assert_true(was_told("--no-telemetry"));
	rmdir(path);
	rmdir(folder);
}

static void test_init_with_arguments_does_without_telemetry_in_their_folder_only(void **state)
{
	char folder[64], path[128];
	int fd;

	(void)state;
	folder_new(folder);
	snprintf(path, sizeof(path), "%s/dpdk", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/dpdk/mine", folder);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	start(folder, "--no-huge --file-prefix=mine");
	assert_true(was_told("--no-telemetry"));
	start(folder, "--no-huge --file-prefix mine");
	assert_true(was_told("--no-telemetry"));
	start(folder, "--no-huge --file-prefix=mine --file-prefix=other");
	assert_false(was_told("--no-telemetry"));
	start(folder, "--no-huge");
	assert_false(was_told("--no-telemetry"));
	/* Who says what he wants gets it, or EAL's error. */
	start(folder, "--no-huge --file-prefix=mine --telemetry");
	assert_false(was_told("--no-telemetry"));
	unlink(path);
	snprintf(path, sizeof(path), "%s/dpdk", folder);
	rmdir(path);
	rmdir(folder);
}

/* --- EAL, which little depends on ---------------------------------------------------------------- */

static void test_init_goes_on_where_eal_does_not_start_by_default(void **state)
{
	const struct svart_fault_params dpdk = SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_DPDK);
	struct svart_fault_service *faults;
	struct svart *rt;

	(void)state;
	assert_int_equal(svart_init(NULL, &rt), 0);
	assert_int_equal(sys.asks, 1);
	assert_int_equal(svart_fault_service_create(rt, &dpdk, &faults), -ENOTSUP);
	assert_int_equal(svart_fault_service_create(rt, NULL, &faults), 0);
	assert_int_equal(svart_fault_service_destroy(faults), 0);
	assert_int_equal(svart_fini(rt), 0);
}

static void test_init_tells_who_asked_for_eal_that_it_does_not_start(void **state)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.eal_args = "--no-huge");
	struct svart *rt;

	(void)state;
	assert_int_equal(svart_init(&init, &rt), -ENODEV);
	assert_non_null(strstr(svart_error_text(), "--no-telemetry"));
}

/** EAL would print its whole usage, and fail. */
static void test_init_without_cpus_in_sysfs_does_not_ask_eal(void **state)
{
	struct svart *rt;

	(void)state;
	sys.hidden_cpus = CPU_SETSIZE;
	assert_int_equal(svart_init(NULL, &rt), 0);
	assert_int_equal(sys.asks, 0);
	assert_int_equal(svart_fini(rt), 0);
}

static void test_init_names_only_cpus_that_sysfs_shows(void **state)
{
	cpu_set_t cpus;
	struct svart *rt;
	char last[32];
	int cpu = CPU_SETSIZE - 1;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	while (!CPU_ISSET(cpu, &cpus))
		cpu--;
	sys.hidden_cpus = cpu; /* All but the last. */
	assert_int_equal(svart_init(NULL, &rt), 0);
	assert_int_equal(sys.asks, 1);
	snprintf(last, sizeof(last), "--lcores=0@(%d)", cpu);
	assert_true(was_told(last));
	assert_int_equal(svart_fini(rt), 0);
}

/** The last one, for EAL starts here. */
static void test_init_after_eal_refused_its_arguments_starts_it(void **state)
{
	const struct svart_init_params bad = SVART_INIT_PARAMS_INIT(.eal_args = "--no-such-option");
	const struct svart_fault_params dpdk = SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_DPDK);
	struct svart_fault_service *faults;
	struct svart *rt;

	(void)state;
	sys.eal_is_real = true;
	assert_true(svart_init(&bad, &rt) < 0);
	/* EAL has counted its lcores by now, and does not run all the same. */
	assert_true(svart_init(&bad, &rt) < 0);
	assert_int_equal(svart_init(NULL, &rt), 0);
	assert_int_equal(svart_fault_service_create(rt, &dpdk, &faults), 0);
	assert_int_equal(svart_fault_service_destroy(faults), 0);
	assert_int_equal(svart_fini(rt), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_init_refuses_other_page_sizes_in_words, reset),
		cmocka_unit_test_setup(test_init_has_telemetry_where_a_socket_can_be_made, reset),
		cmocka_unit_test_setup(
			test_init_without_a_folder_for_telemetry_does_without, reset),
		cmocka_unit_test_setup(
			test_init_with_too_long_a_path_for_a_socket_does_without, reset),
		cmocka_unit_test_setup(
			test_init_with_arguments_does_without_telemetry_in_their_folder_only,
			reset),
		cmocka_unit_test_setup(
			test_init_goes_on_where_eal_does_not_start_by_default, reset),
		cmocka_unit_test_setup(
			test_init_tells_who_asked_for_eal_that_it_does_not_start, reset),
		cmocka_unit_test_setup(test_init_without_cpus_in_sysfs_does_not_ask_eal, reset),
		cmocka_unit_test_setup(test_init_names_only_cpus_that_sysfs_shows, reset),
		cmocka_unit_test_setup(test_init_after_eal_refused_its_arguments_starts_it, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
