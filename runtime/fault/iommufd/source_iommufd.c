/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <svart/device.h>

#include "bits.h"
#include "cookie_set.h"
#include "error.h"
#include "iommufd.h"

/** DSA has 512 page requests outstanding at most: whole groups of that size fit at once. */
#define MIN_RECORDS 512
/** No device has so many credits (PCIe 6.0, 10.5.2.4): so a larger group is no group. */
#define MAX_RECORDS 65536
/** The most answers in one write(2). */
#define WRITE_BURST 64
/** How often a call is made again that failed for a reason that may pass. */
#define MAX_TRIES 16

/** The flags that linux/iommufd.h defines; the kernel also leaks flags of its own into the others. */
#define KNOWN_FLAGS (IOMMU_PGFAULT_FLAGS_PASID_VALID | IOMMU_PGFAULT_FLAGS_LAST_PAGE)
#define KNOWN_PERMS                                                                     \
	(IOMMU_PGFAULT_PERM_READ | IOMMU_PGFAULT_PERM_WRITE | IOMMU_PGFAULT_PERM_EXEC | \
		IOMMU_PGFAULT_PERM_PRIV)

_Static_assert((int)IOMMU_PGFAULT_FLAGS_PASID_VALID == (int)SVART_PAGE_REQUEST_PASID, "same bit");
_Static_assert((int)IOMMU_PGFAULT_FLAGS_LAST_PAGE == (int)SVART_PAGE_REQUEST_LAST, "same bit");
_Static_assert((int)IOMMU_PGFAULT_PERM_READ == (int)SVART_ACCESS_READ, "same bit");
_Static_assert((int)IOMMU_PGFAULT_PERM_WRITE == (int)SVART_ACCESS_WRITE, "same bit");
_Static_assert((int)IOMMU_PGFAULT_PERM_EXEC == (int)SVART_ACCESS_EXEC, "same bit");
_Static_assert((int)IOMMU_PGFAULT_PERM_PRIV == (int)SVART_ACCESS_PRIV, "same bit");
_Static_assert((int)IOMMUFD_PAGE_RESP_SUCCESS == (int)SVART_PAGE_RESPONSE_SUCCESS, "same code");
_Static_assert((int)IOMMUFD_PAGE_RESP_INVALID == (int)SVART_PAGE_RESPONSE_INVALID, "same code");
_Static_assert(sizeof(struct iommu_hwpt_pgfault) == 40, "linux/iommufd.h");
_Static_assert(sizeof(struct iommu_hwpt_page_response) == 8, "linux/iommufd.h");

/**
 * A source on an iommufd fault fd.
 *
 * Owner: as svart_fault_source; the records are the fetching thread's. Lifetime: create to destroy.
 * Locks: lock, around the set of outstanding cookies.
 */
struct iommufd_source {
	struct svart_fault_source base;
	uint32_t dev_id;

	struct iommu_hwpt_pgfault *records; /**< [head, nr) are not delivered yet. */
	size_t capacity;
	size_t head;
	size_t nr;
	/** The records [head, group_end) are of one sound group whose cookie is in the set. */
	size_t group_end;

	pthread_mutex_t lock;
	struct svart_cookie_set *outstanding;
};

/** Replaces the buffer, which is empty. @return 0 or -ENOMEM. */
static int records_alloc(struct iommufd_source *s, size_t capacity)
{
	struct iommu_hwpt_pgfault *records = calloc(capacity, sizeof(*records));

	if (records == NULL)
		return -ENOMEM;
	free(s->records);
	s->records = records;
	s->capacity = capacity;
	return 0;
}

/** Makes the buffer larger. @return 0, -ENOMEM, or -EIO if any group fits into it already. */
static int records_grow(struct iommufd_source *s)
{
	size_t twice = 2 * s->capacity;

	if (s->capacity >= MAX_RECORDS)
		return -EIO;
	return records_alloc(s, twice < MAX_RECORDS ? twice : MAX_RECORDS);
}

/** Reads a burst into the empty buffer. @return 0, or -errno of svart_fault_source_ops.fetch. */
static int records_read(struct iommufd_source *s)
{
	bool may_grow = s->capacity < MAX_RECORDS;
	ssize_t nr;
	int rc;

	s->head = 0;
	s->nr = 0;
	s->group_end = 0;
	for (;;) {
		nr = svart_iommufd_fault_read(s->base.m, s->base.fd, s->records, s->capacity);
		if (nr != -EINVAL && !(nr == 0 && may_grow))
			break;
		/*
		 * The first group is larger than the buffer; the kernel does not say how large it is. Linux
		 * 6.11 to 6.15 return 0 then, as they do when nothing is queued (iommufd/eventq.c). The fd
		 * stays readable, so the next fetch comes soon, and grows the buffer by one more step. Each
		 * call makes only one step, because a queue that a detach has just emptied returns 0, too.
		 */
		may_grow = nr != 0 && may_grow;
		rc = records_grow(s);
		if (rc != 0)
			return rc;
	}
	if (nr == -EINTR)
		return -EAGAIN;
	if (nr < 0)
		return (int)nr;
	if ((size_t)nr > s->capacity)
		return -EIO;
	s->nr = (size_t)nr;
	return 0;
}

