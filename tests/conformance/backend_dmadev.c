/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Any DPDK dmadev as a backend. Every call is checked against what rte_dmadev.h promises of ids and
 * counts; the first breach is in backend.wrong.
 */

#include "backend_kinds.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_dev.h>
#include <rte_dmadev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memory.h>

#define NR_IDS       65536u
#define DEFAULT_RING 512u
#define MAX_EAL_ARGS 32
#define MAX_BURST    64u
#define MAX_PIECES   16u

/** One vchan. Ids are those of rte_dma_copy(); each has a place for what completes with it. */
struct channel {
	uint16_t next;   /**< Id that the next operation must get. */
	uint16_t oldest; /**< Id of the one that must complete next. */
	uint32_t in_flight;
	struct {
		uint64_t cookie, length;
	} ops[NR_IDS];
};

/** An open dmadev. Owner: its backend. */
struct dmadev {
	struct channel channels[BACKEND_MAX_CHANNELS];
};

/** The device of this program. */
static struct {
	int16_t id;
	struct rte_device *dev;
	struct rte_dma_info info;
	bool is_svart;
	bool is_started;            /**< Also after a test that failed half-way. */
	struct sigaction segv, bus; /**< What drivers do with these signals. */
} device;

/* --- EAL --------------------------------------------------------------------------------------- */

/** One of the CPUs that this process may use. */
static int first_cpu(const cpu_set_t *cpus)
{
	int cpu = 0;

	while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, cpus))
		cpu++;
	return cpu;
}

/** PCI devices are named by their address, which has a colon; the others are made here. */
static void eal_start(const char *vdev, int argc, char **argv)
{
	char cpu[16], device_arg[256], *args[MAX_EAL_ARGS + 1] = { NULL };
	bool is_pci = strcspn(vdev, ":") < strcspn(vdev, ",");
	char *fixed[] = { (char *)"conformance", (char *)"--no-huge", (char *)"-m", (char *)"64",
		(char *)"--iova-mode=va", (char *)"--no-telemetry", (char *)"--no-shconf",
		(char *)"--log-level=warning", (char *)"-l", cpu, device_arg,
		is_pci ? NULL : (char *)"--no-pci" };
	cpu_set_t cpus;
	int i, n = 0;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	snprintf(cpu, sizeof(cpu), "%d", first_cpu(&cpus));
	snprintf(device_arg, sizeof(device_arg), "--%s=%s", is_pci ? "allow" : "vdev", vdev);
	for (i = 0; i < (int)(sizeof(fixed) / sizeof(fixed[0])); i++)
		if (fixed[i] != NULL)
			args[n++] = fixed[i];
	for (i = 0; i < argc && n < MAX_EAL_ARGS; i++)
		args[n++] = argv[i];
	if (rte_eal_init(n, args) < 0) {
		fprintf(stderr, "rte_eal_init: %s\n", rte_strerror(rte_errno));
		exit(EXIT_FAILURE);
	}
	sigaction(SIGSEGV, NULL, &device.segv);
	sigaction(SIGBUS, NULL, &device.bus);
	sched_setaffinity(0, sizeof(cpus), &cpus); /* Threads of tests are not lcores. */
}

static void eal_end(void)
{
	if (device.is_started)
		rte_dma_stop(device.id);
	rte_dma_close(device.id);
	rte_eal_cleanup();
}

static void skip_program(const char *vdev, const char *reason)
{
	printf("skipped: %s: %s\n", vdev, reason);
	exit(SKIPPED);
}

static struct rte_device *device_of(const char *name)
{
	struct rte_dev_iterator iterator;
	struct rte_device *dev, *found = NULL;
	char filter[96];

	snprintf(filter, sizeof(filter), "bus=%s,name=%s",
		strchr(name, ':') != NULL ? "pci" : "vdev", name);
	RTE_DEV_FOREACH(dev, filter, &iterator)
	found = dev;
	return found;
}

