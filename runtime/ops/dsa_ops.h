/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DSA_OPS_H
#define SVART_DSA_OPS_H

/**
 * @file
 * Which operation of Intel DSA (DSA specification 2.0, table 5-1) does which operation of svart: for the
 * driver and for the model.
 */

#include "dsa_spec.h"
#include "op_table.h"

/** The DSA's opcode of an enum svart_opcode. */
uint8_t svart_dsa_opcode(unsigned int opcode);

/** @return the row of svart's operation that a DSA's opcode does, or NULL: there is none. */
const struct svart_op_row *svart_dsa_op_row(unsigned int dsa_opcode);

/** Operations of svart whose DSA opcodes are among these. @param opcap the first word of OPCAP, 9.2.10. */
uint64_t svart_dsa_ops_of(uint64_t opcap);

#endif
