/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report.h"

#define CELL_BYTES 24
#define NR_COLUMNS ((int)(sizeof(columns_of) / sizeof(columns_of[0])))

/** Subject of a row: a device, or one PASID of it. Owner: the printing function. */
struct row {
	const struct top_device *device;
	const struct top_pasid *pasid; /**< NULL: the whole device. */
};

static const struct top_faults *faults_of(const struct row *row)
{
	return row->pasid != NULL ? &row->pasid->faults : &row->device->faults;
}

/** Writes three digits and a unit, for values below 1000; from 100 on there is no decimal point. */
static void unit_text(double value, const char *unit, char text[TOP_UNIT_BYTES])
{
	int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;

	snprintf(text, TOP_UNIT_BYTES, "%.*f%s", decimals, value, unit);
}

void svart_top_time_text(uint64_t ns, char text[TOP_UNIT_BYTES])
{
	if (ns < 1000)
		snprintf(text, TOP_UNIT_BYTES, "%" PRIu64 "ns", ns);
	else if (ns < 999500)
		unit_text((double)ns / 1e3, "us", text);
	else if (ns < 999500000)
		unit_text((double)ns / 1e6, "ms", text);
	else
		unit_text((double)ns / 1e9, "s", text);
}

void svart_top_bytes_text(uint64_t bytes, char text[TOP_UNIT_BYTES])
{
	static const char *const units[] = { "K", "M", "G", "T", "P", "E" };
	double value = (double)bytes / 1024;
	unsigned int i = 0;

	if (bytes < 1024) {
		snprintf(text, TOP_UNIT_BYTES, "%" PRIu64 "B", bytes);
		return;
	}
	for (; value >= 1023.5 && i < sizeof(units) / sizeof(units[0]) - 1; i++)
		value /= 1024;
	unit_text(value, units[i], text);
}

static void cell_id(const struct row *row, char cell[CELL_BYTES])
{
	snprintf(cell, CELL_BYTES, "%" PRIu32, row->device->id);
}

static void cell_name(const struct row *row, char cell[CELL_BYTES])
{
	const char *mark = row->device->lost[0] != '\0' ? " (lost)" : "";

	snprintf(cell, CELL_BYTES, "%.*s%s", CELL_BYTES - 1 - (int)strlen(mark), row->device->name,
		mark);
}

static void cell_pasid(const struct row *row, char cell[CELL_BYTES])
{
	if (row->pasid == NULL)
		snprintf(cell, CELL_BYTES, "all");
	else if (row->pasid->pasid == TOP_PASID_NONE)
		snprintf(cell, CELL_BYTES, "-");
	else
		snprintf(cell, CELL_BYTES, "%" PRIu32, row->pasid->pasid);
}

static void rate_text(double rate, char cell[CELL_BYTES])
{
	if (rate < 0)
		snprintf(cell, CELL_BYTES, "-");
	else
		snprintf(cell, CELL_BYTES, "%.0f", rate);
}

static void cell_requests(const struct row *row, char cell[CELL_BYTES])
{
	rate_text(faults_of(row)->page_requests_per_s, cell);
}

static void cell_groups(const struct row *row, char cell[CELL_BYTES])
{
	rate_text(faults_of(row)->groups_per_s, cell);
}

static void cell_pinned(const struct row *row, char cell[CELL_BYTES])
{
	svart_top_bytes_text(
		row->pasid != NULL ? row->pasid->pins.now : row->device->pins.now, cell);
}

static void cell_mode(const struct row *row, char cell[CELL_BYTES])
{
	snprintf(cell, CELL_BYTES, "%.*s", CELL_BYTES - 1, row->device->fault_mode);
}

static void cell_source(const struct row *row, char cell[CELL_BYTES])
{
	snprintf(cell, CELL_BYTES, "%.*s", CELL_BYTES - 1, row->device->fault_source);
}

#define COUNT(name) .count = offsetof(struct top_faults, name), .kind = KIND_COUNT
#define TIME(name)  .count = offsetof(struct top_faults, name), .kind = KIND_TIME

