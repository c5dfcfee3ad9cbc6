/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE         4096u
#define RECORD_BYTES 32u
#define WAIT_NS      UINT64_C(10000000000)
#define POLL_NS      50000
#define BUSY_TRIES   1000

static const char *const way_names[CLIENT_WAYS] = {
	[CLIENT_MOVDIR64B] = "movdir64b",
	[CLIENT_WRITE_DEDICATED] = "write_dedicated",
	[CLIENT_ENQCMD] = "enqcmd",
	[CLIENT_WRITE_SHARED] = "write_shared",
};

const char *client_way_name(enum client_by by)
{
	return way_names[by];
}

bool client_way_is_shared(enum client_by by)
{
	return by == CLIENT_ENQCMD || by == CLIENT_WRITE_SHARED;
}

/* --- Opening ------------------------------------------------------------------------------------- */

static void nap(long ns)
{
	const struct timespec time = { .tv_nsec = ns };

	nanosleep(&time, NULL);
}

static int open_wq(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	for (unsigned int i = 0; fd < 0 && errno == EBUSY && i < BUSY_TRIES; i++) {
		nap(10000000);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

int client_open(struct client *client, const char *path, enum client_by by)
{
	*client = (struct client){ .by = by, .fd = open_wq(path) };
	if (client->fd < 0)
		return client->fd;
	client->records =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (client->records == MAP_FAILED)
		return -errno;
	if (by == CLIENT_WRITE_DEDICATED || by == CLIENT_WRITE_SHARED)
		return 0;
	client->portal = mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, client->fd, 0);
	return client->portal == MAP_FAILED ? -errno : 0;
}

void client_close(struct client *client)
{
	if (client->fd < 0)
		return;
	if (client->portal != NULL && client->portal != MAP_FAILED)
		munmap(client->portal, PAGE);
	close(client->fd);
	if (client->records != MAP_FAILED)
		munmap(client->records, PAGE);
	*client = (struct client)CLIENT_CLOSED;
}

/* --- Submitting ---------------------------------------------------------------------------------- */

/* MOVDIR64B RAX, [RDX]; as bytes, because not every assembler knows it. */
static void movdir64b(void *portal, const void *desc)
{
	__asm__ volatile(".byte 0x66, 0x0f, 0x38, 0xf8, 0x02"
			 :
			 : "a"(portal), "d"(desc)
			 : "memory");
}

/* ENQCMD RAX, [RDX]. Returns whether it is to be tried again. */
static bool enqcmd(void *portal, const void *desc)
{
	bool again;

	__asm__ volatile(".byte 0xf2, 0x0f, 0x38, 0xf8, 0x02\n\tsetz %0"
			 : "=r"(again)
			 : "a"(portal), "d"(desc)
			 : "memory", "cc");
	return again;
}

static int submit_by_write(struct client *client, const struct dsa_hw_desc *desc)
{
	while (write(client->fd, desc, sizeof(*desc)) != sizeof(*desc)) {
		if (errno != EAGAIN && errno != EBUSY)
			return -errno;
		client->nr_retries++;
	}
	return 0;
}

int client_submit(struct client *client, const struct dsa_hw_desc *desc)
{
	_Alignas(64) struct dsa_hw_desc aligned = *desc;

	switch (client->by) {
	case CLIENT_MOVDIR64B:
		movdir64b(client->portal, &aligned);
		return 0;
	case CLIENT_ENQCMD:
		while (enqcmd(client->portal, &aligned))
			client->nr_retries++;
		return 0;
	default:
		return submit_by_write(client, &aligned);
	}
}

/* --- Records ------------------------------------------------------------------------------------- */

struct dsa_completion_record *client_record(struct client *client)
{
	struct dsa_completion_record *record =
		(void *)(client->records + client->next_record * RECORD_BYTES);

	client->next_record = (client->next_record + 1) % (PAGE / RECORD_BYTES);
	memset(record, 0, sizeof(*record));
	return record;
}

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint8_t client_wait(const struct dsa_completion_record *record)
{
	uint64_t end = now_ns() + WAIT_NS;

	while (record->status == 0 && now_ns() < end)
		nap(POLL_NS);
	return record->status;
}

int client_try(struct client *client, struct dsa_hw_desc *desc, struct outcome *outcome)
{
	struct dsa_completion_record *record = client_record(client);
	int rc;

	desc->completion_addr = (uintptr_t)record;
	rc = client_submit(client, desc);
	if (rc != 0)
		return rc;
	if (client_wait(record) == 0)
		return -ETIMEDOUT;
	*outcome = (struct outcome){
		.status = record->status,
		.result = record->result,
		.bytes = record->bytes_completed,
		.fault_address = record->fault_addr,
	};
	return 0;
}

struct outcome client_run(struct case_run *run, struct client *client, struct dsa_hw_desc *desc)
{
	struct outcome outcome = { 0 };
	int rc = client_try(client, desc, &outcome);

	if (rc != 0)
		case_fail(run, "opcode %#x, %u bytes, by %s: %s", desc->opcode, desc->xfer_size,
			client_way_name(client->by), strerror(-rc));
	return outcome;
}

/* --- Descriptors --------------------------------------------------------------------------------- */

struct dsa_hw_desc client_move(void *dst, const void *src, uint32_t bytes, uint32_t flags)
{
	return (struct dsa_hw_desc){
		.opcode = DSA_OPCODE_MEMMOVE,
		.flags = (IDXD_OP_FLAG_CRAV | IDXD_OP_FLAG_RCR | flags) & 0xffffff,
		.src_addr = (uintptr_t)src,
		.dst_addr = (uintptr_t)dst,
		.xfer_size = bytes,
	};
}

struct dsa_hw_desc client_fill(void *dst, uint64_t pattern, uint32_t bytes, uint32_t flags)
{
	return (struct dsa_hw_desc){
		.opcode = DSA_OPCODE_MEMFILL,
		.flags = (IDXD_OP_FLAG_CRAV | IDXD_OP_FLAG_RCR | flags) & 0xffffff,
		.pattern = pattern,
		.dst_addr = (uintptr_t)dst,
		.xfer_size = bytes,
	};
}
