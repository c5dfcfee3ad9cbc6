/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUEUE_SIZE      16
#define QUEUE_THRESHOLD 8

/* --- What a case uses ---------------------------------------------------------------------------- */

void suite_enable(struct case_run *run, struct suite *s, const struct wq_config *config)
{
	s->config = *config;
	for (unsigned int i = 0; i < SUITE_DEVICES; i++)
		dsa_enable(run, &s->dsas[i], config);
}

void suite_open(struct case_run *run, struct suite *s)
{
	char path[64];
	int rc;

	dsa_wq_path(&s->dsas[0], 0, path, sizeof(path));
	rc = client_open(&s->client, path, s->by);
	if (rc != 0)
		case_fail(run, "%s: %s", path, strerror(-rc));
}

uint8_t *suite_map_as(struct case_run *run, struct suite *s, size_t bytes, int flags)
{
	void *p;

	CHECK(run, s->nr_maps < sizeof(s->maps) / sizeof(s->maps[0]));
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (p == MAP_FAILED)
		case_fail(run, "mmap of %zu bytes, flags %#x: %s", bytes, (unsigned int)flags,
			strerror(errno));
	s->maps[s->nr_maps] = p;
	s->map_bytes[s->nr_maps++] = bytes;
	return p;
}

uint8_t *suite_map(struct case_run *run, struct suite *s, size_t bytes)
{
	uint8_t *p = suite_map_as(run, s, bytes, MAP_PRIVATE | MAP_ANONYMOUS);

	CHECK_EQ(run, madvise(p, bytes, MADV_NOHUGEPAGE), 0);
	return p;
}

int suite_fork(struct case_run *run, struct suite *s)
{
	unsigned int i = 0;
	pid_t pid;

	while (i < SUITE_CHILDREN && s->children[i] != 0)
		i++;
	CHECK(run, i < SUITE_CHILDREN);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		case_fail(run, "fork: %s", strerror(errno));
	s->children[i] = pid;
	return pid;
}

int suite_wait(struct suite *s, int pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	for (unsigned int i = 0; i < SUITE_CHILDREN; i++)
		if (s->children[i] == pid)
			s->children[i] = 0;
	return status;
}

void suite_kill(struct suite *s)
{
	for (unsigned int i = 0; i < SUITE_CHILDREN; i++) {
		if (s->children[i] == 0)
			continue;
		kill(s->children[i], SIGKILL);
		suite_wait(s, s->children[i]);
	}
}

static uint64_t pattern_word(uint64_t seed, size_t i)
{
	return (seed + i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

void suite_put_pattern(uint8_t *memory, size_t bytes, uint64_t seed)
{
	for (size_t i = 0; i < bytes / 8; i++)
		((uint64_t *)memory)[i] = pattern_word(seed, i);
}

size_t suite_find_wrong(const uint8_t *memory, size_t bytes, uint64_t seed)
{
	for (size_t i = 0; i < bytes / 8; i++)
		if (((const uint64_t *)memory)[i] != pattern_word(seed, i))
			return i * 8;
	return bytes;
}

/* --- Running ------------------------------------------------------------------------------------- */

/* The case that runs now, for what case.h calls. */
struct running {
	struct suite *suite;
	const struct suite_case *which;
	bool opens; /* Queue 0 is open when it begins. */
};

static void begin(struct case_run *run, void *arg)
{
	struct running *running = arg;
	struct suite *s = running->suite;
	const struct wq_config config = {
		.nr = 1,
		.size = QUEUE_SIZE,
		.threshold = QUEUE_THRESHOLD,
		.shared = client_way_is_shared(s->by),
	};

	for (unsigned int i = 0; i < SUITE_DEVICES; i++)
		if (dsa_find(&s->dsas[i]) != 0)
			case_fail(run, "idxd has not the DSA at %s", s->dsas[i].pci);
	if (running->opens) {
		suite_enable(run, s, &config);
		suite_open(run, s);
	}
	running->which->fn(run, s);
}

static void end(struct suite *s)
{
	suite_kill(s);
	client_close(&s->client);
	for (unsigned int i = 0; i < SUITE_DEVICES && s->config.nr > 0; i++)
		dsa_disable(&s->dsas[i], &s->config);
	s->config.nr = 0;
	while (s->nr_maps > 0) {
		s->nr_maps--;
		munmap(s->maps[s->nr_maps], s->map_bytes[s->nr_maps]);
	}
}

/* run_cases PREFIX: the cases of a list, which a NULL ends. */
static void run_cases(struct case_run *run, struct suite *s, const struct suite_case *cases,
	bool opens, const char *prefix)
{
	for (; cases->name != NULL; cases++) {
		struct running running = { .suite = s, .which = cases, .opens = opens };
		char name[128];

		snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] != '\0' ? "_" : "",
			cases->name);
		case_run(run, name, begin, &running);
		end(s);
	}
}

static void run_all(struct case_run *run, struct suite *s)
{
	for (s->by = 0; s->by < CLIENT_WAYS; s->by++)
		run_cases(run, s, suite_copy_cases, true, client_way_name(s->by));
	s->by = CLIENT_MOVDIR64B;
	run_cases(run, s, suite_memory_cases, true, client_way_name(s->by));
	s->by = CLIENT_ENQCMD;
	run_cases(run, s, suite_memory_cases, true, client_way_name(s->by));
	s->by = CLIENT_MOVDIR64B;
	run_cases(run, s, suite_life_cases, false, "");
	run_cases(run, s, suite_kernel_cases, false, "");
}

/* idxd_suite RIG ONLY */
int main(int argc, char **argv)
{
	struct case_run run = { .only = argc > 2 ? argv[2] : "" };
	static struct suite s = { .client = CLIENT_CLOSED };
	unsigned int nr = dsa_find_all(s.dsas, SUITE_DEVICES);

	if (nr != SUITE_DEVICES) {
		printf("case idxd_has_both_devices: failed idxd has %u of %u\n", nr, SUITE_DEVICES);
		return 1;
	}
	run_all(&run, &s);
	return case_exit_status(&run);
}
