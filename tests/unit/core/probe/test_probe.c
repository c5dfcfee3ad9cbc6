/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A probe of a machine that lacks one thing after the other. Each test begins with a machine that
 * lacks nothing.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <svart/svart.h>

#include "bits.h"
#include "machine.h"
#include "machines.h"
#include "fake_tree.h"

#define PCI   "/sys/bus/pci/devices/0000:6a:01.0"
#define IOMMU "/sys/class/iommu/dmar0/intel-iommu"
#define CDEV  "/dev/vfio/devices/vfio0"

static struct fake_tree tree; /* Large; each test makes it anew. */
static uint8_t config[4096];
static struct svart_machine_class class;
static struct svart *rt;
static struct svart_probe *probe;

static void put32(unsigned int off, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		config[off + i] = (uint8_t)(value >> (8 * i));
}

/** An extended capability: id, version 1, offset of the next. */
static void put_cap(unsigned int off, uint16_t id, unsigned int next)
{
	put32(off, id | 1u << 16 | next << 20);
}

static void make_config(void)
{
	memset(config, 0, sizeof(config));
	put32(0, 0x0b258086);
	put_cap(0x100, 0x0001, 0x220);
	put_cap(0x220, 0x000f, 0x230);
	put_cap(0x230, 0x001b, 0x240);
	put_cap(0x240, 0x0013, 0);
	fake_tree_bytes(&tree, PCI "/config", config, sizeof(config));
}

static void make_kernel(void)
{
	fake_tree_file(&tree, "/proc/sys/kernel/osrelease", "7.2.13-amd64\n");
	fake_tree_file(&tree, "/proc/cmdline", "root=/dev/sda1 intel_iommu=on,sm_on quiet\n");
	fake_tree_file(&tree, "/boot/config-7.2.13-amd64",
		"# comment\nCONFIG_IOMMUFD=m\nCONFIG_VFIO_DEVICE_CDEV=y\n"
		"# CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON is not set\n");
	fake_tree_file(&tree, "/sys/module/vfio_pci/parameters/disable_denylist", "Y\n");
	fake_tree_file(&tree, "/sys/class/misc/iommu/dev", "10:121\n");
	fake_tree_file(&tree, "/dev/iommu", "");
	fake_tree_file(&tree, CDEV, "");
	fake_tree_file(&tree, "/proc/self/maps",
		"00400000-00401000 r--p 00000000 08:01 1 /bin/x\n"
		"7ffd1000000-7ffffffff000 rw-p 00000000 00:00 0 [stack]\n");
	fake_tree_file(&tree, "/proc/self/status", "Name:\tx\nCapEff:\t0000000000000000\n");
}

static void make_device(void)
{
	fake_tree_file(&tree, PCI "/vendor", "0x8086\n");
	fake_tree_file(&tree, PCI "/device", "0x0b25\n");
	fake_tree_file(&tree, PCI "/revision", "0x00\n");
	fake_tree_file(&tree, PCI "/numa_node", "1\n");
	fake_tree_link(&tree, PCI "/driver", "../../../bus/pci/drivers/vfio-pci");
	fake_tree_link(&tree, PCI "/iommu_group", "../../../kernel/iommu_groups/42");
	fake_tree_link(&tree, PCI "/iommu", "../../virtual/iommu/dmar0");
	fake_tree_file(&tree, PCI "/vfio-dev/vfio0/dev", "511:0\n");
	make_config();
	/* MGAW of 48 bits; SMTS, PDS, PASID, PRS, and first and second stages. */
	fake_tree_file(&tree, IOMMU "/cap", "9ed008c406f0466\n");
	fake_tree_file(&tree, IOMMU "/ecap", "cd0020f050df\n");
	/* The machine's other functions. */
	fake_tree_file(&tree, "/sys/bus/pci/devices/0000:00:00.0/vendor", "0x8086\n");
	fake_tree_file(&tree, "/sys/bus/pci/devices/0000:00:00.0/device", "0x1237\n");
	fake_tree_file(&tree, "/sys/bus/pci/devices/0000:00:00.0/revision", "0x02\n");
	fake_tree_file(&tree, "/sys/bus/pci/devices/10000:00:02.0/vendor", "0x8086\n");
}

static void keep(struct svart_machine *m)
{
	(void)m;
}

static int setup(void **state)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	struct svart_machine_slot *slot;

	(void)state;
	probe = NULL;
	if (svart_init(&init, &rt) != 0)
		return -1;
	slot = svart_machines_find(rt, "linux");
	class = *slot->class;
	class.destroy = keep;
	slot->class = &class;
	slot->m = &tree.m;
	fake_tree_init(&tree);
	make_kernel();
	make_device();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	svart_probe_destroy(probe);
	return svart_fini(rt);
}

/** Probes, and looks at what no probe may do. */
static void run(void)
{
	svart_probe_destroy(probe);
	assert_int_equal(svart_probe_create(rt, &probe), 0);
	assert_int_equal(tree.nr_open, 0);
	assert_int_equal(tree.nr_forbidden, 0);
}

