/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <inttypes.h>
#include <stdio.h>

#include "report.h"

/** A JSON string (RFC 8259, section 7); what is no ASCII (of a command line) becomes '?'. */
static void print_string(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ')
			printf("\\u%04x", c);
		else
			putchar(c <= '~' ? c : '?');
	}
	putchar('"');
}

/** `"key": "text"`, or null for an empty text, with what stands before it. */
static void print_text(const char *before, const char *key, const char *text)
{
	printf("%s\"%s\": ", before, key);
	if (text[0] == '\0')
		printf("null");
	else
		print_string(text);
}

static const char *boolean(bool value)
{
	return value ? "true" : "false";
}

static void print_system(const struct svart_probe_system *system)
{
	print_text("", "kernel", system->kernel);
	printf(", \"cpu\": {\"movdir64b\": %s}", boolean(system->movdir64b));
	printf(", \"iommufd\": {\"present\": %s, \"permitted\": %s}", boolean(system->iommufd),
		boolean(system->iommufd_permitted));
	printf(", \"iommus\": %" PRIu32 ", \"pin_limit_bytes\": %" PRIu64, system->nr_iommus,
		system->pin_limit_bytes);
	printf(", \"unreadable\": %" PRIu32 ", \"left_out\": %" PRIu32, system->nr_unreadable,
		system->nr_left_out);
}

static void print_path(const struct svart_probe_path *path)
{
	print_text("{", "path", path->path);
	printf(", \"ready\": %s", boolean(path->ready));
	print_text(", ", "code", svart_probe_code_name(path->code));
	print_text(", ", "missing", path->missing);
	print_text(", ", "fix", path->fix);
	print_text(", ", "note", path->note);
	print_text(", ", "spec", path->spec);
	putchar('}');
}

static void print_device(const struct svart_probe_device *dev)
{
	uint32_t i;

	print_text("{", "name", dev->name);
	print_text(", ", "address", dev->address);
	print_text(", ", "model", dev->model);
	print_text(", ", "kernel_driver", dev->kernel_driver);
	printf(", \"software\": %s, \"numa_node\": %" PRId32 ", \"paths\": [",
		boolean(dev->software), dev->numa_node);
	for (i = 0; i < dev->nr_paths; i++) {
		if (i != 0)
			printf(", ");
		print_path(&dev->paths[i]);
	}
	printf("]}");
}

static void print_trial(const struct info_trial *trial)
{
	print_text(", \"probe\": {", "device", trial->spec);
	printf(", \"ok\": %s, \"arrived\": %s, \"answered\": %s", boolean(trial->ok),
		boolean(trial->page_requests != 0), boolean(trial->answers != 0));
	printf(", \"page_requests\": %" PRIu64 ", \"seconds\": %.9f, \"answer_seconds\": %.9f",
		trial->page_requests, (double)trial->time_ns / 1e9, (double)trial->answer_ns / 1e9);
	print_text(", ", "result", trial->result);
	putchar('}');
}

void svart_info_print_json(const struct svart_probe *probe, const struct info_trial *trial)
{
	struct svart_probe_system system;
	struct svart_probe_device dev;
	uint32_t i;

	svart_probe_system_get(probe, &system);
	putchar('{');
	print_system(&system);
	printf(", \"devices\": [");
	for (i = 0; svart_probe_device_get(probe, i, &dev) == 0; i++) {
		if (i != 0)
			printf(", ");
		print_device(&dev);
	}
	putchar(']');
	if (trial != NULL)
		print_trial(trial);
	puts("}");
}
