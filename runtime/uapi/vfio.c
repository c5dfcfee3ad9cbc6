/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "vfio.h"

#include <errno.h>
#include <stddef.h>

#include "svart_config.h"

/*
 * PASID attach came with Linux 6.16: a flag and a fourth word. The layouts are written down here so
 * that a program built with older headers uses it on a kernel that has it.
 */
#define ATTACH_PASID (1u << 0) /* VFIO_DEVICE_ATTACH_PASID, VFIO_DEVICE_DETACH_PASID */

struct attach_pt {
	uint32_t argsz, flags, pt_id, pasid;
};

struct detach_pt {
	uint32_t argsz, flags, pasid;
};

_Static_assert(sizeof(struct attach_pt) >= sizeof(struct vfio_device_attach_iommufd_pt), "grew");
_Static_assert(
	offsetof(struct attach_pt, pt_id) == offsetof(struct vfio_device_attach_iommufd_pt, pt_id),
	"same place");
#if SVART_HAVE_PASID_ATTACH
_Static_assert(ATTACH_PASID == VFIO_DEVICE_ATTACH_PASID, "same bit");
_Static_assert(ATTACH_PASID == VFIO_DEVICE_DETACH_PASID, "same bit");
_Static_assert(
	offsetof(struct attach_pt, pasid) == offsetof(struct vfio_device_attach_iommufd_pt, pasid),
	"same place");
_Static_assert(
	offsetof(struct detach_pt, pasid) == offsetof(struct vfio_device_detach_iommufd_pt, pasid),
	"same place");
#endif

int svart_vfio_bind_iommufd(struct svart_machine *m, int device_fd, int iommufd, uint32_t *dev_id)
{
	struct vfio_device_bind_iommufd cmd = { .argsz = sizeof(cmd), .iommufd = iommufd };
	int rc = m->ops->ioctl(m, device_fd, VFIO_DEVICE_BIND_IOMMUFD, &cmd);

	if (rc == 0)
		*dev_id = cmd.out_devid;
	return rc;
}

int svart_vfio_attach(struct svart_machine *m, int device_fd, uint32_t pt_id)
{
	struct vfio_device_attach_iommufd_pt cmd = {
		.argsz = offsetof(struct attach_pt, pasid),
		.pt_id = pt_id,
	};

	return m->ops->ioctl(m, device_fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &cmd);
}

int svart_vfio_detach(struct svart_machine *m, int device_fd)
{
	struct vfio_device_detach_iommufd_pt cmd = { .argsz = offsetof(struct detach_pt, pasid) };

	return m->ops->ioctl(m, device_fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &cmd);
}

int svart_vfio_attach_pasid(struct svart_machine *m, int device_fd, uint32_t pt_id, uint32_t pasid)
{
	struct attach_pt cmd = {
		.argsz = sizeof(cmd),
		.flags = ATTACH_PASID,
		.pt_id = pt_id,
		.pasid = pasid,
	};

	return m->ops->ioctl(m, device_fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &cmd);
}

int svart_vfio_detach_pasid(struct svart_machine *m, int device_fd, uint32_t pasid)
{
	struct detach_pt cmd = { .argsz = sizeof(cmd), .flags = ATTACH_PASID, .pasid = pasid };

	return m->ops->ioctl(m, device_fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &cmd);
}

int svart_vfio_device_info(struct svart_machine *m, int device_fd, struct vfio_device_info *info)
{
	*info = (struct vfio_device_info){ .argsz = sizeof(*info) };
	return m->ops->ioctl(m, device_fd, VFIO_DEVICE_GET_INFO, info);
}

int svart_vfio_region_info(
	struct svart_machine *m, int device_fd, uint32_t index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	return m->ops->ioctl(m, device_fd, VFIO_DEVICE_GET_REGION_INFO, info);
}
