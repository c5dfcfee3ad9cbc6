/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "vfio_cdev.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "bits.h"
#include "guard.h"
#include "hwpt.h"
#include "kernel_device.h"
#include "iommufd_file.h"
#include "mmio.h"
#include "kernel_state.h"

#define REGION_MASK           ((UINT64_C(1) << SVART_CDEV_REGION_SHIFT) - 1)
#define MIN_BYTES(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))

/** Largest piece of one read() or write(), as a buffer on the stack. */
#define CHUNK_BYTES 256

/** Reads the fixed part of an ioctl's struct, which begins with argsz. @return 0 or -errno. */
static int fetch(void *args, const void *user, size_t min_bytes)
{
	uint32_t argsz;
	int rc = svart_guard_copy(args, user, min_bytes);

	if (rc != 0)
		return rc;
	memcpy(&argsz, args, sizeof(argsz));
	return argsz < min_bytes ? -EINVAL : 0;
}

/* --- bind and attach ------------------------------------------------------------------------- */

static void device_object_destroy(struct svart_iobj *obj)
{
	free(obj);
}

static int make_object(struct svart_cdev *cdev)
{
	struct svart_iobj_device *object = calloc(1, sizeof(*object));
	int rc;

	if (object == NULL)
		return -ENOMEM;
	object->obj.type = SVART_IOBJ_DEVICE;
	object->obj.destroy = device_object_destroy;
	object->dev = cdev->dev;
	/* The binding stays a user, so DESTROY says EBUSY. */
	rc = svart_iobj_add(cdev->ctx, &object->obj);
	if (rc != 0) {
		free(object);
		return rc;
	}
	cdev->object = object;
	return 0;
}

/** Makes the device ready for its program. Control is held. */
static void enable(struct svart_cdev *cdev)
{
	struct svart_kernel_device *dev = cdev->dev;

	svart_engine_lock(&dev->hw.engine);
	svart_model_config_open(&dev->config);
	dev->dev_id = cdev->object->obj.id;
	svart_engine_unlock(&dev->hw.engine);
	dev->bound = cdev;
}

static void disable_irqs(struct svart_kernel_device *dev, unsigned int first, unsigned int nr)
{
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		if (dev->irq_fds[i] >= 0)
			close(dev->irq_fds[i]);
		dev->irq_fds[i] = -1;
	}
}

/** Undoes bind, in the kernel's order: no more DMA, no interrupts, reset, detach. Control is held. */
static void unbind(struct svart_cdev *cdev)
{
	struct svart_kernel_device *dev = cdev->dev;

	svart_engine_lock(&dev->hw.engine);
	svart_model_config_init(&dev->config, dev->hw.type, &dev->hw.bus_master);
	disable_irqs(dev, 0, svart_kernel_device_nr_irqs(dev));
	dev->msix_enabled = false;
	svart_engine_unlock(&dev->hw.engine);
	svart_kernel_device_reset(dev);
	svart_hwpt_detach_all(dev);
	dev->bound = NULL;
	svart_iobj_put_and_destroy(&cdev->object->obj);
}

static int get_ctx(struct svart_cdev *cdev, int iommufd)
{
	struct svart_model_file *f = svart_model_file_get(&cdev->dev->kernel->files, iommufd);

	if (f == NULL)
		return fcntl(iommufd, F_GETFD) < 0 ? -EBADF : -EBADFD;
	cdev->ctx = svart_ictx_of(f);
	svart_model_file_put(f);
	return cdev->ctx != NULL ? 0 : -EBADFD;
}

/** Binds the device. Control is held. */
static int bind(struct svart_cdev *cdev, struct vfio_device_bind_iommufd *args, void *user)
{
	int rc;

	/* A device can be bound only once, whichever of its open files asks. */
	if (cdev->dev->bound != NULL)
		return -EINVAL;
	rc = get_ctx(cdev, args->iommufd);
	if (rc != 0)
		return rc;
	rc = make_object(cdev);
	if (rc != 0)
		goto put_ctx;
	enable(cdev);
	rc = svart_engine_open(&cdev->dev->hw.engine);
	args->out_devid = cdev->object->obj.id;
	if (rc == 0)
		rc = svart_guard_copy(user, args, sizeof(*args));
	if (rc != 0)
		goto unbind;
	/* Orders all of this before the flag; pairs with is_bound(). */
	atomic_store_explicit(&cdev->bound, true, memory_order_release);
	return 0;

unbind:
	unbind(cdev);
put_ctx:
	svart_ictx_put(cdev->ctx);
	cdev->ctx = NULL;
	return rc;
}

