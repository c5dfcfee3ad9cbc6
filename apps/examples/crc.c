/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * An operation with a result: an accelerator computes the CRC32C of a string, which is a published check value,
 * and of a buffer in parts, where the result of a part is the seed of the next one.
 *
 *	crc [DEVICE]		(default: model:dsa0, the software machine)
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <svart/svart.h>

#define BUFFER_BYTES     (1 << 20)
#define PART_BYTES       12345
#define CRC_OF_123456789 0xe3069283 /* The check value of every catalogue of CRCs. */

static char buffer[BUFFER_BYTES];

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

/* Computes the CRC32C of a range, after what has the CRC `seed`. Returns what went wrong, or NULL. */
static const char *crc(
	struct svart_queue *q, const void *src, size_t len, uint32_t seed, uint32_t *sum)
{
	struct svart_completion done;

	svart_queue_prep_crc(q, src, len, seed, 0, 0);
	if (svart_queue_wait(q, &done, 1, UINT64_MAX) != 1)
		return "the queue has failed";
	*sum = (uint32_t)done.result;
	return done.status == SVART_STATUS_OK ? NULL : svart_status_name(done.status);
}

static const char *compute(struct stack *s, const char *device)
{
	const char *rest = buffer + PART_BYTES, *failure;
	uint32_t known, whole, parts;

	if ((failure = crc(s->q, "123456789", 9, 0, &known)) != NULL ||
		(failure = crc(s->q, buffer, BUFFER_BYTES, 0, &whole)) != NULL ||
		(failure = crc(s->q, buffer, PART_BYTES, 0, &parts)) != NULL ||
		(failure = crc(s->q, rest, BUFFER_BYTES - PART_BYTES, parts, &parts)) != NULL)
		return failure;
	printf("%s CRC32C of \"123456789\": 0x%08x, of %d bytes: 0x%08x, in two parts: 0x%08x\n",
		device, known, BUFFER_BYTES, whole, parts);
	if (known != CRC_OF_123456789 || whole != parts)
		return "the CRC is WRONG";
	return fflush(stdout) == 0 ? NULL : "standard output takes nothing";
}

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "model:dsa0", *failure;
	/* This way no device gets the number of a closed 0, 1 or 2. */
	int fd = open("/dev/null", O_RDONLY);
	struct stack s = { 0 };

	while (fd >= 0 && fd < STDERR_FILENO)
		fd = dup(fd);
	memset(buffer, 0x5a, sizeof(buffer));
	failure = stack_open(&s, device) != 0 ? svart_error_text() : compute(&s, device);
	if (failure != NULL)
		fprintf(stderr, "crc: %s\n", failure);
	stack_close(&s);
	return failure == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
