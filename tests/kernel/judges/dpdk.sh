#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# The job of the suite "dpdk" in its guest: DPDK's own driver for DSA, under DPDK's own tests of a dmadev, on a
# queue of Linux's driver (DPDK's bus dsa) and on a whole device by VFIO (its bus pci). Arguments: the rig's name,
# and a regular expression of the cases to run.
set -u
# shellcheck source=tests/kernel/job.sh
. "$(dirname "$(readlink -f "$0")")/../job.sh"

# What DPDK 22.11 runs on a dmadev, one after the other until one fails. A newer DPDK has more.
readonly TESTS=(copy burst_capacity error_handling fill)
readonly HUGE=/run/huge
readonly HUGE_PAGES=128 # of 2 MiB

# --- the guest --------------------------------------------------------------------------------

prepare() {
    bring_instructions || return 1
    echo $HUGE_PAGES >/proc/sys/vm/nr_hugepages
    mkdir -p /run/dpdk $HUGE && mount -t hugetlbfs huge $HUGE
}

# wq_set ATTRIBUTE VALUE: of queue 0 of dsa0.
wq_set() { echo "$2" >"$devices/dsa0/wq0.0/$1"; }

# A dedicated queue of programs. DPDK's bus takes those whose name begins so.
wq_enable() {
    echo 0 >"$devices/dsa0/engine0.0/group_id" &&
        wq_set group_id 0 && wq_set mode dedicated && wq_set size 128 && wq_set priority 10 &&
        wq_set block_on_fault 1 && wq_set max_batch_size 128 && wq_set type user &&
        wq_set driver_name user && wq_set name dpdk_svart &&
        echo dsa0 >/sys/bus/dsa/drivers/idxd/bind && echo wq0.0 >/sys/bus/dsa/drivers/user/bind
}

wq_disable() {
    echo wq0.0 >/sys/bus/dsa/drivers/user/unbind && echo dsa0 >/sys/bus/dsa/drivers/idxd/unbind
}

# pci_give NAME: an idxd device that is not enabled becomes one of vfio-pci. Sets PCI to its address.
pci_give() {
    local device
    device=$(dirname "$(readlink -f "$devices/$1")")
    PCI=${device##*/}
    echo vfio-pci >"$device/driver_override" && echo "$PCI" >"$device/driver/unbind" &&
        echo "$PCI" >/sys/bus/pci/drivers_probe && [ -e /sys/bus/pci/drivers/vfio-pci/"$PCI" ]
}

# --- what DPDK tells --------------------------------------------------------------------------

# about_device: of its output what is about the device, not about its software dmadev; a test draws its progress.
about_device() {
    tr '\r' '\n' <"$scratch/dpdk" |
        awk '/^### Test dmadev/ { mine = /instance/ && !/skeleton/ } mine && !/^Ops submitted/'
}

# result_of TEST: passed, failed, "skipped REASON", or nothing if there is no word of it. A test has failed where
# nothing but its own output follows.
result_of() {
    about_device | awk -v test="${1//_/ }" '
        /: Running .* Tests/ { last = $0; sub(/.*: Running /, "", last); sub(/ Tests.*/, "", last); ran[last] = 1 }
        /skipping/ && index($0, test) { skip = $0; sub(/^DMA Dev [0-9]+: */, "", skip) }
        END {
            if (skip != "") print "skipped " skip
            else if (ran[test]) print (last == test ? "last" : "passed")
        }'
}

# tests_told: names of the tests that the output tells of, and of those that should be there.
tests_told() {
    {
        printf '%s\n' "${TESTS[@]}"
        about_device | sed -n 's/^.*: Running \(.*\) Tests.*/\1/p' | tr ' ' '_'
    } | awk '!seen[$0]++'
}

# tell_tests WAY STATUS: a case for each.
tell_tests() {
    local test result
    for test in $(tests_told); do
        result=$(result_of "$test")
        [ "$result" != last ] || result=$([ "$2" = 0 ] && echo passed || echo failed)
        case $result in
        passed) told "dpdk_$1_$test" 0 ;;
        skipped*) skipped "dpdk_$1_$test" "DPDK: ${result#skipped }" ;;
        failed) told "dpdk_$1_$test" "$2" ;;
        *) told "dpdk_$1_$test" "not reached" ;;
        esac
    done
}

# autotest WAY ARGUMENT...: DPDK's tests, with EAL's arguments. It must have found a device that is no skeleton.
autotest() {
    local way=$1 status
    shift
    DPDK_TEST=dmadev_autotest timeout 140 dpdk-test -l 0 --huge-dir $HUGE -m $((HUGE_PAGES * 2 - 16)) \
        --iova-mode=va "$@" </dev/null >"$scratch/dpdk" 2>&1
    status=$?
    about_device >"$scratch/output"
    [ -s "$scratch/output" ] || cp "$scratch/dpdk" "$scratch/output"
    grep -q '^Test OK' "$scratch/dpdk" || [ $status != 0 ] || status="without a result"
    tell_tests "$way" "$status"
    sed 's/^/  | /' "$scratch/output"
}

# set_up NAME COMMAND...: a case that is run whatever cases are wanted, because others need it.
set_up() {
    local name=$1
    shift
    "$@" >"$scratch/output" 2>&1
    told "$name" $?
}

# --- all --------------------------------------------------------------------------------------

prepare || exit 1
echo "dpdk: $(dpdk-test -v --no-huge -m 16 --no-pci </dev/null 2>&1 | grep -m1 -o "DPDK [0-9.a-z-]*")"
set_up dpdk_bus_dsa_gets_a_queue wq_enable
autotest bus_dsa --no-pci
set_up dpdk_bus_dsa_leaves_it wq_disable
set_up dpdk_pci_gets_a_device pci_give dsa1
autotest pci -a "$PCI,max_queues=1"
tell_instructions dpdk
exit $failed
