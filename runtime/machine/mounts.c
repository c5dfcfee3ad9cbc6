/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "bits.h"
#include "lines.h"

/** The most readings until an answer is believed. */
#define MAX_READINGS 8

/** Words of a line before the optional words, which end with "-" (proc(5)). */
#define FIXED_WORDS 6
/** Index of the word that is the device, "MAJOR:MINOR". */
#define DEVICE_WORD 2

/**
 * A line of mountinfo (proc(5)), taken byte by byte, because its paths have any length:
 * "ID PARENT MAJOR:MINOR ROOT MOUNT OPTIONS [OPTIONAL]... - TYPE SOURCE SUPEROPTIONS".
 *
 * Owner: its reader, on the stack.
 */
struct mount_line {
	unsigned int nr; /* Words so far. */
	unsigned int major, minor;
	enum { BEFORE_DASH, AT_TYPE, AFTER_TYPE } at;
	char type[32], word[32]; /* Longer words are cut: none of them is of interest. */
	size_t len;
};

static bool take_device(struct mount_line *l)
{
	int used = 0;

	return strspn(l->word, "0123456789:") == strlen(l->word) &&
	       sscanf(l->word, "%9u:%9u%n", &l->major, &l->minor, &used) == 2 &&
	       l->word[used] == '\0';
}

/** Ends a word of a line. @return false if the word in the device's place is no device. */
static bool take_word(struct mount_line *l)
{
	unsigned int index = l->nr++;

	l->word[l->len] = '\0';
	l->len = 0;
	if (index == DEVICE_WORD)
		return take_device(l);
	if (l->at == AT_TYPE) {
		memcpy(l->type, l->word, sizeof(l->type));
		l->at = AFTER_TYPE;
	} else if (l->at == BEFORE_DASH && index >= FIXED_WORDS && strcmp(l->word, "-") == 0) {
		l->at = AT_TYPE;
	}
	return true;
}

/**
 * Takes a byte of a line. @return 1 the line is complete, 0 it goes on, -EBADMSG it is no line of mountinfo.
 */
static int take_byte(struct mount_line *l, char c)
{
	if (c != ' ' && c != '\n') {
		if (l->len + 1 < sizeof(l->word))
			l->word[l->len++] = c;
		return 0;
	}
	if (!take_word(l) || (c == '\n' && (l->at != AFTER_TYPE || l->type[0] == '\0')))
		return -EBADMSG;
	return c == '\n';
}

static bool type_has_writeback(const char *type)
{
	static const char *const memory_only[] = { "tmpfs", "devtmpfs", "hugetlbfs", "ramfs" };
	size_t i;

	for (i = 0; i < SVART_ARRAY_SIZE(memory_only); i++) {
		if (strcmp(type, memory_only[i]) == 0)
			return false;
	}
	return true;
}

/** Reads a line. @return 1 a line was read, 0 there is no more, or -errno. */
static int next_mount(struct svart_lines *lines, struct mount_line *l)
{
	bool begun = false;
	char c;
	int rc;

	*l = (struct mount_line){ .nr = 0 };
	while ((rc = svart_lines_byte(lines, &c)) > 0) {
		rc = take_byte(l, c);
		if (rc != 0)
			return rc;
		begun = true;
	}
	if (rc == -EINTR)
		return -EAGAIN;
	return rc == 0 && begun ? -EBADMSG : rc;
}

/**
 * Makes one reading. A device of major 0 that no mount has is one of the kernel's own (memfd, shared
 * anonymous), which is only memory; another device that no mount has is a disk whose mount a chroot hides.
 * @return as svart_mounts_writeback().
 */
static int read_once(struct svart_machine *m, int fd, uint32_t major, uint32_t minor)
{
	struct svart_lines lines;
	struct mount_line l;
	int rc;

	svart_lines_init(&lines, m, fd, 0);
	while ((rc = next_mount(&lines, &l)) > 0) {
		if (l.major == major && l.minor == minor)
			return type_has_writeback(l.type);
	}
	return rc < 0 ? rc : major != 0;
}

/**
 * Reads until the answer is certain. A text that seems torn in every reading is not torn: it has another
 * form.
 */
static int read_until_certain(struct svart_machine *m, int fd, uint32_t major, uint32_t minor)
{
	unsigned int i, bad = 0;
	int rc, before = -EAGAIN;

	for (i = 0; i < MAX_READINGS; i++) {
		rc = read_once(m, fd, major, minor);
		if ((rc >= 0 && rc == before) || (rc < 0 && rc != -EAGAIN && rc != -EBADMSG))
			return rc;
		bad += rc == -EBADMSG;
		before = rc;
	}
	return bad == MAX_READINGS ? -EBADMSG : -EAGAIN;
}

int svart_mounts_writeback(struct svart_machine *m, uint32_t major, uint32_t minor)
{
	int rc, fd = m->ops->open(m, "/proc/self/mountinfo", O_RDONLY);

	if (fd < 0)
		return fd;
	rc = read_until_certain(m, fd, major, minor);
	m->ops->close(m, fd);
	return rc;
}
