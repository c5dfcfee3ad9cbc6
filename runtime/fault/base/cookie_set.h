/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_COOKIE_SET_H
#define SVART_FAULT_COOKIE_SET_H

/**
 * @file
 * The cookies that are owed an answer. After an answer the kernel gives the cookie to another group at once,
 * so a second answer would answer that group. So an answer is sent only if its cookie is in this set.
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
/** Takes a cookie out. @return whether it was there. */
bool svart_cookie_set_remove(struct svart_cookie_set *set, uint32_t cookie);

#endif
