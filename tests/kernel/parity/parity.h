/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_PARITY_H
#define SVART_TEST_PARITY_H

/**
 * @file
 * The parity suite: how iommufd and VFIO behave, as one list of cases that runs on the software
 * machine and on real kernels. Where a case ends differently on two of them, the model is wrong.
 *
 * Every case gets a fixture with /dev/iommu open; what it opens through the fixture is closed for it.
 */

#include <errno.h>
#include <linux/iommufd.h>

#include "case.h"
#include "iommufd.h"
#include "rig.h"

#define PARITY_PAGE UINT64_C(4096)
/** Memory of the cases lies here, below 2 GiB: the mock device's page tables end there. */
#define PARITY_VA       UINT64_C(0x20000000)
#define PARITY_VA_BYTES UINT64_C(0x8000000)
#define PARITY_MAX_FDS  8
/** How long something may take that must happen; how long nothing may happen that must not. */
#define PARITY_SOON_NS  UINT64_C(3000000000)
#define PARITY_QUIET_NS UINT64_C(50000000)

/** A fault object. */
struct parity_queue {
	uint32_t id;
	int fd;
};

/** One case's things. Owner: main(). Lifetime: the case. Locks: none. */
struct parity {
	struct case_run *run;
	struct rig *rig;
	struct svart_machine *m;
	int fd; /**< /dev/iommu. */
	uint32_t ioas_id;

	bool device_open;
	struct rig_device dev;

	/** Of parity_start_faulting(): where requests come from and go to. */
	uint32_t pasid;
	struct parity_queue queue;
	uint32_t hwpt_id; /**< With the queue; attached to pasid. */

	int fds[PARITY_MAX_FDS]; /**< Closed at the end, if not -1. */
	unsigned int nr_fds;
	uint64_t va; /**< Next free address. */
};

/** A list of cases. */
struct parity_case {
	const char *name;
	void (*fn)(struct parity *p);
};
#define PARITY_CASE(name)   \
	{                   \
#name, name \
	}

extern const struct parity_case parity_ioas_cases[], parity_attach_cases[], parity_fault_cases[],
	parity_memory_cases[];
extern const size_t parity_nr_ioas_cases, parity_nr_attach_cases, parity_nr_fault_cases,
	parity_nr_memory_cases;

/* All of these end the case if something fails that is not the case's subject. */

/** Skips the case where the rig lacks an ability. */
void parity_needs(struct parity *p, enum rig_ability ability);
/** Skips the case where this thread lacks a capability (CAP_*). */
void parity_needs_capability(struct parity *p, unsigned int capability, const char *name);
/** Turns a capability of this thread on, if it may have it, or off. */
bool parity_capability_set(unsigned int capability, bool on);
/** Opens the device, attached to the IOAS. */
void parity_open_device(struct parity *p);
void parity_close_device(struct parity *p);
/** A fault object; its descriptor is closed with the case. */
struct parity_queue parity_queue(struct parity *p);
/** Closes a descriptor before the case ends. */
void parity_close_fd(struct parity *p, int fd);
/** A HWPT of the IOAS that can have PASIDs, with a fault object if queue is not NULL. */
uint32_t parity_hwpt(struct parity *p, const struct parity_queue *queue);
/** Opens the device and attaches a fault HWPT where this rig's page requests come from. */
void parity_start_faulting(struct parity *p);
/** Attaches a PASID that is not attached; replaces what one has. @return as the kernel. */
int parity_attach(struct parity *p, uint32_t pasid, uint32_t pt_id);
int parity_replace(struct parity *p, uint32_t pasid, uint32_t pt_id);
int parity_detach(struct parity *p, uint32_t pasid);

/** nr pages of memory in one mapping at a free address below 2 GiB. */
void *parity_memory(struct parity *p, unsigned int nr, int prot, int flags, int fd);
/** Private anonymous memory, readable and writable. */
void *parity_pages(struct parity *p, unsigned int nr);
/** IOAS_MAP of nr pages at IOVA == VA. @return as the kernel. */
int parity_map(struct parity *p, const void *va, unsigned int nr, bool writable);
int parity_unmap(struct parity *p, const void *va, unsigned int nr);

/** Sends one request of group prgi for parity.pasid. */
void parity_request(struct parity *p, uint16_t prgi, uint64_t addr, bool last);
/** Waits until the queue can be read. */
void parity_wait_readable(struct parity *p, const struct parity_queue *queue);
/** Gives requests that were sent the time to arrive. */
void parity_wait_arrived(struct parity *p);
/** Checks that the queue does not become readable. */
void parity_check_quiet(struct parity *p, const struct parity_queue *queue);
/** Waits and reads. @return records, 1 to nr. */
size_t parity_read(struct parity *p, const struct parity_queue *queue,
	struct iommu_hwpt_pgfault *records, size_t nr);
/** One request, sent and read. @return its record. */
struct iommu_hwpt_pgfault parity_fault(struct parity *p, uint16_t prgi, uint64_t addr);
/** Writes one answer. @return 1, or as the kernel. */
ssize_t parity_answer(
	struct parity *p, const struct parity_queue *queue, uint32_t cookie, uint32_t code);
/** Where the rig can tell: waits for the answer to a group of parity.pasid and checks it. */
void parity_check_answer(struct parity *p, uint16_t prgi, uint32_t code);

#endif
