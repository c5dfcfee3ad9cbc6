/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "probe_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "probe_text.h"

struct svart_probe_found *svart_probe_list_add(
	struct svart_probe_list *list, const char *path, int *rc)
{
	struct svart_probe_found *found, *larger;

	*rc = 0;
	if (list->nr == SVART_PROBE_MAX_DEVICES) {
		list->nr_left_out++;
		return NULL;
	}
	larger = realloc(list->devices, (list->nr + 1) * sizeof(*larger));
	if (larger == NULL) {
		*rc = svart_fail(-ENOMEM, "out of memory");
		return NULL;
	}
	list->devices = larger;
	found = &larger[list->nr++];
	*found = (struct svart_probe_found){ .dev = { .numa_node = -1, .nr_paths = 1 } };
	svart_probe_print(found->paths[0].path, sizeof(found->paths[0].path), "%s", path);
	return found;
}

/** Compares by name, and numbers in names by value, so that wq0.2 comes before wq0.10. */
static int compare(const void *a, const void *b)
{
	const struct svart_probe_found *one = a, *other = b;

	return strverscmp(one->dev.name, other->dev.name);
}

void svart_probe_list_sort(struct svart_probe_list *list, uint32_t from)
{
	if (list->nr > from)
		qsort(list->devices + from, list->nr - from, sizeof(*list->devices), compare);
}
