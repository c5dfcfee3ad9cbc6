/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The command register (DSA spec 9.2.10). Drains and disables are active until the descriptors that
 * were there have completed. Aborts and resets drop them at once; an answer to a page request of a
 * dropped one is taken and ignored.
 */

#include <string.h>

#include "bits.h"
#include "dsa_model.h"

#define CMD_RESERVED SVART_MASK(30, 25)

/* What a command returns that is active from now on. */
#define CMD_PENDING (-1)

static struct dsa_wq *wq_next(struct dsa *d, uint32_t wqs, unsigned int *i)
{
	for (; *i < d->options.nr_wqs; (*i)++) {
		if ((wqs >> *i & 1) != 0)
			return &d->wqs[*i];
	}
	return NULL;
}

/* For each WQ of the bitmap `wqs`, i being its number. */
#define WQ_FOREACH(wq, i, d, wqs) for ((i) = 0; ((wq) = wq_next((d), (wqs), &(i))) != NULL; (i)++)

static uint32_t wqs_all(const struct dsa *d)
{
	return (uint32_t)SVART_MASK(d->options.nr_wqs - 1, 0);
}

static uint32_t wqs_enabled(struct dsa *d)
{
	uint32_t wqs = 0;

	for (unsigned int i = 0; i < d->options.nr_wqs; i++) {
		if (d->wqs[i].state == SVART_DSA_WQ_ENABLED)
			wqs |= UINT32_C(1) << i;
	}
	return wqs;
}

static uint32_t wqs_of_pasid(struct dsa *d, uint32_t pasid)
{
	uint32_t wqs = wqs_enabled(d);

	for (unsigned int i = 0; i < d->options.nr_wqs; i++) {
		if (!svart_dsa_wq_is_shared(&d->wqs[i]) && svart_dsa_wq_pasid(&d->wqs[i]) != pasid)
			wqs &= ~(UINT32_C(1) << i);
	}
	return wqs;
}

/* --- What is done to WQs ---------------------------------------------------------------------- */

/* What engines have of a WQ, and of a PASID or of any. */
static void engines_abort(struct dsa *d, const struct dsa_wq *wq, uint32_t pasid)
{
	for (unsigned int n = 0; n < d->options.nr_engines; n++)
		svart_dsa_engine_abort(d, &d->engines[n], wq, pasid);
}

static void wqs_abort(struct dsa *d, uint32_t wqs)
{
	struct dsa_wq *wq;
	unsigned int i;

	WQ_FOREACH(wq, i, d, wqs)
	{
		svart_dsa_ring_discard(&wq->ring);
		engines_abort(d, wq, DSA_ANY_PASID);
	}
}

/* All that a dedicated WQ has is of its PASID. */
static int pasid_abort(struct dsa *d, uint32_t pasid)
{
	struct dsa_wq *wq;
	unsigned int i;

	WQ_FOREACH(wq, i, d, wqs_of_pasid(d, pasid))
	{
		if (!svart_dsa_wq_is_shared(wq)) {
			wqs_abort(d, UINT32_C(1) << i);
			continue;
		}
		svart_dsa_ring_drop(&wq->ring, pasid);
		engines_abort(d, wq, pasid);
	}
	return SVART_DSA_CMD_OK;
}

static void wqs_disable(struct dsa *d, uint32_t wqs)
{
	struct dsa_wq *wq;
	unsigned int i;

	WQ_FOREACH(wq, i, d, wqs)
	{
		svart_dsa_ring_close(&wq->ring);
		wq->state = SVART_DSA_WQ_DISABLED;
	}
}

static int wqs_drain(struct dsa *d, uint32_t wqs)
{
	struct dsa_wq *wq;
	unsigned int i;

	d->command.wqs = wqs;
	d->command.pasid = DSA_ANY_PASID;
	WQ_FOREACH(wq, i, d, wqs)
	{
		d->command.marks[i] = svart_dsa_ring_tail(&wq->ring);
	}
	return CMD_PENDING;
}

