/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PROBE_CHECK_H
#define SVART_PROBE_CHECK_H

/**
 * @file
 * The checks of each kind of device. All run on the control thread and block while files are read.
 */

struct svart_probe_host;
struct svart_probe_list;

/** Adds the PCI functions that svart has a driver for, checked. @return 0 or -ENOMEM, told. */
int svart_probe_pci(const struct svart_probe_host *host, struct svart_probe_list *list);
/** Adds the work queues of the kernel's idxd driver. @return 0 or -ENOMEM, told. */
int svart_probe_idxd(const struct svart_probe_host *host, struct svart_probe_list *list);
/** Adds the devices of the kernel's uacce class. @return 0 or -ENOMEM, told. */
int svart_probe_uacce(const struct svart_probe_host *host, struct svart_probe_list *list);

#endif
