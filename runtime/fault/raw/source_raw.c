/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <svart/device.h>

#include "bits.h"
#include "error.h"
#include "own_copy.h"
#include "raw_wing.h"
#include "source_raw_internal.h"

/** The most answers that can be owed at once; further requests wait in the ring. */
#define MAX_OWED 8192
/** The most groups that can be arriving at once: 512 for each of the 16 PASIDs of a device. */
#define MAX_OPEN 8192

/** Bits of the keys of both maps; a key is never 0. */
#define KEY_VALID    SVART_MASK(63, 63)
#define KEY_OWN      SVART_MASK(38, 38)
#define KEY_RING     SVART_MASK(37, 37)
#define KEY_GROUP    SVART_MASK(36, 21)
#define KEY_NO_PASID SVART_MASK(20, 20)
#define KEY_PASID    SVART_MASK(19, 0)

_Static_assert(KEY_PASID == SVART_PASID_MAX, "20 bits");

/**
 * A source on raw queues.
 *
 * Owner: as svart_fault_source. Lifetime: create to destroy. Locks: the raw's ring_lock.
 */
struct svart_raw_source {
	struct svart_fault_source base;
	struct svart_fault_raw *raw;
	TAILQ_ENTRY(svart_raw_source) link;
	uint32_t pasid;  /**< Or SVART_PASID_NONE. */
	uint32_t serial; /**< Not 0; no two sources of one struct svart_fault_raw have the same. */
	/** Of each ring: records before this one came before this source. */
	uint64_t from[SVART_RAW_MAX_RINGS];
	bool overflow_due; /**< It has not reported the overflow yet. */
	bool flushed;      /**< The source is flushed: nothing is delivered any more. */
	size_t nr_flushed; /**< Records that were refused since then. */
	uint32_t head;     /**< Of fifo. */
	uint32_t nr;       /**< Of fifo. */
	struct svart_page_request fifo[]; /**< array[raw->capacity]. */
};

/* --- answers ------------------------------------------------------------------------------------- */

/** Whether a record is owed an answer at all: that of its group, as the LAST, or an own answer. */
static bool is_owed(const struct svart_page_request *r)
{
	return svart_page_request_is_owed(r) && !svart_raw_stop_marker(r);
}

/** Whether the answer is a record's own, and not its group's. */
static bool is_own(uint32_t flags)
{
	return (flags & SVART_PAGE_REQUEST_NEEDS_RESPONSE) && !(flags & SVART_PAGE_REQUEST_LAST);
}

static uint64_t group_key(uint32_t flags, uint32_t pasid, uint32_t group_id, uint64_t ring)
{
	bool has_pasid = (flags & SVART_PAGE_REQUEST_PASID) != 0;

	return KEY_VALID | SVART_FIELD_PREP(KEY_GROUP, group_id) |
	       SVART_FIELD_PREP(KEY_RING, ring) |
	       (has_pasid ? SVART_FIELD_PREP(KEY_PASID, pasid) : KEY_NO_PASID);
}

static uint64_t answer_key(uint32_t flags, uint32_t pasid, uint32_t group_id, uint64_t ring)
{
	return group_key(flags, pasid, group_id, ring) | (is_own(flags) ? KEY_OWN : 0);
}

/**
 * Notes that a record is owed an answer. Several answers may have the same key: own answers of one group, or
 * those of a device that uses a group id again before it is answered; it gets as many answers as it has sent
 * LASTs.
 * @return 0, or -ENOSPC too many are owed.
 */
static int owe(struct svart_fault_raw *raw, const struct svart_page_request *r)
{
	uint64_t key = answer_key(r->flags, r->pasid, r->group_id, r->token);
	uint32_t *nr;
	int rc = 0;

	pthread_mutex_lock(&raw->answer_lock);
	nr = svart_key_map_find(raw->owed, key);
	if (nr != NULL)
		*nr += 1;
	else
		rc = svart_key_map_add(raw->owed, key, 1);
	pthread_mutex_unlock(&raw->answer_lock);
	return rc;
}

