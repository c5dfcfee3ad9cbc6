/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES   8
#define CHECKED "step=manual,vmas=checked"

/** A rig, two files, and memory of the first one that the device may reach. */
struct scene {
	struct rig r;
	int a, b;
	uint8_t *mem;
};

static int make_file(void)
{
	int fd = memfd_create("origin", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, PAGES * PAGE), 0);
	return fd;
}

/** Maps pages in place of what is there. @param fd -1: anonymous, private memory. */
static void map(uint8_t *at, size_t pages, int fd, off_t file_page)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;

	assert_ptr_equal(mmap(at, pages * PAGE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd,
				 file_page * (off_t)PAGE),
		at);
}

static void scene_open(struct scene *s, const char *options)
{
	rig_attach(&s->r, options);
	s->a = make_file();
	s->b = make_file();
	s->mem = rig_memory(PAGES * PAGE);
	map(s->mem, PAGES, s->a, 0);
	assert_int_equal(rig_map_rw(&s->r, s->mem, PAGES * PAGE), 0);
}

static void scene_close(struct scene *s)
{
	rig_destroy(&s->r);
	munmap(s->mem, PAGES * PAGE);
	close(s->a);
	close(s->b);
}

/** A read through the bus, from within a step. */
struct access {
	uint64_t addr;
	size_t len;
	uint8_t buf[PAGES * PAGE];
	int rc;
};

static void do_read(struct probe *p, void *arg)
{
	struct access *a = arg;

	a->rc = p->bus->ops->read(p->bus, a->addr, a->buf, a->len);
}

static int read_at(struct scene *s, size_t off, size_t len)
{
	struct access a = { .addr = (uintptr_t)s->mem + off, .len = len };

	rig_run(&s->r, do_read, &a);
	return a.rc;
}

static uint64_t stale(struct scene *s)
{
	return rig_stats(&s->r).stale_accesses;
}

static void test_origin_access_to_memory_that_was_replaced_is_stale_and_fails(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, CHECKED);
	assert_int_equal(read_at(&s, 100, 8), 0);
	map(s.mem, PAGES, s.b, 0); /* Another file. */
	assert_int_equal(read_at(&s, 100, 8), -EIO);
	map(s.mem, PAGES, -1, 0); /* Anonymous memory. */
	assert_int_equal(read_at(&s, 100, 8), -EIO);
	map(s.mem, PAGES - 1, s.a, 1); /* Another part of the file. */
	assert_int_equal(read_at(&s, 100, 8), -EIO);
	assert_int_equal(stale(&s), 3);
	scene_close(&s);
}

/** Does each kind of access, with the page at `arg`. */
static void try_all(struct probe *p, void *arg)
{
	const struct svart_bus_ops *bus = p->bus->ops;
	uint64_t at = (uintptr_t)arg, good = at + PAGE;
	uint8_t buf[32] = { 1 };

	assert_int_equal(bus->copy(p->bus, at, good, 8), -EIO);
	assert_int_equal(bus->copy(p->bus, good, at, 8), -EIO);
	assert_int_equal(bus->read(p->bus, at, buf, 8), -EIO);
	assert_int_equal(bus->write(p->bus, at, buf, 8), -EIO);
	assert_int_equal(bus->fill(p->bus, at, 8, 1, 1, 0), -EIO);
	assert_int_equal(bus->write_record(p->bus, at, buf, 32), -EIO);
	assert_int_equal(bus->dma_read(p->bus, NO_PASID, at, buf, 8), -EIO);
	assert_int_equal(bus->dma_write(p->bus, NO_PASID, at, buf, 8), -EIO);
	assert_int_equal(bus->copy(p->bus, good, good + PAGE, 8), 0);
}

static void test_origin_is_checked_at_every_kind_of_access_which_writes_nothing(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, CHECKED);
	map(s.mem, 1, s.b, 0);
	s.mem[0] = 77;
	rig_run(&s.r, try_all, s.mem);
	assert_int_equal(stale(&s), 8);
	assert_int_equal(s.mem[0], 77);
	scene_close(&s);
}

static void test_origin_is_not_checked_unless_it_is_asked_for(void **state)
{
	static const char *const options[] = { "step=manual", "step=manual,vmas=trusted" };
	struct scene s;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		scene_open(&s, options[i]);
		map(s.mem, PAGES, s.b, 0);
		assert_int_equal(read_at(&s, 0, 8), 0);
		assert_int_equal(stale(&s), 0);
		scene_close(&s);
	}
}

