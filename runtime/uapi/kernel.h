/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_UAPI_KERNEL_H
#define SVART_UAPI_KERNEL_H

/**
 * @file
 * What the running kernel says of itself: its release, how it was built, how it was booted. All text
 * is taken for hostile. Any thread; each call reads a file and blocks as that does.
 */

#include <stdbool.h>
#include <stddef.h>

#include "machine.h"

/** Room for a release (uname -r: 64 characters and a terminator). */
#define SVART_KERNEL_RELEASE_LEN 65

/**
 * Reads the release, "6.12.41-amd64".
 * @param release out: array[SVART_KERNEL_RELEASE_LEN]; only letters, digits and "._+~-", so that it
 *                can stand in a path; "" on an error.
 * @return 0; -EBADMSG other characters are in it; -errno.
 */
int svart_kernel_release(struct svart_machine *m, char *release);

/** @return whether a release is of MAJOR.MINOR or newer; one that begins otherwise is not. */
bool svart_kernel_at_least(const char *release, unsigned int major, unsigned int minor);

/** How a kernel was built, as far as a file tells. */
enum svart_kernel_option {
	SVART_KERNEL_OPTION_UNKNOWN = 0, /**< No file has the kernel's configuration. */
	SVART_KERNEL_OPTION_NO,          /**< Not set. */
	SVART_KERNEL_OPTION_MODULE,      /**< A module. */
	SVART_KERNEL_OPTION_YES,         /**< Built in. */
};

/**
 * Looks an option up in /boot/config-RELEASE, then /lib/modules/RELEASE/config.
 * @param option "CONFIG_IOMMUFD".
 * @thread any. @blocks while some hundred KiB are read.
 */
enum svart_kernel_option svart_kernel_option(
	struct svart_machine *m, const char *release, const char *option);

/** @return whether the command line has KEY=...VALUE..., VALUE standing between commas. */
bool svart_kernel_booted_with(struct svart_machine *m, const char *key, const char *value);

#endif