/** The table's columns; a column is at least `width` wide, so that it does not change its width. */
static const struct column {
	const char *title;
	int width; /**< Negative: aligned to the left. */
	enum { KIND_TEXT, KIND_COUNT, KIND_TIME } kind;
	size_t count; /**< Member for KIND_COUNT and KIND_TIME. */
	void (*text)(const struct row *row, char cell[CELL_BYTES]); /**< Function for KIND_TEXT. */
} columns_of[] = {
	{ "ID", 2, .text = cell_id },
	{ "DEVICE", -12, .text = cell_name },
	{ "PASID", 5, .text = cell_pasid },
	{ "REQ/S", 7, .text = cell_requests },
	{ "GROUP/S", 7, .text = cell_groups },
	{ "SUCCESS", 8, COUNT(answers_success) },
	{ "INVALID", 7, COUNT(answers_invalid) },
	{ "P50", 6, TIME(latency_p50_ns) },
	{ "P99", 6, TIME(latency_p99_ns) },
	{ "MAX", 6, TIME(latency_max_ns) },
	{ "PINNED", 6, .text = cell_pinned },
	{ "OWN", 4, COUNT(answers_own) },
	{ "GONE", 4, COUNT(answers_gone) },
	{ "OVERFL", 6, COUNT(overflows) },
	{ "DEADL", 5, COUNT(deadlines) },
	{ "DROPPED", 7, COUNT(dropped) },
	{ "MODE", -8, .text = cell_mode },
	{ "SOURCE", -7, .text = cell_source },
};

static void cell_text(const struct column *column, const struct row *row, char cell[CELL_BYTES])
{
	uint64_t count;

	if (column->kind == KIND_TEXT) {
		column->text(row, cell);
		return;
	}
	memcpy(&count, (const char *)faults_of(row) + column->count, sizeof(count));
	if (column->kind == KIND_COUNT)
		snprintf(cell, CELL_BYTES, "%" PRIu64, count);
	else if (count == 0)
		snprintf(cell, CELL_BYTES, "-");
	else
		svart_top_time_text(count, cell);
}

/** Makes the rows of a sample: a device with several PASIDs has one more row, for all of them. */
static unsigned int rows_of(const struct top_sample *sample, struct row *rows)
{
	unsigned int i, k, nr = 0;

	for (i = 0; i < sample->nr_devices; i++) {
		const struct top_device *d = &sample->devices[i];

		if (d->nr_pasids != 1)
			rows[nr++] = (struct row){ d, NULL };
		for (k = 0; k < d->nr_pasids; k++)
			rows[nr++] = (struct row){ d, &d->pasids[k] };
	}
	return nr;
}

static int width_of(int column, const struct row *rows, unsigned int nr)
{
	const struct column *c = &columns_of[column];
	int width = abs(c->width), len;
	char cell[CELL_BYTES];
	unsigned int i;

	len = (int)strlen(c->title);
	width = len > width ? len : width;
	for (i = 0; i < nr; i++) {
		cell_text(c, &rows[i], cell);
		len = (int)strlen(cell);
		width = len > width ? len : width;
	}
	return width;
}

/** Prints one line, without its end; if row is NULL, the titles. */
static void print_line(FILE *file, const struct row *row, const int *widths, int room)
{
	char line[NR_COLUMNS * (CELL_BYTES + 2)], cell[CELL_BYTES];
	size_t used = 0;
	int i;

	for (i = 0; i < NR_COLUMNS; i++) {
		const struct column *c = &columns_of[i];

		if (row != NULL)
			cell_text(c, row, cell);
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%*s",
			i == 0 ? "" : "  ", c->width < 0 ? -widths[i] : widths[i],
			row != NULL ? cell : c->title);
	}
	while (used > 0 && line[used - 1] == ' ')
		used--;
	fprintf(file, "%.*s", (int)used < room ? (int)used : room, line);
}

static void print_head(
	FILE *file, const struct top_client *client, const struct top_sample *sample, int room)
{
	char line[256], clock[16] = "";
	time_t seconds = (time_t)sample->time;
	struct tm tm;

	if (localtime_r(&seconds, &tm) != NULL)
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	snprintf(line, sizeof(line), "svart-top %s  program %ld (%s), %s, %u device%s", clock,
		(long)client->pid, client->program, client->version, sample->nr_devices,
		sample->nr_devices == 1 ? "" : "s");
	fprintf(file, "%.*s", room, line);
}

void svart_top_print_text(FILE *file, const struct top_client *client,
	const struct top_sample *sample, int columns, int rows, const char *eol)
{
	struct row *table =
		calloc((size_t)sample->nr_devices * (TOP_PASIDS_MAX + 1) + 1, sizeof(*table));
	unsigned int nr = table != NULL ? rows_of(sample, table) : 0, i;
	int widths[NR_COLUMNS], k;

	for (k = 0; k < NR_COLUMNS; k++)
		widths[k] = width_of(k, table, nr);
	print_head(file, client, sample, columns);
	fputs(eol, file);
	print_line(file, NULL, widths, columns);
	for (i = 0; i < nr; i++) {
		fputs(eol, file);
		if (rows != TOP_NO_LIMIT && (int)i + 3 >= rows && i + 1 < nr) {
			fprintf(file, "%.*s", columns, "(more: a higher terminal shows it)");
			break;
		}
		print_line(file, &table[i], widths, columns);
	}
	free(table);
}
