/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "raw.h"

#include <stdlib.h>
#include <string.h>

#include <svart/device.h>

#include "bits.h"
#include "raw_unit.h"
#include "vtd_spec.h"

#define NR_SOURCES 4
/** The sources' PASIDs. They come and go; the last one stays, so that somebody takes what comes. */
static const uint32_t pasids[NR_SOURCES] = { 1, 2, SVART_PASID_NONE, 9 };
#define STAYS (NR_SOURCES - 1)
/** Of one PASID (PCIe 6.0, 10.4.2). */
#define NR_GROUP_IDS 512
#define MAX_STEPS    512
/** More pumps than there is work for: each takes one record at least, while there are any. */
#define MAX_PUMPS 65536
/** Requests by hand that wait for their answers. */
#define MAX_HELD  256
#define END_FLAGS (RAW_LAST | RAW_READ)
/** Below the tries that svart gives a unit. */
#define MAX_SLOW 4096

/** A source, and what it delivered by hand that waits for an answer. */
struct raw_source {
	struct svart_fault_source *source; /**< NULL: there is none. */
	bool by_hand;                      /**< Steps fetch and answer; no service has it. */
	struct svart_page_request held[MAX_HELD];
	unsigned int nr_held;
};

/** Owner: raw_fuzz_one(). Lifetime: one input. Locks: none. */
struct raw_fuzz {
	struct raw_unit unit;
	struct svart_fault_raw *raw;
	struct raw_source sources[NR_SOURCES];
	bool ended; /**< Abruptly, before the end of the input. */
};

/* --- sources --------------------------------------------------------------------------------------- */

static void source_attach(struct raw_fuzz *z, unsigned int i, bool by_hand)
{
	struct raw_source *s = &z->sources[i];

	FUZZ_CHECK(svart_fault_source_raw_create(z->raw, pasids[i], &s->source) == 0, i, 0);
	s->by_hand = by_hand;
	s->nr_held = 0;
	if (!by_hand)
		world_add(&z->unit.world, s->source);
}

static bool is_owed(const struct svart_page_request *r)
{
	if (!(r->flags & SVART_PAGE_REQUEST_LAST))
		return (r->flags & SVART_PAGE_REQUEST_NEEDS_RESPONSE) != 0;
	/* But for stop markers. */
	return r->access != 0 || (r->flags & SVART_PAGE_REQUEST_MALFORMED);
}

static void hand_fetch(struct raw_source *s, size_t nr)
{
	struct svart_page_request out[MAX_HELD];
	size_t room = MAX_HELD - s->nr_held;
	ssize_t n, i;

	if (room == 0 || nr == 0)
		return;
	n = s->source->ops->fetch(s->source, out, nr < room ? nr : room);
	for (i = 0; i < n; i++)
		if (is_owed(&out[i]))
			s->held[s->nr_held++] = out[i];
}

static bool hand_respond(
	struct raw_fuzz *z, struct raw_source *s, const struct svart_page_request *r, uint32_t code)
{
	const struct svart_page_response answer = {
		.token = r->token,
		.pasid = r->pasid,
		.group_id = r->group_id,
		.flags = r->flags & (SVART_PAGE_REQUEST_PASID | SVART_PAGE_REQUEST_LAST |
					    SVART_PAGE_REQUEST_NEEDS_RESPONSE),
		.code = code,
		.private_data = { r->private_data[0], r->private_data[1] },
	};
	bool gone = false;
	int rc = s->source->ops->respond(s->source, &answer, 1, &gone);

	FUZZ_CHECK(rc == 0 || z->unit.broken, -rc, 0);
	return gone;
}

/** Answers the n-th that is held: it must be owed. A second time it must not, unless one of its name is. */
static void hand_answer(struct raw_fuzz *z, struct raw_source *s, unsigned int n, uint32_t code)
{
	struct svart_page_request r = s->held[n];
	bool gone = hand_respond(z, s, &r, code);

	FUZZ_CHECK(!gone || z->unit.broken, r.group_id, r.flags);
	s->held[n] = s->held[--s->nr_held];
	if (raw_names_alike(&z->unit.names, z->unit.file.kind, RAW_RID, &r) != 0)
		return;
	gone = hand_respond(z, s, &r, code);
	/* A broken unit may have had svart read a record of that name that never came. */
	FUZZ_CHECK(gone || z->unit.broken, r.group_id, r.flags);
}

