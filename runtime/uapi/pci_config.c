/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "pci_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "bits.h"

/** An extended capability's header: id, version, offset of the next (PCIe 6.0, 7.6.3). */
#define EXT_CAP_ID         SVART_MASK(15, 0)
#define EXT_CAP_NEXT       SVART_MASK(31, 20)
#define EXT_CAP_ALIGN_MASK 3u
/** The most capabilities: a list with more entries than fit is a circle. */
#define EXT_CAP_MAX ((SVART_PCI_CONFIG_EXT_BYTES - SVART_PCI_CONFIG_BYTES) / 4)

int svart_pci_config_read(
	struct svart_machine *m, const char *address, struct svart_pci_config *config)
{
	char path[128];
	ssize_t n = 0;
	int fd;

	config->bytes = 0;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", address);
	fd = m->ops->open(m, path, O_RDONLY);
	if (fd < 0)
		return fd;
	while (config->bytes < sizeof(config->data) &&
		(n = m->ops->read(m, fd, config->data + config->bytes,
			 sizeof(config->data) - config->bytes)) > 0)
		config->bytes += (size_t)n;
	m->ops->close(m, fd);
	return n < 0 && config->bytes == 0 ? (int)n : 0;
}

/** Reads four bytes: configuration space is little-endian (PCIe 6.0, 7.2). */
static uint32_t read32(const struct svart_pci_config *config, unsigned int off)
{
	const uint8_t *p = config->data + off;

	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

unsigned int svart_pci_ext_cap_find(const struct svart_pci_config *config, uint16_t id)
{
	unsigned int off = SVART_PCI_CONFIG_BYTES, i;
	uint32_t header;

	for (i = 0; i < EXT_CAP_MAX; i++) {
		if (off < SVART_PCI_CONFIG_BYTES || off + sizeof(header) > config->bytes)
			return 0;
		header = read32(config, off);
		/* All zeros: there is no capability at all. All ones: no device answers. */
		if (header == 0 || header == UINT32_MAX)
			return 0;
		if (SVART_FIELD_GET(EXT_CAP_ID, header) == id)
			return off;
		off = (unsigned int)SVART_FIELD_GET(EXT_CAP_NEXT, header) & ~EXT_CAP_ALIGN_MASK;
	}
	return 0;
}
