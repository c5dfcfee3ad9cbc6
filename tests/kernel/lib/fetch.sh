# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# Fetching: the tools of the build from the system's own package sources; the kernel's source, QEMU and
# accel-config from Debian forky (tests/lib/forky.sh).

readonly NEED_MIB=4000

# --- the system's packages --------------------------------------------------------------------

fetch_packages() {
    { command -v apt-get && command -v dpkg-query; } >/dev/null ||
        cannot "the kernels come from Debian's packages, and here is no apt-get"
    [ "$(uname -m)" = x86_64 ] || cannot "the rigs are for x86_64, and this is $(uname -m)"
    "$TREE/dev" deps kernel-test || cannot "packages are missing that cannot be installed, see above"
}

# --- versions ---------------------------------------------------------------------------------

# fetch_versions UPDATE: sets KERNEL_PACKAGE, KERNEL_VERSION, QEMU_VERSION, ACCEL_VERSION (tests/lib/versions.sh).
fetch_versions() {
    mkdir -p "$APT"
    versions_take "$1" linux-source qemu-system-x86 accel-config-test
    KERNEL_VERSION=$(version_kept linux-source)
    KERNEL_PACKAGE=linux-source-$(printf '%s' "$KERNEL_VERSION" | cut -d. -f1,2)
    QEMU_VERSION=$(version_kept qemu-system-x86)
    ACCEL_VERSION=$(version_kept accel-config-test)
    say "Linux $KERNEL_VERSION, QEMU $QEMU_VERSION, accel-config $ACCEL_VERSION; cache $CACHE"
}

# --- the kernel's source ----------------------------------------------------------------------

source_dir() { printf '%s' "$CACHE/linux-$KERNEL_VERSION"; }

fetch_source() {
    local dir deb log=$APT/source.log
    dir=$(source_dir)
    [ -e "$dir/.svart-unpacked" ] && return
    need_space
    say "fetching $KERNEL_PACKAGE $KERNEL_VERSION"
    # A run that was interrupted leaves one, maybe of another version.
    rm -f "$APT/archives/$KERNEL_PACKAGE"_*.deb
    (cd "$APT/archives" && apt_with apt-get download "$KERNEL_PACKAGE=$KERNEL_VERSION") \
        >"$log" 2>&1 || cannot "cannot download $KERNEL_PACKAGE (no network?): see $log"
    deb=$(echo "$APT/archives/$KERNEL_PACKAGE"_*.deb)
    say "unpacking it"
    rm -rf "$dir"
    mkdir -p "$dir"
    dpkg-deb --fsys-tarfile "$deb" | tar xO "./usr/src/$KERNEL_PACKAGE.tar.xz" |
        tar xJ -C "$dir" --strip-components=1
    rm -f "$deb"
    touch "$dir/.svart-unpacked"
}

# --- QEMU and accel-config --------------------------------------------------------------------

qemu_dir() { printf '%s' "$CACHE/qemu-tree-${QEMU_VERSION//[:+]/_}"; }
accel_dir() { printf '%s' "$CACHE/accel-config-tree-${ACCEL_VERSION//[:+]/_}"; }

# fetch_tree FOLDER PACKAGE VERSION: a package and all it depends on, unpacked side by side: a tree that nothing
# is installed in, because its programs are started by the tree's own loader, with the tree's own libraries.
fetch_tree() {
    local dir=$1 package=$2 version=$3 log=$APT/$2.log
    [ -e "$dir/.svart-unpacked" ] && return
    need_space
    say "fetching $package $version and what it depends on"
    apt_with apt-get install -y --download-only --no-install-recommends "$package=$version" \
        >"$log" 2>&1 || cannot "cannot download $package (no network?): see $log"
    say "unpacking it"
    unpack_tree "$dir"
}

fetch_qemu() { fetch_tree "$(qemu_dir)" qemu-system-x86 "$QEMU_VERSION"; }

# accel-config, Intel's tool and library for DSA, with its tests.
fetch_accel() { fetch_tree "$(accel_dir)" accel-config-test "$ACCEL_VERSION"; }
