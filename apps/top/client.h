/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TOP_CLIENT_H
#define SVART_TOP_CLIENT_H

/**
 * @file
 * A connection to a program's DPDK telemetry socket: it is SOCK_SEQPACKET; the server greets with a JSON
 * object, and answers each command by one (DPDK's Telemetry User Guide). The server is not trusted: every
 * wait has an end, and every answer a limit.
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
 * Owner: the caller that opened it. Lifetime: open to close. Locks: none.
 */
struct top_client {
	int fd; /**< -1: not connected. */
	/** PID of the program, from the kernel, or from the program itself if the kernel does not say. */
	pid_t pid;
	uint64_t timeout_ns;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char program[TOP_TEXT_BYTES]; /**< Its name, "?" if it cannot be read. */
	char version[TOP_TEXT_BYTES]; /**< Version of DPDK, as the program says. */
	char error[TOP_ERROR_BYTES];  /**< Why the last call failed, for a person. */
	char *buffer;
};

/**
 * Connects, and reads the greeting.
 *
 * @param timeout_ns limit of each wait. @return 0; -ECONNREFUSED if no program is there any more;
 *         -ETIMEDOUT; -EINTR if a signal asked for the end; -EPROTO if it does not speak telemetry; other
 *         -errno. After a failure only the error text is valid.
 */
int svart_top_client_open(const char *path, uint64_t timeout_ns, struct top_client *client);
/** Ends a connection, also one that was never opened (all zero except fd, which is -1). */
void svart_top_client_close(struct top_client *client);

/**
 * Gives a command and waits for its answer.
 *
 * @param command "/NAME" or "/NAME,PARAMETERS".
 * @param answer out: the value of the answer's only member; the caller ends it with json_decref().
 * @return 0; -ECONNRESET if the program closed the connection, because it, or its telemetry, has ended;
 *         others as above.
 */
int svart_top_client_ask(struct top_client *client, const char *command, json_t **answer);

#endif
