/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "inject.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "error.h"
#include "ioas.h"
#include "unit.h"

static const char *const names[SVART_INJECT_NR] = {
	[SVART_INJECT_LOSE_LAST] = "lose_last",
	[SVART_INJECT_DUPLICATE] = "duplicate",
	[SVART_INJECT_REORDER] = "reorder",
	[SVART_INJECT_DELAY] = "delay",
	[SVART_INJECT_OVERFLOW] = "overflow",
	[SVART_INJECT_INVALID] = "invalid",
	[SVART_INJECT_SLOW_ANSWER] = "slow_answer",
	[SVART_INJECT_ENOMEM] = "enomem",
	[SVART_INJECT_RESET] = "reset",
	[SVART_INJECT_GONE] = "gone",
	[SVART_INJECT_HALT] = "halt",
	[SVART_INJECT_HALT_FLR] = "halt_flr",
	[SVART_INJECT_NO_MASTER] = "no_master",
	[SVART_INJECT_ENODEV] = "enodev",
};

/** Kinds of late things. */
enum item_kind {
	ITEM_REQUEST, /**< A request that is delayed: later requests of its group stay behind it. */
	ITEM_PASSED,  /**< A request that the next one of its group overtakes. */
	ITEM_ANSWER,
	ITEM_PATIENCE, /**< A device waits for an answer that cannot come. */
};

/** Something on its way. Owner: its port's pool. Lifetime: sent to arrived. Locks: device. */
struct svart_inject_item {
	enum item_kind kind;
	uint64_t due; /**< Step in which it arrives. */
	struct svart_bus_page_request request;
	enum svart_bus_prg_response code;
	uint32_t nr_credits; /**< Credits that it holds. */
	TAILQ_ENTRY(svart_inject_item) link;
};

/* --- names and rates ------------------------------------------------------------------------- */

static enum svart_inject find_name(const char *name, size_t len)
{
	unsigned int i = 0;

	while (i < SVART_INJECT_NR && (strlen(names[i]) != len || memcmp(names[i], name, len) != 0))
		i++;
	return i;
}

enum svart_inject svart_inject_find(const char *name)
{
	return find_name(name, strlen(name));
}

/** @return a number of 0 to 1000, or -1. */
static int read_permille(const char *text, size_t len)
{
	int value = 0;
	size_t i;

	for (i = 0; i < len && i < 4; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = 10 * value + (text[i] - '0');
	}
	return len > 0 && i == len && value <= 1000 ? value : -1;
}

/** Reads one NAME:PERMILLE. @param seen which names were there before. */
static int parse_one(const char *text, size_t len, struct svart_inject_rates *out, bool *seen)
{
	const char *colon = memchr(text, ':', len);
	size_t name_len = colon != NULL ? (size_t)(colon - text) : len;
	enum svart_inject which = find_name(text, name_len);
	int permille;

	if (which == SVART_INJECT_NR)
		return svart_fail(-EINVAL,
			"inject: there is no \"%.*s\": it is lose_last, duplicate, reorder, delay, "
			"overflow, invalid, slow_answer, enomem, reset, gone, halt, halt_flr, "
			"no_master or enodev",
			(int)name_len, text);
	permille = colon != NULL ? read_permille(colon + 1, len - name_len - 1) : -1;
	if (permille < 0)
		return svart_fail(-EINVAL,
			"inject: \"%.*s\" is not NAME:PERMILLE with a number from 0 to 1000",
			(int)len, text);
	if (seen[which])
		return svart_fail(-EINVAL, "inject: %s is there twice", names[which]);
	seen[which] = true;
	out->permille[which] = (uint16_t)permille;
	return 0;
}

int svart_inject_parse(const char *text, int len, struct svart_inject_rates *out)
{
	const char *end = text + len, *plus;
	bool seen[SVART_INJECT_NR] = { false };
	int rc;

	memset(out, 0, sizeof(*out));
	do {
		plus = memchr(text, '+', (size_t)(end - text));
		rc = parse_one(text, (size_t)((plus != NULL ? plus : end) - text), out, seen);
		text = plus != NULL ? plus + 1 : end;
	} while (rc == 0 && plus != NULL);
	return rc;
}

