/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The cases. Most run three times: with a service that the program pumps, one with a thread, and one
 * with two resolvers.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service.h"
#include "suite.h"

#define SUCCESS IOMMUFD_PAGE_RESP_SUCCESS
#define INVALID IOMMUFD_PAGE_RESP_INVALID

#define MANY_FAULTS 10000
#define MANY_PAGES  2048
/** Percent of the kernel's allocations that fail at random, and faults meanwhile. */
#define RANDOM_PERCENT 5
#define RANDOM_FAULTS  2000
/** Page requests that svart holds in the process that is killed; it gets twice as many. */
#define CHILD_MAX_REQUESTS 64
/** More allocations than any step makes. */
#define SWEEP_LIMIT 2000

/** Ways to run a service. */
static const struct mode {
	const char *name;
	struct svart_fault_params params;
} modes[] = {
	{ "inline", { .run = SVART_FAULT_RUN_INLINE } },
	{ "thread", { .run = SVART_FAULT_RUN_THREAD } },
	{ "resolvers", { .run = SVART_FAULT_RUN_THREAD, .resolvers = 2 } },
};
#define MODE_INLINE    (1u << 0)
#define MODE_THREAD    (1u << 1)
#define MODE_RESOLVERS (1u << 2)
#define MODE_ALL       (MODE_INLINE | MODE_THREAD | MODE_RESOLVERS)

/** A number that is not quite random (xorshift); never 0. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t seed_get(void)
{
	const char *text = getenv("SVART_SEED");
	uint64_t seed = text == NULL ? 0 : strtoull(text, NULL, 0);

	return seed == 0 ? 20261122 : seed;
}

/* Says something about a case that passed. */
static void note(struct service *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct service *s, const char *format, ...)
{
	size_t used = strlen(s->run->reason);
	va_list args;

	va_start(args, format);
	vsnprintf(s->run->reason + used, sizeof(s->run->reason) - used, format, args);
	va_end(args);
}

static void forget(struct service *s, unsigned int space, void *va, size_t nr_pages)
{
	CHECK_EQ(s->run, svart_space_forget(s->spaces[space], va, nr_pages * SERVICE_PAGE), 0);
}

/* --- one fault ----------------------------------------------------------------------------------- */

static void demand_map_is_answered(struct service *s)
{
	char *va = service_pages(s, 1);

	service_attach(s, SERVICE_MAIN, 0);
	CHECK(s->run, !service_mapped(s, 0, va));
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va), SUCCESS);
	CHECK(s->run, service_mapped(s, 0, va));
}

static void forgotten_page_faults_again(struct service *s)
{
	char *va = service_pages(s, 1);

	service_attach(s, SERVICE_MAIN, 0);
	for (int round = 0; round < 3; round++) {
		CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va), SUCCESS);
		CHECK(s->run, service_mapped(s, 0, va));
		forget(s, 0, va, 1);
		CHECK(s->run, !service_mapped(s, 0, va));
	}
}

static void new_memory_at_a_forgotten_address_is_found(struct service *s)
{
	char *va = service_pages(s, 1);

	service_attach(s, SERVICE_MAIN, 0);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va), SUCCESS);
	forget(s, 0, va, 1);
	CHECK_EQ(s->run, munmap(va, SERVICE_PAGE), 0);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va), INVALID);
	s->va = (uintptr_t)va;
	CHECK(s->run, service_pages(s, 1) == va);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va), SUCCESS);
}

static void unmapped_address_is_invalid(struct service *s)
{
	char *va = service_pages(s, 1);

	service_attach(s, SERVICE_MAIN, 0);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_READ, va + SERVICE_PAGE), INVALID);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va + SERVICE_PAGE), INVALID);
	CHECK(s->run, !service_mapped(s, 0, va));
}

static void memory_without_access_is_invalid(struct service *s)
{
	char *va = service_memory(s, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	service_attach(s, SERVICE_MAIN, 0);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_READ, va), INVALID);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va), INVALID);
}

static void read_only_memory_can_only_be_read(struct service *s)
{
	char *va = service_memory(s, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	service_attach(s, SERVICE_MAIN, 0);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va), INVALID);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_READ, va), SUCCESS);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va), INVALID);
}

