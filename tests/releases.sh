# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the scripts of the tests know of Debian's releases: a file each in
# tests/releases, named as the release is, which says
#
#   suites=   of the archive
#   xen=      the version in the names of Xen's packages
#   next=     the release that follows it, which its hosts are upgraded to
#   clang=    the version in the name of its clang's libclang-rt package
#   t64=      behind the names of libraries that 64-bit times have changed
#   initrd_mib=  what mkstubdom's image may have, of its QEMU and kernel
#   memory_mib=  what a stubdomain may need with everything on
#
# $srcdir is set.

release_names() { (cd "$srcdir/tests/releases" && echo *) | sed 's/ /, /g'; }

# The host's, by its own word.
release_of_host() { (. /etc/os-release && echo "${VERSION_CODENAME-}"); }

# release_read NAME: sets what its file says. Ends with a line if there is none.
release_read() {
    case $1 in
    '' | */* | .*) ;;
    *)
        if [ -f "$srcdir/tests/releases/$1" ]; then
            t64= next=
            . "$srcdir/tests/releases/$1"
            return
        fi ;;
    esac
    echo "Debian release '$1' is not known; RELEASE can be one of: $(release_names)" >&2
    exit 2
}

# release_root DIR: its minimal system, by debootstrap, from where the
# machine has its own packages.
release_root() {
    local mirror security
    mirror=$(release_archive '')
    security=$(release_archive -security)
    # Each suite's script is that of sid.
    mirror=${mirror:-http://deb.debian.org/debian/}
    debootstrap --variant=minbase "${suites%% *}" "$1" "$mirror" \
        /usr/share/debootstrap/scripts/sid || return
    for suite in $suites; do
        case $suite in
        *-security) [ -z "$security" ] || echo "deb $security $suite main" ;;
        *) echo "deb $mirror $suite main" ;;
        esac
    done >"$1/etc/apt/sources.list"
    # How the machine reaches them.
    cp /etc/resolv.conf /etc/hosts "$1/etc/" || :
    cp /etc/apt/apt.conf.d/*proxy* "$1/etc/apt/apt.conf.d/" 2>/dev/null || :
    # No daemon starts in there.
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod +x "$1/usr/sbin/policy-rc.d"
}
# Where the machine's own release, and its security updates, come from.
release_archive() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
        "Codename: $(release_of_host)$1" | head -n 1
}
