/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "say.h"

#include <string.h>

#include <svart/init.h>

#include "error.h"
#include "message.h"

int svart_perf_say_failed(const char *what, int rc)
{
	const char *text = svart_error_text();

	app_say("cannot %s: %s", what, text[0] != '\0' ? text : strerror(-rc));
	return rc;
}

void svart_perf_say_forget(void)
{
	svart_fail(0, "%s", "");
}

int svart_perf_say_errno(const char *what, int rc)
{
	app_say("cannot %s: %s", what, strerror(-rc));
	return rc;
}
