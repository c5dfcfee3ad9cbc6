/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Memory that is taken back from svart's dmadevs: by rte_dev_dma_unmap(), the way of programs that know
 * when memory goes (doc/guides/dmadev.rst: vhost), and by EAL's events, where EAL or a heap gives it
 * back. What a device lost it asks for again, and the driver counts page requests in its dump.
 *
 * The arguments are EAL's. Events are there only where EAL's memory can go, so with hugepages; without
 * enough of them the program is skipped.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <rte_dev.h>
#include <rte_dmadev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#define PAGE      4096u
#define BYTES     (64 * PAGE)
#define TIMEOUT_S 20
#define SKIPPED   77
#define HEAP      "svart_test"

/** The one dmadev of this program. */
static struct {
	int16_t id;
	struct rte_device *dev;
} dma;

static uint8_t *source, *target;

/* --- helpers ------------------------------------------------------------------------------------- */

static uint8_t *memory_new(void)
{
	void *memory =
		mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

static void copy(void)
{
	const time_t start = time(NULL);
	bool has_error = false;

	memset(target, 0, BYTES);
	assert_true(rte_dma_copy(dma.id, 0, (rte_iova_t)source, (rte_iova_t)target, BYTES,
			    RTE_DMA_OP_FLAG_SUBMIT) >= 0);
	while (rte_dma_completed(dma.id, 0, 1, NULL, &has_error) == 0) {
		assert_false(has_error);
		assert_true(time(NULL) - start < TIMEOUT_S);
		sched_yield();
	}
	assert_memory_equal(source, target, BYTES);
}

/** Page requests so far. */
static uint64_t requests(void)
{
	static const char line[] = "page requests of all devices of the bus ";
	char text[8192] = "";
	FILE *file = fmemopen(text, sizeof(text), "w");
	const char *at;

	assert_non_null(file);
	assert_int_equal(rte_dma_dump(dma.id, file), 0);
	fclose(file);
	at = strstr(text, line);
	assert_non_null(at);
	return strtoull(at + strlen(line), NULL, 10);
}

/** The device has the memory of a copy. @return the page requests until then. */
static uint64_t settle(void)
{
	uint64_t before;

	copy();
	before = requests();
	copy();
	assert_int_equal(requests(), before);
	return before;
}

/* --- tests --------------------------------------------------------------------------------------- */

/** What a program does that knows no more of the memory than where it is. */
static void test_memory_that_was_unmapped_is_asked_for_anew(void **state)
{
	uint64_t before;

	(void)state;
	before = settle();
	assert_int_equal(rte_extmem_register(source, BYTES, NULL, 0, PAGE), 0);
	assert_int_equal(rte_dev_dma_unmap(dma.dev, source, (uintptr_t)source, BYTES), 0);
	assert_int_equal(rte_extmem_unregister(source, BYTES), 0);
	copy();
	assert_true(requests() > before);
}

static void test_memory_at_another_iova_is_refused(void **state)
{
	(void)state;
	assert_int_equal(rte_extmem_register(source, BYTES, NULL, 0, PAGE), 0);
	assert_int_equal(rte_dev_dma_map(dma.dev, source, (uintptr_t)source, BYTES), 0);
	rte_errno = 0;
	assert_true(rte_dev_dma_map(dma.dev, source, (uintptr_t)source + PAGE, BYTES) < 0);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(rte_extmem_unregister(source, BYTES), 0);
}

static void test_memory_that_leaves_a_heap_is_asked_for_anew(void **state)
{
	uint64_t before;

	(void)state;
	if (!rte_eal_has_hugepages())
		skip();
	assert_int_equal(rte_malloc_heap_create(HEAP), 0);
	assert_int_equal(
		rte_malloc_heap_memory_add(HEAP, source, BYTES, NULL, BYTES / PAGE, PAGE), 0);
	before = settle();
	assert_int_equal(rte_malloc_heap_memory_remove(HEAP, source, BYTES), 0);
	copy();
	assert_true(requests() > before);
	assert_int_equal(rte_malloc_heap_destroy(HEAP), 0);
}

/* --- EAL ----------------------------------------------------------------------------------------- */

static void start(int argc, char **argv)
{
	const struct rte_dma_conf conf = { .nb_vchans = 1 };
	const struct rte_dma_vchan_conf vchan = { .direction = RTE_DMA_DIR_MEM_TO_MEM,
		.nb_desc = 64 };
	struct rte_dev_iterator iterator;
	struct rte_device *dev;

	if (rte_eal_init(argc, argv) < 0) {
		printf("skipped: EAL does not start with these arguments: %s\n",
			rte_strerror(rte_errno));
		exit(SKIPPED);
	}
	dma.id = rte_dma_next_dev(0);
	RTE_DEV_FOREACH(dev, "bus=vdev,name=dma_svart0", &iterator)
	dma.dev = dev;
	if (dma.dev == NULL || rte_dma_configure(dma.id, &conf) != 0 ||
		rte_dma_vchan_setup(dma.id, 0, &vchan) != 0 || rte_dma_start(dma.id) != 0) {
		fprintf(stderr, "no dmadev\n");
		exit(EXIT_FAILURE);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_that_was_unmapped_is_asked_for_anew),
		cmocka_unit_test(test_memory_at_another_iova_is_refused),
		cmocka_unit_test(test_memory_that_leaves_a_heap_is_asked_for_anew),
	};
	int failed;

	start(argc, argv);
	source = memory_new();
	target = memory_new();
	memset(source, 0x5a, BYTES);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rte_dma_stop(dma.id);
	rte_dma_close(dma.id);
	rte_eal_cleanup();
	return failed != 0;
}