/** Takes out an answer that is about to be sent. answer_lock is held. @return whether it was owed. */
static bool settle(struct svart_fault_raw *raw, const struct svart_page_response *a)
{
	uint64_t key = answer_key(a->flags, a->pasid, a->group_id, a->token);
	uint32_t *nr = svart_key_map_find(raw->owed, key);

	if (nr == NULL)
		return false;
	*nr -= 1;
	if (*nr == 0)
		svart_key_map_remove(raw->owed, key);
	return true;
}

/** Puts one answer into the ring. answer_lock is held. */
static int answer_put(struct svart_fault_raw *raw, const struct svart_raw_answer *answer)
{
	uint64_t desc[SVART_RAW_RECORD_WORDS] = { 0 };

	raw->kind->encode(answer, desc);
	return svart_raw_answer_put(raw, desc);
}

/** Makes the queues lost, because the unit takes no answers any more. answer_lock is held. */
static void answers_lose(struct svart_fault_raw *raw)
{
	raw->mute = true;
	atomic_store(&raw->lost, true);
}

/** Whether an answer is this source's at all. */
static bool answer_is_of(const struct svart_raw_source *s, const struct svart_page_response *a)
{
	if (a->token >= SVART_RAW_MAX_RINGS || a->group_id > UINT16_MAX)
		return false;
	if (!(a->flags & SVART_PAGE_REQUEST_PASID))
		return s->pasid == SVART_PASID_NONE;
	return a->pasid == s->pasid;
}

static int source_respond(struct svart_fault_source *base,
	const struct svart_page_response *answers, size_t nr, bool *gone)
{
	struct svart_raw_source *s = (struct svart_raw_source *)base;
	struct svart_fault_raw *raw = s->raw;
	struct svart_raw_answer answer = { .requester_id = raw->unit.requester_id };
	size_t i, sent = 0;
	int rc;

	pthread_mutex_lock(&raw->answer_lock);
	/* After a wait for the unit that was in vain, it does not wait again. */
	rc = raw->mute ? -EIO : 0;
	for (i = 0; i < nr; i++) {
		/* This is done after an error too, because every owed answer must leave the set. */
		gone[i] = !answer_is_of(s, &answers[i]) || !settle(raw, &answers[i]);
		if (gone[i])
			continue;
		answer.response = answers[i];
		if (rc == 0)
			rc = answer_put(raw, &answer);
		gone[i] = rc != 0;
		sent += rc == 0;
	}
	if (sent != 0 && svart_raw_answer_ring(raw) != 0)
		rc = -EIO;
	if (rc != 0)
		answers_lose(raw);
	pthread_mutex_unlock(&raw->answer_lock);
	return rc;
}

/** Sends the refusals that were collected. */
static void refusals_send(struct svart_fault_raw *raw)
{
	unsigned int i;
	int rc;

	if (raw->nr_refused == 0)
		return;
	pthread_mutex_lock(&raw->answer_lock);
	rc = raw->mute ? -EIO : 0;
	for (i = 0; i < raw->nr_refused && rc == 0; i++)
		rc = answer_put(raw, &raw->refused[i]);
	if (rc == 0)
		rc = svart_raw_answer_ring(raw);
	if (rc != 0)
		answers_lose(raw);
	pthread_mutex_unlock(&raw->answer_lock);
	raw->nr_refused = 0;
}

