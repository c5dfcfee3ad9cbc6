/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_CAPS_H
#define SVART_MODEL_CAPS_H

/**
 * @file
 * Capabilities of the calling thread, which some of the kernel's rules depend on.
 */

#include <stdbool.h>

/** Tells whether the calling thread has CAP_* of linux/capability.h in effect. */
bool svart_has_cap(unsigned int cap);

#endif
