/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "prg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "iommu_device.h"
#include "own_copy.h"
#include "pagetable.h"
#include "unit.h"

/** A reset device remembers this many times as many debts as it can have page requests open. */
#define FORGOTTEN_FACTOR 4

static struct svart_prg_port *port_of(struct svart_iommu_device *dev)
{
	return &dev->requests;
}

/* --- pools ----------------------------------------------------------------------------------- */

int svart_prg_init(struct svart_iommu_device *dev)
{
	uint32_t i, nr = dev->type->pri ? dev->type->pri_capacity : 0;
	struct svart_prg_port *port = port_of(dev);
	uint32_t nr_groups;

	TAILQ_INIT(&port->free_groups);
	TAILQ_INIT(&port->open);
	if (nr == 0)
		return 0;
	port->room_forgotten = FORGOTTEN_FACTOR * nr;
	if (dev->way != NULL && !dev->unit_ops->stalls)
		nr *= SVART_PRG_SPARE;
	nr_groups = dev->unit_ops->stalls ? 2 * nr : nr;
	port->record_pool = calloc(nr, sizeof(port->record_pool[0]));
	port->group_pool = calloc(nr_groups, sizeof(port->group_pool[0]));
	port->forgotten = calloc(port->room_forgotten, sizeof(port->forgotten[0]));
	if (port->record_pool == NULL || port->group_pool == NULL || port->forgotten == NULL)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		port->record_pool[i].next = port->free_records;
		port->free_records = &port->record_pool[i];
	}
	for (i = 0; i < nr_groups; i++) {
		port->group_pool[i].dev = dev;
		TAILQ_INSERT_TAIL(&port->free_groups, &port->group_pool[i], open_link);
	}
	return 0;
}

void svart_prg_fini(struct svart_iommu_device *dev)
{
	free(port_of(dev)->record_pool);
	free(port_of(dev)->group_pool);
	free(port_of(dev)->forgotten);
}

/**
 * Takes a group from the pool. There is a free one, because each open group holds at least one of the
 * outstanding requests, and each request is in one part at most. make_room() cares for groups without
 * outstanding requests.
 */
static struct svart_prg *take_group(struct svart_iommu_device *dev, uint32_t pasid, uint16_t id)
{
	struct svart_prg_port *port = port_of(dev);
	struct svart_prg *group = TAILQ_FIRST(&port->free_groups);

	TAILQ_REMOVE(&port->free_groups, group, open_link);
	TAILQ_INSERT_TAIL(&port->open, group, open_link);
	group->pasid = pasid;
	group->id = id;
	group->parent = NULL;
	group->raw = dev->unit != NULL && dev->unit->opened;
	group->bad = false;
	group->last = false;
	group->state = SVART_PRG_IDLE;
	group->nr_records = 0;
	group->nr_uncounted = 0;
	group->first = NULL;
	group->end = &group->first;
	group->nr_owed = 0;
	group->code = SVART_BUS_PRG_SUCCESS;
	group->next_partial = NULL;
	return group;
}

/** Gives back a group, which is on neither list of the port, and its records. */
static void recycle(struct svart_prg *group)
{
	struct svart_prg_port *port = port_of(group->dev);
	struct svart_prg_record *r;

	if (group->parent == NULL) {
		for (r = group->first; r != NULL; r = r->next)
			r->debt.kind = SVART_PRG_DEBT_NONE;
		*group->end = port->free_records;
		port->free_records = group->first;
		port->outstanding -= group->nr_records - group->nr_uncounted;
	}
	TAILQ_INSERT_TAIL(&port->free_groups, group, open_link);
}

static struct svart_prg_record *add_record(
	struct svart_prg *group, const struct svart_bus_page_request *request)
{
	struct svart_prg_port *port = port_of(group->dev);
	struct svart_prg_record *r = port->free_records;

	port->free_records = r->next;
	port->outstanding++;
	r->addr = svart_page_down(request->addr);
	r->read = request->read;
	r->write = request->write;
	r->exec = request->exec;
	r->priv = request->priv;
	r->group = group;
	r->next = NULL;
	*group->end = r;
	group->end = &r->next;
	group->nr_records++;
	return r;
}