/** Answers a record that is not in the set of owed answers, if it is owed an answer at all. */
static void refuse(struct svart_fault_raw *raw, const struct svart_page_request *r,
	uint32_t requester_id, uint32_t code)
{
	const uint32_t kept = SVART_PAGE_REQUEST_LAST | SVART_PAGE_REQUEST_NEEDS_RESPONSE |
			      SVART_PAGE_REQUEST_PASID;

	if (!is_owed(r))
		return;
	if (raw->nr_refused == SVART_RAW_REFUSE_BURST)
		refusals_send(raw);
	raw->refused[raw->nr_refused++] = (struct svart_raw_answer){
		.requester_id = requester_id,
		.response = { .token = r->token,
			.pasid = r->pasid,
			.group_id = r->group_id,
			.flags = r->flags & kept,
			.code = code,
			.private_data = { r->private_data[0], r->private_data[1] } },
	};
}

/* --- sorting the rings to the sources -------------------------------------------------------------- */

/** Looks through a list, because a device has few attachments (16). @return the PASID's source, or NULL. */
static struct svart_raw_source *source_find(const struct svart_fault_raw *raw, uint32_t pasid)
{
	struct svart_raw_source *s;

	TAILQ_FOREACH(s, &raw->sources, link) {
		if (s->pasid == pasid)
			return s;
	}
	return NULL;
}

/** The source that had the record's PASID when the record came into the ring, or NULL. */
static struct svart_raw_source *record_source(
	const struct svart_fault_raw *raw, unsigned int ring, const struct svart_page_request *r)
{
	bool has_pasid = (r->flags & SVART_PAGE_REQUEST_PASID) != 0;
	struct svart_raw_source *s = source_find(raw, has_pasid ? r->pasid : SVART_PASID_NONE);

	return s != NULL && raw->rings[ring].taken >= s->from[ring] ? s : NULL;
}

static bool is_nobodys(uint64_t key, uint32_t serial, const void *arg)
{
	const struct svart_fault_raw *raw = arg;

	(void)serial;
	return source_find(raw, key & KEY_NO_PASID ? SVART_PASID_NONE : key & KEY_PASID) == NULL;
}

static bool is_any(uint64_t key, uint32_t serial, const void *arg)
{
	(void)key;
	(void)serial;
	(void)arg;
	return true;
}

/**
 * Remembers which source a group belongs to. If there is no room, a group of a source makes room by
 * forgetting all groups of PASIDs without a source; a group without a source is then not remembered. The walk
 * is rare: thousands of records have to come before it, to fill the map.
 */
static void group_remember(struct svart_fault_raw *raw, uint64_t key, uint32_t serial)
{
	if (svart_key_map_add(raw->open, key, serial) == 0 || serial == 0)
		return;
	svart_key_map_remove_if(raw->open, is_nobodys, raw);
	/*
	 * It fails only with groups of more sources than a device has. Then only the next owner is less safe.
	 */
	svart_key_map_add(raw->open, key, serial);
}

/**
 * Whether the record's group began for the source `serial`; 0: there is no source. A group begins with a
 * record that is not LAST, and ends with its LAST.
 */
static bool group_is_of(
	struct svart_fault_raw *raw, const struct svart_page_request *r, uint32_t serial)
{
	uint64_t key = group_key(r->flags, r->pasid, r->group_id, r->token);
	uint32_t *began;
	bool same;

	if (svart_raw_stop_marker(r))
		return serial != 0;
	began = svart_key_map_find(raw->open, key);
	same = serial != 0 && (began == NULL || *began == serial);
	if (r->flags & SVART_PAGE_REQUEST_LAST)
		svart_key_map_remove(raw->open, key);
	else if (began == NULL)
		group_remember(raw, key, serial);
	return same;
}

/** Counts a record that could not be delivered: at the first source, for records of all sources. */
static void count_malformed(struct svart_fault_raw *raw)
{
	struct svart_raw_source *first = TAILQ_FIRST(&raw->sources);

	if (first != NULL)
		first->base.malformed++;
}

static void fifo_put(struct svart_raw_source *s, const struct svart_page_request *r)
{
	uint32_t at = s->head + s->nr;

	s->fifo[at < s->raw->capacity ? at : at - s->raw->capacity] = *r;
	s->nr++;
}

