/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fake_tree.h"

#define FIRST_FD 1000

static struct fake_node *find(struct fake_tree *t, const char *path)
{
	unsigned int i;

	for (i = 0; i < t->nr; i++) {
		if (strcmp(t->nodes[i].path, path) == 0)
			return &t->nodes[i];
	}
	return NULL;
}

static struct fake_node *make(struct fake_tree *t, const char *path)
{
	struct fake_node *node = find(t, path);

	if (node == NULL) {
		assert_true(t->nr < FAKE_TREE_NODES);
		node = &t->nodes[t->nr++];
	}
	memset(node, 0, sizeof(*node));
	snprintf(node->path, sizeof(node->path), "%s", path);
	return node;
}

void fake_tree_file(struct fake_tree *t, const char *path, const char *text)
{
	fake_tree_bytes(t, path, text, strlen(text));
}

void fake_tree_bytes(struct fake_tree *t, const char *path, const void *data, size_t len)
{
	struct fake_node *node = make(t, path);

	node->data = data;
	node->len = len;
}

void fake_tree_link(struct fake_tree *t, const char *path, const char *target)
{
	make(t, path)->link = target;
}

void fake_tree_refuse(struct fake_tree *t, const char *path, int error)
{
	make(t, path)->error = error;
}

/** Whether a path is another one or below it; *rest: what comes after the slash. */
static bool is_below(const char *path, const char *dir, const char **rest)
{
	size_t len = strlen(dir);

	if (strncmp(path, dir, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return false;
	*rest = path + len + (path[len] == '/');
	return true;
}

void fake_tree_remove(struct fake_tree *t, const char *path)
{
	const char *rest;
	unsigned int i, kept = 0;

	for (i = 0; i < t->nr; i++) {
		if (!is_below(t->nodes[i].path, path, &rest))
			t->nodes[kept++] = t->nodes[i];
	}
	t->nr = kept;
}

static int fake_open(struct svart_machine *m, const char *path, int flags)
{
	struct fake_tree *t = (struct fake_tree *)m;
	struct fake_node *node = find(t, path);
	int fd;

	(void)flags;
	if (node == NULL)
		return -ENOENT;
	if (node->error != 0)
		return node->error;
	for (fd = 0; fd < FAKE_TREE_FDS; fd++) {
		if (t->fds[fd].node == NULL) {
			t->fds[fd].node = node;
			t->fds[fd].at = 0;
			t->nr_open++;
			return FIRST_FD + fd;
		}
	}
	return -EMFILE;
}

static int fake_close(struct svart_machine *m, int fd)
{
	struct fake_tree *t = (struct fake_tree *)m;

	assert_non_null(t->fds[fd - FIRST_FD].node);
	t->fds[fd - FIRST_FD].node = NULL;
	t->nr_open--;
	return 0;
}

static ssize_t fake_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	struct fake_tree *t = (struct fake_tree *)m;
	const struct fake_node *node = t->fds[fd - FIRST_FD].node;
	size_t *at = &t->fds[fd - FIRST_FD].at, n;

	assert_non_null(node);
	n = node->len - *at < len ? node->len - *at : len;
	if (n != 0)
		memcpy(buf, (const char *)node->data + *at, n);
	*at += n;
	return (ssize_t)n;
}

static ssize_t fake_readlink(struct svart_machine *m, const char *path, char *buf, size_t len)
{
	const struct fake_node *node = find((struct fake_tree *)m, path);
	size_t n;

	if (node == NULL)
		return -ENOENT;
	if (node->link == NULL)
		return -EINVAL;
	n = strlen(node->link) < len ? strlen(node->link) : len;
	memcpy(buf, node->link, n);
	return (ssize_t)n;
}

/** The first part of what is below a folder; each name once, since nodes of one are made in a row. */
static int fake_listdir(struct svart_machine *m, const char *path,
	int (*entry)(void *arg, const char *name), void *arg)
{
	struct fake_tree *t = (struct fake_tree *)m;
	char name[400], last[400] = "";
	bool is_there = false;
	const char *rest;
	unsigned int i;
	int rc = 0;

	for (i = 0; rc == 0 && i < t->nr; i++) {
		if (!is_below(t->nodes[i].path, path, &rest) || *rest == '\0')
			continue;
		is_there = true;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest, "/"), rest);
		if (strcmp(name, last) == 0)
			continue;
		strcpy(last, name);
		rc = entry(arg, name);
	}
	return is_there ? rc : -ENOENT;
}

static int fake_getrlimit(struct svart_machine *m, int resource, struct rlimit *limit)
{
	assert_int_equal(resource, RLIMIT_MEMLOCK);
	limit->rlim_cur = limit->rlim_max = ((struct fake_tree *)m)->memlock;
	return 0;
}

static int fake_portal(
	struct svart_machine *m, void *addr, unsigned int flags, struct svart_portal *out)
{
	(void)addr;
	(void)flags;
	(void)out;
	return ((struct fake_tree *)m)->no_movdir64b ? -ENOTSUP : 0;
}

static int forbidden_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	(void)fd;
	(void)request;
	(void)arg;
	((struct fake_tree *)m)->nr_forbidden++;
	return -ENOTTY;
}

static ssize_t forbidden_write(struct svart_machine *m, int fd, const void *buf, size_t len)
{
	(void)fd;
	(void)buf;
	(void)len;
	((struct fake_tree *)m)->nr_forbidden++;
	return -EBADF;
}

static const struct svart_machine_ops tree_ops = {
	.name = "tree",
	.open = fake_open,
	.close = fake_close,
	.read = fake_read,
	.write = forbidden_write,
	.ioctl = forbidden_ioctl,
	.readlink = fake_readlink,
	.listdir = fake_listdir,
	.getrlimit = fake_getrlimit,
	.portal = fake_portal,
};

void fake_tree_init(struct fake_tree *t)
{
	memset(t, 0, sizeof(*t));
	t->m.ops = &tree_ops;
	t->memlock = RLIM_INFINITY;
}
