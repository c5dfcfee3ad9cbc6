/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What all raw sources do alike, on a VT-d unit: sorting, whose a group is, one answer each, overflow,
 * flush.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <svart/device.h>

#include "fake_unit.h"

#define RING 2047u /* Records that fit. */

/** Queues with sources for PASIDs 5 and 6. */
struct rig {
	struct fake_unit *f;
	struct svart_fault_raw *raw;
	struct svart_fault_source *a, *b;
	struct svart_page_request out[4096];
};

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->f = fake_unit_create(SVART_IOMMU_UNIT_VTD);
	assert_int_equal(svart_fault_raw_create(&rig->f->base, &rig->f->unit, &rig->raw), 0);
	assert_int_equal(svart_fault_source_raw_create(rig->raw, 5, &rig->a), 0);
	assert_int_equal(svart_fault_source_raw_create(rig->raw, 6, &rig->b), 0);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	if (rig->a != NULL)
		rig->a->ops->destroy(rig->a);
	if (rig->b != NULL)
		rig->b->ops->destroy(rig->b);
	svart_fault_raw_destroy(rig->raw);
	fake_unit_destroy(rig->f);
	free(rig);
	return 0;
}

static void queue(struct rig *rig, uint32_t pasid, uint32_t group, uint32_t flags)
{
	vtd_queue(rig->f, vtd_record(pasid, group, flags | PASID, R, PAGE_AT(group)));
}

static ssize_t fetch(struct rig *rig, struct svart_fault_source *s)
{
	return s->ops->fetch(s, rig->out, SVART_ARRAY_SIZE(rig->out));
}

/** Answers one request. @return whether it was gone. */
static bool respond(struct svart_fault_source *s, const struct svart_page_request *r)
{
	struct svart_page_response a = answer_to(r, SVART_PAGE_RESPONSE_SUCCESS);
	bool gone = false;

	assert_int_equal(s->ops->respond(s, &a, 1, &gone), 0);
	return gone;
}

static void assert_answered(
	const struct fake_unit *f, unsigned int i, uint32_t pasid, uint32_t group, uint32_t code)
{
	assert_true(i < f->nr_answers);
	assert_int_equal(SVART_FIELD_GET(SVART_VTD_PGR_PASID, f->answers[i][0]), pasid);
	assert_int_equal(SVART_FIELD_GET(SVART_VTD_PGR_PRGI, f->answers[i][1]), group);
	assert_int_equal(SVART_FIELD_GET(SVART_VTD_PGR_CODE, f->answers[i][0]), code);
}

/** Ends a source as the service does when its attachment was detached. */
static size_t end(struct svart_fault_source **s)
{
	size_t nr = (*s)->ops->flush(*s);

	(*s)->ops->destroy(*s);
	*s = NULL;
	return nr;
}

/* --- sorting ----------------------------------------------------------------------------------------- */

static void test_raw_fetch_sorts_records_by_pasid_in_order(void **state)
{
	struct rig *rig = *state;

	queue(rig, 5, 1, 0);
	queue(rig, 6, 2, LAST);
	queue(rig, 5, 1, LAST);
	assert_int_equal(fetch(rig, rig->a), 2);
	assert_int_equal(rig->out[0].flags, PASID);
	assert_int_equal(rig->out[1].flags, PASID | LAST);
	assert_int_equal(rig->out[0].addr, PAGE_AT(1));
	assert_int_equal(rig->out[0].pasid, 5);
	assert_int_equal(rig->a->buffered, 0);
	assert_int_equal(rig->b->buffered, 1);
	assert_int_equal(fetch(rig, rig->b), 1);
	assert_int_equal(rig->out[0].group_id, 2);
	assert_int_equal(rig->b->buffered, 0);
	assert_int_equal(fetch(rig, rig->b), 0);
}

static void test_raw_fetch_of_a_part_keeps_the_rest_buffered(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	for (i = 0; i < 5; i++)
		queue(rig, 5, i, LAST);
	assert_int_equal(rig->a->ops->fetch(rig->a, rig->out, 2), 2);
	assert_int_equal(rig->a->buffered, 3);
	assert_int_equal(fetch(rig, rig->a), 3);
	assert_int_equal(rig->out[0].group_id, 2);
}

static void test_raw_fetch_takes_the_interrupt_and_the_next_record_raises_it(void **state)
{
	struct rig *rig = *state;

	assert_false(fake_unit_interrupted(rig->f));
	queue(rig, 5, 1, LAST);
	assert_true(fake_unit_interrupted(rig->f));
	assert_int_equal(fetch(rig, rig->a), 1);
	assert_false(fake_unit_interrupted(rig->f));
	queue(rig, 6, 1, LAST);
	assert_true(fake_unit_interrupted(rig->f));
}

static void test_raw_full_fifo_leaves_the_rest_in_the_ring(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	for (i = 0; i < RING; i++)
		queue(rig, 6, i & 511, 0);
	assert_int_equal(fetch(rig, rig->a), 0);
	queue(rig, 6, 0, 0);
	queue(rig, 6, 1, 0);
	queue(rig, 5, 7, LAST);
	assert_int_equal(fetch(rig, rig->a), -EAGAIN);
	assert_int_equal(rig->b->buffered, 2048 + 1);
	assert_int_not_equal(rig->a->buffered, 0);
	assert_int_equal(fetch(rig, rig->b), 2048);
	assert_int_equal(fetch(rig, rig->a), 1);
	assert_int_equal(rig->out[0].group_id, 7);
	assert_int_equal(fetch(rig, rig->b), 1);
	assert_int_equal(rig->out[0].group_id, 1);
	assert_int_equal(rig->a->buffered + rig->b->buffered, 0);
}

static void test_raw_ring_wraps_around(void **state)
{
	struct rig *rig = *state;
	unsigned int round, i;

	for (round = 0; round < 5; round++) {
		for (i = 0; i < 1000; i++)
			queue(rig, 5, i & 511, 0);
		assert_int_equal(fetch(rig, rig->a), 1000);
		assert_int_equal(rig->out[999].group_id, 999 & 511);
	}
}

static void test_raw_second_source_of_a_pasid_gives_eexist(void **state)
{
	struct rig *rig = *state;
	struct svart_fault_source *s;

	assert_int_equal(svart_fault_source_raw_create(rig->raw, 5, &s), -EEXIST);
}

static void test_raw_sources_go_with_one_service(void **state)
{
	struct rig *rig = *state;

	assert_non_null(rig->a->service);
	assert_ptr_equal(rig->a->service, rig->b->service);
	assert_null(atomic_load(rig->a->service));
}

