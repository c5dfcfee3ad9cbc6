/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "file_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MIN_ROOM 64

void svart_model_files_init(struct svart_model_files *files)
{
	memset(files, 0, sizeof(*files));
	pthread_mutex_init(&files->lock, NULL);
}

void svart_model_files_close(struct svart_model_files *files)
{
	struct svart_model_file *f;
	int fd;

	for (fd = 0; fd < files->room; fd++) {
		f = files->by_fd[fd];
		if (f != NULL)
			svart_model_file_close(files, fd);
	}
}

void svart_model_files_fini(struct svart_model_files *files)
{
	free(files->by_fd);
	pthread_mutex_destroy(&files->lock);
}

/** Makes room for fd. The lock is held. */
static int grow(struct svart_model_files *files, int fd)
{
	struct svart_model_file **by_fd;
	int room = files->room != 0 ? files->room : MIN_ROOM;

	if (fd < files->room)
		return 0;
	while (room <= fd)
		room *= 2;
	by_fd = realloc(files->by_fd, (size_t)room * sizeof(*by_fd));
	if (by_fd == NULL)
		return -ENOMEM;
	memset(by_fd + files->room, 0, (size_t)(room - files->room) * sizeof(*by_fd));
	files->by_fd = by_fd;
	files->room = room;
	return 0;
}

int svart_model_file_adopt(struct svart_model_files *files, const struct svart_model_file_ops *ops,
	void *object, int fd)
{
	struct svart_model_file *f = calloc(1, sizeof(*f));
	int rc;

	if (f == NULL)
		return -ENOMEM;
	f->ops = ops;
	f->object = object;
	atomic_init(&f->refs, 1);
	pthread_mutex_lock(&files->lock);
	rc = grow(files, fd);
	if (rc == 0) {
		files->by_fd[fd] = f;
		files->nr_open++;
	}
	pthread_mutex_unlock(&files->lock);
	if (rc != 0) {
		free(f);
		return rc;
	}
	return fd;
}

int svart_model_file_open(
	struct svart_model_files *files, const struct svart_model_file_ops *ops, void *object)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int rc;

	if (fd < 0)
		return -errno;
	rc = svart_model_file_adopt(files, ops, object, fd);
	if (rc < 0)
		close(fd);
	return rc;
}

struct svart_model_file *svart_model_file_get(struct svart_model_files *files, int fd)
{
	struct svart_model_file *f = NULL;

	pthread_mutex_lock(&files->lock);
	if (fd >= 0 && fd < files->room)
		f = files->by_fd[fd];
	if (f != NULL)
		svart_model_file_hold(f);
	pthread_mutex_unlock(&files->lock);
	return f;
}

void svart_model_file_hold(struct svart_model_file *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
}

void svart_model_file_put(struct svart_model_file *f)
{
	/* Orders every holder's accesses before the release by the last one. */
	if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (f->ops->release != NULL)
		f->ops->release(f);
	free(f);
}

int svart_model_file_close(struct svart_model_files *files, int fd)
{
	struct svart_model_file *f = NULL;

	pthread_mutex_lock(&files->lock);
	if (fd >= 0 && fd < files->room)
		f = files->by_fd[fd];
	if (f != NULL) {
		files->by_fd[fd] = NULL;
		files->nr_open--;
	}
	pthread_mutex_unlock(&files->lock);
	if (f == NULL)
		return -EBADF;
	/* Only now may another open get this number. */
	close(fd);
	svart_model_file_put(f);
	return 0;
}