/** @return the place in the table of partial groups where this one is, or where its chain ends. */
static struct svart_prg **find_partial(struct svart_prg_port *port, uint32_t pasid, uint16_t prgi)
{
	struct svart_prg **place = &port->partial[prgi];

	while (*place != NULL && (*place)->pasid != pasid)
		place = &(*place)->next_partial;
	return place;
}

/* --- answers --------------------------------------------------------------------------------- */

void svart_prg_respond(struct svart_iommu_device *dev, uint32_t pasid, uint16_t prgi,
	enum svart_bus_prg_response code)
{
	/* The IOMMU sends the answer all the same, but nobody takes it. */
	if (svart_iommu_device_is_removed(dev))
		return;
	dev->type->page_response(dev->priv, pasid, prgi, code);
	svart_engine_wake(&dev->engine);
}

/** Answers the device for a group that is on neither list of the port. */
static void answer_device(struct svart_prg *group, enum svart_bus_prg_response code)
{
	struct svart_iommu_device *dev = group->dev;
	uint32_t pasid = group->pasid, nr_credits = group->nr_records - group->nr_uncounted;
	uint16_t prgi = group->id;

	/* The group is recycled first: the device may send a page request from within its page_response(). */
	recycle(group);
	if (dev->way == NULL || !dev->way->ops->answer(dev->way, pasid, prgi, code, nr_credits))
		svart_prg_respond(dev, pasid, prgi, code);
}

/** Answers the device if the group lacks nothing any more. */
static void complete(struct svart_prg *group)
{
	if (!group->last || group->nr_owed > 0)
		return;
	TAILQ_REMOVE(&port_of(group->dev)->open, group, open_link);
	answer_device(group, group->code);
}

/** Adds one answer to a group: success, invalid and failure have rising values. */
static void take_answer(struct svart_prg *group, enum svart_bus_prg_response code)
{
	if (code > group->code)
		group->code = code;
}

void svart_prg_answer(struct svart_prg *group, enum svart_bus_prg_response code)
{
	struct svart_prg *whole = group->parent != NULL ? group->parent : group;

	group->sink = NULL;
	if (group != whole) {
		TAILQ_REMOVE(&port_of(group->dev)->open, group, open_link);
		recycle(group);
	}
	whole->nr_owed--;
	take_answer(whole, code);
	complete(whole);
}

/* --- the ways of a request -------------------------------------------------------------------- */

/**
 * Tells whether the kernel's VT-d driver refuses a request without asking anybody
 * (drivers/iommu/intel/prq.c): it refuses addresses that are not canonical, privileged requests, and
 * requests to execute and read.
 */
static bool is_bad(const struct svart_bus_page_request *r)
{
	int64_t top = (int64_t)r->addr >> (SVART_PAGETABLE_BITS - 1);

	return (top != 0 && top != -1) || r->priv || (r->exec && r->read);
}

/** Finds the sink that takes the groups of a PASID, or NULL. */
static struct svart_prg_sink *sink_of(struct svart_iommu_device *dev, uint32_t pasid)
{
	struct svart_iommu_attachment *a = svart_iommu_find(dev, pasid);

	return a != NULL ? a->sink : NULL;
}

static void deliver(struct svart_prg_sink *sink, struct svart_prg *group)
{
	group->sink = sink;
	sink->ops->deliver(sink, group);
}

/** Sends a request the way of VT-d and iommufd: the group is delivered whole. */
static void send_whole(struct svart_prg *group, const struct svart_bus_page_request *request)
{
	struct svart_prg_sink *sink = sink_of(group->dev, group->pasid);

	group->bad |= is_bad(request);
	if (!group->last)
		return;
	if (sink == NULL || group->bad) {
		take_answer(group, SVART_BUS_PRG_INVALID);
		return;
	}
	group->nr_owed = 1;
	deliver(sink, group);
}

