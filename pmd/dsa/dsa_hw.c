/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The device as a whole: commands, reset, capabilities, groups, enable.
 *
 * Nothing that a register says is used before its range was checked: a device that is broken, gone or
 * hostile leads to an error that names the register and its value.
 */

#include "dsa_internal.h"

#include <errno.h>
#include <inttypes.h>

#include "error.h"

/** PCI command register (PCI 3.0, 6.2.2). */
#define PCI_COMMAND              0x04
#define PCI_COMMAND_MEMORY       0x0002u
#define PCI_COMMAND_MASTER       0x0004u
#define PCI_COMMAND_INTX_DISABLE 0x0400u

/** End of the registers at fixed places: the tables come after them (DSA spec 9.2). */
#define REGS_END 0x200u
/** GRPCFG has bitmaps of 256 WQs and 64 engines. */
#define MAX_ENGINES 64u
/**
 * The transfer limit cannot be less than a page. It cannot be encoded above 2^31, the most that a size can
 * hold.
 */
#define MIN_XFER_SHIFT 12u
/** VER: the layouts of dsa_spec.h are those of DSA 1 to 3. */
#define MIN_VERSION 1u
#define MAX_VERSION 3u
/** GRPCFG.RDBUFS_ALLOWED has 8 bits. */
#define MAX_RDBUFS 255u

#define BIT32(n) (UINT32_C(1) << (n))

/** The commands this driver gives. */
#define NEEDED_COMMANDS                                                           \
	(BIT32(SVART_DSA_CMD_ENABLE_DEV) | BIT32(SVART_DSA_CMD_DISABLE_DEV) |     \
		BIT32(SVART_DSA_CMD_RESET_DEV) | BIT32(SVART_DSA_CMD_ENABLE_WQ) | \
		BIT32(SVART_DSA_CMD_DRAIN_WQ) | BIT32(SVART_DSA_CMD_ABORT_WQ) |   \
		BIT32(SVART_DSA_CMD_RESET_WQ))

/* --- commands --------------------------------------------------------------------------------- */

static const char *command_name(enum svart_dsa_cmd cmd)
{
	switch (cmd) {
	case SVART_DSA_CMD_ENABLE_DEV:
		return "ENABLE_DEV";
	case SVART_DSA_CMD_DISABLE_DEV:
		return "DISABLE_DEV";
	case SVART_DSA_CMD_RESET_DEV:
		return "RESET_DEV";
	case SVART_DSA_CMD_ENABLE_WQ:
		return "ENABLE_WQ";
	case SVART_DSA_CMD_DRAIN_WQ:
		return "DRAIN_WQ";
	case SVART_DSA_CMD_ABORT_WQ:
		return "ABORT_WQ";
	case SVART_DSA_CMD_RESET_WQ:
		return "RESET_WQ";
	default:
		return "command";
	}
}

/** Waits until no command is active. @return 0, -ETIMEDOUT, or -EIO: the device is gone. */
static int command_wait(struct svart_dsa_device *d, uint64_t deadline_ns, uint32_t *status)
{
	bool late;

	for (;;) {
		/*
		 * The clock is read before the register: a long pause must not hide that the command has
		 * ended.
		 */
		late = d->m->ops->now_ns(d->m) >= deadline_ns;
		*status = svart_pmd_dsa_read32(d, SVART_DSA_CMDSTS_OFF);
		if (*status == SVART_DSA_ALL_ONES32) {
			svart_pmd_dsa_lose(d, SVART_DSA_CMDSTS_OFF);
			return -EIO;
		}
		if (!(*status & SVART_DSA_CMDSTS_ACTIVE))
			return 0;
		if (late)
			return -ETIMEDOUT;
		svart_pause(d->m, deadline_ns);
	}
}

/** Tells why command_wait() failed. */
static int command_fail(
	struct svart_dsa_device *d, int rc, enum svart_dsa_cmd cmd, uint64_t timeout_ns)
{
	if (rc == -EIO)
		return svart_fail(rc,
			"%s: %s: register CMDSTS reads all ones, the device is gone: look into the "
			"kernel log, reset or rescan the PCI device",
			d->dev->name, command_name(cmd));
	return svart_fail(rc,
		"%s: %s did not finish within %" PRIu64 " ms: reset the PCI device, then open it "
		"again",
		d->dev->name, command_name(cmd), timeout_ns / 1000000);
}

