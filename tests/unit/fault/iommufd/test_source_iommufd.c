/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/iommufd.h>

#include "fake.h"

#define DEV_ID      3
#define MAX_RECORDS 2048
#define MAX_COOKIES 8192

/** The kernel's side of a fault fd (drivers/iommu/iommufd/eventq.c), whatever the records say. */
struct kernel {
	struct svart_machine base;
	struct iommu_hwpt_pgfault records[MAX_RECORDS];
	size_t group_sizes[MAX_RECORDS];
	size_t nr, nr_groups, head, head_group;
	int read_rc, write_rc; /**< Returned once, if not 0. */
	uint32_t fail_from;    /**< Answers from this cookie on give fail_rc; 0: none do. */
	int fail_rc;
	size_t read_short; /**< The next read gives so many bytes fewer. */
	size_t write_more; /**< Writes say that they took so many bytes more. */
	unsigned int nr_reads, nr_writes;
	struct iommu_hwpt_page_response answers[MAX_COOKIES];
	size_t nr_answers;
	uint32_t gone[8]; /**< Cookies it does not know. */
};

static ssize_t kernel_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	struct kernel *k = (struct kernel *)m;
	size_t room = len / sizeof(k->records[0]), nr = 0, size;
	int rc = k->read_rc;

	assert_int_equal(fd, 42);
	k->nr_reads++;
	k->read_rc = 0;
	if (rc != 0)
		return rc;
	while (k->head_group < k->nr_groups) {
		size = k->group_sizes[k->head_group];
		if (nr + size > room)
			break;
		memcpy((struct iommu_hwpt_pgfault *)buf + nr, &k->records[k->head],
			size * sizeof(k->records[0]));
		nr += size;
		k->head += size;
		k->head_group++;
	}
	if (nr == 0 && k->head_group < k->nr_groups)
		return -EINVAL;
	len = nr * sizeof(k->records[0]) - k->read_short;
	k->read_short = 0;
	return (ssize_t)len;
}

static bool kernel_knows(const struct kernel *k, uint32_t cookie)
{
	size_t i;

	for (i = 0; i < 8; i++)
		if (k->gone[i] != 0 && k->gone[i] == cookie)
			return false;
	return true;
}

static ssize_t kernel_write(struct svart_machine *m, int fd, const void *buf, size_t len)
{
	const struct iommu_hwpt_page_response *in = buf;
	struct kernel *k = (struct kernel *)m;
	size_t i, nr = len / sizeof(*in);
	int rc = k->write_rc;

	assert_int_equal(fd, 42);
	k->nr_writes++;
	k->write_rc = 0;
	if (rc != 0)
		return rc;
	if (k->fail_from != 0 && in[0].cookie >= k->fail_from)
		return k->fail_rc;
	for (i = 0; i < nr && kernel_knows(k, in[i].cookie) &&
		    (k->fail_from == 0 || in[i].cookie < k->fail_from);
		i++)
		k->answers[k->nr_answers++] = in[i];
	return i == 0 ? -EINVAL : (ssize_t)(i * sizeof(*in) + k->write_more);
}

static const struct svart_machine_ops kernel_ops = {
	.name = "kernel",
	.read = kernel_read,
	.write = kernel_write,
};

/** A kernel and a source on it. */
struct rig {
	struct kernel k;
	struct svart_fault_source *s;
	struct svart_page_request out[MAX_RECORDS];
};

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	if (rig == NULL)
		return -1;
	rig->k.base.ops = &kernel_ops;
	if (svart_fault_source_iommufd_create(&rig->k.base, 42, DEV_ID, 0, &rig->s) != 0)
		return -1;
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	rig->s->ops->destroy(rig->s);
	free(rig);
	return 0;
}

static struct iommu_hwpt_pgfault *queue(struct rig *rig, uint32_t cookie, uint32_t last)
{
	struct iommu_hwpt_pgfault *r = &rig->k.records[rig->k.nr++];