static void test_raw_source_without_pasid_gets_records_without_one(void **state)
{
	struct rig *rig = *state;
	struct svart_fault_source *s;

	assert_int_equal(svart_fault_source_raw_create(rig->raw, SVART_PASID_NONE, &s), 0);
	vtd_queue(rig->f, vtd_record(0, 3, LAST, W, PAGE_AT(3)));
	assert_int_equal(fetch(rig, s), 1);
	assert_int_equal(rig->out[0].flags, LAST);
	assert_false(respond(s, &rig->out[0]));
	assert_false(rig->f->answers[0][0] & SVART_VTD_PGR_PASID_PRESENT);
	s->ops->destroy(s);
}

/* --- whose a record is ------------------------------------------------------------------------------- */

static void test_raw_record_of_nobody_is_refused_and_counted(void **state)
{
	struct rig *rig = *state;

	queue(rig, 9, 1, 0);
	queue(rig, 9, 1, LAST);
	queue(rig, 9, 2, OWN);
	assert_int_equal(fetch(rig, rig->b), 0);
	assert_int_equal(rig->f->nr_answers, 2);
	assert_answered(rig->f, 0, 9, 1, SVART_VTD_PGR_CODE_INVALID);
	assert_answered(rig->f, 1, 9, 2, SVART_VTD_PGR_CODE_INVALID);
	assert_true(rig->f->answers[1][0] & SVART_VTD_PGR_PRIV_PRESENT);
	assert_int_equal(rig->f->answers[1][3], PAGE_AT(2));
	assert_int_equal(rig->a->malformed, 3);
	assert_int_equal(rig->b->malformed, 0);
	assert_int_equal(rig->f->nr_doorbells, 1);
}

static void test_raw_stop_marker_of_nobody_is_not_answered(void **state)
{
	struct rig *rig = *state;

	vtd_queue(rig->f, vtd_record(9, 0, PASID | LAST, 0, 0));
	assert_int_equal(fetch(rig, rig->a), 0);
	assert_int_equal(rig->f->nr_answers, 0);
	assert_int_equal(rig->a->malformed, 1);
}

static void test_raw_record_queued_before_its_source_is_refused(void **state)
{
	struct rig *rig = *state;
	struct svart_fault_source *s;

	queue(rig, 9, 1, LAST);
	assert_int_equal(svart_fault_source_raw_create(rig->raw, 9, &s), 0);
	queue(rig, 9, 2, LAST);
	assert_int_equal(fetch(rig, s), 1);
	assert_int_equal(rig->out[0].group_id, 2);
	assert_int_equal(rig->f->nr_answers, 1);
	assert_answered(rig->f, 0, 9, 1, SVART_VTD_PGR_CODE_INVALID);
	s->ops->destroy(s);
}

static void test_raw_group_begun_before_its_source_is_asked_for_again(void **state)
{
	struct svart_page_request refused = { .pasid = 9, .group_id = 1, .flags = PASID | LAST };
	struct rig *rig = *state;
	struct svart_fault_source *s;

	queue(rig, 9, 1, 0);
	assert_int_equal(svart_fault_source_raw_create(rig->raw, 9, &s), 0);
	queue(rig, 9, 1, 0);
	queue(rig, 9, 1, LAST);
	assert_int_equal(fetch(rig, s), 0);
	assert_int_equal(rig->f->nr_answers, 1);
	assert_answered(rig->f, 0, 9, 1, SVART_VTD_PGR_CODE_SUCCESS);
	assert_true(respond(s, &refused));
	queue(rig, 9, 1, 0);
	queue(rig, 9, 1, LAST);
	assert_int_equal(fetch(rig, s), 2);
	assert_false(respond(s, &rig->out[1]));
	s->ops->destroy(s);
}

static void test_raw_group_begun_for_one_owner_never_reaches_the_next(void **state)
{
	struct rig *rig = *state;

	queue(rig, 5, 1, 0);
	assert_int_equal(fetch(rig, rig->a), 1);
	assert_int_equal(end(&rig->a), 0);
	assert_int_equal(svart_fault_source_raw_create(rig->raw, 5, &rig->a), 0);
	queue(rig, 5, 1, OWN);
	queue(rig, 5, 1, LAST);
	queue(rig, 5, 2, LAST);
	assert_int_equal(fetch(rig, rig->a), 1);
	assert_int_equal(rig->out[0].group_id, 2);
	assert_int_equal(rig->f->nr_answers, 2);
	assert_answered(rig->f, 0, 5, 1, SVART_VTD_PGR_CODE_SUCCESS);
	assert_true(rig->f->answers[0][0] & SVART_VTD_PGR_PRIV_PRESENT);
	assert_answered(rig->f, 1, 5, 1, SVART_VTD_PGR_CODE_SUCCESS);
}

static void test_raw_group_id_left_open_by_one_owner_fails_none_of_the_next(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	queue(rig, 5, 7, 0);
	assert_int_equal(fetch(rig, rig->a), 1);
	assert_int_equal(end(&rig->a), 0);
	assert_int_equal(svart_fault_source_raw_create(rig->raw, 5, &rig->a), 0);
	/* The device asks until it has its page; nothing that it is told on the way fails it. */
	for (i = 0; i < 2; i++) {
		queue(rig, 5, 7, 0);
		queue(rig, 5, 7, LAST);
		if (fetch(rig, rig->a) != 0)
			break;
		assert_int_equal(rig->f->nr_answers, 1);
		assert_answered(rig->f, 0, 5, 7, SVART_VTD_PGR_CODE_SUCCESS);
	}
	assert_int_equal(i, 1);
	assert_int_equal(rig->out[0].group_id, 7);
	assert_int_equal(rig->out[1].flags, PASID | LAST);
}

static void test_raw_group_left_in_a_full_ring_by_one_owner_never_reaches_the_next(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	for (i = 0; i < RING; i++)
		queue(rig, 6, i & 511, 0);
	assert_int_equal(fetch(rig, rig->a), 0);
	queue(rig, 6, 0, 0);
	queue(rig, 6, 1, 0);
	queue(rig, 5, 7, 0);
	/* The neighbour has no room, so that flush cannot empty the ring. */
	end(&rig->a);
	assert_int_equal(fetch(rig, rig->b), 2048);
	assert_int_equal(fetch(rig, rig->b), 1);
	assert_int_equal(svart_fault_source_raw_create(rig->raw, 5, &rig->a), 0);
	queue(rig, 5, 7, LAST);
	assert_int_equal(fetch(rig, rig->a), 0);
	assert_answered(rig->f, 0, 5, 7, SVART_VTD_PGR_CODE_SUCCESS);
}

