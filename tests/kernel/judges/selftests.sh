#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# The job of the suite "selftests" in its guest: the kernel's own tests of VFIO, which have a driver for DSA, in each
# way that they reach an IOMMU. Arguments: the rig's name, and a regular expression of the cases to tell.
# SVART_SELFTESTS is the folder that they were built in.
set -u
# shellcheck source=tests/kernel/job.sh
. "$(dirname "$(readlink -f "$0")")/../job.sh"

# first_of VENDOR DEVICE: the address of the first that vfio-pci has; "none" is no address, and the tests fail.
first_of() {
    local device
    for device in /sys/bus/pci/drivers/vfio-pci/0*; do
        [ "$(cat "$device/vendor" "$device/device" | tr '\n' ' ')" = "$1 $2 " ] || continue
        echo "${device##*/}"
        return
    done
    echo none
}

# The tests' results are lines of TAP. What a test says comes before its own line.
tell_tests() {
    local line name
    : >"$scratch/output"
    while read -r line; do
        name=${line#*ok * } name=$PREFIX${name%% *}
        case $line in
        ok*'# SKIP'*) skipped "$name" "${line#*# SKIP }" ;;
        ok*) told "$name" 0 ;;
        'not ok'*) told "$name" 1 ;;
        *)
            echo "$line" >>"$scratch/output"
            continue
            ;;
        esac
        : >"$scratch/output"
    done <"$scratch/tap"
}

# run_tests PROGRAM ADDRESS [PREFIX]: a case for each of its tests, and one for its end.
run_tests() {
    local status
    PREFIX=${3:-}
    timeout 400 "$SVART_SELFTESTS/$1" "$2" </dev/null >"$scratch/tap" 2>&1
    status=$?
    tell_tests
    cp "$scratch/tap" "$scratch/output"
    told "$PREFIX$1.ends" $status
    [ $status = 0 ] || sed 's/^/  | /' "$scratch/tap"
}

bring_instructions || exit 1
dsa=$(first_of 0x8086 0x0b25)
# Each test pins a shared mapping of 1 GiB: on an emulated machine 10 times faster by huge pages.
echo always >/sys/kernel/mm/transparent_hugepage/shmem_enabled
# Tests copy from and to where nothing is mapped.
tolerate "DMAR:.*Request device .$dsa. fault addr" 'handling fault status reg'
for program in vfio_pci_device_test vfio_pci_driver_test; do
    run_tests $program "$dsa"
done
# A device that has MSI.
run_tests vfio_pci_device_test "$(first_of 0x1234 0x5a21)" requester.
tell_instructions selftests
exit $failed
