/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "find.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "say.h"
#include "text.h"
#include "wait.h"

/** EAL's name of the socket; further programs of the same prefix add ":1", ":2"... (DPDK 22.11). */
#define SOCKET_NAME "dpdk_telemetry.v2"
/**
 * A program that takes longer than this part of --timeout is left out: a search for one program should not
 * wait for another.
 */
#define PROBE_PART 10

/** A folder that was looked at. */
struct seen {
	dev_t dev;
	ino_t ino;
};

static int compare_pids(const void *a, const void *b)
{
	const struct top_client *one = a, *other = b;

	return one->pid < other->pid ? -1 : one->pid > other->pid;
}

/** Checks whether the connected program uses svart. */
static int check_svart(struct top_client *c)
{
	json_t *answer;
	int rc = svart_top_client_ask(c, "/svart/devices", &answer);

	if (rc != 0)
		return rc;
	rc = json_is_array(answer) ? 0 : -ENOENT;
	json_decref(answer);
	return rc;
}

static int look_at(const char *path, const struct top_options *o, struct top_found *found)
{
	struct top_client *c = &found->clients[found->nr];
	int rc = svart_top_client_open(path, o->timeout_ns / PROBE_PART, c);

	if (rc == 0) {
		rc = o->pid != 0 && o->pid != c->pid ? -ENOENT : check_svart(c);
		c->timeout_ns = o->timeout_ns;
		if (rc == 0) {
			found->nr++;
			return 0;
		}
		svart_top_client_close(c);
	}
	if (rc == -EACCES || rc == -EPERM)
		found->nr_refused++;
	else if (rc == -ETIMEDOUT || rc == -EPROTO)
		found->nr_silent++;
	return rc == -EINTR ? rc : 0;
}

/** Looks at the sockets of one file prefix. */
static int look_in_prefix(const char *folder, const struct top_options *o, struct top_found *found)
{
	char path[512];
	struct dirent *entry;
	DIR *dir = opendir(folder);
	int rc = 0;

	if (dir == NULL) {
		found->nr_refused += errno == EACCES;
		return 0;
	}
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, SOCKET_NAME, strlen(SOCKET_NAME)) != 0)
			continue;
		if (found->nr == TOP_FOUND_MAX) {
			found->cut = true;
			break;
		}
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) <
			sizeof(path))
			rc = look_at(path, o, found);
	}
	closedir(dir);
	return rc;
}

/** Looks at the prefixes of one runtime folder. */
static int look_in(const char *runtime, const struct top_options *o, struct top_found *found)
{
	char path[384];
	struct dirent *entry;
	int rc = 0;
	DIR *dir;

	if (o->file_prefix != NULL) {
		snprintf(path, sizeof(path), "%s/dpdk/%s", runtime, o->file_prefix);
		return look_in_prefix(path, o, found);
	}
	snprintf(path, sizeof(path), "%s/dpdk", runtime);
	dir = opendir(path);
	while (dir != NULL && rc == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s/dpdk/%s", runtime, entry->d_name) <
			sizeof(path))
			rc = look_in_prefix(path, o, found);
	}
	if (dir != NULL)
		closedir(dir);
	return rc;
}

/** Tells whether a folder is new: /var/run and $XDG_RUNTIME_DIR can be the same. */
static bool is_new(const char *folder, struct seen *seen, unsigned int *nr)
{
	struct stat st;
	unsigned int i;

	if (stat(folder, &st) != 0)
		return false;
	for (i = 0; i < *nr; i++) {
		if (seen[i].dev == st.st_dev && seen[i].ino == st.st_ino)
			return false;
	}
	seen[(*nr)++] = (struct seen){ st.st_dev, st.st_ino };
	return true;
}

