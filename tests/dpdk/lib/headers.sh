# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# DPDK's headers for drivers, of the tree's version: those of Debian's source package of that version. A mirror
# need not have it, though it has the packages that were built of it. Then it is the headers of the DPDK
# that is installed, with what has changed since; the result says so, and tests/dpdk/abi.c tells whether
# they fit the libraries.

# headers_get: sets HEADERS, unless it was given, and HEADERS_OF.
headers_get() {
    local own=$CACHE/dpdk-driver-headers-${DPDK_VERSION//[:~]/_}
    HEADERS_OF="of the folder $HEADERS"
    [ -z "$HEADERS" ] || return 0
    HEADERS_OF="of Debian's source package"
    HEADERS=$own
    [ ! -d "$own" ] || return 0
    if [ "$UPDATE" = yes ] || [ ! -d "$own-adapted" ]; then
        say "fetching the headers for drivers of DPDK $DPDK_VERSION"
        "$TREE/pmd/dmadev/fetch-headers" --version="$DPDK_VERSION" --sources="$APT/forky.sources" \
            >/dev/null && return
        headers_adapt "$own-adapted"
    fi
    HEADERS=$own-adapted
    HEADERS_OF="$(<"$own-adapted/from"), adapted, because Debian's source package could not be had"
}

# headers_adapt FOLDER: those of the installed DPDK, as the tree's public headers want them.
headers_adapt() {
    local public from new=$1.new
    public=$(tree_dir)/usr/include/dpdk
    from=$("$TREE/pmd/dmadev/fetch-headers") ||
        cannot "neither the headers for drivers of DPDK $DPDK_VERSION nor those of the installed one" \
            "can be had: see above, or say --headers=FOLDER"
    rm -rf "$1" "$new"
    cp -r "$from" "$new"
    grep -q 'define RTE_PMD_EXPORT_NAME' "$public/rte_dev.h" || adapt_export "$new"
    ! grep -q rte_dma_access_pair_group_create "$public/rte_dmadev.h" ||
        grep -q access_pair_group_create "$new/rte_dmadev_pmd.h" || adapt_ops "$new"
    printf 'those of DPDK %s' "${from##*-headers-}" >"$new/from"
    mv -T "$new" "$1"
}

# DPDK 25.11 has no macros any more in its public headers that leave a driver's name and arguments in its
# file, for dpdk-pmdinfo to read; and a name takes no number beside it.
adapt_export() {
    sed -i 's/RTE_PMD_EXPORT_NAME(nm, __COUNTER__)/RTE_PMD_EXPORT_NAME(nm)/' "$1/bus_vdev_driver.h"
    cat >>"$1/dev_driver.h" <<'END'

#ifndef RTE_PMD_EXPORT_NAME
#define RTE_PMD_EXPORT_NAME(driver) \
	static const char this_pmd_name_##driver[] __attribute__((used)) = RTE_STR(driver)
#define RTE_PMD_REGISTER_PARAM_STRING(driver, text) \
	static const char pmd_arguments_##driver[] __attribute__((used)) = text
#endif
END
}

# DPDK 25.11 has five more functions at the end of a driver's table, for groups of processes. NULL: not there.
adapt_ops() {
    sed -i 's/^\trte_dma_dump_t .*/&\n\n\tvoid (*access_pair_group[5])(void);/' "$1/rte_dmadev_pmd.h"
}

headers_tell() {
    say "the headers for drivers are $HEADERS_OF; they fit the libraries"
}
