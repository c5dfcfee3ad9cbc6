/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Memory that is the process's, but whose pages are not there at the moment: never touched, or given
 * back to the system. It serves like any other; nothing is reported as an error.
 */

#include "backend.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21 /* linux/mman.h, Linux 5.4. */
#endif

#define LEN (64u * PAGE)

static void check_untouched(struct backend *b, size_t len, size_t off)
{
	uint8_t *src = guarded_alloc(len + off), *dst = guarded_alloc(len + off);
	uint8_t *zero = calloc(1, len);
	struct svart_completion done;

	memset(dst, 0x77, len + off);
	done = run_copy(b, dst + off, src + off, len); /* The source was never touched. */
	assert_done(&done, len);
	assert_memory_equal(dst + off, zero, len);
	guarded_free(b, dst, len + off);
	dst = guarded_alloc(len + off);
	scramble(src, len + off, (uint32_t)len);
	done = run_copy(b, dst + off, src + off, len); /* Nor this destination. */
	assert_done(&done, len);
	assert_memory_equal(dst + off, src + off, len);
	free(zero);
	guarded_free(b, src, len + off);
	guarded_free(b, dst, len + off);
}

static void test_pages_never_touched_serve(void **state)
{
	check_untouched(*state, 1, 0);
	check_untouched(*state, 100, PAGE - 50);
	check_untouched(*state, LEN, 0);
	check_untouched(*state, 5u << 20, 1);
}

static void test_fill_of_pages_never_touched(void **state)
{
	struct backend *b = *state;
	const size_t len = 3u << 20;
	uint8_t *dst = guarded_alloc(len);
	struct svart_completion done;

	backend_need(b, BACKEND_FILL);
	done = run_fill(b, dst, UINT64_C(0x2323232323232323), len);
	assert_done(&done, len);
	assert_int_equal(dst[0], 0x23);
	assert_int_equal(memcmp(dst, dst + 1, len - 1), 0);
	guarded_free(b, dst, len);
}

/** Every second page is there, and one operation goes over all of them. */
static void test_pages_there_and_not_there_by_turns(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(LEN), *dst = guarded_alloc(LEN);
	struct svart_completion done;
	unsigned int i;

	for (i = 0; i < LEN / PAGE; i++) {
		if (i % 2 == 0)
			scramble(src + i * PAGE, PAGE, i);
		else
			dst[i * PAGE] = 1;
	}
	done = run_copy(b, dst, src, LEN);
	assert_done(&done, LEN);
	assert_memory_equal(dst, src, LEN);
	guarded_free(b, src, LEN);
	guarded_free(b, dst, LEN);
}

static void test_many_in_flight_over_cold_memory(void **state)
{
	struct backend *b = *state;
	enum { NR = 32 };
	uint8_t *src = guarded_alloc(NR * LEN), *dst = guarded_alloc(NR * LEN);
	struct svart_completion done[NR];
	unsigned int i;

	scramble(src, NR * LEN, 4);
	for (i = 0; i < NR; i++)
		assert_true(enqueue_copy(b, dst + i * LEN, src + i * LEN, LEN, 0, i));
	wait_all(b, done, NR);
	for (i = 0; i < NR; i++)
		assert_done(&done[i], LEN);
	assert_memory_equal(dst, src, NR * LEN);
	guarded_free(b, src, NR * LEN);
	guarded_free(b, dst, NR * LEN);
}

/** @return how many pages of a range are in memory. */
static size_t resident(void *addr, size_t len)
{
	unsigned char there[LEN / PAGE];
	size_t i, n = 0;

	assert_true(len <= LEN);
	assert_int_equal(mincore(addr, len, there), 0);
	for (i = 0; i < len / PAGE; i++)
		n += there[i] & 1;
	return n;
}

/** Asks the system to take pages away. @return whether it took all of them. */
static bool page_out(void *addr, size_t len)
{
	return madvise(addr, len, MADV_PAGEOUT) == 0 && resident(addr, len) == 0;
}

