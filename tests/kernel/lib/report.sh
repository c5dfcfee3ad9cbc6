# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# The report: cases in rows, rigs in columns, and a last line with the sums.

# One line for each result: RIG SUITE.CASE RESULT REASON...
report_start() {
    RESULTS=$CACHE/run/results
    mkdir -p "$CACHE/run"
    : >"$RESULTS"
}

# A case as a console has it: its name, its result, why.
readonly CASE='^case ([A-Za-z0-9_.-]+): (passed|failed|skipped)( .*)?$'

# not_cases CONSOLE: lines that begin as a case does, and would be in no report.
not_cases() { grep '^case ' "$1" | grep -vE "$CASE"; }

# What is wrong with a suite's run as a whole, or nothing. A guest's last case is its kernel's log.
suite_trouble() {
    local rig=$1 console=$2 took=$3 limit=$4
    if ! grep -q '^guest: job ended' "$console"; then
        if [ "$took" -ge "$limit" ]; then
            echo "did not end within $limit s"
        else
            echo "the guest died"
        fi
    elif ! grep -q '^case ' "$console"; then
        echo "no case was reported: $(grep '^guest: job ended' "$console")"
    elif [ -n "$(not_cases "$console")" ]; then
        echo "this is no case: $(not_cases "$console" | head -n 1)"
    elif [ "$rig" != model ] && ! grep -q '^case kernel_log: ' "$console"; then
        echo "the guest died after its job"
    elif ! grep -q '^guest: job ended with status 0' "$console" &&
        ! grep -q '^case [^:]*: failed' "$console"; then
        grep '^guest: job ended' "$console"
    fi
}

# report_suite RIG SUITE CONSOLE SECONDS LIMIT: takes the cases from a console.
report_suite() {
    local rig=$1 suite=$2 console=$3 took=$4 limit=$5 trouble
    # Without carriage returns and what the BIOS does to a terminal.
    sed -i -e 's/\r//g' -e 's/\x1b\(\[[^a-zA-Z]*[a-zA-Z]\|c\)//g' "$console"
    sed -nE "s/$CASE/$rig $suite.\1 \2\3/p" "$console" >>"$RESULTS"
    trouble=$(suite_trouble "$rig" "$console" "$took" "$limit")
    if [ -n "$trouble" ]; then
        printf '%s %s.(run) failed %s\n' "$rig" "$suite" "$trouble" >>"$RESULTS"
        say "$rig: $suite: $trouble. The end of $console:"
        tail -n 30 "$console" | sed 's/^/    /'
    fi
}

report_table() {
    awk -v rigs="model ${RIGS[*]}" '
        {
            if (!($2 in seen)) { seen[$2] = 1; order[++nr] = $2 }
            result[$2, $1] = $3
            if (length($2) > width) width = length($2)
        }
        END {
            nr_rigs = split(rigs, rig, " ")
            printf "%-*s", width, "case"
            for (r = 1; r <= nr_rigs; r++) printf "  %-7s", rig[r]
            print ""
            for (i = 1; i <= nr; i++) {
                printf "%-*s", width, order[i]
                for (r = 1; r <= nr_rigs; r++) {
                    key = order[i] SUBSEP rig[r]
                    printf "  %-7s", key in result ? result[key] : "-"
                }
                print ""
            }
        }' "$RESULTS" | sed 's/ *$//'
}

# reasons RESULT: why cases ended so.
reasons() {
    awk -v want="$1" '$3 == want {
        reason = $0
        sub(/^[^ ]+ [^ ]+ [^ ]+ ?/, "", reason)
        printf "  %s on %s: %s\n", $2, $1, reason
    }' "$RESULTS"
}

count() { awk -v want="$1" '$3 == want { n++ } END { print n + 0 }' "$RESULTS"; }

# The table, the reasons, the sums. Ends the run.
report_end() {
    local passed failed skipped
    passed=$(count passed) failed=$(count failed) skipped=$(count skipped)
    report_table
    [ "$skipped" = 0 ] || printf 'skipped:\n%s\n' "$(reasons skipped)"
    [ "$failed" = 0 ] || printf 'failed:\n%s\n' "$(reasons failed)"
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ] && [ "$passed" != 0 ]
}
