/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FORK_H
#define SVART_FORK_H

/**
 * @file
 * What happens to runtimes in a child made by fork().
 */

/**
 * Installs the fork handlers, unless they are installed. It is called before any lock that they handle is
 * taken.
 * @return 0 or -ENOMEM, told.
 */
int svart_fork_prepare(void);

#endif
