/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The smallest complete program: an accelerator copies between two malloc'ed buffers. It is handed
 * the pointers as they are; nothing is registered, pinned or translated by the program.
 *
 *	copy [DEVICE]		(default: model:dsa0, the software machine)
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <svart/svart.h>

#define BUFFER_BYTES (8 << 20)

/* The objects of a program, in the order in which they are made. */
struct stack {
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *q;
};

static int stack_open(struct stack *s, const char *device)
{
	int rc;

	if ((rc = svart_init(NULL, &s->rt)) != 0)
		return rc;
	if ((rc = svart_space_create(s->rt, NULL, &s->space)) != 0)
		return rc;
	if ((rc = svart_fault_service_create(s->rt, NULL, &s->faults)) != 0)
		return rc;
	if ((rc = svart_device_open(s->rt, device, s->space, s->faults, &s->dev)) != 0)
		return rc;
	return svart_queue_create(s->dev, NULL, &s->q);
}

/* Ends the objects in the opposite order. */
static void stack_close(struct stack *s)
{
	if (s->q != NULL)
		svart_queue_destroy(s->q);
	if (s->dev != NULL)
		svart_device_close(s->dev);
	if (s->faults != NULL)
		svart_fault_service_destroy(s->faults);
	if (s->space != NULL)
		svart_space_destroy(s->space);
	if (s->rt != NULL)
		svart_fini(s->rt);
}

/*
 * Does one copy from start to end. The fault service answers. Returns what went wrong, or NULL if nothing
 * did.
 */
static const char *copy(struct stack *s, const char *device, char *dst, const char *src)
{
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();
	struct svart_completion done;

	svart_queue_prep_copy(s->q, dst, src, BUFFER_BYTES, 0, 0);
	svart_queue_submit(s->q);
	if (svart_queue_wait(s->q, &done, 1, UINT64_MAX) != 1)
		return "the queue has failed";
	if (done.status != SVART_STATUS_OK)
		return svart_status_name(done.status);
	if (memcmp(dst, src, BUFFER_BYTES) != 0)
		return "the copy is WRONG";
	svart_fault_stats_get(s->faults, &stats);
	printf("%s copied %d bytes: correct, %llu page requests answered\n", device, BUFFER_BYTES,
		(unsigned long long)stats.page_requests);
	return fflush(stdout) == 0 ? NULL : "standard output takes nothing";
}

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "model:dsa0", *failure = "no memory";
	char *src = calloc(1, BUFFER_BYTES), *dst = calloc(1, BUFFER_BYTES);
	/* This way no device gets the number of a closed 0, 1 or 2. */
	int fd = open("/dev/null", O_RDONLY);
	struct stack s = { 0 };

	while (fd >= 0 && fd < STDERR_FILENO)
		fd = dup(fd);
	if (src != NULL && dst != NULL) {
		memset(src, 0x5a, BUFFER_BYTES);
		failure = stack_open(&s, device) != 0 ? svart_error_text()
						      : copy(&s, device, dst, src);
	}
	if (failure != NULL)
		fprintf(stderr, "copy: %s\n", failure);
	/* This is done before the memory is freed: no device reaches it any more. */
	stack_close(&s);
	free(dst);
	free(src);
	return failure == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
