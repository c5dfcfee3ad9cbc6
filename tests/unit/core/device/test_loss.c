/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Devices that are lost under a program: pulled out, reset or switched off by somebody else, without the
 * descriptors by which the kernel serves them. Whoever waits is told, at once and in words; other devices
 * go on; what is left can be closed.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <rte_service.h>

#include <svart/svart.h>

#include "device_state.h"
#include "loss.h"
#include "machine.h"
#include "machines.h"
#include "service.h"
#include "model.h"
#include "vfio_function.h"
#include "vtd_spec.h"

#define PAGE       4096u
#define SECOND_NS  UINT64_C(1000000000)
#define TIMEOUT_NS (20 * SECOND_NS)
/** A loss is found within milliseconds; more is for machines that are busy. */
#define AT_ONCE_NS SECOND_NS
/** More empty polls than the DSA driver lets pass between two looks at the registers, and some. */
#define MANY_POLLS 140000u

/**
 * A device with two queues, whose page requests nobody answers: an operation on memory that it has not
 * seen stays in flight until the test ends.
 *
 * Owner: one test. Locks: none.
 */
struct rig {
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *q, *second;
	uint8_t *pages;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

static struct svart_machine *machine_of(const struct rig *r)
{
	return svart_machines_find(r->rt, "model")->m;
}

static void rig_open_with(struct rig *r, const char *spec, const struct svart_fault_params *params)
{
	static const char eal_args[] =
		"--no-huge -m 16 --no-pci --no-shconf --no-telemetry --iova-mode=va "
		"--log-level=svart:critical --lcores=0@0";
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.eal_args = eal_args);

	assert_int_equal(svart_init(&init, &r->rt), 0);
	assert_int_equal(svart_space_create(r->rt, NULL, &r->space), 0);
	assert_int_equal(svart_fault_service_create(r->rt, params, &r->faults), 0);
	if (svart_device_open(r->rt, spec, r->space, r->faults, &r->dev) != 0)
		fail_msg("%s", svart_error_text());
	assert_int_equal(svart_queue_create(r->dev, NULL, &r->q), 0);
	r->second = NULL;
	if (strstr(spec, "queues=2") != NULL)
		assert_int_equal(svart_queue_create(r->dev, NULL, &r->second), 0);
	r->pages =
		mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(r->pages, MAP_FAILED);
}

/** A DPDK service that no lcore runs. */
static void rig_open(struct rig *r, const char *spec)
{
	const struct svart_fault_params deaf = SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_DPDK);

	rig_open_with(r, spec, &deaf);
}

/** Closes all: nothing of the kernel's is left, and nobody waits for an answer. */
static void rig_close(struct rig *r)
{
	struct svart_machine *m = machine_of(r);
	struct svart_model_stats left;
	uint64_t start = now_ns();

	assert_int_equal(svart_queue_destroy(r->q), 0);
	if (r->second != NULL)
		assert_int_equal(svart_queue_destroy(r->second), 0);
	assert_int_equal(svart_device_close(r->dev), 0);
	assert_in_range(now_ns() - start, 0, 10 * SECOND_NS);
	svart_model_stats_get(m, &left);
	assert_int_equal(left.open_fds, 0);
	assert_int_equal(left.mappings, 0);
	assert_int_equal(left.page_requests_open, 0);
	assert_int_equal(svart_fault_service_destroy(r->faults), 0);
	assert_int_equal(svart_space_forget(r->space, r->pages, 64 * PAGE), 0);
	assert_int_equal(svart_space_destroy(r->space), 0);
	assert_int_equal(svart_fini(r->rt), 0);
	munmap(r->pages, 64 * PAGE);
}

static void begin_copy(struct rig *r, uint64_t cookie)
{
	assert_int_equal(
		svart_queue_prep_copy(r->q, r->pages, r->pages + 32 * PAGE, PAGE, 0, cookie), 1);
	assert_int_equal(svart_queue_submit(r->q), 1);
}

