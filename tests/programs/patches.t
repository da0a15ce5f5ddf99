#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# patches/apply.sh on a small tree with a series of three steps: it applies
# exactly there or not at all. And the form of the real series: no line of
# Xen's but those that change, steps that fit onto each other.
set -u

. "$SRCDIR/tests/tap.sh"

# What a user's git is set to, and where one works, makes no difference.
export GIT_CONFIG_GLOBAL="$tmp/gitconfig" GIT_CONFIG_NOSYSTEM=1
git config --global apply.whitespace fix

# --- A tree and its series ----------------------------------------------

# The same line at many places, so that a step could go to a wrong one.
upstream=$tmp/upstream
mkdir -p "$upstream/xen" "$upstream/tools"
printf 'export XEN_VERSION    = 9\nexport XEN_SUBVERSION = 3\n' \
    >"$upstream/xen/Makefile"
for i in 1 2 3 4 5 6; do
    printf 'case %s:\n    rc = check();\n    break;\n' $i
done >"$upstream/tools/a.c"
printf 'int b;\n' >"$upstream/tools/b.c"
cp -r "$upstream" "$tmp/made"

commit() {
    git -C "$tmp/made" add -A
    git -C "$tmp/made" -c user.name=Ann -c user.email=ann@xen.example \
        commit -q -m "$1" -m "Why it is so."
}
git init -q -b main "$tmp/made"
commit base
sed -i '8s/check/verify/' "$tmp/made/tools/a.c"
commit 'tools: verify the third'
sed -i '9s/break/return/' "$tmp/made/tools/a.c"
sed -i '1s/b/c/' "$tmp/made/tools/b.c"
echo 'int new;' >"$tmp/made/tools/new.c"
commit 'tools: return from the third'
echo 'int newer;' >"$tmp/made/tools/new.c"
commit 'tools: say it anew'

