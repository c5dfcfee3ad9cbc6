/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* The fault descriptor: how page requests are read and answered. */

#include <sys/wait.h>
#include <unistd.h>

#include "parity.h"

#define SUCCESS IOMMUFD_PAGE_RESP_SUCCESS
#define INVALID IOMMUFD_PAGE_RESP_INVALID
/** Bits of a record's flags that the uAPI names; VT-d lets an internal one through. */
#define FLAGS_KNOWN (IOMMU_PGFAULT_FLAGS_PASID_VALID | IOMMU_PGFAULT_FLAGS_LAST_PAGE)
#define OTHER_PASID 9
#define MANY_FAULTS 256

#define ADDR(nr) (PARITY_VA + (nr)*PARITY_PAGE)

static ssize_t raw_read(struct parity *p, void *buf, size_t len)
{
	return p->m->ops->read(p->m, p->queue.fd, buf, len);
}

static ssize_t raw_write(struct parity *p, const void *buf, size_t len)
{
	return p->m->ops->write(p->m, p->queue.fd, buf, len);
}

static ssize_t answer(struct parity *p, uint32_t cookie, uint32_t code)
{
	return parity_answer(p, &p->queue, cookie, code);
}

/* Sends a whole group of nr pages from ADDR(first) on, without reading it. */
static void send_group(struct parity *p, uint16_t prgi, unsigned int first, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		parity_request(p, prgi, ADDR(first + i), i + 1 == nr);
}

/* --- reading ----------------------------------------------------------------------------------- */

static void empty_queue_reads_nothing_and_takes_writes(struct parity *p)
{
	struct iommu_hwpt_pgfault record;
	struct pollfd fd = { .events = POLLIN | POLLOUT };

	p->queue = parity_queue(p);
	fd.fd = p->queue.fd;
	CHECK_EQ(p->run, raw_read(p, &record, sizeof(record)), 0);
	CHECK_EQ(p->run, raw_read(p, &record, 0), 0);
	CHECK_EQ(p->run, raw_write(p, &record, 0), 0);
	CHECK_EQ(p->run, p->m->ops->poll(p->m, &fd, 1, 0), 1);
	CHECK_EQ(p->run, fd.revents, POLLOUT);
}

static void sizes_that_are_no_multiple_are_espipe(struct parity *p)
{
	char buf[128] = { 0 };

	p->queue = parity_queue(p);
	CHECK_EQ(p->run, raw_read(p, buf, 39), -ESPIPE);
	CHECK_EQ(p->run, raw_read(p, buf, 41), -ESPIPE);
	CHECK_EQ(p->run, raw_write(p, buf, 7), -ESPIPE);
	CHECK_EQ(p->run, raw_write(p, buf, 9), -ESPIPE);
}

static void record_tells_the_request(struct parity *p)
{
	struct iommu_hwpt_pgfault record;

	parity_start_faulting(p);
	record = parity_fault(p, 3, ADDR(1));
	CHECK_EQ(p->run, record.flags & FLAGS_KNOWN,
		IOMMU_PGFAULT_FLAGS_LAST_PAGE |
			(p->pasid == RIG_NO_PASID ? 0 : IOMMU_PGFAULT_FLAGS_PASID_VALID));
	CHECK_EQ(p->run, record.dev_id, p->dev.dev_id);
	CHECK_EQ(p->run, record.pasid, p->pasid);
	CHECK_EQ(p->run, record.grpid, 3);
	CHECK_EQ(p->run, record.perm, IOMMU_PGFAULT_PERM_READ);
	CHECK_EQ(p->run, record.addr, ADDR(1));
	CHECK_EQ(p->run, record.length, 0);
	CHECK_EQ(p->run, record.cookie, 1);
}

static void queue_is_readable_until_it_was_read(struct parity *p)
{
	struct iommu_hwpt_pgfault record;

	parity_start_faulting(p);
	parity_request(p, 1, ADDR(0), true);
	parity_wait_readable(p, &p->queue);
	parity_wait_readable(p, &p->queue);
	CHECK_EQ(p->run, raw_read(p, &record, sizeof(record)), sizeof(record));
	parity_check_quiet(p, &p->queue);
}

