/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SPEC_H
#define SVART_SPEC_H

/**
 * @file
 * Device specs: BUS:NAME[,KEY=VALUE...], in parts.
 */

#include <stddef.h>

#include <rte_kvargs.h>

/** A spec in parts. Owner: its parser's caller. */
struct svart_spec {
	char bus[16];
	char name[48];
	struct rte_kvargs *options;
};

/** Parses a spec. svart_spec_fini() ends it. @return 0, or -EINVAL, -ENOMEM, told. */
int svart_spec_parse(const char *text, struct svart_spec *spec);
void svart_spec_fini(struct svart_spec *spec);
/** Writes the options that are among keys as "k=v,k=v". @return 0 or -EINVAL (too long), told. */
int svart_spec_select(
	const struct svart_spec *spec, const char *const *keys, char *buf, size_t len);
/**
 * Checks the options.
 * @return 0, or -EINVAL (told) if an option is in none of the lists and is not one that every device takes.
 */
int svart_spec_check(const struct svart_spec *spec, const char *const *machine_keys,
	const char *const *transport_keys, const char *const *driver_keys);

#endif