int svart_pmd_dsa_command(struct svart_dsa_device *d, enum svart_dsa_cmd cmd, uint32_t operand)
{
	uint64_t timeout_ns =
		cmd == SVART_DSA_CMD_RESET_DEV ? SVART_DSA_RESET_NS : SVART_DSA_COMMAND_NS;
	uint64_t deadline_ns = d->m->ops->now_ns(d->m) + timeout_ns;
	uint32_t status, error;
	int rc;

	/* A command that is written while another is active is lost, and is an error by itself. */
	rc = command_wait(d, deadline_ns, &status);
	if (rc)
		return command_fail(d, rc, cmd, timeout_ns);
	svart_pmd_dsa_write32(d, SVART_DSA_CMD_OFF,
		(uint32_t)(SVART_FIELD_PREP(SVART_DSA_CMD_CODE, cmd) |
			   SVART_FIELD_PREP(SVART_DSA_CMD_OPERAND, operand)));
	rc = command_wait(d, deadline_ns, &status);
	if (rc)
		return command_fail(d, rc, cmd, timeout_ns);
	error = (uint32_t)SVART_FIELD_GET(SVART_DSA_CMDSTS_ERROR, status);
	if (error != SVART_DSA_CMD_OK)
		return svart_fail(-EIO, "%s: the device refuses %s with operand 0x%x: %s (0x%x)",
			d->dev->name, command_name(cmd), operand, svart_dsa_cmd_error_name(error),
			error);
	return 0;
}

/* --- bus, reset ------------------------------------------------------------------------------- */

int svart_pmd_dsa_bus_enable(struct svart_dsa_device *d, bool master)
{
	const struct svart_pmd_host *host = d->dev->host;
	uint16_t command;
	int rc;

	rc = host->config_read(d->dev, PCI_COMMAND, &command, sizeof(command));
	if (rc)
		return rc;
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE;
	command = (uint16_t)(master ? command | PCI_COMMAND_MASTER : command & ~PCI_COMMAND_MASTER);
	return host->config_write(d->dev, PCI_COMMAND, &command, sizeof(command));
}

bool svart_pmd_dsa_answers(struct svart_dsa_device *d)
{
	if (svart_pmd_dsa_read32(d, SVART_DSA_GENSTS_OFF) != SVART_DSA_ALL_ONES32)
		return true;
	svart_pmd_dsa_lose(d, SVART_DSA_GENSTS_OFF);
	return false;
}

const char *svart_pmd_dsa_halt_text(uint32_t gensts)
{
	switch (SVART_FIELD_GET(SVART_DSA_GENSTS_RESET_TYPE, gensts)) {
	case SVART_DSA_RESET_SOFTWARE:
		return "the device has halted; destroy its queues and create them again";
	case SVART_DSA_RESET_FLR:
		return "the device has halted and needs a function level reset; close it and open "
		       "it "
		       "again";
	default:
		return "the device has halted for good; restart the machine, then open it again";
	}
}

/** Checks the state that a command has led to. @return 0 or -EIO, told. */
static int state_expect(
	struct svart_dsa_device *d, enum svart_dsa_state state, enum svart_dsa_cmd cmd)
{
	uint32_t status = svart_pmd_dsa_read32(d, SVART_DSA_GENSTS_OFF);

	if (status == SVART_DSA_ALL_ONES32)
		return svart_fail(-EIO,
			"%s: register GENSTS reads all ones after %s, the device is gone: look "
			"into the kernel log, reset or rescan the PCI device",
			d->dev->name, command_name(cmd));
	if (SVART_FIELD_GET(SVART_DSA_GENSTS_STATE, status) != state)
		return svart_fail(-EIO,
			"%s: register GENSTS has 0x%x after %s, not the %s state; reset the PCI "
			"device, then open it again",
			d->dev->name, status, command_name(cmd),
			state == SVART_DSA_STATE_ENABLED ? "enabled" : "disabled");
	return 0;
}

