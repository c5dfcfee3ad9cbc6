/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * How operations end: completion records, SWERR for what no record can tell, interrupts (DSA spec 5.2,
 * 9.2.19). Records of success may wait until the end of the step, for one another.
 */

#include <errno.h>

#include "bits.h"
#include "dsa_work.h"

/* What asks for a record, or for more than that. */
#define FLAGS_NOTICE (SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR | SVART_DSA_FLAG_RCI)

struct dsa_origin svart_dsa_engine_origin(const struct dsa *d, const struct dsa_engine *e)
{
	return (struct dsa_origin){
		.pasid = e->pasid,
		.wq = (uint8_t)(e->wq - d->wqs),
		.opcode = (uint8_t)svart_dsa_engine_opcode(e),
		.priv = e->priv,
		.in_batch = svart_dsa_engine_in_batch(e),
		.batch_index = svart_dsa_engine_in_batch(e) ? (uint16_t)(e->batch.next - 1) : 0,
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
			 SVART_FIELD_PREP(SVART_DSA_SWERR0_BATCH, origin->in_batch) |
			 SVART_FIELD_PREP(SVART_DSA_SWERR0_PRIV, origin->priv) |
			 SVART_FIELD_PREP(SVART_DSA_SWERR0_WQ, origin->wq) |
			 SVART_FIELD_PREP(SVART_DSA_SWERR0_OPCODE, origin->opcode);

	if (origin->pasid != SVART_BUS_NO_PASID)
		word0 |= SVART_FIELD_PREP(SVART_DSA_SWERR0_PASID, origin->pasid);
	svart_dsa_swerr(d, word0,
		SVART_FIELD_PREP(SVART_DSA_SWERR1_BATCH_IDX, origin->batch_index) |
			SVART_FIELD_PREP(SVART_DSA_SWERR1_INVALID_FLAGS, invalid_flags),
		fault_addr);
}

/* What came of a write. Returns whether the device goes on. */
static bool record_written(
	struct dsa *d, const struct dsa_origin *origin, uint64_t completion_addr, int rc)
{
	if (rc == -EPERM) {
		svart_dsa_master_lost(d);
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

	/* Not again from within, when a write ends in svart_dsa_master_lost(). */
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

/* --- Completion ------------------------------------------------------------------------------- */

/* Tells by SWERR what no completion record can tell. */
static void engine_swerr(struct dsa *d, const struct dsa_engine *e, unsigned int status,
	uint32_t invalid_flags, uint64_t fault_addr)
{
	const struct dsa_origin origin = svart_dsa_engine_origin(d, e);

	svart_dsa_origin_swerr(d, &origin, status, invalid_flags, fault_addr);
}

/* The descriptor is done with. */
static void engine_idle(struct dsa_engine *e)
{
	e->state = svart_dsa_engine_in_batch(e) ? DSA_ENGINE_BATCH : DSA_ENGINE_IDLE;
}

/* All is told but the interrupt. */
static void engine_end(struct dsa *d, struct dsa_engine *e)
{
	/* Also an operation that failed before its handle was looked at. */
	if (svart_dsa_engine_flag(e, SVART_DSA_FLAG_RCI) && svart_dsa_int_handle_is_good(d, e))
		d->bus->ops->interrupt(d->bus, e->desc.int_handle);
	engine_idle(e);
}

void svart_dsa_engine_no_record(struct dsa *d, struct dsa_engine *e, unsigned int status)
{
	e->batch.failed = true;
	engine_swerr(d, e, status, 0, e->desc.completion_addr);
	engine_end(d, e);
}

/* Asks for the record's page, and for no other. */
static void record_miss(struct dsa *d, struct dsa_engine *e)
{
	const struct dsa_miss miss = { .addr = e->desc.completion_addr, .bytes = 1, .write = true };

	svart_dsa_fault_raise(d, e, &miss, 1);
}

void svart_dsa_record_write(struct dsa *d, struct dsa_engine *e)
{
	const struct dsa_origin origin = svart_dsa_engine_origin(d, e);
	uint64_t translated;
	int64_t run = record_translate(d, e, &translated);
	int rc = (int)run;

	if (run == 0) {
		record_miss(d, e);
		return;
	}
	svart_dsa_records_flush(d);
	if (run == -EOPNOTSUPP)
		rc = write_untranslated(d, e, &e->record);
	else if (run > 0)
		rc = d->bus->ops->write_record(d->bus, translated, &e->record, sizeof(e->record));
	if (record_written(d, &origin, e->desc.completion_addr, rc))
		engine_end(d, e);
}

/* Of any other status what is there is the operation's. */
static uint32_t invalid_flags_of(const struct svart_dsa_record *record)
{
	return record->status == SVART_DSA_STATUS_BAD_FLAGS ? record->invalid_flags : 0;
}

void svart_dsa_engine_complete(
	struct dsa *d, struct dsa_engine *e, const struct svart_dsa_record *record)
{
	bool failed = record->status != SVART_DSA_STATUS_SUCCESS;

	e->batch.failed |= failed;
	if (svart_dsa_engine_flag(e, SVART_DSA_FLAG_CRAV) &&
		(failed || svart_dsa_engine_flag(e, SVART_DSA_FLAG_RCR))) {
		e->record = *record;
		e->reach = DSA_REACH_RECORD;
		e->fault_tries = 0;
		svart_dsa_record_write(d, e);
		return;
	}
	/* A result that was not expected is no error. */
	if (failed && record->status != SVART_DSA_STATUS_SUCCESS_PREDICATE_FALSE)
		engine_swerr(d, e, record->status, invalid_flags_of(record), record->fault_addr);
	engine_end(d, e);
}

/* Whether its record may wait for others: nobody looks at it for more than that it is there. */
static bool record_can_wait(const struct dsa_engine *e)
{
	/* Who waits for an interrupt looks at the record then; a drain's says that others are there. */
	return (e->desc.flags_opcode & FLAGS_NOTICE) ==
		       (SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR) &&
	       svart_dsa_engine_opcode(e) != SVART_DSA_OP_DRAIN;
}

void svart_dsa_engine_success(struct dsa *d, struct dsa_engine *e)
{
	static const struct svart_dsa_record record = { .status = SVART_DSA_STATUS_SUCCESS };

	if (record_can_wait(e) && svart_dsa_record_later(d, e))
		engine_idle(e);
	else
		svart_dsa_engine_complete(d, e, &record);
}

/* What an operation that computes has come to. */
static void tell_work(const struct dsa_engine *e, struct svart_dsa_record *record)
{
	if (e->op != NULL && e->op->tell != NULL && e->reach == DSA_REACH_DATA)
		e->op->tell(e, record);
}

void svart_dsa_engine_error(
	struct dsa *d, struct dsa_engine *e, unsigned int status, uint32_t invalid_flags)
{
	struct svart_dsa_record record = {
		.status = (uint8_t)status,
		.result = e->backward,
		.bytes_completed = e->done,
		.invalid_flags = invalid_flags,
	};

	svart_dsa_engine_complete(d, e, &record);
}

void svart_dsa_engine_fault(
	struct dsa *d, struct dsa_engine *e, unsigned int status, uint64_t addr, bool write)
{
	struct svart_dsa_record record = {
		.status = (uint8_t)(status | SVART_FIELD_PREP(SVART_DSA_STATUS_WRITE, write)),
		.result = e->backward,
		.bytes_completed = e->done,
		.fault_addr = addr,
	};

	if (e->reach == DSA_REACH_RECORD)
		svart_dsa_engine_no_record(d, e,
			SVART_DSA_STATUS_RECORD_TRANSLATION | (unsigned int)SVART_DSA_STATUS_WRITE);
	else if (e->reach == DSA_REACH_LIST)
		svart_dsa_batch_fault(d, e, addr);
	else {
		tell_work(e, &record);
		svart_dsa_engine_complete(d, e, &record);
	}
}

/* An error of the bus that is no page fault. */
void svart_dsa_engine_bus_error(struct dsa *d, struct dsa_engine *e, int rc)
{
	if (rc == -EPERM)
		svart_dsa_master_lost(d);
	else
		svart_dsa_engine_error(d, e, SVART_DSA_STATUS_HW_ERROR, 0);
}
