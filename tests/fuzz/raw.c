/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "iommu_unit_file.h"
#include "smmu_spec.h"
#include "vtd_spec.h"
#include "world.h"

#define UNIT_FD  42
#define RID      0x6a08u
#define STRANGER 0x1234u
/** PASIDs 1 and 2 come and go; that of the last source stays, so that somebody takes what comes. */
#define NR_SOURCES  3
#define STAYS       (NR_SOURCES - 1)
#define STAYS_PASID 9
#define MAX_STEPS   512
#define MAX_NAMES   1024
#define MAX_PUMPS   65536
/** Pumps that surely empty the rings of records that nobody waits for: 64 nodes each. */
#define END_PUMPS 256
#define END_FLAGS (RAW_LAST | RAW_READ)
/** Below the tries that svart gives a unit. */
#define MAX_SLOW 4096

/** What is owed an answer. */
struct name {
	uint64_t words[4];
	uint32_t nr;
};

/** The other side of the queues. Owner: raw_fuzz_one(). Lifetime: one input. Locks: none. */
struct unit {
	struct world world; /* First: what ops get is the machine in it. */
	struct svart_iommu_unit file;
	struct svart_fault_raw *raw;
	struct svart_fault_source *sources[NR_SOURCES];
	uint64_t regs[SVART_SMMU_REGS_BYTES / 8];

	bool interrupt;
	unsigned int slow;  /**< Pauses until it takes answers. */
	bool broken;        /**< A register said what cannot be. */
	uint64_t record[4]; /**< Queued last. */
	unsigned int ring;  /**< Where. */

	struct name names[MAX_NAMES];
	unsigned int nr_names;
};

/* --- registers ------------------------------------------------------------------------------------- */

static uint64_t reg64(const struct unit *u, uint32_t off)
{
	return u->regs[off / 8];
}

static void reg64_set(struct unit *u, uint32_t off, uint64_t value)
{
	u->regs[off / 8] = value;
}

static uint32_t reg32(const struct unit *u, uint32_t off)
{
	uint32_t value;

	memcpy(&value, (const uint8_t *)u->regs + off, sizeof(value));
	return value;
}

static void reg32_set(struct unit *u, uint32_t off, uint32_t value)
{
	memcpy((uint8_t *)u->regs + off, &value, sizeof(value));
}

/* --- names ----------------------------------------------------------------------------------------- */

/** @return the name's entry, or a new one with nr 0; NULL if there is no room. */
static struct name *name_find(struct unit *u, const uint64_t *words)
{
	struct name *name;
	unsigned int i;

	for (i = 0; i < u->nr_names; i++)
		if (memcmp(u->names[i].words, words, sizeof(u->names[i].words)) == 0)
			return &u->names[i];
	if (u->nr_names == MAX_NAMES)
		return NULL;
	name = &u->names[u->nr_names++];
	memcpy(name->words, words, sizeof(name->words));
	name->nr = 0;
	return name;
}

static bool name_room(struct unit *u, const uint64_t *words)
{
	return name_find(u, words) != NULL;
}

static void name_answered(struct unit *u, const uint64_t *words)
{
	struct name *name = name_find(u, words);

	FUZZ_CHECK(name != NULL && name->nr != 0, words[0], words[1]);
	name->nr--;
}

/** @param words out. @return whether the record is owed an answer. */
static bool vtd_request_name(const uint64_t *qw, uint64_t *words)
{
	bool last = (qw[1] & SVART_VTD_PRQ_LPIG) != 0;
	bool stop = last && !(qw[1] & (SVART_VTD_PRQ_READ | SVART_VTD_PRQ_WRITE));
	bool own = (qw[0] & SVART_VTD_PRQ_PRIV_PRESENT) != 0;

	if (SVART_FIELD_GET(SVART_VTD_PRQ_TYPE, qw[0]) != SVART_VTD_PRQ_TYPE_REQUEST || stop ||
		!(last || own))
		return false;
	words[0] = SVART_FIELD_GET(SVART_VTD_PRQ_RID, qw[0]) | (uint64_t)last << 16 |
		   (uint64_t)own << 17;
	if (qw[0] & SVART_VTD_PRQ_PASID_PRESENT)
		words[0] |= UINT64_C(1) << 18 | SVART_FIELD_GET(SVART_VTD_PRQ_PASID, qw[0]) << 32;
	words[1] = SVART_FIELD_GET(SVART_VTD_PRQ_PRGI, qw[1]);
	if (own)
		memcpy(&words[2], &qw[2], 16);
	return true;
}