/** Whether it takes more than RESET_DEV. */
static bool is_beyond_reset(uint32_t gensts)
{
	return svart_pmd_dsa_is_halted(gensts) &&
	       SVART_FIELD_GET(SVART_DSA_GENSTS_RESET_TYPE, gensts) != SVART_DSA_RESET_SOFTWARE;
}

int svart_pmd_dsa_reset(struct svart_dsa_device *d)
{
	uint32_t status = svart_pmd_dsa_read32(d, SVART_DSA_GENSTS_OFF);
	uint64_t swerr;
	int rc;

	if (is_beyond_reset(status))
		return svart_fail(-EIO, "%s: register GENSTS has 0x%x: %s", d->dev->name, status,
			svart_pmd_dsa_halt_text(status));
	rc = svart_pmd_dsa_command(d, SVART_DSA_CMD_RESET_DEV, 0);
	if (rc)
		return rc;
	d->enabled = false;
	rc = state_expect(d, SVART_DSA_STATE_DISABLED, SVART_DSA_CMD_RESET_DEV);
	if (rc)
		return rc;
	swerr = svart_pmd_dsa_read64(d, SVART_DSA_SWERR_OFF);
	svart_pmd_dsa_write64(d, SVART_DSA_SWERR_OFF,
		swerr & (SVART_DSA_SWERR0_VALID | SVART_DSA_SWERR0_OVERFLOW));
	return 0;
}

/* --- capabilities ----------------------------------------------------------------------------- */

/** Tells what is wrong with a register. */
static int reg_fail(
	const struct svart_dsa_device *d, int rc, const char *reg, uint64_t value, const char *why)
{
	return svart_fail(rc,
		"%s: register %s has 0x%" PRIx64 ": %s; svart cannot use this device as it is",
		d->dev->name, reg, value, why);
}

/** Reads a capability register; none of them has all bits set. */
static int reg_read(
	const struct svart_dsa_device *d, const char *reg, uint32_t off, uint64_t *value)
{
	*value = svart_pmd_dsa_read64(d, off);
	if (*value == SVART_DSA_ALL_ONES64)
		return reg_fail(d, -EIO, reg, *value, "the device is gone from the bus");
	return 0;
}

static int version_read(const struct svart_dsa_device *d)
{
	uint32_t version = svart_pmd_dsa_read32(d, SVART_DSA_VER_OFF);
	uint64_t major = SVART_FIELD_GET(SVART_DSA_VER_MAJOR, version);

	if (version == SVART_DSA_ALL_ONES32)
		return reg_fail(d, -EIO, "VER", version, "the device is gone from the bus");
	if (version >> 16 || major < MIN_VERSION || major > MAX_VERSION)
		return reg_fail(d, -EIO, "VER", version, "not a DSA of version 1 to 3");
	return 0;
}

static int gencap_read(struct svart_dsa_device *d)
{
	struct svart_dsa_caps *caps = &d->caps;
	uint32_t commands;
	uint64_t cap;
	int rc;

	rc = reg_read(d, "GENCAP", SVART_DSA_GENCAP_OFF, &cap);
	if (rc)
		return rc;
	if (!(cap & SVART_DSA_GENCAP_CONFIG_SUPPORT))
		return reg_fail(d, -ENOTSUP, "GENCAP", cap, "its configuration is fixed");
	caps->max_xfer_shift = (uint8_t)SVART_FIELD_GET(SVART_DSA_GENCAP_MAX_XFER_SHIFT, cap);
	caps->max_batch_shift = (uint8_t)SVART_FIELD_GET(SVART_DSA_GENCAP_MAX_BATCH_SHIFT, cap);
	caps->block_on_fault = cap & SVART_DSA_GENCAP_BLOCK_ON_FAULT;
	caps->overlap_copy = cap & SVART_DSA_GENCAP_OVERLAP_COPY;
	caps->cache_control = cap & SVART_DSA_GENCAP_CC_MEM;
	if (caps->max_xfer_shift < MIN_XFER_SHIFT)
		return reg_fail(d, -EIO, "GENCAP", cap, "its largest transfer is below a page");
	if (!(cap & SVART_DSA_GENCAP_CMD_CAP))
		return 0;
	commands = svart_pmd_dsa_read32(d, SVART_DSA_CMDCAP_OFF);
	if (commands == SVART_DSA_ALL_ONES32)
		return reg_fail(d, -EIO, "CMDCAP", commands, "the device is gone from the bus");
	if ((commands & NEEDED_COMMANDS) != NEEDED_COMMANDS)
		return reg_fail(
			d, -EIO, "CMDCAP", commands, "a command that svart needs is missing");
	caps->commands = commands;
	return 0;
}

