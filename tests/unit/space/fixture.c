/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "fixture.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

void fixture_open(struct fixture *fx, const struct svart_space_params *params)
{
	struct svart_machine *m;

	fx->fake = fake_iommufd_create();
	m = &fx->fake->machine;
	fx->iommufd = m->ops->open(m, "/dev/iommu", O_RDWR);
	assert_true(fx->iommufd >= 0);
	assert_int_equal(svart_space_init(params, &fx->space), 0);
	assert_int_equal(svart_space_bind(fx->space, m, fx->iommufd), 0);
}

void fixture_open_exact(struct fixture *fx)
{
	const struct svart_space_params params = { .fault_around_bytes = PAGE };

	fixture_open(fx, &params);
}

void fixture_close(struct fixture *fx)
{
	struct svart_machine *m = &fx->fake->machine;

	svart_space_unbind(fx->space);
	assert_int_equal(stats_of(fx).pinned_bytes, 0);
	svart_space_fini(fx->space);
	m->ops->close(m, fx->iommufd);
	assert_int_equal(fake_nr_areas(fx->fake), 0);
	assert_int_equal(fx->fake->nr_ioas, 0);
	assert_int_equal(fx->fake->open_fds, 0);
	assert_int_equal(fx->fake->destroyed_with_areas, 0);
	assert_int_equal(fx->fake->eexist, 0);
	assert_int_equal(fx->fake->enoent, 0);
	assert_int_equal(fx->fake->ebusy, 0);
	assert_int_equal(fx->fake->not_identity, 0);
	assert_int_equal(fx->fake->crossing, 0);
	fake_iommufd_destroy(fx->fake);
}

struct svart_space *fixture_second_space(struct fixture *fx)
{
	struct svart_space *space;

	assert_int_equal(svart_space_init(NULL, &space), 0);
	assert_int_equal(svart_space_bind(space, &fx->fake->machine, fx->iommufd), 0);
	return space;
}

/** Far below where the kernel puts what others map: a hole made there stays one. */
#define FAR_BELOW (UINT64_C(64) << 30)

/** Reserves nr chunks and some margin on each side of them, which is never given back. */
static uint8_t *reserve(size_t nr)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	size_t len = (nr + 3) * CHUNK;
	uint8_t *p = mmap(NULL, len, PROT_NONE, flags, -1, 0);
	uintptr_t start;

	assert_ptr_not_equal(p, MAP_FAILED);
	munmap(p, len);
	p = mmap(p - FAR_BELOW, len, PROT_NONE, flags, -1, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	start = ((uintptr_t)p + CHUNK + CHUNK - 1) & ~(uintptr_t)(CHUNK - 1);
	return (uint8_t *)start;
}

uint8_t *chunks_new(size_t nr, int prot)
{
	uint8_t *mem = reserve(nr);
	void *p = mmap(mem, nr * CHUNK, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	assert_ptr_equal(p, mem);
	return mem;
}

uint8_t *chunks_of_file(size_t nr, int prot, int fd)
{
	uint8_t *mem = reserve(nr);
	void *p = mmap(mem, nr * CHUNK, prot, MAP_SHARED | MAP_FIXED, fd, 0);

	assert_ptr_equal(p, mem);
	return mem;
}

void chunks_free(uint8_t *mem, size_t nr)
{
	assert_int_equal(munmap(mem, nr * CHUNK), 0);
}

int resolve(struct fixture *fx, const void *addr, size_t len, unsigned int access)
{
	return svart_space_resolve(fx->space, (uintptr_t)addr, (uintptr_t)addr + len, access);
}

struct svart_space_stats stats_of(struct fixture *fx)
{
	struct svart_space_stats stats = SVART_SPACE_STATS_INIT();

	svart_space_stats_get(fx->space, &stats);
	return stats;
}

static void *run_resolver(void *arg)
{
	struct resolver *r = arg;

	r->rc = resolve(r->fx, r->addr, r->len, r->access);
	atomic_store(&r->done, true);
	return NULL;
}

void resolver_start(
	struct resolver *r, struct fixture *fx, const void *addr, size_t len, unsigned int access)
{
	*r = (struct resolver){ .fx = fx, .addr = addr, .len = len, .access = access };
	assert_int_equal(pthread_create(&r->thread, NULL, run_resolver, r), 0);
}

int resolver_join(struct resolver *r)
{
	pthread_join(r->thread, NULL);
	return r->rc;
}

static void *run_forgetter(void *arg)
{
	struct forgetter *g = arg;

	g->rc = svart_space_forget(g->fx->space, g->addr, g->len);
	atomic_store(&g->done, true);
	return NULL;
}

void forgetter_start(struct forgetter *g, struct fixture *fx, const void *addr, size_t len)
{
	*g = (struct forgetter){ .fx = fx, .addr = addr, .len = len };
	assert_int_equal(pthread_create(&g->thread, NULL, run_forgetter, g), 0);
}

int forgetter_join(struct forgetter *g)
{
	pthread_join(g->thread, NULL);
	return g->rc;
}

uint64_t test_seed(void)
{
	const char *text = getenv("SVART_SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

	print_message("SVART_SEED=%" PRIu64 "\n", seed);
	return seed != 0 ? seed : 1;
}

uint64_t test_random(uint64_t *state, uint64_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * UINT64_C(0x2545f4914f6cdd1d) >> 16) % below;
}

void settle_down(void)
{
	usleep(20000);
}
