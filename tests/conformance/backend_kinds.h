/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_BACKEND_KINDS_H
#define SVART_TEST_BACKEND_KINDS_H

/**
 * @file
 * The kinds of backends, for backend.c. Each reads its part of the command line once; its ops then
 * open it as often as tests want.
 */

#include "backend.h"

#define SKIPPED 77 /* Exit status that meson takes for "skipped". */

extern const struct backend_ops backend_native_ops;
extern const struct backend_ops backend_dmadev_ops;

/** Of svart's own queues: SPEC [thread|resolvers|inline]. Exits with SKIPPED where the device is not there. */
void backend_native_configure(int argc, char **argv);

/** Of a dmadev: NAME[,ARGS] [EAL OPTION...]. Starts EAL; exits with SKIPPED as above. */
void backend_dmadev_configure(const char *vdev, int argc, char **argv);

/** Of the device, for calls that only dmadevs have. */
int16_t backend_dmadev_id(void);
/** A test took nr completions of channel 0 itself. */
void backend_dmadev_taken(struct backend *b, uint16_t nr);

/** Fails the test with svart's own words unless rc is 0. */
void backend_must(int rc, const char *what);

#endif
