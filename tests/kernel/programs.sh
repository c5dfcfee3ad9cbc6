#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# Whole programs of the build on what a rig has: the conformance suites and svart-copy on a device
# without page requests (edu, and a DSA whose page requests are off), and svart-info everywhere.
# Arguments: the rig's name, and a regular expression of the cases to run.
rig=$1 only=${2:-}
build=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
scratch=/dev/shm
export TMPDIR=$scratch
failed=0

# find_pci VENDOR:DEVICE: the address of the first such function.
find_pci() {
    for device in /sys/bus/pci/devices/*; do
        [ "$(cat "$device/vendor"):$(cat "$device/device")" = "0x${1%:*}:0x${1#*:}" ] || continue
        echo "${device##*/}"
        return
    done
}

find_pci_name() { echo "pci:$(find_pci "$1")"; }

# case_run NAME FUNCTION ARGUMENT...
case_run() {
    name=$1
    shift
    [ -z "$only" ] || echo "$name" | grep -Eq "$only" || return 0
    if "$@" >"$scratch/output" 2>&1; then
        echo "case $name: passed"
    else
        failed=1
        echo "case $name: failed status $?"
        sed 's/^/  | /' "$scratch/output" | tail -n 40
    fi
}

conformance() { "$build/tests/conformance/test_$1" "$2" "$3"; }

# Of the conformance suites what moves little: QEMU's edu takes 100 ms for a transfer of 4 KiB.
conformance_of_little() {
    SVART_TEST_FILTER=$2 "$build/tests/conformance/test_$1" "$3" thread
}

copy_a_file() {
    head -c 20003 /dev/urandom >"$scratch/src" &&
        "$build/apps/svart-copy" --verify --device "$1" "$scratch/src" "$scratch/dst" &&
        cmp "$scratch/src" "$scratch/dst"
    status=$?
    rm -f "$scratch/src" "$scratch/dst"
    return $status
}

# info_says TEXT...: svart-info --json says each of them.
info_says() {
    "$build/apps/svart-info" --json >"$scratch/info"
    cat "$scratch/info"
    for text in "$@"; do
        grep -q "$text" "$scratch/info" || return 1
    done
}

# by_the_instruction SUITE SPEC SERVICE: a conformance suite, with MOVDIR64B by the guest's module.
by_the_instruction() { insmod "$SVART_GUEST_MODULE" && conformance "$@"; }

# info_probes SPEC: a fault of this device arrives and is answered.
info_probes() { "$build/apps/svart-info" --probe "$1"; }

case $rig in
qemu)
    edu="$(find_pci_name 1234:11e8),dma_mask_bits=64"
    dsa="$(find_pci_name 8086:0b25),portal=split"
    for suite in copy_fill bad_address life; do
        case_run "dsa_without_page_requests_conformance_$suite" \
            conformance $suite "$dsa,faults=off" thread
    done
    case_run edu_copy_ends_at_the_last_mapped_byte \
        conformance_of_little copy_fill 'test_copy_ends*' "$edu"
    case_run edu_reaches_shared_memory conformance_of_little copy_fill 'test_memfd*' "$edu"
    case_run edu_completes_malformed_ops conformance_of_little copy_fill 'test_malformed*' "$edu"
    case_run edu_refuses_bad_sources conformance_of_little bad_address 'test_bad_source*' "$edu"
    case_run edu_sees_new_memory_at_an_old_address conformance_of_little life 'test_new*' "$edu"
    case_run edu_copies_a_file copy_a_file "$edu"
    # Emulated CPUs have no MOVDIR64B: the DSA is told to need portal=split. edu is ready.
    case_run info_lists_the_devices info_says '"present": true' \
        "\"name\": \"$(find_pci_name 8086:0b25)\".*\"code\": \"no-movdir64b\"" \
        "\"name\": \"$(find_pci_name 1234:11e8)\".*\"ready\": true"
    case_run info_probe_sees_a_fault info_probes "$dsa,pasid=5"
    # A kernel that emulates the instruction, which CPUID does not know of.
    case_run dsa_by_the_instruction_conformance_copy_fill \
        by_the_instruction copy_fill "$(find_pci_name 8086:0b25),portal=native,faults=off" thread
    ;;
uml)
    case_run info_finds_no_device info_says '"iommufd"' '"devices"'
    ;;
esac
exit $failed
