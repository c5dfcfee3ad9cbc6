#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# The job of the suite "idxd" in its guest: brings the CPU's missing instructions, then runs svart's own suite, and
# accel-config's tests of Intel's. Arguments: the rig's name, and a regular expression of the cases to run.
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/kernel/job.sh
. "$here/../job.sh"

# --- the guest --------------------------------------------------------------------------------

# The instructions, memory to swap to, huge pages. QEMU tells of faults at entries that Linux has torn down
# (reason 0x5b), where processes are killed or devices reset; Linux says first that there is one.
prepare() {
    bring_instructions || return 1
    echo 64M >/sys/block/zram0/disksize && busybox mkswap /dev/zram0 >/dev/null &&
        swapon /dev/zram0 && echo 4 >/proc/sys/vm/nr_hugepages || return
    tolerate 'fault reason 0x5b' 'handling fault status reg'
}

# --- accel-config -----------------------------------------------------------------------------

# Both devices, with what is configurable.
config_lists() {
    config list -i >"$scratch/output" 2>&1 &&
        [ "$(grep -c '"dev":"dsa' "$scratch/output")" = 2 ]
}

# Intel's example: a dedicated queue 0, a shared queue 1, of programs.
config_loads() {
    config load-config -c "$SVART_ACCEL/usr/libexec/accel-config/test/configs/2g2q_user_1.conf" &&
        config enable-device dsa0 && config enable-wq dsa0/wq0.0 && config enable-wq dsa0/wq0.1
}

config_unloads() {
    config disable-wq dsa0/wq0.0 && config disable-wq dsa0/wq0.1 && config disable-device dsa0
}

# The tests of accel-config's library. It writes where it is.
config_tests() { (cd "$scratch" && config test) && grep -q '^SUCCESS' "$scratch/output"; }

# --- dsa_test ---------------------------------------------------------------------------------

# sizes_of NUMBER: delta records are of words, up to 512 KiB; protected blocks have 512 bytes.
sizes_of() {
    case $1 in
    0x7 | 0x8) echo 8 4096 65536 524288 ;;
    0x12 | 0x13 | 0x14 | 0x15) echo 512 1024 4096 ;;
    *) echo 1 4096 65536 1048576 2097152 ;;
    esac
}

# flags_of NUMBER: with BLOCK_ON_FAULT, and without. Where a page was missing dsa_test submits what is left, but for a
# delta record it moves the destination by what was read of the record: no specification says that.
flags_of() {
    case $1 in
    0x8) echo 0x1 ;;
    *) echo 0x1 0x0 ;;
    esac
}

# each_size MODE NUMBER ARGUMENT...: each size that is the operation's.
each_size() {
    local mode=$1 number=$2 flags bytes
    shift 2
    for flags in $(flags_of "$number"); do
        for bytes in $(sizes_of "$number"); do
            echo "-w $mode -l $bytes -f $flags $*"
            dsa_test -w "$mode" -l "$bytes" -f "$flags" -t 5000 "$@" || return
        done
    done
}

# run_operation MODE NUMBER. A batch is of 16 of each operation that may be in one, of one size.
run_operation() {
    local mode=$1 inner
    if [ "$2" != 0x1 ]; then
        each_size "$mode" "$2" -o "$2"
        return
    fi
    for inner in 0x0 0x3 0x4 0x5 0x6 0x9 0x10 0x11 0x12 0x13 0x14 0x15 0x20; do
        has_operation "$inner" || continue
        echo "-w $mode -o 0x1 -b $inner"
        dsa_test -w "$mode" -l 4096 -f 0x1 -t 5000 -o 0x1 -b "$inner" -c 16 -u || return
    done
}

# dsa_tests MODE NAME: a case for each operation. What the model has not is not tested yet.
dsa_tests() {
    local mode=$1 number operation name
    while read -r number operation; do
        name=dsa_test_$2_$operation
        if [ -z "$number" ] || ! wanted "$name"; then
            continue
        fi
        if has_operation "$number"; then
            run_operation "$mode" "$number" >"$scratch/output" 2>&1
            told "$name" $?
        else
            skipped "$name" "waits for $operation"
        fi
    done <<<"$OPERATIONS"
}

accel_config() {
    run_case accel_config_lists_both_devices config_lists
    config_loads >"$scratch/output" 2>&1
    told accel_config_loads_an_example $?
    dsa_tests 0 dedicated
    dsa_tests 1 shared
    config_unloads >"$scratch/output" 2>&1
    told accel_config_unloads_it $?
    # Last, because it leaves queues with small limits.
    run_case accel_config_tests_its_library config_tests
}

# --- all --------------------------------------------------------------------------------------

prepare || exit 1
"$here/idxd_suite" "$rig" "$only" || failed=1
accel_config
tell_instructions idxd
exit $failed
