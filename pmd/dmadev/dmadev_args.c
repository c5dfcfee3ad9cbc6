/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The arguments of a vdev: some are the driver's, the rest is the device's (svart/device.h).
 */

#include "dmadev_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_kvargs.h>

/** SVART_DMADEV_SPEC_BYTES less the 0 at the end, as text. */
#define TEXT_MAX "255"
static_assert(SVART_DMADEV_SPEC_BYTES == 256, "TEXT_MAX says it too");

static const char *const run_names[] = {
	[SVART_FAULT_RUN_THREAD] = "thread",
	[SVART_FAULT_RUN_DPDK] = "service",
	[SVART_FAULT_RUN_INLINE] = "inline",
};

const char *svart_dmadev_run_name(enum svart_fault_run run)
{
	return run_names[run];
}

/** Appends text. @return 0, or -EINVAL if it becomes too long. */
static int append(char *text, const char *sep, const char *more)
{
	size_t used = strlen(text);
	int n;

	n = snprintf(
		text + used, SVART_DMADEV_SPEC_BYTES - used, "%s%s", used != 0 ? sep : "", more);
	return n >= 0 && (size_t)n < SVART_DMADEV_SPEC_BYTES - used ? 0 : -EINVAL;
}

static int parse_device(const char *value, struct svart_dmadev_args *args)
{
	return append(args->device, "", value);
}

static int parse_machine(const char *value, struct svart_dmadev_args *args)
{
	return value[0] != '\0' ? append(args->machine, "", value) : -EINVAL;
}

static int parse_run(const char *value, struct svart_dmadev_args *args)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(run_names); i++) {
		if (strcmp(value, run_names[i]) == 0) {
			args->run = (enum svart_fault_run)i;
			args->run_is_given = true;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_number(const char *value, unsigned long max, unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0)
		return -EINVAL;
	return *number >= 1 && *number <= max ? 0 : -EINVAL;
}

static int parse_depth(const char *value, struct svart_dmadev_args *args)
{
	unsigned long number;
	int rc = parse_number(value, SVART_DMADEV_DEPTH_MAX, &number);

	if (rc == 0)
		args->depth = (uint32_t)number;
	return rc;
}

static int parse_vchans(const char *value, struct svart_dmadev_args *args)
{
	unsigned long number;
	int rc = parse_number(value, SVART_DMADEV_VCHANS_MAX, &number);

	if (rc == 0)
		args->max_vchans = (uint16_t)number;
	return rc;
}

/** The driver's own keys. */
static const struct {
	const char *key;
	int (*parse)(const char *value, struct svart_dmadev_args *args);
	const char *wanted;
} own_keys[] = {
	{ "device", parse_device, "BUS:NAME of at most " TEXT_MAX " characters" },
	{ "machine", parse_machine, "linux or model" },
	{ "fault_service", parse_run, "thread, service or inline" },
	{ "depth", parse_depth, "1 to " RTE_STR(SVART_DMADEV_DEPTH_MAX) },
	{ "vchans", parse_vchans, "1 to " RTE_STR(SVART_DMADEV_VCHANS_MAX) },
};

static int parse_own(
	const char *name, unsigned int key, const char *value, struct svart_dmadev_args *args)
{
	int rc = own_keys[key].parse(value, args);

	if (rc != 0)
		DMADEV_LOG(ERR, "%s: %s=%s: it takes %s", name, own_keys[key].key, value,
			own_keys[key].wanted);
	return rc;
}

/** Keeps an argument of the device, as it is written. */
static int keep_option(
	const char *name, const struct rte_kvargs_pair *pair, struct svart_dmadev_args *args)
{
	int rc = append(args->options, ",", pair->key);

	if (rc == 0 && pair->value != NULL)
		rc = append(args->options, "=", pair->value);
	if (rc != 0)
		DMADEV_LOG(ERR,
			"%s: %s=%s: the options of the device take more than " TEXT_MAX
			" characters",
			name, pair->key, pair->value != NULL ? pair->value : "");
	return rc;
}

static int parse_pair(
	const char *name, const struct rte_kvargs_pair *pair, struct svart_dmadev_args *args)
{
	const char *value = pair->value != NULL ? pair->value : "";
	unsigned int i;

	if (pair->key[0] == '\0') {
		DMADEV_LOG(ERR, "%s: '=%s' has no KEY before the =", name, value);
		return -EINVAL;
	}
	for (i = 0; i < RTE_DIM(own_keys); i++)
		if (strcmp(pair->key, own_keys[i].key) == 0)
			return parse_own(name, i, value, args);
	return keep_option(name, pair, args);
}

/** Refuses an argument that is there twice: one of the two would be ignored. */
static int check_repeated(const char *name, const struct rte_kvargs *pairs, unsigned int i)
{
	unsigned int j;

	for (j = 0; j < i; j++) {
		if (strcmp(pairs->pairs[j].key, pairs->pairs[i].key) != 0)
			continue;
		DMADEV_LOG(ERR, "%s: %s= is there twice: say it once", name, pairs->pairs[i].key);
		return -EINVAL;
	}
	return 0;
}

static int parse_pairs(
	const char *name, const struct rte_kvargs *pairs, struct svart_dmadev_args *args)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < pairs->count && rc == 0; i++) {
		rc = check_repeated(name, pairs, i);
		if (rc == 0)
			rc = parse_pair(name, &pairs->pairs[i], args);
	}
	return rc;
}

int svart_dmadev_args_parse(const char *name, const char *text, struct svart_dmadev_args *args)
{
	struct rte_kvargs *pairs;
	int rc;

	*args = (struct svart_dmadev_args){ .run = SVART_FAULT_RUN_THREAD };
	pairs = rte_kvargs_parse(text != NULL ? text : "", NULL);
	if (pairs == NULL) {
		DMADEV_LOG(ERR,
			"%s: '%s' is not KEY=VALUE,..., or more than " RTE_STR(
				RTE_KVARGS_MAX) " arguments",
			name, text);
		return -EINVAL;
	}
	rc = parse_pairs(name, pairs, args);
	rte_kvargs_free(pairs);
	if (rc == 0 && args->device[0] == '\0') {
		DMADEV_LOG(ERR,
			"%s: no device: write --vdev %s,device=model:dsa0, or device=pci:ADDRESS",
			name, name);
		rc = -EINVAL;
	}
	return rc;
}