static void write_after_a_read_is_an_upgrade(struct service *s)
{
	struct svart_space_stats stats = SVART_SPACE_STATS_INIT();
	int fd = memfd_create("service", MFD_CLOEXEC);
	char *va;

	CHECK(s->run, fd >= 0);
	CHECK_EQ(s->run, ftruncate(fd, (off_t)SERVICE_PAGE), 0);
	va = service_memory(s, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	close(fd);
	service_attach(s, SERVICE_MAIN, 0);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_READ, va), SUCCESS);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va), SUCCESS);
	svart_space_stats_get(s->spaces[0], &stats);
	CHECK_EQ(s->run, stats.upgrades, 1);
	CHECK(s->run, service_mapped(s, 0, va));
}

static void file_end_fails_by_itself(struct service *s)
{
	int fd = memfd_create("service", MFD_CLOEXEC);
	char *va;

	CHECK(s->run, fd >= 0);
	CHECK_EQ(s->run, ftruncate(fd, (off_t)SERVICE_PAGE), 0);
	va = service_memory(s, 2, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	close(fd);
	service_attach(s, SERVICE_MAIN, 0);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va + SERVICE_PAGE), INVALID);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va), SUCCESS);
}

static void address_beyond_the_aperture_is_invalid(struct service *s)
{
	char here;

	service_attach(s, SERVICE_MAIN, 0);
	if (svart_space_check_aperture(s->spaces[0]) != -ERANGE)
		case_skip(s->run, "this IOMMU maps all addresses");
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, &here), INVALID);
}

/* --- PASIDs -------------------------------------------------------------------------------------- */

static void two_pasids_have_two_spaces(struct service *s)
{
	char *one = service_pages(s, 1), *two = service_pages(s, 1);

	service_attach(s, SERVICE_SIDE, 0);
	service_attach(s, SERVICE_THIRD, 1);
	CHECK_EQ(s->run, service_fault(s, SERVICE_SIDE, SERVICE_WRITE, one), SUCCESS);
	CHECK_EQ(s->run, service_fault(s, SERVICE_THIRD, SERVICE_WRITE, two), SUCCESS);
	CHECK(s->run, service_mapped(s, 0, one));
	CHECK(s->run, !service_mapped(s, 1, one));
	CHECK(s->run, !service_mapped(s, 0, two));
	CHECK(s->run, service_mapped(s, 1, two));
	CHECK_EQ(s->run, service_try_detach(s, SERVICE_SIDE), 0);
	CHECK_EQ(s->run, service_fault(s, SERVICE_THIRD, SERVICE_WRITE, one), SUCCESS);
	CHECK(s->run, service_mapped(s, 1, one));
}

static void two_pasids_share_a_space(struct service *s)
{
	char *va = service_pages(s, 1);

	service_attach(s, SERVICE_SIDE, 0);
	service_attach(s, SERVICE_THIRD, 0);
	CHECK_EQ(s->run, service_fault(s, SERVICE_SIDE, SERVICE_WRITE, va), SUCCESS);
	CHECK_EQ(s->run, service_try_detach(s, SERVICE_SIDE), 0);
	CHECK(s->run, service_mapped(s, 0, va));
	CHECK_EQ(s->run, service_fault(s, SERVICE_THIRD, SERVICE_WRITE, va), SUCCESS);
}

/* --- many ---------------------------------------------------------------------------------------- */

/** Of one run of many_faults(). Owner: its stack. */
struct many {
	char *va;
	uint64_t random;
	unsigned int nr;
	uint64_t bad; /**< Requests for the page after the mapping. */
};

/* One batch: all lanes, any page, one in 16 that is not there. Answered when it returns. */
static void many_batch(struct service *s, struct many *many)
{
	uint64_t at;

	for (unsigned int i = 0; i < SERVICE_BATCH && s->sent < many->nr; i++) {
		at = next_random(&many->random);
		bool bad = at % 16 == 0;

		many->bad += bad;
		service_request(s, (unsigned int)(at >> 32) % SERVICE_NR_LANES,
			at & 0x100 ? SERVICE_WRITE : SERVICE_READ,
			many->va + (bad ? MANY_PAGES : (at >> 16) % MANY_PAGES) * SERVICE_PAGE +
				at % SERVICE_PAGE / 64 * 64);
		/* While some are being resolved, too. */
		if (at % 128 == 1)
			forget(s, (unsigned int)(at >> 20) % SERVICE_NR_SPACES, many->va,
				MANY_PAGES);
	}
	CHECK(s->run, service_wait(s, s->sent));
}

