/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Each test runs twice: with PROCMAP_QUERY, where the kernel has it, and with the text of
 * /proc/self/maps.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "vma.h"

#define PAGE 4096u

/** A Linux machine whose ioctls can be taken away. */
struct wrapped {
	struct svart_machine *m;
	struct svart_machine_ops ops;
	const struct svart_machine_ops *real;
	struct svart_vma_reader *reader;
};

static int no_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	(void)m;
	(void)fd;
	(void)request;
	(void)arg;
	return -ENOTTY;
}

static int open_reader(void **state, bool query)
{
	struct wrapped *w = calloc(1, sizeof(*w));

	assert_int_equal(svart_machine_linux.create("", &w->m), 0);
	w->real = w->m->ops;
	w->ops = *w->real;
	if (!query)
		w->ops.ioctl = no_ioctl;
	w->m->ops = &w->ops;
	*state = w;
	return svart_vma_reader_create(w->m, &w->reader);
}

static int open_query(void **state)
{
	return open_reader(state, true);
}

static int open_text(void **state)
{
	return open_reader(state, false);
}

static int close_reader(void **state)
{
	struct wrapped *w = *state;

	svart_vma_reader_destroy(w->reader);
	w->m->ops = w->real;
	svart_machine_linux.destroy(w->m);
	free(w);
	return 0;
}

static struct svart_vma find(void **state, const void *addr)
{
	struct wrapped *w = *state;
	struct svart_vma vma;

	assert_int_equal(svart_vma_find(w->reader, (uintptr_t)addr, &vma), 0);
	return vma;
}

static void test_anonymous_memory_is_all_the_devices(void **state)
{
	uint8_t *p = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct svart_vma vma;

	mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE);
	vma = find(state, p + PAGE + 5);
	assert_int_equal(vma.start, (uintptr_t)p + PAGE);
	assert_int_equal(vma.end, (uintptr_t)p + 2 * PAGE);
	assert_int_equal(vma.prot, SVART_ACCESS_READ | SVART_ACCESS_WRITE);
	assert_int_equal(vma.device_prot, SVART_ACCESS_READ | SVART_ACCESS_WRITE);
	assert_false(vma.shared);
	assert_false(vma.file_backed);
	assert_int_equal(find(state, p).device_prot, 0); /* PROT_NONE */
	munmap(p, 3 * PAGE);
}

static void test_unmapped_addresses_are_enoent(void **state)
{
	struct wrapped *w = *state;
	uint8_t *p = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct svart_vma vma;

	munmap(p + PAGE, PAGE);
	assert_int_equal(svart_vma_find(w->reader, (uintptr_t)p + PAGE, &vma), -ENOENT);
	assert_int_equal(svart_vma_find(w->reader, 0, &vma), -ENOENT);
	assert_int_equal(svart_vma_find(w->reader, UINT64_MAX, &vma), -ENOENT);
	munmap(p, 3 * PAGE);
}

static void test_shared_memory_is_writable_by_devices(void **state)
{
	int fd = memfd_create("vma", 0);
	struct svart_vma vma;
	void *p, *q;

	assert_int_equal(ftruncate(fd, PAGE), 0);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	vma = find(state, p);
	assert_true(vma.shared);
	assert_true(vma.file_backed);
	assert_true(vma.device_prot & SVART_ACCESS_WRITE);
	q = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(find(state, q).device_prot & SVART_ACCESS_WRITE);
	munmap(p, PAGE);
	munmap(q, PAGE);
	close(fd);
}

/** A file in a folder whose file system keeps pages in memory only, or does not. @return fd or -1 */
static int make_file(const char *dir, bool memory_only)
{
	const long tmpfs = 0x01021994; /* TMPFS_MAGIC of linux/magic.h */
	char path[64];
	struct statfs fs;
	int fd;

	snprintf(path, sizeof(path), "%s/svart-vma-XXXXXX", dir);
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	unlink(path);
	if (fstatfs(fd, &fs) != 0 || (fs.f_type == tmpfs) != memory_only) {
		close(fd);
		return -1;
	}
	assert_int_equal(ftruncate(fd, PAGE), 0);
	return fd;
}

static void test_writable_shared_mapping_of_a_disk_file_is_read_only_for_devices(void **state)
{
	int fd = make_file("/var/tmp", false);
	struct svart_vma vma;
	void *p;

	if (fd < 0)
		skip(); /* No disk here. */
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	vma = find(state, p);
	assert_true(vma.prot & SVART_ACCESS_WRITE);
	assert_int_equal(vma.device_prot, SVART_ACCESS_READ);
	munmap(p, PAGE);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	assert_true(find(state, p).device_prot & SVART_ACCESS_WRITE); /* Copies of the process. */
	munmap(p, PAGE);
	close(fd);
}

static void test_tmpfs_files_are_writable_by_devices(void **state)
{
	int fd = make_file("/dev/shm", true);
	void *p;

	if (fd < 0)
		skip(); /* No tmpfs here. */
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(find(state, p).device_prot & SVART_ACCESS_WRITE);
	munmap(p, PAGE);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anonymous_memory_is_all_the_devices),
		cmocka_unit_test(test_unmapped_addresses_are_enoent),
		cmocka_unit_test(test_shared_memory_is_writable_by_devices),
		cmocka_unit_test(
			test_writable_shared_mapping_of_a_disk_file_is_read_only_for_devices),
		cmocka_unit_test(test_tmpfs_files_are_writable_by_devices),
	};
	int failed = cmocka_run_group_tests_name("query", tests, open_query, close_reader);

	return failed + cmocka_run_group_tests_name("text", tests, open_text, close_reader);
}
