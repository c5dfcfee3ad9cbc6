/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bits.h"
#include "pagetable.h"

#define RW (SVART_PTE_PRESENT | SVART_PTE_READ | SVART_PTE_WRITE)
/** Near the end of a lowest table, so that a few pages cross into the next. */
#define IOVA UINT64_C(0x7f12345fe000)

static struct svart_pagetable pt;

static int setup(void **state)
{
	(void)state;
	return svart_pagetable_init(&pt);
}

static int teardown(void **state)
{
	(void)state;
	svart_pagetable_fini(&pt);
	return 0;
}

static void test_pagetable_fill_is_seen_page_by_page(void **state)
{
	uint64_t pte[6];
	unsigned int i;

	(void)state;
	assert_int_equal(svart_pagetable_fill(&pt, IOVA, 0x10000000, 4 * SVART_PAGE_SIZE, RW), 0);
	svart_pagetable_walk(&pt, IOVA - SVART_PAGE_SIZE, 6, pte);
	assert_int_equal(pte[0], 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pte[1 + i], (0x10000000 + i * SVART_PAGE_SIZE) | RW);
	assert_int_equal(pte[5], 0);
	svart_pagetable_free(svart_pagetable_clear(&pt, IOVA, 4 * SVART_PAGE_SIZE));
}

static void test_pagetable_clear_gives_back_only_empty_tables(void **state)
{
	struct svart_pagetable_node *empty;
	uint64_t pte;

	(void)state;
	assert_int_equal(svart_pagetable_fill(&pt, IOVA, 0x1000, 4 * SVART_PAGE_SIZE, RW), 0);
	empty = svart_pagetable_clear(&pt, IOVA, SVART_PAGE_SIZE);
	assert_null(empty);
	empty = svart_pagetable_clear(&pt, IOVA + SVART_PAGE_SIZE, 3 * SVART_PAGE_SIZE);
	assert_non_null(empty);
	assert_non_null(empty->next);
	assert_null(empty->next->next);
	svart_pagetable_free(empty);
	svart_pagetable_walk(&pt, IOVA, 1, &pte);
	assert_int_equal(pte, 0);
}

static void test_pagetable_walk_above_its_bits_finds_nothing(void **state)
{
	uint64_t pte = 1;

	(void)state;
	svart_pagetable_walk(&pt, UINT64_C(1) << SVART_PAGETABLE_BITS, 1, &pte);
	assert_int_equal(pte, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_pagetable_fill_is_seen_page_by_page, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_pagetable_clear_gives_back_only_empty_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_pagetable_walk_above_its_bits_finds_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
