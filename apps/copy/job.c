/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "bad_address.h"
#include "say.h"

/* Completions that are taken at once. */
#define BURST 32
/* Longest wait before a signal is noticed. */
#define WAIT_NS UINT64_C(50000000)
/* Most resumptions of one operation in a row that make no progress, before the device counts as broken. */
#define MAX_IDLE_RESUMES 1000

/* One operation: bytes [off, off + len) of the file, of which `done` are copied. */
struct piece {
	uint64_t off;
	uint64_t len;
	uint64_t done;
	uint32_t idle_resumes;
	bool complete;
};

/*
 * Owner: the copying thread. Lifetime: svart_copy_job_run(). Locks: none.
 *
 * Piece n is in pieces[n % depth] and uses output buffer n % depth. Pieces [tail, head) are in
 * flight or wait to be retired, which happens in order.
 */
struct job {
	const struct copy_job_params *params;
	struct svart_queue *q;
	struct piece *pieces;
	uint64_t head;
	uint64_t tail;
	struct copy_extent extent; /* What is left of the run of data that is being copied. */
	struct copy_totals *totals;
};

static uint32_t slot_of(const struct job *job, uint64_t nr)
{
	return (uint32_t)(nr % job->params->session->depth);
}

static struct piece *piece_of(const struct job *job, uint64_t nr)
{
	return &job->pieces[slot_of(job, nr)];
}

/* Hands the rest of a piece to the queue. @return false if the queue takes nothing now. */
static bool prep(struct job *job, uint64_t nr)
{
	const struct copy_job_params *p = job->params;
	const struct piece *piece = piece_of(job, nr);
	uint8_t *dst = svart_copy_output_place(p->output, slot_of(job, nr), piece->off);
	const uint8_t *src = p->source->map.addr + piece->off;

	return svart_queue_prep_copy(job->q, dst + piece->done, src + piece->done,
		       piece->len - piece->done, 0, nr) == 1;
}

/* Finds the next run of data. @return 1, 0 at the end of the file, or -errno. */
static int next_extent(struct job *job)
{
	const struct copy_job_params *p = job->params;
	int rc;

	if (!svart_copy_source_next_extent(p->source, job->extent.end, &job->extent))
		return 0;
	do
		rc = svart_copy_output_reserve(p->output, &job->extent);
	while (rc == -EINTR && *p->stop == 0);
	return rc != 0 ? rc : 1;
}

/* Fills the queue. @return 1 if there is more; 0 if that was all; -errno. */
static int feed(struct job *job)
{
	const struct copy_session *s = job->params->session;

	while (job->head - job->tail < s->depth) {
		struct copy_extent *e = &job->extent;
		uint64_t len;

		if (e->start == e->end) {
			int rc = next_extent(job);

			if (rc != 1)
				return rc;
		}
		len = e->end - e->start < s->chunk ? e->end - e->start : s->chunk;
		*piece_of(job, job->head) = (struct piece){ .off = e->start, .len = len };
		if (!prep(job, job->head))
			break;
		e->start += len;
		job->head++;
	}
	return 1;
}

static int say_queue_failed(const struct job *job)
{
	struct svart_queue_error error = SVART_QUEUE_ERROR_INIT();

	if (svart_queue_error_get(job->q, &error) == 0 && error.code != 0)
		svart_copy_say("the device's queue has failed: %s (error 0x%02x, address 0x%" PRIx64
			       ")",
			error.text, error.code, error.fault_addr);
	else if (svart_queue_error_get(job->q, &error) == 0)
		svart_copy_say("the device's queue has failed: %s", error.text);
	else
		svart_copy_say("the device's queue takes no operations and gives no reason");
	return -EIO;
}

/* Tells a device error. A device can also report memory that was removed under it as an error of its own. */
static int say_device_error(
	const struct job *job, const struct piece *piece, const struct svart_completion *c)
{
	int rc;

	svart_copy_say("the device ended a copy at offset %" PRIu64
		       " of '%s' with: %s (device status 0x%02x)",
		piece->off + piece->done, job->params->source->path, svart_status_name(c->status),
		c->hw_status);
	rc = svart_copy_source_check(job->params->source);
	if (rc == 0)
		rc = svart_copy_output_check(
			job->params->output, svart_copy_source_bytes(job->params->source));
	return rc != 0 ? rc : -EIO;
}

static int say_no_memory(const struct job *job, const struct piece *piece)
{
	svart_copy_say("there was no memory to pin for the device at offset %" PRIu64
		       " of '%s': free some, or raise the limit (ulimit -l), then copy again",
		piece->off + piece->done, job->params->source->path);
	return -ENOMEM;
}

