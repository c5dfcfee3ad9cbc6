/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "iommu_unit_file.h"
#include "vtd_spec.h"

#define UNIT_FD 7

/** A machine that has one unit, and knows what of it is in use. */
struct fake {
	struct svart_machine base;
	struct svart_iommu_unit_info info;
	int open_rc, ioctl_rc, mmap_rc, madvise_rc;
	unsigned int nr_open, nr_mapped;
	int advice;
	char path[64];
	char regs[1];
};

static int fake_open(struct svart_machine *m, const char *path, int flags)
{
	struct fake *f = (struct fake *)m;

	(void)flags;
	strncpy(f->path, path, sizeof(f->path) - 1);
	if (f->open_rc != 0)
		return f->open_rc;
	f->nr_open++;
	return UNIT_FD;
}

static int fake_close(struct svart_machine *m, int fd)
{
	assert_int_equal(fd, UNIT_FD);
	((struct fake *)m)->nr_open--;
	return 0;
}

static int fake_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	struct fake *f = (struct fake *)m;
	struct svart_iommu_unit_info *info = arg;

	assert_int_equal(fd, UNIT_FD);
	assert_int_equal(request, SVART_IOMMU_UNIT_GET_INFO);
	assert_int_equal(info->argsz, sizeof(*info));
	*info = f->info;
	return f->ioctl_rc;
}

static int fake_mmap(struct svart_machine *m, void *addr, size_t len, int prot, int flags, int fd,
	off_t off, void **out)
{
	struct fake *f = (struct fake *)m;

	(void)addr;
	assert_int_equal(len, f->info.bytes);
	assert_int_equal(prot, PROT_READ | PROT_WRITE);
	assert_int_equal(flags, MAP_SHARED);
	assert_int_equal(fd, UNIT_FD);
	assert_int_equal(off, 0);
	if (f->mmap_rc != 0)
		return f->mmap_rc;
	f->nr_mapped++;
	*out = f->regs;
	return 0;
}

static int fake_munmap(struct svart_machine *m, void *addr, size_t len)
{
	struct fake *f = (struct fake *)m;

	assert_ptr_equal(addr, f->regs);
	assert_int_equal(len, f->info.bytes);
	f->nr_mapped--;
	return 0;
}

static int fake_madvise(struct svart_machine *m, void *addr, size_t len, int advice)
{
	struct fake *f = (struct fake *)m;

	(void)addr;
	(void)len;
	f->advice = advice;
	return f->madvise_rc;
}

static const struct svart_machine_ops fake_ops = {
	.open = fake_open,
	.close = fake_close,
	.ioctl = fake_ioctl,
	.mmap = fake_mmap,
	.munmap = fake_munmap,
	.madvise = fake_madvise,
};

static struct fake fake_new(void)
{
	return (struct fake){
		.base.ops = &fake_ops,
		.info = { .argsz = sizeof(struct svart_iommu_unit_info),
			.kind = SVART_IOMMU_UNIT_VTD,
			.requester_id = 0x6a08,
			.bytes = SVART_VTD_REGS_BYTES },
	};
}

static void open_fails_with(struct fake *f, int rc)
{
	struct svart_iommu_unit unit;

	assert_int_equal(svart_iommu_unit_open(&f->base, "0000:6a:01.0", &unit), rc);
	assert_int_equal(f->nr_open, 0);
	assert_int_equal(f->nr_mapped, 0);
}

static void test_unit_open_tells_what_the_unit_is(void **state)
{
	struct fake f = fake_new();
	struct svart_iommu_unit unit;

	(void)state;
	assert_int_equal(svart_iommu_unit_open(&f.base, "0000:6a:01.0", &unit), 0);
	assert_string_equal(f.path, "/dev/svart-iommu/0000:6a:01.0");
	assert_int_equal(unit.kind, SVART_IOMMU_UNIT_VTD);
	assert_int_equal(unit.requester_id, 0x6a08);
	assert_int_equal(unit.bytes, SVART_VTD_REGS_BYTES);
	assert_int_equal(unit.fd, UNIT_FD);
	assert_ptr_equal(unit.regs, f.regs);
	assert_int_equal(f.advice, MADV_DONTFORK);
	svart_iommu_unit_close(&f.base, &unit);
	assert_int_equal(f.nr_open, 0);
	assert_int_equal(f.nr_mapped, 0);
}

static void test_unit_open_where_there_is_none_gives_enoent(void **state)
{
	struct fake f = fake_new();

	(void)state;
	f.open_rc = -ENOENT;
	open_fails_with(&f, -ENOENT);
}

static void test_unit_open_when_somebody_has_it_gives_ebusy(void **state)
{
	struct fake f = fake_new();

	(void)state;
	f.open_rc = -EBUSY;
	open_fails_with(&f, -EBUSY);
}

static void test_unit_open_with_a_failing_call_leaves_nothing(void **state)
{
	struct fake f = fake_new();

	(void)state;
	f.ioctl_rc = -EINVAL;
	open_fails_with(&f, -EINVAL);
	f = fake_new();
	f.mmap_rc = -ENOMEM;
	open_fails_with(&f, -ENOMEM);
	f = fake_new();
	f.madvise_rc = -EINVAL;
	open_fails_with(&f, -EINVAL);
}

static void test_unit_open_of_impossible_registers_gives_eio(void **state)
{
	static const uint64_t bytes[] = { 0, 0x800, 0x1001, UINT64_MAX };
	struct fake f = fake_new();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		f.info.bytes = bytes[i];
		open_fails_with(&f, -EIO);
	}
	f.info.kind = SVART_IOMMU_UNIT_SMMU;
	f.info.bytes = SVART_VTD_REGS_BYTES;
	open_fails_with(&f, -EIO);
}

static void test_unit_open_with_a_long_address_gives_enoent(void **state)
{
	struct fake f = fake_new();
	struct svart_iommu_unit unit;
	char address[128];

	(void)state;
	memset(address, '0', sizeof(address) - 1);
	address[sizeof(address) - 1] = '\0';
	assert_int_equal(svart_iommu_unit_open(&f.base, address, &unit), -ENOENT);
	assert_int_equal(f.nr_open, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unit_open_tells_what_the_unit_is),
		cmocka_unit_test(test_unit_open_where_there_is_none_gives_enoent),
		cmocka_unit_test(test_unit_open_when_somebody_has_it_gives_ebusy),
		cmocka_unit_test(test_unit_open_with_a_failing_call_leaves_nothing),
		cmocka_unit_test(test_unit_open_of_impossible_registers_gives_eio),
		cmocka_unit_test(test_unit_open_with_a_long_address_gives_enoent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