static int pasid_drain(struct dsa *d, uint32_t pasid)
{
	struct dsa_wq *wq;
	unsigned int i;

	wqs_drain(d, wqs_of_pasid(d, pasid));
	d->command.pasid = pasid;
	WQ_FOREACH(wq, i, d, d->command.wqs)
	{
		if (svart_dsa_wq_is_shared(wq))
			d->command.marks[i] = svart_dsa_ring_mark(&wq->ring, pasid);
	}
	return CMD_PENDING;
}

/* Lets nothing in any more, then drains. */
static int wqs_quiesce(struct dsa *d, uint32_t wqs)
{
	struct dsa_wq *wq;
	unsigned int i;

	WQ_FOREACH(wq, i, d, wqs)
	{
		svart_dsa_ring_close(&wq->ring);
		wq->state = SVART_DSA_WQ_DRAIN;
	}
	return wqs_drain(d, wqs);
}

static bool wqs_drained(struct dsa *d)
{
	struct dsa_wq *wq;
	unsigned int i;

	WQ_FOREACH(wq, i, d, d->command.wqs)
	{
		uint32_t mark = d->command.marks[i];

		if (!svart_dsa_ring_passed(&wq->ring, mark) ||
			svart_dsa_engines_busy(d, wq, mark, d->command.pasid))
			return false;
	}
	return true;
}

/* --- ENABLE_DEV ------------------------------------------------------------------------------- */

static bool wq_has_size(const struct dsa_wq *wq)
{
	return SVART_FIELD_GET(SVART_DSA_WQCFG0_SIZE, wq->cfg[0]) != 0;
}

static int check_sizes(const struct dsa *d)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < d->options.nr_wqs; i++)
		sum += SVART_FIELD_GET(SVART_DSA_WQCFG0_SIZE, d->wqs[i].cfg[0]);
	return sum <= d->options.wq_size_total ? SVART_DSA_CMD_OK : SVART_DSA_CMD_WQ_SIZE_SUM;
}

/* Each WQ with a size is in one group; no other WQ is in any. */
static int check_group_wqs(struct dsa *d)
{
	uint64_t seen = 0, sized = 0;

	for (unsigned int i = 0; i < d->options.nr_groups; i++) {
		const struct dsa_group *group = &d->groups[i];

		if ((group->wqs[1] | group->wqs[2] | group->wqs[3]) != 0)
			return SVART_DSA_CMD_GROUP_WQ;
		if ((group->wqs[0] & seen) != 0)
			return SVART_DSA_CMD_GROUP_WQ;
		seen |= group->wqs[0];
	}
	for (unsigned int i = 0; i < d->options.nr_wqs; i++)
		sized |= (uint64_t)wq_has_size(&d->wqs[i]) << i;
	return seen == sized ? SVART_DSA_CMD_OK : SVART_DSA_CMD_GROUP_WQ;
}

static int check_group_engines(const struct dsa *d)
{
	uint64_t seen = 0;

	for (unsigned int i = 0; i < d->options.nr_groups; i++) {
		uint64_t engines = d->groups[i].engines;

		if ((engines & seen) != 0 || engines >> d->options.nr_engines != 0)
			return SVART_DSA_CMD_GROUP_ENGINE;
		seen |= engines;
	}
	return SVART_DSA_CMD_OK;
}

static int check_group_rdbufs(struct dsa *d)
{
	uint64_t most = SVART_FIELD_GET(
		SVART_DSA_GRPCAP_RDBUFS, svart_dsa_reg_read(d, SVART_DSA_GRPCAP_OFF));
	uint64_t sum = 0;

	for (unsigned int i = 0; i < d->options.nr_groups; i++) {
		uint64_t flags = d->groups[i].flags;
		uint64_t reserved = SVART_FIELD_GET(SVART_DSA_GRPCFG_RDBUFS_RESERVED, flags);
		uint64_t allowed = SVART_FIELD_GET(SVART_DSA_GRPCFG_RDBUFS_ALLOWED, flags);

		sum += reserved;
		if (allowed > most || (allowed != 0 && allowed < reserved))
			return SVART_DSA_CMD_GROUP_RDBUFS;
	}
	return sum <= most ? SVART_DSA_CMD_OK : SVART_DSA_CMD_GROUP_RDBUFS;
}

