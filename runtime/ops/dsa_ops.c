/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "dsa_ops.h"

static const uint8_t opcodes[SVART_NR_OPCODES] = {
	[SVART_OP_NOOP] = SVART_DSA_OP_NOOP,
	[SVART_OP_COPY] = SVART_DSA_OP_MEMMOVE,
	[SVART_OP_FILL] = SVART_DSA_OP_FILL,
};

/** For each opcode of a DSA: svart's opcode plus one; 0: svart has no such operation. */
static const uint8_t back[64] = {
	[SVART_DSA_OP_NOOP] = SVART_OP_NOOP + 1,
	[SVART_DSA_OP_MEMMOVE] = SVART_OP_COPY + 1,
	[SVART_DSA_OP_FILL] = SVART_OP_FILL + 1,
};

uint8_t svart_dsa_opcode(unsigned int opcode)
{
	return opcodes[opcode];
}

const struct svart_op_row *svart_dsa_op_row(unsigned int dsa_opcode)
{
	if (dsa_opcode >= sizeof(back) || back[dsa_opcode] == 0)
		return NULL;
	return svart_op_row(back[dsa_opcode] - 1u);
}

uint64_t svart_dsa_ops_of(uint64_t opcap)
{
	uint64_t ops = 0;
	unsigned int i;

	for (i = 0; i < SVART_NR_OPCODES; i++)
		if ((opcap >> opcodes[i] & 1) != 0)
			ops |= UINT64_C(1) << i;
	return ops;
}

uint64_t svart_dsa_opcap(void)
{
	uint64_t opcap = 0;
	unsigned int i;

	for (i = 0; i < SVART_NR_OPCODES; i++)
		opcap |= UINT64_C(1) << opcodes[i];
	return opcap;
}
