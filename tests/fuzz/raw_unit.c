/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "raw_unit.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "vtd_spec.h"

#define UNIT_FD 42
/** Of one input, so that none takes long: all rings full eight times. */
#define MAX_RECORDS 32768

/* --- registers ------------------------------------------------------------------------------------- */

static uint64_t reg64(const struct raw_unit *u, uint32_t off)
{
	return u->regs[off / 8];
}

static void reg64_set(struct raw_unit *u, uint32_t off, uint64_t value)
{
	u->regs[off / 8] = value;
}

static uint32_t reg32(const struct raw_unit *u, uint32_t off)
{
	uint32_t value;

	memcpy(&value, (const uint8_t *)u->regs + off, sizeof(value));
	return value;
}

static void reg32_set(struct raw_unit *u, uint32_t off, uint32_t value)
{
	memcpy((uint8_t *)u->regs + off, &value, sizeof(value));
}

/* --- answers --------------------------------------------------------------------------------------- */

static void desc_take(struct raw_unit *u, const uint64_t *desc)
{
	uint64_t words[4];

	if (raw_names_answer(u->file.kind, desc, words))
		raw_names_settle(&u->names, words);
}

/** The end of a drain: requests that were on their way are in the ring first. */
static void drain_end(struct raw_unit *u)
{
	unsigned int nr = u->at_drain;

	u->at_drain = 0;
	raw_unit_queue(u, nr);
}

static void vtd_wait_end(struct raw_unit *u, const uint64_t *qw)
{
	if (SVART_FIELD_GET(SVART_VTD_QI_TYPE, qw[0]) != SVART_VTD_QI_WAIT)
		return;
	drain_end(u);
	*(uint32_t *)(uintptr_t)(qw[1] & SVART_VTD_WAIT_STATUS_ADDRESS) =
		(uint32_t)SVART_FIELD_GET(SVART_VTD_WAIT_STATUS_DATA, qw[0]);
}

static void vtd_answers_take(struct raw_unit *u)
{
	uint64_t iqa = reg64(u, SVART_VTD_IQA_OFF), head = reg64(u, SVART_VTD_IQH_OFF);
	uint64_t bytes = UINT64_C(4096) << SVART_FIELD_GET(SVART_VTD_IQA_QS, iqa);
	const uint8_t *ring = (const uint8_t *)(uintptr_t)(iqa & SVART_VTD_IQA_BASE);
	const uint64_t *qw;

	if (!(reg32(u, SVART_VTD_GSTS_OFF) & SVART_VTD_GCMD_QIE))
		return;
	while (head != reg64(u, SVART_VTD_IQT_OFF)) {
		qw = (const uint64_t *)(const void *)(ring + head);
		desc_take(u, qw);
		vtd_wait_end(u, qw);
		head = (head + 32) & (bytes - 1);
	}
	reg64_set(u, SVART_VTD_IQH_OFF, head);
}

static void smmu_answers_take(struct raw_unit *u)
{
	uint64_t base = reg64(u, SVART_SMMU_CMDQ_BASE_OFF);
	uint32_t nr = 1u << SVART_FIELD_GET(SVART_SMMU_Q_BASE_LOG2, base);
	uint32_t cons = reg32(u, SVART_SMMU_CMDQ_CONS_OFF);
	const struct svart_smmu_cmd *ring =
		(const struct svart_smmu_cmd *)(uintptr_t)(base & SVART_SMMU_Q_BASE_ADDR);
	const struct svart_smmu_cmd *cmd;

	if (!(reg32(u, SVART_SMMU_CR0_OFF) & SVART_SMMU_CR0_CMDQEN))
		return;
	while (cons != reg32(u, SVART_SMMU_CMDQ_PROD_OFF)) {
		cmd = &ring[cons & (nr - 1)];
		desc_take(u, cmd->dw);
		if (SVART_FIELD_GET(SVART_SMMU_CMD_OP, cmd->dw[0]) == SVART_SMMU_CMD_SYNC)
			drain_end(u);
		cons = (cons + 1) & (2 * nr - 1);
	}
	reg32_set(u, SVART_SMMU_CMDQ_CONS_OFF, cons);
}

static void answers_take(struct raw_unit *u)
{
	if (u->broken)
		return;
	if (raw_unit_is_vtd(u))
		vtd_answers_take(u);
	else
		smmu_answers_take(u);
}

