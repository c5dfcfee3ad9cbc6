/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* A QEMU of a few functions, which translates all that it is asked for, as the real one does without looking. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "bits.h"
#include "pci_port.h"

/* The guest's memory: the tables of VT-d, a page each. */
#define TABLES      UINT64_C(0x100000)
#define ROOT        (TABLES + 0 * SVART_PAGE_SIZE)
#define CONTEXTS    (TABLES + 1 * SVART_PAGE_SIZE)
#define DIRECTORY   (TABLES + 2 * SVART_PAGE_SIZE)
#define ENTRIES     (TABLES + 3 * SVART_PAGE_SIZE)
#define NR_TABLES   4
#define PRESENT     1
#define SCALABLE    (UINT64_C(1) << 10)
#define RTADDR_ADDR UINT64_C(0xfed90020)

/* 01:12.3: in the upper half of its bus. PASID 70 is the sixth of the second table. */
#define REQUESTER 0x193
#define PASID     70
#define RID_PASID 71
#define VA        UINT64_C(0x7f0000000000)
#define PHYSICAL  UINT64_C(0x40000000)

static struct {
	uint64_t tables[NR_TABLES * SVART_PAGE_SIZE / 8];
	uint64_t rtaddr;
	uint64_t *cleared_meanwhile; /* An entry that a CPU clears while QEMU walks. */
	unsigned int nr_asked;
	bool msi, msix;                       /* What the guest has enabled. */
	unsigned int msi_raised, msix_raised; /* Vectors, as bits. */
} machine;

static struct pci_port port;

/* --- QEMU ---------------------------------------------------------------------------------------- */

struct qemu_address_space {
	int unused;
};
struct qemu_address_space address_space_memory;

uint32_t address_space_rw(struct qemu_address_space *as, uint64_t addr,
	struct qemu_access_attrs attrs, void *buf, uint64_t len, bool write)
{
	(void)as;
	(void)attrs;
	assert_false(write);
	if (addr == RTADDR_ADDR) {
		memcpy(buf, &machine.rtaddr, len);
		return 0;
	}
	assert_in_range(addr, TABLES, TABLES + sizeof(machine.tables) - len);
	memcpy(buf, (const uint8_t *)machine.tables + (addr - TABLES), len);
	return 0;
}

ssize_t pci_ats_request_translation(struct qemu_pci_device *dev, uint32_t pasid, bool priv,
	bool exec, uint64_t addr, size_t len, bool no_write, struct qemu_iommu_entry *result,
	size_t nr, uint32_t *errors)
{
	(void)dev;
	(void)pasid;
	(void)priv;
	(void)exec;
	(void)no_write;
	(void)errors;
	machine.nr_asked++;
	if (machine.cleared_meanwhile != NULL)
		*machine.cleared_meanwhile &= ~(uint64_t)PRESENT;
	assert_true(len / SVART_PAGE_SIZE <= nr);
	for (size_t i = 0; i < len / SVART_PAGE_SIZE; i++)
		result[i] = (struct qemu_iommu_entry){
			.translated = PHYSICAL + addr - VA + i * SVART_PAGE_SIZE,
			.mask = SVART_PAGE_MASK,
			.perm = QEMU_IOMMU_READ | QEMU_IOMMU_WRITE,
		};
	return (ssize_t)(len / SVART_PAGE_SIZE);
}

uint32_t pci_default_read_config(struct qemu_pci_device *dev, uint32_t addr, int len)
{
	(void)dev;
	(void)addr;
	(void)len;
	return UINT16_MAX; /* All that can be enabled is. */
}

uint16_t pci_requester_id(struct qemu_pci_device *dev)
{
	(void)dev;
	return REQUESTER;
}

bool pcie_ats_enabled(const struct qemu_pci_device *dev)
{
	(void)dev;
	return true;
}

int pci_iommu_init_iotlb_notifier(struct qemu_pci_device *dev, struct qemu_iommu_notifier *n,
	void (*fn)(struct qemu_iommu_notifier *n, struct qemu_iommu_entry *entry), void *opaque)
{
	(void)dev;
	(void)n;
	(void)fn;
	(void)opaque;
	return 0;
}

int pci_iommu_register_iotlb_notifier(
	struct qemu_pci_device *dev, uint32_t pasid, struct qemu_iommu_notifier *n)
{
	(void)dev;
	(void)pasid;
	(void)n;
	return 0;
}

int pci_iommu_unregister_iotlb_notifier(
	struct qemu_pci_device *dev, uint32_t pasid, struct qemu_iommu_notifier *n)
{
	(void)dev;
	(void)pasid;
	(void)n;
	return 0;
}

bool msi_enabled(const struct qemu_pci_device *dev)
{
	(void)dev;
	return machine.msi;
}

void msi_notify(struct qemu_pci_device *dev, unsigned int vector)
{
	(void)dev;
	machine.msi_raised |= 1u << vector;
}

int msix_enabled(struct qemu_pci_device *dev)
{
	(void)dev;
	return machine.msix;
}

