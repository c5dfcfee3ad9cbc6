/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIZED_H
#define SVART_SIZED_H

/**
 * @file
 * Structures of the public headers that carry their size, and so can grow: these functions copy them in from
 * programs of other versions, and out to them.
 *
 * The size is the first member, a uint32_t, and is a multiple of 8. Newer members are at the end.
 */

#include <stddef.h>
#include <stdint.h>

/** The largest size that is accepted; a larger number is memory that the program has not set. */
#define SVART_SIZED_MAX_BYTES 4096

/** Description of such a structure. Constant. */
struct svart_sized {
	const char *name;  /**< "struct svart_queue_params". */
	const char *macro; /**< The macro that sets the size: "SVART_QUEUE_PARAMS_INIT". */
	uint32_t size;     /**< Bytes of the present version. */
	uint32_t first;    /**< Bytes of the first version. */
};

/**
 * Makes a struct svart_sized from the tag of the structure, its first version's last member, and its macro.
 */
#define SVART_SIZED(tag, last, init)                                                   \
	{                                                                              \
		.name = "struct " #tag, .macro = #init, .size = sizeof(struct tag),    \
		.first = offsetof(struct tag, last) + sizeof(((struct tag *)0)->last), \
	}

/**
 * Copies a program's structure into the library's own, and fills all of it. Members that the program's
 * version did not have yet become 0, which means the default.
 *
 * @param known out: s->size bytes.
 * @param given the program's; NULL: all defaults. A size of 0 means the size of its first version.
 * @return 0, or told: -EINVAL its size cannot be; -E2BIG it is larger than the library's, and is not 0 beyond
 *         that.
 * @thread any. @blocks never.
 */
int svart_sized_in(const struct svart_sized *s, void *known, const void *given);

/** Checks whether a program's structure can be written to. @return 0; -EINVAL its size cannot be, told. */
int svart_sized_check(const struct svart_sized *s, const void *given);

/**
 * Copies to a program as much as its structure has room for, and 0 into the rest of a larger one. Its size
 * stays as it is.
 *
 * @param known the library's own, s->size bytes.
 * @return 0; -EINVAL its size cannot be, told; in that case nothing is written.
 * @thread any. @blocks never.
 */
int svart_sized_out(const struct svart_sized *s, void *given, const void *known);

#endif
