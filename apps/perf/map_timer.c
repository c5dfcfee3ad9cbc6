/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "map_timer.h"

#include <stdbool.h>

#include <linux/iommufd.h>

#include "clock.h"

static struct perf_map_timer *timer_of(struct svart_machine *m)
{
	return (struct perf_map_timer *)m->ops;
}

static bool pretends(const struct perf_map_timer *t, uint64_t start, uint64_t length)
{
	return start >= t->pretend_start && start < t->pretend_end &&
	       length <= t->pretend_end - start;
}

static void map_begins(struct perf_map_timer *t)
{
	pthread_mutex_lock(&t->lock);
	t->maps++;
	if (t->active++ == 0)
		t->since_ns = svart_perf_now_ns();
	pthread_mutex_unlock(&t->lock);
}

static void map_ends(struct perf_map_timer *t)
{
	pthread_mutex_lock(&t->lock);
	if (--t->active == 0)
		t->busy_ns += svart_perf_now_ns() - t->since_ns;
	pthread_mutex_unlock(&t->lock);
}

static int timed_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	struct perf_map_timer *t = timer_of(m);
	const struct iommu_ioas_unmap *unmap = arg;
	const struct iommu_ioas_map *map = arg;
	int rc;

	if (request == IOMMU_IOAS_UNMAP && pretends(t, unmap->iova, unmap->length))
		return 0;
	if (request != IOMMU_IOAS_MAP)
		return t->inner->ioctl(m, fd, request, arg);
	if (pretends(t, map->iova, map->length))
		return 0;
	map_begins(t);
	rc = t->inner->ioctl(m, fd, request, arg);
	map_ends(t);
	return rc;
}

void svart_perf_map_timer_init(struct perf_map_timer *t, struct svart_machine *m)
{
	*t = (struct perf_map_timer){ .ops = *m->ops, .inner = m->ops };
	t->ops.ioctl = timed_ioctl;
	pthread_mutex_init(&t->lock, NULL);
	m->ops = &t->ops;
}

void svart_perf_map_timer_fini(struct perf_map_timer *t, struct svart_machine *m)
{
	m->ops = t->inner;
	pthread_mutex_destroy(&t->lock);
}

uint64_t svart_perf_map_timer_busy(struct perf_map_timer *t, uint64_t now)
{
	uint64_t busy;

	pthread_mutex_lock(&t->lock);
	busy = t->busy_ns;
	if (t->active != 0 && now > t->since_ns)
		busy += now - t->since_ns;
	pthread_mutex_unlock(&t->lock);
	return busy;
}

uint64_t svart_perf_map_timer_maps(struct perf_map_timer *t)
{
	uint64_t maps;

	pthread_mutex_lock(&t->lock);
	maps = t->maps;
	pthread_mutex_unlock(&t->lock);
	return maps;
}
