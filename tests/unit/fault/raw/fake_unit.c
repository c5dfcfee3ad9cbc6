/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "fake_unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- registers ------------------------------------------------------------------------------------- */

uint64_t fake_reg(const struct fake_unit *f, uint32_t off)
{
	uint64_t value;

	memcpy(&value, f->regs + off, sizeof(value));
	return value;
}

void fake_reg_set(struct fake_unit *f, uint32_t off, uint64_t value)
{
	memcpy(f->regs + off, &value, sizeof(value));
}

static uint32_t reg32(const struct fake_unit *f, uint32_t off)
{
	uint32_t value;

	memcpy(&value, f->regs + off, sizeof(value));
	return value;
}

static void reg32_set(struct fake_unit *f, uint32_t off, uint32_t value)
{
	memcpy(f->regs + off, &value, sizeof(value));
}

static void interrupt(struct fake_unit *f)
{
	uint64_t one = 1;

	assert_int_equal(write(f->unit.fd, &one, sizeof(one)), sizeof(one));
}

bool fake_unit_interrupted(const struct fake_unit *f)
{
	struct pollfd fd = { .fd = f->unit.fd, .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

static void answer_log(struct fake_unit *f, const void *desc, size_t len)
{
	assert_true(f->nr_answers < UNIT_ANSWERS);
	memcpy(f->answers[f->nr_answers++], desc, len);
}

static void drained(struct fake_unit *f)
{
	f->nr_drains++;
	if (f->on_drain != NULL)
		f->on_drain(f);
}

static void vtd_desc_take(struct fake_unit *f, const uint64_t *qw)
{
	switch (SVART_FIELD_GET(SVART_VTD_QI_TYPE, qw[0])) {
	case SVART_VTD_QI_PAGE_GROUP_RESPONSE:
		answer_log(f, qw, 32);
		break;
	case SVART_VTD_QI_WAIT:
		assert_true(qw[0] & SVART_VTD_WAIT_STATUS_WRITE);
		if (qw[0] & SVART_VTD_WAIT_PRQ_DRAIN)
			drained(f);
		__atomic_store_n((uint32_t *)(uintptr_t)qw[1],
			(uint32_t)SVART_FIELD_GET(SVART_VTD_WAIT_STATUS_DATA, qw[0]),
			__ATOMIC_RELEASE);
		break;
	default:
		fail_msg("descriptor %#llx", (unsigned long long)qw[0]);
	}
}

static void vtd_answers_take(struct fake_unit *f)
{
	uint64_t iqa = fake_reg(f, SVART_VTD_IQA_OFF);
	uint64_t bytes = UINT64_C(4096) << SVART_FIELD_GET(SVART_VTD_IQA_QS, iqa);
	const uint8_t *ring = (const uint8_t *)(uintptr_t)(iqa & SVART_VTD_IQA_BASE);
	uint64_t head = fake_reg(f, SVART_VTD_IQH_OFF);

	assert_true(iqa & SVART_VTD_IQA_DW);
	while (head != fake_reg(f, SVART_VTD_IQT_OFF)) {
		vtd_desc_take(f, (const uint64_t *)(const void *)(ring + head));
		head = (head + 32) & (bytes - 1);
	}
	fake_reg_set(f, SVART_VTD_IQH_OFF, head);
}

static void smmu_answers_take(struct fake_unit *f)
{
	uint64_t base = fake_reg(f, SVART_SMMU_CMDQ_BASE_OFF);
	uint32_t nr = 1u << SVART_FIELD_GET(SVART_SMMU_Q_BASE_LOG2, base);
	const struct svart_smmu_cmd *ring =
		(const struct svart_smmu_cmd *)(uintptr_t)(base & SVART_SMMU_Q_BASE_ADDR);
	uint32_t cons = reg32(f, SVART_SMMU_CMDQ_CONS_OFF);

	assert_int_equal((uintptr_t)ring & (nr * sizeof(*ring) - 1), 0);
	while (cons != reg32(f, SVART_SMMU_CMDQ_PROD_OFF)) {
		if ((ring[cons & (nr - 1)].dw[0] & 0xff) == SVART_SMMU_CMD_SYNC)
			drained(f);
		else
			answer_log(f, &ring[cons & (nr - 1)], sizeof(*ring));
		cons = (cons + 1) & (2 * nr - 1);
	}
	reg32_set(f, SVART_SMMU_CMDQ_CONS_OFF, cons);
}

static void answers_take(struct fake_unit *f)
{
	if (f->stuck || f->pauses != 0)
		return;
	if (f->unit.kind == SVART_IOMMU_UNIT_VTD) {
		if (reg32(f, SVART_VTD_GSTS_OFF) & SVART_VTD_GCMD_QIE)
			vtd_answers_take(f);
	} else if (reg32(f, SVART_SMMU_CR0_OFF) & SVART_SMMU_CR0_CMDQEN) {
		smmu_answers_take(f);
	}
}

static void vtd_effect(struct fake_unit *f, uint32_t off, uint32_t old)
{
	uint32_t value = reg32(f, off);

	switch (off) {
	case SVART_VTD_GCMD_OFF:
		reg32_set(f, SVART_VTD_GSTS_OFF, value);
		break;
	case SVART_VTD_PRS_OFF:
		reg32_set(f, off, old & ~value);
		break;
	case SVART_VTD_IQT_OFF:
		f->nr_doorbells += (reg32(f, SVART_VTD_GSTS_OFF) & SVART_VTD_GCMD_QIE) != 0;
		answers_take(f);
		break;
	default:
		break;
	}
}

static void smmu_effect(struct fake_unit *f, uint32_t off)
{
	switch (off) {
	case SVART_SMMU_CR0_OFF:
		reg32_set(f, SVART_SMMU_CR0ACK_OFF, reg32(f, off));
		break;
	case SVART_SMMU_IRQ_CTRL_OFF:
		reg32_set(f, SVART_SMMU_IRQ_CTRLACK_OFF, reg32(f, off));
		break;
	case SVART_SMMU_CMDQ_PROD_OFF:
		f->nr_doorbells++;
		answers_take(f);
		break;
	default:
		break;
	}
}

static uint32_t reg_off(const struct fake_unit *f, const volatile void *addr, unsigned int size)
{
	uint64_t off = (uint64_t)((const volatile uint8_t *)addr - f->regs);

	assert_true(off + size <= f->unit.bytes);
	assert_int_equal(off % size, 0);
	return (uint32_t)off;
}

static void unit_write(
	struct svart_machine *m, volatile void *addr, const void *value, unsigned int size)
{
	struct fake_unit *f = (struct fake_unit *)m;
	uint32_t off = reg_off(f, addr, size), old;

	pthread_mutex_lock(&f->lock);
	old = reg32(f, off);
	if (f->deaf_reg == 0 || off != f->deaf_reg) {
		memcpy(f->regs + off, value, size);
		if (f->unit.kind == SVART_IOMMU_UNIT_VTD)
			vtd_effect(f, off, old);
		else
			smmu_effect(f, off);
	}
	pthread_mutex_unlock(&f->lock);
}

static void unit_write32(struct svart_machine *m, volatile void *addr, uint32_t value)
{
	unit_write(m, addr, &value, sizeof(value));
}

static void unit_write64(struct svart_machine *m, volatile void *addr, uint64_t value)
{
	unit_write(m, addr, &value, sizeof(value));
}

static uint32_t unit_read32(struct svart_machine *m, const volatile void *addr)
{
	struct fake_unit *f = (struct fake_unit *)m;
	void (*on_read)(struct fake_unit * f) = f->on_read;
	uint32_t off = reg_off(f, addr, 4), value;

	pthread_mutex_lock(&f->lock);
	if (on_read != NULL && off == f->off_on_read) {
		f->on_read = NULL;
		on_read(f);
	}
	value = reg32(f, off);
	pthread_mutex_unlock(&f->lock);
	return value;
}

static uint64_t unit_read64(struct svart_machine *m, const volatile void *addr)
{
	struct fake_unit *f = (struct fake_unit *)m;
	uint64_t value;

	pthread_mutex_lock(&f->lock);
	value = fake_reg(f, reg_off(f, addr, 8));
	pthread_mutex_unlock(&f->lock);
	return value;
}

/* --- the rest of the machine ----------------------------------------------------------------------- */

static ssize_t unit_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	struct fake_unit *f = (struct fake_unit *)m;
	ssize_t n;

	assert_int_equal(fd, f->unit.fd);
	f->nr_reads++;
	n = read(fd, buf, len);
	return n < 0 ? -errno : n;
}

static int unit_mmap(struct svart_machine *m, void *addr, size_t len, int prot, int flags, int fd,
	off_t off, void **out)
{
	struct fake_unit *f = (struct fake_unit *)m;

	if (f->mmap_rc != 0)
		return f->mmap_rc;
	*out = mmap(addr, len, prot, flags, fd, off);
	assert_ptr_not_equal(*out, MAP_FAILED);
	f->nr_maps++;
	return 0;
}

static int unit_munmap(struct svart_machine *m, void *addr, size_t len)
{
	((struct fake_unit *)m)->nr_maps--;
	return munmap(addr, len);
}

static int unit_madvise(struct svart_machine *m, void *addr, size_t len, int advice)
{
	struct fake_unit *f = (struct fake_unit *)m;

	assert_int_equal(advice, MADV_DONTFORK);
	return f->madvise_rc != 0 ? f->madvise_rc : madvise(addr, len, advice);
}

static void unit_pause(struct svart_machine *m, uint64_t deadline_ns)
{
	struct fake_unit *f = (struct fake_unit *)m;

	(void)deadline_ns;
	pthread_mutex_lock(&f->lock);
	f->nr_pauses++;
	if (f->pauses != 0 && --f->pauses == 0)
		answers_take(f);
	pthread_mutex_unlock(&f->lock);
}

static const struct svart_machine_ops unit_ops = {
	.name = "unit",
	.read = unit_read,
	.mmap = unit_mmap,
	.munmap = unit_munmap,
	.madvise = unit_madvise,
	.mmio_read32 = unit_read32,
	.mmio_read64 = unit_read64,
	.mmio_write32 = unit_write32,
	.mmio_write64 = unit_write64,
	.pause = unit_pause,
};

struct fake_unit *fake_unit_create(enum svart_iommu_unit_kind kind)
{
	struct fake_unit *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base.ops = &unit_ops;
	pthread_mutex_init(&f->lock, NULL);
	f->unit = (struct svart_iommu_unit){
		.kind = kind,
		.requester_id = UNIT_RID,
		.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.regs = f->regs,
		.bytes =
			kind == SVART_IOMMU_UNIT_VTD ? SVART_VTD_REGS_BYTES : SVART_SMMU_REGS_BYTES,
	};
	if (kind == SVART_IOMMU_UNIT_VTD) {
		fake_reg_set(f, SVART_VTD_ECAP_OFF,
			SVART_VTD_ECAP_QI | SVART_VTD_ECAP_PRS | SVART_VTD_ECAP_PDS |
				SVART_VTD_ECAP_SMTS);
	} else {
		reg32_set(f, SVART_SMMU_IDR0_OFF, (uint32_t)SVART_SMMU_IDR0_PRI);
		reg32_set(f, SVART_SMMU_IDR1_OFF,
			(uint32_t)(SVART_FIELD_PREP(SVART_SMMU_IDR1_CMDQS, 6) |
				   SVART_FIELD_PREP(SVART_SMMU_IDR1_EVTQS, 5) |
				   SVART_FIELD_PREP(SVART_SMMU_IDR1_PRIQS, 4)));
	}
	return f;
}

void fake_unit_destroy(struct fake_unit *f)
{
	assert_int_equal(f->nr_maps, 0);
	close(f->unit.fd);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* --- requests -------------------------------------------------------------------------------------- */

struct svart_vtd_page_request vtd_record(
	uint32_t pasid, uint32_t group, uint32_t flags, uint32_t access, uint64_t addr)
{
	struct svart_vtd_page_request r = { 0 };

	r.qw[0] = SVART_VTD_PRQ_TYPE_REQUEST | SVART_FIELD_PREP(SVART_VTD_PRQ_RID, UNIT_RID) |
		  SVART_FIELD_PREP(SVART_VTD_PRQ_PASID, pasid) |
		  (flags & PASID ? SVART_VTD_PRQ_PASID_PRESENT : 0) |
		  (flags & OWN ? SVART_VTD_PRQ_PRIV_PRESENT : 0) |
		  (access & X ? SVART_VTD_PRQ_EXEC : 0);
	r.qw[1] = SVART_FIELD_PREP(SVART_VTD_PRQ_PRGI, group) | (addr & SVART_VTD_PRQ_ADDR) |
		  (flags & LAST ? SVART_VTD_PRQ_LPIG : 0) | (access & R ? SVART_VTD_PRQ_READ : 0) |
		  (access & W ? SVART_VTD_PRQ_WRITE : 0);
	if (flags & OWN) {
		r.qw[2] = UINT64_C(0x1111222233334444) + group;
		r.qw[3] = addr;
	}
	return r;
}

void vtd_queue(struct fake_unit *f, struct svart_vtd_page_request record)
{
	uint64_t pqa = fake_reg(f, SVART_VTD_PQA_OFF), bytes, tail;
	uint32_t prs = reg32(f, SVART_VTD_PRS_OFF);

	if (prs & SVART_VTD_PRS_PRO)
		return;
	bytes = UINT64_C(4096) << SVART_FIELD_GET(SVART_VTD_PQA_PQS, pqa);
	tail = fake_reg(f, SVART_VTD_PQT_OFF);
	if (((tail + 32) & (bytes - 1)) == fake_reg(f, SVART_VTD_PQH_OFF)) {
		reg32_set(f, SVART_VTD_PRS_OFF, prs | (uint32_t)SVART_VTD_PRS_PRO);
		return;
	}
	memcpy((uint8_t *)(uintptr_t)(pqa & SVART_VTD_PQA_BASE) + tail, &record, sizeof(record));
	fake_reg_set(f, SVART_VTD_PQT_OFF, (tail + 32) & (bytes - 1));
	reg32_set(f, SVART_VTD_PRS_OFF, prs | (uint32_t)SVART_VTD_PRS_PPR);
	if (!(prs & SVART_VTD_PRS_PPR))
		interrupt(f);
}

/** @return false: it does not fit. */
static bool smmu_queue(struct fake_unit *f, uint32_t base_off, uint32_t prod_off, uint32_t cons_off,
	const void *record, size_t len)
{
	uint64_t base = fake_reg(f, base_off);
	uint32_t nr = 1u << SVART_FIELD_GET(SVART_SMMU_Q_BASE_LOG2, base);
	uint32_t flag = reg32(f, prod_off) & (uint32_t)SVART_SMMU_Q_OVERFLOW;
	uint32_t prod = reg32(f, prod_off) & ~(uint32_t)SVART_SMMU_Q_OVERFLOW;
	uint32_t ack = reg32(f, cons_off) & (uint32_t)SVART_SMMU_Q_OVERFLOW;
	uint32_t cons = reg32(f, cons_off) & ~(uint32_t)SVART_SMMU_Q_OVERFLOW;

	if (((prod - cons) & (2 * nr - 1)) == nr) {
		if (flag == ack)
			reg32_set(f, prod_off, prod | (flag ^ (uint32_t)SVART_SMMU_Q_OVERFLOW));
		return false;
	}
	memcpy((uint8_t *)(uintptr_t)(base & SVART_SMMU_Q_BASE_ADDR) + (prod & (nr - 1)) * len,
		record, len);
	reg32_set(f, prod_off, ((prod + 1) & (2 * nr - 1)) | flag);
	if (prod == cons)
		interrupt(f);
	return true;
}

void smmu_event_queue(struct fake_unit *f, struct svart_smmu_event event)
{
	smmu_queue(f, SVART_SMMU_EVTQ_BASE_OFF, SVART_SMMU_EVTQ_PROD_OFF, SVART_SMMU_EVTQ_CONS_OFF,
		&event, sizeof(event));
}

void smmu_pri_queue(struct fake_unit *f, struct svart_smmu_pri pri)
{
	smmu_queue(f, SVART_SMMU_PRIQ_BASE_OFF, SVART_SMMU_PRIQ_PROD_OFF, SVART_SMMU_PRIQ_CONS_OFF,
		&pri, sizeof(pri));
}

struct fake_rig *fake_rig_create(enum svart_iommu_unit_kind kind)
{
	struct fake_rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->f = fake_unit_create(kind);
	assert_int_equal(svart_fault_raw_create(&rig->f->base, &rig->f->unit, &rig->raw), 0);
	assert_int_equal(svart_fault_source_raw_create(rig->raw, 5, &rig->s), 0);
	return rig;
}

void fake_rig_destroy(struct fake_rig *rig)
{
	rig->s->ops->destroy(rig->s);
	svart_fault_raw_destroy(rig->raw);
	fake_unit_destroy(rig->f);
	free(rig);
}

ssize_t fake_rig_fetch(struct fake_rig *rig)
{
	return rig->s->ops->fetch(rig->s, rig->out, SVART_ARRAY_SIZE(rig->out));
}

struct svart_page_response answer_to(const struct svart_page_request *r, uint32_t code)
{
	return (struct svart_page_response){
		.token = r->token,
		.pasid = r->pasid,
		.group_id = r->group_id,
		.flags = r->flags & (PASID | LAST | OWN),
		.code = code,
		.private_data = { r->private_data[0], r->private_data[1] },
	};
}
