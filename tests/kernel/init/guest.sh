#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# The first process of both guests. The kernel's command line gives it SVART_JOB, the script to run,
# and SVART_BIND, which PCI devices (vendor:device, with commas between) vfio-pci is to have.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t debugfs debug /sys/kernel/debug
mountpoint -q /dev || mount -t devtmpfs dev /dev
mount -t tmpfs run /run
# A job may write regular expressions of kernel messages to it, that are no complaints.
tolerated=/run/svart-tolerated
: >"$tolerated"
mkdir -p /dev/shm /dev/pts && mount -t tmpfs shm /dev/shm && mount -t devpts pts /dev/pts
# shellcheck disable=SC3045 # dash and busybox have it
ulimit -l unlimited
# From here on the console is the suites'. What the kernel says is looked at below.
dmesg -n 1

# bind VENDOR:DEVICE: gives every such PCI device to vfio-pci.
bind() {
    for device in /sys/bus/pci/devices/*; do
        [ "$(cat "$device/vendor"):$(cat "$device/device")" = "0x${1%:*}:0x${1#*:}" ] || continue
        echo vfio-pci >"$device/driver_override"
        [ -e "$device/driver" ] && echo "${device##*/}" >"$device/driver/unbind"
        echo "${device##*/}" >/sys/bus/pci/drivers_probe
    done
}

for id in $(echo "$SVART_BIND" | tr , ' '); do
    bind "$id"
done

echo "guest: up after $(cut -d' ' -f1 /proc/uptime) s: $(uname -r)"
sh "$SVART_JOB"
echo "guest: job ended with status $?"

# A kernel that complains has found a mistake of svart's, or has one; but for lines that the job foresaw.
complaint=$(dmesg | grep -v -f "$tolerated" |
    grep -m1 -E 'WARNING:|BUG:|Oops|lockdep|DMAR:.*[Ff]ault|hung task')
if [ -n "$complaint" ]; then
    echo "case kernel_log: failed $complaint"
    dmesg | tail -n 60 | sed 's/^/dmesg: /'
else
    echo "case kernel_log: passed"
fi
echo "guest: down after $(cut -d' ' -f1 /proc/uptime) s"
exec busybox poweroff -f