/** Tells the place of a record in the pool: no two stalled transactions have the same STAG. */
static uint16_t stag_of(const struct svart_prg_record *r)
{
	return (uint16_t)(r - port_of(r->group->dev)->record_pool);
}

/**
 * Sends a request the way of SMMUv3 with stalls and iommufd: arm_smmu_handle_event() makes a group of each
 * stalled access. It has the address of the access as it was, and either read or write.
 */
static void stall(struct svart_prg *group, struct svart_prg_record *r,
	const struct svart_bus_page_request *request)
{
	struct svart_prg_sink *sink = sink_of(group->dev, group->pasid);
	struct svart_prg *part;

	if (sink == NULL) {
		take_answer(group, SVART_BUS_PRG_INVALID);
		return;
	}
	r->addr = request->addr;
	r->read = !request->write;
	part = take_group(group->dev, group->pasid, stag_of(r));
	part->parent = group;
	part->last = true;
	part->first = r;
	part->nr_records = 1;
	group->nr_owed++;
	deliver(sink, part);
}

/**
 * Draws whether a request carries private data, and the data: then it is owed an answer with the same data.
 */
static void draw_private(struct svart_iommu_device *dev, struct svart_prg_debt *debt,
	struct svart_unit_request *request)
{
	unsigned int i;

	if (dev->private_percent == 0 ||
		svart_seed_draw(dev->iommu->seed, 100) >= dev->private_percent)
		return;
	if (debt->kind == SVART_PRG_DEBT_NONE)
		debt->kind = SVART_PRG_DEBT_PRIVATE;
	for (i = 0; i < 2; i++)
		debt->private_data[i] = svart_seed_draw(dev->iommu->seed, UINT64_MAX);
	debt->has_private = true;
	request->has_private = true;
	memcpy(request->private_data, debt->private_data, sizeof(debt->private_data));
}

/** Decides which answer software owes for a request, and so what software is told. */
static void prepare(struct svart_prg_record *r, struct svart_unit_request *request)
{
	struct svart_iommu_device *dev = r->group->dev;
	struct svart_prg_debt *debt = &r->debt;

	*debt = (struct svart_prg_debt){ .pasid = r->group->pasid, .id = r->group->id };
	if (dev->unit_ops->stalls) {
		debt->kind = SVART_PRG_DEBT_STALL;
		debt->id = stag_of(r);
		request->stag = debt->id;
		return;
	}
	if (request->page.last)
		debt->kind = SVART_PRG_DEBT_GROUP;
	draw_private(dev, debt, request);
}

/** Sends a request the raw way: the unit reports it, or has a reason not to. */
static void report(struct svart_prg *group, struct svart_prg_record *r,
	const struct svart_bus_page_request *page)
{
	struct svart_unit_request request = { .page = *page };
	struct svart_iommu_device *dev = group->dev;
	int rc = -ENODEV; /* There is no PASID table entry: the unit answers by itself. */

	prepare(r, &request);
	if (svart_iommu_find(dev, group->pasid) != NULL)
		rc = dev->unit_ops->report(dev->unit, &request);
	if (rc == 0) {
		group->nr_owed += r->debt.kind != SVART_PRG_DEBT_NONE;
		return;
	}
	/* A LAST that was dropped because there was no room is answered SUCCESS: the device asks again. */
	if ((page->last || dev->unit_ops->stalls) && rc != -EOVERFLOW)
		take_answer(group, SVART_BUS_PRG_INVALID);
	r->debt.kind = SVART_PRG_DEBT_NONE;
}

/** Sends a request on its way. */
static void route(struct svart_prg *group, struct svart_prg_record *r,
	const struct svart_bus_page_request *request)
{
	const struct svart_unit_ops *unit_ops = group->dev->unit_ops;

	if (group->raw)
		report(group, r, request);
	else if (unit_ops->stalls)
		stall(group, r, request);
	else if (unit_ops->kind == SVART_IOMMU_UNIT_SMMU)
		/* arm_smmu_handle_ppr() of Linux 7.2 knows no PRI: it logs "unexpected" and answers DENY. */
		take_answer(group, SVART_BUS_PRG_FAILURE);
	else
		send_whole(group, request);
}