	assert_true(rig->k.nr <= MAX_RECORDS);
	*r = (struct iommu_hwpt_pgfault){
		.flags = IOMMU_PGFAULT_FLAGS_PASID_VALID |
			 (last ? IOMMU_PGFAULT_FLAGS_LAST_PAGE : 0),
		.dev_id = DEV_ID,
		.pasid = 5,
		.grpid = cookie & 0x1ff,
		.perm = IOMMU_PGFAULT_PERM_READ,
		.addr = PAGE_AT(rig->k.nr),
		.cookie = cookie,
	};
	return r;
}

/** Queues a sound group; what is queued since the last call is one group to the kernel. */
static void queue_group(struct rig *rig, uint32_t cookie, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		queue(rig, cookie, i + 1 == nr);
	rig->k.group_sizes[rig->k.nr_groups++] = nr;
}

/** Queues a group of three, of which the test spoils a record. @return the first. */
static struct iommu_hwpt_pgfault *queue_three(struct rig *rig, uint32_t cookie)
{
	size_t first = rig->k.nr;

	queue_group(rig, cookie, 3);
	return &rig->k.records[first];
}

static ssize_t fetch(struct rig *rig, size_t nr)
{
	return rig->s->ops->fetch(rig->s, rig->out, nr);
}

static int respond(struct rig *rig, const uint32_t *cookies, size_t nr, bool *gone)
{
	struct svart_page_response answers[256];
	size_t i;

	for (i = 0; i < nr; i++)
		answers[i] = (struct svart_page_response){ .token = cookies[i], .code = i % 2 };
	return rig->s->ops->respond(rig->s, answers, nr, gone);
}

static void test_iommufd_record_is_carried_over_and_unknown_flags_masked(void **state)
{
	struct rig *rig = *state;
	struct iommu_hwpt_pgfault *r = queue(rig, 9, 1);

	r->flags |= 1u << 2 | 1u << 31; /* Linux leaks a flag of its own (B2). */
	r->perm = IOMMU_PGFAULT_PERM_WRITE | IOMMU_PGFAULT_PERM_EXEC | IOMMU_PGFAULT_PERM_PRIV;
	rig->k.group_sizes[rig->k.nr_groups++] = 1;
	assert_int_equal(fetch(rig, 8), 1);
	assert_int_equal(rig->out[0].flags, PASID | LAST);
	assert_int_equal(
		rig->out[0].access, SVART_ACCESS_WRITE | SVART_ACCESS_EXEC | SVART_ACCESS_PRIV);
	assert_int_equal(rig->out[0].addr, r->addr);
	assert_int_equal(rig->out[0].pasid, 5);
	assert_int_equal(rig->out[0].group_id, 9);
	assert_int_equal(rig->out[0].token, 9);
}

static void test_iommufd_empty_fd_gives_no_records(void **state)
{
	assert_int_equal(fetch(*state, 8), 0);
}

static void test_iommufd_group_larger_than_asked_for_is_continued(void **state)
{
	struct rig *rig = *state;

	queue_group(rig, 1, 5);
	queue_group(rig, 2, 1);
	assert_int_equal(fetch(rig, 4), 4);
	assert_int_equal(rig->s->buffered, 2);
	assert_int_equal(fetch(rig, 4), 2);
	assert_int_equal(rig->s->buffered, 0);
	assert_int_equal(rig->out[0].flags, PASID | LAST);
	assert_int_equal(rig->k.nr_reads, 1);
}

static void test_iommufd_group_larger_than_the_buffer_grows_it(void **state)
{
	struct rig *rig = *state;
	ssize_t n, nr = 0;

	queue_group(rig, 1, 1500);
	while (nr < 1500 && (n = fetch(rig, MAX_RECORDS)) > 0)
		nr += n;
	assert_int_equal(nr, 1500);
	assert_int_equal(rig->k.nr_reads, 3); /* 512, 1024, 2048. */
	assert_true(rig->out[1499].flags & LAST);
}