/**
 * Whether a record, by itself, agrees with the kernel's documentation. An address inside a
 * page is sound: Intel's addresses are aligned, SMMUv3 gives the address of the access.
 */
static bool record_sound(const struct iommufd_source *s, const struct iommu_hwpt_pgfault *r)
{
	if (r->dev_id != s->dev_id || r->__reserved != 0 || (r->perm & ~(uint32_t)KNOWN_PERMS) != 0)
		return false;
	if ((r->flags & IOMMU_PGFAULT_FLAGS_PASID_VALID) && r->pasid > SVART_PASID_MAX)
		return false;
	/* The length is a hint that svart does not need; one that wraps is nonsense. */
	return r->addr + r->length >= r->addr;
}

/** Whether two records have the same key. */
static bool record_same_group(
	const struct iommu_hwpt_pgfault *a, const struct iommu_hwpt_pgfault *b)
{
	uint32_t valid = IOMMU_PGFAULT_FLAGS_PASID_VALID;

	if ((a->flags & valid) != (b->flags & valid) || a->grpid != b->grpid)
		return false;
	return !(a->flags & valid) || a->pasid == b->pasid;
}

/**
 * Finds the end of the group at head: the records of its cookie, up to a LAST.
 * @param end out. @return whether it is sound.
 */
static bool group_check(const struct iommufd_source *s, size_t *end)
{
	const struct iommu_hwpt_pgfault *first = &s->records[s->head], *r;
	bool sound = true, last = false;
	size_t i;

	for (i = s->head; i < s->nr && !last; i++) {
		r = &s->records[i];
		if (r->cookie != first->cookie)
			break;
		sound = sound && record_sound(s, r) && record_same_group(first, r);
		last = (r->flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE) != 0;
	}
	*end = i;
	return sound && last;
}

