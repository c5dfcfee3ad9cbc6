/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* What the bus could call of QEMU, and does not in these tests. */

#include <stdlib.h>

#define NOT_CALLED(name) \
	void name(void); \
	void name(void)  \
	{                \
		abort(); \
	}

NOT_CALLED(pci_device_iommu_address_space)
NOT_CALLED(pcie_pri_enabled)
NOT_CALLED(pcie_pri_get_req_alloc)
NOT_CALLED(pci_pri_request_page)
NOT_CALLED(pci_pri_register_notifier)
NOT_CALLED(pci_pri_unregister_notifier)
NOT_CALLED(qemu_bh_schedule)
NOT_CALLED(get_system_memory)
NOT_CALLED(memory_region_init_io)
NOT_CALLED(memory_region_add_subregion_overlap)
