/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "group.h"

static struct svart_page_request request(
	uint32_t pasid, uint32_t group_id, uint64_t addr, uint32_t flags)
{
	return (struct svart_page_request){
		.addr = addr, .pasid = pasid, .group_id = group_id, .flags = flags
	};
}

/** Adds a request with a PASID. */
static int add(struct svart_grouper *g, uint32_t pasid, uint32_t id, uint64_t addr, uint32_t last,
	uint32_t *first)
{
	struct svart_page_request r = request(pasid, id, addr, PASID | last);

	return svart_grouper_add(g, &r, first);
}

/** Checks that a group is these addresses, in this order. */
static void assert_group(
	const struct svart_grouper *g, uint32_t first, const uint64_t *addrs, size_t nr)
{
	uint32_t node = first;
	size_t i;

	for (i = 0; i < nr; i++) {
		assert_int_not_equal(node, SVART_GROUP_NONE);
		assert_int_equal(svart_grouper_request(g, node)->addr, addrs[i]);
		node = svart_grouper_next(g, node);
	}
	assert_int_equal(node, SVART_GROUP_NONE);
}

static int setup(void **state)
{
	struct svart_grouper *g;

	if (svart_grouper_create(64, &g) != 0)
		return -1;
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	svart_grouper_destroy(*state);
	return 0;
}

static void test_group_interleaved_requests_keep_their_order(void **state)
{
	struct svart_grouper *g = *state;
	uint32_t first;

	assert_int_equal(add(g, 1, 7, 10, 0, &first), 0);
	assert_int_equal(add(g, 1, 8, 20, 0, &first), 0);
	assert_int_equal(add(g, 1, 7, 11, 0, &first), 0);
	assert_int_equal(add(g, 1, 8, 21, LAST, &first), 1);
	assert_group(g, first, (uint64_t[]){ 20, 21 }, 2);
	assert_int_equal(add(g, 1, 7, 12, LAST, &first), 1);
	assert_group(g, first, (uint64_t[]){ 10, 11, 12 }, 3);
}

static void test_group_of_one_request_is_complete_at_once(void **state)
{
	struct svart_grouper *g = *state;
	uint32_t first;

	assert_int_equal(add(g, 1, 7, 10, LAST, &first), 1);
	assert_group(g, first, (uint64_t[]){ 10 }, 1);
	svart_grouper_release(g, first);
	assert_int_equal(svart_grouper_held(g), 0);
}

static void test_group_same_id_on_two_pasids_is_two_groups(void **state)
{
	struct svart_page_request none = request(1, 7, 30, 0);
	struct svart_grouper *g = *state;
	uint32_t first;

	add(g, 1, 7, 10, 0, &first);
	add(g, 2, 7, 20, 0, &first);
	assert_int_equal(svart_grouper_add(g, &none, &first), 0);
	assert_int_equal(add(g, 2, 7, 21, LAST, &first), 1);
	assert_group(g, first, (uint64_t[]){ 20, 21 }, 2);
	none.flags = LAST;
	none.addr = 31;
	none.pasid = 99; /* Not valid without its flag. */
	assert_int_equal(svart_grouper_add(g, &none, &first), 1);
	assert_group(g, first, (uint64_t[]){ 30, 31 }, 2);
}

static void test_group_release_gives_every_node_back(void **state)
{
	struct svart_grouper *g = *state;
	uint32_t first, round, i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < 63; i++)
			assert_int_equal(add(g, 1, 7, i, 0, &first), 0);
		assert_int_equal(add(g, 1, 7, i, LAST, &first), 1);
		assert_int_equal(svart_grouper_held(g), 64);
		svart_grouper_release(g, first);
		assert_int_equal(svart_grouper_held(g), 0);
	}
}

