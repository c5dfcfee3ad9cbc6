/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "error.h"
#include "lines.h"
#include "vma.h"

/** The most readings until an answer is believed. */
#define MAX_READINGS 8

/** One descriptor. Owner: the pool. Locks: lock, held for a reading. */
struct reader {
	pthread_mutex_t lock;
	int fd;
};

/** See maps.h. */
struct svart_maps {
	struct svart_machine *m;
	atomic_uint turn; /* The reader that the next thread waits for. */
	unsigned int nr;
	struct reader readers[SVART_MAPS_READERS];
};

/** What one reading found. */
struct finding {
	int rc; /* 0, -ENOENT, -EBADMSG, -EAGAIN out of order or interrupted, or another -errno. */
	bool whole; /* If rc is 0: whether the line came in one read. */
	struct svart_maps_area area;
};

/* --- a line ----------------------------------------------------------------------------------- */

static unsigned int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	return 16;
}

/** Takes a number of 1 to `most` hexadecimal digits, and the character behind it. */
static bool take_hex(const char **text, unsigned int most, char behind, uint64_t *value)
{
	const char *p = *text;
	unsigned int digit, nr = 0;

	*value = 0;
	for (; (digit = hex_digit(*p)) < 16 && nr < most; nr++, p++)
		*value = *value << 4 | digit;
	if (nr == 0 || *p != behind)
		return false;
	*text = p + 1;
	return true;
}

/** Takes the last number of a line, which is decimal, with a space or nothing behind it. */
static bool take_inode(const char *text, uint64_t *value)
{
	const char *p = text;

	*value = 0;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(*value, 10, value) ||
			__builtin_add_overflow(*value, (uint64_t)(*p - '0'), value))
			return false;
	}
	return p != text && (*p == ' ' || *p == '\0');
}

/** Takes one of two characters. @return whether it was there; *is: whether it was `yes`. */
static bool take_flag(const char **text, char yes, char no, bool *is)
{
	*is = **text == yes;
	if (!*is && **text != no)
		return false;
	(*text)++;
	return true;
}

static bool take_protection(const char **text, struct svart_maps_area *area)
{
	bool read, write, exec;

	if (!take_flag(text, 'r', '-', &read) || !take_flag(text, 'w', '-', &write) ||
		!take_flag(text, 'x', '-', &exec) || !take_flag(text, 's', 'p', &area->shared) ||
		*(*text)++ != ' ')
		return false;
	area->prot = (read ? SVART_ACCESS_READ : 0) | (write ? SVART_ACCESS_WRITE : 0) |
		     (exec ? SVART_ACCESS_EXEC : 0);
	return true;
}

/** Parses "START-END PROT OFFSET MAJOR:MINOR INODE", and a path after a space or nothing (proc(5)). */
static bool parse(const struct svart_line *line, struct svart_maps_area *area)
{
	const char *text = line->text;
	uint64_t major, minor;

	if (!line->ended || !take_hex(&text, 16, '-', &area->start) ||
		!take_hex(&text, 16, ' ', &area->end) || !take_protection(&text, area) ||
		!take_hex(&text, 16, ' ', &area->offset) || !take_hex(&text, 8, ':', &major) ||
		!take_hex(&text, 8, ' ', &minor) || !take_inode(text, &area->inode))
		return false;
	area->major = (uint32_t)major;
	area->minor = (uint32_t)minor;
	return area->start < area->end && ((area->start | area->end) & SVART_PAGE_MASK) == 0;
}

/* --- readings --------------------------------------------------------------------------------- */

/** Reads the next area, after the one that ends at *end. @return 1, 0 there is no more, or as finding.rc. */
static int next_area(struct svart_lines *lines, uint64_t *end, struct finding *f)
{
	struct svart_line line;
	int rc = svart_lines_next(lines, &line);

	if (rc <= 0)
		return rc == -EINTR ? -EAGAIN : rc;
	if (!parse(&line, &f->area))
		return -EBADMSG;
	if (f->area.start < *end)
		return -EAGAIN;
	*end = f->area.end;
	f->whole = !line.split;
	return 1;
}

static struct finding read_once(struct svart_machine *m, int fd, uint64_t addr)
{
	struct finding f = { .rc = 0 };
	struct svart_lines lines;
	uint64_t end = 0;
	int rc;

	svart_lines_init(&lines, m, fd, 0);
	do
		rc = next_area(&lines, &end, &f);
	while (rc > 0 && end <= addr);
	if (rc < 0)
		f.rc = rc;
	else if (rc == 0 || addr < f.area.start)
		f.rc = -ENOENT;
	return f;
}

static bool areas_equal(const struct svart_maps_area *a, const struct svart_maps_area *b)
{
	return a->start == b->start && a->end == b->end && a->offset == b->offset &&
	       a->inode == b->inode && a->major == b->major && a->minor == b->minor &&
	       a->prot == b->prot && a->shared == b->shared;
}

/** Whether a finding is certain by itself, or is the same as that of the reading before. */
static bool is_certain(const struct finding *f, const struct finding *before)
{
	switch (f->rc) {
	case 0:
		return f->whole || (before->rc == 0 && areas_equal(&f->area, &before->area));
	case -ENOENT:
		return before->rc == -ENOENT;
	case -EBADMSG:
	case -EAGAIN:
		return false;
	default:
		return true;
	}
}