void backend_dmadev_configure(const char *vdev, int argc, char **argv)
{
	const uint64_t needed = RTE_DMA_CAPA_MEM_TO_MEM | RTE_DMA_CAPA_OPS_COPY | RTE_DMA_CAPA_SVA;
	char name[64];
	int id;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(vdev, ","), vdev);
	eal_start(vdev, argc, argv);
	id = rte_dma_get_dev_id_by_name(name);
	if (id < 0 || rte_dma_info_get((int16_t)id, &device.info) != 0) {
		fprintf(stderr, "there is no dmadev %s\n", name);
		exit(EXIT_FAILURE);
	}
	device.id = (int16_t)id;
	device.dev = device_of(name);
	device.is_svart = strncmp(name, "dma_svart", strlen("dma_svart")) == 0;
	atexit(eal_end);
	if ((device.info.dev_capa & needed) != needed)
		skip_program(vdev, "the suite copies between the process's own addresses, and the "
				   "device does not say that it can (MEM_TO_MEM, OPS_COPY, SVA)");
	if ((device.info.dev_capa & RTE_DMA_CAPA_SILENT) != 0)
		skip_program(vdev, "the device reports no completions (SILENT)");
}

/* --- life -------------------------------------------------------------------------------------- */

/** What is wrong is kept, for the thread that may fail the test. */
static void breach(struct backend *b, const char *what)
{
	if (b->wrong == NULL)
		b->wrong = what;
}

static unsigned int features(void)
{
	const uint64_t capa = device.info.dev_capa;
	unsigned int f = BACKEND_FENCE;

	if ((capa & RTE_DMA_CAPA_OPS_FILL) != 0)
		f |= BACKEND_FILL;
	if ((capa & RTE_DMA_CAPA_OPS_COPY_SG) != 0)
		f |= BACKEND_LISTS;
	if ((capa & RTE_DMA_CAPA_HANDLES_ERRORS) != 0)
		f |= BACKEND_ERRORS;
	if (device.is_svart)
		f |= BACKEND_FORK | BACKEND_ROBUST;
	return f;
}

static void dmadev_must(int rc, const char *what)
{
	if (rc != 0)
		fail_msg("%s: %s (%d)", what, strerror(-rc), rc);
}

/** Ids begin at 0 with each start. */
static void dmadev_start(struct backend *b)
{
	memset(b->dmadev, 0, sizeof(*b->dmadev));
	dmadev_must(rte_dma_start(device.id), "rte_dma_start");
	device.is_started = true;
}

static void dmadev_stop(struct backend *b)
{
	(void)b;
	dmadev_must(rte_dma_stop(device.id), "rte_dma_stop");
	device.is_started = false;
}

static const char *dmadev_open(struct backend *b)
{
	const struct rte_dma_info *info = &device.info;
	const struct rte_dma_conf conf = { .nb_vchans = (uint16_t)b->params.channels };
	struct rte_dma_vchan_conf vchan = { .direction = RTE_DMA_DIR_MEM_TO_MEM };
	uint16_t i;

	/* cmocka has put its own in for this test; on the model, drivers catch what devices access. */
	sigaction(SIGSEGV, &device.segv, NULL);
	sigaction(SIGBUS, &device.bus, NULL);
	if (device.is_started)
		dmadev_stop(b);
	if (b->params.channels > info->max_vchans)
		return "the device has one vchan";
	b->ring = b->params.ring;
	if (b->ring == 0)
		b->ring = RTE_MIN(RTE_MAX(DEFAULT_RING, info->min_desc), info->max_desc);
	if (b->ring < info->min_desc || b->ring > info->max_desc)
		return "the device has no rings of this size";
	b->features = features();
	vchan.nb_desc = (uint16_t)b->ring;
	dmadev_must(rte_dma_configure(device.id, &conf), "rte_dma_configure");
	for (i = 0; i < b->params.channels; i++)
		dmadev_must(rte_dma_vchan_setup(device.id, i, &vchan), "rte_dma_vchan_setup");
	b->dmadev = calloc(1, sizeof(*b->dmadev));
	assert_non_null(b->dmadev);
	dmadev_start(b);
	return NULL;
}

static void dmadev_close(struct backend *b)
{
	dmadev_stop(b);
	free(b->dmadev);
}

/* --- operations -------------------------------------------------------------------------------- */

