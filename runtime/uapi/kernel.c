/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "pci.h"

/** Longest line of a configuration that is of interest; the rest of a longer line is skipped. */
#define LINE_BYTES 128
/** A kernel's configuration has some 300 KiB; a file larger than this is none. */
#define CONFIG_MAX_BYTES (4u << 20)
/** The kernel's command line: COMMAND_LINE_SIZE is 2048 on x86 and arm64. */
#define CMDLINE_BYTES 4096

static const char release_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789._+~-";

int svart_kernel_release(struct svart_machine *m, char *release)
{
	int rc = svart_sysfs_read(
		m, "/proc/sys/kernel/osrelease", release, SVART_KERNEL_RELEASE_LEN);

	if (rc == 0 && (release[0] == '\0' || release[0] == '.' ||
			       release[strspn(release, release_characters)] != '\0'))
		rc = -EBADMSG;
	if (rc != 0)
		release[0] = '\0';
	return rc;
}

/** Reads digits. @return what stands after them, or NULL if there are none or too many. */
static const char *take_number(const char *text, unsigned int *number)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 6)
		return NULL;
	*number = (unsigned int)strtoul(text, NULL, 10);
	return text + digits;
}

bool svart_kernel_at_least(const char *release, unsigned int major, unsigned int minor)
{
	unsigned int has_major, has_minor;
	const char *rest = take_number(release, &has_major);

	if (rest == NULL || *rest != '.' || take_number(rest + 1, &has_minor) == NULL)
		return false;
	return has_major != major ? has_major > major : has_minor >= minor;
}

/**
 * Finds an option in a configuration, line by line.
 *
 * Owner: its reader, on the stack.
 */
struct search {
	const char *option;
	size_t len; /* Of the line so far; LINE_BYTES: it is longer than `line`. */
	char line[LINE_BYTES];
	bool is_config; /* Some line sets an option. */
	enum svart_kernel_option found;
};

static void take_line(struct search *s)
{
	size_t len = strlen(s->option);
	char no[LINE_BYTES];

	if (s->len == LINE_BYTES)
		return;
	s->line[s->len] = '\0';
	if (strncmp(s->line, "CONFIG_", strlen("CONFIG_")) == 0)
		s->is_config = true;
	snprintf(no, sizeof(no), "# %s is not set", s->option);
	if (strcmp(s->line, no) == 0)
		s->found = SVART_KERNEL_OPTION_NO;
	else if (strncmp(s->line, s->option, len) == 0 && s->line[len] == '=')
		s->found = s->line[len + 1] == 'm' ? SVART_KERNEL_OPTION_MODULE
						   : SVART_KERNEL_OPTION_YES;
}

static void take_byte(struct search *s, char c)
{
	if (c == '\n') {
		take_line(s);
		s->len = 0;
	} else if (s->len < LINE_BYTES) {
		s->line[s->len++] = c;
	}
}

/** Searches a file. @return false if there is no such file, or it is no configuration. */
static bool search_file(struct svart_machine *m, const char *path, struct search *s)
{
	char buf[4096];
	size_t have = 0;
	ssize_t n = 0, i;
	int fd = m->ops->open(m, path, O_RDONLY);

	if (fd < 0)
		return false;
	while (have < CONFIG_MAX_BYTES && (n = m->ops->read(m, fd, buf, sizeof(buf))) > 0) {
		for (i = 0; i < n; i++)
			take_byte(s, buf[i]);
		have += (size_t)n;
	}
	m->ops->close(m, fd);
	return n == 0 && s->is_config;
}

enum svart_kernel_option svart_kernel_option(
	struct svart_machine *m, const char *release, const char *option)
{
	static const struct {
		const char *before, *after;
	} places[] = { { "/boot/config-", "" }, { "/lib/modules/", "/config" } };
	char path[SVART_KERNEL_RELEASE_LEN + 32];
	size_t i;

	if (release[0] == '\0')
		return SVART_KERNEL_OPTION_UNKNOWN;
	for (i = 0; i < SVART_ARRAY_SIZE(places); i++) {
		struct search s = { .option = option };

		snprintf(path, sizeof(path), "%s%s%s", places[i].before, release, places[i].after);
		if (!search_file(m, path, &s))
			continue;
		/* An option that depends on one that is not set has no line at all. */
		return s.found == SVART_KERNEL_OPTION_UNKNOWN ? SVART_KERNEL_OPTION_NO : s.found;
	}
	return SVART_KERNEL_OPTION_UNKNOWN;
}

/** Whether a list "a,b,c" has a value. */
static bool list_has(const char *list, const char *value)
{
	size_t len;

	for (;; list += len + 1) {
		len = strcspn(list, ",");
		if (len == strlen(value) && memcmp(list, value, len) == 0)
			return true;
		if (list[len] == '\0')
			return false;
	}
}

bool svart_kernel_booted_with(struct svart_machine *m, const char *key, const char *value)
{
	char text[CMDLINE_BYTES], *rest = text, *word;
	size_t len = strlen(key);

	if (svart_sysfs_read(m, "/proc/cmdline", text, sizeof(text)) != 0)
		return false;
	while ((word = strsep(&rest, " \t\n")) != NULL) {
		if (strncmp(word, key, len) == 0 && word[len] == '=' &&
			list_has(word + len + 1, value))
			return true;
	}
	return false;
}