static void read_without_room_is_invalid_and_loses_nothing(struct parity *p)
{
	struct iommu_hwpt_pgfault record;

	parity_start_faulting(p);
	parity_request(p, 1, ADDR(0), true);
	parity_wait_readable(p, &p->queue);
	CHECK_EQ(p->run, raw_read(p, &record, 0), -EINVAL);
	CHECK_EQ(p->run, raw_read(p, &record, 2 * sizeof(record) - 1), -ESPIPE);
	CHECK_EQ(p->run, parity_read(p, &p->queue, &record, 1), 1);
	CHECK_EQ(p->run, record.addr, ADDR(0));
}

static void read_to_bad_memory_is_efault_and_loses_nothing(struct parity *p)
{
	struct iommu_hwpt_pgfault record;

	parity_needs(p, RIG_PROCESSES); /* or bad memory would be this program's own fault */
	parity_start_faulting(p);
	parity_request(p, 1, ADDR(0), true);
	parity_wait_readable(p, &p->queue);
	CHECK_EQ(p->run, raw_read(p, (void *)PARITY_VA, sizeof(record)), -EFAULT);
	CHECK_EQ(p->run, parity_read(p, &p->queue, &record, 1), 1);
}

static void one_read_takes_several_groups_in_order(struct parity *p)
{
	struct iommu_hwpt_pgfault records[4];

	parity_start_faulting(p);
	for (unsigned int i = 0; i < 3; i++)
		parity_request(p, (uint16_t)(5 - i), ADDR(i), true);
	parity_wait_arrived(p);
	CHECK_EQ(p->run, parity_read(p, &p->queue, records, 4), 3);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(p->run, records[i].grpid, 5 - i);
		CHECK_EQ(p->run, records[i].addr, ADDR(i));
		CHECK_EQ(p->run, records[i].cookie, i + 1);
	}
}

/* --- groups ------------------------------------------------------------------------------------ */

static void group_is_readable_from_its_last_on(struct parity *p)
{
	struct iommu_hwpt_pgfault records[3];

	parity_needs(p, RIG_GROUPS);
	parity_start_faulting(p);
	parity_request(p, 4, ADDR(0), false);
	parity_request(p, 4, ADDR(1), false);
	parity_check_quiet(p, &p->queue);
	parity_request(p, 4, ADDR(2), true);
	CHECK_EQ(p->run, parity_read(p, &p->queue, records, 3), 3);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(p->run, records[i].addr, ADDR(i));
		CHECK_EQ(p->run, records[i].cookie, records[0].cookie);
		CHECK_EQ(p->run, records[i].flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE,
			i == 2 ? IOMMU_PGFAULT_FLAGS_LAST_PAGE : 0);
	}
	CHECK_EQ(p->run, answer(p, records[0].cookie, SUCCESS), 1);
	CHECK_EQ(p->run, answer(p, records[0].cookie, SUCCESS), -EINVAL);
	parity_check_answer(p, 4, SUCCESS);
}

static void group_is_never_split(struct parity *p)
{
	struct iommu_hwpt_pgfault records[5];

	parity_needs(p, RIG_GROUPS);
	parity_start_faulting(p);
	send_group(p, 1, 0, 3);
	send_group(p, 2, 3, 3);
	parity_wait_readable(p, &p->queue);
	CHECK_EQ(p->run, raw_read(p, records, 2 * sizeof(records[0])), -EINVAL);
	CHECK_EQ(p->run, parity_read(p, &p->queue, records, 5), 3);
	CHECK_EQ(p->run, records[0].grpid, 1);
	CHECK_EQ(p->run, parity_read(p, &p->queue, records, 5), 3);
	CHECK_EQ(p->run, records[0].grpid, 2);
}