static void many_faults(struct service *s, struct many *many)
{
	for (unsigned int i = 0; i < SERVICE_NR_LANES; i++)
		if (!s->lanes[i].attached)
			service_attach(s, i, i % SERVICE_NR_SPACES);
	while (s->sent < many->nr)
		many_batch(s, many);
}

static void ten_thousand_faults_are_answered(struct service *s)
{
	struct many many = {
		.va = service_pages(s, MANY_PAGES), .random = seed_get(), .nr = MANY_FAULTS
	};
	struct svart_space_stats one = SVART_SPACE_STATS_INIT(), two = SVART_SPACE_STATS_INIT();
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();
	struct ledger_counts counts;
	uint64_t start = s->m->ops->now_ns(s->m), took;

	many_faults(s, &many);
	took = s->m->ops->now_ns(s->m) - start;
	/* An answer is counted just after it is given; a service that let go has counted all. */
	for (unsigned int i = 0; i < SERVICE_NR_LANES; i++)
		CHECK_EQ(s->run, service_try_detach(s, i), 0);
	counts = ledger_counts(s->ledger);
	svart_fault_stats_get(s->faults, &stats);
	svart_space_stats_get(s->spaces[0], &one);
	svart_space_stats_get(s->spaces[1], &two);
	CHECK_EQ(s->run, counts.groups, MANY_FAULTS);
	CHECK_EQ(s->run, counts.invalid, many.bad);
	CHECK_EQ(s->run, counts.success, MANY_FAULTS - many.bad);
	CHECK_EQ(s->run, stats.groups, MANY_FAULTS);
	CHECK_EQ(s->run, stats.answers_success, counts.success);
	CHECK_EQ(s->run, stats.answers_invalid, counts.invalid);
	note(s, "seed %llu: %llu invalid, %llu maps, %llu us each", (unsigned long long)seed_get(),
		(unsigned long long)many.bad, (unsigned long long)(one.maps + two.maps),
		(unsigned long long)took / 1000 / MANY_FAULTS);
}

/* --- memory that comes late ------------------------------------------------------------------------ */

static void late_page_holds_up_no_other(struct service *s)
{
	char *late = service_pages(s, 1), *others = service_pages(s, 200);
	uint64_t answers;

	service_attach(s, SERVICE_MAIN, 0);
	service_attach(s, SERVICE_SIDE, 1);
	service_attach(s, SERVICE_THIRD, 0);
	service_uffd(s, late, 1);
	service_request(s, SERVICE_MAIN, SERVICE_WRITE, late);
	service_uffd_wait(s);
	for (unsigned int i = 0; i < 200; i++)
		CHECK_EQ(s->run,
			service_fault(s, i % 2 ? SERVICE_SIDE : SERVICE_THIRD, SERVICE_WRITE,
				others + i * SERVICE_PAGE),
			SUCCESS);
	answers = ledger_answers(s->ledger);
	CHECK_EQ(s->run, answers, 200);
	CHECK_EQ(s->run, ledger_counts(s->ledger).groups, 201);
	service_uffd_supply(s, late);
	CHECK(s->run, service_wait(s, answers + 1));
	CHECK_EQ(s->run, s->ledger->last_code, SUCCESS);
	CHECK(s->run, service_mapped(s, 0, late));
}

static void *detach_thread(void *arg)
{
	struct service *s = arg;

	return (void *)(intptr_t)service_try_detach(s, SERVICE_MAIN);
}

