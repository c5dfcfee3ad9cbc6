/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/**
 * @file
 * The iommufd source, and the fault service on it, before a kernel that says anything.
 *
 * Input: steps, each a letter and its operands; numbers are little endian.
 *
 *     g COOKIE NR                 queue a sound group of NR records (8 bits each)
 *     b COOKIE NR                 as above, times 16: larger than the first buffer
 *     x COOKIE                    one too large for any buffer; only the first x of an input counts
 *     s FIELD INDEX VALUE         spoil a field (8) of record INDEX (8) of the group queued last with
 *                                 VALUE (64): see spoil()
 *     r NR RECORD...              queue NR (8) records of 40 bytes, as they are, as one group
 *     e N TIMES                   the next TIMES (8) reads fail with error N (8) of the table
 *     t BYTES                     the next read gives BYTES (16) fewer
 *     w N TIMES                   the next TIMES (8) writes fail with error N (8) of the table; those
 *                                 above it: take so many answers only, or say nonsense
 *     d                           detach: the kernel answers all that it is owed by itself
 *     anything else               pump
 *
 * Oracle: the kernel keeps for each cookie how many groups of it were read and not answered. An answer
 * to a cookie with none ends the program; so does one that is still owed at the end, a node that is not
 * free, or a counter that does not add up.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/iommufd.h>

#include "world.h"

#define DEV_ID   3
#define FAULT_FD 42
/** Cookies of groups that are queued by name; raw records may have any. */
#define NR_COOKIES 256
#define MAX_GROUPS 64
#define MAX_STEPS  1024
/** A group of more records than a source will ever have room for. */
#define LARGEST_GROUP 65536u
/** Pumps that surely take everything: 64 groups of 4080 records at most, 64 nodes a pump. */
#define MAX_PUMPS 8192

static const int errors[] = { -EINTR, -EAGAIN, -ENOMEM, -EFAULT, -EIO, -EINVAL, -ENODEV, -EBADF };
#define NR_ERRORS      (sizeof(errors) / sizeof(errors[0]))
#define NR_WRITE_PASS  5  /* Errors of a write that may pass. */
#define MAX_WRITE_PASS 15 /* So many in a row a source has to bear. */

/** A group in the kernel's queue. Owner: the kernel. Lifetime: one input. Locks: none. */
struct group {
	struct iommu_hwpt_pgfault *records;
	size_t nr;
};

/** The other side of the fault fd. Owner: fuzz_one(). Lifetime: one input. Locks: none. */
struct kernel {
	struct world world; /* First: what ops get is the machine in it. */
	struct svart_fault_source *source;

	struct group groups[MAX_GROUPS];
	size_t nr_groups;
	int read_error, write_error;
	unsigned int read_errors, write_errors;
	size_t read_short;
	size_t write_limit; /**< Answers that the next write takes; 0: all. */
	bool write_nonsense;

	uint64_t nr_records; /**< Read. */
	uint64_t lost_bytes;
	unsigned int owed[NR_COOKIES]; /**< Groups that were read and not answered. */
	bool doubtful[NR_COOKIES];     /**< Was read again while it was owed an answer. */
	bool gone[NR_COOKIES];         /**< A detach answered it. */
	bool had_huge;                 /**< A step x was there. */
	bool broken;                   /**< It said what ends a source. */
};

/* --- reading ------------------------------------------------------------------------------------- */

/** Notes the groups in what is handed out: the records of a cookie, up to a LAST. */
static void owed_note(struct kernel *k, const struct iommu_hwpt_pgfault *records, size_t nr)
{
	uint32_t cookie;
	size_t i;

	for (i = 0; i < nr; i++) {
		cookie = records[i].cookie;
		if (i + 1 < nr && records[i + 1].cookie == cookie &&
			!(records[i].flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE))
			continue;
		if (cookie == 0 || cookie >= NR_COOKIES)
			continue;
		k->doubtful[cookie] = k->doubtful[cookie] || k->owed[cookie] != 0;
		k->gone[cookie] = false;
		k->owed[cookie]++;
	}
}

