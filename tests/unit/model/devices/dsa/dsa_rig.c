/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dsa_rig.h"
#include "ops.h"

/* Translated addresses: pairs of pages, and in the upper half blocks, stay together and are shuffled. */
#define PHYS_BASE UINT64_C(0x100000000)

static uint64_t phys_of_page(unsigned int page)
{
	unsigned int half = RIG_PAGES / 2;

	if (page >= half)
		return half + (page - half + RIG_BLOCK_PAGES) % half;
	return (page / 2 * 37 + 11) % (half / 2) * 2 + page % 2;
}

static unsigned int page_of_phys(uint64_t phys)
{
	for (unsigned int page = 0; page < RIG_PAGES; page++) {
		if (phys_of_page(page) == phys)
			return page;
	}
	fail_msg("no page at %llu", (unsigned long long)phys);
	return 0;
}

static bool in_memory(uint64_t va)
{
	uint64_t off = va - RIG_VA;

	return off < RIG_MIRRORS * RIG_MIRROR_BYTES && off % RIG_MIRROR_BYTES < RIG_BYTES;
}

static unsigned int page_at(uint64_t va)
{
	uint64_t off = va - RIG_VA, mirror = off / RIG_MIRROR_BYTES;
	uint64_t page = off % RIG_MIRROR_BYTES / SVART_PAGE_SIZE + mirror * RIG_MIRROR_PAGES;

	return (unsigned int)(page % RIG_PAGES);
}

uint8_t *rig_at(struct rig *r, uint64_t va)
{
	assert_true(in_memory(va));
	return r->memory + phys_of_page(page_at(va)) * SVART_PAGE_SIZE + (va & SVART_PAGE_MASK);
}

/* Bytes of [va, va + len) that are in va's page. */
static size_t in_page(uint64_t va, size_t len)
{
	size_t left = SVART_PAGE_SIZE - (va & SVART_PAGE_MASK);

	return len < left ? len : left;
}

void rig_read(struct rig *r, uint64_t va, void *buf, size_t len)
{
	for (size_t done = 0, part; done < len; done += part) {
		part = in_page(va + done, len - done);
		memcpy((uint8_t *)buf + done, rig_at(r, va + done), part);
	}
}

void rig_write(struct rig *r, uint64_t va, const void *buf, size_t len)
{
	for (size_t done = 0, part; done < len; done += part) {
		part = in_page(va + done, len - done);
		memcpy(rig_at(r, va + done), (const uint8_t *)buf + done, part);
	}
}

uint64_t rig_page(unsigned int page)
{
	return RIG_VA + page * SVART_PAGE_SIZE;
}

uint64_t rig_mirrored(unsigned int mirror, unsigned int page)
{
	return rig_page((page + RIG_PAGES - mirror * RIG_MIRROR_PAGES) % RIG_PAGES) +
	       mirror * RIG_MIRROR_BYTES;
}

static void page_invalidate(struct rig *r, unsigned int page)
{
	for (unsigned int i = 0; i < RIG_MIRRORS; i++)
		svart_dsa_model.invalidate(
			r->dev, r->pasid, rig_mirrored(i, page), SVART_PAGE_SIZE);
}

void rig_map(struct rig *r, unsigned int page, unsigned int nr, unsigned int access)
{
	for (unsigned int i = page; i < page + nr; i++) {
		unsigned int before = r->present[i];

		r->present[i] = (uint8_t)access;
		if ((before & ~access) != 0)
			page_invalidate(r, i);
	}
}

void rig_allow(struct rig *r, unsigned int page, unsigned int nr, unsigned int access)
{
	memset(&r->allowed[page], (int)access, nr);
}

/* --- The bus ---------------------------------------------------------------------------------- */

static struct rig *rig_of(struct svart_bus *bus)
{
	return (struct rig *)bus;
}

static bool bus_bus_master(struct svart_bus *bus)
{
	return rig_of(bus)->bus_master;
}

static bool bus_privileged(struct svart_bus *bus)
{
	return rig_of(bus)->privileged;
}

static int bus_ats_translate(struct svart_bus *bus, uint32_t pasid, uint64_t va, unsigned int nr,
	bool write, struct svart_ats_entry *out)
{
	struct rig *r = rig_of(bus);

	(void)write;
	assert_int_equal(va & SVART_PAGE_MASK, 0);
	assert_in_range(nr, 1, 64);
	assert_true(va + (nr * SVART_PAGE_SIZE - 1) >= va);
	r->nr_translates++;
	if (!r->bus_master)
		return -EPERM;
	if (!r->ats)
		return -EOPNOTSUPP;
	for (unsigned int i = 0; i < nr; i++, va += SVART_PAGE_SIZE) {
		unsigned int page = page_at(va);

		out[i] = (struct svart_ats_entry){ 0 };
		if (!in_memory(va) || pasid != r->pasid)
			continue;
		out[i].translated = PHYS_BASE + phys_of_page(page) * SVART_PAGE_SIZE;
		out[i].read = (r->present[page] & RIG_R) != 0;
		out[i].write = (r->present[page] & RIG_W) != 0;
	}
	return 0;
}

