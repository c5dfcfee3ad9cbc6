/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Do the headers for drivers (dpdk_driver_headers) describe the DPDK that is run with? They come apart
 * from the libraries, and a struct of another version compiles as well. A driver of its own looks whether
 * what the libraries write is where the headers say, and whether they call what it has put there.
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <bus_vdev_driver.h>
#include <rte_bus_vdev.h>
#include <rte_dmadev.h>
#include <rte_dmadev_pmd.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_version.h>

#define VDEVS  2
#define ARGS   "key=value"
#define NODE   7
#define VCHANS 3

/** What the driver was called for, in the order of enum call. */
enum call {
	INFO_GET,
	CONFIGURE,
	START,
	STOP,
	CLOSE,
	VCHAN_SETUP,
	STATS_GET,
	STATS_RESET,
	VCHAN_STATUS,
	DUMP,
	DMA_MAP,
	DMA_UNMAP,
	REMOVE,
	NR_CALLS,
};

/* Of the process: a driver's functions get no argument. */
static struct rte_vdev_device *vdevs[VDEVS];
static struct rte_dma_dev *devs[VDEVS];
static unsigned int nr_vdevs, nr_wrong;
static unsigned int calls[NR_CALLS];

static void check(bool is_right, const char *what)
{
	if (is_right)
		return;
	fprintf(stderr, "wrong: %s\n", what);
	nr_wrong++;
}

#define CHECK(condition) check(condition, #condition)

/** The driver was called for this, once, and for nothing else, since it was asked last. */
static void check_called(enum call call, const char *what)
{
	unsigned int i, others = 0;

	for (i = 0; i < NR_CALLS; i++)
		others += i != call ? calls[i] : 0;
	check(calls[call] == 1 && others == 0, what);
	memset(calls, 0, sizeof(calls));
}

/* --- the driver ------------------------------------------------------------------------------- */

static int info_get(const struct rte_dma_dev *dev, struct rte_dma_info *info, uint32_t size)
{
	calls[INFO_GET]++;
	CHECK(dev == devs[0] && size == sizeof(*info));
	info->dev_capa = RTE_DMA_CAPA_MEM_TO_MEM | RTE_DMA_CAPA_OPS_COPY;
	info->max_vchans = VCHANS;
	info->min_desc = 1;
	info->max_desc = 64;
	return 0;
}

static int configure(struct rte_dma_dev *dev, const struct rte_dma_conf *conf, uint32_t size)
{
	calls[CONFIGURE]++;
	CHECK(dev == devs[0] && size == sizeof(*conf) && conf->nb_vchans == VCHANS);
	return 0;
}

static int vchan_setup(struct rte_dma_dev *dev, uint16_t vchan,
	const struct rte_dma_vchan_conf *conf, uint32_t size)
{
	calls[VCHAN_SETUP]++;
	CHECK(dev == devs[0] && vchan == 1 && size == sizeof(*conf) && conf->nb_desc == 9);
	return 0;
}

static int start(struct rte_dma_dev *dev)
{
	calls[START]++;
	CHECK(dev->data->dev_started == 0 && dev->data->dev_conf.nb_vchans == VCHANS);
	return 0;
}

static int stop(struct rte_dma_dev *dev)
{
	calls[STOP]++;
	CHECK(dev->data->dev_started == 1);
	return 0;
}

static int close_dev(struct rte_dma_dev *dev)
{
	(void)dev;
	calls[CLOSE]++;
	return 0;
}

static int stats_get(
	const struct rte_dma_dev *dev, uint16_t vchan, struct rte_dma_stats *stats, uint32_t size)
{
	calls[STATS_GET]++;
	CHECK(dev == devs[0] && vchan == 2 && size == sizeof(*stats));
	return 0;
}

static int stats_reset(struct rte_dma_dev *dev, uint16_t vchan)
{
	calls[STATS_RESET]++;
	CHECK(dev == devs[0] && vchan == 2);
	return 0;
}

