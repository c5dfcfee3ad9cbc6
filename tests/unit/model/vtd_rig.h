/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_MODEL_VTD_RIG_H
#define SVART_TEST_MODEL_VTD_RIG_H

/**
 * @file
 * A rig whose device has an open VT-d unit, with queues of one page each.
 */

#include "rig.h"

#include "iommu_unit.h"
#include "vtd_spec.h"

/** Records of a queue of one page. */
#define RING_RECORDS (PAGE / 32)

/** The unit before the rig's device, and the rings. */
struct vtd {
	struct rig r;
	int fd;
	uint8_t *regs;
	struct svart_vtd_page_request *prq;
	struct svart_vtd_qi_desc *iq;
};

/** Attaches the rig, opens and maps the unit; no queue is enabled. */
void vtd_open(struct vtd *v, const char *options);
/** As vtd_open(), and then enables both queues and the interrupt. */
void vtd_start(struct vtd *v, const char *options);
/** Ends all, as rig_destroy() does. */
void vtd_end(struct vtd *v);
/** Closes the unit's file and unmaps it. */
void vtd_close(struct vtd *v);
/** Opens a unit's file. */
int vtd_open_file(struct rig *r);

/** As the device named it. */
uint32_t vtd_rid(void);
uint64_t vtd_get(struct vtd *v, uint64_t off);
uint32_t vtd_get32(struct vtd *v, uint64_t off);
void vtd_set(struct vtd *v, uint64_t off, uint64_t value);
void vtd_set32(struct vtd *v, uint64_t off, uint32_t value);

/** Takes the oldest record off the page request queue. @return false if there is none. */
bool vtd_next(struct vtd *v, struct svart_vtd_page_request *out);
/** Takes all, and says how many there were. */
unsigned int vtd_drain(struct vtd *v);
/** Puts a descriptor on the invalidation queue and moves its tail. */
void vtd_push(struct vtd *v, struct svart_vtd_qi_desc desc);
/** The response to the group with a PASID and index. */
struct svart_vtd_qi_desc vtd_response(uint32_t pasid, uint16_t prgi, uint64_t code);
/** The response to a request with private data; to a LAST it is the group's, too. */
struct svart_vtd_qi_desc vtd_own_response(const struct svart_vtd_page_request *to, uint64_t code);

#endif
