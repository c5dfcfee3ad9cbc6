/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* What one program sees: operations on memory that is not there yet, or is never. */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "prq.h"
#include "suite.h"

#define COPY_BYTES  (1u << 20)
#define COPY_PAGES  (COPY_BYTES / SUITE_PAGE)
#define NR_MANY     128u
#define NR_BATCH    8u
#define REQUEST_MS  5000u
#define BAD_OPCODE  0x3f
#define BOF         IDXD_OP_FLAG_BOF
#define WRITE_FAULT DSA_COMP_STATUS_WRITE

/* A source in the program's page table, with a pattern. */
static uint8_t *map_source(struct case_run *run, struct suite *s, size_t bytes, uint64_t seed)
{
	uint8_t *src = suite_map(run, s, bytes);

	suite_put_pattern(src, bytes, seed);
	return src;
}

/* Copies with BLOCK_ON_FAULT, and checks all of it. */
static void copy(struct case_run *run, struct suite *s, uint8_t *dst, const uint8_t *src,
	uint32_t bytes, uint64_t seed)
{
	struct dsa_hw_desc desc = client_move(dst, src, bytes, BOF);
	struct outcome outcome = client_run(run, &s->client, &desc);

	CHECK_EQ(run, outcome.status, DSA_COMP_SUCCESS);
	CHECK_EQ(run, suite_find_wrong(dst, bytes, seed), bytes);
}

static void noop_completes(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	struct dsa_hw_desc desc = { .opcode = DSA_OPCODE_NOOP,
		.flags = IDXD_OP_FLAG_CRAV | IDXD_OP_FLAG_RCR };

	CHECK_EQ(run, client_run(run, &s->client, &desc).status, DSA_COMP_SUCCESS);
}

static void bad_opcode_is_told(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	struct dsa_hw_desc desc = { .opcode = BAD_OPCODE,
		.flags = IDXD_OP_FLAG_CRAV | IDXD_OP_FLAG_RCR };

	CHECK_EQ(run, client_run(run, &s->client, &desc).status, DSA_COMP_BAD_OPCODE);
}

