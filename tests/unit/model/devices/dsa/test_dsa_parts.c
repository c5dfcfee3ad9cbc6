/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Any operation, with pages that are missing by chance: at once, waited for, or in parts. An operation that ended
 * early is gone on with as software does it, until all parts together are what runtime/ops makes of it at once.
 */

#include "dsa_draw.h"
#include "op_dif.h"

#define NR_RANDOM 400
/* An operand and its record are in less pages than this: each part brings one. */
#define MOST_PARTS 64

static int setup(void **state)
{
	struct rig *r = rig_create(NULL);

	rig_map(r, 0, RIG_PAGES, RIG_RW);
	rig_start(r, 0, 0);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

/* --- In parts ------------------------------------------------------------------------------------- */

static bool is(const struct svart_dsa_desc *desc, unsigned int opcode)
{
	return desc->flags_opcode >> 24 == opcode;
}

/* A pattern goes on in its middle. */
static uint64_t rotated(uint64_t pattern, uint32_t done)
{
	unsigned int bits = done % 8 * 8;

	return bits == 0 ? pattern : pattern >> bits | pattern << (64 - bits);
}

/* The sum is the seed of what is left. Before anything was summed, the seed is still to be read. */
static void crc_goes_on(struct svart_dsa_desc *desc, const struct svart_dsa_record *record)
{
	if (record->bytes_completed == 0)
		return;
	rig_flags(desc, 0, SVART_DSA_FLAG_READ_SEED);
	desc->op_specific[0] = record->op_specific[0];
	desc->op_specific[1] = 0;
}

/* A destination's blocks are longer or shorter than those of the source; tags are the record's. */
static void dif_goes_on(struct svart_dsa_desc *desc, const struct svart_dsa_record *record,
	enum svart_dif_kind kind)
{
	unsigned int flags = (unsigned int)(desc->op_specific[0] >> 16);
	uint32_t blocks = record->bytes_completed / svart_op_dif_src_bytes(kind, flags);

	desc->src += record->bytes_completed;
	desc->dst += (uint64_t)blocks * svart_op_dif_dst_bytes(kind, flags);
	desc->op_specific[1] = record->op_specific[0];
	desc->op_specific[2] = record->op_specific[1];
}

/* Makes the descriptor one of what is left. Delta records are made, and applied, anew. */
static void goes_on(struct svart_dsa_desc *desc, const struct svart_dsa_record *record)
{
	uint32_t done = record->bytes_completed;

	switch (desc->flags_opcode >> 24) {
	case SVART_DSA_OP_MEMMOVE:
		desc->src += record->result == 0 ? done : 0;
		desc->dst += record->result == 0 ? done : 0;
		break;
	case SVART_DSA_OP_FILL:
		desc->pattern = rotated(desc->pattern, done);
		desc->dst += done;
		break;
	case SVART_DSA_OP_COMPARE_PATTERN:
		desc->src += done;
		desc->dst = rotated(desc->dst, done);
		break;
	case SVART_DSA_OP_COMPARE:
		desc->src += done;
		desc->dst += done;
		break;
	case SVART_DSA_OP_DUALCAST:
		desc->src += done;
		desc->dst += done;
		desc->op_specific[0] += done;
		break;
	case SVART_DSA_OP_CACHE_FLUSH:
		desc->dst += done;
		break;
	case SVART_DSA_OP_CRC:
		desc->src += done;
		crc_goes_on(desc, record);
		break;
	case SVART_DSA_OP_COPY_CRC:
		desc->src += done;
		desc->dst += done;
		crc_goes_on(desc, record);
		break;
	case SVART_DSA_OP_DIF_CHECK:
		dif_goes_on(desc, record, SVART_DIF_CHECK);
		break;
	case SVART_DSA_OP_DIF_INSERT:
		dif_goes_on(desc, record, SVART_DIF_INSERT);
		break;
	case SVART_DSA_OP_DIF_STRIP:
		dif_goes_on(desc, record, SVART_DIF_STRIP);
		break;
	case SVART_DSA_OP_DIF_UPDATE:
		dif_goes_on(desc, record, SVART_DIF_UPDATE);
		break;
	default:
		return;
	}
	desc->size -= done;
}

static bool begins_anew(const struct svart_dsa_desc *desc)
{
	return is(desc, SVART_DSA_OP_CREATE_DELTA) || is(desc, SVART_DSA_OP_APPLY_DELTA);
}

/* A record of success says of these no bytes. */
static bool tells_no_bytes(const struct svart_dsa_desc *desc)
{
	return is(desc, SVART_DSA_OP_MEMMOVE) || is(desc, SVART_DSA_OP_FILL);
}

static bool faulted(const struct svart_dsa_record *record)
{
	unsigned int code = record->status & SVART_DSA_STATUS_CODE;

	return code == SVART_DSA_STATUS_PAGE_FAULT || code == SVART_DSA_STATUS_PAGE_FAULT_RESPONSE;
}

/* The page that the record names was missing, or refused; now it is there. */
static void give(struct rig *r, const struct svart_dsa_record *record, bool blocks)
{
	unsigned int page = (unsigned int)((record->fault_addr - RIG_VA) / SVART_PAGE_SIZE);
	unsigned int access = (record->status & SVART_DSA_STATUS_WRITE) != 0 ? RIG_W : RIG_R;

	assert_int_equal(record->status & SVART_DSA_STATUS_CODE,
		blocks ? SVART_DSA_STATUS_PAGE_FAULT_RESPONSE : SVART_DSA_STATUS_PAGE_FAULT);
	assert_in_range(page, 0, RIG_RECORDS_PAGE - 1);
	assert_int_not_equal((blocks ? r->allowed : r->present)[page] & access, access);
	rig_allow(r, page, 1, RIG_RW);
	rig_map(r, page, 1, RIG_RW);
}

/* Does it in parts, and makes the last one's record one of all. */
static struct svart_dsa_record do_parts(struct rig *r, const struct drawn *d, unsigned int *parts)
{
	bool blocks = (d->desc.flags_opcode & SVART_DSA_FLAG_BOF) != 0;
	struct svart_dsa_desc desc = d->desc;
	struct svart_dsa_record record;
	uint32_t before = 0;

	for (*parts = 1;; ++*parts) {
		assert_in_range(*parts, 1, MOST_PARTS);
		rig_write(r, desc.completion_addr, &(struct svart_dsa_record){ 0 }, sizeof(record));
		r->nr_groups = 0;
		record = rig_do(r, 0, &desc);
		if (!faulted(&record))
			break;
		give(r, &record, blocks);
		if (!begins_anew(&desc))
			before += record.bytes_completed;
		goes_on(&desc, &record);
	}
	if (!tells_no_bytes(&desc))
		record.bytes_completed += before;
	return record;
}

/* --- Pages ---------------------------------------------------------------------------------------- */

/* Which pages are there, and which may come: all but the records'. */
static void take_pages(struct rig *r, uint64_t *random, bool refused)
{
	static const unsigned int some[] = { RIG_NONE, RIG_R, RIG_RW, RIG_RW };

	rig_allow(r, 0, RIG_PAGES, RIG_RW);
	for (unsigned int page = 0; page < RIG_RECORDS_PAGE; page++) {
		unsigned int access = some[rig_random(random) % SVART_ARRAY_SIZE(some)];

		rig_map(r, page, 1, access);
		if (refused && rig_random(random) % 2 == 0)
			rig_allow(r, page, 1, access);
	}
}

/* Runs operations of all kinds. @return parts that they had beside one each. */
static unsigned int run(struct rig *r, uint64_t random, bool blocks, bool refused)
{
	static struct drawn d;
	unsigned int more = 0, parts;

	for (unsigned int i = 0; i < NR_RANDOM; i++) {
		struct svart_dsa_record record;

		rig_random_bytes(r, &random);
		draw(r, &d, i % draw_nr_kinds(), &random);
		if (!blocks)
			rig_flags(&d.desc, 0, SVART_DSA_FLAG_BOF);
		take_pages(r, &random, refused);
		record = do_parts(r, &d, &parts);
		draw_check(r, &d, &record);
		more += parts - 1;
	}
	return more;
}

static void test_operations_that_wait_for_pages_are_whole(void **state)
{
	assert_int_equal(run(*state, rig_seed(), true, false), 0);
}

static void test_parts_between_missing_pages_are_the_whole(void **state)
{
	assert_true(run(*state, rig_seed(), false, false) > NR_RANDOM);
}

static void test_parts_between_refused_pages_are_the_whole(void **state)
{
	assert_true(run(*state, rig_seed(), true, true) > NR_RANDOM);
}

#define PARTS_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PARTS_TEST(test_operations_that_wait_for_pages_are_whole),
		PARTS_TEST(test_parts_between_missing_pages_are_the_whole),
		PARTS_TEST(test_parts_between_refused_pages_are_the_whole),
	};

	return cmocka_run_group_tests_name("dsa_parts", tests, NULL, NULL);
}
