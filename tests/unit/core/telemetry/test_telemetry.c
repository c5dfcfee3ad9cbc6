/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The telemetry commands, over the socket of a real EAL in this process. Answers are parsed by
 * jansson, as readers of telemetry do it.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>
#include <rte_eal.h>

#include <svart/svart.h>

#include "loss.h"

#define ANSWER_BYTES 65536

/** Owner: one test. */
struct rig {
	struct svart *rt;
	struct svart_space *space, *second;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	int fd;
};

static char folder[] = "/tmp/svart-test-XXXXXX";

static int connect_telemetry(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char greeting[1024];

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/dpdk_telemetry.v2",
		rte_eal_get_runtime_dir());
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(recv(fd, greeting, sizeof(greeting), 0) > 0);
	return fd;
}

static struct svart *runtime_new(void)
{
	static const char eal_args[] =
		"--no-huge -m 16 --no-pci --no-shconf --iova-mode=va --file-prefix=test "
		"--log-level=error --lcores=0@0";
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.eal_args = eal_args);
	struct svart *rt;

	assert_int_equal(svart_init(&init, &rt), 0);
	return rt;
}

static void rig_open(struct rig *r, const char *spec)
{
	r->rt = runtime_new();
	assert_int_equal(svart_space_create(r->rt, NULL, &r->space), 0);
	assert_int_equal(svart_space_create(r->rt, NULL, &r->second), 0);
	assert_int_equal(svart_fault_service_create(r->rt, NULL, &r->faults), 0);
	assert_int_equal(svart_device_open(r->rt, spec, r->space, r->faults, &r->dev), 0);
	r->fd = connect_telemetry();
}

static void rig_close(struct rig *r)
{
	close(r->fd);
	assert_int_equal(svart_device_close(r->dev), 0);
	assert_int_equal(svart_fault_service_destroy(r->faults), 0);
	assert_int_equal(svart_space_destroy(r->second), 0);
	assert_int_equal(svart_space_destroy(r->space), 0);
	assert_int_equal(svart_fini(r->rt), 0);
}

/** @return what stands in the answer's one member; the caller ends it with json_decref(). */
static json_t *ask(int fd, const char *command)
{
	static char answer[ANSWER_BYTES];
	const char *name;
	json_t *message, *value = NULL;
	ssize_t len;

	assert_int_equal(send(fd, command, strlen(command), MSG_NOSIGNAL), strlen(command));
	len = recv(fd, answer, sizeof(answer), 0);
	assert_true(len > 0);
	message = json_loadb(answer, (size_t)len, 0, NULL);
	assert_non_null(message);
	json_object_foreach(message, name, value) json_incref(value);
	assert_int_equal(json_object_size(message), 1);
	json_decref(message);
	return value;
}

static void assert_refused(int fd, const char *command)
{
	json_t *answer = ask(fd, command);

	assert_true(json_is_null(answer));
	json_decref(answer);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	assert_non_null(text);
	return text;
}

static void test_devices_lists_the_open_ones(void **state)
{
	json_t *answer;
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0");
	answer = ask(r.fd, "/svart/devices");
	assert_int_equal(json_array_size(answer), 1);
	assert_int_equal(json_integer_value(json_array_get(answer, 0)), 0);
	json_decref(answer);
	rig_close(&r);
}

static void test_devices_after_runtimes_ended_is_empty(void **state)
{
	struct svart *rt = runtime_new();
	int fd = connect_telemetry();
	json_t *answer;

	(void)state;
	assert_int_equal(svart_fini(rt), 0);
	answer = ask(fd, "/svart/devices");
	assert_int_equal(json_array_size(answer), 0);
	json_decref(answer);
	assert_refused(fd, "/svart/device,0");
	assert_refused(fd, "/svart/faults,0");
	close(fd);
}

