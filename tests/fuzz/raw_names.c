/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "raw_names.h"

#include <string.h>

#include "bits.h"
#include "fuzz.h"
#include "smmu_spec.h"
#include "vtd_spec.h"

/** Of a VT-d name's words[0], beside the requester. */
#define VTD_NAME_LAST  SVART_MASK(16, 16)
#define VTD_NAME_OWN   SVART_MASK(17, 17)
#define VTD_NAME_PASID SVART_MASK(18, 18)

static bool vtd_request(const uint64_t *qw, uint64_t *words)
{
	bool last = (qw[1] & SVART_VTD_PRQ_LPIG) != 0;
	bool stop = last && !(qw[1] & (SVART_VTD_PRQ_READ | SVART_VTD_PRQ_WRITE));
	bool own = (qw[0] & SVART_VTD_PRQ_PRIV_PRESENT) != 0;

	if (SVART_FIELD_GET(SVART_VTD_PRQ_TYPE, qw[0]) != SVART_VTD_PRQ_TYPE_REQUEST || stop ||
		!(last || own))
		return false;
	words[0] = SVART_FIELD_GET(SVART_VTD_PRQ_RID, qw[0]) |
		   SVART_FIELD_PREP(VTD_NAME_LAST, last) | SVART_FIELD_PREP(VTD_NAME_OWN, own);
	if (qw[0] & SVART_VTD_PRQ_PASID_PRESENT)
		words[0] |= VTD_NAME_PASID | SVART_FIELD_GET(SVART_VTD_PRQ_PASID, qw[0]) << 32;
	words[1] = SVART_FIELD_GET(SVART_VTD_PRQ_PRGI, qw[1]);
	if (own)
		memcpy(&words[2], &qw[2], 16);
	return true;
}

static bool vtd_answer(const uint64_t *qw, uint64_t *words)
{
	bool last = (qw[1] & SVART_VTD_PGR_LPIG) != 0;
	bool own = (qw[0] & SVART_VTD_PGR_PRIV_PRESENT) != 0;
	uint64_t type = SVART_FIELD_GET(SVART_VTD_QI_TYPE, qw[0]);
	uint64_t code = SVART_FIELD_GET(SVART_VTD_PGR_CODE, qw[0]);

	if (type == SVART_VTD_QI_WAIT)
		return false;
	FUZZ_CHECK(type == SVART_VTD_QI_PAGE_GROUP_RESPONSE, qw[0], qw[1]);
	FUZZ_CHECK(
		code == SVART_VTD_PGR_CODE_SUCCESS || code == SVART_VTD_PGR_CODE_INVALID, code, 0);
	words[0] = SVART_FIELD_GET(SVART_VTD_PGR_RID, qw[0]) |
		   SVART_FIELD_PREP(VTD_NAME_LAST, last) | SVART_FIELD_PREP(VTD_NAME_OWN, own);
	if (qw[0] & SVART_VTD_PGR_PASID_PRESENT)
		words[0] |= VTD_NAME_PASID | SVART_FIELD_GET(SVART_VTD_PGR_PASID, qw[0]) << 32;
	words[1] = SVART_FIELD_GET(SVART_VTD_PGR_PRGI, qw[1]);
	if (own)
		memcpy(&words[2], &qw[2], 16);
	return true;
}

static bool smmu_request(unsigned int ring, const uint64_t *dw, uint64_t *words)
{
	const uint64_t access = SVART_SMMU_PRI_READ | SVART_SMMU_PRI_WRITE;

	if (ring == 0) {
		words[0] = SVART_SMMU_CMD_RESUME;
		words[1] = SVART_FIELD_GET(SVART_SMMU_EVT_SID, dw[0]) << 32 |
			   SVART_FIELD_GET(SVART_SMMU_EVT_STAG, dw[1]);
		return (dw[1] & SVART_SMMU_EVT_STALL) != 0;
	}
	words[0] = SVART_SMMU_CMD_PRI_RESP;
	words[1] = SVART_FIELD_GET(SVART_SMMU_PRI_SID, dw[0]) << 32 |
		   SVART_FIELD_GET(SVART_SMMU_PRI_PRGI, dw[1]);
	if (dw[0] & SVART_SMMU_PRI_SSV)
		words[2] = UINT64_C(1) << 32 | SVART_FIELD_GET(SVART_SMMU_PRI_SSID, dw[0]);
	return (dw[0] & SVART_SMMU_PRI_LAST) && (dw[0] & access);
}

