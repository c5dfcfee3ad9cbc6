/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "eal_look.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/** The longest name of the socket: programs with the same prefix add a number. */
#define SOCKET_NAME "/dpdk_telemetry.v2:999"
#define SOCKET_MAX  sizeof(((struct sockaddr_un *)NULL)->sun_path)

/** Tells the folder in which EAL makes its own folder. */
static const char *base_folder(void)
{
	const char *folder = getenv("RUNTIME_DIRECTORY");

	if (folder != NULL)
		return folder;
	if (getuid() == 0)
		return "/var/run";
	folder = getenv("XDG_RUNTIME_DIR");
	return folder != NULL ? folder : "/tmp";
}

/** Checks whether files can be made in a folder. @return 0 or -errno. */
static int folder_check(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) != 0 ? -errno : 0;
}

/** Checks the folders of the socket. EAL makes the last two parts of BASE/dpdk/PREFIX if they are absent. */
static int folders_check(const char *base, const char *prefix, char *bad, size_t len)
{
	int rc;

	snprintf(bad, len, "%s/dpdk/%s", base, prefix);
	rc = folder_check(bad);
	if (rc != -ENOENT)
		return rc;
	snprintf(bad, len, "%s/dpdk", base);
	rc = folder_check(bad);
	if (rc != -ENOENT)
		return rc;
	snprintf(bad, len, "%s", base);
	return folder_check(bad);
}

bool svart_eal_has_telemetry(const char *prefix, char *text, size_t len)
{
	const char *base = base_folder();
	char bad[PATH_MAX];
	int rc;

	if (strlen(base) + strlen("/dpdk/") + strlen(prefix) + sizeof(SOCKET_NAME) > SOCKET_MAX) {
		snprintf(text, len,
			"the path of a socket in %s/dpdk/%s would be too long: set "
			"RUNTIME_DIRECTORY to a shorter one",
			base, prefix);
		return false;
	}
	rc = folders_check(base, prefix, bad, sizeof(bad));
	if (rc == 0)
		snprintf(text, len, "%s/dpdk/%s", base, prefix);
	else
		snprintf(text, len,
			"no socket can be made in %s (%s): set RUNTIME_DIRECTORY to a folder of "
			"this user",
			bad, strerror(-rc));
	return rc == 0;
}

static bool is_in_sysfs(int cpu)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/core_id", cpu);
	return access(path, F_OK) == 0;
}

unsigned int svart_eal_cpus(cpu_set_t *cpus)
{
	int cpu;

	if (sched_getaffinity(0, sizeof(*cpus), cpus) != 0)
		CPU_ZERO(cpus);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, cpus) && !is_in_sysfs(cpu))
			CPU_CLR(cpu, cpus);
	}
	return (unsigned int)CPU_COUNT(cpus);
}