static void test_origin_of_memory_that_came_back_is_not_stale(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, CHECKED);
	munmap(s.mem, PAGES * PAGE);
	assert_int_equal(read_at(&s, 0, 8), -EIO);
	assert_int_equal(stale(&s), 1); /* It is gone: counted once, by the access. */
	map(s.mem, PAGES, s.a, 0);
	assert_int_equal(read_at(&s, 0, PAGES * PAGE), 0);
	/* So is a mapping that was cut. */
	assert_int_equal(mprotect(s.mem + 2 * PAGE, PAGE, PROT_READ), 0);
	assert_int_equal(read_at(&s, 0, PAGES * PAGE), 0);
	assert_int_equal(stale(&s), 1);
	scene_close(&s);
}

static void test_origin_of_anonymous_memory_is_all_alike(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, CHECKED);
	assert_int_equal(rig_unmap(&s.r, (uintptr_t)s.mem, PAGES * PAGE, NULL), 0);
	map(s.mem, PAGES, -1, 0);
	assert_int_equal(rig_map_rw(&s.r, s.mem, PAGES * PAGE), 0);
	map(s.mem, PAGES, -1, 0);
	assert_int_equal(read_at(&s, 0, 8), 0);
	assert_int_equal(stale(&s), 0);
	scene_close(&s);
}

static void test_origin_is_that_of_the_last_map(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, CHECKED);
	assert_int_equal(rig_unmap(&s.r, (uintptr_t)s.mem, PAGES * PAGE, NULL), 0);
	map(s.mem, PAGES, s.b, 0);
	assert_int_equal(rig_map_rw(&s.r, s.mem, PAGES * PAGE), 0);
	assert_int_equal(read_at(&s, 0, 8), 0);
	map(s.mem, PAGES, s.a, 0);
	assert_int_equal(read_at(&s, 0, 8), -EIO);
	scene_close(&s);
}

static void test_origin_is_known_for_each_mapping_of_an_area(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, CHECKED);
	assert_int_equal(rig_unmap(&s.r, (uintptr_t)s.mem, PAGES * PAGE, NULL), 0);
	map(s.mem + 2 * PAGE, 2, s.b, 0);
	map(s.mem + 4 * PAGE, 2, -1, 0);
	assert_int_equal(rig_map_rw(&s.r, s.mem, PAGES * PAGE), 0);
	assert_int_equal(read_at(&s, 0, PAGES * PAGE), 0);
	map(s.mem + 3 * PAGE, 1, s.a, 3);
	assert_int_equal(read_at(&s, 3 * PAGE - 8, 8), 0);
	assert_int_equal(read_at(&s, 3 * PAGE - 8, 9), -EIO);
	assert_int_equal(read_at(&s, 4 * PAGE, 4 * PAGE), 0);
	assert_int_equal(read_at(&s, 0, PAGES * PAGE), -EIO);
	scene_close(&s);
}

static void test_origin_of_memory_mapped_twice_is_not_known_after_the_first_unmap(void **state)
{
	const uint32_t rw = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE;
	struct scene s;

	(void)state;
	scene_open(&s, CHECKED);
	assert_int_equal(rig_map(&s.r, 0x100000, s.mem, 2 * PAGE, rw), 0);
	map(s.mem, PAGES, s.b, 0);
	assert_int_equal(read_at(&s, 0, 8), -EIO);
	assert_int_equal(rig_unmap(&s.r, 0x100000, 2 * PAGE, NULL), 0);
	assert_int_equal(read_at(&s, 0, 8), 0);
	assert_int_equal(read_at(&s, 2 * PAGE, 8), -EIO);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_origin_access_to_memory_that_was_replaced_is_stale_and_fails),
		cmocka_unit_test(
			test_origin_is_checked_at_every_kind_of_access_which_writes_nothing),
		cmocka_unit_test(test_origin_is_not_checked_unless_it_is_asked_for),
		cmocka_unit_test(test_origin_of_memory_that_came_back_is_not_stale),
		cmocka_unit_test(test_origin_of_anonymous_memory_is_all_alike),
		cmocka_unit_test(test_origin_is_that_of_the_last_map),
		cmocka_unit_test(test_origin_is_known_for_each_mapping_of_an_area),
		cmocka_unit_test(
			test_origin_of_memory_mapped_twice_is_not_known_after_the_first_unmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