static int check_groups(struct dsa *d)
{
	int error;

	for (unsigned int i = 0; i < d->options.nr_groups; i++) {
		if ((d->groups[i].wqs[0] != 0) != (d->groups[i].engines != 0))
			return SVART_DSA_CMD_GROUP_INCOMPLETE;
	}
	error = check_group_wqs(d);
	if (error == SVART_DSA_CMD_OK)
		error = check_group_engines(d);
	return error != SVART_DSA_CMD_OK ? error : check_group_rdbufs(d);
}

static int cmd_enable_dev(struct dsa *d)
{
	int error;

	if (d->state != SVART_DSA_STATE_DISABLED)
		return SVART_DSA_CMD_DEV_ENABLED;
	if (!d->bus->ops->bus_master(d->bus))
		return SVART_DSA_CMD_BUS_MASTER_OFF;
	if (!svart_dsa_log_config_is_good(d))
		return SVART_DSA_CMD_DEV_CONFIG;
	error = check_sizes(d);
	if (error == SVART_DSA_CMD_OK)
		error = check_groups(d);
	if (error != SVART_DSA_CMD_OK)
		return error;
	d->state = SVART_DSA_STATE_ENABLED;
	svart_dsa_log_start(d);
	return SVART_DSA_CMD_OK;
}

/* --- ENABLE_WQ -------------------------------------------------------------------------------- */

bool svart_dsa_may_be_privileged(const struct dsa *d)
{
	const struct svart_bus_ops *ops = d->bus->ops;

	return ops->privileged != NULL && ops->privileged(d->bus);
}

/* A shared WQ has no PASID of its own, but must have PASIDs. */
static int check_shared(const struct dsa_wq *wq)
{
	if ((wq->cfg[2] & SVART_DSA_WQCFG2_PASID_EN) == 0)
		return SVART_DSA_CMD_WQ_PASID_EN;
	if (SVART_FIELD_GET(SVART_DSA_WQCFG1_THRESHOLD, wq->cfg[1]) >
		SVART_FIELD_GET(SVART_DSA_WQCFG0_SIZE, wq->cfg[0]))
		return SVART_DSA_CMD_WQ_SIZE;
	return SVART_DSA_CMD_OK;
}

static int check_wq(const struct dsa *d, const struct dsa_wq *wq, uint64_t gencap)
{
	uint32_t dw2 = wq->cfg[2], dw3 = wq->cfg[3];

	if (d->state != SVART_DSA_STATE_ENABLED)
		return SVART_DSA_CMD_WQ_DEV_DISABLED;
	if (wq->state != SVART_DSA_WQ_DISABLED)
		return SVART_DSA_CMD_WQ_ENABLED;
	if (!wq_has_size(wq))
		return SVART_DSA_CMD_WQ_SIZE;
	if (SVART_FIELD_GET(SVART_DSA_WQCFG2_PRIORITY, dw2) == 0)
		return SVART_DSA_CMD_WQ_PRIORITY;
	/* To block takes page requests: Linux lets no WQ have the one without the other. */
	if ((dw2 & SVART_DSA_WQCFG2_BLOCK_ON_FAULT) != 0 &&
		((gencap & SVART_DSA_GENCAP_BLOCK_ON_FAULT) == 0 ||
			(dw2 & SVART_DSA_WQCFG2_PRS_DISABLE) != 0))
		return SVART_DSA_CMD_WQ_BLOCK_ON_FAULT;
	if ((dw2 & SVART_DSA_WQCFG2_PRIV) != 0 && (dw2 & SVART_DSA_WQCFG2_PASID_EN) != 0 &&
		!svart_dsa_may_be_privileged(d))
		return SVART_DSA_CMD_WQ_PRIV;
	if (SVART_FIELD_GET(SVART_DSA_WQCFG3_MAX_BATCH_SHIFT, dw3) >
		SVART_FIELD_GET(SVART_DSA_GENCAP_MAX_BATCH_SHIFT, gencap))
		return SVART_DSA_CMD_WQ_MAX_BATCH;
	if (SVART_FIELD_GET(SVART_DSA_WQCFG3_MAX_XFER_SHIFT, dw3) > d->options.max_xfer_shift)
		return SVART_DSA_CMD_WQ_MAX_XFER;
	return svart_dsa_wq_is_shared(wq) ? check_shared(wq) : SVART_DSA_CMD_OK;
}