/** Tells whether this injection strikes now, and counts it if so. Any thread, any lock except the seed's. */
static bool strikes(struct svart_inject_port *port, enum svart_inject which)
{
	uint16_t permille = port->rates.permille[which];

	/* With a rate of 0 no number is drawn. */
	if (permille == 0 || svart_seed_draw(port->dev->hw.iommu->seed, 1000) >= permille)
		return false;
	atomic_fetch_add_explicit(&port->struck[which], 1, memory_order_relaxed);
	return true;
}

/* --- on the way ------------------------------------------------------------------------------ */

/** Draws a time that is at least the end of the next step: the present step is not counted yet. */
static uint64_t some_steps(struct svart_inject_port *port)
{
	return 2 + svart_seed_draw(port->dev->hw.iommu->seed, SVART_INJECT_LATE_STEPS - 1);
}

/** Sends something on its way. There is a free item, because each late thing holds a credit. */
static void hold(struct svart_inject_port *port, const struct svart_inject_item *what)
{
	struct svart_inject_item *item = TAILQ_FIRST(&port->free);

	TAILQ_REMOVE(&port->free, item, link);
	*item = *what;
	item->due += port->now;
	port->dev->hw.requests.outstanding += item->nr_credits;
	TAILQ_INSERT_TAIL(&port->late, item, link);
	svart_engine_wake(&port->dev->hw.engine);
}

static void hold_request(struct svart_inject_port *port,
	const struct svart_bus_page_request *request, enum item_kind kind, uint64_t steps)
{
	struct svart_inject_item item = {
		.kind = kind, .due = steps, .request = *request, .nr_credits = 1
	};

	hold(port, &item);
}

/** Lets something that was on its way arrive. */
static void arrive(struct svart_inject_port *port, struct svart_inject_item *late)
{
	struct svart_iommu_device *dev = &port->dev->hw;
	struct svart_inject_item item = *late;

	/* The item is given back first: the device may send a page request from within the call. */
	TAILQ_REMOVE(&port->late, late, link);
	TAILQ_INSERT_TAIL(&port->free, late, link);
	dev->requests.outstanding -= item.nr_credits;
	switch (item.kind) {
	case ITEM_REQUEST:
	case ITEM_PASSED:
		svart_prg_arrive(dev, &item.request);
		break;
	case ITEM_PATIENCE:
		svart_prg_give_up(dev, item.request.pasid, item.request.prgi);
		break;
	case ITEM_ANSWER:
		svart_prg_respond(dev, item.request.pasid, item.request.prgi, item.code);
		break;
	}
}

static bool is_request(const struct svart_inject_item *item)
{
	return item->kind == ITEM_REQUEST || item->kind == ITEM_PASSED;
}

static bool is_same_group(
	const struct svart_bus_page_request *a, const struct svart_bus_page_request *b)
{
	return a->pasid == b->pasid && a->prgi == b->prgi;
}

/** @return the oldest late request of one kind of a group; or NULL. */
static struct svart_inject_item *find_late(struct svart_inject_port *port,
	const struct svart_bus_page_request *request, enum item_kind kind)
{
	struct svart_inject_item *item;

	TAILQ_FOREACH(item, &port->late, link) {
		if (item->kind == kind && is_same_group(&item->request, request))
			return item;
	}
	return NULL;
}

/** Tells whether a late thing may arrive: it must be due, and nothing of its group may be before it. */
static bool is_free(struct svart_inject_port *port, struct svart_inject_item *item)
{
	const struct svart_inject_item *before = item;

	if (item->due > port->now)
		return false;
	while (is_request(item) && (before = TAILQ_PREV(before, svart_inject_list, link)) != NULL) {
		if (is_request(before) && is_same_group(&before->request, &item->request))
			return false;
	}
	return true;
}

static struct svart_inject_item *find_free(struct svart_inject_port *port)
{
	struct svart_inject_item *item;

	TAILQ_FOREACH(item, &port->late, link) {
		if (is_free(port, item))
			return item;
	}
	return NULL;
}

/** Lets the requests that were overtaken arrive. */
static void release_passed(
	struct svart_inject_port *port, const struct svart_bus_page_request *request)
{
	struct svart_inject_item *item;

	while ((item = find_late(port, request, ITEM_PASSED)) != NULL)
		arrive(port, item);
}

static bool is_of(const struct svart_inject_item *item, bool all, uint32_t pasid)
{
	return all || item->request.pasid == pasid;
}