static void test_device_tells_what_it_is(void **state)
{
	json_t *answer, *spaces;
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,pasid=5");
	assert_int_equal(svart_device_attach(r.dev, r.second, 77), 0);
	answer = ask(r.fd, "/svart/device,0");
	assert_int_equal(json_integer_value(json_object_get(answer, "id")), 0);
	assert_string_equal(text_of(answer, "name"), "model:dsa0");
	assert_string_equal(text_of(answer, "driver"), "dsa");
	assert_string_equal(text_of(answer, "fault_mode"), "deferred");
	assert_string_equal(text_of(answer, "fault_source"), "iommufd");
	assert_int_equal(json_array_size(json_object_get(answer, "pasids")), 2);
	spaces = json_object_get(answer, "spaces");
	assert_true(json_is_integer(json_object_get(json_object_get(spaces, "5"), "pinned_bytes")));
	assert_true(json_is_integer(json_object_get(json_object_get(spaces, "77"), "evictions")));
	assert_true(json_is_integer(json_object_get(json_object_get(spaces, "77"), "replaced")));
	assert_true(
		json_is_integer(json_object_get(json_object_get(spaces, "77"), "replaced_held")));
	json_decref(answer);
	rig_close(&r);
}

static void test_device_that_was_lost_says_how(void **state)
{
	json_t *answer;
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0");
	answer = ask(r.fd, "/svart/device,0");
	assert_string_equal(text_of(answer, "lost"), "");
	json_decref(answer);
	svart_device_lose(r.dev, SVART_PMD_LOSS_BUS_MASTER, 0x402);
	answer = ask(r.fd, "/svart/device,0");
	assert_non_null(strstr(text_of(answer, "lost"), "taken from it: PCI command 0x402"));
	json_decref(answer);
	rig_close(&r);
}

static void test_device_without_page_requests_has_no_source(void **state)
{
	json_t *answer;
	struct rig r;

	(void)state;
	rig_open(&r, "model:edu0");
	answer = ask(r.fd, "/svart/device,0");
	assert_string_equal(text_of(answer, "fault_mode"), "none");
	assert_string_equal(text_of(answer, "fault_source"), "none");
	json_decref(answer);
	answer = ask(r.fd, "/svart/faults,0");
	assert_int_equal(json_integer_value(json_object_get(answer, "page_requests")), 0);
	assert_int_equal(json_object_size(json_object_get(answer, "latency_ns")), 0);
	json_decref(answer);
	rig_close(&r);
}

static void test_faults_of_one_pasid_name_it(void **state)
{
	json_t *answer;
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,pasid=5");
	answer = ask(r.fd, "/svart/faults,0,5");
	assert_string_equal(text_of(answer, "pasid"), "5");
	json_decref(answer);
	assert_refused(r.fd, "/svart/faults,0,6");
	assert_refused(r.fd, "/svart/faults,0,none");
	rig_close(&r);
}

/** Copies into fresh memory, so that there are counts. */
static void fault_once(struct rig *r)
{
	static _Alignas(4096) char src[65536], dst[65536];
	struct svart_completion done;
	struct svart_queue *q;

	assert_int_equal(svart_queue_create(r->dev, NULL, &q), 0);
	assert_int_equal(svart_queue_prep_copy(q, dst, src, sizeof(src), 0, 1), 1);
	svart_queue_submit(q);
	assert_int_equal(svart_queue_wait(q, &done, 1, UINT64_C(5000000000)), 1);
	assert_int_equal(svart_queue_destroy(q), 0);
	assert_int_equal(svart_space_forget(r->space, src, sizeof(src)), 0);
	assert_int_equal(svart_space_forget(r->space, dst, sizeof(dst)), 0);
}

static void test_faults_sum_and_histogram_agree(void **state)
{
	json_t *answer, *value, *pasid;
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();
	json_int_t sum = 0;
	const char *key;
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0");
	fault_once(&r);
	do { /* An answer is counted just after it was sent. */
		assert_int_equal(svart_device_fault_stats_get(r.dev, NULL, &stats), 0);
	} while (stats.answers_success != stats.groups);
	answer = ask(r.fd, "/svart/faults,0");
	pasid = json_object_get(json_object_get(answer, "pasids"), "none");
	assert_true(stats.groups > 0);
	assert_int_equal(
		json_integer_value(json_object_get(answer, "answers_success")), stats.groups);
	assert_true(json_equal(
		json_object_get(answer, "page_requests"), json_object_get(pasid, "page_requests")));
	json_object_foreach(json_object_get(answer, "latency_ns"), key, value) sum +=
		json_integer_value(value);
	assert_int_equal(sum, stats.groups);
	json_decref(answer);
	rig_close(&r);
}