static void test_raw_overflow_forgets_which_groups_were_open(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	/* Their LASTs are lost: the device is told to ask again by the unit, and ids are free. */
	for (i = 0; i < RING; i++)
		queue(rig, 5, i & 511, 0);
	queue(rig, 5, 0, LAST);
	assert_int_equal(fetch(rig, rig->a), RING);
	end(&rig->a);
	assert_int_equal(fetch(rig, rig->b), -EOVERFLOW);
	assert_int_equal(svart_fault_source_raw_create(rig->raw, 5, &rig->a), 0);
	for (i = 0; i < 512; i++)
		queue(rig, 5, i, LAST);
	assert_int_equal(fetch(rig, rig->a), 512);
}

/** Begins 8192 groups of PASIDs that nobody has: as many as are remembered. */
static void strangers_begin(struct rig *rig)
{
	unsigned int i;

	for (i = 0; i < 8192; i++) {
		queue(rig, 1000 + i / 512, i % 512, 0);
		if (i % 1024 == 1023)
			assert_int_equal(fetch(rig, rig->b), 0);
	}
}

static void test_raw_groups_of_nobody_keep_no_source_from_its_own(void **state)
{
	struct rig *rig = *state;

	strangers_begin(rig);
	queue(rig, 5, 1, 0);
	queue(rig, 5, 1, OWN);
	queue(rig, 5, 1, LAST);
	assert_int_equal(fetch(rig, rig->a), 3);
	assert_int_equal(rig->f->nr_answers, 0);
}

static void test_raw_groups_of_nobody_leave_room_to_remember_an_owners(void **state)
{
	struct rig *rig = *state;

	strangers_begin(rig);
	queue(rig, 5, 1, 0);
	assert_int_equal(fetch(rig, rig->a), 1);
	end(&rig->a);
	assert_int_equal(svart_fault_source_raw_create(rig->raw, 5, &rig->a), 0);
	queue(rig, 5, 1, LAST);
	assert_int_equal(fetch(rig, rig->a), 0);
	assert_answered(rig->f, 0, 5, 1, SVART_VTD_PGR_CODE_SUCCESS);
}

static void test_raw_more_groups_than_can_be_remembered_are_delivered(void **state)
{
	struct rig *rig = *state;
	struct svart_fault_source *s[17];
	unsigned int pasid, i;

	for (pasid = 0; pasid < 17; pasid++) {
		assert_int_equal(
			svart_fault_source_raw_create(rig->raw, 100 + pasid, &s[pasid]), 0);
		for (i = 0; i < 512; i++)
			queue(rig, 100 + pasid, i, 0);
		assert_int_equal(fetch(rig, s[pasid]), 512);
	}
	queue(rig, 116, 511, LAST);
	assert_int_equal(fetch(rig, s[16]), 1);
	for (pasid = 0; pasid < 17; pasid++)
		s[pasid]->ops->destroy(s[pasid]);
}

static void test_raw_stop_marker_ends_no_group(void **state)
{
	struct rig *rig = *state;

	queue(rig, 5, 0, 0);
	assert_int_equal(fetch(rig, rig->a), 1);
	end(&rig->a);
	assert_int_equal(svart_fault_source_raw_create(rig->raw, 5, &rig->a), 0);
	vtd_queue(rig->f, vtd_record(5, 0, PASID | LAST, 0, 0));
	queue(rig, 5, 0, LAST);
	assert_int_equal(fetch(rig, rig->a), 1);
	assert_int_equal(rig->out[0].access, 0);
	assert_answered(rig->f, 0, 5, 0, SVART_VTD_PGR_CODE_SUCCESS);
}

/* --- one answer each --------------------------------------------------------------------------------- */

static void test_raw_answer_is_sent_once(void **state)
{
	struct rig *rig = *state;

	queue(rig, 5, 1, LAST);
	fetch(rig, rig->a);
	assert_false(respond(rig->a, &rig->out[0]));
	assert_true(respond(rig->a, &rig->out[0]));
	assert_int_equal(rig->f->nr_answers, 1);
	assert_answered(rig->f, 0, 5, 1, SVART_VTD_PGR_CODE_SUCCESS);
}

static void test_raw_group_id_used_again_is_answered_again(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		queue(rig, 5, 1, LAST);
		assert_int_equal(fetch(rig, rig->a), 1);
		assert_false(respond(rig->a, &rig->out[0]));
		assert_true(respond(rig->a, &rig->out[0]));
	}
	assert_int_equal(rig->f->nr_answers, 3);
}

static void test_raw_last_that_comes_twice_is_answered_twice(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	queue(rig, 5, 1, LAST);
	queue(rig, 5, 1, 0);
	queue(rig, 5, 1, LAST);
	assert_int_equal(fetch(rig, rig->a), 3);
	for (i = 0; i < 2; i++)
		assert_false(respond(rig->a, &rig->out[2 * i]));
	assert_true(respond(rig->a, &rig->out[2]));
	assert_int_equal(rig->f->nr_answers, 2);
}

static void test_raw_own_answer_does_not_answer_the_group(void **state)
{
	struct rig *rig = *state;

	queue(rig, 5, 1, OWN);
	queue(rig, 5, 1, OWN);
	queue(rig, 5, 1, LAST);
	assert_int_equal(fetch(rig, rig->a), 3);
	assert_false(respond(rig->a, &rig->out[0]));
	assert_false(respond(rig->a, &rig->out[1]));
	assert_true(respond(rig->a, &rig->out[1]));
	assert_false(respond(rig->a, &rig->out[2]));
	assert_true(respond(rig->a, &rig->out[2]));
	assert_int_equal(rig->f->nr_answers, 3);
}

static void test_raw_answer_to_what_is_not_owed_is_gone(void **state)
{
	struct rig *rig = *state;

	queue(rig, 5, 1, 0);
	queue(rig, 5, 2, LAST);
	assert_int_equal(fetch(rig, rig->a), 2);
	rig->out[0].flags |= LAST;
	assert_true(respond(rig->a, &rig->out[0]));
	assert_true(respond(rig->b, &rig->out[1]));
	rig->out[1].token = 1;
	assert_true(respond(rig->a, &rig->out[1]));
	rig->out[1].token = 77;
	assert_true(respond(rig->a, &rig->out[1]));
	assert_int_equal(rig->f->nr_answers, 0);
	assert_int_equal(rig->f->nr_doorbells, 0);
}