/** The queue has failed, and says why in words that hold this. */
static void expect_failed(struct svart_queue *q, const char *why)
{
	struct svart_queue_error error = SVART_QUEUE_ERROR_INIT();

	assert_int_equal(svart_queue_state_get(q), SVART_QUEUE_FAILED);
	assert_int_equal(svart_queue_error_get(q, &error), 0);
	if (strstr(error.text, why) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", error.text, why);
	assert_in_range(strlen(error.text), 1, sizeof(error.text) - 2);
}

static void expect_takes_nothing(struct rig *r, struct svart_queue *q)
{
	struct svart_completion done;

	assert_int_equal(svart_queue_prep_fill(q, r->pages, 0, 8, 0, 0), 0);
	assert_int_equal(svart_queue_submit(q), 0);
	assert_int_equal(svart_queue_poll(q, &done, 1), 0);
	assert_int_equal(svart_queue_wait(q, &done, 1, TIMEOUT_NS), 0);
	assert_int_equal(svart_queue_in_flight(q), 0);
}

/** The device, too, says so to who wants more of it. */
static void expect_device_refuses(struct rig *r, const char *why)
{
	struct svart_queue *q;

	assert_int_equal(svart_queue_destroy(r->second), 0);
	assert_int_equal(svart_queue_create(r->dev, NULL, &q), -ENODEV);
	if (strstr(svart_error_text(), why) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", svart_error_text(), why);
	assert_non_null(strstr(svart_error_text(), "open it again"));
	r->second = NULL;
}

/* --- what others can do to a device ------------------------------------------------------------- */

static struct svart_vfio_function *function_of(const struct rig *r)
{
	return svart_vfio_function_of(r->dev->transport);
}

static void close_fault_fd(struct rig *r)
{
	const struct svart_vfio_attachment *a = (const void *)r->dev->attachments[0].part;

	close(a->fault_fd);
}

static void close_cdev(struct rig *r)
{
	close(function_of(r)->fd);
}

static void close_iommufd(struct rig *r)
{
	close(function_of(r)->iommufd->fd);
}

static void command_clear(struct rig *r, uint16_t bits)
{
	const struct svart_vfio_function *f = function_of(r);
	const off_t off = (off_t)f->config_off + PCI_COMMAND;
	struct svart_machine *m = machine_of(r);
	uint16_t command;

	assert_int_equal(m->ops->pread(m, f->fd, &command, 2, off), 2);
	command &= (uint16_t)~bits;
	assert_int_equal(m->ops->pwrite(m, f->fd, &command, 2, off), 2);
}

static void clear_bus_master(struct rig *r)
{
	command_clear(r, PCI_COMMAND_MASTER);
}

static void clear_memory(struct rig *r)
{
	command_clear(r, PCI_COMMAND_MEMORY);
}

static void pull_out(struct rig *r)
{
	assert_int_equal(svart_model_remove(machine_of(r), r->dev->transport->address), 0);
}

static void reset(struct rig *r)
{
	struct svart_machine *m = machine_of(r);

	assert_int_equal(m->ops->ioctl(m, function_of(r)->fd, VFIO_DEVICE_RESET, NULL), 0);
}

static void disable_requests(struct rig *r)
{
	struct svart_machine *m = machine_of(r);

	m->ops->mmio_write64(m, (uint8_t *)function_of(r)->unit.regs + SVART_VTD_PQA_OFF, 0);
}

static void disable_invalidation(struct rig *r)
{
	struct svart_machine *m = machine_of(r);

	m->ops->mmio_write32(m, (uint8_t *)function_of(r)->unit.regs + SVART_VTD_GCMD_OFF, 0);
}

/** One thing that can be done to it, and what is then said of it. */
struct way {
	void (*cause)(struct rig *r);
	const char *options;
	const char *why;
	bool is_lost;  /**< The device is gone for good, not only its queues. */
	bool is_shown; /**< Registers tell: who only polls finds it. */
};

static const struct way ways[] = {
	{ close_fault_fd, "", "poll() of the fault fd says 0x20", true, false },
	{ close_cdev, "", "VFIO file was closed: poll() of it says 0x20", true, false },
	{ close_iommufd, "", "/dev/iommu was closed: poll() of it says 0x20", true, false },
	{ clear_bus_master, "", "taken from it: PCI command 0x402", true, false },
	{ clear_memory, "", "register 0xc0 reads all ones", true, true },
	{ pull_out, "", "register 0xc0 reads all ones", true, true },
	{ reset, "", "was reset; destroy its queues and create them again", false, true },
	{ close_cdev, ",faults=raw", "VFIO file was closed", true, false },
	{ pull_out, ",faults=raw", "reads all ones", true, true },
	{ disable_requests, ",faults=raw", "the IOMMU's queues are off or broken", true, false },
	{ disable_invalidation, ",faults=raw", "the IOMMU's queues are off or broken", true,
		false },
};
#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

static void rig_open_for(struct rig *r, const struct way *way)
{
	char spec[64];

	snprintf(spec, sizeof(spec), "model:dsa0,queues=2%s", way->options);
	rig_open(r, spec);
}

/* --- tests -------------------------------------------------------------------------------------- */

/** However the device is lost: a wait ends, for every queue, and what is left can be closed. */
static void test_loss_ends_a_wait_at_once_with_the_cause_in_words(void **state)
{
	struct svart_completion done;
	uint64_t start, took;
	struct rig r;
	size_t i;

	(void)state;
	for (i = 0; i < NR_WAYS; i++) {
		rig_open_for(&r, &ways[i]);
		begin_copy(&r, 77);
		assert_int_equal(svart_queue_wait(r.q, &done, 1, SECOND_NS / 20), 0);
		ways[i].cause(&r);
		start = now_ns();
		assert_int_equal(svart_queue_wait(r.q, &done, 1, TIMEOUT_NS), 1);
		took = now_ns() - start;
		assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
		assert_int_equal(done.cookie, 77);
		assert_in_range(took, 0, AT_ONCE_NS);
		expect_failed(r.q, ways[i].why);
		expect_failed(r.second, ways[i].is_lost ? ways[i].why : "was reset");
		expect_takes_nothing(&r, r.q);
		expect_takes_nothing(&r, r.second);
		if (ways[i].is_lost)
			expect_device_refuses(&r, ways[i].why);
		print_message("%s%s: %.1f ms\n", ways[i].why, ways[i].options, (double)took / 1e6);
		rig_close(&r);
	}
}

static void find_by_short_waits(const struct way *way, uint64_t timeout_ns)
{
	struct svart_completion done;
	uint64_t start;
	struct rig r;

	rig_open_for(&r, way);
	begin_copy(&r, 1);
	/* It waits for a page by then: a DSA that does something else would halt. */
	usleep(20000);
	way->cause(&r);
	start = now_ns();
	while (svart_queue_wait(r.q, &done, 1, timeout_ns) == 0)
		assert_in_range(now_ns() - start, 0, 5 * SECOND_NS);
	expect_failed(r.q, way->why);
	rig_close(&r);
}

/** Waits that are shorter than the time between two looks come to one, too. */
static void test_loss_is_found_by_many_short_waits(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NR_WAYS; i++)
		find_by_short_waits(&ways[i], 20000);
}

/** Those whose time is over before they yield for the first time do; once they never looked. */
static void test_loss_is_found_by_waits_that_are_over_at_once(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NR_WAYS; i++)
		find_by_short_waits(&ways[i], i % 2);
}