static void test_swapped_pages_serve(void **state)
{
	struct backend *b = *state;
	uint8_t *src = guarded_alloc(LEN), *dst = guarded_alloc(LEN), *expected = malloc(LEN);
	struct svart_completion done;
	bool is_out;

	scramble(src, LEN, 5);
	memcpy(expected, src, LEN);
	memset(dst, 1, LEN);
	is_out = page_out(src, LEN) && page_out(dst, LEN);
	if (is_out) {
		done = run_copy(b, dst, src, LEN);
		assert_done(&done, LEN);
		assert_memory_equal(dst, expected, LEN);
	}
	free(expected);
	guarded_free(b, src, LEN);
	guarded_free(b, dst, LEN);
	if (!is_out)
		backend_skip("MADV_PAGEOUT takes no page away: there is no swap space");
}

/** Maps a file of LEN bytes on disk, and drops its pages. @return NULL if they cannot be dropped. */
static uint8_t *map_cold_file(const uint8_t *content)
{
	char path[] = "/var/tmp/svart-conformance-XXXXXX";
	int fd = mkstemp(path);
	uint8_t *map = MAP_FAILED;

	if (fd < 0)
		return NULL;
	unlink(path);
	if (write(fd, content, LEN) == (ssize_t)LEN && fsync(fd) == 0)
		map = mmap(NULL, LEN, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		close(fd);
		return NULL;
	}
	assert_memory_equal(map, content, LEN); /* Only pages that are mapped are paged out. */
	if (!page_out(map, LEN)) {
		madvise(map, LEN, MADV_DONTNEED);
		posix_fadvise(fd, 0, LEN, POSIX_FADV_DONTNEED);
	}
	close(fd);
	if (resident(map, LEN) == 0)
		return map;
	munmap(map, LEN);
	return NULL;
}

static void test_pages_that_are_on_disk_serve(void **state)
{
	struct backend *b = *state;
	uint8_t *content = malloc(LEN), *dst = guarded_alloc(LEN), *map;
	struct svart_completion done;

	scramble(content, LEN, 6);
	map = map_cold_file(content);
	if (map != NULL) {
		done = run_copy(b, dst, map, LEN);
		assert_done(&done, LEN);
		assert_memory_equal(dst, content, LEN);
		forget(b, map, LEN);
		munmap(map, LEN);
	}
	free(content);
	guarded_free(b, dst, LEN);
	if (map == NULL)
		backend_skip("the pages of a file in /var/tmp cannot be dropped");
}

/** The first write to a private mapping of a file gets a page of its own. */
static void test_pages_to_be_copied_on_write_serve(void **state)
{
	struct backend *b = *state;
	int fd = memfd_create("cow", 0);
	uint8_t *src = guarded_alloc(LEN), *map, *back = malloc(LEN);
	struct svart_completion done;

	scramble(back, LEN, 7);
	assert_int_equal(write(fd, back, LEN), LEN);
	map = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	scramble(src, LEN, 8);
	done = run_copy(b, map, src, LEN);
	assert_done(&done, LEN);
	assert_memory_equal(map, src, LEN);
	assert_int_equal(pread(fd, src, LEN, 0), LEN);
	assert_memory_equal(src, back, LEN); /* The file has not changed. */
	forget(b, map, LEN);
	munmap(map, LEN);
	close(fd);
	free(back);
	guarded_free(b, src, LEN);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		backend_test(test_pages_never_touched_serve),
		backend_test(test_fill_of_pages_never_touched),
		backend_test(test_pages_there_and_not_there_by_turns),
		backend_test(test_many_in_flight_over_cold_memory),
		backend_test(test_swapped_pages_serve),
		backend_test(test_pages_that_are_on_disk_serve),
		backend_test(test_pages_to_be_copied_on_write_serve),
	};

	return backend_run(argc, argv, tests);
}
