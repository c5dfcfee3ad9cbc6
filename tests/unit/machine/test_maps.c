/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A text that is torn, out of order or incomplete in some readings, as if it moved under the reader.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "fake_text.h"
#include "maps.h"
#include "vma.h"

#define MAPS "/proc/self/maps"
/** More than all users have. */
#define NO_LIMIT UINT64_MAX

#define LINE_1 "00400000-00401000 r-xp 00000000 08:01 77 /bin/x\n"
#define LINE_2 "7f0000010000-7f0000020000 rw-p 00000000 00:00 0 \n"
#define LINE_3 "7f0000020000-7f0000024000 rw-s 00001000 00:2a 18446744073709551615 /dev/shm/x y\n"
#define LINE_4 "7ffd00001000-7ffd00002000 r--p 00000000 00:00 0                    [stack]\n"
#define GOOD   LINE_1 LINE_2 LINE_3 LINE_4

/** In LINE_2. */
#define ADDR UINT64_C(0x7f0000012345)
/** Between LINE_1 and LINE_2. */
#define NOWHERE UINT64_C(0x500000)

struct rig {
	struct fake_text text;
	struct svart_maps *maps;
};

static void rig_open(struct rig *r, const char *const *texts)
{
	fake_text_init(&r->text);
	fake_text_set(&r->text.files[0], MAPS, texts);
	assert_int_equal(svart_maps_create(&r->text.machine, &r->maps), 0);
}

static void rig_close(struct rig *r)
{
	svart_maps_destroy(r->maps);
	assert_int_equal(r->text.nr_open, 0);
}

/** Looks an address up in texts of one reading after the other. @return what it returned. */
static int find(const char *const *texts, uint64_t addr, struct svart_maps_area *area,
	unsigned int *readings)
{
	struct rig r;
	int rc;

	rig_open(&r, texts);
	rc = svart_maps_find(r.maps, addr, area);
	*readings = r.text.files[0].readings;
	rig_close(&r);
	return rc;
}

static void assert_line_2(const struct svart_maps_area *area)
{
	assert_int_equal(area->start, UINT64_C(0x7f0000010000));
	assert_int_equal(area->end, UINT64_C(0x7f0000020000));
	assert_int_equal(area->prot, SVART_ACCESS_READ | SVART_ACCESS_WRITE);
	assert_false(area->shared);
	assert_int_equal(area->inode, 0);
}

static void test_maps_line_has_every_field(void **state)
{
	const char *const texts[] = { GOOD, NULL };
	struct svart_maps_area area;
	unsigned int readings;

	(void)state;
	assert_int_equal(find(texts, UINT64_C(0x7f0000020000), &area, &readings), 0);
	assert_int_equal(area.start, UINT64_C(0x7f0000020000));
	assert_int_equal(area.end, UINT64_C(0x7f0000024000));
	assert_int_equal(area.prot, SVART_ACCESS_READ | SVART_ACCESS_WRITE);
	assert_true(area.shared);
	assert_int_equal(area.major, 0);
	assert_int_equal(area.minor, 0x2a);
	assert_int_equal(area.offset, 0x1000);
	assert_true(area.inode == UINT64_MAX);
	assert_int_equal(find(texts, UINT64_C(0x400fff), &area, &readings), 0);
	assert_int_equal(area.prot, SVART_ACCESS_READ | SVART_ACCESS_EXEC);
	assert_int_equal(area.major, 8);
	assert_int_equal(area.inode, 77);
}

static void test_maps_area_of_a_whole_line_takes_one_reading(void **state)
{
	const char *const texts[] = { GOOD, NULL };
	struct svart_maps_area area;
	unsigned int readings;

	(void)state;
	assert_int_equal(find(texts, ADDR, &area, &readings), 0);
	assert_line_2(&area);
	assert_int_equal(readings, 1);
}

static void test_maps_addresses_without_an_area_are_enoent_after_two_readings(void **state)
{
	const uint64_t addrs[] = { 0, 0x3fffff, NOWHERE, 0x401000, UINT64_C(0x7f0000024000),
		UINT64_C(0x7ffd00002000), UINT64_MAX };
	const char *const texts[] = { GOOD, NULL }, *const empty[] = { "", NULL };
	struct svart_maps_area area;
	unsigned int i, readings;

	(void)state;
	for (i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
		assert_int_equal(find(texts, addrs[i], &area, &readings), -ENOENT);
		assert_int_equal(readings, 2);
	}
	assert_int_equal(find(empty, ADDR, &area, &readings), -ENOENT);
	assert_int_equal(readings, 2);
}

