/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "fake_text.h"

#include <errno.h>
#include <string.h>

#define FIRST_FD 1000

static struct fake_text *of(struct svart_machine *m)
{
	return (struct fake_text *)m; /* It is the first member. */
}

static int text_open(struct svart_machine *m, const char *path, int flags)
{
	struct fake_text *t = of(m);
	struct fake_text_file *f;
	int fd;

	(void)flags;
	for (f = t->files; f < t->files + FAKE_TEXT_FILES; f++) {
		if (f->path != NULL && strcmp(f->path, path) == 0)
			break;
	}
	if (f == t->files + FAKE_TEXT_FILES)
		return -ENOENT;
	f->opens++;
	if (f->open_error != 0)
		return f->open_error;
	for (fd = 0; fd < FAKE_TEXT_FDS; fd++) {
		if (t->fds[fd].file == NULL) {
			t->fds[fd].file = f;
			t->fds[fd].at = 0;
			t->nr_open++;
			return FIRST_FD + fd;
		}
	}
	return -EMFILE;
}

static int text_close(struct svart_machine *m, int fd)
{
	of(m)->fds[fd - FIRST_FD].file = NULL;
	of(m)->nr_open--;
	return 0;
}

static int text_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	(void)m;
	(void)fd;
	(void)request;
	(void)arg;
	return -ENOTTY;
}

static ssize_t text_pread(struct svart_machine *m, int fd, void *buf, size_t len, off_t off)
{
	struct fake_text_file *f = of(m)->fds[fd - FIRST_FD].file;
	size_t piece = f->piece != 0 ? f->piece : 4096, at = (size_t)off, n;
	unsigned int which;
	const char *text;

	f->reads++;
	f->readings += off == 0;
	if (f->read_error != 0 && (f->fail_at == 0 || f->fail_at == f->reads))
		return f->read_error;
	which = (f->per_read ? f->reads : f->readings) - 1;
	text = f->texts[which < f->nr_texts ? which : f->nr_texts - 1];
	n = strlen(text) > at ? strlen(text) - at : 0;
	n = n < piece ? n : piece;
	n = n < len ? n : len;
	memcpy(buf, text + (n != 0 ? at : 0), n);
	return (ssize_t)n;
}

static ssize_t text_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	size_t *at = &of(m)->fds[fd - FIRST_FD].at;
	ssize_t n = text_pread(m, fd, buf, len, (off_t)*at);

	*at += n > 0 ? (size_t)n : 0;
	return n;
}

void fake_text_init(struct fake_text *t)
{
	static const struct svart_machine_ops ops = {
		.name = "text",
		.open = text_open,
		.close = text_close,
		.ioctl = text_ioctl,
		.read = text_read,
		.pread = text_pread,
	};

	memset(t, 0, sizeof(*t));
	t->machine.ops = &ops;
}

void fake_text_set(struct fake_text_file *f, const char *path, const char *const *texts)
{
	*f = (struct fake_text_file){ .path = path, .texts = texts };
	while (texts[f->nr_texts] != NULL)
		f->nr_texts++;
}
