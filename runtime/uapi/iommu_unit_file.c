/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "iommu_unit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "bits.h"
#include "smmu_spec.h"
#include "vtd_spec.h"

#define PATH_BYTES 64

/** The least bytes of registers that a kind of unit has; 0: any number. */
static uint64_t kind_bytes(uint32_t kind)
{
	switch (kind) {
	case SVART_IOMMU_UNIT_VTD:
		return SVART_VTD_REGS_BYTES;
	case SVART_IOMMU_UNIT_SMMU:
		return SVART_SMMU_REGS_BYTES;
	default:
		return 0;
	}
}

/** Reads what the unit says of itself. If its kind is not known here, the user of the unit decides. */
static int unit_info(struct svart_machine *m, struct svart_iommu_unit *unit)
{
	struct svart_iommu_unit_info info = { .argsz = sizeof(info) };
	int rc = m->ops->ioctl(m, unit->fd, SVART_IOMMU_UNIT_GET_INFO, &info);

	if (rc != 0)
		return rc < 0 ? rc : -EIO;
	if (info.bytes == 0 || (info.bytes & SVART_PAGE_MASK) != 0 || info.bytes > SIZE_MAX ||
		info.bytes < kind_bytes(info.kind))
		return -EIO;
	unit->kind = (enum svart_iommu_unit_kind)info.kind;
	unit->requester_id = info.requester_id;
	unit->bytes = info.bytes;
	return 0;
}

static int unit_map(struct svart_machine *m, struct svart_iommu_unit *unit)
{
	int rc = m->ops->mmap(
		m, NULL, unit->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, unit->fd, 0, &unit->regs);

	if (rc != 0)
		return rc;
	/* A child that wrote registers would take the parent's page requests away. */
	rc = m->ops->madvise(m, unit->regs, unit->bytes, MADV_DONTFORK);
	if (rc != 0)
		m->ops->munmap(m, unit->regs, unit->bytes);
	return rc;
}

int svart_iommu_unit_open(
	struct svart_machine *m, const char *address, struct svart_iommu_unit *unit)
{
	struct svart_iommu_unit opened = { 0 };
	char path[PATH_BYTES];
	int rc, n = snprintf(path, sizeof(path), "%s%s", SVART_IOMMU_UNIT_DIR, address);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENOENT;
	opened.fd = m->ops->open(m, path, O_RDWR);
	if (opened.fd < 0)
		return opened.fd;
	rc = unit_info(m, &opened);
	if (rc == 0)
		rc = unit_map(m, &opened);
	if (rc != 0) {
		m->ops->close(m, opened.fd);
		return rc;
	}
	*unit = opened;
	return 0;
}

void svart_iommu_unit_close(struct svart_machine *m, struct svart_iommu_unit *unit)
{
	m->ops->munmap(m, unit->regs, unit->bytes);
	m->ops->close(m, unit->fd);
	unit->regs = NULL;
	unit->fd = -1;
}
