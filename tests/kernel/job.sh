# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# What jobs of the QEMU guest share that have programs of others run on the DSA model: cases, the guest module,
# accel-config and its tests, OPCAP. RIG, ONLY: a job's arguments. SVART_GUEST_MODULE is the module of
# tests/kernel/guest, SVART_ACCEL the tree that has accel-config.

# shellcheck disable=SC2034 # for the job
rig=$1 only=${2:-}
scratch=/dev/shm
devices=/sys/bus/dsa/devices
failed=0

# --- cases ------------------------------------------------------------------------------------

wanted() { [ -z "$only" ] || [[ $1 =~ $only ]]; }

# told NAME STATUS: one case, with the end of its output if it failed.
told() {
    wanted "$1" || return 0
    if [ "$2" = 0 ]; then
        echo "case $1: passed"
    else
        failed=1
        echo "case $1: failed status $2: $(tr -s '\n' ' ' <"$scratch/output" | tail -c 200)"
    fi
}

# skipped NAME REASON
skipped() { ! wanted "$1" || echo "case $1: skipped $2"; }

# run_case NAME COMMAND...
run_case() {
    local name=$1
    shift
    wanted "$name" || return 0
    "$@" >"$scratch/output" 2>&1
    told "$name" $?
}

# --- the guest --------------------------------------------------------------------------------

# tolerate EXPRESSION...: messages of the kernel that are no complaints in this job.
tolerate() { printf '%s\n' "$@" >>/run/svart-tolerated; }

# bring_instructions: MOVDIR64B and ENQCMD.
bring_instructions() { insmod "$SVART_GUEST_MODULE"; }

# tell_instructions NAME: how many there were.
tell_instructions() {
    local counters=/sys/kernel/debug/svart-guest
    echo "$1: $(tr '\n' ';' <"$counters/insn64") widened $(cat "$counters/widened")"
}

# --- accel-config -----------------------------------------------------------------------------

# accel PROGRAM ARGUMENT...: a program of the tree, by its own loader. It must not eat what a loop of ours reads.
accel() {
    local libraries=$SVART_ACCEL/usr/lib/x86_64-linux-gnu program=$SVART_ACCEL/$1
    shift
    timeout 60 "$SVART_ACCEL/usr/lib64/ld-linux-x86-64.so.2" --library-path "$libraries" "$program" "$@" \
        </dev/null
}

config() { accel usr/bin/accel-config "$@"; }
dsa_test() { accel usr/libexec/accel-config/test/dsa_test "$@"; }

# --- operations -------------------------------------------------------------------------------

# Number, name: as dsa_test takes them. The model says by OPCAP which of them it has.
readonly OPERATIONS='
0x0 noop
0x1 batch
0x2 drain
0x3 memmove
0x4 memfill
0x5 compare
0x6 compval
0x7 create_delta
0x8 apply_delta
0x9 dualcast
0x10 crcgen
0x11 copy_crc
0x12 dif_check
0x13 dif_insert
0x14 dif_strip
0x15 dif_update
0x20 cache_flush
'

# has_operation NUMBER: of the first 64, which op_cap has in its last two words. idxd hides there that a device of
# version 1 has batches. Where there is no op_cap it is taken to have all: a test then fails, and is not skipped.
has_operation() {
    local words
    [ "$1" != 0x1 ] || return 0
    { IFS=, read -ra words <"$devices/dsa0/op_cap"; } 2>/dev/null || return 0
    local word=$((${#words[@]} - 1 - $1 / 32))
    [ "$word" -ge 0 ] && [ $((0x${words[word]} >> ($1 % 32) & 1)) = 1 ]
}
