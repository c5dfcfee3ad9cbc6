/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "iommu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pci.h"

#define PATH_BYTES     256
#define IOMMU_CLASS    "/sys/class/iommu"
#define MAX_IOMMUS     4096
#define HEX_DIGITS     "0123456789abcdefABCDEF"
#define REGISTER_BYTES 24

/** Whether a name can be a part of a path of sysfs: it has no slash, and is not only dots. */
static bool is_plain(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/**
 * The kind of an IOMMU by the kernel's name of it: drivers/iommu/ intel/dmar.c, amd/init.c, arm-smmu-v3.c.
 */
static enum svart_iommu_kind kind_of(const char *name)
{
	static const struct {
		const char *prefix;
		enum svart_iommu_kind kind;
	} kinds[] = {
		{ "dmar", SVART_IOMMU_VTD },
		{ "ivhd", SVART_IOMMU_AMD },
		{ "smmu3.", SVART_IOMMU_SMMUV3 },
	};
	size_t i;

	for (i = 0; i < SVART_ARRAY_SIZE(kinds); i++) {
		if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
			return kinds[i].kind;
	}
	return SVART_IOMMU_OTHER;
}

/** Reads a register file: 16 hex digits at most, and no 0x (ABI/testing/sysfs-class-iommu-intel-iommu). */
static int read_register(
	struct svart_machine *m, const char *iommu, const char *file, uint64_t *value)
{
	char path[PATH_BYTES], text[REGISTER_BYTES];
	size_t len;
	int rc;

	snprintf(path, sizeof(path), IOMMU_CLASS "/%s/intel-iommu/%s", iommu, file);
	rc = svart_sysfs_read(m, path, text, sizeof(text));
	if (rc != 0)
		return rc;
	len = strlen(text);
	if (len == 0 || len > 16 || strspn(text, HEX_DIGITS) != len)
		return -EBADMSG;
	*value = strtoull(text, NULL, 16);
	return 0;
}

static int read_vtd(struct svart_machine *m, struct svart_iommu *iommu)
{
	int rc = read_register(m, iommu->name, "cap", &iommu->cap);

	if (rc == 0)
		rc = read_register(m, iommu->name, "ecap", &iommu->ecap);
	iommu->has_registers = rc == 0;
	return rc == -EBADMSG ? rc : 0;
}

int svart_iommu_read(struct svart_machine *m, const char *address, struct svart_iommu *iommu)
{
	char path[PATH_BYTES], group[32];
	int rc;

	*iommu = (struct svart_iommu){ .kind = SVART_IOMMU_NONE };
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", address);
	rc = svart_sysfs_link_name(m, path, group, sizeof(group));
	if (rc != 0 || group[0] == '\0')
		return rc;
	iommu->kind = SVART_IOMMU_OTHER;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu", address);
	rc = svart_sysfs_link_name(m, path, iommu->name, sizeof(iommu->name));
	if (rc != 0 || iommu->name[0] == '\0')
		return rc;
	if (!is_plain(iommu->name)) {
		iommu->name[0] = '\0';
		return -EBADMSG;
	}
	iommu->kind = kind_of(iommu->name);
	return iommu->kind == SVART_IOMMU_VTD ? read_vtd(m, iommu) : 0;
}

static int count_one(void *arg, const char *name)
{
	unsigned int *nr = arg;

	(void)name;
	return ++*nr == MAX_IOMMUS;
}

unsigned int svart_iommu_count(struct svart_machine *m)
{
	unsigned int nr = 0;

	m->ops->listdir(m, IOMMU_CLASS, count_one, &nr);
	return nr;
}