static int wqcap_read(struct svart_dsa_device *d)
{
	struct svart_dsa_caps *caps = &d->caps;
	uint64_t cap, size;
	int rc;

	rc = reg_read(d, "WQCAP", SVART_DSA_WQCAP_OFF, &cap);
	if (rc)
		return rc;
	caps->nr_wqs = (uint32_t)SVART_FIELD_GET(SVART_DSA_WQCAP_NR_WQS, cap);
	caps->total_size = (uint32_t)SVART_FIELD_GET(SVART_DSA_WQCAP_TOTAL_SIZE, cap);
	size = SVART_FIELD_GET(SVART_DSA_WQCAP_WQCFG_SIZE, cap);
	caps->wqcfg_bytes = SVART_DSA_WQCFG_MIN_BYTES << size;
	caps->op_config = cap & SVART_DSA_WQCAP_OP_CONFIG;
	caps->prs_disable = cap & SVART_DSA_WQCAP_PRS_DISABLE;
	caps->priority = cap & SVART_DSA_WQCAP_PRIORITY;
	if (caps->nr_wqs == 0)
		return reg_fail(d, -EIO, "WQCAP", cap, "it has no work queue");
	if (caps->total_size == 0)
		return reg_fail(d, -EIO, "WQCAP", cap, "its work queues have no entries");
	if (!(cap & SVART_DSA_WQCAP_DEDICATED))
		return reg_fail(d, -ENOTSUP, "WQCAP", cap, "it has no dedicated work queues");
	if (caps->op_config && size == 0)
		return reg_fail(d, -EIO, "WQCAP", cap,
			"its WQCFG of 32 bytes has no room for an operation bitmap");
	return 0;
}

static int grpcap_read(struct svart_dsa_device *d)
{
	struct svart_dsa_caps *caps = &d->caps;
	uint64_t groups, engines;
	int rc;

	rc = reg_read(d, "GRPCAP", SVART_DSA_GRPCAP_OFF, &groups);
	if (rc)
		return rc;
	rc = reg_read(d, "ENGCAP", SVART_DSA_ENGCAP_OFF, &engines);
	if (rc)
		return rc;
	caps->nr_groups = (uint32_t)SVART_FIELD_GET(SVART_DSA_GRPCAP_NR_GROUPS, groups);
	caps->nr_engines = (uint32_t)SVART_FIELD_GET(SVART_DSA_ENGCAP_NR_ENGINES, engines);
	caps->nr_rdbufs = groups & SVART_DSA_GRPCAP_RDBUF_CTRL
				  ? (uint32_t)SVART_FIELD_GET(SVART_DSA_GRPCAP_RDBUFS, groups)
				  : 0;
	if (caps->nr_groups == 0)
		return reg_fail(d, -EIO, "GRPCAP", groups, "it has no group");
	if (caps->nr_engines == 0)
		return reg_fail(d, -EIO, "ENGCAP", engines, "it has no engine");
	if (caps->nr_engines > MAX_ENGINES)
		return reg_fail(d, -EIO, "ENGCAP", engines, "a group has room for 64 engines");
	return 0;
}

static int opcap_read(struct svart_dsa_device *d)
{
	unsigned int i;
	int rc;

	for (i = 0; i < SVART_DSA_OPCAP_WORDS; i++) {
		rc = reg_read(d, "OPCAP", SVART_DSA_OPCAP_OFF + i * 8, &d->caps.opcap[i]);
		if (rc)
			return rc;
	}
	if (!(d->caps.opcap[0] & (UINT64_C(1) << SVART_DSA_OP_MEMMOVE)))
		return reg_fail(d, -EIO, "OPCAP", d->caps.opcap[0], "it cannot even copy");
	d->caps.batches =
		d->caps.max_batch_shift != 0 && (d->caps.opcap[0] >> SVART_DSA_OP_BATCH & 1) != 0;
	return 0;
}

