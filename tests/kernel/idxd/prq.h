/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_IDXD_PRQ_H
#define SVART_TEST_IDXD_PRQ_H

/**
 * @file
 * Page requests that Linux's VT-d driver has taken, by its trace event intel_iommu/prq_report: so the kernel says
 * who has served a fault.
 */

/** Begins to count, at 0. @return 0 or -errno. */
int prq_start(void);
/** @return how many came since prq_start(). */
long prq_count(void);

#endif