static struct rig_group *group_find(struct rig *r, uint32_t pasid, uint16_t prgi)
{
	for (unsigned int i = 0; i < r->nr_groups; i++) {
		struct rig_group *group = &r->groups[i];

		if (group->pasid == pasid && group->prgi == prgi && !group->answered)
			return group;
	}
	return NULL;
}

static struct rig_group *group_new(struct rig *r, uint32_t pasid, uint16_t prgi)
{
	struct rig_group *group;

	/* A test that makes more than that only looks at the last ones. */
	if (r->nr_groups == RIG_MAX_GROUPS) {
		assert_true(r->groups[0].answered);
		memmove(&r->groups[0], &r->groups[1], sizeof(r->groups) - sizeof(r->groups[0]));
		r->nr_groups--;
	}
	group = &r->groups[r->nr_groups++];
	*group = (struct rig_group){ .pasid = pasid, .prgi = prgi };
	return group;
}

static int bus_page_request(struct svart_bus *bus, const struct svart_bus_page_request *request)
{
	struct rig *r = rig_of(bus);
	struct rig_group *group;

	assert_int_equal(request->addr & SVART_PAGE_MASK, 0);
	assert_true(request->prgi < 512);
	assert_true(request->read || request->write);
	if (!r->bus_master)
		return -EPERM;
	if (!r->pri)
		return -EOPNOTSUPP;
	if (r->requests_open >= r->allocation || r->requests_open >= r->busy_after)
		return -EBUSY;
	group = group_find(r, request->pasid, request->prgi);
	if (group == NULL) {
		r->interleaved |= r->nr_groups > 0 && !r->groups[r->nr_groups - 1].complete;
		group = group_new(r, request->pasid, request->prgi);
	}
	assert_false(group->complete);
	assert_true(group->nr < 64);
	group->requests[group->nr++] = *request;
	group->complete = request->last;
	r->requests_open++;
	if (r->requests_open > r->requests_most)
		r->requests_most = r->requests_open;
	if (group->complete && r->drop_first > 0) {
		r->drop_first--;
		group->requests[0] = *request;
		r->requests_open -= group->nr - 1;
		group->nr = 1;
	}
	if (group->complete && r->full > 0) {
		r->full--;
		rig_answer(r, r->nr_groups - 1, SVART_BUS_PRG_SUCCESS);
		r->nr_groups--;
	} else if (group->complete && r->answer_at_once) {
		rig_serve(r);
	}
	return 0;
}

static bool bus_stalls(struct svart_bus *bus)
{
	return rig_of(bus)->stalls;
}

static uint32_t bus_pri_allocation(struct svart_bus *bus)
{
	return rig_of(bus)->allocation;
}

/* The memory at a translated address. Each page of it must be present with this access. */
static uint8_t *phys_at(struct rig *r, uint64_t addr, size_t len, unsigned int access)
{
	assert_true(addr >= PHYS_BASE && addr + len <= PHYS_BASE + RIG_BYTES);
	for (uint64_t at = svart_page_down(addr); at < addr + len; at += SVART_PAGE_SIZE) {
		unsigned int page = page_of_phys((at - PHYS_BASE) >> SVART_PAGE_SHIFT);

		assert_int_equal(r->present[page] & access, access);
	}
	return r->memory + (addr - PHYS_BASE);
}

static int bus_copy(struct svart_bus *bus, uint64_t dst, uint64_t src, size_t len)
{
	struct rig *r = rig_of(bus);

	if (r->copy_error != 0)
		return r->copy_error;
	if (!r->bus_master)
		return -EPERM;
	svart_op_copy(phys_at(r, dst, len, RIG_W), phys_at(r, src, len, RIG_R), len);
	return 0;
}

static int bus_read(struct svart_bus *bus, uint64_t addr, void *buf, size_t len)
{
	memcpy(buf, phys_at(rig_of(bus), addr, len, RIG_R), len);
	return 0;
}

static int bus_write(struct svart_bus *bus, uint64_t addr, const void *buf, size_t len)
{
	memcpy(phys_at(rig_of(bus), addr, len, RIG_W), buf, len);
	return 0;
}