/** Tells whether a table lies in BAR 0, after the registers. */
static bool table_fits(const struct svart_dsa_device *d, uint32_t off, uint32_t nr, uint32_t stride)
{
	uint64_t end = (uint64_t)off + (uint64_t)nr * stride;

	return off >= REGS_END && end <= d->dev->bars[SVART_DSA_BAR_REGS].bytes;
}

static int offsets_read(struct svart_dsa_device *d)
{
	struct svart_dsa_caps *caps = &d->caps;
	uint64_t offsets;
	int rc;

	rc = reg_read(d, "OFFSETS", SVART_DSA_OFFSETS_OFF, &offsets);
	if (rc)
		return rc;
	caps->grpcfg_off = (uint32_t)SVART_FIELD_GET(SVART_DSA_OFFSETS_GRPCFG, offsets) *
			   SVART_DSA_OFFSETS_UNIT;
	caps->wqcfg_off = (uint32_t)SVART_FIELD_GET(SVART_DSA_OFFSETS_WQCFG, offsets) *
			  SVART_DSA_OFFSETS_UNIT;
	caps->msix_perm_off = (uint32_t)SVART_FIELD_GET(SVART_DSA_OFFSETS_MSIX_PERM, offsets) *
			      SVART_DSA_OFFSETS_UNIT;
	/* Only interrupts need it. */
	caps->msix_perms = SVART_DSA_NR_VECTORS;
	if (!table_fits(d, caps->msix_perm_off, caps->msix_perms, SVART_DSA_MSIX_PERM_BYTES))
		caps->msix_perms = 0;
	if (!table_fits(d, caps->grpcfg_off, caps->nr_groups, SVART_DSA_GRPCFG_BYTES))
		return reg_fail(d, -EIO, "OFFSETS", offsets, "the group table is outside of BAR 0");
	if (!table_fits(d, caps->wqcfg_off, caps->nr_wqs, caps->wqcfg_bytes))
		return reg_fail(
			d, -EIO, "OFFSETS", offsets, "the work queue table is outside of BAR 0");
	return 0;
}

int svart_pmd_dsa_bars_check(const struct svart_dsa_device *d)
{
	const struct svart_pmd_device *dev = d->dev;

	if (dev->bars[SVART_DSA_BAR_REGS].addr == NULL ||
		dev->bars[SVART_DSA_BAR_REGS].bytes < REGS_END)
		return svart_fail(-EIO,
			"%s: BAR 0 has %zu bytes, too few for the registers of a DSA", dev->name,
			dev->bars[SVART_DSA_BAR_REGS].bytes);
	return 0;
}

static int portals_check(const struct svart_dsa_device *d)
{
	const struct svart_pmd_device *dev = d->dev;
	uint64_t need = (uint64_t)d->caps.nr_wqs * SVART_DSA_WQ_PORTAL_BYTES;

	if (dev->bars[SVART_DSA_BAR_PORTALS].addr == NULL ||
		dev->bars[SVART_DSA_BAR_PORTALS].bytes < need)
		return svart_fail(-EIO,
			"%s: BAR 2 has %zu bytes, too few for the portals of the %u work queues in "
			"register WQCAP",
			dev->name, dev->bars[SVART_DSA_BAR_PORTALS].bytes, d->caps.nr_wqs);
	return 0;
}

int svart_pmd_dsa_caps_read(struct svart_dsa_device *d)
{
	int (*const steps[])(struct svart_dsa_device *) = { gencap_read, wqcap_read, grpcap_read,
		opcap_read, offsets_read };
	unsigned int i;
	int rc;

	rc = version_read(d);
	for (i = 0; rc == 0 && i < SVART_ARRAY_SIZE(steps); i++)
		rc = steps[i](d);
	return rc ? rc : portals_check(d);
}

/* --- configuration ---------------------------------------------------------------------------- */

/** Engines of a group: group_engines of them, one group's after the other's. */
static uint64_t group_engines(const struct svart_dsa_device *d, uint32_t group)
{
	uint32_t nr = d->group_engines;
	uint64_t mask = nr < 64 ? (UINT64_C(1) << nr) - 1 : UINT64_MAX;

	return mask << group * nr;
}

