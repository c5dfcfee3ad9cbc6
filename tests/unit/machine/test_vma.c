/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The tests of real memory run twice: with PROCMAP_QUERY, where the kernel has it, and with the text of
 * /proc/self/maps.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "fake_text.h"
#include "svart_config.h"
#include "vma.h"

#if SVART_HAVE_PROCMAP_QUERY
#include <linux/fs.h>
#endif

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

/* --- identity --------------------------------------------------------------------------------- */

static int make_memfd(void)
{
	int fd = memfd_create("vma", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, 8 * PAGE), 0);
	return fd;
}

static void *map_file(void *at, size_t pages, int flags, int fd, off_t page)
{
	void *p = mmap(at, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, page * (off_t)PAGE);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static bool identity_equal(const struct svart_vma_identity *a, const struct svart_vma_identity *b)
{
	return a->inode == b->inode && a->offset == b->offset && a->major == b->major &&
	       a->minor == b->minor && a->shared == b->shared;
}

/** Whether two addresses have the same memory: identities and tags say so alike. */
static bool same(void **state, const struct svart_vma *a, const void *addr)
{
	struct svart_vma b = find(state, addr);
	bool equal = identity_equal(&a->identity, &b.identity);

	assert_int_equal(
		equal, svart_vma_identity_tag(&a->identity) == svart_vma_identity_tag(&b.identity));
	return equal;
}

static void test_vma_pieces_of_a_file_mapping_have_one_identity(void **state)
{
	const int kinds[] = { MAP_SHARED, MAP_PRIVATE };
	int fd = make_memfd();
	struct svart_vma first;
	uint8_t *p;
	size_t i;

	for (i = 0; i < 2; i++) {
		p = map_file(NULL, 4, kinds[i], fd, 2);
		first = find(state, p);
		assert_int_equal(first.identity.offset, 2 * PAGE - (uintptr_t)p);
		assert_int_equal(mprotect(p + PAGE, PAGE, PROT_READ), 0);
		assert_int_equal(find(state, p + 2 * PAGE).start, (uintptr_t)p + 2 * PAGE);
		assert_true(same(state, &first, p + PAGE));
		assert_true(same(state, &first, p + 2 * PAGE));
		munmap(p, 4 * PAGE);
	}
	close(fd);
}

static void test_vma_file_mapped_again_at_the_same_place_has_the_same_identity(void **state)
{
	int fd = make_memfd();
	uint8_t *p = map_file(NULL, 4, MAP_SHARED, fd, 0);
	struct svart_vma before = find(state, p);

	map_file(p, 4, MAP_SHARED | MAP_FIXED, fd, 0);
	assert_true(same(state, &before, p));
	map_file(p + PAGE, 3, MAP_SHARED | MAP_FIXED, fd, 1);
	assert_true(same(state, &before, p + PAGE));
	munmap(p, 4 * PAGE);
	close(fd);
}

static void test_vma_other_memory_at_the_same_address_has_another_identity(void **state)
{
	int fd = make_memfd(), other = make_memfd();
	uint8_t *p = map_file(NULL, 4, MAP_SHARED, fd, 0);
	struct svart_vma before = find(state, p);

	map_file(p, 4, MAP_SHARED | MAP_FIXED, other, 0); /* Another file. */
	assert_false(same(state, &before, p));
	map_file(p, 4, MAP_SHARED | MAP_FIXED, fd, 1); /* Another part of it. */
	assert_false(same(state, &before, p));
	map_file(p, 4, MAP_PRIVATE | MAP_FIXED, fd, 0); /* Copies of it. */
	assert_false(same(state, &before, p));
	map_file(p, 4, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_false(same(state, &before, p));
	map_file(p, 4, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0); /* A file, within Linux. */
	assert_false(same(state, &before, p));
	munmap(p, 4 * PAGE);
	close(fd);
	close(other);
}

static void test_vma_file_that_was_deleted_has_its_identity_still(void **state)
{
	int fd = make_file("/dev/shm", true); /* It is deleted. */
	struct svart_vma before;
	uint8_t *p;

	if (fd < 0)
		skip(); /* No tmpfs here. */
	p = map_file(NULL, 1, MAP_SHARED, fd, 0);
	before = find(state, p);
	assert_int_not_equal(before.identity.inode, 0);
	close(fd);
	assert_true(same(state, &before, p));
	munmap(p, PAGE);
}

static void test_vma_anonymous_memory_is_all_alike(void **state)
{
	uint8_t *p = map_file(NULL, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct svart_vma before = find(state, p);
	int on_stack;

	assert_int_equal(svart_vma_identity_tag(&before.identity), SVART_VMA_TAG_ANONYMOUS);
	map_file(p, 1, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_true(same(state, &before, p));
	assert_true(same(state, &before, p + 2 * PAGE));
	assert_true(same(state, &before, &on_stack));
	munmap(p, 3 * PAGE);
}

static void test_vma_query_and_text_tell_the_same_identity(void **state)
{
	int fd = make_memfd();
	uint8_t *p = map_file(NULL, 4, MAP_SHARED, fd, 3);
	struct svart_vma by_query;
	struct wrapped *w;

	assert_int_equal(open_query(state), 0);
	w = *state;
	by_query = find(state, p);
	w->ops.ioctl = no_ioctl;
	assert_true(same(state, &by_query, p));
	by_query = find(state, &by_query);
	assert_int_equal(by_query.identity.inode, 0);
	close_reader(state);
	munmap(p, 4 * PAGE);
	close(fd);
}

static void test_vma_tags_of_files_are_never_that_of_anonymous_memory(void **state)
{
	struct svart_vma_identity id = { .inode = UINT64_C(1) << 32 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		id.offset = i * (uint64_t)PAGE;
		assert_int_not_equal(svart_vma_identity_tag(&id), SVART_VMA_TAG_ANONYMOUS);
	}
}

/* --- while others map and unmap --------------------------------------------------------------- */

#define LOOKERS      3
#define FILLERS      200
#define SLOTS        40
#define STRESS_NS    INT64_C(1000000000)
#define HOLE_AT(p)   ((p) + 5 * PAGE)
#define STABLE_AT(p) ((p) + PAGE)

/** Owner: the test. Locks: none; the counts are the lookers' own. */
struct stress {
	struct svart_vma_reader *reader;
	uint8_t *stable, *churned;
	unsigned int seed;
	atomic_uint nr_there; /* Threads that run: what their start maps is mapped. */
	atomic_bool go, stop;
};

struct looker {
	struct stress *s;
	pthread_t thread;
	unsigned int looks, failed, wrong, phantoms;
	int rc; /* Of the last that failed. */
};

/** Areas of all kinds come and go, below the others: lines before theirs. */
/** Sanitizers map pages when a thread starts; that must not be where nothing is to be found. */
static void wait_for_go(struct stress *s)
{
	atomic_fetch_add(&s->nr_there, 1);
	while (!atomic_load(&s->go))
		sched_yield();
}

static void *churn(void *arg)
{
	struct stress *s = arg;
	unsigned int i, random = s->seed;
	uint8_t *slot;

	wait_for_go(s);
	while (!atomic_load(&s->stop)) {
		for (i = 0; i < SLOTS; i++) {
			random = random * 1103515245 + 12345;
			slot = s->churned + (random >> 16) % SLOTS * PAGE;
			mprotect(slot, PAGE, i & 1 ? PROT_READ : PROT_READ | PROT_WRITE);
		}
		mprotect(s->churned, SLOTS * PAGE, PROT_NONE);
	}
	return NULL;
}

static void *look(void *arg)
{
	struct looker *l = arg;
	uint64_t addr = (uintptr_t)STABLE_AT(l->s->stable);
	struct svart_vma vma;
	int rc;

	wait_for_go(l->s);
	while (!atomic_load(&l->s->stop)) {
		l->looks++;
		rc = svart_vma_find(l->s->reader, addr, &vma);
		l->rc = rc != 0 ? rc : l->rc;
		if (rc != 0)
			l->failed++;
		else if (vma.start != addr || vma.end != addr + PAGE ||
			 vma.device_prot != (SVART_ACCESS_READ | SVART_ACCESS_WRITE))
			l->wrong++;
		rc = svart_vma_find(l->s->reader, (uintptr_t)HOLE_AT(l->s->stable), &vma);
		l->phantoms += rc != -ENOENT;
	}
	return NULL;
}

static void *reserve(size_t pages)
{
	void *p = mmap(NULL, pages * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static void run_stress(struct stress *s, struct looker *lookers)
{
	const struct timespec time = { .tv_sec = STRESS_NS / 1000000000 };
	pthread_t churner;
	unsigned int i;

	assert_int_equal(pthread_create(&churner, NULL, churn, s), 0);
	for (i = 0; i < LOOKERS; i++) {
		lookers[i] = (struct looker){ .s = s };
		assert_int_equal(pthread_create(&lookers[i].thread, NULL, look, &lookers[i]), 0);
	}
	while (atomic_load(&s->nr_there) != LOOKERS + 1)
		sched_yield();
	munmap(HOLE_AT(s->stable), PAGE);
	atomic_store(&s->go, true);
	nanosleep(&time, NULL);
	atomic_store(&s->stop, true);
	pthread_join(churner, NULL);
	for (i = 0; i < LOOKERS; i++)
		pthread_join(lookers[i].thread, NULL);
}

static void test_vma_lookups_while_others_map_and_unmap_find_what_stays(void **state)
{
	struct wrapped *w = *state;
	const char *seed = getenv("SVART_SEED");
	struct stress s = { .reader = w->reader };
	struct looker lookers[LOOKERS];
	uint8_t *fillers;
	unsigned int i;

	s.seed = seed != NULL ? (unsigned int)strtoul(seed, NULL, 0) : (unsigned int)time(NULL);
	print_message("SVART_SEED=%u\n", s.seed);
	/* Linux places each below the one before. */
	s.stable = reserve(7);
	fillers = reserve(2 * FILLERS);
	s.churned = reserve(SLOTS);
	mprotect(STABLE_AT(s.stable), PAGE, PROT_READ | PROT_WRITE);
	for (i = 0; i < FILLERS; i++)
		mprotect(fillers + (size_t)2 * i * PAGE, PAGE, PROT_READ);
	run_stress(&s, lookers);
	for (i = 0; i < LOOKERS; i++) {
		if (lookers[i].failed + lookers[i].wrong + lookers[i].phantoms != 0)
			fail_msg(
				"of %u lookups %u failed (%d), %u were wrong, %u found what is not",
				lookers[i].looks, lookers[i].failed, lookers[i].rc,
				lookers[i].wrong, lookers[i].phantoms);
		assert_true(lookers[i].looks > 0);
	}
	munmap(s.stable, 7 * PAGE);
	munmap(fillers, 2 * FILLERS * PAGE);
	munmap(s.churned, SLOTS * PAGE);
}

/* --- as Linux makes the text ------------------------------------------------------------------ */

/*
 * A /proc/self/maps that is made as Linux makes it, with a moment after each read in which others can do
 * something.
 */

#define MAX_AREAS 16
/** Bytes that a read gives at most: three lines. */
#define READ_BYTES 150
#define MAX_FDS    16

/** Which kernel: how the next read finds where to go on. */
enum going_on {
	AT_ADDRESS, /**< With what is at the address where the last line ended, or behind (since 5.8). */
	SKIPS_MERGED, /**< As before 5.8: an area that begins before that address is told already. */
};

struct area {
	uint64_t start, end;
	bool writable;
};

/** Owner: the test. */
struct kernel {
	struct svart_machine machine;
	struct svart_vma_reader *reader;
	enum going_on going_on;
	unsigned int nr_areas, nr_fds;
	struct area areas[MAX_AREAS]; /* Ascending. */
	struct {
		uint64_t told; /* Where the last line ended. */
		off_t read_pos;
		size_t nr_left; /* Of a line that did not fit. */
		char left[96];
	} fds[MAX_FDS];
	unsigned int moment; /* After so many more reads others do something; 0: nobody does. */
	void (*others)(struct kernel *k);
};

static int kernel_open(struct svart_machine *m, const char *path, int flags)
{
	struct kernel *k = (struct kernel *)m;

	(void)flags;
	return strcmp(path, "/proc/self/maps") == 0 && k->nr_fds < MAX_FDS ? (int)k->nr_fds++
									   : -ENOENT;
}

static int kernel_close(struct svart_machine *m, int fd)
{
	(void)m;
	(void)fd;
	return 0;
}

/** Makes the next line after what was told. @return its length, 0: there is none. */
static size_t next_text(struct kernel *k, int fd, char line[96])
{
	uint64_t told = k->fds[fd].told;
	const struct area *a;

	for (a = k->areas; a < k->areas + k->nr_areas; a++) {
		if (a->end > told && (k->going_on == AT_ADDRESS || a->start >= told))
			break;
	}
	if (a == k->areas + k->nr_areas)
		return 0;
	k->fds[fd].told = a->end;
	return (size_t)snprintf(line, 96, "%08llx-%08llx r%c-p 00000000 00:00 0 \n",
		(unsigned long long)a->start, (unsigned long long)a->end, a->writable ? 'w' : '-');
}

/** Counts bytes from the start of the text, as it is now. */
static void traverse(struct kernel *k, int fd, off_t off)
{
	char line[96];
	off_t at = 0;
	size_t len;

	k->fds[fd].told = 0;
	k->fds[fd].nr_left = 0;
	while (at < off && (len = next_text(k, fd, line)) != 0) {
		at += (off_t)len;
		if (at > off) {
			k->fds[fd].nr_left = (size_t)(at - off);
			memcpy(k->fds[fd].left, line + len - (size_t)(at - off),
				(size_t)(at - off));
		}
	}
}

static ssize_t kernel_pread(struct svart_machine *m, int fd, void *buf, size_t len, off_t off)
{
	struct kernel *k = (struct kernel *)m;
	uint64_t told;
	size_t n, more;
	char line[96];

	assert_true(len > READ_BYTES);
	if (off == 0 || off != k->fds[fd].read_pos)
		traverse(k, fd, off);
	n = k->fds[fd].nr_left;
	memcpy(buf, k->fds[fd].left, n);
	k->fds[fd].nr_left = 0;
	for (;;) {
		told = k->fds[fd].told;
		more = next_text(k, fd, line);
		if (more == 0 || n + more > READ_BYTES)
			break;
		memcpy((char *)buf + n, line, more);
		n += more;
	}
	k->fds[fd].told = told;
	k->fds[fd].read_pos = off + (off_t)n;
	if (k->moment != 0 && --k->moment == 0)
		k->others(k);
	return (ssize_t)n;
}

static int kernel_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	return no_ioctl(m, fd, request, arg);
}

static const struct svart_machine_ops kernel_ops = {
	.open = kernel_open,
	.close = kernel_close,
	.pread = kernel_pread,
	.ioctl = kernel_ioctl,
};

static struct area area_at(unsigned int i)
{
	/* Some addresses have more digits than others. */
	uint64_t base = i < MAX_AREAS / 2 ? UINT64_C(0x10000000) : UINT64_C(0x7f0000000000);

	return (struct area){ base + i * 0x10000, base + i * 0x10000 + 0x8000, i & 1 };
}

static void kernel_start(struct kernel *k, enum going_on going_on)
{
	unsigned int i;

	memset(k, 0, sizeof(*k));
	k->machine.ops = &kernel_ops;
	k->going_on = going_on;
	k->nr_areas = MAX_AREAS;
	for (i = 0; i < MAX_AREAS; i++)
		k->areas[i] = area_at(i);
	assert_int_equal(svart_vma_reader_create(&k->machine, &k->reader), 0);
}

static void remove_area(struct kernel *k, unsigned int i)
{
	k->nr_areas--;
	memmove(&k->areas[i], &k->areas[i + 1], (k->nr_areas - i) * sizeof(k->areas[0]));
}

static void look_and_unmap_first(struct kernel *k)
{
	struct svart_vma vma;

	assert_int_equal(svart_vma_find(k->reader, area_at(1).start, &vma), 0);
	remove_area(k, 0);
}

static void unmap_first_and_look(struct kernel *k)
{
	struct svart_vma vma;

	remove_area(k, 0);
	assert_int_equal(svart_vma_find(k->reader, area_at(1).start, &vma), 0);
}

static void map_first_and_look(struct kernel *k)
{
	struct svart_vma vma;

	remove_area(k, 1);
	memmove(&k->areas[1], &k->areas[0], k->nr_areas * sizeof(k->areas[0]));
	k->areas[0] = (struct area){ 0x1000, 0x2000, false };
	k->nr_areas++;
	assert_int_equal(svart_vma_find(k->reader, area_at(0).start, &vma), 0);
}

static void (*const others_do[])(
	struct kernel *k) = { look_and_unmap_first, unmap_first_and_look, map_first_and_look };

/** Looks area i up while others do something after a read. */
static void look_among_others(
	enum going_on going_on, unsigned int others, unsigned int moment, unsigned int i)
{
	struct area a = area_at(i);
	struct svart_vma vma;
	struct kernel k;
	int rc;

	kernel_start(&k, going_on);
	k.others = others_do[others];
	k.moment = moment;
	rc = svart_vma_find(k.reader, a.start + 0x1234, &vma);
	if (rc != 0 || vma.start != a.start || vma.end != a.end)
		fail_msg("area %u, others %u after read %u: %d", i, others, moment, rc);
	assert_int_equal(vma.prot, SVART_ACCESS_READ | (a.writable ? SVART_ACCESS_WRITE : 0));
	svart_vma_reader_destroy(k.reader);
}

static void test_vma_lookup_among_others_lookups_and_unmaps_finds_what_stays(void **state)
{
	unsigned int others, moment, i;

	(void)state;
	for (others = 0; others < 3; others++) {
		for (moment = 1; moment < 8; moment++) {
			for (i = 2; i < MAX_AREAS; i++) {
				look_among_others(AT_ADDRESS, others, moment, i);
				look_among_others(SKIPS_MERGED, others, moment, i);
			}
		}
	}
}

/** The first read told of the third area, the second one would tell of the fourth: they become one. */
static void merge(struct kernel *k)
{
	k->areas[2].end = k->areas[3].end;
	remove_area(k, 3);
}

static void test_vma_lookup_of_an_area_that_is_merged_meanwhile_finds_it(void **state)
{
	const enum going_on kinds[] = { AT_ADDRESS, SKIPS_MERGED };
	struct svart_vma vma;
	struct kernel k;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		kernel_start(&k, kinds[i]);
		k.areas[2].end = k.areas[3].start;
		k.others = merge;
		k.moment = 1;
		assert_int_equal(svart_vma_find(k.reader, area_at(3).start, &vma), 0);
		assert_int_equal(vma.start, area_at(2).start);
		assert_int_equal(vma.end, area_at(3).end);
		svart_vma_reader_destroy(k.reader);
	}
}

/* --- answers that cannot be believed ---------------------------------------------------------- */

#define SHARED_LINE "7f0000010000-7f0000020000 rw-s 00000000 00:2a 5 /mnt/x\n"
#define SHARED_AT   UINT64_C(0x7f0000010000)
#define TMPFS_LINE  "23 21 0:42 / /mnt rw - tmpfs tmpfs rw\n"

static void test_vma_file_system_that_could_not_be_told_is_asked_for_again(void **state)
{
	const char *const maps[] = { SHARED_LINE, NULL }, *const mounts[] = { TMPFS_LINE, NULL };
	struct svart_vma_reader *reader;
	struct svart_vma vma;
	struct fake_text t;

	(void)state;
	fake_text_init(&t);
	fake_text_set(&t.files[0], "/proc/self/maps", maps);
	fake_text_set(&t.files[1], "/proc/self/mountinfo", mounts);
	assert_int_equal(svart_vma_reader_create(&t.machine, &reader), 0);
	t.files[1].read_error = -EIO;
	assert_int_equal(svart_vma_find(reader, SHARED_AT, &vma), 0);
	assert_int_equal(vma.device_prot, SVART_ACCESS_READ);
	t.files[1].read_error = 0;
	assert_int_equal(svart_vma_find(reader, SHARED_AT, &vma), 0);
	assert_int_equal(vma.device_prot, SVART_ACCESS_READ | SVART_ACCESS_WRITE);
	t.files[1].opens = 0;
	assert_int_equal(svart_vma_find(reader, SHARED_AT, &vma), 0);
	assert_int_equal(vma.device_prot, SVART_ACCESS_READ | SVART_ACCESS_WRITE);
	assert_int_equal(t.files[1].opens, 0); /* What was told is remembered. */
	svart_vma_reader_destroy(reader);
	assert_int_equal(t.nr_open, 0);
}

static void test_vma_mount_missed_once_is_not_remembered_as_none(void **state)
{
	const char *const maps[] = { SHARED_LINE, NULL };
	const char *const mounts[] = { "", "23 21 0:42 / /mnt rw - ext4 /dev/x rw\n", NULL };
	struct svart_vma_reader *reader;
	struct svart_vma vma;
	struct fake_text t;
	int i;

	(void)state;
	fake_text_init(&t);
	fake_text_set(&t.files[0], "/proc/self/maps", maps);
	fake_text_set(&t.files[1], "/proc/self/mountinfo", mounts);
	assert_int_equal(svart_vma_reader_create(&t.machine, &reader), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(svart_vma_find(reader, SHARED_AT, &vma), 0);
		assert_int_equal(vma.device_prot, SVART_ACCESS_READ);
	}
	svart_vma_reader_destroy(reader);
}

#if SVART_HAVE_PROCMAP_QUERY
static int answer_rc;
static uint64_t answer_start, answer_end;

static int answer(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	struct procmap_query *q = arg;

	(void)m;
	(void)fd;
	assert_true(request == PROCMAP_QUERY);
	q->vma_start = answer_start;
	q->vma_end = answer_end;
	q->vma_flags = PROCMAP_QUERY_VMA_READABLE;
	return answer_rc;
}

/** A machine that answers the query itself, with the text behind it. */
static void answer_queries(struct fake_text *t, struct svart_machine_ops *ops)
{
	static const char *const maps[] = { "00010000-00020000 rw-p 00000000 00:00 0 \n", NULL };

	fake_text_init(t);
	fake_text_set(&t->files[0], "/proc/self/maps", maps);
	*ops = *t->machine.ops;
	ops->ioctl = answer;
	t->machine.ops = ops;
	answer_rc = 0;
	answer_start = 0x10000;
	answer_end = 0x20000;
}

static void test_vma_query_takes_one_descriptor(void **state)
{
	struct svart_vma_reader *reader;
	struct svart_machine_ops ops;
	struct svart_vma vma;
	struct fake_text t;

	(void)state;
	answer_queries(&t, &ops);
	assert_int_equal(svart_vma_reader_create(&t.machine, &reader), 0);
	assert_int_equal(t.nr_open, 1);
	assert_int_equal(svart_vma_find(reader, 0x10000, &vma), 0);
	assert_int_equal(vma.prot, SVART_ACCESS_READ);
	assert_int_equal(t.files[0].reads, 0);
	answer_rc = -ENOENT;
	assert_int_equal(svart_vma_find(reader, 0x10000, &vma), -ENOENT);
	answer_rc = -EINTR;
	assert_int_equal(svart_vma_find(reader, 0x10000, &vma), -EAGAIN);
	assert_int_equal(t.files[0].reads, 0);
	svart_vma_reader_destroy(reader);
}

static void test_vma_query_answered_with_another_area_is_ebadmsg(void **state)
{
	struct svart_vma_reader *reader;
	struct svart_machine_ops ops;
	struct svart_vma vma;
	struct fake_text t;

	(void)state;
	answer_queries(&t, &ops);
	assert_int_equal(svart_vma_reader_create(&t.machine, &reader), 0);
	assert_int_equal(svart_vma_find(reader, 0x20000, &vma), -EBADMSG);
	assert_int_equal(svart_vma_find(reader, 0xffff, &vma), -EBADMSG);
	answer_end = 0;
	assert_int_equal(svart_vma_find(reader, 0x10000, &vma), -EBADMSG);
	svart_vma_reader_destroy(reader);
}

static void test_vma_query_that_is_refused_gives_way_to_the_text(void **state)
{
	const int refusals[] = { -ENOTTY, -ENOSYS, -EPERM, -EACCES };
	struct svart_vma_reader *reader;
	struct svart_machine_ops ops;
	struct svart_vma vma;
	struct fake_text t;
	size_t i, late;

	(void)state;
	for (i = 0; i < 8; i++) {
		late = i / 4;
		answer_queries(&t, &ops);
		answer_rc = late ? 0 : refusals[i % 4];
		assert_int_equal(svart_vma_reader_create(&t.machine, &reader), 0);
		answer_rc = refusals[i % 4];
		assert_int_equal(svart_vma_find(reader, 0x10000, &vma), 0);
		assert_int_equal(vma.prot, SVART_ACCESS_READ | SVART_ACCESS_WRITE);
		svart_vma_reader_destroy(reader);
		assert_int_equal(t.nr_open, 0);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anonymous_memory_is_all_the_devices),
		cmocka_unit_test(test_unmapped_addresses_are_enoent),
		cmocka_unit_test(test_shared_memory_is_writable_by_devices),
		cmocka_unit_test(
			test_writable_shared_mapping_of_a_disk_file_is_read_only_for_devices),
		cmocka_unit_test(test_tmpfs_files_are_writable_by_devices),
		cmocka_unit_test(test_vma_lookups_while_others_map_and_unmap_find_what_stays),
		cmocka_unit_test(test_vma_pieces_of_a_file_mapping_have_one_identity),
		cmocka_unit_test(
			test_vma_file_mapped_again_at_the_same_place_has_the_same_identity),
		cmocka_unit_test(test_vma_other_memory_at_the_same_address_has_another_identity),
		cmocka_unit_test(test_vma_file_that_was_deleted_has_its_identity_still),
		cmocka_unit_test(test_vma_anonymous_memory_is_all_alike),
	};
	const struct CMUnitTest fakes[] = {
		cmocka_unit_test(test_vma_query_and_text_tell_the_same_identity),
		cmocka_unit_test(test_vma_tags_of_files_are_never_that_of_anonymous_memory),
		cmocka_unit_test(test_vma_lookup_among_others_lookups_and_unmaps_finds_what_stays),
		cmocka_unit_test(test_vma_lookup_of_an_area_that_is_merged_meanwhile_finds_it),
		cmocka_unit_test(test_vma_file_system_that_could_not_be_told_is_asked_for_again),
		cmocka_unit_test(test_vma_mount_missed_once_is_not_remembered_as_none),
#if SVART_HAVE_PROCMAP_QUERY
		cmocka_unit_test(test_vma_query_takes_one_descriptor),
		cmocka_unit_test(test_vma_query_answered_with_another_area_is_ebadmsg),
		cmocka_unit_test(test_vma_query_that_is_refused_gives_way_to_the_text),
#endif
	};
	int failed = cmocka_run_group_tests_name("query", tests, open_query, close_reader);

	failed += cmocka_run_group_tests_name("text", tests, open_text, close_reader);
	return failed + cmocka_run_group_tests_name("fakes", fakes, NULL, NULL);
}
