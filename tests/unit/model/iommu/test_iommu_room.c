/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The IOMMU without a kernel and a machine: this program links its room and what is below it, and is itself
 * all that the room reaches up to.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "guard.h"
#include "iommu_device.h"
#include "unit.h"

#define PASID    5
#define PRGI     3
#define CAPACITY 4

/** A device before an IOMMU, and all around it. */
struct rig {
	struct svart_iommu_device *dev;
	struct svart_iommu iommu;
	struct svart_seed seed;
	struct svart_device_model type;
	struct svart_iommu_tables tables;
	struct svart_iommu_attachment attachment;
	struct svart_prg_sink sink;
	struct svart_prg_way way;
	struct svart_prg *group;   /**< That the sink was given. */
	unsigned int nr_withdrawn; /**< That it gave back. */
	unsigned int nr_kept;      /**< Requests that are kept on the way. */
	unsigned int nr_invalidations, nr_resets, nr_answers, nr_interrupts;
	enum svart_bus_prg_response code;
	void *page;
};

static struct rig rig;

static void model_invalidate(void *dev, uint32_t pasid, uint64_t va, uint64_t len)
{
	(void)dev;
	(void)pasid;
	(void)va;
	(void)len;
	rig.nr_invalidations++;
}

static void model_page_response(
	void *dev, uint32_t pasid, uint16_t prgi, enum svart_bus_prg_response code)
{
	(void)dev;
	assert_int_equal(pasid, PASID);
	assert_int_equal(prgi, PRGI);
	rig.nr_answers++;
	rig.code = code;
}

static void model_reset(void *dev)
{
	(void)dev;
	rig.nr_resets++;
}

static bool model_step(void *arg)
{
	(void)arg;
	return false;
}

static void interrupt(struct svart_iommu_device *dev, unsigned int vector)
{
	(void)dev;
	(void)vector;
	rig.nr_interrupts++;
}

static void sink_deliver(struct svart_prg_sink *sink, struct svart_prg *group)
{
	(void)sink;
	rig.group = group;
}

static void sink_withdraw(struct svart_prg_sink *sink, struct svart_prg *group)
{
	(void)sink;
	assert_ptr_equal(group, rig.group);
	rig.nr_withdrawn++;
}

static const struct svart_prg_sink_ops sink_ops = {
	.deliver = sink_deliver,
	.withdraw = sink_withdraw,
};

static bool way_request(struct svart_prg_way *way, const struct svart_bus_page_request *request)
{
	(void)way;
	(void)request;
	rig.nr_kept++;
	return true;
}

static bool way_answer(struct svart_prg_way *way, uint32_t pasid, uint16_t prgi,
	enum svart_bus_prg_response code, uint32_t nr_credits)
{
	(void)way;
	(void)pasid;
	(void)prgi;
	(void)code;
	(void)nr_credits;
	return false;
}

static void way_drain(struct svart_prg_way *way, bool all, uint32_t pasid)
{
	(void)way;
	(void)all;
	(void)pasid;
}

static void way_reset(struct svart_prg_way *way)
{
	(void)way;
}

static const struct svart_prg_way_ops way_ops = {
	.request = way_request,
	.answer = way_answer,
	.drain = way_drain,
	.flush = way_drain,
	.reset = way_reset,
};

static void setup_type(void)
{
	rig.type = (struct svart_device_model){
		.nr_vectors = 1,
		.pasid = true,
		.ats = true,
		.pri = true,
		.pri_capacity = CAPACITY,
		.invalidate = model_invalidate,
		.page_response = model_page_response,
		.reset = model_reset,
	};
}

static void setup_tables(void)
{
	uint64_t va;

	rig.page = aligned_alloc(SVART_PAGE_SIZE, SVART_PAGE_SIZE);
	assert_non_null(rig.page);
	memset(rig.page, 0x5a, SVART_PAGE_SIZE);
	va = (uintptr_t)rig.page;
	assert_int_equal(svart_pagetable_init(&rig.tables.pages), 0);
	assert_int_equal(svart_pagetable_init(&rig.tables.origins), 0);
	assert_int_equal(svart_pagetable_fill(&rig.tables.pages, va, va, SVART_PAGE_SIZE,
				 SVART_PTE_PRESENT | SVART_PTE_READ),
		0);
}

/** @param way whether something is on the way. */
static void rig_init(bool way)
{
	memset(&rig, 0, sizeof(rig));
	assert_int_equal(svart_guard_init(), 0);
	setup_type();
	setup_tables();
	svart_seed_init(&rig.seed, 1);
	rig.iommu.seed = &rig.seed;
	rig.sink.ops = &sink_ops;
	rig.way.ops = &way_ops;
	rig.dev = aligned_alloc(alignof(struct svart_iommu_device), sizeof(*rig.dev));
	assert_non_null(rig.dev);
	memset(rig.dev, 0, sizeof(*rig.dev));
	rig.dev->type = &rig.type;
	rig.dev->iommu = &rig.iommu;
	rig.dev->interrupt = interrupt;
	rig.dev->unit_ops = &svart_unit_vtd;
	rig.dev->way = way ? &rig.way : NULL;
	svart_engine_init(&rig.dev->engine, false, model_step, NULL);
	assert_int_equal(svart_iommu_device_init(rig.dev), 0);
	atomic_store(&rig.dev->bus_master, true);
	rig.attachment.tables = &rig.tables;
	rig.attachment.sink = &rig.sink;
	assert_null(svart_iommu_switch(rig.dev, PASID, &rig.attachment));
}