static void test_raw_batch_of_answers_takes_one_doorbell(void **state)
{
	struct svart_page_response answers[100];
	struct rig *rig = *state;
	bool gone[100];
	unsigned int i;

	for (i = 0; i < 100; i++)
		queue(rig, 5, i, LAST);
	assert_int_equal(fetch(rig, rig->a), 100);
	for (i = 0; i < 100; i++)
		answers[i] = answer_to(&rig->out[i], SVART_PAGE_RESPONSE_SUCCESS);
	assert_int_equal(rig->a->ops->respond(rig->a, answers, 100, gone), 0);
	assert_int_equal(rig->f->nr_answers, 100);
	assert_int_equal(rig->f->nr_doorbells, 1);
	assert_answered(rig->f, 99, 5, 99, SVART_VTD_PGR_CODE_SUCCESS);
}

/** Answers 600 groups at once: more than the ring of answers has room for. */
static int respond_600(struct rig *rig, bool *gone)
{
	static struct svart_page_response answers[600];
	unsigned int i;

	for (i = 0; i < 600; i++)
		queue(rig, i < 300 ? 5 : 5, i & 511, LAST);
	assert_int_equal(fetch(rig, rig->a), 600);
	for (i = 0; i < 600; i++)
		answers[i] = answer_to(&rig->out[i], SVART_PAGE_RESPONSE_SUCCESS);
	return rig->a->ops->respond(rig->a, answers, 600, gone);
}

static void test_raw_full_ring_of_answers_waits_for_the_unit(void **state)
{
	struct rig *rig = *state;
	bool gone[600];

	rig->f->pauses = 10;
	assert_int_equal(respond_600(rig, gone), 0);
	assert_int_equal(rig->f->nr_answers, 600);
	assert_false(gone[599]);
	assert_answered(rig->f, 511, 5, 511, SVART_VTD_PGR_CODE_SUCCESS);
}

static void test_raw_stuck_ring_of_answers_loses_every_source(void **state)
{
	struct rig *rig = *state;
	bool gone[600];

	rig->f->stuck = true;
	assert_int_equal(respond_600(rig, gone), -EIO);
	assert_false(gone[0]);
	assert_true(gone[599]);
	assert_int_equal(fetch(rig, rig->a), -ENODEV);
	assert_int_equal(fetch(rig, rig->b), -ENODEV);
}

static void test_raw_refusals_beyond_the_ring_of_answers_wait_for_the_unit(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	for (i = 0; i < 1000; i++)
		queue(rig, 9, i & 511, LAST);
	rig->f->pauses = 10;
	assert_int_equal(fetch(rig, rig->a), 0);
	assert_int_equal(rig->f->nr_answers, 1000);
	assert_answered(rig->f, 999, 9, 999 & 511, SVART_VTD_PGR_CODE_INVALID);
}

static void test_raw_refusals_that_a_unit_does_not_take_lose_every_source(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	for (i = 0; i < 1000; i++)
		queue(rig, 9, i & 511, LAST);
	rig->f->stuck = true;
	assert_int_equal(fetch(rig, rig->a), -ENODEV);
	assert_int_equal(fetch(rig, rig->b), -ENODEV);
}

/** The unit's tail is nonsense from now on; its other ring works. */
static void requests_break(struct rig *rig)
{
	fake_reg_set(rig->f, SVART_VTD_PQT_OFF, 33);
	assert_int_equal(fetch(rig, rig->a), -ENODEV);
}

static void test_raw_lost_requests_keep_no_answer_from_those_that_came_before(void **state)
{
	struct rig *rig = *state;
	struct svart_page_request first;

	queue(rig, 5, 1, LAST);
	queue(rig, 6, 2, LAST);
	assert_int_equal(fetch(rig, rig->a), 1);
	first = rig->out[0];
	requests_break(rig);
	assert_false(respond(rig->a, &first));
	/* What was sorted is delivered still. */
	assert_int_equal(fetch(rig, rig->b), 1);
	assert_false(respond(rig->b, &rig->out[0]));
	assert_int_equal(fetch(rig, rig->b), -ENODEV);
	assert_int_equal(rig->f->nr_answers, 2);
}

static void test_raw_flush_after_requests_were_lost_answers_what_was_sorted(void **state)
{
	struct rig *rig = *state;

	queue(rig, 6, 2, LAST);
	assert_int_equal(fetch(rig, rig->a), 0);
	requests_break(rig);
	assert_int_equal(rig->b->ops->flush(rig->b), 1);
	assert_int_equal(rig->f->nr_answers, 1);
	assert_answered(rig->f, 0, 6, 2, SVART_VTD_PGR_CODE_INVALID);
}

static void test_raw_owed_answers_beyond_the_limit_wait_in_the_ring(void **state)
{
	struct rig *rig = *state;
	struct svart_page_request first;
	unsigned int pasid, i, got = 0;
	struct svart_fault_source *s[16];

	for (pasid = 0; pasid < 16; pasid++)
		assert_int_equal(
			svart_fault_source_raw_create(rig->raw, 100 + pasid, &s[pasid]), 0);
	for (pasid = 0; pasid < 16; pasid++) {
		for (i = 0; i < 512; i++)
			queue(rig, 100 + pasid, i, LAST);
		got += (unsigned int)fetch(rig, s[pasid]);
		first = rig->out[0];
	}
	assert_int_equal(got, 8192);
	queue(rig, 5, 1, LAST);
	assert_int_equal(fetch(rig, rig->a), -EAGAIN);
	assert_int_not_equal(rig->a->buffered, 0);
	assert_false(respond(s[15], &first));
	assert_int_equal(fetch(rig, rig->a), 1);
	for (pasid = 0; pasid < 16; pasid++)
		s[pasid]->ops->destroy(s[pasid]);
}

/* --- overflow ---------------------------------------------------------------------------------------- */

static bool overflowed(const struct rig *rig)
{
	return (fake_reg(rig->f, SVART_VTD_PRS_OFF - 4) >> 32 & SVART_VTD_PRS_PRO) != 0;
}

/** Fills the ring with records of both, and one that does not fit. */
static void overflow(struct rig *rig)
{
	unsigned int i;

	for (i = 0; i < RING; i++)
		queue(rig, 5 + i % 2, i & 511, 0);
	queue(rig, 5, 0, LAST);
	assert_true(overflowed(rig));
}