/** Linux 6.11 to 6.15: 0 where the first group does not fit, as if nothing were queued. */
static ssize_t read_or_zero(struct svart_machine *m, int fd, void *buf, size_t len)
{
	ssize_t n = kernel_ops.read(m, fd, buf, len);

	return n == -EINVAL ? 0 : n;
}

static void test_iommufd_group_that_the_kernel_calls_nothing_grows_the_buffer(void **state)
{
	struct svart_machine_ops ops = kernel_ops;
	struct rig *rig = *state;
	ssize_t n, nr = 0;
	int calls;

	ops.read = read_or_zero;
	rig->k.base.ops = &ops;
	queue_group(rig, 1, 1500);
	for (calls = 0; nr < 1500 && calls < 10; calls++) {
		n = fetch(rig, MAX_RECORDS);
		assert_true(n >= 0);
		nr += n;
	}
	assert_int_equal(nr, 1500);
	assert_true(rig->out[1499].flags & LAST);
	rig->k.base.ops = &kernel_ops;
}

static void test_iommufd_nothing_is_nothing_however_large_the_buffer(void **state)
{
	struct svart_machine_ops ops = kernel_ops;
	struct rig *rig = *state;
	int calls;

	ops.read = read_or_zero;
	rig->k.base.ops = &ops;
	for (calls = 0; calls < 100; calls++)
		assert_int_equal(fetch(rig, MAX_RECORDS), 0);
	queue_group(rig, 1, 3);
	assert_int_equal(fetch(rig, MAX_RECORDS), 3);
	rig->k.base.ops = &kernel_ops;
}

static ssize_t always_einval(struct svart_machine *m, int fd, void *buf, size_t len)
{
	(void)m;
	(void)fd;
	(void)buf;
	assert_true(len <= 65536 * sizeof(struct iommu_hwpt_pgfault));
	return -EINVAL;
}

static void test_iommufd_fd_that_only_says_einval_ends_in_an_error(void **state)
{
	struct svart_machine_ops ops = kernel_ops;
	struct rig *rig = *state;

	ops.read = always_einval;
	rig->k.base.ops = &ops;
	assert_int_equal(fetch(rig, 8), -EIO);
	rig->k.base.ops = &kernel_ops;
}

static void test_iommufd_read_errors_are_passed_on(void **state)
{
	struct rig *rig = *state;

	rig->k.read_rc = -ENODEV;
	assert_int_equal(fetch(rig, 8), -ENODEV);
	rig->k.read_rc = -EINTR;
	assert_int_equal(fetch(rig, 8), -EAGAIN);
	queue_group(rig, 1, 1);
	assert_int_equal(fetch(rig, 8), 1);
}

static void test_iommufd_read_errors_that_may_pass_lose_nothing(void **state)
{
	const int errors[] = { -ENOMEM, -EFAULT, -EAGAIN, -EIO };
	struct rig *rig = *state;
	size_t i;

	queue_group(rig, 1, 2);
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		rig->k.read_rc = errors[i];
		assert_int_equal(fetch(rig, 8), errors[i]);
	}
	assert_int_equal(fetch(rig, 8), 2);
	assert_int_equal(rig->s->malformed, 0);
}

static void test_iommufd_einval_without_a_large_group_is_got_over(void **state)
{
	struct rig *rig = *state;

	queue_group(rig, 1, 2);
	rig->k.read_rc = -EINVAL;
	assert_int_equal(fetch(rig, 8), 2);
	assert_int_equal(rig->k.nr_reads, 2);
}

static void test_iommufd_short_read_ends_the_group_it_cuts(void **state)
{
	struct rig *rig = *state;
	uint32_t cookie = 7;
	bool gone;

	queue_group(rig, 7, 3);
	rig->k.read_short = 30; /* Of 40 bytes a record. */
	assert_int_equal(fetch(rig, 8), 1);
	assert_int_equal(rig->out[0].flags, LAST | BAD);
	assert_int_equal(rig->out[0].token, 7);
	assert_int_equal(rig->s->malformed, 1);
	assert_int_equal(respond(rig, &cookie, 1, &gone), 0);
	assert_false(gone);
}

