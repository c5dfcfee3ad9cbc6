/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "maps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "svart_config.h"

#if SVART_HAVE_PROCMAP_QUERY
#include <linux/fs.h>
#endif

/** Device of files in memory: none that a mount has (Linux counts such minors up from 1). */
#define MEMORY_MAJOR 0
#define MEMORY_MINOR 0xffffe
/** The stack of the simulated process; nothing is simulated there. */
#define STACK_START UINT64_C(0x7ffffffde000)
#define STACK_END   UINT64_C(0x7ffffffff000)

void sim_maps_init(struct sim_maps *maps, const struct sim_layout *layout)
{
	uint32_t i;

	maps->layout = layout;
	for (i = 0; i < SIM_MAPS_FILES; i++)
		maps->files[i].fd = -1;
}

/** The place of an open file in the table, or SIM_MAPS_FILES. */
static uint32_t find(const struct sim_maps *maps, int fd)
{
	uint32_t i = 0;

	while (i < SIM_MAPS_FILES && maps->files[i].fd != fd)
		i++;
	return i;
}

void sim_maps_opened(struct sim_maps *maps, int fd)
{
	uint32_t i = find(maps, -1);

	if (i == SIM_MAPS_FILES)
		sim_fail(maps->layout->trace,
			"the simulation itself: " SIM_MAPS_PATH " is open too often");
	maps->files[i].fd = fd;
	maps->files[i].off = 0;
}

void sim_maps_closed(struct sim_maps *maps, int fd)
{
	uint32_t i = find(maps, fd);

	if (i < SIM_MAPS_FILES)
		maps->files[i].fd = -1;
}

bool sim_maps_is(const struct sim_maps *maps, int fd)
{
	return fd >= 0 && find(maps, fd) < SIM_MAPS_FILES;
}

/* --- as text --------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 3, 4)))
add(const struct sim_maps *maps, struct sim_maps_text *out, const char *format, ...)
{
	size_t room = sizeof(out->text) - out->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out->text + out->len, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		sim_fail(maps->layout->trace,
			"the simulation itself: " SIM_MAPS_PATH " is too long");
	out->len += (size_t)n;
}

static void write_text(const struct sim_maps *maps, struct sim_maps_text *out)
{
	uint64_t at = 0;
	struct sim_vma vma;

	out->len = 0;
	for (; sim_layout_next(maps->layout, at, &vma); at = vma.end)
		add(maps, out,
			"%08" PRIx64 "-%08" PRIx64 " %c%c-%c %08" PRIx64 " %02x:%02x %" PRIu32
			"%s\n",
			vma.start, vma.end, vma.prot & PROT_READ ? 'r' : '-',
			vma.prot & PROT_WRITE ? 'w' : '-', vma.shared ? 's' : 'p', vma.off,
			vma.inode != 0 ? MEMORY_MAJOR : 0, vma.inode != 0 ? MEMORY_MINOR : 0,
			vma.inode, vma.inode != 0 ? " /memfd:sim (deleted)" : "");
	add(maps, out, "%08" PRIx64 "-%08" PRIx64 " rw-p 00000000 00:00 0 [stack]\n", STACK_START,
		STACK_END);
}

ssize_t sim_maps_pread(struct sim_maps *maps, void *buf, size_t len, uint64_t off)
{
	struct sim_maps_text *out = &maps->texts[sim_threads_current()];

	if (off == 0)
		write_text(maps, out);
	if (off >= out->len)
		return 0;
	if (len > out->len - off)
		len = out->len - off;
	memcpy(buf, out->text + off, len);
	return (ssize_t)len;
}

ssize_t sim_maps_read(struct sim_maps *maps, int fd, void *buf, size_t len)
{
	uint64_t *off = &maps->files[find(maps, fd)].off;
	ssize_t n = sim_maps_pread(maps, buf, len, *off);

	*off += (uint64_t)n;
	return n;
}

/* --- by query -------------------------------------------------------------------------------- */

#if SVART_HAVE_PROCMAP_QUERY
static int query(struct sim_maps *maps, struct procmap_query *q)
{
	struct sim_vma vma;

	if (q->size < sizeof(*q) || q->query_flags != 0)
		sim_fail(maps->layout->trace,
			"the simulation itself: it does not know this PROCMAP_QUERY");
	if (!sim_layout_next(maps->layout, q->query_addr, &vma) || vma.start > q->query_addr)
		return -ENOENT;
	q->vma_start = vma.start;
	q->vma_end = vma.end;
	q->vma_flags = (vma.prot & PROT_READ ? PROCMAP_QUERY_VMA_READABLE : 0) |
		       (vma.prot & PROT_WRITE ? PROCMAP_QUERY_VMA_WRITABLE : 0) |
		       (vma.shared ? PROCMAP_QUERY_VMA_SHARED : 0);
	q->vma_offset = vma.off;
	q->inode = vma.inode;
	q->dev_major = vma.inode != 0 ? MEMORY_MAJOR : 0;
	q->dev_minor = vma.inode != 0 ? MEMORY_MINOR : 0;
	return 0;
}
#endif

int sim_maps_ioctl(struct sim_maps *maps, unsigned long request, void *arg)
{
#if SVART_HAVE_PROCMAP_QUERY
	if (!maps->old_kernel && request == PROCMAP_QUERY)
		return query(maps, arg);
#endif
	(void)maps;
	(void)request;
	(void)arg;
	return -ENOTTY;
}