/* Both sides: a file's pages that this program has not touched, and pages that nobody has. */
static void untouched_pages_are_brought_in(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	int fd = memfd_create("source", 0);
	uint8_t *src, *dst;

	CHECK(run, fd >= 0);
	CHECK_EQ(run, ftruncate(fd, COPY_BYTES), 0);
	src = mmap(NULL, COPY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(run, src != MAP_FAILED);
	suite_put_pattern(src, COPY_BYTES, 1);
	CHECK_EQ(run, munmap(src, COPY_BYTES), 0);
	src = mmap(NULL, COPY_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	CHECK(run, src != MAP_FAILED);
	dst = suite_map(run, s, COPY_BYTES);
	CHECK_EQ(run, prq_start(), 0);
	copy(run, s, dst, src, COPY_BYTES, 1);
	/* The kernel maps some of a file's pages around the one that is asked for. */
	CHECK(run, prq_count() > COPY_PAGES);
	munmap(src, COPY_BYTES);
}

static void touched_pages_need_no_request(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	uint8_t *src = map_source(run, s, COPY_BYTES, 2), *dst = suite_map(run, s, COPY_BYTES);

	memset(dst, 1, COPY_BYTES);
	CHECK_EQ(run, prq_start(), 0);
	copy(run, s, dst, src, COPY_BYTES, 2);
	CHECK_EQ(run, prq_count(), 0);
}

/* Other memory at the same address: what the device knows of the first must be gone. */
static void memory_is_mapped_anew_at_the_same_address(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	uint8_t *src = map_source(run, s, COPY_BYTES, 3), *dst = suite_map(run, s, COPY_BYTES);

	for (unsigned int i = 0; i < 4; i++) {
		copy(run, s, dst, src, COPY_BYTES, 3);
		CHECK(run, mmap(dst, COPY_BYTES, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == dst);
		CHECK_EQ(run, dst[i * SUITE_PAGE], 0);
	}
}

static void memory_is_dropped_at_the_same_address(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	uint8_t *src = map_source(run, s, COPY_BYTES, 4), *dst = suite_map(run, s, COPY_BYTES);

	for (unsigned int i = 0; i < 4; i++) {
		copy(run, s, dst, src, COPY_BYTES, 4);
		CHECK_EQ(run, madvise(dst, COPY_BYTES, MADV_DONTNEED), 0);
		CHECK_EQ(run, dst[i * SUITE_PAGE], 0);
	}
}

static void huge_pages_are_brought_in(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	uint8_t *src = map_source(run, s, SUITE_HUGE, 5);
	uint8_t *area = suite_map_as(run, s, 2 * SUITE_HUGE, MAP_PRIVATE | MAP_ANONYMOUS), *dst;

	dst = area + (SUITE_HUGE - (uintptr_t)area % SUITE_HUGE) % SUITE_HUGE;
	CHECK_EQ(run, madvise(dst, SUITE_HUGE, MADV_HUGEPAGE), 0);
	CHECK_EQ(run, prq_start(), 0);
	copy(run, s, dst, src, SUITE_HUGE, 5);
	/* One page of 2 MiB: not one request for each small one. */
	CHECK(run, prq_count() >= 1);
	CHECK(run, prq_count() < SUITE_HUGE / SUITE_PAGE / 2);
}

static void hugetlb_pages_are_brought_in(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	uint8_t *src = map_source(run, s, SUITE_HUGE, 6);
	uint8_t *dst = suite_map_as(run, s, SUITE_HUGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB);

	copy(run, s, dst, src, SUITE_HUGE, 6);
}

static void overlapping_move_goes_backward(struct case_run *run, void *suite)
{
	const uint32_t by = 128, bytes = COPY_BYTES - by;
	struct suite *s = suite;
	uint8_t *memory = map_source(run, s, COPY_BYTES, 7);
	struct dsa_hw_desc desc = client_move(memory + by, memory, bytes, BOF);

	CHECK_EQ(run, client_run(run, &s->client, &desc).status, DSA_COMP_SUCCESS);
	CHECK_EQ(run, suite_find_wrong(memory + by, bytes, 7), bytes);
}

/* Four pages, of which the third is missing. */
static uint8_t *map_with_hole(struct case_run *run, struct suite *s)
{
	uint8_t *memory = suite_map(run, s, 4 * SUITE_PAGE);

	CHECK_EQ(run, munmap(memory + 2 * SUITE_PAGE, SUITE_PAGE), 0);
	return memory;
}

static void hole_is_told_with_its_address(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	uint8_t *src = map_source(run, s, 4 * SUITE_PAGE, 8), *dst = map_with_hole(run, s);
	struct dsa_hw_desc desc = client_move(dst, src, 4 * SUITE_PAGE, BOF);
	struct outcome outcome = client_run(run, &s->client, &desc);

	CHECK_EQ(run, outcome.status, DSA_COMP_PAGE_FAULT_IR | WRITE_FAULT);
	CHECK_EQ(run, outcome.bytes, 2 * SUITE_PAGE);
	CHECK_EQ(run, outcome.fault_address, (uintptr_t)dst + 2 * SUITE_PAGE);
	CHECK_EQ(run, suite_find_wrong(dst, 2 * SUITE_PAGE, 8), 2 * SUITE_PAGE);
}

static void hole_in_source_is_told(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	uint8_t *src = map_with_hole(run, s), *dst = suite_map(run, s, 4 * SUITE_PAGE);
	struct dsa_hw_desc desc = client_move(dst, src, 4 * SUITE_PAGE, BOF);
	struct outcome outcome = client_run(run, &s->client, &desc);

	CHECK_EQ(run, outcome.status, DSA_COMP_PAGE_FAULT_IR);
	CHECK_EQ(run, outcome.bytes, 2 * SUITE_PAGE);
	CHECK_EQ(run, outcome.fault_address, (uintptr_t)src + 2 * SUITE_PAGE);
}

static void read_only_page_is_told(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	uint8_t *src = map_source(run, s, SUITE_PAGE, 9), *dst = suite_map(run, s, SUITE_PAGE);
	struct dsa_hw_desc desc = client_move(dst, src, SUITE_PAGE, BOF);
	struct outcome outcome;

	dst[0] = 7;
	CHECK_EQ(run, mprotect(dst, SUITE_PAGE, PROT_READ), 0);
	outcome = client_run(run, &s->client, &desc);
	CHECK_EQ(run, outcome.status, DSA_COMP_PAGE_FAULT_IR | WRITE_FAULT);
	CHECK_EQ(run, outcome.bytes, 0);
	CHECK_EQ(run, outcome.fault_address, (uintptr_t)dst);
	CHECK_EQ(run, dst[0], 7);
}

static void without_block_on_fault_a_copy_is_partial(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	uint8_t *src = map_source(run, s, 4 * SUITE_PAGE, 10);
	uint8_t *dst = suite_map(run, s, 4 * SUITE_PAGE);
	struct dsa_hw_desc desc = client_move(dst, src, 4 * SUITE_PAGE, 0);
	struct outcome outcome;

	memset(dst, 1, SUITE_PAGE);
	CHECK_EQ(run, prq_start(), 0);
	outcome = client_run(run, &s->client, &desc);
	CHECK_EQ(run, outcome.status, DSA_COMP_PAGE_FAULT_NOBOF | WRITE_FAULT);
	CHECK_EQ(run, outcome.bytes, SUITE_PAGE);
	CHECK_EQ(run, outcome.fault_address, (uintptr_t)dst + SUITE_PAGE);
	CHECK_EQ(run, prq_count(), 0);
}

/* The child keeps the page as it was; the device writes the parent's, which is another one then. */
static void fork_keeps_the_childs_page(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	uint8_t *src = map_source(run, s, SUITE_PAGE, 11), *dst = suite_map(run, s, SUITE_PAGE);
	int go[2], pid;
	char c = 0;

	suite_put_pattern(dst, SUITE_PAGE, 12);
	CHECK_EQ(run, pipe(go), 0);
	pid = suite_fork(run, s);
	if (pid == 0)
		_exit(read(go[0], &c, 1) != 1 ||
			suite_find_wrong(dst, SUITE_PAGE, 12) != SUITE_PAGE);
	copy(run, s, dst, src, SUITE_PAGE, 11);
	CHECK_EQ(run, write(go[1], &c, 1), 1);
	CHECK_EQ(run, suite_wait(s, pid), 0);
	close(go[0]);
	close(go[1]);
}

/* As many at once as the queue has room for, again and again. */
static void many_copies_at_once_complete(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	uint8_t *src = map_source(run, s, NR_MANY * SUITE_PAGE, 13);
	uint8_t *dst = suite_map(run, s, NR_MANY * SUITE_PAGE);
	const struct dsa_completion_record *records[NR_MANY];
	/* A shared queue says when it is full. */
	unsigned int depth = client_way_is_shared(s->by) ? NR_MANY : s->config.size;

	for (unsigned int i = 0; i < NR_MANY; i++) {
		struct dsa_hw_desc desc =
			client_move(dst + i * SUITE_PAGE, src + i * SUITE_PAGE, SUITE_PAGE, BOF);

		if (i >= depth)
			CHECK_EQ(run, client_wait(records[i - depth]), DSA_COMP_SUCCESS);
		records[i] = client_record(&s->client);
		desc.completion_addr = (uintptr_t)records[i];
		CHECK_EQ(run, client_submit(&s->client, &desc), 0);
	}
	for (unsigned int i = NR_MANY - depth; i < NR_MANY; i++)
		CHECK_EQ(run, client_wait(records[i]), DSA_COMP_SUCCESS);
	CHECK_EQ(run, suite_find_wrong(dst, NR_MANY * SUITE_PAGE, 13), NR_MANY * SUITE_PAGE);
	if (client_way_is_shared(s->by))
		CHECK(run, s->client.nr_retries > 0);
}

/* --- Records in memory that is not there --------------------------------------------------------- */

/* A NOOP whose record is in memory that this program does not look at before the device has asked for it. */
static void noop_with_record(
	struct case_run *run, struct suite *s, const struct dsa_completion_record *record)
{
	struct dsa_hw_desc desc = { .opcode = DSA_OPCODE_NOOP,
		.flags = IDXD_OP_FLAG_CRAV | IDXD_OP_FLAG_RCR,
		.completion_addr = (uintptr_t)record };

	CHECK_EQ(run, prq_start(), 0);
	CHECK_EQ(run, client_submit(&s->client, &desc), 0);
	for (unsigned int ms = 0; prq_count() < 1 && ms < REQUEST_MS; ms++)
		usleep(1000);
	CHECK(run, prq_count() >= 1);
	CHECK_EQ(run, client_wait(record), DSA_COMP_SUCCESS);
}

static void record_on_an_untouched_page_is_written(struct case_run *run, void *suite)
{
	noop_with_record(run, suite, (void *)suite_map(run, suite, SUITE_PAGE));
}

/* Its page is there, but shared with a child, and so read-only. */
static void record_is_written_after_a_fork(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	uint8_t *page = suite_map(run, s, SUITE_PAGE);

	memset(page, 0, SUITE_PAGE);
	if (suite_fork(run, s) == 0)
		for (;;)
			pause();
	noop_with_record(run, s, (void *)page);
}

/* --- Batches ------------------------------------------------------------------------------------- */

/* A batch of descriptors on a page of its own. */
static struct dsa_hw_desc make_batch(struct dsa_hw_desc *list, uint32_t nr)
{
	return (struct dsa_hw_desc){ .opcode = DSA_OPCODE_BATCH,
		.flags = IDXD_OP_FLAG_CRAV | IDXD_OP_FLAG_RCR,
		.desc_list_addr = (uintptr_t)list,
		.desc_count = nr };
}

/* Returns false where the kernel takes no batch: by write(2) on a device of version 1. */
static bool batches_are_taken(struct case_run *run, struct suite *s, struct dsa_hw_desc *batch)
{
	if (s->by != CLIENT_WRITE_DEDICATED && s->by != CLIENT_WRITE_SHARED)
		return true;
	CHECK_EQ(run, client_submit(&s->client, batch), -EINVAL);
	return false;
}

static void batch_completes(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	struct dsa_hw_desc *list = (void *)suite_map(run, s, SUITE_PAGE);
	uint8_t *memory = suite_map(run, s, NR_BATCH * SUITE_PAGE);
	const struct dsa_completion_record *records[NR_BATCH];
	struct dsa_hw_desc batch = make_batch(list, NR_BATCH);
	struct outcome outcome;

	for (unsigned int i = 0; i < NR_BATCH; i++) {
		records[i] = client_record(&s->client);
		list[i] = client_fill(memory + i * SUITE_PAGE, i + 1, SUITE_PAGE, BOF);
		list[i].completion_addr = (uintptr_t)records[i];
	}
	if (!batches_are_taken(run, s, &batch))
		return;
	outcome = client_run(run, &s->client, &batch);
	CHECK_EQ(run, outcome.status, DSA_COMP_SUCCESS);
	CHECK_EQ(run, outcome.bytes, NR_BATCH);
	for (unsigned int i = 0; i < NR_BATCH; i++) {
		CHECK_EQ(run, records[i]->status, DSA_COMP_SUCCESS);
		CHECK_EQ(run, *(uint64_t *)(memory + i * SUITE_PAGE), i + 1);
	}
}

static void batch_tells_of_a_failed_descriptor(struct case_run *run, void *suite)
{
	struct suite *s = suite;
	struct dsa_hw_desc *list = (void *)suite_map(run, s, SUITE_PAGE);
	struct dsa_hw_desc batch = make_batch(list, 2);
	const struct dsa_completion_record *records[2];

	for (unsigned int i = 0; i < 2; i++) {
		records[i] = client_record(&s->client);
		list[i] = (struct dsa_hw_desc){ .opcode = i == 0 ? DSA_OPCODE_NOOP : BAD_OPCODE,
			.flags = IDXD_OP_FLAG_CRAV | IDXD_OP_FLAG_RCR,
			.completion_addr = (uintptr_t)records[i] };
	}
	if (!batches_are_taken(run, s, &batch))
		return;
	CHECK_EQ(run, client_run(run, &s->client, &batch).status, DSA_COMP_BATCH_FAIL);
	CHECK_EQ(run, records[0]->status, DSA_COMP_SUCCESS);
	CHECK_EQ(run, records[1]->status, DSA_COMP_BAD_OPCODE);
}

const struct suite_case suite_copy_cases[] = {
	{ "noop_completes", noop_completes },
	{ "bad_opcode_is_told", bad_opcode_is_told },
	{ "untouched_pages_are_brought_in", untouched_pages_are_brought_in },
	{ "touched_pages_need_no_request", touched_pages_need_no_request },
	{ "memory_is_mapped_anew_at_the_same_address", memory_is_mapped_anew_at_the_same_address },
	{ "memory_is_dropped_at_the_same_address", memory_is_dropped_at_the_same_address },
	{ "huge_pages_are_brought_in", huge_pages_are_brought_in },
	{ "hugetlb_pages_are_brought_in", hugetlb_pages_are_brought_in },
	{ "overlapping_move_goes_backward", overlapping_move_goes_backward },
	{ "hole_is_told_with_its_address", hole_is_told_with_its_address },
	{ "hole_in_source_is_told", hole_in_source_is_told },
	{ "read_only_page_is_told", read_only_page_is_told },
	{ "without_block_on_fault_a_copy_is_partial", without_block_on_fault_a_copy_is_partial },
	{ "fork_keeps_the_childs_page", fork_keeps_the_childs_page },
	{ "many_copies_at_once_complete", many_copies_at_once_complete },
	{ "record_on_an_untouched_page_is_written", record_on_an_untouched_page_is_written },
	{ "record_is_written_after_a_fork", record_is_written_after_a_fork },
	{ "batch_completes", batch_completes },
	{ "batch_tells_of_a_failed_descriptor", batch_tells_of_a_failed_descriptor },
	{ NULL, NULL },
};
