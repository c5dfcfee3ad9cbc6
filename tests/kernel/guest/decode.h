/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_GUEST_DECODE_H
#define SVART_GUEST_DECODE_H

/**
 * @file
 * Decodes the instructions that write 64 bytes at once. No part of it is the kernel's: a unit test of
 * svart's runs it as it is.
 */

#include <linux/types.h>

/** The bytes that an instruction has at most. */
#define INSN64_MAX_BYTES 15
/** General registers, in the order of their numbers in instructions: RAX, RCX, RDX, RBX, RSP ... R15. */
#define INSN64_REGS 16

enum insn64_kind { INSN64_MOVDIR64B, INSN64_ENQCMD, INSN64_ENQCMDS, INSN64_KINDS };

struct insn64 {
	enum insn64_kind kind;
	unsigned int bytes; /**< Its length. */
	__u64 dst;          /**< Address that is written to: the register operand. */
	__u64 src;          /**< Address of the 64 bytes: the memory operand. */
};

/**
 * Decodes 64-bit code. Prefixes for a segment or a size of addresses are not known.
 *
 * @param code array[nr], where the instruction begins
 * @param regs array[INSN64_REGS]
 * @param ip   the instruction's address
 * @return 0, or -1: it is none of them, or does not end within nr bytes.
 */
int insn64_decode(
	struct insn64 *insn, const __u8 *code, unsigned int nr, const __u64 *regs, __u64 ip);

#endif
