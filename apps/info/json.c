/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "json_out.h"
#include "report.h"

/** A string; null for an empty text. */
static json_t *text_json(const char *text)
{
	return text[0] != '\0' ? app_json_text(text) : json_null();
}

static json_t *system_json(const struct svart_probe_system *system)
{
	/* clang-format off */
	return json_pack("{s:o, s:b, s:{s:o, s:o}, s:{s:b}, s:{s:b, s:b}, s:I, s:I, s:I, s:I}",
		"kernel", text_json(system->kernel),
		"sysfs", system->sysfs,
		"telemetry", "folder", text_json(system->telemetry), "missing",
			text_json(system->telemetry_missing),
		"cpu", "movdir64b", system->movdir64b,
		"iommufd", "present", system->iommufd, "permitted", system->iommufd_permitted,
		"iommus", (json_int_t)system->nr_iommus,
		"pin_limit_bytes", (json_int_t)system->pin_limit_bytes,
		"unreadable", (json_int_t)system->nr_unreadable,
		"left_out", (json_int_t)system->nr_left_out);
	/* clang-format on */
}

static json_t *path_json(const struct svart_probe_path *path)
{
	/* clang-format off */
	return json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o}",
		"path", text_json(path->path),
		"ready", path->ready,
		"code", text_json(svart_probe_code_name(path->code)),
		"missing", text_json(path->missing),
		"fix", text_json(path->fix),
		"note", text_json(path->note),
		"spec", text_json(path->spec));
	/* clang-format on */
}

static json_t *device_json(
	const struct svart_probe *probe, uint32_t index, const struct svart_probe_device *dev)
{
	struct svart_probe_path path = SVART_PROBE_PATH_INIT();
	json_t *paths = json_array();
	uint32_t i;

	for (i = 0; svart_probe_path_get(probe, index, i, &path) == 0; i++)
		paths = app_json_append(paths, path_json(&path));
	/* clang-format off */
	return json_pack("{s:o, s:o, s:o, s:o, s:b, s:i, s:o}",
		"name", text_json(dev->name),
		"address", text_json(dev->address),
		"model", text_json(dev->model),
		"kernel_driver", text_json(dev->kernel_driver),
		"software", dev->software,
		"numa_node", dev->numa_node,
		"paths", paths);
	/* clang-format on */
}

static json_t *devices_json(const struct svart_probe *probe)
{
	struct svart_probe_device dev = SVART_PROBE_DEVICE_INIT();
	json_t *devices = json_array();
	uint32_t i;

	for (i = 0; svart_probe_device_get(probe, i, &dev) == 0; i++)
		devices = app_json_append(devices, device_json(probe, i, &dev));
	return devices;
}

static json_t *trial_json(const struct info_trial *trial)
{
	/* clang-format off */
	return json_pack("{s:o, s:b, s:b, s:b, s:I, s:f, s:f, s:o}",
		"device", text_json(trial->spec),
		"ok", trial->ok,
		"arrived", trial->page_requests != 0,
		"answered", trial->answers != 0,
		"page_requests", (json_int_t)trial->page_requests,
		"seconds", (double)trial->time_ns / 1e9,
		"answer_seconds", (double)trial->answer_ns / 1e9,
		"result", text_json(trial->result));
	/* clang-format on */
}

int svart_info_print_json(const struct svart_probe *probe, const struct info_trial *trial)
{
	struct svart_probe_system system = SVART_PROBE_SYSTEM_INIT();
	json_t *object;
	int rc;

	svart_probe_system_get(probe, &system);
	object = system_json(&system);
	rc = json_object_set_new(object, "devices", devices_json(probe));
	if (rc == 0 && trial != NULL)
		rc = json_object_set_new(object, "probe", trial_json(trial));
	if (rc != 0) {
		json_decref(object);
		object = NULL;
	}
	return app_json_print(object, APP_JSON_SECONDS);
}
