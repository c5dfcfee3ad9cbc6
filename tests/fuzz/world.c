/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "world.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define PAGE_BYTES 4096u
/** Longer than a service leaves a source alone that said "later". */
#define STEP_NS UINT64_C(10000000)

#define PUMPS_TO_A_CHECK 16

/** Never dereferenced: there is one space, and its address is its name. */
struct svart_space {
	int unused;
};

static struct svart_space *world_space(struct world *w)
{
	return (struct svart_space *)w;
}

static int page_rule(uint64_t page, unsigned int access)
{
	switch ((enum world_page)(page >> 12 & 0xf)) {
	case WORLD_PAGE_FAULT:
		return -EFAULT;
	case WORLD_PAGE_NOMEM:
		return -ENOMEM;
	case WORLD_PAGE_AGAIN:
		return -EAGAIN;
	case WORLD_PAGE_READONLY:
		return access & SVART_ACCESS_WRITE ? -EFAULT : 0;
	}
	return 0;
}

int svart_space_resolve_while(struct svart_space *space, uint64_t start, uint64_t end,
	unsigned int access, bool (*wanted)(const void *arg), const void *arg)
{
	uint64_t page;
	int rc = 0;

	FUZZ_CHECK(space != NULL, 0, 0);
	/* Nobody has answered the group meanwhile: there is no deadline, and one thread. */
	FUZZ_CHECK(wanted != NULL && wanted(arg), start, end);
	FUZZ_CHECK(start < end && (start | end) % PAGE_BYTES == 0, start, end);
	FUZZ_CHECK(access != 0 && (access & ~(SVART_ACCESS_READ | SVART_ACCESS_WRITE)) == 0, access,
		0);
	for (page = start; rc == 0 && page != end; page += PAGE_BYTES)
		rc = page_rule(page, access);
	return rc;
}

uint64_t world_now_ns(struct svart_machine *m)
{
	return ((struct world *)m)->now_ns += 10;
}

void world_init(struct world *w, const struct svart_machine_ops *ops)
{
	struct svart_fault_params params = {
		.run = SVART_FAULT_RUN_INLINE,
		.max_requests = WORLD_REQUESTS,
	};

	memset(w, 0, sizeof(*w));
	w->machine.ops = ops;
	w->now_ns = 1;
	FUZZ_CHECK(svart_fault_service_init(&params, false, &w->service) == 0, 0, 0);
}

void world_fini(struct world *w)
{
	world_check(w);
	FUZZ_CHECK(svart_fault_service_fini(w->service) == 0, 0, 0);
}

struct svart_fault_stats world_stats(const struct world *w)
{
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();

	svart_fault_stats_get(w->service, &stats);
	return stats;
}

void world_add(struct world *w, struct svart_fault_source *source)
{
	FUZZ_CHECK(svart_fault_service_add(w->service, source, world_space(w)) == 0, 0, 0);
}

void world_turn(struct world *w)
{
	w->now_ns += STEP_NS;
	svart_fault_pump(w->service);
}

void world_check(struct world *w)
{
	struct svart_fault_stats before = w->seen, after = world_stats(w);

	w->seen = after;
	FUZZ_CHECK(after.page_requests >= before.page_requests, after.page_requests, 0);
	FUZZ_CHECK(after.groups >= before.groups, after.groups, before.groups);
	FUZZ_CHECK(after.groups <= after.page_requests, after.groups, after.page_requests);
	FUZZ_CHECK(after.dropped <= after.page_requests, after.dropped, after.page_requests);
	FUZZ_CHECK(after.answers_success + after.answers_invalid + after.answers_gone <=
			   after.page_requests + before.page_requests,
		after.answers_success + after.answers_invalid + after.answers_gone,
		after.page_requests);
}

void world_pump(struct world *w)
{
	world_turn(w);
	if (++w->nr_pumps % PUMPS_TO_A_CHECK == 0)
		world_check(w);
}

/* --- the source that counts nodes -------------------------------------------------------------- */

struct probe {
	struct svart_fault_source base;
	uint32_t sent;
	uint32_t nr_answers;
	uint32_t code;
};

static ssize_t probe_fetch(
	struct svart_fault_source *base, struct svart_page_request *out, size_t nr)
{
	struct probe *p = (struct probe *)base;
	size_t n;

	for (n = 0; n < nr && p->sent < WORLD_REQUESTS; n++)
		out[n] = (struct svart_page_request){
			.addr = (uint64_t)(p->sent + 1) << 16,
			.group_id = 1,
			.access = SVART_ACCESS_READ,
			.flags = ++p->sent == WORLD_REQUESTS ? SVART_PAGE_REQUEST_LAST : 0,
		};
	base->buffered = WORLD_REQUESTS - p->sent;
	return (ssize_t)n;
}

static int probe_respond(struct svart_fault_source *base, const struct svart_page_response *answers,
	size_t nr, bool *gone)
{
	struct probe *p = (struct probe *)base;

	(void)gone;
	p->nr_answers += (uint32_t)nr;
	p->code = answers[0].code;
	return 0;
}

static void probe_destroy(struct svart_fault_source *base)
{
	(void)base;
}

void world_check_nodes(struct world *w)
{
	static const struct svart_fault_source_ops ops = {
		.name = "probe",
		.fetch = probe_fetch,
		.respond = probe_respond,
		.destroy = probe_destroy,
	};
	struct probe p = {
		.base = { .ops = &ops, .m = &w->machine, .fd = -1, .buffered = WORLD_REQUESTS },
		.code = UINT32_MAX,
	};
	int i;

	world_add(w, &p.base);
	for (i = 0; i < 4; i++)
		world_pump(w);
	FUZZ_CHECK(p.sent == WORLD_REQUESTS, p.sent, 0);
	FUZZ_CHECK(p.nr_answers == 1, p.nr_answers, 0);
	FUZZ_CHECK(p.code == SVART_PAGE_RESPONSE_SUCCESS, p.code, 0);
	svart_fault_service_remove(w->service, &p.base);
}