/** Finds an area. A text that seems torn in every reading is not torn: it has another form. */
static int find(struct svart_machine *m, int fd, uint64_t addr, struct svart_maps_area *area)
{
	struct finding f, before = { .rc = -EAGAIN };
	unsigned int i, bad = 0;

	for (i = 0; i < MAX_READINGS; i++) {
		f = read_once(m, fd, addr);
		if (is_certain(&f, &before)) {
			*area = f.area;
			return f.rc;
		}
		bad += f.rc == -EBADMSG;
		before = f;
	}
	return bad == MAX_READINGS ? -EBADMSG : -EAGAIN;
}

static struct reader *take_reader(struct svart_maps *maps)
{
	struct reader *r;
	unsigned int i;

	for (i = 0; i < maps->nr; i++) {
		if (pthread_mutex_trylock(&maps->readers[i].lock) == 0)
			return &maps->readers[i];
	}
	i = atomic_fetch_add_explicit(&maps->turn, 1, memory_order_relaxed);
	r = &maps->readers[i % maps->nr];
	pthread_mutex_lock(&r->lock);
	return r;
}

int svart_maps_find(struct svart_maps *maps, uint64_t addr, struct svart_maps_area *area)
{
	struct reader *r = take_reader(maps);
	int rc = find(maps->m, r->fd, addr, area);

	pthread_mutex_unlock(&r->lock);
	return rc;
}

/* --- descriptors ------------------------------------------------------------------------------ */

static int open_maps(struct svart_machine *m)
{
	int fd = m->ops->open(m, "/proc/self/maps", O_RDONLY);

	if (fd == -EMFILE || fd == -ENFILE)
		return svart_fail(fd,
			"cannot open /proc/self/maps (%s): raise the limit of open files "
			"(ulimit -n)",
			strerror(-fd));
	if (fd < 0)
		return svart_fail(
			fd, "cannot open /proc/self/maps (%s): mount proc", strerror(-fd));
	return fd;
}

static int add_reader(struct svart_maps *maps)
{
	struct reader *r = &maps->readers[maps->nr];
	int fd = open_maps(maps->m);

	if (fd < 0)
		return fd;
	r->fd = fd;
	pthread_mutex_init(&r->lock, NULL);
	maps->nr++;
	return 0;
}

int svart_maps_create(struct svart_machine *m, struct svart_maps **out)
{
	struct svart_maps *maps = calloc(1, sizeof(*maps));
	int rc;

	if (maps == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	maps->m = m;
	rc = add_reader(maps);
	if (rc != 0) {
		free(maps);
		return rc;
	}
	*out = maps;
	return 0;
}

int svart_maps_add_readers(struct svart_maps *maps)
{
	int rc = 0;

	while (rc == 0 && maps->nr < SVART_MAPS_READERS)
		rc = add_reader(maps);
	return rc;
}

void svart_maps_destroy(struct svart_maps *maps)
{
	unsigned int i;

	if (maps == NULL)
		return;
	for (i = 0; i < maps->nr; i++) {
		maps->m->ops->close(maps->m, maps->readers[i].fd);
		pthread_mutex_destroy(&maps->readers[i].lock);
	}
	free(maps);
}

int svart_maps_fd(const struct svart_maps *maps)
{
	return maps->readers[0].fd;
}

/* --- the end of memory ------------------------------------------------------------------------ */

/**
 * Reads once. @param top out: what this reading says. @return 0 or as finding.rc; with a text if the file is
 * wrong.
 */
static int read_top(struct svart_machine *m, uint64_t limit, uint64_t *top)
{
	struct svart_lines lines;
	struct finding f;
	uint64_t end = 0;
	int rc, fd = open_maps(m);

	*top = 0;
	if (fd < 0)
		return fd;
	svart_lines_init(&lines, m, fd, SVART_LINES_READ_ON);
	while ((rc = next_area(&lines, &end, &f)) > 0) {
		if (end <= limit)
			*top = end;
	}
	m->ops->close(m, fd);
	if (rc < 0 && rc != -EAGAIN && rc != -EBADMSG)
		svart_fail(rc, "cannot read /proc/self/maps: %s", strerror(-rc));
	return rc;
}

int svart_maps_top(struct svart_machine *m, uint64_t limit, uint64_t *top)
{
	uint64_t before = 0;
	unsigned int i, bad = 0;
	int rc, rc_before = -EAGAIN;

	for (i = 0; i < MAX_READINGS; i++) {
		rc = read_top(m, limit, top);
		if (rc == 0 && rc_before == 0 && *top == before)
			return 0;
		if (rc != 0 && rc != -EAGAIN && rc != -EBADMSG)
			return rc;
		bad += rc == -EBADMSG;
		rc_before = rc;
		before = *top;
	}
	if (bad == MAX_READINGS)
		return svart_fail(-EBADMSG,
			"/proc/self/maps has lines that are no memory areas: report this kernel");
	return svart_fail(-EAGAIN,
		"/proc/self/maps was another each time it was read (%d times): try again when "
		"fewer "
		"threads map memory",
		MAX_READINGS);
}