static int cmd_enable_wq(struct dsa *d, uint32_t operand)
{
	uint64_t gencap = svart_dsa_reg_read(d, SVART_DSA_GENCAP_OFF);
	struct dsa_wq *wq;
	int error;

	if (operand >= d->options.nr_wqs)
		return SVART_DSA_CMD_BAD_WQ;
	wq = &d->wqs[operand];
	error = check_wq(d, wq, gencap);
	if (error != SVART_DSA_CMD_OK)
		return error;
	wq->state = SVART_DSA_WQ_ENABLED;
	wq->part_bytes = 0;
	svart_dsa_ring_open(&wq->ring, wq);
	return SVART_DSA_CMD_OK;
}

/* --- The others ------------------------------------------------------------------------------- */

static int cmd_reset_wqs(struct dsa *d, uint32_t wqs)
{
	struct dsa_wq *wq;
	unsigned int i;

	wqs_disable(d, wqs);
	wqs_abort(d, wqs);
	/* The size is the device's, not the WQ's: it stays until the device is disabled. */
	WQ_FOREACH(wq, i, d, wqs)
	{
		memset(&wq->cfg[1], 0, sizeof(wq->cfg) - sizeof(wq->cfg[0]));
	}
	return SVART_DSA_CMD_OK;
}

static int cmd_reset_dev(struct dsa *d)
{
	wqs_disable(d, wqs_all(d));
	wqs_abort(d, wqs_all(d));
	svart_dsa_regs_reset(d);
	svart_dsa_atc_reset(d);
	return SVART_DSA_CMD_OK;
}

/* Commands whose operand is a set of WQs. */
static int cmd_wqs(struct dsa *d, uint32_t code, uint32_t operand)
{
	uint32_t wqs = (uint32_t)SVART_FIELD_GET(SVART_DSA_CMD_WQS_MAP, operand);

	if (SVART_FIELD_GET(SVART_DSA_CMD_WQS_SET, operand) != 0 || wqs == 0 ||
		(wqs & ~wqs_all(d)) != 0)
		return SVART_DSA_CMD_BAD_WQ;
	if ((wqs & ~wqs_enabled(d)) != 0)
		return SVART_DSA_CMD_WQ_DISABLED;
	switch (code) {
	case SVART_DSA_CMD_DISABLE_WQ:
		return wqs_quiesce(d, wqs);
	case SVART_DSA_CMD_DRAIN_WQ:
		return wqs_drain(d, wqs);
	case SVART_DSA_CMD_ABORT_WQ:
		wqs_abort(d, wqs);
		return SVART_DSA_CMD_OK;
	default:
		return cmd_reset_wqs(d, wqs);
	}
}

/* Commands that need an enabled device. */
static int cmd_enabled(struct dsa *d, uint32_t code, uint32_t operand)
{
	if (d->state != SVART_DSA_STATE_ENABLED)
		return SVART_DSA_CMD_DEV_DISABLED;
	switch (code) {
	case SVART_DSA_CMD_DISABLE_DEV:
		d->state = SVART_DSA_STATE_DRAIN;
		return wqs_quiesce(d, wqs_enabled(d));
	case SVART_DSA_CMD_DRAIN_ALL:
		return wqs_drain(d, wqs_enabled(d));
	case SVART_DSA_CMD_DRAIN_PASID:
		return pasid_drain(d, operand);
	case SVART_DSA_CMD_ABORT_ALL:
		wqs_abort(d, wqs_enabled(d));
		return SVART_DSA_CMD_OK;
	default:
		return pasid_abort(d, operand);
	}
}

