/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/**
 * @file
 * The DSA model under descriptors, lists and records of any contents, on the bus of its unit tests, which looks at
 * each access: the page must be present, and let it. Nothing may hang, and afterwards the device still drains.
 *
 * Input: a byte of options, then steps, each a letter and its operands.
 *
 *     d DESC              submit 64 bytes, their addresses folded into memory
 *     r DESC              submit 64 bytes as they are
 *     w PAGE OFF LEN ...  write LEN bytes at 16 * OFF of a page: lists, delta records, protected blocks
 *     m PAGE NR ACCESS    map NR pages for RIG_R and RIG_W, or take them away
 *     a PAGE NR ACCESS    what a page request may map
 *     s                   let the device work, and answer its page requests
 *     c COMMAND OPERAND   a command
 */

#include <string.h>

#include "dsa_rig.h"
#include "fuzz.h"

/** Steps that are carried out. */
#define MAX_STEPS 64
/** The most bytes of one operation: a program's memory is larger than the rig's. */
#define MAX_BYTES 0x3ffffu
/** An operand of a batch's or an operation's command register. */
#define OPERAND 0x30003u

enum option {
	OPTION_NO_ATS = 1 << 0,
	OPTION_NO_PRI = 1 << 1,
	OPTION_NO_BOF = 1 << 2, /**< The queue does not let descriptors block. */
	OPTION_SHARED = 1 << 3,
};

static void start(struct rig *r, uint8_t options)
{
	rig_map(r, 0, RIG_PAGES, RIG_RW);
	rig_allow(r, 0, RIG_PAGES, RIG_RW);
	r->ats = (options & OPTION_NO_ATS) == 0;
	r->pri = (options & OPTION_NO_PRI) == 0;
	if ((options & OPTION_SHARED) != 0)
		rig_start_shared(r);
	else
		rig_start(r, 0,
			(options & OPTION_NO_BOF) != 0 ? (uint32_t)SVART_DSA_WQCFG2_BLOCK_ON_FAULT
						       : 0);
}

/* Lets the device work to its end, with an answer to each group. */
static void serve(struct rig *r)
{
	do {
		rig_run(r);
		/* All that was asked for was answered. */
		if (r->requests_open == 0)
			r->nr_groups = 0;
	} while (rig_serve(r));
}

static void fold(uint64_t *addr)
{
	*addr = RIG_VA + *addr % RIG_BYTES;
}

static void submit(struct rig *r, struct fuzz_input *in, bool shared, bool raw)
{
	struct svart_dsa_desc desc;

	fuzz_bytes(in, &desc, sizeof(desc));
	desc.size &= MAX_BYTES;
	if (!raw) {
		fold(&desc.src);
		fold(&desc.dst);
		fold(&desc.op_specific[0]);
		desc.completion_addr = rig_record_va((unsigned int)desc.completion_addr % 64) |
				       (desc.completion_addr >> 63);
	}
	if (shared)
		rig_enqueue(r, 0, SVART_DSA_PORTAL_MSIX_UNLIMITED, &desc);
	else
		rig_submit(r, 0, &desc);
}

static unsigned int page_of(struct fuzz_input *in)
{
	return fuzz_u8(in) % RIG_PAGES;
}

static void put(struct rig *r, struct fuzz_input *in)
{
	uint64_t va = rig_page(page_of(in)) + 16u * fuzz_u8(in);
	uint8_t bytes[256], len = fuzz_u8(in);

	fuzz_bytes(in, bytes, len);
	if (va + len <= RIG_VA + RIG_BYTES)
		rig_write(r, va, bytes, len);
}

static void set_pages(struct rig *r, struct fuzz_input *in, bool allow)
{
	unsigned int page = page_of(in), nr = fuzz_u8(in) % (RIG_PAGES - page + 1);
	unsigned int access = fuzz_u8(in) & RIG_RW;

	if (allow)
		rig_allow(r, page, nr, access);
	else
		rig_map(r, page, nr, access);
}

static void step(struct rig *r, struct fuzz_input *in, bool shared)
{
	uint8_t letter = fuzz_u8(in);

	if (letter == 'd' || letter == 'r')
		submit(r, in, shared, letter == 'r');
	else if (letter == 'w')
		put(r, in);
	else if (letter == 'm' || letter == 'a')
		set_pages(r, in, letter == 'a');
	else if (letter == 's')
		serve(r);
	else if (letter == 'c') {
		unsigned int code = fuzz_u8(in);

		rig_cmd(r, code, fuzz_u32(in) & OPERAND);
	}
}

/* What was begun ends: no engine holds anything back. */
static void check_drains(struct rig *r)
{
	serve(r);
	if (SVART_FIELD_GET(SVART_DSA_GENSTS_STATE, rig_reg32(r, SVART_DSA_GENSTS_OFF)) ==
		SVART_DSA_STATE_ENABLED)
		rig_cmd(r, SVART_DSA_CMD_DRAIN_ALL, 0);
	serve(r);
	FUZZ_CHECK((rig_reg32(r, SVART_DSA_CMDSTS_OFF) & SVART_DSA_CMDSTS_ACTIVE) == 0,
		rig_reg32(r, SVART_DSA_CMDSTS_OFF), 0);
	FUZZ_CHECK(r->requests_open == 0, r->requests_open, r->nr_groups);
}

void fuzz_one(struct fuzz_input *in)
{
	uint8_t options = fuzz_u8(in);
	struct rig *r = rig_create(NULL);

	start(r, options);
	for (unsigned int i = 0; i < MAX_STEPS && in->left > 0; i++)
		step(r, in, (options & OPTION_SHARED) != 0);
	check_drains(r);
	rig_destroy(r);
}
