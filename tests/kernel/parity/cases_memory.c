/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Which memory can be mapped. Pages are pinned only while a page table is there, hence the device. */

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parity.h"

/* Linux 6.13 (include/uapi/asm-generic/mman-common.h). */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static void *page_at(void *va, unsigned int nr)
{
	return (char *)va + nr * PARITY_PAGE;
}

/* A file of nr pages in memory. */
static int memory_file(struct parity *p, unsigned int nr)
{
	int fd = memfd_create("parity", MFD_CLOEXEC);

	CHECK(p->run, fd >= 0);
	CHECK_EQ(p->run, ftruncate(fd, (off_t)(nr * PARITY_PAGE)), 0);
	return fd;
}

static void map_without_a_device_looks_at_no_memory(struct parity *p)
{
	void *va = parity_pages(p, 1);

	munmap(va, PARITY_PAGE);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), 0);
}

static void attach_over_an_area_of_no_memory_is_efault(struct parity *p)
{
	void *va = parity_pages(p, 1);

	munmap(va, PARITY_PAGE);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), 0);
	CHECK_EQ(p->run, p->rig->ops->device_open(p->rig, p->fd, p->ioas_id, &p->dev), -EFAULT);
}

static void map_of_unmapped_memory_is_efault(struct parity *p)
{
	void *va = parity_pages(p, 2);

	parity_open_device(p);
	munmap(page_at(va, 1), PARITY_PAGE);
	CHECK_EQ(p->run, parity_map(p, page_at(va, 1), 1, true), -EFAULT);
	CHECK_EQ(p->run, parity_map(p, va, 2, true), -EFAULT);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), 0);
}

static void map_for_write_of_read_only_memory_is_efault(struct parity *p)
{
	void *va = parity_memory(p, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	parity_open_device(p);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), -EFAULT);
	CHECK_EQ(p->run, parity_map(p, va, 1, false), 0);
}

static void map_of_memory_without_access_is_efault(struct parity *p)
{
	void *va = parity_memory(p, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	parity_open_device(p);
	CHECK_EQ(p->run, parity_map(p, va, 1, false), -EFAULT);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), -EFAULT);
}

static void map_over_a_guard_page_is_efault(struct parity *p)
{
	void *va = parity_pages(p, 3);

	parity_open_device(p);
	memset(va, 1, 3 * PARITY_PAGE);
	if (madvise(page_at(va, 1), PARITY_PAGE, MADV_GUARD_INSTALL) != 0)
		case_skip(p->run, "this kernel has no MADV_GUARD_INSTALL (Linux 6.13)");
	CHECK_EQ(p->run, parity_map(p, va, 3, true), -EFAULT);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), 0);
	CHECK_EQ(p->run, parity_map(p, page_at(va, 2), 1, true), 0);
}

static void map_over_the_end_of_a_file_is_efault(struct parity *p)
{
	int fd = memory_file(p, 1);
	void *va = parity_memory(p, 2, PROT_READ | PROT_WRITE, MAP_SHARED, fd);

	close(fd);
	parity_open_device(p);
	CHECK_EQ(p->run, parity_map(p, va, 2, true), -EFAULT);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), 0);
	CHECK_EQ(p->run, parity_map(p, page_at(va, 1), 1, true), -EFAULT);
}

static void map_of_shared_memory_is_fine(struct parity *p)
{
	int fd = memory_file(p, 2);
	void *va = parity_memory(p, 2, PROT_READ | PROT_WRITE, MAP_SHARED, fd);

	close(fd);
	parity_open_device(p);
	CHECK_EQ(p->run, parity_map(p, va, 2, true), 0);
}

static void map_of_a_mapped_program_is_fine_to_read_only(struct parity *p)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	void *va = parity_memory(p, 1, PROT_READ, MAP_SHARED, fd);

	close(fd);
	parity_open_device(p);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), -EFAULT);
	CHECK_EQ(p->run, parity_map(p, va, 1, false), 0);
}

static void failed_map_leaves_nothing_behind(struct parity *p)
{
	void *va = parity_pages(p, 2);

	parity_open_device(p);
	munmap(page_at(va, 1), PARITY_PAGE);
	CHECK_EQ(p->run, parity_map(p, va, 2, true), -EFAULT);
	CHECK_EQ(p->run, parity_unmap(p, va, 2), -ENOENT);
}

static void map_outlives_the_memory(struct parity *p)
{
	void *va = parity_pages(p, 1);

	parity_open_device(p);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), 0);
	munmap(va, PARITY_PAGE);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), -EEXIST);
	CHECK_EQ(p->run, parity_unmap(p, va, 1), 0);
}

/* --- the limit of locked memory ---------------------------------------------------------------- */

