/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A correct software dmadev, "dma_mutant", with one defect if it is told so: --vdev
 * dma_mutant,defect=NAME. With it the conformance suite shows that it catches that defect.
 *
 * Operations are done within submit, by the kernel (process_vm_readv(2)), so that a bad address is an
 * error and no signal; and, as hardware may, in another order than they came: last first, from fence
 * to fence.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <bus_vdev_driver.h>
#include <rte_dmadev_pmd.h>
#include <rte_kvargs.h>

#define PAGE       4096u
#define MAX_VCHANS 2u
#define MAX_DESC   4096u
#define MAX_SGES   16u

/** What can be wrong with it. */
enum defect {
	DEFECT_NONE,
	DEFECT_COPY_PAST_END, /**< Copies write one byte too many. */
	DEFECT_FILL_PAST_END, /**< Fills write whole words. */
	DEFECT_EARLY,         /**< Operations are done, and reported, before they are submitted. */
	DEFECT_NULL,          /**< A destination of NULL is reported as success. */
	DEFECT_SMALL_RING,    /**< The ring has half the places it says. */
	DEFECT_NO_FENCE,      /**< Fences are ignored. */
	DEFECT_SHORT_IDS,     /**< Ids go round at 32768. */
	DEFECT_READ_ONLY,     /**< Read-only pages are written. */
	DEFECT_NO_ERROR,      /**< Failures are reported as success. */
	DEFECT_ERROR_ONCE,    /**< An error is reported by one poll only. */
	DEFECT_COLD,          /**< Pages that are not in memory are reported as errors. */
	DEFECT_STOP,          /**< What was in flight at stop is there after start. */
	DEFECT_ONE_RING,      /**< All vchans share the first one's ring. */
	DEFECT_STATS,         /**< Operations count as submitted when they are enqueued. */
	DEFECT_FIRST_PIECE,   /**< Of lists, only what fits in the first pieces is copied. */
	DEFECT_ALL_STATS,     /**< The statistics of each vchan are those of all. */
	DEFECT_NO_SVA,        /**< It does not say that it takes the process's addresses. */
	NR_DEFECTS,
};

static const char *const defect_names[NR_DEFECTS] = {
	[DEFECT_NONE] = "none",
	[DEFECT_COPY_PAST_END] = "copy-past-end",
	[DEFECT_FILL_PAST_END] = "fill-past-end",
	[DEFECT_EARLY] = "early",
	[DEFECT_NULL] = "null",
	[DEFECT_SMALL_RING] = "small-ring",
	[DEFECT_NO_FENCE] = "no-fence",
	[DEFECT_SHORT_IDS] = "short-ids",
	[DEFECT_READ_ONLY] = "read-only",
	[DEFECT_NO_ERROR] = "no-error",
	[DEFECT_ERROR_ONCE] = "error-once",
	[DEFECT_COLD] = "cold",
	[DEFECT_STOP] = "stop",
	[DEFECT_ONE_RING] = "one-ring",
	[DEFECT_STATS] = "stats",
	[DEFECT_FIRST_PIECE] = "first-piece",
	[DEFECT_ALL_STATS] = "all-stats",
	[DEFECT_NO_SVA] = "no-sva",
};

/** An operation. A fill has no source. */
struct op {
	struct rte_dma_sge dst[MAX_SGES], src[MAX_SGES];
	uint16_t nr_dst, nr_src;
	bool is_fill, is_fenced;
	uint64_t pattern;
	enum rte_dma_status_code status;
};

/** A vchan. Counters of operations never wrap: tail <= done <= submitted <= head. */
struct vchan {
	struct op *ring;
	uint16_t nb_desc;
	uint64_t head, submitted, done, tail;
	bool told; /**< DEFECT_ERROR_ONCE: of the operation at tail. */
	struct rte_dma_stats stats;
};

/** Owner: the dmadev. */
struct mutant {
	enum defect defect;
	int mem_fd; /**< /proc/self/mem, which writes read-only pages too. */
	uint16_t nr_vchans;
	struct vchan vchans[MAX_VCHANS];
};