static void interleaved_groups_come_in_the_order_of_their_lasts(struct parity *p)
{
	struct iommu_hwpt_pgfault records[5];

	parity_needs(p, RIG_GROUPS);
	parity_start_faulting(p);
	parity_request(p, 8, ADDR(0), false);
	parity_request(p, 9, ADDR(10), false);
	parity_request(p, 8, ADDR(1), false);
	parity_request(p, 9, ADDR(11), true);
	CHECK_EQ(p->run, parity_read(p, &p->queue, records, 5), 2);
	CHECK_EQ(p->run, records[0].addr, ADDR(10));
	CHECK_EQ(p->run, records[1].addr, ADDR(11));
	parity_request(p, 8, ADDR(2), true);
	CHECK_EQ(p->run, parity_read(p, &p->queue, records, 5), 3);
	CHECK_EQ(p->run, records[0].addr, ADDR(0));
	CHECK_EQ(p->run, records[1].addr, ADDR(1));
	CHECK_EQ(p->run, records[2].addr, ADDR(2));
}

/* --- answering --------------------------------------------------------------------------------- */

static void answers_reach_the_device(struct parity *p)
{
	struct iommu_hwpt_pgfault good, bad;

	parity_start_faulting(p);
	good = parity_fault(p, 1, ADDR(0));
	bad = parity_fault(p, 2, ADDR(1));
	CHECK_EQ(p->run, answer(p, bad.cookie, INVALID), 1);
	CHECK_EQ(p->run, answer(p, good.cookie, SUCCESS), 1);
	parity_check_answer(p, 1, SUCCESS);
	parity_check_answer(p, 2, INVALID);
}

static void answer_of_another_code_is_invalid_and_may_be_repeated(struct parity *p)
{
	struct iommu_hwpt_pgfault record;

	parity_start_faulting(p);
	record = parity_fault(p, 1, ADDR(0));
	CHECK_EQ(p->run, answer(p, record.cookie, 2), -EINVAL);
	CHECK_EQ(p->run, answer(p, record.cookie, 0xf), -EINVAL);
	CHECK_EQ(p->run, answer(p, record.cookie, UINT32_MAX), -EINVAL);
	CHECK_EQ(p->run, answer(p, record.cookie, SUCCESS), 1);
}

static void answer_to_an_unknown_cookie_is_invalid(struct parity *p)
{
	parity_start_faulting(p);
	parity_fault(p, 1, ADDR(0));
	CHECK_EQ(p->run, answer(p, 0, SUCCESS), -EINVAL);
	CHECK_EQ(p->run, answer(p, 1000, SUCCESS), -EINVAL);
	CHECK_EQ(p->run, answer(p, UINT32_MAX, SUCCESS), -EINVAL);
}

static void answer_to_a_request_that_was_not_read_is_invalid(struct parity *p)
{
	parity_start_faulting(p);
	parity_request(p, 1, ADDR(0), true);
	parity_wait_readable(p, &p->queue);
	CHECK_EQ(p->run, answer(p, 1, SUCCESS), -EINVAL);
}

static void second_answer_is_invalid(struct parity *p)
{
	struct iommu_hwpt_pgfault record;

	parity_start_faulting(p);
	record = parity_fault(p, 1, ADDR(0));
	CHECK_EQ(p->run, answer(p, record.cookie, SUCCESS), 1);
	CHECK_EQ(p->run, answer(p, record.cookie, SUCCESS), -EINVAL);
}

static void answered_cookie_is_used_again_at_once(struct parity *p)
{
	struct iommu_hwpt_pgfault first, second, third;

	parity_start_faulting(p);
	first = parity_fault(p, 1, ADDR(0));
	second = parity_fault(p, 2, ADDR(1));
	CHECK_EQ(p->run, second.cookie, first.cookie + 1);
	CHECK_EQ(p->run, answer(p, first.cookie, SUCCESS), 1);
	third = parity_fault(p, 3, ADDR(2));
	CHECK_EQ(p->run, third.cookie, first.cookie);
}

static void answers_in_one_write_and_out_of_order_are_fine(struct parity *p)
{
	struct iommu_hwpt_page_response answers[3];

	parity_start_faulting(p);
	for (unsigned int i = 0; i < 3; i++)
		answers[2 - i] = (struct iommu_hwpt_page_response){
			.cookie = parity_fault(p, (uint16_t)i, ADDR(i)).cookie,
			.code = i == 1 ? INVALID : SUCCESS,
		};
	CHECK_EQ(p->run, raw_write(p, answers, sizeof(answers)), sizeof(answers));
	for (unsigned int i = 0; i < 3; i++)
		parity_check_answer(p, (uint16_t)i, i == 1 ? INVALID : SUCCESS);
}