static void test_raw_overflow_is_told_once_to_each_source_after_its_records(void **state)
{
	struct rig *rig = *state;

	overflow(rig);
	assert_int_equal(fetch(rig, rig->a), RING / 2 + 1);
	assert_int_not_equal(rig->a->buffered, 0);
	assert_int_equal(fetch(rig, rig->a), -EOVERFLOW);
	assert_int_equal(fetch(rig, rig->a), 0);
	assert_true(overflowed(rig));
	assert_int_equal(fetch(rig, rig->b), RING / 2);
	assert_true(overflowed(rig));
	assert_int_not_equal(rig->b->buffered, 0);
	assert_int_equal(fetch(rig, rig->b), -EOVERFLOW);
	assert_false(overflowed(rig));
	assert_int_equal(fetch(rig, rig->a), 0);
	assert_int_equal(fetch(rig, rig->b), 0);
	assert_int_equal(rig->a->buffered + rig->b->buffered, 0);
}

static void test_raw_overflow_takes_nothing_before_it_was_told(void **state)
{
	struct rig *rig = *state;

	overflow(rig);
	assert_int_equal(fetch(rig, rig->a), RING / 2 + 1);
	/* A unit that queues all the same. */
	fake_reg_set(rig->f, SVART_VTD_PRS_OFF - 4, 0);
	queue(rig, 5, 1, LAST);
	assert_int_equal(fetch(rig, rig->a), -EOVERFLOW);
	assert_int_equal(fetch(rig, rig->a), 0);
	assert_int_equal(fetch(rig, rig->b), RING / 2);
	assert_int_equal(fetch(rig, rig->b), -EOVERFLOW);
	assert_int_not_equal(rig->a->buffered, 0);
	assert_int_equal(fetch(rig, rig->a), 1);
}

static void test_raw_overflow_holds_up_no_answer(void **state)
{
	struct svart_page_request own, last;
	struct rig *rig = *state;

	queue(rig, 5, 600 & 511, OWN);
	queue(rig, 5, 601 & 511, LAST);
	assert_int_equal(fetch(rig, rig->a), 2);
	own = rig->out[0];
	last = rig->out[1];
	overflow(rig);
	assert_int_equal(fetch(rig, rig->a), RING / 2 + 1);
	assert_false(respond(rig->a, &own));
	assert_int_equal(fetch(rig, rig->a), -EOVERFLOW);
	assert_false(respond(rig->a, &last));
	assert_true(overflowed(rig));
	assert_int_equal(rig->f->nr_answers, 2);
}

static void test_raw_source_that_begins_in_an_overflow_does_not_tell_it(void **state)
{
	struct svart_fault_source *s;
	struct rig *rig = *state;

	overflow(rig);
	assert_int_equal(fetch(rig, rig->a), RING / 2 + 1);
	assert_int_equal(svart_fault_source_raw_create(rig->raw, 7, &s), 0);
	assert_int_equal(fetch(rig, s), 0);
	assert_int_equal(fetch(rig, rig->a), -EOVERFLOW);
	assert_int_equal(fetch(rig, rig->b), RING / 2);
	assert_int_equal(fetch(rig, rig->b), -EOVERFLOW);
	assert_false(overflowed(rig));
	queue(rig, 7, 1, LAST);
	assert_int_equal(fetch(rig, s), 1);
	s->ops->destroy(s);
}

/** A source whose service could not be had ends without a flush. */
static void test_raw_overflow_ends_when_the_last_to_tell_it_is_destroyed(void **state)
{
	struct rig *rig = *state;

	overflow(rig);
	fetch(rig, rig->a);
	assert_int_equal(fetch(rig, rig->a), -EOVERFLOW);
	assert_true(overflowed(rig));
	rig->b->ops->destroy(rig->b);
	rig->b = NULL;
	assert_false(overflowed(rig));
	queue(rig, 5, 600, LAST);
	assert_int_equal(fetch(rig, rig->a), 1);
}

static void fill_and_overflow(struct fake_unit *f)
{
	unsigned int i;

	for (i = 0; i <= RING; i++)
		vtd_queue(f, vtd_record(5, i & 511, PASID, R, PAGE_AT(i)));
}

static void test_raw_overflow_is_told_after_records_that_came_while_it_was_found(void **state)
{
	struct rig *rig = *state;

	rig->f->on_read = fill_and_overflow;
	rig->f->off_on_read = SVART_VTD_PRS_OFF;
	assert_int_equal(fetch(rig, rig->a), RING);
	assert_true(overflowed(rig));
	assert_int_equal(fetch(rig, rig->a), -EOVERFLOW);
	assert_int_equal(fetch(rig, rig->b), -EOVERFLOW);
	assert_false(overflowed(rig));
	assert_int_equal(fetch(rig, rig->a), 0);
}

static void test_raw_overflow_ends_when_the_last_to_tell_it_is_flushed(void **state)
{
	struct rig *rig = *state;

	overflow(rig);
	fetch(rig, rig->a);
	assert_int_equal(fetch(rig, rig->a), -EOVERFLOW);
	assert_true(overflowed(rig));
	assert_int_equal(end(&rig->b), RING / 2);
	assert_false(overflowed(rig));
	queue(rig, 5, 600, LAST);
	assert_int_equal(fetch(rig, rig->a), 1);
}

static void test_raw_second_overflow_is_told_again(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		overflow(rig);
		fetch(rig, rig->a);
		fetch(rig, rig->b);
		assert_int_equal(fetch(rig, rig->b), -EOVERFLOW);
		assert_int_equal(fetch(rig, rig->a), -EOVERFLOW);
	}
	assert_int_equal(fetch(rig, rig->a), 0);
}

/* --- flush ------------------------------------------------------------------------------------------- */

static void test_raw_flush_answers_what_is_owed_and_counts_all(void **state)
{
	struct rig *rig = *state;

	queue(rig, 5, 1, 0);
	queue(rig, 5, 1, LAST);
	queue(rig, 6, 9, LAST);
	assert_int_equal(fetch(rig, rig->b), 1);
	queue(rig, 5, 2, OWN);
	queue(rig, 6, 8, LAST);
	vtd_queue(rig->f, vtd_record(5, 0, PASID | LAST, 0, 0));
	assert_int_equal(end(&rig->a), 4);
	assert_int_equal(rig->f->nr_drains, 1);
	assert_int_equal(rig->f->nr_answers, 2);
	assert_answered(rig->f, 0, 5, 1, SVART_VTD_PGR_CODE_INVALID);
	assert_answered(rig->f, 1, 5, 2, SVART_VTD_PGR_CODE_INVALID);
	assert_int_equal(fetch(rig, rig->b), 1);
	assert_int_equal(rig->out[0].group_id, 8);
	assert_int_equal(rig->b->malformed, 0);
}