static void map_beyond_the_locked_memory_limit_is_enomem(struct parity *p)
{
	struct rlimit old, limit;
	void *va = parity_pages(p, 8);
	int within, beyond, after;

	parity_open_device(p);
	CHECK_EQ(p->run, getrlimit(RLIMIT_MEMLOCK, &old), 0);
	limit = (struct rlimit){ .rlim_cur = 4 * PARITY_PAGE, .rlim_max = old.rlim_max };
	CHECK(p->run, parity_capability_set(CAP_IPC_LOCK, false));
	CHECK_EQ(p->run, setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	within = parity_map(p, va, 3, true);
	beyond = parity_map(p, page_at(va, 3), 2, true);
	after = parity_unmap(p, va, 3);
	setrlimit(RLIMIT_MEMLOCK, &old);
	parity_capability_set(CAP_IPC_LOCK, true);
	CHECK_EQ(p->run, within, 0);
	CHECK_EQ(p->run, beyond, -ENOMEM);
	CHECK_EQ(p->run, after, 0);
}

static void map_by_the_privileged_has_no_limit(struct parity *p)
{
	struct rlimit old, limit;
	void *va = parity_pages(p, 8);
	int rc;

	parity_needs_capability(p, CAP_IPC_LOCK, "CAP_IPC_LOCK");
	parity_open_device(p);
	CHECK_EQ(p->run, getrlimit(RLIMIT_MEMLOCK, &old), 0);
	limit = (struct rlimit){ .rlim_cur = 4 * PARITY_PAGE, .rlim_max = old.rlim_max };
	CHECK_EQ(p->run, setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	rc = parity_map(p, va, 8, true);
	setrlimit(RLIMIT_MEMLOCK, &old);
	CHECK_EQ(p->run, rc, 0);
}

/* --- memory that comes late: userfaultfd --------------------------------------------------------- */

/** A MAP that is to block. Owner: its case. Lifetime: start to join. Locks: none. */
struct late_map {
	struct parity *p;
	void *va;
	unsigned int nr;
	int rc;
};

static void *late_map_thread(void *arg)
{
	struct late_map *late = arg;

	late->rc = parity_map(late->p, late->va, late->nr, true);
	return NULL;
}

/* @return a userfaultfd that is asked for the pages of [va, va + nr pages). */
static int uffd_over(struct parity *p, void *va, unsigned int nr)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = {
		.range = { .start = (uintptr_t)va, .len = nr * PARITY_PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	/* The kernel asks from kernel mode; the model, being a program, from user mode. */
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (fd < 0)
		case_skip(p->run, "userfaultfd is not allowed here");
	CHECK_EQ(p->run, ioctl(fd, UFFDIO_API, &api), 0);
	CHECK_EQ(p->run, ioctl(fd, UFFDIO_REGISTER, &area), 0);
	return fd;
}

static void map_waits_for_userfaultfd_and_others_go_on(struct parity *p)
{
	struct late_map late = { .p = p, .va = parity_pages(p, 1), .nr = 1, .rc = 1 };
	void *other = parity_pages(p, 1);
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)late.va, .len = PARITY_PAGE },
	};
	struct uffd_msg message;
	int again, unmap, beside, uffd = uffd_over(p, late.va, 1);
	pthread_t thread;

	parity_open_device(p);
	CHECK_EQ(p->run, pthread_create(&thread, NULL, late_map_thread, &late), 0);
	CHECK_EQ(p->run, read(uffd, &message, sizeof(message)), sizeof(message));
	again = parity_map(p, late.va, 1, true);
	unmap = parity_unmap(p, late.va, 1);
	beside = parity_map(p, other, 1, true);
	ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
	pthread_join(thread, NULL);
	close(uffd);
	CHECK_EQ(p->run, message.event, UFFD_EVENT_PAGEFAULT);
	CHECK_EQ(p->run, again, -EEXIST);
	CHECK_EQ(p->run, unmap, -EBUSY);
	CHECK_EQ(p->run, beside, 0);
	CHECK_EQ(p->run, late.rc, 0);
	CHECK_EQ(p->run, parity_unmap(p, late.va, 1), 0);
}

/* --- fork --------------------------------------------------------------------------------------- */

static void areas_stay_the_parents_after_fork(struct parity *p)
{
	char *va = parity_pages(p, 1);
	int status;
	pid_t child;

	parity_open_device(p);
	va[0] = 'p';
	CHECK_EQ(p->run, parity_map(p, va, 1, true), 0);
	child = fork();
	if (child == 0) {
		va[0] = 'c';
		_exit(va[0] == 'c' ? 0 : 1);
	}
	CHECK_EQ(p->run, waitpid(child, &status, 0), child);
	CHECK_EQ(p->run, status, 0);
	CHECK_EQ(p->run, va[0], 'p');
	CHECK_EQ(p->run, parity_unmap(p, va, 1), 0);
}

const struct parity_case parity_memory_cases[] = {
	PARITY_CASE(map_without_a_device_looks_at_no_memory),
	PARITY_CASE(attach_over_an_area_of_no_memory_is_efault),
	PARITY_CASE(map_of_unmapped_memory_is_efault),
	PARITY_CASE(map_for_write_of_read_only_memory_is_efault),
	PARITY_CASE(map_of_memory_without_access_is_efault),
	PARITY_CASE(map_over_a_guard_page_is_efault),
	PARITY_CASE(map_over_the_end_of_a_file_is_efault),
	PARITY_CASE(map_of_shared_memory_is_fine),
	PARITY_CASE(map_of_a_mapped_program_is_fine_to_read_only),
	PARITY_CASE(failed_map_leaves_nothing_behind),
	PARITY_CASE(map_outlives_the_memory),
	PARITY_CASE(map_beyond_the_locked_memory_limit_is_enomem),
	PARITY_CASE(map_by_the_privileged_has_no_limit),
	PARITY_CASE(map_waits_for_userfaultfd_and_others_go_on),
	PARITY_CASE(areas_stay_the_parents_after_fork),
};
const size_t parity_nr_memory_cases = sizeof(parity_memory_cases) / sizeof(parity_memory_cases[0]);