static void write_stops_at_the_first_bad_answer(struct parity *p)
{
	struct iommu_hwpt_page_response answers[3];
	uint32_t first, last;

	parity_start_faulting(p);
	first = parity_fault(p, 1, ADDR(0)).cookie;
	last = parity_fault(p, 2, ADDR(1)).cookie;
	answers[0] = (struct iommu_hwpt_page_response){ .cookie = first, .code = SUCCESS };
	answers[1] = (struct iommu_hwpt_page_response){ .cookie = last, .code = 7 };
	answers[2] = (struct iommu_hwpt_page_response){ .cookie = last, .code = SUCCESS };
	CHECK_EQ(p->run, raw_write(p, answers, sizeof(answers)), sizeof(answers[0]));
	CHECK_EQ(p->run, answer(p, first, SUCCESS), -EINVAL);
	CHECK_EQ(p->run, answer(p, last, SUCCESS), 1);
}

static void many_requests_are_all_read_and_answered(struct parity *p)
{
	static struct iommu_hwpt_pgfault records[MANY_FAULTS];
	static struct iommu_hwpt_page_response answers[MANY_FAULTS];
	size_t nr = 0;

	parity_start_faulting(p);
	for (unsigned int i = 0; i < MANY_FAULTS; i++)
		parity_request(p, (uint16_t)i, ADDR(i), true);
	while (nr < MANY_FAULTS)
		nr += parity_read(p, &p->queue, records + nr, MANY_FAULTS - nr);
	for (unsigned int i = 0; i < MANY_FAULTS; i++) {
		CHECK_EQ(p->run, records[i].addr, ADDR(i));
		answers[i] = (struct iommu_hwpt_page_response){ .cookie = records[i].cookie };
	}
	CHECK_EQ(p->run, raw_write(p, answers, sizeof(answers)), sizeof(answers));
	parity_check_quiet(p, &p->queue);
	parity_check_answer(p, MANY_FAULTS - 1, SUCCESS);
}

static void demand_is_mapped_answered_and_unmapped(struct parity *p)
{
	void *va = parity_pages(p, 8);

	parity_start_faulting(p);
	for (unsigned int i = 0; i < 8; i++) {
		struct iommu_hwpt_pgfault record =
			parity_fault(p, (uint16_t)i, (uintptr_t)va + i * PARITY_PAGE);

		CHECK_EQ(p->run, parity_map(p, (void *)(uintptr_t)record.addr, 1, true), 0);
		CHECK_EQ(p->run, answer(p, record.cookie, SUCCESS), 1);
	}
	CHECK_EQ(p->run, parity_unmap(p, va, 8), 0);
}

/* --- detaching and replacing ------------------------------------------------------------------- */

static void request_without_a_fault_object_is_answered_invalid(struct parity *p)
{
	parity_start_faulting(p);
	CHECK_EQ(p->run, parity_replace(p, p->pasid, parity_hwpt(p, NULL)), 0);
	parity_request(p, 1, ADDR(0), true);
	parity_check_answer(p, 1, INVALID);
	parity_check_quiet(p, &p->queue);
}

static void replace_answers_queued_requests_invalid(struct parity *p)
{
	parity_start_faulting(p);
	parity_request(p, 1, ADDR(0), true);
	parity_wait_readable(p, &p->queue);
	CHECK_EQ(p->run, parity_replace(p, p->pasid, parity_hwpt(p, NULL)), 0);
	parity_check_quiet(p, &p->queue);
	parity_check_answer(p, 1, INVALID);
}

static void replace_answers_unanswered_requests_invalid(struct parity *p)
{
	struct iommu_hwpt_pgfault record;

	parity_start_faulting(p);
	record = parity_fault(p, 1, ADDR(0));
	CHECK_EQ(p->run, parity_replace(p, p->pasid, parity_hwpt(p, NULL)), 0);
	parity_check_answer(p, 1, INVALID);
	CHECK_EQ(p->run, answer(p, record.cookie, SUCCESS), -EINVAL);
}