static void test_loss_that_registers_show_is_found_by_polls_alone(void **state)
{
	struct svart_completion done;
	unsigned int polls;
	struct rig r;
	size_t i;

	(void)state;
	for (i = 0; i < NR_WAYS; i++) {
		if (!ways[i].is_shown)
			continue;
		rig_open_for(&r, &ways[i]);
		begin_copy(&r, 1);
		ways[i].cause(&r);
		for (polls = 0; svart_queue_poll(r.q, &done, 1) == 0; polls++)
			assert_in_range(polls, 0, MANY_POLLS);
		assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
		expect_failed(r.q, ways[i].why);
		expect_failed(r.second, ways[i].is_lost ? ways[i].why : "was reset");
		rig_close(&r);
	}
}

/** The bus master bit is in configuration space, which costs a system call; but DSA halts without it. */
static void test_loss_of_bus_mastering_halts_a_dsa_that_goes_on(void **state)
{
	const struct svart_fault_params thread = SVART_FAULT_PARAMS_INIT();
	struct svart_completion done;
	unsigned int polls;
	struct rig r;

	(void)state;
	rig_open_with(&r, "model:dsa0,queues=2", &thread);
	clear_bus_master(&r);
	begin_copy(&r, 1);
	for (polls = 0; svart_queue_poll(r.q, &done, 1) == 0; polls++)
		assert_in_range(polls, 0, 50 * MANY_POLLS);
	assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
	expect_failed(r.second, "");
	rig_close(&r);
}

/** Opens the device of a rig anew, with its queues. */
static void rig_reopen(struct rig *r, const char *spec)
{
	assert_int_equal(svart_queue_destroy(r->q), 0);
	assert_int_equal(svart_device_close(r->dev), 0);
	assert_int_equal(svart_device_open(r->rt, spec, r->space, r->faults, &r->dev), 0);
	assert_int_equal(svart_queue_create(r->dev, NULL, &r->q), 0);
	assert_int_equal(svart_queue_create(r->dev, NULL, &r->second), 0);
}