/** svart has told of answers. */
static void answers_told(struct raw_unit *u)
{
	if (u->slow == 0)
		answers_take(u);
	else if (u->wait == 0)
		u->wait = u->slow;
}

void raw_unit_slow(struct raw_unit *u, unsigned int pauses)
{
	u->slow = pauses;
	u->wait = 0;
	answers_told(u);
}

/* --- requests -------------------------------------------------------------------------------------- */

/** @return whether it came into the ring. */
static bool vtd_queue(struct raw_unit *u, const uint64_t *qw)
{
	uint64_t pqa = reg64(u, SVART_VTD_PQA_OFF), tail = reg64(u, SVART_VTD_PQT_OFF);
	uint64_t bytes = UINT64_C(4096) << SVART_FIELD_GET(SVART_VTD_PQA_PQS, pqa);
	uint64_t next = (tail + 32) & (bytes - 1);
	uint32_t prs = reg32(u, SVART_VTD_PRS_OFF);

	if (!(pqa & SVART_VTD_PQA_BASE) || (prs & SVART_VTD_PRS_PRO))
		return false;
	if (next == reg64(u, SVART_VTD_PQH_OFF)) {
		reg32_set(u, SVART_VTD_PRS_OFF, (uint32_t)(prs | SVART_VTD_PRS_PRO));
		return false;
	}
	memcpy((uint8_t *)(uintptr_t)(pqa & SVART_VTD_PQA_BASE) + tail, qw, 32);
	reg64_set(u, SVART_VTD_PQT_OFF, next);
	if (!(prs & SVART_VTD_PRS_PPR))
		u->interrupt = true;
	reg32_set(u, SVART_VTD_PRS_OFF, (uint32_t)(prs | SVART_VTD_PRS_PPR));
	return true;
}

static bool smmu_queue(struct raw_unit *u, unsigned int ring, const uint64_t *dw)
{
	uint32_t prod_off = ring == 0 ? SVART_SMMU_EVTQ_PROD_OFF : SVART_SMMU_PRIQ_PROD_OFF;
	uint32_t cons = reg32(u, ring == 0 ? SVART_SMMU_EVTQ_CONS_OFF : SVART_SMMU_PRIQ_CONS_OFF);
	uint64_t base = reg64(u, ring == 0 ? SVART_SMMU_EVTQ_BASE_OFF : SVART_SMMU_PRIQ_BASE_OFF);
	uint32_t nr = 1u << SVART_FIELD_GET(SVART_SMMU_Q_BASE_LOG2, base);
	uint32_t prod = reg32(u, prod_off), index = prod & (2 * nr - 1);
	uint32_t flag = prod & (uint32_t)SVART_SMMU_Q_OVERFLOW, size = ring == 0 ? 32 : 16;
	uint64_t enabled = ring == 0 ? SVART_SMMU_CR0_EVTQEN : SVART_SMMU_CR0_PRIQEN;

	if (!(reg32(u, SVART_SMMU_CR0_OFF) & enabled))
		return false;
	/* 8.1: an overflow that is not acknowledged keeps page requests out, even if there is room. */
	if (ring == 1 && ((prod ^ cons) & SVART_SMMU_Q_OVERFLOW) != 0)
		return false;
	if (((prod ^ cons) & (2 * nr - 1)) == nr) {
		if (((prod ^ cons) & SVART_SMMU_Q_OVERFLOW) == 0)
			reg32_set(u, prod_off, prod ^ (uint32_t)SVART_SMMU_Q_OVERFLOW);
		return false;
	}
	memcpy((uint8_t *)(uintptr_t)(base & SVART_SMMU_Q_BASE_ADDR) +
			(size_t)(index & (nr - 1)) * size,
		dw, size);
	reg32_set(u, prod_off, ((index + 1) & (2 * nr - 1)) | flag);
	if (((prod ^ cons) & (2 * nr - 1)) == 0)
		u->interrupt = true;
	return true;
}

static void record_queue(struct raw_unit *u)
{
	uint64_t words[4];
	bool owed = raw_names_request(u->file.kind, u->ring, u->record, words);
	bool there;

	if (u->broken || (owed && !raw_names_room(&u->names, words)))
		return;
	there = raw_unit_is_vtd(u) ? vtd_queue(u, u->record) : smmu_queue(u, u->ring, u->record);
	if (there && owed)
		raw_names_owe(&u->names, words);
}