static struct vchan *vchan_of(struct mutant *m, uint16_t vchan)
{
	return &m->vchans[m->defect == DEFECT_ONE_RING ? 0 : vchan];
}

static struct op *op_of(const struct vchan *v, uint64_t nr)
{
	return &v->ring[nr % v->nb_desc];
}

/* --- moving bytes ------------------------------------------------------------------------------ */

/** @return whether a page is there, or is none of the process's. */
static bool is_warm(uint64_t addr)
{
	unsigned char there = 0;
	int rc = mincore((void *)(uintptr_t)(addr & ~(uint64_t)(PAGE - 1)), PAGE, &there);

	return rc != 0 || (there & 1) != 0;
}

static bool read_bytes(const struct mutant *m, void *buf, uint64_t src, size_t len)
{
	struct iovec local = { .iov_base = buf, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)src, .iov_len = len };

	if (m->defect == DEFECT_COLD && !is_warm(src))
		return false;
	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)len;
}

static bool write_bytes(const struct mutant *m, uint64_t dst, void *buf, size_t len)
{
	struct iovec local = { .iov_base = buf, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)dst, .iov_len = len };

	if (m->defect == DEFECT_NULL && dst == 0)
		return true;
	if (m->defect == DEFECT_COLD && !is_warm(dst))
		return false;
	if (m->defect == DEFECT_READ_ONLY)
		return pwrite(m->mem_fd, buf, len, (off_t)dst) == (ssize_t)len;
	return process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)len;
}

/** Up to the next page border of either side. */
static size_t step(uint64_t a, uint64_t b, size_t len)
{
	size_t room = PAGE - RTE_MAX(a % PAGE, b % PAGE);

	return RTE_MIN(room, len);
}

static enum rte_dma_status_code copy_bytes(
	const struct mutant *m, uint64_t dst, uint64_t src, size_t len)
{
	uint8_t page[PAGE];
	size_t n;

	for (; len > 0; dst += n, src += n, len -= n) {
		n = step(dst, src, len);
		if (!read_bytes(m, page, src, n))
			return RTE_DMA_STATUS_INVALID_SRC_ADDR;
		if (!write_bytes(m, dst, page, n))
			return RTE_DMA_STATUS_INVALID_DST_ADDR;
	}
	if (m->defect == DEFECT_COPY_PAST_END)
		write_bytes(m, dst, page, 1);
	return RTE_DMA_STATUS_SUCCESSFUL;
}

static enum rte_dma_status_code fill_bytes(
	const struct mutant *m, uint64_t dst, uint64_t pattern, size_t len)
{
	uint8_t page[PAGE];
	size_t n, i, done = 0;

	if (m->defect == DEFECT_FILL_PAST_END)
		len = RTE_ALIGN_CEIL(len, sizeof(pattern));
	for (; done < len; done += n) {
		n = step(dst + done, 0, len - done);
		for (i = 0; i < n; i++)
			page[i] = (uint8_t)(pattern >> (done + i) % 8 * 8);
		if (!write_bytes(m, dst + done, page, n))
			return RTE_DMA_STATUS_INVALID_DST_ADDR;
	}
	return RTE_DMA_STATUS_SUCCESSFUL;
}

static enum rte_dma_status_code copy_lists(const struct mutant *m, const struct op *op)
{
	enum rte_dma_status_code status = RTE_DMA_STATUS_SUCCESSFUL;
	unsigned int d = 0, s = 0;
	size_t d_off = 0, s_off = 0, n;

	while (d < op->nr_dst && s < op->nr_src && status == RTE_DMA_STATUS_SUCCESSFUL) {
		n = RTE_MIN(op->dst[d].length - d_off, op->src[s].length - s_off);
		status = copy_bytes(m, op->dst[d].addr + d_off, op->src[s].addr + s_off, n);
		d_off += n;
		s_off += n;
		if (d_off == op->dst[d].length)
			d++, d_off = 0;
		if (s_off == op->src[s].length)
			s++, s_off = 0;
		if (m->defect == DEFECT_FIRST_PIECE)
			break;
	}
	return status;
}