static int cmd_run(struct dsa *d, uint32_t code, uint32_t operand)
{
	if (d->state == SVART_DSA_STATE_HALT &&
		(code != SVART_DSA_CMD_RESET_DEV || d->reset_type != SVART_DSA_RESET_SOFTWARE))
		return SVART_DSA_CMD_HW_ERROR;
	switch (code) {
	case SVART_DSA_CMD_ENABLE_DEV:
		return cmd_enable_dev(d);
	case SVART_DSA_CMD_RESET_DEV:
		return cmd_reset_dev(d);
	case SVART_DSA_CMD_ENABLE_WQ:
		return cmd_enable_wq(d, operand);
	case SVART_DSA_CMD_DISABLE_WQ:
	case SVART_DSA_CMD_DRAIN_WQ:
	case SVART_DSA_CMD_ABORT_WQ:
	case SVART_DSA_CMD_RESET_WQ:
		return cmd_wqs(d, code, operand);
	case SVART_DSA_CMD_DISABLE_DEV:
	case SVART_DSA_CMD_DRAIN_ALL:
	case SVART_DSA_CMD_ABORT_ALL:
	case SVART_DSA_CMD_DRAIN_PASID:
	case SVART_DSA_CMD_ABORT_PASID:
		return cmd_enabled(d, code, operand);
	default:
		return SVART_DSA_CMD_BAD_COMMAND;
	}
}

static void cmd_finish(struct dsa *d, unsigned int error)
{
	d->cmdsts = (uint32_t)SVART_FIELD_PREP(SVART_DSA_CMDSTS_ERROR, error);
	d->command = (struct dsa_command){ 0 };
	if ((d->cmd & SVART_DSA_CMD_INT_REQ) != 0)
		svart_dsa_event(d, SVART_DSA_INTCAUSE_CMD);
}

void svart_dsa_cmd_write(struct dsa *d, uint32_t value)
{
	static const struct dsa_report second = {
		.word0 = SVART_FIELD_PREP(SVART_DSA_SWERR0_ERROR, SVART_DSA_SWERR_CMD_ACTIVE),
	};
	int error;

	/* As Linux' virtual DSA: the second command is dropped and reported. */
	if ((d->cmdsts & SVART_DSA_CMDSTS_ACTIVE) != 0) {
		svart_dsa_report(d, &second);
		return;
	}
	d->cmd = value;
	d->cmdsts = (uint32_t)SVART_DSA_CMDSTS_ACTIVE;
	d->command.code = (uint32_t)SVART_FIELD_GET(SVART_DSA_CMD_CODE, value);
	if ((value & CMD_RESERVED) != 0)
		error = SVART_DSA_CMD_RESERVED_SET;
	else
		error = cmd_run(d, d->command.code,
			(uint32_t)SVART_FIELD_GET(SVART_DSA_CMD_OPERAND, value));
	if (error == CMD_PENDING)
		svart_dsa_cmd_poll(d);
	else
		cmd_finish(d, (unsigned int)error);
}

bool svart_dsa_cmd_poll(struct dsa *d)
{
	if ((d->cmdsts & SVART_DSA_CMDSTS_ACTIVE) == 0 || !wqs_drained(d))
		return false;
	if (d->command.code == SVART_DSA_CMD_DISABLE_DEV ||
		d->command.code == SVART_DSA_CMD_DISABLE_WQ)
		wqs_disable(d, d->command.wqs);
	if (d->command.code == SVART_DSA_CMD_DISABLE_DEV)
		d->state = SVART_DSA_STATE_DISABLED;
	cmd_finish(d, SVART_DSA_CMD_OK);
	return true;
}

void svart_dsa_halt(struct dsa *d, enum svart_dsa_reset_type type)
{
	bool halted = d->state == SVART_DSA_STATE_HALT;

	wqs_disable(d, wqs_all(d));
	wqs_abort(d, wqs_all(d));
	d->state = SVART_DSA_STATE_HALT;
	d->reset_type = halted && d->reset_type > type ? d->reset_type : type;
	if ((d->cmdsts & SVART_DSA_CMDSTS_ACTIVE) != 0)
		cmd_finish(d, SVART_DSA_CMD_HW_ERROR);
	if ((d->genctrl & SVART_DSA_GENCTRL_HALT_INT) != 0)
		svart_dsa_event(d, SVART_DSA_INTCAUSE_HALT);
}

void svart_dsa_master_lost(struct dsa *d)
{
	static const struct dsa_report lost = {
		.word0 = SVART_FIELD_PREP(SVART_DSA_SWERR0_ERROR, SVART_DSA_SWERR_BUS_MASTER),
	};

	/* The event log is out of reach. */
	svart_dsa_swerr(d, &lost);
	svart_dsa_halt(d, SVART_DSA_RESET_FLR);
}
