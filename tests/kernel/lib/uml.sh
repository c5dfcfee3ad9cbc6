# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# The UML rig: Linux as a process. Its root is this machine's, read-only.

uml_exports() { :; }

uml_prepare() {
    kernel_build uml linux
}

# The guest's memory is a file that must be executable.
uml_memory_dir() {
    local dir
    for dir in /dev/shm "${TMPDIR:-/tmp}" "$CACHE"; do
        findmnt -no OPTIONS -T "$dir" 2>/dev/null | grep -qw noexec || {
            printf '%s' "$dir"
            return
        }
    done
}

# uml_guest JOB SECONDS: boots, runs the script JOB, powers off; the console goes to stdout.
uml_guest() {
    local job=$1 seconds=$2
    TMPDIR=$(uml_memory_dir) timeout -k 5 "$seconds" "$(kernel_dir uml)/linux" mem=1G \
        root=/dev/root rootfstype=hostfs rootflags=/ ro init="$HERE/init/guest.sh" panic=-1 quiet \
        con0=null,fd:1 con=null uml_dir="$CACHE/run" SVART_JOB="$job" </dev/null 2>&1
}
