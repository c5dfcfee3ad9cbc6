/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "spec.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

/** Options that every device takes. */
static const char *const common_keys[] = { "machine", "pasid", "portal", "faults", "fault_mode",
	NULL };

static bool is_key(const char *key, const char *const *keys)
{
	for (; *keys != NULL; keys++) {
		if (strcmp(*keys, key) == 0)
			return true;
	}
	return false;
}

static int copy_part(char *to, size_t len, const char *from, size_t n, const char *what)
{
	if (n == 0)
		return svart_fail(-EINVAL,
			"the device spec has no %s: write it as model:dsa0 or "
			"pci:0000:6a:01.0",
			what);
	if (n >= len)
		return svart_fail(-EINVAL, "the device spec's %s is longer than %zu characters",
			what, len - 1);
	memcpy(to, from, n);
	to[n] = '\0';
	return 0;
}

static int check_duplicates(const struct rte_kvargs *options)
{
	unsigned int i, j;

	for (i = 0; i < options->count; i++) {
		for (j = 0; j < i; j++) {
			if (strcmp(options->pairs[i].key, options->pairs[j].key) == 0)
				return svart_fail(-EINVAL, "the device spec has option %s= twice",
					options->pairs[i].key);
		}
		if (options->pairs[i].value == NULL || options->pairs[i].value[0] == '\0')
			return svart_fail(-EINVAL,
				"the device spec's option %s has no value: write "
				"%s=VALUE",
				options->pairs[i].key, options->pairs[i].key);
	}
	return 0;
}

int svart_spec_parse(const char *text, struct svart_spec *spec)
{
	const char *colon, *comma;
	int rc;

	if (text == NULL)
		return svart_fail(-EINVAL, "no device spec");
	colon = strchr(text, ':');
	if (colon == NULL)
		return svart_fail(-EINVAL,
			"\"%s\" is no device spec: write it as model:dsa0 or "
			"pci:0000:6a:01.0",
			text);
	comma = strchrnul(colon, ',');
	rc = copy_part(spec->bus, sizeof(spec->bus), text, (size_t)(colon - text), "bus");
	if (rc == 0)
		rc = copy_part(spec->name, sizeof(spec->name), colon + 1,
			(size_t)(comma - colon - 1), "name");
	if (rc != 0)
		return rc;
	spec->options = rte_kvargs_parse(*comma == ',' ? comma + 1 : "", NULL);
	if (spec->options == NULL)
		return svart_fail(-EINVAL,
			"cannot parse the options of device spec \"%s\": write them "
			"as KEY=VALUE,KEY=VALUE, %d at most",
			text, RTE_KVARGS_MAX);
	rc = check_duplicates(spec->options);
	if (rc != 0)
		svart_spec_fini(spec);
	return rc;
}

void svart_spec_fini(struct svart_spec *spec)
{
	rte_kvargs_free(spec->options);
	spec->options = NULL;
}

int svart_spec_select(const struct svart_spec *spec, const char *const *keys, char *buf, size_t len)
{
	const struct rte_kvargs *options = spec->options;
	size_t used = 0;
	unsigned int i;

	buf[0] = '\0';
	for (i = 0; i < options->count; i++) {
		if (!is_key(options->pairs[i].key, keys))
			continue;
		used += (size_t)snprintf(buf + used, len - used, "%s%s=%s", used != 0 ? "," : "",
			options->pairs[i].key, options->pairs[i].value);
		if (used >= len)
			return svart_fail(-EINVAL, "the options of the device spec are too long");
	}
	return 0;
}

int svart_spec_check(const struct svart_spec *spec, const char *const *machine_keys,
	const char *const *transport_keys, const char *const *driver_keys)
{
	const char *key;
	unsigned int i;

	for (i = 0; i < spec->options->count; i++) {
		key = spec->options->pairs[i].key;
		if (!is_key(key, common_keys) && !is_key(key, machine_keys) &&
			!is_key(key, transport_keys) && !is_key(key, driver_keys))
			return svart_fail(-EINVAL, "unknown option %s= for device %s:%s", key,
				spec->bus, spec->name);
	}
	return 0;
}
