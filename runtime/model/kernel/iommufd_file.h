/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_IOMMUFD_FILE_H
#define SVART_MODEL_IOMMUFD_FILE_H

/**
 * @file
 * /dev/iommu: decodes the ioctls of linux/iommufd.h as the kernel does (drivers/iommu/iommufd).
 */

#include "iobj.h"
#include "file_table.h"

/** Does open("/dev/iommu"). @return the descriptor or -errno. */
int svart_model_open_iommufd(struct svart_kernel *kernel);
/** @return the context of an open /dev/iommu with one more reference, or NULL if f is no /dev/iommu. */
struct svart_ictx *svart_ictx_of(struct svart_model_file *f);

#endif