static size_t fifo_get(struct svart_raw_source *s, struct svart_page_request *out, size_t nr)
{
	size_t n;

	for (n = 0; n < nr && s->nr != 0; n++) {
		out[n] = s->fifo[s->head];
		s->head = s->head + 1 < s->raw->capacity ? s->head + 1 : 0;
		s->nr--;
	}
	return n;
}

/**
 * Whether a record of this source can be taken now. If so, and it is owed an answer, it notes that (owe()).
 */
static bool source_has_room(struct svart_raw_source *s, const struct svart_page_request *r)
{
	if (s->nr == s->raw->capacity)
		return false;
	return !is_owed(r) || owe(s->raw, r) == 0;
}

/**
 * Takes back what source_has_room() noted as owed, because the record is refused. A record that is owed no
 * answer must not do that: its key may be that of an answer that a group of its id is still owed.
 */
static void unowe(struct svart_fault_raw *raw, const struct svart_page_request *r)
{
	const struct svart_page_response a = {
		.token = r->token, .pasid = r->pasid, .group_id = r->group_id, .flags = r->flags
	};

	if (!is_owed(r))
		return;
	pthread_mutex_lock(&raw->answer_lock);
	settle(raw, &a);
	pthread_mutex_unlock(&raw->answer_lock);
}

/** Hands a record to its source, or makes the device ask again. @return false: it must wait for room. */
static bool record_deliver(struct svart_fault_raw *raw, struct svart_raw_source *s,
	const struct svart_page_request *r, uint32_t requester_id)
{
	if (!source_has_room(s, r))
		return false;
	if (group_is_of(raw, r, s->serial)) {
		fifo_put(s, r);
		return true;
	}
	unowe(raw, r);
	refuse(raw, r, requester_id, SVART_PAGE_RESPONSE_SUCCESS);
	count_malformed(raw);
	return true;
}

/** Takes one record. @return false: it must stay in the ring. */
static bool record_take(struct svart_fault_raw *raw, unsigned int index)
{
	const struct svart_raw_ring *ring = &raw->rings[index];
	uint64_t record[SVART_RAW_RECORD_WORDS] = { 0 };
	struct svart_page_request r = { 0 };
	struct svart_raw_source *s = NULL;
	enum svart_raw_verdict verdict;
	uint32_t requester_id = 0;

	/* It works on a copy, because the unit could change the record between two reads. */
	svart_own_copy(record,
		ring->mem + (size_t)(ring->head & (ring->nr - 1)) * ring->record_bytes,
		ring->record_bytes);
	verdict = raw->kind->decode(raw, index, record, &r, &requester_id);
	r.token = index;
	if (verdict == SVART_RAW_DELIVER)
		s = record_source(raw, index, &r);
	if (s != NULL && !s->flushed)
		return record_deliver(raw, s, &r, requester_id);
	if (verdict == SVART_RAW_DELIVER)
		group_is_of(raw, &r, s != NULL ? s->serial : 0);
	if (verdict != SVART_RAW_DROP)
		refuse(raw, &r, requester_id, SVART_PAGE_RESPONSE_INVALID);
	if (s != NULL)
		s->nr_flushed++;
	else
		count_malformed(raw);
	return true;
}

/**
 * Takes records off one ring until it is empty. The tail is read again after the head was set, because an
 * SMMU raises no interrupt for what it queues before that.
 * @param budget in and out: the most records, so that a fast device cannot hold the thread here.
 */
static void ring_sort(struct svart_fault_raw *raw, unsigned int index, uint32_t *budget)
{
	struct svart_raw_ring *ring = &raw->rings[index];
	uint32_t nr;

	for (;;) {
		if (svart_raw_ring_queued(raw, index, &nr) != 0) {
			atomic_store(&raw->lost, true);
			return;
		}
		if (nr == 0)
			return;
		for (; nr != 0 && *budget != 0 && record_take(raw, index); nr--) {
			ring->head = (ring->head + 1) & ring->index_mask;
			ring->taken++;
			*budget -= 1;
		}
		raw->kind->head_set(raw, index);
		if (nr != 0) {
			raw->more = true;
			return;
		}
	}
}

