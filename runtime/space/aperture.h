/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_APERTURE_H
#define SVART_APERTURE_H

/**
 * @file
 * Which addresses an IOAS can map (IOMMU_IOAS_IOVA_RANGES), and whether the process's memory is there.
 */

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

/** [start, end) of usable addresses. */
struct svart_usable {
	uint64_t start;
	uint64_t end;
};

/**
 * The usable ranges, ascending, apart from each other, page-aligned.
 *
 * Owner: the space. Lifetime: immutable once made; kept until the space's last unbind, because
 * resolvers read it without a lock. Locks: none.
 */
struct svart_aperture {
	struct svart_aperture *older; /**< The one that this replaced. */
	uint32_t nr;
	struct svart_usable ranges[];
};

/**
 * Asks the kernel.
 * @return 0; -ENOTSUP the IOMMU's pages are larger than svart's; -EIO ranges that cannot be;
 *         -ENOMEM; -errno of the kernel. With a text.
 */
int svart_aperture_read(
	struct svart_machine *m, int iommufd, uint32_t ioas, struct svart_aperture **out);

bool svart_aperture_equal(const struct svart_aperture *a, const struct svart_aperture *b);

/** @return the usable range that contains addr, or NULL. Any thread, does not block. */
const struct svart_usable *svart_aperture_find(const struct svart_aperture *a, uint64_t addr);

/**
 * Checks whether it covers the process's memory. Holes of up to 1 GiB are accepted: requests in there fail.
 * @return 0; -ERANGE it does not; -errno of reading /proc/self/maps (svart_maps_top()). With a text.
 * @thread control. @blocks while the file is read.
 */
int svart_aperture_check(const struct svart_aperture *a, struct svart_machine *m);

#endif
