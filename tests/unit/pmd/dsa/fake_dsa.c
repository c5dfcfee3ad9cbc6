/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include "fake_dsa.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "error.h"

extern const struct svart_pmd_ops svart_pmd_dsa;

#define PAUSE_NS UINT64_C(1000000)

static struct fake_dsa *fake_of(struct svart_machine *m)
{
	return (struct fake_dsa *)m;
}

/** Adds a word to the trace, unless it is the last one already. */
static void trace(struct fake_dsa *f, const char *word)
{
	size_t used = strlen(f->trace), len = strlen(word);

	if (used > len && strncmp(f->trace + used - len - 1, word, len) == 0)
		return;
	assert_true(used + len + 2 < sizeof(f->trace));
	snprintf(f->trace + used, sizeof(f->trace) - used, "%s ", word);
}

/* --- registers -------------------------------------------------------------------------------- */

uint32_t fake_get32(const struct fake_dsa *f, uint32_t off)
{
	uint32_t value;

	memcpy(&value, f->bar0 + off, sizeof(value));
	return value;
}

uint64_t fake_get64(const struct fake_dsa *f, uint32_t off)
{
	uint64_t value;

	memcpy(&value, f->bar0 + off, sizeof(value));
	return value;
}

void fake_set32(struct fake_dsa *f, uint32_t off, uint32_t value)
{
	memcpy(f->bar0 + off, &value, sizeof(value));
}

void fake_set64(struct fake_dsa *f, uint32_t off, uint64_t value)
{
	memcpy(f->bar0 + off, &value, sizeof(value));
}

static uint32_t wqcfg_off(uint32_t wq, unsigned int dword)
{
	return FAKE_WQCFG_OFF + wq * FAKE_WQCFG_BYTES + dword * 4;
}

uint32_t fake_wqcfg(const struct fake_dsa *f, uint32_t wq, unsigned int dword)
{
	return fake_get32(f, wqcfg_off(wq, dword));
}

static void wq_state_set(struct fake_dsa *f, uint32_t wq, enum svart_dsa_wq_state state)
{
	fake_set32(f, wqcfg_off(wq, 6), (uint32_t)SVART_FIELD_PREP(SVART_DSA_WQCFG6_STATE, state));
	f->in_wq[wq] = 0;
}

/** WQs of a command with a bitmap: the fake has 8, all in the first set. */
static void wqs_reset(struct fake_dsa *f, uint32_t operand)
{
	uint32_t wq;

	assert_int_equal(SVART_FIELD_GET(SVART_DSA_CMD_WQS_SET, operand), 0);
	for (wq = 0; wq < FAKE_WQS; wq++)
		if (operand & UINT32_C(1) << wq) {
			memset(f->bar0 + wqcfg_off(wq, 0), 0, FAKE_WQCFG_BYTES);
			wq_state_set(f, wq, SVART_DSA_WQ_DISABLED);
		}
}

static void command_effect(struct fake_dsa *f, uint32_t cmd, uint32_t operand)
{
	uint32_t i;

	switch (cmd) {
	case SVART_DSA_CMD_ENABLE_DEV:
		fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_ENABLED);
		break;
	case SVART_DSA_CMD_DISABLE_DEV:
		fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_DISABLED);
		break;
	case SVART_DSA_CMD_RESET_DEV:
		fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_DISABLED);
		memset(f->bar0 + FAKE_GRPCFG_OFF, 0, 4 * SVART_DSA_GRPCFG_BYTES);
		for (i = 0; i < FAKE_WQS; i++)
			wqs_reset(f, UINT32_C(1) << i);
		break;
	case SVART_DSA_CMD_ENABLE_WQ:
		wq_state_set(f, operand, SVART_DSA_WQ_ENABLED);
		break;
	case SVART_DSA_CMD_RESET_WQ:
		wqs_reset(f, operand);
		break;
	default:
		break;
	}
}

static const char *const cmd_names[16] = { "?", "ENABLE_DEV", "DISABLE_DEV", "?", "?", "RESET_DEV",
	"ENABLE_WQ", "?", "DRAIN_WQ", "ABORT_WQ", "RESET_WQ", "?", "?", "?", "?", "?" };