static void test_iommufd_read_of_less_than_a_record_is_none(void **state)
{
	struct rig *rig = *state;

	queue_group(rig, 7, 1);
	rig->k.read_short = 1;
	assert_int_equal(fetch(rig, 8), 0);
	assert_int_equal(rig->s->buffered, 0);
}

static void test_iommufd_read_that_says_more_than_was_asked_is_an_error(void **state)
{
	struct rig *rig = *state;

	rig->k.read_rc = 513 * (int)sizeof(struct iommu_hwpt_pgfault);
	assert_int_equal(fetch(rig, 8), -EIO);
	assert_int_equal(rig->s->buffered, 0);
}

static void test_iommufd_unaligned_address_is_delivered_as_it_is(void **state)
{
	struct rig *rig = *state;
	struct iommu_hwpt_pgfault *r = queue(rig, 9, 1);

	r->addr = 0x7f0000000fff; /* SMMUv3 gives the address of the access. */
	r->length = 4096;
	rig->k.group_sizes[rig->k.nr_groups++] = 1;
	assert_int_equal(fetch(rig, 8), 1);
	assert_int_equal(rig->out[0].addr, 0x7f0000000fff);
	assert_int_equal(rig->out[0].flags, PASID | LAST);
}

/** A malformed group comes as one LAST that says so, and its cookie can be answered. */
static void assert_malformed(struct rig *rig, uint32_t cookie)
{
	bool gone;

	queue_group(rig, 100, 1);
	assert_int_equal(fetch(rig, MAX_RECORDS), 2);
	assert_int_equal(rig->out[0].flags, LAST | BAD);
	assert_int_equal(rig->out[0].token, cookie);
	assert_int_equal(rig->out[1].flags, PASID | LAST);
	assert_int_equal(respond(rig, &cookie, 1, &gone), 0);
	assert_false(gone);
	assert_int_equal(rig->k.answers[0].cookie, cookie);
}

#define test_malformed(name, spoil)                                  \
	static void test_iommufd_##name##_is_malformed(void **state) \
	{                                                            \
		struct rig *rig = *state;                            \
		struct iommu_hwpt_pgfault *r = queue_three(rig, 7);  \
                                                                     \
		spoil;                                               \
		assert_malformed(rig, 7);                            \
		assert_int_equal(rig->s->malformed, 2);              \
	}

test_malformed(other_device, r[1].dev_id = 4) test_malformed(
	reserved_field, r[2].__reserved = 1) test_malformed(unknown_permission,
	r[0].perm = 1u << 4) test_malformed(pasid_out_of_range,
	r[0].pasid = r[1].pasid = r[2].pasid = 1u << 20) test_malformed(length_that_wraps,
	(r[1].addr = UINT64_MAX - 4095, r[1].length = 8192)) test_malformed(second_pasid_in_a_group,
	r[1].pasid = 6) test_malformed(second_group_id_in_a_group, r[1].grpid = 8)
	test_malformed(record_without_pasid_in_a_group, r[1].flags = 0) test_malformed(
		group_without_last, r[2].flags = IOMMU_PGFAULT_FLAGS_PASID_VALID)

		static void test_iommufd_last_in_the_middle_leaves_the_rest_unnamed(void **state)
{
	struct rig *rig = *state;
	struct iommu_hwpt_pgfault *r = queue_three(rig, 7);

	r[1].flags |= IOMMU_PGFAULT_FLAGS_LAST_PAGE;
	assert_int_equal(fetch(rig, 8), 2);
	assert_int_equal(rig->out[1].flags, PASID | LAST);
	assert_int_equal(rig->s->malformed, 1);
}

static void test_iommufd_cookie_zero_is_counted_and_not_delivered(void **state)
{
	struct rig *rig = *state;

	queue_group(rig, 0, 3);
	assert_int_equal(fetch(rig, 8), 0);
	assert_int_equal(rig->s->malformed, 3);
	assert_int_equal(rig->s->buffered, 0);
}