static void run_op(const struct mutant *m, struct vchan *v, struct op *op)
{
	if (op->is_fill)
		op->status = fill_bytes(m, op->dst[0].addr, op->pattern, op->dst[0].length);
	else
		op->status = copy_lists(m, op);
	if (m->defect == DEFECT_NO_ERROR)
		op->status = RTE_DMA_STATUS_SUCCESSFUL;
	v->stats.completed++;
	v->stats.errors += op->status != RTE_DMA_STATUS_SUCCESSFUL;
}

/** Does what is submitted: from fence to fence, the last operation first. */
static void run(const struct mutant *m, struct vchan *v)
{
	uint64_t end, i;

	while (v->done < v->submitted) {
		end = v->done + 1;
		while (end < v->submitted &&
			(m->defect == DEFECT_NO_FENCE || !op_of(v, end)->is_fenced))
			end++;
		for (i = end; i > v->done; i--)
			run_op(m, v, op_of(v, i - 1));
		v->done = end;
	}
}

/* --- the fast path ----------------------------------------------------------------------------- */

static uint16_t places(const struct mutant *m, const struct vchan *v)
{
	uint64_t ring = m->defect == DEFECT_SMALL_RING ? v->nb_desc / 2 : v->nb_desc;

	return (uint16_t)(ring - (v->head - v->tail));
}

static uint16_t id_of(const struct mutant *m, uint64_t nr)
{
	return (uint16_t)(nr & (m->defect == DEFECT_SHORT_IDS ? INT16_MAX : UINT16_MAX));
}

static int submit(void *dev_private, uint16_t vchan)
{
	struct mutant *m = dev_private;
	struct vchan *v = vchan_of(m, vchan);

	if (m->defect != DEFECT_STATS)
		v->stats.submitted += v->head - v->submitted;
	v->submitted = v->head;
	run(m, v);
	return 0;
}

static int enqueue(struct mutant *m, uint16_t vchan, const struct op *op, uint64_t flags)
{
	struct vchan *v = vchan_of(m, vchan);
	uint64_t nr = v->head;

	if (places(m, v) == 0)
		return -ENOSPC;
	*op_of(v, nr) = *op;
	op_of(v, nr)->is_fenced = (flags & RTE_DMA_OP_FLAG_FENCE) != 0;
	v->head++;
	if (m->defect == DEFECT_STATS)
		v->stats.submitted++;
	if ((flags & RTE_DMA_OP_FLAG_SUBMIT) != 0 || m->defect == DEFECT_EARLY)
		submit(m, vchan);
	return id_of(m, nr);
}

static int copy_sg(void *dev_private, uint16_t vchan, const struct rte_dma_sge *src,
	const struct rte_dma_sge *dst, uint16_t nb_src, uint16_t nb_dst, uint64_t flags)
{
	struct op op = { .nr_dst = nb_dst, .nr_src = nb_src };

	if (nb_src > MAX_SGES || nb_dst > MAX_SGES)
		return -EINVAL;
	memcpy(op.src, src, nb_src * sizeof(*src));
	memcpy(op.dst, dst, nb_dst * sizeof(*dst));
	return enqueue(dev_private, vchan, &op, flags);
}

static int copy(void *dev_private, uint16_t vchan, rte_iova_t src, rte_iova_t dst, uint32_t length,
	uint64_t flags)
{
	const struct op op = {
		.nr_dst = 1, .nr_src = 1, .dst[0] = { dst, length }, .src[0] = { src, length }
	};

	return enqueue(dev_private, vchan, &op, flags);
}

static int fill(void *dev_private, uint16_t vchan, uint64_t pattern, rte_iova_t dst,
	uint32_t length, uint64_t flags)
{
	const struct op op = {
		.nr_dst = 1, .dst[0] = { dst, length }, .is_fill = true, .pattern = pattern
	};

	return enqueue(dev_private, vchan, &op, flags);
}

