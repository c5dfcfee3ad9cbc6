/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "pipeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_dmadev.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include "message.h"

#define RING_SIZE    1024u
#define CACHE_SIZE   256u
#define NR_IDS       65536u
#define PATIENCE_S   10u /* Time without any packet moving. */
#define GOLDEN_RATIO UINT64_C(0x9e3779b97f4a7c15)

/* --- packets ----------------------------------------------------------------------------------- */

/** Makes word i of packet nr. */
static uint64_t word_of(uint64_t nr, uint32_t i)
{
	return i == 0 ? nr : (nr + i) * GOLDEN_RATIO;
}

static void packet_write(struct rte_mbuf *m, uint64_t nr, uint32_t size)
{
	uint64_t *words = rte_pktmbuf_mtod(m, uint64_t *);
	uint32_t i;

	m->data_len = (uint16_t)size;
	m->pkt_len = size;
	for (i = 0; i < (size + 7) / 8; i++) /* The room is a multiple of 8. */
		words[i] = word_of(nr, i);
}

/** @return whether the packet is undamaged; nr is its number. */
static bool packet_check(const struct rte_mbuf *m, uint64_t *nr)
{
	const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t i, n;
	uint64_t word;

	memcpy(nr, bytes, sizeof(*nr));
	for (i = 0; i < m->data_len; i += 8) {
		word = word_of(*nr, i / 8);
		n = RTE_MIN(8u, (uint32_t)m->data_len - i);
		if (memcmp(bytes + i, &word, n) != 0)
			return false;
	}
	return true;
}

/* --- stages ------------------------------------------------------------------------------------ */

static uint32_t random_size(struct pipeline *p)
{
	const struct options *o = &p->options;

	p->random = p->random * 1664525u + 1013904223u; /* Knuth's generator. */
	return o->size.min + (p->random >> 8) % (o->size.max - o->size.min + 1);
}

/** Makes packets; a real program would poll a port here. @return how many packets moved. */
static unsigned int rx_poll(struct pipeline *p)
{
	struct rte_mbuf *burst[PKTCOPY_MAX_BURST];
	uint64_t nr = atomic_load_explicit(&p->received, memory_order_relaxed);
	unsigned int n = (unsigned int)RTE_MIN(p->options.packets - nr, p->options.burst);
	unsigned int i;

	if (n == 0 || *p->stop) {
		atomic_store_explicit(&p->rx_done, true, memory_order_release);
		return 0;
	}
	n = RTE_MIN(n, rte_ring_free_count(p->to_copy));
	if (n == 0 || rte_pktmbuf_alloc_bulk(p->rx_pool, burst, n) != 0)
		return 0;
	for (i = 0; i < n; i++)
		packet_write(burst[i], nr + i, random_size(p));
	rte_ring_sp_enqueue_bulk(p->to_copy, (void **)burst, n, NULL);
	atomic_store_explicit(&p->received, nr + n, memory_order_relaxed);
	return n;
}

/** Hands packets to the device. The CPU does not touch their bytes. */
static unsigned int copies_begin(struct pipeline *p)
{
	struct rte_mbuf *src[PKTCOPY_MAX_BURST], *dst[PKTCOPY_MAX_BURST];
	unsigned int room = RTE_MIN(rte_dma_burst_capacity(p->dma, 0), p->options.burst);
	unsigned int n = RTE_MIN(room, rte_ring_count(p->to_copy)), i;
	int id;

	/* A device that has no copies and takes none is not full: it has failed, or was reset. */
	p->takes_none = room == 0 && p->in_flight == 0;
	p->full += room == 0 && p->in_flight != 0 && !rte_ring_empty(p->to_copy);
	if (n == 0 || rte_pktmbuf_alloc_bulk(p->tx_pool, dst, n) != 0)
		return 0;
	rte_ring_sc_dequeue_bulk(p->to_copy, (void **)src, n, NULL);
	for (i = 0; i < n; i++) {
		dst[i]->data_len = src[i]->data_len;
		dst[i]->pkt_len = src[i]->pkt_len;
		id = rte_dma_copy(p->dma, 0, rte_pktmbuf_iova(src[i]), rte_pktmbuf_iova(dst[i]),
			src[i]->data_len, i == n - 1 ? RTE_DMA_OP_FLAG_SUBMIT : 0);
		if (id < 0)
			break;
		p->copies[id] = (struct copy){ src[i], dst[i] };
		p->in_flight++;
	}
	if (i < n) { /* The device said that there was room. */
		rte_dma_submit(p->dma, 0);
		atomic_fetch_add_explicit(&p->dropped, n - i, memory_order_relaxed);
		rte_pktmbuf_free_bulk(src + i, n - i);
		rte_pktmbuf_free_bulk(dst + i, n - i);
	}
	return n;
}

/** Takes n copies that ended; the last one has id last. If codes is NULL, all of them succeeded. */
static void copies_end(
	struct pipeline *p, uint16_t n, uint16_t last, const enum rte_dma_status_code *codes)
{
	struct rte_mbuf *good[PKTCOPY_MAX_BURST];
	unsigned int i, nr_good = 0;

	for (i = 0; i < n; i++) {
		const struct copy *c = &p->copies[(uint16_t)(last - (n - 1) + i)];

		rte_pktmbuf_free(c->src);
		if (codes == NULL || codes[i] == RTE_DMA_STATUS_SUCCESSFUL)
			good[nr_good++] = c->dst;
		else
			rte_pktmbuf_free(c->dst);
	}
	p->in_flight -= n;
	rte_ring_sp_enqueue_bulk(p->to_tx, (void **)good, nr_good, NULL);
	atomic_fetch_add_explicit(&p->dropped, n - nr_good, memory_order_relaxed);
}

