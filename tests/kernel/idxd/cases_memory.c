/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The device fills 2 MiB again and again while another thread has the kernel change the page table under it: what
 * translations the device and the IOMMU keep must go in time. Each round's bytes tell: one page that was written by
 * an old translation is one that the program does not see.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

#define NR_ROUNDS  25u
#define NR_PAGES   (SUITE_HUGE / SUITE_PAGE)
#define PAUSE_US   300
#define BYTES_ONES UINT64_C(0x0101010101010101)

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* What disturbs. Returns whether the kernel did it. */
typedef bool (*disturb_fn)(uint8_t *memory, unsigned int turn);

struct disturber {
	pthread_t thread;
	disturb_fn fn;
	uint8_t *memory;
	atomic_bool stop;
	atomic_uint nr_done;
};

static void *disturb(void *arg)
{
	struct disturber *d = arg;

	for (unsigned int turn = 0; !atomic_load(&d->stop); turn++) {
		if (d->fn(d->memory, turn))
			atomic_fetch_add(&d->nr_done, 1);
		usleep(PAUSE_US);
	}
	return NULL;
}

/* What a round came to. */
struct round {
	unsigned int nr;
	int rc;
	struct outcome outcome;
	size_t nr_wrong; /* Words. */
};

static bool is_right(const struct round *round)
{
	return round->rc == 0 && round->outcome.status == DSA_COMP_SUCCESS && round->nr_wrong == 0;
}

static struct round fill_once(struct suite *s, uint8_t *memory, unsigned int nr)
{
	struct round round = { .nr = nr };
	uint64_t pattern = BYTES_ONES * (nr % 255 + 1);
	struct dsa_hw_desc desc = client_fill(memory, pattern, SUITE_HUGE, IDXD_OP_FLAG_BOF);

	round.rc = client_try(&s->client, &desc, &round.outcome);
	for (size_t i = 0; i < SUITE_HUGE / 8 && round.rc == 0; i++)
		round.nr_wrong += ((volatile uint64_t *)memory)[i] != pattern;
	return round;
}

/* 2 MiB at such a place that one huge page can be there. */
static uint8_t *map_arena(struct case_run *run, struct suite *s)
{
	uint8_t *area = suite_map_as(run, s, 2 * SUITE_HUGE, MAP_PRIVATE | MAP_ANONYMOUS);

	return area + (SUITE_HUGE - (uintptr_t)area % SUITE_HUGE) % SUITE_HUGE;
}

static void fill_while(struct case_run *run, struct suite *s, disturb_fn fn)
{
	struct disturber d = { .fn = fn, .memory = map_arena(run, s) };
	struct round round = { .nr = 0 };

	CHECK_EQ(run, pthread_create(&d.thread, NULL, disturb, &d), 0);
	do
		round = fill_once(s, d.memory, round.nr + 1);
	while (round.nr < NR_ROUNDS && is_right(&round));
	atomic_store(&d.stop, true);
	pthread_join(d.thread, NULL);
	if (!is_right(&round))
		case_fail(run,
			"round %u: %s, status %#x, %u bytes, fault at %#llx, %zu words wrong",
			round.nr, strerror(-round.rc), round.outcome.status, round.outcome.bytes,
			(unsigned long long)round.outcome.fault_address, round.nr_wrong);
	CHECK(run, atomic_load(&d.nr_done) > 0);
}

/* --- What disturbs ------------------------------------------------------------------------------- */

/* 512 pages become one; the next turn splits it again. */
static bool collapse(uint8_t *memory, unsigned int turn)
{
	uint8_t *page = memory + turn % NR_PAGES * SUITE_PAGE;
	bool done = madvise(memory, SUITE_HUGE, MADV_COLLAPSE) == 0;

	usleep(PAUSE_US);
	mprotect(page, SUITE_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	mprotect(page, SUITE_PAGE, PROT_READ | PROT_WRITE);
	return done;
}

/* A device that writes a page that is read-only for a moment fails, as the program would: only execution changes. */
static bool protect(uint8_t *memory, unsigned int turn)
{
	uint8_t *part = memory + turn % NR_PAGES / 2 * SUITE_PAGE;
	size_t bytes = SUITE_HUGE / 2;

	return mprotect(part, bytes, PROT_READ | PROT_WRITE | PROT_EXEC) == 0 &&
	       mprotect(part, bytes, PROT_READ | PROT_WRITE) == 0;
}

/* Every page becomes the child's too, and so read-only. */
static bool share_with_a_child(uint8_t *memory, unsigned int turn)
{
	pid_t pid = fork();
	int status = -1;

	(void)memory;
	(void)turn;
	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* The guest has a swap device. */
static bool page_out(uint8_t *memory, unsigned int turn)
{
	struct sysinfo info;

	(void)turn;
	madvise(memory, SUITE_HUGE, MADV_PAGEOUT);
	return sysinfo(&info) == 0 && info.freeswap < info.totalswap;
}

/* The program writes what the device is about to write or has written, so that both bring pages in. */
static bool touch(uint8_t *memory, unsigned int turn)
{
	for (unsigned int i = turn % 8; i < NR_PAGES; i += 8)
		(void)*(volatile uint8_t *)(memory + i * SUITE_PAGE);
	return true;
}

static void device_writes_while_pages_collapse(struct case_run *run, void *suite)
{
	fill_while(run, suite, collapse);
}

static void device_writes_while_protection_changes(struct case_run *run, void *suite)
{
	fill_while(run, suite, protect);
}

static void device_writes_while_the_program_forks(struct case_run *run, void *suite)
{
	fill_while(run, suite, share_with_a_child);
}

static void device_writes_while_pages_are_swapped_out(struct case_run *run, void *suite)
{
	fill_while(run, suite, page_out);
}

static void device_writes_while_the_program_reads(struct case_run *run, void *suite)
{
	fill_while(run, suite, touch);
}

const struct suite_case suite_memory_cases[] = {
	{ "device_writes_while_pages_collapse", device_writes_while_pages_collapse },
	{ "device_writes_while_protection_changes", device_writes_while_protection_changes },
	{ "device_writes_while_the_program_forks", device_writes_while_the_program_forks },
	{ "device_writes_while_pages_are_swapped_out", device_writes_while_pages_are_swapped_out },
	{ "device_writes_while_the_program_reads", device_writes_while_the_program_reads },
	{ NULL, NULL },
};