/** Drops a group that has no LAST; its LAST will be answered when it comes. */
static void drop_partial(struct svart_prg *group)
{
	struct svart_prg_port *port = port_of(group->dev);

	*find_partial(port, group->pasid, group->id) = group->next_partial;
	TAILQ_REMOVE(&port->open, group, open_link);
	recycle(group);
}

/**
 * Makes room for a request. Copies, and groups that the device gave up, take room in the pools but no
 * credits. Groups that were given up are dropped when the pools are used up; requests and their copies
 * leave half of them free.
 */
static void make_room(struct svart_iommu_device *dev)
{
	struct svart_prg_port *port = port_of(dev);
	struct svart_prg *group, *next;

	if (port->free_records != NULL && !TAILQ_EMPTY(&port->free_groups))
		return;
	for (group = TAILQ_FIRST(&port->open); group != NULL; group = next) {
		next = TAILQ_NEXT(group, open_link);
		if (!group->last && group->nr_uncounted == group->nr_records)
			drop_partial(group);
	}
}

void svart_prg_arrive(struct svart_iommu_device *dev, const struct svart_bus_page_request *request)
{
	uint16_t prgi = request->prgi % SVART_PRG_NR_INDICES;
	struct svart_prg_record *r;
	struct svart_prg **place, *group;

	make_room(dev);
	place = find_partial(port_of(dev), request->pasid, prgi);
	if (*place == NULL)
		*place = take_group(dev, request->pasid, prgi);
	group = *place;
	r = add_record(group, request);
	if (request->last) {
		*place = group->next_partial;
		group->last = true;
	}
	route(group, r, request);
	complete(group);
}

void svart_prg_arrive_copy(
	struct svart_iommu_device *dev, const struct svart_bus_page_request *request)
{
	struct svart_prg_port *port = port_of(dev);

	svart_prg_arrive(dev, request);
	(*find_partial(port, request->pasid, request->prgi % SVART_PRG_NR_INDICES))->nr_uncounted++;
	port->outstanding--;
}

void svart_prg_overflow(
	struct svart_iommu_device *dev, const struct svart_bus_page_request *request)
{
	struct svart_prg *group, *next;

	for (group = TAILQ_FIRST(&port_of(dev)->open); group != NULL; group = next) {
		next = TAILQ_NEXT(group, open_link);
		if (!group->raw && !group->last)
			drop_partial(group);
	}
	if (request->last)
		svart_prg_respond(dev, request->pasid, request->prgi, SVART_BUS_PRG_SUCCESS);
}

void svart_prg_give_up(struct svart_iommu_device *dev, uint32_t pasid, uint16_t prgi)
{
	struct svart_prg_port *port = port_of(dev);
	struct svart_prg *group = *find_partial(port, pasid, prgi % SVART_PRG_NR_INDICES);

	if (group != NULL) {
		port->outstanding -= group->nr_records - group->nr_uncounted;
		group->nr_uncounted = group->nr_records;
	}
	svart_prg_respond(dev, pasid, prgi, SVART_BUS_PRG_INVALID);
}

/** Takes a stop marker (PCIe 6.0, 10.4.1.2). It asks for nothing and gets no answer; a raw queue shows it. */
static void stop(struct svart_iommu_device *dev, const struct svart_bus_page_request *marker)
{
	struct svart_unit_request request = { .page = *marker };

	if (dev->unit->opened && !dev->unit_ops->stalls &&
		svart_iommu_find(dev, marker->pasid) != NULL)
		dev->unit_ops->report(dev->unit, &request);
}

