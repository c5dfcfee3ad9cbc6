/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A program, or a library that is preloaded into it, can have memcpy(), memmove(), memset() and memcmp()
 * of its own, which hand long ones to a device and wait. svart's threads are what such a wait is for: one
 * that called them would wait for itself. So they never copy by these two, and never set or compare much
 * by the others.
 *
 * This program has its own. svart's threads are all but the one of the tests.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <svart/svart.h>

#define BYTES      (1u << 20)
#define TIMEOUT_NS UINT64_C(20000000000)
/** What is no longer the clearing of a struct: the least that anybody would hand to a device. */
#define MUCH 4096

/* --- the program's own --------------------------------------------------------------------------- */

static _Thread_local bool is_test;
static atomic_uint nr_copies, nr_much;

/** Keeps the compiler from seeing the loops for what they are. */
#define OPAQUE() __asm__ volatile("" ::: "memory")

void *memmove(void *to, const void *from, size_t len)
{
	unsigned char *dst = to;
	const unsigned char *src = from;
	size_t i;

	if (!is_test)
		atomic_fetch_add(&nr_copies, 1);
	for (i = 0; i < len && dst < src; i++) {
		dst[i] = src[i];
		OPAQUE();
	}
	for (i = len; i > 0 && dst > src; i--) {
		dst[i - 1] = src[i - 1];
		OPAQUE();
	}
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
	return memmove(to, from, len);
}

void *memset(void *to, int value, size_t len)
{
	unsigned char *dst = to;
	size_t i;

	if (!is_test && len >= MUCH)
		atomic_fetch_add(&nr_much, 1);
	for (i = 0; i < len; i++) {
		dst[i] = (unsigned char)value;
		OPAQUE();
	}
	return to;
}

int memcmp(const void *one, const void *other, size_t len)
{
	const unsigned char *a = one, *b = other;
	size_t i;

	if (!is_test && len >= MUCH)
		atomic_fetch_add(&nr_much, 1);
	for (i = 0; i < len; i++) {
		if (a[i] != b[i])
			return a[i] - b[i];
		OPAQUE();
	}
	return 0;
}

/* --- what devices do ----------------------------------------------------------------------------- */

/** Owner: one test. */
struct rig {
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *q;
};

static void rig_open(struct rig *r, const char *spec)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	const struct svart_fault_params fault = SVART_FAULT_PARAMS_INIT(.resolvers = 2);

	assert_int_equal(svart_init(&init, &r->rt), 0);
	assert_int_equal(svart_space_create(r->rt, NULL, &r->space), 0);
	assert_int_equal(svart_fault_service_create(r->rt, &fault, &r->faults), 0);
	assert_int_equal(svart_device_open(r->rt, spec, r->space, r->faults, &r->dev), 0);
	assert_int_equal(svart_queue_create(r->dev, NULL, &r->q), 0);
}

static void rig_close(struct rig *r)
{
	assert_int_equal(svart_queue_destroy(r->q), 0);
	assert_int_equal(svart_device_close(r->dev), 0);
	assert_int_equal(svart_fault_service_destroy(r->faults), 0);
	assert_int_equal(svart_space_destroy(r->space), 0);
	assert_int_equal(svart_fini(r->rt), 0);
}

static enum svart_status run(struct rig *r, const struct svart_op *op)
{
	struct svart_completion done;

	assert_int_equal(svart_queue_prep(r->q, op, 1), 1);
	assert_int_equal(svart_queue_wait(r->q, &done, 1, TIMEOUT_NS), 1);
	return done.status;
}

/** Moves len bytes of fresh memory from one place in it to another, which may overlap. */
static void move(struct rig *r, size_t from, size_t to, size_t len)
{
	uint8_t *mem = mmap(NULL, 2 * BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0),
		*wanted = malloc(len);
	const struct svart_op op = {
		.opcode = SVART_OP_COPY, .src = mem + from, .dst = mem + to, .length = len
	};
	size_t i;

	assert_ptr_not_equal(mem, MAP_FAILED);
	assert_non_null(wanted);
	for (i = 0; i < len; i++)
		wanted[i] = mem[from + i] = (uint8_t)(i * 7 + i / 251);
	assert_int_equal(run(r, &op), SVART_STATUS_OK);
	assert_memory_equal(mem + to, wanted, len);
	assert_int_equal(svart_space_forget(r->space, mem, 2 * BYTES), 0);
	munmap(mem, 2 * BYTES);
	free(wanted);
}

