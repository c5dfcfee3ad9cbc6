/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * How operations end: completion records, the event log or SWERR for what no record can tell, interrupts (DSA
 * spec 5.2, 9.2.19). Records of success may wait until the end of the step, for one another.
 */

#include <errno.h>

#include "bits.h"
#include "dsa_work.h"

/* What asks for a record, or for more than that. */
#define FLAGS_NOTICE (SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR | SVART_DSA_FLAG_RCI)

/* The status of a record that cannot be written. */
#define RECORD_FAULT (SVART_DSA_STATUS_RECORD_TRANSLATION | (unsigned int)SVART_DSA_STATUS_WRITE)

struct dsa_origin svart_dsa_engine_origin(const struct dsa *d, const struct dsa_engine *e)
{
	return (struct dsa_origin){
		.pasid = e->pasid,
		.flags = e->desc.flags_opcode,
		.int_handle = e->desc.int_handle,
		.batch_id = e->batch.id,
		.wq = (uint8_t)(e->wq - d->wqs),
		.opcode = (uint8_t)svart_dsa_engine_opcode(e),
		.priv = e->priv,
		.in_batch = svart_dsa_engine_in_batch(e),
		.batch_index = svart_dsa_engine_in_batch(e) ? (uint16_t)(e->batch.next - 1) : 0,
	};
}

/* What SWERR says of a descriptor, in its first word. */
static uint64_t origin_word(const struct dsa_origin *origin, unsigned int status)
{
	uint64_t word = SVART_DSA_SWERR0_DESC_VALID | SVART_DSA_SWERR0_WQ_VALID |
			SVART_FIELD_PREP(SVART_DSA_SWERR0_ERROR,
				SVART_FIELD_GET(SVART_DSA_STATUS_CODE, status)) |
			SVART_FIELD_PREP(SVART_DSA_SWERR0_WRITE,
				SVART_FIELD_GET(SVART_DSA_STATUS_WRITE, status)) |
			SVART_FIELD_PREP(SVART_DSA_SWERR0_BATCH, origin->in_batch) |
			SVART_FIELD_PREP(SVART_DSA_SWERR0_PRIV, origin->priv) |
			SVART_FIELD_PREP(SVART_DSA_SWERR0_WQ, origin->wq) |
			SVART_FIELD_PREP(SVART_DSA_SWERR0_OPCODE, origin->opcode);

	if (origin->pasid != SVART_BUS_NO_PASID)
		word |= SVART_FIELD_PREP(SVART_DSA_SWERR0_PASID, origin->pasid);
	return word;
}

/* Bits of an entry's second word that say what its interrupt handle is, and what was asked for. */
static uint64_t origin_info(const struct dsa_origin *origin)
{
	return SVART_FIELD_PREP(SVART_DSA_LOG1_INT_HANDLE, (uint64_t)origin->int_handle) |
	       SVART_FIELD_PREP(
		       SVART_DSA_LOG1_RCI, (uint64_t)((origin->flags & SVART_DSA_FLAG_RCI) != 0)) |
	       SVART_FIELD_PREP(
		       SVART_DSA_LOG1_RCR, (uint64_t)((origin->flags & SVART_DSA_FLAG_RCR) != 0));
}

/* The report of a descriptor. status is as a record has it. */
static struct dsa_report origin_report(const struct dsa_origin *origin, unsigned int status,
	const struct svart_dsa_record *record, uint64_t fault_addr)
{
	unsigned int code = (unsigned int)SVART_FIELD_GET(SVART_DSA_STATUS_CODE, status);
	bool is_record = code == SVART_DSA_STATUS_RECORD_TRANSLATION ||
			 code == SVART_DSA_STATUS_DRAIN_EVL || code == SVART_DSA_STATUS_BATCH_EVL;
	bool has_flags = code == SVART_DSA_STATUS_BAD_FLAGS;
	bool has_info = is_record || code == SVART_DSA_STATUS_BAD_INT_HANDLE;
	bool has_batch = origin->in_batch || origin->opcode == SVART_DSA_OP_BATCH;

	return (struct dsa_report){
		.word0 = origin_word(origin, status),
		.word1 = SVART_FIELD_PREP(SVART_DSA_SWERR1_BATCH_IDX, origin->batch_index) |
			 SVART_FIELD_PREP(SVART_DSA_SWERR1_INVALID_FLAGS,
				 (uint64_t)(has_flags ? record->invalid_flags : 0)),
		.fault_addr = fault_addr,
		.log0 = SVART_FIELD_PREP(SVART_DSA_LOG0_INFO_VALID, has_info || has_flags) |
			SVART_FIELD_PREP(
				SVART_DSA_LOG0_BATCH_ID, has_batch ? origin->batch_id : 0u),
		.log1 = has_info ? origin_info(origin) : 0,
		.record = *record,
		.is_record = is_record,
	};
}

