/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "json_out.h"
#include "report.h"

/** Makes a number, or null if there is none. */
static json_t *number_or_null(double number)
{
	return number < 0 ? json_null() : json_real(number);
}

static json_t *integer(uint64_t number)
{
	return json_integer((json_int_t)number); /* Parsing has limited it. */
}

static json_t *faults_json(const struct top_faults *faults)
{
	json_t *object = json_object();
	unsigned int i;
	int rc = 0;

	for (i = 0; rc == 0 && i < svart_top_nr_fault_fields; i++) {
		const struct top_fault_field *field = &svart_top_fault_fields[i];

		rc = json_object_set_new(object, field->name,
			integer(*(const uint64_t *)((const char *)faults + field->offset)));
	}
	if (rc == 0)
		rc = json_object_set_new(
			object, "page_requests_per_s", number_or_null(faults->page_requests_per_s));
	if (rc == 0)
		rc = json_object_set_new(
			object, "groups_per_s", number_or_null(faults->groups_per_s));
	if (rc == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *pasid_json(const struct top_pasid *p)
{
	json_t *pasid = p->pasid == TOP_PASID_NONE ? json_null() : json_integer(p->pasid);

	return json_pack("{s:o, s:o, s:o, s:o}", "pasid", pasid, "pinned_bytes",
		integer(p->pins.now), "pinned_bytes_peak", integer(p->pins.peak), "faults",
		faults_json(&p->faults));
}

static json_t *pasids_json(const struct top_device *d)
{
	json_t *array = json_array();
	unsigned int i;

	for (i = 0; i < d->nr_pasids; i++)
		array = app_json_append(array, pasid_json(&d->pasids[i]));
	return array;
}

static json_t *device_json(const struct top_device *d)
{
	json_t *device;

	/* clang-format off */
	device = json_pack("{s:I, s:s, s:s, s:s, s:i, s:I, s:I, s:s, s:s, s:o, s:o, s:o, s:o}",
		"id", (json_int_t)d->id,
		"name", d->name,
		"address", d->address,
		"driver", d->driver,
		"numa_node", d->numa_node,
		"queues", (json_int_t)d->queues,
		"queues_free", (json_int_t)d->queues_free,
		"fault_mode", d->fault_mode,
		"fault_source", d->fault_source,
		"pinned_bytes", integer(d->pins.now),
		"pinned_bytes_peak", integer(d->pins.peak),
		"faults", faults_json(&d->faults),
		"pasids", pasids_json(d));
	/* clang-format on */
	if (d->lost[0] == '\0' || device == NULL ||
		json_object_set_new(device, "lost", json_string(d->lost)) == 0)
		return device;
	json_decref(device);
	return NULL;
}

static json_t *devices_json(const struct top_sample *sample)
{
	json_t *array = json_array();
	unsigned int i;

	for (i = 0; i < sample->nr_devices; i++)
		array = app_json_append(array, device_json(&sample->devices[i]));
	return array;
}

int svart_top_print_json(
	const struct top_client *client, const struct top_sample *sample, double seconds)
{
	return app_json_print(
		json_pack("{s:o, s:I, s:s, s:s, s:o, s:o, s:o}", "time", json_real(sample->time),
			"pid", (json_int_t)client->pid, "program", client->program, "version",
			client->version, "socket", app_json_text(client->path), "seconds",
			number_or_null(seconds), "devices", devices_json(sample)),
		0);
}
