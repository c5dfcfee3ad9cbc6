/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "sample.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text.h"
#include "wait.h"

/** Most devices of one answer to /svart/devices: more do not fit into it. */
#define DEVICES_MAX 512
/**
 * DPDK 22.11 parses commands with strtok(): clients that ask at the same moment can get each other's
 * answer. An answer names its device; if it is the wrong one, svart-top asks again.
 */
#define MIXED_UP_TRIES 5

#define FIELD(name)                                      \
	{                                                \
#name, offsetof(struct top_faults, name) \
	}

const struct top_fault_field svart_top_fault_fields[] = {
	FIELD(page_requests),
	FIELD(groups),
	FIELD(answers_success),
	FIELD(answers_invalid),
	FIELD(answers_own),
	FIELD(answers_gone),
	FIELD(dropped),
	FIELD(eager_pages),
	FIELD(overflows),
	FIELD(deadlines),
	FIELD(sources_lost),
	FIELD(latency_p50_ns),
	FIELD(latency_p99_ns),
	FIELD(latency_max_ns),
};
const unsigned int svart_top_nr_fault_fields =
	sizeof(svart_top_fault_fields) / sizeof(svart_top_fault_fields[0]);

/** Reads a whole number from 0 to max. */
static int read_number(const json_t *object, const char *key, uint64_t max, uint64_t *number)
{
	const json_t *value = json_object_get(object, key);
	json_int_t integer = json_integer_value(value);

	if (!json_is_integer(value) || integer < 0 || (uint64_t)integer > max)
		return -EPROTO;
	*number = (uint64_t)integer;
	return 0;
}

static int read_u32(const json_t *object, const char *key, uint32_t *number)
{
	uint64_t value = 0;
	int rc = read_number(object, key, UINT32_MAX, &value);

	*number = (uint32_t)value;
	return rc;
}

static int read_text_into(const json_t *object, const char *key, char *text, size_t bytes)
{
	const char *value = json_string_value(json_object_get(object, key));

	if (value == NULL)
		return -EPROTO;
	app_text_copy(text, bytes, value);
	return 0;
}

static int read_text(const json_t *object, const char *key, char text[TOP_TEXT_BYTES])
{
	return read_text_into(object, key, text, TOP_TEXT_BYTES);
}

/** Reads how a device was lost. A program of an older svart does not say that. */
static int read_lost(const json_t *object, char text[TOP_LOST_BYTES])
{
	if (json_object_get(object, "lost") == NULL)
		return 0;
	return read_text_into(object, "lost", text, TOP_LOST_BYTES);
}

static int read_faults(const json_t *object, struct top_faults *faults)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; rc == 0 && i < svart_top_nr_fault_fields; i++) {
		const struct top_fault_field *field = &svart_top_fault_fields[i];

		rc = read_number(object, field->name, INT64_MAX,
			(uint64_t *)((char *)faults + field->offset));
	}
	faults->page_requests_per_s = TOP_NO_RATE;
	faults->groups_per_s = TOP_NO_RATE;
	return rc;
}

/** Reads a name of an attachment: a PASID, or "none". */
static int read_pasid(const char *text, uint32_t *pasid)
{
	unsigned long value;
	char *end;

	*pasid = TOP_PASID_NONE;
	if (strcmp(text, "none") == 0)
		return 0;
	if (text[0] < '0' || text[0] > '9')
		return -EPROTO;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || value >= TOP_PASID_NONE)
		return -EPROTO;
	*pasid = (uint32_t)value;
	return 0;
}

/**
 * Reads an attachment's counters, and its pins if the answer before, of /svart/device, had the attachment:
 * attachments come and go between the two.
 */
static int read_attachment(
	const char *name, const json_t *faults, const json_t *spaces, struct top_device *d)
{
	struct top_pasid *p = &d->pasids[d->nr_pasids];
	const json_t *space = json_object_get(spaces, name);
	int rc = read_pasid(name, &p->pasid);

	if (rc == 0)
		rc = read_faults(faults, &p->faults);
	if (rc == 0 && space != NULL)
		rc = read_number(space, "pinned_bytes", INT64_MAX, &p->pins.now);
	if (rc == 0 && space != NULL)
		rc = read_number(space, "pinned_bytes_peak", INT64_MAX, &p->pins.peak);
	if (rc != 0)
		return rc;
	if (__builtin_add_overflow(d->pins.now, p->pins.now, &d->pins.now) ||
		__builtin_add_overflow(d->pins.peak, p->pins.peak, &d->pins.peak) ||
		d->pins.now > INT64_MAX || d->pins.peak > INT64_MAX)
		return -EPROTO;
	d->nr_pasids++;
	return 0;
}

static int read_attachments(const json_t *device, const json_t *faults, struct top_device *d)
{
	json_t *pasids = json_object_get(faults, "pasids"), *value;
	const json_t *spaces = json_object_get(device, "spaces");
	const char *name;
	int rc = json_is_object(pasids) ? 0 : -EPROTO;

	json_object_foreach(pasids, name, value)
	{
		if (rc == 0 && d->nr_pasids < TOP_PASIDS_MAX)
			rc = read_attachment(name, value, spaces, d);
	}
	return rc;
}

