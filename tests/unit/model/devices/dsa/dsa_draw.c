/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <string.h>

#include "dsa_draw.h"
#include "op_compare.h"
#include "op_crc.h"
#include "op_delta.h"
#include "op_dif.h"
#include "ops.h"

#define SRC_PAGE   2
#define DST_PAGE   40
#define THIRD_PAGE 80
/* Of operands; with where they begin they end before the next one's pages. */
#define MOST_BYTES 40000
#define MOST_OFF   5000

static uint32_t below(uint64_t *random, uint32_t limit)
{
	return (uint32_t)(rig_random(random) % limit);
}

uint8_t *draw_flat(struct rig *r, unsigned int which, uint64_t va)
{
	static uint8_t buffers[2][DRAW_MAX_BYTES];

	rig_read(r, va, buffers[which], DRAW_MAX_BYTES);
	return buffers[which];
}

static uint8_t *src_of(struct rig *r, const struct drawn *d)
{
	return draw_flat(r, 0, d->desc.src);
}

static uint8_t *dst_of(struct rig *r, const struct drawn *d)
{
	return draw_flat(r, 1, d->desc.dst);
}

/* --- Copies --------------------------------------------------------------------------------------- */

/* Whose record tells no bytes, and may be written with others'. */
static void draw_memmove(struct rig *r, struct drawn *d, uint64_t *random)
{
	if (below(random, 2) == 0)
		d->desc.dst = d->desc.src + below(random, 2 * MOST_OFF) - MOST_OFF;
	d->write[0] = d->desc.dst;
	d->bytes[0] = d->desc.size;
	memcpy(d->want[0], src_of(r, d), d->desc.size);
	d->done = 0;
}

static void draw_fill(struct rig *r, struct drawn *d, uint64_t *random)
{
	(void)r;
	d->desc.pattern = rig_random(random);
	d->write[0] = d->desc.dst;
	d->bytes[0] = d->desc.size;
	svart_op_fill(d->want[0], d->desc.size, d->desc.pattern, 0);
	d->done = 0;
}

static void draw_dualcast(struct rig *r, struct drawn *d, uint64_t *random)
{
	(void)random;
	d->desc.op_specific[0] = rig_page(THIRD_PAGE) + (d->desc.dst & SVART_PAGE_MASK);
	for (unsigned int i = 0; i < 2; i++) {
		d->write[i] = i == 0 ? d->desc.dst : d->desc.op_specific[0];
		d->bytes[i] = d->desc.size;
		memcpy(d->want[i], src_of(r, d), d->desc.size);
	}
}

static void draw_cache_flush(struct rig *r, struct drawn *d, uint64_t *random)
{
	(void)r;
	(void)random;
	d->desc.src = 0;
}

/* --- Results -------------------------------------------------------------------------------------- */

/* Lets the result be checked, against these bits of what is expected. */
static void draw_expected(struct drawn *d, unsigned int word, bool good, uint64_t expected)
{
	rig_flags(&d->desc, SVART_DSA_FLAG_CHECK_RESULT, 0);
	d->desc.op_specific[word] = expected;
	if (!good)
		d->status = SVART_DSA_STATUS_SUCCESS_PREDICATE_FALSE;
}

static void draw_compared(struct drawn *d, uint64_t *random)
{
	uint64_t expected = below(random, 2);

	d->result = d->done != d->desc.size;
	if (below(random, 2) == 0)
		draw_expected(d, 0, d->result == expected, expected);
}

static void draw_compare(struct rig *r, struct drawn *d, uint64_t *random)
{
	uint32_t size = d->desc.size, at = below(random, size);

	rig_write(r, d->desc.dst, src_of(r, d), size);
	*rig_at(r, d->desc.dst + at) ^= (uint8_t)below(random, 2);
	d->done = (uint32_t)svart_op_compare(src_of(r, d), dst_of(r, d), size);
	draw_compared(d, random);
}

static void draw_compare_pattern(struct rig *r, struct drawn *d, uint64_t *random)
{
	static uint8_t filled[DRAW_MAX_BYTES];
	uint32_t size = d->desc.size, at = below(random, size);

	d->desc.dst = rig_random(random);
	svart_op_fill(filled, size, d->desc.dst, 0);
	filled[at] ^= (uint8_t)below(random, 2);
	rig_write(r, d->desc.src, filled, size);
	d->done = (uint32_t)svart_op_compare_pattern(filled, size, d->desc.dst, 0);
	draw_compared(d, random);
}

/* --- CRCs ----------------------------------------------------------------------------------------- */

