# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# Versions that move: Debian's testing distribution has other ones every week. A rig is made for some of them,
# keeps what it once fetched, and says when Debian has moved on. The cache's folder APT has a file for each
# package with the version that is kept.

# package | its versions that the rigs were run with, as they begin (without an epoch) | what to look at first
readonly VERSIONS_TESTED='
linux-source|7.2|the options in tests/kernel/config, and the suites
qemu-system-x86|11.1|tests/kernel/qemu/qemu_abi.h
accel-config-test|4.1|tests/kernel/idxd/idxd.sh
dpdk-dev|25.11|tests/functional/TestSuite_dmadev.py
'
# How long a look at Debian is good for, in minutes.
readonly VERSIONS_LOOK=1440

# version_tested PACKAGE: how the tested versions begin.
version_tested() {
    printf '%s' "$VERSIONS_TESTED" | awk -F'|' -v name="$1" '$1 == name { print $2 }'
}

# version_fits PACKAGE VERSION: whether it is a tested one. An epoch ("1:") does not count.
version_fits() {
    local version=${2#*:} tested
    tested=$(version_tested "$1")
    [[ $version == "$tested" || $version == "$tested"[.+~-]* ]]
}

version_hint() {
    printf '%s' "$VERSIONS_TESTED" | awk -F'|' -v name="$1" '$1 == name { print $3 }'
}

version_kept() { cat "$APT/version-$1" 2>/dev/null || true; }

# versions_are_kept PACKAGE...: whether the cache has one of each that fits.
versions_are_kept() {
    local package kept
    for package in "$@"; do
        kept=$(version_kept "$package")
        if [ -z "$kept" ] || ! version_fits "$package" "$kept"; then return 1; fi
    done
}

# version_take PACKAGE UPDATE: decides between the version that is kept and Debian's.
version_take() {
    local package=$1 update=$2 kept there tested
    kept=$(version_kept "$package")
    there=$(candidate "$package")
    tested=$(version_tested "$package")
    [[ $there =~ ^[0-9] ]] || cannot "$SUITE has no package $package on this mirror: '$there'"
    [ -z "$kept" ] || version_fits "$package" "$kept" || kept=''
    if version_fits "$package" "$there"; then
        if [ "$update" = yes ] || [ -z "$kept" ]; then
            printf '%s\n' "$there" >"$APT/version-$package"
        elif [ "$there" != "$kept" ]; then
            say "$SUITE has $package $there; the cache keeps $kept (--update takes the other)"
        fi
    elif [ -n "$kept" ]; then
        say "DEBIAN HAS MOVED ON: $SUITE has $package $there, and the rig is made for $tested:" \
            "it goes on with $kept of the cache. To move it: $(version_hint "$package"), then tests/lib/versions.sh"
    else
        cannot "$SUITE has $package $there, the rig is made for $tested, and the cache has none of those." \
            "To move it: look at $(version_hint "$package"), then change VERSIONS_TESTED in tests/lib/versions.sh"
    fi
}

# versions_take UPDATE PACKAGE...: settles which version of each is used: version_kept tells it. Debian is looked
# at if UPDATE is yes, if the cache lacks one, or if the last look is a day old; if Debian cannot be reached, what
# is kept will do.
versions_take() {
    local update=$1 package log=$APT/update.log
    shift
    if [ "$update" != yes ] && versions_are_kept "$@"; then
        [ -z "$(find "$APT/looked" -mmin "-$VERSIONS_LOOK" 2>/dev/null)" ] || return 0
        (write_sources && apt_update "$log") 2>/dev/null || {
            say "$SUITE cannot be looked at (see $log): going on with what the cache has"
            return 0
        }
    else
        write_sources
        say "looking at $SUITE's packages: $*"
        apt_update "$log"
    fi
    for package in "$@"; do
        version_take "$package" "$update"
    done
    touch "$APT/looked"
}
