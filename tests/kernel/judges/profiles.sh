#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# The job of the suite "profiles" in its guest: the example profiles of accel-config, each loaded into a device that
# dsa_test then uses, and accel-config's own test scripts. Arguments: the rig's name, and a regular expression of the
# cases to run.
set -u
# shellcheck source=tests/kernel/job.sh
. "$(dirname "$(readlink -f "$0")")/../job.sh"

readonly TESTS=$SVART_ACCEL/usr/libexec/accel-config/test
readonly PROFILES=$SVART_ACCEL/etc/accel-config/contrib/configs
readonly WORK=$scratch/accel-config

# --- profiles ---------------------------------------------------------------------------------

# attributes FILE: lines "QUEUE ATTRIBUTE VALUE" of a profile's queues, where sysfs has a file of that name.
attributes() {
    awk -F'[":, ]+' '
        $2 == "dev" { queue = $3 ~ /^wq/ ? $3 : "" }
        queue != "" && $2 != "dev" && $3 != "" { print queue, $2, $3 }' "$1" |
        while read -r queue attribute value; do
            [ ! -e "$devices/$queue/$attribute" ] || echo "$queue $attribute $value"
        done
}

queues() { attributes "$1" | cut -d' ' -f1 | uniq; }

# attribute_holds QUEUE ATTRIBUTE VALUE: sysfs says the same.
attribute_holds() {
    local is
    is=$(cat "$devices/$1/$2")
    [ "$is" = "$3" ] || {
        echo "$1: $2 is '$is' and the profile says '$3'"
        return 1
    }
}

# profile_holds FILE: its queues are as it says, and enabled.
profile_holds() {
    attributes "$1" | {
        local queue attribute value
        while read -r queue attribute value; do
            attribute_holds "$queue" "$attribute" "$value" && attribute_holds "$queue" state enabled || exit
        done
    }
}

# queue_works QUEUE: copies and fills by it, if it is a program's; what its profile lets it do about faults.
queue_works() {
    local flags=0x0 operation
    [ "$(cat "$devices/$1/type")" = user ] || return 0
    [ "$(cat "$devices/$1/block_on_fault")" = 0 ] || flags=0x1
    for operation in 0x3 0x4; do
        dsa_test -d "dsa0/$1" -l 16384 -f $flags -o $operation -t 5000 || return
    done
}

# disable_all: every queue that is enabled, and the device.
disable_all() {
    local queue
    for queue in "$devices"/wq0.*; do
        [ "$(cat "$queue/state")" != enabled ] || config disable-wq "dsa0/${queue##*/}" || return
    done
    config disable-device dsa0
}

# profile_is_good FILE
profile_is_good() {
    local queue
    config load-config -c "$1" -e && [ -n "$(queues "$1")" ] && profile_holds "$1" || return
    for queue in $(queues "$1"); do
        queue_works "$queue" || return
    done
}

# profile FILE: a case.
profile() {
    local name=profile_${1##*/}
    name=${name%.conf}
    wanted "$name" || return 0
    if [ ! -e "$1" ]; then
        echo "accel-config has no $1" >"$scratch/output"
        told profile_files 1
        return
    fi
    if ! grep -q '"dev":"dsa' "$1"; then
        skipped "$name" "is for IAA"
        return
    fi
    profile_is_good "$1" >"$scratch/output" 2>&1
    told "$name" $?
    disable_all >"$scratch/output" 2>&1
    told "${name}_unloads" $?
}

# A template of what all queues of all devices get, by a command of its own. It names a device for IAA, which is cut
# off, as its note proposes.
user_default() {
    awk '/^  },/ { print "  }\n]"; exit } { print }' "$PROFILES/user_default_profile.conf" >"$scratch/profile"
    config config-user-default -c "$scratch/profile" || return
    local queue
    for queue in "$devices"/dsa0/wq0.*; do
        attribute_holds "${queue##*/}" state enabled && attribute_holds "${queue##*/}" mode shared &&
            queue_works "${queue##*/}" || return
    done
}

profiles() {
    local file
    for file in "$PROFILES"/*.conf "$TESTS"/configs/*.conf; do
        case $file in
        */user_default_profile.conf) ;;
        *) profile "$file" ;;
        esac
    done
    run_case profile_user_default user_default
    run_case profile_user_default_unloads disable_all
    skipped profile_user_default_iaa "is for IAA"
}

