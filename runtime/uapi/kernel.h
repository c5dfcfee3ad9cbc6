/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_UAPI_KERNEL_H
#define SVART_UAPI_KERNEL_H

/**
 * @file
 * What the running kernel says of itself: its release, how it was built, how it was booted. All text
 * is treated as hostile. Any thread; each call reads a file and blocks as that read does.
 */

#include <stdbool.h>
#include <stddef.h>

#include "machine.h"

/** Room for a release (uname -r: 64 characters and a terminator). */
#define SVART_KERNEL_RELEASE_LEN 65

/**
 * Reads the release, "6.12.41-amd64".
 * @param release out: array[SVART_KERNEL_RELEASE_LEN]; only letters, digits and "._+~-", so that it
 *                can be a part of a path; "" on an error.
 * @return 0; -EBADMSG it has other characters; -errno.
 */
int svart_kernel_release(struct svart_machine *m, char *release);

/** @return whether a release is MAJOR.MINOR or newer; false if it does not begin with such numbers. */
bool svart_kernel_at_least(const char *release, unsigned int major, unsigned int minor);

/** How an option is set in a kernel, as far as a file says. */
enum svart_kernel_option {
	SVART_KERNEL_OPTION_UNKNOWN = 0, /**< No file has the kernel's configuration. */
	SVART_KERNEL_OPTION_NO,          /**< It is not set. */
	SVART_KERNEL_OPTION_MODULE,      /**< It is built as a module. */
	SVART_KERNEL_OPTION_YES,         /**< It is built in. */
};

/**
 * Looks an option up in /boot/config-RELEASE, then /lib/modules/RELEASE/config.
 * @param option "CONFIG_IOMMUFD".
 * @thread any. @blocks while it reads some hundred KiB.
 */
enum svart_kernel_option svart_kernel_option(
	struct svart_machine *m, const char *release, const char *option);

/** @return whether the command line has KEY= with a list separated by commas that has VALUE. */
bool svart_kernel_booted_with(struct svart_machine *m, const char *key, const char *value);

#endif
