/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "text.h"
#include "wait.h"

/** DPDK's answers end at 16 KiB (22.11); answers of a later version may be longer. */
#define ANSWER_BYTES (256u << 10)
/** Time between two tries to connect if the server's backlog is full. */
#define RETRY_NS UINT64_C(10000000)

__attribute__((format(printf, 3, 4))) static int fail(
	struct top_client *c, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->error, sizeof(c->error), format, args);
	va_end(args);
	return rc;
}

static int fail_late(struct top_client *c)
{
	return fail(c, -ETIMEDOUT,
		"%s: no answer in %g s: the program is stopped, or busy with a control call; "
		"--timeout waits longer",
		c->path, (double)c->timeout_ns / 1e9);
}

/** Waits for the socket until the deadline. Only signals that ask for the end stop the wait. */
static int wait_for(struct top_client *c, short events, uint64_t deadline_ns)
{
	struct pollfd fd = { .fd = c->fd, .events = events };
	int rc;

	do {
		rc = svart_top_signal_end() ? -ECANCELED : svart_top_wait(&fd, 1, deadline_ns);
	} while (rc == -EINTR);
	if (rc == -ECANCELED)
		return fail(c, -EINTR, "interrupted");
	return rc == -ETIMEDOUT ? fail_late(c) : rc;
}

/** Waits a little, at most until a signal asks for the end, or until the deadline. */
static int wait_a_bit(struct top_client *c, uint64_t deadline_ns)
{
	uint64_t now = svart_top_now_ns();

	if (now >= deadline_ns)
		return fail_late(c);
	svart_top_wait(NULL, 0, now + RETRY_NS);
	return svart_top_signal_end() ? fail(c, -EINTR, "interrupted") : 0;
}

static int connect_socket(struct top_client *c)
{
	uint64_t deadline_ns = svart_top_now_ns() + c->timeout_ns;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int rc = 0;

	memcpy(address.sun_path, c->path, sizeof(address.sun_path));
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return fail(c, -errno, "cannot make a socket: %s", strerror(errno));
	/* EAGAIN: the server's backlog is full (unix(7)); there is nothing to poll for. */
	while (rc == 0 && connect(c->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		rc = -errno;
		if (rc == -EAGAIN || rc == -EINTR)
			rc = wait_a_bit(c, deadline_ns);
		else if (rc == -ECONNREFUSED)
			fail(c, rc,
				"%s: nobody answers there: the program has ended, or its "
				"telemetry has",
				c->path);
		else if (rc == -EPROTOTYPE)
			fail(c, rc, "%s is not a telemetry socket", c->path);
		else
			fail(c, rc, "cannot connect to '%s': %s%s", c->path, strerror(-rc),
				rc == -EACCES ? "; run svart-top as the program's user, or as root"
					      : "");
	}
	return rc;
}

/** Receives one message and parses it. */
static int receive(struct top_client *c, json_t **message)
{
	uint64_t deadline_ns = svart_top_now_ns() + c->timeout_ns;
	json_error_t error;
	ssize_t len;
	int rc;

	do {
		rc = wait_for(c, POLLIN, deadline_ns);
		if (rc != 0)
			return rc;
		len = recv(c->fd, c->buffer, ANSWER_BYTES, MSG_TRUNC);
	} while (len < 0 && (errno == EAGAIN || errno == EINTR));
	if (len == 0 || (len < 0 && errno == ECONNRESET))
		return fail(c, -ECONNRESET, "%s: the connection was closed", c->path);
	if (len < 0)
		return fail(c, -errno, "cannot read from '%s': %s", c->path, strerror(errno));
	if ((size_t)len > ANSWER_BYTES)
		return fail(c, -EPROTO, "%s: a message of %zd bytes is no telemetry", c->path, len);
	*message = json_loadb(c->buffer, (size_t)len, JSON_REJECT_DUPLICATES, &error);
	if (*message == NULL)
		return fail(c, -EPROTO, "%s: its answer is no JSON, so no telemetry", c->path);
	return 0;
}

/** Finds out which program is there: the kernel knows that better than the greeting. */
static void identify(struct top_client *c)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	char path[64], name[TOP_TEXT_BYTES] = "?";
	FILE *file;

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid > 0)
		c->pid = peer.pid;
	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)c->pid);
	file = fopen(path, "re");
	if (file != NULL) {
		if (fgets(name, sizeof(name), file) != NULL)
			name[strcspn(name, "\n")] = '\0';
		fclose(file);
	}
	app_text_copy(c->program, sizeof(c->program), name);
}

static int read_greeting(struct top_client *c)
{
	const char *version;
	json_t *greeting;
	json_int_t pid;
	int rc = receive(c, &greeting);

	if (rc == -ECONNRESET)
		return fail(c, rc,
			"%s: the connection was closed at once: the program is ending, or has ten "
			"clients, which is DPDK's limit",
			c->path);
	if (rc != 0)
		return rc;
	version = json_string_value(json_object_get(greeting, "version"));
	pid = json_integer_value(json_object_get(greeting, "pid"));
	if (version == NULL || pid < 1 || pid > INT32_MAX) {
		rc = fail(c, -EPROTO, "%s: its greeting is not DPDK telemetry's", c->path);
	} else {
		app_text_copy(c->version, sizeof(c->version), version);
		c->pid = (pid_t)pid;
		identify(c);
	}
	json_decref(greeting);
	return rc;
}

int svart_top_client_open(const char *path, uint64_t timeout_ns, struct top_client *c)
{
	int rc;

	*c = (struct top_client){ .fd = -1, .timeout_ns = timeout_ns };
	if (*path == '\0' || strlen(path) >= sizeof(c->path))
		return fail(c, -EINVAL, "a socket's path has 1 to %zu bytes: '%.64s'...",
			sizeof(c->path) - 1, path);
	strcpy(c->path, path);
	c->buffer = malloc(ANSWER_BYTES);
	if (c->buffer == NULL)
		return fail(c, -ENOMEM, "out of memory");
	rc = connect_socket(c);
	if (rc == 0)
		rc = read_greeting(c);
	if (rc != 0)
		svart_top_client_close(c);
	return rc;
}

void svart_top_client_close(struct top_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->buffer);
	c->fd = -1;
	c->buffer = NULL;
}

static int send_command(struct top_client *c, const char *command)
{
	uint64_t deadline_ns = svart_top_now_ns() + c->timeout_ns;
	int rc;

	while (send(c->fd, command, strlen(command), MSG_NOSIGNAL) < 0) {
		if (errno == EPIPE || errno == ECONNRESET)
			return fail(c, -ECONNRESET, "%s: the connection was closed", c->path);
		if (errno != EAGAIN && errno != EINTR)
			return fail(
				c, -errno, "cannot write to '%s': %s", c->path, strerror(errno));
		rc = wait_for(c, POLLOUT, deadline_ns);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int svart_top_client_ask(struct top_client *c, const char *command, json_t **answer)
{
	char name[64];
	json_t *message, *value;
	int rc = send_command(c, command);

	if (rc == 0)
		rc = receive(c, &message);
	if (rc != 0)
		return rc;
	/* {"NAME": ANSWER}, where the name is the command's without its parameters. */
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(command, ","), command);
	value = json_object_get(message, name);
	if (value == NULL)
		rc = fail(
			c, -EPROTO, "%s: the answer to %s is about something else", c->path, name);
	else
		*answer = json_incref(value);
	json_decref(message);
	return rc;
}
