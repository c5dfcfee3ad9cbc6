# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# Fetching: the DPDK of Debian's testing distribution (tests/lib/forky.sh), all of its libraries, the
# programs that test it, and what these need, the C library too.

# fetch_version: sets DPDK_VERSION (tests/lib/versions.sh).
fetch_version() {
    local log=$APT/update.log
    { command -v apt-get && command -v dpkg-deb; } >/dev/null ||
        cannot "this DPDK comes from Debian's packages, and here is no apt-get"
    [ "$(uname -m)" = x86_64 ] || cannot "the packages are for x86_64, and this is $(uname -m)"
    "$TREE/dev" deps dpdk-test || cannot "packages are missing that cannot be installed, see above"
    versions_take "$UPDATE" dpdk-dev
    DPDK_VERSION=$(version_kept dpdk-dev)
    # Of another version, where a download did not end.
    [ -e "$(tree_dir)/.svart-unpacked" ] || rm -f "$APT"/archives/*.deb
    say "DPDK $DPDK_VERSION; cache $CACHE"
}

tree_dir() { printf '%s' "$CACHE/dpdk-tree-${DPDK_VERSION//[:~]/_}"; }

# The tree's own description of its DPDK, as it is from here: for linking with the shared libraries, which
# need nothing else of the tree.
write_pkgconfig() {
    local tree=$1 name
    mkdir -p "$tree/pkgconfig"
    for name in libdpdk libdpdk-libs; do
        sed -e "s|^prefix=.*|prefix=$tree/usr|" -e '/^Requires.private:/d' -e '/^Libs.private:/d' \
            -e '/^Requires:/s/, *libbsd//' "$tree/usr/lib/x86_64-linux-gnu/pkgconfig/$name.pc" \
            >"$tree/pkgconfig/$name.pc"
    done
}

fetch_tree() {
    local tree log=$APT/tree.log
    tree=$(tree_dir)
    [ -e "$tree/.svart-unpacked" ] && return
    need_space
    say "fetching DPDK $DPDK_VERSION and what it depends on"
    apt_with apt-get install -y --download-only --no-install-recommends \
        "dpdk-dev=$DPDK_VERSION" "libdpdk-dev=$DPDK_VERSION" >"$log" 2>&1 ||
        cannot "cannot download DPDK $DPDK_VERSION (no network? then later; gone from the mirror? then" \
            "./dev dpdk-test --update): $(grep -m1 '^E:' "$log"), see $log"
    say "unpacking it"
    unpack_tree "$tree.new" '--exclude=*.a' --exclude=./var --exclude=./usr/lib/systemd
    write_pkgconfig "$tree.new"
    sed -i "s|$tree.new|$tree|" "$tree.new"/pkgconfig/*.pc
    rm -rf "$tree"
    mv -T "$tree.new" "$tree"
}
