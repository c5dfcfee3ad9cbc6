/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SVART_H
#define SVART_SVART_H

/**
 * @file
 * Everything a program needs: the umbrella header.
 */

#include <svart/init.h>
#include <svart/space.h>
#include <svart/fault.h>
#include <svart/device.h>
#include <svart/op.h>
#include <svart/queue.h>
#include <svart/prep.h>
#include <svart/probe.h>

#endif