static bool smmu_answer(const uint64_t *dw, uint64_t *words)
{
	uint64_t op = SVART_FIELD_GET(SVART_SMMU_CMD_OP, dw[0]);

	if (op == SVART_SMMU_CMD_SYNC)
		return false;
	FUZZ_CHECK(op == SVART_SMMU_CMD_RESUME || op == SVART_SMMU_CMD_PRI_RESP, dw[0], dw[1]);
	words[0] = op;
	words[1] = SVART_FIELD_GET(SVART_SMMU_CMD_SID, dw[0]) << 32;
	words[1] |= op == SVART_SMMU_CMD_RESUME ? SVART_FIELD_GET(SVART_SMMU_RESUME_STAG, dw[1])
						: SVART_FIELD_GET(SVART_SMMU_PRI_RESP_PRGI, dw[1]);
	if (dw[0] & SVART_SMMU_CMD_SSV)
		words[2] = UINT64_C(1) << 32 | SVART_FIELD_GET(SVART_SMMU_CMD_SSID, dw[0]);
	return true;
}

bool raw_names_request(
	enum svart_iommu_unit_kind kind, unsigned int ring, const uint64_t *record, uint64_t *words)
{
	memset(words, 0, 4 * sizeof(*words));
	return kind == SVART_IOMMU_UNIT_VTD ? vtd_request(record, words)
					    : smmu_request(ring, record, words);
}

bool raw_names_answer(enum svart_iommu_unit_kind kind, const uint64_t *desc, uint64_t *words)
{
	memset(words, 0, 4 * sizeof(*words));
	return kind == SVART_IOMMU_UNIT_VTD ? vtd_answer(desc, words) : smmu_answer(desc, words);
}

/** The name's slot, or the empty one where it would go. */
FUZZ_UNSEEN static struct raw_name *name_slot(struct raw_names *names, const uint64_t *words)
{
	uint64_t hash = 0;
	uint32_t i;

	for (i = 0; i < 4; i++)
		hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
	i = (uint32_t)(hash >> 32) % SVART_ARRAY_SIZE(names->slots);
	while (names->slots[i].used &&
		memcmp(names->slots[i].words, words, sizeof(names->slots[i].words)) != 0)
		i = (i + 1) % SVART_ARRAY_SIZE(names->slots);
	return &names->slots[i];
}

bool raw_names_room(struct raw_names *names, const uint64_t *words)
{
	return name_slot(names, words)->used || names->nr < RAW_MAX_NAMES;
}

void raw_names_owe(struct raw_names *names, const uint64_t *words)
{
	struct raw_name *name = name_slot(names, words);

	names->nr += !name->used;
	name->used = true;
	memcpy(name->words, words, sizeof(name->words));
	name->nr++;
	names->owed++;
}

void raw_names_settle(struct raw_names *names, const uint64_t *words)
{
	struct raw_name *name = name_slot(names, words);

	FUZZ_CHECK(name->used && name->nr != 0, words[0], words[1]);
	name->nr--;
	names->owed--;
}

static void vtd_delivered(
	uint32_t requester_id, const struct svart_page_request *r, uint64_t *words)
{
	words[0] = requester_id |
		   SVART_FIELD_PREP(VTD_NAME_LAST, (r->flags & SVART_PAGE_REQUEST_LAST) != 0);
	if (r->flags & SVART_PAGE_REQUEST_PASID)
		words[0] |= VTD_NAME_PASID | (uint64_t)r->pasid << 32;
	words[1] = r->group_id;
}

static void smmu_delivered(
	uint32_t requester_id, const struct svart_page_request *r, uint64_t *words)
{
	words[0] = r->token == 0 ? SVART_SMMU_CMD_RESUME : SVART_SMMU_CMD_PRI_RESP;
	words[1] = (uint64_t)requester_id << 32 | r->group_id;
	if (r->token != 0 && (r->flags & SVART_PAGE_REQUEST_PASID))
		words[2] = UINT64_C(1) << 32 | r->pasid;
}

FUZZ_UNSEEN uint32_t raw_names_alike(const struct raw_names *names, enum svart_iommu_unit_kind kind,
	uint32_t requester_id, const struct svart_page_request *request)
{
	bool vtd = kind == SVART_IOMMU_UNIT_VTD;
	uint64_t ignored = vtd ? VTD_NAME_OWN : 0, words[4] = { 0 };
	const struct raw_name *name;
	uint32_t i, nr = 0;

	if (vtd)
		vtd_delivered(requester_id, request, words);
	else
		smmu_delivered(requester_id, request, words);
	for (i = 0; i < SVART_ARRAY_SIZE(names->slots); i++) {
		name = &names->slots[i];
		if (((name->words[0] ^ words[0]) & ~ignored) == 0 && name->words[1] == words[1] &&
			(vtd || name->words[2] == words[2]))
			nr += name->nr;
	}
	return nr;
}