/** Writes a group: every nr_groups-th queue, and its engines; or nothing. */
static void group_write(const struct svart_dsa_device *d, uint32_t group)
{
	uint32_t nr = d->nr_groups;
	uint32_t off = d->caps.grpcfg_off + group * SVART_DSA_GRPCFG_BYTES;
	uint32_t rdbufs = d->caps.nr_rdbufs < MAX_RDBUFS ? d->caps.nr_rdbufs : MAX_RDBUFS;
	uint64_t wqs[SVART_DSA_GRPCFG_WQS_WORDS] = { 0 };
	uint32_t wq, i;

	for (wq = group; group < nr && wq < d->nr_queues; wq += nr)
		wqs[wq / 64] |= UINT64_C(1) << (wq % 64);
	for (i = 0; i < SVART_DSA_GRPCFG_WQS_WORDS; i++)
		svart_pmd_dsa_write64(d, off + SVART_DSA_GRPCFG_WQS_OFF + i * 8, wqs[i]);
	svart_pmd_dsa_write64(
		d, off + SVART_DSA_GRPCFG_ENGINES_OFF, group < nr ? group_engines(d, group) : 0);
	svart_pmd_dsa_write64(d, off + SVART_DSA_GRPCFG_FLAGS_OFF,
		group < nr ? SVART_FIELD_PREP(SVART_DSA_GRPCFG_TC_A, d->traffic_class) |
				     SVART_FIELD_PREP(SVART_DSA_GRPCFG_TC_B, d->traffic_class) |
				     SVART_FIELD_PREP(SVART_DSA_GRPCFG_RDBUFS_ALLOWED, rdbufs)
			   : 0);
}

void svart_pmd_dsa_groups_configure(struct svart_dsa_device *d)
{
	uint32_t i;

	if (d->nr_groups * d->group_engines < d->nr_queues)
		svart_log(SVART_LOG_WARN,
			"%s: %u queues share %u engines: one that waits for a page holds "
			"up those that share its engine",
			d->dev->name, d->nr_queues, d->nr_groups * d->group_engines);
	for (i = 0; i < d->caps.nr_groups; i++)
		group_write(d, i);
	/* Descriptors of a PASID may ask for interrupts. */
	if (d->caps.msix_perms != 0)
		svart_pmd_dsa_write32(
			d, SVART_DSA_GENCFG_OFF, (uint32_t)SVART_DSA_GENCFG_USER_INT_EN);
	/*
	 * Only the sizes are written now, because ENABLE_DEV checks their sum. The rest of a WQCFG is
	 * written with its queue.
	 */
	for (i = 0; i < d->nr_queues; i++)
		svart_pmd_dsa_write32(d, d->caps.wqcfg_off + i * d->caps.wqcfg_bytes,
			(uint32_t)SVART_FIELD_PREP(SVART_DSA_WQCFG0_SIZE, d->wq_size));
}

int svart_pmd_dsa_enable(struct svart_dsa_device *d)
{
	int rc;

	rc = svart_pmd_dsa_command(d, SVART_DSA_CMD_ENABLE_DEV, 0);
	if (rc)
		return rc;
	d->enabled = true;
	return state_expect(d, SVART_DSA_STATE_ENABLED, SVART_DSA_CMD_ENABLE_DEV);
}

void svart_pmd_dsa_shutdown(struct svart_dsa_device *d)
{
	uint32_t status = svart_pmd_dsa_read32(d, SVART_DSA_GENSTS_OFF);

	/* Where nobody answers there is nothing to ask for, and each wait would be in vain. */
	if (!svart_pmd_dsa_answers(d))
		d->hung = true;
	else if (d->enabled && !svart_pmd_dsa_is_halted(status) &&
		 svart_pmd_dsa_command(d, SVART_DSA_CMD_DISABLE_DEV, 0) != 0)
		svart_log(SVART_LOG_WARN, "%s", svart_fail_text());
	/* The kernel resets the function, when it is closed. */
	if (!d->hung && !is_beyond_reset(status) && svart_pmd_dsa_reset(d) != 0)
		svart_log(SVART_LOG_WARN, "%s", svart_fail_text());
	d->enabled = false;
	if (svart_pmd_dsa_bus_enable(d, false) != 0)
		svart_log(SVART_LOG_ERR, "%s", svart_fail_text());
}
