# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# The suites: programs of svart's build that print a line for each case,
#     case NAME: passed|failed|skipped [REASON]
# and are started with the rig's name as their argument.

# name | rigs it runs on | seconds it may take | program in the build folder | driver of the DSAs in QEMU, if not
# vfio-pci. idxd is run by its name alone: it judges the model, not svart, and takes minutes.
readonly SUITE_TABLE='
smoke|uml qemu|60|tests/kernel/smoke
parity|model uml qemu|240|tests/kernel/parity/parity
service|model uml|120|tests/kernel/service/service
dsa|qemu|240|tests/kernel/qemu/dsa_suite
programs|uml qemu|240|tests/kernel/programs.sh
idxd|qemu|480|tests/kernel/idxd/idxd.sh|idxd
'

suite_names() {
    printf '%s' "$SUITE_TABLE" | awk -F'|' 'NF { printf "%s%s", sep, $1; sep = " " }'
}

# Those that run where none is named.
suite_names_usual() {
    printf '%s' "$SUITE_TABLE" | awk -F'|' 'NF && $1 != "idxd" { printf "%s%s", sep, $1; sep = " " }'
}

# suite_get NAME FIELD
suite_get() {
    printf '%s' "$SUITE_TABLE" | awk -F'|' -v name="$1" -v field="$2" '$1 == name { print $field }'
}

suite_exists() { [ -n "$(suite_get "$1" 1)" ]; }

# The model runs on this machine, in no guest.
model_exports() { :; }
model_guest() {
    local job=$1 seconds=$2 status=0
    timeout -k 5 "$seconds" sh "$job" || status=$?
    echo "guest: job ended with status $status"
}

# suite_run RIG SUITE: its console goes to a file, its cases to the report.
suite_run() {
    local rig=$1 suite=$2 dir start=$SECONDS seconds
    dir=$CACHE/run/$rig-$suite
    mkdir -p "$dir"
    seconds=$(suite_get "$suite" 3)
    {
        "${rig}_exports"
        printf 'exec %q %q %q\n' "$SVART_BUILD/$(suite_get "$suite" 4)" "$rig" "$ONLY"
    } >"$dir/job.sh"
    say "$rig: $suite"
    "${rig}_guest" "$dir/job.sh" "$seconds" "$suite" >"$dir/console" 2>&1 || true
    report_suite "$rig" "$suite" "$dir/console" $((SECONDS - start)) "$seconds"
}

# suites_run RIG SUITE...
suites_run() {
    local rig=$1 suite
    shift
    for suite in "$@"; do
        [[ " $(suite_get "$suite" 2) " != *" $rig "* ]] || suite_run "$rig" "$suite"
    done
}