static void test_iommufd_cookie_that_is_outstanding_is_not_delivered_again(void **state)
{
	uint32_t cookies[] = { 7, 7 };
	struct rig *rig = *state;
	bool gone[2];

	queue_group(rig, 7, 2);
	queue_group(rig, 7, 3);
	assert_int_equal(fetch(rig, 8), 2);
	assert_int_equal(rig->s->malformed, 3);
	assert_int_equal(respond(rig, cookies, 2, gone), 0);
	assert_false(gone[0]);
	assert_true(gone[1]);
	assert_int_equal(rig->k.nr_answers, 1);
}

static void test_iommufd_cookie_is_good_again_once_answered(void **state)
{
	struct rig *rig = *state;
	uint32_t cookie = 1;
	bool gone;
	int i;

	for (i = 0; i < 100; i++) {
		queue_group(rig, cookie, 2);
		assert_int_equal(fetch(rig, 8), 2);
		assert_int_equal(respond(rig, &cookie, 1, &gone), 0);
		assert_false(gone);
	}
	assert_int_equal(rig->s->malformed, 0);
	assert_int_equal(rig->k.nr_answers, 100);
}

static void test_iommufd_answer_that_is_not_owed_is_not_sent(void **state)
{
	uint32_t cookies[] = { 4, 0 };
	struct rig *rig = *state;
	bool gone[2];

	assert_int_equal(respond(rig, cookies, 2, gone), 0);
	assert_true(gone[0] && gone[1]);
	assert_int_equal(rig->k.nr_writes, 0);
}

static void test_iommufd_answers_go_in_one_write(void **state)
{
	struct rig *rig = *state;
	uint32_t cookies[50], i;
	bool gone[50];

	for (i = 0; i < 50; i++) {
		cookies[i] = i + 1;
		queue_group(rig, i + 1, 1);
	}
	assert_int_equal(fetch(rig, 64), 50);
	assert_int_equal(respond(rig, cookies, 50, gone), 0);
	assert_int_equal(rig->k.nr_writes, 1);
	assert_int_equal(rig->k.nr_answers, 50);
	assert_int_equal(rig->k.answers[3].code, IOMMUFD_PAGE_RESP_INVALID);
}

static void test_iommufd_gone_cookies_do_not_stop_the_others(void **state)
{
	uint32_t cookies[] = { 1, 2, 3, 4, 5, 6 };
	struct rig *rig = *state;
	uint32_t i;
	bool gone[6];

	for (i = 0; i < 6; i++)
		queue_group(rig, cookies[i], 1);
	assert_int_equal(fetch(rig, 8), 6);
	memcpy(rig->k.gone, (uint32_t[]){ 1, 3, 4, 6 }, 4 * sizeof(uint32_t));
	assert_int_equal(respond(rig, cookies, 6, gone), 0);
	assert_int_equal(rig->k.nr_answers, 2);
	assert_int_equal(rig->k.answers[0].cookie, 2);
	assert_int_equal(rig->k.answers[1].cookie, 5);
	assert_true(gone[0] && !gone[1] && gone[2] && gone[3] && !gone[4] && gone[5]);
}

static void test_iommufd_write_error_takes_the_answers_with_it(void **state)
{
	uint32_t cookies[] = { 1, 2 };
	struct rig *rig = *state;
	bool gone[2];

	queue_group(rig, 1, 1);
	queue_group(rig, 2, 1);
	assert_int_equal(fetch(rig, 8), 2);
	rig->k.write_rc = -ENODEV;
	assert_int_equal(respond(rig, cookies, 2, gone), -ENODEV);
	assert_true(gone[0] && gone[1]);
	/* Not a second time, although the first did not get through. */
	assert_int_equal(respond(rig, cookies, 2, gone), 0);
	assert_int_equal(rig->k.nr_writes, 1);
}

