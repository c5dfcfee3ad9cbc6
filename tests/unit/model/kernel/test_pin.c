/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/magic.h>

#define R IOMMU_IOAS_MAP_READABLE

/* Linux 6.13 (asm-generic/mman-common.h), newer than the headers of Debian 12. */
#define MADV_GUARD_INSTALL_NR 102

/** Maps a file of two pages, of which the second is behind its end, or the whole of one. */
static uint8_t *map_file(int fd, off_t bytes, int prot, int flags)
{
	void *mem;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	mem = mmap(NULL, 2 * PAGE, prot, flags, fd, 0);
	assert_true(mem != MAP_FAILED);
	return mem;
}

static void test_map_of_a_hole_gives_efault_and_leaves_nothing(void **state)
{
	uint8_t *mem = rig_memory(4 * PAGE);
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	munmap(mem + 2 * PAGE, PAGE);
	assert_int_equal(rig_map_rw(&r, mem, 4 * PAGE), -EFAULT);
	assert_int_equal(rig_map_rw(&r, mem + 2 * PAGE, PAGE), -EFAULT);
	assert_int_equal(rig_stats(&r).pinned_bytes, 0);
	assert_int_equal(rig_map_rw(&r, mem, 2 * PAGE), 0);
	assert_int_equal(rig_map_rw(&r, mem + 3 * PAGE, PAGE), 0);
	rig_destroy(&r);
	munmap(mem, 4 * PAGE);
}

static void test_map_over_a_files_end_gives_efault_and_the_exact_page_maps(void **state)
{
	int fd = memfd_create("pin", MFD_CLOEXEC);
	uint8_t *mem = map_file(fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map(&r, (uintptr_t)mem, mem, 2 * PAGE, R), -EFAULT);
	assert_int_equal(rig_map(&r, (uintptr_t)mem, mem, PAGE, R), 0);
	rig_destroy(&r);
	munmap(mem, 2 * PAGE);
	close(fd);
}

static void test_map_over_a_guard_page_gives_efault(void **state)
{
	uint8_t *mem = rig_memory(4 * PAGE);
	struct rig r;

	(void)state;
	if (madvise(mem + PAGE, PAGE, MADV_GUARD_INSTALL_NR) != 0)
		skip();
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, 4 * PAGE), -EFAULT);
	assert_int_equal(rig_map_rw(&r, mem, PAGE), 0);
	rig_destroy(&r);
	munmap(mem, 4 * PAGE);
}

static void test_map_of_prot_none_gives_efault(void **state)
{
	uint8_t *mem = rig_memory(PAGE);
	struct rig r;

	(void)state;
	mprotect(mem, PAGE, PROT_NONE);
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map(&r, (uintptr_t)mem, mem, PAGE, R), -EFAULT);
	rig_destroy(&r);
	munmap(mem, PAGE);
}

static void test_map_of_read_only_memory_is_for_reading_only(void **state)
{
	uint8_t *mem = rig_memory(PAGE);
	struct rig r;

	(void)state;
	mprotect(mem, PAGE, PROT_READ);
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, PAGE), -EFAULT);
	assert_int_equal(rig_map(&r, (uintptr_t)mem, mem, PAGE, R), 0);
	rig_destroy(&r);
	munmap(mem, PAGE);
}

static void test_map_of_a_memfd_for_writing_is_fine(void **state)
{
	int fd = memfd_create("pin", MFD_CLOEXEC);
	uint8_t *mem = map_file(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, 2 * PAGE), 0);
	rig_destroy(&r);
	munmap(mem, 2 * PAGE);
	close(fd);
}

static void test_map_of_a_shared_disk_file_is_for_reading_only(void **state)
{
	char path[] = "/var/tmp/svart-pin-XXXXXX";
	int fd = mkstemp(path);
	struct statfs fs;
	uint8_t *mem;
	struct rig r;

	(void)state;
	assert_true(fd >= 0);
	unlink(path);
	/* These have no write-back, so that the kernel pins their pages for writing, too. */
	if (fstatfs(fd, &fs) != 0 || fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC ||
		fs.f_type == OVERLAYFS_SUPER_MAGIC) {
		close(fd);
		skip();
	}
	mem = map_file(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, 2 * PAGE), -EFAULT);
	assert_int_equal(rig_map(&r, (uintptr_t)mem, mem, 2 * PAGE, R), 0);
	rig_destroy(&r);
	munmap(mem, 2 * PAGE);
	close(fd);
}

/** Gives up CAP_IPC_LOCK and lets 4 pages be locked. */
static void restrict_memlock(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	struct rlimit limit = { 4 * PAGE, 4 * PAGE };

	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective &= ~CAP_TO_MASK(CAP_IPC_LOCK);
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
}

/** In a child, for the limit cannot be raised again. @return the child's exit code. */
static int child_maps_up_to_the_limit(void)
{
	uint8_t *mem = rig_memory(8 * PAGE);
	struct rig r;

	rig_attach(&r, "step=manual");
	restrict_memlock();
	if (rig_map_rw(&r, mem, 5 * PAGE) != -ENOMEM)
		return 1;
	if (rig_map_rw(&r, mem, 3 * PAGE) != 0 || rig_map_rw(&r, mem + 3 * PAGE, PAGE) != 0)
		return 2;
	if (rig_map_rw(&r, mem + 4 * PAGE, PAGE) != -ENOMEM)
		return 3;
	if (rig_unmap(&r, (uintptr_t)mem, 3 * PAGE, NULL) != 0 ||
		rig_map_rw(&r, mem + 4 * PAGE, 3 * PAGE) != 0)
		return 4;
	rig_destroy(&r);
	return 0;
}

static void test_map_above_rlimit_memlock_gives_enomem(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0)
		_exit(child_maps_up_to_the_limit());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_of_a_hole_gives_efault_and_leaves_nothing),
		cmocka_unit_test(test_map_over_a_files_end_gives_efault_and_the_exact_page_maps),
		cmocka_unit_test(test_map_over_a_guard_page_gives_efault),
		cmocka_unit_test(test_map_of_prot_none_gives_efault),
		cmocka_unit_test(test_map_of_read_only_memory_is_for_reading_only),
		cmocka_unit_test(test_map_of_a_memfd_for_writing_is_fine),
		cmocka_unit_test(test_map_of_a_shared_disk_file_is_for_reading_only),
		cmocka_unit_test(test_map_above_rlimit_memlock_gives_enomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
