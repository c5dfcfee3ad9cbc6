/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "mmio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "kernel_device.h"
#include "kernel_state.h"
#include "unit.h"

bool svart_mmio_is_on(struct svart_kernel_device *dev)
{
	return atomic_load_explicit(&dev->config.memory, memory_order_relaxed);
}

static uint64_t read_register(
	struct svart_kernel_device *dev, unsigned int bar, uint64_t off, unsigned int size)
{
	uint64_t value;

	/* No device answers: a master abort reads all ones. */
	if (!svart_mmio_is_on(dev))
		return UINT64_MAX;
	svart_engine_lock(&dev->hw.engine);
	value = dev->hw.type->mmio_read(dev->hw.priv, bar, off, size);
	svart_engine_unlock(&dev->hw.engine);
	return value;
}

static void write_register(struct svart_kernel_device *dev, unsigned int bar, uint64_t off,
	unsigned int size, uint64_t value)
{
	if (!svart_mmio_is_on(dev))
		return;
	svart_engine_lock(&dev->hw.engine);
	dev->hw.type->mmio_write(dev->hw.priv, bar, off, size, value);
	svart_engine_unlock(&dev->hw.engine);
	svart_engine_wake(&dev->hw.engine);
}

/** Tells the widest aligned access at off that fits in len. */
static unsigned int width_at(uint64_t off, size_t len)
{
	if (off % 8 == 0 && len >= 8)
		return 8;
	return off % 4 == 0 && len >= 4 ? 4 : 1;
}

void svart_mmio_read_bytes(
	struct svart_kernel_device *dev, unsigned int bar, uint64_t off, uint8_t *buf, size_t len)
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