/** Of hardware errors; opening a device resets it by its function, too. */
static void test_halt_of_a_dsa_fails_its_queues_until_it_is_opened_again(void **state)
{
	static const char *const halts[][2] = {
		{ "model:dsa0,queues=2,inject=halt:1000",
			"the device has halted; destroy its queues" },
		{ "model:dsa0,queues=2,inject=halt_flr:1000", "needs a function level reset" },
	};
	const struct svart_op noop = { .opcode = SVART_OP_NOOP };
	struct svart_completion done;
	struct rig r;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		rig_open(&r, halts[i][0]);
		begin_copy(&r, 1);
		assert_int_equal(svart_queue_wait(r.q, &done, 1, TIMEOUT_NS), 1);
		assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
		expect_failed(r.q, halts[i][1]);
		expect_failed(r.second, halts[i][1]);
		assert_int_equal(svart_queue_destroy(r.second), 0);
		assert_int_equal(svart_queue_create(r.dev, NULL, &r.second), -EIO);
		assert_non_null(strstr(svart_error_text(), halts[i][1]));
		rig_reopen(&r, halts[i][0]);
		assert_int_equal(svart_queue_prep(r.q, &noop, 1), 1);
		assert_int_equal(svart_queue_submit(r.q), 1);
		assert_int_equal(svart_queue_wait(r.q, &done, 1, TIMEOUT_NS), 1);
		assert_int_equal(done.status, SVART_STATUS_OK);
		rig_close(&r);
	}
}

static void begin_halt(struct rig *r)
{
	begin_copy(r, 1);
}

static void begin_reset(struct rig *r)
{
	begin_copy(r, 1);
	reset(r);
}

static void do_noop(struct svart_queue *q)
{
	struct svart_completion done;

	assert_int_equal(svart_queue_prep_noop(q, 0, 9), 1);
	assert_int_equal(svart_queue_wait(q, &done, 1, TIMEOUT_NS), 1);
	assert_int_equal(done.status, SVART_STATUS_OK);
	assert_int_equal(done.cookie, 9);
}

/** For that all of its queues are destroyed; the device stays open. */
static void test_queues_of_a_dsa_that_was_reset_or_halted_are_created_anew(void **state)
{
	static const struct {
		const char *spec;
		void (*cause)(struct rig *r);
	} cases[] = {
		{ "model:dsa0,queues=2", begin_reset },
		{ "model:dsa0,queues=2,inject=halt:1000", begin_halt },
	};
	struct svart_completion done;
	struct rig r;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		rig_open(&r, cases[i].spec);
		cases[i].cause(&r);
		assert_int_equal(svart_queue_wait(r.q, &done, 1, TIMEOUT_NS), 1);
		assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
		assert_int_equal(svart_queue_destroy(r.q), 0);
		/* Not while the other one is there. */
		assert_int_equal(svart_queue_create(r.dev, NULL, &r.q), -EIO);
		assert_int_equal(svart_queue_destroy(r.second), 0);
		assert_int_equal(svart_queue_create(r.dev, NULL, &r.q), 0);
		assert_int_equal(svart_queue_create(r.dev, NULL, &r.second), 0);
		do_noop(r.second);
		do_noop(r.q);
		rig_close(&r);
	}
}

/** Closes every eventfd of the process: the model's descriptors, the fault service's own. */
static void close_all_eventfds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	char target[64], path[300];
	struct dirent *entry;
	ssize_t len;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (len > 0 && memmem(target, (size_t)len, "eventfd", 7) != NULL)
			close(atoi(entry->d_name));
	}
	closedir(dir);
}

/** The same however the service runs; its thread sleeps on the descriptor and is not woken by a close. */
static void test_loss_of_a_fault_fd_is_found_however_the_service_runs(void **state)
{
	static const struct svart_fault_params runs[] = {
		SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_INLINE),
		SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_THREAD),
		SVART_FAULT_PARAMS_INIT(.resolvers = 2),
		SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_DPDK),
	};
	struct svart_completion done;
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();
	uint64_t start;
	struct rig r;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		rig_open_with(&r, "model:dsa0,queues=2", &runs[i]);
		if (runs[i].run != SVART_FAULT_RUN_INLINE)
			usleep(20000);
		close_all_eventfds();
		begin_copy(&r, 5);
		start = now_ns();
		assert_int_equal(svart_queue_wait(r.q, &done, 1, TIMEOUT_NS), 1);
		assert_in_range(now_ns() - start, 0, AT_ONCE_NS);
		assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
		assert_int_equal(svart_queue_state_get(r.second), SVART_QUEUE_FAILED);
		if (runs[i].run == SVART_FAULT_RUN_THREAD) {
			/* The service finds it by itself within a second, and counts it. */
			do {
				svart_fault_stats_get(r.faults, &stats);
				assert_in_range(now_ns() - start, 0, TIMEOUT_NS);
			} while (stats.sources_lost == 0);
			assert_int_equal(stats.sources_lost, 1);
		}
		rig_close(&r);
	}
}

