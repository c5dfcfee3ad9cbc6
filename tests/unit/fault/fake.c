/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "fake.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* --- machine --------------------------------------------------------------------------------------- */

static uint64_t machine_now_ns(struct svart_machine *base)
{
	uint64_t set = atomic_load(&((struct fake_machine *)base)->clock_ns);
	struct timespec ts;

	if (set != 0)
		return set;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static ssize_t machine_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	ssize_t n = read(fd, buf, len);

	(void)m;
	return n < 0 ? -errno : n;
}

static ssize_t machine_write(struct svart_machine *m, int fd, const void *buf, size_t len)
{
	ssize_t n = write(fd, buf, len);

	(void)m;
	return n < 0 ? -errno : n;
}

static int machine_close(struct svart_machine *m, int fd)
{
	(void)m;
	return close(fd) < 0 ? -errno : 0;
}

static int machine_eventfd(struct svart_machine *m, unsigned int initial, int flags)
{
	int fd = eventfd(initial, flags);

	(void)m;
	return fd < 0 ? -errno : fd;
}

static int machine_poll(
	struct svart_machine *base, struct pollfd *fds, unsigned int nr, uint64_t timeout_ns)
{
	struct fake_machine *m = (struct fake_machine *)base;
	struct timespec ts = { .tv_sec = (time_t)(timeout_ns / UINT64_C(1000000000)),
		.tv_nsec = (long)(timeout_ns % UINT64_C(1000000000)) };
	int rc;

	atomic_fetch_add(&m->polls, 1);
	if (m->poll_rc != 0) {
		rc = m->poll_rc;
		m->poll_rc = 0;
		return rc;
	}
	rc = ppoll(fds, nr, timeout_ns == UINT64_MAX ? NULL : &ts, NULL);
	return rc < 0 ? -errno : rc;
}

static void machine_pause(struct svart_machine *m, uint64_t deadline_ns)
{
	(void)m;
	(void)deadline_ns;
	sched_yield();
}

static const struct svart_machine_ops machine_ops = {
	.name = "fake",
	.close = machine_close,
	.read = machine_read,
	.write = machine_write,
	.poll = machine_poll,
	.eventfd = machine_eventfd,
	.now_ns = machine_now_ns,
	.pause = machine_pause,
};

void fake_machine_init(struct fake_machine *m)
{
	memset(m, 0, sizeof(*m));
	m->base.ops = &machine_ops;
}

/* --- space ----------------------------------------------------------------------------------------- */

void fake_space_init(struct svart_space *space)
{
	memset(space, 0, sizeof(*space));
	pthread_mutex_init(&space->lock, NULL);
	pthread_cond_init(&space->changed, NULL);
}

void fake_space_fini(struct svart_space *space)
{
	pthread_cond_destroy(&space->changed);
	pthread_mutex_destroy(&space->lock);
}

void fake_space_block(struct svart_space *space, bool blocked)
{
	pthread_mutex_lock(&space->lock);
	space->blocked = blocked;
	pthread_cond_broadcast(&space->changed);
	pthread_mutex_unlock(&space->lock);
}

void fake_space_wait_inside(struct svart_space *space, unsigned int nr)
{
	pthread_mutex_lock(&space->lock);
	while (space->inside < nr)
		pthread_cond_wait(&space->changed, &space->lock);
	pthread_mutex_unlock(&space->lock);
}

static int space_rule(struct svart_space *space, uint64_t start, uint64_t end, unsigned int access)
{
	uint64_t page;
	int rc = 0;

	if (space->range_limit != 0 && (end - start) / PAGE > (uint64_t)space->range_limit)
		return -ENOMEM;
	for (page = start; rc == 0 && space->rule != NULL && page < end; page += PAGE)
		rc = space->rule(page, access);
	return rc;
}

int svart_space_resolve_while(struct svart_space *space, uint64_t start, uint64_t end,
	unsigned int access, bool (*wanted)(const void *arg), const void *arg)
{
	struct fake_call *call = NULL;
	int rc;

	assert_true(start < end && start % PAGE == 0 && end % PAGE == 0);
	assert_true(access != 0 && (access & ~(unsigned int)RW) == 0);
	pthread_mutex_lock(&space->lock);
	assert_false(space->closed);
	if (space->nr_calls < FAKE_MAX) {
		call = &space->calls[space->nr_calls++];
		*call = (struct fake_call){ space, start, end, access, 0 };
	}
	space->inside++;
	pthread_cond_broadcast(&space->changed);
	while (space->blocked)
		pthread_cond_wait(&space->changed, &space->lock);
	space->inside--;
	assert_false(space->closed);
	if (wanted != NULL && !wanted(arg)) {
		rc = -ECANCELED;
	} else if (space->again > 0) {
		space->again--;
		rc = -EAGAIN;
	} else {
		rc = space_rule(space, start, end, access);
	}
	if (call != NULL)
		call->rc = rc;
	pthread_mutex_unlock(&space->lock);
	return rc;
}