int svart_prg_request(struct svart_bus *bus, const struct svart_bus_page_request *request)
{
	struct svart_iommu_device *dev = (struct svart_iommu_device *)bus;

	if (!dev->type->pri)
		return -EOPNOTSUPP;
	if (!dev->bus.ops->bus_master(bus))
		return -EPERM;
	if (request->last && !request->read && !request->write && !request->exec) {
		/* It comes after all requests of its PASID. */
		if (dev->way != NULL)
			dev->way->ops->drain(dev->way, false, request->pasid);
		stop(dev, request);
		return 0;
	}
	if (port_of(dev)->outstanding >= dev->type->pri_capacity)
		return -EBUSY;
	if (dev->way == NULL || !dev->way->ops->request(dev->way, request))
		svart_prg_arrive(dev, request);
	return 0;
}

void svart_prg_drain(struct svart_iommu_device *dev)
{
	if (dev->way != NULL)
		dev->way->ops->drain(dev->way, true, 0);
}

/* --- ends ------------------------------------------------------------------------------------- */

/** Takes a group off the port, and out of its sink. @return whether an answer is owed to the device. */
static bool withdraw(struct svart_prg *group)
{
	struct svart_prg_port *port = port_of(group->dev);

	TAILQ_REMOVE(&port->open, group, open_link);
	if (group->sink != NULL)
		group->sink->ops->withdraw(group->sink, group);
	group->sink = NULL;
	if (!group->last)
		*find_partial(port, group->pasid, group->id) = group->next_partial;
	return group->last && group->parent == NULL;
}

/** Answers a list of groups INVALID. New groups that the device sends meanwhile are not in this list. */
static void refuse(struct svart_prg_list *owed)
{
	struct svart_prg *group;

	while ((group = TAILQ_FIRST(owed)) != NULL) {
		TAILQ_REMOVE(owed, group, open_link);
		answer_device(group, SVART_BUS_PRG_INVALID);
	}
}

/**
 * Ends the groups of one way, of a PASID or of all: drops partial ones, refuses the others. It goes
 * backwards, so that parts leave their sink before the records of their parents are given back.
 */
static void end_groups(struct svart_iommu_device *dev, bool raw, bool all, uint32_t pasid)
{
	struct svart_prg_list owed = TAILQ_HEAD_INITIALIZER(owed);
	struct svart_prg *group, *previous;

	for (group = TAILQ_LAST(&port_of(dev)->open, svart_prg_list); group != NULL;
		group = previous) {
		previous = TAILQ_PREV(group, svart_prg_list, open_link);
		if (group->raw != raw || (!all && group->pasid != pasid))
			continue;
		if (withdraw(group))
			TAILQ_INSERT_HEAD(&owed, group, open_link);
		else
			recycle(group);
	}
	refuse(&owed);
}

void svart_prg_detach(struct svart_iommu_device *dev, uint32_t pasid)
{
	if (dev->way != NULL)
		dev->way->ops->flush(dev->way, false, pasid);
	end_groups(dev, false, false, pasid);
}

/** Remembers a debt; there is room for the latest ones only. */
static void remember(struct svart_prg_port *port, const struct svart_prg_debt *debt)
{
	if (debt->kind == SVART_PRG_DEBT_NONE)
		return;
	if (port->nr_forgotten == port->room_forgotten) {
		port->nr_forgotten--;
		svart_own_copy(port->forgotten, port->forgotten + 1,
			port->nr_forgotten * sizeof(port->forgotten[0]));
	}
	port->forgotten[port->nr_forgotten++] = *debt;
}

static void forget_raw(struct svart_iommu_device *dev)
{
	const struct svart_prg_record *r;
	struct svart_prg *group, *next;

	for (group = TAILQ_FIRST(&port_of(dev)->open); group != NULL; group = next) {
		next = TAILQ_NEXT(group, open_link);
		if (!group->raw)
			continue;
		withdraw(group);
		for (r = group->first; r != NULL; r = r->next)
			remember(port_of(dev), &r->debt);
		recycle(group);
	}
}

void svart_prg_reset(struct svart_iommu_device *dev)
{
	if (dev->way != NULL)
		dev->way->ops->reset(dev->way);
	forget_raw(dev);
	end_groups(dev, false, true, 0);
}

