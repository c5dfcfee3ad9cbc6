/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What a probe reads once: the kernel, its iommufd, the CPU, the process's limits.
 */

#include "probe_host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "iommu.h"
#include "iommufd.h"
#include "pci.h"
#include "probe_text.h"
#include "space_state.h"

#define DENYLIST_PARAMETER "/sys/module/vfio_pci/parameters/disable_denylist"
/** File that shows the misc device, even if nobody made its file in /dev. */
#define IOMMUFD_CLASS "/sys/class/misc/iommu/dev"

static enum svart_probe_denylist read_denylist(struct svart_machine *m)
{
	char text[8];

	if (svart_sysfs_read(m, DENYLIST_PARAMETER, text, sizeof(text)) != 0)
		return SVART_PROBE_DENYLIST_UNKNOWN;
	return text[0] == 'Y' ? SVART_PROBE_DENYLIST_OFF : SVART_PROBE_DENYLIST_ON;
}

/** Opens and closes /dev/iommu: that binds nothing and allocates nothing that stays. */
static void read_iommufd(struct svart_machine *m, struct svart_probe_host *host)
{
	char text[16];
	int fd = svart_iommufd_open(m);

	if (fd >= 0)
		m->ops->close(m, fd);
	host->iommufd_rc = fd < 0 ? fd : 0;
	host->iommufd_known =
		fd >= 0 || svart_sysfs_read(m, IOMMUFD_CLASS, text, sizeof(text)) == 0;
}

/** Opens and closes a file. @return 0 or -errno. */
static int try_open(struct svart_machine *m, const char *path)
{
	int fd = m->ops->open(m, path, O_RDONLY);

	if (fd < 0)
		return fd;
	m->ops->close(m, fd);
	return 0;
}

static int stop_walk(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return 1;
}

/**
 * Tells whether the CPU has MOVDIR64B. The machine finds store functions by looking at the CPU alone; no
 * store is made.
 */
static bool has_movdir64b(struct svart_machine *m)
{
	struct svart_portal portal;
	uint64_t anywhere;

	return m->ops->portal(m, &anywhere, 0, &portal) == 0;
}

bool svart_probe_check_maps(const struct svart_probe_host *host, struct svart_probe_path *path)
{
	if (host->maps_rc == 0)
		return true;
	svart_probe_fix(path, "mount -t proc proc /proc");
	return svart_probe_miss(path, SVART_PROBE_NO_PROC,
		"the process cannot read its memory areas, /proc/self/maps: %s",
		strerror(-host->maps_rc));
}

void svart_probe_host_read(struct svart_machine *m, struct svart_probe_host *host)
{
	*host = (struct svart_probe_host){ .m = m };
	svart_kernel_release(m, host->release);
	host->option_iommufd = svart_kernel_option(m, host->release, "CONFIG_IOMMUFD");
	host->option_cdev = svart_kernel_option(m, host->release, "CONFIG_VFIO_DEVICE_CDEV");
	host->option_scalable = svart_kernel_option(
		m, host->release, "CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON");
	host->booted_sm_on = svart_kernel_booted_with(m, "intel_iommu", "sm_on");
	host->booted_sm_off = svart_kernel_booted_with(m, "intel_iommu", "sm_off");
	host->denylist = read_denylist(m);
	host->sysfs = m->ops->listdir(m, "/sys", stop_walk, NULL) == 1;
	host->maps_rc = try_open(m, "/proc/self/maps");
	host->nr_iommus = svart_iommu_count(m);
	read_iommufd(m, host);
	host->pin_rc = svart_pin_limit_default(m, &host->pin_limit_bytes);
	if (host->pin_rc != 0)
		host->pin_limit_bytes = 0;
	host->movdir64b = has_movdir64b(m);
}