static int bus_write_record(struct svart_bus *bus, uint64_t addr, const void *record, size_t len)
{
	struct rig *r = rig_of(bus);

	if (r->no_record_at != 0 && phys_at(r, addr, len, RIG_W) == rig_at(r, r->no_record_at))
		return -EIO;
	r->last_record = addr;
	return bus_write(bus, addr, record, len);
}

static int bus_fill(
	struct svart_bus *bus, uint64_t dst, size_t len, uint64_t lo, uint64_t hi, uint64_t phase)
{
	struct rig *r = rig_of(bus);

	if (r->copy_error != 0)
		return r->copy_error;
	if (!r->bus_master)
		return -EPERM;
	svart_op_fill16(phys_at(r, dst, len, RIG_W), len, lo, hi, phase);
	return 0;
}

/* Untranslated: page by page, refused as a whole. */
static int dma_check(struct rig *r, uint32_t pasid, uint64_t va, size_t len, unsigned int access)
{
	if (!r->bus_master)
		return -EPERM;
	for (size_t i = 0; i < len; i++) {
		if (!in_memory(va + i) || pasid != r->pasid ||
			(r->present[page_at(va + i)] & access) == 0)
			return -EFAULT;
	}
	return 0;
}

static int bus_dma_read(struct svart_bus *bus, uint32_t pasid, uint64_t va, void *buf, size_t len)
{
	int rc = dma_check(rig_of(bus), pasid, va, len, RIG_R);

	if (rc == 0)
		rig_read(rig_of(bus), va, buf, len);
	return rc;
}

static int bus_dma_write(
	struct svart_bus *bus, uint32_t pasid, uint64_t va, const void *buf, size_t len)
{
	int rc = dma_check(rig_of(bus), pasid, va, len, RIG_W);

	if (rc == 0)
		rig_write(rig_of(bus), va, buf, len);
	return rc;
}

static void bus_interrupt(struct svart_bus *bus, unsigned int vector)
{
	assert_true(vector < SVART_DSA_NR_VECTORS);
	rig_of(bus)->nr_interrupts[vector]++;
}

static void bus_wake(struct svart_bus *bus)
{
	rig_of(bus)->nr_wakes++;
}

static const struct svart_bus_ops bus_ops = {
	.bus_master = bus_bus_master,
	.privileged = bus_privileged,
	.ats_translate = bus_ats_translate,
	.page_request = bus_page_request,
	.pri_allocation = bus_pri_allocation,
	.stalls = bus_stalls,
	.copy = bus_copy,
	.read = bus_read,
	.write = bus_write,
	.fill = bus_fill,
	.write_record = bus_write_record,
	.dma_read = bus_dma_read,
	.dma_write = bus_dma_write,
	.interrupt = bus_interrupt,
	.wake = bus_wake,
};

/* --- Answers ---------------------------------------------------------------------------------- */

void rig_answer(struct rig *r, unsigned int group, enum svart_bus_prg_response code)
{
	struct rig_group *g = &r->groups[group];

	assert_true(g->complete);
	assert_false(g->answered);
	g->answered = true;
	r->requests_open -= g->nr;
	svart_dsa_model.page_response(r->dev, g->pasid, g->prgi, code);
}

static unsigned int request_access(const struct svart_bus_page_request *request)
{
	return (request->read ? RIG_R : 0) | (request->write ? RIG_W : 0);
}

static bool group_map(struct rig *r, const struct rig_group *g)
{
	for (unsigned int i = 0; i < g->nr; i++) {
		const struct svart_bus_page_request *request = &g->requests[i];
		unsigned int access = request_access(request);

		if (!in_memory(request->addr) || g->pasid != r->pasid ||
			(r->allowed[page_at(request->addr)] & access) != access)
			return false;
	}
	for (unsigned int i = 0; i < g->nr; i++) {
		unsigned int page = page_at(g->requests[i].addr);

		rig_map(r, page, 1, r->allowed[page]);
	}
	return true;
}

bool rig_serve(struct rig *r)
{
	bool any = false;

	for (unsigned int i = 0; i < r->nr_groups; i++) {
		struct rig_group *g = &r->groups[i];

		if (!g->complete || g->answered)
			continue;
		rig_answer(r, i, group_map(r, g) ? SVART_BUS_PRG_SUCCESS : SVART_BUS_PRG_INVALID);
		any = true;
	}
	return any;
}

/* --- Life ------------------------------------------------------------------------------------- */