/** What a reading can look like when areas move under it. Of the first ones the area is absent. */
#define NR_ABSENT 5
static const char *const moving[] = {
	/* Lines are missed. */
	"",
	LINE_1,
	LINE_1 LINE_3 LINE_4,
	LINE_3 LINE_4,
	LINE_3 LINE_2 LINE_4,
	/* The text is cut. */
	LINE_1 "7f",
	LINE_1 "7f0000010000-7f0000020000",
	LINE_1 "7f0000010000-7f0000020000 rw-p 00000000 00:00 0",
	/* A line begins in the middle of another. */
	LINE_1 "0010000-7f0000020000 rw-p 00000000 00:00 0 \n" LINE_3 LINE_4,
	LINE_1 "20000 rw-p 00000000 00:00 0 \n" LINE_3 LINE_4,
	LINE_1 "000000-7f0000020000 rw-p 00000000 00:00 0 \n" LINE_3 LINE_4,
	" 00:00 0 \n" LINE_2,
	LINE_1 "\n" LINE_2,
	/* A line ends as another one. */
	"00400000-00401000 r-xp 0000007f0000010000-7f0000020000 rw-p 00000000 00:00 0 \n" LINE_3,
	"00400000-004010007f0000010000-7f0000020000 rw-p 00000000 00:00 0 \n" LINE_3,
	LINE_1 "7f0000010000-7f0000020000 rw-p 00000000 00:00 07f0000020000-7f0000024000 rw-s \n",
	LINE_1 "7f0000010000-7f0000020000 rw-p 00000000 00:00 00:00 0 \n" LINE_3,
	LINE_1 "7f0000010000-7f0000020000 rw-p\n" LINE_3,
	LINE_1 "7f0000010000-7f0000020000 r-xrw-p 00000000 00:00 0 \n" LINE_3,
	LINE_1 "7f0000010000-7f0000020000 rwp 00000000 00:00 0 \n" LINE_3,
	/* Areas that cannot be. */
	LINE_1 "7f0000010000-7f0000010000 rw-p 00000000 00:00 0 \n" LINE_3,
	LINE_1 "7f0000020000-7f0000010000 rw-p 00000000 00:00 0 \n" LINE_3,
	LINE_1 "7f0000010000-7f000001ffff rw-p 00000000 00:00 0 \n" LINE_3,
	LINE_1 "7f0000010010-7f0000020000 rw-p 00000000 00:00 0 \n" LINE_3,
	LINE_1 "-7f0000020000 rw-p 00000000 00:00 0 \n" LINE_3,
	LINE_1 "10000000000000000-7f0000020000 rw-p 00000000 00:00 0 \n" LINE_3,
	LINE_1 "7f0000010000-7f0000020000 rw-p 00000000 100000000:00 0 \n" LINE_3,
	LINE_1 "7f0000010000-7f0000020000 rw-p 00000000 00:00 18446744073709551616 \n" LINE_3,
	/* They go backwards. */
	LINE_1 LINE_1 LINE_2,
	LINE_1 "00400000-7f0000020000 r--p 00000000 00:00 0 \n" LINE_3,
};

static void test_maps_reading_that_moved_is_read_again(void **state)
{
	struct svart_maps_area area;
	unsigned int i, readings;
	int rc;

	(void)state;
	for (i = 0; i < sizeof(moving) / sizeof(moving[0]); i++) {
		const char *const texts[] = { moving[i], GOOD, NULL };

		rc = find(texts, ADDR, &area, &readings);
		if (rc != 0)
			fail_msg("%d with \"%s\"", rc, moving[i]);
		assert_line_2(&area);
		assert_int_equal(readings, 2);
	}
}

