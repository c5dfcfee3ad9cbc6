/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#define VA UINT64_C(0x7f0000000000)

/** One access through the bus, from within a step. */
struct access {
	enum { COPY, READ, WRITE, FILL, RECORD, DMA_READ, DMA_WRITE } kind;
	uint32_t pasid;
	uint64_t to, from;
	uint8_t *buf;
	size_t len;
	int rc;
};

static void do_access(struct probe *p, void *arg)
{
	const struct svart_bus_ops *bus = p->bus->ops;
	struct access *a = arg;

	switch (a->kind) {
	case COPY:
		a->rc = bus->copy(p->bus, a->to, a->from, a->len);
		break;
	case READ:
		a->rc = bus->read(p->bus, a->from, a->buf, a->len);
		break;
	case WRITE:
		a->rc = bus->write(p->bus, a->to, a->buf, a->len);
		break;
	case FILL:
		a->rc = bus->fill(p->bus, a->to, a->len, a->from, a->from, 0);
		break;
	case RECORD:
		a->rc = bus->write_record(p->bus, a->to, a->buf, a->len);
		break;
	case DMA_READ:
		a->rc = bus->dma_read(p->bus, a->pasid, a->from, a->buf, a->len);
		break;
	case DMA_WRITE:
		a->rc = bus->dma_write(p->bus, a->pasid, a->to, a->buf, a->len);
		break;
	}
}

static int run_access(struct rig *r, struct access a)
{
	rig_run(r, do_access, &a);
	return a.rc;
}

static void test_bus_accesses_move_the_bytes(void **state)
{
	uint8_t *mem = rig_memory(2 * PAGE), buf[32] = "thirty-one bytes of something!";
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, 2 * PAGE), 0);
	assert_int_equal(
		run_access(&r,
			(struct access){
				.kind = WRITE, .to = (uintptr_t)mem, .buf = buf, .len = 32 }),
		0);
	assert_memory_equal(mem, buf, 32);
	assert_int_equal(run_access(&r, (struct access){ .kind = COPY,
						.to = (uintptr_t)mem + PAGE,
						.from = (uintptr_t)mem,
						.len = 32 }),
		0);
	assert_memory_equal(mem + PAGE, buf, 32);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(run_access(&r, (struct access){ .kind = READ,
						.from = (uintptr_t)mem + PAGE,
						.buf = buf,
						.len = 32 }),
		0);
	assert_memory_equal(mem, buf, 32);
	assert_int_equal(run_access(&r, (struct access){ .kind = FILL,
						.to = (uintptr_t)mem,
						.from = 0x5555555555555555,
						.len = 7 }),
		0);
	assert_memory_equal(mem, "UUUUUUUone", 10);
	assert_int_equal(
		run_access(&r,
			(struct access){
				.kind = RECORD, .to = (uintptr_t)mem, .buf = buf, .len = 32 }),
		0);
	assert_memory_equal(mem, buf, 32);
	rig_destroy(&r);
	munmap(mem, 2 * PAGE);
}

static void test_bus_dma_crosses_pages_that_are_apart(void **state)
{
	uint8_t *mem = rig_memory(3 * PAGE), buf[200], back[200];
	uint32_t rw = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE;
	struct rig r;

	(void)state;
	memset(buf, 0x5a, sizeof(buf));
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map(&r, 0x10000, mem + 2 * PAGE, PAGE, rw), 0);
	assert_int_equal(rig_map(&r, 0x11000, mem, PAGE, rw), 0);
	assert_int_equal(run_access(&r, (struct access){ .kind = DMA_WRITE,
						.pasid = NO_PASID,
						.to = 0x11000 - 100,
						.buf = buf,
						.len = 200 }),
		0);
	assert_memory_equal(mem + 3 * PAGE - 100, buf, 100);
	assert_memory_equal(mem, buf, 100);
	assert_int_equal(run_access(&r, (struct access){ .kind = DMA_READ,
						.pasid = NO_PASID,
						.from = 0x11000 - 100,
						.buf = back,
						.len = 200 }),
		0);
	assert_memory_equal(back, buf, 200);
	rig_destroy(&r);
	munmap(mem, 3 * PAGE);
}

static void test_bus_dma_without_translation_or_permission_gives_efault(void **state)
{
	uint8_t *mem = rig_memory(PAGE), buf[8] = { 0 };
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(run_access(&r, (struct access){ .kind = DMA_READ,
						.pasid = NO_PASID,
						.from = VA,
						.buf = buf,
						.len = 8 }),
		-EFAULT);
	assert_int_equal(rig_map(&r, (uintptr_t)mem, mem, PAGE, IOMMU_IOAS_MAP_READABLE), 0);
	assert_int_equal(run_access(&r, (struct access){ .kind = DMA_WRITE,
						.pasid = NO_PASID,
						.to = (uintptr_t)mem,
						.buf = buf,
						.len = 8 }),
		-EFAULT);
	assert_int_equal(run_access(&r, (struct access){ .kind = DMA_READ,
						.pasid = 4,
						.from = (uintptr_t)mem,
						.buf = buf,
						.len = 8 }),
		-EFAULT);
	assert_int_equal(rig_stats(&r).dmar_faults, 3);
	rig_destroy(&r);
	munmap(mem, PAGE);
}