/** What was fetched is answered after the flush, as a resolver does that was at it. */
static void source_detach(struct raw_fuzz *z, unsigned int i)
{
	struct raw_source *s = &z->sources[i];

	if (s->by_hand)
		s->source->ops->flush(s->source);
	else
		svart_fault_service_remove(z->unit.world.service, s->source);
	while (s->nr_held != 0)
		hand_answer(z, s, 0, SVART_PAGE_RESPONSE_INVALID);
	s->source->ops->destroy(s->source);
	s->source = NULL;
}

static void sources_detach(struct raw_fuzz *z)
{
	unsigned int i;

	for (i = 0; i < NR_SOURCES; i++)
		if (z->sources[i].source != NULL)
			source_detach(z, i);
}

/* --- records --------------------------------------------------------------------------------------- */

static void vtd_record(uint64_t *qw, uint64_t pasid, uint64_t group, uint8_t flags, uint64_t page)
{
	qw[0] = SVART_VTD_PRQ_TYPE_REQUEST |
		SVART_FIELD_PREP(SVART_VTD_PRQ_RID, flags & RAW_STRANGER ? RAW_STRANGER : RAW_RID);
	if (pasid != 0)
		qw[0] |= SVART_VTD_PRQ_PASID_PRESENT | SVART_FIELD_PREP(SVART_VTD_PRQ_PASID, pasid);
	qw[0] |= flags & RAW_EXEC ? SVART_VTD_PRQ_EXEC : 0;
	qw[0] |= flags & RAW_PRIVILEGED ? SVART_VTD_PRQ_PRIV_MODE : 0;
	qw[1] = page << 12 | SVART_FIELD_PREP(SVART_VTD_PRQ_PRGI, group);
	qw[1] |= flags & RAW_READ ? SVART_VTD_PRQ_READ : 0;
	qw[1] |= flags & RAW_WRITE ? SVART_VTD_PRQ_WRITE : 0;
	qw[1] |= flags & RAW_LAST ? SVART_VTD_PRQ_LPIG : 0;
	if (!(flags & RAW_PRIVATE_DATA))
		return;
	qw[0] |= SVART_VTD_PRQ_PRIV_PRESENT;
	qw[2] = page * 3;
	qw[3] = ~group;
}

static void event_record(uint64_t *dw, uint64_t pasid, uint64_t group, uint8_t flags, uint64_t page)
{
	dw[0] = SVART_SMMU_EVT_TRANSLATION |
		SVART_FIELD_PREP(SVART_SMMU_EVT_SID, flags & RAW_STRANGER ? RAW_STRANGER : RAW_RID);
	if (pasid != 0)
		dw[0] |= SVART_SMMU_EVT_SSV | SVART_FIELD_PREP(SVART_SMMU_EVT_SSID, pasid);
	dw[1] = SVART_FIELD_PREP(SVART_SMMU_EVT_STAG, group);
	dw[1] |= flags & RAW_LAST ? SVART_SMMU_EVT_STALL : 0;
	dw[1] |= flags & RAW_READ ? SVART_SMMU_EVT_RNW : 0;
	dw[1] |= flags & RAW_EXEC ? SVART_SMMU_EVT_IND : 0;
	dw[1] |= flags & RAW_PRIVILEGED ? SVART_SMMU_EVT_PNU : 0;
	dw[2] = page << 12 | 0x123;
}

static void pri_record(uint64_t *dw, uint64_t pasid, uint64_t group, uint8_t flags, uint64_t page)
{
	dw[0] = SVART_FIELD_PREP(SVART_SMMU_PRI_SID, flags & RAW_STRANGER ? RAW_STRANGER : RAW_RID);
	if (pasid != 0)
		dw[0] |= SVART_SMMU_PRI_SSV | SVART_FIELD_PREP(SVART_SMMU_PRI_SSID, pasid);
	dw[0] |= flags & RAW_LAST ? SVART_SMMU_PRI_LAST : 0;
	dw[0] |= flags & RAW_READ ? SVART_SMMU_PRI_READ : 0;
	dw[0] |= flags & RAW_WRITE ? SVART_SMMU_PRI_WRITE : 0;
	dw[0] |= flags & RAW_EXEC ? SVART_SMMU_PRI_EXEC : 0;
	dw[0] |= flags & RAW_PRIVILEGED ? SVART_SMMU_PRI_PRIV : 0;
	dw[1] = page << 12 | SVART_FIELD_PREP(SVART_SMMU_PRI_PRGI, group);
}

