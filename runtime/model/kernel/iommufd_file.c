/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "iommufd_file.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <linux/capability.h>
#include <linux/iommufd.h>

#include "bits.h"
#include "caps.h"
#include "fault_queue.h"
#include "guard.h"
#include "hwpt.h"
#include "ioas.h"
#include "kernel_device.h"
#include "kernel_state.h"

/* VT-d capability register (VT-d spec 4.1, 11.4.2): 4-level tables, 48 bits, first-stage 1 GiB. */
#define VTD_CAP                                                                              \
	(SVART_FIELD_PREP(SVART_MASK(12, 8), 4) | SVART_FIELD_PREP(SVART_MASK(21, 16), 47) | \
		SVART_FIELD_PREP(SVART_MASK(56, 56), 1))
/* Extended capability register (11.4.3): coherent, queued invalidation, device TLB, page requests,
 * PASID of 20 bits, drain of page requests, scalable mode, first-stage tables. */
#define VTD_ECAP                                                                                  \
	(SVART_FIELD_PREP(SVART_MASK(0, 0), 1) | SVART_FIELD_PREP(SVART_MASK(1, 1), 1) |          \
		SVART_FIELD_PREP(SVART_MASK(2, 2), 1) | SVART_FIELD_PREP(SVART_MASK(29, 29), 1) | \
		SVART_FIELD_PREP(SVART_MASK(39, 35), SVART_MODEL_PASID_BITS - 1) |                \
		SVART_FIELD_PREP(SVART_MASK(40, 40), 1) |                                         \
		SVART_FIELD_PREP(SVART_MASK(42, 42), 1) |                                         \
		SVART_FIELD_PREP(SVART_MASK(43, 43), 1) | SVART_FIELD_PREP(SVART_MASK(47, 47), 1))

/** The arguments of any ioctl. */
union arguments {
	struct iommu_destroy destroy;
	struct iommu_ioas_alloc ioas_alloc;
	struct iommu_ioas_iova_ranges iova_ranges;
	struct iommu_ioas_map map;
	struct iommu_ioas_unmap unmap;
	struct iommu_option option;
	struct iommu_hwpt_alloc hwpt_alloc;
	struct iommu_hw_info hw_info;
	struct iommu_fault_alloc fault_alloc;
};

/** One ioctl under way. Owner: its caller's stack. */
struct call {
	struct svart_ictx *ctx;
	union arguments args;
	size_t user_bytes; /**< Size of the caller's struct. */
	void *user;        /**< The caller's struct. */
};

/** Writes the arguments back. @return 0 or -EFAULT. */
static int reply(struct call *c, size_t bytes)
{
	return svart_guard_copy(c->user, &c->args, bytes < c->user_bytes ? bytes : c->user_bytes);
}

static int do_destroy(struct call *c)
{
	return svart_iobj_destroy(c->ctx, c->args.destroy.id);
}

static int do_ioas_alloc(struct call *c)
{
	struct iommu_ioas_alloc *args = &c->args.ioas_alloc;
	struct svart_ioas *ioas;
	int rc;

	if (args->flags != 0)
		return -EOPNOTSUPP;
	rc = svart_ioas_create(c->ctx, &ioas);
	if (rc != 0)
		return rc;
	args->out_ioas_id = ioas->obj.id;
	rc = reply(c, sizeof(*args));
	if (rc != 0)
		svart_iobj_put_and_destroy(&ioas->obj);
	else
		svart_iobj_put(&ioas->obj);
	return rc;
}

static struct svart_ioas *get_ioas(struct call *c, uint32_t id)
{
	return (struct svart_ioas *)svart_iobj_get(c->ctx, id, SVART_IOBJ_IOAS);
}

