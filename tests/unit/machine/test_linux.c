/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "machine.h"

static int open_machine(void **state)
{
	struct svart_machine *m;
	int rc = svart_machine_linux.create("", &m);

	*state = m;
	return rc;
}

static int close_machine(void **state)
{
	svart_machine_linux.destroy(*state);
	return 0;
}

static void test_failures_are_negative_errnos(void **state)
{
	struct svart_machine *m = *state;
	char buf[8];
	void *p;

	assert_int_equal(m->ops->open(m, "/no/such/file", O_RDONLY), -ENOENT);
	assert_int_equal(m->ops->close(m, -1), -EBADF);
	assert_int_equal(m->ops->read(m, -1, buf, 1), -EBADF);
	assert_int_equal(m->ops->write(m, -1, buf, 1), -EBADF);
	assert_int_equal(m->ops->pread(m, -1, buf, 1, 0), -EBADF);
	assert_int_equal(m->ops->pwrite(m, -1, buf, 1, 0), -EBADF);
	assert_int_equal(m->ops->ioctl(m, -1, 0, NULL), -EBADF);
	assert_int_equal(m->ops->mmap(m, NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0, &p), -EBADF);
	assert_int_equal(m->ops->readlink(m, "/no/such/file", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(m->ops->listdir(m, "/no/such/dir", NULL, NULL), -ENOENT);
}

static void test_poll_sees_an_eventfd(void **state)
{
	struct svart_machine *m = *state;
	struct pollfd p = { .events = POLLIN };
	uint64_t one = 1;

	p.fd = m->ops->eventfd(m, 0, EFD_CLOEXEC);
	assert_true(p.fd >= 0);
	assert_int_equal(m->ops->poll(m, &p, 1, 0), 0);
	assert_int_equal(m->ops->write(m, p.fd, &one, sizeof(one)), sizeof(one));
	assert_int_equal(m->ops->poll(m, &p, 1, UINT64_MAX), 1);
	assert_int_equal(m->ops->close(m, p.fd), 0);
}

static int find_self(void *arg, const char *name)
{
	if (strcmp(name, "self") == 0)
		*(bool *)arg = true;
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? -1 : 0;
}

static void test_listdir_gives_every_name_but_the_dots(void **state)
{
	struct svart_machine *m = *state;
	bool found = false;

	assert_int_equal(m->ops->listdir(m, "/proc", find_self, &found), 0);
	assert_true(found);
}

static int stop_at_once(void *arg, const char *name)
{
	(void)name;
	++*(int *)arg;
	return 42;
}

static void test_listdir_stops_when_told(void **state)
{
	struct svart_machine *m = *state;
	int calls = 0;

	assert_int_equal(m->ops->listdir(m, "/proc", stop_at_once, &calls), 42);
	assert_int_equal(calls, 1);
}

static void test_split_portal_stores_the_first_word_first_and_all_words(void **state)
{
	struct svart_machine *m = *state;
	_Alignas(64) uint64_t desc[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, portal[8] = { 0 };
	struct svart_portal p;

	assert_int_equal(m->ops->portal(m, portal, SVART_PORTAL_SPLIT, &p), 0);
	p.movdir64b(p.ctx, portal, desc, 1);
	assert_memory_equal(portal, desc, sizeof(desc));
}

static void test_portal_stores_of_a_burst_go_around_in_their_page(void **state)
{
	static _Alignas(4096) uint64_t portal[2 * 512];
	struct svart_machine *m = *state;
	_Alignas(64) uint64_t descs[3][8] = { { 1, 1 }, { 2, 2 }, { 3, 3 } };
	struct svart_portal p;

	assert_int_equal(m->ops->portal(m, portal, SVART_PORTAL_SPLIT, &p), 0);
	p.movdir64b(p.ctx, &portal[512 - 8], descs, 3);
	assert_memory_equal(&portal[512 - 8], descs[0], 64);
	assert_memory_equal(portal, descs[1], 128);
	assert_int_equal(portal[512], 0);
}

#ifdef __x86_64__

/* No store is made: here the instruction may not be there. */
static void test_native_portal_asks_no_cpuid(void **state)
{
	struct svart_machine *m = *state;
	_Alignas(64) uint64_t portal[8] = { 0 };
	struct svart_portal split, native;

	assert_int_equal(m->ops->portal(m, portal, SVART_PORTAL_SPLIT, &split), 0);
	assert_int_equal(m->ops->portal(m, portal, SVART_PORTAL_NATIVE, &native), 0);
	assert_ptr_not_equal(split.movdir64b, native.movdir64b);
	assert_ptr_not_equal(split.enqcmd, native.enqcmd);
}

#endif

static void test_native_portal_stores_or_is_refused(void **state)
{
	struct svart_machine *m = *state;
	_Alignas(64) uint64_t desc[8] = { 8, 7, 6, 5, 4, 3, 2, 1 }, portal[8] = { 0 };
	struct svart_portal p;
	int rc = m->ops->portal(m, portal, 0, &p);

	if (rc == -ENOTSUP)
		return; /* A CPU without MOVDIR64B. */
	assert_int_equal(rc, 0);
	svart_portal_fence();
	p.movdir64b(p.ctx, portal, desc, 1);
	svart_portal_fence();
	assert_memory_equal(portal, desc, sizeof(desc));
}

static void test_pause_ends_by_its_deadline(void **state)
{
	struct svart_machine *m = *state;
	uint64_t before = m->ops->now_ns(m);

	m->ops->pause(m, before);
	m->ops->pause(m, before + 1000);
	assert_true(m->ops->now_ns(m) >= before);
	assert_true(m->ops->now_ns(m) - before < UINT64_C(2000000000));
}

static void test_locate_takes_pci_addresses_only(void **state)
{
	struct svart_machine *m = *state;
	char address[16];

	assert_int_equal(svart_machine_linux.locate(m, "0000:6a:01.0", "", address), 0);
	assert_string_equal(address, "0000:6a:01.0");
	assert_int_equal(svart_machine_linux.locate(m, "6a:01.0", "", address), -EINVAL);
	assert_int_equal(svart_machine_linux.locate(m, "", "", address), -EINVAL);
	assert_int_equal(svart_machine_linux.locate(m, "0000:6a:01.0x", "", address), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failures_are_negative_errnos),
		cmocka_unit_test(test_poll_sees_an_eventfd),
		cmocka_unit_test(test_listdir_gives_every_name_but_the_dots),
		cmocka_unit_test(test_listdir_stops_when_told),
		cmocka_unit_test(test_split_portal_stores_the_first_word_first_and_all_words),
		cmocka_unit_test(test_portal_stores_of_a_burst_go_around_in_their_page),
#ifdef __x86_64__
		cmocka_unit_test(test_native_portal_asks_no_cpuid),
#endif
		cmocka_unit_test(test_native_portal_stores_or_is_refused),
		cmocka_unit_test(test_pause_ends_by_its_deadline),
		cmocka_unit_test(test_locate_takes_pci_addresses_only),
	};

	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