static int do_bind(struct svart_cdev *cdev, void *user)
{
	struct vfio_device_bind_iommufd args;
	int rc = fetch(&args, user, sizeof(args));

	if (rc != 0)
		return rc;
	if (args.flags != 0 || args.iommufd < 0)
		return -EINVAL;
	pthread_mutex_lock(&cdev->dev->control);
	rc = bind(cdev, &args, user);
	pthread_mutex_unlock(&cdev->dev->control);
	return rc;
}

static int do_attach(struct svart_cdev *cdev, void *user)
{
	size_t min_bytes = MIN_BYTES(struct svart_cdev_attach, pt_id);
	struct svart_cdev_attach args;
	uint32_t pasid = SVART_BUS_NO_PASID;
	int rc = fetch(&args, user, min_bytes);

	if (rc != 0)
		return rc;
	if ((args.flags & ~SVART_CDEV_ATTACH_PASID) != 0)
		return -EINVAL;
	if ((args.flags & SVART_CDEV_ATTACH_PASID) != 0) {
		rc = fetch(&args, user, sizeof(args));
		if (rc != 0)
			return rc;
		pasid = args.pasid;
		if (pasid == SVART_BUS_NO_PASID)
			return -EINVAL;
	}
	pthread_mutex_lock(&cdev->dev->control);
	rc = svart_hwpt_attach(cdev->ctx, cdev->dev, pasid, &args.pt_id);
	if (rc == 0)
		rc = svart_guard_copy(user, &args, min_bytes);
	pthread_mutex_unlock(&cdev->dev->control);
	return rc;
}

static int do_detach(struct svart_cdev *cdev, void *user)
{
	size_t min_bytes = MIN_BYTES(struct svart_cdev_detach, flags);
	struct svart_cdev_detach args;
	uint32_t pasid = SVART_BUS_NO_PASID;
	int rc = fetch(&args, user, min_bytes);

	if (rc != 0)
		return rc;
	if ((args.flags & ~SVART_CDEV_DETACH_PASID) != 0)
		return -EINVAL;
	if ((args.flags & SVART_CDEV_DETACH_PASID) != 0) {
		rc = fetch(&args, user, sizeof(args));
		if (rc != 0)
			return rc;
		pasid = args.pasid;
		if (pasid == SVART_BUS_NO_PASID)
			return 0;
	}
	pthread_mutex_lock(&cdev->dev->control);
	svart_hwpt_detach(cdev->dev, pasid);
	pthread_mutex_unlock(&cdev->dev->control);
	return 0;
}

/* --- what there is --------------------------------------------------------------------------- */

