/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "model_mmio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "model_device.h"
#include "unit.h"

bool svart_mmio_is_on(struct svart_model_device *dev)
{
	return atomic_load_explicit(&dev->config.memory, memory_order_relaxed);
}

static uint64_t read_register(
	struct svart_model_device *dev, unsigned int bar, uint64_t off, unsigned int size)
{
	uint64_t value;

	/* Nobody answers: a master abort reads all ones. */
	if (!svart_mmio_is_on(dev))
		return UINT64_MAX;
	svart_model_device_lock(dev);
	value = dev->type->mmio_read(dev->priv, bar, off, size);
	svart_model_device_unlock(dev);
	return value;
}

static void write_register(struct svart_model_device *dev, unsigned int bar, uint64_t off,
	unsigned int size, uint64_t value)
{
	if (!svart_mmio_is_on(dev))
		return;
	svart_model_device_lock(dev);
	dev->type->mmio_write(dev->priv, bar, off, size, value);
	svart_model_device_unlock(dev);
	svart_engine_wake(&dev->engine);
}

/** The widest aligned access at off that fits in len. */
static unsigned int width_at(uint64_t off, size_t len)
{
	if (off % 8 == 0 && len >= 8)
		return 8;
	return off % 4 == 0 && len >= 4 ? 4 : 1;
}

void svart_mmio_read_bytes(
	struct svart_model_device *dev, unsigned int bar, uint64_t off, uint8_t *buf, size_t len)
{
	unsigned int width;
	uint64_t value;

	for (; len > 0; len -= width, off += width, buf += width) {
		width = width_at(off, len);
		if (width == 1)
			value = read_register(dev, bar, off & ~UINT64_C(3), 4) >> (off % 4 * 8);
		else
			value = read_register(dev, bar, off, width);
		memcpy(buf, &value, width);
	}
}

void svart_mmio_write_bytes(struct svart_model_device *dev, unsigned int bar, uint64_t off,
	const uint8_t *buf, size_t len)
{
	unsigned int width;
	uint64_t value;

	for (; len > 0; len -= width, off += width, buf += width) {
		width = width_at(off, len);
		value = 0;
		memcpy(&value, buf, width);
		if (width > 1)
			write_register(dev, bar, off, width, value);
	}
}

/* --- mappings -------------------------------------------------------------------------------- */

/** @return the mapping that has addr, or NULL. mappings_lock is held. */
static struct svart_model_mapping *find(const struct svart_model *model, uintptr_t addr)
{
	struct svart_model_mapping *map = model->mappings;

	while (map != NULL && (addr < map->start || addr - map->start >= map->len))
		map = map->next;
	return map;
}

/** As find(), for who holds no lock. The mapping is good while its owner does not unmap it. */
static struct svart_model_mapping *find_locked(struct svart_model *model, const volatile void *addr)
{
	struct svart_model_mapping *map;

	pthread_rwlock_rdlock(&model->mappings_lock);
	map = find(model, (uintptr_t)addr);
	pthread_rwlock_unlock(&model->mappings_lock);
	return map;
}

int svart_mmio_map(struct svart_model_file *f, struct svart_model_device *dev, unsigned int bar,
	uint64_t bar_off, void *addr, size_t len, int fixed, void **out)
{
	struct svart_model *model = f->model;
	struct svart_model_mapping *map = calloc(1, sizeof(*map));
	void *start;
	int rc;

	if (map == NULL)
		return -ENOMEM;
	start = mmap(
		addr, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);
	if (start == MAP_FAILED) {
		rc = -errno;
		free(map);
		return rc;
	}
	svart_model_file_hold(f);
	map->start = (uintptr_t)start;
	map->len = len;
	map->dev = dev;
	map->file = f;
	map->bar = bar;
	map->bar_off = bar_off;
	pthread_rwlock_wrlock(&model->mappings_lock);
	map->next = model->mappings;
	model->mappings = map;
	model->nr_mappings++;
	pthread_rwlock_unlock(&model->mappings_lock);
	*out = start;
	return 0;
}

/** Takes the mapping out that is exactly this range. */
static int take_out(
	struct svart_model *model, uintptr_t addr, size_t len, struct svart_model_mapping **out)
{
	struct svart_model_mapping **place = &model->mappings, *map;
	int rc = -ENOENT;

