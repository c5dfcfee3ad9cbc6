/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <string.h>

const struct rig_ops *rig_find(const char *name)
{
	static const struct rig_ops *const rigs[] = { &rig_model, &rig_uml, &rig_qemu };

	for (size_t i = 0; i < sizeof(rigs) / sizeof(rigs[0]); i++)
		if (strcmp(rigs[i]->name, name) == 0)
			return rigs[i];
	return NULL;
}