static void replace_by_another_table_of_the_same_fault_object_answers_too(struct parity *p)
{
	struct iommu_hwpt_pgfault record;

	parity_start_faulting(p);
	record = parity_fault(p, 1, ADDR(0));
	parity_request(p, 2, ADDR(1), true);
	parity_wait_readable(p, &p->queue);
	CHECK_EQ(p->run, parity_replace(p, p->pasid, parity_hwpt(p, &p->queue)), 0);
	CHECK_EQ(p->run, answer(p, record.cookie, SUCCESS), -EINVAL);
	parity_check_quiet(p, &p->queue);
	parity_fault(p, 3, ADDR(2));
}

static void replace_by_the_same_table_keeps_requests(struct parity *p)
{
	struct iommu_hwpt_pgfault held, queued;

	parity_start_faulting(p);
	held = parity_fault(p, 1, ADDR(0));
	parity_request(p, 2, ADDR(1), true);
	parity_wait_readable(p, &p->queue);
	CHECK_EQ(p->run, parity_replace(p, p->pasid, p->hwpt_id), 0);
	CHECK_EQ(p->run, answer(p, held.cookie, SUCCESS), 1);
	CHECK_EQ(p->run, parity_read(p, &p->queue, &queued, 1), 1);
	CHECK_EQ(p->run, answer(p, queued.cookie, SUCCESS), 1);
}

static void detach_answers_requests_invalid(struct parity *p)
{
	struct iommu_hwpt_pgfault held;

	parity_needs(p, RIG_DETACH);
	parity_start_faulting(p);
	held = parity_fault(p, 1, ADDR(0));
	parity_request(p, 2, ADDR(1), true);
	parity_wait_readable(p, &p->queue);
	CHECK_EQ(p->run, parity_detach(p, p->pasid), 0);
	parity_check_answer(p, 1, INVALID);
	parity_check_answer(p, 2, INVALID);
	CHECK_EQ(p->run, answer(p, held.cookie, SUCCESS), -EINVAL);
	parity_check_quiet(p, &p->queue);
}

static void request_after_detach_is_answered_invalid(struct parity *p)
{
	parity_needs(p, RIG_DETACH);
	parity_start_faulting(p);
	CHECK_EQ(p->run, parity_detach(p, p->pasid), 0);
	parity_request(p, 1, ADDR(0), true);
	parity_check_answer(p, 1, INVALID);
	parity_check_quiet(p, &p->queue);
}

static void detach_with_half_a_group_leaves_none_of_it(struct parity *p)
{
	struct iommu_hwpt_pgfault record;

	parity_needs(p, RIG_GROUPS);
	parity_start_faulting(p);
	parity_request(p, 1, ADDR(0), false);
	CHECK_EQ(p->run, parity_detach(p, p->pasid), 0);
	CHECK_EQ(p->run, parity_attach(p, p->pasid, p->hwpt_id), 0);
	parity_request(p, 1, ADDR(1), true);
	CHECK_EQ(p->run, parity_read(p, &p->queue, &record, 1), 1);
	CHECK_EQ(p->run, record.addr, ADDR(1));
}

static void close_of_the_device_drops_requests(struct parity *p)
{
	struct iommu_hwpt_pgfault held;

	parity_start_faulting(p);
	held = parity_fault(p, 1, ADDR(0));
	parity_request(p, 2, ADDR(1), true);
	parity_wait_readable(p, &p->queue);
	parity_close_device(p);
	parity_check_quiet(p, &p->queue);
	CHECK_EQ(p->run, answer(p, held.cookie, SUCCESS), -EINVAL);
}

static void close_of_the_descriptor_answers_nothing_until_detach(struct parity *p)
{
	parity_needs(p, RIG_ANSWERS);
	parity_needs(p, RIG_DETACH);
	parity_start_faulting(p);
	parity_request(p, 1, ADDR(0), true);
	parity_wait_readable(p, &p->queue);
	parity_close_fd(p, p->queue.fd);
	CHECK_EQ(p->run, p->rig->ops->answer(p->rig, &p->dev, p->pasid, 1), -EAGAIN);
	CHECK_EQ(p->run, parity_detach(p, p->pasid), 0);
	parity_check_answer(p, 1, INVALID);
}