static void fill(struct rig *r, size_t off, size_t len)
{
	uint8_t *mem =
		mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct svart_op op = { .opcode = SVART_OP_FILL,
		.dst = mem + off,
		.pattern = UINT64_C(0x0807060504030201),
		.length = len };
	size_t i;

	assert_ptr_not_equal(mem, MAP_FAILED);
	assert_int_equal(run(r, &op), SVART_STATUS_OK);
	for (i = 0; i < len; i++)
		assert_int_equal(mem[off + i], i % 8 + 1);
	assert_int_equal(svart_space_forget(r->space, mem, BYTES), 0);
	munmap(mem, BYTES);
}

/** Short and long, aligned and not, apart and overlapping either way; and a bad address. */
static void do_all(const char *spec)
{
	static const size_t lens[] = { 1, 7, 63, 200, 4096, 5000, 32768, 100001, 300000 };
	const struct svart_op bad = { .opcode = SVART_OP_FILL, .dst = NULL, .length = 64 };
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();
	struct rig r;
	size_t i;

	atomic_store(&nr_copies, 0);
	atomic_store(&nr_much, 0);
	rig_open(&r, spec);
	svart_device_info_get(r.dev, &info);
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		if (lens[i] > info.max_transfer_bytes)
			break;
		move(&r, 3, BYTES, lens[i]);
		fill(&r, i, lens[i]);
		if ((info.features & SVART_FEATURE_OVERLAP) == 0)
			continue;
		move(&r, 3, 3 + (lens[i] + 1) / 2, lens[i]);
		move(&r, 3 + (lens[i] + 1) / 2, 3, lens[i]);
	}
	assert_int_equal(run(&r, &bad), SVART_STATUS_BAD_ADDRESS);
	rig_close(&r);
	assert_int_equal(atomic_load(&nr_copies), 0);
	assert_int_equal(atomic_load(&nr_much), 0);
}

/* --- tests --------------------------------------------------------------------------------------- */

static void test_own_threads_copy_by_no_function_of_the_programs(void **state)
{
	(void)state;
	do_all("model:dsa0");
	do_all("model:edu0,dma_mask_bits=64");
}

static void test_own_threads_serve_raw_queues_by_no_function_of_the_programs(void **state)
{
	(void)state;
	do_all("model:dsa0,iommu=vtd,faults=raw,private=30,fault_mode=eager");
	do_all("model:dsa0,iommu=smmu,faults=raw");
	do_all("model:dsa0,iommu=smmu,pri=on,faults=raw");
}

/** By which a library that replaces functions can tell them from the program's. */
static void test_own_threads_have_names(void **state)
{
	struct dirent *task;
	unsigned int nr = 0;
	struct rig r;
	DIR *tasks;

	(void)state;
	rig_open(&r, "model:dsa0");
	tasks = opendir("/proc/self/task");
	assert_non_null(tasks);
	while ((task = readdir(tasks)) != NULL) {
		char path[300], name[32] = "";
		FILE *comm;

		if (task->d_name[0] == '.' || atoi(task->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
		comm = fopen(path, "r");
		assert_non_null(comm);
		assert_non_null(fgets(name, sizeof(name), comm));
		fclose(comm);
		if (strncmp(name, "svart-", strlen("svart-")) != 0)
			fail_msg("a thread is called %s", name);
		nr++;
	}
	closedir(tasks);
	assert_true(nr >= 4); /* The service, two resolvers, an engine. */
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_threads_copy_by_no_function_of_the_programs),
		cmocka_unit_test(test_own_threads_serve_raw_queues_by_no_function_of_the_programs),
		cmocka_unit_test(test_own_threads_have_names),
	};

	is_test = true;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
