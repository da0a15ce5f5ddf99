#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# RELEASE= that cannot be had. debootstrap is the test's own: it leaves half a
# root, and a word of why. Nothing is downloaded.
set -u

. "$SRCDIR/tests/tap.sh"
srcdir=$SRCDIR
. "$SRCDIR/tests/releases.sh"
mkdir "$tmp/bin"
cat >"$tmp/bin/debootstrap" <<'END'
#!/bin/sh
echo "$@" >>"$DEBOOTSTRAPPED"
mkdir -p "$3/usr/bin"
echo "E: Failed getting release file"
exit 1
END
chmod +x "$tmp/bin/debootstrap"
export DEBOOTSTRAPPED="$tmp/asked"
: >"$DEBOOTSTRAPPED"
# One that is not the host's.
host=$(release_of_host)
for other in $(cd "$SRCDIR/tests/releases" && echo *); do
    [ "$other" = "$host" ] || break
done
as_root=
[ "$(id -u)" = 0 ] || as_root="unshare -r"
release() {
    $as_root env PATH="$tmp/bin:$PATH" "$SRCDIR/tests/release" "$1" "$tmp/build" check \
        >"$tmp/out" 2>"$tmp/said"
}
# exits CODE NAME
exits() {
    release "$2"
    [ $? = "$1" ]
}
known="$(cd "$SRCDIR/tests/releases" && echo * | sed 's/ /, /g')"
names_them() {
    [ "$(cat "$tmp/said")" = "Debian release '$1' is not known; RELEASE can be one of: $known" ]
}

for wrong in potato ../system/boot .. ''; do
    ok "RELEASE='$wrong' is wrong usage" exits 2 "$wrong"
    ok "and those that are known are named, in one line" names_them "$wrong"
done
ok "nothing was made" test ! -e "$tmp/build"

ok "packages that cannot be had are an error" exits 1 "$other"
last_line() { [ "$(tail -n 1 "$tmp/said")" = "$1" ]; }
ok "which says whose, and where the log is" \
    last_line "Debian $other's packages cannot be had; see $tmp/build/releases/$other/log"
ok "and why" grep -qx 'E: Failed getting release file' "$tmp/said"
ok "the log has it" grep -qx 'E: Failed getting release file' "$tmp/build/releases/$other/log"
ok "no half of a root is left" test ! -e "$tmp/build/releases/$other/root"

# By make, in a tree whose tests/release is the test's own: no goal is passed
# over.
mkdir -p "$tmp/tree/tests"
cp "$SRCDIR/Makefile" "$tmp/tree"
printf '#!/bin/sh\necho "$@"\n' >"$tmp/tree/tests/release"
chmod +x "$tmp/tree/tests/release"
of_make() { env -u MAKEFLAGS -u MAKELEVEL -u TESTS make -s -C "$tmp/tree" "$1" RELEASE=potato >"$tmp/out" 2>"$tmp/said"; }
begins() { of_make "$1" && grep -qx "potato build $1" "$tmp/out"; }
for goal in demo check check-asan check-full bench coverage mutate deb; do
    ok "make $goal is had of another release" begins $goal
done
refused() { ! of_make "$1" && grep -q 'RELEASE= is for demo check ' "$tmp/said"; }
for goal in all install bench-plots unit-tests; do
    ok "make $goal is not, and says so" refused $goal
done
# Nor a release, by the long check.
cp -r "$SRCDIR/tests/releases" "$tmp/tree/tests"
printf '#!/bin/sh\necho "$@"\n[ "$1" != "%s" ]\n' "$other" >"$tmp/tree/tests/release"
env -u MAKEFLAGS -u MAKELEVEL -u TESTS make -s -C "$tmp/tree" check-full >"$tmp/out" 2>"$tmp/said"
ok "make check-full fails where one release does" [ $? != 0 ]
ok "and is that of each" test "$(cat "$tmp/out")" = \
    "$(cd "$SRCDIR/tests/releases" && for name in *; do echo "$name build check-full"; done)"
ok "which failed, it says" grep -qx "make check-full failed on: $other" "$tmp/said"

# A root that was made of another tree.
top=$tmp/build/releases/$other
mkdir -p "$top/root/etc" "$top/build/obj"
echo 1 2 >"$top/.complete"
: >"$DEBOOTSTRAPPED"
exits 1 "$other"
ok "another tree's root is made anew" grep -q " $other " "$DEBOOTSTRAPPED"
ok "with its build" test ! -e "$top/build/obj"
ok "and does not count as whole meanwhile" test ! -e "$top/.complete"
plan
