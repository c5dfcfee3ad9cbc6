/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PAGE_REQUEST_H
#define SVART_PAGE_REQUEST_H

/**
 * @file
 * A page request as every fault source delivers it, and the answer that the source takes back.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vma.h"

/** Bits of svart_page_request.flags. */
enum svart_page_request_flag {
	SVART_PAGE_REQUEST_PASID = 1 << 0, /**< pasid is valid. */
	SVART_PAGE_REQUEST_LAST = 1 << 1,  /**< LPIG: it ends its group. */
	SVART_PAGE_REQUEST_NEEDS_RESPONSE =
		1 << 2,                        /**< Owed an answer of its own (raw VT-d queue). */
	SVART_PAGE_REQUEST_MALFORMED = 1 << 3, /**< Its group is answered INVALID, unresolved. */
};

/** One record. */
struct svart_page_request {
	uint64_t addr;            /**< Address that the device wants; only its page matters. */
	uint32_t pasid;           /**< Valid with SVART_PAGE_REQUEST_PASID. */
	uint32_t group_id;        /**< PRG index (9 bit), or STAG (16 bit). */
	uint32_t flags;           /**< enum svart_page_request_flag. */
	uint32_t access;          /**< enum svart_access. */
	uint64_t token;           /**< The source's name of the group: the iommufd cookie. */
	uint64_t private_data[2]; /**< It is carried and returned unchanged. */
};

/** Whether a record is answered: by its group's answer, if it is the LAST, or by an own answer. */
static inline bool svart_page_request_is_owed(const struct svart_page_request *request)
{
	return (request->flags & (SVART_PAGE_REQUEST_LAST | SVART_PAGE_REQUEST_NEEDS_RESPONSE)) !=
	       0;
}

/** Answer codes, as linux/iommufd.h has them. */
enum svart_page_response_code {
	SVART_PAGE_RESPONSE_SUCCESS = 0,
	SVART_PAGE_RESPONSE_INVALID = 1,
};

/** One answer. */
struct svart_page_response {
	uint64_t token;
	uint32_t pasid;
	uint32_t group_id;
	uint32_t flags; /**< PASID, LAST and NEEDS_RESPONSE as in the request that it answers. */
	uint32_t code;  /**< enum svart_page_response_code. */
	uint64_t private_data[2];
};

#endif
