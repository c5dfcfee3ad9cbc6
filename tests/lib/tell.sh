# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# Telling: what goes on, and why it ends. COMMAND names who tells, CANNOT is the status of "skipped".

if [ -t 1 ]; then
    readonly BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
    readonly BOLD='' RED='' GREEN='' PLAIN=''
fi

say() { printf '%s==>%s %s\n' "$BOLD" "$PLAIN" "$*"; }

# Something is wrong with svart or with these scripts.
die() {
    printf '%s==> %s: %s%s\n' "$RED" "$COMMAND" "$*" "$PLAIN" >&2
    exit 1
}

# This machine cannot; nothing is known about svart.
cannot() {
    printf '==> %s: skipped: %s\n' "$COMMAND" "$*" >&2
    exit "$CANNOT"
}

# watched WHAT LOG COMMAND...: runs it with its output added to LOG, and says every 20 s how far it
# is. Returns its status.
watched() {
    local what=$1 log=$2 start=$SECONDS next=20 job
    shift 2
    # A process group of its own, so that nothing of it goes on when this is interrupted.
    set -m
    "$@" >>"$log" 2>&1 </dev/null 9>&- &
    job=$!
    set +m
    # shellcheck disable=SC2064 # the job of now
    trap "kill -- -$job 2>/dev/null; die interrupted: the next run goes on from here" INT TERM HUP
    while kill -0 "$job" 2>/dev/null; do
        sleep 1
        if [ $((SECONDS - start)) -ge "$next" ]; then
            say "$what: $((SECONDS - start)) s; $(tail -n 1 "$log" | cut -c1-70)"
            next=$((next + 20))
        fi
    done
    trap - INT TERM HUP
    wait "$job"
}
