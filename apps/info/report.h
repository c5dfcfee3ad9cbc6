/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_INFO_REPORT_H
#define SVART_INFO_REPORT_H

/**
 * @file
 * What is printed: text for a person, or one JSON object.
 */

#include <svart/svart.h>

#include "trial.h"

/**
 * Prints text.
 *
 * @param trial NULL if no trial was asked for.
 */
void svart_info_print_text(const struct svart_probe *probe, const struct info_trial *trial);

/** Prints one JSON object (RFC 8259) and a newline. Arguments as above. @return 0; -ENOMEM, told. */
int svart_info_print_json(const struct svart_probe *probe, const struct info_trial *trial);

#endif
