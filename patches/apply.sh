#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# apply.sh TREE [STAGE]: applies the series for the Xen sources in TREE, up to
# a stage of it or all.
#
# The diffs have no context by which a step could find its place. Each says
# instead which content a file has before and after it (git's blob ids, the
# `index` lines), and both are held against the file. All of it happens in a
# scratch repository: TREE is written when every step has been at its place,
# else it stays as it is. The same repository prints the series as patches
# with context (--print), signed off by whoever git says prints them.
#
# A series is a directory: `series` says for which version of Xen it is, and
# names its steps in order, each with the new sources that it adds from
# files/, which later steps may change. A line [STAGE] begins a stage, of which STAGE.cover is the cover
# letter; it begins with the subject.
set -u

usage='usage: apply.sh [--print] TREE [STAGE]'

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
if [ $# != 1 ] && [ $# != 2 ]; then
    echo "$usage" >&2
    exit 2
fi
stage=${2-}

patches=$(cd "$(dirname "$0")" && pwd) || exit 1
[ -f "$1/xen/Makefile" ] ||
    refuse "$1 is no tree of Xen's sources: it has no xen/Makefile"
tree=$(cd "$1" && pwd) || exit 1
command -v git >/dev/null || refuse "git is missing: install it"

# Of the user's settings the name; else nobody's, and no repository but the
# scratch one.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
signer=$(git -C "$tree" config user.name)
address=$(git -C "$tree" config user.email)
if [ "$print" ] && { [ -z "$signer" ] || [ -z "$address" ]; }; then
    refuse "patches for xen-devel are signed off by a person: set git's" \
        "user.name and user.email to yours"
fi
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

# "DISTANCE VERSION SERIES" for each series; 0 for TREE's own.
distances() {
    for file in "$patches"/*/series; do
        sed -n 's/^# version //p' "$file" | awk -v mine="$release" \
            -v name="$(basename "$(dirname "$file")")" '{
                split($1, a, "."); split(mine, b, ".")
                d = a[1] == b[1] ? a[2] - b[2] : 1000
                print d < 0 ? -d : d, $1, name }'
    done | sort -n
}
distances >"$scratch/distances"
read -r distance nearest series <"$scratch/distances"
carry_over="in a tree of Xen $nearest, 'apply.sh --print' prints that series\
 for 'git am -3 --empty=drop' here"
[ "$distance" = 0 ] || refuse "there is no series for Xen $release; the" \
    "nearest is for Xen $nearest: $carry_over"
dir=$patches/$series

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

# "STAGE STEP [SOURCE]..." for each step, up to the stage that was asked
# for.
steps() {
    awk -v last="$stage" '
        /^\[/ { gsub(/[][]/, ""); if (at != "" && at == last) exit
                at = $1; next }
        !/^#/ && NF { print at, $0 }' "$dir/series"
}
stages() {
    awk '/^\[/ { gsub(/[][]/, ""); print $1 }' "$dir/series"
}
[ -z "$stage" ] || stages | grep -qxF -e "$stage" || refuse \
    "the $series series has no stage '$stage'; it has" $(stages)

# The tree as the series wants it, as far as steps touch it.
base_take() {
    steps | while read -r _ step _; do
        changes "$dir/$step"
    done >"$scratch/changes"
    steps | cut -d ' ' -f 3- | tr ' ' '\n' >"$scratch/sources"
    while read -r path before after; do
        [ ! -e "$work/$path" ] || continue
        ! grep -qxF -e "$path" "$scratch/sources" || continue
        [ -f "$tree/$path" ] ||
            refuse "$tree: $path is missing, the $series series changes it"
        mkdir -p "$work/$(dirname "$path")"
        cp -p "$tree/$path" "$work/$path" || exit 1
        found=$(blob "$path")
        [ "$found" = "$before" ] || base_refuse "$path" "$found"
    done <"$scratch/changes"
    while read -r path; do
        [ -z "$path" ] || [ ! -e "$tree/$path" ] || refuse \
            "$tree: $path is there already: is the series applied?"
    done <"$scratch/sources"
    while read -r path before after; do
        ! changed "$path" || refuse "$tree: $path is staged, but not" \
            "committed: commit or stash it"
    done <"$scratch/changes"
}

# Whether the file is not as it was committed, where a repository says so.
changed() {
    [ "$(git -C "$tree" status --porcelain -- "$1" 2>/dev/null)" ]
}

base_refuse() {
    if grep -q "^$1 [0-9a-f]* $2\$" "$scratch/changes"; then
        refuse "$tree: $1 has steps of the $series series already; it" \
            "goes onto a tree without them"
    fi
    ! changed "$1" || refuse "$tree: $1 has changes that are not" \
        "committed: commit or stash them"
    refuse "$tree: $1 is not the one that the $series series is made for" \
        "(see 'base' in $dir/series): $carry_over"
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
        cp "$patches/files/$path" "$work/$path" || exit 1
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

steps >"$scratch/steps"
git init -q --object-format=sha1 -b base "$work" || exit 1
base_take
git -C "$work" add -f . || exit 1
read -r _ first _ <"$scratch/steps"
git mailinfo -k "$scratch/message" "$scratch/diff" <"$dir/$first" \
    >"$scratch/info" || exit 1
commit base
base=$(git -C "$work" rev-parse HEAD)
while read -r at step sources; do
    # A branch a stage.
    [ "$(git -C "$work" branch --show-current)" = "$at" ] ||
        git -C "$work" checkout -q -b "$at" || exit 1
    # shellcheck disable=SC2086 # a list
    step_apply "$step" $sources
done <"$scratch/steps"

# stage_print STAGE BEFORE: the patches of a stage onto the one before.
stage_print() {
    prefix=PATCH
    [ "$series" = master ] || prefix="PATCH $series"
    git -C "$work" config "branch.$1.description" \
        "$(cat "$patches/$1.cover")"
    GIT_COMMITTER_NAME=$signer GIT_COMMITTER_EMAIL=$address \
        git -C "$work" format-patch --stdout --cover-letter --signoff \
        --cover-from-description=subject --subject-prefix="$prefix" \
        "$2..$1"
}
if [ "$print" ]; then
    before=base
    for at in $(awk '!seen[$1]++ { print $1 }' "$scratch/steps"); do
        [ "$stage" ] && [ "$at" != "$stage" ] || stage_print "$at" "$before"
        before=$at
    done
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
