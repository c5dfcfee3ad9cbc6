/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/**
 * @file
 * Grouping beside a plain list: two tables on one pool, every operation in any order, the same result
 * of each, and not a node more or less held.
 *
 * Input: operations, each a letter and its operands.
 *
 *     a TABLE KEY FLAGS   add a request; KEY chooses (PASID, group id), FLAGS are of the request
 *     r N                 release the N-th completed group
 *     d TABLE             drop the partial groups
 */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "group.h"

#define NR_NODES   16
#define NR_TABLES  2
#define MAX_GROUPS 4 /* Partial ones of a table; places of its table are then 8, 6 in use. */
#define MAX_USED   6
/** Operations that are carried out: long inputs find nothing that short ones do not. */
#define MAX_OPS 4096

struct ref_key {
	uint32_t pasid, group_id;
};

/** A group of the reference: its requests, by number. */
struct ref_group {
	struct ref_key key;
	bool poisoned;
	uint32_t nr;
	uint64_t addrs[NR_NODES];
	uint32_t first; /**< Completed: what the table calls it. */
};

struct ref_table {
	struct ref_group groups[MAX_USED];
	uint32_t nr;
};

struct state {
	struct svart_group_pool *pool;
	struct svart_grouper *tables[NR_TABLES];
	struct ref_table refs[NR_TABLES];
	struct ref_group done[NR_NODES];
	uint32_t nr_done;
	uint32_t nr_held;
	uint64_t next_addr;
};

static struct ref_group *ref_find(struct ref_table *table, struct ref_key key)
{
	uint32_t i;

	for (i = 0; i < table->nr; i++)
		if (table->groups[i].key.pasid == key.pasid &&
			table->groups[i].key.group_id == key.group_id)
			return &table->groups[i];
	return NULL;
}

static void ref_remove(struct ref_table *table, struct ref_group *group)
{
	*group = table->groups[--table->nr];
}

/** What svart_grouper_add() has to do when a request cannot be kept. */
static int ref_refuse(struct state *s, struct ref_table *table, struct ref_group *group,
	struct ref_key key, bool last)
{
	if (group == NULL) {
		if (!last && table->nr < MAX_USED)
			table->groups[table->nr++] = (struct ref_group){ key, .poisoned = true };
		return -ENOMEM;
	}
	s->nr_held -= group->poisoned ? 0 : group->nr;
	group->poisoned = true;
	if (last)
		ref_remove(table, group);
	return -ENOMEM;
}

static int ref_add(struct state *s, struct ref_table *table, struct ref_key key, bool last)
{
	struct ref_group *group = ref_find(table, key);

	if (s->nr_held == NR_NODES || (group != NULL && group->poisoned) ||
		(group == NULL && table->nr == MAX_USED))
		return ref_refuse(s, table, group, key, last);
	if (group == NULL) {
		group = &table->groups[table->nr++];
		*group = (struct ref_group){ key };
	}
	group->addrs[group->nr++] = s->next_addr;
	s->nr_held++;
	if (!last)
		return 0;
	s->done[s->nr_done++] = *group;
	ref_remove(table, group);
	return 1;
}

/** The nodes of a completed group are the requests of the reference, in order. */
static void group_check(const struct state *s, const struct ref_group *ref, uint32_t first)
{
	const struct svart_group_node *nodes = svart_group_pool_nodes(s->pool);
	uint32_t node = first, i;

	FUZZ_CHECK(nodes[first].nr == ref->nr, nodes[first].nr, ref->nr);
	for (i = 0; i < ref->nr; i++) {
		FUZZ_CHECK(node < NR_NODES, node, i);
		FUZZ_CHECK(nodes[node].request.addr == ref->addrs[i], nodes[node].request.addr,
			ref->addrs[i]);
		if (i + 1 == ref->nr)
			FUZZ_CHECK(nodes[first].last == node, nodes[first].last, node);
		node = nodes[node].next;
	}
	FUZZ_CHECK(node == SVART_GROUP_NONE, node, ref->nr);
}