static void test_raw_flush_answers_requests_for_what_cannot_be(void **state)
{
	struct rig *rig = *state;

	vtd_queue(rig->f, vtd_record(5, 1, PASID | OWN, R | X, PAGE_AT(1)));
	vtd_queue(rig->f, vtd_record(5, 1, PASID | LAST, R | X, PAGE_AT(2)));
	assert_int_equal(fetch(rig, rig->b), 0);
	vtd_queue(rig->f, vtd_record(5, 2, PASID | LAST, R | X, PAGE_AT(3)));
	assert_int_equal(end(&rig->a), 3);
	assert_int_equal(rig->f->nr_answers, 3);
	assert_answered(rig->f, 0, 5, 1, SVART_VTD_PGR_CODE_INVALID);
	assert_true(rig->f->answers[0][0] & SVART_VTD_PGR_PRIV_PRESENT);
	assert_answered(rig->f, 1, 5, 1, SVART_VTD_PGR_CODE_INVALID);
	assert_answered(rig->f, 2, 5, 2, SVART_VTD_PGR_CODE_INVALID);
}

static void test_raw_source_destroyed_without_a_flush_answers_what_it_holds(void **state)
{
	struct rig *rig = *state;

	queue(rig, 5, 1, 0);
	queue(rig, 5, 1, LAST);
	queue(rig, 5, 2, OWN);
	assert_int_equal(fetch(rig, rig->b), 0);
	rig->a->ops->destroy(rig->a);
	rig->a = NULL;
	assert_int_equal(rig->f->nr_answers, 2);
	assert_answered(rig->f, 0, 5, 1, SVART_VTD_PGR_CODE_INVALID);
	assert_answered(rig->f, 1, 5, 2, SVART_VTD_PGR_CODE_INVALID);
	assert_int_equal(rig->f->answers[1][3], PAGE_AT(2));
}

static void queue_late(struct fake_unit *f)
{
	vtd_queue(f, vtd_record(5, 3, PASID | LAST, R, PAGE_AT(3)));
}

static void test_raw_flush_waits_for_requests_on_their_way(void **state)
{
	struct rig *rig = *state;

	rig->f->on_drain = queue_late;
	assert_int_equal(rig->a->ops->flush(rig->a), 1);
	assert_int_equal(rig->f->nr_answers, 1);
	assert_answered(rig->f, 0, 5, 3, SVART_VTD_PGR_CODE_INVALID);
}

static void test_raw_drain_brings_requests_on_their_way_to_the_next_fetch(void **state)
{
	struct rig *rig = *state;

	rig->f->on_drain = queue_late;
	assert_int_equal(fetch(rig, rig->a), 0);
	rig->a->ops->drain(rig->a);
	assert_int_equal(fetch(rig, rig->a), 1);
	assert_int_equal(rig->out[0].group_id, 3);
	assert_false(respond(rig->a, &rig->out[0]));
}

static void test_raw_answers_to_fetched_groups_are_sent_after_a_flush(void **state)
{
	struct rig *rig = *state;

	queue(rig, 5, 1, LAST);
	assert_int_equal(fetch(rig, rig->a), 1);
	assert_int_equal(rig->a->ops->flush(rig->a), 0);
	assert_false(respond(rig->a, &rig->out[0]));
	assert_true(respond(rig->a, &rig->out[0]));
}

/** What is flushed and owed nothing takes nobody's answer away: a resolver still has the group. */
static void flush_behind(struct rig *rig, struct svart_vtd_page_request behind)
{
	struct svart_page_request first;

	queue(rig, 5, 0, LAST);
	assert_int_equal(fetch(rig, rig->a), 1);
	first = rig->out[0];
	vtd_queue(rig->f, behind);
	assert_int_equal(fetch(rig, rig->b), 0);
	assert_int_equal(rig->a->buffered, 1);
	assert_int_equal(rig->a->ops->flush(rig->a), 1);
	assert_int_equal(rig->f->nr_answers, 0);
	assert_false(respond(rig->a, &first));
	assert_true(respond(rig->a, &first));
	assert_int_equal(rig->f->nr_answers, 1);
}

static void test_raw_flush_of_a_group_id_used_again_leaves_the_answer_before_it_owed(void **state)
{
	flush_behind(*state, vtd_record(5, 0, PASID, R, PAGE_AT(1)));
}

static void test_raw_flush_of_a_stop_marker_leaves_the_answer_of_its_group_id_owed(void **state)
{
	flush_behind(*state, vtd_record(5, 0, PASID | LAST, 0, 0));
}

static void test_raw_answers_to_flushed_records_are_gone(void **state)
{
	struct svart_page_request r = {
		.pasid = 5, .group_id = 1, .flags = PASID | LAST, .access = R
	};
	struct rig *rig = *state;

	queue(rig, 5, 1, LAST);
	assert_int_equal(fetch(rig, rig->b), 0);
	assert_int_equal(rig->a->buffered, 1);
	queue(rig, 5, 1, LAST);
	assert_int_equal(rig->a->ops->flush(rig->a), 2);
	assert_true(respond(rig->a, &r));
	assert_int_equal(rig->f->nr_answers, 2);
}

static void test_raw_record_after_a_flush_is_refused(void **state)
{
	struct rig *rig = *state;

	rig->a->ops->flush(rig->a);
	queue(rig, 5, 1, LAST);
	assert_int_equal(fetch(rig, rig->b), 0);
	assert_int_equal(rig->a->buffered, 0);
	assert_int_equal(fetch(rig, rig->a), 0);
	assert_answered(rig->f, 0, 5, 1, SVART_VTD_PGR_CODE_INVALID);
}

static void test_raw_flush_with_a_full_neighbour_refuses_the_rest_later(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	for (i = 0; i < RING; i++)
		queue(rig, 6, i & 511, 0);
	assert_int_equal(fetch(rig, rig->a), 0);
	queue(rig, 6, 0, 0);
	queue(rig, 6, 1, 0);
	queue(rig, 5, 7, LAST);
	assert_int_equal(end(&rig->a), 0);
	assert_int_equal(svart_fault_source_raw_create(rig->raw, 5, &rig->a), 0);
	assert_int_equal(fetch(rig, rig->b), 2048);
	assert_int_equal(fetch(rig, rig->a), 0);
	assert_int_equal(rig->f->nr_answers, 1);
	assert_answered(rig->f, 0, 5, 7, SVART_VTD_PGR_CODE_INVALID);
}

static void test_raw_flush_of_a_stuck_unit_ends(void **state)
{
	struct rig *rig = *state;

	queue(rig, 5, 1, LAST);
	rig->f->stuck = true;
	rig->a->ops->flush(rig->a);
	assert_int_equal(fetch(rig, rig->b), -ENODEV);
}

