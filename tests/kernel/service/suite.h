/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_SERVICE_SUITE_H
#define SVART_TEST_SERVICE_SUITE_H

/**
 * @file
 * The service suite: svart's space and fault service as they are, on a real /dev/iommu. The rigs are
 * those of the parity suite; what stands between the two (attaching, as the VFIO transport and
 * runtime/core/device/attach.c do) is here. Every group of every case is booked (ledger.h): at a case's end all
 * have been answered, and nothing is left in the kernel.
 */

#include <stdbool.h>
#include <stdint.h>

#include <svart/fault.h>

#include "case.h"
#include "inject.h"
#include "ledger.h"
#include "iommufd.h"
#include "rig.h"
#include "source.h"
#include "space.h"

#define SERVICE_PAGE UINT64_C(4096)
/** Memory of the cases, below 2 GiB: the mock device's page tables end there. */
#define SERVICE_VA       UINT64_C(0x20000000)
#define SERVICE_VA_BYTES UINT64_C(0x8000000)
/** The most that may wait for answers; a group's number is not used twice among them. */
#define SERVICE_BATCH  256
#define SERVICE_GROUPS 512
/** How long an answer may take. */
#define SERVICE_SOON_NS UINT64_C(10000000000)

#define SERVICE_READ  IOMMU_PGFAULT_PERM_READ
#define SERVICE_WRITE IOMMU_PGFAULT_PERM_WRITE

/** Lanes: the rig's way to fault first, then PASIDs. */
enum { SERVICE_MAIN, SERVICE_SIDE, SERVICE_THIRD, SERVICE_NR_LANES };
#define SERVICE_NR_SPACES 2

/** One attachment of the device. Fields are set as far as it came. */
struct service_lane {
	struct svart_space *space; /**< Bound. */
	uint32_t pasid;
	uint32_t fault_id;
	int fault_fd; /**< Valid with fault_id. */
	uint32_t hwpt_id;
	struct svart_fault_source *source;
	bool served, attached;
};

/** One case's things. Owner: main(). Lifetime: the case. Locks: none. */
struct service {
	struct case_run *run;
	struct rig *rig;
	struct ledger *ledger;
	struct svart_machine *m; /**< The ledger's: what svart is given. */
	struct svart_fault_params params;

	int fd;             /**< /dev/iommu. */
	uint32_t blank_id;  /**< An IOAS of nothing. */
	uint32_t parked_id; /**< A HWPT of it, for a device that is attached to no space. */
	bool device_open;
	struct rig_device dev;

	struct svart_fault_service *faults;
	struct svart_space *spaces[SERVICE_NR_SPACES];
	struct service_lane lanes[SERVICE_NR_LANES];
	struct inject inject;

	int uffd; /**< Or -1. */
	uint16_t prgi;
	uint64_t sent; /**< Requests. */
	uint64_t va;   /**< Next free address. */
};

/* --- the fixture: all of these end the case if something fails ---------------------------------- */

/** Opens /dev/iommu and the device, makes the service and the spaces; attaches nothing. */
void service_open(struct service *s);
/**
 * Takes all down. @param check that nothing is left anywhere; false after a failure.
 */
void service_close(struct service *s, bool check);
/** Attaches a lane to a space. */
void service_attach(struct service *s, unsigned int lane, unsigned int space);

/* As svart_attach() and svart_detach(), but in steps that can be taken again when one failed. */

/** @return 0, or -errno of the first step that failed; those before it stay. */
int service_try_attach(struct service *s, unsigned int lane, unsigned int space);
int service_try_detach(struct service *s, unsigned int lane);
/** The kernel's part of a detach: it answers what is open. */
int service_unplug(struct service *s, unsigned int lane);

/** nr pages in one mapping at a free address, with an unmapped one after it. */
char *service_memory(struct service *s, unsigned int nr, int prot, int flags, int fd);
char *service_pages(struct service *s, unsigned int nr);
/** Has the userfaultfd asked for the pages; the case is skipped if there is none. */
void service_uffd(struct service *s, void *va, unsigned int nr);
/** Waits until a page is asked for. */
void service_uffd_wait(struct service *s);
/** Supplies a page of zeros. */
void service_uffd_supply(struct service *s, void *va);

/** Sends one request. @return its group's number. */
uint16_t service_request(struct service *s, unsigned int lane, uint32_t perm, const void *addr);
/** Waits until there are so many answers. @return whether there were, in time. */
bool service_wait(struct service *s, uint64_t answers);
/** One request, sent and answered. @return the code. */
int service_fault(struct service *s, unsigned int lane, uint32_t perm, const void *addr);
/** @return whether the page is mapped in a space. */
bool service_mapped(struct service *s, unsigned int space, const void *addr);

#endif
