# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# Building svart with the tree's DPDK, by this system's compiler and against its C library, which is older
# than the tree's: what is built runs with either. Every warning is an error: also the use of what that
# DPDK has deprecated.

build_dir() { printf '%s' "$TREE/build-dpdk-${DPDK_VERSION//[:~]/_}"; }

build_log() { printf '%s' "$APT/build.log"; }

# logged WHAT LOG COMMAND...
logged() {
    local what=$1 log=$2
    shift 2
    watched "$what" "$log" "$@" && return
    tail -n 40 "$log" >&2
    die "$what failed with DPDK $DPDK_VERSION; its last lines are above, all of it is in $log"
}

build() {
    local dir option=() log
    dir=$(build_dir)
    log=$(build_log)
    : >"$log"
    if ! grep -qsxF "dpdk_driver_headers = $HEADERS" "$dir/meson-private/cmd_line.txt"; then
        [ ! -f "$dir/build.ninja" ] || option=(--wipe)
        # The tree's libraries want symbols of the tree's C library, which the linker does not see.
        logged "meson setup" "$log" env PKG_CONFIG_PATH="$(tree_dir)/pkgconfig" \
            meson setup "${option[@]}" "$dir" --werror -Ddpdk_driver_headers="$HEADERS" \
            -Dc_link_args=-Wl,--allow-shlib-undefined
    fi
    say "building svart with it in $dir"
    # The library, and all that is written for DPDK: not the tests of the inside.
    logged "the build" "$log" nice -n 10 ninja -C "$dir" -j "$JOBS" "libsvart.so.$(cat "$TREE/VERSION")" \
        pmd/dmadev/librte_dma_svart.so apps/svart-perf apps/dpdk-pktcopy tests/dpdk/abi
}

# Headers that are the version's own must fit. For others nobody has said that they do.
check_abi() {
    local log
    log=$(build_log)
    "$HERE/with-tree" "$(tree_dir)" "$(build_dir)/tests/dpdk/abi" >>"$log" 2>&1 && return
    tail -n 40 "$log" >&2
    [ "$HEADERS" = "${HEADERS%-adapted}" ] ||
        cannot "the headers for drivers, $HEADERS_OF, do not fit DPDK $DPDK_VERSION, see above:" \
            "say --headers=FOLDER"
    die "the headers in $HEADERS do not fit DPDK $DPDK_VERSION, see above"
}