static void request_queue(
	struct raw_unit *u, uint64_t pasid, uint64_t group, uint8_t flags, uint64_t page)
{
	memset(u->record, 0, sizeof(u->record));
	u->ring = !raw_unit_is_vtd(u) && (flags & RAW_RING_1);
	if (raw_unit_is_vtd(u))
		vtd_record(u->record, pasid, group, flags, page);
	else if (u->ring == 0)
		event_record(u->record, pasid, group, flags, page);
	else
		pri_record(u->record, pasid, group, flags, page);
	raw_unit_queue(u, 1);
}

/* --- steps ----------------------------------------------------------------------------------------- */

static void step_request(struct raw_fuzz *z, struct fuzz_input *in)
{
	uint8_t pasid = fuzz_u8(in), group = fuzz_u8(in), flags = fuzz_u8(in);

	request_queue(&z->unit, pasid, group, flags, UINT64_C(0x100000) | fuzz_u8(in));
}

/** Many groups, of the PASID and of those after it. */
static void step_groups(struct raw_fuzz *z, struct fuzz_input *in)
{
	unsigned int pasid = fuzz_u8(in), nr = fuzz_u8(in) * 16u, i;
	uint8_t flags = fuzz_u8(in);

	for (i = 0; i < nr; i++)
		request_queue(&z->unit, pasid + i / NR_GROUP_IDS, i % NR_GROUP_IDS, flags,
			UINT64_C(0x100000));
}

static void step_raw(struct raw_fuzz *z, struct fuzz_input *in)
{
	struct raw_unit *u = &z->unit;

	u->ring = !raw_unit_is_vtd(u) && fuzz_u8(in) % 2;
	fuzz_bytes(in, u->record, u->ring == 1 ? 16 : 32);
	raw_unit_queue(u, 1);
}

/** A source that is there ends; one that is not begins. */
static void step_source(struct raw_fuzz *z, struct fuzz_input *in, bool by_hand)
{
	unsigned int i = fuzz_u8(in) % STAYS;

	if (z->sources[i].source != NULL)
		source_detach(z, i);
	else
		source_attach(z, i, by_hand);
}

static void step_hand_fetch(struct raw_fuzz *z, struct fuzz_input *in)
{
	struct raw_source *s = &z->sources[fuzz_u8(in) % STAYS];
	uint8_t nr = fuzz_u8(in);

	if (s->source != NULL && s->by_hand)
		hand_fetch(s, nr);
}

static void step_hand_answer(struct raw_fuzz *z, struct fuzz_input *in)
{
	struct raw_source *s = &z->sources[fuzz_u8(in) % STAYS];
	uint8_t n = fuzz_u8(in);

	if (s->nr_held != 0)
		hand_answer(z, s, n / 2 % s->nr_held,
			n % 2 ? SVART_PAGE_RESPONSE_INVALID : SVART_PAGE_RESPONSE_SUCCESS);
}

static void step_mode(struct raw_fuzz *z, struct fuzz_input *in)
{
	struct raw_source *s = &z->sources[fuzz_u8(in) % NR_SOURCES];
	bool eager = fuzz_u8(in) % 2;

	if (s->source != NULL && !s->by_hand)
		svart_fault_service_set_mode(z->unit.world.service, s->source,
			eager ? SVART_FAULT_EAGER : SVART_FAULT_DEFERRED);
}