static int do_iova_ranges(struct call *c)
{
	struct iommu_ioas_iova_ranges *args = &c->args.iova_ranges;
	struct iommu_iova_range ranges[SVART_IOAS_MAX_RANGES];
	uint32_t room = args->num_iovas;
	struct svart_ioas *ioas;
	uint64_t alignment;
	unsigned int nr;
	int rc;

	if (args->__reserved != 0)
		return -EOPNOTSUPP;
	ioas = get_ioas(c, args->ioas_id);
	if (ioas == NULL)
		return -ENOENT;
	nr = svart_ioas_ranges(ioas, ranges, &alignment);
	svart_iobj_put(&ioas->obj);
	rc = svart_guard_copy((void *)(uintptr_t)args->allowed_iovas, ranges,
		(nr < room ? nr : room) * sizeof(ranges[0]));
	if (rc != 0)
		return rc;
	args->num_iovas = nr;
	args->out_iova_alignment = alignment;
	rc = reply(c, sizeof(*args));
	return rc == 0 && nr > room ? -EMSGSIZE : rc;
}

/** Tells the error with which a MAP fails by chance, or 0. */
static int chance_of(struct svart_kernel *kernel, const struct svart_ioas *ioas)
{
	unsigned int i, nr = svart_kernel_nr_devices(kernel);
	struct svart_kernel_errors *errors;
	int rc = 0;

	for (i = 0; i < nr && rc == 0; i++) {
		errors = kernel->devices[i]->errors;
		rc = errors != NULL ? errors->ops->map(errors, ioas) : 0;
	}
	return rc;
}

static int do_map(struct call *c)
{
	struct iommu_ioas_map *args = &c->args.map;
	uint32_t access = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE;
	struct svart_ioas *ioas;
	uint64_t iova = args->iova;
	int rc;

	if ((args->flags & ~(access | IOMMU_IOAS_MAP_FIXED_IOVA)) != 0 || args->__reserved != 0)
		return -EOPNOTSUPP;
	if (args->iova == UINT64_MAX || args->length == UINT64_MAX)
		return -EOVERFLOW;
	if ((args->flags & access) == 0)
		return -EINVAL;
	ioas = get_ioas(c, args->ioas_id);
	if (ioas == NULL)
		return -ENOENT;
	rc = chance_of(c->ctx->kernel, ioas);
	if (rc == 0)
		rc = svart_ioas_map(ioas, &iova, args->user_va, args->length, args->flags);
	svart_iobj_put(&ioas->obj);
	if (rc != 0)
		return rc;
	args->iova = iova;
	return reply(c, sizeof(*args));
}

static int unmap(struct svart_ioas *ioas, struct iommu_ioas_unmap *args)
{
	uint64_t last, unmapped = 0;
	int rc;

	if (args->iova == 0 && args->length == UINT64_MAX) {
		rc = svart_ioas_unmap(ioas, 0, UINT64_MAX, &unmapped);
		rc = rc == -ENOENT ? 0 : rc;
	} else if (args->iova == UINT64_MAX || args->length == UINT64_MAX) {
		rc = -EOVERFLOW;
	} else if (args->length == 0) {
		rc = -EINVAL;
	} else if (__builtin_add_overflow(args->iova, args->length - 1, &last)) {
		rc = -EOVERFLOW;
	} else {
		rc = svart_ioas_unmap(ioas, args->iova, last, &unmapped);
	}
	args->length = unmapped;
	return rc;
}

static int do_unmap(struct call *c)
{
	struct iommu_ioas_unmap *args = &c->args.unmap;
	struct svart_ioas *ioas = get_ioas(c, args->ioas_id);
	int rc;

	if (ioas == NULL)
		return -ENOENT;
	rc = unmap(ioas, args);
	svart_iobj_put(&ioas->obj);
	return rc != 0 ? rc : reply(c, sizeof(*args));
}

static int rlimit_mode(struct svart_ictx *ctx, struct iommu_option *args)
{
	int rc = 0;

	if (args->object_id != 0)
		return -EOPNOTSUPP;
	if (args->op == IOMMU_OPTION_OP_SET && !svart_has_cap(CAP_SYS_RESOURCE))
		return -EPERM;
	pthread_mutex_lock(&ctx->lock);
	if (args->op == IOMMU_OPTION_OP_GET)
		args->val64 = ctx->account_process;
	else if (args->op != IOMMU_OPTION_OP_SET)
		rc = -EOPNOTSUPP;
	else if (ctx->nr_objects != 0)
		rc = -EBUSY;
	else if (args->val64 > 1)
		rc = -EINVAL;
	else
		ctx->account_process = args->val64 == 1;
	pthread_mutex_unlock(&ctx->lock);
	return rc;
}

