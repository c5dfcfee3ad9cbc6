/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * PCI functions that a driver of svart takes, by VFIO cdev and iommufd. The table `checks` has the order in
 * which the probe looks for things, and the probe tells the first thing that is missing.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aperture.h"
#include "bits.h"
#include "drivers.h"
#include "error.h"
#include "iommu.h"
#include "kernel.h"
#include "pci.h"
#include "pci_config.h"
#include "probe_check.h"
#include "probe_host.h"
#include "probe_list.h"
#include "probe_text.h"
#include "vfio_transport.h"

#define PCI_DIR    "/sys/bus/pci/devices"
#define KERNEL_FIX "boot Linux 6.16 or newer, built with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV"

/** One function under examination. Owner: examine(), on its stack. */
struct function {
	const struct svart_probe_host *host;
	struct svart_pci_device pci;
	const struct svart_pmd_ops *ops;
	struct svart_iommu iommu;
	int iommu_rc;
	struct svart_pci_config config;
	int config_rc;
	bool is_virtual;
	bool wants_vfio; /* driver_override says vfio-pci. */
};

/** Tells whether vfio-pci refuses the function by default (drivers/vfio/pci/vfio_pci.c): it refuses DSA and
 * IAX of Sapphire Rapids, because the owner of such a function can make it misbehave on the bus. */
static bool is_denylisted(const struct function *f)
{
	return f->pci.vendor == 0x8086 && (f->pci.device == 0x0b25 || f->pci.device == 0x0cfe);
}

/**
 * Tells whether page requests need a PASID: Linux before 7.2 answers page requests of VT-d without PASID
 * with INVALID (intel/prq.c).
 */
static bool faults_only_with_pasid(const struct function *f)
{
	return f->iommu.kind == SVART_IOMMU_VTD && f->ops->needs_page_requests &&
	       !svart_kernel_at_least(f->host->release, 7, 2);
}

static bool check_group(const struct function *f, struct svart_probe_path *p)
{
	if (f->iommu_rc != 0)
		return svart_probe_miss(p, SVART_PROBE_UNREADABLE,
			"what sysfs says of its IOMMU cannot be read: %s", strerror(-f->iommu_rc));
	if (f->iommu.kind != SVART_IOMMU_NONE)
		return true;
	if (f->host->nr_iommus != 0) {
		svart_probe_fix(p, "put it where an IOMMU covers it, or enable the IOMMU of its "
				   "root port in the BIOS");
		return svart_probe_miss(p, SVART_PROBE_NO_IOMMU,
			"the system has %u IOMMUs, but it is in no IOMMU group",
			f->host->nr_iommus);
	}
	svart_probe_fix(p, "enable the IOMMU in the BIOS (Intel: VT-d; Arm: SMMU), and on Intel "
			   "boot with intel_iommu=on,sm_on");
	return svart_probe_miss(p, SVART_PROBE_NO_IOMMU, "no IOMMU: it is in no IOMMU group");
}

/** Tells whether Linux does not use scalable mode: by its command line, or else by how it was built. */
static bool scalable_is_off(const struct svart_probe_host *host)
{
	if (host->booted_sm_off)
		return true;
	return !host->booted_sm_on && host->option_scalable == SVART_KERNEL_OPTION_NO;
}

static bool check_scalable(const struct function *f, struct svart_probe_path *p)
{
	if (f->iommu.kind != SVART_IOMMU_VTD || !f->ops->needs_page_requests)
		return true;
	if (f->iommu.has_registers && !(f->iommu.ecap & SVART_VTD_ECAP_SMTS)) {
		svart_probe_fix(p, "enable VT-d's scalable mode in the BIOS, if the CPU has it");
		return svart_probe_miss(p, SVART_PROBE_NO_SCALABLE,
			"%s has no scalable mode (ECAP.SMTS, VT-d 11.4.3)", f->iommu.name);
	}
	if (scalable_is_off(f->host)) {
		svart_probe_fix(p, "boot with intel_iommu=on,sm_on");
		return svart_probe_miss(p, SVART_PROBE_NO_SCALABLE, "VT-d's scalable mode is off%s",
			f->host->booted_sm_off ? " (intel_iommu=sm_off)" : "");
	}
	if (!f->host->booted_sm_on && f->host->option_scalable != SVART_KERNEL_OPTION_YES)
		svart_probe_note(p, "whether scalable mode is on cannot be read; "
				    "intel_iommu=on,sm_on makes sure");
	return true;
}