int svart_top_device_parse(const json_t *device, const json_t *faults, struct top_device *d)
{
	const json_t *numa_node = json_object_get(device, "numa_node");
	json_int_t node = json_integer_value(numa_node);

	*d = (struct top_device){ 0 };
	if (!json_is_integer(numa_node) || node < INT32_MIN || node > INT32_MAX)
		return -EPROTO;
	d->numa_node = (int32_t)node;
	if (read_u32(device, "id", &d->id) != 0 || read_text(device, "name", d->name) != 0 ||
		read_text(device, "address", d->address) != 0 ||
		read_text(device, "driver", d->driver) != 0 ||
		read_u32(device, "queues", &d->queues) != 0 ||
		read_u32(device, "queues_free", &d->queues_free) != 0 ||
		read_text(device, "fault_mode", d->fault_mode) != 0 ||
		read_text(device, "fault_source", d->fault_source) != 0 ||
		read_lost(device, d->lost) != 0)
		return -EPROTO;
	if (read_faults(faults, &d->faults) != 0)
		return -EPROTO;
	return read_attachments(device, faults, d);
}

/**
 * Computes the rates of one pair of counters. Counters that went back are of another device or attachment.
 */
static void rate(struct top_faults *now, const struct top_faults *before, uint64_t ns)
{
	if (ns == 0 || now->page_requests < before->page_requests || now->groups < before->groups)
		return;
	now->page_requests_per_s =
		(double)(now->page_requests - before->page_requests) * 1e9 / (double)ns;
	now->groups_per_s = (double)(now->groups - before->groups) * 1e9 / (double)ns;
}

static void device_rates(struct top_device *now, const struct top_device *before)
{
	uint64_t ns = now->time_ns - before->time_ns;
	unsigned int i, k;

	rate(&now->faults, &before->faults, ns);
	for (i = 0; i < now->nr_pasids; i++) {
		for (k = 0; k < before->nr_pasids; k++) {
			if (now->pasids[i].pasid == before->pasids[k].pasid)
				rate(&now->pasids[i].faults, &before->pasids[k].faults, ns);
		}
	}
}

void svart_top_rates(struct top_sample *sample, const struct top_sample *before)
{
	unsigned int i, k;

	for (i = 0; i < sample->nr_devices; i++) {
		for (k = 0; k < before->nr_devices; k++) {
			struct top_device *now = &sample->devices[i];

			if (now->id == before->devices[k].id &&
				strcmp(now->name, before->devices[k].name) == 0)
				device_rates(now, &before->devices[k]);
		}
	}
}

/** Gives a command about a device. @return 0; -ENODEV if it is closed; others as the client. */
static int ask_about(struct top_client *c, const char *command, uint32_t id, json_t **answer)
{
	unsigned int tries;
	uint32_t told;
	char text[64];
	int rc;

	snprintf(text, sizeof(text), "%s,%" PRIu32, command, id);
	for (tries = 0; tries < MIXED_UP_TRIES; tries++) {
		rc = svart_top_client_ask(c, text, answer);
		if (rc != 0)
			return rc;
		if (json_is_null(*answer))
			rc = -ENODEV;
		else if (read_u32(*answer, "id", &told) == 0 && told == id &&
			 json_object_get(*answer, "pasid") == NULL)
			return 0;
		json_decref(*answer);
		if (rc != 0)
			return rc;
	}
	snprintf(c->error, sizeof(c->error), "%s: the answer to %s is not svart's", c->path, text);
	return -EPROTO;
}

static int take_device(struct top_client *c, uint32_t id, struct top_device *d)
{
	json_t *device, *faults;
	uint64_t time_ns;
	int rc = ask_about(c, "/svart/device", id, &device);

	if (rc != 0)
		return rc;
	rc = ask_about(c, "/svart/faults", id, &faults);
	time_ns = svart_top_now_ns();
	if (rc == 0) {
		rc = svart_top_device_parse(device, faults, d);
		if (rc != 0)
			snprintf(c->error, sizeof(c->error),
				"%s: what it says of device %" PRIu32 " is not svart's", c->path,
				id);
		d->time_ns = time_ns;
		json_decref(faults);
	}
	json_decref(device);
	return rc;
}

static int take_devices(struct top_client *c, const json_t *ids, struct top_sample *sample)
{
	size_t i, nr = json_array_size(ids);
	int rc = 0;

	sample->devices = calloc(nr + 1, sizeof(*sample->devices));
	if (sample->devices == NULL) {
		snprintf(c->error, sizeof(c->error), "out of memory");
		return -ENOMEM;
	}
	for (i = 0; i < nr && rc == 0; i++) {
		const json_t *id = json_array_get(ids, i);
		json_int_t value = json_integer_value(id);

		if (!json_is_integer(id) || value < 0 || value > UINT32_MAX) {
			snprintf(c->error, sizeof(c->error), "%s: its devices have no numbers",
				c->path);
			return -EPROTO;
		}
		rc = take_device(c, (uint32_t)value, &sample->devices[sample->nr_devices]);
		if (rc == 0)
			sample->nr_devices++;
		else if (rc == -ENODEV)
			rc = 0;
	}
	return rc;
}

int svart_top_sample_take(struct top_client *c, struct top_sample *sample)
{
	struct timespec ts;
	json_t *ids;
	int rc;

	*sample = (struct top_sample){ .time_ns = svart_top_now_ns() };
	clock_gettime(CLOCK_REALTIME, &ts);
	sample->time = (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
	rc = svart_top_client_ask(c, "/svart/devices", &ids);
	if (rc != 0)
		return rc;
	if (!json_is_array(ids) || json_array_size(ids) > DEVICES_MAX) {
		snprintf(c->error, sizeof(c->error), "%s: its list of devices is not svart's",
			c->path);
		rc = -EPROTO;
	} else {
		rc = take_devices(c, ids, sample);
	}
	json_decref(ids);
	if (rc != 0)
		svart_top_sample_free(sample);
	return rc;
}

void svart_top_sample_free(struct top_sample *sample)
{
	free(sample->devices);
	*sample = (struct top_sample){ 0 };
}
