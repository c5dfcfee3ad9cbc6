/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The fault counters of a device: those of its attachments, one by one or summed.
 */
#include "device_stats.h"

#include <errno.h>

#include "attach.h"
#include "device_state.h"
#include "error.h"
#include "service.h"
#include "sized.h"

static const struct svart_sized stats_sized =
	SVART_SIZED(svart_fault_stats, latency_max_ns, SVART_FAULT_STATS_INIT);

/** Lists the sources of one attachment, or of all (NULL). @param sources out. @return how many. */
static unsigned int sources_list(const struct svart_device *dev,
	const struct svart_attachment *only, struct svart_fault_source **sources)
{
	const struct svart_attachment *a;
	unsigned int i, nr = 0;

	for (i = 0; i < SVART_MAX_ATTACHMENTS; i++) {
		a = &dev->attachments[i];
		if (a->part != NULL && a->source != NULL && (only == NULL || a == only))
			sources[nr++] = a->source;
	}
	return nr;
}

void svart_device_stats_read(struct svart_device *dev, const struct svart_attachment *only,
	struct svart_fault_stats *stats)
{
	struct svart_fault_source *sources[SVART_MAX_ATTACHMENTS];
	unsigned int nr = sources_list(dev, only, sources);

	*stats = (struct svart_fault_stats){ 0 };
	if (nr != 0)
		svart_fault_service_sources_stats(dev->faults, sources, nr, stats);
}

unsigned int svart_device_latency_read(struct svart_device *dev,
	const struct svart_attachment *only, struct svart_histogram_row *rows)
{
	struct svart_fault_source *sources[SVART_MAX_ATTACHMENTS];
	unsigned int nr = sources_list(dev, only, sources);

	return nr != 0 ? svart_fault_service_sources_latency(dev->faults, sources, nr, rows) : 0;
}

int(svart_device_fault_stats_get)(
	struct svart_device *dev, const struct svart_space *space, struct svart_fault_stats *given)
{
	const struct svart_attachment *only = NULL;
	struct svart_fault_stats stats;
	int rc = svart_check_alive(dev->rt);

	if (rc == 0)
		rc = svart_sized_check(&stats_sized, given);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&dev->rt->lock);
	if (space != NULL) {
		only = svart_attachment_find(dev, space);
		if (only == NULL)
			rc = svart_fail(-ENOENT,
				"%s is not attached to this space: name one that it is attached "
				"to, or none",
				dev->name);
	}
	if (rc == 0)
		svart_device_stats_read(dev, only, &stats);
	pthread_mutex_unlock(&dev->rt->lock);
	return rc == 0 ? svart_sized_out(&stats_sized, given, &stats) : rc;
}