static int huge_pages(struct call *c, struct iommu_option *args)
{
	struct svart_ioas *ioas = get_ioas(c, args->object_id);
	int rc = 0;

	if (ioas == NULL)
		return -ENOENT;
	if (args->op == IOMMU_OPTION_OP_GET)
		args->val64 = svart_ioas_huge_pages(ioas);
	else if (args->op != IOMMU_OPTION_OP_SET)
		rc = -EOPNOTSUPP;
	else if (args->val64 > 1)
		rc = -EINVAL;
	else
		rc = svart_ioas_huge_pages_set(ioas, args->val64 == 1);
	svart_iobj_put(&ioas->obj);
	return rc;
}

static int do_option(struct call *c)
{
	struct iommu_option *args = &c->args.option;
	int rc;

	if (args->__reserved != 0)
		return -EOPNOTSUPP;
	if (args->option_id == IOMMU_OPTION_RLIMIT_MODE)
		rc = rlimit_mode(c->ctx, args);
	else if (args->option_id == IOMMU_OPTION_HUGE_PAGES)
		rc = huge_pages(c, args);
	else
		rc = -EOPNOTSUPP;
	return rc != 0 ? rc : reply(c, sizeof(*args));
}

/** Makes a HWPT of the IOAS that pt_id names. @return 0, or -errno if it cannot. */
static int hwpt_of(struct call *c, struct svart_model_fault *fault, struct svart_hwpt **out)
{
	struct iommu_hwpt_alloc *args = &c->args.hwpt_alloc;
	struct svart_iobj *pt;
	struct svart_ioas *ioas;
	int rc = -EINVAL;

	pt = svart_iobj_get(c->ctx, args->pt_id, SVART_IOBJ_ANY);
	if (pt == NULL)
		return -EINVAL;
	/* There are no nested page tables, so a HWPT is no parent. */
	if (pt->type == SVART_IOBJ_IOAS) {
		ioas = (struct svart_ioas *)pt;
		pthread_mutex_lock(&ioas->hwpts);
		rc = svart_hwpt_create(
			ioas, fault, (args->flags & SVART_HWPT_ALLOC_PASID) != 0, false, out);
		pthread_mutex_unlock(&ioas->hwpts);
	}
	svart_iobj_put(pt);
	return rc;
}

/** Checks the flags. The model has neither parents of nested page tables nor tracking of dirty pages. */
static int check_hwpt_alloc(const struct iommu_hwpt_alloc *args)
{
	if (args->__reserved != 0)
		return -EOPNOTSUPP;
	if ((args->data_type == IOMMU_HWPT_DATA_NONE) != (args->data_len == 0))
		return -EINVAL;
	if ((args->flags & ~(uint32_t)(IOMMU_HWPT_FAULT_ID_VALID | SVART_HWPT_ALLOC_PASID)) != 0)
		return -EOPNOTSUPP;
	return args->data_type != IOMMU_HWPT_DATA_NONE ? -EOPNOTSUPP : 0;
}

