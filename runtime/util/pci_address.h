/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PCI_ADDRESS_H
#define SVART_PCI_ADDRESS_H

/** @return 0, or -EINVAL if text is not DDDD:BB:DD.F in hex with a function up to 7. */
int svart_pci_address_check(const char *text);

#endif