/**
 * Begins an overflow: requests were lost, and the records from before that are sorted. Each source has to
 * report it. LASTs may be among the lost requests, so that svart cannot know which groups are still open.
 */
static void overflow_begin(struct svart_fault_raw *raw)
{
	struct svart_raw_source *s;

	svart_key_map_remove_if(raw->open, is_any, NULL);
	TAILQ_FOREACH(s, &raw->sources, link) {
		if (s->flushed)
			continue;
		s->overflow_due = true;
		raw->overflow = true;
	}
	if (!raw->overflow)
		raw->kind->overflow_end(raw);
}

/** Notes that a source has reported the overflow, or never will. After the last source the unit may go on. */
static void overflow_told(struct svart_raw_source *told)
{
	struct svart_fault_raw *raw = told->raw;
	struct svart_raw_source *s;

	told->overflow_due = false;
	TAILQ_FOREACH(s, &raw->sources, link) {
		if (s->overflow_due)
			return;
	}
	if (!raw->overflow)
		return;
	raw->overflow = false;
	raw->kind->overflow_end(raw);
	raw->more = true;
}

/** Takes the interrupt back. If the read fails, the fd stays readable, and is looked at again. */
static void interrupt_take(struct svart_fault_raw *raw)
{
	uint64_t count;

	raw->m->ops->read(raw->m, raw->unit.fd, &count, sizeof(count));
	raw->kind->interrupt_take(raw);
}

/** Takes records off all rings. @return whether they are empty then. */
static bool rings_take(struct svart_fault_raw *raw, uint32_t *budget)
{
	unsigned int i;

	for (i = 0; i < SVART_RAW_MAX_RINGS; i++) {
		if (raw->rings[i].mem != NULL)
			ring_sort(raw, i, budget);
	}
	return !raw->more && !atomic_load(&raw->lost);
}

/**
 * Takes the queued records off the rings, for all sources. Afterwards either the rings are empty and the next
 * record raises the interrupt, or `more` is set.
 */
static void rings_sort(struct svart_fault_raw *raw)
{
	uint32_t budget = 2 * raw->capacity;

	if (raw->overflow || atomic_load(&raw->lost))
		return;
	interrupt_take(raw);
	raw->more = false;
	/*
	 * Records from before an overflow may have come after the rings were found empty: so rings_take()
	 * again.
	 */
	if (rings_take(raw, &budget) && raw->kind->overflowed(raw) && rings_take(raw, &budget))
		overflow_begin(raw);
	refusals_send(raw);
}

/* --- sources --------------------------------------------------------------------------------------- */

/**
 * Sets what every source has even if the fd is not readable; records that wait in a ring for room count too.
 */
static void buffered_update(struct svart_fault_raw *raw)
{
	struct svart_raw_source *s;

	TAILQ_FOREACH(s, &raw->sources, link)
		s->base.buffered = (size_t)s->nr + s->overflow_due + raw->more;
}

/** What fetch returns if it has no record. */
static ssize_t nothing_fetched(struct svart_raw_source *s)
{
	if (s->overflow_due) {
		overflow_told(s);
		return -EOVERFLOW;
	}
	if (atomic_load(&s->raw->lost))
		return -ENODEV;
	return s->raw->more ? -EAGAIN : 0;
}

static ssize_t source_fetch(
	struct svart_fault_source *base, struct svart_page_request *out, size_t nr)
{
	struct svart_raw_source *s = (struct svart_raw_source *)base;
	struct svart_fault_raw *raw = s->raw;
	ssize_t n;