static int vchan_status(
	const struct rte_dma_dev *dev, uint16_t vchan, enum rte_dma_vchan_status *status)
{
	calls[VCHAN_STATUS]++;
	CHECK(dev == devs[0] && vchan == 1);
	*status = RTE_DMA_VCHAN_ACTIVE;
	return 0;
}

static int dump(const struct rte_dma_dev *dev, FILE *f)
{
	calls[DUMP]++;
	CHECK(dev == devs[0] && f == stderr);
	return 0;
}

static const struct rte_dma_dev_ops dev_ops = {
	.dev_info_get = info_get,
	.dev_configure = configure,
	.dev_start = start,
	.dev_stop = stop,
	.dev_close = close_dev,
	.vchan_setup = vchan_setup,
	.stats_get = stats_get,
	.stats_reset = stats_reset,
	.vchan_status = vchan_status,
	.dev_dump = dump,
};

/** What EAL has put into the vdev, and dmadev into the device that it makes. */
static int probe(struct rte_vdev_device *vdev)
{
	static const char *const names[VDEVS] = { "dma_abi0", "dma_abi1" };
	struct rte_dma_dev *dev;

	if (nr_vdevs == VDEVS || strcmp(rte_vdev_device_name(vdev), names[nr_vdevs]) != 0 ||
		strcmp(rte_vdev_device_args(vdev), ARGS) != 0) {
		check(false, "the name and the arguments of a vdev");
		return -1;
	}
	dev = rte_dma_pmd_allocate(names[nr_vdevs], NODE, 64);
	if (dev == NULL)
		return -1;
	vdev->device.numa_node = NODE;
	dev->device = &vdev->device;
	dev->dev_ops = &dev_ops;
	dev->fp_obj->dev_private = dev->data->dev_private;
	dev->state = RTE_DMA_DEV_READY;
	devs[nr_vdevs] = dev;
	vdevs[nr_vdevs++] = vdev;
	return 0;
}

static int remove_dev(struct rte_vdev_device *vdev)
{
	calls[REMOVE]++;
	CHECK(vdev == vdevs[1]);
	return 0;
}

static int dma_map(struct rte_vdev_device *vdev, void *addr, uint64_t iova, size_t len)
{
	calls[DMA_MAP]++;
	CHECK(vdev == vdevs[0] && iova == (uintptr_t)addr && len == 4096);
	return 0;
}

static int dma_unmap(struct rte_vdev_device *vdev, void *addr, uint64_t iova, size_t len)
{
	calls[DMA_UNMAP]++;
	CHECK(vdev == vdevs[0] && iova == (uintptr_t)addr && len == 4096);
	return 0;
}

static struct rte_vdev_driver driver = {
	.probe = probe,
	.remove = remove_dev,
	.dma_map = dma_map,
	.dma_unmap = dma_unmap,
};

RTE_PMD_REGISTER_VDEV(dma_abi, driver);

/* --- the checks ------------------------------------------------------------------------------- */

/** The fields of struct rte_device and struct rte_driver, by EAL's own functions. */
static void check_vdev(const struct rte_device *device)
{
	CHECK(rte_dev_name(device) == device->name && strcmp(device->name, "dma_abi0") == 0);
	CHECK(rte_dev_devargs(device) == device->devargs);
	CHECK(rte_dev_bus(device) == device->bus && device->bus != NULL);
	CHECK(rte_dev_bus_info(device) == device->bus_info);
	CHECK(rte_dev_driver(device) == &driver.driver);
	CHECK(rte_dev_numa_node(device) == NODE);
	CHECK(strcmp(rte_driver_name(&driver.driver), "dma_abi") == 0);
}

/** Both are elements of arrays of the library, so that their distance is their size. */
static void check_dmadev(const struct rte_dma_dev *dev, const struct rte_dma_dev *next)
{
	CHECK((uintptr_t)next - (uintptr_t)dev == sizeof(*dev));
	CHECK((uintptr_t)next->data - (uintptr_t)dev->data == sizeof(*dev->data));
	CHECK(strcmp(dev->data->dev_name, "dma_abi0") == 0);
	CHECK(dev->data->dev_id == rte_dma_get_dev_id_by_name("dma_abi0"));
	CHECK(dev->data->numa_node == NODE);
	CHECK(dev->data->dev_private != NULL);
	CHECK(dev->fp_obj == &rte_dma_fp_objs[dev->data->dev_id]);
}