static uint16_t completed(void *dev_private, uint16_t vchan, const uint16_t nb_cpls,
	uint16_t *last_idx, bool *has_error)
{
	struct mutant *m = dev_private;
	struct vchan *v = vchan_of(m, vchan);
	uint16_t n = 0;

	while (n < nb_cpls && v->tail < v->done &&
		op_of(v, v->tail)->status == RTE_DMA_STATUS_SUCCESSFUL) {
		v->tail++;
		v->told = false;
		n++;
	}
	if (n < nb_cpls && v->tail < v->done) {
		*has_error = m->defect != DEFECT_ERROR_ONCE || !v->told;
		v->told = true;
	}
	*last_idx = id_of(m, v->tail - 1);
	return n;
}

static uint16_t completed_status(void *dev_private, uint16_t vchan, const uint16_t nb_cpls,
	uint16_t *last_idx, enum rte_dma_status_code *status)
{
	struct mutant *m = dev_private;
	struct vchan *v = vchan_of(m, vchan);
	uint16_t n;

	for (n = 0; n < nb_cpls && v->tail < v->done; n++)
		status[n] = op_of(v, v->tail++)->status;
	v->told = false;
	*last_idx = id_of(m, v->tail - 1);
	return n;
}

static uint16_t burst_capacity(const void *dev_private, uint16_t vchan)
{
	/* vchan_of() is for both sides. */
	struct mutant *m = (struct mutant *)(uintptr_t)dev_private;

	return places(m, vchan_of(m, vchan));
}

/* --- the control path -------------------------------------------------------------------------- */

static int info_get(const struct rte_dma_dev *dev, struct rte_dma_info *info, uint32_t size)
{
	const struct mutant *m = dev->data->dev_private;

	(void)size;
	info->dev_capa = RTE_DMA_CAPA_MEM_TO_MEM | RTE_DMA_CAPA_SVA | RTE_DMA_CAPA_HANDLES_ERRORS |
			 RTE_DMA_CAPA_OPS_COPY | RTE_DMA_CAPA_OPS_COPY_SG | RTE_DMA_CAPA_OPS_FILL;
	if (m->defect == DEFECT_NO_SVA)
		info->dev_capa &= ~RTE_DMA_CAPA_SVA;
	info->max_vchans = MAX_VCHANS;
	info->min_desc = 1;
	info->max_desc = MAX_DESC;
	info->max_sges = MAX_SGES;
	return 0;
}

static int configure(struct rte_dma_dev *dev, const struct rte_dma_conf *conf, uint32_t size)
{
	struct mutant *m = dev->data->dev_private;

	(void)size;
	m->nr_vchans = conf->nb_vchans;
	return 0;
}

static int vchan_setup(struct rte_dma_dev *dev, uint16_t vchan,
	const struct rte_dma_vchan_conf *conf, uint32_t size)
{
	struct mutant *m = dev->data->dev_private;
	struct vchan *v = &m->vchans[vchan];

	(void)size;
	free(v->ring);
	memset(v, 0, sizeof(*v));
	v->nb_desc = conf->nb_desc;
	v->ring = calloc(conf->nb_desc, sizeof(*v->ring));
	return v->ring != NULL ? 0 : -ENOMEM;
}

static int start(struct rte_dma_dev *dev)
{
	(void)dev;
	return 0;
}

static int stop(struct rte_dma_dev *dev)
{
	struct mutant *m = dev->data->dev_private;
	unsigned int i;

	for (i = 0; i < MAX_VCHANS && m->defect != DEFECT_STOP; i++) {
		struct vchan *v = &m->vchans[i];

		v->head = v->submitted = v->done = v->tail = 0;
		v->told = false;
	}
	return 0;
}

static int close_dev(struct rte_dma_dev *dev)
{
	struct mutant *m = dev->data->dev_private;
	unsigned int i;

	for (i = 0; i < MAX_VCHANS; i++)
		free(m->vchans[i].ring);
	close(m->mem_fd);
	return 0;
}

/** @return whether statistics of "vchan" are those of vchan i too. */
static bool is_meant(const struct mutant *m, uint16_t vchan, unsigned int i)
{
	return vchan == RTE_DMA_ALL_VCHAN || vchan == i || m->defect == DEFECT_ALL_STATS;
}

