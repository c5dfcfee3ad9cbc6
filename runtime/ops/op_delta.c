/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <stdbool.h>

#include "op_compare.h"
#include "op_delta.h"
#include "own_copy.h"

#define WORD_BYTES   SVART_DELTA_WORD_BYTES
#define ENTRY_BYTES  SVART_DELTA_ENTRY_BYTES
#define OFFSET_BYTES 2

_Static_assert(OFFSET_BYTES + WORD_BYTES == ENTRY_BYTES, "an entry is an offset and a word");
_Static_assert(SVART_DELTA_MAX_BYTES == (UINT16_MAX + 1) * WORD_BYTES, "its offset has 16 bits");

static void word_copy(void *to, const void *from)
{
	*(svart_any_word *)to = *(const svart_any_word *)from;
}

/* --- Create ------------------------------------------------------------------------------------ */

/* Writes what it can of the entry. Returns whether that was all. */
static bool entry_write(struct svart_op_delta_create *create, uint8_t **record, size_t *room)
{
	size_t len = create->entry_left < *room ? create->entry_left : *room;

	svart_own_copy(*record, create->entry + ENTRY_BYTES - create->entry_left, len);
	*record += len;
	*room -= len;
	create->record_bytes += (uint32_t)len;
	create->entry_left = (uint8_t)(create->entry_left - len);
	return create->entry_left == 0;
}

/* Makes the entry of the word at src_bytes. Returns false if the record has no room for it. */
static bool entry_make(struct svart_op_delta_create *create, const uint8_t *word)
{
	uint32_t number = create->src_bytes / WORD_BYTES;

	if (create->max_bytes - create->record_bytes < ENTRY_BYTES) {
		create->too_small = 1;
		return false;
	}
	create->entry[0] = (uint8_t)number;
	create->entry[1] = (uint8_t)(number >> 8);
	word_copy(create->entry + OFFSET_BYTES, word);
	create->entry_left = ENTRY_BYTES;
	return true;
}

void svart_op_delta_create(struct svart_op_delta_create *create, const void *src1, const void *src2,
	size_t len, void *record, size_t room)
{
	const uint8_t *one = src1, *other = src2;
	uint8_t *to = record;
	size_t at = 0;

	if (!entry_write(create, &to, &room) || create->too_small != 0)
		return;
	while (at < len) {
		size_t equal = svart_op_compare(one + at, other + at, len - at);

		equal -= equal % WORD_BYTES;
		at += equal;
		create->src_bytes += (uint32_t)equal;
		if (at >= len || !entry_make(create, other + at))
			return;
		at += WORD_BYTES;
		create->src_bytes += WORD_BYTES;
		if (!entry_write(create, &to, &room))
			return;
	}
}

enum svart_delta_result svart_op_delta_result(const struct svart_op_delta_create *create)
{
	if (create->too_small != 0)
		return SVART_DELTA_TOO_SMALL;
	return create->record_bytes == 0 ? SVART_DELTA_EQUAL : SVART_DELTA_DIFFERS;
}

uint32_t svart_op_delta_whole_bytes(const struct svart_op_delta_create *create)
{
	return create->record_bytes - create->record_bytes % ENTRY_BYTES;
}

uint32_t svart_op_delta_done_bytes(const struct svart_op_delta_create *create)
{
	return create->src_bytes - (create->entry_left != 0 ? WORD_BYTES : 0);
}

/* --- Apply ------------------------------------------------------------------------------------- */

/* Reads what there is of the next entry. Returns whether it is whole. */
static bool entry_read(struct svart_op_delta_apply *apply, const uint8_t **record, size_t *len)
{
	size_t lacks = ENTRY_BYTES - apply->entry_bytes;

	if (lacks > *len)
		lacks = *len;
	svart_own_copy(apply->entry + apply->entry_bytes, *record, lacks);
	*record += lacks;
	*len -= lacks;
	apply->record_bytes += (uint32_t)lacks;
	apply->entry_bytes = (uint8_t)(apply->entry_bytes + lacks);
	return apply->entry_bytes == ENTRY_BYTES;
}

static enum svart_delta_apply entry_apply(
	struct svart_op_delta_apply *apply, const struct svart_delta_window *window)
{
	uint32_t offset = ((uint32_t)apply->entry[0] | (uint32_t)apply->entry[1] << 8) * WORD_BYTES;

	apply->offset = offset;
	if (offset < apply->least)
		return SVART_DELTA_NOT_INCREASING;
	if (apply->dst_bytes < WORD_BYTES || offset > apply->dst_bytes - WORD_BYTES)
		return SVART_DELTA_OUT_OF_RANGE;
	if (offset < window->offset || window->len < WORD_BYTES ||
		offset - window->offset > window->len - WORD_BYTES)
		return SVART_DELTA_OUTSIDE;
	word_copy(
		(uint8_t *)window->bytes + (offset - window->offset), apply->entry + OFFSET_BYTES);
	apply->least = offset + WORD_BYTES;
	apply->entry_bytes = 0;
	return SVART_DELTA_APPLIED;
}

enum svart_delta_apply svart_op_delta_apply(struct svart_op_delta_apply *apply, const void *record,
	size_t len, const struct svart_delta_window *window)
{
	enum svart_delta_apply state = SVART_DELTA_APPLIED;
	const uint8_t *from = record;

	while (state == SVART_DELTA_APPLIED && entry_read(apply, &from, &len))
		state = entry_apply(apply, window);
	return state;
}