# --- accel-config's scripts -------------------------------------------------------------------

# program_of_tree PATH NAME: a program that runs one of the tree's.
program_of_tree() {
    printf '#!/bin/sh\nexec %q --library-path %q %q "$@"\n' "$SVART_ACCEL/usr/lib64/ld-linux-x86-64.so.2" \
        "$SVART_ACCEL/usr/lib/x86_64-linux-gnu" "$SVART_ACCEL/$1" >"$2"
    chmod +x "$2"
}

# The scripts look for programs where they are run. They load idxd and vfio_pci, which this kernel has within.
scripts_prepare() {
    mkdir -p "$WORK/accfg" "$WORK/bin" && ln -s "$TESTS/configs" "$WORK/configs"
    program_of_tree usr/bin/accel-config "$WORK/accfg/accel-config"
    program_of_tree usr/bin/accel-config "$WORK/bin/accel-config"
    program_of_tree usr/libexec/accel-config/test/dsa_test "$WORK/dsa_test"
    program_of_tree usr/libexec/accel-config/test/iaa_test "$WORK/iaa_test"
    # shellcheck disable=SC2016 # of that script
    printf '#!/bin/sh\n[ -d "/sys/module/$1" ]\n' >"$WORK/bin/modprobe"
    chmod +x "$WORK/bin/modprobe"
}

# script NAME
script() { (cd "$WORK" && PATH=$WORK/bin:$PATH timeout 150 bash -E "$TESTS/$1"); }

# How dsa_user_test_runner.sh tells operations: its name, number, ours.
readonly TOLD_AS='
NOOP 0x0 noop
DRAIN 0x2 drain
MEMMOVE 0x3 memmove
MEMFILL 0x4 memfill
COMPARE 0x5 compare
COMPVAL 0x6 compval
CR_DELTA 0x7 create_delta
AP_DELTA 0x8 apply_delta
DUALCAST 0x9 dualcast
CRCGEN 0x10 crcgen
COPY_CRC 0x11 copy_crc
DIF_CHECK 0x12 dif_check
DIF_INS 0x13 dif_insert
DIF_STRP 0x14 dif_strip
DIF_UPDT 0x15 dif_update
CFLUSH 0x20 cache_flush
'

# operation_it_tried: number and name of the last that it tells of.
operation_it_tried() {
    local last
    last=$(sed -n 's/^Performing .* WQ \(batched \)\?\([A-Z_]*\) testing$/\2/p' "$scratch/output" | tail -n 1)
    echo "$TOLD_AS" | awk -v last="$last" 'last != "" && $1 == last { print $2, $3 }'
}

# Every operation, one after the other until one fails: it can end only where the model has all.
user_runner() {
    local name=script_dsa_user_test_runner status number operation passed
    wanted $name || return 0
    script dsa_user_test_runner.sh >"$scratch/output" 2>&1
    status=$?
    read -r number operation <<<"$(operation_it_tried)"
    if [ $status != 0 ] && [ -n "$number" ] && ! has_operation "$number"; then
        passed=$(($(grep -c '^Testing [0-9]' "$scratch/output") - 1))
        skipped $name "waits for $operation, after $passed runs of dsa_test that passed"
    else
        told $name $status
    fi
    disable_all >/dev/null 2>&1
}

scripts() {
    scripts_prepare
    user_runner
    run_case script_dsa_config_test_runner script dsa_config_test_runner.sh
    skipped script_iaa_user_test_runner "is for IAA"
}

# --- all --------------------------------------------------------------------------------------

bring_instructions || exit 1
tolerate 'fault reason 0x5b' 'handling fault status reg'
profiles
scripts
tell_instructions profiles
exit $failed
