/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "vtd_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int vtd_open_file(struct rig *r)
{
	char path[64];

	snprintf(path, sizeof(path), SVART_IOMMU_UNIT_DIR "%s", r->address);
	return r->m->ops->open(r->m, path, O_RDWR);
}

void vtd_open(struct vtd *v, const char *options)
{
	void *regs;

	memset(v, 0, sizeof(*v));
	rig_attach(&v->r, options);
	v->fd = vtd_open_file(&v->r);
	assert_true(v->fd >= 0);
	assert_int_equal(v->r.m->ops->mmap(v->r.m, NULL, SVART_VTD_REGS_BYTES,
				 PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0, &regs),
		0);
	v->regs = regs;
}

void vtd_start(struct vtd *v, const char *options)
{
	vtd_open(v, options);
	v->prq = rig_memory(PAGE);
	v->iq = rig_memory(PAGE);
	vtd_set(v, SVART_VTD_PQH_OFF, 0);
	vtd_set(v, SVART_VTD_PQT_OFF, 0);
	vtd_set(v, SVART_VTD_PQA_OFF, (uintptr_t)v->prq);
	vtd_set32(v, SVART_VTD_PECTL_OFF, 0);
	vtd_set(v, SVART_VTD_IQT_OFF, 0);
	vtd_set(v, SVART_VTD_IQA_OFF, (uintptr_t)v->iq | SVART_VTD_IQA_DW);
	vtd_set32(v, SVART_VTD_GCMD_OFF, SVART_VTD_GCMD_QIE);
	assert_int_equal(vtd_get32(v, SVART_VTD_GSTS_OFF), SVART_VTD_GCMD_QIE);
}

void vtd_close(struct vtd *v)
{
	if (v->regs == NULL)
		return;
	assert_int_equal(v->r.m->ops->munmap(v->r.m, v->regs, SVART_VTD_REGS_BYTES), 0);
	v->regs = NULL;
	assert_int_equal(v->r.m->ops->close(v->r.m, v->fd), 0);
}

void vtd_end(struct vtd *v)
{
	vtd_close(v);
	rig_destroy(&v->r);
	if (v->prq != NULL)
		munmap(v->prq, PAGE);
	if (v->iq != NULL)
		munmap(v->iq, PAGE);
}

uint32_t vtd_rid(void)
{
	return 0xe700; /* 0000:e7:00.0 */
}

uint64_t vtd_get(struct vtd *v, uint64_t off)
{
	return v->r.m->ops->mmio_read64(v->r.m, v->regs + off);
}

uint32_t vtd_get32(struct vtd *v, uint64_t off)
{
	return v->r.m->ops->mmio_read32(v->r.m, v->regs + off);
}

void vtd_set(struct vtd *v, uint64_t off, uint64_t value)
{
	v->r.m->ops->mmio_write64(v->r.m, v->regs + off, value);
}

void vtd_set32(struct vtd *v, uint64_t off, uint32_t value)
{
	v->r.m->ops->mmio_write32(v->r.m, v->regs + off, value);
}

bool vtd_next(struct vtd *v, struct svart_vtd_page_request *out)
{
	uint64_t head = vtd_get(v, SVART_VTD_PQH_OFF);

	if (head == vtd_get(v, SVART_VTD_PQT_OFF))
		return false;
	*out = v->prq[head / sizeof(*out)];
	vtd_set(v, SVART_VTD_PQH_OFF, (head + sizeof(*out)) % PAGE);
	return true;
}

unsigned int vtd_drain(struct vtd *v)
{
	struct svart_vtd_page_request record;
	unsigned int nr = 0;

	while (vtd_next(v, &record))
		nr++;
	return nr;
}

void vtd_push(struct vtd *v, struct svart_vtd_qi_desc desc)
{
	uint64_t tail = vtd_get(v, SVART_VTD_IQT_OFF);

	v->iq[tail / sizeof(desc)] = desc;
	vtd_set(v, SVART_VTD_IQT_OFF, (tail + sizeof(desc)) % PAGE);
}

struct svart_vtd_qi_desc vtd_response(uint32_t pasid, uint16_t prgi, uint64_t code)
{
	struct svart_vtd_qi_desc d = { { 0 } };

	d.qw[0] = SVART_VTD_QI_PAGE_GROUP_RESPONSE | SVART_FIELD_PREP(SVART_VTD_PGR_CODE, code) |
		  SVART_FIELD_PREP(SVART_VTD_PGR_RID, vtd_rid());
	if (pasid != NO_PASID)
		d.qw[0] |=
			SVART_VTD_PGR_PASID_PRESENT | SVART_FIELD_PREP(SVART_VTD_PGR_PASID, pasid);
	d.qw[1] = SVART_VTD_PGR_LPIG | SVART_FIELD_PREP(SVART_VTD_PGR_PRGI, prgi);
	return d;
}

struct svart_vtd_qi_desc vtd_own_response(const struct svart_vtd_page_request *to, uint64_t code)
{
	uint32_t pasid = (to->qw[0] & SVART_VTD_PRQ_PASID_PRESENT) != 0
				 ? (uint32_t)SVART_FIELD_GET(SVART_VTD_PRQ_PASID, to->qw[0])
				 : NO_PASID;
	uint16_t prgi = (uint16_t)SVART_FIELD_GET(SVART_VTD_PRQ_PRGI, to->qw[1]);
	struct svart_vtd_qi_desc d = vtd_response(pasid, prgi, code);

	d.qw[0] |= SVART_VTD_PGR_PRIV_PRESENT;
	if ((to->qw[1] & SVART_VTD_PRQ_LPIG) == 0)
		d.qw[1] &= ~SVART_VTD_PGR_LPIG;
	d.qw[2] = to->qw[2];
	d.qw[3] = to->qw[3];
	return d;
}