static void rig_fini(void)
{
	svart_iommu_device_fini(rig.dev);
	svart_engine_fini(&rig.dev->engine);
	free(rig.dev);
	svart_seed_fini(&rig.seed);
	svart_pagetable_fini(&rig.tables.pages);
	svart_pagetable_fini(&rig.tables.origins);
	free(rig.page);
	svart_guard_fini();
}

static int request(bool last)
{
	struct svart_bus_page_request r = {
		.pasid = PASID, .addr = 0x1000, .prgi = PRGI, .read = true, .last = last
	};

	return rig.dev->bus.ops->page_request(&rig.dev->bus, &r);
}

static void test_iommu_translates_by_the_tables_of_a_pasid(void **state)
{
	struct svart_ats_entry entry;
	uint8_t bytes[8] = { 0 };

	(void)state;
	rig_init(false);
	assert_int_equal(rig.dev->bus.ops->ats_translate(
				 &rig.dev->bus, PASID, (uintptr_t)rig.page, 1, false, &entry),
		0);
	assert_int_equal(entry.translated, (uintptr_t)rig.page);
	assert_true(entry.read);
	assert_false(entry.write);
	assert_int_equal(
		rig.dev->bus.ops->read(&rig.dev->bus, entry.translated, bytes, sizeof(bytes)), 0);
	assert_int_equal(bytes[7], 0x5a);
	assert_int_equal(rig.dev->bus.ops->dma_read(&rig.dev->bus, PASID + 1, (uintptr_t)rig.page,
				 bytes, sizeof(bytes)),
		-EFAULT);
	assert_int_equal(rig.iommu.dmar_faults, 1);
	rig_fini();
}

static void test_iommu_invalidates_whom_the_tables_belong_to(void **state)
{
	struct svart_iommu_tables other;

	(void)state;
	rig_init(false);
	svart_iommu_invalidate(rig.dev, &other, 0, SVART_PAGE_SIZE);
	assert_int_equal(rig.nr_invalidations, 0);
	svart_iommu_invalidate(rig.dev, &rig.tables, 0, SVART_PAGE_SIZE);
	assert_int_equal(rig.nr_invalidations, 1);
	rig_fini();
}

static void test_iommu_gives_a_sink_whole_groups_and_the_device_its_answer(void **state)
{
	(void)state;
	rig_init(false);
	assert_int_equal(request(false), 0);
	assert_null(rig.group);
	assert_int_equal(request(true), 0);
	assert_non_null(rig.group);
	assert_int_equal(rig.group->nr_records, 2);
	assert_int_equal(rig.dev->requests.outstanding, 2);
	svart_prg_answer(rig.group, SVART_BUS_PRG_SUCCESS);
	assert_int_equal(rig.nr_answers, 1);
	assert_int_equal(rig.code, SVART_BUS_PRG_SUCCESS);
	assert_int_equal(rig.dev->requests.outstanding, 0);
	rig_fini();
}

static void test_iommu_takes_groups_back_at_a_reset(void **state)
{
	(void)state;
	rig_init(false);
	assert_int_equal(request(true), 0);
	svart_iommu_device_reset(rig.dev);
	assert_int_equal(rig.nr_withdrawn, 1);
	assert_int_equal(rig.nr_answers, 1);
	assert_int_equal(rig.code, SVART_BUS_PRG_INVALID);
	assert_int_equal(rig.nr_invalidations, 1);
	assert_int_equal(rig.nr_resets, 1);
	rig_fini();
}

static void test_iommu_way_can_keep_requests(void **state)
{
	(void)state;
	rig_init(true);
	assert_int_equal(request(true), 0);
	assert_int_equal(rig.nr_kept, 1);
	assert_null(rig.group);
	rig_fini();
}

static void test_iommu_passes_interrupts_of_bus_masters_only(void **state)
{
	(void)state;
	rig_init(false);
	rig.dev->bus.ops->interrupt(&rig.dev->bus, 0);
	rig.dev->bus.ops->interrupt(&rig.dev->bus, 1);
	assert_int_equal(rig.nr_interrupts, 1);
	atomic_store(&rig.dev->bus_master, false);
	rig.dev->bus.ops->interrupt(&rig.dev->bus, 0);
	assert_int_equal(rig.nr_interrupts, 1);
	assert_int_equal(request(true), -EPERM);
	rig_fini();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iommu_translates_by_the_tables_of_a_pasid),
		cmocka_unit_test(test_iommu_invalidates_whom_the_tables_belong_to),
		cmocka_unit_test(test_iommu_gives_a_sink_whole_groups_and_the_device_its_answer),
		cmocka_unit_test(test_iommu_takes_groups_back_at_a_reset),
		cmocka_unit_test(test_iommu_way_can_keep_requests),
		cmocka_unit_test(test_iommu_passes_interrupts_of_bus_masters_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
