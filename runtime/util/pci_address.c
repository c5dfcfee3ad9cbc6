/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "pci_address.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

int svart_pci_address_check(const char *text)
{
	/* x: hex digit, d: device 00-1f, f: function 0-7. */
	static const char shape[] = "xxxx:xx:dx.f";
	size_t i;

	for (i = 0; shape[i] != '\0'; i++) {
		bool good = shape[i] == 'x'   ? is_hex(text[i])
			    : shape[i] == 'd' ? text[i] == '0' || text[i] == '1'
			    : shape[i] == 'f' ? text[i] >= '0' && text[i] <= '7'
					      : text[i] == shape[i];

		if (!good)
			return -EINVAL;
	}
	return text[i] == '\0' ? 0 : -EINVAL;
}
