/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TOP_CLIENT_H
#define SVART_TOP_CLIENT_H

/**
 * @file
 * A connection to a program's DPDK telemetry socket: SOCK_SEQPACKET, the server greets with a JSON
 * object, and answers each command by one (DPDK's Telemetry User Guide). Whoever sits there is not
 * trusted: every wait has an end, and every answer a limit.
 */

#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include <jansson.h>

#define TOP_TEXT_BYTES  64
#define TOP_ERROR_BYTES 320

/**
 * One connection.
 *
 * Owner: who opened it. Lifetime: open to close. Locks: none.
 */
struct top_client {
	int fd;    /**< -1: not connected. */
	pid_t pid; /**< Of the program, from the kernel; its own word where the kernel does not say. */
	uint64_t timeout_ns;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char program[TOP_TEXT_BYTES]; /**< Its name, "?" where it cannot be read. */
	char version[TOP_TEXT_BYTES]; /**< Of DPDK, as it says. */
	char error[TOP_ERROR_BYTES];  /**< Why the last call failed, for a person. */
	char *buffer;
};

/**
 * Connects, and reads the greeting.
 *
 * @param timeout_ns for each wait. @return 0; -ECONNREFUSED nobody is there any more; -ETIMEDOUT;
 *         -EINTR a signal asked for the end; -EPROTO it talks no telemetry; other -errno. After a
 *         failure only the error text is left.
 */
int svart_top_client_open(const char *path, uint64_t timeout_ns, struct top_client *client);
/** Ends a connection, also one that was never opened (all zero but fd -1). */
void svart_top_client_close(struct top_client *client);

/**
 * Gives a command and waits for its answer.
 *
 * @param command "/NAME" or "/NAME,PARAMETERS".
 * @param answer out: what stands in the answer's one member; the caller ends it with json_decref().
 * @return 0; -ECONNRESET the program closed the connection: it has ended; others as above.
 */
int svart_top_client_ask(struct top_client *client, const char *command, json_t **answer);

#endif
