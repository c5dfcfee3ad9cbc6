# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# Building a kernel: in a folder of the cache whose name holds the version and a hash of the
# configuration. make goes on where an interrupted build stopped.

readonly CONFIG=$HERE/config

# kernel_dir RIG: where its kernel is built.
kernel_dir() {
    local hash
    hash=$(cat "$CONFIG/common.config" "$CONFIG/$1".* | sha256sum)
    printf '%s' "$CACHE/kernel-$1-$KERNEL_VERSION-${hash:0:12}"
}

# kernel_make RIG WORD...: the kernel's make, for that rig.
kernel_make() {
    local rig=$1 dir words=()
    shift
    dir=$(kernel_dir "$rig")
    case $rig in
    uml) words=(ARCH=um) ;;
    qemu) words=(ARCH=x86_64) ;;
    esac
    [ ! -e "$CONFIG/$rig.kconfig" ] || words+=(KBUILD_KCONFIG="$dir/Kconfig.svart")
    nice -n 10 make -C "$(source_dir)" O="$dir" "${words[@]}" "$@"
}

# An option that a newer kernel renamed, or that lacks a dependency, is dropped in silence by
# kconfig. Not here.
config_check() {
    local dir=$1 line
    while read -r line; do
        grep -qxF -- "$line" "$dir/.config" ||
            die "Linux $KERNEL_VERSION does not take '$line': see tests/kernel/config"
    done < <(grep '^CONFIG_' "$dir/fragment")
}

kernel_configure() {
    local rig=$1 dir=$2
    cat "$CONFIG/common.config" "$CONFIG/$rig.config" >"$dir/fragment"
    if [ -e "$CONFIG/$rig.kconfig" ]; then
        {
            grep '^source' "$(source_dir)/Kconfig"
            cat "$CONFIG/$rig.kconfig"
        } >"$dir/Kconfig.svart"
    fi
    kernel_make "$rig" KCONFIG_ALLCONFIG="$dir/fragment" allnoconfig >"$dir/build.log" 2>&1 ||
        die "configuring the $rig kernel failed: see $dir/build.log"
    config_check "$dir"
}

# kernel_build RIG TARGET...
kernel_build() {
    local rig=$1 dir start=$SECONDS
    shift
    dir=$(kernel_dir "$rig")
    [ -e "$dir/.svart-built" ] && return
    fetch_source
    need_space
    mkdir -p "$dir"
    kernel_configure "$rig" "$dir"
    say "building the $rig kernel in $dir (some minutes, once)"
    watched "$rig kernel" "$dir/build.log" kernel_make "$rig" -j "$JOBS" "$@" ||
        die "the $rig kernel does not build: see $dir/build.log"
    touch "$dir/.svart-built"
    say "built the $rig kernel in $((SECONDS - start)) s"
}

# guest_module: the module of tests/kernel/guest. Its folder, in that of its kernel, has a hash of its source.
guest_module() {
    local hash
    hash=$(cat "$HERE"/guest/* | sha256sum)
    printf '%s' "$(kernel_dir qemu)/svart-guest-${hash:0:12}/svart-guest.ko"
}

# Builds it, unless it is there. The kernel's make writes beside the source, so it gets a copy.
guest_module_build() {
    local module dir
    module=$(guest_module)
    dir=${module%/*}
    [ -e "$dir/.svart-built" ] && return
    say "building the guest's module"
    mkdir -p "$dir"
    cp "$HERE"/guest/* "$dir"
    kernel_make qemu M="$dir" modules >"$dir/build.log" 2>&1 ||
        die "the guest's module does not build: see $dir/build.log"
    touch "$dir/.svart-built"
}

# --- the kernel's tests of VFIO ---------------------------------------------------------------

# selftests_dir: those of the kernel's source, in a folder of its kernel.
selftests_dir() { printf '%s' "$(kernel_dir qemu)/svart-selftests"; }

# selftests_make: against the kernel's own headers for programs. Linux 7.2 uses calloc_assert() and has it nowhere.
selftests_make() {
    local dir source option=()
    dir=$(selftests_dir) source=$(source_dir)/tools/testing/selftests
    grep -rqE 'define calloc_assert|\*calloc_assert\(' "$source" ||
        option=(EXTRA_CFLAGS="-include $HERE/judges/calloc_assert.h")
    # Whoever asks how it ended turns set -e off.
    kernel_make qemu headers || return
    nice -n 10 make -C "$source/vfio" OUTPUT="$dir" ARCH=x86_64 \
        KHDR_INCLUDES="-isystem $(kernel_dir qemu)/usr/include" "${option[@]}" \
        "$dir/vfio_pci_driver_test" "$dir/vfio_pci_device_test"
}

selftests_build() {
    local dir
    dir=$(selftests_dir)
    [ -e "$dir/.svart-built" ] && return
    fetch_source
    say "building the kernel's tests of VFIO"
    mkdir -p "$dir"
    selftests_make >"$dir/build.log" 2>&1 ||
        die "the kernel's tests of VFIO do not build: see $dir/build.log"
    touch "$dir/.svart-built"
}