	pthread_rwlock_wrlock(&model->mappings_lock);
	for (; *place != NULL && rc == -ENOENT; place = &map->next) {
		map = *place;
		if (map->start == addr && map->len == len) {
			*place = map->next;
			model->nr_mappings--;
			*out = map;
			rc = 0;
			break;
		}
		if (addr < map->start + map->len && map->start < addr + len)
			rc = -EINVAL;
	}
	pthread_rwlock_unlock(&model->mappings_lock);
	return rc;
}

int svart_mmio_unmap(struct svart_model *model, void *addr, size_t len)
{
	struct svart_model_mapping *map;
	int rc = take_out(model, (uintptr_t)addr, svart_page_up(len), &map);

	if (rc != 0)
		return rc;
	munmap(addr, map->len);
	svart_model_file_put(map->file);
	free(map);
	return 0;
}

void svart_mmio_fini(struct svart_model *model)
{
	while (model->mappings != NULL)
		svart_mmio_unmap(model, (void *)model->mappings->start, model->mappings->len);
}

/* --- the machine's calls --------------------------------------------------------------------- */

/** A unit is no part of its device: the command register is nothing to it, and nobody steps it. */
static uint64_t read_unit(struct svart_model_device *dev, uint64_t off, unsigned int size)
{
	uint64_t value;

	if (off % size != 0)
		return 0;
	svart_model_device_lock(dev);
	value = dev->unit_ops->read(dev->unit, off, size);
	svart_model_device_unlock(dev);
	return value;
}

static void write_unit(
	struct svart_model_device *dev, uint64_t off, unsigned int size, uint64_t value)
{
	if (off % size != 0)
		return;
	svart_model_device_lock(dev);
	dev->unit_ops->write(dev->unit, off, size, value);
	svart_model_device_unlock(dev);
}

static uint64_t read_mapped(struct svart_machine *m, const volatile void *addr, unsigned int size)
{
	struct svart_model_mapping *map = find_locked(svart_model_of(m), addr);
	uint64_t off;

	if (map == NULL)
		return UINT64_MAX;
	off = map->bar_off + ((uintptr_t)addr - map->start);
	if (map->bar == SVART_MMIO_UNIT)
		return read_unit(map->dev, off, size);
	return read_register(map->dev, map->bar, off, size);
}

static void write_mapped(
	struct svart_machine *m, const volatile void *addr, unsigned int size, uint64_t value)
{
	struct svart_model_mapping *map = find_locked(svart_model_of(m), addr);
	uint64_t off;

	if (map == NULL)
		return;
	off = map->bar_off + ((uintptr_t)addr - map->start);
	if (map->bar == SVART_MMIO_UNIT)
		write_unit(map->dev, off, size, value);
	else
		write_register(map->dev, map->bar, off, size, value);
}

uint32_t svart_mmio_read32(struct svart_machine *m, const volatile void *addr)
{
	return (uint32_t)read_mapped(m, addr, 4);
}

uint64_t svart_mmio_read64(struct svart_machine *m, const volatile void *addr)
{
	return read_mapped(m, addr, 8);
}

void svart_mmio_write32(struct svart_machine *m, volatile void *addr, uint32_t value)
{
	write_mapped(m, addr, 4, value);
}

void svart_mmio_write64(struct svart_machine *m, volatile void *addr, uint64_t value)
{
	write_mapped(m, addr, 8, value);
}

/** The hot path: ctx is the mapping, so nothing is looked up and no lock taken. */
static void post(void *ctx, void *portal, const void *descs, uint32_t nr)
{
	const struct svart_model_mapping *map = ctx;
	struct svart_model_device *dev = map->dev;

	if (!svart_mmio_is_on(dev))
		return;
	/* The device model wakes its engine itself, after it took the stores. */
	dev->type->portal64(
		dev->priv, map->bar, map->bar_off + ((uintptr_t)portal - map->start), descs, nr);
}

/** ENQCMD to a register that takes no enqueue stores says "retry" (Intel SDM vol. 2). */
static bool enqueue(void *ctx, void *portal, const void *desc)
{
	(void)ctx;
	(void)portal;
	(void)desc;
	return false;
}

int svart_mmio_portal(
	struct svart_machine *m, void *addr, unsigned int flags, struct svart_portal *out)
{
	struct svart_model_mapping *map = find_locked(svart_model_of(m), addr);

	(void)flags; /* The model's store is whole, with or without SVART_PORTAL_SPLIT. */
	if (map == NULL || map->bar == SVART_MMIO_UNIT)
		return -EINVAL;
	out->movdir64b = post;
	out->enqcmd = enqueue;
	out->ctx = map;
	return 0;
}
