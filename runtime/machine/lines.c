/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "lines.h"

#include <errno.h>
#include <string.h>

#include "own_copy.h"

void svart_lines_init(struct svart_lines *lines, struct svart_machine *m, int fd, off_t offset)
{
	lines->m = m;
	lines->fd = fd;
	lines->offset = offset;
	lines->at = 0;
	lines->have = 0;
}

/** Reads the next part of the file. @return 1 there is more, 0 at the end, or -errno. */
static int fill(struct svart_lines *l)
{
	const struct svart_machine_ops *ops = l->m->ops;
	ssize_t got;

	if (l->offset == SVART_LINES_READ_ON)
		got = ops->read(l->m, l->fd, l->buf, sizeof(l->buf));
	else
		got = ops->pread(l->m, l->fd, l->buf, sizeof(l->buf), l->offset);
	if (got <= 0)
		return (int)got;
	if ((size_t)got > sizeof(l->buf))
		return -EIO;
	if (l->offset != SVART_LINES_READ_ON)
		l->offset += got;
	l->at = 0;
	l->have = (size_t)got;
	return 1;
}

int svart_lines_byte(struct svart_lines *lines, char *byte)
{
	int rc = lines->at == lines->have ? fill(lines) : 1;

	if (rc > 0)
		*byte = lines->buf[lines->at++];
	return rc;
}

/** Appends what was read of a line to head, which has *len bytes already. @return whether the line ended. */
static bool take_piece(struct svart_lines *l, size_t *len)
{
	const char *from = l->buf + l->at, *end = memchr(from, '\n', l->have - l->at);
	size_t piece = end != NULL ? (size_t)(end - from) : l->have - l->at;
	size_t room = sizeof(l->head) - 1 - *len, kept = piece < room ? piece : room;

	svart_own_copy(l->head + *len, from, kept);
	*len += kept;
	l->at += piece + (end != NULL);
	return end != NULL;
}

/** Takes a line that goes on behind what was read. @return as svart_lines_next(). */
static int next_split(struct svart_lines *l, struct svart_line *line)
{
	size_t len = 0;
	int rc = 1;

	*line = (struct svart_line){ .text = l->head, .split = true };
	while (!take_piece(l, &len)) {
		rc = fill(l);
		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
	}
	line->ended = rc > 0;
	l->head[len] = '\0';
	return 1;
}

int svart_lines_next(struct svart_lines *lines, struct svart_line *line)
{
	int rc = lines->at == lines->have ? fill(lines) : 1;
	char *text, *end;

	if (rc <= 0)
		return rc;
	text = lines->buf + lines->at;
	end = memchr(text, '\n', lines->have - lines->at);
	if (end == NULL)
		return next_split(lines, line);
	*end = '\0';
	lines->at = (size_t)(end - lines->buf) + 1;
	*line = (struct svart_line){ .text = text, .ended = true };
	return 1;
}
