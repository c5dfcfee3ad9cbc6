/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The inline calls of queue.h once more, as functions of the library and under the same names. They are for
 * those who cannot compile a header, such as bindings of other languages.
 */

/*
 * The header's functions are static, so the same names would be defined twice here: the header's get other
 * names.
 */
#define svart_queue_prep      inline_prep
#define svart_queue_prep_copy inline_prep_copy
#define svart_queue_prep_fill inline_prep_fill
#define svart_queue_submit    inline_submit
#define svart_queue_poll      inline_poll
#include <svart/queue.h>
#undef svart_queue_prep
#undef svart_queue_prep_copy
#undef svart_queue_prep_fill
#undef svart_queue_submit
#undef svart_queue_poll

SVART_API uint16_t svart_queue_prep(struct svart_queue *q, const struct svart_op *ops, uint16_t nr);
SVART_API uint16_t svart_queue_prep_copy(struct svart_queue *q, void *dst, const void *src,
	uint64_t length, uint32_t flags, uint64_t cookie);
SVART_API uint16_t svart_queue_prep_fill(struct svart_queue *q, void *dst, uint64_t pattern,
	uint64_t length, uint32_t flags, uint64_t cookie);
SVART_API uint16_t svart_queue_submit(struct svart_queue *q);
SVART_API uint16_t svart_queue_poll(
	struct svart_queue *q, struct svart_completion *done, uint16_t nr);

uint16_t svart_queue_prep(struct svart_queue *q, const struct svart_op *ops, uint16_t nr)
{
	return inline_prep(q, ops, nr);
}

uint16_t svart_queue_prep_copy(struct svart_queue *q, void *dst, const void *src, uint64_t length,
	uint32_t flags, uint64_t cookie)
{
	return inline_prep_copy(q, dst, src, length, flags, cookie);
}

uint16_t svart_queue_prep_fill(struct svart_queue *q, void *dst, uint64_t pattern, uint64_t length,
	uint32_t flags, uint64_t cookie)
{
	return inline_prep_fill(q, dst, pattern, length, flags, cookie);
}

uint16_t svart_queue_submit(struct svart_queue *q)
{
	return inline_submit(q);
}

uint16_t svart_queue_poll(struct svart_queue *q, struct svart_completion *done, uint16_t nr)
{
	return inline_poll(q, done, nr);
}

/**
 * Checks that the two have the same type: if the header changes, the exported functions must change with
 * it.
 */
#define SAME(name)                                                                         \
	_Static_assert(__builtin_types_compatible_p(                                       \
			       __typeof__(svart_queue_##name), __typeof__(inline_##name)), \
		#name)

SAME(prep);
SAME(prep_copy);
SAME(prep_fill);
SAME(submit);
SAME(poll);