static void test_maps_readings_that_moved_twice_in_a_row_are_read_again(void **state)
{
	struct svart_maps_area area;
	unsigned int i, k, readings, nr = sizeof(moving) / sizeof(moving[0]);

	(void)state;
	for (i = NR_ABSENT; i < nr; i++) {
		for (k = 0; k < nr; k++) {
			const char *const texts[] = { moving[i], moving[k], GOOD, NULL };

			assert_int_equal(find(texts, ADDR, &area, &readings), 0);
			assert_line_2(&area);
			assert_int_equal(readings, 3);
		}
	}
}

static void test_maps_text_that_never_stands_still_is_eagain_and_bounded(void **state)
{
	const char *const texts[] = { "", "x\n", LINE_1, LINE_1 LINE_1, LINE_3, LINE_1 "7", LINE_1,
		"x\n", GOOD, NULL };
	struct svart_maps_area area;
	unsigned int readings;

	(void)state;
	assert_int_equal(find(texts, ADDR, &area, &readings), -EAGAIN);
	assert_int_equal(readings, 8);
}

static void test_maps_text_of_another_form_is_ebadmsg(void **state)
{
	const char *const texts[] = { LINE_1 "7f0000010000 - 7f0000020000\n", NULL };
	struct svart_maps_area area;
	unsigned int readings;

	(void)state;
	assert_int_equal(find(texts, ADDR, &area, &readings), -EBADMSG);
	assert_int_equal(readings, 8);
}

static void test_maps_line_in_pieces_is_believed_when_two_readings_agree(void **state)
{
	const char *const texts[] = { GOOD, NULL };
	struct svart_maps_area area;
	struct rig r;
	size_t piece;

	(void)state;
	for (piece = 1; piece < sizeof(GOOD); piece++) {
		rig_open(&r, texts);
		r.text.files[0].piece = piece;
		assert_int_equal(svart_maps_find(r.maps, ADDR, &area), 0);
		assert_line_2(&area);
		/* LINE_2 begins and ends in one piece, or not. */
		assert_int_equal(r.text.files[0].readings,
			(sizeof(LINE_1) - 1) / piece == (sizeof(LINE_1 LINE_2) - 2) / piece ? 1
											    : 2);
		assert_int_equal(svart_maps_find(r.maps, NOWHERE, &area), -ENOENT);
		rig_close(&r);
	}
}

static void test_maps_line_of_two_areas_is_not_believed(void **state)
{
	/* What was told of one area by the first read, and of another one by the second. */
	static const char before[] = LINE_1 "7f0000010000-7f0000013000 r--p 00000000 00:00 0 \n";
	const char *const texts[] = { before, GOOD, GOOD, NULL };
	struct svart_maps_area area;
	struct rig r;

	(void)state;
	rig_open(&r, texts);
	r.text.files[0].per_read = true;
	r.text.files[0].piece = sizeof(LINE_1) - 1 + strlen("7f0000010000-7f0000020000 r");
	assert_int_equal(svart_maps_find(r.maps, ADDR, &area), 0);
	assert_line_2(&area);
	assert_int_equal(r.text.files[0].readings, 3);
	rig_close(&r);
}

static void test_maps_lines_in_pieces_that_differ_by_their_offset_do_not_agree(void **state)
{
	static const char before[] = LINE_1 "7f0000010000-7f0000020000 rw-s 00001000 00:2a 5 /x\n";
	static const char after[] = LINE_1 "7f0000010000-7f0000020000 rw-s 00007000 00:2a 5 /x\n";
	const char *const texts[] = { before, after, after, NULL };
	struct svart_maps_area area;
	struct rig r;

	(void)state;
	rig_open(&r, texts);
	r.text.files[0].piece = sizeof(LINE_1) + strlen("7f0000010000");
	assert_int_equal(svart_maps_find(r.maps, ADDR, &area), 0);
	assert_int_equal(area.offset, 0x7000);
	assert_int_equal(r.text.files[0].readings, 3);
	rig_close(&r);
}

static void test_maps_lines_of_any_length_are_passed_over(void **state)
{
	static const char end[] = "\n" LINE_2;
	char *text = malloc(sizeof(LINE_1) + 100000 + sizeof(end));
	const char *const texts[] = { text, NULL };
	struct svart_maps_area area;
	unsigned int readings;
	size_t len;

	(void)state;
	for (len = 3900; len < 100000; len = len < 4300 ? len + 1 : 2 * len) {
		memcpy(text, LINE_1, sizeof(LINE_1) - 2);
		memset(text + sizeof(LINE_1) - 2, 'p', len);
		strcpy(text + sizeof(LINE_1) - 2 + len, end);
		assert_int_equal(find(texts, ADDR, &area, &readings), 0);
		assert_line_2(&area);
		assert_int_equal(find(texts, UINT64_C(0x400000), &area, &readings), 0);
		assert_int_equal(area.end, 0x401000);
	}
	free(text);
}

