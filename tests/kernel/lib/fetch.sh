# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# Fetching: the tools of the build from the system's own package sources; the newest kernel source
# and QEMU from Debian forky (tests/lib/forky.sh).

readonly PACKAGES=(
    gcc make flex bison bc libelf-dev libcap-dev libssl-dev xz-utils cpio kmod rsync busybox-static
    debian-archive-keyring
)
readonly NEED_MIB=4000

# --- the system's packages --------------------------------------------------------------------

packages_missing() {
    local package
    for package in "${PACKAGES[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s\n' "$package"
    done
}

system_apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

fetch_packages() {
    local missing log=$CACHE/packages.log
    { command -v apt-get && command -v dpkg-query; } >/dev/null ||
        cannot "the kernels come from Debian's packages, and here is no apt-get"
    [ "$(uname -m)" = x86_64 ] || cannot "the rigs are for x86_64, and this is $(uname -m)"
    mapfile -t missing < <(packages_missing)
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || cannot "missing: ${missing[*]}; install them as root"
    say "installing ${missing[*]}"
    {
        system_apt update && system_apt install -y --no-install-recommends "${missing[@]}"
    } >"$log" 2>&1 || cannot "could not install ${missing[*]} (no network?): see $log"
}

# --- versions ---------------------------------------------------------------------------------

# fetch_versions UPDATE: sets KERNEL_PACKAGE, KERNEL_VERSION, QEMU_VERSION: those of the last time,
# unless UPDATE is yes or this is the first.
fetch_versions() {
    local log=$APT/update.log
    if [ "$1" = yes ] || [ ! -s "$CACHE/versions" ]; then
        write_sources
        say "looking for $SUITE's newest kernel source and QEMU"
        apt_update "$log"
        KERNEL_PACKAGE=$(apt_with apt-cache depends linux-source | sed -n 's/^ *Depends: //p')
        {
            printf 'KERNEL_PACKAGE=%q\n' "$KERNEL_PACKAGE"
            printf 'KERNEL_VERSION=%q\n' "$(candidate "$KERNEL_PACKAGE")"
            printf 'QEMU_VERSION=%q\n' "$(candidate qemu-system-x86)"
        } >"$CACHE/versions.new"
        mv "$CACHE/versions.new" "$CACHE/versions"
    fi
    # shellcheck source=/dev/null
    . "$CACHE/versions"
    say "Linux $KERNEL_VERSION, QEMU $QEMU_VERSION; cache $CACHE"
}

# --- the kernel's source ----------------------------------------------------------------------

source_dir() { printf '%s' "$CACHE/linux-$KERNEL_VERSION"; }

fetch_source() {
    local dir deb log=$APT/source.log
    dir=$(source_dir)
    [ -e "$dir/.svart-unpacked" ] && return
    need_space
    say "fetching $KERNEL_PACKAGE $KERNEL_VERSION"
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

# --- QEMU -------------------------------------------------------------------------------------

qemu_dir() { printf '%s' "$CACHE/qemu-tree-${QEMU_VERSION//[:+]/_}"; }

# QEMU and all it depends on, unpacked side by side: a tree that nothing is installed in, because
# QEMU is started by the tree's own loader, with the tree's own libraries.
fetch_qemu() {
    local dir deb log=$APT/qemu.log
    dir=$(qemu_dir)
    [ -e "$dir/.svart-unpacked" ] && return
    need_space
    say "fetching QEMU $QEMU_VERSION and what it depends on"
    apt_with apt-get install -y --download-only --no-install-recommends \
        "qemu-system-x86=$QEMU_VERSION" >"$log" 2>&1 ||
        cannot "cannot download QEMU (no network?): see $log"
    say "unpacking it"
    unpack_tree "$dir"
}