/** Who only polls is told by the service's thread. */
static void test_loss_of_a_fault_fd_is_found_by_polls_alone(void **state)
{
	const struct svart_fault_params thread = SVART_FAULT_PARAMS_INIT();
	struct svart_completion done;
	uint64_t start;
	struct rig r;

	(void)state;
	rig_open_with(&r, "model:dsa0,queues=2", &thread);
	usleep(20000);
	close_all_eventfds();
	begin_copy(&r, 5);
	start = now_ns();
	while (svart_queue_poll(r.q, &done, 1) == 0)
		assert_in_range(now_ns() - start, 0, 5 * SECOND_NS);
	assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
	expect_failed(r.q, "poll() of the fault fd says 0x20");
	rig_close(&r);
}

/** Polls, and no more than that: nothing is in flight, and the program never waits. */
static void expect_idle_is_told(const char *spec, const struct svart_fault_params *params,
	void (*cause)(struct rig *r), const char *why)
{
	struct svart_completion done;
	uint64_t start;
	struct rig r;

	rig_open_with(&r, spec, params);
	usleep(20000);
	cause(&r);
	start = now_ns();
	while (svart_queue_state_get(r.q) == SVART_QUEUE_RUNNING) {
		assert_int_equal(svart_queue_poll(r.q, &done, 1), 0);
		svart_fault_pump(r.faults);
		assert_in_range(now_ns() - start, 0, 5 * SECOND_NS);
	}
	expect_failed(r.q, why);
	expect_failed(r.second, why);
	rig_close(&r);
}

/** What takes a system call to see, the fault service sees once a second. */
static void test_loss_is_told_to_who_only_polls_within_a_second(void **state)
{
	static const struct svart_fault_params runs[] = {
		SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_INLINE),
		SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_THREAD),
	};
	const char *dsa = "model:dsa0,queues=2", *raw = "model:dsa0,queues=2,faults=raw";
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		expect_idle_is_told(dsa, &runs[i], close_cdev, "its VFIO file was closed");
		expect_idle_is_told(dsa, &runs[i], close_iommufd, "/dev/iommu was closed");
		expect_idle_is_told(dsa, &runs[i], clear_bus_master, "bus mastering was taken");
		expect_idle_is_told(dsa, &runs[i], pull_out, "the device is unplugged or off");
		expect_idle_is_told(raw, &runs[i], clear_bus_master, "bus mastering was taken");
		expect_idle_is_told(raw, &runs[i], disable_requests, "the IOMMU's queues are off");
	}
}

/** Switches bus mastering itself, under the eyes of who watches. */
static void test_loss_is_none_while_a_device_is_opened_and_closed(void **state)
{
	const struct svart_fault_params thread = SVART_FAULT_PARAMS_INIT();
	struct svart_device *dev;
	unsigned int i;
	struct rig r;

	(void)state;
	rig_open_with(&r, "model:dsa0,queues=2", &thread);
	svart_device_run(r.dev, false);
	clear_bus_master(&r);
	svart_device_watch(r.dev);
	assert_false(svart_pmd_is_lost(&r.dev->pmd));
	assert_true(svart_device_run(r.dev, true));
	svart_device_watch(r.dev);
	assert_true(svart_pmd_is_lost(&r.dev->pmd));
	for (i = 0; i < 8; i++) {
		assert_int_equal(svart_device_open(r.rt, "model:dsa1", r.space, r.faults, &dev), 0);
		assert_false(svart_pmd_is_lost(&dev->pmd));
		assert_int_equal(svart_device_close(dev), 0);
	}
	rig_close(&r);
}

/** A kernel that says ENODEV: the service's own loss, told by its thread, whichever that is. */
static void check_enodev(const char *spec, const struct svart_fault_params *params)
{
	struct svart_completion done;
	uint32_t id = 0;
	uint64_t start;
	struct rig r;

	rig_open_with(&r, spec, params);
	if (params->run == SVART_FAULT_RUN_DPDK) {
		assert_int_equal(svart_fault_service_dpdk_id(r.faults, &id), 0);
		rte_service_set_runstate_mapped_check(id, 0);
	}
	begin_copy(&r, 5);
	start = now_ns();
	while (svart_queue_poll(r.q, &done, 1) == 0) {
		if (params->run == SVART_FAULT_RUN_DPDK)
			rte_service_run_iter_on_app_lcore(id, 1);
		svart_fault_pump(r.faults);
		assert_in_range(now_ns() - start, 0, TIMEOUT_NS);
	}
	assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
	expect_failed(r.q, "page requests are lost: read of the fault fd: No such device");
	expect_failed(r.second, "read of the fault fd");
	expect_takes_nothing(&r, r.q);
	rig_close(&r);
}

