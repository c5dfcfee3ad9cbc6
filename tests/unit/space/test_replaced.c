/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Memory that the program replaces without a word. Each space maps exactly what it is asked for, so that
 * areas are single pages.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_log.h>

#include "fixture.h"
#include "hold.h"
#include "origins.h"

/** Files, and a chunk of memory of the first one. */
struct scene {
	struct fixture fx;
	int a, b;
	uint8_t *mem;
};

static int make_file(void)
{
	int fd = memfd_create("replaced", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)CHUNK), 0);
	return fd;
}

/** Maps pages in place of what is there. @param fd -1: anonymous, private memory. */
static void map(uint8_t *at, size_t pages, int flags, int fd, size_t file_page)
{
	flags |= MAP_FIXED | (fd < 0 ? MAP_ANONYMOUS : 0);
	assert_ptr_equal(mmap(at, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd,
				 (off_t)(file_page * PAGE)),
		at);
}

static void scene_open(struct scene *s)
{
	fixture_open_exact(&s->fx);
	assert_int_equal(svart_space_enable_holds(s->fx.space), 0);
	s->a = make_file();
	s->b = make_file();
	s->mem = chunks_of_file(1, PROT_READ | PROT_WRITE, s->a);
}

static void scene_close(struct scene *s)
{
	fixture_close(&s->fx);
	chunks_free(s->mem, 1);
	close(s->a);
	close(s->b);
}

/** A device asks for a page. */
static void ask(struct scene *s, size_t page, unsigned int access)
{
	assert_int_equal(resolve(&s->fx, s->mem + page * PAGE, PAGE, access), 0);
}

static bool is_mapped(struct scene *s, size_t page)
{
	return fake_is_mapped(s->fx.fake, s->mem + page * PAGE);
}

static uint64_t replaced(struct scene *s)
{
	return stats_of(&s->fx).replaced;
}

/* --- what is noticed ---------------------------------------------------------------------------- */

static void test_replaced_file_is_taken_from_devices_when_a_page_of_the_new_one_is_mapped(
	void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	ask(&s, 3, W);
	ask(&s, 9, R);
	assert_int_equal(munmap(s.mem, CHUNK), 0);
	map(s.mem, SVART_CHUNK_PAGES, MAP_SHARED, s.b, 0);
	assert_true(is_mapped(&s, 3)); /* Nobody has looked. */
	ask(&s, 100, W);
	assert_false(is_mapped(&s, 3));
	assert_false(is_mapped(&s, 9));
	assert_true(is_mapped(&s, 100));
	assert_int_equal(replaced(&s), 2);
	assert_int_equal(stats_of(&s.fx).pinned_bytes, PAGE);
	/* That is all: what is mapped now is the new one's. */
	ask(&s, 3, W);
	ask(&s, 101, W);
	assert_true(is_mapped(&s, 100));
	assert_int_equal(replaced(&s), 2);
	scene_close(&s);
}

static void test_replaced_part_of_a_file_by_another_part_is_noticed(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	ask(&s, 3, R);
	map(s.mem, 10, MAP_SHARED, s.a, 50);
	ask(&s, 4, R);
	assert_false(is_mapped(&s, 3));
	assert_int_equal(replaced(&s), 1);
	scene_close(&s);
}

static void test_replaced_shared_mapping_by_a_private_one_is_noticed(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	ask(&s, 3, R);
	map(s.mem, SVART_CHUNK_PAGES, MAP_PRIVATE, s.a, 0);
	ask(&s, 4, R);
	assert_false(is_mapped(&s, 3));
	assert_int_equal(replaced(&s), 1);
	scene_close(&s);
}

static void test_replaced_file_by_anonymous_memory_and_back_is_noticed(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	ask(&s, 3, R);
	map(s.mem, SVART_CHUNK_PAGES, MAP_PRIVATE, -1, 0);
	ask(&s, 4, R);
	assert_false(is_mapped(&s, 3));
	map(s.mem, SVART_CHUNK_PAGES, MAP_SHARED, s.a, 0);
	ask(&s, 5, R);
	assert_false(is_mapped(&s, 4));
	assert_int_equal(replaced(&s), 2);
	scene_close(&s);
}

