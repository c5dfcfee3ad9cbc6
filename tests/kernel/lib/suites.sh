# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# The suites: programs of svart's build that print a line for each case,
#     case NAME: passed|failed|skipped [REASON]
# and are started with the rig's name as their argument.

# name | rigs it runs on | seconds it may take | program in the build folder | driver of the DSAs in QEMU, if not
# vfio-pci | its group: "usual" is run where nothing is named | more arguments for QEMU
readonly SUITE_TABLE='
smoke|uml qemu|60|tests/kernel/smoke||usual
parity|model uml qemu|240|tests/kernel/parity/parity||usual
service|model uml|120|tests/kernel/service/service||usual
dsa|qemu|240|tests/kernel/qemu/dsa_suite||usual
programs|uml qemu|240|tests/kernel/programs.sh||usual
idxd|qemu|480|tests/kernel/idxd/idxd.sh|idxd|usual
dpdk|qemu|300|tests/kernel/judges/dpdk.sh|idxd|judges
profiles|qemu|240|tests/kernel/judges/profiles.sh|idxd|judges
selftests|qemu|480|tests/kernel/judges/selftests.sh||judges|-m 3G -global svart-dsa.options=max_xfer_shift=14
'

suite_names() {
    printf '%s' "$SUITE_TABLE" | awk -F'|' 'NF { printf "%s%s", sep, $1; sep = " " }'
}

# suite_names_of GROUP
suite_names_of() {
    printf '%s' "$SUITE_TABLE" |
        awk -F'|' -v group="$1" '$6 == group && NF { printf "%s%s", sep, $1; sep = " " }'
}

# suite_get NAME FIELD
suite_get() {
    printf '%s' "$SUITE_TABLE" | awk -F'|' -v name="$1" -v field="$2" '$1 == name { print $field }'
}

# suites_have NAME...: whether one of them is run.
suites_have() {
    local name
    for name in "$@"; do
        [[ " ${SUITES[*]} " != *" $name "* ]] || return 0
    done
    return 1
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
