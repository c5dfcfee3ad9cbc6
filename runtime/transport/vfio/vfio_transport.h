/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_VFIO_TRANSPORT_H
#define SVART_VFIO_TRANSPORT_H

/**
 * @file
 * PCI functions, by VFIO cdev and iommufd.
 *
 * Regions 0 to 5 are the BARs. Each attachment has a page table (HWPT) of the device's own on the space's
 * IOAS. Page requests come from a fault object of iommufd, one for each attachment, or from the raw queues
 * of the IOMMU in front of the device, which serve all attachments.
 */

#include "transport.h"

extern const struct svart_transport_ops svart_transport_vfio;

#endif