static bool take_id(struct backend *b, struct channel *c, int id, uint64_t cookie, uint64_t length)
{
	if (id < 0) {
		if (id != -ENOSPC)
			breach(b, "an operation was refused, and not because the ring is full");
		return false;
	}
	if (id != c->next)
		breach(b, "an operation got an id that is not the last one's plus 1, modulo 65536");
	c->ops[c->next].cookie = cookie;
	c->ops[c->next].length = length;
	c->next++;
	c->in_flight++;
	return true;
}

static bool dmadev_enqueue(
	struct backend *b, unsigned int channel, const struct svart_op *op, unsigned int flags)
{
	uint64_t dma_flags = 0;
	int id;

	if ((flags & BACKEND_FLAG_FENCE) != 0)
		dma_flags |= RTE_DMA_OP_FLAG_FENCE;
	if ((flags & BACKEND_FLAG_SUBMIT) != 0)
		dma_flags |= RTE_DMA_OP_FLAG_SUBMIT;
	if (op->opcode == SVART_OP_FILL)
		id = rte_dma_fill(device.id, (uint16_t)channel, op->pattern, (rte_iova_t)op->dst,
			(uint32_t)op->length, dma_flags);
	else
		id = rte_dma_copy(device.id, (uint16_t)channel, (rte_iova_t)op->src,
			(rte_iova_t)op->dst, (uint32_t)op->length, dma_flags);
	return take_id(b, &b->dmadev->channels[channel], id, op->cookie, op->length);
}

static uint64_t to_sges(
	struct rte_dma_sge *sges, const struct backend_piece *pieces, unsigned int nr)
{
	uint64_t sum = 0;
	unsigned int i;

	assert_true(nr <= MAX_PIECES);
	for (i = 0; i < nr; i++) {
		sges[i].addr = (rte_iova_t)pieces[i].addr;
		sges[i].length = pieces[i].length;
		sum += pieces[i].length;
	}
	return sum;
}

static bool dmadev_enqueue_lists(struct backend *b, const struct backend_piece *dst,
	unsigned int nr_dst, const struct backend_piece *src, unsigned int nr_src, uint64_t cookie)
{
	struct rte_dma_sge to[MAX_PIECES], from[MAX_PIECES];
	uint64_t length = to_sges(to, dst, nr_dst);
	int id;

	to_sges(from, src, nr_src);
	id = rte_dma_copy_sg(device.id, 0, from, to, (uint16_t)nr_src, (uint16_t)nr_dst, 0);
	return take_id(b, &b->dmadev->channels[0], id, cookie, length);
}

static void dmadev_submit(struct backend *b, unsigned int channel)
{
	if (rte_dma_submit(device.id, (uint16_t)channel) != 0)
		breach(b, "rte_dma_submit() failed");
}

static uint8_t status_of(enum rte_dma_status_code code)
{
	switch (code) {
	case RTE_DMA_STATUS_SUCCESSFUL:
		return SVART_STATUS_OK;
	case RTE_DMA_STATUS_INVALID_SRC_ADDR:
	case RTE_DMA_STATUS_INVALID_DST_ADDR:
	case RTE_DMA_STATUS_INVALID_ADDR:
	case RTE_DMA_STATUS_BUS_READ_ERROR:
	case RTE_DMA_STATUS_BUS_WRITE_ERROR:
	case RTE_DMA_STATUS_BUS_ERROR:
	case RTE_DMA_STATUS_PAGE_FAULT:
		return SVART_STATUS_BAD_ADDRESS;
	case RTE_DMA_STATUS_USER_ABORT:
	case RTE_DMA_STATUS_NOT_ATTEMPTED:
		return SVART_STATUS_ABORTED;
	case RTE_DMA_STATUS_INVALID_LENGTH:
	case RTE_DMA_STATUS_INVALID_OPCODE:
		return SVART_STATUS_INVALID;
	default:
		return SVART_STATUS_DEVICE_ERROR;
	}
}