struct rig *rig_create(const char *options)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->bus.ops = &bus_ops;
	r->bus_master = true;
	r->ats = true;
	r->pri = true;
	r->allocation = 512;
	r->busy_after = UINT32_MAX;
	r->pasid = SVART_BUS_NO_PASID;
	r->memory = aligned_alloc(SVART_PAGE_SIZE, RIG_BYTES);
	assert_non_null(r->memory);
	memset(r->memory, 0, RIG_BYTES);
	assert_int_equal(svart_dsa_model.create(&r->bus, options, &r->dev), 0);
	rig_allow(r, 0, RIG_PAGES, RIG_RW);
	rig_map(r, RIG_RECORDS_PAGE, 1, RIG_RW);
	return r;
}

void rig_destroy(struct rig *r)
{
	svart_dsa_model.destroy(r->dev);
	free(r->memory);
	free(r);
}

/* --- Registers -------------------------------------------------------------------------------- */

uint64_t rig_reg(struct rig *r, uint64_t off)
{
	return svart_dsa_model.mmio_read(r->dev, SVART_DSA_BAR_REGS, off, 8);
}

void rig_reg_set(struct rig *r, uint64_t off, uint64_t value)
{
	svart_dsa_model.mmio_write(r->dev, SVART_DSA_BAR_REGS, off, 8, value);
}

uint32_t rig_reg32(struct rig *r, uint64_t off)
{
	return (uint32_t)svart_dsa_model.mmio_read(r->dev, SVART_DSA_BAR_REGS, off, 4);
}

void rig_reg32_set(struct rig *r, uint64_t off, uint32_t value)
{
	svart_dsa_model.mmio_write(r->dev, SVART_DSA_BAR_REGS, off, 4, value);
}

uint32_t rig_cmd(struct rig *r, unsigned int code, uint32_t operand)
{
	rig_reg32_set(r, SVART_DSA_CMD_OFF,
		(uint32_t)(SVART_FIELD_PREP(SVART_DSA_CMD_CODE, code) |
			   SVART_FIELD_PREP(SVART_DSA_CMD_OPERAND, operand)));
	return rig_reg32(r, SVART_DSA_CMDSTS_OFF);
}

static uint64_t table_off(struct rig *r, uint64_t field)
{
	return SVART_FIELD_GET(field, rig_reg(r, SVART_DSA_OFFSETS_OFF)) * SVART_DSA_OFFSETS_UNIT;
}

uint64_t rig_wqcfg(unsigned int wq, unsigned int dword)
{
	return 0x400 + wq * SVART_DSA_WQCFG_MIN_BYTES + dword * 4;
}

uint64_t rig_grpcfg(unsigned int group, unsigned int off)
{
	return 0x300 + group * SVART_DSA_GRPCFG_BYTES + off;
}

void rig_wq_config(struct rig *r, unsigned int wq, unsigned int size)
{
	assert_int_equal(table_off(r, SVART_DSA_OFFSETS_WQCFG), rig_wqcfg(0, 0));
	assert_int_equal(table_off(r, SVART_DSA_OFFSETS_GRPCFG), rig_grpcfg(0, 0));
	rig_reg32_set(r, rig_wqcfg(wq, 0), size);
	rig_reg32_set(r, rig_wqcfg(wq, 2),
		(uint32_t)(SVART_DSA_WQCFG2_DEDICATED | SVART_DSA_WQCFG2_BLOCK_ON_FAULT |
			   SVART_FIELD_PREP(SVART_DSA_WQCFG2_PRIORITY, 1)));
	rig_reg32_set(r, rig_wqcfg(wq, 3),
		(uint32_t)(SVART_FIELD_PREP(SVART_DSA_WQCFG3_MAX_XFER_SHIFT, 21) |
			   SVART_FIELD_PREP(SVART_DSA_WQCFG3_MAX_BATCH_SHIFT, 10)));
	rig_reg_set(r, rig_grpcfg(wq, SVART_DSA_GRPCFG_WQS_OFF), UINT64_C(1) << wq);
	rig_reg_set(r, rig_grpcfg(wq, SVART_DSA_GRPCFG_ENGINES_OFF), UINT64_C(1) << wq);
}

void rig_start(struct rig *r, uint32_t dw2_set, uint32_t dw2_clear)
{
	uint32_t dw2;

	rig_wq_config(r, 0, 16);
	dw2 = rig_reg32(r, rig_wqcfg(0, 2));
	rig_reg32_set(r, rig_wqcfg(0, 2), (dw2 | dw2_set) & ~dw2_clear);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0), 0);
}