/** Each public function gets to the function of the same name in the table. */
static void check_control(int16_t id)
{
	struct rte_dma_info info;
	struct rte_dma_conf conf = { .nb_vchans = VCHANS };
	struct rte_dma_vchan_conf vchan_conf = { .direction = RTE_DMA_DIR_MEM_TO_MEM,
		.nb_desc = 9 };

	rte_dma_info_get(id, &info);
	check_called(INFO_GET, "rte_dma_info_get() calls dev_info_get, and nothing else");
	CHECK(info.numa_node == NODE && info.max_desc == 64);
	/* These two look at the information first. */
	rte_dma_configure(id, &conf);
	calls[INFO_GET] = 0;
	check_called(CONFIGURE, "rte_dma_configure() calls dev_configure");
	rte_dma_vchan_setup(id, 1, &vchan_conf);
	calls[INFO_GET] = 0;
	check_called(VCHAN_SETUP, "rte_dma_vchan_setup() calls vchan_setup");
}

static void check_running(int16_t id)
{
	struct rte_dma_stats stats;
	enum rte_dma_vchan_status status = RTE_DMA_VCHAN_IDLE;

	rte_dma_start(id);
	check_called(START, "rte_dma_start() calls dev_start, and nothing else");
	rte_dma_stats_get(id, 2, &stats);
	check_called(STATS_GET, "rte_dma_stats_get() calls stats_get, and nothing else");
	rte_dma_stats_reset(id, 2);
	check_called(STATS_RESET, "rte_dma_stats_reset() calls stats_reset, and nothing else");
	rte_dma_vchan_status(id, 1, &status);
	check_called(VCHAN_STATUS, "rte_dma_vchan_status() calls vchan_status, and nothing else");
	CHECK(status == RTE_DMA_VCHAN_ACTIVE);
	rte_dma_dump(id, stderr);
	calls[INFO_GET] = 0; /* It prints the information too. */
	check_called(DUMP, "rte_dma_dump() calls dev_dump");
	rte_dma_stop(id);
	check_called(STOP, "rte_dma_stop() calls dev_stop, and nothing else");
}

static void check_memory(struct rte_device *device)
{
	void *memory = rte_malloc(NULL, 4096, 4096);

	rte_dev_dma_map(device, memory, (uintptr_t)memory, 4096);
	check_called(DMA_MAP, "rte_dev_dma_map() calls dma_map, and nothing else");
	rte_dev_dma_unmap(device, memory, (uintptr_t)memory, 4096);
	check_called(DMA_UNMAP, "rte_dev_dma_unmap() calls dma_unmap, and nothing else");
	rte_free(memory);
}

int main(int argc, char **argv)
{
	static char *eal[] = { "abi", "--no-huge", "-m", "16", "--no-pci", "--no-shconf",
		"--no-telemetry", "-l", "0", "--iova-mode=va", "--vdev", "dma_abi0," ARGS, "--vdev",
		"dma_abi1," ARGS, NULL };

	(void)argc;
	(void)argv;
	if (rte_eal_init(RTE_DIM(eal) - 1, eal) < 0 || nr_vdevs != VDEVS) {
		fprintf(stderr, "EAL did not start with both vdevs: see above\n");
		return 1;
	}
	check_vdev(&vdevs[0]->device);
	check_dmadev(devs[0], devs[1]);
	check_control(devs[0]->data->dev_id);
	check_running(devs[0]->data->dev_id);
	check_memory(&vdevs[0]->device);
	rte_dma_close(devs[0]->data->dev_id);
	check_called(CLOSE, "rte_dma_close() calls dev_close, and nothing else");
	rte_vdev_uninit("dma_abi1");
	check_called(REMOVE, "rte_vdev_uninit() calls remove, and nothing else");
	printf("the headers for drivers %s %s\n", nr_wrong == 0 ? "fit" : "do not fit",
		rte_version());
	return nr_wrong == 0 ? 0 : 1;
}