static void test_bad_parameters_are_answered_with_null(void **state)
{
	static const char *const bad[] = { "/svart/devices,0", "/svart/device", "/svart/device,",
		"/svart/device,1", "/svart/device,-1", "/svart/device,+0", "/svart/device, 0",
		"/svart/device,0 ", "/svart/device,0,0", "/svart/device,0x0",
		"/svart/device,4294967296", "/svart/device,18446744073709551616",
		"/svart/device,99999999999999999999999999999999999999999", "/svart/device,%s%n",
		"/svart/faults", "/svart/faults,0,", "/svart/faults,0,,", "/svart/faults,,",
		"/svart/faults,0,nonesuch", "/svart/faults,0,1048576", "/svart/faults,0,-1",
		"/svart/faults,0,4294967295", "/svart/faults,0,none,", "/svart/faults,\x01\xff" };
	char longest[1000];
	struct rig r;
	size_t i;

	(void)state;
	rig_open(&r, "model:dsa0");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(r.fd, bad[i]);
	memset(longest, '7', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memcpy(longest, "/svart/faults,", strlen("/svart/faults,"));
	assert_refused(r.fd, longest);
	rig_close(&r);
}

static void test_commands_are_registered_once(void **state)
{
	struct svart *one = runtime_new(), *other = runtime_new();
	unsigned int nr = 0;
	json_t *answer, *name;
	size_t i;
	int fd = connect_telemetry();

	(void)state;
	answer = ask(fd, "/");
	json_array_foreach(answer, i, name) nr +=
		strncmp(json_string_value(name), "/svart/", strlen("/svart/")) == 0;
	assert_int_equal(nr, 3);
	json_decref(answer);
	close(fd);
	assert_int_equal(svart_fini(one), 0);
	assert_int_equal(svart_fini(other), 0);
}

static void *ask_on(void *arg)
{
	atomic_bool *stop = arg;
	int fd = connect_telemetry();

	while (!atomic_load(stop)) {
		char answer[ANSWER_BYTES];

		assert_true(send(fd, "/svart/faults,0", 15, MSG_NOSIGNAL) > 0);
		assert_true(recv(fd, answer, sizeof(answer), 0) > 0);
	}
	close(fd);
	return NULL;
}

/** One client: DPDK 22.11 itself parses commands of several with one strtok(). */
static void test_runtimes_come_and_go_while_a_client_asks(void **state)
{
	atomic_bool stop = false;
	pthread_t thread;
	struct rig r;
	unsigned int i;

	(void)state;
	rig_open(&r, "model:dsa0"); /* EAL runs from now on. */
	rig_close(&r);
	assert_int_equal(pthread_create(&thread, NULL, ask_on, &stop), 0);
	for (i = 0; i < 20; i++) {
		r.rt = runtime_new();
		assert_int_equal(svart_space_create(r.rt, NULL, &r.space), 0);
		assert_int_equal(svart_fault_service_create(r.rt, NULL, &r.faults), 0);
		assert_int_equal(
			svart_device_open(r.rt, "model:dsa0", r.space, r.faults, &r.dev), 0);
		assert_int_equal(svart_device_close(r.dev), 0);
		assert_int_equal(svart_fault_service_destroy(r.faults), 0);
		assert_int_equal(svart_space_destroy(r.space), 0);
		assert_int_equal(svart_fini(r.rt), 0);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}

static int folder_make(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : setenv("RUNTIME_DIRECTORY", folder, 1);
}

static int folder_remove(void **state)
{
	char path[128];

	(void)state;
	rte_eal_cleanup();
	snprintf(path, sizeof(path), "%s/dpdk/test/dpdk_telemetry.v2", folder);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_devices_lists_the_open_ones),
		cmocka_unit_test(test_devices_after_runtimes_ended_is_empty),
		cmocka_unit_test(test_device_tells_what_it_is),
		cmocka_unit_test(test_device_that_was_lost_says_how),
		cmocka_unit_test(test_device_without_page_requests_has_no_source),
		cmocka_unit_test(test_faults_of_one_pasid_name_it),
		cmocka_unit_test(test_faults_sum_and_histogram_agree),
		cmocka_unit_test(test_bad_parameters_are_answered_with_null),
		cmocka_unit_test(test_commands_are_registered_once),
		cmocka_unit_test(test_runtimes_come_and_go_while_a_client_asks),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
