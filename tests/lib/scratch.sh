# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# Temporary folders for what is large.

# Where they may be.
scratch_parents() {
    printf '%s\n' "${TMPDIR:-/tmp}" /var/tmp /dev/shm "$PWD/build" | awk '!seen[$0]++'
}

# has_option FOLDER OPTION...: whether its file system is mounted with one of these options.
has_option() {
    local options option
    options=$(findmnt -no OPTIONS -T "$1") || return 1
    shift
    for option in "$@"; do
        [[ ,$options, != *,$option,* ]] || return 0
    done
    return 1
}

# scratch_folder NAME MIB [OPTION...]: prints a new folder NAME.*, on the first file system that has so much
# room and is not mounted with one of these options. Returns 1 if there is none.
scratch_folder() {
    local name=$1 mib=$2 parent free
    shift 2
    while read -r parent; do
        free=$(df --output=avail -B1M "$parent" 2>/dev/null | tail -n 1) || continue
        [ "$free" -gt "$mib" ] || continue
        ! has_option "$parent" "$@" || continue
        mktemp -d "$parent/$name.XXXXXX" 2>/dev/null && return
    done < <(scratch_parents)
    return 1
}
