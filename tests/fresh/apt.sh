# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
#
# shellcheck shell=bash
#
# What another system on this machine needs to know of its apt: which mirrors, by which proxy, signed by
# whom. Not what else is configured, nor other sources than those that a new Debian has: it must be new.

# machine_sources RELEASE: the machine's sources of it, of its updates and of its security updates:
# CODENAME|URI|SUITE|FILE:N, the main one first.
machine_sources() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(CODENAME)|$(REPO_URI)|$(RELEASE)|$(SOURCESENTRY)' \
        'Created-By: Packages' 'Component: main' |
        awk -F'|' -v release="$1" '
            $1 == release && !seen[$0]++
            ($1 == release "-updates" || $1 == release "-security") && !seen[$0]++ { more[++n] = $0 }
            END { for (i = 1; i <= n; i++) print more[i] }'
}

# keyrings_of FILE:N: the files that hold the keys of a source.
keyrings_of() {
    source_options "$1" | sed -n 's/^Signed-By://Ip' | tr -s ', ' '\n' | grep '^/' || true
}

# debootstrap_options FILE:N: how debootstrap is to check that mirror; by Debian's keys, if nothing is said.
# It takes one keyring, and not in letters.
debootstrap_options() {
    local keyring
    keyring=$(keyrings_of "$1" | grep -v '\.asc$' | head -n 1)
    [ -z "$keyring" ] || printf '%s\n' "--keyring=$keyring"
    ! source_options "$1" | grep -qi '^Trusted: *yes' || printf '%s\n' --no-check-gpg
}

# The proxy that apt uses, for debootstrap, unless the environment names one.
export_proxies() {
    local http='' https=''
    eval "$(apt-config shell http Acquire::http::Proxy https Acquire::https::Proxy)"
    [ -z "$http" ] || [ "$http" = DIRECT ] || export http_proxy=${http_proxy:-$http}
    [ -z "$https" ] || [ "$https" = DIRECT ] || export https_proxy=${https_proxy:-$https}
}

# apt_settings ROOT SOURCE...: SOURCE as machine_sources prints it.
apt_settings() {
    local root=$1 entry uri suite source file
    shift
    for source in "$@"; do
        IFS='|' read -r _ uri suite entry <<<"$source"
        printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$suite"
        source_options "$entry"
        printf '\n'
        while read -r file; do
            [ -e "$root$file" ] || install -D -m 644 "$file" "$root$file"
        done < <(keyrings_of "$entry")
    done >"$root/etc/apt/sources.list.d/debian.sources"
    rm -f "$root/etc/apt/sources.list"
    apt-config dump | grep -E '^Acquire::(https?|Check-|ForceIPv|Allow|M(ax|in)-ValidTime)' \
        >"$root/etc/apt/apt.conf.d/90machine" || true
    for file in /etc/apt/{trusted.gpg,trusted.gpg.d,keyrings,auth.conf,auth.conf.d}; do
        [ ! -e "$file" ] || cp -a "$file" "$root/etc/apt/"
    done
    # A new Debian with such mirrors was installed with the certificates.
    [[ $* != *'|https:'* ]] ||
        install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
}