static void test_bus_access_to_vanished_memory_is_stale_and_fails(void **state)
{
	int fd = memfd_create("stale", MFD_CLOEXEC);
	uint8_t buf[8] = { 0 }, *mem;
	struct rig r;

	(void)state;
	assert_int_equal(ftruncate(fd, PAGE), 0);
	mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(mem != MAP_FAILED);
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, PAGE), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(
		run_access(&r,
			(struct access){
				.kind = READ, .from = (uintptr_t)mem, .buf = buf, .len = 8 }),
		-EIO);
	munmap(mem, PAGE);
	assert_int_equal(run_access(&r, (struct access){ .kind = DMA_WRITE,
						.pasid = NO_PASID,
						.to = (uintptr_t)mem,
						.buf = buf,
						.len = 8 }),
		-EIO);
	assert_int_equal(rig_stats(&r).stale_accesses, 2);
	rig_destroy(&r);
	close(fd);
}

static void try_all_without_master(struct probe *p, void *arg)
{
	const struct svart_bus_ops *bus = p->bus->ops;
	struct svart_bus_page_request request = { .pasid = NO_PASID, .last = true, .read = true };
	struct svart_ats_entry entry;
	uint8_t buf[8] = { 0 };
	uint64_t at = (uintptr_t)buf;

	(void)arg;
	assert_false(bus->bus_master(p->bus));
	assert_int_equal(bus->ats_translate(p->bus, NO_PASID, at, 1, false, &entry), -EPERM);
	assert_int_equal(bus->page_request(p->bus, &request), -EPERM);
	assert_int_equal(bus->copy(p->bus, at, at, 1), -EPERM);
	assert_int_equal(bus->read(p->bus, at, buf, 1), -EPERM);
	assert_int_equal(bus->write(p->bus, at, buf, 1), -EPERM);
	assert_int_equal(bus->fill(p->bus, at, 1, 0, 0, 0), -EPERM);
	assert_int_equal(bus->write_record(p->bus, at, buf, 1), -EPERM);
	assert_int_equal(bus->dma_read(p->bus, NO_PASID, at, buf, 1), -EPERM);
	assert_int_equal(bus->dma_write(p->bus, NO_PASID, at, buf, 1), -EPERM);
}

static void test_bus_without_bus_master_refuses_all(void **state)
{
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_command_set(&r, PCI_COMMAND_MEMORY);
	rig_run(&r, try_all_without_master, NULL);
	rig_destroy(&r);
}

static void test_bus_page_request_that_vtd_refuses_is_answered_invalid(void **state)
{
	struct svart_bus_page_request bad[] = {
		{ .pasid = NO_PASID, .addr = VA, .read = true, .priv = true, .last = true },
		{ .pasid = NO_PASID, .addr = VA, .read = true, .exec = true, .last = true },
		{ .pasid = NO_PASID, .addr = UINT64_C(1) << 48, .read = true, .last = true },
	};
	unsigned int i;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	for (i = 0; i < 3; i++) {
		assert_int_equal(rig_request(&r, bad[i]), 0);
		assert_int_equal(r.probe->nr_answers, i + 1);
		assert_int_equal(r.probe->answers[i].code, SVART_BUS_PRG_INVALID);
	}
	rig_destroy(&r);
}

static void test_bus_stop_marker_gets_no_answer(void **state)
{
	struct svart_bus_page_request stop = { .pasid = 5, .last = true };
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_request(&r, stop), 0);
	assert_int_equal(r.probe->nr_answers, 0);
	assert_int_equal(rig_stats(&r).page_requests_open, 0);
	rig_destroy(&r);
}

static void test_bus_page_request_before_attach_is_answered_invalid(void **state)
{
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	rig_command_set(&r, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(rig_fault(&r, NO_PASID, 1, VA, 1), 0);
	assert_int_equal(r.probe->nr_answers, 1);
	assert_int_equal(r.probe->answers[0].code, SVART_BUS_PRG_INVALID);
	rig_destroy(&r);
}

static void translate_many(struct probe *p, void *arg)
{
	uint64_t first = (uintptr_t)arg;
	struct svart_ats_entry entries[130];
	unsigned int i;

	assert_int_equal(
		p->bus->ops->ats_translate(p->bus, NO_PASID, first, 130, false, entries), 0);
	for (i = 0; i < 130; i++) {
		assert_int_equal(entries[i].read, i < 128);
		if (i < 128)
			assert_int_equal(entries[i].translated, first + i * PAGE);
	}
}

static void test_bus_translates_many_pages_at_a_time(void **state)
{
	uint8_t *mem = rig_memory(130 * PAGE);
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, 128 * PAGE), 0);
	rig_run(&r, translate_many, mem);
	rig_destroy(&r);
	munmap(mem, 130 * PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bus_accesses_move_the_bytes),
		cmocka_unit_test(test_bus_dma_crosses_pages_that_are_apart),
		cmocka_unit_test(test_bus_dma_without_translation_or_permission_gives_efault),
		cmocka_unit_test(test_bus_access_to_vanished_memory_is_stale_and_fails),
		cmocka_unit_test(test_bus_without_bus_master_refuses_all),
		cmocka_unit_test(test_bus_page_request_that_vtd_refuses_is_answered_invalid),
		cmocka_unit_test(test_bus_stop_marker_gets_no_answer),
		cmocka_unit_test(test_bus_page_request_before_attach_is_answered_invalid),
		cmocka_unit_test(test_bus_translates_many_pages_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