static void test_maps_read_that_is_interrupted_is_made_again(void **state)
{
	const int errors[] = { -EINTR, -EAGAIN };
	const char *const texts[] = { GOOD, NULL };
	struct svart_maps_area area;
	struct rig r;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		rig_open(&r, texts);
		r.text.files[0].read_error = errors[i];
		r.text.files[0].fail_at = 1;
		assert_int_equal(svart_maps_find(r.maps, ADDR, &area), 0);
		assert_line_2(&area);
		r.text.files[0].fail_at = 0;
		assert_int_equal(svart_maps_find(r.maps, ADDR, &area), -EAGAIN);
		rig_close(&r);
	}
}

static void test_maps_read_that_fails_is_its_errno(void **state)
{
	const char *const texts[] = { GOOD, NULL };
	struct svart_maps_area area;
	struct rig r;

	(void)state;
	rig_open(&r, texts);
	r.text.files[0].piece = 10;
	r.text.files[0].read_error = -EIO;
	r.text.files[0].fail_at = 3;
	assert_int_equal(svart_maps_find(r.maps, ADDR, &area), -EIO);
	assert_int_equal(r.text.files[0].reads, 3);
	rig_close(&r);
}

static void test_maps_descriptors_that_cannot_be_opened_fail_with_advice(void **state)
{
	const char *const texts[] = { GOOD, NULL };
	struct rig r;

	(void)state;
	fake_text_init(&r.text);
	fake_text_set(&r.text.files[0], MAPS, texts);
	r.text.files[0].open_error = -EMFILE;
	assert_int_equal(svart_maps_create(&r.text.machine, &r.maps), -EMFILE);
	assert_non_null(strstr(svart_fail_text(), "ulimit -n"));
	r.text.files[0].open_error = -ENOENT;
	assert_int_equal(svart_maps_create(&r.text.machine, &r.maps), -ENOENT);
	assert_non_null(strstr(svart_fail_text(), "mount proc"));
	r.text.files[0].open_error = 0;
	assert_int_equal(svart_maps_create(&r.text.machine, &r.maps), 0);
	r.text.files[0].open_error = -EMFILE;
	assert_int_equal(svart_maps_add_readers(r.maps), -EMFILE);
	rig_close(&r);
}

static void test_maps_readers_have_a_descriptor_each(void **state)
{
	const char *const texts[] = { GOOD, NULL };
	struct rig r;

	(void)state;
	rig_open(&r, texts);
	assert_int_equal(r.text.nr_open, 1);
	assert_int_equal(svart_maps_add_readers(r.maps), 0);
	assert_int_equal(r.text.nr_open, SVART_MAPS_READERS);
	assert_int_equal(svart_maps_add_readers(r.maps), 0);
	assert_int_equal(r.text.nr_open, SVART_MAPS_READERS);
	rig_close(&r);
}

/* --- the end of memory ------------------------------------------------------------------------ */

static int top(const char *const *texts, uint64_t limit, uint64_t *end)
{
	struct fake_text t;
	int rc;

	fake_text_init(&t);
	fake_text_set(&t.files[0], MAPS, texts);
	t.files[0].piece = 100;
	rc = svart_maps_top(&t.machine, limit, end);
	assert_int_equal(t.nr_open, 0);
	return rc;
}

static void test_maps_top_is_the_highest_end_below_the_limit(void **state)
{
	const char *const texts[] = { GOOD, NULL }, *const empty[] = { "", NULL };
	uint64_t end;

	(void)state;
	assert_int_equal(top(texts, NO_LIMIT, &end), 0);
	assert_int_equal(end, UINT64_C(0x7ffd00002000));
	assert_int_equal(top(texts, UINT64_C(0x7ffd00002000), &end), 0);
	assert_int_equal(end, UINT64_C(0x7ffd00002000));
	assert_int_equal(top(texts, UINT64_C(0x7ffd00001fff), &end), 0);
	assert_int_equal(end, UINT64_C(0x7f0000024000));
	assert_int_equal(top(empty, NO_LIMIT, &end), 0);
	assert_int_equal(end, 0);
}