static void command_end(struct fake_dsa *f)
{
	uint32_t cmd = (uint32_t)SVART_FIELD_GET(SVART_DSA_CMD_CODE, f->cmd_active);
	uint32_t operand = (uint32_t)SVART_FIELD_GET(SVART_DSA_CMD_OPERAND, f->cmd_active);

	if (f->cmd_error[cmd] == 0 && !f->cmd_no_effect[cmd])
		command_effect(f, cmd, operand);
	f->cmd_active = 0;
	fake_set32(f, SVART_DSA_CMDSTS_OFF, f->cmd_error[cmd]);
}

static void command_begin(struct fake_dsa *f, uint32_t value)
{
	uint32_t cmd = (uint32_t)SVART_FIELD_GET(SVART_DSA_CMD_CODE, value);

	assert_in_range(cmd, 1, 14);
	/* A device drops a command that comes while another is active. */
	assert_int_equal(f->cmd_active, 0);
	trace(f, cmd_names[cmd]);
	f->cmd_active = value;
	f->cmd_left = f->cmd_pauses;
	fake_set32(f, SVART_DSA_CMDSTS_OFF, (uint32_t)SVART_DSA_CMDSTS_ACTIVE);
	if (f->cmd_left == 0 && !f->cmd_hangs[cmd])
		command_end(f);
	else if (f->cmd_hangs[cmd] && cmd == SVART_DSA_CMD_ENABLE_WQ)
		wq_state_set(f, value & 0xff, f->wq_state_while_hung);
}

/** Offset of a register; the test ends if it is not one. */
static uint32_t reg_off(const struct fake_dsa *f, const volatile void *addr, size_t bytes)
{
	uintptr_t off = (uintptr_t)addr - (uintptr_t)f->bar0;

	assert_true(off + bytes <= f->dev.bars[0].bytes);
	assert_int_equal(off % bytes, 0);
	return (uint32_t)off;
}

/** A register is read. */
static void reg_read(struct fake_dsa *f)
{
	f->reg_reads++;
	if (f->reg_reads == f->gone_at)
		f->gone = true;
}

static uint32_t fake_read32(struct svart_machine *m, const volatile void *addr)
{
	struct fake_dsa *f = fake_of(m);
	uint32_t off = reg_off(f, addr, 4);

	reg_read(f);
	if (off == SVART_DSA_GENSTS_OFF && f->late_swerr != 0) {
		fake_swerr(f, f->late_swerr, 0);
		f->late_swerr = 0;
	}
	return f->gone ? UINT32_MAX : fake_get32(f, off);
}

static uint64_t fake_read64(struct svart_machine *m, const volatile void *addr)
{
	struct fake_dsa *f = fake_of(m);
	uint32_t off = reg_off(f, addr, 8);

	reg_read(f);
	return f->gone ? UINT64_MAX : fake_get64(f, off);
}

static void fake_write32(struct svart_machine *m, volatile void *addr, uint32_t value)
{
	struct fake_dsa *f = fake_of(m);
	uint32_t off = reg_off(f, addr, 4);

	if (f->gone)
		return;
	if (off == SVART_DSA_CMD_OFF) {
		command_begin(f, value);
		return;
	}
	if (off == SVART_DSA_GENCFG_OFF ||
		off - FAKE_MSIX_PERM_OFF < 9 * SVART_DSA_MSIX_PERM_BYTES) {
		fake_set32(f, off, value);
		return;
	}
	assert_in_range(off, FAKE_WQCFG_OFF, FAKE_WQCFG_OFF + FAKE_WQS * FAKE_WQCFG_BYTES - 1);
	trace(f, "wqcfg");
	if ((int)((off - FAKE_WQCFG_OFF) % FAKE_WQCFG_BYTES / 4) != f->wqcfg_stuck)
		fake_set32(f, off, value);
}

