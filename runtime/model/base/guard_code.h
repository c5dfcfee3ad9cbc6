/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_GUARD_CODE_H
#define SVART_MODEL_GUARD_CODE_H

/**
 * @file
 * Short guarded accesses without a jump buffer, because arming a jump buffer takes longer than copying 256
 * bytes.
 *
 * The instructions that may fault are written in assembler, and a table made by the linker says where they
 * are. If the fault is in one of them, the handler lets the thread go on after them, with the result
 * -EFAULT: they use no stack and hold nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)

#include <errno.h>
#include <ucontext.h>

#define SVART_GUARD_CODE 1

/** One entry for some instructions. Each place is given as its distance from the field. */
struct svart_guard_code {
	int32_t begin, end;
};

/* The linker defines these: the bounds of section svart_guard_code, which has the table. */
extern const struct svart_guard_code __start_svart_guard_code[]
	__attribute__((visibility("hidden")));
extern const struct svart_guard_code __stop_svart_guard_code[]
	__attribute__((visibility("hidden")));

/** Instructions that may fault; rc is in RAX and is 0 unless they do. */
#define SVART_GUARD_CODE_TEXT(instructions)        \
	"77:\n\t" instructions "78:\n\t"           \
	".pushsection svart_guard_code, \"a\"\n\t" \
	".balign 4\n\t"                            \
	".long 77b - .\n\t"                        \
	".long 78b - .\n\t"                        \
	".popsection\n\t"

/** Copies upwards: dst is not in (src, src + len). @return 0 or -EFAULT. */
static inline int svart_guard_copy_up(void *dst, const void *src, size_t len)
{
	int64_t rc = 0;

	__asm__ volatile(SVART_GUARD_CODE_TEXT("1:\n\t"
					       "cmp $64, %%rcx\n\t"
					       "jb 2f\n\t"
					       "movups (%%rsi), %%xmm0\n\t"
					       "movups 16(%%rsi), %%xmm1\n\t"
					       "movups 32(%%rsi), %%xmm2\n\t"
					       "movups 48(%%rsi), %%xmm3\n\t"
					       "movups %%xmm0, (%%rdi)\n\t"
					       "movups %%xmm1, 16(%%rdi)\n\t"
					       "movups %%xmm2, 32(%%rdi)\n\t"
					       "movups %%xmm3, 48(%%rdi)\n\t"
					       "add $64, %%rsi\n\t"
					       "add $64, %%rdi\n\t"
					       "sub $64, %%rcx\n\t"
					       "jmp 1b\n\t"
					       "2:\n\t"
					       "test %%rcx, %%rcx\n\t"
					       "jz 78f\n\t"
					       "rep movsb\n\t")
			 : "+a"(rc), "+D"(dst), "+S"(src), "+c"(len)
			 :
			 : "xmm0", "xmm1", "xmm2", "xmm3", "memory", "cc");
	return (int)rc;
}

/** Writes four words, the first one last; each store is seen after those before it, as on every x86. */
static inline int svart_guard_publish_words(uint64_t *dst, const uint64_t word[4])
{
	int64_t rc = 0;

	__asm__ volatile(SVART_GUARD_CODE_TEXT("movq %[w3], 24(%[dst])\n\t"
					       "movq %[w2], 16(%[dst])\n\t"
					       "movq %[w1], 8(%[dst])\n\t"
					       "movq %[w0], (%[dst])\n\t")
			 : "+a"(rc)
			 : [dst] "r"(dst), [w0] "r"(word[0]), [w1] "r"(word[1]), [w2] "r"(word[2]),
			 [w3] "r"(word[3])
			 : "memory");
	return (int)rc;
}

/**
 * @return whether the fault was in such code; then the thread may go on.
 * @thread the one that faulted, in its handler.
 */
static inline bool svart_guard_code_recover(void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	uintptr_t at = (uintptr_t)regs[REG_RIP], begin, end;
	const struct svart_guard_code *code;

	for (code = __start_svart_guard_code; code < __stop_svart_guard_code; code++) {
		begin = (uintptr_t)&code->begin + (uintptr_t)(intptr_t)code->begin;
		end = (uintptr_t)&code->end + (uintptr_t)(intptr_t)code->end;
		if (at < begin || at >= end)
			continue;
		regs[REG_RAX] = -EFAULT;
		regs[REG_RIP] = (greg_t)end;
		return true;
	}
	return false;
}

#else

#define SVART_GUARD_CODE 0

#endif

#endif