static void test_raw_stuck_unit_is_waited_for_once(void **state)
{
	struct rig *rig = *state;
	bool gone[600];
	unsigned int i;

	for (i = 0; i < 1000; i++)
		queue(rig, 6, i & 511, LAST);
	assert_int_equal(fetch(rig, rig->a), 0);
	rig->f->stuck = true;
	assert_int_equal(respond_600(rig, gone), -EIO);
	rig->f->nr_pauses = 0;
	/* All that is left are 1000 refusals, and answers. */
	assert_int_equal(rig->b->ops->flush(rig->b), 1000);
	assert_int_equal(
		rig->a->ops->respond(rig->a, &(struct svart_page_response){ 0 }, 1, gone), -EIO);
	assert_true(gone[0]);
	assert_int_equal(rig->f->nr_pauses, 0);
}

static void test_raw_destroy_refuses_what_came_after_the_last_source(void **state)
{
	struct fake_unit *f = fake_unit_create(SVART_IOMMU_UNIT_VTD);
	struct svart_fault_source *s;
	struct svart_fault_raw *raw;

	(void)state;
	assert_int_equal(svart_fault_raw_create(&f->base, &f->unit, &raw), 0);
	assert_int_equal(svart_fault_source_raw_create(raw, 5, &s), 0);
	end(&s);
	vtd_queue(f, vtd_record(5, 1, PASID, R, PAGE_AT(1)));
	vtd_queue(f, vtd_record(5, 1, PASID | LAST, R, PAGE_AT(2)));
	vtd_queue(f, vtd_record(6, 0, PASID | LAST, 0, 0));
	/* Queues that are disabled forget what the unit has not taken. */
	f->pauses = 10;
	svart_fault_raw_destroy(raw);
	assert_int_equal(f->nr_answers, 1);
	assert_answered(f, 0, 5, 1, SVART_VTD_PGR_CODE_INVALID);
	fake_unit_destroy(f);
}

/* --- creation ---------------------------------------------------------------------------------------- */

static void test_raw_create_of_an_unknown_kind_gives_enotsup(void **state)
{
	struct rig *rig = *state;
	struct svart_iommu_unit unit = rig->f->unit;
	struct svart_fault_raw *raw;

	unit.kind = (enum svart_iommu_unit_kind)77;
	assert_int_equal(svart_fault_raw_create(&rig->f->base, &unit, &raw), -ENOTSUP);
}

static void test_raw_create_without_memory_leaves_nothing(void **state)
{
	struct fake_unit *f = fake_unit_create(SVART_IOMMU_UNIT_VTD);
	struct svart_fault_raw *raw;

	(void)state;
	f->mmap_rc = -ENOMEM;
	assert_int_equal(svart_fault_raw_create(&f->base, &f->unit, &raw), -ENOMEM);
	f->mmap_rc = 0;
	f->madvise_rc = -EINVAL;
	assert_int_equal(svart_fault_raw_create(&f->base, &f->unit, &raw), -EINVAL);
	fake_unit_destroy(f);
}

/* --- several threads --------------------------------------------------------------------------------- */

#define THREADS   3
#define PER_ROUND 300
#define ROUNDS    60

struct answerer {
	struct rig *rig;
	unsigned int index;
	pthread_barrier_t *barrier;
	unsigned int sent;
};

/** Answers every request of each round, as the others do; each must go out once. */
static void *answer_all(void *arg)
{
	struct answerer *t = arg;
	struct svart_page_response answers[7];
	bool gone[7];
	unsigned int round, i, n;

	for (round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(t->barrier);
		for (i = 0; i < PER_ROUND; i += n) {
			for (n = 0; n < 7 && i + n < PER_ROUND; n++)
				answers[n] = answer_to(
					&t->rig->out[(i + n + t->index * 100) % PER_ROUND],
					SVART_PAGE_RESPONSE_SUCCESS);
			t->rig->a->ops->respond(t->rig->a, answers, n, gone);
			while (n-- != 0)
				t->sent += !gone[n];
			n = PER_ROUND - i < 7 ? PER_ROUND - i : 7;
		}
		pthread_barrier_wait(t->barrier);
	}
	return NULL;
}

static void test_raw_answers_of_several_threads_go_out_once(void **state)
{
	struct rig *rig = *state;
	struct answerer t[THREADS];
	pthread_barrier_t barrier;
	pthread_t threads[THREADS];
	unsigned int i, round, sent = 0;

	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (i = 0; i < THREADS; i++) {
		t[i] = (struct answerer){ .rig = rig, .index = i, .barrier = &barrier };
		pthread_create(&threads[i], NULL, answer_all, &t[i]);
	}
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < PER_ROUND; i++)
			queue(rig, 5, i, LAST);
		assert_int_equal(fetch(rig, rig->a), PER_ROUND);
		pthread_barrier_wait(&barrier);
		/* Meanwhile the fetch thread refuses what is nobody's, through the same ring. */
		queue(rig, 9, round, LAST);
		assert_int_equal(fetch(rig, rig->b), 0);
		pthread_barrier_wait(&barrier);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sent += t[i].sent;
	}
	pthread_barrier_destroy(&barrier);
	assert_int_equal(sent, ROUNDS * PER_ROUND);
	assert_int_equal(rig->f->nr_answers, ROUNDS * (PER_ROUND + 1));
}

/* --- at random ---------------------------------------------------------------------------------------- */

#define PASIDS 4
#define GROUPS 8
#define STEPS  20000

/** What a device knows: the groups it has not ended yet, and those it waits for. */
struct device {
	bool waits[PASIDS][GROUPS];
	unsigned int nr_sent, nr_seen;
};

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u; /* Knuth's linear congruential generator. */
	return *seed >> 8;
}

/** Sees the answers since the last call: each to a group that waits. */
static void device_see(struct device *d, const struct fake_unit *f)
{
	uint64_t pasid, group;

	for (; d->nr_seen < f->nr_answers; d->nr_seen++) {
		pasid = SVART_FIELD_GET(SVART_VTD_PGR_PASID, f->answers[d->nr_seen][0]);
		group = SVART_FIELD_GET(SVART_VTD_PGR_PRGI, f->answers[d->nr_seen][1]);
		assert_true(pasid < PASIDS && group < GROUPS);
		assert_true(d->waits[pasid][group]);
		d->waits[pasid][group] = false;
	}
}

static void device_send(struct device *d, struct rig *rig, uint32_t *seed)
{
	uint32_t pasid = random_next(seed) % PASIDS, group = random_next(seed) % GROUPS;
	bool last = random_next(seed) % 3 == 0;

	if (d->waits[pasid][group])
		return;
	d->waits[pasid][group] = last;
	d->nr_sent += last;
	queue(rig, pasid, group, last ? LAST : 0);
}