static void test_loss_of_the_kernels_side_is_told_by_the_service(void **state)
{
	const struct svart_fault_params inline_one =
		SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_INLINE);
	const struct svart_fault_params resolvers = SVART_FAULT_PARAMS_INIT(.resolvers = 2);
	const struct svart_fault_params dpdk = SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_DPDK);
	const struct svart_fault_params thread = SVART_FAULT_PARAMS_INIT();
	const char *spec = "model:dsa0,queues=2,inject=enodev:1000";

	(void)state;
	check_enodev(spec, &inline_one);
	check_enodev(spec, &resolvers);
	check_enodev(spec, &dpdk);
	check_enodev(spec, &thread);
}

/** What is lost is the device: the queues of its other attachments fail, too, which lost nothing. */
static void test_loss_of_one_attachment_is_one_of_the_device(void **state)
{
	const struct svart_fault_params thread = SVART_FAULT_PARAMS_INIT();
	struct svart_queue_params params = SVART_QUEUE_PARAMS_INIT();
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();
	struct svart_completion done;
	struct svart_space *space;
	struct rig r;

	(void)state;
	rig_open_with(&r, "model:dsa0,pasid=5,queues=3,inject=enodev:1000", &thread);
	assert_int_equal(svart_space_create(r.rt, NULL, &space), 0);
	assert_int_equal(svart_device_attach(r.dev, space, 9), 0);
	params.space = space;
	assert_int_equal(svart_queue_create(r.dev, &params, &r.second), 0);
	begin_copy(&r, 1);
	assert_int_equal(svart_queue_wait(r.q, &done, 1, TIMEOUT_NS), 1);
	expect_failed(r.q, "read of the fault fd");
	expect_failed(r.second, "read of the fault fd");
	assert_int_equal(svart_device_fault_stats_get(r.dev, NULL, &stats), 0);
	assert_int_equal(stats.sources_lost, 1);
	assert_int_equal(svart_device_fault_stats_get(r.dev, space, &stats), 0);
	assert_int_equal(stats.sources_lost, 0);
	assert_int_equal(svart_queue_destroy(r.second), 0);
	r.second = NULL;
	assert_int_equal(svart_device_detach(r.dev, space), 0);
	assert_int_equal(svart_device_attach(r.dev, space, 9), -ENODEV);
	assert_int_equal(svart_space_destroy(space), 0);
	rig_close(&r);
}

/** Another device of the same service is served on. */
static void test_loss_of_one_device_disturbs_no_other(void **state)
{
	const struct svart_fault_params thread = SVART_FAULT_PARAMS_INIT();
	struct svart_completion done;
	struct svart_device *dev;
	struct svart_queue *q;
	unsigned int i;
	struct rig r;

	(void)state;
	rig_open_with(&r, "model:dsa0,queues=2,inject=enodev:1000", &thread);
	assert_int_equal(svart_device_open(r.rt, "model:dsa1", r.space, r.faults, &dev), 0);
	assert_int_equal(svart_queue_create(dev, NULL, &q), 0);
	begin_copy(&r, 1);
	assert_int_equal(svart_queue_wait(r.q, &done, 1, TIMEOUT_NS), 1);
	expect_failed(r.q, "read of the fault fd");
	for (i = 0; i < 16; i++) {
		assert_int_equal(svart_queue_prep_copy(q, r.pages + i * PAGE,
					 r.pages + (32 + i) * PAGE, PAGE, 0, i),
			1);
		assert_int_equal(svart_queue_wait(q, &done, 1, TIMEOUT_NS), 1);
		assert_int_equal(done.status, SVART_STATUS_OK);
	}
	assert_int_equal(svart_queue_destroy(q), 0);
	assert_int_equal(svart_device_close(dev), 0);
	rig_close(&r);
}

/** What the device has done is told as it is; the rest has failed. */
static void test_loss_leaves_completions_that_were_there(void **state)
{
	const struct svart_fault_params thread = SVART_FAULT_PARAMS_INIT();
	struct svart_completion done[2];
	struct rig r;

	(void)state;
	rig_open_with(&r, "model:dsa0,queues=2", &thread);
	begin_copy(&r, 1);
	/* Not polled: only looked at from afar. */
	while (__atomic_load_n(r.pages, __ATOMIC_RELAXED) != 0)
		;
	usleep(20000);
	svart_device_lose(r.dev, SVART_PMD_LOSS_FILE, 0x20);
	assert_int_equal(svart_queue_poll(r.q, done, 2), 1);
	assert_int_equal(done[0].status, SVART_STATUS_OK);
	expect_failed(r.q, "VFIO file");
	rig_close(&r);
}

