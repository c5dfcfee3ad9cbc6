/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "fuzz.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_bytes(struct fuzz_input *in, void *out, size_t nr)
{
	size_t there = nr < in->left ? nr : in->left;

	memset(out, 0, nr);
	if (there == 0)
		return;
	memcpy(out, in->data, there);
	in->data += there;
	in->left -= there;
}

uint8_t fuzz_u8(struct fuzz_input *in)
{
	uint8_t value;

	fuzz_bytes(in, &value, sizeof(value));
	return value;
}

uint16_t fuzz_u16(struct fuzz_input *in)
{
	uint16_t value;

	fuzz_bytes(in, &value, sizeof(value));
	return value;
}

uint32_t fuzz_u32(struct fuzz_input *in)
{
	uint32_t value;

	fuzz_bytes(in, &value, sizeof(value));
	return value;
}

uint64_t fuzz_u64(struct fuzz_input *in)
{
	uint64_t value;

	fuzz_bytes(in, &value, sizeof(value));
	return value;
}

void fuzz_fail(const char *file, int line, const char *condition, uint64_t a, uint64_t b)
{
	fprintf(stderr, "%s:%d: this does not hold: %s (%" PRIu64 ", %" PRIu64 ")\n", file, line,
		condition, a, b);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	fuzz_one(&in);
	return 0;
}