static int do_get_info(void *user)
{
	size_t min_bytes = MIN_BYTES(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;
	int rc = fetch(&info, user, min_bytes);

	if (rc != 0)
		return rc;
	if (info.argsz >= MIN_BYTES(struct vfio_device_info, cap_offset)) {
		min_bytes = MIN_BYTES(struct vfio_device_info, cap_offset);
		info.cap_offset = 0;
	}
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return svart_guard_copy(user, &info, min_bytes);
}

/** Says that the BAR with the MSI-X table may be mapped as a whole. Only BAR 0 has this capability. */
static int add_msix_cap(struct vfio_region_info *info, uint8_t *user)
{
	struct vfio_info_cap_header cap = { .id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE,
		.version = 1 };
	uint32_t room = info->argsz;

	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	info->cap_offset = 0;
	if (room < sizeof(*info) + sizeof(cap)) {
		info->argsz = sizeof(*info) + sizeof(cap);
		return 0;
	}
	info->cap_offset = sizeof(*info);
	return svart_guard_copy(user + sizeof(*info), &cap, sizeof(cap));
}

static int do_region_info(struct svart_cdev *cdev, void *user)
{
	const struct svart_device_model *type = cdev->dev->hw.type;
	struct vfio_region_info info;
	int rc = fetch(&info, user, sizeof(info));

	if (rc != 0)
		return rc;
	if (info.index >= VFIO_PCI_VGA_REGION_INDEX)
		return -EINVAL;
	info.offset = (uint64_t)info.index << SVART_CDEV_REGION_SHIFT;
	info.size = 0;
	info.flags = 0;
	if (info.index == VFIO_PCI_CONFIG_REGION_INDEX)
		info.size = SVART_MODEL_CONFIG_BYTES;
	else if (info.index <= VFIO_PCI_BAR5_REGION_INDEX)
		info.size = type->bar_bytes[info.index];
	if (info.size != 0)
		info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (info.size >= SVART_PAGE_SIZE && info.index != VFIO_PCI_CONFIG_REGION_INDEX)
		info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
	if (info.index == VFIO_PCI_BAR0_REGION_INDEX && type->nr_vectors > 0)
		rc = add_msix_cap(&info, user);
	return rc != 0 ? rc : svart_guard_copy(user, &info, sizeof(info));
}

/* --- interrupts ------------------------------------------------------------------------------ */

/** Tells how many interrupts an index has, and where they begin in irq_fds. */
static unsigned int irqs_of(
	const struct svart_kernel_device *dev, uint32_t index, unsigned int *first)
{
	*first = 0;
	if (index == VFIO_PCI_MSIX_IRQ_INDEX)
		return dev->hw.type->nr_vectors;
	*first = dev->hw.type->nr_vectors + (index == VFIO_PCI_REQ_IRQ_INDEX);
	return index == VFIO_PCI_ERR_IRQ_INDEX || index == VFIO_PCI_REQ_IRQ_INDEX;
}

static int do_irq_info(struct svart_cdev *cdev, void *user)
{
	struct vfio_irq_info info;
	unsigned int first;
	int rc = fetch(&info, user, sizeof(info));

	if (rc != 0)
		return rc;
	if (info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info.count = irqs_of(cdev->dev, info.index, &first);
	info.flags = VFIO_IRQ_INFO_EVENTFD;
	if (info.index == VFIO_PCI_INTX_IRQ_INDEX)
		info.flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	else
		info.flags |= VFIO_IRQ_INFO_NORESIZE;
	return svart_guard_copy(user, &info, sizeof(info));
}

/** Binds one eventfd, or none with -1. The device lock is held. */
static int bind_irq(struct svart_kernel_device *dev, unsigned int nr, int32_t fd)
{
	int copy = -1;

	if (fd < -1)
		return -EINVAL;
	if (fd >= 0) {
		/* The kernel keeps the eventfd, whatever happens to the descriptor. */
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (copy < 0)
			return -errno;
	}
	disable_irqs(dev, nr, 1);
	dev->irq_fds[nr] = copy;
	return 0;
}

static void set_msix(struct svart_kernel_device *dev, bool on)
{
	dev->msix_enabled = on;
	svart_model_config_msix_set(&dev->config, on);
}

/** Binds or raises the interrupts that a call names. The device lock is held. */
static int set_irqs(struct svart_kernel_device *dev, const struct vfio_irq_set *set,
	unsigned int first, const uint8_t *data)
{
	uint32_t type = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	unsigned int i;
	int32_t fd;
	int rc = 0;

	for (i = 0; i < set->count && rc == 0; i++) {
		if (type == VFIO_IRQ_SET_DATA_EVENTFD) {
			memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
			rc = bind_irq(dev, first + set->start + i, fd);
		} else if (type == VFIO_IRQ_SET_DATA_NONE || data[i] != 0) {
			svart_kernel_device_raise(dev, first + set->start + i);
		}
	}
	return rc;
}

/** Follows the rules of vfio_pci_set_msi_trigger(). The device lock is held. */
static int trigger_msix(
	struct svart_kernel_device *dev, const struct vfio_irq_set *set, const uint8_t *data)
{
	bool binds = (set->flags & VFIO_IRQ_SET_DATA_EVENTFD) != 0;
	bool was_enabled = dev->msix_enabled;
	int rc;

	if (set->count == 0 && (set->flags & VFIO_IRQ_SET_DATA_NONE) != 0 && was_enabled) {
		disable_irqs(dev, 0, dev->hw.type->nr_vectors);
		set_msix(dev, false);
		return 0;
	}
	if (!binds && !was_enabled)
		return -EINVAL;
	if (binds)
		set_msix(dev, true);
	rc = set_irqs(dev, set, 0, data);
	if (rc != 0 && !was_enabled) {
		disable_irqs(dev, 0, dev->hw.type->nr_vectors);
		set_msix(dev, false);
	}
	return rc;
}

/** Does the checks of vfio_set_irqs_validate_and_prepare(). @param bytes out: length of the data. */
static int check_irq_set(
	const struct svart_kernel_device *dev, const struct vfio_irq_set *set, size_t *bytes)
{
	uint32_t action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	uint32_t type = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	unsigned int first, nr;

	if (set->index >= VFIO_PCI_NUM_IRQS ||
		(set->flags & ~(VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK)) != 0)
		return -EINVAL;
	nr = irqs_of(dev, set->index, &first);
	if (set->start >= nr || set->count > nr - set->start)
		return -EINVAL;
	if (type == VFIO_IRQ_SET_DATA_NONE)
		*bytes = 0;
	else if (type == VFIO_IRQ_SET_DATA_BOOL)
		*bytes = set->count;
	else if (type == VFIO_IRQ_SET_DATA_EVENTFD)
		*bytes = set->count * sizeof(int32_t);
	else
		return -EINVAL;
	if (type != VFIO_IRQ_SET_DATA_NONE && *bytes == 0)
		return -EINVAL;
	if (set->argsz - sizeof(*set) < *bytes)
		return -EINVAL;
	return action == VFIO_IRQ_SET_ACTION_TRIGGER ? 0 : -ENOTTY;
}

static int do_set_irqs(struct svart_cdev *cdev, const uint8_t *user)
{
	struct svart_kernel_device *dev = cdev->dev;
	struct vfio_irq_set set;
	unsigned int first;
	uint8_t *data;
	size_t bytes;
	int rc = fetch(&set, user, sizeof(set));

	if (rc == 0)
		rc = check_irq_set(dev, &set, &bytes);
	if (rc != 0)
		return rc;
	data = malloc(bytes + 1);
	if (data == NULL)
		return -ENOMEM;
	rc = svart_guard_copy(data, user + sizeof(set), bytes);
	if (rc == 0) {
		irqs_of(dev, set.index, &first);
		svart_engine_lock(&dev->hw.engine);
		rc = set.index == VFIO_PCI_MSIX_IRQ_INDEX ? trigger_msix(dev, &set, data)
							  : set_irqs(dev, &set, first, data);
		svart_engine_unlock(&dev->hw.engine);
	}
	free(data);
	return rc;
}

static int do_reset(struct svart_cdev *cdev)
{
	/* pcie_flr() waits in vain for the device to come back. */
	if (svart_iommu_device_is_removed(&cdev->dev->hw))
		return -ENOTTY;
	pthread_mutex_lock(&cdev->dev->control);
	svart_kernel_device_reset(cdev->dev);
	pthread_mutex_unlock(&cdev->dev->control);
	return 0;
}

/* --- the file -------------------------------------------------------------------------------- */

static bool is_bound(struct svart_cdev *cdev)
{
	/* Orders the flag before what bind() made; pairs with its store. */
	return atomic_load_explicit(&cdev->bound, memory_order_acquire);
}

static int cdev_ioctl(struct svart_model_file *f, unsigned long request, void *arg)
{
	struct svart_cdev *cdev = f->object;

	if (request == VFIO_DEVICE_BIND_IOMMUFD)
		return do_bind(cdev, arg);
	if (!is_bound(cdev))
		return -EINVAL;
	switch (request) {
	case VFIO_DEVICE_ATTACH_IOMMUFD_PT:
		return do_attach(cdev, arg);
	case VFIO_DEVICE_DETACH_IOMMUFD_PT:
		return do_detach(cdev, arg);
	case VFIO_DEVICE_GET_INFO:
		return do_get_info(arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return do_region_info(cdev, arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return do_irq_info(cdev, arg);
	case VFIO_DEVICE_SET_IRQS:
		return do_set_irqs(cdev, arg);
	case VFIO_DEVICE_RESET:
		return do_reset(cdev);
	default:
		return -ENOTTY;
	}
}

static ssize_t config_access(
	struct svart_cdev *cdev, uint8_t *user, size_t len, uint64_t off, bool is_write)
{
	struct svart_kernel_device *dev = cdev->dev;
	uint8_t bytes[SVART_MODEL_CONFIG_BYTES];
	bool reset = false;
	int rc;

	if (off >= SVART_MODEL_CONFIG_BYTES || len > SVART_MODEL_CONFIG_BYTES - off)
		return -EFAULT;
	if (is_write && svart_guard_copy(bytes, user, len) != 0)
		return -EFAULT;
	svart_engine_lock(&dev->hw.engine);
	if (is_write)
		reset = svart_model_config_write(&dev->config, off, bytes, len);
	else
		svart_model_config_read(&dev->config, off, bytes, len);
	svart_engine_unlock(&dev->hw.engine);
	if (reset)
		do_reset(cdev);
	rc = is_write ? 0 : svart_guard_copy(user, bytes, len);
	return rc != 0 ? rc : (ssize_t)len;
}

static ssize_t bar_access(struct svart_cdev *cdev, unsigned int bar, uint8_t *user, size_t len,
	uint64_t off, bool is_write)
{
	uint64_t size = cdev->dev->hw.type->bar_bytes[bar];
	uint8_t chunk[CHUNK_BYTES];
	size_t done, part;

	if (off >= size)
		return -EINVAL;
	/*
	 * The kernel tests what the program wrote (__vfio_pci_memory_enabled()), not whether the device
	 * answers.
	 */
	if (!svart_mmio_is_on(cdev->dev) && !svart_iommu_device_is_removed(&cdev->dev->hw))
		return -EIO;
	len = len < size - off ? len : size - off;
	for (done = 0; done < len; done += part) {
		part = len - done < sizeof(chunk) ? len - done : sizeof(chunk);
		if (is_write) {
			if (svart_guard_copy(chunk, user + done, part) != 0)
				return -EFAULT;
			svart_mmio_write_bytes(cdev->dev, bar, off + done, chunk, part);
		} else {
			svart_mmio_read_bytes(cdev->dev, bar, off + done, chunk, part);
			if (svart_guard_copy(user + done, chunk, part) != 0)
				return -EFAULT;
		}
	}
	return (ssize_t)len;
}

static ssize_t access_region(
	struct svart_cdev *cdev, uint8_t *user, size_t len, off_t pos, bool is_write)
{
	uint64_t index = (uint64_t)pos >> SVART_CDEV_REGION_SHIFT;
	uint64_t off = (uint64_t)pos & REGION_MASK;

	if (!is_bound(cdev) || pos < 0)
		return -EINVAL;
	if (len == 0)
		return 0;
	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return config_access(cdev, user, len, off, is_write);
	if (index <= VFIO_PCI_BAR5_REGION_INDEX)
		return bar_access(cdev, (unsigned int)index, user, len, off, is_write);
	return -EINVAL;
}

static ssize_t cdev_pread(struct svart_model_file *f, void *buf, size_t len, off_t off)
{
	return access_region(f->object, buf, len, off, false);
}

static ssize_t cdev_pwrite(struct svart_model_file *f, const void *buf, size_t len, off_t off)
{
	/* The buffer is only read, because this is a write. */
	return access_region(f->object, (uint8_t *)(uintptr_t)buf, len, off, true);
}

static int cdev_mmap(struct svart_model_file *f, void *addr, size_t len, int prot, int flags,
	off_t off, void **out)
{
	uint64_t index = (uint64_t)off >> SVART_CDEV_REGION_SHIFT;
	uint64_t start = (uint64_t)off & REGION_MASK, size;
	struct svart_cdev *cdev = f->object;

	(void)prot; /* The model's accessors can read and write anyway. */
	if (!is_bound(cdev) || off < 0 || (start & SVART_PAGE_MASK) != 0 || len == 0)
		return -EINVAL;
	if ((flags & MAP_TYPE) == MAP_PRIVATE || index > VFIO_PCI_BAR5_REGION_INDEX)
		return -EINVAL;
	size = cdev->dev->hw.type->bar_bytes[index];
	if (size < SVART_PAGE_SIZE || start >= size || svart_page_up(len) > size - start)
		return -EINVAL;
	return svart_mmio_map(f, cdev->dev, (unsigned int)index, start, addr, svart_page_up(len),
		flags & (MAP_FIXED | MAP_FIXED_NOREPLACE), out);
}

static void cdev_release(struct svart_model_file *f)
{
	struct svart_cdev *cdev = f->object;

	if (is_bound(cdev)) {
		pthread_mutex_lock(&cdev->dev->control);
		unbind(cdev);
		pthread_mutex_unlock(&cdev->dev->control);
		svart_ictx_put(cdev->ctx);
	}
	free(cdev);
}

static const struct svart_model_file_ops cdev_ops = {
	.pread = cdev_pread,
	.pwrite = cdev_pwrite,
	.ioctl = cdev_ioctl,
	.mmap = cdev_mmap,
	.release = cdev_release,
};

int svart_model_open_cdev(struct svart_kernel_device *dev)
{
	struct svart_cdev *cdev;
	int fd;

	/* As in vfio_device_fops_cdev_open(): the device is being unregistered. */
	if (svart_iommu_device_is_removed(&dev->hw))
		return -ENODEV;
	cdev = calloc(1, sizeof(*cdev));
	if (cdev == NULL)
		return -ENOMEM;
	cdev->dev = dev;
	fd = svart_model_file_open(&dev->kernel->files, &cdev_ops, cdev);
	if (fd < 0)
		free(cdev);
	return fd;
}
