/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What the core does for drivers: the host table of svart_pmd.h.
 */

#include "pmd_host.h"

#include "bits.h"
#include "device_state.h"
#include "option.h"
#include "space.h"

static struct svart_device *device_of(struct svart_pmd_device *pmd)
{
	return (struct svart_device *)pmd; /* It is the first member. */
}

static int host_mem_alloc(struct svart_pmd_queue *pmd, size_t bytes, struct svart_pmd_mem *mem)
{
	struct svart_core_queue *q = (struct svart_core_queue *)pmd;
	size_t whole = svart_page_up(bytes);
	void *addr;
	int rc = q->dev->transport->ops->mem_alloc(
		q->attachment->part, whole, pmd->dev->caps.address_bits, &addr);

	if (rc == 0)
		*mem = (struct svart_pmd_mem){ .addr = addr, .bytes = whole };
	return rc;
}

static void host_mem_free(struct svart_pmd_queue *pmd, struct svart_pmd_mem *mem)
{
	struct svart_core_queue *q = (struct svart_core_queue *)pmd;

	if (mem->addr == NULL)
		return;
	q->dev->transport->ops->mem_free(q->attachment->part, mem->addr, mem->bytes);
	mem->addr = NULL;
}

static bool host_was_refused(const struct svart_pmd_queue *pmd, uint64_t addr)
{
	const struct svart_core_queue *q = (const struct svart_core_queue *)pmd;

	return q->attachment->space != NULL && svart_space_was_refused(q->attachment->space, addr);
}

static int host_config_read(struct svart_pmd_device *pmd, unsigned int off, void *buf, size_t len)
{
	struct svart_transport_device *t = device_of(pmd)->transport;

	return t->ops->config_read(t, off, buf, len);
}

static int host_config_write(
	struct svart_pmd_device *pmd, unsigned int off, const void *buf, size_t len)
{
	struct svart_transport_device *t = device_of(pmd)->transport;

	return t->ops->config_write(t, off, buf, len);
}

static int host_irq_set(struct svart_pmd_device *pmd, unsigned int vector, int fd)
{
	struct svart_transport_device *t = device_of(pmd)->transport;

	return t->ops->irq_set(t, vector, fd);
}

static int host_option_u64(const struct svart_pmd_device *pmd, const char *key, uint64_t min,
	uint64_t max, uint64_t *value)
{
	const struct svart_device *dev = (const struct svart_device *)pmd;

	return svart_option_u64(dev->options, key, min, max, value);
}

const struct svart_pmd_host svart_host = {
	.mem_alloc = host_mem_alloc,
	.mem_free = host_mem_free,
	.was_refused = host_was_refused,
	.config_read = host_config_read,
	.config_write = host_config_write,
	.irq_set = host_irq_set,
	.option_u64 = host_option_u64,
};
