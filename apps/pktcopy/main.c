/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * dpdk-pktcopy: a DPDK program like others, that copies packets by a DMA device. It knows rte_dma, and
 * nothing of what device does the work: that is for --vdev to say.
 */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_dmadev.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "pipeline.h"

/** What lcores do. Owner: main. */
struct share {
	struct pipeline *p;
	unsigned int stages[RTE_MAX_LCORE];
};

static volatile bool stop; /* The signal handler gets no argument. */

static void on_signal(int number)
{
	(void)number;
	stop = true;
}

/* --- the device -------------------------------------------------------------------------------- */

static bool copies_memory(int16_t id, struct rte_dma_info *info)
{
	const uint64_t needed = RTE_DMA_CAPA_MEM_TO_MEM | RTE_DMA_CAPA_OPS_COPY;

	return rte_dma_info_get(id, info) == 0 && (info->dev_capa & needed) == needed;
}

/** @return its id, or -1, told. */
static int16_t dma_find(const char *name, struct rte_dma_info *info)
{
	int16_t id;

	if (name != NULL) {
		id = (int16_t)rte_dma_get_dev_id_by_name(name);
		if (id >= 0 && copies_memory(id, info))
			return id;
		fprintf(stderr, "dpdk-pktcopy: there is no dmadev %s that copies memory\n", name);
		return -1;
	}
	RTE_DMA_FOREACH_DEV(id)
	if (copies_memory(id, info))
		return id;
	fprintf(stderr,
		"dpdk-pktcopy: there is no dmadev that copies memory: name one to EAL, as by "
		"--vdev=dma_skeleton0\n");
	return -1;
}

static int dma_start(struct pipeline *p)
{
	const struct rte_dma_conf conf = { .nb_vchans = 1 };
	struct rte_dma_vchan_conf vchan = { .direction = RTE_DMA_DIR_MEM_TO_MEM };
	struct rte_dma_info info;

	p->dma = dma_find(p->options.dma, &info);
	if (p->dma < 0)
		return -1;
	p->nb_desc = (uint16_t)RTE_MIN(RTE_MAX(p->options.ring, info.min_desc), info.max_desc);
	vchan.nb_desc = p->nb_desc;
	if (rte_dma_configure(p->dma, &conf) == 0 && rte_dma_vchan_setup(p->dma, 0, &vchan) == 0 &&
		rte_dma_start(p->dma) == 0)
		return 0;
	fprintf(stderr, "dpdk-pktcopy: %s does not start with a ring of %u\n", info.dev_name,
		p->nb_desc);
	return -1;
}

/* --- lcores ------------------------------------------------------------------------------------ */

static int lcore_main(void *arg)
{
	struct share *s = arg;

	return pipeline_run(s->p, s->stages[rte_lcore_id()]) ? 0 : -1;
}

/** One lcore polls all stages, two share them, three have one each; more have nothing to do. */
static void share_stages(struct share *s)
{
	unsigned int worker = rte_get_next_lcore(-1, 1, 0);
	unsigned int *main_stages = &s->stages[rte_get_main_lcore()];

	*main_stages = STAGE_ALL;
	if (worker >= RTE_MAX_LCORE)
		return;
	s->stages[worker] = STAGE_COPY;
	*main_stages &= ~(unsigned int)STAGE_COPY;
	worker = rte_get_next_lcore(worker, 1, 0);
	if (worker >= RTE_MAX_LCORE)
		return;
	s->stages[worker] = STAGE_TX;
	*main_stages &= ~(unsigned int)STAGE_TX;
}

static int run_on_lcores(struct share *s)
{
	unsigned int lcore;
	int rc = 0;

	share_stages(s);
	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (s->stages[lcore] != 0)
			rte_eal_remote_launch(lcore_main, s, lcore);
	}
	rc = lcore_main(s);
	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (s->stages[lcore] != 0)
			rc |= rte_eal_wait_lcore(lcore);
	}
	return rc;
}

/* --- what came of it --------------------------------------------------------------------------- */

static void report(const struct pipeline *p, double seconds)
{
	struct rte_dma_info info = { 0 };
	struct rte_dma_stats dma = { 0 };
	const uint64_t transmitted = p->transmitted;
	const char *format;

	rte_dma_info_get(p->dma, &info);
	rte_dma_stats_get(p->dma, 0, &dma);
	format = p->options.json
			 ? "{\"dma\": \"%s\", \"lcores\": %u, \"received\": %" PRIu64
			   ", \"transmitted\": %" PRIu64 ", \"dropped\": %" PRIu64
			   ", \"wrong\": %" PRIu64 ", \"bytes\": %" PRIu64
			   ", \"ring_full\": %" PRIu64 ", \"seconds\": %.6f, \"packets_per_s\": "
			   "%.0f, \"dma_submitted\": %" PRIu64 ", \"dma_completed\": %" PRIu64
			   ", \"dma_errors\": %" PRIu64 "}\n"
			 : "dmadev       %s, %u lcores\nreceived     %" PRIu64
			   " packets\ntransmitted  %" PRIu64 "\ndropped      %" PRIu64
			   "\nwrong        %" PRIu64 "\nbytes        %" PRIu64
			   "\nring full    %" PRIu64
			   " times\nseconds      %.6f\npackets/s    %.0f\n"
			   "dma          %" PRIu64 " submitted, %" PRIu64 " completed, %" PRIu64
			   " errors\n";
	printf(format, info.dev_name, rte_lcore_count(), (uint64_t)p->received, transmitted,
		(uint64_t)p->dropped, p->wrong, p->bytes, p->full, seconds,
		(double)transmitted / seconds, dma.submitted, dma.completed, dma.errors);
}

/** Every packet went through, whole. @return the exit status. */
static int copy_packets(struct pipeline *p)
{
	struct share s = { .p = p };
	uint64_t start = rte_get_timer_cycles();
	int rc = run_on_lcores(&s);
	double seconds = (double)(rte_get_timer_cycles() - start) / (double)rte_get_timer_hz();

	report(p, seconds);
	return rc == 0 && p->wrong == 0 && p->dropped == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static struct pipeline p;
	int used, status = EXIT_FAILURE;

	rte_set_application_usage_hook(options_usage);
	used = rte_eal_init(argc, argv);
	if (used < 0) {
		fprintf(stderr, "dpdk-pktcopy: EAL does not start; see what it said, and --help\n");
		return EXIT_FAILURE;
	}
	switch (options_parse(argc - used, argv + used, &p.options)) {
	case OPTIONS_HELP:
		status = EXIT_SUCCESS;
		goto cleanup;
	case OPTIONS_WRONG:
		goto cleanup;
	default:
		break;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	p.stop = &stop;
	if (dma_start(&p) != 0)
		goto cleanup;
	if (pipeline_init(&p) == 0)
		status = copy_packets(&p);
	rte_dma_stop(p.dma); /* Before the packets that it may still copy are freed. */
	pipeline_fini(&p);
	rte_dma_close(p.dma);
cleanup:
	rte_eal_cleanup();
	return status;
}