/** One device, and the first way to bind it. */
struct found {
	struct svart_probe_device dev;
	struct svart_probe_path path;
};

static int look(uint32_t index, struct found *f)
{
	int rc;

	*f = (struct found){ SVART_PROBE_DEVICE_INIT(), SVART_PROBE_PATH_INIT() };
	rc = svart_probe_device_get(probe, index, &f->dev);
	if (rc == 0)
		assert_int_equal(svart_probe_path_get(probe, index, 0, &f->path), 0);
	return rc;
}

static bool find(const char *name, struct found *f)
{
	uint32_t i;

	for (i = 0; look(i, f) == 0; i++) {
		if (strcmp(f->dev.name, name) == 0)
			return true;
	}
	return false;
}

static struct svart_probe_path run_path(void)
{
	struct found f;

	run();
	assert_true(find("pci:0000:6a:01.0", &f));
	assert_int_equal(f.dev.nr_paths, 1);
	assert_string_equal(f.path.path, "vfio");
	assert_int_equal(f.path.ready, f.path.code == SVART_PROBE_READY);
	return f.path;
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/** Probes: this is what is missing first. @param missing, fix words of the texts. */
static void expect(enum svart_probe_code code, const char *missing, const char *fix)
{
	struct svart_probe_path p = run_path();

	if (p.code != code)
		fail_msg("%s instead of %s: %s", svart_probe_code_name(p.code),
			svart_probe_code_name(code), p.missing);
	assert_has(p.missing, missing);
	assert_has(p.fix, fix);
	assert_string_equal(p.spec, "");
}

static void expect_ready(const char *spec, const char *note)
{
	struct svart_probe_path p = run_path();

	if (!p.ready)
		fail_msg("not ready: %s", p.missing);
	assert_string_equal(p.missing, "");
	assert_string_equal(p.fix, "");
	assert_string_equal(p.spec, spec);
	assert_has(p.note, note);
}

/* --- what is found ---------------------------------------------------------------------------- */

static void test_probe_of_a_complete_machine_is_ready(void **state)
{
	struct found f;

	(void)state;
	expect_ready("pci:0000:6a:01.0", "");
	assert_true(find("pci:0000:6a:01.0", &f));
	assert_string_equal(f.dev.address, "0000:6a:01.0");
	assert_string_equal(f.dev.model, "Intel DSA 1.0");
	assert_string_equal(f.dev.kernel_driver, "vfio-pci");
	assert_int_equal(f.dev.numa_node, 1);
	assert_false(f.dev.software);
	assert_string_equal(f.path.note, "");
}

static void test_probe_lists_the_model_first(void **state)
{
	struct found f;

	(void)state;
	run();
	assert_int_equal(look(0, &f), 0);
	assert_string_equal(f.dev.name, "model:dsa0");
	assert_string_equal(f.path.path, "model");
	assert_string_equal(f.path.spec, "model:dsa0");
	assert_true(f.path.ready);
	assert_true(f.dev.software);
}

static void test_probe_beyond_the_last_device_is_enoent(void **state)
{
	struct found f;

	(void)state;
	run();
	assert_int_equal(look(svart_probe_nr_devices(probe), &f), -ENOENT);
}

static void test_probe_beyond_the_last_path_is_enoent(void **state)
{
	struct svart_probe_path path = SVART_PROBE_PATH_INIT();
	struct found f;

	(void)state;
	run();
	assert_int_equal(look(0, &f), 0);
	assert_int_equal(svart_probe_path_get(probe, 0, f.dev.nr_paths, &path), -ENOENT);
	assert_non_null(strstr(svart_error_text(), "model:dsa0"));
	assert_int_equal(
		svart_probe_path_get(probe, svart_probe_nr_devices(probe), 0, &path), -ENOENT);
}

static void test_probe_of_the_system_is_told(void **state)
{
	struct svart_probe_system system = SVART_PROBE_SYSTEM_INIT();

	(void)state;
	tree.memlock = 16 << 20;
	run();
	svart_probe_system_get(probe, &system);
	assert_string_equal(system.kernel, "7.2.13-amd64");
	assert_true(system.movdir64b);
	assert_true(system.iommufd);
	assert_true(system.iommufd_permitted);
	assert_int_equal(system.nr_iommus, 1);
	assert_int_equal(system.pin_limit_bytes, 15 << 20);
	assert_int_equal(system.nr_unreadable, 0);
}

static void test_probe_of_an_empty_machine_finds_only_the_model(void **state)
{
	struct svart_probe_system system = SVART_PROBE_SYSTEM_INIT();
	struct found f;
	uint32_t i;

	(void)state;
	tree.nr = 0;
	run();
	for (i = 0; look(i, &f) == 0; i++)
		assert_true(f.dev.software);
	assert_int_not_equal(i, 0);
	svart_probe_system_get(probe, &system);
	assert_string_equal(system.kernel, "");
	assert_false(system.iommufd);
}

static void test_probe_sorts_functions_by_address(void **state)
{
	struct found f;
	uint32_t i = 0;

	(void)state;
	fake_tree_file(&tree, "/sys/bus/pci/devices/0000:02:00.0/vendor", "0x8086\n");
	fake_tree_file(&tree, "/sys/bus/pci/devices/0000:02:00.0/device", "0x0b25\n");
	fake_tree_file(&tree, "/sys/bus/pci/devices/0000:02:00.0/revision", "0\n");
	run();
	do {
		assert_int_equal(look(i++, &f), 0);
	} while (f.dev.software);
	assert_string_equal(f.dev.name, "pci:0000:02:00.0");
	assert_int_equal(f.path.code, SVART_PROBE_NO_IOMMU);
}

/* --- one thing is missing --------------------------------------------------------------------- */

static void test_probe_without_any_iommu_names_the_bios(void **state)
{
	(void)state;
	fake_tree_remove(&tree, PCI "/iommu_group");
	fake_tree_remove(&tree, "/sys/class/iommu");
	expect(SVART_PROBE_NO_IOMMU, "no IOMMU", "intel_iommu=on,sm_on");
}

static void test_probe_outside_of_the_iommus_says_so(void **state)
{
	(void)state;
	fake_tree_remove(&tree, PCI "/iommu_group");
	expect(SVART_PROBE_NO_IOMMU, "has 1 IOMMUs, but it is in no IOMMU group", "IOMMU");
}

static void test_probe_of_vtd_without_smts_lacks_scalable_mode(void **state)
{
	(void)state;
	fake_tree_file(&tree, IOMMU "/ecap", "c50020f050df\n");
	expect(SVART_PROBE_NO_SCALABLE, "ECAP.SMTS, VT-d 11.4.3", "BIOS");
}

static void test_probe_booted_with_sm_off_lacks_scalable_mode(void **state)
{
	(void)state;
	fake_tree_file(&tree, "/proc/cmdline", "intel_iommu=on,sm_off\n");
	expect(SVART_PROBE_NO_SCALABLE, "sm_off", "sm_on");
}

static void test_probe_booted_without_sm_on_goes_by_the_kernel_configuration(void **state)
{
	(void)state;
	fake_tree_file(&tree, "/proc/cmdline", "quiet xintel_iommu=sm_on intel_iommu=on,xsm_on\n");
	expect(SVART_PROBE_NO_SCALABLE, "scalable mode is off", "intel_iommu=on,sm_on");
	fake_tree_file(&tree, "/boot/config-7.2.13-amd64",
		"CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON=y\nCONFIG_VFIO_DEVICE_CDEV=y\n");
	expect_ready("pci:0000:6a:01.0", "");
	fake_tree_remove(&tree, "/boot");
	expect_ready("pci:0000:6a:01.0", "whether scalable mode is on cannot be read");
}

static void test_probe_of_vtd_without_prs_takes_no_page_requests(void **state)
{
	(void)state;
	fake_tree_file(&tree, IOMMU "/ecap", "cd0000f050df\n");
	expect(SVART_PROBE_IOMMU_NO_FAULT, "ECAP.PRS", "another machine");
}

static void test_probe_of_vtd_without_pds_takes_no_page_requests(void **state)
{
	(void)state;
	fake_tree_file(&tree, IOMMU "/ecap", "c90020f050df\n");
	expect(SVART_PROBE_IOMMU_NO_FAULT, "ECAP.PDS", "another machine");
}

static void test_probe_behind_amds_iommu_takes_no_page_requests(void **state)
{
	struct svart_probe_path p;

	(void)state;
	fake_tree_link(&tree, PCI "/iommu", "../../virtual/iommu/ivhd0");
	p = run_path();
	assert_int_equal(p.code, SVART_PROBE_IOMMU_NO_FAULT);
	assert_has(p.missing, "AMD");
}

static void test_probe_behind_an_smmu_advises_a_trial(void **state)
{
	(void)state;
	fake_tree_link(&tree, PCI "/iommu", "../../virtual/iommu/smmu3.0x0000000148000000");
	put_cap(0x100, 0x0001, 0);
	expect_ready("pci:0000:6a:01.0", "--probe");
}

static void test_probe_without_the_iommufd_module_loads_it(void **state)
{
	(void)state;
	fake_tree_remove(&tree, "/dev/iommu");
	fake_tree_remove(&tree, "/sys/class/misc/iommu");
	expect(SVART_PROBE_NO_IOMMUFD, "no /dev/iommu", "modprobe iommufd");
}

static void test_probe_of_a_kernel_without_iommufd_needs_another(void **state)
{
	(void)state;
	fake_tree_remove(&tree, "/dev/iommu");
	fake_tree_remove(&tree, "/sys/class/misc/iommu");
	fake_tree_file(&tree, "/boot/config-7.2.13-amd64",
		"# CONFIG_IOMMUFD is not set\n"
		"CONFIG_VFIO=m\n");
	expect(SVART_PROBE_NO_IOMMUFD, "built without CONFIG_IOMMUFD", "boot Linux");
}

static void test_probe_where_dev_lacks_iommu_names_udev_and_containers(void **state)
{
	(void)state;
	fake_tree_remove(&tree, "/dev/iommu");
	expect(SVART_PROBE_NO_IOMMUFD, "the kernel has iommufd", "container");
}

static void test_probe_of_a_kernel_without_cdevs_needs_another(void **state)
{
	(void)state;
	fake_tree_remove(&tree, PCI "/vfio-dev");
	expect(SVART_PROBE_NO_VFIO_CDEV, "CONFIG_VFIO_DEVICE_CDEV", "boot Linux");
	fake_tree_remove(&tree, PCI "/driver");
	fake_tree_file(&tree, "/boot/config-7.2.13-amd64", "CONFIG_VFIO=m\n");
	expect(SVART_PROBE_NO_VFIO_CDEV, "CONFIG_VFIO_DEVICE_CDEV", "boot Linux");
}

static void test_probe_of_an_old_kernel_lacks_the_fault_queue(void **state)
{
	(void)state;
	fake_tree_file(&tree, "/proc/sys/kernel/osrelease", "6.10.99\n");
	expect(SVART_PROBE_OLD_KERNEL, "6.11", "6.16");
}

static void test_probe_of_vtd_before_linux_6_16_lacks_pasid_attach(void **state)
{
	(void)state;
	fake_tree_file(&tree, "/proc/sys/kernel/osrelease", "6.15.0\n");
	expect(SVART_PROBE_OLD_KERNEL, "6.16", "6.16");
}

static void test_probe_of_vtd_before_linux_7_2_is_opened_by_pasid(void **state)
{
	(void)state;
	fake_tree_file(&tree, "/proc/sys/kernel/osrelease", "6.16.0-1-amd64\n");
	expect_ready("pci:0000:6a:01.0,pasid=1", "pasid=N");
}

static void test_probe_of_an_idxd_device_says_how_to_rebind_it(void **state)
{
	(void)state;
	fake_tree_link(&tree, PCI "/driver", "../../../bus/pci/drivers/idxd");
	fake_tree_remove(&tree, PCI "/vfio-dev");
	expect(SVART_PROBE_NOT_BOUND, "bound to idxd, not to vfio-pci",
		"driverctl set-override 0000:6a:01.0 vfio-pci");
	expect(SVART_PROBE_NOT_BOUND, "idxd", "echo 0000:6a:01.0 >driver/unbind");
	fake_tree_remove(&tree, "/sys/module");
	expect(SVART_PROBE_NOT_BOUND, "idxd", "modprobe vfio-pci disable_denylist=1");
}

static void test_probe_of_an_unbound_device_says_so(void **state)
{
	struct svart_probe_path p;

	(void)state;
	fake_tree_remove(&tree, PCI "/driver");
	fake_tree_remove(&tree, PCI "/vfio-dev");
	expect(SVART_PROBE_NOT_BOUND, "bound to no driver", "driver_override");
	p = run_path();
	assert_null(strstr(p.fix, "unbind"));
}

static void test_probe_of_a_device_on_the_denylist_names_it(void **state)
{
	(void)state;
	fake_tree_remove(&tree, PCI "/driver");
	fake_tree_remove(&tree, PCI "/vfio-dev");
	fake_tree_file(&tree, PCI "/driver_override", "vfio-pci\n");
	fake_tree_file(&tree, "/sys/module/vfio_pci/parameters/disable_denylist", "N\n");
	expect(SVART_PROBE_DENYLIST, "denylist is on", "disable_denylist=1");
}

static void test_probe_of_a_device_off_the_denylist_does_not_name_it(void **state)
{
	(void)state;
	fake_tree_remove(&tree, PCI "/driver");
	fake_tree_remove(&tree, PCI "/vfio-dev");
	fake_tree_file(&tree, PCI "/driver_override", "vfio-pci\n");
	fake_tree_file(&tree, "/sys/module/vfio_pci/parameters/disable_denylist", "N\n");
	fake_tree_file(&tree, PCI "/device", "0x1212\n");
	expect(SVART_PROBE_NOT_BOUND, "no driver", "modprobe vfio-pci;");
}

static void test_probe_of_a_virtual_function_is_refused(void **state)
{
	(void)state;
	fake_tree_link(&tree, PCI "/physfn", "../0000:6a:00.0");
	expect(SVART_PROBE_VIRTUAL, "virtual function", "physical function");
}

static void test_probe_without_privilege_cannot_read_capabilities(void **state)
{
	(void)state;
	fake_tree_bytes(&tree, PCI "/config", config, 64);
	expect(SVART_PROBE_CONFIG_SPACE, "only 64 bytes", "root");
	fake_tree_refuse(&tree, PCI "/config", -EACCES);
	expect(SVART_PROBE_CONFIG_SPACE, "Permission denied", "root");
}

static void test_probe_without_extended_configuration_space_says_so(void **state)
{
	(void)state;
	fake_tree_bytes(&tree, PCI "/config", config, 256);
	expect(SVART_PROBE_CONFIG_SPACE, "only 256 bytes", "MMCONFIG");
}

static void test_probe_without_ats_says_so(void **state)
{
	(void)state;
	put_cap(0x220, 0x0002, 0x230);
	expect(SVART_PROBE_NO_ATS, "no ATS capability (0x000f)", "BIOS");
}

static void test_probe_without_pri_says_so(void **state)
{
	(void)state;
	put_cap(0x230, 0x001b, 0);
	expect(SVART_PROBE_NO_PRI, "no PRI capability (0x0013)", "BIOS");
}

static void test_probe_without_pasid_is_ready_only_where_the_kernel_needs_none(void **state)
{
	(void)state;
	put_cap(0x220, 0x000f, 0x240);
	expect_ready("pci:0000:6a:01.0", "");
	fake_tree_file(&tree, "/proc/sys/kernel/osrelease", "6.18.1\n");
	expect(SVART_PROBE_NO_PASID, "no PASID capability (0x001b)", "BIOS");
}

static void test_probe_with_too_little_memlock_says_so(void **state)
{
	(void)state;
	tree.memlock = 32 << 10;
	expect(SVART_PROBE_MEMLOCK, "RLIMIT_MEMLOCK", "ulimit -l");
	fake_tree_file(&tree, "/proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n");
	expect_ready("pci:0000:6a:01.0", "");
}

static void test_probe_of_a_narrow_iommu_says_so(void **state)
{
	(void)state;
	/* MGAW, bits 21:16, is the width less one: 38 is 39 bits. */
	fake_tree_file(&tree, IOMMU "/cap", "9ed008c40660466\n");
	expect(SVART_PROBE_APERTURE, "39 bits", "48 bits");
}

static void test_probe_without_movdir64b_advises_a_split_portal(void **state)
{
	(void)state;
	tree.no_movdir64b = true;
	expect(SVART_PROBE_NO_MOVDIR64B, "no MOVDIR64B", "pci:0000:6a:01.0,portal=split");
}

static void test_probe_without_permission_names_the_file(void **state)
{
	struct svart_probe_system system = SVART_PROBE_SYSTEM_INIT();

	(void)state;
	fake_tree_refuse(&tree, CDEV, -EACCES);
	expect(SVART_PROBE_PERMISSION, CDEV, "udev rule");
	fake_tree_refuse(&tree, "/dev/iommu", -EACCES);
	expect(SVART_PROBE_PERMISSION, "/dev/iommu", "run as root");
	svart_probe_system_get(probe, &system);
	assert_true(system.iommufd);
	assert_false(system.iommufd_permitted);
}

static void test_probe_of_a_cdev_that_does_not_open_says_why(void **state)
{
	struct svart_probe_path p;

	(void)state;
	fake_tree_refuse(&tree, CDEV, -ENODEV);
	p = run_path();
	assert_int_equal(p.code, SVART_PROBE_UNREADABLE);
	assert_has(p.missing, strerror(ENODEV));
}

/* --- what comes first ------------------------------------------------------------------------- */

static void test_probe_tells_the_first_thing_of_many(void **state)
{
	(void)state;
	tree.memlock = 0;
	tree.no_movdir64b = true;
	fake_tree_remove(&tree, PCI "/driver");
	fake_tree_remove(&tree, PCI "/vfio-dev");
	fake_tree_refuse(&tree, "/dev/iommu", -EACCES);
	fake_tree_remove(&tree, PCI "/config");
	expect(SVART_PROBE_NOT_BOUND, "no driver", "vfio-pci");
	fake_tree_remove(&tree, "/dev/iommu");
	expect(SVART_PROBE_NO_IOMMUFD, "/dev/iommu", "");
	fake_tree_file(&tree, "/proc/cmdline", "intel_iommu=sm_off\n");
	expect(SVART_PROBE_NO_SCALABLE, "sm_off", "");
	fake_tree_remove(&tree, PCI "/iommu_group");
	expect(SVART_PROBE_NO_IOMMU, "no IOMMU group", "");
}

static void test_probe_of_edu_needs_no_page_requests(void **state)
{
	(void)state;
	fake_tree_file(&tree, PCI "/vendor", "0x1234\n");
	fake_tree_file(&tree, PCI "/device", "0x11e8\n");
	fake_tree_file(&tree, IOMMU "/ecap", "0\n");
	fake_tree_file(&tree, "/proc/sys/kernel/osrelease", "6.6.0\n");
	fake_tree_bytes(&tree, PCI "/config", config, 64);
	tree.no_movdir64b = true;
	expect_ready("pci:0000:6a:01.0", "");
}

/* --- other drivers of the kernel -------------------------------------------------------------- */

static void test_probe_of_idxd_tells_the_state_of_a_queue(void **state)
{
	struct found f;

	(void)state;
	fake_tree_link(&tree, "/sys/bus/dsa/devices/wq0.10",
		"../../../devices/pci0000:6a/0000:6a:01.0/dsa0/wq0.10");
	fake_tree_file(&tree, "/sys/bus/dsa/devices/wq0.10/state", "enabled\n");
	fake_tree_file(&tree, "/sys/bus/dsa/devices/wq0.10/type", "user\n");
	fake_tree_file(&tree, "/sys/bus/dsa/devices/wq0.10/mode", "shared\n");
	fake_tree_file(&tree, "/sys/bus/dsa/devices/wq0.10/driver_name", "user\n");
	fake_tree_file(&tree, "/sys/bus/dsa/devices/wq0.2/state", "disabled\n");
	fake_tree_file(&tree, "/sys/bus/dsa/devices/engine0.0/group_id", "0\n");
	run();
	assert_true(find("idxd:wq0.10", &f));
	assert_string_equal(f.dev.address, "0000:6a:01.0");
	assert_string_equal(f.path.path, "idxd");
	assert_int_equal(f.path.code, SVART_PROBE_UNSUPPORTED);
	assert_has(f.path.missing, "not supported by svart yet");
	assert_has(f.path.note, "state enabled, type user, mode shared, driver_name user");
	assert_has(f.path.note, "CAP_SYS_RAWIO");
	assert_true(find("idxd:wq0.2", &f));
	assert_has(f.path.note, "state disabled, type unknown");
	assert_false(find("idxd:engine0.0", &f));
	/* By number, and last. */
	look(svart_probe_nr_devices(probe) - 1, &f);
	assert_string_equal(f.dev.name, "idxd:wq0.10");
}

static void test_probe_of_uacce_tells_its_state(void **state)
{
	struct found f;

	(void)state;
	fake_tree_file(&tree, "/sys/class/uacce/hisi_zip-0/api", "hisi_qm_v2\n");
	fake_tree_file(&tree, "/sys/class/uacce/hisi_zip-0/flags", "1\n");
	fake_tree_file(&tree, "/sys/class/uacce/hisi_zip-0/algorithms", "zlib\ngzip\n");
	run();
	assert_true(find("uacce:hisi_zip-0", &f));
	assert_string_equal(f.path.path, "uacce");
	assert_int_equal(f.path.code, SVART_PROBE_UNSUPPORTED);
	assert_has(f.path.note, "api hisi_qm_v2, flags 1, algorithms zlib");
}

/* --- hostile text ----------------------------------------------------------------------------- */

static void assert_plain(const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	assert_true(len < room);
	for (; *text != '\0'; text++)
		assert_true(*text >= ' ' && *text <= '~');
}

static void test_probe_of_hostile_text_prints_plain_text(void **state)
{
	static const char evil[] = "\x1b[2J\x07\xff\"\\%s%n\r";
	struct found f;
	uint32_t i;

	(void)state;
	fake_tree_link(&tree, PCI "/driver", "x/\x1b[31m%s%n\xff");
	fake_tree_remove(&tree, PCI "/vfio-dev");
	fake_tree_file(&tree, "/sys/bus/dsa/devices/wq0\x1b[2J%n/state", evil);
	fake_tree_file(&tree, "/sys/class/uacce/\xff\x01%s/api", evil);
	run();
	for (i = 0; look(i, &f) == 0; i++) {
		assert_plain(f.dev.name, sizeof(f.dev.name));
		assert_plain(f.dev.kernel_driver, sizeof(f.dev.kernel_driver));
		assert_plain(f.path.missing, sizeof(f.path.missing));
		assert_plain(f.path.fix, sizeof(f.path.fix));
		assert_plain(f.path.note, sizeof(f.path.note));
	}
	assert_true(find("pci:0000:6a:01.0", &f));
	assert_has(f.path.missing, "bound to ?[31m%s%n?");
}

static void test_probe_counts_functions_that_make_no_sense(void **state)
{
	struct svart_probe_system system = SVART_PROBE_SYSTEM_INIT();
	struct found f;

	(void)state;
	fake_tree_file(&tree, PCI "/vendor", "0x8086 and more\n");
	run();
	svart_probe_system_get(probe, &system);
	assert_int_equal(system.nr_unreadable, 1);
	assert_false(find("pci:0000:6a:01.0", &f));
}

static void test_probe_of_an_iommu_that_makes_no_sense_is_unreadable(void **state)
{
	static const char *const bad[] = { "x", "0x10", "-1", "", "11112222333344445" };
	size_t i;

	(void)state;
	for (i = 0; i < SVART_ARRAY_SIZE(bad); i++) {
		fake_tree_file(&tree, IOMMU "/ecap", bad[i]);
		expect(SVART_PROBE_UNREADABLE, "IOMMU", "");
	}
	fake_tree_link(&tree, PCI "/iommu", "../..");
	expect(SVART_PROBE_UNREADABLE, "IOMMU", "");
}

static void test_probe_of_circular_capabilities_ends(void **state)
{
	(void)state;
	put_cap(0x220, 0x0002, 0x230);
	put_cap(0x230, 0x0003, 0x220);
	expect(SVART_PROBE_NO_ATS, "ATS", "");
	put_cap(0x230, 0x0003, 0x230);
	expect(SVART_PROBE_NO_ATS, "ATS", "");
	put_cap(0x230, 0x0003, 0x0fc);
	expect(SVART_PROBE_NO_ATS, "ATS", "");
	put_cap(0x230, 0x0003, 0xffc);
	put32(0xffc, UINT32_MAX);
	expect(SVART_PROBE_NO_ATS, "ATS", "");
	memset(config, 0xff, sizeof(config));
	expect(SVART_PROBE_NO_ATS, "ATS", "");
}

static void test_probe_of_a_strange_release_goes_on(void **state)
{
	static const char *const strange[] = { "../../etc/passwd\n", "", "7\n", "seven.two\n",
		"99999999999999.1\n" };
	size_t i;

	(void)state;
	for (i = 0; i < SVART_ARRAY_SIZE(strange); i++) {
		fake_tree_file(&tree, "/proc/sys/kernel/osrelease", strange[i]);
		run();
	}
}

static void test_probe_without_proc_says_that_every_machine_lacks_it(void **state)
{
	struct found f;

	(void)state;
	fake_tree_remove(&tree, "/proc/self/maps");
	expect(SVART_PROBE_NO_PROC, "/proc/self/maps", "mount");
	assert_int_equal(look(0, &f), 0);
	assert_true(f.dev.software);
	assert_false(f.path.ready);
	assert_string_equal(f.path.spec, "");
	assert_int_equal(f.path.code, SVART_PROBE_NO_PROC);
	assert_string_equal(svart_probe_code_name(SVART_PROBE_NO_PROC), "no-proc");
}

static void test_probe_without_sysfs_says_that_devices_are_not_seen(void **state)
{
	struct svart_probe_system system = SVART_PROBE_SYSTEM_INIT();

	(void)state;
	run();
	svart_probe_system_get(probe, &system);
	assert_true(system.sysfs);
	fake_tree_remove(&tree, "/sys");
	run();
	svart_probe_system_get(probe, &system);
	assert_false(system.sysfs);
}

static void test_probe_says_where_telemetry_is_and_why_there_is_none(void **state)
{
	char folder[] = "/tmp/svart-test-XXXXXX", path[64];
	struct svart_probe_system system = SVART_PROBE_SYSTEM_INIT();

	(void)state;
	assert_non_null(mkdtemp(folder));
	setenv("RUNTIME_DIRECTORY", folder, 1);
	run();
	svart_probe_system_get(probe, &system);
	snprintf(path, sizeof(path), "%s/dpdk/svart", folder);
	assert_string_equal(system.telemetry, path);
	assert_int_equal(rmdir(folder), 0); /* It was looked at, and nothing was made. */
	assert_string_equal(system.telemetry_missing, "");
	setenv("RUNTIME_DIRECTORY", "/no/such/folder", 1);
	run();
	svart_probe_system_get(probe, &system);
	assert_string_equal(system.telemetry, "");
	assert_has(system.telemetry_missing, "/no/such/folder");
	assert_has(system.telemetry_missing, "RUNTIME_DIRECTORY");
	unsetenv("RUNTIME_DIRECTORY");
}

static void test_probe_of_too_many_devices_leaves_the_rest_out(void **state)
{
	struct svart_probe_system system = SVART_PROBE_SYSTEM_INIT();
	char path[64];
	unsigned int i;

	(void)state;
	for (i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/sys/class/uacce/acc-%u/api", i);
		fake_tree_file(&tree, path, "x\n");
	}
	run();
	svart_probe_system_get(probe, &system);
	assert_int_equal(svart_probe_nr_devices(probe), 256);
	assert_in_range(system.nr_left_out, 45, 60);
}

/* Text of random length and content in every file, and random capabilities. */
static void test_probe_of_random_files_ends_with_plain_text(void **state)
{
	const char *given = getenv("SVART_SEED");
	unsigned int seed = given != NULL ? (unsigned int)strtoul(given, NULL, 0) : 20261122;
	static uint8_t junk[300];
	struct found f;
	unsigned int round, i;
	size_t k;

	(void)state;
	print_message("SVART_SEED=%u\n", seed);
	srand(seed);
	for (round = 0; round < 300; round++) {
		fake_tree_init(&tree);
		make_kernel();
		make_device();
		for (k = 0; k < sizeof(junk); k++)
			junk[k] = (uint8_t)rand();
		for (k = 0x100; k < sizeof(config); k++)
			config[k] = (uint8_t)rand();
		for (i = 0; i < 3; i++) {
			struct fake_node *node = &tree.nodes[(unsigned int)rand() % tree.nr];

			node->data = junk;
			node->len = (size_t)rand() % sizeof(junk);
			if (node->link != NULL)
				node->link = "/";
		}
		run();
		for (i = 0; look(i, &f) == 0; i++) {
			assert_plain(f.path.missing, sizeof(f.path.missing));
			assert_plain(f.path.note, sizeof(f.path.note));
		}
	}
}

static void test_probe_codes_have_names_of_their_own(void **state)
{
	unsigned int i, k;

	(void)state;
	for (i = 0; i <= SVART_PROBE_PERMISSION; i++) {
		for (k = 0; k < i; k++)
			assert_string_not_equal(svart_probe_code_name(i), svart_probe_code_name(k));
	}
	assert_string_equal(svart_probe_code_name(SVART_PROBE_NOT_BOUND), "not-bound");
	assert_string_equal(svart_probe_code_name(9999), "unknown");
}

#define PROBE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROBE_TEST(test_probe_of_a_complete_machine_is_ready),
		PROBE_TEST(test_probe_lists_the_model_first),
		PROBE_TEST(test_probe_beyond_the_last_device_is_enoent),
		PROBE_TEST(test_probe_beyond_the_last_path_is_enoent),
		PROBE_TEST(test_probe_of_the_system_is_told),
		PROBE_TEST(test_probe_of_an_empty_machine_finds_only_the_model),
		PROBE_TEST(test_probe_sorts_functions_by_address),
		PROBE_TEST(test_probe_without_any_iommu_names_the_bios),
		PROBE_TEST(test_probe_outside_of_the_iommus_says_so),
		PROBE_TEST(test_probe_of_vtd_without_smts_lacks_scalable_mode),
		PROBE_TEST(test_probe_booted_with_sm_off_lacks_scalable_mode),
		PROBE_TEST(test_probe_booted_without_sm_on_goes_by_the_kernel_configuration),
		PROBE_TEST(test_probe_of_vtd_without_prs_takes_no_page_requests),
		PROBE_TEST(test_probe_of_vtd_without_pds_takes_no_page_requests),
		PROBE_TEST(test_probe_behind_amds_iommu_takes_no_page_requests),
		PROBE_TEST(test_probe_behind_an_smmu_advises_a_trial),
		PROBE_TEST(test_probe_without_the_iommufd_module_loads_it),
		PROBE_TEST(test_probe_of_a_kernel_without_iommufd_needs_another),
		PROBE_TEST(test_probe_where_dev_lacks_iommu_names_udev_and_containers),
		PROBE_TEST(test_probe_of_a_kernel_without_cdevs_needs_another),
		PROBE_TEST(test_probe_of_an_old_kernel_lacks_the_fault_queue),
		PROBE_TEST(test_probe_of_vtd_before_linux_6_16_lacks_pasid_attach),
		PROBE_TEST(test_probe_of_vtd_before_linux_7_2_is_opened_by_pasid),
		PROBE_TEST(test_probe_of_an_idxd_device_says_how_to_rebind_it),
		PROBE_TEST(test_probe_of_an_unbound_device_says_so),
		PROBE_TEST(test_probe_of_a_device_on_the_denylist_names_it),
		PROBE_TEST(test_probe_of_a_device_off_the_denylist_does_not_name_it),
		PROBE_TEST(test_probe_of_a_virtual_function_is_refused),
		PROBE_TEST(test_probe_without_privilege_cannot_read_capabilities),
		PROBE_TEST(test_probe_without_extended_configuration_space_says_so),
		PROBE_TEST(test_probe_without_ats_says_so),
		PROBE_TEST(test_probe_without_pri_says_so),
		PROBE_TEST(test_probe_without_pasid_is_ready_only_where_the_kernel_needs_none),
		PROBE_TEST(test_probe_with_too_little_memlock_says_so),
		PROBE_TEST(test_probe_of_a_narrow_iommu_says_so),
		PROBE_TEST(test_probe_without_movdir64b_advises_a_split_portal),
		PROBE_TEST(test_probe_without_permission_names_the_file),
		PROBE_TEST(test_probe_of_a_cdev_that_does_not_open_says_why),
		PROBE_TEST(test_probe_tells_the_first_thing_of_many),
		PROBE_TEST(test_probe_of_edu_needs_no_page_requests),
		PROBE_TEST(test_probe_of_idxd_tells_the_state_of_a_queue),
		PROBE_TEST(test_probe_of_uacce_tells_its_state),
		PROBE_TEST(test_probe_of_hostile_text_prints_plain_text),
		PROBE_TEST(test_probe_counts_functions_that_make_no_sense),
		PROBE_TEST(test_probe_of_an_iommu_that_makes_no_sense_is_unreadable),
		PROBE_TEST(test_probe_of_circular_capabilities_ends),
		PROBE_TEST(test_probe_of_a_strange_release_goes_on),
		PROBE_TEST(test_probe_without_proc_says_that_every_machine_lacks_it),
		PROBE_TEST(test_probe_without_sysfs_says_that_devices_are_not_seen),
		PROBE_TEST(test_probe_says_where_telemetry_is_and_why_there_is_none),
		PROBE_TEST(test_probe_of_too_many_devices_leaves_the_rest_out),
		PROBE_TEST(test_probe_of_random_files_ends_with_plain_text),
		cmocka_unit_test(test_probe_codes_have_names_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