/* What came of a write, but for pages that are missing. Returns whether the device goes on. */
static bool record_written(struct dsa *d, int rc)
{
	if (rc == -EPERM)
		svart_dsa_master_lost(d);
	return rc != -EPERM;
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

/* Its memory vanished under the translation; its engine is elsewhere. */
static void late_lost(
	struct dsa *d, const struct dsa_late *late, const struct svart_dsa_record *record)
{
	const struct dsa_report report =
		origin_report(&late->origin, RECORD_FAULT, record, late->completion_addr);

	svart_dsa_report(d, &report);
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

		if (!record_written(d, rc))
			return;
		if (rc < 0)
			late_lost(d, late, &record);
	}
}

/* --- Completion ------------------------------------------------------------------------------- */

/* The descriptor is done with. */
static void engine_idle(struct dsa_engine *e)
{
	e->state = svart_dsa_engine_in_batch(e) ? DSA_ENGINE_BATCH : DSA_ENGINE_IDLE;
}

void svart_dsa_engine_end(struct dsa *d, struct dsa_engine *e, bool interrupt)
{
	/* Also an operation that failed before its handle was looked at. */
	if (interrupt && svart_dsa_engine_flag(e, SVART_DSA_FLAG_RCI) &&
		svart_dsa_int_handle_is_good(d, e))
		d->bus->ops->interrupt(d->bus, e->desc.int_handle);
	engine_idle(e);
}

/* Ends the descriptor by the event log or SWERR, for no completion record can tell. */
static void engine_tell(struct dsa *d, struct dsa_engine *e, unsigned int status,
	const struct svart_dsa_record *record, uint64_t fault_addr)
{
	const struct dsa_origin origin = svart_dsa_engine_origin(d, e);

	e->report = origin_report(&origin, status, record, fault_addr);
	if (e->report.is_record && svart_dsa_engine_in_batch(e) && !e->batch.logged)
		e->report.log1 |= SVART_DSA_LOG1_FIRST_IN_BATCH;
	e->state = DSA_ENGINE_LOG;
	svart_dsa_log_engine(d, e);
}

void svart_dsa_engine_no_record(struct dsa *d, struct dsa_engine *e, unsigned int status)
{
	static const struct svart_dsa_record none;

	e->batch.failed = true;
	engine_tell(d, e, status, &none, e->desc.completion_addr);
}

/* Its record cannot be written, though all the rest is done. */
static void record_lost(struct dsa *d, struct dsa_engine *e)
{
	engine_tell(d, e, RECORD_FAULT, &e->record, e->desc.completion_addr);
}

/* Asks for the record's page, and for no other. */
static void record_miss(struct dsa *d, struct dsa_engine *e)
{
	const struct dsa_miss miss = { .addr = e->desc.completion_addr, .bytes = 1, .write = true };

	svart_dsa_fault_raise(d, e, &miss, 1);
}

void svart_dsa_record_write(struct dsa *d, struct dsa_engine *e)
{
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
	if (!record_written(d, rc))
		return;
	if (rc < 0)
		record_lost(d, e);
	else
		svart_dsa_engine_end(d, e, true);
}

/*
 * Records that software writes for the device, in the order of the log: those of a drain behind others of its WQ
 * that are there, and of a batch that has one there. Returns the status of the entry, or 0.
 */
static unsigned int record_in_log(const struct dsa *d, const struct dsa_engine *e)
{
	unsigned int opcode = svart_dsa_engine_opcode(e);

	if (opcode == SVART_DSA_OP_BATCH && e->batch.logged)
		return SVART_DSA_STATUS_BATCH_EVL;
	if (opcode == SVART_DSA_OP_DRAIN && svart_dsa_log_is_unread(d, e->wq))
		return SVART_DSA_STATUS_DRAIN_EVL;
	return 0;
}

/* Ends the operation by its record, wherever that goes. */
static void record_give(struct dsa *d, struct dsa_engine *e, const struct svart_dsa_record *record)
{
	unsigned int in_log = record_in_log(d, e);

	e->record = *record;
	e->reach = DSA_REACH_RECORD;
	e->fault_tries = 0;
	if (in_log != 0)
		engine_tell(d, e, in_log, record, e->desc.completion_addr);
	else
		svart_dsa_record_write(d, e);
}

void svart_dsa_engine_complete(
	struct dsa *d, struct dsa_engine *e, const struct svart_dsa_record *record)
{
	bool failed = record->status != SVART_DSA_STATUS_SUCCESS;

	e->batch.failed |= failed;
	if (svart_dsa_engine_flag(e, SVART_DSA_FLAG_CRAV) &&
		(failed || svart_dsa_engine_flag(e, SVART_DSA_FLAG_RCR) ||
			record_in_log(d, e) == SVART_DSA_STATUS_BATCH_EVL))
		record_give(d, e, record);
	/* A result that was not expected is no error. */
	else if (failed && record->status != SVART_DSA_STATUS_SUCCESS_PREDICATE_FALSE)
		engine_tell(d, e, record->status, record, record->fault_addr);
	else
		svart_dsa_engine_end(d, e, true);
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
		record_lost(d, e);
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
