/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "bus.h"
#include "edu_spec.h"

#define MEMORY UINT64_C(0x1000)

/** A bus with one page of memory at MEMORY, and the device on it. */
struct rig {
	struct svart_bus bus;
	uint8_t memory[4096];
	unsigned int nr_failed;
	void *dev;
};

static int access_memory(struct svart_bus *bus, uint64_t va, void *buf, size_t len, bool write)
{
	struct rig *r = (struct rig *)bus;

	if (va < MEMORY || va - MEMORY > sizeof(r->memory) - len) {
		r->nr_failed++;
		return -EFAULT;
	}
	if (write)
		memcpy(r->memory + (va - MEMORY), buf, len);
	else
		memcpy(buf, r->memory + (va - MEMORY), len);
	return 0;
}

static int dma_read(struct svart_bus *bus, uint32_t pasid, uint64_t va, void *buf, size_t len)
{
	assert_int_equal(pasid, SVART_BUS_NO_PASID);
	return access_memory(bus, va, buf, len, false);
}

static int dma_write(
	struct svart_bus *bus, uint32_t pasid, uint64_t va, const void *buf, size_t len)
{
	assert_int_equal(pasid, SVART_BUS_NO_PASID);
	return access_memory(bus, va, (void *)(uintptr_t)buf, len, true);
}

static void wake(struct svart_bus *bus)
{
	(void)bus;
}

static const struct svart_bus_ops bus_ops = {
	.dma_read = dma_read, .dma_write = dma_write, .wake = wake
};

static void rig_open(struct rig *r, const char *options)
{
	memset(r, 0, sizeof(*r));
	r->bus.ops = &bus_ops;
	assert_int_equal(svart_edu_model.create(&r->bus, options, &r->dev), 0);
}

static void rig_close(struct rig *r)
{
	svart_edu_model.destroy(r->dev);
}

static void put(struct rig *r, uint64_t off, uint64_t value)
{
	svart_edu_model.mmio_write(r->dev, 0, off, 8, value);
}

static uint64_t get(struct rig *r, uint64_t off)
{
	return svart_edu_model.mmio_read(r->dev, 0, off, 8);
}

static void start(struct rig *r, uint64_t dst, uint64_t src, uint64_t cnt, uint64_t cmd)
{
	put(r, SVART_EDU_SRC_OFF, src);
	put(r, SVART_EDU_DST_OFF, dst);
	put(r, SVART_EDU_CNT_OFF, cnt);
	put(r, SVART_EDU_CMD_OFF, cmd | SVART_EDU_CMD_RUN);
}

static void run(struct rig *r, uint64_t dst, uint64_t src, uint64_t cnt, uint64_t cmd)
{
	start(r, dst, src, cnt, cmd);
	while (get(r, SVART_EDU_CMD_OFF) & SVART_EDU_CMD_RUN)
		assert_true(svart_edu_model.step(r->dev));
	assert_false(svart_edu_model.step(r->dev));
}

static void test_edu_moves_memory_through_its_buffer(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "");
	memset(r.memory, 0x42, 100);
	run(&r, SVART_EDU_BUF_ADDR + 50, MEMORY, 100, 0);
	run(&r, MEMORY + 1000, SVART_EDU_BUF_ADDR + 50, 100, SVART_EDU_CMD_TO_RAM);
	assert_memory_equal(r.memory + 1000, r.memory, 100);
	assert_int_equal(r.memory[1100], 0);
	rig_close(&r);
}

static void test_edu_cuts_addresses_off_at_its_mask(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "dma_mask_bits=20");
	r.memory[0] = 7;
	run(&r, SVART_EDU_BUF_ADDR, MEMORY | UINT64_C(1) << 20, 1, 0);
	run(&r, MEMORY + 1, SVART_EDU_BUF_ADDR, 1, SVART_EDU_CMD_TO_RAM);
	assert_int_equal(r.memory[1], 7);
	assert_int_equal(r.nr_failed, 0);
	rig_close(&r);
}

static void test_edu_says_nothing_of_a_failed_transfer(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "");
	run(&r, SVART_EDU_BUF_ADDR, 0, 1, 0);
	assert_int_equal(r.nr_failed, 1);
	run(&r, SVART_EDU_BUF_ADDR + 1, MEMORY, SVART_EDU_BUF_BYTES, 0); /* Not in the buffer. */
	run(&r, SVART_EDU_BUF_ADDR - 1, MEMORY, 1, 0);
	run(&r, SVART_EDU_BUF_ADDR, MEMORY, UINT64_MAX, 0);
	assert_int_equal(r.nr_failed, 1);
	rig_close(&r);
}

static void test_edu_registers_are_fixed_while_a_transfer_runs(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "");
	start(&r, SVART_EDU_BUF_ADDR, MEMORY, 10, 0);
	put(&r, SVART_EDU_CNT_OFF, 11);
	assert_int_equal(get(&r, SVART_EDU_CNT_OFF), 10);
	svart_edu_model.reset(r.dev);
	assert_int_equal(get(&r, SVART_EDU_CMD_OFF), 0);
	assert_false(svart_edu_model.step(r.dev));
	rig_close(&r);
}

static void test_edu_refuses_options_that_it_does_not_know(void **state)
{
	static const char *const bad[] = { "dma_mask_bits=", "dma_mask_bits=15", "dma_mask_bits=65",
		"dma_mask_bits=-1", "dma_mask_bits=28x", "other=1" };
	struct rig r = { .bus.ops = &bus_ops };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(svart_edu_model.create(&r.bus, bad[i], &r.dev), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edu_moves_memory_through_its_buffer),
		cmocka_unit_test(test_edu_cuts_addresses_off_at_its_mask),
		cmocka_unit_test(test_edu_says_nothing_of_a_failed_transfer),
		cmocka_unit_test(test_edu_registers_are_fixed_while_a_transfer_runs),
		cmocka_unit_test(test_edu_refuses_options_that_it_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
