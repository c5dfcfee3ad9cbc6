/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "fault_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/iommufd.h>

#include "guard.h"
#include "kernel_device.h"
#include "kernel_state.h"

#define MIN_COOKIES 64

/**
 * Flag of a record that linux/iommufd.h does not name: the answer must carry the PASID. The kernel
 * copies it out of its own records on VT-d (IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID), and not on SMMUv3.
 */
#define FLAG_NEEDS_PASID (1U << 2)

_Static_assert(sizeof(struct iommu_hwpt_pgfault) == 40, "the kernel's ABI");
_Static_assert(sizeof(struct iommu_hwpt_page_response) == 8, "the kernel's ABI");

/** Keeps the descriptor readable exactly while groups are queued. lock is held. */
static void set_readable(struct svart_model_fault *fault, bool readable)
{
	uint64_t value = 1;
	ssize_t n = readable ? write(fault->event_fd, &value, sizeof(value))
			     : read(fault->event_fd, &value, sizeof(value));

	(void)n; /* The counter is always 0 or 1, and the descriptor never blocks. */
}

static void push(struct svart_model_fault *fault, struct svart_prg *group)
{
	if (TAILQ_EMPTY(&fault->deliver))
		set_readable(fault, true);
	TAILQ_INSERT_TAIL(&fault->deliver, group, deliver_link);
}

static void remove_queued(struct svart_model_fault *fault, struct svart_prg *group)
{
	TAILQ_REMOVE(&fault->deliver, group, deliver_link);
	if (TAILQ_EMPTY(&fault->deliver))
		set_readable(fault, false);
}

static struct svart_model_fault *fault_of(struct svart_prg_sink *sink)
{
	return (struct svart_model_fault *)((char *)sink -
					    offsetof(struct svart_model_fault, sink));
}

static void deliver(struct svart_prg_sink *sink, struct svart_prg *group)
{
	struct svart_model_fault *fault = fault_of(sink);

	pthread_mutex_lock(&fault->lock);
	group->state = SVART_PRG_QUEUED;
	push(fault, group);
	pthread_mutex_unlock(&fault->lock);
}

static void withdraw(struct svart_prg_sink *sink, struct svart_prg *group)
{
	struct svart_model_fault *fault = fault_of(sink);

	pthread_mutex_lock(&fault->lock);
	if (group->state == SVART_PRG_QUEUED)
		remove_queued(fault, group);
	else
		fault->cookies[group->cookie - 1] = NULL;
	group->state = SVART_PRG_IDLE;
	pthread_mutex_unlock(&fault->lock);
}

static const struct svart_prg_sink_ops sink_ops = { .deliver = deliver, .withdraw = withdraw };

/** Finds the lowest free cookie. lock is held. @return 0 or -ENOMEM. */
static int free_cookie(struct svart_model_fault *fault, uint32_t *cookie)
{
	uint32_t i = 0, room = fault->room != 0 ? fault->room * 2 : MIN_COOKIES;
	struct svart_prg **cookies;

	while (i < fault->room && fault->cookies[i] != NULL)
		i++;
	if (i == fault->room) {
		cookies = realloc(fault->cookies, room * sizeof(struct svart_prg *));
		if (cookies == NULL)
			return -ENOMEM;
		memset(cookies + fault->room, 0, (room - fault->room) * sizeof(struct svart_prg *));
		fault->cookies = cookies;
		fault->room = room;
	}
	*cookie = i + 1;
	return 0;
}

static uint32_t perm_of(const struct svart_prg_record *r)
{
	return (r->read ? IOMMU_PGFAULT_PERM_READ : 0) | (r->write ? IOMMU_PGFAULT_PERM_WRITE : 0) |
	       (r->exec ? IOMMU_PGFAULT_PERM_EXEC : 0) | (r->priv ? IOMMU_PGFAULT_PERM_PRIV : 0);
}