static void test_loss_that_is_closed_can_be_opened_again(void **state)
{
	const struct svart_fault_params thread = SVART_FAULT_PARAMS_INIT();
	struct svart_completion done;
	unsigned int i;
	struct rig r;

	(void)state;
	for (i = 0; i < NR_WAYS; i++) {
		if (ways[i].cause == pull_out)
			continue;
		rig_open_for(&r, &ways[i]);
		begin_copy(&r, 1);
		ways[i].cause(&r);
		assert_int_equal(svart_queue_wait(r.q, &done, 1, TIMEOUT_NS), 1);
		rig_close(&r);
		rig_open_with(&r, "model:dsa0,queues=2", &thread);
		begin_copy(&r, 2);
		assert_int_equal(svart_queue_wait(r.q, &done, 1, TIMEOUT_NS), 1);
		assert_int_equal(done.status, SVART_STATUS_OK);
		rig_close(&r);
	}
}

/** Threads lose it, in different ways, while its queues come and go. */
static void *lose_it(void *arg)
{
	struct rig *r = arg;

	usleep(1000);
	svart_device_lose(r->dev, SVART_PMD_LOSS_FILE, 0x20);
	svart_device_source_lost(r->dev, SVART_FAULT_LOSS_RESPOND, EIO);
	return NULL;
}

static void test_loss_while_queues_are_made_fails_each_of_them(void **state)
{
	struct svart_queue *q;
	unsigned int i, round;
	pthread_t thread;
	struct rig r;
	int rc;

	(void)state;
	for (round = 0; round < 10; round++) {
		rig_open(&r, "model:dsa0,queues=2");
		assert_int_equal(svart_queue_destroy(r.second), 0);
		r.second = NULL;
		assert_int_equal(pthread_create(&thread, NULL, lose_it, &r), 0);
		for (i = 0; i < 100000; i++) {
			rc = svart_queue_create(r.dev, NULL, &q);
			if (rc != 0)
				break;
			if (svart_pmd_is_lost(&r.dev->pmd))
				/* Found while it started, or a moment later. */
				while (svart_queue_state_get(q) != SVART_QUEUE_FAILED)
					;
			assert_int_equal(svart_queue_destroy(q), 0);
		}
		assert_int_equal(rc, -ENODEV);
		assert_int_equal(pthread_join(thread, NULL), 0);
		expect_failed(r.q, "VFIO file");
		rig_close(&r);
	}
}

/* --- devices without page requests ---------------------------------------------------------------- */

#define EDU   "model:edu0,dma_mask_bits=64,step=manual"
#define MIB   (1u << 20)
#define BYTES (16 * MIB)

/** One device, one queue, and time that the test has in its hand: nothing moves but in a wait. */
struct held {
	struct rig r;
	uint8_t *src, *dst;
};

static void held_open(struct held *h, const char *spec)
{
	const struct svart_fault_params inline_one =
		SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_INLINE);

	rig_open_with(&h->r, spec, &inline_one);
	h->src = mmap(NULL, 2 * BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	assert_ptr_not_equal(h->src, MAP_FAILED);
	h->dst = h->src + BYTES;
	assert_int_equal(svart_queue_prep_copy(h->r.q, h->dst, h->src, BYTES, 0, 3), 1);
	assert_int_equal(svart_queue_submit(h->r.q), 1);
}

static void held_close(struct held *h)
{
	assert_int_equal(svart_space_forget(h->r.space, h->src, 2 * BYTES), 0);
	munmap(h->src, 2 * BYTES);
	rig_close(&h->r);
}

static void expect_held_fails(const char *spec, void (*cause)(struct rig *r), const char *why)
{
	struct svart_completion done;
	struct held h;

	held_open(&h, spec);
	/* A little of it is done. */
	assert_int_equal(svart_queue_wait(h.r.q, &done, 1, 1000000), 0);
	cause(&h.r);
	assert_int_equal(svart_queue_wait(h.r.q, &done, 1, TIMEOUT_NS), 1);
	assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
	assert_int_equal(done.cookie, 3);
	expect_failed(h.r.q, why);
	expect_takes_nothing(&h.r, h.r.q);
	held_close(&h);
}

static void test_loss_of_a_device_without_page_requests_ends_a_wait(void **state)
{
	(void)state;
	expect_held_fails(EDU, pull_out, "reads all ones");
	expect_held_fails(EDU, clear_memory, "reads all ones");
	expect_held_fails(EDU, clear_bus_master, "taken from it: PCI command 0x2");
	expect_held_fails(EDU, close_cdev, "VFIO file was closed");
	expect_held_fails(EDU, close_iommufd, "/dev/iommu was closed");
	expect_held_fails(EDU, reset, "the device was reset");
}

