/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_IOBJ_H
#define SVART_MODEL_IOBJ_H

/**
 * @file
 * An open /dev/iommu, and the numbered objects in it, counted as the kernel counts them
 * (drivers/iommu/iommufd/main.c): an object that somebody uses cannot be destroyed.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct svart_kernel;
struct svart_ictx;

enum svart_iobj_type {
	SVART_IOBJ_ANY, /**< Any type, for lookups. */
	SVART_IOBJ_DEVICE,
	SVART_IOBJ_IOAS,
	SVART_IOBJ_HWPT,
	SVART_IOBJ_FAULT,
};

/**
 * The beginning of all objects.
 *
 * Owner: its context. Lifetime: object_add to object_destroy or the context's end. Locks: the context's
 * lock guards users; the rest is constant once the object was added.
 */
struct svart_iobj {
	struct svart_ictx *ctx;
	enum svart_iobj_type type;
	uint32_t id;        /**< Lowest free number, from 1 on. */
	unsigned int users; /**< One for the table, and one for each user or call. */
	/** Ends and frees the object; nobody uses it any more. No lock is held except control locks. */
	void (*destroy)(struct svart_iobj *obj);
};

/**
 * One open /dev/iommu.
 *
 * Owner: its file, and each bound device and fault fd (the kernel lets them hold the file).
 * Lifetime: counted. Locks: lock, a leaf.
 */
struct svart_ictx {
	struct svart_kernel *kernel;
	pthread_mutex_t lock;
	unsigned int refs;
	bool account_process; /**< IOMMU_OPTION_RLIMIT_MODE 1. */
	uint32_t room;
	struct svart_iobj **objects; /**< Objects by id - 1. */
	uint32_t nr_objects;
};

/** @return a context with one reference, or NULL if memory is short. */
struct svart_ictx *svart_ictx_create(struct svart_kernel *kernel);
void svart_ictx_hold(struct svart_ictx *ctx);
/** Drops a reference; the last one destroys all objects, users first. No lock is held. */
void svart_ictx_put(struct svart_ictx *ctx);

/**
 * Adds an object, whose type and destroy are set. It has two users then: the table and the caller.
 * @return 0, or -ENOMEM.
 */
int svart_iobj_add(struct svart_ictx *ctx, struct svart_iobj *obj);
/** @return the object with one more user, or NULL if there is no such id of this type. */
struct svart_iobj *svart_iobj_get(struct svart_ictx *ctx, uint32_t id, enum svart_iobj_type type);
/** Adds one more user; the caller is one already. */
void svart_iobj_hold(struct svart_iobj *obj);
void svart_iobj_put(struct svart_iobj *obj);
/**
 * Destroys an object that only the table uses.
 * @return 0, -ENOENT, or -EBUSY.
 */
int svart_iobj_destroy(struct svart_ictx *ctx, uint32_t id);
/** Drops the caller's use, and destroys the object if only the table is left. */
void svart_iobj_put_and_destroy(struct svart_iobj *obj);

#endif