FUZZ_UNSEEN void raw_unit_queue(struct raw_unit *u, unsigned int nr)
{
	for (; nr != 0 && u->nr_records < MAX_RECORDS; nr--, u->nr_records++)
		record_queue(u);
}

/* --- the machine ----------------------------------------------------------------------------------- */

static uint32_t unit_off(const struct raw_unit *u, const volatile void *addr, uint32_t size)
{
	uint64_t off = (uint64_t)((const volatile uint8_t *)addr - (const uint8_t *)u->regs);

	FUZZ_CHECK(off < u->file.bytes && off % size == 0, off, size);
	return (uint32_t)off;
}

/** A register is about to be read. */
static void late_queue(struct raw_unit *u, uint32_t off)
{
	unsigned int nr = u->at_read.nr;

	if (nr == 0 || off != u->at_read.off || u->at_read.skip-- != 0)
		return;
	u->at_read.nr = 0;
	raw_unit_queue(u, nr);
}

static uint32_t unit_read32(struct svart_machine *m, const volatile void *addr)
{
	struct raw_unit *u = (struct raw_unit *)m;
	uint32_t off = unit_off(u, addr, 4);

	late_queue(u, off);
	return reg32(u, off);
}

static uint64_t unit_read64(struct svart_machine *m, const volatile void *addr)
{
	struct raw_unit *u = (struct raw_unit *)m;
	uint32_t off = unit_off(u, addr, 8);

	late_queue(u, off);
	return reg64(u, off);
}

static void vtd_effect(struct raw_unit *u, uint32_t off, uint32_t old)
{
	if (off == SVART_VTD_GCMD_OFF)
		reg32_set(u, SVART_VTD_GSTS_OFF, reg32(u, off));
	else if (off == SVART_VTD_PRS_OFF)
		reg32_set(u, off, old & ~reg32(u, off));
	else if (off == SVART_VTD_IQT_OFF)
		answers_told(u);
}

static void smmu_effect(struct raw_unit *u, uint32_t off)
{
	if (off == SVART_SMMU_CR0_OFF)
		reg32_set(u, SVART_SMMU_CR0ACK_OFF, reg32(u, off));
	else if (off == SVART_SMMU_IRQ_CTRL_OFF)
		reg32_set(u, SVART_SMMU_IRQ_CTRLACK_OFF, reg32(u, off));
	else if (off == SVART_SMMU_CMDQ_PROD_OFF)
		answers_told(u);
}

static void unit_written(struct raw_unit *u, uint32_t off, uint32_t old)
{
	if (raw_unit_is_vtd(u))
		vtd_effect(u, off, old);
	else
		smmu_effect(u, off);
}

static void unit_write32(struct svart_machine *m, volatile void *addr, uint32_t value)
{
	struct raw_unit *u = (struct raw_unit *)m;
	uint32_t off = unit_off(u, addr, 4), old = reg32(u, off);

	reg32_set(u, off, value);
	unit_written(u, off, old);
}

static void unit_write64(struct svart_machine *m, volatile void *addr, uint64_t value)
{
	struct raw_unit *u = (struct raw_unit *)m;
	uint32_t off = unit_off(u, addr, 8), old = reg32(u, off);

	reg64_set(u, off, value);
	unit_written(u, off, old);
}

static ssize_t unit_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	struct raw_unit *u = (struct raw_unit *)m;

	FUZZ_CHECK(fd == UNIT_FD && len == 8, fd, len);
	memset(buf, 0, len);
	if (!u->interrupt)
		return -EAGAIN;
	u->interrupt = false;
	return 8;
}

static int unit_mmap(struct svart_machine *m, void *addr, size_t len, int prot, int flags, int fd,
	off_t off, void **out)
{
	(void)m;
	*out = mmap(addr, len, prot, flags, fd, off);
	return *out == MAP_FAILED ? -errno : 0;
}

static int unit_munmap(struct svart_machine *m, void *addr, size_t len)
{
	(void)m;
	return munmap(addr, len) != 0 ? -errno : 0;
}

static int unit_madvise(struct svart_machine *m, void *addr, size_t len, int advice)
{
	(void)m;
	(void)addr;
	(void)len;
	(void)advice;
	return 0;
}

