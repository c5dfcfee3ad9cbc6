/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Completion records, and SWERR for what no record can tell (DSA spec 5.2, 9.2.19). Those of success may
 * wait until the end of the step, for one another.
 */

#include <errno.h>

#include "bits.h"
#include "dsa_internal.h"

struct dsa_origin svart_dsa_engine_origin(const struct dsa *d, const struct dsa_engine *e)
{
	return (struct dsa_origin){
		.pasid = e->pasid,
		.wq = (uint8_t)(e->wq - d->wqs),
		.opcode = (uint8_t)SVART_FIELD_GET(SVART_DSA_DESC_OPCODE, e->desc.flags_opcode),
	};
}

void svart_dsa_origin_swerr(struct dsa *d, const struct dsa_origin *origin, unsigned int status,
	uint32_t invalid_flags, uint64_t fault_addr)
{
	uint64_t word0 = SVART_DSA_SWERR0_DESC_VALID | SVART_DSA_SWERR0_WQ_VALID |
			 SVART_FIELD_PREP(SVART_DSA_SWERR0_ERROR,
				 SVART_FIELD_GET(SVART_DSA_STATUS_CODE, status)) |
			 SVART_FIELD_PREP(SVART_DSA_SWERR0_WRITE,
				 SVART_FIELD_GET(SVART_DSA_STATUS_WRITE, status)) |
			 SVART_FIELD_PREP(SVART_DSA_SWERR0_WQ, origin->wq) |
			 SVART_FIELD_PREP(SVART_DSA_SWERR0_OPCODE, origin->opcode);

	if (origin->pasid != SVART_BUS_NO_PASID)
		word0 |= SVART_FIELD_PREP(SVART_DSA_SWERR0_PASID, origin->pasid);
	svart_dsa_swerr(d, word0, SVART_FIELD_PREP(SVART_DSA_SWERR1_INVALID_FLAGS, invalid_flags),
		fault_addr);
}

/* What came of a write. Returns whether the device goes on. */
static bool record_written(
	struct dsa *d, const struct dsa_origin *origin, uint64_t completion_addr, int rc)
{
	if (rc == -EPERM) {
		svart_dsa_halt(d);
		return false;
	}
	if (rc < 0)
		svart_dsa_origin_swerr(d, origin,
			SVART_DSA_STATUS_RECORD_TRANSLATION | (unsigned int)SVART_DSA_STATUS_WRITE,
			0, completion_addr);
	return true;
}

/* By untranslated requests: first the rest, then the status byte. */
static int write_untranslated(
	struct dsa *d, const struct dsa_engine *e, const struct svart_dsa_record *record)
{
	const struct svart_bus_ops *ops = d->bus->ops;
	int rc = ops->dma_write(d->bus, e->pasid, e->desc.completion_addr + 1,
		(const uint8_t *)record + 1, sizeof(*record) - 1);

	if (rc < 0)
		return rc;
	/* Orders the record before its status; pairs with the program's acquire. */
	atomic_thread_fence(memory_order_release);
	return ops->dma_write(d->bus, e->pasid, e->desc.completion_addr, record, 1);
}

/* As svart_dsa_atc_run(). */
static int64_t record_translate(struct dsa *d, struct dsa_engine *e, uint64_t *translated)
{
	const struct dsa_span span = {
		.addr = e->desc.completion_addr,
		.ahead = SVART_DSA_RECORD_BYTES,
		.write = true,
		.recent = &e->recent[DSA_RECENT_RECORD],
	};

	if (e->untranslated)
		return -EOPNOTSUPP;
	return svart_dsa_atc_run(d, e->pasid, &span, SVART_DSA_RECORD_BYTES, translated);
}

bool svart_dsa_record_write(
	struct dsa *d, struct dsa_engine *e, const struct svart_dsa_record *record)
{
	const struct dsa_origin origin = svart_dsa_engine_origin(d, e);
	uint64_t translated;
	int64_t run = record_translate(d, e, &translated);
	int rc;

	svart_dsa_records_flush(d);
	if (run == -EOPNOTSUPP)
		rc = write_untranslated(d, e, record);
	else if (run <= 0)
		rc = run == 0 ? -EFAULT : (int)run;
	else
		rc = d->bus->ops->write_record(d->bus, translated, record, sizeof(*record));
	return record_written(d, &origin, e->desc.completion_addr, rc);
}

bool svart_dsa_record_later(struct dsa *d, struct dsa_engine *e)
{
	struct dsa_late *late = &d->late[d->nr_late];

	if (d->nr_late == DSA_MAX_BURST || record_translate(d, e, &late->translated) <= 0)
		return false;
	late->completion_addr = e->desc.completion_addr;
	late->origin = svart_dsa_engine_origin(d, e);
	d->nr_late++;
	return true;
}

void svart_dsa_records_flush(struct dsa *d)
{
	static const struct svart_dsa_record record = { .status = SVART_DSA_STATUS_SUCCESS };
	uint32_t nr = d->nr_late;

	/* Not again from within, when a write ends in svart_dsa_halt(). */
	d->nr_late = 0;
	/* The first one last: who waits for it takes its cache line away again and again. */
	while (nr-- > 0) {
		const struct dsa_late *late = &d->late[nr];
		int rc = d->bus->ops->write_record(
			d->bus, late->translated, &record, sizeof(record));

		if (!record_written(d, &late->origin, late->completion_addr, rc))
			return;
	}
}
