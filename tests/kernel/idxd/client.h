/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_IDXD_CLIENT_H
#define SVART_TEST_IDXD_CLIENT_H

/**
 * @file
 * A program's use of a work queue by idxd's character device: no code of svart's is in the way, and the layout of
 * descriptors is that of Linux's own header.
 */

#include <linux/idxd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "case.h"

/** How descriptors get to the device. */
enum client_by {
	CLIENT_MOVDIR64B,       /**< Into the portal of a dedicated queue. */
	CLIENT_WRITE_DEDICATED, /**< By write(2): the kernel does it. */
	CLIENT_ENQCMD,          /**< Into the portal of a shared queue, again while it is full. */
	CLIENT_WRITE_SHARED,
	CLIENT_WAYS,
};

/** Owner: its user. Lifetime: open to close. Locks: none, one thread. */
struct client {
	enum client_by by;
	int fd; /**< -1: not open. */
	void *portal;
	uint8_t *records; /**< A page that forks share. */
	unsigned int next_record;
	uint64_t nr_retries; /**< Times that the queue was full. */
};

#define CLIENT_CLOSED    \
	{                \
		.fd = -1 \
	}

/** What an operation came to, copied out of its record. */
struct outcome {
	uint8_t status; /**< All of it, with the bit that says write. */
	uint8_t result;
	uint32_t bytes;
	uint64_t fault_address;
};

/** Its name, as part of a case's. */
const char *client_way_name(enum client_by by);
bool client_way_is_shared(enum client_by by);

/** @return 0 or -errno. A dedicated queue that its last program has just left is waited for. */
int client_open(struct client *client, const char *path, enum client_by by);
void client_close(struct client *client);

/** A record that is 0; another one each time, of 128. */
struct dsa_completion_record *client_record(struct client *client);
/** Submits a descriptor as it is. @return 0, or -errno of write(2). */
int client_submit(struct client *client, const struct dsa_hw_desc *desc);
/** Waits 10 s at most. @return the status, 0: none came. */
uint8_t client_wait(const struct dsa_completion_record *record);
/** Gives a descriptor a record, submits and waits. @return 0, -errno, or -ETIMEDOUT. */
int client_try(struct client *client, struct dsa_hw_desc *desc, struct outcome *outcome);
/** The same; the case fails if nothing came. */
struct outcome client_run(struct case_run *run, struct client *client, struct dsa_hw_desc *desc);

/** Descriptors of the operations; flags are added to those that ask for a record. */
struct dsa_hw_desc client_move(void *dst, const void *src, uint32_t bytes, uint32_t flags);
struct dsa_hw_desc client_fill(void *dst, uint64_t pattern, uint32_t bytes, uint32_t flags);

#endif
