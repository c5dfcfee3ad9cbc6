/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A program to look at: copies into fresh memory, so that the device faults, until standard input
 * ends. `fault_loop FILE_PREFIX [SPEC]`; says "ready" after the first copy. A device that was opened
 * with a PASID is also attached to a second space, by the PASID after it.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <svart/svart.h>

#define BYTES      (256u << 10)
#define PAUSE_MS   5
#define TIMEOUT_NS UINT64_C(20000000000)

/** What the loop uses. Owner: main(). */
struct stack {
	struct svart *rt;
	struct svart_space *space, *second;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *q;
};

static int stack_open(struct stack *s, const char *prefix, const char *spec)
{
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();
	struct svart_init_params init;
	char args[256];
	int rc;

	snprintf(args, sizeof(args),
		"--no-huge -m 16 --no-pci --no-shconf --iova-mode=va --log-level=error "
		"--lcores=0@0 --file-prefix=%s",
		prefix);
	init = (struct svart_init_params)SVART_INIT_PARAMS_INIT(.eal_args = args);
	rc = svart_init(&init, &s->rt);
	if (rc == 0)
		rc = svart_space_create(s->rt, NULL, &s->space);
	if (rc == 0)
		rc = svart_space_create(s->rt, NULL, &s->second);
	if (rc == 0)
		rc = svart_fault_service_create(s->rt, NULL, &s->faults);
	if (rc == 0)
		rc = svart_device_open(s->rt, spec, s->space, s->faults, &s->dev);
	if (rc != 0)
		return rc;
	svart_device_info_get(s->dev, &info);
	if (info.features & SVART_FEATURE_PASID)
		rc = svart_device_attach(s->dev, s->second, info.pasid + 1);
	return rc != 0 ? rc : svart_queue_create(s->dev, NULL, &s->q);
}

static void stack_close(struct stack *s)
{
	svart_queue_destroy(s->q);
	svart_device_close(s->dev);
	svart_fault_service_destroy(s->faults);
	svart_space_destroy(s->second);
	svart_space_destroy(s->space);
	svart_fini(s->rt);
}

/** One copy of fresh memory to fresh memory. */
static int copy_once(struct stack *s)
{
	struct svart_completion done;
	int rc = -1;
	char *p = mmap(NULL, 2 * BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	if (svart_queue_prep_copy(s->q, p, p + BYTES, BYTES, 0, 1) == 1) {
		svart_queue_submit(s->q);
		if (svart_queue_wait(s->q, &done, 1, TIMEOUT_NS) == 1 &&
			done.status == SVART_STATUS_OK)
			rc = 0;
	}
	svart_space_forget(s->space, p, 2 * BYTES);
	munmap(p, 2 * BYTES);
	return rc;
}

/** Whether standard input has ended. */
static int input_ended(void)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
	char byte;

	return poll(&fd, 1, PAUSE_MS) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

int main(int argc, char **argv)
{
	struct stack s = { 0 };
	int rc;

	if (argc < 2) {
		fputs("usage: fault_loop FILE_PREFIX [SPEC]\n", stderr);
		return 2;
	}
	rc = stack_open(&s, argv[1], argc > 2 ? argv[2] : "model:dsa0");
	if (rc != 0) {
		fprintf(stderr, "fault_loop: %s\n", svart_error_text());
		return 1;
	}
	rc = copy_once(&s);
	puts("ready");
	fflush(stdout);
	while (rc == 0 && !input_ended())
		rc = copy_once(&s);
	if (rc != 0) {
		fputs("fault_loop: a copy failed\n", stderr);
		/* So that others can look at what is left. */
		while (!input_ended())
			;
	}
	stack_close(&s);
	return rc != 0;
}