static void test_maps_top_of_a_text_that_moved_is_read_again(void **state)
{
	static const char *const torn[] = {
		"",
		LINE_1 LINE_2,
		LINE_1 "7ffd00001000-7ffd",
		LINE_1 "fd00001000-7ffd00003000 r--p 00000000 00:00 0\n", /* Well-formed. */
		LINE_4 LINE_1,
	};
	uint64_t end;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
		const char *const texts[] = { torn[i], GOOD, NULL };
		const char *const after[] = { GOOD, torn[i], GOOD, NULL };

		assert_int_equal(top(texts, NO_LIMIT, &end), 0);
		assert_int_equal(end, UINT64_C(0x7ffd00002000));
		assert_int_equal(top(after, NO_LIMIT, &end), 0);
		assert_int_equal(end, UINT64_C(0x7ffd00002000));
	}
}

static void test_maps_top_that_never_stands_still_is_eagain(void **state)
{
	const char *const texts[] = { GOOD, LINE_1, GOOD, LINE_1, GOOD, LINE_1, GOOD, LINE_1, GOOD,
		NULL };
	uint64_t end;

	(void)state;
	assert_int_equal(top(texts, NO_LIMIT, &end), -EAGAIN);
	assert_non_null(strstr(svart_fail_text(), "try again"));
}

static void test_maps_top_of_no_list_of_areas_fails(void **state)
{
	const char *const texts[] = { "what is this\n", NULL };
	uint64_t end;

	(void)state;
	assert_int_equal(top(texts, NO_LIMIT, &end), -EBADMSG);
	assert_non_null(strstr(svart_fail_text(), "report this kernel"));
}

static void test_maps_top_that_cannot_be_read_fails(void **state)
{
	const char *const texts[] = { GOOD, NULL };
	struct fake_text t;
	uint64_t end;

	(void)state;
	fake_text_init(&t);
	fake_text_set(&t.files[0], MAPS, texts);
	t.files[0].read_error = -EIO;
	assert_int_equal(svart_maps_top(&t.machine, NO_LIMIT, &end), -EIO);
	assert_non_null(strstr(svart_fail_text(), "cannot read /proc/self/maps"));
	assert_int_equal(t.nr_open, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps_line_has_every_field),
		cmocka_unit_test(test_maps_area_of_a_whole_line_takes_one_reading),
		cmocka_unit_test(test_maps_addresses_without_an_area_are_enoent_after_two_readings),
		cmocka_unit_test(test_maps_reading_that_moved_is_read_again),
		cmocka_unit_test(test_maps_readings_that_moved_twice_in_a_row_are_read_again),
		cmocka_unit_test(test_maps_text_that_never_stands_still_is_eagain_and_bounded),
		cmocka_unit_test(test_maps_text_of_another_form_is_ebadmsg),
		cmocka_unit_test(test_maps_line_in_pieces_is_believed_when_two_readings_agree),
		cmocka_unit_test(test_maps_line_of_two_areas_is_not_believed),
		cmocka_unit_test(
			test_maps_lines_in_pieces_that_differ_by_their_offset_do_not_agree),
		cmocka_unit_test(test_maps_lines_of_any_length_are_passed_over),
		cmocka_unit_test(test_maps_read_that_is_interrupted_is_made_again),
		cmocka_unit_test(test_maps_read_that_fails_is_its_errno),
		cmocka_unit_test(test_maps_descriptors_that_cannot_be_opened_fail_with_advice),
		cmocka_unit_test(test_maps_readers_have_a_descriptor_each),
		cmocka_unit_test(test_maps_top_is_the_highest_end_below_the_limit),
		cmocka_unit_test(test_maps_top_of_a_text_that_moved_is_read_again),
		cmocka_unit_test(test_maps_top_that_never_stands_still_is_eagain),
		cmocka_unit_test(test_maps_top_of_no_list_of_areas_fails),
		cmocka_unit_test(test_maps_top_that_cannot_be_read_fails),
	};

	return cmocka_run_group_tests_name("maps", tests, NULL, NULL);
}
