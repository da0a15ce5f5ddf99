#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The manual pages: one for each program, well formed, installed under each
# name, with the options, commands and keys that programs have, and
# references that lead somewhere; the README's configuration.
set -u

. "$SRCDIR/tests/tap.sh"
bin=$XENQMP_BUILD/bin
man=$SRCDIR/docs/man

install_build
share=$tmp/root/usr/share

# "name section" of each name that the pages have.
names() {
    for page in "$man"/*; do
        sed -n '/^.Sh NAME/,/^.Nd/s/^.Nm \([a-z_.-]*\).*/\1/p' "$page" |
            sed "s/$/ ${page##*.}/"
    done
}
names | sort >"$tmp/names"

ok 'mandoc finds nothing wrong' mandoc -T lint -W warning "$man"/*

installed() {
    while read -r name section; do
        [ -r "$share/man/man$section/$name.$section" ] || echo "$name"
    done <"$tmp/names" | diff - /dev/null
}
ok 'the pages are installed under each name' installed

# But screenshot, which nobody runs but xl-qmp.
every_program() {
    for program in "$bin"/*; do
        [ "${program##*/}" != screenshot ] || continue
        grep -q "^${program##*/} [18]$" "$tmp/names" || echo "${program##*/}"
    done | diff - /dev/null
}
ok 'each program has one' every_program

# xl's are Xen's, virsh's is libvirt's, the others any system's.
references() {
    sed -n 's/^.Xr \([^ ]*\) \([1-8]\).*/\1 \2/p' "$man"/* | sort -u |
        grep -vxE 'xl 1|xl.cfg 5|virsh 1|poll 2|free 3|syslog 3|unix 7|logrotate 8' |
        comm -23 - "$tmp/names" | diff - /dev/null
}
ok 'they refer to pages that there are' references

documents() {
    sed -n 's/^.Pa \(\/usr\/share\/doc\/xenqmp[^ ]*\).*/\1/p' "$man"/* |
        sort -u >"$tmp/documents"
    [ -s "$tmp/documents" ] || return 1
    while read -r path; do
        [ -e "$tmp/root$path" ] || echo "$path"
    done <"$tmp/documents" | diff - /dev/null
}
ok 'and to documents that are installed' documents

# Messages that docs/troubleshooting.md explains are those that programs
# have: **`in bold`**, or `at the head of an item`.
messages() {
    find "$SRCDIR"/console "$SRCDIR"/libxl "$SRCDIR"/libvirt "$SRCDIR"/tools "$SRCDIR"/xl -name "*.[ch]" -exec cat {} + |
        perl -0pe 's/"\s*"//g; s/\\"/"/g' >"$tmp/sources"
    grep -oE '\*\*`[^`]*`|^- `[^`]*`(, `[^`]*`)*' "$SRCDIR/docs/troubleshooting.md" |
        grep -oE '`[^`]*`' | tr -d '`' >"$tmp/messages"
    [ -s "$tmp/messages" ] || return 1
    while read -r message; do
        grep -qF -e "$message" "$tmp/sources" || echo "$message"
    done <"$tmp/messages" | diff - /dev/null
}
ok 'the messages that are explained exist' messages

