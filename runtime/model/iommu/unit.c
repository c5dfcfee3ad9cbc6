/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "unit.h"

#include <unistd.h>

#include "iommu_device.h"

int svart_unit_create(struct svart_iommu_device *dev)
{
	int rc;

	if (!dev->type->pri)
		return 0;
	rc = dev->unit_ops->create(dev, &dev->unit);
	if (rc != 0)
		return rc;
	dev->unit->ops = dev->unit_ops;
	dev->unit->dev = dev;
	dev->unit->opened = false;
	dev->unit->event_fd = -1;
	return 0;
}

void svart_unit_destroy(struct svart_iommu_device *dev)
{
	if (dev->unit != NULL)
		dev->unit_ops->destroy(dev->unit);
}

void svart_unit_interrupt(struct svart_unit *unit)
{
	uint64_t one = 1;

	/* An eventfd takes 2^64 - 2 of these before it refuses one; then it is readable anyway. */
	if (unit->event_fd >= 0 && write(unit->event_fd, &one, sizeof(one)) < 0)
		return;
}