/** Notes that a cookie is owed an answer. @return as svart_cookie_set_add(). */
static int cookie_owe(struct iommufd_source *s, uint32_t cookie)
{
	int rc;

	if (cookie == 0)
		return -EEXIST;
	pthread_mutex_lock(&s->lock);
	rc = svart_cookie_set_add(s->outstanding, cookie);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/** Takes out a cookie that is about to be answered. @return whether it was owed an answer. */
static bool cookie_settle(struct iommufd_source *s, uint64_t token)
{
	bool owed;

	pthread_mutex_lock(&s->lock);
	owed = token <= UINT32_MAX && svart_cookie_set_remove(s->outstanding, (uint32_t)token);
	pthread_mutex_unlock(&s->lock);
	return owed;
}

static void record_convert(const struct iommu_hwpt_pgfault *r, struct svart_page_request *out)
{
	*out = (struct svart_page_request){
		.addr = r->addr,
		.pasid = r->pasid,
		.group_id = r->grpid,
		.flags = r->flags & KNOWN_FLAGS,
		.access = r->perm,
		.token = r->cookie,
	};
}

/**
 * Begins the group at head. A sound group is left to be delivered. Of a malformed group with a cookie, one
 * record is delivered, so that it is answered. A malformed group without a cookie, or with a cookie that is
 * owed an answer already, is only counted.
 * @return records written to out, 0 or 1; -EAGAIN too many groups are outstanding.
 */
static int group_begin(struct iommufd_source *s, struct svart_page_request *out)
{
	const struct iommu_hwpt_pgfault *first = &s->records[s->head];
	bool sound;
	size_t end;
	int rc;

	sound = group_check(s, &end);
	rc = cookie_owe(s, first->cookie);
	if (rc == -ENOSPC)
		return -EAGAIN;
	if (rc == 0 && sound) {
		s->group_end = end;
		return 0;
	}
	s->base.malformed += end - s->head;
	s->head = end;
	s->group_end = end;
	if (rc != 0)
		return 0;
	s->base.malformed--;
	record_convert(first, out);
	out->flags = SVART_PAGE_REQUEST_LAST | SVART_PAGE_REQUEST_MALFORMED;
	return 1;
}

/** Delivers what the buffer holds. @return records written, or -EAGAIN if there was no room for any. */
static ssize_t records_deliver(struct iommufd_source *s, struct svart_page_request *out, size_t nr)
{
	size_t n = 0;
	int rc;

	while (n < nr && s->head < s->nr) {
		if (s->head < s->group_end) {
			record_convert(&s->records[s->head++], &out[n++]);
			continue;
		}
		rc = group_begin(s, &out[n]);
		if (rc < 0)
			return n > 0 ? (ssize_t)n : rc;
		n += (size_t)rc;
	}
	return (ssize_t)n;
}

static ssize_t source_fetch(
	struct svart_fault_source *base, struct svart_page_request *out, size_t nr)
{
	struct iommufd_source *s = (struct iommufd_source *)base;
	ssize_t n;
	int rc;

	if (s->head == s->nr) {
		rc = records_read(s);
		if (rc != 0)
			return rc;
	}
	n = records_deliver(s, out, nr);
	base->buffered = s->nr - s->head;
	return n;
}

/** Whether a write that failed is tried again, because operations wait for the answers. */
static bool may_pass(ssize_t rc)
{
	return rc < 0 && rc != -EINVAL && rc != -EBADF && rc != -ENODEV;
}

/**
 * Writes answers. The kernel takes them in order and stops before the first one that it refuses.
 * @param gone out: array[nr]: set for answers whose cookie the kernel no longer knows.
 * @param taken out: how many were dealt with.
 */
static int answers_write(struct iommufd_source *s, const struct iommu_hwpt_page_response *answers,
	size_t nr, bool *gone, size_t *taken)
{
	unsigned int tries = 0;
	size_t i = 0;
	ssize_t n;

	*taken = 0;
	while (i < nr) {
		n = svart_iommufd_fault_write(s->base.m, s->base.fd, &answers[i], nr - i);
		if (may_pass(n) && tries++ < MAX_TRIES)
			continue;
		/*
		 * svart's codes are valid, so the kernel refuses the cookie: a detach answered it (eventq.c).
		 */
		if (n == -EINVAL)
			gone[i++] = true;
		else if (n <= 0 || (size_t)n > nr - i)
			return n < 0 ? (int)n : -EIO;
		else
			i += (size_t)n;
		*taken = i;
	}
	return 0;
}

/** Sends up to WRITE_BURST answers. As svart_fault_source_ops.respond. */
static int answers_send(
	struct iommufd_source *s, const struct svart_page_response *answers, size_t nr, bool *gone)
{
	struct iommu_hwpt_page_response out[WRITE_BURST];
	bool out_gone[WRITE_BURST] = { false };
	size_t place[WRITE_BURST];
	size_t i, n = 0, taken;
	int rc;

	for (i = 0; i < nr; i++) {
		gone[i] = !cookie_settle(s, answers[i].token);
		if (gone[i])
			continue;
		place[n] = i;
		out[n].cookie = (uint32_t)answers[i].token;
		out[n].code = answers[i].code;
		n++;
	}
	rc = answers_write(s, out, n, out_gone, &taken);
	for (i = 0; i < n; i++)
		gone[place[i]] = i >= taken || out_gone[i];
	return rc;
}

static int source_respond(struct svart_fault_source *base,
	const struct svart_page_response *answers, size_t nr, bool *gone)
{
	struct iommufd_source *s = (struct iommufd_source *)base;
	size_t done, burst;
	int rc = 0, err;

	for (done = 0; done < nr; done += burst) {
		burst = nr - done < WRITE_BURST ? nr - done : WRITE_BURST;
		/* After an error the rest is tried too, because every owed cookie must leave the set. */
		err = answers_send(s, &answers[done], burst, &gone[done]);
		if (err != 0)
			rc = err;
	}
	return rc;
}

static void source_destroy(struct svart_fault_source *base)
{
	struct iommufd_source *s = (struct iommufd_source *)base;

	svart_cookie_set_destroy(s->outstanding);
	pthread_mutex_destroy(&s->lock);
	free(s->records);
	free(s);
}

static const struct svart_fault_source_ops iommufd_ops = {
	.name = "iommufd",
	.fetch = source_fetch,
	.respond = source_respond,
	.destroy = source_destroy,
};

int svart_fault_source_iommufd_create(struct svart_machine *m, int fault_fd, uint32_t dev_id,
	size_t max_group, struct svart_fault_source **out)
{
	struct iommufd_source *s;
	int rc;

	if (max_group > MAX_RECORDS)
		return svart_fail(-EINVAL,
			"page request groups of %zu records are more than %d: give a smaller "
			"number",
			max_group, MAX_RECORDS);
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return svart_fail(-ENOMEM, "no memory for a fault source: free some");
	rc = records_alloc(s, max_group > MIN_RECORDS ? max_group : MIN_RECORDS);
	if (rc != 0)
		goto free_source;
	rc = svart_cookie_set_create(SVART_FAULT_IOMMUFD_OUTSTANDING, &s->outstanding);
	if (rc != 0)
		goto free_records;
	s->base = (struct svart_fault_source){ .ops = &iommufd_ops, .m = m, .fd = fault_fd };
	s->dev_id = dev_id;
	pthread_mutex_init(&s->lock, NULL);
	*out = &s->base;
	return 0;

free_records:
	free(s->records);
free_source:
	free(s);
	return svart_fail(rc, "no memory for the buffers of a fault source: free some");
}