static void group_pop(struct kernel *k)
{
	free(k->groups[0].records);
	memmove(&k->groups[0], &k->groups[1], --k->nr_groups * sizeof(k->groups[0]));
}

static ssize_t kernel_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	struct kernel *k = (struct kernel *)m;
	struct iommu_hwpt_pgfault *out = buf;
	size_t room = len / sizeof(*out), nr = 0, bytes, fewer = k->read_short;

	FUZZ_CHECK(fd == FAULT_FD && room > 0 && room <= LARGEST_GROUP, fd, room);
	if (k->read_errors != 0) {
		k->read_errors--;
		k->broken = k->broken || k->read_error == -ENODEV || k->read_error == -EBADF;
		return k->read_error;
	}
	if (k->nr_groups != 0 && k->groups[0].nr > room)
		return -EINVAL;
	while (k->nr_groups != 0 && nr + k->groups[0].nr <= room) {
		memcpy(&out[nr], k->groups[0].records, k->groups[0].nr * sizeof(*out));
		nr += k->groups[0].nr;
		group_pop(k);
	}
	k->read_short = 0;
	bytes = nr * sizeof(*out);
	bytes -= fewer < bytes ? fewer : bytes;
	nr = bytes / sizeof(*out);
	owed_note(k, out, nr);
	k->nr_records += nr;
	return (ssize_t)bytes;
}

/* --- writing ------------------------------------------------------------------------------------- */

/** Takes one answer. @return whether the kernel knows the cookie. */
static bool answer_take(struct kernel *k, const struct iommu_hwpt_page_response *answer)
{
	uint32_t cookie = answer->cookie;

	FUZZ_CHECK(answer->code == IOMMUFD_PAGE_RESP_SUCCESS ||
			   answer->code == IOMMUFD_PAGE_RESP_INVALID,
		answer->code, cookie);
	FUZZ_CHECK(cookie != 0, 0, 0);
	if (cookie >= NR_COOKIES)
		return true;
	if (k->gone[cookie])
		return false;
	FUZZ_CHECK(k->owed[cookie] != 0, cookie, 0);
	k->owed[cookie]--;
	return true;
}

/** What a kernel that a step made fail answers. @return 0: it does not. */
static ssize_t write_fail(struct kernel *k, size_t nr)
{
	if (k->write_errors == 0)
		return 0;
	k->write_errors--;
	if (k->write_nonsense)
		return (ssize_t)((nr + 1) * sizeof(struct iommu_hwpt_page_response));
	return k->write_error;
}

static ssize_t kernel_write(struct svart_machine *m, int fd, const void *buf, size_t len)
{
	const struct iommu_hwpt_page_response *in = buf;
	struct kernel *k = (struct kernel *)m;
	size_t i, nr = len / sizeof(*in);
	ssize_t rc = write_fail(k, nr);

	FUZZ_CHECK(fd == FAULT_FD && nr > 0 && len % sizeof(*in) == 0, fd, len);
	if (rc != 0)
		return rc;
	if (k->write_limit != 0 && k->write_limit < nr)
		nr = k->write_limit;
	k->write_limit = 0;
	for (i = 0; i < nr && answer_take(k, &in[i]); i++)
		;
	return i == 0 ? -EINVAL : (ssize_t)(i * sizeof(*in));
}

static int kernel_poll(
	struct svart_machine *m, struct pollfd *fds, unsigned int nr, uint64_t timeout_ns)
{
	const struct kernel *k = (const struct kernel *)m;
	unsigned int i;
	int ready = 0;

	(void)timeout_ns;
	for (i = 0; i < nr; i++) {
		fds[i].revents = 0;
		if (fds[i].fd == FAULT_FD && (k->nr_groups != 0 || k->read_errors != 0))
			fds[i].revents = POLLIN;
		ready += fds[i].revents != 0;
	}
	return ready;
}