# Links between documents.
links() {
    for page in "$SRCDIR"/README.md "$SRCDIR"/docs/*.md; do
        grep -oE '\]\([^):]+\)' "$page" | tr -d ']()' | while read -r link; do
            [ -e "${page%/*}/$link" ] || echo "$page: $link"
        done
    done | diff - /dev/null
}
ok 'documents refer to files that there are' links

# What looks like an option: in --help, and in a page's lists of them.
options_of_help() {
    grep -oE '(^|[[ ,])-{1,2}[A-Za-z][a-z-]*' | grep -oE '[-].*' | sort -u
}
options_of_page() {
    sed -nE '/^\.It Xo/,/^\.Xc/p; /^\.It .*Fl/p' "$1" |
        sed -E 's/Fl Fl ([a-z-]+)/--\1/g; s/Fl ([A-Za-z-]+)/-\1/g' |
        options_of_help
}
same_options() {
    page=$1
    shift
    "$@" | options_of_help >"$tmp/help"
    options_of_page "$man/$page" >"$tmp/page"
    [ -s "$tmp/help" ] && diff "$tmp/help" "$tmp/page"
}
ok 'xl-qmp: the options of --help' same_options xl-qmp.1 "$bin/xl-qmp" --help
ok 'xenconsoled: the same' same_options xenconsoled.8 "$bin/xenconsoled" --help
ok 'qmp-helper: the same' same_options qmp-helper.8 "$bin/qmp-helper" --help
ok 'mkstubdom: the same' same_options mkstubdom.8 "$bin/mkstubdom" -h
# As stubdomd takes none.
none() {
    options_of_page "$man/stubdomd.8" | diff - /dev/null
}
ok 'stubdomd: none' none

# The commands that xl-qmp knows.
commands() {
    "$bin/xl-qmp" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | sort >"$tmp/help"
    sed -nE '/^\.It Cm/s/^\.It Cm ([a-z]+).*/\1/p; /^\.It Xo/{n;s/^\.Cm //p}' \
        "$man/xl-qmp.1" | sort >"$tmp/page"
    [ -s "$tmp/help" ] && diff "$tmp/help" "$tmp/page"
}
ok 'xl-qmp: its commands' commands

# What the pages of files and protocols list, as the code has it.
listed() {
    sed -nE 's/^\.It Cm ([a-z0-9_-]+).*/\1/p' "$man/$1" | sort
}
file_keys() {
    sed -n 's/^    { "\([a-z0-9_]*\)",.*_set, .*/\1/p' "$SRCDIR/libxl/helper/conf.c" |
        sort >"$tmp/keys"
    [ -s "$tmp/keys" ] && listed qmp-helper.conf.5 | diff "$tmp/keys" -
}
ok 'qmp-helper.conf: its keys' file_keys
store_keys() {
    { sed -nE 's/^    \[KEY_[A-Z]+\] = "([a-z]+)".*/\1/p' "$SRCDIR/console/xen/keys.c"
      sed -nE 's/^    \[OUTPUT_[A-Z]+\] = "([a-z]+)".*/\1/p' "$SRCDIR/console/xen/settings.c"; } |
        sort >"$tmp/keys"
    [ -s "$tmp/keys" ] && listed xenqmp-keys.7 | diff "$tmp/keys" -
}
ok 'consoles: their keys and outputs' store_keys
requests() {
    grep -oE '(strcmp|strncmp|request_is)\(request, "[a-z-]+' "$SRCDIR/console/daemon/requests.c" |
        sed 's/.*"//' | sort -u >"$tmp/requests"
    [ -s "$tmp/requests" ] && listed xenqmp-control.7 | diff "$tmp/requests" -
}
ok 'xenconsoled: its requests' requests

# --- Examples ---------------------------------------------------------------

# The complete configuration in the README needs nothing filled in, and has
# what xenqmp(7) says.
sed -n '/^    name = "guest"$/,/^$/s/^    //p' "$SRCDIR/README.md" >"$tmp/guest.cfg"
sed -n '/^.Bd -literal/,/^.Ed/p' "$man/xenqmp.7" | grep = >"$tmp/settings"
complete() {
    # 3: the image is not on this machine; the command is printed.
    "$bin/xl-qmp" create --dry-run "$tmp/guest.cfg" >"$tmp/out" 2>"$tmp/err"
    case $? in 0|3) ;; *) cat "$tmp/err"; return 1 ;; esac
    echo "xl create $tmp/guest.cfg" | diff - "$tmp/out"
}
ok "the README's configuration is complete" complete
has_settings() {
    [ -s "$tmp/settings" ] && ! grep -vxFf "$tmp/guest.cfg" "$tmp/settings"
}
ok 'and has the settings of xenqmp(7)' has_settings
filled_in() {
    grep -vxFf "$tmp/settings" "$tmp/guest.cfg" >"$tmp/bare.cfg"
    echo 'type = "hvm"' >>"$tmp/bare.cfg"
    # How much memory, and whether Linux is to wait for devices, depends on the
    # image, which is not on this machine.
    eval "set -- $("$bin/xl-qmp" create --dry-run "$tmp/bare.cfg" 2>"$tmp/err")"
    printf '%s\n' "$@" | grep = | sed 's/\(_memory=\).*/\1/' | sort >"$tmp/out"
    sed -e 's/ = /=/' -e 's/\(_memory=\).*/\1/' -e 's/boot_wait_for_devices,//' "$tmp/settings" | grep -v '^type=' |
        sort | diff - "$tmp/out"
}
ok 'which are those that xl-qmp create fills in' filled_in

plan