/** Writes a group's records to the reader's buffer, which may not be there. */
static int copy_out(const struct svart_prg *group, uint32_t cookie, uint8_t *buf)
{
	struct iommu_hwpt_pgfault record = {
		.dev_id = svart_kernel_device_of(group->dev)->dev_id,
		.grpid = group->id,
		.cookie = cookie,
	};
	const struct svart_prg_record *r = NULL;
	uint32_t i;
	int rc = 0;

	if (group->pasid != SVART_BUS_NO_PASID) {
		record.flags = IOMMU_PGFAULT_FLAGS_PASID_VALID |
			       (group->parent == NULL ? FLAG_NEEDS_PASID : 0);
		record.pasid = group->pasid;
	}
	for (i = 0; i < group->nr_records && rc == 0; i++) {
		/* Records after the last one are not the group's. */
		r = i == 0 ? group->first : r->next;
		record.flags |= i + 1 == group->nr_records ? IOMMU_PGFAULT_FLAGS_LAST_PAGE : 0;
		record.perm = perm_of(r);
		record.addr = r->addr;
		rc = svart_guard_copy(buf, &record, sizeof(record));
		buf += sizeof(record);
	}
	return rc;
}

/** Tells the error with which reading a group fails by chance, or 0. */
static int chance_of(const struct svart_prg *group)
{
	struct svart_kernel_errors *errors = svart_kernel_device_of(group->dev)->errors;

	return errors != NULL ? errors->ops->read(errors) : 0;
}

/** Hands out the oldest group. lock is held. @return its bytes, or -errno with it still queued. */
static ssize_t read_group(struct svart_model_fault *fault, uint8_t *buf, size_t room)
{
	struct svart_prg *group = TAILQ_FIRST(&fault->deliver);
	size_t bytes = group->nr_records * sizeof(struct iommu_hwpt_pgfault);
	uint32_t cookie;
	int rc;

	if (bytes > room)
		return -EINVAL;
	rc = chance_of(group);
	fault->broken = rc == -ENODEV;
	if (rc == 0)
		rc = free_cookie(fault, &cookie);
	if (rc == 0)
		rc = copy_out(group, cookie, buf);
	if (rc != 0)
		return rc;
	fault->cookies[cookie - 1] = group;
	group->cookie = cookie;
	group->state = SVART_PRG_HELD;
	remove_queued(fault, group);
	return (ssize_t)bytes;
}

static ssize_t fault_read(struct svart_model_file *f, void *buf, size_t len)
{
	struct svart_model_fault *fault = f->object;
	size_t done = 0;
	ssize_t n = 0;

	if (len % sizeof(struct iommu_hwpt_pgfault) != 0)
		return -ESPIPE;
	pthread_mutex_lock(&fault->lock);
	if (fault->broken)
		n = -ENODEV;
	/* This gives EINVAL, too, if there is no room and something is queued. */
	while (!TAILQ_EMPTY(&fault->deliver) && n >= 0 && (done < len || len == 0)) {
		n = read_group(fault, (uint8_t *)buf + done, len - done);
		if (n > 0)
			done += (size_t)n;
	}
	pthread_mutex_unlock(&fault->lock);
	return done > 0 ? (ssize_t)done : n;
}

/** @return the device whose group has the cookie, or NULL. */
static struct svart_iommu_device *device_of(struct svart_model_fault *fault, uint32_t cookie)
{
	struct svart_iommu_device *dev = NULL;

	pthread_mutex_lock(&fault->lock);
	if (cookie != 0 && cookie <= fault->room && fault->cookies[cookie - 1] != NULL)
		dev = fault->cookies[cookie - 1]->dev;
	pthread_mutex_unlock(&fault->lock);
	return dev;
}

/** Takes the group with this cookie, if it is this device's. The device's lock is held. */
static struct svart_prg *take(
	struct svart_model_fault *fault, const struct svart_iommu_device *dev, uint32_t cookie)
{
	struct svart_prg *group;

	pthread_mutex_lock(&fault->lock);
	group = fault->cookies[cookie - 1];
	if (group != NULL && group->dev == dev) {
		fault->cookies[cookie - 1] = NULL;
		group->state = SVART_PRG_IDLE;
	} else {
		group = NULL;
	}
	pthread_mutex_unlock(&fault->lock);
	return group;
}

static bool is_broken(struct svart_model_fault *fault)
{
	bool broken;

	pthread_mutex_lock(&fault->lock);
	broken = fault->broken;
	pthread_mutex_unlock(&fault->lock);
	return broken;
}