patches=$tmp/patches
series=$patches/9.3
mkdir -p "$series" "$patches/files/tools"
cp "$SRCDIR/patches/apply.sh" "$patches"
echo 'int new;' >"$patches/files/tools/new.c"
printf 'A series\n\nWhat it is for.\n' >"$patches/first.cover"
printf 'Another\n\nMore of it.\n' >"$patches/second.cover"
# What is nearer to Xen 9.5 than that.
mkdir "$patches/later"
printf '# version 9.7\n' >"$patches/later/series"
# As patches/README.md makes steps: a new source is left out of its own.
step_make() {
    git -C "$tmp/made" format-patch -q -U0 --full-index --zero-commit \
        --no-signature --no-stat -N -1 -o "$series" --start-number "$@"
}
steps_make() {
    step_make 1 HEAD~2
    step_make 2 HEAD~1 -- . ':(exclude)tools/new.c'
    step_make 3 HEAD
    sed -i 's/^\(@@ [^@]* @@\).*/\1/' "$series"/*.patch
}
steps_make
cat >"$series/series" <<END
# version 9.3
# base: 9.3.1
[first]
0001-tools-verify-the-third.patch
[second]
0002-tools-return-from-the-third.patch tools/new.c
0003-tools-say-it-anew.patch
END

tree_new() {
    rm -rf "$tmp/tree"
    cp -r "$upstream" "$tmp/tree"
}
apply() {
    "$patches/apply.sh" "$@"
}
same_as_made() {
    diff -r -x .git "$tmp/made" "$tmp/tree"
}

tree_new
chmod 755 "$tmp/tree/tools/b.c"
ok 'applies all steps' apply "$tmp/tree"
ok 'to what they were made for, with the new source changed' same_as_made
ok 'leaves permissions as they are' test -x "$tmp/tree/tools/b.c"

# The tree as a clone, all committed.
tree_commit() {
    git init -q -b main "$tmp/tree" && git -C "$tmp/tree" add -A &&
        git -C "$tmp/tree" -c user.name=B -c user.email=b commit -qm base
}

# refused TEXT [ARGUMENT]...: exit 1, one line with TEXT, the tree as it was.
refused() {
    rm -rf "$tmp/before"
    cp -r "$tmp/tree" "$tmp/before"
    text=$1
    shift
    [ $# != 0 ] || set -- "$tmp/tree"
    apply "$@" >"$tmp/out" 2>"$tmp/err"
    code=$?
    cat "$tmp/out" "$tmp/err"
    echo "exit $code; wanted: $text"
    [ $code = 1 ] && [ ! -s "$tmp/out" ] &&
        [ "$(wc -l <"$tmp/err")" = 1 ] && grep -qF -e "$text" "$tmp/err" &&
        diff -r "$tmp/before" "$tmp/tree"
}

ok 'a second time is refused' refused 'has steps of the 9.3 series already'

tree_new
apply "$tmp/tree" >"$tmp/log" && cp "$upstream/tools/b.c" "$tmp/tree/tools"
ok 'half of a series is refused' refused 'has steps'

tree_new
ok 'a stage is applied alone' apply "$tmp/tree" first
ok 'and nothing of the next' cmp "$upstream/tools/b.c" "$tmp/tree/tools/b.c"
ok 'all is refused then' refused 'tools/a.c has steps of the 9.3 series'
tree_new
ok 'a stage that there is not' refused "no stage 'third'; it has first second" \
    "$tmp/tree" third

tree_new
tree_commit
ok 'a clone is changed' apply "$tmp/tree"
ok 'again it is refused' refused 'has steps'
git -C "$tmp/tree" reset -q --hard
rm "$tmp/tree/tools/new.c"
sed -i '2s/$/ /' "$tmp/tree/tools/a.c"
ok 'changes that are not committed are refused' refused \
    'tools/a.c has changes that are not committed'
git -C "$tmp/tree" add -A
sed -i '2s/ $//' "$tmp/tree/tools/a.c"
ok 'also if they are staged only' refused 'tools/a.c is staged'
git -C "$tmp/tree" reset -q --hard
echo >"$tmp/tree/notes"
ok "what is not the series' is no matter" apply "$tmp/tree"

tree_new
sed -i '1i /* moved */' "$tmp/tree/tools/a.c"
ok 'lines that have moved are refused' refused 'tools/a.c is not the one'
ok 'and it says how to carry it over' refused 'git am -3 --empty=drop'

tree_new
sed -i '8s/check/other/' "$tmp/tree/tools/a.c"
ok 'other lines are refused' refused 'tools/a.c is not the one'

tree_new
sed -i '$s/$/ /' "$tmp/tree/tools/a.c"
ok 'a difference elsewhere in the file is refused' refused 'is not the one'

# The second step's file: the first has been at its place by then.
tree_new
rm "$tmp/tree/tools/b.c"
ok 'a missing file is refused' refused 'tools/b.c is missing'

tree_new
echo 'int mine;' >"$tmp/tree/tools/new.c"
ok 'a new source that is there already is refused' refused 'there already'

cp "$series/0003-tools-say-it-anew.patch" "$tmp/good"
sed -i 's/^index [0-9a-f]*/index 0123456789012345678901234567890123456789/' \
    "$series"/0003-*.patch
tree_new
ok 'a new source that is not what a later step changes is refused' refused \
    'not what the step is made for'
cp "$tmp/good" "$series/0003-tools-say-it-anew.patch"

tree_new
sed -i 's/= 3/= 4/' "$tmp/tree/xen/Makefile"
ok 'a release without a series is refused' refused 'no series for Xen 9.4'
ok 'with the nearest that there is' refused 'the nearest is for Xen 9.3'
sed -i 's/= 4/= 6/' "$tmp/tree/xen/Makefile"
ok 'and how to carry it over' refused "tree of Xen 9.7, 'apply.sh --print'"

rm "$tmp/tree/xen/Makefile"
ok 'what is no tree of Xen is refused' refused 'no tree of Xen'
ok 'what is not there is refused' refused 'no tree of Xen' "$tmp/nowhere"

# A step that says another place than it was made for: the line there is
# the same, so it would apply.
tree_new
cp "$series/0001-tools-verify-the-third.patch" "$tmp/good"
sed -i 's/^@@ -8 +8 @@/@@ -11 +11 @@/' "$series"/0001-*.patch
ok 'a step at a wrong place is refused' refused 'did not become'
sed -i '0,/^index/s/^index [0-9a-f]*/index 0123456789012345678901234567890123456789/' \
    "$series"/0002-*.patch
cp "$tmp/good" "$series/0001-tools-verify-the-third.patch"
ok 'a step made for another content is refused' refused \
    'not what the step is made for'
sed -i 's/^-    rc = check/-    rc = chick/' "$series"/0001-*.patch
ok 'a step whose old line is another is refused' refused 'does not apply'

usage() {
    apply "$@" 2>"$tmp/err"
    [ $? = 2 ] && [ "$(wc -l <"$tmp/err")" = 1 ]
}
ok 'wrong usage: no tree' usage
ok 'wrong usage: too much' usage "$tmp/tree" first second
ok 'wrong usage: an unknown option' usage --frobnicate "$tmp/tree"

# --- The series for posting ----------------------------------------------

steps_make
tree_new
ok 'nobody signs off: refused' refused "set git's user.name" --print "$tmp/tree"
git config --global user.name Bo
git config --global user.email bo@xen.example
printed() {
    apply --print "$tmp/tree" >"$tmp/mbox" && diff -r "$upstream" "$tmp/tree"
}
ok '--print leaves the tree alone' printed

# A maintainer's git takes it, context and all.
taken() {
    git init -q -b main "$tmp/taken" && cp -r "$upstream/." "$tmp/taken" &&
        git -C "$tmp/taken" add -A &&
        git -C "$tmp/taken" -c user.name=B -c user.email=b commit -qm base &&
        git mailsplit -o"$tmp/taken/.git" "$tmp/mbox" &&
        git -C "$tmp/taken" -c apply.whitespace=nowarn am -q --empty=drop \
            "$tmp"/taken/.git/000? &&
        diff -r -x .git "$tmp/made" "$tmp/taken" &&
        git -C "$tmp/taken" log -3 --format='%an <%ae> %s' |
        diff - "$tmp/log-wanted"
}
cat >"$tmp/log-wanted" <<END
Ann <ann@xen.example> tools: say it anew
Ann <ann@xen.example> tools: return from the third
Ann <ann@xen.example> tools: verify the third
END
ok 'what it prints is a series for git am' taken
ok 'its patches have context' grep -qx ' case 3:' "$tmp/mbox"
ok 'signed off by who printed it' git -C "$tmp/taken" log -1 --format=%B \
    --grep='^Signed-off-by: Bo <bo@xen.example>'
ok 'by nobody else' sh -c "! grep Signed-off-by '$tmp/mbox' | grep -v Bo"
ok 'with a cover letter for each stage' grep -qx \
    'Subject: \[PATCH 9.3 0/1\] A series' "$tmp/mbox"
ok 'also the last' grep -qx 'Subject: \[PATCH 9.3 0/2\] Another' "$tmp/mbox"
ok 'its text' grep -qx 'What it is for.' "$tmp/mbox"
one_stage() {
    apply --print "$tmp/tree" second >"$tmp/mbox.second" &&
        grep -q 'return from the third' "$tmp/mbox.second" &&
        ! grep -q 'verify the third' "$tmp/mbox.second"
}
ok 'or a stage alone' one_stage
ok 'and an overview' grep -q 'tools/new.c *| *1 +' "$tmp/mbox"

# --- The real series -----------------------------------------------------

# Messages about one file; each step begins where the one before ended.
step_check() {
    awk -v file="${1#"$SRCDIR/"}" '
    function bad(text) { print file ":" NR ": " text; failed = 1 }
    function is_id(text) { return text ~ /^[0-9a-f]+$/ && length(text) == 40 }
    NR == 1 && !(/^From 0* / && is_id($2)) { bad("no commit of zeroes") }
    /^Subject: / && length($0) > length("Subject: [PATCH] ") + 72 { bad("the subject is long") }
    /^Signed-off-by: / { bad("a person signs off as it is posted") }
    /^diff --git / { diff = 1; left = right = 0; path = substr($3, 3) }
    diff && /^@@ / && !left && !right {
        if (!/^@@ [^@]* @@$/) bad("a hunk names a function")
        split($2, old, ","); split($3, new, ",")
        left = 2 in old ? old[2] : 1
        right = 2 in new ? new[2] : 1
        delete old; delete new
        next
    }
    left && /^-/ { left--; next }
    right && /^\+/ { right--; next }
    left || right { bad("a line of context") }
    /^index / {
        split($2, id, /[.][.]/)
        if (!is_id(id[1]) || !is_id(id[2])) bad("an id is short")
        print "STEP", path, id[1], id[2]
    }
    END { exit failed }' "$1"
}
chain_check() {
    awk '$1 != "STEP" { next }
         ($2 in at) && at[$2] != $3 { print $2 ": a gap"; failed = 1 }
         { at[$2] = $4 }
         END { exit failed }'
}
series_check() {
    grep -qx '# version [0-9]*[.][0-9]*' "$1/series" || return 1
    sed -n 's/^\[\(.*\)\]$/\1/p' "$1/series" >"$tmp/stages"
    [ -s "$tmp/stages" ] || return 1
    while read -r stage; do
        [ -s "$SRCDIR/patches/$stage.cover" ] || return 1
        echo "$stage.cover" >>"$tmp/covers"
    done <"$tmp/stages"
    sed -e 's/[#[].*//' -e '/^[[:space:]]*$/d' "$1/series" >"$tmp/steps"
    while read -r step sources; do
        step_check "$1/$step" || return 1
        for path in $sources; do
            [ -s "$SRCDIR/patches/files/$path" ] || return 1
            echo "$path" >>"$tmp/sources"
        done
    done <"$tmp/steps" >"$tmp/chain"
    cat "$tmp/chain"
    chain_check <"$tmp/chain"
}
# All that is there is part of a series.
series_complete() {
    sed 's/ .*//' "$tmp/steps" | sort >"$tmp/named"
    (cd "$1" && ls -- *.patch) | diff "$tmp/named" -
}
all_complete() {
    (cd "$SRCDIR/patches/files" && find . -type f) | sed 's,^\./,,' |
        sort >"$tmp/there"
    sort -u "$tmp/sources" | diff "$tmp/there" - &&
        (cd "$SRCDIR/patches" && ls -- *.cover) >"$tmp/there" &&
        sort -u "$tmp/covers" | diff "$tmp/there" -
}
lines_fit() {
    ! awk 'length($0) > 75 { print FILENAME ":" FNR ": " $0 }' \
        "$SRCDIR"/patches/files/tools/libs/light/*.c | grep .
}
for dir in "$SRCDIR"/patches/*/series; do
    dir=${dir%/series}
    ok "the ${dir##*/} series: form, and each step follows the last" \
        series_check "$dir"
    ok "the ${dir##*/} series: nothing is left over" series_complete "$dir"
done
ok 'no new source and no cover letter is left over' all_complete
ok "lines are as long as libxl's CODING_STYLE allows" lines_fit

plan