static void test_replaced_memory_under_an_upgrade_is_counted(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	ask(&s, 3, R);
	map(s.mem, SVART_CHUNK_PAGES, MAP_SHARED, s.b, 0);
	ask(&s, 3, W);
	assert_true(fake_is_writable(s.fx.fake, s.mem + 3 * PAGE));
	assert_int_equal(replaced(&s), 1);
	ask(&s, 4, W);
	assert_true(is_mapped(&s, 3));
	assert_int_equal(replaced(&s), 1);
	scene_close(&s);
}

static void test_replaced_memory_in_one_mapping_leaves_others_of_the_chunk_alone(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	map(s.mem + 10 * PAGE, 10, MAP_SHARED, s.b, 100);
	map(s.mem + 20 * PAGE, 10, MAP_PRIVATE, -1, 0);
	ask(&s, 1, R);
	ask(&s, 11, R);
	ask(&s, 21, R);
	ask(&s, 31, R);
	map(s.mem + 10 * PAGE, 10, MAP_SHARED, s.b, 200);
	ask(&s, 12, R);
	assert_true(is_mapped(&s, 1));
	assert_false(is_mapped(&s, 11));
	assert_true(is_mapped(&s, 21));
	assert_true(is_mapped(&s, 31));
	assert_int_equal(replaced(&s), 1);
	scene_close(&s);
}

static void test_replaced_area_that_reaches_out_of_the_mapping_goes_whole(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	assert_int_equal(resolve(&s.fx, s.mem + 8 * PAGE, 4 * PAGE, R), 0);
	map(s.mem + 10 * PAGE, 10, MAP_SHARED, s.b, 0);
	ask(&s, 15, R);
	assert_false(is_mapped(&s, 11));
	assert_false(is_mapped(&s, 8)); /* One IOMMU_IOAS_MAP made both. */
	assert_int_equal(replaced(&s), 1);
	scene_close(&s);
}

static void test_replaced_memory_is_noticed_by_a_hold(void **state)
{
	uint64_t bad, start;
	struct scene s;

	(void)state;
	scene_open(&s);
	ask(&s, 3, R);
	map(s.mem, SVART_CHUNK_PAGES, MAP_SHARED, s.b, 0);
	start = (uintptr_t)s.mem + 4 * PAGE;
	assert_int_equal(svart_space_hold(s.fx.space, start, start + PAGE, R, &bad), 0);
	assert_false(is_mapped(&s, 3));
	assert_int_equal(replaced(&s), 1);
	svart_space_release(s.fx.space, start, start + PAGE);
	scene_close(&s);
}

static void test_replaced_memory_that_is_held_stays_until_it_is_released(void **state)
{
	uint64_t bad, start;
	struct scene s;

	(void)state;
	scene_open(&s);
	start = (uintptr_t)s.mem + 3 * PAGE;
	assert_int_equal(svart_space_hold(s.fx.space, start, start + PAGE, R, &bad), 0);
	ask(&s, 5, R);
	map(s.mem, SVART_CHUNK_PAGES, MAP_SHARED, s.b, 0);
	ask(&s, 4, R);
	assert_true(is_mapped(&s, 3));
	assert_false(is_mapped(&s, 5));
	assert_int_equal(replaced(&s), 1);
	assert_int_equal(stats_of(&s.fx).replaced_held, 1);
	svart_space_release(s.fx.space, start, start + PAGE);
	ask(&s, 6, R);
	assert_false(is_mapped(&s, 3));
	assert_true(is_mapped(&s, 4));
	assert_int_equal(replaced(&s), 2);
	assert_int_equal(stats_of(&s.fx).replaced_held, 1);
	scene_close(&s);
}

static void test_replaced_memory_that_cannot_be_unmapped_is_found_again(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	ask(&s, 3, R);
	map(s.mem, SVART_CHUNK_PAGES, MAP_SHARED, s.b, 0);
	s.fx.fake->unmap_script = (struct fake_script){ .error = -EIO, .count = 1 };
	ask(&s, 4, R);
	assert_true(is_mapped(&s, 3));
	ask(&s, 5, R);
	assert_false(is_mapped(&s, 3));
	assert_true(is_mapped(&s, 4));
	scene_close(&s);
}

/* --- what is not -------------------------------------------------------------------------------- */

