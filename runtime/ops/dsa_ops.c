/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "dsa_ops.h"

static const uint8_t opcodes[SVART_NR_OPCODES] = {
	[SVART_OP_NOOP] = SVART_DSA_OP_NOOP,
	[SVART_OP_COPY] = SVART_DSA_OP_MEMMOVE,
	[SVART_OP_FILL] = SVART_DSA_OP_FILL,
	[SVART_OP_COMPARE] = SVART_DSA_OP_COMPARE,
	[SVART_OP_COMPARE_VALUE] = SVART_DSA_OP_COMPARE_PATTERN,
	[SVART_OP_CREATE_DELTA] = SVART_DSA_OP_CREATE_DELTA,
	[SVART_OP_APPLY_DELTA] = SVART_DSA_OP_APPLY_DELTA,
	[SVART_OP_DUALCAST] = SVART_DSA_OP_DUALCAST,
	[SVART_OP_CRC] = SVART_DSA_OP_CRC,
	[SVART_OP_COPY_CRC] = SVART_DSA_OP_COPY_CRC,
	[SVART_OP_DIF_CHECK] = SVART_DSA_OP_DIF_CHECK,
	[SVART_OP_DIF_INSERT] = SVART_DSA_OP_DIF_INSERT,
	[SVART_OP_DIF_STRIP] = SVART_DSA_OP_DIF_STRIP,
	[SVART_OP_DIF_UPDATE] = SVART_DSA_OP_DIF_UPDATE,
	[SVART_OP_DIX_GENERATE] = SVART_DSA_OP_DIX_GENERATE,
	[SVART_OP_CACHE_FLUSH] = SVART_DSA_OP_CACHE_FLUSH,
	[SVART_OP_TRANSLATE] = SVART_DSA_OP_TRANSLATION_FETCH,
	[SVART_OP_DRAIN] = SVART_DSA_OP_DRAIN,
};

uint8_t svart_dsa_opcode(unsigned int opcode)
{
	return opcodes[opcode];
}

const struct svart_op_row *svart_dsa_op_row(unsigned int dsa_opcode)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_OPCODES; i++)
		if (opcodes[i] == dsa_opcode)
			return svart_op_row(i);
	return NULL;
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