/* Lets an operation that ended early go on where it ended. */
static int resume(struct job *job, uint64_t nr, uint64_t bytes_done)
{
	struct piece *piece = piece_of(job, nr);

	piece->idle_resumes = bytes_done == 0 ? piece->idle_resumes + 1 : 0;
	if (piece->idle_resumes > MAX_IDLE_RESUMES) {
		svart_copy_say("the device makes no progress at offset %" PRIu64 " of '%s'",
			piece->off + piece->done, job->params->source->path);
		return -EIO;
	}
	/* The operation has just left the queue, so there is room. */
	return prep(job, nr) ? 0 : say_queue_failed(job);
}

static int complete(struct job *job, const struct svart_completion *c)
{
	struct piece *piece = piece_of(job, c->cookie);
	uint64_t left = piece->len - piece->done;

	if (c->cookie < job->tail || c->cookie >= job->head || piece->complete ||
		c->bytes_done > left || (c->status == SVART_STATUS_OK && c->bytes_done != left)) {
		svart_copy_say("the device reports what cannot be: operation %" PRIu64
			       ", status %u, %" PRIu64 " bytes of %" PRIu64,
			c->cookie, c->status, c->bytes_done, left);
		return -EIO;
	}
	job->totals->ops++;
	job->totals->data_bytes += c->bytes_done;
	piece->done += c->bytes_done;
	switch (c->status) {
	case SVART_STATUS_OK:
		piece->complete = true;
		return 0;
	case SVART_STATUS_PARTIAL:
		return resume(job, c->cookie, c->bytes_done);
	case SVART_STATUS_BAD_ADDRESS:
		return svart_copy_say_bad_address(job->params, piece->off + piece->done, left, c);
	case SVART_STATUS_NO_MEMORY:
		return say_no_memory(job, piece);
	case SVART_STATUS_QUEUE_FAILED:
		return say_queue_failed(job);
	default:
		return say_device_error(job, piece, c);
	}
}

/* Takes over the pieces that are complete, in order, and gives back the memory behind them. */
static int retire(struct job *job)
{
	const struct copy_job_params *p = job->params;
	uint64_t off = 0;
	int rc = 0;

	for (; job->tail < job->head; job->tail++) {
		const struct piece *piece = piece_of(job, job->tail);

		if (!piece->complete)
			break;
		rc = svart_copy_output_retire(
			p->output, slot_of(job, job->tail), piece->off, piece->len);
		if (rc != 0)
			return rc;
		off = piece->off + piece->len;
	}
	if (off == 0)
		return 0;
	rc = svart_copy_mapping_release(&p->source->map, p->session->space, off);
	if (rc == 0)
		rc = svart_copy_output_release(p->output, p->session->space, off);
	svart_copy_progress_update(p->progress, off);
	return rc;
}

/* Takes completions; waits for one if there is none. */
static int reap(struct job *job)
{
	struct svart_completion done[BURST];
	uint16_t nr = svart_queue_wait(job->q, done, BURST, WAIT_NS);
	int rc = 0;

	for (uint16_t i = 0; i < nr && rc == 0; i++)
		rc = complete(job, &done[i]);
	if (rc != 0)
		return rc;
	/* Pieces are missing, and the queue has none of them. */
	if (nr == 0 && svart_queue_in_flight(job->q) == 0)
		return say_queue_failed(job);
	return retire(job);
}

/* One turn of the loop. @return 1 to go on; 0 if all is copied; -errno. */
static int turn(struct job *job)
{
	int more = feed(job), rc;

	if (more < 0)
		return more;
	if (job->tail == job->head)
		return more == 1 ? say_queue_failed(job) : 0;
	svart_queue_submit(job->q);
	rc = reap(job);
	return rc != 0 ? rc : 1;
}

int svart_copy_job_run(const struct copy_job_params *params, struct copy_totals *totals)
{
	struct job job = { .params = params, .q = params->session->q, .totals = totals };
	int rc;

	*totals = (struct copy_totals){ 0 };
	job.pieces = calloc(params->session->depth, sizeof(*job.pieces));
	if (job.pieces == NULL) {
		svart_copy_say("no memory for %" PRIu32 " operations in flight; lower --depth",
			params->session->depth);
		return -ENOMEM;
	}
	do
		rc = turn(&job);
	while (rc == 1 && *params->stop == 0);
	free(job.pieces);
	return rc == 1 ? -EINTR : rc;
}
