/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/**
 * @file
 * Runs a fuzz target on files, and on the files of folders, without libFuzzer: any compiler, any
 * debugger.
 */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

/** libFuzzer's own limit of an input. */
#define MAX_BYTES (1u << 20)

/** @return files run, or -1, told. */
static int file_run(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	size_t size;

	if (file == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	data = malloc(MAX_BYTES);
	if (data == NULL) {
		fclose(file);
		return -1;
	}
	size = fread(data, 1, MAX_BYTES, file);
	fclose(file);
	printf("%s (%zu bytes)\n", path, size);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int folder_run(const char *path, DIR *folder)
{
	const struct dirent *entry;
	char name[4096];
	int nr = 0;

	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (file_run(name) < 0)
			return -1;
		nr++;
	}
	return nr;
}

static int path_run(const char *path)
{
	DIR *folder = opendir(path);
	int nr;

	if (folder == NULL)
		return file_run(path);
	nr = folder_run(path, folder);
	closedir(folder);
	return nr;
}

int main(int argc, char **argv)
{
	int i, nr, sum = 0;

	for (i = 1; i < argc; i++) {
		nr = path_run(argv[i]);
		if (nr < 0)
			return EXIT_FAILURE;
		sum += nr;
	}
	printf("%d inputs, no finding\n", sum);
	return sum > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