/** Checks that VT-d can drain page requests of a device; otherwise Linux does not let the device send any. */
static bool check_iommu_faults(const struct function *f, struct svart_probe_path *p)
{
	const uint64_t need = SVART_VTD_ECAP_PRS | SVART_VTD_ECAP_PDS;

	if (!f->ops->needs_page_requests)
		return true;
	if (f->iommu.kind == SVART_IOMMU_AMD)
		return svart_probe_miss(p, SVART_PROBE_IOMMU_NO_FAULT,
			"Linux hands no page requests of AMD's IOMMU (%s) to programs",
			f->iommu.name);
	if (f->iommu.kind == SVART_IOMMU_SMMUV3)
		svart_probe_note(p, "an SMMU accepts a device that cannot stall and never "
				    "delivers its faults: make sure by svart-info --probe");
	if (f->iommu.kind != SVART_IOMMU_VTD || !f->iommu.has_registers ||
		(f->iommu.ecap & need) == need)
		return true;
	svart_probe_fix(p, "none here: it takes another machine");
	return svart_probe_miss(p, SVART_PROBE_IOMMU_NO_FAULT,
		"%s takes no page requests (ECAP.%s, VT-d 11.4.3)", f->iommu.name,
		f->iommu.ecap & SVART_VTD_ECAP_PRS ? "PDS" : "PRS");
}

static bool check_iommufd(const struct function *f, struct svart_probe_path *p)
{
	const struct svart_probe_host *host = f->host;

	if (host->iommufd_rc == 0 || host->iommufd_rc == -EACCES || host->iommufd_rc == -EPERM)
		return true; /* check_permission() checks the rest. */
	if (host->iommufd_known) {
		svart_probe_fix(p, "let udev make it, or pass /dev/iommu and /dev/vfio/devices to "
				   "this container");
		return svart_probe_miss(p, SVART_PROBE_NO_IOMMUFD,
			"the kernel has iommufd, but /dev/iommu cannot be opened: %s",
			strerror(-host->iommufd_rc));
	}
	if (host->option_iommufd == SVART_KERNEL_OPTION_NO) {
		svart_probe_fix(p, KERNEL_FIX);
		return svart_probe_miss(p, SVART_PROBE_NO_IOMMUFD,
			"no /dev/iommu: this kernel is built without CONFIG_IOMMUFD");
	}
	svart_probe_fix(p, "modprobe iommufd%s",
		host->option_iommufd == SVART_KERNEL_OPTION_MODULE
			? ""
			: "; if there is no such module, " KERNEL_FIX);
	return svart_probe_miss(p, SVART_PROBE_NO_IOMMUFD, "no /dev/iommu: iommufd is not loaded");
}

static bool is_bound(const struct function *f)
{
	return strcmp(f->pci.driver, "vfio-pci") == 0;
}

static bool check_cdev(const struct function *f, struct svart_probe_path *p)
{
	bool shown_none = is_bound(f) && f->pci.vfio_cdev[0] == '\0';

	/* An existing cdev proves more than any file about the kernel. */
	if (f->pci.vfio_cdev[0] != '\0' ||
		(!shown_none && f->host->option_cdev != SVART_KERNEL_OPTION_NO))
		return true;
	svart_probe_fix(p, KERNEL_FIX);
	return svart_probe_miss(p, SVART_PROBE_NO_VFIO_CDEV,
		"no VFIO cdev: this kernel is built without CONFIG_VFIO_DEVICE_CDEV%s",
		shown_none ? ", or vfio runs without an IOMMU" : "");
}

/**
 * Checks the kernel's release. A release that cannot be read or parsed is no reason to refuse; opening the
 * device will tell.
 */
