/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The registers of a SMMUv3 as far as it carries page faults (IHI 0070, 6.3). There are two kinds: one
 * with stalls (event queue), one with page requests (PRI queue). Both have a command queue for the
 * answers; every command except the three of smmu_spec.h is illegal.
 *
 * The kernel does translation, so CR0.SMMUEN is stored and does nothing. A change of CR0 or IRQ_CTRL has
 * taken effect when the write returns.
 */

#include <errno.h>
#include <stdlib.h>

#include "bits.h"
#include "iommu_device.h"
#include "smmu_spec.h"
#include "unit_smmu.h"

#define CR0_BITS                                                                 \
	(SVART_SMMU_CR0_SMMUEN | SVART_SMMU_CR0_PRIQEN | SVART_SMMU_CR0_EVTQEN | \
		SVART_SMMU_CR0_CMDQEN)
#define IRQ_BITS (SVART_SMMU_IRQ_CTRL_GERROR | SVART_SMMU_IRQ_CTRL_PRIQ | SVART_SMMU_IRQ_CTRL_EVTQ)

/** Reads an ID register: what the unit has. */
static uint32_t identify(const struct svart_smmu *s, uint64_t off)
{
	bool stalls = s->unit.ops->stalls;
	uint64_t model = stalls ? SVART_SMMU_STALL_SUPPORTED : SVART_SMMU_STALL_NONE;

	switch (off) {
	case SVART_SMMU_IDR0_OFF:
		return (uint32_t)(SVART_FIELD_PREP(SVART_SMMU_IDR0_PRI, !stalls) |
				  SVART_FIELD_PREP(SVART_SMMU_IDR0_STALL_MODEL, model));
	case SVART_SMMU_IDR1_OFF:
		return (uint32_t)(SVART_FIELD_PREP(SVART_SMMU_IDR1_CMDQS, SVART_SMMU_QUEUE_LOG2) |
				  SVART_FIELD_PREP(SVART_SMMU_IDR1_EVTQS, SVART_SMMU_QUEUE_LOG2) |
				  SVART_FIELD_PREP(SVART_SMMU_IDR1_PRIQS,
					  stalls ? 0 : SVART_SMMU_QUEUE_LOG2));
	case SVART_SMMU_IDR5_OFF:
		return (uint32_t)SVART_FIELD_PREP(SVART_SMMU_IDR5_STALL_MAX, s->max_waiting);
	default:
		return 0;
	}
}

static bool is_enabled(const struct svart_smmu *s, uint64_t bit)
{
	return (s->cr0 & bit) != 0;
}

/**
 * @param fixed out: whether the register is written only while its queue is disabled: the SMMU itself moves
 *              it.
 * @return the PROD or CONS register at off, or NULL.
 */
static uint32_t *index_at(struct svart_smmu *s, uint64_t off, bool *fixed)
{
	*fixed = false;
	switch (off) {
	case SVART_SMMU_CMDQ_PROD_OFF:
		return &s->cmdq.prod;
	case SVART_SMMU_CMDQ_CONS_OFF:
		*fixed = is_enabled(s, SVART_SMMU_CR0_CMDQEN);
		return &s->cmdq.cons;
	case SVART_SMMU_EVTQ_PROD_OFF:
		*fixed = is_enabled(s, SVART_SMMU_CR0_EVTQEN);
		return &s->evtq.prod;
	case SVART_SMMU_EVTQ_CONS_OFF:
		return &s->evtq.cons;
	case SVART_SMMU_PRIQ_PROD_OFF:
		*fixed = is_enabled(s, SVART_SMMU_CR0_PRIQEN);
		return s->unit.ops->stalls ? NULL : &s->priq.prod;
	case SVART_SMMU_PRIQ_CONS_OFF:
		return s->unit.ops->stalls ? NULL : &s->priq.cons;
	default:
		return NULL;
	}
}

/** @return the BASE register that covers off, or NULL. As index_at(). */
static uint64_t *base_at(struct svart_smmu *s, uint64_t off, bool *fixed)
{
	*fixed = false;
	switch (off & ~UINT64_C(7)) {
	case SVART_SMMU_CMDQ_BASE_OFF:
		*fixed = is_enabled(s, SVART_SMMU_CR0_CMDQEN);
		return &s->cmdq.base;
	case SVART_SMMU_EVTQ_BASE_OFF:
		*fixed = is_enabled(s, SVART_SMMU_CR0_EVTQEN);
		return &s->evtq.base;
	case SVART_SMMU_PRIQ_BASE_OFF:
		*fixed = is_enabled(s, SVART_SMMU_CR0_PRIQEN);
		return s->unit.ops->stalls ? NULL : &s->priq.base;
	default:
		return NULL;
	}
}

static uint32_t read_word(struct svart_smmu *s, uint64_t off)
{
	bool fixed;
	uint64_t *base = base_at(s, off, &fixed);
	uint32_t *index = index_at(s, off, &fixed);

	if (base != NULL)
		return (uint32_t)(off % 8 == 0 ? *base : *base >> 32);
	if (index != NULL)
		return *index;
	switch (off) {
	case SVART_SMMU_CR0_OFF:
	case SVART_SMMU_CR0ACK_OFF:
		return s->cr0;
	case SVART_SMMU_IRQ_CTRL_OFF:
	case SVART_SMMU_IRQ_CTRLACK_OFF:
		return s->irq_ctrl;
	case SVART_SMMU_GERROR_OFF:
		return s->gerror;
	case SVART_SMMU_GERRORN_OFF:
		return s->gerrorn;
	default:
		return identify(s, off);
	}
}