void msix_notify(struct qemu_pci_device *dev, unsigned int vector)
{
	(void)dev;
	machine.msix_raised |= 1u << vector;
}

/* --- The machine --------------------------------------------------------------------------------- */

static uint64_t *word_at(uint64_t addr)
{
	return &machine.tables[(addr - TABLES) / 8];
}

static uint64_t *pasid_entry(uint32_t pasid)
{
	return word_at(ENTRIES + pasid % 64 * 64);
}

/* The device's tables, with both PASIDs present. */
static int begin(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	machine.rtaddr = ROOT | SCALABLE;
	*word_at(ROOT + 1 * 16 + 8) = CONTEXTS | PRESENT;
	*word_at(CONTEXTS + 0x13 * 32) = DIRECTORY | PRESENT;
	*word_at(CONTEXTS + 0x13 * 32 + 8) = RID_PASID;
	*word_at(DIRECTORY + 1 * 8) = ENTRIES | PRESENT;
	*pasid_entry(PASID) = PRESENT;
	*pasid_entry(RID_PASID) = PRESENT;
	port_bus_init(&port);
	return 0;
}

static int end(void **state)
{
	(void)state;
	port_bus_fini(&port);
	memset(&port, 0, sizeof(port));
	return 0;
}

/* Returns how many of two pages are there. */
static unsigned int translate(uint32_t pasid)
{
	struct svart_ats_entry entries[2];
	unsigned int nr = 0;

	memset(entries, 0xff, sizeof(entries));
	assert_int_equal(port.bus.ops->ats_translate(&port.bus, pasid, VA, 2, true, entries), 0);
	for (unsigned int i = 0; i < 2; i++) {
		nr += entries[i].read && entries[i].write;
		if (entries[i].read || entries[i].write)
			assert_int_equal(entries[i].translated, PHYSICAL + i * SVART_PAGE_SIZE);
	}
	return nr;
}

/* --- Tests --------------------------------------------------------------------------------------- */

static void test_translate_with_a_present_pasid_finds_pages(void **state)
{
	(void)state;
	assert_int_equal(translate(PASID), 2);
}

static void test_translate_with_a_pasid_that_is_not_present_does_not_ask_qemu(void **state)
{
	(void)state;
	*pasid_entry(PASID) &= ~(uint64_t)PRESENT;
	assert_int_equal(translate(PASID), 0);
	assert_int_equal(machine.nr_asked, 0);
}

static void test_translate_with_a_directory_that_is_not_present_finds_nothing(void **state)
{
	(void)state;
	*word_at(DIRECTORY + 1 * 8) = ENTRIES;
	assert_int_equal(translate(PASID), 0);
}

static void test_translate_with_a_pasid_that_leaves_meanwhile_finds_nothing(void **state)
{
	(void)state;
	machine.cleared_meanwhile = pasid_entry(PASID);
	assert_int_equal(translate(PASID), 0);
	assert_int_equal(machine.nr_asked, 1);
}

static void test_translate_without_pasid_looks_at_that_of_the_context_entry(void **state)
{
	(void)state;
	*pasid_entry(PASID) = 0;
	assert_int_equal(translate(SVART_BUS_NO_PASID), 2);
	*pasid_entry(RID_PASID) = 0;
	assert_int_equal(translate(SVART_BUS_NO_PASID), 0);
}

static void test_translate_without_scalable_mode_believes_qemu(void **state)
{
	(void)state;
	memset(machine.tables, 0, sizeof(machine.tables));
	machine.rtaddr = ROOT;
	assert_int_equal(translate(PASID), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static void raise_all(unsigned int nr_msi, unsigned int nr_msix)
{
	const struct svart_device_model model = { .nr_msi = nr_msi, .nr_vectors = nr_msix };

	port.model = &model;
	for (unsigned int vector = 0; vector < 6; vector++)
		port.bus.ops->interrupt(&port.bus, vector);
	port.model = NULL;
}

static void test_interrupts_go_by_what_the_device_has_and_the_guest_enabled(void **state)
{
	(void)state;
	raise_all(4, 0);
	raise_all(0, 5);
	assert_int_equal(machine.msi_raised | machine.msix_raised, 0);
	machine.msi = machine.msix = true;
	raise_all(4, 0);
	assert_int_equal(machine.msi_raised, 0xf);
	assert_int_equal(machine.msix_raised, 0);
	raise_all(0, 5);
	assert_int_equal(machine.msi_raised, 0xf);
	assert_int_equal(machine.msix_raised, 0x1f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_translate_with_a_present_pasid_finds_pages),
		TEST(test_translate_with_a_pasid_that_is_not_present_does_not_ask_qemu),
		TEST(test_translate_with_a_directory_that_is_not_present_finds_nothing),
		TEST(test_translate_with_a_pasid_that_leaves_meanwhile_finds_nothing),
		TEST(test_translate_without_pasid_looks_at_that_of_the_context_entry),
		TEST(test_translate_without_scalable_mode_believes_qemu),
		cmocka_unit_test_setup_teardown(
			test_interrupts_go_by_what_the_device_has_and_the_guest_enabled, begin,
			end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