static void test_group_without_a_node_drops_its_own_partials_only(void **state)
{
	struct svart_grouper *g = *state;
	uint32_t first, i;

	for (i = 0; i < 60; i++)
		assert_int_equal(add(g, 1, 7, i, 0, &first), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(add(g, 1, 8, i, 0, &first), 0);
	assert_int_equal(add(g, 1, 8, 4, 0, &first), -ENOMEM);
	assert_int_equal(svart_grouper_held(g), 60);
	assert_int_equal(add(g, 1, 7, 60, LAST, &first), 1);
	svart_grouper_release(g, first);
	assert_int_equal(svart_grouper_held(g), 0);
}

static void test_group_that_lost_a_request_is_refused_up_to_its_last(void **state)
{
	struct svart_grouper *g = *state;
	uint32_t first, i;

	for (i = 0; i < 64; i++)
		add(g, 1, 7, i, 0, &first);
	assert_int_equal(add(g, 1, 7, i, 0, &first), -ENOMEM);
	assert_int_equal(svart_grouper_held(g), 0);
	assert_int_equal(add(g, 1, 7, i, 0, &first), -ENOMEM);
	assert_int_equal(add(g, 1, 7, i, LAST, &first), -ENOMEM);
	/* The id is good again for the next group. */
	assert_int_equal(add(g, 1, 7, 5, 0, &first), 0);
	assert_int_equal(add(g, 1, 7, 6, LAST, &first), 1);
	assert_group(g, first, (uint64_t[]){ 5, 6 }, 2);
}

static void test_group_last_without_a_node_ends_its_group(void **state)
{
	struct svart_grouper *g = *state;
	uint32_t first, i;

	for (i = 0; i < 64; i++)
		add(g, 1, 7, i, 0, &first);
	assert_int_equal(add(g, 1, 9, 0, LAST, &first), -ENOMEM);
	assert_int_equal(svart_grouper_held(g), 64);
	assert_int_equal(add(g, 1, 7, 64, LAST, &first), -ENOMEM);
	assert_int_equal(svart_grouper_held(g), 0);
	assert_int_equal(add(g, 1, 7, 1, LAST, &first), 1);
	assert_group(g, first, (uint64_t[]){ 1 }, 1);
}

static void test_group_full_of_refused_groups_still_works(void **state)
{
	struct svart_grouper *g = *state;
	uint32_t first, i;

	for (i = 0; i < 64; i++)
		add(g, 1, 7, i, 0, &first);
	for (i = 0; i < 1000; i++)
		assert_int_equal(add(g, 2, i, i, 0, &first), -ENOMEM);
	assert_int_equal(add(g, 1, 7, 64, LAST, &first), -ENOMEM);
	for (i = 0; i < 1000; i++)
		if (add(g, 2, i, i, LAST, &first) == 1)
			svart_grouper_release(g, first);
	assert_int_equal(svart_grouper_held(g), 0);
	assert_int_equal(add(g, 3, 7, 1, 0, &first), 0);
	assert_int_equal(add(g, 3, 7, 2, LAST, &first), 1);
	assert_group(g, first, (uint64_t[]){ 1, 2 }, 2);
}

static void test_group_drop_partial_leaves_completed_groups(void **state)
{
	struct svart_grouper *g = *state;
	uint32_t done, first, i;

	add(g, 1, 7, 1, 0, &first);
	assert_int_equal(add(g, 1, 7, 2, LAST, &done), 1);
	for (i = 0; i < 20; i++) {
		add(g, 1, i, 10, 0, &first);
		add(g, 1, i, 11, 0, &first);
	}
	assert_int_equal(svart_grouper_drop_partial(g), 40);
	assert_int_equal(svart_grouper_held(g), 2);
	assert_group(g, done, (uint64_t[]){ 1, 2 }, 2);
	assert_int_equal(add(g, 1, 3, 12, LAST, &first), 1);
	assert_group(g, first, (uint64_t[]){ 12 }, 1);
}

static void test_group_tables_on_one_pool_do_not_mix(void **state)
{
	struct svart_group_pool *pool;
	struct svart_grouper *a, *b;
	uint32_t first, single;
	struct svart_page_request r = request(0, 0, 9, 0);

	(void)state;
	assert_int_equal(svart_group_pool_create(4, &pool), 0);
	assert_int_equal(svart_grouper_create_on(pool, 4, &a), 0);
	assert_int_equal(svart_grouper_create_on(pool, 1, &b), 0);
	add(a, 1, 7, 10, 0, &first);
	add(b, 1, 7, 20, 0, &first);
	assert_int_equal(svart_group_pool_take(pool, &r, &single), 0);
	assert_int_equal(add(a, 1, 7, 11, LAST, &first), 1);
	assert_group(a, first, (uint64_t[]){ 10, 11 }, 2);
	assert_int_equal(svart_group_pool_free(pool), 0);
	assert_int_equal(svart_group_pool_take(pool, &r, &single), -ENOMEM);
	svart_group_pool_release(pool, first);
	svart_group_pool_release(pool, single);
	assert_int_equal(svart_grouper_drop_partial(b), 1);
	assert_int_equal(svart_group_pool_free(pool), 4);
	svart_grouper_destroy(a);
	svart_grouper_destroy(b);
	svart_group_pool_destroy(pool);
}

/* --- against a plain list, at random ------------------------------------------------------------- */

#define NR_KEYS  48
#define NR_NODES 256

struct reference {
	uint64_t addrs[NR_NODES];
	size_t nr;
};

static void test_group_random_requests_group_as_a_plain_list_does(void **state)
{
	static struct reference groups[NR_KEYS];
	uint64_t seed = fake_seed();
	struct svart_group_pool *pool;
	struct svart_grouper *g;
	struct reference *ref;
	uint32_t first, key, last;
	size_t held = 0;
	int i, rc;

	(void)state;
	memset(groups, 0, sizeof(groups));
	/* A small table, three quarters full when every key is partial: searches meet all the time. */
	assert_int_equal(svart_group_pool_create(NR_NODES, &pool), 0);
	assert_int_equal(svart_grouper_create_on(pool, 32, &g), 0);
	for (i = 0; i < 300000; i++) {
		key = (uint32_t)(fake_random(&seed) % NR_KEYS);
		last = held > 200 || fake_random(&seed) % 8 == 0 ? LAST : 0;
		ref = &groups[key];
		ref->addrs[ref->nr++] = (uint64_t)i;
		held++;
		/* Few ids and many PASIDs, far apart, collide in every way. */
		rc = add(g, (key % 6) << 17, key / 6 * 0x1001, (uint64_t)i, last, &first);
		assert_int_equal(rc, last != 0);
		if (rc == 1) {
			assert_group(g, first, ref->addrs, ref->nr);
			svart_grouper_release(g, first);
			held -= ref->nr;
			ref->nr = 0;
		}
		assert_int_equal(svart_grouper_held(g), held);
		if (fake_random(&seed) % 4096 == 0) {
			assert_int_equal(svart_grouper_drop_partial(g), held);
			memset(groups, 0, sizeof(groups));
			held = 0;
		}
	}
	svart_grouper_destroy(g);
	svart_group_pool_destroy(pool);
}

/** Adds a request to an open group. */
static int add_open(struct svart_group_pool *pool, struct svart_group_open *open, uint64_t addr,
	uint32_t last, uint32_t *first)
{
	struct svart_page_request r = request(1, 7, addr, PASID | last);

	return svart_group_open_add(pool, open, &r, first);
}

static void test_group_open_is_complete_at_its_last(void **state)
{
	struct svart_group_open open = SVART_GROUP_OPEN_INIT;
	const struct svart_group_node *nodes;
	struct svart_group_pool *pool;
	uint32_t first, other;

	(void)state;
	assert_int_equal(svart_group_pool_create(4, &pool), 0);
	nodes = svart_group_pool_nodes(pool);
	assert_int_equal(add_open(pool, &open, 1, 0, &first), 0);
	assert_int_equal(add_open(pool, &open, 2, 0, &first), 0);
	assert_int_equal(add_open(pool, &open, 3, LAST, &first), 1);
	assert_int_equal(add_open(pool, &open, 4, LAST, &other), 1);
	assert_int_equal(nodes[first].nr, 3);
	assert_int_equal(nodes[first].request.addr, 1);
	assert_int_equal(nodes[nodes[first].next].request.addr, 2);
	assert_int_equal(nodes[nodes[first].last].request.addr, 3);
	assert_int_equal(nodes[nodes[first].last].next, SVART_GROUP_NONE);
	assert_int_equal(nodes[other].nr, 1);
	assert_int_equal(nodes[other].last, other);
	assert_int_equal(nodes[other].next, SVART_GROUP_NONE);
	svart_group_pool_release(pool, first);
	svart_group_pool_release(pool, other);
	assert_int_equal(svart_group_pool_free(pool), 4);
	svart_group_pool_destroy(pool);
}

static void test_group_open_that_lost_a_request_is_refused_up_to_its_last(void **state)
{
	struct svart_group_open open = SVART_GROUP_OPEN_INIT;
	struct svart_group_pool *pool;
	uint32_t first;
	uint64_t i;

	(void)state;
	assert_int_equal(svart_group_pool_create(4, &pool), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(add_open(pool, &open, i, 0, &first), 0);
	assert_int_equal(add_open(pool, &open, 5, 0, &first), -ENOMEM);
	assert_int_equal(svart_group_pool_free(pool), 4);
	assert_int_equal(add_open(pool, &open, 6, 0, &first), -ENOMEM);
	assert_int_equal(add_open(pool, &open, 7, LAST, &first), -ENOMEM);
	assert_int_equal(add_open(pool, &open, 8, LAST, &first), 1);
	assert_int_equal(svart_group_open_drop(pool, &open), 0);
	assert_int_equal(add_open(pool, &open, 9, 0, &first), 0);
	assert_int_equal(svart_group_open_drop(pool, &open), 1);
	assert_int_equal(svart_group_pool_free(pool), 3);
	svart_group_pool_destroy(pool);
}

#define t(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(test_group_interleaved_requests_keep_their_order),
		t(test_group_of_one_request_is_complete_at_once),
		t(test_group_same_id_on_two_pasids_is_two_groups),
		t(test_group_release_gives_every_node_back),
		t(test_group_without_a_node_drops_its_own_partials_only),
		t(test_group_that_lost_a_request_is_refused_up_to_its_last),
		t(test_group_last_without_a_node_ends_its_group),
		t(test_group_full_of_refused_groups_still_works),
		t(test_group_drop_partial_leaves_completed_groups),
		cmocka_unit_test(test_group_tables_on_one_pool_do_not_mix),
		cmocka_unit_test(test_group_open_is_complete_at_its_last),
		cmocka_unit_test(test_group_open_that_lost_a_request_is_refused_up_to_its_last),
		cmocka_unit_test(test_group_random_requests_group_as_a_plain_list_does),
	};

	return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
