/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_REFERENCE_H
#define SVART_TEST_REFERENCE_H

/**
 * @file
 * What every operation is to do, byte by byte and bit by bit, after op.h and the standards that it names. It shares
 * no code with what is tested, and is as slow as it is plain.
 */

#include <svart/op.h>

/**
 * Does a sound operation, where its addresses lie.
 * @param done out: what the completion of a device says that did all of it; hw_status and the cookie are not set.
 */
void reference(const struct svart_op *op, struct svart_completion *done);

/** The CRC32C of some bytes, as everybody has it. */
uint32_t reference_crc32c(const void *src, size_t len);
/** The CRC-16/T10-DIF of some bytes. */
uint16_t reference_crc16(const void *src, size_t len);
/** Bytes of a block without its protection information. */
uint32_t reference_block(const struct svart_op *op);

#endif