	pthread_mutex_lock(&raw->ring_lock);
	if ((s->nr == 0 && !s->overflow_due) || raw->more)
		rings_sort(raw);
	n = (ssize_t)fifo_get(s, out, nr);
	if (n == 0 && nr != 0)
		n = nothing_fetched(s);
	buffered_update(raw);
	pthread_mutex_unlock(&raw->ring_lock);
	return n;
}

/** Refuses the records in the FIFO. */
static void fifo_refuse(struct svart_raw_source *s)
{
	struct svart_fault_raw *raw = s->raw;
	struct svart_page_request r;

	while (fifo_get(s, &r, 1) != 0) {
		unowe(raw, &r);
		refuse(raw, &r, raw->unit.requester_id, SVART_PAGE_RESPONSE_INVALID);
		s->nr_flushed++;
	}
	refusals_send(raw);
}

/** Waits until all requests that are on their way are in the rings. */
static void requests_drain(struct svart_fault_raw *raw)
{
	pthread_mutex_lock(&raw->answer_lock);
	if (!raw->mute && raw->kind->drain(raw) != 0)
		answers_lose(raw);
	pthread_mutex_unlock(&raw->answer_lock);
}

static void source_drain(struct svart_fault_source *base)
{
	requests_drain(((struct svart_raw_source *)base)->raw);
}

/** Flushes a source that is not served any more: from now on its records are refused when they are found. */
static size_t source_flush(struct svart_fault_source *base)
{
	struct svart_raw_source *s = (struct svart_raw_source *)base;
	struct svart_fault_raw *raw = s->raw;

	pthread_mutex_lock(&raw->ring_lock);
	s->flushed = true;
	requests_drain(raw);
	fifo_refuse(s);
	overflow_told(s);
	rings_sort(raw);
	buffered_update(raw);
	base->buffered = 0;
	pthread_mutex_unlock(&raw->ring_lock);
	return s->nr_flushed;
}

static int source_check(struct svart_fault_source *base)
{
	struct svart_fault_raw *raw = ((struct svart_raw_source *)base)->raw;

	return atomic_load(&raw->lost) || !raw->kind->works(raw) ? -EIO : 0;
}

static void source_destroy(struct svart_fault_source *base)
{
	struct svart_raw_source *s = (struct svart_raw_source *)base;
	struct svart_fault_raw *raw = s->raw;

	pthread_mutex_lock(&raw->ring_lock);
	s->flushed = true;
	fifo_refuse(s);
	overflow_told(s);
	TAILQ_REMOVE(&raw->sources, s, link);
	pthread_mutex_unlock(&raw->ring_lock);
	free(s);
}

static const struct svart_fault_source_ops raw_ops = {
	.name = "raw",
	.wing = &svart_raw_wing,
	.fetch = source_fetch,
	.respond = source_respond,
	.drain = source_drain,
	.flush = source_flush,
	.check = source_check,
	.destroy = source_destroy,
};

/** Adds a source. Records that are in the rings already are not for it. ring_lock is held. */
static void source_begin(struct svart_raw_source *s)
{
	struct svart_fault_raw *raw = s->raw;
	uint32_t queued;
	unsigned int i;

	for (i = 0; i < SVART_RAW_MAX_RINGS; i++) {
		if (raw->rings[i].mem == NULL)
			continue;
		/*
		 * If the registers of the unit are nonsense, nothing is delivered any more: fetch finds that
		 * out.
		 */
		if (svart_raw_ring_queued(raw, i, &queued) != 0)
			queued = 0;
		s->from[i] = raw->rings[i].taken + queued;
	}
	s->serial = ++raw->serials;
	TAILQ_INSERT_TAIL(&raw->sources, s, link);
}

int svart_fault_source_raw_create(
	struct svart_fault_raw *raw, uint32_t pasid, struct svart_fault_source **out)
{
	struct svart_raw_source *s =
		calloc(1, sizeof(*s) + (size_t)raw->capacity * sizeof(s->fifo[0]));
	int rc = 0;