static void descriptor_works_after_its_iommufd_was_closed(struct parity *p)
{
	struct iommu_hwpt_pgfault record;

	parity_needs(p, RIG_CDEV); /* which keeps the iommufd alive */
	parity_start_faulting(p);
	p->m->ops->close(p->m, p->fd);
	p->fd = -1;
	record = parity_fault(p, 1, ADDR(0));
	CHECK_EQ(p->run, answer(p, record.cookie, SUCCESS), 1);
}

/* A process of its own that leaves with one request held and one queued. */
_Noreturn static void leave_with_requests(struct parity *p)
{
	struct case_run run = { .only = "" };

	p->run = &run;
	if (setjmp(run.leave) != 0)
		_exit(1);
	p->fd = svart_iommufd_open(p->m);
	CHECK_EQ(&run, svart_iommufd_ioas_alloc(p->m, p->fd, &p->ioas_id), 0);
	parity_start_faulting(p);
	parity_fault(p, 1, ADDR(0));
	parity_request(p, 2, ADDR(1), true);
	parity_wait_readable(p, &p->queue);
	_exit(0);
}

/* Which answers the dead process's requests got is gone: opening a device may reset it. */
static void exit_with_requests_frees_the_device(struct parity *p)
{
	struct iommu_hwpt_pgfault record;
	int status;
	pid_t child;

	parity_needs(p, RIG_PROCESSES);
	parity_needs(p, RIG_FAULTS);
	child = fork();
	if (child == 0)
		leave_with_requests(p);
	CHECK_EQ(p->run, waitpid(child, &status, 0), child);
	CHECK_EQ(p->run, status, 0);
	parity_start_faulting(p);
	parity_check_quiet(p, &p->queue);
	record = parity_fault(p, 3, ADDR(2));
	CHECK_EQ(p->run, answer(p, record.cookie, SUCCESS), 1);
	parity_check_answer(p, 3, SUCCESS);
}

/* --- PASIDs ------------------------------------------------------------------------------------ */

static void pasids_have_fault_objects_of_their_own(struct parity *p)
{
	struct parity_queue other = parity_queue(p);
	struct iommu_hwpt_pgfault record;
	uint32_t first_pasid;

	parity_start_faulting(p);
	first_pasid = p->pasid;
	CHECK_EQ(p->run, parity_attach(p, OTHER_PASID, parity_hwpt(p, &other)), 0);
	p->pasid = OTHER_PASID;
	parity_request(p, 1, ADDR(0), true);
	CHECK_EQ(p->run, parity_read(p, &other, &record, 1), 1);
	CHECK_EQ(p->run, record.pasid, OTHER_PASID);
	CHECK(p->run, (record.flags & IOMMU_PGFAULT_FLAGS_PASID_VALID) != 0);
	parity_check_quiet(p, &p->queue);
	p->pasid = first_pasid;
	parity_request(p, 2, ADDR(1), true);
	parity_wait_readable(p, &p->queue);
	parity_check_quiet(p, &other);
	CHECK_EQ(p->run, answer(p, record.cookie, SUCCESS), -EINVAL);
	CHECK_EQ(p->run, parity_answer(p, &other, record.cookie, SUCCESS), 1);
}

static void pasid_detach_leaves_the_others_requests(struct parity *p)
{
	struct parity_queue other = parity_queue(p);
	struct iommu_hwpt_pgfault record;
	uint32_t first_pasid;

	parity_start_faulting(p);
	first_pasid = p->pasid;
	parity_request(p, 1, ADDR(0), true);
	CHECK_EQ(p->run, parity_attach(p, OTHER_PASID, parity_hwpt(p, &other)), 0);
	p->pasid = OTHER_PASID;
	parity_request(p, 2, ADDR(1), true);
	parity_wait_readable(p, &other);
	CHECK_EQ(p->run, parity_detach(p, OTHER_PASID), 0);
	parity_check_quiet(p, &other);
	p->pasid = first_pasid;
	CHECK_EQ(p->run, parity_read(p, &p->queue, &record, 1), 1);
	CHECK_EQ(p->run, answer(p, record.cookie, SUCCESS), 1);
}