/** Takes what one call reported: n operations up to last; codes NULL: all successful. */
static void take(struct backend *b, struct channel *c, uint16_t n, uint16_t last,
	const enum rte_dma_status_code *codes, struct svart_completion *done)
{
	uint16_t i;

	if (n > c->in_flight)
		breach(b, "more operations completed than were enqueued");
	if (n > 0 && last != (uint16_t)(c->oldest + n - 1))
		breach(b, "the last id of the completed operations is not the one in order");
	for (i = 0; i < n; i++) {
		const uint16_t id = c->oldest++;
		const uint8_t status = codes == NULL ? SVART_STATUS_OK : status_of(codes[i]);

		done[i] = (struct svart_completion){ .cookie = c->ops[id].cookie,
			.bytes_done = status == SVART_STATUS_OK ? c->ops[id].length : 0,
			.status = status,
			.hw_status = codes == NULL ? 0 : (uint8_t)codes[i] };
	}
	c->in_flight -= RTE_MIN(n, c->in_flight);
}

static uint16_t smaller(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

/** As programs do: rte_dma_completed(), and for the cause of an error rte_dma_completed_status(). */
static uint16_t dmadev_poll(
	struct backend *b, unsigned int channel, struct svart_completion *done, uint16_t nr)
{
	struct channel *c = &b->dmadev->channels[channel];
	enum rte_dma_status_code codes[MAX_BURST];
	uint16_t n, m, last = (uint16_t)(c->oldest - 1);
	bool has_error = false;

	nr = smaller(nr, MAX_BURST);
	n = rte_dma_completed(device.id, (uint16_t)channel, nr, &last, &has_error);
	if (n > nr)
		breach(b, "more operations completed than were asked for");
	take(b, c, smaller(n, nr), last, NULL, done);
	if (!has_error || n >= nr)
		return smaller(n, nr);
	m = rte_dma_completed_status(
		device.id, (uint16_t)channel, (uint16_t)(nr - n), &last, codes);
	if (m == 0 || m > nr - n || codes[0] == RTE_DMA_STATUS_SUCCESSFUL)
		breach(b, "an error was reported, and its operation is not the next to complete");
	m = smaller(m, (uint16_t)(nr - n));
	take(b, c, m, last, codes, done + n);
	return (uint16_t)(n + m);
}

int16_t backend_dmadev_id(void)
{
	return device.id;
}

void backend_dmadev_taken(struct backend *b, uint16_t nr)
{
	b->dmadev->channels[0].oldest += nr;
	b->dmadev->channels[0].in_flight -= nr;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static uint16_t dmadev_wait(struct backend *b, unsigned int channel, struct svart_completion *done,
	uint16_t nr, uint64_t timeout_ns)
{
	const uint64_t start = now_ns();
	uint16_t n;

	dmadev_submit(b, channel);
	while ((n = dmadev_poll(b, channel, done, nr)) == 0 && now_ns() - start < timeout_ns)
		sched_yield();
	return n;
}

/** DPDK's way for memory that it does not know. Drivers that pin nothing do not support it. */
static void dmadev_forget(struct backend *b, void *addr, size_t bytes)
{
	const uintptr_t start = (uintptr_t)addr & ~(uintptr_t)(PAGE - 1);
	const size_t len = ((uintptr_t)addr + bytes - start + PAGE - 1) & ~(size_t)(PAGE - 1);
	int rc;

	(void)b;
	if (rte_extmem_register((void *)start, len, NULL, 0, PAGE) != 0)
		fail_msg("rte_extmem_register: %s", rte_strerror(rte_errno));
	rc = rte_dev_dma_unmap(device.dev, (void *)start, start, len);
	if (rc != 0 && rte_errno != ENOTSUP)
		fail_msg("rte_dev_dma_unmap: %s", rte_strerror(rte_errno));
	if (rte_extmem_unregister((void *)start, len) != 0)
		fail_msg("rte_extmem_unregister: %s", rte_strerror(rte_errno));
}

const struct backend_ops backend_dmadev_ops = {
	.open = dmadev_open,
	.close = dmadev_close,
	.stop = dmadev_stop,
	.start = dmadev_start,
	.enqueue = dmadev_enqueue,
	.enqueue_lists = dmadev_enqueue_lists,
	.submit = dmadev_submit,
	.poll = dmadev_poll,
	.wait = dmadev_wait,
	.forget = dmadev_forget,
};
