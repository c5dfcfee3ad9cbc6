/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "sized.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "error.h"

/** All sizes are multiples of this, the largest alignment of a member. */
#define ALIGNMENT 8

static uint32_t size_of(const void *given)
{
	uint32_t size;

	memcpy(&size, given, sizeof(size));
	return size;
}

int svart_sized_check(const struct svart_sized *s, const void *given)
{
	uint32_t size = size_of(given);

	if (size >= s->first && size <= SVART_SIZED_MAX_BYTES && size % ALIGNMENT == 0)
		return 0;
	return svart_fail(-EINVAL,
		"%s has size %" PRIu32
		", which it never had: initialise it by %s(), which sets the size",
		s->name, size, s->macro);
}

static int check_beyond(const struct svart_sized *s, const void *given)
{
	const unsigned char *bytes = given;
	uint32_t size = size_of(given), i;

	for (i = s->size; i < size; i++) {
		if (bytes[i] != 0)
			return svart_fail(-E2BIG,
				"%s has size %" PRIu32 ", of which this svart knows %" PRIu32
				" bytes, and byte %" PRIu32
				" is not 0: leave out what is newer, or use a newer svart",
				s->name, size, s->size, i);
	}
	return 0;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/** Finds how many bytes a program's structure has. @return 0 or -errno, told. */
static int size_in(const struct svart_sized *s, const void *given, uint32_t *size)
{
	int rc;

	*size = size_of(given);
	if (*size == 0) {
		/*
		 * A program that sets no size knows only the first version, or wants defaults for the rest.
		 */
		*size = s->first;
		return 0;
	}
	rc = svart_sized_check(s, given);
	return rc == 0 ? check_beyond(s, given) : rc;
}

int svart_sized_in(const struct svart_sized *s, void *known, const void *given)
{
	uint32_t size;
	int rc;

	memset(known, 0, s->size);
	if (given != NULL) {
		rc = size_in(s, given, &size);
		if (rc != 0)
			return rc;
		memcpy(known, given, smaller(s->size, size));
	}
	memcpy(known, &s->size, sizeof(s->size));
	return 0;
}

int svart_sized_out(const struct svart_sized *s, void *given, const void *known)
{
	uint32_t size = size_of(given), both = smaller(s->size, size);
	unsigned char *to = given;
	int rc = svart_sized_check(s, given);

	if (rc != 0)
		return rc;
	memcpy(to + sizeof(size), (const unsigned char *)known + sizeof(size), both - sizeof(size));
	memset(to + both, 0, size - both);
	return 0;
}
