/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* CRC generation, and copy with CRC (DSA spec 8.3.12, 8.3.13). */

#include <string.h>

#include "bits.h"
#include "dsa_work.h"
#include "op_crc.h"

#define FLAGS_CRC                                                                             \
	(uint32_t)(SVART_DSA_FLAG_BOF | SVART_DSA_FLAG_ADDR1_TCS | SVART_DSA_FLAG_READ_SEED | \
		   SVART_DSA_FLAG_BYPASS_CRC | SVART_DSA_FLAG_BYPASS_DATA |                   \
		   SVART_DSA_FLAG_ADDR3_TCS)
#define FLAGS_COPY                                                                               \
	(FLAGS_CRC |                                                                             \
		(uint32_t)(SVART_DSA_FLAG_CC | SVART_DSA_FLAG_ADDR2_TCS | SVART_DSA_FLAG_STORD | \
			   SVART_DSA_FLAG_DRDBK | SVART_DSA_FLAG_DSTS))

/* op_specific: the seed; the address that it is read from with READ_SEED. */
#define SEED       SVART_MASK(31, 0)
#define SEED_BYTES 4u
#define SEED_ALIGN 8u

static bool reads_seed(const struct dsa_engine *e)
{
	return svart_dsa_engine_flag(e, SVART_DSA_FLAG_READ_SEED);
}

static unsigned int check_crc(const struct dsa_engine *e)
{
	if (!reads_seed(e))
		return SVART_DSA_STATUS_SUCCESS;
	return e->desc.op_specific[1] % SEED_ALIGN == 0 ? SVART_DSA_STATUS_SUCCESS
							: SVART_DSA_STATUS_ADDRESS_ALIGN;
}

static unsigned int check_copy(const struct dsa_engine *e)
{
	if (svart_dsa_overlap(e->desc.src, e->desc.size, e->desc.dst, e->desc.size))
		return SVART_DSA_STATUS_OVERLAP;
	return check_crc(e);
}

static void begin_crc(struct dsa_engine *e)
{
	e->work.crc = (uint32_t)SVART_FIELD_GET(SEED, e->desc.op_specific[0]);
	e->work.seeded = !reads_seed(e);
}

static void plan_seed(const struct dsa_engine *e, struct dsa_unit *unit)
{
	svart_dsa_place(unit, e->desc.op_specific[1], SEED_BYTES, SEED_BYTES, DSA_WAY_READ);
}

static void plan_crc(const struct dsa_engine *e, struct dsa_unit *unit)
{
	uint32_t left = e->desc.size - e->done;
	uint64_t src = e->desc.src + e->done;

	if (!e->work.seeded)
		plan_seed(e, unit);
	else
		svart_dsa_place(unit, src, left, svart_dsa_in_page(src, left), DSA_WAY_READ);
}

static void plan_copy(const struct dsa_engine *e, struct dsa_unit *unit)
{
	uint32_t left = e->desc.size - e->done, len;
	uint64_t src = e->desc.src + e->done, dst = e->desc.dst + e->done;

	if (!e->work.seeded) {
		plan_seed(e, unit);
		return;
	}
	len = svart_dsa_in_page(dst, svart_dsa_in_page(src, left));
	svart_dsa_place(unit, src, left, len, DSA_WAY_READ);
	/* What was read is written. */
	svart_dsa_place(unit, dst, left, len, DSA_WAY_WRITE)->bytes = unit->room[0];
}

static unsigned int crc_flags(const struct dsa_engine *e)
{
	unsigned int flags = 0;

	if (svart_dsa_engine_flag(e, SVART_DSA_FLAG_BYPASS_CRC))
		flags |= SVART_CRC_BYPASS_CRC;
	if (svart_dsa_engine_flag(e, SVART_DSA_FLAG_BYPASS_DATA))
		flags |= SVART_CRC_BYPASS_DATA;
	return flags;
}

static void work_crc(const struct dsa_engine *e, struct dsa_work *work, struct dsa_unit *unit)
{
	const struct dsa_place *src = &unit->places[0];

	if (!work->seeded) {
		memcpy(&work->crc, src->bytes, SEED_BYTES);
		work->seeded = true;
		return;
	}
	work->crc = svart_op_crc32c(work->crc, src->bytes, src->len, crc_flags(e));
	unit->done = src->len;
	work->over = e->done + unit->done == e->desc.size;
}

static void tell_crc(const struct dsa_engine *e, struct svart_dsa_record *record)
{
	record->op_specific[0] = e->work.crc;
}

const struct dsa_op svart_dsa_op_crc = {
	.flags = FLAGS_CRC,
	.words = { SEED, UINT64_MAX },
	.no_dst = true,
	.check = check_crc,
	.begin = begin_crc,
	.plan = plan_crc,
	.work = work_crc,
	.tell = tell_crc,
};

const struct dsa_op svart_dsa_op_copy_crc = {
	.flags = FLAGS_COPY,
	.words = { SEED, UINT64_MAX },
	.check = check_copy,
	.begin = begin_crc,
	.plan = plan_copy,
	.work = work_crc,
	.tell = tell_crc,
};