int svart_space_resolve_leased(struct svart_space *space, struct svart_lessee *lessee,
	uint64_t addr, unsigned int access, bool (*wanted)(const void *arg), const void *arg)
{
	int rc = svart_space_resolve_while(space, addr, addr + PAGE, access, wanted, arg);

	assert_non_null(lessee);
	pthread_mutex_lock(&space->lock);
	if (rc == 0)
		space->leased[space->nr_leased++] = addr;
	pthread_mutex_unlock(&space->lock);
	return rc;
}

bool svart_space_is_tight(const struct svart_space *space)
{
	return space->tight;
}

void svart_space_refuse(struct svart_space *space, uint64_t addr, int rc)
{
	pthread_mutex_lock(&space->lock);
	if (rc == -ENOMEM)
		space->refused = addr;
	pthread_mutex_unlock(&space->lock);
}

void svart_space_listen(struct svart_space *space, struct svart_space_listener *listener)
{
	space->listener = listener;
}

void svart_space_unlisten(struct svart_space *space, struct svart_space_listener *listener)
{
	(void)listener;
	space->listener = NULL;
}

uint64_t svart_space_ends(const struct svart_space *space)
{
	return __atomic_load_n(&space->ends, __ATOMIC_ACQUIRE);
}

void fake_space_end(struct svart_space *space)
{
	__atomic_fetch_add(&space->ends, 1, __ATOMIC_RELEASE);
	space->listener->wake(space->listener->arg);
}

/* --- source ---------------------------------------------------------------------------------------- */

static ssize_t source_fetch(
	struct svart_fault_source *base, struct svart_page_request *out, size_t nr)
{
	struct fake_source *s = (struct fake_source *)base;
	uint64_t count;
	ssize_t n = 0;