	if (s == NULL)
		return -ENOMEM;
	s->base.ops = &raw_ops;
	s->base.m = raw->m;
	s->base.fd = raw->unit.fd;
	s->base.service = &raw->service;
	s->raw = raw;
	s->pasid = pasid;
	/* This touches the pages now, not in the middle of a fault. */
	memset(s->fifo, 0, (size_t)raw->capacity * sizeof(s->fifo[0]));
	pthread_mutex_lock(&raw->ring_lock);
	if (source_find(raw, pasid) != NULL)
		rc = -EEXIST;
	else
		source_begin(s);
	pthread_mutex_unlock(&raw->ring_lock);
	if (rc != 0) {
		free(s);
		return rc;
	}
	*out = &s->base;
	return 0;
}

/* --- the queues ------------------------------------------------------------------------------------ */

static const struct svart_raw_kind *kind_find(enum svart_iommu_unit_kind unit)
{
	switch (unit) {
	case SVART_IOMMU_UNIT_VTD:
		return &svart_raw_vtd;
	case SVART_IOMMU_UNIT_SMMU:
		return &svart_raw_smmu;
	}
	return NULL;
}

static void raw_free(struct svart_fault_raw *raw)
{
	unsigned int i;

	for (i = 0; i < SVART_RAW_MAX_RINGS; i++)
		svart_raw_ring_destroy(raw, &raw->rings[i]);
	svart_raw_ring_destroy(raw, &raw->answers);
	svart_raw_memory_free(raw, raw->drained, sizeof(*raw->drained));
	svart_key_map_destroy(raw->owed);
	svart_key_map_destroy(raw->open);
	pthread_mutex_destroy(&raw->answer_lock);
	pthread_mutex_destroy(&raw->ring_lock);
	free(raw);
}

int svart_fault_raw_create(
	struct svart_machine *m, const struct svart_iommu_unit *unit, struct svart_fault_raw **out)
{
	const struct svart_raw_kind *kind = kind_find(unit->kind);
	struct svart_fault_raw *raw;
	unsigned int i;
	int rc;

	if (kind == NULL)
		return svart_fail(-ENOTSUP,
			"the IOMMU is of kind %d, which svart does not know: use faults=iommufd",
			(int)unit->kind);
	raw = calloc(1, sizeof(*raw));
	if (raw == NULL)
		return svart_fail(-ENOMEM, "no memory for the IOMMU's queues");
	*raw = (struct svart_fault_raw){ .m = m, .unit = *unit, .kind = kind };
	TAILQ_INIT(&raw->sources);
	pthread_mutex_init(&raw->ring_lock, NULL);
	pthread_mutex_init(&raw->answer_lock, NULL);
	if (svart_key_map_create(MAX_OWED, &raw->owed) != 0 ||
		svart_key_map_create(MAX_OPEN, &raw->open) != 0) {
		rc = svart_fail(-ENOMEM, "no memory for the IOMMU's queues");
		goto free_raw;
	}
	rc = kind->enable(raw);
	if (rc != 0)
		goto free_raw;
	for (i = 0; i < SVART_RAW_MAX_RINGS; i++)
		raw->capacity += raw->rings[i].nr;
	*out = raw;
	return 0;

free_raw:
	raw_free(raw);
	return rc;
}

void svart_fault_raw_destroy(struct svart_fault_raw *raw)
{
	/* No source is left: svart refuses what is queued, because the unit itself does not answer it. */
	pthread_mutex_lock(&raw->ring_lock);
	rings_sort(raw);
	pthread_mutex_unlock(&raw->ring_lock);
	/* The unit forgets the answers that it has not taken yet when their queue is disabled. */
	pthread_mutex_lock(&raw->answer_lock);
	if (!raw->mute)
		svart_raw_answers_wait(raw);
	pthread_mutex_unlock(&raw->answer_lock);
	raw->kind->disable(raw);
	raw_free(raw);
}
