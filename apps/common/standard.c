/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "standard.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "message.h"

/**
 * @return a descriptor that can only be read if `fd` is for writing, and only be written if `fd` is for
 *         reading.
 */
static int open_unusable(int fd)
{
	int null = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);

	/* On a system without /dev it uses O_PATH: such a descriptor can neither be read nor written. */
	return null >= 0 ? null : open("/", O_PATH | O_DIRECTORY);
}

int app_standard_open(void)
{
	int fd, rc;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/*
		 * open() takes the lowest free number, which is this one, because those below it are taken
		 * by now.
		 */
		if (open_unusable(fd) >= 0)
			continue;
		rc = -errno;
		app_say("cannot take the place of descriptor %d, which is closed: %s", fd,
			strerror(-rc));
		return rc;
	}
	return 0;
}