static int unit_poll(
	struct svart_machine *m, struct pollfd *fds, unsigned int nr, uint64_t timeout_ns)
{
	const struct raw_unit *u = (const struct raw_unit *)m;
	unsigned int i;
	int ready = 0;

	(void)timeout_ns;
	for (i = 0; i < nr; i++) {
		fds[i].revents = fds[i].fd == UNIT_FD && u->interrupt ? POLLIN : 0;
		ready += fds[i].revents != 0;
	}
	return ready;
}

static void unit_pause(struct svart_machine *m, uint64_t deadline_ns)
{
	struct raw_unit *u = (struct raw_unit *)m;

	(void)deadline_ns;
	if (u->wait != 0 && --u->wait == 0)
		answers_take(u);
}

static const struct svart_machine_ops unit_ops = {
	.name = "fuzzed",
	.read = unit_read,
	.mmap = unit_mmap,
	.munmap = unit_munmap,
	.madvise = unit_madvise,
	.poll = unit_poll,
	.mmio_read32 = unit_read32,
	.mmio_read64 = unit_read64,
	.mmio_write32 = unit_write32,
	.mmio_write64 = unit_write64,
	.now_ns = world_now_ns,
	.pause = unit_pause,
};

/* --- what the input does to it ---------------------------------------------------------------------- */

void raw_unit_init(struct raw_unit *u, enum svart_iommu_unit_kind kind)
{
	const uint64_t log2 = 11;

	world_init(&u->world, &unit_ops);
	u->file = (struct svart_iommu_unit){ .kind = kind,
		.requester_id = RAW_RID,
		.fd = UNIT_FD,
		.regs = u->regs,
		.bytes = sizeof(u->regs) };
	if (raw_unit_is_vtd(u)) {
		reg64_set(u, SVART_VTD_ECAP_OFF,
			SVART_VTD_ECAP_QI | SVART_VTD_ECAP_PRS | SVART_VTD_ECAP_PDS |
				SVART_VTD_ECAP_SMTS);
		return;
	}
	reg32_set(u, SVART_SMMU_IDR0_OFF, SVART_SMMU_IDR0_PRI);
	reg32_set(u, SVART_SMMU_IDR1_OFF,
		(uint32_t)(SVART_FIELD_PREP(SVART_SMMU_IDR1_CMDQS, log2) |
			   SVART_FIELD_PREP(SVART_SMMU_IDR1_EVTQS, log2) |
			   SVART_FIELD_PREP(SVART_SMMU_IDR1_PRIQS, log2)));
}

void raw_unit_break(struct raw_unit *u, uint8_t n, uint64_t value)
{
	static const uint32_t vtd[] = { SVART_VTD_PQT_OFF, SVART_VTD_IQH_OFF, SVART_VTD_GSTS_OFF };
	static const uint32_t smmu[] = { SVART_SMMU_EVTQ_PROD_OFF, SVART_SMMU_PRIQ_PROD_OFF,
		SVART_SMMU_CMDQ_CONS_OFF, SVART_SMMU_GERROR_OFF };

	/* Where it points at records that were never queued, there is no telling what is owed. */
	u->broken = true;
	if (raw_unit_is_vtd(u))
		reg64_set(u, vtd[n % SVART_ARRAY_SIZE(vtd)] & ~7u, value);
	else
		reg32_set(u, smmu[n % SVART_ARRAY_SIZE(smmu)], (uint32_t)value);
	u->interrupt = true;
}

void raw_unit_late(struct raw_unit *u, uint8_t n, unsigned int nr)
{
	static const uint32_t vtd[] = { SVART_VTD_PQT_OFF, SVART_VTD_PRS_OFF, SVART_VTD_IQH_OFF };
	static const uint32_t smmu[] = { SVART_SMMU_EVTQ_PROD_OFF, SVART_SMMU_PRIQ_PROD_OFF,
		SVART_SMMU_CMDQ_CONS_OFF };

	u->at_read.nr = nr;
	u->at_read.skip = n >> 4;
	n &= 15;
	u->at_read.off = raw_unit_is_vtd(u) ? vtd[n % SVART_ARRAY_SIZE(vtd)]
					    : smmu[n % SVART_ARRAY_SIZE(smmu)];
}
