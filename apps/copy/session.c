/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "session.h"

#include <errno.h>

#include "say.h"

/*
 * This is enough in flight to hide a page request behind other operations, and small enough that source and
 * buffers stay within the 8 MiB that RLIMIT_MEMLOCK allows an ordinary user.
 */
#define DEFAULT_DEPTH 8
#define DEFAULT_CHUNK (256 << 10)

/*
 * @return the value that was asked for, or the default, or the most that is possible if the default is
 *         more; 0 if too much was asked for.
 */
static uint64_t within(const struct copy_options *options, const char *option, uint64_t asked,
	uint64_t by_default, uint64_t most)
{
	if (asked == 0)
		return by_default < most ? by_default : most;
	if (asked <= most)
		return asked;
	svart_copy_say("%s: %llu is out of range, %s takes 1 to %llu", option,
		(unsigned long long)asked, options->device, (unsigned long long)most);
	return 0;
}

static int fit_device(const struct copy_options *options, struct copy_session *s)
{
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();

	svart_device_info_get(s->dev, &info);
	if ((info.ops & (UINT64_C(1) << SVART_OP_COPY)) == 0) {
		svart_copy_say("%s cannot copy; name another --device", options->device);
		return -ENOTSUP;
	}
	s->depth = (uint32_t)within(
		options, "--depth", options->depth, DEFAULT_DEPTH, info.queue_depth);
	s->chunk =
		within(options, "--chunk", options->chunk, DEFAULT_CHUNK, info.max_transfer_bytes);
	return s->depth != 0 && s->chunk != 0 ? 0 : -EINVAL;
}

static int say_svart(const char *what, const char *which, int rc)
{
	svart_copy_say("%s%s: %s", what, which, svart_error_text());
	return rc;
}

static int open_stack(const struct copy_options *options, struct copy_session *s)
{
	struct svart_init_params init = SVART_INIT_PARAMS_INIT(.eal_args = options->eal);
	struct svart_fault_params faults = SVART_FAULT_PARAMS_INIT(.run = options->faults);
	struct svart_queue_params queue = SVART_QUEUE_PARAMS_INIT();
	int rc;

	rc = svart_init(&init, &s->rt);
	if (rc != 0)
		return say_svart("cannot start", options->eal != NULL ? " with --eal" : "", rc);
	rc = svart_space_create(s->rt, NULL, &s->space);
	if (rc != 0)
		return say_svart("cannot make an address space", "", rc);
	rc = svart_fault_service_create(s->rt, &faults, &s->faults);
	if (rc != 0)
		return say_svart("cannot start the fault service", "", rc);
	rc = svart_device_open(s->rt, options->device, s->space, s->faults, &s->dev);
	if (rc != 0)
		return say_svart("cannot open device ", options->device, rc);
	rc = fit_device(options, s);
	if (rc != 0)
		return rc;
	queue.depth = s->depth;
	rc = svart_queue_create(s->dev, &queue, &s->q);
	return rc != 0 ? say_svart("cannot start a queue of ", options->device, rc) : 0;
}

int svart_copy_session_open(const struct copy_options *options, struct copy_session *s)
{
	int rc;

	*s = (struct copy_session){ 0 };
	rc = open_stack(options, s);
	if (rc != 0)
		svart_copy_session_close(s);
	return rc;
}

void svart_copy_session_stop(struct copy_session *s)
{
	/* The queue stays if the service is mapping a page that does not come: the close tells that. */
	if (s->q != NULL && svart_queue_destroy(s->q) == 0)
		s->q = NULL;
}

/*
 * Closes the stack. Each part can be ended only when all parts made after it are gone, so the first refusal
 * ends this.
 */
static int close_stack(struct copy_session *s)
{
	int rc = 0;

	if (s->dev != NULL)
		rc = svart_device_close(s->dev);
	if (rc == 0 && s->faults != NULL)
		rc = svart_fault_service_destroy(s->faults);
	if (rc == 0 && s->space != NULL)
		rc = svart_space_destroy(s->space);
	if (rc == 0 && s->rt != NULL)
		rc = svart_fini(s->rt);
	return rc;
}

int svart_copy_session_close(struct copy_session *s)
{
	int rc;

	svart_copy_session_stop(s);
	rc = close_stack(s);
	if (rc != 0)
		say_svart("cannot tidy up", "", rc);
	*s = (struct copy_session){ 0 };
	return rc;
}
