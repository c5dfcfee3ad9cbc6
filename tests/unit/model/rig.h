/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_MODEL_RIG_H
#define SVART_TEST_MODEL_RIG_H

/**
 * @file
 * A model with a tiny scripted device, and short names for the calls that tests make.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "bus.h"
#include "machine.h"
#include "model.h"

#define PAGE        4096UL
#define NO_PASID    SVART_BUS_NO_PASID
#define MAX_ANSWERS 64
#define CAPACITY    16

/** One page request group response that the device got. */
struct answer {
	uint32_t pasid;
	uint16_t prgi;
	enum svart_bus_prg_response code;
};

/** One invalidation that the device got. */
struct invalidation {
	uint32_t pasid;
	uint64_t va, len;
};

/**
 * The scripted device: a step runs what the test gave it. It remembers what it was told.
 *
 * Owner: the machine. Lifetime: the machine's. Locks: the device lock; script, nr_portal and steps are
 * atomics.
 */
struct probe {
	struct svart_bus *bus;
	/** For the next step; NULL when it has been run. */
	void (*_Atomic script)(struct probe *p, void *arg);
	void *arg;
	bool busy; /**< step() says so when it has no script. */
	atomic_uint steps;
	struct answer answers[MAX_ANSWERS];
	unsigned int nr_answers;
	struct invalidation invalidations[MAX_ANSWERS];
	unsigned int nr_invalidations;
	unsigned int nr_resets;
	unsigned int nr_answers_at_reset;
	uint64_t regs[8];
	atomic_uint nr_portal;
	uint64_t portal_off;
	uint8_t portal[64];
	bool takes_enqueues;
	unsigned int nr_halts, nr_flr_halts;
	/** Sent from within page_response(), if set. */
	const struct svart_bus_page_request *follow_up;
};

extern const struct svart_device_model probe_model;

/** A machine with one probe, bound and, if asked for, attached. */
struct rig {
	struct svart_machine *m;
	struct probe *probe;
	char address[16];
	int iommufd;
	int cdev;
	uint32_t dev_id;
	uint32_t ioas;
	uint32_t fault_id;
	int fault_fd;
	uint32_t hwpt;
};

/**
 * A machine with a probe that nobody has opened. Each test calls it, and no set-up of cmocka's: between
 * that and the test cmocka takes SIGSEGV, by which the model finds bad addresses.
 * @param options the machine's and the probe's.
 */
void rig_create(struct rig *r, const char *options);
/** As rig_create(), and then bound, with an IOAS. */
void rig_bind(struct rig *r, const char *options);
/** As rig_bind(), and then attached to a HWPT with a fault object, with the bus master bit on. */
void rig_attach(struct rig *r, const char *options);
/** Closes all that the rig opened, checks that nothing is left, and ends the machine. */
void rig_destroy(struct rig *r);
/** The probe that was made last. */
struct probe *rig_last_probe(void);

struct svart_model_stats rig_stats(const struct rig *r);

/** Runs a script in the device's step. */
void rig_run(struct rig *r, void (*script)(struct probe *p, void *arg), void *arg);

/* Each returns what the ioctl did. */
int rig_ioas_alloc(struct rig *r, uint32_t *id);
int rig_fault_alloc(struct rig *r, uint32_t *id, int *fd);
int rig_hwpt_alloc(struct rig *r, uint32_t flags, uint32_t pt, uint32_t fault, uint32_t *id);
int rig_object_destroy(struct rig *r, uint32_t id);
int rig_map(struct rig *r, uint64_t iova, const void *va, uint64_t len, uint32_t flags);
/** Maps memory at its own address for reading and writing. */
int rig_map_rw(struct rig *r, const void *va, uint64_t len);
int rig_unmap(struct rig *r, uint64_t iova, uint64_t len, uint64_t *unmapped);
int rig_device_bind(struct rig *r, int cdev, int iommufd, uint32_t *id);
int rig_device_attach(struct rig *r, uint32_t pt);
int rig_device_attach_pasid(struct rig *r, uint32_t pt, uint32_t pasid);
int rig_device_detach(struct rig *r);
int rig_device_detach_pasid(struct rig *r, uint32_t pasid);
int rig_open_cdev(struct rig *r);
void rig_command_set(struct rig *r, uint16_t value);

/** Sends a group of nr one-page read requests from va on. @return what the last one gave. */
int rig_fault(struct rig *r, uint32_t pasid, uint16_t prgi, uint64_t va, unsigned int nr);
/** Sends one request. */
int rig_request(struct rig *r, struct svart_bus_page_request request);
/** Reads one translation. */
struct svart_ats_entry rig_translate(struct rig *r, uint32_t pasid, const void *va);

/** Anonymous memory, touched or not, which ends with the process. */
void *rig_memory(size_t len);

#endif
