/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_OP_ISAL_H
#define SVART_OP_ISAL_H

/** @file What must be done after a call of ISA-L. Internal to runtime/ops. */

/**
 * Tells the CPU that the upper halves of vector registers are not used any more. ISA-L's AVX-512 functions (of
 * 2.30, *_by16_10) leave them in use; each SSE instruction after that then waits for the one before that wrote
 * the same register: 300 ns were measured for what takes 50 (Intel's optimization manual, "Mixing AVX Code with
 * SSE Code").
 */
static inline void svart_isal_done(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroupper" ::
					 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
				 "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
				 "xmm14", "xmm15");
#endif
}

#endif
