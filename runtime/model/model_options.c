/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "model_options.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "error.h"
#include "unit.h"

/** One "key=value" of a text, as a place in it. */
struct option {
	const char *key, *value;
	int key_len, value_len;
};

/** Takes the next option off a text. @return 1, 0 at its end, or -EINVAL with an error text. */
static int next_option(const char **text, struct option *o)
{
	size_t len = strcspn(*text, ",");
	const char *equals = memchr(*text, '=', len);

	if (**text == '\0')
		return 0;
	if (equals == NULL || equals == *text)
		return svart_fail(
			-EINVAL, "option \"%.*s\" of the model is not key=value", (int)len, *text);
	o->key = *text;
	o->key_len = (int)(equals - *text);
	o->value = equals + 1;
	o->value_len = (int)(len - (size_t)o->key_len) - 1;
	*text += len + ((*text)[len] == ',');
	return 1;
}

static bool is_key(const struct option *o, const char *name)
{
	return strlen(name) == (size_t)o->key_len && memcmp(o->key, name, strlen(name)) == 0;
}

static bool is_value(const struct option *o, const char *text)
{
	return strlen(text) == (size_t)o->value_len && memcmp(o->value, text, strlen(text)) == 0;
}

static int set_step(const struct option *o, struct svart_model_options *out)
{
	out->has_step = true;
	out->manual = is_value(o, "manual");
	if (out->manual || is_value(o, "thread"))
		return 0;
	return svart_fail(
		-EINVAL, "step=%.*s of the model: it is thread or manual", o->value_len, o->value);
}

static int set_vmas(const struct option *o, struct svart_model_options *out)
{
	out->has_vmas = true;
	out->check_vmas = is_value(o, "checked");
	if (out->check_vmas || is_value(o, "trusted"))
		return 0;
	return svart_fail(-EINVAL, "vmas=%.*s of the model: it is trusted or checked", o->value_len,
		o->value);
}

static int set_seed(const struct option *o, struct svart_model_options *out)
{
	char digits[24];
	char *end;

	out->has_seed = true;
	if (o->value_len > 0 && (size_t)o->value_len < sizeof(digits)) {
		memcpy(digits, o->value, (size_t)o->value_len);
		digits[o->value_len] = '\0';
		errno = 0;
		out->seed = strtoull(digits, &end, 0);
		if (*end == '\0' && errno == 0 && digits[0] != '-')
			return 0;
	}
	return svart_fail(-EINVAL, "seed=%.*s of the model: it is a number of 64 bits",
		o->value_len, o->value);
}

/** Adds an option to a text of SVART_MODEL_OPTIONS_BYTES. */
static int keep(const struct option *o, char *text)
{
	size_t used = strlen(text);
	size_t len = (size_t)(o->value + o->value_len - o->key);

	if (used + len + 2 > SVART_MODEL_OPTIONS_BYTES)
		return svart_fail(-EINVAL, "the model's device options are longer than %d bytes",
			SVART_MODEL_OPTIONS_BYTES - 1);
	if (used > 0)
		text[used++] = ',';
	memcpy(text + used, o->key, len);
	text[used + len] = '\0';
	return 0;
}

int svart_model_options_parse(const char *text, struct svart_model_options *out)
{
	const char *rest = text != NULL ? text : "";
	struct option o;
	int rc;

	memset(out, 0, sizeof(*out));
	out->seed = 1;
	while ((rc = next_option(&rest, &o)) > 0) {
		if (is_key(&o, "step"))
			rc = set_step(&o, out);
		else if (is_key(&o, "seed"))
			rc = set_seed(&o, out);
		else if (is_key(&o, "vmas"))
			rc = set_vmas(&o, out);
		else
			rc = keep(&o, out->device);
		if (rc != 0)
			return rc;
	}
	return rc;
}

/* --- the IOMMU in front of a device ----------------------------------------------------------------- */

/** The options of the IOMMU as they are written; an option with key NULL is not there. */
struct iommu_options {
	struct option iommu, pri, private;
};

/** Takes one of the IOMMU's options. @return whether it is one. */
static bool take_iommu(struct iommu_options *all, const struct option *o)
{
	if (is_key(o, "iommu"))
		all->iommu = *o;
	else if (is_key(o, "pri"))
		all->pri = *o;
	else if (is_key(o, "private"))
		all->private = *o;
	else
		return false;
	return true;
}

static int set_unit(const struct iommu_options *all, struct svart_model_device_options *out)
{
	const struct option *iommu = &all->iommu, *pri = &all->pri;
	bool pri_on = pri->key != NULL && is_value(pri, "on");
	bool vtd = iommu->key == NULL || is_value(iommu, "vtd");

	if (!vtd && !is_value(iommu, "smmu"))
		return svart_fail(-EINVAL, "iommu=%.*s of the model: it is vtd or smmu",
			iommu->value_len, iommu->value);
	if (pri->key != NULL && !pri_on && !is_value(pri, "off"))
		return svart_fail(-EINVAL, "pri=%.*s of the model: it is on or off", pri->value_len,
			pri->value);
	if (pri->key != NULL && vtd)
		return svart_fail(-EINVAL, "pri=%.*s of the model: it goes with iommu=smmu only",
			pri->value_len, pri->value);
	if (vtd)
		out->unit_ops = &svart_unit_vtd;
	else
		out->unit_ops = pri_on ? &svart_unit_smmu_pri : &svart_unit_smmu_stall;
	return 0;
}

static int set_private(const struct iommu_options *all, struct svart_model_device_options *out)
{
	const struct option *o = &all->private;
	unsigned int percent = 0;
	int i;

	if (o->key == NULL)
		return 0;
	for (i = 0; i < o->value_len && o->value[i] >= '0' && o->value[i] <= '9' && i < 3; i++)
		percent = 10 * percent + (unsigned int)(o->value[i] - '0');
	if (i == 0 || i < o->value_len || percent > 100)
		return svart_fail(-EINVAL,
			"private=%.*s of the model: it is a number from 0 to 100", o->value_len,
			o->value);
	if (percent > 0 && out->unit_ops->kind != SVART_IOMMU_UNIT_VTD)
		return svart_fail(
			-EINVAL, "private=%u of the model: it goes with iommu=vtd only", percent);
	out->private_percent = percent;
	return 0;
}

int svart_model_options_split(const char *text, struct svart_model_device_options *out)
{
	struct iommu_options iommu = { 0 };
	const char *rest = text;
	struct option o;
	int rc;

	memset(out, 0, sizeof(*out));
	out->text = text;
	while ((rc = next_option(&rest, &o)) > 0) {
		if (take_iommu(&iommu, &o))
			continue;
		if (is_key(&o, "inject"))
			rc = svart_inject_parse(o.value, o.value_len, &out->inject);
		else
			rc = keep(&o, out->own);
		if (rc != 0)
			return rc;
	}
	if (rc == 0)
		rc = set_unit(&iommu, out);
	return rc != 0 ? rc : set_private(&iommu, out);
}

int svart_model_options_check(const char *text, const char *const *keys, const char *whose)
{
	const char *const *key;
	struct option o;
	int rc;

	while ((rc = next_option(&text, &o)) > 0) {
		for (key = keys; key != NULL && *key != NULL && !is_key(&o, *key); key++)
			;
		if (key == NULL || *key == NULL)
			return svart_fail(
				-EINVAL, "%s has no option \"%.*s\"", whose, o.key_len, o.key);
	}
	return rc;
}
