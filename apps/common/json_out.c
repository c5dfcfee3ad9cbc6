/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "json_out.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "text.h"

json_t *app_json_text(const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *clean = malloc(bytes);
	json_t *string;

	if (clean == NULL)
		return NULL;
	app_text_copy(clean, bytes, text);
	string = json_string(clean);
	free(clean);
	return string;
}

json_t *app_json_real(double number)
{
	return isfinite(number) ? json_real(number) : json_null();
}

json_t *app_json_whole(double number)
{
	return isfinite(number) ? json_integer(llround(number)) : json_null();
}

json_t *app_json_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

int app_json_print(json_t *object, size_t flags)
{
	/* json_dumpf() could fail in the middle of the text. */
	char *text = object != NULL ? json_dumps(object, flags) : NULL;

	json_decref(object);
	if (text == NULL) {
		app_say("no memory for the JSON object: end other programs, or raise RLIMIT_AS "
			"(ulimit -v)");
		return -ENOMEM;
	}
	puts(text);
	free(text);
	return 0;
}
