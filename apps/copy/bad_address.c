/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "bad_address.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "say.h"

/* Milliseconds by which the counters may be late. */
#define MAX_MOMENTS 100

/* @return the offset in the file of the byte at the address; `off` if the address is in no mapped file. */
static uint64_t file_offset(const struct copy_mapping *map, uint64_t off, const void *addr)
{
	const uint8_t *at = addr;

	return at >= map->addr && at < map->addr + map->bytes ? (uint64_t)(at - map->addr) : off;
}

/* Checks whether the file lacks the byte, or cannot give it. @return 0 if it is there; -errno, told. */
static int check_source(const struct copy_job_params *p, uint64_t off)
{
	int rc = svart_copy_source_check(p->source);
	char byte;

	if (rc != 0)
		return rc;
	if (pread(p->source->fd, &byte, 1, (off_t)off) >= 0)
		return 0;
	rc = -errno;
	svart_copy_say("cannot read '%s' at offset %" PRIu64 " by the CPU either: %s%s",
		p->source->path, off, strerror(-rc), rc == -EIO ? "; see the kernel's log" : "");
	return rc;
}

/*
 * Waits for the service's counter: it counts an answer after it was sent, so the operation can be done a
 * little before that.
 */
static uint64_t nr_refused(const struct copy_session *session)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();

	for (unsigned int i = 0; i < MAX_MOMENTS; i++) {
		svart_fault_stats_get(session->faults, &stats);
		if (stats.answers_success + stats.answers_invalid + stats.answers_gone >=
			stats.groups)
			break;
		nanosleep(&moment, NULL);
	}
	return stats.answers_invalid;
}

/* @return the likely cause if file and memory are as they should be. */
static const char *likely_cause(const struct copy_session *session)
{
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();

	svart_device_info_get(session->dev, &info);
	if ((info.features & SVART_FEATURE_PAGE_REQUESTS) == 0)
		return "the CPU can reach it: likely the device has too few address bits for it "
		       "(of edu: dma_mask_bits)";
	if (nr_refused(session) != 0)
		return "the CPU can reach it, but it could not be mapped for the device: likely "
		       "more would be pinned than may be (RLIMIT_MEMLOCK, ulimit -l) or can be, "
		       "or its file system's pages cannot be pinned; use cp";
	return "the CPU can reach it: the device's request for the page was lost or refused on its "
	       "way; svart-info --probe tries that";
}

/*
 * Has the kernel bring the page, without touching it: with a file that was cut short, a touch would raise
 * SIGBUS.
 */
static int check_memory(const void *addr)
{
	uintptr_t mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	void *page = (void *)((uintptr_t)addr & ~mask);
	int rc;

	if (mlock(page, 1) == 0) {
		munlock(page, 1);
		return 0;
	}
	rc = -errno;
	svart_copy_say("the CPU cannot have that memory either: %s%s", strerror(-rc),
		rc == -EPERM ? "; raise RLIMIT_MEMLOCK (ulimit -l)"
			     : "; memory is short, or RLIMIT_MEMLOCK (ulimit -l) too low");
	return rc;
}

int svart_copy_say_bad_address(const struct copy_job_params *params, uint64_t off, uint64_t len,
	const struct svart_completion *c)
{
	bool write = (c->flags & SVART_COMPLETION_FAULT_WRITE) != 0;
	void *addr = (void *)(uintptr_t)c->fault_addr;
	int rc;

	svart_copy_say("the device cannot %s address 0x%" PRIx64 ", in the %" PRIu64
		       " bytes at offset %" PRIu64 " of '%s'",
		write ? "write to" : "read", c->fault_addr, len, off,
		write ? params->output->target.path : params->source->path);
	rc = write ? svart_copy_output_check(
			     params->output, svart_copy_source_bytes(params->source))
		   : check_source(params, file_offset(&params->source->map, off, addr));
	if (rc == 0)
		rc = check_memory(addr);
	if (rc != 0)
		return rc;
	svart_copy_say("%s", likely_cause(params->session));
	return -EIO;
}