/** One of many that the kernel does not take, for a reason that is no cookie's: all is over. */
static void test_iommufd_error_among_many_answers_takes_the_rest_with_it(void **state)
{
	static const int errors[] = { ENODEV, EBADF, EIO };
	uint32_t cookies[] = { 1, 2, 3, 4, 5, 6 };
	struct rig *rig = *state;
	bool gone[6];
	uint32_t i, k;

	for (k = 0; k < 3; k++) {
		rig->k.nr = rig->k.nr_groups = rig->k.head = rig->k.head_group = 0;
		rig->k.nr_answers = 0;
		for (i = 0; i < 6; i++)
			queue_group(rig, cookies[i], 1);
		assert_int_equal(fetch(rig, 8), 6);
		rig->k.fail_from = 4;
		rig->k.fail_rc = -errors[k];
		assert_int_equal(respond(rig, cookies, 6, gone), -errors[k]);
		assert_int_equal(rig->k.nr_answers, 3);
		for (i = 0; i < 6; i++)
			assert_int_equal(gone[i], cookies[i] >= 4);
		rig->k.fail_from = 0;
	}
}

static void test_iommufd_write_that_says_more_than_was_given_is_an_error(void **state)
{
	struct rig *rig = *state;
	uint32_t cookie = 1;
	bool gone;

	queue_group(rig, 1, 1);
	assert_int_equal(fetch(rig, 8), 1);
	rig->k.write_more = sizeof(struct iommu_hwpt_page_response);
	assert_int_equal(respond(rig, &cookie, 1, &gone), -EIO);
	assert_int_equal(rig->k.nr_writes, 1);
	assert_int_equal(respond(rig, &cookie, 1, &gone), 0);
	assert_true(gone);
	assert_int_equal(rig->k.nr_writes, 1);
}

static void test_iommufd_interrupted_write_is_made_again(void **state)
{
	struct rig *rig = *state;
	uint32_t cookie = 1;
	bool gone;

	queue_group(rig, 1, 1);
	assert_int_equal(fetch(rig, 8), 1);
	rig->k.write_rc = -EINTR;
	assert_int_equal(respond(rig, &cookie, 1, &gone), 0);
	assert_false(gone);
	assert_int_equal(rig->k.nr_answers, 1);
}

static void test_iommufd_too_many_outstanding_groups_wait_in_the_buffer(void **state)
{
	struct rig *rig = *state;
	uint32_t cookie = 1, nr = 0, i;
	ssize_t n;
	bool gone;

	for (i = 0; i <= SVART_FAULT_IOMMUFD_OUTSTANDING; i++) {
		rig->k.nr = rig->k.nr_groups = rig->k.head = rig->k.head_group = 0;
		queue_group(rig, i + 1, 1);
		n = fetch(rig, 8);
		if (n < 0)
			break;
		nr += (uint32_t)n;
	}
	assert_int_equal(nr, SVART_FAULT_IOMMUFD_OUTSTANDING);
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(fetch(rig, 8), -EAGAIN);
	assert_int_equal(respond(rig, &cookie, 1, &gone), 0);
	assert_int_equal(fetch(rig, 8), 1);
	assert_int_equal(rig->out[0].token, SVART_FAULT_IOMMUFD_OUTSTANDING + 1);
}

static void test_iommufd_group_size_out_of_range_is_refused(void **state)
{
	struct rig *rig = *state;
	struct svart_fault_source *s;

	assert_int_equal(
		svart_fault_source_iommufd_create(&rig->k.base, 42, DEV_ID, 65537, &s), -EINVAL);
}

