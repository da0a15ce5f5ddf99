# SPDX-License-Identifier: GPL-2.0-or-later
# A stubdomain whose QEMU cannot start, one whose kernel panics, and one whose
# kernel and initrd don't belong together: the reason comes long before libxl's
# limit for a stubdomain's start ends, and nothing is left. One that needs longer
# than that: how far it came.
limit=30
log=/var/log/xen/qemu-dm-hvm1.log

# When the stubdomain begins, and when its log says TEXT.
log_times() {
    wait_for 90 test -s $log
    seconds >/run/begins.txt
    wait_for 60 grep -q "$1" $log
    seconds >/run/says.txt
}

# creation_fails TEXT: in its log.
creation_fails() {
    local code
    rm -f $log
    log_times "$1" >/dev/null 2>&1 &
    xl-qmp create /run/hvm1.cfg >/run/failed.txt 2>&1
    code=$?
    seconds >/run/ends.txt
    wait $!
    cat /run/failed.txt
    [ $code = 3 ]
}

# Its parts, and their share in what libxl would have waited.
print_times() {
    cat /run/begins.txt /run/says.txt /run/ends.txt | xargs | awk -v limit=$limit '{
        printf "# the stubdomain needed %.1f s, what came then %.1f s: %.2f of the %d s of libxl\n",
            $2 - $1, $3 - $2, ($3 - $1) / limit, limit }'
}
before_libxl() {
    cat /run/begins.txt /run/ends.txt | xargs |
        awk -v limit=$limit '{ exit !($2 - $1 < limit) }'
}
end_of_failure() {
    print_times
    ok "before libxl's limit" before_libxl
    ok "in one line" count_is 1 'its QEMU does not run' /run/failed.txt
    ok "with the log's name" grep -qF "all of it is in $log" /run/failed.txt
    ok "the guest has gone" sh -c '! xl domid hvm1'
    wait_for 20 sh -c '! pidof qmp-helper'
    rm -f /run/failed.txt
    snapshot after
    ok "nothing is left behind" same_snapshots before after
}

fail_qemu() {
    guest_cfg hvm1 "$helper" |
        sed 's/^\(device_model_args_hvm\).*/\1 = [ "-no-such-option" ]/' >/run/hvm1.cfg
}

snapshot before
fail_qemu
ok "QEMU cannot start: xl-qmp create fails" creation_fails 'QEMU ended with status'
ok "with QEMU's own message" \
    grep -q 'its QEMU does not run: QEMU ended with status 1 (.*: -no-such-option: invalid option)' \
    /run/failed.txt
end_of_failure

guest_cfg hvm1 "$helper" 'stubdomain_cmdline = "norandmaps rdinit=/none"' >/run/hvm1.cfg
ok "the stubdomain panics: xl-qmp create fails" creation_fails 'Kernel panic'
ok "with the kernel's own message" \
    grep -q "its QEMU does not run: the stubdomain's kernel panicked: " /run/failed.txt
ok "which is in console 0's log" grep -q 'Kernel panic - not syncing: ' $log
end_of_failure

guest_cfg hvm1 "$helper" 'stubdomain_cmdline = "norandmaps rdinit=/mismatch.init"' >/run/hvm1.cfg
ok "kernel and initrd are of two images: xl-qmp create fails" creation_fails 'powering off'
ok "with a line that says so" grep -q \
    "its QEMU does not run: the kernel is .*, and the initrd has no modules for it: .*run mkstubdom" /run/failed.txt
end_of_failure

guest_cfg hvm1 "$helper" 'stubdomain_cmdline = "norandmaps rdinit=/slow.init"' >/run/hvm1.cfg
ok "the stubdomain needs too long: xl-qmp create fails" \
    sh -c 'rm -f $1; ! xl-qmp create /run/hvm1.cfg >/run/failed.txt 2>&1' - $log
ok "with what it said last" grep -qF \
    "create: hvm1: xl gave up; the last that its stubdomain said is \"still on its way\"; all of it is in $log" \
    /run/failed.txt
ok "the guest has gone" sh -c '! xl domid hvm1'
wait_for 20 sh -c '! pidof qmp-helper'
rm -f /run/failed.txt
snapshot after
ok "nothing is left behind" same_snapshots before after

# Plain xl gets no word of it from libxl, but qmp-helper writes to where xl
# does. The user need not wait for the rest of the 30 s.
told="^qmp-helper: domain [0-9]*: its QEMU does not run: QEMU ended with status 1 (.*: -no-such-option: invalid option); all of it is in $log\$"
user_is_told() {
    rm -f $log
    xl create /run/hvm1.cfg >/run/failed.txt 2>&1 &
    xl=$!
    wait_for 60 grep -q -e "$told" -e 'startup timed out' /run/failed.txt
    seconds >/run/ends.txt
    cat /run/failed.txt
    grep -q "$told" /run/failed.txt
}
fail_qemu
ok "QEMU cannot start: xl create says so, and where" user_is_told
ok "long before libxl does" count_is 0 'startup timed out' /run/failed.txt
ok "once" count_is 1 'its QEMU does not run' /run/failed.txt
ok "and so does the log of qmp-helper" grep -q "$told" $helper_log
kill $xl
wait $xl
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
rm -f /run/failed.txt
snapshot after
ok "nothing is left behind" same_snapshots before after