static void step_run(struct raw_fuzz *z, struct fuzz_input *in)
{
	uint8_t n;

	switch (fuzz_u8(in)) {
	case 'q':
		step_request(z, in);
		break;
	case 'r':
		step_raw(z, in);
		break;
	case 'g':
		step_groups(z, in);
		break;
	case 'f':
		raw_unit_queue(&z->unit, fuzz_u8(in) * 16u);
		break;
	case 'l':
		z->unit.at_drain = fuzz_u8(in) * 16u;
		break;
	case 'y':
		n = fuzz_u8(in);
		raw_unit_late(&z->unit, n, fuzz_u8(in) * 16u);
		break;
	case 'd':
		step_source(z, in, false);
		break;
	case 'h':
		step_source(z, in, true);
		break;
	case 't':
		step_hand_fetch(z, in);
		break;
	case 'a':
		step_hand_answer(z, in);
		break;
	case 'm':
		step_mode(z, in);
		break;
	case 's':
		raw_unit_slow(&z->unit, fuzz_u8(in) * (MAX_SLOW / 256));
		break;
	case 'x':
		n = fuzz_u8(in);
		raw_unit_break(&z->unit, n, fuzz_u64(in));
		break;
	case 'e':
		z->ended = true;
		break;
	default:
		world_pump(&z->unit.world);
		break;
	}
}

/* --- an input -------------------------------------------------------------------------------------- */

static void fuzz_begin(struct raw_fuzz *z, enum svart_iommu_unit_kind kind)
{
	unsigned int i;

	raw_unit_init(&z->unit, kind);
	FUZZ_CHECK(svart_fault_raw_create(&z->unit.world.machine, &z->unit.file, &z->raw) == 0,
		kind, 0);
	for (i = 0; i < NR_SOURCES; i++)
		source_attach(z, i, false);
}

/** Whether a pump would find something: also an overflow that was not told. */
static bool sources_busy(const struct raw_fuzz *z)
{
	unsigned int i;

	for (i = 0; i < NR_SOURCES; i++)
		if (z->sources[i].source != NULL && z->sources[i].source->buffered != 0)
			return true;
	return z->unit.interrupt;
}

/** Pumps until there is nothing to do: then nobody waits. */
FUZZ_UNSEEN static void sources_settle(struct raw_fuzz *z)
{
	const struct raw_names *names = &z->unit.names;
	unsigned int i;

	for (i = 0; i < MAX_PUMPS && (names->owed != 0 || sources_busy(z)); i++)
		world_turn(&z->unit.world);
	FUZZ_CHECK(names->owed == 0, names->owed, names->nr);
	FUZZ_CHECK(!sources_busy(z), z->unit.interrupt, 0);
	world_check(&z->unit.world);
}

/** The unit is quick again, all is answered, and then the queues are as good as new. */
static void fuzz_drain(struct raw_fuzz *z)
{
	struct raw_unit *u = &z->unit;
	unsigned int i;

	raw_unit_slow(u, 0);
	for (i = 0; i < NR_SOURCES; i++)
		if (z->sources[i].source != NULL && z->sources[i].by_hand)
			source_detach(z, i);
	if (u->broken)
		return;
	sources_settle(z);
	u->at_read.nr = 0;
	u->nr_records = 0;
	memset(&u->names, 0, sizeof(u->names));
	for (i = 0; i < 2; i++)
		request_queue(u, pasids[STAYS], i, i == 0 ? END_FLAGS : END_FLAGS | RAW_RING_1, i);
	FUZZ_CHECK(u->names.owed == 2, u->names.owed, 0);
	sources_settle(z);
}

void raw_fuzz_one(struct fuzz_input *in, enum svart_iommu_unit_kind kind)
{
	struct raw_fuzz *z = calloc(1, sizeof(*z));
	struct raw_unit *u;
	unsigned int i;

	FUZZ_CHECK(z != NULL, 0, 0);
	u = &z->unit;
	fuzz_begin(z, kind);
	for (i = 0; i < MAX_STEPS && in->left != 0 && !z->ended; i++)
		step_run(z, in);
	if (!z->ended)
		fuzz_drain(z);
	sources_detach(z);
	/* As svart_fault_raw_destroy() wants: nothing is on its way. */
	u->at_read.nr = 0;
	svart_fault_raw_destroy(z->raw);
	FUZZ_CHECK(u->broken || u->names.owed == 0, u->names.owed, u->names.nr);
	FUZZ_CHECK(u->broken || world_stats(&u->world).sources_lost == 0, 0, 0);
	world_check_nodes(&u->world);
	world_fini(&u->world);
	free(z);
}