static void op_add(struct state *s, struct fuzz_input *in)
{
	uint8_t table = fuzz_u8(in) % NR_TABLES, key = fuzz_u8(in), flags = fuzz_u8(in);
	struct svart_page_request request = {
		.addr = ++s->next_addr,
		.pasid = key & 3,
		.group_id = key >> 2,
		.flags = flags & (SVART_PAGE_REQUEST_PASID | SVART_PAGE_REQUEST_LAST),
	};
	bool has_pasid = (request.flags & SVART_PAGE_REQUEST_PASID) != 0;
	struct ref_key ref_key = { has_pasid ? request.pasid : UINT32_MAX, request.group_id };
	bool last = (request.flags & SVART_PAGE_REQUEST_LAST) != 0;
	int expected = ref_add(s, &s->refs[table], ref_key, last), rc;
	uint32_t first = SVART_GROUP_NONE;

	rc = svart_grouper_add(s->tables[table], &request, &first);
	FUZZ_CHECK(rc == expected, rc, expected);
	if (rc != 1)
		return;
	s->done[s->nr_done - 1].first = first;
	group_check(s, &s->done[s->nr_done - 1], first);
}

static void op_release(struct state *s, struct fuzz_input *in)
{
	uint8_t n = fuzz_u8(in);
	struct ref_group *group;

	if (s->nr_done == 0)
		return;
	group = &s->done[n % s->nr_done];
	group_check(s, group, group->first);
	svart_grouper_release(s->tables[0], group->first);
	s->nr_held -= group->nr;
	*group = s->done[--s->nr_done];
}

/** Drops what matches: a PASID, or everything. @return requests. */
static size_t ref_drop(struct state *s, struct ref_table *table)
{
	size_t nr = 0;

	while (table->nr != 0) {
		nr += table->groups[0].poisoned ? 0 : table->groups[0].nr;
		ref_remove(table, &table->groups[0]);
	}
	s->nr_held -= (uint32_t)nr;
	return nr;
}

static void op_drop(struct state *s, uint32_t table)
{
	size_t expected = ref_drop(s, &s->refs[table]);
	size_t nr = svart_grouper_drop_partial(s->tables[table]);

	FUZZ_CHECK(nr == expected, nr, expected);
}

static void op_run(struct state *s, struct fuzz_input *in)
{
	switch (fuzz_u8(in)) {
	case 'r':
		op_release(s, in);
		break;
	case 'd':
		op_drop(s, fuzz_u8(in) % NR_TABLES);
		break;
	default:
		op_add(s, in);
		break;
	}
	FUZZ_CHECK(svart_grouper_held(s->tables[0]) == s->nr_held, svart_grouper_held(s->tables[0]),
		s->nr_held);
}

/** At the end every node comes back, and the pool is good for a group of all of them. */
static void state_end(struct state *s)
{
	struct svart_page_request request = { .flags = SVART_PAGE_REQUEST_PASID };
	uint32_t i, first;

	for (i = 0; i < NR_TABLES; i++)
		op_drop(s, i);
	while (s->nr_done != 0)
		svart_group_pool_release(s->pool, s->done[--s->nr_done].first);
	FUZZ_CHECK(svart_group_pool_free(s->pool) == NR_NODES, svart_group_pool_free(s->pool), 0);
	for (i = 0; i < NR_NODES - 1; i++)
		FUZZ_CHECK(svart_grouper_add(s->tables[0], &request, &first) == 0, i, 0);
	request.flags |= SVART_PAGE_REQUEST_LAST;
	FUZZ_CHECK(svart_grouper_add(s->tables[0], &request, &first) == 1, i, 0);
	svart_group_pool_release(s->pool, first);
	FUZZ_CHECK(svart_group_pool_free(s->pool) == NR_NODES, svart_group_pool_free(s->pool), 0);
}

void fuzz_one(struct fuzz_input *in)
{
	struct state s = { 0 };
	unsigned int i;

	FUZZ_CHECK(svart_group_pool_create(NR_NODES, &s.pool) == 0, 0, 0);
	for (i = 0; i < NR_TABLES; i++)
		FUZZ_CHECK(svart_grouper_create_on(s.pool, MAX_GROUPS, &s.tables[i]) == 0, i, 0);
	for (i = 0; i < MAX_OPS && in->left != 0; i++)
		op_run(&s, in);
	state_end(&s);
	for (i = 0; i < NR_TABLES; i++)
		svart_grouper_destroy(s.tables[i]);
	svart_group_pool_destroy(s.pool);
}
