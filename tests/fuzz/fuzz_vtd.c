/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "raw.h"

void fuzz_one(struct fuzz_input *in)
{
	raw_fuzz_one(in, SVART_IOMMU_UNIT_VTD);
}