/* The kernel answers; svart waits for its resolver, whose answer comes late. */
static void detach_while_resolving_waits_for_the_page(struct service *s)
{
	char *late = service_pages(s, 1), *other = service_pages(s, 1);
	pthread_t thread;
	void *rc;

	service_attach(s, SERVICE_MAIN, 0);
	service_attach(s, SERVICE_SIDE, 1);
	service_uffd(s, late, 1);
	service_request(s, SERVICE_MAIN, SERVICE_WRITE, late);
	service_uffd_wait(s);
	CHECK_EQ(s->run, service_unplug(s, SERVICE_MAIN), 0);
	CHECK_EQ(s->run, pthread_create(&thread, NULL, detach_thread, s), 0);
	CHECK_EQ(s->run, service_fault(s, SERVICE_SIDE, SERVICE_WRITE, other), SUCCESS);
	usleep(20000);
	service_uffd_supply(s, late);
	CHECK_EQ(s->run, pthread_join(thread, &rc), 0);
	CHECK_EQ(s->run, (intptr_t)rc, 0);
	CHECK_EQ(s->run, ledger_counts(s->ledger).gone, 1);
	CHECK_EQ(s->run, service_fault(s, SERVICE_SIDE, SERVICE_WRITE, other), SUCCESS);
	service_attach(s, SERVICE_MAIN, 0);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, late), SUCCESS);
}

static void detach_answers_what_is_queued(struct service *s)
{
	char *va = service_pages(s, 8);

	service_attach(s, SERVICE_MAIN, 0);
	svart_fault_service_remove(s->faults, s->lanes[SERVICE_MAIN].source);
	s->lanes[SERVICE_MAIN].served = false;
	for (unsigned int i = 0; i < 8; i++)
		service_request(s, SERVICE_MAIN, SERVICE_WRITE, va + i * SERVICE_PAGE);
	CHECK_EQ(s->run, service_try_detach(s, SERVICE_MAIN), 0);
	CHECK_EQ(s->run, ledger_counts(s->ledger).groups, 0);
	service_attach(s, SERVICE_MAIN, 0);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va), SUCCESS);
}

/* --- the end of a process --------------------------------------------------------------------------- */

/*
 * A process whose resolvers both wait for memory, with groups that wait for them, in svart as many as
 * it holds and then in the kernel. No PASID: the mock device must have lost those when it goes.
 */
_Noreturn static void child_with_faults(struct service *s, int tell)
{
	struct case_run run = { .only = "" };
	char *late[2], *va;

	s->run = &run;
	if (setjmp(run.leave) != 0) {
		fprintf(stderr, "child: %s\n", run.reason);
		_exit(1);
	}
	s->params.max_requests = CHILD_MAX_REQUESTS;
	service_open(s);
	late[0] = service_pages(s, 2);
	late[1] = late[0] + SERVICE_PAGE;
	va = service_pages(s, 2 * CHILD_MAX_REQUESTS);
	service_attach(s, SERVICE_MAIN, 0);
	CHECK_EQ(&run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va), SUCCESS);
	service_uffd(s, late[0], 2);
	for (unsigned int i = 0; i < 2; i++) {
		service_request(s, SERVICE_MAIN, SERVICE_WRITE, late[i]);
		service_uffd_wait(s);
	}
	for (unsigned int i = 0; i < 2 * CHILD_MAX_REQUESTS; i++)
		service_request(s, SERVICE_MAIN, SERVICE_WRITE, va + i * SERVICE_PAGE);
	while (ledger_counts(s->ledger).groups < CHILD_MAX_REQUESTS)
		usleep(1000);
	(void)!write(tell, "x", 1);
	for (;;)
		pause();
}

static void killed_process_leaves_nothing(struct service *s)
{
	int tell[2], status;
	char byte, *va;
	pid_t child;

	if (s->rig->ops->lacks[RIG_PROCESSES] != NULL)
		case_skip(s->run, "%s", s->rig->ops->lacks[RIG_PROCESSES]);
	service_close(s, true);
	CHECK_EQ(s->run, pipe(tell), 0);
	child = fork();
	if (child == 0)
		child_with_faults(s, tell[1]);
	close(tell[1]);
	CHECK_EQ(s->run, read(tell[0], &byte, 1), 1);
	close(tell[0]);
	CHECK_EQ(s->run, kill(child, SIGKILL), 0);
	CHECK_EQ(s->run, waitpid(child, &status, 0), child);
	CHECK(s->run, WIFSIGNALED(status));
	service_open(s);
	CHECK_EQ(s->run, s->rig->ops->left_behind(s->rig), 0);
	va = service_pages(s, 1);
	service_attach(s, SERVICE_MAIN, 0);
	CHECK_EQ(s->run, service_fault(s, SERVICE_MAIN, SERVICE_WRITE, va), SUCCESS);
}