static int do_hwpt_alloc(struct call *c)
{
	struct iommu_hwpt_alloc *args = &c->args.hwpt_alloc;
	struct svart_iobj *dev, *fault = NULL;
	struct svart_hwpt *hwpt;
	int rc = check_hwpt_alloc(args);

	if (rc != 0)
		return rc;
	dev = svart_iobj_get(c->ctx, args->dev_id, SVART_IOBJ_DEVICE);
	if (dev == NULL)
		return -ENOENT;
	if ((args->flags & IOMMU_HWPT_FAULT_ID_VALID) != 0) {
		fault = svart_iobj_get(c->ctx, args->fault_id, SVART_IOBJ_FAULT);
		if (fault == NULL) {
			rc = -ENOENT;
			goto put_dev;
		}
	}
	rc = hwpt_of(c, (struct svart_model_fault *)fault, &hwpt);
	if (rc != 0)
		goto put_fault;
	args->out_hwpt_id = hwpt->obj.id;
	rc = reply(c, sizeof(*args));
	if (rc != 0)
		svart_iobj_put_and_destroy(&hwpt->obj);
	else
		svart_iobj_put(&hwpt->obj);
put_fault:
	if (fault != NULL)
		svart_iobj_put(fault);
put_dev:
	svart_iobj_put(dev);
	return rc;
}

/** Copies as much of the VT-d registers as fits, and clears the rest of the caller's buffer. */
static int copy_hw_info(const struct iommu_hw_info *args)
{
	struct iommu_hw_info_vtd vtd = { .cap_reg = VTD_CAP, .ecap_reg = VTD_ECAP };
	uint8_t *out = (uint8_t *)(uintptr_t)args->data_uptr;
	size_t len = args->data_len;
	int rc = svart_guard_copy(out, &vtd, len < sizeof(vtd) ? len : sizeof(vtd));

	if (rc == 0 && len > sizeof(vtd))
		rc = svart_guard_fill(out + sizeof(vtd), len - sizeof(vtd), 0, 0, 0);
	return rc;
}

static int do_hw_info(struct call *c)
{
	struct iommu_hw_info *args = &c->args.hw_info;
	struct svart_iobj *obj;
	const struct svart_device_model *type;
	int rc;

	if (args->flags != 0 || args->__reserved[0] != 0 || args->__reserved[1] != 0 ||
		args->__reserved[2] != 0)
		return -EOPNOTSUPP;
	obj = svart_iobj_get(c->ctx, args->dev_id, SVART_IOBJ_DEVICE);
	if (obj == NULL)
		return -ENOENT;
	type = ((struct svart_iobj_device *)obj)->dev->hw.type;
	svart_iobj_put(obj);
	rc = copy_hw_info(args);
	if (rc != 0)
		return rc;
	args->data_len = sizeof(struct iommu_hw_info_vtd);
	args->out_data_type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
	args->out_capabilities = type->pasid_priv ? IOMMU_HW_CAP_PCI_PASID_PRIV : 0;
	args->out_max_pasid_log2 = type->pasid ? SVART_MODEL_PASID_BITS : 0;
	return reply(c, sizeof(*args));
}

static int do_fault_alloc(struct call *c)
{
	struct iommu_fault_alloc *args = &c->args.fault_alloc;
	struct svart_model_fault *fault;
	int fd, rc;

	if (args->flags != 0)
		return -EOPNOTSUPP;
	rc = svart_model_fault_create(c->ctx, &fault, &fd);
	if (rc != 0)
		return rc;
	args->out_fault_id = fault->obj.id;
	args->out_fault_fd = (uint32_t)fd;
	rc = reply(c, sizeof(*args));
	if (rc != 0) {
		svart_model_file_close(&c->ctx->kernel->files, fd);
		svart_iobj_put_and_destroy(&fault->obj);
	} else {
		svart_iobj_put(&fault->obj);
	}
	return rc;
}

/** One ioctl: its number, the sizes of its arguments, and what it does. */
struct command {
	unsigned long request;
	size_t bytes;
	size_t min_bytes; /**< Size in the first version, which older programs pass. */
	int (*run)(struct call *c);
};

#define MIN_BYTES(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))

