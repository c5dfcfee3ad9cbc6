/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Devices and their fault counters as DPDK telemetry: doc/guides/telemetry.rst has the commands.
 *
 * DPDK calls back on threads of its own, one for each client, several at once. A callback takes the lock of
 * the device's runtime (process.c), so its client waits while a control call is under way. Only
 * svart_fini() waits for a client, for one answer. Parameters come from anybody who can open the socket. A
 * wrong request is answered as DPDK answers errors: with null.
 *
 * Commands cannot be unregistered, and name no runtime: they stay when the last runtime has ended.
 * A child made by fork() has no telemetry thread.
 */
#include "telemetry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "device_state.h"
#include "device_stats.h"
#include "dpdk_compat.h"
#include "error.h"
#include "histogram.h"
#include "loss.h"
#include "process.h"
#include "runtime.h"
#include "source.h"
#include "transport.h"

/** A PASID as text: a number, or "none". */
#define PASID_TEXT 16
/** Devices that one answer can list. */
#define MAX_IDS RTE_TEL_MAX_ARRAY_ENTRIES

/**
 * Adds a text. DPDK 22.11 writes bytes outside ASCII as they are, which is no valid JSON, and the program
 * chooses names.
 */
static void add_text(struct rte_tel_data *d, const char *name, const char *value)
{
	char text[RTE_TEL_MAX_STRING_LEN];
	size_t i;

	for (i = 0; i < sizeof(text) - 1 && value[i] != '\0'; i++)
		text[i] = value[i] >= ' ' && value[i] <= '~' ? value[i] : '?';
	text[i] = '\0';
	rte_tel_data_add_dict_string(d, name, text);
}

/**
 * Adds a container under a name.
 * @return the container, or NULL if there is no memory: then the member is missing.
 */
static struct rte_tel_data *add_container(
	struct rte_tel_data *d, const char *name, int (*start)(struct rte_tel_data *))
{
	struct rte_tel_data *inner = rte_tel_data_alloc();

	if (inner == NULL)
		return NULL;
	start(inner);
	if (rte_tel_data_add_dict_container(d, name, inner, 0) == 0)
		return inner;
	rte_tel_data_free(inner);
	return NULL;
}

static int start_strings(struct rte_tel_data *d)
{
	return rte_tel_data_start_array(d, RTE_TEL_STRING_VAL);
}

static struct rte_tel_data *add_dict(struct rte_tel_data *d, const char *name)
{
	return add_container(d, name, rte_tel_data_start_dict);
}

static void pasid_print(uint32_t pasid, char text[PASID_TEXT])
{
	if (pasid == SVART_PASID_NONE)
		snprintf(text, PASID_TEXT, "none");
	else
		snprintf(text, PASID_TEXT, "%" PRIu32, pasid);
}

/** Reads a decimal number up to max. @return the text after the number, or NULL if there is no number. */
static const char *number_read(const char *text, uint32_t max, uint32_t *value)
{
	uint64_t sum = 0;

	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		sum = sum * 10 + (uint64_t)(*text - '0');
		if (sum > max)
			return NULL;
	}
	*value = (uint32_t)sum;
	return text;
}

/** Reads "PASID", a number or "none". */
static int pasid_read(const char *text, uint32_t *pasid)
{
	*pasid = SVART_PASID_NONE;
	if (strcmp(text, "none") == 0)
		return 0;
	text = number_read(text, SVART_PASID_MAX, pasid);
	return text != NULL && *text == '\0' ? 0 : -EINVAL;
}

static struct svart_attachment *attachment_of(struct svart_device *dev, uint32_t pasid)
{
	unsigned int i;

	for (i = 0; i < SVART_MAX_ATTACHMENTS; i++) {
		if (dev->attachments[i].part != NULL && dev->attachments[i].pasid == pasid)
			return &dev->attachments[i];
	}
	return NULL;
}

static int answer_devices(const char *cmd, const char *params, struct rte_tel_data *d)
{
	uint32_t *ids;
	unsigned int i, nr;

	(void)cmd;
	if (params != NULL)
		return -EINVAL;
	ids = calloc(MAX_IDS, sizeof(*ids));
	if (ids == NULL)
		return -ENOMEM;
	nr = svart_process_numbers(ids, MAX_IDS);
	rte_tel_data_start_array(d, RTE_TEL_U64_VAL);
	for (i = 0; i < nr; i++)
		rte_tel_data_add_array_uint(d, ids[i]);
	free(ids);
	return 0;
}

/**
 * Finds a device by its number and locks its runtime until device_put().
 * @return the device, or NULL if no open device has this number. @blocks while a control call is under way.
 */
static struct svart_device *device_get(uint32_t id)
{
	struct svart *rt = svart_process_hold(id);
	struct svart_device *dev;

	if (rt == NULL)
		return NULL;
	pthread_mutex_lock(&rt->lock);
	/* It may have been closed while we waited for the lock. */
	LIST_FOREACH(dev, &rt->devices, link) {
		if (dev->number.id == id)
			return dev;
	}
	pthread_mutex_unlock(&rt->lock);
	svart_process_release(rt);
	return NULL;
}