void rig_start_shared(struct rig *r)
{
	rig_reg32_set(r, rig_wqcfg(0, 1), 8);
	rig_start(r, SVART_DSA_WQCFG2_PASID_EN, SVART_DSA_WQCFG2_DEDICATED);
}

/* --- Operations ------------------------------------------------------------------------------- */

uint64_t rig_record_va(unsigned int n)
{
	return rig_page(RIG_RECORDS_PAGE) + n * SVART_DSA_RECORD_BYTES;
}

struct svart_dsa_record rig_record(struct rig *r, unsigned int n)
{
	struct svart_dsa_record record;

	rig_read(r, rig_record_va(n), &record, sizeof(record));
	return record;
}

struct svart_dsa_desc rig_simple(struct rig *r, unsigned int n, unsigned int opcode)
{
	memset(rig_at(r, rig_record_va(n)), 0, SVART_DSA_RECORD_BYTES);
	return (struct svart_dsa_desc){
		.flags_opcode = (uint32_t)(SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR |
					   SVART_FIELD_PREP(SVART_DSA_DESC_OPCODE, opcode)),
		.completion_addr = rig_record_va(n),
	};
}

struct svart_dsa_desc rig_memmove(
	struct rig *r, unsigned int n, uint64_t dst, uint64_t src, uint32_t size)
{
	struct svart_dsa_desc desc = rig_simple(r, n, SVART_DSA_OP_MEMMOVE);

	rig_flags(&desc, SVART_DSA_FLAG_BOF, 0);
	desc.src = src;
	desc.dst = dst;
	desc.size = size;
	return desc;
}

struct svart_dsa_desc rig_fill(
	struct rig *r, unsigned int n, uint64_t dst, uint64_t pattern, uint32_t size)
{
	struct svart_dsa_desc desc = rig_simple(r, n, SVART_DSA_OP_FILL);

	rig_flags(&desc, SVART_DSA_FLAG_BOF, 0);
	desc.pattern = pattern;
	desc.dst = dst;
	desc.size = size;
	return desc;
}

struct svart_dsa_desc rig_batch(struct rig *r, unsigned int n, uint64_t list, uint32_t count)
{
	struct svart_dsa_desc desc = rig_simple(r, n, SVART_DSA_OP_BATCH);

	rig_flags(&desc, SVART_DSA_FLAG_BOF, 0);
	desc.desc_list_addr = list;
	desc.desc_count = count;
	return desc;
}

void rig_flags(struct svart_dsa_desc *desc, uint64_t set, uint64_t clear)
{
	desc->flags_opcode = (uint32_t)((desc->flags_opcode | set) & ~clear);
}

void rig_submit(struct rig *r, unsigned int wq, const struct svart_dsa_desc *desc)
{
	svart_dsa_model.portal64(
		r->dev, SVART_DSA_BAR_PORTALS, wq * SVART_DSA_WQ_PORTAL_BYTES, desc, 1);
}

bool rig_enqueue(struct rig *r, unsigned int wq, enum svart_dsa_portal portal,
	const struct svart_dsa_desc *desc)
{
	uint64_t off = wq * SVART_DSA_WQ_PORTAL_BYTES + portal * SVART_DSA_PORTAL_BYTES;

	return svart_dsa_model.enqueue64(r->dev, SVART_DSA_BAR_PORTALS, off, desc);
}

unsigned int rig_run(struct rig *r)
{
	unsigned int steps = 0;

	while (svart_dsa_model.step(r->dev)) {
		steps++;
		assert_true(steps < 100000);
	}
	return steps;
}

void rig_run_serving(struct rig *r)
{
	unsigned int rounds = 0;

	do {
		rig_run(r);
		assert_true(rounds++ < 100000);
	} while (rig_serve(r));
}

struct svart_dsa_record rig_do(struct rig *r, unsigned int wq, const struct svart_dsa_desc *desc)
{
	rig_submit(r, wq, desc);
	rig_run_serving(r);
	return rig_record(r, (unsigned int)((desc->completion_addr - rig_record_va(0)) /
					    SVART_DSA_RECORD_BYTES));
}

/* --- Chance ----------------------------------------------------------------------------------- */

uint64_t rig_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t rig_seed(void)
{
	const char *text = getenv("SVART_SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

	print_message("SVART_SEED=%llu\n", (unsigned long long)seed);
	return seed != 0 ? seed : 1;
}

void rig_random_bytes(struct rig *r, uint64_t *state)
{
	for (uint64_t i = 0; i < RIG_BYTES - SVART_PAGE_SIZE; i += sizeof(uint64_t)) {
		uint64_t value = rig_random(state);

		rig_write(r, RIG_VA + i, &value, sizeof(value));
	}
}