static void test_replaced_anonymous_memory_by_anonymous_memory_is_not_noticed(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	map(s.mem, SVART_CHUNK_PAGES, MAP_PRIVATE, -1, 0);
	ask(&s, 3, R);
	map(s.mem, SVART_CHUNK_PAGES, MAP_PRIVATE, -1, 0);
	ask(&s, 4, R);
	assert_true(is_mapped(&s, 3));
	assert_int_equal(replaced(&s), 0);
	scene_close(&s);
}

static void test_replaced_nothing_where_the_same_file_was_mapped_again(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	ask(&s, 3, R);
	assert_int_equal(munmap(s.mem, CHUNK), 0);
	map(s.mem, SVART_CHUNK_PAGES, MAP_SHARED, s.a, 0);
	ask(&s, 4, R);
	assert_true(is_mapped(&s, 3));
	assert_int_equal(replaced(&s), 0);
	scene_close(&s);
}

static void test_replaced_nothing_where_mprotect_cut_a_mapping(void **state)
{
	const int kinds[] = { MAP_SHARED, MAP_PRIVATE };
	struct scene s;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		scene_open(&s);
		map(s.mem, SVART_CHUNK_PAGES, kinds[i], s.b, 0);
		ask(&s, 3, R);
		ask(&s, 30, R);
		assert_int_equal(mprotect(s.mem + 10 * PAGE, 10 * PAGE, PROT_READ), 0);
		ask(&s, 4, R);
		ask(&s, 11, R);
		ask(&s, 31, R);
		assert_true(is_mapped(&s, 3));
		assert_true(is_mapped(&s, 30));
		assert_int_equal(replaced(&s), 0);
		scene_close(&s);
	}
}

static void test_replaced_nothing_where_memory_was_forgotten_first(void **state)
{
	struct svart_invalidation inv;
	struct scene s;

	(void)state;
	scene_open(&s);
	ask(&s, 3, R);
	ask(&s, 300, R);
	assert_int_equal(svart_space_forget(s.fx.space, s.mem, 100 * PAGE), 0);
	map(s.mem, 100, MAP_SHARED, s.b, 0);
	ask(&s, 4, R);
	ask(&s, 301, R);
	assert_int_equal(svart_space_invalidate_begin(s.fx.space, s.mem, 100 * PAGE, &inv), 0);
	map(s.mem, 100, MAP_PRIVATE, -1, 0);
	assert_int_equal(svart_space_invalidate_end(s.fx.space, &inv), 0);
	ask(&s, 5, R);
	assert_true(is_mapped(&s, 300));
	assert_int_equal(replaced(&s), 0);
	scene_close(&s);
}

static void test_replaced_nothing_of_static_memory(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	assert_int_equal(svart_space_map_static(s.fx.space, s.mem + PAGE, PAGE), 0);
	ask(&s, 3, R);
	map(s.mem, SVART_CHUNK_PAGES, MAP_SHARED, s.b, 0);
	ask(&s, 4, R);
	assert_true(is_mapped(&s, 1));
	assert_false(is_mapped(&s, 3));
	assert_int_equal(replaced(&s), 1);
	svart_space_unmap_static(s.fx.space, s.mem + PAGE, PAGE);
	scene_close(&s);
}

static void test_replaced_memory_is_not_known_where_too_many_mappings_meet(void **state)
{
	struct scene s;
	size_t i;

	(void)state;
	scene_open(&s);
	ask(&s, 100, R);
	for (i = 0; i < SVART_NR_ORIGINS; i++) {
		map(s.mem + i * PAGE, 1, MAP_SHARED, s.b, 10 * i);
		ask(&s, i, R);
	}
	assert_int_equal(replaced(&s), 0); /* Page 100 is not known any more, and stays. */
	assert_true(is_mapped(&s, 100));
	map(s.mem + (i - 1) * PAGE, 1, MAP_SHARED, s.a, i - 1);
	ask(&s, i - 1, W);
	assert_int_equal(replaced(&s), 1);
	scene_close(&s);
}

/** While a page is inside IOAS_MAP: the program replaces other pages, as the rule says, and they are asked for. */
static void replace_and_ask(void *arg, uint64_t iova, uint64_t len)
{
	struct scene *s = arg;

	(void)len;
	if (iova != (uintptr_t)s->mem)
		return;
	assert_int_equal(svart_space_forget(s->fx.space, s->mem + 50 * PAGE, 50 * PAGE), 0);
	map(s->mem + 50 * PAGE, 50, MAP_SHARED, s->b, 0);
	ask(s, 60, R);
}