/** Takes completions, only as many as the ring to transmit has room for. */
static unsigned int copies_complete(struct pipeline *p)
{
	enum rte_dma_status_code codes[PKTCOPY_MAX_BURST];
	uint16_t max = (uint16_t)RTE_MIN(rte_ring_free_count(p->to_tx), p->options.burst);
	uint16_t n, last;
	bool has_error = false;

	if (max == 0 || p->in_flight == 0)
		return 0;
	n = rte_dma_completed(p->dma, 0, max, &last, &has_error);
	if (n > 0)
		copies_end(p, n, last, NULL);
	if (!has_error || n == max)
		return n;
	max = rte_dma_completed_status(p->dma, 0, (uint16_t)(max - n), &last, codes);
	if (max > 0)
		copies_end(p, max, last, codes);
	return n + max;
}

static unsigned int copy_poll(struct pipeline *p)
{
	unsigned int moved = copies_complete(p);

	return moved + copies_begin(p);
}

/** Checks and frees packets; a real program would give them to a port here. */
static unsigned int tx_poll(struct pipeline *p)
{
	struct rte_mbuf *burst[PKTCOPY_MAX_BURST];
	unsigned int i, n;
	uint64_t nr;

	n = rte_ring_sc_dequeue_burst(p->to_tx, (void **)burst, p->options.burst, NULL);
	for (i = 0; i < n; i++) {
		if (!packet_check(burst[i], &nr) || nr < p->next)
			p->wrong++;
		else
			p->next = nr + 1;
		p->bytes += burst[i]->data_len;
	}
	rte_pktmbuf_free_bulk(burst, n);
	atomic_fetch_add_explicit(&p->transmitted, n, memory_order_release);
	return n;
}

/* --- all of it --------------------------------------------------------------------------------- */

static bool is_over(const struct pipeline *p)
{
	return atomic_load_explicit(&p->rx_done, memory_order_acquire) &&
	       atomic_load_explicit(&p->transmitted, memory_order_acquire) +
			       atomic_load_explicit(&p->dropped, memory_order_relaxed) ==
		       atomic_load_explicit(&p->received, memory_order_relaxed);
}

/** Counts the packets that have moved through any stage, also those of other lcores. */
static uint64_t progress(const struct pipeline *p)
{
	return atomic_load_explicit(&p->received, memory_order_relaxed) +
	       atomic_load_explicit(&p->transmitted, memory_order_relaxed) +
	       atomic_load_explicit(&p->dropped, memory_order_relaxed);
}

static void say_stuck(const struct pipeline *p, unsigned int stages)
{
	app_say("no packet has moved for %u s, as lcore %u sees it%s", PATIENCE_S, rte_lcore_id(),
		(stages & STAGE_COPY) != 0 && p->takes_none
			? ": the device has no copies and takes none, so it has failed or was "
			  "reset"
			: "");
}

bool pipeline_run(struct pipeline *p, unsigned int stages)
{
	uint64_t patience = PATIENCE_S * rte_get_timer_hz();
	uint64_t since = rte_get_timer_cycles(), seen = 0;
	unsigned int moved;

	while (!is_over(p)) {
		moved = (stages & STAGE_RX) != 0 ? rx_poll(p) : 0;
		moved += (stages & STAGE_COPY) != 0 ? copy_poll(p) : 0;
		moved += (stages & STAGE_TX) != 0 ? tx_poll(p) : 0;
		if (moved != 0 || progress(p) != seen) {
			since = rte_get_timer_cycles();
			seen = progress(p);
			continue;
		}
		rte_pause();
		if (rte_get_timer_cycles() - since > patience) {
			say_stuck(p, stages);
			return false;
		}
	}
	return true;
}

static struct rte_mempool *pool_create(const char *name, const struct pipeline *p)
{
	unsigned int n = 2 * RING_SIZE + p->nb_desc + 2 * CACHE_SIZE * rte_lcore_count();
	unsigned int room = RTE_ALIGN_CEIL(p->options.size.max, 64u) + RTE_PKTMBUF_HEADROOM;
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		name, n, CACHE_SIZE, 0, (uint16_t)room, (int)rte_socket_id());

	if (pool == NULL)
		app_say("cannot make a pool of %u packets of %u bytes: %s%s", n, room,
			rte_strerror(rte_errno),
			rte_errno == ENOMEM
				? "; give EAL more memory by -m, or take smaller packets"
				: "");
	return pool;
}

int pipeline_init(struct pipeline *p)
{
	const unsigned int flags = RING_F_SP_ENQ | RING_F_SC_DEQ;

	p->random = 1;
	p->copies = calloc(NR_IDS, sizeof(*p->copies));
	if (p->copies == NULL) {
		app_say("no memory for %u copies: end other programs", NR_IDS);
		return -ENOMEM;
	}
	p->rx_pool = pool_create("rx", p);
	p->tx_pool = p->rx_pool != NULL ? pool_create("tx", p) : NULL;
	if (p->tx_pool == NULL)
		return -ENOMEM;
	p->to_copy = rte_ring_create("to_copy", RING_SIZE, (int)rte_socket_id(), flags);
	p->to_tx = rte_ring_create("to_tx", RING_SIZE, (int)rte_socket_id(), flags);
	if (p->to_copy != NULL && p->to_tx != NULL)
		return 0;
	app_say("cannot make rings of %u packets: %s%s", RING_SIZE, rte_strerror(rte_errno),
		rte_errno == ENOMEM ? "; give EAL more memory by -m" : "");
	return -ENOMEM;
}

void pipeline_fini(struct pipeline *p)
{
	rte_ring_free(p->to_tx);
	rte_ring_free(p->to_copy);
	rte_mempool_free(p->tx_pool);
	rte_mempool_free(p->rx_pool);
	free(p->copies);
}