/** Delivers one answer. @return 0, -EINVAL or -ENODEV. */
static int respond(struct svart_model_fault *fault, const struct iommu_hwpt_page_response *answer)
{
	bool success = answer->code == IOMMUFD_PAGE_RESP_SUCCESS;
	struct svart_iommu_device *dev;
	struct svart_prg *group;

	if (!success && answer->code != IOMMUFD_PAGE_RESP_INVALID)
		return -EINVAL;
	/*
	 * The device lock is taken before the object's lock, so this looks the device up first, and then
	 * the group again.
	 */
	if (is_broken(fault))
		return -ENODEV;
	dev = device_of(fault, answer->cookie);
	if (dev == NULL)
		return -EINVAL;
	svart_engine_lock(&dev->engine);
	group = take(fault, dev, answer->cookie);
	if (group != NULL)
		svart_prg_answer(group, success ? SVART_BUS_PRG_SUCCESS : SVART_BUS_PRG_INVALID);
	svart_engine_unlock(&dev->engine);
	return group != NULL ? 0 : -EINVAL;
}

static ssize_t fault_write(struct svart_model_file *f, const void *buf, size_t len)
{
	struct iommu_hwpt_page_response answer;
	struct svart_model_fault *fault = f->object;
	size_t done = 0;
	int rc = 0;

	if (len % sizeof(answer) != 0)
		return -ESPIPE;
	while (done < len) {
		rc = svart_guard_copy(&answer, (const uint8_t *)buf + done, sizeof(answer));
		if (rc == 0)
			rc = respond(fault, &answer);
		if (rc != 0)
			break;
		done += sizeof(answer);
	}
	return done > 0 ? (ssize_t)done : rc;
}

/** Refuses: the kernel's file is a stream without positions (nonseekable_open()). */
static ssize_t fault_pread(struct svart_model_file *f, void *buf, size_t len, off_t off)
{
	(void)f;
	(void)buf;
	(void)len;
	(void)off;
	return -ESPIPE;
}

static ssize_t fault_pwrite(struct svart_model_file *f, const void *buf, size_t len, off_t off)
{
	(void)f;
	(void)buf;
	(void)len;
	(void)off;
	return -ESPIPE;
}

/** Closes the descriptor. That answers nothing: groups wait for their detach. */
static void fault_release(struct svart_model_file *f)
{
	struct svart_model_fault *fault = f->object;
	struct svart_ictx *ctx = fault->obj.ctx;

	svart_iobj_put(&fault->obj);
	svart_ictx_put(ctx);
}

static const struct svart_model_file_ops fault_ops = {
	.read = fault_read,
	.write = fault_write,
	.pread = fault_pread,
	.pwrite = fault_pwrite,
	.release = fault_release,
};

/** Destroys the object. No HWPT uses it, so no attachment does, and no group is queued or held. */
static void fault_destroy(struct svart_iobj *obj)
{
	struct svart_model_fault *fault = (struct svart_model_fault *)obj;

	if (fault->event_fd >= 0)
		close(fault->event_fd);
	pthread_mutex_destroy(&fault->lock);
	free(fault->cookies);
	free(fault);
}

/** Opens the descriptor, which uses the object and the context. */
static int open_fd(struct svart_model_fault *fault)
{
	int fd;

	svart_iobj_hold(&fault->obj);
	svart_ictx_hold(fault->obj.ctx);
	fd = svart_model_file_open(&fault->obj.ctx->kernel->files, &fault_ops, fault);
	if (fd < 0) {
		svart_iobj_put(&fault->obj);
		svart_ictx_put(fault->obj.ctx);
		return fd;
	}
	/* This is a duplicate, because the program may close its own, and the number may be reused then. */
	fault->event_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fault->event_fd < 0) {
		svart_model_file_close(&fault->obj.ctx->kernel->files, fd);
		return -EMFILE;
	}
	return fd;
}

int svart_model_fault_create(struct svart_ictx *ctx, struct svart_model_fault **out, int *fd)
{
	struct svart_model_fault *fault = calloc(1, sizeof(*fault));
	int rc;

	if (fault == NULL)
		return -ENOMEM;
	fault->obj.type = SVART_IOBJ_FAULT;
	fault->obj.destroy = fault_destroy;
	fault->sink.ops = &sink_ops;
	fault->event_fd = -1;
	TAILQ_INIT(&fault->deliver);
	pthread_mutex_init(&fault->lock, NULL);
	rc = svart_iobj_add(ctx, &fault->obj);
	if (rc != 0) {
		fault_destroy(&fault->obj);
		return rc;
	}
	*fd = open_fd(fault);
	if (*fd < 0) {
		svart_iobj_put_and_destroy(&fault->obj);
		return *fd;
	}
	*out = fault;
	return 0;
}