static void end_late(struct svart_inject_port *port, bool answers, bool all, uint32_t pasid)
{
	struct svart_inject_item *item;

	port->draining = true;
	do {
		item = TAILQ_FIRST(&port->late);
		while (item != NULL &&
			(!is_of(item, all, pasid) || (!answers && !is_request(item))))
			item = TAILQ_NEXT(item, link);
		if (item != NULL)
			arrive(port, item);
	} while (item != NULL);
	port->draining = false;
}

static struct svart_inject_port *port_of(struct svart_prg_way *way)
{
	return (struct svart_inject_port *)way;
}

static void way_drain(struct svart_prg_way *way, bool all, uint32_t pasid)
{
	end_late(port_of(way), false, all, pasid);
}

static void way_flush(struct svart_prg_way *way, bool all, uint32_t pasid)
{
	end_late(port_of(way), true, all, pasid);
}

static void way_reset(struct svart_prg_way *way)
{
	end_late(port_of(way), true, true, 0);
	port_of(way)->reset_due = false;
}

/** Does what struck it by a hardware error. @return whether there was one. */
static bool strike_halt(struct svart_inject_port *port)
{
	struct svart_kernel_device *dev = port->dev;
	bool struck = port->halt_due || port->halt_flr_due;

	if (struck)
		dev->hw.type->halt(dev->hw.priv, port->halt_flr_due);
	port->halt_due = false;
	port->halt_flr_due = false;
	return struck;
}

/** What a request of this step has brought on the device. @return whether there was anything. */
static bool strike_device(struct svart_inject_port *port)
{
	struct svart_kernel_device *dev = port->dev;
	bool struck = port->reset_due || port->no_master_due || port->gone_due;

	struck |= strike_halt(port);
	if (port->no_master_due)
		svart_model_config_master_clear(&dev->config);
	port->no_master_due = false;
	if (port->reset_due) {
		/* It is no longer due: see way_reset(). */
		svart_iommu_device_reset(&dev->hw);
		/*
		 * As vfio_pci_aer_err_detected() does, raise VFIO_PCI_ERR_IRQ_INDEX: the first of the extra
		 * interrupts.
		 */
		svart_kernel_device_raise(dev, dev->hw.type->nr_vectors);
	}
	if (port->gone_due)
		svart_kernel_device_remove(dev);
	port->gone_due = false;
	return struck;
}

bool svart_inject_step(struct svart_inject_port *port)
{
	struct svart_inject_item *item;
	bool moved;

	if (!port->active)
		return false;
	port->now++;
	moved = strike_device(port);
	while ((item = find_free(port)) != NULL) {
		arrive(port, item);
		moved = true;
	}
	return moved || !TAILQ_EMPTY(&port->late);
}

/* --- what strikes ---------------------------------------------------------------------------- */

static bool lose(struct svart_inject_port *port, const struct svart_bus_page_request *request)
{
	if (!request->last || port->dev->hw.unit_ops->stalls ||
		!strikes(port, SVART_INJECT_LOSE_LAST))
		return false;
	hold_request(port, request, ITEM_PATIENCE, SVART_INJECT_PATIENCE);
	return true;
}

/** Does to a request what a full queue does. */
static bool overflow(struct svart_inject_port *port, const struct svart_bus_page_request *request)
{
	struct svart_iommu_device *dev = &port->dev->hw;
	bool raw = dev->unit->opened;

	/* A queue of page requests that Linux does not read (iommu=smmu,pri=on) never gets full. */
	if (!raw && !dev->unit_ops->stalls && dev->unit_ops->kind != SVART_IOMMU_UNIT_VTD)
		return false;
	if (!strikes(port, SVART_INJECT_OVERFLOW))
		return false;
	if (dev->unit_ops->stalls) {
		hold_request(port, request, ITEM_REQUEST, some_steps(port));
	} else if (!raw) {
		svart_prg_overflow(dev, request);
	} else {
		dev->unit->squeezed = true;
		svart_prg_arrive(dev, request);
		dev->unit->squeezed = false;
	}
	return true;
}

static bool make_late(struct svart_inject_port *port, const struct svart_bus_page_request *request)
{
	enum item_kind kind = ITEM_REQUEST;

	if (!strikes(port, SVART_INJECT_DELAY)) {
		if (!strikes(port, SVART_INJECT_REORDER))
			return false;
		kind = request->last ? ITEM_REQUEST : ITEM_PASSED;
	}
	hold_request(port, request, kind, some_steps(port));
	return true;
}

