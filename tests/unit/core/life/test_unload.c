/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A plugin that loads a library of svart's, uses it and unloads it again. DPDK stays in the process, and
 * with it what it was given: telemetry commands, trace points, log types, a driver, callbacks. The
 * process also has fork handlers. All of it is still called.
 *
 * The program is linked with neither svart nor DPDK, whose functions are looked up: see argv.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <svart/svart.h>

static const char *libsvart, *driver; /* Paths; driver is NULL where it is not built. */
static char folder[] = "/tmp/svart-test-XXXXXX";

/** @return whether a library is in the process. */
static bool is_mapped(const char *name)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	bool found = false;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		found |= strstr(line, name) != NULL;
	fclose(maps);
	return found;
}

static void *load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (library == NULL)
		fail_msg("%s", dlerror());
	return library;
}

static void *function(void *library, const char *name)
{
	void *address = dlsym(library, name);

	if (address == NULL)
		fail_msg("%s", dlerror());
	return address;
}

/** Makes and ends a runtime, which starts EAL the first time. */
static void use(void *library)
{
	int (*init)(const struct svart_init_params *, struct svart **) =
		function(library, "svart_init");
	int (*fini)(struct svart *) = function(library, "svart_fini");
	const char *(*text)(void) = function(library, "svart_error_text");
	char args[256];
	const struct svart_init_params params = SVART_INIT_PARAMS_INIT(.eal_args = args);
	struct svart *rt;

	snprintf(args, sizeof(args),
		"--no-huge -m 16 --no-pci --no-shconf --iova-mode=va --file-prefix=test "
		"--log-level=error -l 0 --trace=svart --trace-dir=%s",
		folder);
	if (init(&params, &rt) != 0)
		fail_msg("%s", text());
	assert_int_equal(fini(rt), 0);
}

/** Asks on DPDK's telemetry socket. */
static void ask(const char *question, char *answer, size_t len)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ssize_t n;

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/dpdk/test/dpdk_telemetry.v2",
		folder);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(recv(fd, answer, len, 0) > 0); /* The greeting. */
	assert_int_equal(send(fd, question, strlen(question), MSG_NOSIGNAL), strlen(question));
	n = recv(fd, answer, len - 1, 0);
	assert_true(n > 0);
	answer[n] = '\0';
	close(fd);
}

static void fork_once(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_libsvart_that_was_unloaded_is_still_there_for_who_calls_it(void **state)
{
	void *library = load(libsvart);
	int (*trace_save)(void) = function(library, "rte_trace_save");
	char answer[16384];

	(void)state;
	use(library);
	ask("/svart/devices", answer, sizeof(answer));
	assert_string_equal(answer, "{\"/svart/devices\":[]}");
	assert_int_equal(dlclose(library), 0);
	assert_true(is_mapped("libsvart.so"));
	ask("/svart/devices", answer, sizeof(answer));
	assert_string_equal(answer, "{\"/svart/devices\":[]}");
	ask("/svart/faults,0", answer, sizeof(answer));
	assert_string_equal(answer, "{\"/svart/faults\":null}");
	assert_int_equal(trace_save(), 0);
	fork_once();
}

static void test_libsvart_is_loaded_again_and_works(void **state)
{
	void *library;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		library = load(libsvart);
		use(library);
		assert_int_equal(dlclose(library), 0);
	}
}

/** Registered by a constructor; EAL's bus looks at all its drivers whenever a vdev comes. */
static void test_driver_that_was_unloaded_is_still_there_for_its_bus(void **state)
{
	int (*hotplug)(const char *, const char *, const char *);
	void *library, *keep;

	(void)state;
	if (driver == NULL)
		skip();
	keep = load(libsvart); /* It brings DPDK. */
	use(keep);
	library = load(driver);
	hotplug = function(library, "rte_eal_hotplug_add");
	assert_int_equal(dlclose(library), 0);
	assert_true(is_mapped("librte_dma_svart.so"));
	assert_int_equal(hotplug("vdev", "dma_svart0", "device=model:dsa0"), 0);
	fork_once();
	dlclose(keep);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_libsvart_that_was_unloaded_is_still_there_for_who_calls_it),
		cmocka_unit_test(test_libsvart_is_loaded_again_and_works),
		cmocka_unit_test(test_driver_that_was_unloaded_is_still_there_for_its_bus),
	};
	char remove[64];
	int failed;

	if (argc < 2) {
		fprintf(stderr, "usage: %s LIBSVART [DRIVER]\n", argv[0]);
		return 2;
	}
	libsvart = argv[1];
	driver = argc > 2 ? argv[2] : NULL;
	if (mkdtemp(folder) == NULL)
		return 1;
	setenv("RUNTIME_DIRECTORY", folder, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(remove, sizeof(remove), "rm -rf %s", folder);
	return system(remove) != 0 || failed != 0;
}
