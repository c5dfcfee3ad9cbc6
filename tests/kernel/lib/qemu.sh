# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# The QEMU rig: Linux on an emulated x86_64 with VT-d. Its root is this machine's, read-only, by 9p.

qemu_prepare() {
    kernel_build qemu bzImage modules
    fetch_qemu
    ! suites_have programs idxd dpdk profiles selftests || guest_module_build
    ! suites_have idxd profiles || fetch_accel
    ! suites_have selftests || selftests_build
}

# Sets QEMU to the command that starts it: by its own loader, because its C library is newer than
# this machine's may be, with svart's device models preloaded.
qemu_command() {
    local tree
    tree=$(qemu_dir)
    QEMU=(
        "$tree/usr/lib64/ld-linux-x86-64.so.2" --library-path "$tree/usr/lib/x86_64-linux-gnu"
        --preload "$SVART_BUILD/tests/kernel/qemu/svart-qemu.so"
        "$tree/usr/bin/qemu-system-x86_64" -L "$tree/usr/share/qemu" -L "$tree/usr/share/seabios"
    )
}

# What every guest has: VT-d in scalable mode with page requests; edu, a device without them, whose
# mask lets it reach any address that the IOMMU takes; a requester, which sends any; two DSAs. la57=off: Linux
# shares no page table of five levels with a VT-d that has four, as QEMU's has.
readonly QEMU_MACHINE=(
    -machine q35 -accel 'tcg,thread=multi' -cpu 'max,la57=off' -smp 2 -m 2G
    -nodefaults -nographic -no-reboot -serial stdio -monitor none
    -device 'intel-iommu,intremap=on,scalable-mode=on,fsts=on,svm=on,pasid-bits=20,device-iotlb=on,aw-bits=48'
    -device 'edu,dma_mask=0xffffffffffffffff'
    -device svart-requester
    -device svart-dsa -device svart-dsa
    -fsdev 'local,id=root,path=/,security_model=none,readonly=on,multidevs=remap'
    -device 'virtio-9p-pci,fsdev=root,mount_tag=root'
)

# no_timer_check: emulated, the check of the timer interrupt is a race, and losing it is a panic.
# disable_denylist: vfio-pci takes no DSA without it. setcpuid: idxd refuses a CPU without these instructions, and
# the module of tests/kernel/guest brings them.
# oops=panic: after an oops a guest may hang.
readonly QEMU_APPEND="console=ttyS0 quiet panic=-1 oops=panic no_timer_check intel_iommu=on,sm_on
    vfio_pci.disable_denylist=1 setcpuid=movdir64b,enqcmd
    root=root rootfstype=9p rootflags=trans=virtio,version=9p2000.L,cache=loose,msize=512000 ro"

# The PCI devices that vfio-pci gets: not the DSAs where idxd is to have them.
qemu_binds() {
    printf '1234:11e8,1234:5a21'
    [ "$(suite_get "$1" 5)" = idxd ] || printf ',8086:0b25'
}

# What a job finds in its environment, as shell.
qemu_exports() {
    printf 'export SVART_GUEST_MODULE=%q SVART_ACCEL=%q SVART_SELFTESTS=%q\n' \
        "$(guest_module)" "$(accel_dir)" "$(selftests_dir)"
}

# qemu_guest JOB SECONDS SUITE: boots, runs the script JOB, powers off; the console goes to stdout.
qemu_guest() {
    local job=$1 seconds=$2 suite=$3 append=${QEMU_APPEND//$'\n'/ } QEMU more
    qemu_command
    read -ra more <<<"$(suite_get "$suite" 7)"
    timeout -k 5 "$seconds" "${QEMU[@]}" "${QEMU_MACHINE[@]}" "${more[@]}" \
        -kernel "$(kernel_dir qemu)/arch/x86/boot/bzImage" \
        -append "$append init=$HERE/init/guest.sh SVART_JOB=$job SVART_BIND=$(qemu_binds "$suite")" \
        </dev/null 2>&1
}