	pthread_mutex_lock(&s->lock);
	assert_false(s->closed);
	s->nr_fetches++;
	s->last_nr = nr;
	if (s->fetch_rc != 0) {
		n = s->fetch_rc;
	} else {
		while ((size_t)n < nr && s->head != s->tail)
			out[n++] = s->queue[s->head++ % FAKE_MAX];
		if (s->head == s->tail && read(base->fd, &count, sizeof(count)) < 0)
			assert_int_equal(errno, EAGAIN);
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

static int source_respond(struct svart_fault_source *base,
	const struct svart_page_response *answers, size_t nr, bool *gone)
{
	struct fake_source *s = (struct fake_source *)base;
	size_t i;
	int rc;

	pthread_mutex_lock(&s->lock);
	assert_false(s->closed);
	s->nr_responds++;
	rc = s->respond_rc;
	for (i = 0; i < nr; i++) {
		gone[i] = rc != 0 || (s->gone_token != 0 && answers[i].token == s->gone_token);
		s->answers[s->nr_answers++ % FAKE_MAX] = answers[i];
	}
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static void source_destroy(struct svart_fault_source *base)
{
	(void)base;
}

static void source_lost(void *arg, enum svart_fault_loss loss, int value)
{
	struct fake_source *s = arg;

	atomic_store(&s->lost_how, (int)loss);
	atomic_store(&s->lost_with, value);
	atomic_fetch_add(&s->nr_lost, 1);
}

int fake_source_check(struct svart_fault_source *base)
{
	return atomic_load(&((struct fake_source *)base)->check_rc);
}

void fake_source_watch(void *owner)
{
	atomic_fetch_add(&((struct fake_source *)owner)->nr_watches, 1);
}

void fake_source_assert_lost(struct fake_source *s, enum svart_fault_loss how, int with)
{
	assert_int_equal(atomic_load(&s->nr_lost), 1);
	assert_int_equal(atomic_load(&s->lost_how), how);
	assert_int_equal(atomic_load(&s->lost_with), with);
}

void fake_source_init(struct fake_source *s, struct fake_machine *m)
{
	memset(s, 0, sizeof(*s));
	s->ops = (struct svart_fault_source_ops){
		.name = "fake",
		.fetch = source_fetch,
		.respond = source_respond,
		.destroy = source_destroy,
	};
	s->wing = svart_raw_wing;
	s->wing.record_nodes = 1;
	s->ops.wing = &s->wing;
	s->base.ops = &s->ops;
	s->base.m = &m->base;
	s->base.lost = source_lost;
	s->base.owner = s;
	s->base.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(s->base.fd >= 0);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
}

void fake_source_fini(struct fake_source *s)
{
	close(s->base.fd);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

void fake_source_push_request(struct fake_source *s, const struct svart_page_request *request)
{
	uint64_t one = 1;

	pthread_mutex_lock(&s->lock);
	s->queue[s->tail++ % FAKE_MAX] = *request;
	assert_true(s->tail - s->head <= FAKE_MAX);
	assert_int_equal(write(s->base.fd, &one, sizeof(one)), sizeof(one));
	pthread_mutex_unlock(&s->lock);
}

uint64_t fake_source_push(struct fake_source *s, uint32_t pasid, uint32_t group_id, uint64_t addr,
	uint32_t access, uint32_t flags)
{
	struct svart_page_request request = {
		.addr = addr,
		.pasid = pasid,
		.group_id = group_id,
		.flags = flags,
		.access = access,
		.token = s->tail + 1,
		.private_data = { addr ^ 0x1111, group_id },
	};

	fake_source_push_request(s, &request);
	return request.token;
}

void fake_source_wait(struct fake_source *s, unsigned int nr)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&s->lock);
	while (s->nr_answers < nr && rc == 0)
		rc = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(rc, 0);
}

unsigned int fake_source_answered(struct fake_source *s, uint64_t token)
{
	unsigned int i, nr = 0;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < s->nr_answers; i++)
		nr += s->answers[i].token == token;
	pthread_mutex_unlock(&s->lock);
	return nr;
}

unsigned int fake_source_nr_answers(struct fake_source *s)
{
	unsigned int nr;

	pthread_mutex_lock(&s->lock);
	nr = s->nr_answers;
	pthread_mutex_unlock(&s->lock);
	return nr;
}

uint32_t fake_source_code(struct fake_source *s, uint64_t token)
{
	uint32_t code = UINT32_MAX;
	unsigned int i;

	assert_int_equal(fake_source_answered(s, token), 1);
	pthread_mutex_lock(&s->lock);
	for (i = 0; i < s->nr_answers; i++)
		if (s->answers[i].token == token)
			code = s->answers[i].code;
	pthread_mutex_unlock(&s->lock);
	return code;
}

/* --- world ----------------------------------------------------------------------------------------- */

static struct fake_world *world_create(const struct svart_fault_params *params, bool whole_groups)
{
	struct fake_world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	fake_machine_init(&w->m);
	fake_space_init(&w->space);
	fake_source_init(&w->source, &w->m);
	if (whole_groups)
		w->source.ops.wing = NULL;
	assert_int_equal(svart_fault_service_init(params, false, &w->service), 0);
	assert_int_equal(svart_fault_service_add(w->service, &w->source.base, &w->space), 0);
	return w;
}

struct fake_world *fake_world_create(const struct svart_fault_params *params)
{
	return world_create(params, false);
}

struct fake_world *fake_world_create_whole(const struct svart_fault_params *params)
{
	return world_create(params, true);
}

struct fake_world *fake_world_create_inline(uint32_t max_requests)
{
	struct svart_fault_params params = {
		.run = SVART_FAULT_RUN_INLINE,
		.max_requests = max_requests,
	};

	return fake_world_create(&params);
}

void fake_world_remove(struct fake_world *w)
{
	svart_fault_service_remove(w->service, &w->source.base);
	pthread_mutex_lock(&w->source.lock);
	w->source.closed = true;
	pthread_mutex_unlock(&w->source.lock);
	pthread_mutex_lock(&w->space.lock);
	w->space.closed = true;
	pthread_mutex_unlock(&w->space.lock);
}

void fake_world_destroy(struct fake_world *w)
{
	if (!w->source.closed)
		fake_world_remove(w);
	assert_int_equal(svart_fault_service_fini(w->service), 0);
	fake_source_fini(&w->source);
	fake_space_fini(&w->space);
	free(w);
}

int fake_world_setup(void **state)
{
	*state = fake_world_create_inline(64);
	return 0;
}

int fake_world_teardown(void **state)
{
	fake_world_destroy(*state);
	return 0;
}

struct svart_fault_stats fake_world_stats(const struct fake_world *w)
{
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();

	svart_fault_stats_get(w->service, &stats);
	return stats;
}

uint64_t fake_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t fake_seed(void)
{
	const char *text = getenv("SVART_SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

	print_message("SVART_SEED=%" PRIu64 "\n", seed);
	return seed | UINT64_C(1) << 63;
}

void fake_nap(void)
{
	usleep(100);
}
