/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* The bytes are those of GNU as. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "decode.h"

#define IP 0x400000

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* Register n has (n + 1) << 20. */
#define REG(n) ((uint64_t)((n) + 1) << 20)

/* One instruction and what it is. */
struct sample {
	uint8_t code[10];
	unsigned int bytes;
	enum insn64_kind kind;
	uint64_t dst, src;
};

static const struct sample samples[] = {
	/* movdir64b (%rdx), %rax */
	{ { 0x66, 0x0f, 0x38, 0xf8, 0x02 }, 5, INSN64_MOVDIR64B, REG(RAX), REG(RDX) },
	/* movdir64b 0x0(%r13), %rdi */
	{ { 0x66, 0x41, 0x0f, 0x38, 0xf8, 0x7d, 0x00 }, 7, INSN64_MOVDIR64B, REG(RDI), REG(R13) },
	/* movdir64b (%rax,%rbx,8), %rdx */
	{ { 0x66, 0x0f, 0x38, 0xf8, 0x14, 0xd8 }, 6, INSN64_MOVDIR64B, REG(RDX),
		REG(RAX) + 8 * REG(RBX) },
	/* movdir64b 0x8(%r9,%r10,4), %r8 */
	{ { 0x66, 0x47, 0x0f, 0x38, 0xf8, 0x44, 0x91, 0x08 }, 8, INSN64_MOVDIR64B, REG(R8),
		REG(R9) + 4 * REG(R10) + 8 },
	/* movdir64b 0x1000(,%rcx,2), %rbx */
	{ { 0x66, 0x0f, 0x38, 0xf8, 0x1c, 0x4d, 0x00, 0x10, 0x00, 0x00 }, 10, INSN64_MOVDIR64B,
		REG(RBX), 2 * REG(RCX) + 0x1000 },
	/* movdir64b 0x12345678, %rax */
	{ { 0x66, 0x0f, 0x38, 0xf8, 0x04, 0x25, 0x78, 0x56, 0x34, 0x12 }, 10, INSN64_MOVDIR64B,
		REG(RAX), 0x12345678 },
	/* movdir64b 0x100(%rip), %rax */
	{ { 0x66, 0x0f, 0x38, 0xf8, 0x05, 0x00, 0x01, 0x00, 0x00 }, 9, INSN64_MOVDIR64B, REG(RAX),
		IP + 9 + 0x100 },
	/* enqcmd (%rdx), %rax */
	{ { 0xf2, 0x0f, 0x38, 0xf8, 0x02 }, 5, INSN64_ENQCMD, REG(RAX), REG(RDX) },
	/* enqcmd -0x8(%r8), %r14 */
	{ { 0xf2, 0x45, 0x0f, 0x38, 0xf8, 0x70, 0xf8 }, 7, INSN64_ENQCMD, REG(R14), REG(R8) - 8 },
	/* enqcmds (%rdx), %rax */
	{ { 0xf3, 0x0f, 0x38, 0xf8, 0x02 }, 5, INSN64_ENQCMDS, REG(RAX), REG(RDX) },
	/* enqcmds 0x200(%rip), %r9 */
	{ { 0xf3, 0x44, 0x0f, 0x38, 0xf8, 0x0d, 0x00, 0x02, 0x00, 0x00 }, 10, INSN64_ENQCMDS,
		REG(R9), IP + 10 + 0x200 },
};

#define NR_SAMPLES (sizeof(samples) / sizeof(samples[0]))

static int decode(struct insn64 *insn, const uint8_t *code, unsigned int nr)
{
	__u64 regs[INSN64_REGS];

	for (unsigned int i = 0; i < INSN64_REGS; i++)
		regs[i] = REG(i);
	return insn64_decode(insn, code, nr, regs, IP);
}

static void test_decode_knows_what_an_assembler_makes(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_SAMPLES; i++) {
		struct insn64 insn;

		assert_int_equal(decode(&insn, samples[i].code, sizeof(samples[i].code)), 0);
		assert_int_equal(insn.kind, samples[i].kind);
		assert_int_equal(insn.bytes, samples[i].bytes);
		assert_int_equal(insn.dst, samples[i].dst);
		assert_int_equal(insn.src, samples[i].src);
	}
}

static void test_decode_refuses_what_is_cut_off(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_SAMPLES; i++) {
		struct insn64 insn;

		assert_int_equal(decode(&insn, samples[i].code, samples[i].bytes), 0);
		for (unsigned int nr = 0; nr < samples[i].bytes; nr++)
			assert_int_equal(decode(&insn, samples[i].code, nr), -1);
	}
}

static void test_decode_refuses_what_is_none_of_them(void **state)
{
	static const uint8_t others[][6] = {
		{ 0x0f, 0x38, 0xf8, 0x02 },             /* No prefix. */
		{ 0x66, 0x0f, 0x38, 0xf8, 0xc2 },       /* Its source is a register. */
		{ 0x66, 0x0f, 0x38, 0xf9, 0x02 },       /* Another opcode. */
		{ 0x66, 0x0f, 0x3a, 0xf8, 0x02 },       /* Another map. */
		{ 0x67, 0x66, 0x0f, 0x38, 0xf8, 0x02 }, /* movdir64b (%edx), %eax */
		{ 0x64, 0x66, 0x0f, 0x38, 0xf8, 0x02 }, /* movdir64b %fs:(%rdx), %rax */
		{ 0x0f, 0x0b },                         /* ud2 */
	};
	struct insn64 insn;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(decode(&insn, others[i], sizeof(others[i])), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode_knows_what_an_assembler_makes),
		cmocka_unit_test(test_decode_refuses_what_is_cut_off),
		cmocka_unit_test(test_decode_refuses_what_is_none_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
