# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# Debian forky: packages that are newer than the system's, by an apt with files of its own in the folder
# APT, so that the system's apt never hears of forky. Nothing is installed. CACHE is where they are
# unpacked, NEED_MIB what this takes.

readonly SUITE=forky

# The mirror that this machine uses for Debian.
mirror() {
    # shellcheck disable=SC2016 # apt's own variable
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' \
        'Component: main' | head -n 1
}

keyring() {
    local file
    for file in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
        [ -e "$file" ] && printf '%s' "$file" && return
    done
    cannot "no debian-archive-keyring, so forky's signature cannot be checked"
}

# A testing distribution's index may be past its date, on a mirror that is not updated.
write_sources() {
    local uri
    uri=$(mirror)
    [ -n "$uri" ] || cannot "apt has no Debian mirror to take $SUITE from"
    mkdir -p "$APT"/{lists,archives}/partial
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n%s\n' \
        "$uri" "$SUITE" "$(keyring)" 'Check-Valid-Until: no' >"$APT/forky.sources"
}

# apt_with COMMAND WORD...: apt-get or apt-cache on forky alone, as on an empty system.
apt_with() {
    local command=$1
    shift
    "$command" -q -o Dir::Etc::SourceList="$APT/forky.sources" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State::Lists="$APT/lists" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$APT" -o Dir::Cache::Archives="$APT/archives" -o APT::Sandbox::User=root \
        -o Acquire::Languages=none -o Acquire::Retries=3 \
        -o APT::Update::Error-Mode=any -o APT::Architecture=amd64 "$@"
}

candidate() {
    apt_with apt-cache policy "$1" | sed -n 's/^ *Candidate: //p'
}

# apt_update LOG: reads forky's package list.
apt_update() {
    apt_with apt-get update >"$1" 2>&1 ||
        cannot "cannot read $SUITE's package list (no network?): $(grep -m1 '^[EW]:' "$1")"
}

need_space() {
    local free
    free=$(($(df --output=avail -B1M "$CACHE" | tail -n 1)))
    [ "$free" -ge "$NEED_MIB" ] ||
        cannot "$CACHE has $free MiB free and $NEED_MIB are needed: free some, or set SVART_CACHE"
}

# unpack_tree FOLDER TAR-OPTION...: all packages that were downloaded, side by side, and drops them: a tree
# that nothing is installed in. Its programs are started by its own loader, with its own libraries.
unpack_tree() {
    local dir=$1 deb
    shift
    rm -rf "$dir"
    mkdir -p "$dir/usr/lib" "$dir/usr/lib64" "$dir/usr/bin" "$dir/usr/sbin"
    ln -s usr/lib usr/lib64 usr/bin usr/sbin "$dir/"
    for deb in "$APT"/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" | tar x -C "$dir" --keep-directory-symlink \
            --no-same-owner --exclude=./usr/share/doc --exclude=./usr/share/locale "$@"
    done
    rm -f "$APT"/archives/*.deb
    touch "$dir/.svart-unpacked"
}