static void device_put(struct svart_device *dev)
{
	struct svart *rt = dev->rt;

	pthread_mutex_unlock(&rt->lock);
	svart_process_release(rt);
}

static void add_features(struct rte_tel_data *d, uint32_t features)
{
	struct rte_tel_data *list = add_container(d, "features", start_strings);

	if (list == NULL)
		return;
	if (features & SVART_FEATURE_PAGE_REQUESTS)
		rte_tel_data_add_array_string(list, "page_requests");
	if (features & SVART_FEATURE_PASID)
		rte_tel_data_add_array_string(list, "pasid");
	if (features & SVART_FEATURE_OVERLAP)
		rte_tel_data_add_array_string(list, "overlap");
	if (features & SVART_FEATURE_EVENTS)
		rte_tel_data_add_array_string(list, "events");
	if (features & SVART_FEATURE_BATCHES)
		rte_tel_data_add_array_string(list, "batches");
	if (features & SVART_FEATURE_PRIORITY)
		rte_tel_data_add_array_string(list, "priority");
}

static void add_space(struct rte_tel_data *d, const struct svart_attachment *a)
{
	struct svart_space_stats stats = SVART_SPACE_STATS_INIT();
	char pasid[PASID_TEXT];
	struct rte_tel_data *dict;

	pasid_print(a->pasid, pasid);
	dict = add_dict(d, pasid);
	if (dict == NULL)
		return;
	svart_space_stats_get(a->space, &stats);
	rte_tel_data_add_dict_uint(dict, "pinned_bytes", stats.pinned_bytes);
	rte_tel_data_add_dict_uint(dict, "pinned_bytes_peak", stats.pinned_bytes_peak);
	rte_tel_data_add_dict_uint(dict, "maps", stats.maps);
	rte_tel_data_add_dict_uint(dict, "unmaps", stats.unmaps);
	rte_tel_data_add_dict_uint(dict, "evictions", stats.evictions);
	rte_tel_data_add_dict_uint(dict, "upgrades", stats.upgrades);
	rte_tel_data_add_dict_uint(dict, "exact_retries", stats.exact_retries);
	rte_tel_data_add_dict_uint(dict, "replaced", stats.replaced);
	rte_tel_data_add_dict_uint(dict, "replaced_held", stats.replaced_held);
}

static void add_attachments(struct rte_tel_data *d, const struct svart_device *dev)
{
	struct rte_tel_data *pasids = add_container(d, "pasids", start_strings);
	struct rte_tel_data *spaces = add_dict(d, "spaces");
	char pasid[PASID_TEXT];
	unsigned int i;

	for (i = 0; i < SVART_MAX_ATTACHMENTS; i++) {
		if (dev->attachments[i].part == NULL)
			continue;
		pasid_print(dev->attachments[i].pasid, pasid);
		if (pasids != NULL)
			rte_tel_data_add_array_string(pasids, pasid);
		if (spaces != NULL && dev->attachments[i].space != NULL)
			add_space(spaces, &dev->attachments[i]);
	}
}

static const char *mode_name(const struct svart_device *dev)
{
	if (!dev->pmd.page_requests || dev->transport->ops->shares_page_table)
		return "none";
	return svart_device_fault_mode_get(dev) == SVART_FAULT_EAGER ? "eager" : "deferred";
}

static const char *source_name(const struct svart_device *dev)
{
	const struct svart_fault_source *source = dev->attachments[0].source;

	return source != NULL ? source->ops->name : "none";
}

static void device_describe(struct rte_tel_data *d, const struct svart_device *dev)
{
	char lost[SVART_LOST_TEXT_BYTES];
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();

	svart_device_info_get(dev, &info);
	svart_device_lost_text(dev, lost, sizeof(lost));
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_uint(d, "id", info.id);
	add_text(d, "name", info.name);
	add_text(d, "address", info.address);
	add_text(d, "driver", info.driver);
	rte_tel_data_add_dict_int(d, "numa_node", info.numa_node);
	add_features(d, info.features);
	rte_tel_data_add_dict_uint(d, "queues", info.nr_queues);
	rte_tel_data_add_dict_uint(d, "queues_free", info.nr_queues_free);
	rte_tel_data_add_dict_uint(d, "queue_depth", info.queue_depth);
	rte_tel_data_add_dict_uint(d, "max_transfer_bytes", info.max_transfer_bytes);
	rte_tel_data_add_dict_uint(d, "ops", info.ops);
	add_text(d, "fault_mode", mode_name(dev));
	add_text(d, "fault_source", source_name(dev));
	add_text(d, "lost", lost);
	add_attachments(d, dev);
}

static int answer_device(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct svart_device *dev;
	const char *rest;
	uint32_t id;

	(void)cmd;
	rest = params != NULL ? number_read(params, UINT32_MAX, &id) : NULL;
	if (rest == NULL || *rest != '\0')
		return -EINVAL;
	dev = device_get(id);
	if (dev == NULL)
		return -ENODEV;
	device_describe(d, dev);
	device_put(dev);
	return 0;
}