/** On a DSA nothing moves but in a wait, so this never completes. */
static void test_loss_of_a_dsa_without_page_requests_is_found_by_polls(void **state)
{
	struct svart_completion done;
	unsigned int polls;
	struct held h;

	(void)state;
	held_open(&h, "model:dsa0,faults=off,step=manual");
	pull_out(&h.r);
	for (polls = 0; svart_queue_poll(h.r.q, &done, 1) == 0; polls++)
		assert_in_range(polls, 0, MANY_POLLS);
	assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
	expect_failed(h.r.q, "reads all ones");
	held_close(&h);
}

/** What the driver never sees is refused as well, and ends if it was prepared before. */
static void test_loss_ends_operations_that_need_no_device(void **state)
{
	const struct svart_op noop = { .opcode = SVART_OP_NOOP, .cookie = 9 };
	struct svart_completion done[3];
	struct held h;

	(void)state;
	held_open(&h, EDU);
	assert_int_equal(svart_queue_prep(h.r.q, &noop, 1), 1);
	pull_out(&h.r);
	assert_int_equal(svart_queue_poll(h.r.q, done, 3), 2);
	assert_int_equal(done[0].status, SVART_STATUS_QUEUE_FAILED);
	assert_int_equal(done[1].cookie, 9);
	assert_int_equal(svart_queue_prep(h.r.q, &noop, 1), 0);
	assert_int_equal(svart_queue_in_flight(h.r.q), 0);
	held_close(&h);
}

/* --- words ---------------------------------------------------------------------------------------- */

static void test_loss_has_words_for_every_way_that_fit(void **state)
{
	static const int errors[] = { EBADF, ENODEV, EIO, ENXIO, ENOTTY, EOVERFLOW };
	char text[SVART_LOST_TEXT_BYTES], longer[256];
	struct svart_device *dev = calloc(1, sizeof(*dev));
	uint64_t loss;
	size_t i;

	(void)state;
	assert_non_null(dev);
	svart_device_lost_text(dev, text, sizeof(text));
	assert_string_equal(text, "");
	for (loss = 1; loss <= SVART_PMD_LOSS_REGISTER; loss++) {
		for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
			dev->pmd.lost = loss << 32 | (uint32_t)errors[i];
			svart_device_lost_text(dev, text, sizeof(text));
			svart_device_lost_text(dev, longer, sizeof(longer));
			assert_string_equal(text, longer);
			assert_non_null(strstr(text, "; close it, open it again"));
		}
	}
	free(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loss_ends_a_wait_at_once_with_the_cause_in_words),
		cmocka_unit_test(test_loss_is_found_by_many_short_waits),
		cmocka_unit_test(test_loss_is_found_by_waits_that_are_over_at_once),
		cmocka_unit_test(test_loss_that_registers_show_is_found_by_polls_alone),
		cmocka_unit_test(test_loss_of_bus_mastering_halts_a_dsa_that_goes_on),
		cmocka_unit_test(test_halt_of_a_dsa_fails_its_queues_until_it_is_opened_again),
		cmocka_unit_test(test_queues_of_a_dsa_that_was_reset_or_halted_are_created_anew),
		cmocka_unit_test(test_loss_of_a_fault_fd_is_found_however_the_service_runs),
		cmocka_unit_test(test_loss_of_a_fault_fd_is_found_by_polls_alone),
		cmocka_unit_test(test_loss_is_told_to_who_only_polls_within_a_second),
		cmocka_unit_test(test_loss_is_none_while_a_device_is_opened_and_closed),
		cmocka_unit_test(test_loss_of_the_kernels_side_is_told_by_the_service),
		cmocka_unit_test(test_loss_of_one_attachment_is_one_of_the_device),
		cmocka_unit_test(test_loss_of_one_device_disturbs_no_other),
		cmocka_unit_test(test_loss_leaves_completions_that_were_there),
		cmocka_unit_test(test_loss_that_is_closed_can_be_opened_again),
		cmocka_unit_test(test_loss_while_queues_are_made_fails_each_of_them),
		cmocka_unit_test(test_loss_of_a_device_without_page_requests_ends_a_wait),
		cmocka_unit_test(test_loss_of_a_dsa_without_page_requests_is_found_by_polls),
		cmocka_unit_test(test_loss_ends_operations_that_need_no_device),
		cmocka_unit_test(test_loss_has_words_for_every_way_that_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
