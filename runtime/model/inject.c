/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "inject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "error.h"
#include "hwpt.h"
#include "model_device.h"
#include "model_state.h"
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
};

/** What is late. */
enum item_kind {
	ITEM_REQUEST, /**< A request that is delayed: those of its group stay behind it. */
	ITEM_PASSED,  /**< A request that the next of its group overtakes. */
	ITEM_ANSWER,
	ITEM_PATIENCE, /**< A device waits for what cannot come. */
};

/** Something on its way. Owner: its port's pool. Lifetime: sent to arrived. Locks: device. */
struct svart_inject_item {
	enum item_kind kind;
	uint64_t due; /**< Step. */
	struct svart_bus_page_request request;
	enum svart_bus_prg_response code;
	uint32_t nr_credits; /**< That it holds. */
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

/** Reads one NAME:PERMILLE. @param seen which ones were there before. */
static int parse_one(const char *text, size_t len, struct svart_inject_rates *out, bool *seen)
{
	const char *colon = memchr(text, ':', len);
	size_t name_len = colon != NULL ? (size_t)(colon - text) : len;
	enum svart_inject which = find_name(text, name_len);
	int permille;

	if (which == SVART_INJECT_NR)
		return svart_fail(-EINVAL,
			"inject: there is no \"%.*s\": it is lose_last, duplicate, reorder, delay, "
			"overflow, invalid, slow_answer, enomem or reset",
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

bool svart_inject_strikes(struct svart_model_device *dev, enum svart_inject which)
{
	struct svart_inject_port *port = &dev->inject;
	uint16_t permille = port->rates.permille[which];

	/* A rate of 0 leaves the generator alone. */
	if (permille == 0 || svart_model_random(dev->model, 1000) >= permille)
		return false;
	atomic_fetch_add_explicit(&port->struck[which], 1, memory_order_relaxed);
	return true;
}

static bool is_attached(struct svart_model_device *dev, const struct svart_ioas *ioas)
{
	struct svart_iommu_attachment *a;
	bool found = false;

	svart_model_device_lock(dev);
	for (a = dev->iommu.attachments; a != NULL; a = a->next)
		found |= a->hwpt->ioas == ioas;
	svart_model_device_unlock(dev);
	return found;
}

bool svart_inject_map_fails(struct svart_model *model, struct svart_ioas *ioas)
{
	unsigned int i, nr = svart_model_nr_devices(model);
	struct svart_model_device *dev;

	for (i = 0; i < nr; i++) {
		dev = model->devices[i];
		if (dev->inject.rates.permille[SVART_INJECT_ENOMEM] > 0 && is_attached(dev, ioas) &&
			svart_inject_strikes(dev, SVART_INJECT_ENOMEM))
			return true;
	}
	return false;
}

/* --- life ------------------------------------------------------------------------------------ */

int svart_inject_init(struct svart_model_device *dev, const struct svart_inject_rates *rates)
{
	struct svart_inject_port *port = &dev->inject;
	uint32_t i, nr = dev->type->pri ? dev->type->pri_capacity : 0;

	TAILQ_INIT(&port->free);
	TAILQ_INIT(&port->late);
	port->rates = *rates;
	for (i = 0; i < SVART_INJECT_NR; i++)
		port->active |= rates->permille[i] != 0;
	if (!port->active || nr == 0)
		return 0;
	port->pool = calloc(nr, sizeof(port->pool[0]));
	if (port->pool == NULL)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		TAILQ_INSERT_TAIL(&port->free, &port->pool[i], link);
	return 0;
}

void svart_inject_fini(struct svart_model_device *dev)
{
	free(dev->inject.pool);
}

/* --- on the way ------------------------------------------------------------------------------ */

/** At least to the end of the next step: the present one has yet to be counted. */
static uint64_t some_steps(struct svart_model_device *dev)
{
	return 2 + svart_model_random(dev->model, SVART_INJECT_LATE_STEPS - 1);
}

/** Sends something on its way. There is an item, for each that is late holds a credit. */
static void hold(struct svart_model_device *dev, const struct svart_inject_item *what)
{
	struct svart_inject_port *port = &dev->inject;
	struct svart_inject_item *item = TAILQ_FIRST(&port->free);

	TAILQ_REMOVE(&port->free, item, link);
	*item = *what;
	item->due += port->now;
	dev->iommu.requests.outstanding += item->nr_credits;
	TAILQ_INSERT_TAIL(&port->late, item, link);
	svart_engine_wake(&dev->engine);
}

static void hold_request(struct svart_model_device *dev,
	const struct svart_bus_page_request *request, enum item_kind kind, uint64_t steps)
{
	struct svart_inject_item item = {
		.kind = kind, .due = steps, .request = *request, .nr_credits = 1
	};

	hold(dev, &item);
}

/** Lets something that was on its way arrive. */
static void arrive(struct svart_model_device *dev, struct svart_inject_item *late)
{
	struct svart_inject_port *port = &dev->inject;
	struct svart_inject_item item = *late;

	/* First given back: the device may send a page request from within. */
	TAILQ_REMOVE(&port->late, late, link);
	TAILQ_INSERT_TAIL(&port->free, late, link);
	dev->iommu.requests.outstanding -= item.nr_credits;
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

/** @return the oldest late request of a group, of one kind; or NULL. */
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

/** Whether something that is late may arrive: it is due, and nothing of its group is before it. */
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

/** What was overtaken arrives. */
static void release_passed(
	struct svart_model_device *dev, const struct svart_bus_page_request *request)
{
	struct svart_inject_item *item;

	while ((item = find_late(&dev->inject, request, ITEM_PASSED)) != NULL)
		arrive(dev, item);
}

static bool is_of(const struct svart_inject_item *item, bool all, uint32_t pasid)
{
	return all || item->request.pasid == pasid;
}

static void end_late(struct svart_model_device *dev, bool answers, bool all, uint32_t pasid)
{
	struct svart_inject_port *port = &dev->inject;
	struct svart_inject_item *item;

	if (!port->active)
		return;
	port->draining = true;
	do {
		item = TAILQ_FIRST(&port->late);
		while (item != NULL &&
			(!is_of(item, all, pasid) || (!answers && !is_request(item))))
			item = TAILQ_NEXT(item, link);
		if (item != NULL)
			arrive(dev, item);
	} while (item != NULL);
	port->draining = false;
}

void svart_inject_drain(struct svart_model_device *dev, bool all, uint32_t pasid)
{
	end_late(dev, false, all, pasid);
}

void svart_inject_flush(struct svart_model_device *dev, bool all, uint32_t pasid)
{
	end_late(dev, true, all, pasid);
}

bool svart_inject_step(struct svart_model_device *dev)
{
	struct svart_inject_port *port = &dev->inject;
	struct svart_inject_item *item;
	bool moved = port->reset_due;

	if (!port->active)
		return false;
	port->now++;
	if (port->reset_due) {
		/* No longer due: see svart_prg_reset(). */
		svart_model_device_reset_locked(dev);
		/* vfio_pci_aer_err_detected(): VFIO_PCI_ERR_IRQ_INDEX, the first of the extra ones. */
		svart_model_device_raise(dev, dev->type->nr_vectors);
	}
	while ((item = find_free(port)) != NULL) {
		arrive(dev, item);
		moved = true;
	}
	return moved || !TAILQ_EMPTY(&port->late);
}

/* --- what strikes ---------------------------------------------------------------------------- */

static bool lose(struct svart_model_device *dev, const struct svart_bus_page_request *request)
{
	if (!request->last || dev->unit_ops->stalls ||
		!svart_inject_strikes(dev, SVART_INJECT_LOSE_LAST))
		return false;
	hold_request(dev, request, ITEM_PATIENCE, SVART_INJECT_PATIENCE);
	return true;
}

/** What a queue that is full does to a request. */
static bool overflow(struct svart_model_device *dev, const struct svart_bus_page_request *request)
{
	bool raw = dev->unit->opened;

	/* A queue of page requests that Linux does not read (iommu=smmu,pri=on) cannot get full. */
	if (!raw && !dev->unit_ops->stalls && dev->unit_ops->kind != SVART_IOMMU_UNIT_VTD)
		return false;
	if (!svart_inject_strikes(dev, SVART_INJECT_OVERFLOW))
		return false;
	if (dev->unit_ops->stalls) {
		hold_request(dev, request, ITEM_REQUEST, some_steps(dev));
	} else if (!raw) {
		svart_prg_overflow(dev, request);
	} else {
		dev->unit->squeezed = true;
		svart_prg_arrive(dev, request);
		dev->unit->squeezed = false;
	}
	return true;
}

static bool make_late(struct svart_model_device *dev, const struct svart_bus_page_request *request)
{
	enum item_kind kind = ITEM_REQUEST;

	if (!svart_inject_strikes(dev, SVART_INJECT_DELAY)) {
		if (!svart_inject_strikes(dev, SVART_INJECT_REORDER))
			return false;
		kind = request->last ? ITEM_REQUEST : ITEM_PASSED;
	}
	hold_request(dev, request, kind, some_steps(dev));
	return true;
}

bool svart_inject_request(
	struct svart_model_device *dev, const struct svart_bus_page_request *request)
{
	struct svart_inject_port *port = &dev->inject;

	if (!port->active || port->draining)
		return false;
	port->reset_due |= svart_inject_strikes(dev, SVART_INJECT_RESET);
	if (find_late(port, request, ITEM_REQUEST) != NULL) {
		hold_request(dev, request, ITEM_REQUEST, 0);
		return true;
	}
	if (request->last)
		release_passed(dev, request);
	if (lose(dev, request) || overflow(dev, request) || make_late(dev, request))
		return true;
	if (!request->last && !dev->unit_ops->stalls &&
		svart_inject_strikes(dev, SVART_INJECT_DUPLICATE))
		svart_prg_arrive_copy(dev, request);
	svart_prg_arrive(dev, request);
	release_passed(dev, request);
	return true;
}

bool svart_inject_answer(struct svart_model_device *dev, uint32_t pasid, uint16_t prgi,
	enum svart_bus_prg_response code, uint32_t nr_credits)
{
	struct svart_inject_item item = {
		.kind = ITEM_ANSWER,
		.request = { .pasid = pasid, .prgi = prgi },
		.code = code,
		.nr_credits = nr_credits,
	};
	struct svart_inject_port *port = &dev->inject;

	if (!port->active || port->draining)
		return false;
	if (code == SVART_BUS_PRG_SUCCESS && svart_inject_strikes(dev, SVART_INJECT_INVALID))
		item.code = SVART_BUS_PRG_INVALID;
	if (svart_inject_strikes(dev, SVART_INJECT_SLOW_ANSWER)) {
		item.due = some_steps(dev);
		hold(dev, &item);
	} else {
		svart_prg_respond(dev, pasid, prgi, item.code);
	}
	return true;
}