/* --- memory that the kernel cannot get ------------------------------------------------------------- */

/** What is done to a lane from its first day to its last, in steps of which one fails. */
enum step { STEP_ATTACH, STEP_RESOLVE, STEP_FORGET, STEP_RESOLVE_AGAIN, STEP_DETACH, NR_STEPS };
static const char *const step_names[NR_STEPS] = { "attach", "resolve", "forget", "again",
	"detach" };

/** One life. Owner: the sweep's stack. */
struct life {
	char *va;   /**< Four pages that are there, then one that is not. */
	char *file; /**< A page of a file. */
};

#define LIFE_REQUESTS 4

/* What a device does is not made to fail. */
static void life_prepare(struct service *s, const struct life *life, enum step step)
{
	if (step != STEP_RESOLVE && step != STEP_RESOLVE_AGAIN)
		return;
	service_request(s, SERVICE_MAIN, SERVICE_WRITE, life->va);
	service_request(s, SERVICE_MAIN, SERVICE_READ, life->file);
	service_request(s, SERVICE_MAIN, SERVICE_READ, life->va + 3 * SERVICE_PAGE);
	service_request(s, SERVICE_MAIN, SERVICE_WRITE, life->va + 4 * SERVICE_PAGE);
}

/* @return 0 or -errno. */
static int life_step(struct service *s, const struct life *life, enum step step)
{
	switch (step) {
	case STEP_ATTACH:
		return service_try_attach(s, SERVICE_MAIN, 0);
	case STEP_RESOLVE:
	case STEP_RESOLVE_AGAIN:
		for (unsigned int i = 0; i < LIFE_REQUESTS; i++)
			svart_fault_pump(s->faults);
		return 0;
	case STEP_FORGET:
		return svart_space_forget(s->spaces[0], life->va, 4 * SERVICE_PAGE);
	default:
		return service_try_detach(s, SERVICE_MAIN);
	}
}

/* A step that failed is taken again. @return whether it had to be. */
static bool life_go_on(struct service *s, const struct life *life, enum step step, int rc)
{
	if (rc != 0)
		CHECK_EQ(s->run, life_step(s, life, step), 0);
	if (step == STEP_RESOLVE || step == STEP_RESOLVE_AGAIN)
		CHECK(s->run, service_wait(s, s->sent));
	return rc != 0;
}

/** What came of the failures of one step. Owner: the sweep's stack. */
struct tally {
	unsigned int struck, again;
	uint64_t maps_enomem;
	uint64_t invalid; /**< Groups beyond those that must be. */
};

