#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# apply.sh TREE: applies the series for the Xen sources in TREE.
#
# The diffs have no context by which a step could find its place. Each says
# instead which content a file has before and after it (git's blob ids, the
# `index` lines), and both are held against the file. All of it happens in a
# scratch repository: TREE is written when every step has been at its place,
# else it stays as it is. The same repository prints the series as patches
# with context (--print).
#
# A series is a directory: `series` names its steps in order, each with the
# new sources that it adds from files/; `cover-letter` begins with the
# subject.
set -u

usage='usage: apply.sh [--print] TREE'

refuse() {
    echo "apply.sh: $*" >&2
    exit 1
}

print=
case ${1-} in
--help) echo "$usage"; exit 0 ;;
--print) print=1; shift ;;
-*) echo "apply.sh: unknown option $1; $usage" >&2; exit 2 ;;
esac
if [ $# != 1 ]; then
    echo "$usage" >&2
    exit 2
fi

patches=$(cd "$(dirname "$0")" && pwd) || exit 1
[ -f "$1/xen/Makefile" ] ||
    refuse "$1 is no tree of Xen's sources: it has no xen/Makefile"
tree=$(cd "$1" && pwd) || exit 1
command -v git >/dev/null || refuse "git is missing: install it"

# Nobody's settings or repository but the scratch one.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
work=$scratch/work

version() {
    sed -n "s/^export $1[[:space:]:]*=[[:space:]]*\([0-9]*\)[[:space:]]*$/\1/p" \
        "$tree/xen/Makefile"
}
release=$(version XEN_VERSION).$(version XEN_SUBVERSION)
series=master
[ ! -d "$patches/$release" ] || series=$release
dir=$patches/$series
[ -f "$dir/series" ] || refuse "there is no series for Xen $release"

# "PATH BEFORE AFTER" for each file that a step changes.
changes() {
    awk '/^diff --git / { file = substr($3, 3) }
         /^index / { split($2, id, /[.][.]/); print file, id[1], id[2] }' "$1"
}
blob() {
    git hash-object --no-filters "$work/$1"
}
# field NAME: From's name or address, the subject or the date of the step
# that was read last.
field() {
    sed -n "s/^$1: //p" "$scratch/info"
}

# "STEP [SOURCE]..." for each step.
steps() {
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$dir/series"
}

# The tree as the series wants it, as far as steps touch it.
base_take() {
    steps | while read -r step sources; do
        changes "$dir/$step"
    done >"$scratch/changes"
    while read -r path before after; do
        [ ! -e "$work/$path" ] || continue
        [ -f "$tree/$path" ] ||
            refuse "$tree: $path is missing, the $series series changes it"
        mkdir -p "$work/$(dirname "$path")"
        cp -p "$tree/$path" "$work/$path" || exit 1
        found=$(blob "$path")
        [ "$found" = "$before" ] || base_refuse "$path" "$found"
    done <"$scratch/changes"
    steps | while read -r step sources; do
        for path in $sources; do
            [ ! -e "$tree/$path" ] || refuse \
                "$tree: $path is there already: is the series applied?"
        done
    done || exit 1
}

base_refuse() {
    if grep -q "^$1 [0-9a-f]* $2\$" "$scratch/changes"; then
        refuse "$tree: $1 has steps of the $series series already; it" \
            "goes onto a tree without them"
    fi
    refuse "$tree: $1 is not the one that the $series series is made for" \
        "(see 'base' in $dir/series)"
}

# step_apply STEP SOURCE...
step_apply() {
    step=$1
    shift
    changes "$dir/$step" >"$scratch/step"
    while read -r path before after; do
        [ "$(blob "$path")" = "$before" ] ||
            refuse "$step: $path is not what the step is made for"
    done <"$scratch/step"
    (cd "$work" && git mailinfo -k "$scratch/message" "$scratch/diff" \
        <"$dir/$step" >"$scratch/info" &&
        git apply --index --unidiff-zero --whitespace=nowarn \
        "$scratch/diff") 2>/dev/null || refuse "$step does not apply"
    for path; do
        mkdir -p "$work/$(dirname "$path")"
        cp "$dir/files/$path" "$work/$path" || exit 1
        git -C "$work" add -f "$path" || exit 1
    done
    while read -r path before after; do
        [ "$(blob "$path")" = "$after" ] ||
            refuse "$step: $path did not become what it should"
    done <"$scratch/step"
    commit "$(field Subject | sed 's/^\[[^]]*\] *//')" "$scratch/message"
}

# commit SUBJECT [FILE]: what is in the index, as the author of the step.
commit() {
    {
        printf '%s\n\n' "$1"
        cat "${2-/dev/null}"
    } | GIT_AUTHOR_NAME=$(field Author) GIT_AUTHOR_EMAIL=$(field Email) \
        GIT_AUTHOR_DATE=$(field Date) GIT_COMMITTER_NAME=$(field Author) \
        GIT_COMMITTER_EMAIL=$(field Email) GIT_COMMITTER_DATE=$(field Date) \
        git -C "$work" commit -q --no-verify --allow-empty -F - || exit 1
}

git init -q --object-format=sha1 -b "$series" "$work" || exit 1
base_take
git -C "$work" add -f . || exit 1
first=$(steps | sed 's/[[:space:]].*//; q')
git mailinfo -k "$scratch/message" "$scratch/diff" <"$dir/$first" \
    >"$scratch/info" || exit 1
commit base
base=$(git -C "$work" rev-parse HEAD)
steps >"$scratch/steps"
while read -r step sources; do
    # shellcheck disable=SC2086 # a list
    step_apply "$step" $sources
done <"$scratch/steps"

if [ "$print" ]; then
    prefix=PATCH
    [ "$series" = master ] || prefix="PATCH $series"
    git -C "$work" config "branch.$series.description" \
        "$(cat "$dir/cover-letter")"
    GIT_COMMITTER_NAME=$(field Author) GIT_COMMITTER_EMAIL=$(field Email) \
        git -C "$work" format-patch --stdout --cover-letter \
        --cover-from-description=subject --subject-prefix="$prefix" "$base"
    exit
fi

git -C "$work" diff --name-only "$base" >"$scratch/changed"
while read -r path; do
    new=$tree/$path.apply-new
    mkdir -p "$(dirname "$new")"
    # cp -p for what the file has besides its content.
    [ ! -e "$tree/$path" ] || cp -p "$tree/$path" "$new"
    if ! cat "$work/$path" >"$new" || ! mv "$new" "$tree/$path"; then
        refuse "cannot write $tree/$path"
    fi
done <"$scratch/changed"
echo "applied the $series series, $(wc -l <"$scratch/steps") steps, to $tree"
