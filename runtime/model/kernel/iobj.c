/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "iobj.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_state.h"

#define MIN_ROOM 16

struct svart_ictx *svart_ictx_create(struct svart_kernel *kernel)
{
	struct svart_ictx *ctx = calloc(1, sizeof(*ctx));

	if (ctx == NULL)
		return NULL;
	ctx->kernel = kernel;
	ctx->refs = 1;
	pthread_mutex_init(&ctx->lock, NULL);
	return ctx;
}

void svart_ictx_hold(struct svart_ictx *ctx)
{
	pthread_mutex_lock(&ctx->lock);
	ctx->refs++;
	pthread_mutex_unlock(&ctx->lock);
}

/** Takes an object out of the table if only the table uses it. The lock is held. */
static bool take_out(struct svart_ictx *ctx, struct svart_iobj *obj)
{
	if (obj->users != 1)
		return false;
	ctx->objects[obj->id - 1] = NULL;
	ctx->nr_objects--;
	atomic_fetch_sub_explicit(&ctx->kernel->nr_objects, 1, memory_order_relaxed);
	return true;
}

/** Destroys every object that no other uses, in one round. The lock is held on entry and exit. */
static bool destroy_unused(struct svart_ictx *ctx)
{
	struct svart_iobj *obj;
	bool any = false;
	uint32_t i;

	for (i = 0; i < ctx->room; i++) {
		obj = ctx->objects[i];
		if (obj == NULL || !take_out(ctx, obj))
			continue;
		pthread_mutex_unlock(&ctx->lock);
		obj->destroy(obj);
		pthread_mutex_lock(&ctx->lock);
		any = true;
	}
	return any;
}

void svart_ictx_put(struct svart_ictx *ctx)
{
	bool last;

	pthread_mutex_lock(&ctx->lock);
	last = --ctx->refs == 0;
	/* Objects use each other without cycles, so each round frees some. */
	while (last && ctx->nr_objects > 0 && destroy_unused(ctx))
		;
	pthread_mutex_unlock(&ctx->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&ctx->lock);
	free(ctx->objects);
	free(ctx);
}

/** @return the lowest free place, or the end of the table. The lock is held. */
static uint32_t free_place(const struct svart_ictx *ctx)
{
	uint32_t i = 0;

	while (i < ctx->room && ctx->objects[i] != NULL)
		i++;
	return i;
}

static int grow(struct svart_ictx *ctx)
{
	uint32_t room = ctx->room != 0 ? ctx->room * 2 : MIN_ROOM;
	struct svart_iobj **objects = realloc(ctx->objects, room * sizeof(struct svart_iobj *));

	if (objects == NULL)
		return -ENOMEM;
	memset(objects + ctx->room, 0, (room - ctx->room) * sizeof(objects[0]));
	ctx->objects = objects;
	ctx->room = room;
	return 0;
}

int svart_iobj_add(struct svart_ictx *ctx, struct svart_iobj *obj)
{
	uint32_t place;
	int rc = 0;

	pthread_mutex_lock(&ctx->lock);
	place = free_place(ctx);
	if (place == ctx->room)
		rc = grow(ctx);
	if (rc == 0) {
		obj->ctx = ctx;
		obj->id = place + 1;
		obj->users = 2;
		ctx->objects[place] = obj;
		ctx->nr_objects++;
		atomic_fetch_add_explicit(&ctx->kernel->nr_objects, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&ctx->lock);
	return rc;
}

/** Finds an object. The lock is held. */
static struct svart_iobj *find(const struct svart_ictx *ctx, uint32_t id, enum svart_iobj_type type)
{
	struct svart_iobj *obj;

	if (id == 0 || id > ctx->room)
		return NULL;
	obj = ctx->objects[id - 1];
	if (obj == NULL || (type != SVART_IOBJ_ANY && obj->type != type))
		return NULL;
	return obj;
}

struct svart_iobj *svart_iobj_get(struct svart_ictx *ctx, uint32_t id, enum svart_iobj_type type)
{
	struct svart_iobj *obj;

	pthread_mutex_lock(&ctx->lock);
	obj = find(ctx, id, type);
	if (obj != NULL)
		obj->users++;
	pthread_mutex_unlock(&ctx->lock);
	return obj;
}

void svart_iobj_hold(struct svart_iobj *obj)
{
	pthread_mutex_lock(&obj->ctx->lock);
	obj->users++;
	pthread_mutex_unlock(&obj->ctx->lock);
}

void svart_iobj_put(struct svart_iobj *obj)
{
	/*
	 * Without this use the object may be destroyed at once; the context stays, because the caller holds
	 * it.
	 */
	struct svart_ictx *ctx = obj->ctx;

	pthread_mutex_lock(&ctx->lock);
	obj->users--;
	pthread_mutex_unlock(&ctx->lock);
}

int svart_iobj_destroy(struct svart_ictx *ctx, uint32_t id)
{
	struct svart_iobj *obj;
	int rc = 0;

	pthread_mutex_lock(&ctx->lock);
	obj = find(ctx, id, SVART_IOBJ_ANY);
	if (obj == NULL)
		rc = -ENOENT;
	else if (!take_out(ctx, obj))
		rc = -EBUSY;
	pthread_mutex_unlock(&ctx->lock);
	if (rc == 0)
		obj->destroy(obj);
	return rc;
}

void svart_iobj_put_and_destroy(struct svart_iobj *obj)
{
	struct svart_ictx *ctx = obj->ctx;
	bool gone;

	pthread_mutex_lock(&ctx->lock);
	obj->users--;
	gone = take_out(ctx, obj);
	pthread_mutex_unlock(&ctx->lock);
	if (gone)
		obj->destroy(obj);
}
