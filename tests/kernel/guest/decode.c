// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
// Copyright (c) 2026 the svart authors

/*
 * All three are PREFIX [REX] 0F 38 F8 ModRM ..., with a memory operand (Intel's manual, volume 2, chapter 2
 * for ModRM, SIB and REX).
 */

#include "decode.h"

#define REX_MASK 0xf0
#define REX      0x40
#define REX_R    0x4
#define REX_X    0x2
#define REX_B    0x1

#define MOD_NO_DISP 0
#define MOD_DISP8   1
#define MOD_DISP32  2
#define MOD_REG     3

#define RM_SIB       4
#define RM_RIP       5
#define SIB_NO_INDEX 4
#define SIB_NO_BASE  5

/* Where the decoder is. */
struct cursor {
	const __u8 *code;
	unsigned int at, nr;
	_Bool over; /* More was read than there is. */
};

static __u8 next(struct cursor *c)
{
	if (c->at == c->nr) {
		c->over = 1;
		return 0;
	}
	return c->code[c->at++];
}

/* A displacement of 1 or 4 bytes, with its sign. */
static __u64 next_disp(struct cursor *c, unsigned int bytes)
{
	__u32 value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value |= (__u32)next(c) << (8 * i);
	return bytes == 1 ? (__u64)(__s64)(__s8)value : (__u64)(__s64)(__s32)value;
}

static int kind_of(__u8 prefix, enum insn64_kind *kind)
{
	switch (prefix) {
	case 0x66:
		*kind = INSN64_MOVDIR64B;
		return 0;
	case 0xf2:
		*kind = INSN64_ENQCMD;
		return 0;
	case 0xf3:
		*kind = INSN64_ENQCMDS;
		return 0;
	default:
		return -1;
	}
}

/* What base and index come to; *mod becomes DISP32 where there is no base. */
static __u64 sib_address(struct cursor *c, const __u64 *regs, __u8 rex, unsigned int *mod)
{
	__u8 sib = next(c);
	unsigned int index = (sib >> 3 & 7) | (rex & REX_X ? 8 : 0);
	unsigned int base = sib & 7;
	__u64 address = index == SIB_NO_INDEX ? 0 : regs[index] << (sib >> 6);

	if (base == SIB_NO_BASE && *mod == MOD_NO_DISP)
		*mod = MOD_DISP32;
	else
		address += regs[base | (rex & REX_B ? 8 : 0)];
	return address;
}

/* The memory operand. Nothing follows it, so that an address relative to RIP is one to where it ends. */
static __u64 memory_operand(struct cursor *c, const __u64 *regs, __u64 ip, __u8 rex, __u8 modrm)
{
	unsigned int mod = modrm >> 6, rm = modrm & 7;
	__u64 address;

	if (mod == MOD_NO_DISP && rm == RM_RIP) {
		address = next_disp(c, 4);
		return address + ip + c->at;
	}
	address = rm == RM_SIB ? sib_address(c, regs, rex, &mod) : regs[rm | (rex & REX_B ? 8 : 0)];
	if (mod == MOD_DISP8)
		address += next_disp(c, 1);
	else if (mod == MOD_DISP32)
		address += next_disp(c, 4);
	return address;
}

int insn64_decode(
	struct insn64 *insn, const __u8 *code, unsigned int nr, const __u64 *regs, __u64 ip)
{
	struct cursor c = { .code = code, .nr = nr };
	__u8 byte, rex = 0, modrm;

	if (kind_of(next(&c), &insn->kind) != 0)
		return -1;
	byte = next(&c);
	if ((byte & REX_MASK) == REX) {
		rex = byte;
		byte = next(&c);
	}
	if (byte != 0x0f || next(&c) != 0x38 || next(&c) != 0xf8)
		return -1;
	modrm = next(&c);
	if (modrm >> 6 == MOD_REG)
		return -1;
	insn->dst = regs[(modrm >> 3 & 7) | (rex & REX_R ? 8 : 0)];
	insn->src = memory_operand(&c, regs, ip, rex, modrm);
	insn->bytes = c.at;
	return c.over ? -1 : 0;
}