static bool check_kernel(const struct function *f, struct svart_probe_path *p)
{
	const char *release = f->host->release, *lacks = NULL;

	if (release[0] == '\0' || !f->ops->needs_page_requests)
		return true;
	if (!svart_kernel_at_least(release, 6, 11))
		lacks = "page requests in user space (the fault queue, Linux 6.11)";
	else if (faults_only_with_pasid(f) && !svart_kernel_at_least(release, 6, 16))
		lacks = "PASID attach (Linux 6.16), and takes VT-d's page requests only with one";
	if (lacks == NULL)
		return true;
	svart_probe_fix(p, KERNEL_FIX);
	return svart_probe_miss(
		p, SVART_PROBE_OLD_KERNEL, "Linux %s is too old: it lacks %s", release, lacks);
}

static void fix_binding(const struct function *f, struct svart_probe_path *p)
{
	const char *load = "modprobe vfio-pci";
	char unbind[64] = "";

	if (is_denylisted(f) && f->host->denylist == SVART_PROBE_DENYLIST_ON)
		load = "modprobe -r vfio-pci; modprobe vfio-pci disable_denylist=1 (built in: boot "
		       "with vfio-pci.disable_denylist=1)";
	else if (is_denylisted(f) && f->host->denylist == SVART_PROBE_DENYLIST_UNKNOWN)
		load = "modprobe vfio-pci disable_denylist=1";
	if (f->pci.driver[0] != '\0')
		snprintf(unbind, sizeof(unbind), "echo %s >driver/unbind; ", f->pci.address);
	svart_probe_fix(p,
		"%s; driverctl set-override %s vfio-pci (without driverctl: cd " PCI_DIR "/%s; "
		"echo vfio-pci >driver_override; %secho %s >/sys/bus/pci/drivers_probe)",
		load, f->pci.address, f->pci.address, unbind, f->pci.address);
}

/**
 * Checks the denylist. If a function is set to be vfio-pci's and still has no driver, the reason is the
 * denylist and not a missing command.
 */
static bool check_denylist(const struct function *f, struct svart_probe_path *p)
{
	if (!is_denylisted(f) || f->pci.driver[0] != '\0' || !f->wants_vfio ||
		f->host->denylist != SVART_PROBE_DENYLIST_ON)
		return true;
	fix_binding(f, p);
	return svart_probe_miss(p, SVART_PROBE_DENYLIST,
		"vfio-pci refuses %04x:%04x: its denylist is on", f->pci.vendor, f->pci.device);
}

static bool check_bound(const struct function *f, struct svart_probe_path *p)
{
	if (is_bound(f))
		return true;
	fix_binding(f, p);
	return svart_probe_miss(p, SVART_PROBE_NOT_BOUND, "bound to %s, not to vfio-pci",
		f->pci.driver[0] != '\0' ? f->pci.driver : "no driver");
}

static bool check_virtual(const struct function *f, struct svart_probe_path *p)
{
	if (!f->is_virtual || !f->ops->needs_page_requests || f->iommu.kind == SVART_IOMMU_SMMUV3)
		return true;
	svart_probe_fix(p, "use the physical function");
	return svart_probe_miss(p, SVART_PROBE_VIRTUAL,
		"a virtual function: iommufd delivers no page requests of those");
}

static bool check_config_space(const struct function *f, struct svart_probe_path *p)
{
	if (f->config_rc != 0 || f->config.bytes < SVART_PCI_CONFIG_BYTES) {
		svart_probe_fix(p, "run this as root");
		return svart_probe_miss(p, SVART_PROBE_CONFIG_SPACE,
			"only %zu bytes of its configuration space can be read, and no "
			"capability%s%s",
			f->config.bytes, f->config_rc != 0 ? ": " : "",
			f->config_rc != 0 ? strerror(-f->config_rc) : "");
	}
	if (f->config.bytes == SVART_PCI_CONFIG_EXT_BYTES)
		return true;
	svart_probe_fix(p, "boot a kernel with CONFIG_PCI_MMCONFIG, and enable MMCONFIG (ECAM) in "
			   "the BIOS");
	return svart_probe_miss(p, SVART_PROBE_CONFIG_SPACE,
		"only %zu bytes of its configuration space are there: the extended "
		"capabilities, which ATS and PRI are, are out of reach",
		f->config.bytes);
}

/**
 * Checks ATS, PRI and PASID. An SMMU takes stalls instead of page requests; stalls need no capability (and
 * Linux reads none).
 */