/** Fetches and answers at once, or makes or ends a source. */
static void service_step(struct rig *rig, struct svart_fault_source **s, uint32_t *seed)
{
	uint32_t pasid = random_next(seed) % PASIDS;
	ssize_t n, i;

	if (random_next(seed) % 16 == 0) {
		if (s[pasid] != NULL)
			end(&s[pasid]);
		else
			assert_int_equal(
				svart_fault_source_raw_create(rig->raw, pasid, &s[pasid]), 0);
	} else if (s[pasid] != NULL) {
		n = s[pasid]->ops->fetch(s[pasid], rig->out, random_next(seed) % 20);
		for (i = 0; i < n; i++) {
			assert_int_equal(rig->out[i].pasid, pasid);
			if (rig->out[i].flags & LAST)
				assert_false(respond(s[pasid], &rig->out[i]));
		}
	}
}

static void test_raw_each_last_of_random_traffic_is_answered_once(void **state)
{
	const char *text = getenv("SVART_SEED");
	uint32_t seed = text != NULL ? (uint32_t)strtoul(text, NULL, 0) : (uint32_t)time(NULL);
	struct svart_fault_source *s[PASIDS] = { NULL };
	struct rig *rig = *state;
	struct device d = { 0 };
	unsigned int i;

	printf("SVART_SEED=%u\n", seed);
	for (i = 0; i < STEPS; i++) {
		device_send(&d, rig, &seed);
		if (random_next(&seed) % 4 == 0)
			service_step(rig, s, &seed);
		device_see(&d, rig->f);
	}
	for (i = 0; i < PASIDS; i++)
		if (s[i] != NULL)
			end(&s[i]);
	fetch(rig, rig->a);
	device_see(&d, rig->f);
	assert_int_equal(d.nr_seen, d.nr_sent);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	TEST(test_raw_fetch_sorts_records_by_pasid_in_order),
	TEST(test_raw_fetch_of_a_part_keeps_the_rest_buffered),
	TEST(test_raw_fetch_takes_the_interrupt_and_the_next_record_raises_it),
	TEST(test_raw_full_fifo_leaves_the_rest_in_the_ring),
	TEST(test_raw_ring_wraps_around),
	TEST(test_raw_second_source_of_a_pasid_gives_eexist),
	TEST(test_raw_sources_go_with_one_service),
	TEST(test_raw_source_without_pasid_gets_records_without_one),
	TEST(test_raw_record_of_nobody_is_refused_and_counted),
	TEST(test_raw_stop_marker_of_nobody_is_not_answered),
	TEST(test_raw_record_queued_before_its_source_is_refused),
	TEST(test_raw_group_begun_before_its_source_is_asked_for_again),
	TEST(test_raw_group_begun_for_one_owner_never_reaches_the_next),
	TEST(test_raw_group_id_left_open_by_one_owner_fails_none_of_the_next),
	TEST(test_raw_group_left_in_a_full_ring_by_one_owner_never_reaches_the_next),
	TEST(test_raw_overflow_forgets_which_groups_were_open),
	TEST(test_raw_groups_of_nobody_keep_no_source_from_its_own),
	TEST(test_raw_groups_of_nobody_leave_room_to_remember_an_owners),
	TEST(test_raw_more_groups_than_can_be_remembered_are_delivered),
	TEST(test_raw_stop_marker_ends_no_group),
	TEST(test_raw_answer_is_sent_once),
	TEST(test_raw_group_id_used_again_is_answered_again),
	TEST(test_raw_last_that_comes_twice_is_answered_twice),
	TEST(test_raw_own_answer_does_not_answer_the_group),
	TEST(test_raw_answer_to_what_is_not_owed_is_gone),
	TEST(test_raw_batch_of_answers_takes_one_doorbell),
	TEST(test_raw_full_ring_of_answers_waits_for_the_unit),
	TEST(test_raw_stuck_ring_of_answers_loses_every_source),
	TEST(test_raw_refusals_beyond_the_ring_of_answers_wait_for_the_unit),
	TEST(test_raw_refusals_that_a_unit_does_not_take_lose_every_source),
	TEST(test_raw_lost_requests_keep_no_answer_from_those_that_came_before),
	TEST(test_raw_flush_after_requests_were_lost_answers_what_was_sorted),
	TEST(test_raw_owed_answers_beyond_the_limit_wait_in_the_ring),
	TEST(test_raw_overflow_is_told_once_to_each_source_after_its_records),
	TEST(test_raw_overflow_takes_nothing_before_it_was_told),
	TEST(test_raw_overflow_holds_up_no_answer),
	TEST(test_raw_source_that_begins_in_an_overflow_does_not_tell_it),
	TEST(test_raw_overflow_ends_when_the_last_to_tell_it_is_destroyed),
	TEST(test_raw_overflow_is_told_after_records_that_came_while_it_was_found),
	TEST(test_raw_overflow_ends_when_the_last_to_tell_it_is_flushed),
	TEST(test_raw_second_overflow_is_told_again),
	TEST(test_raw_flush_answers_what_is_owed_and_counts_all),
	TEST(test_raw_flush_answers_requests_for_what_cannot_be),
	TEST(test_raw_source_destroyed_without_a_flush_answers_what_it_holds),
	TEST(test_raw_flush_waits_for_requests_on_their_way),
	TEST(test_raw_drain_brings_requests_on_their_way_to_the_next_fetch),
	TEST(test_raw_answers_to_fetched_groups_are_sent_after_a_flush),
	TEST(test_raw_flush_of_a_group_id_used_again_leaves_the_answer_before_it_owed),
	TEST(test_raw_flush_of_a_stop_marker_leaves_the_answer_of_its_group_id_owed),
	TEST(test_raw_answers_to_flushed_records_are_gone),
	TEST(test_raw_record_after_a_flush_is_refused),
	TEST(test_raw_flush_with_a_full_neighbour_refuses_the_rest_later),
	TEST(test_raw_flush_of_a_stuck_unit_ends),
	TEST(test_raw_stuck_unit_is_waited_for_once),
	cmocka_unit_test(test_raw_destroy_refuses_what_came_after_the_last_source),
	TEST(test_raw_create_of_an_unknown_kind_gives_enotsup),
	TEST(test_raw_create_without_memory_leaves_nothing),
	TEST(test_raw_answers_of_several_threads_go_out_once),
	TEST(test_raw_each_last_of_random_traffic_is_answered_once),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