static void fake_write64(struct svart_machine *m, volatile void *addr, uint64_t value)
{
	struct fake_dsa *f = fake_of(m);
	uint32_t off = reg_off(f, addr, 8);

	if (f->gone)
		return;
	if (off == SVART_DSA_SWERR_OFF) {
		f->swerr_acks += value != 0;
		fake_set64(f, off, fake_get64(f, off) & ~(value & 3));
		return;
	}
	assert_in_range(off, FAKE_GRPCFG_OFF, FAKE_GRPCFG_OFF + 4 * SVART_DSA_GRPCFG_BYTES - 1);
	trace(f, "grpcfg");
	fake_set64(f, off, value);
}

/* --- portal, time ----------------------------------------------------------------------------- */

static void fake_post(struct fake_dsa *f, void *portal, const void *desc)
{
	uint32_t off = (uint32_t)((uint8_t *)portal - f->bar2);
	uint32_t wq = off / SVART_DSA_WQ_PORTAL_BYTES;
	struct svart_dsa_desc *kept = &f->portal_log[f->nr_posted % FAKE_PORTAL_LOG];

	assert_int_equal((uintptr_t)desc % 64, 0);
	assert_int_equal(off % 64, 0);
	assert_true(wq < FAKE_WQS);
	memcpy(kept, desc, sizeof(*kept));
	f->portal_offs[f->nr_posted++ % FAKE_PORTAL_LOG] = off;
	f->in_wq[wq]++;
	assert_true(f->in_wq[wq] <= fake_wqcfg(f, wq, 0));
	/* The device may write the record from now on, so its status must have been cleared. */
	assert_int_equal(
		((const volatile struct svart_dsa_record *)kept->completion_addr)->status, 0);
	if (f->on_post != NULL)
		f->on_post(f, kept);
}

static void fake_movdir64b(void *ctx, void *portal, const void *descs, uint32_t nr)
{
	const uint8_t *desc = descs;

	for (; nr > 0; nr--, desc += SVART_PORTAL_BYTES, portal = svart_portal_next(portal))
		fake_post(ctx, portal, desc);
}

static int fake_portal(
	struct svart_machine *m, void *addr, unsigned int flags, struct svart_portal *out)
{
	struct fake_dsa *f = fake_of(m);

	(void)addr;
	trace(f, flags & SVART_PORTAL_SPLIT ? "portal-split" : "portal");
	if (f->fail_portal)
		return svart_fail(f->fail_portal, "the fake has no portal");
	*out = (struct svart_portal){ .movdir64b = fake_movdir64b, .ctx = f };
	return 0;
}

static uint64_t fake_now_ns(struct svart_machine *m)
{
	return fake_of(m)->now_ns;
}

static void fake_pause(struct svart_machine *m, uint64_t deadline_ns)
{
	struct fake_dsa *f = fake_of(m);
	uint32_t cmd = (uint32_t)SVART_FIELD_GET(SVART_DSA_CMD_CODE, f->cmd_active);

	assert_true(deadline_ns != UINT64_MAX);
	f->pauses++;
	f->now_ns += PAUSE_NS;
	if (f->on_pause != NULL)
		f->on_pause(f);
	if (f->cmd_active != 0 && !f->cmd_hangs[cmd] && (f->cmd_left == 0 || --f->cmd_left == 0))
		command_end(f);
}

static const struct svart_machine_ops fake_machine_ops = {
	.name = "fake",
	.mmio_read32 = fake_read32,
	.mmio_read64 = fake_read64,
	.mmio_write32 = fake_write32,
	.mmio_write64 = fake_write64,
	.portal = fake_portal,
	.now_ns = fake_now_ns,
	.pause = fake_pause,
};

/* --- host ------------------------------------------------------------------------------------- */

static struct fake_dsa *fake_of_dev(const struct svart_pmd_device *dev)
{
	return fake_of(dev->machine);
}

