/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_REQUESTER_H
#define SVART_TEST_REQUESTER_H

/**
 * @file
 * A device model that does nothing but send the page requests it is told to, and keep the answers.
 * On the model it hangs off the model's bus; in QEMU the same code is a PCI device (../qemu).
 *
 * Programming: ADDR, PASID, then SEND with the rest sends one request; SENT counts those that left.
 * The answer to a group stands in ANSWER + 8 * its index, and raises MSI vector index % REQUESTER_NR_MSI.
 */

#include "bus.h"

/** QEMU's vendor id; the number is not used there. */
#define REQUESTER_VENDOR 0x1234
#define REQUESTER_DEVICE 0x5a21

/** Registers of BAR 0, all 64 bits. */
enum requester_register {
	REQUESTER_ADDR = 0x00,
	REQUESTER_PASID = 0x08,    /**< 0: none. */
	REQUESTER_SEND = 0x10,     /**< Write: enum requester_send. */
	REQUESTER_SENT = 0x18,     /**< Read: requests that left. */
	REQUESTER_FAILED = 0x20,   /**< Read: requests that the bus refused. */
	REQUESTER_ANSWER = 0x1000, /**< 512 of them: 0 none, else code + 1. Written with 0. */
};

#define REQUESTER_BAR_BYTES 0x2000
#define REQUESTER_NR_GROUPS 512
#define REQUESTER_NR_MSI    4

/** Fields of SEND. */
enum requester_send {
	REQUESTER_SEND_READ = 1 << 0,
	REQUESTER_SEND_WRITE = 1 << 1,
	REQUESTER_SEND_EXEC = 1 << 2,
	REQUESTER_SEND_PRIV = 1 << 3,
	REQUESTER_SEND_LAST = 1 << 4,
	REQUESTER_SEND_PRGI_SHIFT = 16,
};

extern const struct svart_device_model requester_model;

#endif