static bool check_capabilities(const struct function *f, struct svart_probe_path *p)
{
	const struct {
		uint16_t id;
		bool needed;
		enum svart_probe_code code;
		const char *name;
	} caps[] = {
		{ SVART_PCI_EXT_CAP_ATS, true, SVART_PROBE_NO_ATS, "ATS" },
		{ SVART_PCI_EXT_CAP_PRI, true, SVART_PROBE_NO_PRI, "PRI" },
		{ SVART_PCI_EXT_CAP_PASID, faults_only_with_pasid(f), SVART_PROBE_NO_PASID,
			"PASID" },
	};
	size_t i;

	if (!f->ops->needs_page_requests || f->iommu.kind == SVART_IOMMU_SMMUV3)
		return true;
	if (!check_config_space(f, p))
		return false;
	for (i = 0; i < SVART_ARRAY_SIZE(caps); i++) {
		if (!caps[i].needed || svart_pci_ext_cap_find(&f->config, caps[i].id) != 0)
			continue;
		svart_probe_fix(p, "look for an option of the BIOS or of the device's firmware "
				   "that hides it");
		return svart_probe_miss(p, caps[i].code,
			"it has no %s capability (%#06x), so it sends no page requests here",
			caps[i].name, caps[i].id);
	}
	if (faults_only_with_pasid(f))
		svart_probe_note(p,
			"open it with pasid=N: Linux before 7.2 refuses VT-d's page requests "
			"without a PASID");
	return true;
}

static bool check_maps(const struct function *f, struct svart_probe_path *p)
{
	return svart_probe_check_maps(f->host, p);
}

static bool check_memlock(const struct function *f, struct svart_probe_path *p)
{
	if (f->host->pin_rc == 0)
		return true;
	svart_probe_fix(p, "ulimit -l 1048576, as root or by /etc/security/limits.conf (memlock)");
	return svart_probe_miss(
		p, SVART_PROBE_MEMLOCK, "RLIMIT_MEMLOCK is too small to pin memory for devices");
}

/**
 * Checks the aperture. Only VT-d tells a width before a device is attached; opening the device checks the
 * rest.
 */
static bool check_aperture(const struct function *f, struct svart_probe_path *p)
{
	unsigned int bits = (unsigned int)SVART_FIELD_GET(SVART_VTD_CAP_MGAW, f->iommu.cap) + 1;
	struct svart_aperture *a;
	int rc;

	if (!f->iommu.has_registers || bits >= 64)
		return true;
	a = calloc(1, sizeof(*a) + sizeof(a->ranges[0]));
	if (a == NULL)
		return true;
	a->nr = 1;
	a->ranges[0] = (struct svart_usable){ 0, UINT64_C(1) << bits };
	rc = svart_aperture_check(a, f->host->m);
	free(a);
	if (rc != -ERANGE)
		return true;
	svart_probe_fix(p, "use a machine whose IOMMU has 48 bits");
	return svart_probe_miss(p, SVART_PROBE_APERTURE,
		"%s maps addresses of %u bits (CAP.MGAW, VT-d 11.4.2), and the process has memory "
		"above",
		f->iommu.name, bits);
}

static bool check_movdir64b(const struct function *f, struct svart_probe_path *p)
{
	if (f->host->movdir64b || !f->ops->needs_movdir64b)
		return true;
	svart_probe_fix(p,
		"if it is emulated, open it as pci:%s,portal=split; silicon needs a CPU "
		"that has it",
		f->pci.address);
	return svart_probe_miss(p, SVART_PROBE_NO_MOVDIR64B,
		"this CPU has no MOVDIR64B, by which work is submitted to it");
}

static bool miss_permission(struct svart_probe_path *p, const char *path, int rc)
{
	if (rc != -EACCES && rc != -EPERM)
		return svart_probe_miss(
			p, SVART_PROBE_UNREADABLE, "%s cannot be opened: %s", path, strerror(-rc));
	svart_probe_fix(p, "run as root, or give this user read and write access to /dev/iommu and "
			   "/dev/vfio/devices/*, by a udev rule");
	return svart_probe_miss(p, SVART_PROBE_PERMISSION, "no permission to open %s", path);
}

/**
 * Checks that the files can be opened. Opening a cdev does nothing to the device before it is bound to an
 * iommufd.
 */