static void draw_seed(struct rig *r, struct drawn *d, uint32_t seed, uint64_t *random)
{
	if (below(random, 2) == 0) {
		d->desc.op_specific[0] = seed;
		return;
	}
	rig_flags(&d->desc, SVART_DSA_FLAG_READ_SEED, 0);
	d->desc.op_specific[1] = rig_page(THIRD_PAGE) + 8 * below(random, 512);
	rig_write(r, d->desc.op_specific[1], &seed, sizeof(seed));
}

static void draw_crc(struct rig *r, struct drawn *d, uint64_t *random)
{
	uint32_t seed = (uint32_t)rig_random(random);
	unsigned int flags = below(random, 4);

	if ((flags & SVART_CRC_BYPASS_CRC) != 0)
		rig_flags(&d->desc, SVART_DSA_FLAG_BYPASS_CRC, 0);
	if ((flags & SVART_CRC_BYPASS_DATA) != 0)
		rig_flags(&d->desc, SVART_DSA_FLAG_BYPASS_DATA, 0);
	draw_seed(r, d, seed, random);
	d->words[0] = svart_op_crc32c(seed, src_of(r, d), d->desc.size, flags);
	d->desc.dst = 0;
}

static void draw_copy_crc(struct rig *r, struct drawn *d, uint64_t *random)
{
	uint64_t dst = d->desc.dst;

	draw_crc(r, d, random);
	d->desc.dst = dst;
	d->write[0] = dst;
	d->bytes[0] = d->desc.size;
	memcpy(d->want[0], src_of(r, d), d->desc.size);
}

/* --- Delta records -------------------------------------------------------------------------------- */

static void draw_words(struct drawn *d)
{
	d->desc.src &= ~UINT64_C(7);
	d->desc.dst &= ~UINT64_C(7);
	d->desc.size = (d->desc.size + 7) & ~7u;
}

static void draw_create(struct rig *r, struct drawn *d, uint64_t *random)
{
	struct svart_op_delta_create create = { .max_bytes = 80 + below(random, 9000) };
	uint32_t changes = below(random, 700);
	uint64_t expected = below(random, 8);

	draw_words(d);
	rig_write(r, d->desc.dst, src_of(r, d), d->desc.size);
	while (changes-- > 0)
		*rig_at(r, d->desc.dst + below(random, d->desc.size)) ^= 0x55;
	d->write[0] = rig_page(THIRD_PAGE) + 8 * below(random, 512);
	d->desc.op_specific[0] = d->write[0];
	d->desc.op_specific[1] = create.max_bytes;
	svart_op_delta_create(
		&create, src_of(r, d), dst_of(r, d), d->desc.size, d->want[0], sizeof(d->want[0]));
	d->bytes[0] = create.record_bytes;
	d->words[0] = create.record_bytes;
	d->result = (uint8_t)svart_op_delta_result(&create);
	d->done = create.src_bytes;
	if (below(random, 2) == 0)
		draw_expected(d, 2, (expected >> d->result & 1) != 0, expected);
}

/* Makes an entry's offset any other one. */
static void spoil_entry(uint8_t *record, uint32_t bytes, uint64_t *random)
{
	uint32_t at = below(random, bytes / SVART_DELTA_ENTRY_BYTES) * SVART_DELTA_ENTRY_BYTES;

	record[at] = (uint8_t)below(random, 256);
	record[at + 1] = (uint8_t)below(random, 24);
}

/* What the record makes of the destination, which is in want already. */
static void want_applied(struct drawn *d, const uint8_t *record, uint32_t bytes)
{
	struct svart_op_delta_apply apply = { .dst_bytes = d->desc.size };
	const struct svart_delta_window all = { .bytes = d->want[0], .len = d->desc.size };
	enum svart_delta_apply ended = svart_op_delta_apply(&apply, record, bytes, &all);

	d->done = svart_op_delta_applied_bytes(&apply);
	if (ended == SVART_DELTA_NOT_INCREASING)
		d->status = SVART_DSA_STATUS_DELTA_OFFSET_ORDER;
	if (ended == SVART_DELTA_OUT_OF_RANGE)
		d->status = SVART_DSA_STATUS_DELTA_OFFSET_RANGE;
}

static void draw_apply(struct rig *r, struct drawn *d, uint64_t *random)
{
	static uint8_t record[DRAW_MAX_BYTES], other[DRAW_MAX_BYTES];
	struct svart_op_delta_create create = { .max_bytes = DRAW_MAX_BYTES };
	uint32_t changes = 1 + below(random, 300);

	draw_words(d);
	d->write[0] = d->desc.dst;
	d->bytes[0] = d->desc.size;
	memcpy(d->want[0], dst_of(r, d), d->desc.size);
	memcpy(other, d->want[0], d->desc.size);
	while (changes-- > 0)
		other[below(random, d->desc.size)] ^= (uint8_t)(1 + changes % 255);
	other[0] = (uint8_t)~d->want[0][0]; /* One that no other undoes. */
	svart_op_delta_create(&create, d->want[0], other, d->desc.size, record, sizeof(record));
	if (below(random, 3) == 0)
		spoil_entry(record, create.record_bytes, random);
	rig_write(r, d->desc.src, record, create.record_bytes);
	d->desc.op_specific[0] = create.record_bytes;
	want_applied(d, record, create.record_bytes);
}