static void test_replaced_nothing_where_an_older_look_comes_late(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	ask(&s, 55, R);
	s.fx.fake->before_map = replace_and_ask;
	s.fx.fake->before_map_arg = &s;
	ask(&s, 0, R); /* It saw the first file, all over the chunk. */
	s.fx.fake->before_map = NULL;
	ask(&s, 61, R);
	ask(&s, 1, R);
	assert_true(is_mapped(&s, 60));
	assert_true(is_mapped(&s, 0));
	assert_int_equal(replaced(&s), 0);
	/* And it is known which is which. */
	map(s.mem + 50 * PAGE, 50, MAP_SHARED, s.a, 50);
	ask(&s, 62, R);
	assert_int_equal(replaced(&s), 2);
	scene_close(&s);
}

/* --- what is told ------------------------------------------------------------------------------- */

static unsigned int nr_of(const char *text, const char *what)
{
	unsigned int nr = 0;

	while ((text = strstr(text, what)) != NULL) {
		text += strlen(what);
		nr++;
	}
	return nr;
}

static void test_replaced_memory_is_told_once_for_a_space(void **state)
{
	char *told, address[32];
	struct scene s;
	size_t bytes;
	FILE *log = open_memstream(&told, &bytes);

	(void)state;
	scene_open(&s);
	snprintf(
		address, sizeof(address), "%#llx", (unsigned long long)(uintptr_t)s.mem + 3 * PAGE);
	assert_int_equal(rte_openlog_stream(log), 0);
	ask(&s, 3, R);
	map(s.mem, SVART_CHUNK_PAGES, MAP_PRIVATE, -1, 0);
	ask(&s, 4, R);
	map(s.mem, SVART_CHUNK_PAGES, MAP_SHARED, s.b, 0);
	ask(&s, 5, R);
	assert_int_equal(rte_openlog_stream(NULL), 0);
	fclose(log);
	assert_int_equal(replaced(&s), 2);
	assert_int_equal(nr_of(told, "\n"), 1);
	assert_int_equal(nr_of(told, address), 1);
	assert_int_equal(nr_of(told, "it was the file of inode"), 1);
	assert_int_equal(nr_of(told, "is anonymous memory now"), 1);
	assert_int_equal(nr_of(told, "svart_space_forget()"), 1);
	assert_int_equal(nr_of(told, "rte_dev_dma_unmap()"), 1);
	free(told);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_replaced_file_is_taken_from_devices_when_a_page_of_the_new_one_is_mapped),
		cmocka_unit_test(test_replaced_part_of_a_file_by_another_part_is_noticed),
		cmocka_unit_test(test_replaced_shared_mapping_by_a_private_one_is_noticed),
		cmocka_unit_test(test_replaced_file_by_anonymous_memory_and_back_is_noticed),
		cmocka_unit_test(test_replaced_memory_under_an_upgrade_is_counted),
		cmocka_unit_test(
			test_replaced_memory_in_one_mapping_leaves_others_of_the_chunk_alone),
		cmocka_unit_test(test_replaced_area_that_reaches_out_of_the_mapping_goes_whole),
		cmocka_unit_test(test_replaced_memory_is_noticed_by_a_hold),
		cmocka_unit_test(test_replaced_memory_that_is_held_stays_until_it_is_released),
		cmocka_unit_test(test_replaced_memory_that_cannot_be_unmapped_is_found_again),
		cmocka_unit_test(test_replaced_anonymous_memory_by_anonymous_memory_is_not_noticed),
		cmocka_unit_test(test_replaced_nothing_where_the_same_file_was_mapped_again),
		cmocka_unit_test(test_replaced_nothing_where_mprotect_cut_a_mapping),
		cmocka_unit_test(test_replaced_nothing_where_memory_was_forgotten_first),
		cmocka_unit_test(test_replaced_nothing_of_static_memory),
		cmocka_unit_test(test_replaced_memory_is_not_known_where_too_many_mappings_meet),
		cmocka_unit_test(test_replaced_nothing_where_an_older_look_comes_late),
		cmocka_unit_test(test_replaced_memory_is_told_once_for_a_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