/** Whatever the kernel says, a cookie is delivered at most once, and always with one LAST. */
static void test_iommufd_random_records_name_each_cookie_once(void **state)
{
	uint64_t seed = fake_seed();
	struct rig *rig = *state;
	unsigned int lasts[16], round;
	struct iommu_hwpt_pgfault *r;
	uint32_t i, cookie;
	ssize_t n;
	bool gone;

	for (round = 0; round < 5000; round++) {
		memset(lasts, 0, sizeof(lasts));
		rig->k.nr = rig->k.nr_groups = rig->k.head = rig->k.head_group = 0;
		for (i = 0; i < 40; i++) {
			r = queue(rig, (uint32_t)(fake_random(&seed) % 8), 0);
			r->flags = (uint32_t)fake_random(&seed);
			r->perm = (uint32_t)fake_random(&seed) % 17;
			r->dev_id = DEV_ID + (fake_random(&seed) % 16 == 0);
			r->pasid = 5 + (fake_random(&seed) % 16 == 0);
		}
		rig->k.group_sizes[rig->k.nr_groups++] = 40;
		do {
			n = fetch(rig, 1 + fake_random(&seed) % 7);
			for (i = 0; i < (uint32_t)n; i++)
				lasts[rig->out[i].token] += (rig->out[i].flags & LAST) != 0;
		} while (n > 0 || rig->s->buffered != 0);
		assert_int_equal(lasts[0], 0);
		for (cookie = 1; cookie < 8; cookie++) {
			assert_true(lasts[cookie] <= 1);
			assert_int_equal(respond(rig, &cookie, 1, &gone), 0);
			assert_int_equal(gone, lasts[cookie] == 0);
		}
		rig->k.nr_answers = 0;
	}
}

#define t(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(test_iommufd_record_is_carried_over_and_unknown_flags_masked),
		t(test_iommufd_empty_fd_gives_no_records),
		t(test_iommufd_group_larger_than_asked_for_is_continued),
		t(test_iommufd_group_larger_than_the_buffer_grows_it),
		t(test_iommufd_group_that_the_kernel_calls_nothing_grows_the_buffer),
		t(test_iommufd_nothing_is_nothing_however_large_the_buffer),
		t(test_iommufd_fd_that_only_says_einval_ends_in_an_error),
		t(test_iommufd_read_errors_are_passed_on),
		t(test_iommufd_read_errors_that_may_pass_lose_nothing),
		t(test_iommufd_einval_without_a_large_group_is_got_over),
		t(test_iommufd_short_read_ends_the_group_it_cuts),
		t(test_iommufd_read_of_less_than_a_record_is_none),
		t(test_iommufd_read_that_says_more_than_was_asked_is_an_error),
		t(test_iommufd_unaligned_address_is_delivered_as_it_is),
		t(test_iommufd_other_device_is_malformed),
		t(test_iommufd_reserved_field_is_malformed),
		t(test_iommufd_unknown_permission_is_malformed),
		t(test_iommufd_pasid_out_of_range_is_malformed),
		t(test_iommufd_length_that_wraps_is_malformed),
		t(test_iommufd_second_pasid_in_a_group_is_malformed),
		t(test_iommufd_second_group_id_in_a_group_is_malformed),
		t(test_iommufd_record_without_pasid_in_a_group_is_malformed),
		t(test_iommufd_group_without_last_is_malformed),
		t(test_iommufd_last_in_the_middle_leaves_the_rest_unnamed),
		t(test_iommufd_cookie_zero_is_counted_and_not_delivered),
		t(test_iommufd_cookie_that_is_outstanding_is_not_delivered_again),
		t(test_iommufd_cookie_is_good_again_once_answered),
		t(test_iommufd_answer_that_is_not_owed_is_not_sent),
		t(test_iommufd_answers_go_in_one_write),
		t(test_iommufd_gone_cookies_do_not_stop_the_others),
		t(test_iommufd_write_error_takes_the_answers_with_it),
		t(test_iommufd_error_among_many_answers_takes_the_rest_with_it),
		t(test_iommufd_write_that_says_more_than_was_given_is_an_error),
		t(test_iommufd_interrupted_write_is_made_again),
		t(test_iommufd_too_many_outstanding_groups_wait_in_the_buffer),
		t(test_iommufd_group_size_out_of_range_is_refused),
		t(test_iommufd_random_records_name_each_cookie_once),
	};

	return cmocka_run_group_tests_name("source_iommufd", tests, NULL, NULL);
}