static int host_mem_alloc(struct svart_pmd_queue *q, size_t bytes, struct svart_pmd_mem *mem)
{
	struct fake_dsa *f = fake_of_dev(q->dev);

	trace(f, "mem");
	if (f->fail_mem)
		return svart_fail(f->fail_mem, "the fake has no memory");
	mem->bytes = svart_page_up(bytes);
	mem->addr =
		mmap(NULL, mem->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(mem->addr != MAP_FAILED);
	f->mems++;
	return 0;
}

static void host_mem_free(struct svart_pmd_queue *q, struct svart_pmd_mem *mem)
{
	struct fake_dsa *f = fake_of_dev(q->dev);

	trace(f, "free");
	if (mem->addr == NULL)
		return;
	assert_int_equal(munmap(mem->addr, mem->bytes), 0);
	mem->addr = NULL;
	f->mems--;
}

static bool host_was_refused(const struct svart_pmd_queue *q, uint64_t addr)
{
	const struct fake_dsa *f = fake_of_dev(q->dev);

	return f->refused != 0 && svart_page_down(addr) == f->refused;
}

static int host_config_read(struct svart_pmd_device *dev, unsigned int off, void *buf, size_t len)
{
	struct fake_dsa *f = fake_of_dev(dev);

	assert_int_equal(off, 4);
	assert_int_equal(len, 2);
	if (f->fail_config)
		return svart_fail(f->fail_config, "the fake has no configuration space");
	memcpy(buf, &f->pci_command, len);
	return 0;
}

static int host_config_write(
	struct svart_pmd_device *dev, unsigned int off, const void *buf, size_t len)
{
	struct fake_dsa *f = fake_of_dev(dev);
	char word[16];

	assert_int_equal(off, 4);
	assert_int_equal(len, 2);
	memcpy(&f->pci_command, buf, len);
	snprintf(word, sizeof(word), "pci=%04x", f->pci_command);
	trace(f, word);
	return 0;
}

static int host_irq_set(struct svart_pmd_device *dev, unsigned int vector, int fd)
{
	struct fake_dsa *f = fake_of_dev(dev);
	char word[32];

	snprintf(word, sizeof(word), "irq%u=%d", vector, fd);
	trace(f, word);
	return f->fail_irq;
}

static int host_option_u64(const struct svart_pmd_device *dev, const char *key, uint64_t min,
	uint64_t max, uint64_t *value)
{
	static const char *const keys[FAKE_NR_OPTIONS] = { [FAKE_QUEUES] = "queues",
		[FAKE_MAX_XFER_SHIFT] = "max_xfer_shift",
		[FAKE_ENGINES] = "queue_engines",
		[FAKE_GROUPS] = "queue_groups",
		[FAKE_TRAFFIC_CLASS] = "traffic_class" };
	struct fake_dsa *f = fake_of_dev(dev);
	unsigned int i = 0;
	uint64_t given;

	while (i < FAKE_NR_OPTIONS && strcmp(key, keys[i]) != 0)
		i++;
	assert_true(i < FAKE_NR_OPTIONS);
	given = f->options[i];
	assert_true(min <= max);
	if (given == 0)
		return 0;
	if (given < min || given > max)
		return svart_fail(-EINVAL, "%s out of range", key);
	*value = given;
	return 0;
}

static const struct svart_pmd_host fake_host = {
	.mem_alloc = host_mem_alloc,
	.mem_free = host_mem_free,
	.was_refused = host_was_refused,
	.config_read = host_config_read,
	.config_write = host_config_write,
	.irq_set = host_irq_set,
	.option_u64 = host_option_u64,
};

/* --- life ------------------------------------------------------------------------------------- */

static void registers_init(struct fake_dsa *f)
{
	fake_set32(f, SVART_DSA_VER_OFF, SVART_DSA_VER_1_0);
	fake_set64(f, SVART_DSA_GENCAP_OFF, FAKE_GENCAP);
	fake_set64(f, SVART_DSA_WQCAP_OFF, FAKE_WQCAP);
	fake_set64(f, SVART_DSA_GRPCAP_OFF, FAKE_GRPCAP);
	fake_set64(f, SVART_DSA_ENGCAP_OFF, FAKE_ENGCAP);
	fake_set64(f, SVART_DSA_OPCAP_OFF, FAKE_OPCAP);
	fake_set64(f, SVART_DSA_OFFSETS_OFF,
		SVART_FIELD_PREP(
			SVART_DSA_OFFSETS_GRPCFG, FAKE_GRPCFG_OFF / SVART_DSA_OFFSETS_UNIT) |
			SVART_FIELD_PREP(
				SVART_DSA_OFFSETS_WQCFG, FAKE_WQCFG_OFF / SVART_DSA_OFFSETS_UNIT) |
			SVART_FIELD_PREP(SVART_DSA_OFFSETS_MSIX_PERM,
				FAKE_MSIX_PERM_OFF / SVART_DSA_OFFSETS_UNIT));
}

struct fake_dsa *fake_create(void)
{
	struct fake_dsa *f = aligned_alloc(64, (sizeof(*f) + 63) & ~(size_t)63);

	assert_non_null(f);
	memset(f, 0, sizeof(*f));
	f->m.ops = &fake_machine_ops;
	f->now_ns = 1;
	f->wqcfg_stuck = -1;
	f->bar2 = mmap(NULL, FAKE_BAR2_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(f->bar2 != MAP_FAILED);
	f->dev.machine = &f->m;
	f->dev.host = &fake_host;
	f->dev.id = svart_pmd_dsa.ids;
	f->dev.name = "fake:dsa0";
	f->dev.bars[0].addr = f->bar0;
	f->dev.bars[0].bytes = FAKE_BAR0_BYTES;
	f->dev.bars[2].addr = f->bar2;
	f->dev.bars[2].bytes = FAKE_BAR2_BYTES;
	f->dev.page_requests = true;
	registers_init(f);
	return f;
}

void fake_destroy(struct fake_dsa *f)
{
	assert_int_equal(f->mems, 0);
	assert_null(f->dev.priv);
	munmap(f->bar2, FAKE_BAR2_BYTES);
	free(f);
}

int fake_open(struct fake_dsa *f)
{
	return svart_pmd_dsa.open(&f->dev);
}

void fake_close(struct fake_dsa *f)
{
	svart_pmd_dsa.close(&f->dev);
}

int fake_start(struct fake_dsa *f, uint32_t index, uint32_t depth)
{
	struct svart_pmd_queue *q = &f->queues[index];

	memset(q, 0, sizeof(*q));
	q->dev = &f->dev;
	q->index = index;
	q->depth = depth;
	q->pasid = SVART_PASID_NONE;
	q->event_fd = f->event_fd - 1;
	q->flags = f->queue_flags;
	q->priority = f->queue_priority;
	return svart_pmd_dsa.queue_start(q);
}

void fake_stop(struct fake_dsa *f, uint32_t index)
{
	svart_pmd_dsa.queue_stop(&f->queues[index]);
}

struct svart_queue *fake_start_first(struct fake_dsa *f, uint32_t depth)
{
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(fake_start(f, 0, depth), 0);
	return &f->queues[0].fast;
}

/* --- what the device does --------------------------------------------------------------------- */

const struct svart_dsa_desc *fake_desc(const struct fake_dsa *f, uint32_t n)
{
	assert_true(n < f->nr_posted && n + FAKE_PORTAL_LOG >= f->nr_posted);
	return &f->portal_log[n % FAKE_PORTAL_LOG];
}

void fake_complete_fault(struct fake_dsa *f, uint32_t n, uint8_t status, uint8_t result,
	uint32_t bytes, uint64_t addr)
{
	struct svart_dsa_record *record =
		(struct svart_dsa_record *)(uintptr_t)fake_desc(f, n)->completion_addr;
	uint32_t wq = f->portal_offs[n % FAKE_PORTAL_LOG] / SVART_DSA_WQ_PORTAL_BYTES;

	f->in_wq[wq]--;
	record->result = result;
	record->bytes_completed = bytes;
	record->fault_addr = addr;
	__atomic_store_n(&record->status, status, __ATOMIC_RELEASE);
}

void fake_complete(struct fake_dsa *f, uint32_t n, uint8_t status)
{
	fake_complete_fault(f, n, status, 0, 0, 0);
}

void fake_swerr(struct fake_dsa *f, uint64_t word0, uint64_t addr)
{
	fake_set64(f, SVART_DSA_SWERR_OFF, word0);
	fake_set64(f, SVART_DSA_SWERR_OFF + 16, addr);
}

uint16_t fake_poll(
	struct svart_queue *q, struct svart_completion *done, uint16_t nr, unsigned int max)
{
	uint16_t got = 0;

	while (got == 0 && max-- > 0)
		got = q->poll(q, done, nr);
	return got;
}