int svart_top_find(const struct top_options *o, struct top_found *found)
{
	/*
	 * Folders where EAL makes them: for a service, for root, for a user, and for a user without a
	 * session.
	 */
	const char *const folders[] = { getenv("RUNTIME_DIRECTORY"), "/var/run",
		getenv("XDG_RUNTIME_DIR"), "/tmp" };
	struct seen seen[sizeof(folders) / sizeof(folders[0])];
	unsigned int i, nr_seen = 0;
	int rc = 0;

	*found = (struct top_found){ 0 };
	found->clients = calloc(TOP_FOUND_MAX, sizeof(*found->clients));
	if (found->clients == NULL)
		return -ENOMEM;
	for (i = 0; rc == 0 && i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (folders[i] != NULL && is_new(folders[i], seen, &nr_seen))
			rc = look_in(folders[i], o, found);
	}
	if (rc != 0)
		svart_top_found_close(found);
	else
		qsort(found->clients, found->nr, sizeof(*found->clients), compare_pids);
	return rc;
}

void svart_top_found_close(struct top_found *found)
{
	while (found->nr > 0)
		svart_top_client_close(&found->clients[--found->nr]);
	free(found->clients);
	found->clients = NULL;
}

static void print_found(FILE *file, const struct top_found *found)
{
	char path[sizeof(found->clients[0].path)];
	unsigned int i;

	fprintf(file, "%8s  %-16s  %-16s  %s\n", "PID", "PROGRAM", "DPDK", "SOCKET");
	for (i = 0; i < found->nr; i++) {
		const struct top_client *c = &found->clients[i];

		app_text_copy(path, sizeof(path), c->path);
		fprintf(file, "%8ld  %-16s  %-16s  %s\n", (long)c->pid, c->program, c->version,
			path);
	}
	if (found->cut)
		fprintf(file, "There are more than %d; name one by --file-prefix.\n",
			TOP_FOUND_MAX);
}

static void say_none(const struct top_options *o, const struct top_found *found)
{
	char which[128] = "";

	if (o->pid != 0)
		snprintf(which, sizeof(which), " with the process id %ld", (long)o->pid);
	else if (o->file_prefix != NULL)
		snprintf(which, sizeof(which), " with --file-prefix=%.64s", o->file_prefix);
	svart_top_say("no program%s that uses svart and runs with EAL was found", which);
	if (found->nr_refused != 0)
		svart_top_say("%u sockets or folders belong to other users: try as root",
			found->nr_refused);
	if (found->nr_silent != 0)
		svart_top_say("%u programs did not answer, or not as DPDK does: --socket names one",
			found->nr_silent);
}

static int find(const struct top_options *o, struct top_found *found)
{
	int rc = svart_top_find(o, found);

	if (rc == -ENOMEM)
		svart_top_say("out of memory");
	return rc;
}

static int choose_found(const struct top_options *o, struct top_client *client)
{
	struct top_found found;
	int rc = find(o, &found);

	if (rc != 0)
		return rc;
	if (found.nr == 1) {
		*client = found.clients[0];
		found.nr = 0; /* The client is the caller's now. */
	} else if (found.nr == 0) {
		say_none(o, &found);
		rc = -ENOENT;
	} else {
		svart_top_say("%u programs use svart; choose one by --pid=PID:", found.nr);
		print_found(stderr, &found);
		rc = -EEXIST;
	}
	svart_top_found_close(&found);
	return rc;
}

static int open_socket(const struct top_options *o, struct top_client *client)
{
	int rc = svart_top_client_open(o->socket, o->timeout_ns, client);

	if (rc == 0) {
		rc = check_svart(client);
		if (rc == -ENOENT)
			snprintf(client->error, sizeof(client->error),
				"program %ld (%s) speaks DPDK telemetry, but does not use svart",
				(long)client->pid, client->program);
	}
	if (rc != 0 && rc != -EINTR)
		svart_top_say("%s", client->error);
	if (rc != 0)
		svart_top_client_close(client);
	return rc;
}

int svart_top_choose(const struct top_options *o, struct top_client *client)
{
	return o->socket != NULL ? open_socket(o, client) : choose_found(o, client);
}

int svart_top_list(const struct top_options *o)
{
	struct top_found found;
	int rc = find(o, &found);

	if (rc != 0)
		return rc;
	rc = (int)found.nr;
	if (rc != 0)
		print_found(stdout, &found);
	else
		say_none(o, &found);
	svart_top_found_close(&found);
	return rc;
}