static const struct command commands[] = {
	{ IOMMU_DESTROY, sizeof(struct iommu_destroy), MIN_BYTES(struct iommu_destroy, id),
		do_destroy },
	{ IOMMU_IOAS_ALLOC, sizeof(struct iommu_ioas_alloc),
		MIN_BYTES(struct iommu_ioas_alloc, out_ioas_id), do_ioas_alloc },
	{ IOMMU_IOAS_IOVA_RANGES, sizeof(struct iommu_ioas_iova_ranges),
		MIN_BYTES(struct iommu_ioas_iova_ranges, out_iova_alignment), do_iova_ranges },
	{ IOMMU_IOAS_MAP, sizeof(struct iommu_ioas_map), MIN_BYTES(struct iommu_ioas_map, iova),
		do_map },
	{ IOMMU_IOAS_UNMAP, sizeof(struct iommu_ioas_unmap),
		MIN_BYTES(struct iommu_ioas_unmap, length), do_unmap },
	{ IOMMU_OPTION, sizeof(struct iommu_option), MIN_BYTES(struct iommu_option, val64),
		do_option },
	{ IOMMU_HWPT_ALLOC, sizeof(struct iommu_hwpt_alloc),
		MIN_BYTES(struct iommu_hwpt_alloc, __reserved), do_hwpt_alloc },
	{ IOMMU_GET_HW_INFO, sizeof(struct iommu_hw_info),
		MIN_BYTES(struct iommu_hw_info, __reserved), do_hw_info },
	{ IOMMU_FAULT_QUEUE_ALLOC, sizeof(struct iommu_fault_alloc),
		MIN_BYTES(struct iommu_fault_alloc, out_fault_fd), do_fault_alloc },
};

static const struct command *find_command(unsigned long request)
{
	size_t i;

	for (i = 0; i < SVART_ARRAY_SIZE(commands); i++) {
		if (commands[i].request == request)
			return &commands[i];
	}
	return NULL;
}

/** Tells whether [user + from, user + to) is all zero. @return 0, -E2BIG or -EFAULT. */
static int check_tail(const uint8_t *user, size_t from, size_t to)
{
	uint8_t chunk[64];
	size_t i, part;

	for (; from < to; from += part) {
		part = to - from < sizeof(chunk) ? to - from : sizeof(chunk);
		if (svart_guard_copy(chunk, user + from, part) != 0)
			return -EFAULT;
		for (i = 0; i < part; i++) {
			if (chunk[i] != 0)
				return -E2BIG;
		}
	}
	return 0;
}

/** Copies the arguments in, as copy_struct_from_user() does. */
static int fetch(struct call *c, const struct command *command)
{
	size_t bytes = command->bytes;
	int rc;

	if (c->user_bytes < command->min_bytes)
		return -EINVAL;
	rc = check_tail(c->user, bytes, c->user_bytes);
	if (rc != 0)
		return rc;
	memset(&c->args, 0, sizeof(c->args));
	return svart_guard_copy(&c->args, c->user, bytes < c->user_bytes ? bytes : c->user_bytes);
}

static int iommufd_ioctl(struct svart_model_file *f, unsigned long request, void *arg)
{
	const struct command *command = find_command(request);
	struct call c = { .ctx = f->object, .user = arg };
	uint32_t user_bytes;
	int rc = svart_guard_copy(&user_bytes, arg, sizeof(user_bytes));

	if (rc != 0)
		return rc;
	if (command == NULL)
		return -ENOTTY;
	c.user_bytes = user_bytes;
	rc = fetch(&c, command);
	return rc != 0 ? rc : command->run(&c);
}

static void iommufd_release(struct svart_model_file *f)
{
	svart_ictx_put(f->object);
}

static const struct svart_model_file_ops iommufd_ops = {
	.ioctl = iommufd_ioctl,
	.release = iommufd_release,
};

int svart_model_open_iommufd(struct svart_kernel *kernel)
{
	struct svart_ictx *ctx = svart_ictx_create(kernel);
	int fd;

	if (ctx == NULL)
		return -ENOMEM;
	fd = svart_model_file_open(&kernel->files, &iommufd_ops, ctx);
	if (fd < 0)
		svart_ictx_put(ctx);
	return fd;
}

struct svart_ictx *svart_ictx_of(struct svart_model_file *f)
{
	struct svart_ictx *ctx;

	if (f->ops != &iommufd_ops)
		return NULL;
	ctx = f->object;
	svart_ictx_hold(ctx);
	return ctx;
}