/* --- Protection information ----------------------------------------------------------------------- */

/* Flags of the destination that are also of the source, and how tags go on. */
#define DIF_GOES_ON (SVART_DIF_SRC_APP_INCREMENTS | SVART_DIF_SRC_REF_FIXED)

static enum svart_dif_kind dif_kind(const struct drawn *d)
{
	switch (d->desc.flags_opcode >> 24) {
	case SVART_DSA_OP_DIF_CHECK:
		return SVART_DIF_CHECK;
	case SVART_DSA_OP_DIF_INSERT:
		return SVART_DIF_INSERT;
	case SVART_DSA_OP_DIF_STRIP:
		return SVART_DIF_STRIP;
	default:
		return SVART_DIF_UPDATE;
	}
}

/* Reference tags often pass 2^32, application tags 2^16. */
static struct svart_tags draw_tags(uint64_t *random)
{
	struct svart_tags tags = { .ref = (uint32_t)rig_random(random),
		.app_mask = (uint16_t)(below(random, 2) * below(random, 65536)),
		.app = (uint16_t)rig_random(random) };

	if (below(random, 2) == 0)
		tags.ref |= 0xfffffffcu;
	if (below(random, 2) == 0)
		tags.app |= 0xfffc;
	return tags;
}

static uint64_t word_of(struct svart_tags tags)
{
	return tags.ref | (uint64_t)tags.app_mask << 32 | (uint64_t)tags.app << 48;
}

static struct svart_op_dif draw_flags(enum svart_dif_kind kind, uint64_t *random)
{
	struct svart_op_dif dif = { .flags = (uint8_t)below(random, 16) };

	if ((kind & SVART_DIF_READS_TUPLES) != 0) {
		dif.src_flags = (uint8_t)below(random, 256);
		dif.src = draw_tags(random);
	}
	if ((kind & SVART_DIF_WRITES_TUPLES) != 0) {
		/* Only update has something to pass on. */
		dif.dst_flags = (uint8_t)(below(random, 256) &
					  (kind == SVART_DIF_UPDATE ? 0xf8u : DIF_GOES_ON));
		dif.dst = draw_tags(random);
	}
	return dif;
}

/* Changes a byte, or makes a tuple one that may escape the checks. */
static void spoil_block(uint8_t *blocks, uint32_t nr, uint32_t bytes, uint64_t *random)
{
	static const uint8_t from[] = { 0, 2, 2 }, to[] = { 8, 4, 8 };
	uint32_t block = below(random, nr) * bytes, form = below(random, 6);
	uint8_t *tuple = blocks + block + bytes - SVART_DIF_TUPLE_BYTES;

	if (form < SVART_ARRAY_SIZE(from))
		memset(tuple + from[form], 0xff, (size_t)(to[form] - from[form]));
	else if (form == SVART_ARRAY_SIZE(from))
		blocks[block + below(random, bytes)] ^= 0x10;
	else if (form == SVART_ARRAY_SIZE(from) + 1)
		tuple[below(random, SVART_DIF_TUPLE_BYTES)] ^= 0x01;
}

/* Blocks as the operation reads them: with tuples that are good, but for one sometimes. */
static void draw_blocks(
	const struct svart_op_dif *dif, bool tuples, uint32_t nr, uint8_t *blocks, uint64_t *random)
{
	static uint8_t plain[DRAW_MAX_BYTES];
	uint32_t data = svart_op_dif_block_bytes(dif->flags);
	struct svart_op_dif insert = {
		.flags = dif->flags, .dst_flags = dif->src_flags & DIF_GOES_ON, .dst = dif->src
	};

	for (uint32_t i = 0; i < nr * data; i++)
		plain[i] = (uint8_t)rig_random(random);
	if (!tuples) {
		memcpy(blocks, plain, nr * data);
		return;
	}
	svart_op_dif_insert(&insert, plain, nr * data, blocks, DRAW_MAX_BYTES);
	spoil_block(blocks, nr, data + SVART_DIF_TUPLE_BYTES, random);
}

