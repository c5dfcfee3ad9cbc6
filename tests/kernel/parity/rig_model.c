/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* The rig in this process: the software machine with a requester. */

#include <errno.h>

#include "model.h"
#include "requester.h"
#include "rig_vfio.h"

static int model_create(struct rig *rig)
{
	char address[16];
	int rc = svart_model_create("", &rig->m);

	if (rc != 0)
		return rc;
	rc = svart_model_add_device(rig->m, &requester_model, "", address);
	if (rc == 0)
		rc = rig_vfio_find(rig, REQUESTER_VENDOR, REQUESTER_DEVICE);
	if (rc != 0)
		svart_model_destroy(rig->m);
	return rc;
}

static void model_destroy(struct rig *rig)
{
	svart_model_destroy(rig->m);
}

static int64_t model_left_behind(struct rig *rig)
{
	struct svart_model_stats stats;

	svart_model_stats_get(rig->m, &stats);
	return (int64_t)(stats.open_fds + stats.mappings + stats.objects + stats.pinned_bytes +
			 stats.page_requests_open);
}

const struct rig_ops rig_model = {
	.name = "model",
	.lacks = {
		[RIG_PROCESSES] = "the model is in one process",
	},
	.fault_pasid = RIG_NO_PASID,
	.create = model_create,
	.destroy = model_destroy,
	.device_open = rig_vfio_device_open,
	.device_close = rig_vfio_device_close,
	.attach = rig_vfio_attach,
	.replace = rig_vfio_attach,
	.detach = rig_vfio_detach,
	.request = rig_vfio_request,
	.answer = rig_vfio_answer,
	.left_behind = model_left_behind,
};