static void add_counts(struct rte_tel_data *d, const struct svart_fault_stats *s)
{
	rte_tel_data_add_dict_uint(d, "page_requests", s->page_requests);
	rte_tel_data_add_dict_uint(d, "groups", s->groups);
	rte_tel_data_add_dict_uint(d, "answers_success", s->answers_success);
	rte_tel_data_add_dict_uint(d, "answers_invalid", s->answers_invalid);
	rte_tel_data_add_dict_uint(d, "answers_own", s->answers_own);
	rte_tel_data_add_dict_uint(d, "answers_gone", s->answers_gone);
	rte_tel_data_add_dict_uint(d, "dropped", s->dropped);
	rte_tel_data_add_dict_uint(d, "eager_pages", s->eager_pages);
	rte_tel_data_add_dict_uint(d, "overflows", s->overflows);
	rte_tel_data_add_dict_uint(d, "deadlines", s->deadlines);
	rte_tel_data_add_dict_uint(d, "sources_lost", s->sources_lost);
	rte_tel_data_add_dict_uint(d, "latency_p50_ns", s->latency_p50_ns);
	rte_tel_data_add_dict_uint(d, "latency_p99_ns", s->latency_p99_ns);
	rte_tel_data_add_dict_uint(d, "latency_max_ns", s->latency_max_ns);
}

/** Describes the counters and the histogram of one attachment, or of all together (NULL). */
static void faults_describe(
	struct rte_tel_data *d, struct svart_device *dev, const struct svart_attachment *only)
{
	struct svart_histogram_row rows[SVART_HISTOGRAM_ROWS];
	struct svart_fault_stats stats;
	struct rte_tel_data *dict;
	char below[24];
	unsigned int i, nr;

	svart_device_stats_read(dev, only, &stats);
	add_counts(d, &stats);
	dict = add_dict(d, "latency_ns");
	if (dict == NULL)
		return;
	nr = svart_device_latency_read(dev, only, rows);
	for (i = 0; i < nr; i++) {
		snprintf(below, sizeof(below), "%" PRIu64, rows[i].below);
		rte_tel_data_add_dict_uint(dict, below, rows[i].nr);
	}
}

/**
 * Adds the attachments without their histograms: 16 attachments with the longest numbers take 14 KiB, and
 * DPDK's answers can have 16 KiB.
 */
static void add_pasids(struct rte_tel_data *d, struct svart_device *dev)
{
	struct rte_tel_data *pasids = add_dict(d, "pasids"), *dict;
	struct svart_fault_stats stats;
	char pasid[PASID_TEXT];
	unsigned int i;

	for (i = 0; pasids != NULL && i < SVART_MAX_ATTACHMENTS; i++) {
		if (dev->attachments[i].part == NULL)
			continue;
		pasid_print(dev->attachments[i].pasid, pasid);
		dict = add_dict(pasids, pasid);
		if (dict == NULL)
			return;
		svart_device_stats_read(dev, &dev->attachments[i], &stats);
		add_counts(dict, &stats);
	}
}

static void device_faults(
	struct rte_tel_data *d, struct svart_device *dev, const struct svart_attachment *only)
{
	char pasid[PASID_TEXT];

	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_uint(d, "id", dev->number.id);
	if (only != NULL) {
		pasid_print(only->pasid, pasid);
		rte_tel_data_add_dict_string(d, "pasid", pasid);
	}
	faults_describe(d, dev, only);
	if (only == NULL)
		add_pasids(d, dev);
}

static int answer_faults(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct svart_attachment *only = NULL;
	uint32_t id, pasid = SVART_PASID_NONE;
	struct svart_device *dev;
	const char *rest;
	int rc = 0;

	(void)cmd;
	rest = params != NULL ? number_read(params, UINT32_MAX, &id) : NULL;
	if (rest == NULL || (*rest != '\0' && *rest != ','))
		return -EINVAL;
	if (*rest == ',' && pasid_read(rest + 1, &pasid) != 0)
		return -EINVAL;
	dev = device_get(id);
	if (dev == NULL)
		return -ENODEV;
	if (*rest == ',') {
		only = attachment_of(dev, pasid);
		rc = only != NULL ? 0 : -ENOENT;
	}
	if (rc == 0)
		device_faults(d, dev, only);
	device_put(dev);
	return rc;
}

static int register_all(void)
{
	int rc = rte_telemetry_register_cmd("/svart/devices", answer_devices,
		"Returns the ids of svart's open devices. No parameters");

	if (rc == 0)
		rc = rte_telemetry_register_cmd("/svart/device", answer_device,
			"Returns what a device is. Parameters: int id");
	if (rc == 0)
		rc = rte_telemetry_register_cmd("/svart/faults", answer_faults,
			"Returns fault counters. Parameters: int id[,int pasid|none]");
	return rc;
}

void svart_telemetry_register(void)
{
	/* One for the process, as DPDK's list of commands is; the lock of process.c guards it. */
	static bool done;
	int rc = 0;

	svart_process_lock();
	if (!done)
		rc = register_all();
	done = true;
	svart_process_unlock();
	if (rc != 0)
		svart_log(SVART_LOG_WARN, "no telemetry: DPDK takes no more commands (%s)",
			strerror(-rc));
}
