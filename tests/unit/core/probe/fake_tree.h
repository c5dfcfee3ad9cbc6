/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_FAKE_TREE_H
#define SVART_TEST_FAKE_TREE_H

/**
 * @file
 * A machine that has nothing but a tree of files: /sys, /proc and /dev as a test wants them.
 */

#include <stdbool.h>
#include <stddef.h>

#include "machine.h"

#define FAKE_TREE_NODES 1024
#define FAKE_TREE_FDS   8

/** A file, or a link where `link` is set. Strings are the test's. */
struct fake_node {
	char path[400];
	const void *data;
	size_t len;
	const char *link;
	int error; /**< What opening it gives, a negative errno; 0: a descriptor. */
};

/** Owner: its test. */
struct fake_tree {
	struct svart_machine m;
	struct fake_node nodes[FAKE_TREE_NODES];
	unsigned int nr;
	struct {
		const struct fake_node *node; /**< NULL: closed. */
		size_t at;
	} fds[FAKE_TREE_FDS];
	unsigned int nr_open;      /**< Descriptors that are open now. */
	unsigned int nr_forbidden; /**< ioctl, write and mmap calls: there should be none. */
	rlim_t memlock;
	bool no_movdir64b;
};

void fake_tree_init(struct fake_tree *t);
/** Adds a file, or replaces one. */
void fake_tree_file(struct fake_tree *t, const char *path, const char *text);
void fake_tree_bytes(struct fake_tree *t, const char *path, const void *data, size_t len);
void fake_tree_link(struct fake_tree *t, const char *path, const char *target);
/** Makes a file that cannot be opened. */
void fake_tree_refuse(struct fake_tree *t, const char *path, int error);
/** Takes a node and all below it away. */
void fake_tree_remove(struct fake_tree *t, const char *path);

#endif
