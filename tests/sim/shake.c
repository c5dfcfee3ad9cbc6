/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "shake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "random.h"
#include "svart_config.h"

#define MAX_MAPPINGS     40
#define MAX_MAPPED_PAGES 600
#define MAX_FILES        12
#define MAX_BLOCKS       400
#define MAX_BLOCK_BYTES  3000
#define STACK_BYTES      65536
/** So much of an environment that it moves the stack by pages. */
#define ENVIRONMENT_BYTES 20000

static struct sim_random draw_source(void)
{
	struct sim_random r = { 0 };

	if (getrandom(&r.state, sizeof(r.state), 0) != sizeof(r.state))
		r.state = (uint64_t)getpid();
	return r;
}

static void shake_mappings(struct sim_random *r)
{
	uint32_t nr = sim_below(r, MAX_MAPPINGS);

	while (nr-- > 0)
		(void)!mmap(NULL, sim_between(r, 1, MAX_MAPPED_PAGES) * (size_t)4096,
			sim_chance(r, 500) ? PROT_NONE : PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/** Every second one is closed again, so that numbers are not in a row. */
static void shake_files(struct sim_random *r)
{
	uint32_t nr = sim_below(r, MAX_FILES);
	int fds[MAX_FILES];
	uint32_t i;

	for (i = 0; i < nr; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (i = 0; i < nr; i += 2)
		close(fds[i]);
}

/** What malloc() gives afterwards is dirty, and in no order. */
static void shake_heap(struct sim_random *r)
{
	uint32_t nr = sim_below(r, MAX_BLOCKS), i;
	static void *blocks[MAX_BLOCKS]; /* What is kept is not lost. */
	size_t bytes;

	for (i = 0; i < nr; i++) {
		bytes = sim_between(r, 1, MAX_BLOCK_BYTES);
		blocks[i] = malloc(bytes);
		if (blocks[i] != NULL)
			memset(blocks[i], (int)sim_between(r, 1, 255), bytes);
	}
	for (i = 0; i < nr; i++) {
		if (sim_chance(r, 800)) {
			free(blocks[i]);
			blocks[i] = NULL;
		}
	}
}

static void __attribute__((noinline)) shake_stack(struct sim_random *r)
{
	volatile uint8_t dirt[STACK_BYTES];
	uint8_t value = (uint8_t)sim_random(r);
	size_t i;

	for (i = 0; i < sizeof(dirt); i++)
		dirt[i] = value;
}

void sim_shake(void)
{
	struct sim_random r = draw_source();

	shake_mappings(&r);
	shake_files(&r);
	shake_heap(&r);
	shake_stack(&r);
}

static void lower_limit(int resource, rlim_t bytes)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max < bytes ? limit.rlim_max : bytes;
	(void)setrlimit((__rlimit_resource_t)resource, &limit);
}

/** In the new process, before it becomes another program. */
static _Noreturn void become(char **argv, int out)
{
	static char padding[ENVIRONMENT_BYTES];
	int now = personality(0xffffffff);

	/* On some kernels sanitizers cannot start in a layout that is random. */
	if (now != -1 && !SVART_GUARD_BY_SYSCALL)
		personality((unsigned long)now ^ ADDR_NO_RANDOMIZE);
	memset(padding, 'x', sizeof(padding) - 1);
	setenv("SVART_SIM_PADDING", padding, 1);
	setenv("MALLOC_PERTURB_", "165", 1);
	lower_limit(RLIMIT_STACK, 3 << 20);
	lower_limit(RLIMIT_MEMLOCK, 64 << 10);
	(void)!chdir("/");
	dup2(out, STDOUT_FILENO);
	execv("/proc/self/exe", argv);
	fprintf(stderr, "sim: cannot start itself again: %s\n", strerror(errno));
	_exit(2);
}

pid_t sim_spawn_elsewhere(char **argv, int *fd)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become(argv, ends[1]);
	close(ends[1]);
	if (pid < 0)
		close(ends[0]);
	*fd = ends[0];
	return pid;
}
