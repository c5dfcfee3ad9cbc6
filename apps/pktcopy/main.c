/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * dpdk-pktcopy: a DPDK program like others, which copies packets by a DMA device. It knows only rte_dma,
 * and not which device does the work: --vdev says that.
 */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_dmadev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "json_out.h"
#include "message.h"
#include "pipeline.h"
#include "standard.h"

/** The shares of the lcores. Owner: main. */
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

/** Finds the device. @return its id, or -1, told. */
static int16_t dma_find(const char *name, struct rte_dma_info *info)
{
	int16_t id;

	if (name != NULL) {
		id = (int16_t)rte_dma_get_dev_id_by_name(name);
		if (id >= 0 && copies_memory(id, info))
			return id;
		app_say("%s dmadev %s%s", id < 0 ? "there is no" : "the", name,
			id < 0 ? "" : " does not copy memory to memory");
		return -1;
	}
	RTE_DMA_FOREACH_DEV(id)
	if (copies_memory(id, info))
		return id;
	app_say("there is no dmadev that copies memory: name one to EAL, as by "
		"--vdev=dma_skeleton0");
	return -1;
}

static int dma_start(struct pipeline *p)
{
	const struct rte_dma_conf conf = { .nb_vchans = 1 };
	struct rte_dma_vchan_conf vchan = { .direction = RTE_DMA_DIR_MEM_TO_MEM };
	struct rte_dma_info info;
	int rc;

	p->dma = dma_find(p->options.dma, &info);
	if (p->dma < 0)
		return -1;
	p->nb_desc = (uint16_t)RTE_MIN(RTE_MAX(p->options.ring, info.min_desc), info.max_desc);
	vchan.nb_desc = p->nb_desc;
	rc = rte_dma_configure(p->dma, &conf);
	if (rc == 0)
		rc = rte_dma_vchan_setup(p->dma, 0, &vchan);
	if (rc == 0)
		rc = rte_dma_start(p->dma);
	if (rc == 0)
		return 0;
	app_say("%s does not start with a ring of %u: %s", info.dev_name, p->nb_desc,
		rte_strerror(-rc));
	return -1;
}

/* --- lcores ------------------------------------------------------------------------------------ */

static int lcore_main(void *arg)
{
	struct share *s = arg;

	return pipeline_run(s->p, s->stages[rte_lcore_id()]) ? 0 : -1;
}

/**
 * Divides the stages: one lcore polls all of them, two lcores share them, three have one each; more have
 * nothing to do.
 */
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

/** The figures that are reported. Owner: report(). */
struct figures {
	struct rte_dma_info info;
	struct rte_dma_stats dma;
	uint64_t received, transmitted, dropped;
	double seconds, packets_per_s;
};

static void figures_get(const struct pipeline *p, double seconds, struct figures *f)
{
	*f = (struct figures){ .received = p->received,
		.transmitted = p->transmitted,
		.dropped = p->dropped,
		.seconds = seconds };
	f->packets_per_s = (double)f->transmitted / seconds;
	rte_dma_info_get(p->dma, &f->info);
	rte_dma_stats_get(p->dma, 0, &f->dma);
}

/** @return 0; -ENOMEM, told. */
static int report_json(const struct pipeline *p, const struct figures *f)
{
	/* clang-format off */
	json_t *object = json_pack("{s:o, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:I}",
		"dma", app_json_text(f->info.dev_name),
		"lcores", rte_lcore_count(),
		"received", (json_int_t)f->received,
		"transmitted", (json_int_t)f->transmitted,
		"dropped", (json_int_t)f->dropped,
		"wrong", (json_int_t)p->wrong,
		"bytes", (json_int_t)p->bytes,
		"ring_full", (json_int_t)p->full,
		"seconds", app_json_real(f->seconds),
		"packets_per_s", app_json_whole(f->packets_per_s),
		"dma_submitted", (json_int_t)f->dma.submitted,
		"dma_completed", (json_int_t)f->dma.completed,
		"dma_errors", (json_int_t)f->dma.errors);
	/* clang-format on */

	return app_json_print(object, APP_JSON_SECONDS);
}

static void report_text(const struct pipeline *p, const struct figures *f)
{
	printf("dmadev       %s, %u lcores\n", f->info.dev_name, rte_lcore_count());
	printf("received     %" PRIu64 " packets\n", f->received);
	printf("transmitted  %" PRIu64 "\n", f->transmitted);
	printf("dropped      %" PRIu64 "\n", f->dropped);
	printf("wrong        %" PRIu64 "\n", p->wrong);
	printf("bytes        %" PRIu64 "\n", p->bytes);
	printf("ring full    %" PRIu64 " times\n", p->full);
	printf("seconds      %.6f\n", f->seconds);
	printf("packets/s    %.0f\n", f->packets_per_s);
	printf("dma          %" PRIu64 " submitted, %" PRIu64 " completed, %" PRIu64 " errors\n",
		f->dma.submitted, f->dma.completed, f->dma.errors);
}

static int report(const struct pipeline *p, double seconds)
{
	struct figures f;

	figures_get(p, seconds, &f);
	if (p->options.json)
		return report_json(p, &f);
	report_text(p, &f);
	return 0;
}

/** Runs the pipeline, and checks that every packet went through undamaged. @return the exit status. */
static int copy_packets(struct pipeline *p)
{
	struct share s = { .p = p };
	uint64_t start = rte_get_timer_cycles();
	int rc = run_on_lcores(&s);
	double seconds = (double)(rte_get_timer_cycles() - start) / (double)rte_get_timer_hz();

	rc |= report(p, seconds);
	return rc == 0 && p->wrong == 0 && p->dropped == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/** Checks the output, also if EAL ends the program after its own --help. */
static void check_output(void)
{
	if (app_flush_output() != 0)
		_exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	static struct pipeline p;
	int used, rc, status = EXIT_FAILURE;

	if (app_standard_open() != 0 || atexit(check_output) != 0)
		return EXIT_FAILURE;
	rte_set_application_usage_hook(options_usage);
	used = rte_eal_init(argc, argv);
	if (used < 0) {
		app_say("EAL does not start; see what it said, and --help");
		return EXIT_FAILURE;
	}
	rc = options_parse(argc - used, argv + used, &p.options);
	if (rc != 0) {
		status = rc > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		goto cleanup;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	p.stop = &stop;
	if (dma_start(&p) != 0)
		goto cleanup;
	if (pipeline_init(&p) == 0)
		status = copy_packets(&p);
	rte_dma_stop(p.dma); /* This is done before the packets that it may still copy are freed. */
	pipeline_fini(&p);
	rte_dma_close(p.dma);
cleanup:
	rte_eal_cleanup();
	return status;
}