static void vtd_answer_name(const uint64_t *qw, uint64_t *words)
{
	bool last = (qw[1] & SVART_VTD_PGR_LPIG) != 0;
	bool own = (qw[0] & SVART_VTD_PGR_PRIV_PRESENT) != 0;

	words[0] = SVART_FIELD_GET(SVART_VTD_PGR_RID, qw[0]) | (uint64_t)last << 16 |
		   (uint64_t)own << 17;
	if (qw[0] & SVART_VTD_PGR_PASID_PRESENT)
		words[0] |= UINT64_C(1) << 18 | SVART_FIELD_GET(SVART_VTD_PGR_PASID, qw[0]) << 32;
	words[1] = SVART_FIELD_GET(SVART_VTD_PGR_PRGI, qw[1]);
	if (own)
		memcpy(&words[2], &qw[2], 16);
}

static bool smmu_request_name(unsigned int ring, const uint64_t *dw, uint64_t *words)
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

static void smmu_answer_name(const uint64_t *dw, uint64_t *words)
{
	bool resume = SVART_FIELD_GET(SVART_SMMU_CMD_OP, dw[0]) == SVART_SMMU_CMD_RESUME;

	words[0] = SVART_FIELD_GET(SVART_SMMU_CMD_OP, dw[0]);
	words[1] = SVART_FIELD_GET(SVART_SMMU_CMD_SID, dw[0]) << 32;
	words[1] |= resume ? SVART_FIELD_GET(SVART_SMMU_RESUME_STAG, dw[1])
			   : SVART_FIELD_GET(SVART_SMMU_PRI_RESP_PRGI, dw[1]);
	if (dw[0] & SVART_SMMU_CMD_SSV)
		words[2] = UINT64_C(1) << 32 | SVART_FIELD_GET(SVART_SMMU_CMD_SSID, dw[0]);
}

/* --- answers --------------------------------------------------------------------------------------- */

static void vtd_desc_take(struct unit *u, const uint64_t *qw)
{
	uint64_t words[4] = { 0 };

	switch (SVART_FIELD_GET(SVART_VTD_QI_TYPE, qw[0])) {
	case SVART_VTD_QI_PAGE_GROUP_RESPONSE:
		vtd_answer_name(qw, words);
		name_answered(u, words);
		break;
	case SVART_VTD_QI_WAIT:
		*(uint32_t *)(uintptr_t)(qw[1] & SVART_VTD_WAIT_STATUS_ADDRESS) =
			(uint32_t)SVART_FIELD_GET(SVART_VTD_WAIT_STATUS_DATA, qw[0]);
		break;
	default:
		FUZZ_CHECK(qw[0] == 0, qw[0], qw[1]);
	}
}

static void vtd_answers_take(struct unit *u)
{
	uint64_t iqa = reg64(u, SVART_VTD_IQA_OFF), head = reg64(u, SVART_VTD_IQH_OFF);
	uint64_t bytes = UINT64_C(4096) << SVART_FIELD_GET(SVART_VTD_IQA_QS, iqa);
	const uint8_t *ring = (const uint8_t *)(uintptr_t)(iqa & SVART_VTD_IQA_BASE);

	while (head != reg64(u, SVART_VTD_IQT_OFF)) {
		vtd_desc_take(u, (const uint64_t *)(const void *)(ring + head));
		head = (head + 32) & (bytes - 1);
	}
	reg64_set(u, SVART_VTD_IQH_OFF, head);
}

static void smmu_answers_take(struct unit *u)
{
	uint64_t base = reg64(u, SVART_SMMU_CMDQ_BASE_OFF), words[4];
	uint32_t nr = 1u << SVART_FIELD_GET(SVART_SMMU_Q_BASE_LOG2, base);
	uint32_t cons = reg32(u, SVART_SMMU_CMDQ_CONS_OFF);
	const struct svart_smmu_cmd *ring =
		(const struct svart_smmu_cmd *)(uintptr_t)(base & SVART_SMMU_Q_BASE_ADDR);
	const struct svart_smmu_cmd *cmd;

	while (cons != reg32(u, SVART_SMMU_CMDQ_PROD_OFF)) {
		cmd = &ring[cons & (nr - 1)];
		cons = (cons + 1) & (2 * nr - 1);
		memset(words, 0, sizeof(words));
		if (SVART_FIELD_GET(SVART_SMMU_CMD_OP, cmd->dw[0]) == SVART_SMMU_CMD_SYNC)
			continue;
		smmu_answer_name(cmd->dw, words);
		name_answered(u, words);
	}
	reg32_set(u, SVART_SMMU_CMDQ_CONS_OFF, cons);
}