void svart_mmio_write_bytes(struct svart_kernel_device *dev, unsigned int bar, uint64_t off,
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
static struct svart_model_mapping *find(const struct svart_kernel *kernel, uintptr_t addr)
{
	struct svart_model_mapping *map = kernel->mappings;

	while (map != NULL && (addr < map->start || addr - map->start >= map->len))
		map = map->next;
	return map;
}

/** As find(), for callers that hold no lock. The mapping is valid until its owner unmaps it. */
static struct svart_model_mapping *find_locked(
	struct svart_kernel *kernel, const volatile void *addr)
{
	struct svart_model_mapping *map;

	pthread_rwlock_rdlock(&kernel->mappings_lock);
	map = find(kernel, (uintptr_t)addr);
	pthread_rwlock_unlock(&kernel->mappings_lock);
	return map;
}

int svart_mmio_map(struct svart_model_file *f, struct svart_kernel_device *dev, unsigned int bar,
	uint64_t bar_off, void *addr, size_t len, int fixed, void **out)
{
	struct svart_kernel *kernel = dev->kernel;
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
	pthread_rwlock_wrlock(&kernel->mappings_lock);
	map->next = kernel->mappings;
	kernel->mappings = map;
	kernel->nr_mappings++;
	pthread_rwlock_unlock(&kernel->mappings_lock);
	*out = start;
	return 0;
}

/** Takes out the mapping that has exactly this range. */
static int take_out(
	struct svart_kernel *kernel, uintptr_t addr, size_t len, struct svart_model_mapping **out)
{
	struct svart_model_mapping **place = &kernel->mappings, *map;
	int rc = -ENOENT;

	pthread_rwlock_wrlock(&kernel->mappings_lock);
	for (; *place != NULL && rc == -ENOENT; place = &map->next) {
		map = *place;
		if (map->start == addr && map->len == len) {
			*place = map->next;
			kernel->nr_mappings--;
			*out = map;
			rc = 0;
			break;
		}
		if (addr < map->start + map->len && map->start < addr + len)
			rc = -EINVAL;
	}
	pthread_rwlock_unlock(&kernel->mappings_lock);
	return rc;
}

int svart_mmio_unmap(struct svart_kernel *kernel, void *addr, size_t len)
{
	struct svart_model_mapping *map;
	int rc = take_out(kernel, (uintptr_t)addr, svart_page_up(len), &map);

	if (rc != 0)
		return rc;
	munmap(addr, map->len);
	svart_model_file_put(map->file);
	free(map);
	return 0;
}

void svart_mmio_fini(struct svart_kernel *kernel)
{
	while (kernel->mappings != NULL)
		svart_mmio_unmap(kernel, (void *)kernel->mappings->start, kernel->mappings->len);
}

/* --- the machine's calls --------------------------------------------------------------------- */

/**
 * Reads a register of a unit. A unit is no part of its device: the command register does not concern it,
 * and nobody steps it.
 */
static uint64_t read_unit(struct svart_kernel_device *dev, uint64_t off, unsigned int size)
{
	uint64_t value;

	if (off % size != 0)
		return 0;
	svart_engine_lock(&dev->hw.engine);
	value = dev->hw.unit_ops->read(dev->hw.unit, off, size);
	svart_engine_unlock(&dev->hw.engine);
	return value;
}

static void write_unit(
	struct svart_kernel_device *dev, uint64_t off, unsigned int size, uint64_t value)
{
	if (off % size != 0)
		return;
	svart_engine_lock(&dev->hw.engine);
	dev->hw.unit_ops->write(dev->hw.unit, off, size, value);
	svart_engine_unlock(&dev->hw.engine);
}

static uint64_t read_mapped(
	struct svart_kernel *kernel, const volatile void *addr, unsigned int size)
{
	struct svart_model_mapping *map = find_locked(kernel, addr);
	uint64_t off;

	if (map == NULL)
		return UINT64_MAX;
	off = map->bar_off + ((uintptr_t)addr - map->start);
	if (map->bar == SVART_MMIO_UNIT)
		return read_unit(map->dev, off, size);
	return read_register(map->dev, map->bar, off, size);
}

static void write_mapped(
	struct svart_kernel *kernel, const volatile void *addr, unsigned int size, uint64_t value)
{
	struct svart_model_mapping *map = find_locked(kernel, addr);
	uint64_t off;

	if (map == NULL)
		return;
	off = map->bar_off + ((uintptr_t)addr - map->start);
	if (map->bar == SVART_MMIO_UNIT)
		write_unit(map->dev, off, size, value);
	else
		write_register(map->dev, map->bar, off, size, value);
}

uint32_t svart_mmio_read32(struct svart_kernel *kernel, const volatile void *addr)
{
	return (uint32_t)read_mapped(kernel, addr, 4);
}

uint64_t svart_mmio_read64(struct svart_kernel *kernel, const volatile void *addr)
{
	return read_mapped(kernel, addr, 8);
}

void svart_mmio_write32(struct svart_kernel *kernel, volatile void *addr, uint32_t value)
{
	write_mapped(kernel, addr, 4, value);
}

void svart_mmio_write64(struct svart_kernel *kernel, volatile void *addr, uint64_t value)
{
	write_mapped(kernel, addr, 8, value);
}

/**
 * Posts descriptors. This is the hot path: ctx is the mapping, so nothing is looked up and no lock is
 * taken.
 */
static void post(void *ctx, void *portal, const void *descs, uint32_t nr)
{
	const struct svart_model_mapping *map = ctx;
	struct svart_kernel_device *dev = map->dev;

	if (!svart_mmio_is_on(dev))
		return;
	/* The device model itself wakes its engine, after it has taken the stores. */
	dev->hw.type->portal64(
		dev->hw.priv, map->bar, map->bar_off + ((uintptr_t)portal - map->start), descs, nr);
}

/**
 * As post(). ENQCMD to a register that takes no enqueue stores says "retry" (Intel SDM vol. 2). No thread has
 * a PASID here: the descriptor's is taken as it is, as ENQCMDS takes it.
 */
static bool enqueue(void *ctx, void *portal, const void *desc)
{
	const struct svart_model_mapping *map = ctx;
	struct svart_kernel_device *dev = map->dev;

	return dev->hw.type->enqueue64 != NULL && svart_mmio_is_on(dev) &&
	       dev->hw.type->enqueue64(dev->hw.priv, map->bar,
		       map->bar_off + ((uintptr_t)portal - map->start), desc);
}

int svart_mmio_portal(
	struct svart_kernel *kernel, void *addr, unsigned int flags, struct svart_portal *out)
{
	struct svart_model_mapping *map = find_locked(kernel, addr);

	(void)flags; /* The model's store is whole, whatever is asked for. */
	if (map == NULL || map->bar == SVART_MMIO_UNIT)
		return -EINVAL;
	out->movdir64b = post;
	out->enqcmd = enqueue;
	out->ctx = map;
	return 0;
}
