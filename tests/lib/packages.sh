# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# Debian packages: those that each command needs beside what the smallest Debian has (debootstrap's
# minbase), and apt. A script that calls another tool adds its package here; what is missing shows in
# tests/functional/TestSuite_dev.py and ./dev fresh.

# demo, test, build, sim. xz-utils unpacks DPDK's source (pmd/dmadev/fetch-headers); tests look into programs
# (binutils, abigail-tools), mount small file systems and read traces (babeltrace2).
readonly BUILD_PACKAGES=(
    gcc g++ libc6-dev linux-libc-dev meson ninja-build pkg-config
    libdpdk-dev dpdk-dev libisal-dev libjansson-dev libcmocka-dev python3 xz-utils
    python3-pytest python3-pytest-xdist babeltrace2 binutils abigail-tools e2fsprogs mount
)
readonly FUZZ_PACKAGES=(clang libclang-rt-14-dev)
readonly CHECK_PACKAGES=(
    clang-format doxygen python3-sphinx python3-breathe python3-sphinx-rtd-theme reuse git
)
# sim --mutants copies what git knows; so does fresh.
readonly MUTANTS_PACKAGES=(git)
readonly FRESH_PACKAGES=(debootstrap debian-archive-keyring git)
# To build Linux and its tests of VFIO (uuid-dev), and what the first process of a guest calls.
readonly KERNEL_PACKAGES=(
    make flex bison bc libelf-dev libcap-dev libssl-dev cpio kmod rsync busybox-static
    debian-archive-keyring uuid-dev
)
readonly DPDK_PACKAGES=(debian-archive-keyring)

# packages_of COMMAND: what that command of ./dev needs, one to a line; "everything": what any needs.
# Returns 1 if it is none.
packages_of() {
    local list=("${BUILD_PACKAGES[@]}")
    case $1 in
    demo | test | build | sim) ;;
    mutants) list+=("${MUTANTS_PACKAGES[@]}") ;;
    fuzz) list+=("${FUZZ_PACKAGES[@]}") ;;
    check) list+=("${FUZZ_PACKAGES[@]}" "${CHECK_PACKAGES[@]}") ;;
    kernel-test) list+=("${KERNEL_PACKAGES[@]}") ;;
    dpdk-test) list+=("${DPDK_PACKAGES[@]}") ;;
    fresh) list=("${FRESH_PACKAGES[@]}") ;;
    everything)
        list+=("${FUZZ_PACKAGES[@]}" "${CHECK_PACKAGES[@]}" "${MUTANTS_PACKAGES[@]}"
            "${FRESH_PACKAGES[@]}" "${KERNEL_PACKAGES[@]}" "${DPDK_PACKAGES[@]}")
        ;;
    *) return 1 ;;
    esac
    printf '%s\n' "${list[@]}" | awk '!seen[$0]++'
}

# missing_packages PACKAGE...: those that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s\n' "$package"
    done
}

system_apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# system_apt_update OPTION...: apt-get update succeeds when a mirror could not be reached; this does not.
system_apt_update() {
    system_apt update -o APT::Update::Error-Mode=any "$@"
}

# source_options FILE:N: the lines Signed-By, Trusted and Check-Valid-Until of a source, as they stand in FILE:
# in its N-th stanza (*.sources), or on its line N (*.list). Nothing where the source has none.
source_options() {
    local file=${1%:*} number=${1##*:}
    case $file in
    *.sources)
        awk -v RS= -v FS='\n' -v n="$number" '/(^|\n)[^#\n]/ && ++stanza == n {
            for (i = 1; i <= NF; i++) {
                if ($i ~ /^[^ \t#]/) inside = tolower($i) ~ /^(signed-by|trusted|check-valid-until):/
                if (inside && $i !~ /^#/) print $i
            }
        }' "$file"
        ;;
    *)
        sed -n "${number}s/^[^[]*\[\([^]]*\)\].*/\1/p" "$file" | tr -s ' ' '\n' |
            sed -n -e 's/^signed-by=/Signed-By: /p' -e 's/^trusted=/Trusted: /p' \
                -e 's/^check-valid-until=/Check-Valid-Until: /p'
        ;;
    esac
}
