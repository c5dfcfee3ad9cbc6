/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "model_options.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

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

/** Keeps an option for the device. */
static int keep(const struct option *o, struct svart_model_options *out)
{
	size_t used = strlen(out->device);
	size_t len = (size_t)(o->value + o->value_len - o->key);

	if (used + len + 2 > sizeof(out->device))
		return svart_fail(-EINVAL, "the model's device options are longer than %zu bytes",
			sizeof(out->device) - 1);
	if (used > 0)
		out->device[used++] = ',';
	memcpy(out->device + used, o->key, len);
	out->device[used + len] = '\0';
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
		else
			rc = keep(&o, out);
		if (rc != 0)
			return rc;
	}
	return rc;
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