static int stats_get(
	const struct rte_dma_dev *dev, uint16_t vchan, struct rte_dma_stats *stats, uint32_t size)
{
	const struct mutant *m = dev->data->dev_private;
	unsigned int i;

	(void)size;
	for (i = 0; i < m->nr_vchans; i++) {
		if (!is_meant(m, vchan, i))
			continue;
		stats->submitted += m->vchans[i].stats.submitted;
		stats->completed += m->vchans[i].stats.completed;
		stats->errors += m->vchans[i].stats.errors;
	}
	return 0;
}

static int stats_reset(struct rte_dma_dev *dev, uint16_t vchan)
{
	struct mutant *m = dev->data->dev_private;
	unsigned int i;

	for (i = 0; i < m->nr_vchans; i++)
		if (is_meant(m, vchan, i))
			memset(&m->vchans[i].stats, 0, sizeof(m->vchans[i].stats));
	return 0;
}

static int vchan_status(
	const struct rte_dma_dev *dev, uint16_t vchan, enum rte_dma_vchan_status *status)
{
	(void)dev, (void)vchan;
	*status = RTE_DMA_VCHAN_IDLE; /* Submit does all. */
	return 0;
}

static const struct rte_dma_dev_ops mutant_ops = {
	.dev_info_get = info_get,
	.dev_configure = configure,
	.dev_start = start,
	.dev_stop = stop,
	.dev_close = close_dev,
	.vchan_setup = vchan_setup,
	.stats_get = stats_get,
	.stats_reset = stats_reset,
	.vchan_status = vchan_status,
};

/* --- the driver -------------------------------------------------------------------------------- */

static int parse_defect(const char *key, const char *value, void *defect)
{
	unsigned int i;

	(void)key;
	for (i = 0; i < NR_DEFECTS; i++) {
		if (value != NULL && strcmp(value, defect_names[i]) == 0) {
			*(enum defect *)defect = (enum defect)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_args(const char *text, enum defect *defect)
{
	static const char *const keys[] = { "defect", NULL };
	struct rte_kvargs *args;
	int rc;

	*defect = DEFECT_NONE;
	if (text == NULL || text[0] == '\0')
		return 0;
	args = rte_kvargs_parse(text, keys);
	if (args == NULL)
		return -EINVAL;
	rc = rte_kvargs_process(args, "defect", parse_defect, defect);
	rte_kvargs_free(args);
	return rc;
}

static int probe(struct rte_vdev_device *vdev)
{
	struct rte_dma_dev *dev;
	struct mutant *m;
	enum defect defect;
	int rc = read_args(rte_vdev_device_args(vdev), &defect);

	if (rc != 0)
		return rc;
	dev = rte_dma_pmd_allocate(rte_vdev_device_name(vdev), vdev->device.numa_node, sizeof(*m));
	if (dev == NULL)
		return -ENOMEM;
	m = dev->data->dev_private;
	m->defect = defect;
	m->mem_fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	dev->device = &vdev->device;
	dev->dev_ops = &mutant_ops;
	dev->fp_obj->dev_private = m;
	dev->fp_obj->copy = copy;
	dev->fp_obj->copy_sg = copy_sg;
	dev->fp_obj->fill = fill;
	dev->fp_obj->submit = submit;
	dev->fp_obj->completed = completed;
	dev->fp_obj->completed_status = completed_status;
	dev->fp_obj->burst_capacity = burst_capacity;
	dev->state = RTE_DMA_DEV_READY;
	return 0;
}

static int vdev_remove(struct rte_vdev_device *vdev)
{
	return rte_dma_pmd_release(rte_vdev_device_name(vdev));
}

static struct rte_vdev_driver mutant_driver = {
	.probe = probe,
	.remove = vdev_remove,
};

RTE_PMD_REGISTER_VDEV(dma_mutant, mutant_driver);
RTE_PMD_REGISTER_PARAM_STRING(dma_mutant, "defect=NAME");