static void write_base(uint64_t *base, uint64_t off, uint32_t value)
{
	uint64_t mask = off % 8 == 0 ? SVART_MASK(31, 0) : SVART_MASK(63, 32);

	*base = (*base & ~mask) | (((uint64_t)value << 32 | value) & mask);
	*base &= SVART_SMMU_Q_BASE_ADDR | SVART_SMMU_Q_BASE_LOG2;
}

static void write_control(struct svart_smmu *s, uint64_t off, uint32_t value)
{
	uint64_t cr0 = CR0_BITS;

	if (s->unit.ops->stalls)
		cr0 &= ~SVART_SMMU_CR0_PRIQEN;
	switch (off) {
	case SVART_SMMU_CR0_OFF:
		s->cr0 = value & (uint32_t)cr0;
		break;
	case SVART_SMMU_IRQ_CTRL_OFF:
		s->irq_ctrl = value & (uint32_t)IRQ_BITS;
		break;
	case SVART_SMMU_GERRORN_OFF:
		s->gerrorn = value;
		break;
	default:
		break;
	}
}

static void write_word(struct svart_smmu *s, uint64_t off, uint32_t value)
{
	bool base_fixed, index_fixed;
	uint64_t *base = base_at(s, off, &base_fixed);
	uint32_t *index = index_at(s, off, &index_fixed);

	if (base_fixed || index_fixed)
		return;
	if (base != NULL)
		write_base(base, off, value);
	else if (index != NULL)
		*index = value;
	else
		write_control(s, off, value);
}

/* --- calls ------------------------------------------------------------------------------------- */

static uint64_t smmu_read(struct svart_unit *unit, uint64_t off, unsigned int size)
{
	struct svart_smmu *s = (struct svart_smmu *)unit;
	uint64_t value = read_word(s, off);

	return size == 8 ? value | (uint64_t)read_word(s, off + 4) << 32 : value;
}

static void smmu_write(struct svart_unit *unit, uint64_t off, unsigned int size, uint64_t value)
{
	struct svart_smmu *s = (struct svart_smmu *)unit;

	write_word(s, off, (uint32_t)value);
	if (size == 8)
		write_word(s, off + 4, (uint32_t)(value >> 32));
	/* Any of these writes may have made room, enabled a queue or acknowledged an error. */
	svart_smmu_drain(s);
	svart_smmu_consume(s);
}

static void smmu_reset(struct svart_unit *unit)
{
	struct svart_smmu *s = (struct svart_smmu *)unit;

	s->cr0 = 0;
	s->irq_ctrl = 0;
	s->gerror = 0;
	s->gerrorn = 0;
	s->cmdq = (struct svart_smmu_queue){ 0 };
	s->evtq = (struct svart_smmu_queue){ 0 };
	s->priq = (struct svart_smmu_queue){ 0 };
	s->nr_waiting = 0;
}

/** @param max_waiting most transactions that can stall at one time. */
static int create(struct svart_iommu_device *dev, const struct svart_unit_ops *ops,
	uint32_t max_waiting, struct svart_unit **out)
{
	struct svart_smmu *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->unit.ops = ops;
	s->unit.dev = dev;
	s->unit.event_fd = -1;
	s->max_waiting = max_waiting;
	if (max_waiting > 0)
		s->waiting = calloc(max_waiting, sizeof(s->waiting[0]));
	if (max_waiting > 0 && s->waiting == NULL) {
		free(s);
		return -ENOMEM;
	}
	*out = &s->unit;
	return 0;
}

static int create_stall(struct svart_iommu_device *dev, struct svart_unit **out)
{
	uint32_t most = (uint32_t)SVART_FIELD_GET(SVART_SMMU_IDR5_STALL_MAX, UINT64_MAX);
	uint32_t capacity = dev->type->pri_capacity;

	return create(dev, &svart_unit_smmu_stall, capacity < most ? capacity : most, out);
}

static int create_pri(struct svart_iommu_device *dev, struct svart_unit **out)
{
	return create(dev, &svart_unit_smmu_pri, 0, out);
}

static void smmu_destroy(struct svart_unit *unit)
{
	struct svart_smmu *s = (struct svart_smmu *)unit;

	free(s->waiting);
	free(s);
}

const struct svart_unit_ops svart_unit_smmu_stall = {
	.kind = SVART_IOMMU_UNIT_SMMU,
	.bytes = SVART_SMMU_REGS_BYTES,
	.stalls = true,
	.create = create_stall,
	.destroy = smmu_destroy,
	.reset = smmu_reset,
	.read = smmu_read,
	.write = smmu_write,
	.report = svart_smmu_report_stall,
};

const struct svart_unit_ops svart_unit_smmu_pri = {
	.kind = SVART_IOMMU_UNIT_SMMU,
	.bytes = SVART_SMMU_REGS_BYTES,
	.create = create_pri,
	.destroy = smmu_destroy,
	.reset = smmu_reset,
	.read = smmu_read,
	.write = smmu_write,
	.report = svart_smmu_report_page_request,
};