/* One life in which the n-th allocation of a step fails. @return whether it has so many. */
static bool life_run(struct service *s, enum step failing, unsigned int n, struct tally *tally)
{
	struct life life = { .va = service_pages(s, 4) };
	int rc, fd = memfd_create("service", MFD_CLOEXEC);
	struct ledger_counts counts;
	bool struck = false;

	CHECK(s->run, fd >= 0);
	CHECK_EQ(s->run, ftruncate(fd, (off_t)SERVICE_PAGE), 0);
	life.file = service_memory(s, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	close(fd);
	for (enum step step = 0; step < NR_STEPS; step++) {
		life_prepare(s, &life, step);
		if (step == failing)
			inject_arm(&s->inject, n);
		rc = life_step(s, &life, step);
		if (step == failing)
			struck = inject_disarm(&s->inject);
		if (rc != 0 && !struck)
			case_fail(s->run, "%s returned %d without a failure", step_names[step], rc);
		tally->again += life_go_on(s, &life, step, rc);
	}
	counts = ledger_counts(s->ledger);
	CHECK_EQ(s->run, counts.groups, 2 * LIFE_REQUESTS);
	CHECK_EQ(s->run, counts.success + counts.invalid, counts.groups);
	CHECK(s->run, counts.invalid >= 2);
	/* Want of memory fails no operation; iommufd's own hooks make up other errors. */
	if (counts.invalid - 2 > counts.maps_refused)
		case_fail(s->run, "%s, failure %u: %llu groups invalid, %llu maps refused",
			step_names[failing], n, (unsigned long long)counts.invalid - 2,
			(unsigned long long)counts.maps_refused);
	tally->struck += struck;
	tally->maps_enomem += counts.maps_enomem;
	tally->invalid += counts.invalid - 2;
	return struck;
}

static void inject_needed(struct service *s, bool kernel)
{
	bool model = s->rig->ops == &rig_model;
	const char *missing;

	if (kernel && model)
		case_skip(s->run, "no kernel allocates here");
	missing = inject_open(&s->inject, model ? &s->ledger->base : NULL);
	if (missing != NULL)
		case_skip(s->run, "this kernel has no %s", missing);
}

static void sweep(struct service *s, enum step failing)
{
	struct tally tally = { 0 };
	unsigned int n;

	inject_needed(s, false);
	for (n = 1; n < SWEEP_LIMIT && life_run(s, failing, n, &tally); n++) {
		service_close(s, true);
		service_open(s);
	}
	CHECK(s->run, n < SWEEP_LIMIT);
	/* Forgetting and detaching may well need no memory; the others do. */
	CHECK(s->run, tally.struck > 0 || failing == STEP_FORGET || failing == STEP_DETACH);
	note(s, "%u failures, %u steps taken again, %llu maps without memory, %llu groups invalid",
		tally.struck, tally.again, (unsigned long long)tally.maps_enomem,
		(unsigned long long)tally.invalid);
}

static void attach_survives_every_failed_allocation(struct service *s)
{
	sweep(s, STEP_ATTACH);
}

static void resolve_survives_every_failed_allocation(struct service *s)
{
	sweep(s, STEP_RESOLVE);
}

static void forget_survives_every_failed_allocation(struct service *s)
{
	sweep(s, STEP_FORGET);
}

static void resolving_again_survives_every_failed_allocation(struct service *s)
{
	sweep(s, STEP_RESOLVE_AGAIN);
}

static void detach_survives_every_failed_allocation(struct service *s)
{
	sweep(s, STEP_DETACH);
}

/* The service's threads are made anew, so that they, and not this one, have allocations fail. */
static void faults_are_answered_while_allocations_fail_at_random(struct service *s)
{
	struct many many = {
		.va = service_pages(s, MANY_PAGES), .random = seed_get(), .nr = RANDOM_FAULTS
	};
	struct ledger_counts counts;

	inject_needed(s, true);
	CHECK_EQ(s->run, svart_fault_service_fini(s->faults), 0);
	s->faults = NULL;
	CHECK(s->run, inject_at_random(&s->inject, 0));
	CHECK(s->run, inject_inherit(&s->inject, true));
	CHECK_EQ(s->run, svart_fault_service_init(&s->params, false, &s->faults), 0);
	CHECK(s->run, inject_inherit(&s->inject, false));
	CHECK(s->run, inject_at_random(&s->inject, RANDOM_PERCENT));
	many_faults(s, &many);
	CHECK(s->run, inject_at_random(&s->inject, 0));
	counts = ledger_counts(s->ledger);
	CHECK_EQ(s->run, counts.groups, RANDOM_FAULTS);
	CHECK_EQ(s->run, counts.success + counts.invalid, RANDOM_FAULTS);
	/* A page is INVALID after its MAP failed three times with nothing left to evict: seldom. */
	CHECK(s->run, counts.invalid >= many.bad);
	CHECK(s->run, counts.invalid - many.bad <= RANDOM_FAULTS / 100);
	CHECK(s->run, counts.maps_enomem > 0);
	CHECK_EQ(s->run, counts.maps_refused, 0);
	note(s, "%llu maps without memory, %llu groups invalid for it",
		(unsigned long long)counts.maps_enomem,
		(unsigned long long)(counts.invalid - many.bad));
	for (unsigned int i = 0; i < SERVICE_NR_LANES; i++) {
		forget(s, i % SERVICE_NR_SPACES, many.va, MANY_PAGES);
		CHECK_EQ(s->run, service_fault(s, i, SERVICE_WRITE, many.va), SUCCESS);
	}
}

/* --- running them -------------------------------------------------------------------------------- */

static const struct service_case {
	const char *name;
	void (*fn)(struct service *s);
	unsigned int modes;
} cases[] = {
#define CASE(name, modes)          \
	{                          \
#name, name, modes \
	}
	CASE(demand_map_is_answered, MODE_ALL),
	CASE(forgotten_page_faults_again, MODE_ALL),
	CASE(new_memory_at_a_forgotten_address_is_found, MODE_ALL),
	CASE(unmapped_address_is_invalid, MODE_ALL),
	CASE(memory_without_access_is_invalid, MODE_ALL),
	CASE(read_only_memory_can_only_be_read, MODE_ALL),
	CASE(write_after_a_read_is_an_upgrade, MODE_ALL),
	CASE(file_end_fails_by_itself, MODE_ALL),
	CASE(address_beyond_the_aperture_is_invalid, MODE_INLINE),
	CASE(two_pasids_have_two_spaces, MODE_ALL),
	CASE(two_pasids_share_a_space, MODE_ALL),
	CASE(ten_thousand_faults_are_answered, MODE_ALL),
	CASE(late_page_holds_up_no_other, MODE_RESOLVERS),
	CASE(detach_while_resolving_waits_for_the_page, MODE_RESOLVERS),
	CASE(detach_answers_what_is_queued, MODE_ALL),
	CASE(killed_process_leaves_nothing, MODE_RESOLVERS),
	CASE(attach_survives_every_failed_allocation, MODE_INLINE),
	CASE(resolve_survives_every_failed_allocation, MODE_INLINE),
	CASE(forget_survives_every_failed_allocation, MODE_INLINE),
	CASE(resolving_again_survives_every_failed_allocation, MODE_INLINE),
	CASE(detach_survives_every_failed_allocation, MODE_INLINE),
	CASE(faults_are_answered_while_allocations_fail_at_random, MODE_THREAD | MODE_RESOLVERS),
#undef CASE
};

/** What one case is started with. */
struct start {
	struct service *s;
	void (*fn)(struct service *s);
};

static void start_case(struct case_run *run, void *arg)
{
	struct start *start = arg;

	(void)run;
	service_open(start->s);
	start->fn(start->s);
	service_close(start->s, true);
}

static void run_case(struct case_run *run, struct rig *rig, struct ledger *ledger,
	const struct service_case *which, const struct mode *mode)
{
	struct service s = {
		.run = run,
		.rig = rig,
		.ledger = ledger,
		.m = ledger_machine(ledger),
		.params = mode->params,
		.fd = -1,
		.uffd = -1,
		.inject = { .nth_fd = -1, .task_fd = -1 },
		.va = SERVICE_VA,
	};
	struct start start = { &s, which->fn };
	char name[128];

	snprintf(name, sizeof(name), "%s.%s", mode->name, which->name);
	case_run(run, name, start_case, &start);
	/* What a case that failed left. */
	inject_close(&s.inject);
	service_close(&s, false);
}

static int run_all(struct case_run *run, struct rig *rig, struct ledger *ledger)
{
	int rc = rig->ops->create(rig);

	if (rc != 0) {
		fprintf(stderr, "service: cannot set up %s: %s\n", rig->ops->name, strerror(-rc));
		return 2;
	}
	ledger_init(ledger, rig->m);
	for (unsigned int m = 0; m < sizeof(modes) / sizeof(modes[0]); m++)
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			if (cases[i].modes & (1u << m))
				run_case(run, rig, ledger, &cases[i], &modes[m]);
	rig->ops->destroy(rig);
	return case_exit_status(run);
}

int main(int argc, char **argv)
{
	struct case_run run = { .only = argc > 2 ? argv[2] : "" };
	struct rig rig = { .ops = argc > 1 ? rig_find(argv[1]) : NULL };
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	int status;

	if (rig.ops == NULL || ledger == NULL) {
		fprintf(stderr, "usage: service model|uml|qemu [REGEX]\n");
		return 2;
	}
	if (mmap((void *)SERVICE_VA, SERVICE_VA_BYTES, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
		    0) == MAP_FAILED) {
		fprintf(stderr, "service: the addresses from 0x%llx on are not free\n",
			(unsigned long long)SERVICE_VA);
		return 2;
	}
	status = run_all(&run, &rig, ledger);
	free(ledger);
	return status;
}
