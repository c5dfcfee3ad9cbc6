/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "ledger.h"

#include <errno.h>
#include <linux/iommufd.h>
#include <string.h>

static struct ledger *of(struct svart_machine *m)
{
	return (struct ledger *)m; /* It is the first member of the first member. */
}

static bool watches(struct ledger *ledger, int fd)
{
	bool found = false;

	pthread_mutex_lock(&ledger->lock);
	for (unsigned int i = 0; i < LEDGER_MAX_FDS; i++)
		found = found || ledger->fds[i] == fd;
	pthread_mutex_unlock(&ledger->lock);
	return found;
}

/* With the lock held: takes an entry out. @return whether it was there. */
static bool entry_take(struct ledger *ledger, int fd, uint32_t cookie)
{
	struct ledger_entry *entry;

	for (unsigned int i = 0; i < ledger->nr_open; i++) {
		entry = &ledger->open[i];
		if (entry->fd == fd && entry->cookie == cookie) {
			*entry = ledger->open[--ledger->nr_open];
			return true;
		}
	}
	return false;
}

/* With the lock held. */
static void entry_put(struct ledger *ledger, int fd, uint32_t cookie)
{
	if (ledger->nr_open < LEDGER_MAX_OPEN)
		ledger->open[ledger->nr_open++] = (struct ledger_entry){ fd, cookie };
}

static ssize_t ledger_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	struct ledger *ledger = of(m);
	const struct iommu_hwpt_pgfault *records = buf;
	ssize_t got = ledger->fail_ops->read(m, fd, buf, len);

	if (got <= 0 || !watches(ledger, fd))
		return got;
	pthread_mutex_lock(&ledger->lock);
	for (size_t i = 0; i < (size_t)got / sizeof(*records); i++) {
		if ((records[i].flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE) == 0)
			continue;
		ledger->counts.groups++;
		if (entry_take(ledger, fd, records[i].cookie))
			ledger->counts.twice++;
		entry_put(ledger, fd, records[i].cookie);
	}
	pthread_mutex_unlock(&ledger->lock);
	return got;
}

/* The entries leave before the kernel has the answers: it gives cookies away again at once. */
static void answers_begin(
	struct ledger *ledger, int fd, const struct iommu_hwpt_page_response *answers, size_t nr)
{
	pthread_mutex_lock(&ledger->lock);
	for (size_t i = 0; i < nr; i++)
		if (!entry_take(ledger, fd, answers[i].cookie))
			ledger->counts.strays++;
	pthread_mutex_unlock(&ledger->lock);
}

/* Books what the kernel took; what it did not look at is owed still. */
static void answers_end(struct ledger *ledger, int fd,
	const struct iommu_hwpt_page_response *answers, size_t nr, ssize_t rc)
{
	size_t taken = rc > 0 ? (size_t)rc / sizeof(*answers) : 0;

	pthread_mutex_lock(&ledger->lock);
	for (size_t i = 0; i < taken; i++) {
		ledger->last_code = answers[i].code;
		if (answers[i].code == IOMMUFD_PAGE_RESP_SUCCESS)
			ledger->counts.success++;
		else
			ledger->counts.invalid++;
	}
	if (rc == -EINVAL) {
		ledger->counts.gone++;
		taken = 1;
	}
	for (size_t i = taken; i < nr; i++)
		entry_put(ledger, fd, answers[i].cookie);
	pthread_mutex_unlock(&ledger->lock);
}

static ssize_t ledger_write(struct svart_machine *m, int fd, const void *buf, size_t len)
{
	const struct iommu_hwpt_page_response *answers = buf;
	size_t nr = len / sizeof(*answers);
	struct ledger *ledger = of(m);
	ssize_t rc;

	if (!watches(ledger, fd))
		return ledger->fail_ops->write(m, fd, buf, len);
	answers_begin(ledger, fd, answers, nr);
	rc = ledger->fail_ops->write(m, fd, buf, len);
	answers_end(ledger, fd, answers, nr, rc);
	return rc;
}

static int ledger_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	struct ledger *ledger = of(m);
	int rc = ledger->fail_ops->ioctl(m, fd, request, arg);

	if (request != IOMMU_IOAS_MAP || rc == 0)
		return rc;
	pthread_mutex_lock(&ledger->lock);
	if (rc == -ENOMEM)
		ledger->counts.maps_enomem++;
	else
		ledger->counts.maps_refused++;
	pthread_mutex_unlock(&ledger->lock);
	return rc;
}

void ledger_init(struct ledger *ledger, struct svart_machine *inner)
{
	memset(ledger, 0, sizeof(*ledger));
	fail_machine_init(&ledger->base, inner);
	ledger->fail_ops = ledger->base.base.ops;
	ledger->ops = *ledger->fail_ops;
	ledger->ops.name = "ledger";
	ledger->ops.ioctl = ledger_ioctl;
	ledger->ops.read = ledger_read;
	ledger->ops.write = ledger_write;
	ledger->base.base.ops = &ledger->ops;
	pthread_mutex_init(&ledger->lock, NULL);
	ledger_clear(ledger);
}

void ledger_clear(struct ledger *ledger)
{
	pthread_mutex_lock(&ledger->lock);
	for (unsigned int i = 0; i < LEDGER_MAX_FDS; i++)
		ledger->fds[i] = -1;
	ledger->nr_open = 0;
	ledger->counts = (struct ledger_counts){ 0 };
	pthread_mutex_unlock(&ledger->lock);
}

/* Puts one descriptor in place of another. @return whether that was there. */
static bool fd_change(struct ledger *ledger, int from, int to)
{
	for (unsigned int i = 0; i < LEDGER_MAX_FDS; i++)
		if (ledger->fds[i] == from) {
			ledger->fds[i] = to;
			return true;
		}
	return false;
}

bool ledger_watch(struct ledger *ledger, int fault_fd)
{
	bool room;

	pthread_mutex_lock(&ledger->lock);
	room = fd_change(ledger, -1, fault_fd);
	pthread_mutex_unlock(&ledger->lock);
	return room;
}

unsigned int ledger_unwatch(struct ledger *ledger, int fault_fd)
{
	unsigned int left = 0, i = 0;

	pthread_mutex_lock(&ledger->lock);
	fd_change(ledger, fault_fd, -1);
	while (i < ledger->nr_open)
		if (ledger->open[i].fd == fault_fd) {
			ledger->open[i] = ledger->open[--ledger->nr_open];
			left++;
		} else {
			i++;
		}
	pthread_mutex_unlock(&ledger->lock);
	return left;
}

struct ledger_counts ledger_counts(struct ledger *ledger)
{
	struct ledger_counts counts;

	pthread_mutex_lock(&ledger->lock);
	counts = ledger->counts;
	pthread_mutex_unlock(&ledger->lock);
	return counts;
}

uint64_t ledger_answers(struct ledger *ledger)
{
	struct ledger_counts counts = ledger_counts(ledger);

	return counts.success + counts.invalid + counts.gone;
}