static const struct svart_machine_ops kernel_ops = {
	.name = "fuzzed",
	.read = kernel_read,
	.write = kernel_write,
	.poll = kernel_poll,
	.now_ns = world_now_ns,
};

/* --- steps --------------------------------------------------------------------------------------- */

static struct group *group_push(struct kernel *k, size_t nr)
{
	struct group *group;

	if (k->nr_groups == MAX_GROUPS || nr == 0)
		return NULL;
	group = &k->groups[k->nr_groups++];
	group->nr = nr;
	group->records = calloc(nr, sizeof(*group->records));
	FUZZ_CHECK(group->records != NULL, nr, 0);
	return group;
}

static void step_group(struct kernel *k, uint8_t cookie, size_t nr)
{
	struct group *group = group_push(k, nr);
	size_t i;

	for (i = 0; group != NULL && i < nr; i++)
		group->records[i] = (struct iommu_hwpt_pgfault){
			.flags = IOMMU_PGFAULT_FLAGS_PASID_VALID |
				 (i + 1 == nr ? IOMMU_PGFAULT_FLAGS_LAST_PAGE : 0),
			.dev_id = DEV_ID,
			.pasid = 5,
			.grpid = cookie,
			.perm = cookie % 2 ? IOMMU_PGFAULT_PERM_WRITE : IOMMU_PGFAULT_PERM_READ,
			.addr = (uint64_t)cookie << 32 | (uint64_t)i << 12,
			.cookie = cookie,
		};
}

static void spoil(struct iommu_hwpt_pgfault *r, uint8_t field, uint64_t value)
{
	switch (field % 9) {
	case 0:
		r->flags = (uint32_t)value;
		break;
	case 1:
		r->dev_id = (uint32_t)value;
		break;
	case 2:
		r->pasid = (uint32_t)value;
		break;
	case 3:
		r->grpid = (uint32_t)value;
		break;
	case 4:
		r->perm = (uint32_t)value;
		break;
	case 5:
		r->__reserved = (uint32_t)value;
		break;
	case 6:
		r->addr = value;
		break;
	case 7:
		r->length = (uint32_t)value;
		break;
	case 8:
		r->cookie = (uint32_t)value;
		break;
	}
}

static void step_spoil(struct kernel *k, struct fuzz_input *in)
{
	uint8_t field = fuzz_u8(in), index = fuzz_u8(in);
	uint64_t value = fuzz_u64(in);
	struct group *group;

	if (k->nr_groups == 0)
		return;
	group = &k->groups[k->nr_groups - 1];
	spoil(&group->records[index % group->nr], field, value);
}

static void step_raw(struct kernel *k, struct fuzz_input *in)
{
	size_t nr = fuzz_u8(in) % 16;
	struct group *group = group_push(k, nr);

	if (group != NULL)
		fuzz_bytes(in, group->records, nr * sizeof(*group->records));
}

static void step_read_error(struct kernel *k, struct fuzz_input *in)
{
	k->read_error = errors[fuzz_u8(in) % NR_ERRORS];
	k->read_errors = fuzz_u8(in);
}

static void step_write(struct kernel *k, struct fuzz_input *in)
{
	uint8_t n = fuzz_u8(in), times = fuzz_u8(in);

	k->write_nonsense = n == NR_ERRORS;
	if (n > NR_ERRORS) {
		k->write_limit = times;
		return;
	}
	k->write_error = n < NR_ERRORS ? errors[n] : 0;
	k->write_errors = n < NR_WRITE_PASS ? times % (MAX_WRITE_PASS + 1) : times;
	/* EINVAL to one answer says that its cookie is gone, which is not so here: it stays owed. */
	if (n >= NR_WRITE_PASS && times != 0)
		k->broken = true;
}