static bool check_permission(const struct function *f, struct svart_probe_path *p)
{
	struct svart_machine *m = f->host->m;
	int fd;

	if (f->host->iommufd_rc != 0)
		return miss_permission(p, "/dev/iommu", f->host->iommufd_rc);
	fd = m->ops->open(m, f->pci.vfio_cdev, O_RDWR);
	if (fd < 0)
		return miss_permission(p, f->pci.vfio_cdev, fd);
	m->ops->close(m, fd);
	return true;
}

/** The order is from the machine to the process: when one thing is mended, the next one becomes visible. */
static bool (*const checks[])(const struct function *f, struct svart_probe_path *p) = {
	check_group,
	check_scalable,
	check_iommu_faults,
	check_iommufd,
	check_cdev,
	check_kernel,
	check_denylist,
	check_bound,
	check_virtual,
	check_capabilities,
	check_maps,
	check_memlock,
	check_aperture,
	check_movdir64b,
	check_permission,
};

static void run_checks(const struct function *f, struct svart_probe_path *p)
{
	size_t i;

	p->ready = true;
	for (i = 0; p->ready && i < SVART_ARRAY_SIZE(checks); i++)
		p->ready = checks[i](f, p);
	if (p->ready)
		svart_probe_print(p->spec, sizeof(p->spec), "pci:%s%s", f->pci.address,
			faults_only_with_pasid(f) ? ",pasid=1" : "");
}

static void read_function(struct function *f)
{
	struct svart_machine *m = f->host->m;
	char path[128], text[32];

	f->iommu_rc = svart_iommu_read(m, f->pci.address, &f->iommu);
	f->config_rc = svart_pci_config_read(m, f->pci.address, &f->config);
	snprintf(path, sizeof(path), PCI_DIR "/%s/physfn", f->pci.address);
	f->is_virtual = svart_sysfs_link_name(m, path, text, sizeof(text)) == 0 && text[0] != '\0';
	snprintf(path, sizeof(path), PCI_DIR "/%s/driver_override", f->pci.address);
	f->wants_vfio =
		svart_sysfs_read(m, path, text, sizeof(text)) == 0 && strcmp(text, "vfio-pci") == 0;
}

static int examine(struct function *f, const struct svart_pmd_id *id, struct svart_probe_list *list)
{
	struct svart_probe_found *found;
	struct svart_probe_device *dev;
	int rc;

	found = svart_probe_list_add(list, "vfio", &rc);
	if (found == NULL)
		return rc;
	dev = &found->dev;
	read_function(f);
	svart_probe_print(dev->name, sizeof(dev->name), "pci:%s", f->pci.address);
	svart_probe_print(dev->address, sizeof(dev->address), "%s", f->pci.address);
	svart_probe_print(dev->model, sizeof(dev->model), "%s", id->model);
	svart_probe_print(dev->kernel_driver, sizeof(dev->kernel_driver), "%s", f->pci.driver);
	dev->numa_node = f->pci.numa_node;
	run_checks(f, &found->paths[0]);
	return 0;
}

/** What listdir() passes to its callback. */
struct walk {
	const struct svart_probe_host *host;
	struct svart_probe_list *list;
	int rc;
};

static int take_function(void *arg, const char *name)
{
	struct walk *walk = arg;
	struct function f = { .host = walk->host };
	const struct svart_pmd_id *id;
	int rc;

	if (svart_pci_address_check(name) != 0)
		return 0; /* These are domains above 0xffff, which a hypervisor or VMD made up. */
	rc = svart_pci_read(walk->host->m, name, &f.pci);
	if (rc != 0) {
		/* With -ENODEV the function has just been removed. */
		walk->list->nr_unreadable += rc != -ENODEV;
		return 0;
	}
	f.ops = svart_driver_find(svart_transport_vfio.name, f.pci.vendor, f.pci.device, &id);
	if (f.ops != NULL)
		walk->rc = examine(&f, id, walk->list);
	return walk->rc;
}

int svart_probe_pci(const struct svart_probe_host *host, struct svart_probe_list *list)
{
	struct walk walk = { .host = host, .list = list };
	uint32_t from = list->nr;

	host->m->ops->listdir(host->m, PCI_DIR, take_function, &walk);
	svart_probe_list_sort(list, from);
	return walk.rc;
}
