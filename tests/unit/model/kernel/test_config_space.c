/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>

#include <linux/pci_regs.h>

#include "vfio_cdev.h"

static off_t config_off(unsigned int off)
{
	return ((off_t)VFIO_PCI_CONFIG_REGION_INDEX << SVART_CDEV_REGION_SHIFT) + off;
}

static uint32_t get(struct rig *r, unsigned int off, size_t len)
{
	uint32_t value = 0;

	assert_int_equal(r->m->ops->pread(r->m, r->cdev, &value, len, config_off(off)), len);
	return value;
}

static void put(struct rig *r, unsigned int off, uint32_t value, size_t len)
{
	assert_int_equal(r->m->ops->pwrite(r->m, r->cdev, &value, len, config_off(off)), len);
}

/** @return where a capability stands, or 0. */
static unsigned int find_cap(struct rig *r, uint8_t id)
{
	unsigned int off = get(r, PCI_CAPABILITY_LIST, 1);

	while (off != 0 && get(r, off, 1) != id)
		off = get(r, off + PCI_CAP_LIST_NEXT, 1);
	return off;
}

static unsigned int find_ext_cap(struct rig *r, uint16_t id)
{
	unsigned int off = PCI_CFG_SPACE_SIZE;

	while (off != 0 && PCI_EXT_CAP_ID(get(r, off, 4)) != id)
		off = PCI_EXT_CAP_NEXT(get(r, off, 4));
	return off;
}

static void test_config_names_the_device(void **state)
{
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(get(&r, PCI_VENDOR_ID, 2), 0x1d1d);
	assert_int_equal(get(&r, PCI_DEVICE_ID, 2), 0x7357);
	assert_int_equal(get(&r, PCI_CLASS_REVISION, 4), 0x08800003);
	put(&r, PCI_VENDOR_ID, 0, 2);
	assert_int_equal(get(&r, PCI_VENDOR_ID, 2), 0x1d1d);
	rig_destroy(&r);
}

static void test_config_bar_tells_its_size(void **state)
{
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	put(&r, PCI_BASE_ADDRESS_2, UINT32_MAX, 4);
	put(&r, PCI_BASE_ADDRESS_3, UINT32_MAX, 4);
	assert_int_equal(get(&r, PCI_BASE_ADDRESS_2, 4), ~(0x20000U - 1) | 4);
	assert_int_equal(get(&r, PCI_BASE_ADDRESS_3, 4), UINT32_MAX);
	put(&r, PCI_BASE_ADDRESS_4, UINT32_MAX, 4);
	assert_int_equal(get(&r, PCI_BASE_ADDRESS_4, 4), 0);
	rig_destroy(&r);
}

static void test_config_ats_and_pri_are_on_and_the_kernels(void **state)
{
	unsigned int ats, pri;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	ats = find_ext_cap(&r, PCI_EXT_CAP_ID_ATS);
	pri = find_ext_cap(&r, PCI_EXT_CAP_ID_PRI);
	assert_int_not_equal(ats, 0);
	assert_int_not_equal(pri, 0);
	assert_int_equal(find_ext_cap(&r, PCI_EXT_CAP_ID_PASID), 0);
	put(&r, ats + PCI_ATS_CTRL, 0, 2);
	put(&r, pri + PCI_PRI_CTRL, 0, 2);
	assert_int_equal(get(&r, ats + PCI_ATS_CTRL, 2), PCI_ATS_CTRL_ENABLE);
	assert_int_equal(get(&r, pri + PCI_PRI_CTRL, 2), PCI_PRI_CTRL_ENABLE);
	assert_int_equal(get(&r, pri + PCI_PRI_STATUS, 2), PCI_PRI_STATUS_PASID);
	assert_int_equal(get(&r, pri + PCI_PRI_ALLOC_REQ, 4), CAPACITY);
	rig_destroy(&r);
}

static void test_config_msix_tells_its_table(void **state)
{
	unsigned int msix;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	msix = find_cap(&r, PCI_CAP_ID_MSIX);
	assert_int_not_equal(msix, 0);
	assert_int_equal(get(&r, msix + PCI_MSIX_FLAGS, 2), 3);
	assert_int_equal(get(&r, msix + PCI_MSIX_TABLE, 4), 0x2000);
	rig_destroy(&r);
}

static void test_config_flr_resets_and_reads_0(void **state)
{
	unsigned int exp;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	exp = find_cap(&r, PCI_CAP_ID_EXP);
	assert_int_not_equal(exp, 0);
	assert_true((get(&r, exp + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR) != 0);
	put(&r, exp + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR, 2);
	assert_int_equal(r.probe->nr_resets, 1);
	assert_int_equal(get(&r, exp + PCI_EXP_DEVCTL, 2), 0);
	assert_int_equal(get(&r, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	rig_destroy(&r);
}

static void test_config_access_beyond_its_end_gives_efault(void **state)
{
	uint32_t value = 0;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &value, 4, config_off(4094)), -EFAULT);
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &value, 4, config_off(4096)), -EFAULT);
	assert_int_equal(r.m->ops->pwrite(r.m, r.cdev, &value, 4, config_off(4094)), -EFAULT);
	assert_int_equal(r.m->ops->pwrite(r.m, r.cdev, NULL, 4, config_off(0)), -EFAULT);
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &value, 0, config_off(0)), 0);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_names_the_device),
		cmocka_unit_test(test_config_bar_tells_its_size),
		cmocka_unit_test(test_config_ats_and_pri_are_on_and_the_kernels),
		cmocka_unit_test(test_config_msix_tells_its_table),
		cmocka_unit_test(test_config_flr_resets_and_reads_0),
		cmocka_unit_test(test_config_access_beyond_its_end_gives_efault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