static bool way_request(struct svart_prg_way *way, const struct svart_bus_page_request *request)
{
	struct svart_inject_port *port = port_of(way);
	struct svart_iommu_device *dev = &port->dev->hw;

	if (port->draining)
		return false;
	port->reset_due |= strikes(port, SVART_INJECT_RESET);
	port->gone_due |= strikes(port, SVART_INJECT_GONE);
	if (port->dev->hw.type->halt != NULL) {
		port->halt_due |= strikes(port, SVART_INJECT_HALT);
		port->halt_flr_due |= strikes(port, SVART_INJECT_HALT_FLR);
	}
	port->no_master_due |= strikes(port, SVART_INJECT_NO_MASTER);
	if (find_late(port, request, ITEM_REQUEST) != NULL) {
		hold_request(port, request, ITEM_REQUEST, 0);
		return true;
	}
	if (request->last)
		release_passed(port, request);
	if (lose(port, request) || overflow(port, request) || make_late(port, request))
		return true;
	if (!request->last && !dev->unit_ops->stalls && strikes(port, SVART_INJECT_DUPLICATE))
		svart_prg_arrive_copy(dev, request);
	svart_prg_arrive(dev, request);
	release_passed(port, request);
	return true;
}

static bool way_answer(struct svart_prg_way *way, uint32_t pasid, uint16_t prgi,
	enum svart_bus_prg_response code, uint32_t nr_credits)
{
	struct svart_inject_item item = {
		.kind = ITEM_ANSWER,
		.request = { .pasid = pasid, .prgi = prgi },
		.code = code,
		.nr_credits = nr_credits,
	};
	struct svart_inject_port *port = port_of(way);

	if (port->draining)
		return false;
	if (code == SVART_BUS_PRG_SUCCESS && strikes(port, SVART_INJECT_INVALID))
		item.code = SVART_BUS_PRG_INVALID;
	if (strikes(port, SVART_INJECT_SLOW_ANSWER)) {
		item.due = some_steps(port);
		hold(port, &item);
	} else {
		svart_prg_respond(&port->dev->hw, pasid, prgi, item.code);
	}
	return true;
}

static const struct svart_prg_way_ops way_ops = {
	.request = way_request,
	.answer = way_answer,
	.drain = way_drain,
	.flush = way_flush,
	.reset = way_reset,
};

/* --- errors of the kernel -------------------------------------------------------------------- */

static struct svart_inject_port *port_of_errors(struct svart_kernel_errors *errors)
{
	return (struct svart_inject_port *)((char *)errors -
					    offsetof(struct svart_inject_port, errors));
}

static int errors_map(struct svart_kernel_errors *errors, const struct svart_ioas *ioas)
{
	struct svart_inject_port *port = port_of_errors(errors);

	if (port->rates.permille[SVART_INJECT_ENOMEM] > 0 &&
		svart_ioas_is_attached(ioas, port->dev) && strikes(port, SVART_INJECT_ENOMEM))
		return -ENOMEM;
	return 0;
}

static int errors_read(struct svart_kernel_errors *errors)
{
	struct svart_inject_port *port = port_of_errors(errors);

	if (strikes(port, SVART_INJECT_ENODEV))
		return -ENODEV;
	return strikes(port, SVART_INJECT_ENOMEM) ? -ENOMEM : 0;
}

static const struct svart_kernel_errors_ops errors_ops = {
	.map = errors_map,
	.read = errors_read,
};

/* --- life ------------------------------------------------------------------------------------ */

int svart_inject_init(struct svart_inject_port *port, struct svart_kernel_device *dev,
	const struct svart_inject_rates *rates)
{
	uint32_t i, nr = dev->hw.type->pri ? dev->hw.type->pri_capacity : 0;

	TAILQ_INIT(&port->free);
	TAILQ_INIT(&port->late);
	port->way.ops = &way_ops;
	port->errors.ops = &errors_ops;
	port->dev = dev;
	port->rates = *rates;
	dev->errors = &port->errors;
	for (i = 0; i < SVART_INJECT_NR; i++)
		port->active |= rates->permille[i] != 0;
	if (!port->active)
		return 0;
	dev->hw.way = &port->way;
	if (nr == 0)
		return 0;
	port->pool = calloc(nr, sizeof(port->pool[0]));
	if (port->pool == NULL)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		TAILQ_INSERT_TAIL(&port->free, &port->pool[i], link);
	return 0;
}

void svart_inject_fini(struct svart_inject_port *port)
{
	free(port->pool);
}
