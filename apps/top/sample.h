/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TOP_SAMPLE_H
#define SVART_TOP_SAMPLE_H

/**
 * @file
 * What the program says of its devices at one time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"

/**
 * svart attaches a device to at most 16 spaces; a later svart may allow more. PASIDs beyond this number are
 * left out.
 */
#define TOP_PASIDS_MAX 64
/** Room for svart's text about a lost device, and some more. */
#define TOP_LOST_BYTES 160
/** No rate: there is no sample before, or this one cannot be compared with it. */
#define TOP_NO_RATE (-1.0)
/** PASID of an attachment without one. */
#define TOP_PASID_NONE UINT32_MAX

/** Counters of a device or of one PASID. Plain data. */
struct top_faults {
	uint64_t page_requests;
	uint64_t groups;
	uint64_t answers_success;
	uint64_t answers_invalid;
	uint64_t answers_own;
	uint64_t answers_gone;
	uint64_t dropped;
	uint64_t eager_pages;
	uint64_t overflows;
	uint64_t deadlines;
	uint64_t sources_lost;
	uint64_t latency_p50_ns;
	uint64_t latency_p99_ns;
	uint64_t latency_max_ns;
	double page_requests_per_s; /**< Rate, or TOP_NO_RATE. */
	double groups_per_s;
};

/** The integer members of struct top_faults: the same name in telemetry and in our JSON. */
struct top_fault_field {
	const char *name;
	size_t offset;
};
extern const struct top_fault_field svart_top_fault_fields[];
extern const unsigned int svart_top_nr_fault_fields;

/** Bytes that devices keep in memory. Plain data. */
struct top_pins {
	uint64_t now;
	uint64_t peak;
};

/** One attachment. Plain data. */
struct top_pasid {
	uint32_t pasid; /**< PASID, or TOP_PASID_NONE. */
	struct top_pins pins;
	struct top_faults faults;
};

/** One device. Plain data. */
struct top_device {
	uint32_t id;
	int32_t numa_node;
	uint32_t queues, queues_free;
	char name[TOP_TEXT_BYTES];
	char address[TOP_TEXT_BYTES];
	char driver[TOP_TEXT_BYTES];
	char fault_mode[TOP_TEXT_BYTES];
	char fault_source[TOP_TEXT_BYTES];
	char lost[TOP_LOST_BYTES]; /**< How the device was lost; "" if it is not lost. */
	uint64_t time_ns;          /**< Time at which its counters were asked for. */
	struct top_pins pins;
	struct top_faults faults;
	unsigned int nr_pasids;
	struct top_pasid pasids[TOP_PASIDS_MAX];
};

/**
 * One sample; all zero means empty.
 *
 * Owner: main(). Lifetime: svart_top_sample_take() to svart_top_sample_free(). Locks: none.
 */
struct top_sample {
	double time;      /**< Seconds since 1970. */
	uint64_t time_ns; /**< Time of CLOCK_MONOTONIC. */
	unsigned int nr_devices;
	struct top_device *devices;
};

/** Reads a device from the answers to /svart/device and /svart/faults. @return 0, or -EPROTO. */
int svart_top_device_parse(const json_t *device, const json_t *faults, struct top_device *out);

/** Computes the rates since the sample before, which may be empty. */
void svart_top_rates(struct top_sample *sample, const struct top_sample *before);

/** Asks for all devices. A device that is closed meanwhile is left out. @return as the client. */
int svart_top_sample_take(struct top_client *client, struct top_sample *sample);
void svart_top_sample_free(struct top_sample *sample);

#endif