static void step_detach(struct kernel *k)
{
	unsigned int i;

	for (i = 0; i < NR_COOKIES; i++) {
		k->gone[i] = k->owed[i] != 0 || k->gone[i];
		k->owed[i] = 0;
	}
}

static void step_run(struct kernel *k, struct fuzz_input *in)
{
	uint8_t letter = fuzz_u8(in), cookie;

	switch (letter) {
	case 'g':
		cookie = fuzz_u8(in);
		step_group(k, cookie, fuzz_u8(in));
		break;
	case 'b':
		cookie = fuzz_u8(in);
		step_group(k, cookie, fuzz_u8(in) * 16u);
		break;
	case 'x':
		cookie = fuzz_u8(in);
		step_group(k, cookie, k->had_huge ? 1 : LARGEST_GROUP + 1);
		k->had_huge = true;
		break;
	case 's':
		step_spoil(k, in);
		break;
	case 'r':
		step_raw(k, in);
		break;
	case 'e':
		step_read_error(k, in);
		break;
	case 't':
		k->read_short = fuzz_u16(in);
		break;
	case 'w':
		step_write(k, in);
		break;
	case 'd':
		step_detach(k);
		break;
	default:
		world_pump(&k->world);
		break;
	}
}

/* --- the end --------------------------------------------------------------------------------------- */

/** The kernel behaves from now on, and loses what it can never deliver. */
static void kernel_calm(struct kernel *k)
{
	k->read_errors = 0;
	k->write_errors = 0;
	k->write_limit = 0;
	k->read_short = 0;
	while (k->nr_groups != 0 && k->groups[0].nr > LARGEST_GROUP)
		group_pop(k);
}

/** Whether there is nothing more to come. */
static bool kernel_done(const struct kernel *k)
{
	return (k->nr_groups == 0 && k->source->buffered == 0) ||
	       world_stats(&k->world).sources_lost != 0;
}

/** Pumps until then. */
static void kernel_drain(struct kernel *k)
{
	unsigned int i;

	for (i = 0; i < MAX_PUMPS; i++) {
		kernel_calm(k);
		if (kernel_done(k))
			return;
		world_pump(&k->world);
	}
	FUZZ_CHECK(kernel_done(k), k->nr_groups, k->source->buffered);
}

/** The counters, where no source was lost and every record arrived. */
static void kernel_check(const struct kernel *k)
{
	struct svart_fault_stats stats = world_stats(&k->world);
	uint64_t answers = stats.answers_success + stats.answers_invalid + stats.answers_gone;
	unsigned int i;

	FUZZ_CHECK(stats.groups == answers, stats.groups, answers);
	FUZZ_CHECK(stats.page_requests <= k->nr_records, stats.page_requests, k->nr_records);
	FUZZ_CHECK(stats.sources_lost == 0 || k->broken, stats.sources_lost, 0);
	if (k->broken)
		return;
	FUZZ_CHECK(stats.page_requests == k->nr_records, stats.page_requests, k->nr_records);
	for (i = 1; i < NR_COOKIES; i++)
		FUZZ_CHECK(k->owed[i] == 0 || k->doubtful[i], i, k->owed[i]);
}

void fuzz_one(struct fuzz_input *in)
{
	struct kernel *k = calloc(1, sizeof(*k));
	unsigned int i;

	FUZZ_CHECK(k != NULL, 0, 0);
	world_init(&k->world, &kernel_ops);
	FUZZ_CHECK(svart_fault_source_iommufd_create(
			   &k->world.machine, FAULT_FD, DEV_ID, 0, &k->source) == 0,
		0, 0);
	world_add(&k->world, k->source);
	for (i = 0; i < MAX_STEPS && in->left != 0; i++)
		step_run(k, in);
	kernel_drain(k);
	svart_fault_service_remove(k->world.service, k->source);
	kernel_check(k);
	world_check_nodes(&k->world);
	k->source->ops->destroy(k->source);
	world_fini(&k->world);
	while (k->nr_groups != 0)
		group_pop(k);
	free(k);
}
