/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_FILE_TABLE_H
#define SVART_MODEL_FILE_TABLE_H

/**
 * @file
 * File descriptors of the model. Each is a real descriptor, mostly of an eventfd, so that one poll()
 * can mix them with real ones, and this table says what the model has behind it.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

struct svart_model_files;
struct svart_model_file;

/** What a kind of file can do. If a member is NULL, the call gives the errno of the member's comment. */
struct svart_model_file_ops {
	ssize_t (*read)(struct svart_model_file *f, void *buf, size_t len);        /**< -EINVAL */
	ssize_t (*write)(struct svart_model_file *f, const void *buf, size_t len); /**< -EINVAL */
	ssize_t (*pread)(
		struct svart_model_file *f, void *buf, size_t len, off_t off); /**< -EINVAL */
	ssize_t (*pwrite)(
		struct svart_model_file *f, const void *buf, size_t len, off_t off); /**< -EINVAL */
	int (*ioctl)(struct svart_model_file *f, unsigned long request, void *arg);  /**< -ENOTTY */
	int (*mmap)(struct svart_model_file *f, void *addr, size_t len, int prot, int flags,
		off_t off, void **out); /**< -ENODEV */
	/**
	 * Ends the file. The last reference is gone: the descriptor is closed, no call is inside, and
	 * nothing is mapped.
	 */
	void (*release)(struct svart_model_file *f);
};

/**
 * One open file.
 *
 * Owner: the table, while its descriptor is open. Lifetime: counted; calls and mappings hold it too. Locks:
 * it is constant except refs.
 */
struct svart_model_file {
	const struct svart_model_file_ops *ops;
	void *object; /**< The object that ops work on. */
	atomic_uint refs;
};

/**
 * The table. Owner: the machine. Lifetime: the machine's. Locks: lock, a leaf.
 */
struct svart_model_files {
	pthread_mutex_t lock;
	struct svart_model_file **by_fd;
	int room;
	unsigned int nr_open;
};

void svart_model_files_init(struct svart_model_files *files);
/** Closes all files that are still open. */
void svart_model_files_close(struct svart_model_files *files);
/** Frees the table. Nothing is open. */
void svart_model_files_fini(struct svart_model_files *files);

/**
 * Makes a file behind a new eventfd.
 * @return the descriptor, or -errno: release is not called then.
 */
int svart_model_file_open(
	struct svart_model_files *files, const struct svart_model_file_ops *ops, void *object);
/** Makes a file behind fd, which becomes the table's. As svart_model_file_open(). */
int svart_model_file_adopt(struct svart_model_files *files, const struct svart_model_file_ops *ops,
	void *object, int fd);
/** @return the file with one more reference, or NULL if the descriptor is not the model's. */
struct svart_model_file *svart_model_file_get(struct svart_model_files *files, int fd);
/** Takes one more reference to a file that the caller holds already. */
void svart_model_file_hold(struct svart_model_file *f);
/** Drops a reference; the last one releases. No lock held. */
void svart_model_file_put(struct svart_model_file *f);
/** @return 0, or -EBADF if the descriptor is not the model's. */
int svart_model_file_close(struct svart_model_files *files, int fd);

#endif