static void want_dif(struct drawn *d, struct svart_op_dif *dif, const uint8_t *blocks)
{
	enum svart_dif_kind kind = dif_kind(d);

	if (!svart_op_dif(dif, kind, blocks, d->desc.size, d->want[0], sizeof(d->want[0])))
		d->status = SVART_DSA_STATUS_DIF_ERROR;
	d->result = dif->error;
	d->done = (uint32_t)svart_op_dif_done_src_bytes(dif, kind);
	d->bytes[0] = (uint32_t)svart_op_dif_done_dst_bytes(dif, kind);
	if ((kind & SVART_DIF_READS_TUPLES) != 0)
		d->words[0] = word_of(dif->src);
	if ((kind & SVART_DIF_WRITES_TUPLES) != 0)
		d->words[1] = word_of(dif->dst);
}

static void draw_dif(struct rig *r, struct drawn *d, uint64_t *random)
{
	static uint8_t blocks[DRAW_MAX_BYTES];
	enum svart_dif_kind kind = dif_kind(d);
	struct svart_op_dif dif = draw_flags(kind, random);
	uint32_t bytes = svart_op_dif_src_bytes(kind, dif.flags);
	uint32_t nr = 1 + below(random, MOST_BYTES / (bytes + SVART_DIF_TUPLE_BYTES));

	draw_blocks(&dif, (kind & SVART_DIF_READS_TUPLES) != 0, nr, blocks, random);
	d->desc.size = nr * bytes;
	rig_write(r, d->desc.src, blocks, d->desc.size);
	d->desc.op_specific[0] =
		dif.src_flags | (uint64_t)dif.dst_flags << 8 | (uint64_t)dif.flags << 16;
	d->desc.op_specific[1] = word_of(dif.src);
	d->desc.op_specific[2] = word_of(dif.dst);
	if ((kind & SVART_DIF_WRITES_DATA) != 0)
		d->write[0] = d->desc.dst;
	else
		d->desc.dst = 0;
	want_dif(d, &dif, blocks);
}

/* --- All ------------------------------------------------------------------------------------------ */

static const struct {
	unsigned int opcode;
	void (*draw)(struct rig *r, struct drawn *d, uint64_t *random);
} kinds[] = {
	{ SVART_DSA_OP_MEMMOVE, draw_memmove },
	{ SVART_DSA_OP_FILL, draw_fill },
	{ SVART_DSA_OP_COMPARE, draw_compare },
	{ SVART_DSA_OP_COMPARE_PATTERN, draw_compare_pattern },
	{ SVART_DSA_OP_DUALCAST, draw_dualcast },
	{ SVART_DSA_OP_CACHE_FLUSH, draw_cache_flush },
	{ SVART_DSA_OP_CRC, draw_crc },
	{ SVART_DSA_OP_COPY_CRC, draw_copy_crc },
	{ SVART_DSA_OP_CREATE_DELTA, draw_create },
	{ SVART_DSA_OP_APPLY_DELTA, draw_apply },
	{ SVART_DSA_OP_DIF_CHECK, draw_dif },
	{ SVART_DSA_OP_DIF_INSERT, draw_dif },
	{ SVART_DSA_OP_DIF_STRIP, draw_dif },
	{ SVART_DSA_OP_DIF_UPDATE, draw_dif },
};

unsigned int draw_nr_kinds(void)
{
	return SVART_ARRAY_SIZE(kinds);
}

void draw(struct rig *r, struct drawn *d, unsigned int kind, uint64_t *random)
{
	memset(d, 0, sizeof(*d));
	d->desc = rig_simple(r, 0, kinds[kind].opcode);
	rig_flags(&d->desc, SVART_DSA_FLAG_BOF, 0);
	d->desc.src = rig_page(SRC_PAGE) + below(random, MOST_OFF);
	d->desc.dst = rig_page(DST_PAGE) + below(random, MOST_OFF);
	d->desc.size = 1 + below(random, MOST_BYTES);
	d->status = SVART_DSA_STATUS_SUCCESS;
	d->done = d->desc.size;
	kinds[kind].draw(r, d, random);
}

void draw_check(struct rig *r, const struct drawn *d, const struct svart_dsa_record *record)
{
	if (record->status != d->status)
		print_message("opcode %#x, %u bytes, from %#llx\n", d->desc.flags_opcode >> 24,
			d->desc.size, (unsigned long long)d->desc.src);
	assert_int_equal(record->status, d->status);
	assert_int_equal(record->result, d->result);
	assert_int_equal(record->bytes_completed, d->done);
	assert_int_equal(record->op_specific[0], d->words[0]);
	assert_int_equal(record->op_specific[1], d->words[1]);
	for (unsigned int i = 0; i < 2 && d->write[i] != 0; i++)
		assert_memory_equal(draw_flat(r, i, d->write[i]), d->want[i], d->bytes[i]);
}
