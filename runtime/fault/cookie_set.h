/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_COOKIE_SET_H
#define SVART_FAULT_COOKIE_SET_H

/**
 * @file
 * The cookies that are owed an answer. The kernel gives a cookie away again at once, so an answer
 * that is sent twice answers another group: only what is in this set is ever sent.
 */

#include <stdbool.h>
#include <stdint.h>

/**
 * A bounded set of cookies: O(1), nothing is allocated after create.
 *
 * Owner: its source. Lifetime: the source's. Locks: the source's.
 */
struct svart_cookie_set;

/** @param capacity cookies held at once, a power of two. @return 0 or -ENOMEM. */
int svart_cookie_set_create(uint32_t capacity, struct svart_cookie_set **out);
void svart_cookie_set_destroy(struct svart_cookie_set *set);

/** @param cookie not 0. @return 0, -EEXIST it is there already, -ENOSPC the set is full. */
int svart_cookie_set_add(struct svart_cookie_set *set, uint32_t cookie);
/** @return whether it was there. */
bool svart_cookie_set_remove(struct svart_cookie_set *set, uint32_t cookie);

#endif
