/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "model_types.h"

#include <stddef.h>

const struct svart_model_type svart_model_types[] = {
	{ .model = &svart_dsa_model, .name = "dsa", .bus = 0x6a, .max = 8 },
	{ .model = &svart_edu_model, .name = "edu", .bus = 0x6b, .max = 4 },
	{ .model = NULL },
};

const char *const svart_model_option_keys[] = {
	"step",
	"seed",
	"vmas",
	/* every device */
	"iommu",
	"pri",
	"private",
	"inject",
	/* dsa */
	"prg_pages",
	"prg_rate",
	"prg_rest",
	"prg_ahead",
	"burst",
	"max_xfer_shift",
	"wqs",
	"engines",
	"groups",
	"wq_size_total",
	"version",
	"block_on_fault",
	"overlap",
	"bof_unasked",
	"opcap",
	/* edu */
	"dma_mask_bits",
	NULL,
};
