/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "vfio_cdev.h"

static int map_bar(struct rig *r, unsigned int bar, uint64_t off, size_t len, uint8_t **out)
{
	return r->m->ops->mmap(r->m, NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, r->cdev,
		((off_t)bar << SVART_CDEV_REGION_SHIFT) + (off_t)off, (void **)out);
}

static void test_mmio_of_a_mapped_bar_reaches_registers(void **state)
{
	uint8_t *bar;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(map_bar(&r, 0, 0, 0x10000, &bar), 0);
	assert_int_equal(rig_stats(&r).mappings, 1);
	r.m->ops->mmio_write64(r.m, bar + 16, UINT64_C(0xaabbccdd11223344));
	assert_int_equal(r.probe->regs[2], UINT64_C(0xaabbccdd11223344));
	r.m->ops->mmio_write32(r.m, bar + 20, 7);
	assert_int_equal(r.m->ops->mmio_read32(r.m, bar + 20), 7);
	assert_int_equal(r.m->ops->mmio_read64(r.m, bar + 16), UINT64_C(0x711223344));
	rig_command_set(&r, 0);
	assert_int_equal(r.m->ops->mmio_read32(r.m, bar + 20), UINT32_MAX);
	r.m->ops->mmio_write32(r.m, bar + 20, 9);
	assert_int_equal(r.probe->regs[2] >> 32, 7);
	assert_int_equal(r.m->ops->munmap(r.m, bar, 0x10000), 0);
	assert_int_equal(rig_stats(&r).mappings, 0);
	rig_destroy(&r);
}

static void test_mmap_of_bad_ranges_gives_einval(void **state)
{
	uint8_t *bar;
	void *out;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(map_bar(&r, 0, 0, 0x11000, &bar), -EINVAL);
	assert_int_equal(map_bar(&r, 0, 0x10000, PAGE, &bar), -EINVAL);
	assert_int_equal(map_bar(&r, 0, 1, PAGE, &bar), -EINVAL);
	assert_int_equal(map_bar(&r, 1, 0, PAGE, &bar), -EINVAL);
	assert_int_equal(map_bar(&r, 7, 0, PAGE, &bar), -EINVAL);
	assert_int_equal(map_bar(&r, 0, 0, 0, &bar), -EINVAL);
	assert_int_equal(
		r.m->ops->mmap(r.m, NULL, PAGE, PROT_READ, MAP_PRIVATE, r.cdev, 0, &out), -EINVAL);
	assert_int_equal(r.m->ops->mmap(r.m, NULL, PAGE, PROT_READ, MAP_SHARED, r.iommufd, 0, &out),
		-ENODEV);
	rig_destroy(&r);
}

static void test_munmap_of_a_part_gives_einval(void **state)
{
	uint8_t *bar;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(map_bar(&r, 0, 0, 2 * PAGE, &bar), 0);
	assert_int_equal(r.m->ops->munmap(r.m, bar, PAGE), -EINVAL);
	assert_int_equal(r.m->ops->munmap(r.m, bar + PAGE, PAGE), -EINVAL);
	assert_int_equal(r.m->ops->munmap(r.m, bar, 2 * PAGE), 0);
	rig_destroy(&r);
}

static void test_mapping_keeps_the_cdev_bound_after_close(void **state)
{
	uint8_t *bar;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(map_bar(&r, 0, 0, PAGE, &bar), 0);
	assert_int_equal(r.m->ops->close(r.m, r.cdev), 0);
	r.cdev = -1;
	r.m->ops->mmio_write64(r.m, bar, 5);
	assert_int_equal(r.probe->regs[0], 5);
	assert_int_equal(r.probe->nr_resets, 0);
	assert_int_equal(r.m->ops->munmap(r.m, bar, PAGE), 0);
	assert_int_equal(r.probe->nr_resets, 1);
	rig_destroy(&r);
}

static void test_portal_stores_64_bytes_at_its_place(void **state)
{
	struct svart_portal portal;
	uint8_t desc[64] __attribute__((aligned(64))), *bar;
	struct rig r;

	(void)state;
	memset(desc, 0x3c, sizeof(desc));
	rig_bind(&r, "step=manual");
	assert_int_equal(map_bar(&r, 2, 0x4000, PAGE, &bar), 0);
	assert_int_equal(r.m->ops->portal(r.m, bar, 0, &portal), 0);
	portal.movdir64b(portal.ctx, bar + 0x80, desc, 1);
	assert_int_equal(atomic_load(&r.probe->nr_portal), 1);
	assert_int_equal(r.probe->portal_off, 0x4080);
	assert_memory_equal(r.probe->portal, desc, 64);
	/* Deferrable ones, too. */
	assert_false(portal.enqcmd(portal.ctx, bar + 0xc0, desc));
	assert_int_equal(r.probe->portal_off, 0x40c0);
	r.probe->takes_enqueues = true;
	assert_true(portal.enqcmd(portal.ctx, bar + 0x100, desc));
	assert_int_equal(r.probe->portal_off, 0x4100);
	assert_int_equal(atomic_load(&r.probe->nr_portal), 3);
	rig_command_set(&r, 0);
	portal.movdir64b(portal.ctx, bar, desc, 1);
	assert_false(portal.enqcmd(portal.ctx, bar, desc));
	assert_int_equal(atomic_load(&r.probe->nr_portal), 3);
	assert_int_equal(r.m->ops->portal(r.m, desc, 0, &portal), -EINVAL);
	assert_int_equal(r.m->ops->munmap(r.m, bar, PAGE), 0);
	rig_destroy(&r);
}

static void test_anonymous_memory_passes_through(void **state)
{
	uint8_t *mem;
	struct rig r;

	(void)state;
	rig_create(&r, "step=manual");
	assert_int_equal(r.m->ops->mmap(r.m, NULL, PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, (void **)&mem),
		0);
	mem[0] = 1;
	assert_int_equal(r.m->ops->madvise(r.m, mem, PAGE, MADV_DONTFORK), 0);
	assert_int_equal(rig_stats(&r).mappings, 0);
	assert_int_equal(r.m->ops->munmap(r.m, mem, PAGE), 0);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mmio_of_a_mapped_bar_reaches_registers),
		cmocka_unit_test(test_mmap_of_bad_ranges_gives_einval),
		cmocka_unit_test(test_munmap_of_a_part_gives_einval),
		cmocka_unit_test(test_mapping_keeps_the_cdev_bound_after_close),
		cmocka_unit_test(test_portal_stores_64_bytes_at_its_place),
		cmocka_unit_test(test_anonymous_memory_passes_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