void svart_prg_unit_closed(struct svart_iommu_device *dev)
{
	if (dev->way != NULL)
		dev->way->ops->flush(dev->way, true, 0);
	end_groups(dev, true, true, 0);
	port_of(dev)->nr_forgotten = 0;
}

/* --- answers from software of a raw unit -------------------------------------------------------- */

static bool is_same(const struct svart_prg_debt *a, const struct svart_prg_debt *b)
{
	if (a->kind != b->kind || a->id != b->id)
		return false;
	/* A STAG alone identifies a debt; no two debts of the same PASID and index have the same data. */
	return a->kind == SVART_PRG_DEBT_STALL ||
	       (a->pasid == b->pasid && a->has_private == b->has_private &&
		       a->private_data[0] == b->private_data[0] &&
		       a->private_data[1] == b->private_data[1]);
}

/** @return the request that this answers, in the oldest group that has one; or NULL. */
static struct svart_prg_record *find_debtor(
	struct svart_prg_port *port, const struct svart_prg_debt *debt)
{
	struct svart_prg_record *r;
	struct svart_prg *group;

	TAILQ_FOREACH(group, &port->open, open_link) {
		if (!group->raw || (debt->kind != SVART_PRG_DEBT_STALL && group->id != debt->id))
			continue;
		for (r = group->first; r != NULL; r = r->next) {
			if (is_same(&r->debt, debt))
				return r;
		}
	}
	return NULL;
}

/** Counts an answer that no device waits for. */
static void count_unexpected(struct svart_iommu_device *dev, const struct svart_prg_debt *debt)
{
	struct svart_prg_port *port = port_of(dev);
	uint32_t i = 0;

	while (i < port->nr_forgotten && !is_same(&port->forgotten[i], debt))
		i++;
	if (i == port->nr_forgotten) {
		svart_iommu_unit_bad_answer(dev);
		return;
	}
	port->nr_forgotten--;
	svart_own_copy(&port->forgotten[i], &port->forgotten[i + 1],
		(port->nr_forgotten - i) * sizeof(port->forgotten[0]));
	atomic_fetch_add_explicit(&dev->iommu->late_answers, 1, memory_order_relaxed);
}

static bool pay(struct svart_iommu_device *dev, const struct svart_prg_debt *debt,
	enum svart_bus_prg_response code)
{
	struct svart_prg_record *r = find_debtor(port_of(dev), debt);

	if (r == NULL) {
		count_unexpected(dev, debt);
		return false;
	}
	r->debt.kind = SVART_PRG_DEBT_NONE;
	r->group->nr_owed--;
	take_answer(r->group, code);
	complete(r->group);
	return true;
}

bool svart_iommu_unit_answer(struct svart_iommu_device *dev, uint32_t pasid, uint16_t prgi,
	bool last, const uint64_t private_data[2], enum svart_bus_prg_response code)
{
	struct svart_prg_debt debt = {
		.kind = last ? SVART_PRG_DEBT_GROUP : SVART_PRG_DEBT_PRIVATE,
		.pasid = pasid,
		.id = prgi,
		.has_private = private_data != NULL,
	};

	if (private_data != NULL)
		memcpy(debt.private_data, private_data, sizeof(debt.private_data));
	return pay(dev, &debt, code);
}

bool svart_iommu_unit_resume(
	struct svart_iommu_device *dev, uint16_t stag, enum svart_unit_resume how)
{
	struct svart_prg_debt debt = { .kind = SVART_PRG_DEBT_STALL, .id = stag };

	return pay(dev, &debt,
		how == SVART_UNIT_RETRY ? SVART_BUS_PRG_SUCCESS : SVART_BUS_PRG_INVALID);
}

void svart_iommu_unit_bad_answer(struct svart_iommu_device *dev)
{
	atomic_fetch_add_explicit(&dev->iommu->bad_answers, 1, memory_order_relaxed);
}

void svart_iommu_unit_stale_access(struct svart_iommu_device *dev)
{
	atomic_fetch_add_explicit(&dev->iommu->stale_accesses, 1, memory_order_relaxed);
}