static void pasids_share_a_fault_object(struct parity *p)
{
	struct iommu_hwpt_pgfault records[2];
	uint32_t first_pasid;

	parity_start_faulting(p);
	first_pasid = p->pasid;
	CHECK_EQ(p->run, parity_attach(p, OTHER_PASID, p->hwpt_id), 0);
	parity_request(p, 1, ADDR(0), true);
	parity_wait_readable(p, &p->queue);
	p->pasid = OTHER_PASID;
	parity_request(p, 1, ADDR(0), true);
	CHECK_EQ(p->run, parity_read(p, &p->queue, records, 1), 1);
	CHECK_EQ(p->run, parity_read(p, &p->queue, records + 1, 1), 1);
	CHECK_EQ(p->run, records[0].pasid, first_pasid);
	CHECK_EQ(p->run, records[1].pasid, OTHER_PASID);
	CHECK_EQ(p->run, answer(p, records[1].cookie, SUCCESS), 1);
	CHECK_EQ(p->run, answer(p, records[0].cookie, SUCCESS), 1);
}

static void request_of_an_unattached_pasid_is_answered_invalid(struct parity *p)
{
	parity_start_faulting(p);
	p->pasid = OTHER_PASID;
	parity_request(p, 1, ADDR(0), true);
	parity_check_answer(p, 1, INVALID);
	parity_check_quiet(p, &p->queue);
}

const struct parity_case parity_fault_cases[] = {
	PARITY_CASE(empty_queue_reads_nothing_and_takes_writes),
	PARITY_CASE(sizes_that_are_no_multiple_are_espipe),
	PARITY_CASE(record_tells_the_request),
	PARITY_CASE(queue_is_readable_until_it_was_read),
	PARITY_CASE(read_without_room_is_invalid_and_loses_nothing),
	PARITY_CASE(read_to_bad_memory_is_efault_and_loses_nothing),
	PARITY_CASE(one_read_takes_several_groups_in_order),
	PARITY_CASE(group_is_readable_from_its_last_on),
	PARITY_CASE(group_is_never_split),
	PARITY_CASE(interleaved_groups_come_in_the_order_of_their_lasts),
	PARITY_CASE(answers_reach_the_device),
	PARITY_CASE(answer_of_another_code_is_invalid_and_may_be_repeated),
	PARITY_CASE(answer_to_an_unknown_cookie_is_invalid),
	PARITY_CASE(answer_to_a_request_that_was_not_read_is_invalid),
	PARITY_CASE(second_answer_is_invalid),
	PARITY_CASE(answered_cookie_is_used_again_at_once),
	PARITY_CASE(answers_in_one_write_and_out_of_order_are_fine),
	PARITY_CASE(write_stops_at_the_first_bad_answer),
	PARITY_CASE(many_requests_are_all_read_and_answered),
	PARITY_CASE(demand_is_mapped_answered_and_unmapped),
	PARITY_CASE(request_without_a_fault_object_is_answered_invalid),
	PARITY_CASE(replace_answers_queued_requests_invalid),
	PARITY_CASE(replace_answers_unanswered_requests_invalid),
	PARITY_CASE(replace_by_another_table_of_the_same_fault_object_answers_too),
	PARITY_CASE(replace_by_the_same_table_keeps_requests),
	PARITY_CASE(detach_answers_requests_invalid),
	PARITY_CASE(request_after_detach_is_answered_invalid),
	PARITY_CASE(detach_with_half_a_group_leaves_none_of_it),
	PARITY_CASE(close_of_the_device_drops_requests),
	PARITY_CASE(close_of_the_descriptor_answers_nothing_until_detach),
	PARITY_CASE(descriptor_works_after_its_iommufd_was_closed),
	PARITY_CASE(exit_with_requests_frees_the_device),
	PARITY_CASE(pasids_have_fault_objects_of_their_own),
	PARITY_CASE(pasid_detach_leaves_the_others_requests),
	PARITY_CASE(pasids_share_a_fault_object),
	PARITY_CASE(request_of_an_unattached_pasid_is_answered_invalid),
};
const size_t parity_nr_fault_cases = sizeof(parity_fault_cases) / sizeof(parity_fault_cases[0]);
