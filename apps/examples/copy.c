/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The smallest complete program: an accelerator copies between two malloc'ed buffers. It is handed
 * the pointers as they are; nothing is registered, pinned or translated by the program.
 *
 *	copy [DEVICE]		(default: model:dsa0, the software machine)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <svart/svart.h>

#define BUFFER_BYTES (8 << 20)

/* What a program holds, in the order in which it is made. */
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

/* The opposite order. */
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

/* One copy, start to end. The device asks for the pages it lacks; the fault service answers. */
static int copy(struct stack *s, void *dst, const void *src, size_t len)
{
	struct svart_completion done;

	svart_queue_prep_copy(s->q, dst, src, len, 0, 0);
	svart_queue_submit(s->q);
	if (svart_queue_wait(s->q, &done, 1, UINT64_MAX) != 1)
		return -1;
	if (done.status != SVART_STATUS_OK)
		fprintf(stderr, "copy: %s\n", svart_status_name(done.status));
	return done.status == SVART_STATUS_OK && memcmp(dst, src, len) == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "model:dsa0";
	char *src = malloc(BUFFER_BYTES), *dst = malloc(BUFFER_BYTES);
	struct svart_fault_stats stats;
	struct stack s = { 0 };
	int rc = -1;

	if (src == NULL || dst == NULL)
		goto free_buffers;
	memset(src, 0x5a, BUFFER_BYTES);

	if (stack_open(&s, device) != 0) {
		fprintf(stderr, "copy: %s\n", svart_error_text());
		goto close_stack;
	}
	rc = copy(&s, dst, src, BUFFER_BYTES);
	svart_fault_stats_get(s.faults, &stats);
	printf("%s copied %d bytes: %s, %llu page requests answered\n", device, BUFFER_BYTES,
		rc == 0 ? "correct" : "WRONG", (unsigned long long)stats.page_requests);

close_stack:
	stack_close(&s); /* Before the memory is freed: no device reaches it any more. */
free_buffers:
	free(dst);
	free(src);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
