/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* What a device is told when it is made (doc/devices.rst), and what that makes of its operations. */

#include <errno.h>
#include <string.h>

#include "bits.h"
#include "dsa_model.h"
#include "dsa_work.h"

/* Operations that DSA 2.0 added. */
#define OPS_2 \
	(UINT64_C(1) << SVART_DSA_OP_TRANSLATION_FETCH | UINT64_C(1) << SVART_DSA_OP_DIX_GENERATE)

static const struct {
	const char *key;
	size_t off;
	uint32_t min, max, otherwise;
	const char *words[2]; /* In place of 0 and 1. */
} option_table[] = {
	{ "prg_pages", offsetof(struct dsa_options, prg_pages), 1, DSA_MAX_PRG_PAGES, 8 },
	{ "prg_rate", offsetof(struct dsa_options, prg_rate), 1, DSA_MAX_PRG_PAGES,
		DSA_MAX_PRG_PAGES },
	{ "burst", offsetof(struct dsa_options, burst), 1, DSA_MAX_BURST, 32 },
	{ "max_xfer_shift", offsetof(struct dsa_options, max_xfer_shift), 12, 31, 31 },
	{ "wqs", offsetof(struct dsa_options, nr_wqs), 1, DSA_MAX_WQS, DSA_MAX_WQS },
	{ "engines", offsetof(struct dsa_options, nr_engines), 1, DSA_MAX_ENGINES,
		DSA_MAX_ENGINES },
	{ "groups", offsetof(struct dsa_options, nr_groups), 1, DSA_MAX_GROUPS, DSA_MAX_GROUPS },
	{ "wq_size_total", offsetof(struct dsa_options, wq_size_total), 8, DSA_MAX_WQ_SIZE,
		DSA_MAX_WQ_SIZE },
	{ "prg_rest", offsetof(struct dsa_options, prg_rest), 0, 1, 1, { "off", "on" } },
	{ "prg_ahead", offsetof(struct dsa_options, prg_ahead), 0, 1, 0, { "first", "always" } },
	{ "version", offsetof(struct dsa_options, version), 1, 2, 1 },
	{ "block_on_fault", offsetof(struct dsa_options, block_on_fault), 0, 1, 1,
		{ "off", "on" } },
	{ "overlap", offsetof(struct dsa_options, overlap), 0, 1, 1, { "off", "on" } },
	{ "bof_unasked", offsetof(struct dsa_options, bof_ignored), 0, 1, 0,
		{ "refused", "ignored" } },
};

const char *const svart_dsa_option_keys[] = { "prg_pages", "prg_rate", "burst", "max_xfer_shift",
	"wqs", "engines", "groups", "wq_size_total", "prg_rest", "prg_ahead", "version",
	"block_on_fault", "overlap", "bof_unasked", "opcap", NULL };

static uint32_t *option_place(struct dsa_options *options, size_t i)
{
	return (uint32_t *)((char *)options + option_table[i].off);
}

/* The value of a digit of base 16 or less, or what is no digit of any. */
static uint32_t digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (uint32_t)(c - 'a') + 10;
	return c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10 : UINT32_MAX;
}

/* A number, decimal or 0x..., and nothing else. */
static bool parse_number(const char *text, size_t len, uint64_t *value)
{
	uint64_t number = 0, base = 10;

	if (len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
		len -= 2;
	}
	/* All limits have fewer digits, and OPCAP has no more. */
	if (len == 0 || len > 16)
		return false;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit = digit_value(text[i]);

		if (digit >= base)
			return false;
		number = number * base + digit;
	}
	*value = number;
	return true;
}

static bool text_is(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(word, text, len) == 0;
}

/* The value of an option: a number within its limits, or a word. */
static bool parse_value(size_t option, const char *text, size_t len, uint64_t *value)
{
	const char *const *words = option_table[option].words;

	if (words[0] == NULL)
		return parse_number(text, len, value) && *value >= option_table[option].min &&
		       *value <= option_table[option].max;
	*value = text_is(text, len, words[1]);
	return *value != 0 || text_is(text, len, words[0]);
}

/* One "key=value"; seen has a bit for each key that came. Returns 0 or -EINVAL. */
static int option_parse(struct dsa_options *options, const char *text, size_t len, uint32_t *seen)
{
	const char *equals = memchr(text, '=', len);
	size_t key_len = equals != NULL ? (size_t)(equals - text) : 0;
	uint64_t value;

	if (equals == NULL)
		return -EINVAL;
	if (text_is(text, key_len, "opcap")) {
		if (options->opcap != 0 ||
			!parse_number(equals + 1, len - key_len - 1, &options->opcap))
			return -EINVAL;
		return options->opcap != 0 ? 0 : -EINVAL;
	}
	for (size_t i = 0; i < SVART_ARRAY_SIZE(option_table); i++) {
		if (!text_is(text, key_len, option_table[i].key))
			continue;
		if ((*seen >> i & 1) != 0 || !parse_value(i, equals + 1, len - key_len - 1, &value))
			return -EINVAL;
		*seen |= UINT32_C(1) << i;
		*option_place(options, i) = (uint32_t)value;
		return 0;
	}
	return -EINVAL;
}

/* All that the model does of a version, as the first word of OPCAP. */
static uint64_t ops_of_version(uint32_t version)
{
	uint64_t all = DSA_OPS_IN_PLACE | svart_dsa_ops_mask() | UINT64_C(1) << SVART_DSA_OP_DRAIN |
		       UINT64_C(1) << SVART_DSA_OP_BATCH;

	return version < 2 ? all & ~OPS_2 : all;
}

int svart_dsa_options_parse(struct dsa_options *options, const char *text)
{
	uint32_t seen = 0;
	uint64_t all;

	options->opcap = 0;
	for (size_t i = 0; i < SVART_ARRAY_SIZE(option_table); i++)
		*option_place(options, i) = option_table[i].otherwise;
	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, ",");
		int rc = option_parse(options, text, len, &seen);

		if (rc < 0)
			return rc;
		/* What ends with a comma has an option that is empty. */
		if (text[len] == ',' && text[len + 1] == '\0')
			return -EINVAL;
		text += len + (text[len] == ',');
	}
	all = ops_of_version(options->version);
	if (options->opcap == 0)
		options->opcap = all;
	return (options->opcap & ~all) == 0 ? 0 : -EINVAL;
}