static bool is_vtd(const struct unit *u)
{
	return u->file.kind == SVART_IOMMU_UNIT_VTD;
}

static void answers_take(struct unit *u)
{
	if (u->slow != 0 || u->broken)
		return;
	if (is_vtd(u))
		vtd_answers_take(u);
	else
		smmu_answers_take(u);
}

/* --- requests -------------------------------------------------------------------------------------- */

/** @return whether it came into the ring. */
static bool vtd_queue(struct unit *u, const uint64_t *qw)
{
	uint64_t pqa = reg64(u, SVART_VTD_PQA_OFF), tail = reg64(u, SVART_VTD_PQT_OFF);
	uint64_t bytes = UINT64_C(4096) << SVART_FIELD_GET(SVART_VTD_PQA_PQS, pqa);
	uint64_t next = (tail + 32) & (bytes - 1);
	uint32_t prs = reg32(u, SVART_VTD_PRS_OFF);

	if (prs & SVART_VTD_PRS_PRO)
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

static bool smmu_queue(struct unit *u, unsigned int ring, const uint64_t *dw)
{
	uint32_t prod_off = ring == 0 ? SVART_SMMU_EVTQ_PROD_OFF : SVART_SMMU_PRIQ_PROD_OFF;
	uint32_t cons = reg32(u, ring == 0 ? SVART_SMMU_EVTQ_CONS_OFF : SVART_SMMU_PRIQ_CONS_OFF);
	uint64_t base = reg64(u, ring == 0 ? SVART_SMMU_EVTQ_BASE_OFF : SVART_SMMU_PRIQ_BASE_OFF);
	uint32_t nr = 1u << SVART_FIELD_GET(SVART_SMMU_Q_BASE_LOG2, base);
	uint32_t prod = reg32(u, prod_off), index = prod & (2 * nr - 1);
	uint32_t flag = prod & (uint32_t)SVART_SMMU_Q_OVERFLOW, size = ring == 0 ? 32 : 16;

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

static void record_queue(struct unit *u)
{
	uint64_t words[4] = { 0 };
	bool owed = is_vtd(u) ? vtd_request_name(u->record, words)
			      : smmu_request_name(u->ring, u->record, words);
	bool there;

	if (u->broken || (owed && !name_room(u, words)))
		return;
	there = is_vtd(u) ? vtd_queue(u, u->record) : smmu_queue(u, u->ring, u->record);
	if (there && owed)
		name_find(u, words)->nr++;
}

/* --- the machine ----------------------------------------------------------------------------------- */

static uint32_t unit_off(const struct unit *u, const volatile void *addr, uint32_t size)
{
	uint64_t off = (uint64_t)((const volatile uint8_t *)addr - (const uint8_t *)u->regs);

	FUZZ_CHECK(off < u->file.bytes && off % size == 0, off, size);
	return (uint32_t)off;
}

static uint32_t unit_read32(struct svart_machine *m, const volatile void *addr)
{
	const struct unit *u = (const struct unit *)m;

	return reg32(u, unit_off(u, addr, 4));
}

static uint64_t unit_read64(struct svart_machine *m, const volatile void *addr)
{
	const struct unit *u = (const struct unit *)m;

	return reg64(u, unit_off(u, addr, 8));
}

static void vtd_effect(struct unit *u, uint32_t off, uint32_t old)
{
	if (off == SVART_VTD_GCMD_OFF)
		reg32_set(u, SVART_VTD_GSTS_OFF, reg32(u, off));
	else if (off == SVART_VTD_PRS_OFF)
		reg32_set(u, off, old & ~reg32(u, off));
	else if (off == SVART_VTD_IQT_OFF)
		answers_take(u);
}

static void smmu_effect(struct unit *u, uint32_t off)
{
	if (off == SVART_SMMU_CR0_OFF)
		reg32_set(u, SVART_SMMU_CR0ACK_OFF, reg32(u, off));
	else if (off == SVART_SMMU_IRQ_CTRL_OFF)
		reg32_set(u, SVART_SMMU_IRQ_CTRLACK_OFF, reg32(u, off));
	else if (off == SVART_SMMU_CMDQ_PROD_OFF)
		answers_take(u);
}

static void unit_written(struct unit *u, uint32_t off, uint32_t old)
{
	if (is_vtd(u))
		vtd_effect(u, off, old);
	else
		smmu_effect(u, off);
}

static void unit_write32(struct svart_machine *m, volatile void *addr, uint32_t value)
{
	struct unit *u = (struct unit *)m;
	uint32_t off = unit_off(u, addr, 4), old = reg32(u, off);

	reg32_set(u, off, value);
	unit_written(u, off, old);
}

static void unit_write64(struct svart_machine *m, volatile void *addr, uint64_t value)
{
	struct unit *u = (struct unit *)m;
	uint32_t off = unit_off(u, addr, 8), old = reg32(u, off);

	reg64_set(u, off, value);
	unit_written(u, off, old);
}

static ssize_t unit_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	struct unit *u = (struct unit *)m;

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
	const struct unit *u = (const struct unit *)m;
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
	struct unit *u = (struct unit *)m;

	(void)deadline_ns;
	if (u->slow != 0 && --u->slow == 0)
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

/* --- steps ----------------------------------------------------------------------------------------- */

static void source_attach(struct unit *u, unsigned int i)
{
	uint32_t pasid = i == STAYS ? STAYS_PASID : i + 1;

	FUZZ_CHECK(svart_fault_source_raw_create(u->raw, pasid, &u->sources[i]) == 0, i, 0);
	world_add(&u->world, u->sources[i]);
}

static void source_detach(struct unit *u, unsigned int i)
{
	svart_fault_service_remove(u->world.service, u->sources[i]);
	u->sources[i]->ops->destroy(u->sources[i]);
	u->sources[i] = NULL;
}

static void vtd_record(uint64_t *qw, uint64_t pasid, uint64_t group, uint8_t flags, uint64_t page)
{
	qw[0] = SVART_VTD_PRQ_TYPE_REQUEST |
		SVART_FIELD_PREP(SVART_VTD_PRQ_RID, flags & RAW_STRANGER ? STRANGER : RID);
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
		SVART_FIELD_PREP(SVART_SMMU_EVT_SID, flags & RAW_STRANGER ? STRANGER : RID);
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
	dw[0] = SVART_FIELD_PREP(SVART_SMMU_PRI_SID, flags & RAW_STRANGER ? STRANGER : RID);
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
	struct unit *u, uint64_t pasid, uint64_t group, uint8_t flags, uint64_t page)
{
	memset(u->record, 0, sizeof(u->record));
	u->ring = !is_vtd(u) && (flags & RAW_RING_1);
	if (is_vtd(u))
		vtd_record(u->record, pasid, group, flags, page);
	else if (u->ring == 0)
		event_record(u->record, pasid, group, flags, page);
	else
		pri_record(u->record, pasid, group, flags, page);
	record_queue(u);
}

static void step_request(struct unit *u, struct fuzz_input *in)
{
	uint8_t pasid = fuzz_u8(in), group = fuzz_u8(in), flags = fuzz_u8(in);

	request_queue(u, pasid, group, flags, UINT64_C(0x100000) | fuzz_u8(in));
}

static void step_raw(struct unit *u, struct fuzz_input *in)
{
	u->ring = !is_vtd(u) && fuzz_u8(in) % 2;
	fuzz_bytes(in, u->record, u->ring == 1 ? 16 : 32);
	record_queue(u);
}

static void step_again(struct unit *u, struct fuzz_input *in)
{
	unsigned int nr = fuzz_u8(in) * 16u;

	while (nr-- != 0)
		record_queue(u);
}

static void step_source(struct unit *u, struct fuzz_input *in)
{
	unsigned int i = fuzz_u8(in) % STAYS;

	if (u->sources[i] != NULL)
		source_detach(u, i);
	else
		source_attach(u, i);
}

static void step_mode(struct unit *u, struct fuzz_input *in)
{
	unsigned int i = fuzz_u8(in) % NR_SOURCES;
	bool eager = fuzz_u8(in) % 2;

	if (u->sources[i] != NULL)
		svart_fault_service_set_mode(u->world.service, u->sources[i],
			eager ? SVART_FAULT_EAGER : SVART_FAULT_DEFERRED);
}

static void step_register(struct unit *u, struct fuzz_input *in)
{
	static const uint32_t vtd[] = { SVART_VTD_PQT_OFF, SVART_VTD_IQH_OFF, SVART_VTD_GSTS_OFF };
	static const uint32_t smmu[] = { SVART_SMMU_EVTQ_PROD_OFF, SVART_SMMU_PRIQ_PROD_OFF,
		SVART_SMMU_CMDQ_CONS_OFF, SVART_SMMU_GERROR_OFF };
	uint8_t n = fuzz_u8(in);
	uint64_t value = fuzz_u64(in);

	/* Where it points at records that were never queued, there is no telling what is owed. */
	u->broken = true;
	if (is_vtd(u))
		reg64_set(u, vtd[n % SVART_ARRAY_SIZE(vtd)] & ~7u, value);
	else
		reg32_set(u, smmu[n % SVART_ARRAY_SIZE(smmu)], (uint32_t)value);
	u->interrupt = true;
}

static void step_run(struct unit *u, struct fuzz_input *in)
{
	switch (fuzz_u8(in)) {
	case 'q':
		step_request(u, in);
		break;
	case 'r':
		step_raw(u, in);
		break;
	case 'f':
		step_again(u, in);
		break;
	case 'd':
		step_source(u, in);
		break;
	case 'm':
		step_mode(u, in);
		break;
	case 's':
		u->slow = fuzz_u8(in) * (MAX_SLOW / 256);
		break;
	case 'x':
		step_register(u, in);
		break;
	default:
		world_pump(&u->world);
		break;
	}
}

/* --- an input -------------------------------------------------------------------------------------- */

static void unit_begin(struct unit *u, enum svart_iommu_unit_kind kind)
{
	const uint64_t log2 = 11;
	unsigned int i;

	world_init(&u->world, &unit_ops);
	u->file = (struct svart_iommu_unit){ .kind = kind,
		.requester_id = RID,
		.fd = UNIT_FD,
		.regs = u->regs,
		.bytes = sizeof(u->regs) };
	if (is_vtd(u))
		reg64_set(u, SVART_VTD_ECAP_OFF,
			SVART_VTD_ECAP_QI | SVART_VTD_ECAP_PRS | SVART_VTD_ECAP_PDS |
				SVART_VTD_ECAP_SMTS);
	else
		reg32_set(u, SVART_SMMU_IDR0_OFF, SVART_SMMU_IDR0_PRI);
	if (!is_vtd(u))
		reg32_set(u, SVART_SMMU_IDR1_OFF,
			(uint32_t)(SVART_FIELD_PREP(SVART_SMMU_IDR1_CMDQS, log2) |
				   SVART_FIELD_PREP(SVART_SMMU_IDR1_EVTQS, log2) |
				   SVART_FIELD_PREP(SVART_SMMU_IDR1_PRIQS, log2)));
	FUZZ_CHECK(svart_fault_raw_create(&u->world.machine, &u->file, &u->raw) == 0, kind, 0);
	for (i = 0; i < NR_SOURCES; i++)
		source_attach(u, i);
}

static unsigned int names_owed(const struct unit *u)
{
	unsigned int i, nr = 0;

	for (i = 0; i < u->nr_names; i++)
		nr += u->names[i].nr;
	return nr;
}

/** Pumps until nobody waits. */
static void names_settle(struct unit *u)
{
	unsigned int i;

	for (i = 0; i < MAX_PUMPS && !u->broken && names_owed(u) != 0; i++)
		world_pump(&u->world);
	FUZZ_CHECK(u->broken || names_owed(u) == 0, names_owed(u), u->nr_names);
}

/** Whether a pump would find something: also an overflow that was not told. */
static bool unit_busy(const struct unit *u)
{
	unsigned int i;

	for (i = 0; i < NR_SOURCES; i++)
		if (u->sources[i] != NULL && u->sources[i]->buffered != 0)
			return true;
	return u->interrupt;
}

/** The unit is quick again, all is answered, and then the queues are as good as new. */
static void unit_drain(struct unit *u)
{
	unsigned int i;

	u->slow = 0;
	answers_take(u);
	names_settle(u);
	if (u->broken)
		return;
	/* What is owed nothing is still in the rings, and an overflow takes a pass of its own. */
	for (i = 0; i < END_PUMPS && unit_busy(u); i++)
		world_pump(&u->world);
	u->nr_names = 0;
	for (i = 0; i < 2; i++)
		request_queue(u, STAYS_PASID, i, i == 0 ? END_FLAGS : END_FLAGS | RAW_RING_1, i);
	FUZZ_CHECK(names_owed(u) == 2, names_owed(u), 0);
	names_settle(u);
}

void raw_fuzz_one(struct fuzz_input *in, enum svart_iommu_unit_kind kind)
{
	struct unit *u = calloc(1, sizeof(*u));
	unsigned int i;

	FUZZ_CHECK(u != NULL, 0, 0);
	unit_begin(u, kind);
	for (i = 0; i < MAX_STEPS && in->left != 0; i++)
		step_run(u, in);
	unit_drain(u);
	for (i = 0; i < NR_SOURCES; i++)
		if (u->sources[i] != NULL)
			source_detach(u, i);
	svart_fault_raw_destroy(u->raw);
	world_check_nodes(&u->world);
	world_fini(&u->world);
	free(u);
}
