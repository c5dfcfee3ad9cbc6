/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * submit orders what the program and prep have written before the descriptors: MOVDIR64B is weakly
 * ordered. No machine in software can see that the order is missing, so the instructions are looked at,
 * one by one, as the CPU comes to them.
 */

#include "fake_dsa.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "dsa_internal.h"

#if defined(__x86_64__)

#include <ucontext.h>

/** What the CPU came to since submit was called. */
static struct {
	volatile unsigned int fences, stores, unordered;
} seen;

/** SFENCE is 0F AE F8, MFENCE 0F AE F0; the last three bits do not count (Intel SDM vol. 2). */
static bool is_fence(const uint8_t *at)
{
	return at[0] == 0x0f && at[1] == 0xae && (at[2] & 0xf0) == 0xf0;
}

/** Before each instruction. */
static void on_step(int signo, siginfo_t *info, void *context)
{
	const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)signo;
	(void)info;
	seen.fences += is_fence((const uint8_t *)(uintptr_t)regs[REG_RIP]);
}

static void portal_store(void *ctx, void *portal, const void *descs, uint32_t nr)
{
	(void)ctx;
	(void)portal;
	(void)descs;
	seen.unordered += seen.fences == 0;
	seen.stores += nr;
}

/** The trap flag, bit 8 of RFLAGS. What is below the stack pointer may be in use. */
#define STEP_BEGIN()                                                             \
	__asm__ volatile("sub $128, %%rsp; pushfq; orq $0x100, (%%rsp); popfq; " \
			 "add $128, %%rsp" ::                                    \
				 : "memory", "cc")
#define STEP_END()                                                                 \
	__asm__ volatile("sub $128, %%rsp; pushfq; andq $~0x100, (%%rsp); popfq; " \
			 "add $128, %%rsp" ::                                      \
				 : "memory", "cc")

static uint16_t submit_by_steps(struct svart_queue *q)
{
	uint16_t nr;

	seen.fences = seen.stores = seen.unordered = 0;
	STEP_BEGIN();
	nr = q->submit(q);
	STEP_END();
	return nr;
}

static uint8_t source[64], target[64];

static void prep(struct svart_queue *q, unsigned int nr)
{
	const struct svart_op op = {
		.opcode = SVART_OP_COPY, .src = source, .dst = target, .length = sizeof(source)
	};

	while (nr-- > 0)
		assert_int_equal(q->prep(q, &op, 1), 1);
}

static void assert_submits(struct svart_queue *q, uint16_t nr)
{
	prep(q, nr);
	assert_int_equal(submit_by_steps(q), nr);
	assert_int_equal(seen.stores, nr);
	assert_int_equal(seen.unordered, 0);
	assert_int_equal(seen.fences, 1); /* It is not for free: once for each burst. */
}

static void test_dsa_submit_fences_once_before_the_first_descriptor(void **state)
{
	const struct sigaction step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
	struct sigaction before;
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 8);

	(void)state;
	((struct svart_dsa_queue *)q->priv)->portal.movdir64b = portal_store;
	assert_int_equal(sigaction(SIGTRAP, &step, &before), 0);
	assert_submits(q, 1);
	assert_submits(q, 4); /* Each submit anew. */
	assert_submits(q, 3);
	assert_int_equal(submit_by_steps(q), 0);
	assert_int_equal(seen.stores, 0);
	sigaction(SIGTRAP, &before, NULL);
	fake_stop(f, 0);
	fake_close(f);
	fake_destroy(f);
}

#else

static void test_dsa_submit_fences_once_before_the_first_descriptor(void **state)
{
	(void)state;
	print_message("skipped: MOVDIR64B is of x86-64\n");
	skip();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dsa_submit_fences_once_before_the_first_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
