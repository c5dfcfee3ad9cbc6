/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "mock.h"

#include "iommufd.h"

/** Commands; the numbers are the kernel's. */
enum mock_op {
	MOCK_OP_CHECK_MAP = 3,
	MOCK_OP_REPLACE = 10,
	MOCK_OP_CREATE_FLAGS = 12,
	MOCK_OP_TRIGGER_IOPF = 15,
	MOCK_OP_PASID_ATTACH = 18,
	MOCK_OP_PASID_REPLACE = 19,
	MOCK_OP_PASID_DETACH = 20,
};

/** The device has PASIDs. */
#define MOCK_CREATE_PASID (1u << 2)

/** The ioctl's argument. Owner: its call. Lifetime: the call. Locks: none. */
struct mock_cmd {
	uint32_t size;
	uint32_t op;
	uint32_t id;
	uint32_t reserved;
	union {
		struct {
			uint32_t out_mock_id;
			uint32_t out_hwpt_id;
			uint32_t out_dev_id;
			uint32_t flags;
		} create;
		struct {
			uint32_t pt_id;
		} replace;
		struct {
			uint64_t iova;
			uint64_t length;
			uint64_t va;
		} check_map;
		struct {
			uint32_t dev_id;
			uint32_t pasid;
			uint32_t grpid;
			uint32_t perm;
			uint64_t addr;
		} trigger;
		struct {
			uint32_t pasid;
			uint32_t pt_id;
		} pasid;
		uint64_t room[6]; /* the largest of all members that the kernel has */
	};
	uint32_t last;
	uint32_t padding;
};
_Static_assert(sizeof(struct mock_cmd) == 72, "sizeof(struct iommu_test_cmd), Linux 7.2");
_Static_assert(offsetof(struct mock_cmd, last) == 64, "iommu_test_cmd.last, Linux 7.2");

#define MOCK_IOCTL _IO(IOMMUFD_TYPE, IOMMUFD_CMD_BASE + 32)

/* The kernel takes a command that ends at `last`, as its own test sends it. */
static int mock_ioctl(struct svart_machine *m, int fd, struct mock_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return m->ops->ioctl(m, fd, MOCK_IOCTL, cmd);
}

int mock_device_create(struct svart_machine *m, int fd, uint32_t pt_id, struct mock_device *dev)
{
	struct mock_cmd cmd = {
		.op = MOCK_OP_CREATE_FLAGS,
		.id = pt_id,
		.create = { .flags = MOCK_CREATE_PASID },
	};
	int rc = mock_ioctl(m, fd, &cmd);

	if (rc == 0)
		*dev = (struct mock_device){ .mock_id = cmd.create.out_mock_id,
			.hwpt_id = cmd.create.out_hwpt_id,
			.dev_id = cmd.create.out_dev_id };
	return rc;
}

int mock_device_destroy(struct svart_machine *m, int fd, const struct mock_device *dev)
{
	return svart_iommufd_destroy(m, fd, dev->mock_id);
}

int mock_replace(struct svart_machine *m, int fd, const struct mock_device *dev, uint32_t pt_id)
{
	struct mock_cmd cmd = {
		.op = MOCK_OP_REPLACE,
		.id = dev->mock_id,
		.replace = { .pt_id = pt_id },
	};

	return mock_ioctl(m, fd, &cmd);
}

static int mock_pasid(struct svart_machine *m, int fd, const struct mock_device *dev,
	enum mock_op op, uint32_t pasid, uint32_t pt_id)
{
	struct mock_cmd cmd = {
		.op = op,
		.id = dev->mock_id,
		.pasid = { .pasid = pasid, .pt_id = pt_id },
	};

	return mock_ioctl(m, fd, &cmd);
}

int mock_attach_pasid(struct svart_machine *m, int fd, const struct mock_device *dev,
	uint32_t pasid, uint32_t pt_id)
{
	return mock_pasid(m, fd, dev, MOCK_OP_PASID_ATTACH, pasid, pt_id);
}

int mock_replace_pasid(struct svart_machine *m, int fd, const struct mock_device *dev,
	uint32_t pasid, uint32_t pt_id)
{
	return mock_pasid(m, fd, dev, MOCK_OP_PASID_REPLACE, pasid, pt_id);
}

int mock_detach_pasid(
	struct svart_machine *m, int fd, const struct mock_device *dev, uint32_t pasid)
{
	return mock_pasid(m, fd, dev, MOCK_OP_PASID_DETACH, pasid, 0);
}

int mock_trigger(struct svart_machine *m, int fd, const struct mock_device *dev, uint32_t pasid,
	uint32_t grpid, uint32_t perm, uint64_t addr)
{
	struct mock_cmd cmd = {
		.op = MOCK_OP_TRIGGER_IOPF,
		.trigger = { .dev_id = dev->dev_id,
			.pasid = pasid,
			.grpid = grpid,
			.perm = perm,
			.addr = addr },
	};

	return mock_ioctl(m, fd, &cmd);
}

int mock_check_map(struct svart_machine *m, int fd, uint32_t hwpt_id, uint64_t iova, uint64_t len,
	const void *va)
{
	struct mock_cmd cmd = {
		.op = MOCK_OP_CHECK_MAP,
		.id = hwpt_id,
		.check_map = { .iova = iova, .length = len, .va = (uintptr_t)va },
	};

	return mock_ioctl(m, fd, &cmd);
}
