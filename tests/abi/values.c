/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What a dump of libsvart.so has not: types that no call of it names, because their values travel in integers.
 * Compiled into a library of its own, which is dumped beside.
 */
#include <svart/svart.h>

SVART_API void svart_values(enum svart_init_flag init_flag, enum svart_feature feature,
	enum svart_opcode opcode, enum svart_op_flag op_flag, enum svart_status status,
	enum svart_completion_flag completion_flag);

void svart_values(enum svart_init_flag init_flag, enum svart_feature feature,
	enum svart_opcode opcode, enum svart_op_flag op_flag, enum svart_status status,
	enum svart_completion_flag completion_flag)
{
	(void)init_flag;
	(void)feature;
	(void)opcode;
	(void)op_flag;
	(void)status;
	(void)completion_flag;
}

/* Functions here keep their parameters: what comes later is in another one. */
SVART_API void svart_values_of_operations(enum svart_queue_flag queue_flag,
	enum svart_delta_result delta_result, enum svart_dif_block dif_block,
	enum svart_dif_flag dif_flag, enum svart_dif_src_flag dif_src_flag,
	enum svart_dif_dst_flag dif_dst_flag, enum svart_dif_error dif_error);

void svart_values_of_operations(enum svart_queue_flag queue_flag,
	enum svart_delta_result delta_result, enum svart_dif_block dif_block,
	enum svart_dif_flag dif_flag, enum svart_dif_src_flag dif_src_flag,
	enum svart_dif_dst_flag dif_dst_flag, enum svart_dif_error dif_error)
{
	(void)queue_flag;
	(void)delta_result;
	(void)dif_block;
	(void)dif_flag;
	(void)dif_src_flag;
	(void)dif_dst_flag;
	(void)dif_error;
}
