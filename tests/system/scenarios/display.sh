# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's display, at a TCP port of dom0's, without a QEMU there: what a
# viewer sees is what QEMU draws, and the password is dom0's alone.
guest_cfg hvm1 "$helper" "serial = \"file:/run/serial.out\"" 'vncpasswd = "geheim"' \
    'usb = 1' 'usbdevice = "tablet"' |
    sed 's/^vnc = 0/vnc = 1/' >/run/hvm1.cfg
screenshot() { xl-qmp -t 20 screenshot hvm1 "/run/$1.txt.ppm"; }
# Of a machine that stands still; over the serial port, for QEMU has no file
# of dom0's.
screendump() {
    : >/run/serial.out
    xl-qmp exec hvm1 screendump filename=/dev/hvc4 >/dev/null &&
        wait_for 60 whole /run/serial.out
}
# "P6\nWIDTH HEIGHT\n255\n" and three bytes a pixel.
whole() {
    local size
    size=$(head -n 2 "$1" | tail -n 1)
    [ "$(stat -c %s "$1")" = $((${size% *} * ${size#* } * 3 + 8 + ${#size})) ]
}
# Where not, all that differs: values in still's and in this one's.
sees_the_same() {
    cmp /run/still.txt.ppm "/run/$1.txt.ppm" && return
    cmp -l /run/still.txt.ppm "/run/$1.txt.ppm" |
        awk 'NR == 1 { first = $0 } END { print NR " bytes, from " first " to " $0 }'
    return 1
}
same_picture() { cmp "/run/$1.txt.ppm" /run/serial.out; }
# Two viewers with TLS: libvncclient's, and gtk-vnc's, of which Debian 13's
# gvnccapture has nothing to say when the library asks for the CA's certificate.
tls_viewer() { /tests/viewer -c "$@" 127.0.0.1 5907 picture:/run/tls.txt.ppm; }
gvnc_has_tls() { shows '^xen_version *: 4\.17' xl info; }
gvnc() { gvnccapture "127.0.0.1:$1" "/run/$2.png" && pngtopnm "/run/$2.png" >"/run/$2.txt.ppm"; }
port_of() { xenstore-read "/local/domain/$(domid hvm1)/console/vnc-port"; }

snapshot before
ok "xl create, with a display" xl create /run/hvm1.cfg
guest=$(domid hvm1)
dm=$(dm_domid hvm1)
ok "no QEMU in dom0" sh -c '! pidof xen-qemu-system-i386'
is "xl vncviewer finds it" "5900 127.0.0.1" \
    "$(port_of) $(xenstore-read "/local/domain/$guest/console/vnc-listen")"
ok "the guest runs" wait_for 60 shows running xl-qmp exec hvm1 query-status
ok "a screenshot, while it boots" screenshot first
shown() { [ "$(tail -c +16 "/run/$1.txt.ppm" | od -An -v -tx1 | sort -u | wc -l)" -gt 3 ]; }
drawn() { screenshot first && shown first; }
ok "it shows something" wait_for 60 drawn
ok "the guest stands still" xl-qmp exec hvm1 stop
ok "a screenshot of that" screenshot still
ok "QEMU's own" screendump
ok "both are the same, byte for byte" same_picture still
ok "a picture, and not a black one" shown still
ok "as PNG, to a pipe" sh -c 'xl-qmp screenshot hvm1 - | head -c 4 | tail -c 3 | grep -q PNG'
ok "and to a file" sh -c 'xl-qmp screenshot hvm1 /run/screen.png && head -c 4 /run/screen.png | grep -q PNG'
ok "the guest goes on" xl-qmp exec hvm1 cont

printf '#!/bin/sh\necho "$* $(cat)" >/run/viewer.txt\n' >/run/viewer.snapshot
chmod +x /run/viewer.snapshot
ok "xl vncviewer" sh -c 'VNCVIEWER=/run/viewer.snapshot xl vncviewer --autopass hvm1'
ok "has the address and the password" grep -q '127.0.0.1:0 .*geheim$' /run/viewer.txt

# The stubdomain reads what its domain may read.
may_read() { xenstore-ls -p "/local/domain/$dm/console" | grep vnc-pass | grep -q "r$dm"; }
is "libxl has left the password with the stubdomain's console" geheim \
    "$(xenstore-read "/local/domain/$dm/console/vnc-pass")"
ok "which the stubdomain may not read" not may_read
ok "nor is it anywhere but with dom0" sh -c \
    "! xenstore-ls -fp | grep geheim | grep -v '/local/domain/$guest/console/vnc-pass\|/local/domain/$dm/console/vnc-pass'"
xenstore-write "/local/domain/$guest/console/vnc-pass" falsch
ok "a wrong password is refused" not screenshot wrong
ok "and the log says so" grep -q 'refused the viewer at the socket (user 0, process [0-9]*): wrong password' $helper_log
counted() { shows "^xenqmp_display_$1{domid=\"$guest\",name=\"hvm1\"} $2\$" xl-qmp stats --openmetrics; }
ok "xl-qmp stats counts viewers" counted connections_total '[1-9][0-9]*'
ok "and those that were refused" counted refused_viewers_total 1
ok "and bytes" counted sent_bytes_total '[1-9][0-9][0-9][0-9][0-9]*'
ok "nobody looks now" counted viewers 0
ok "xl-qmp consoles shows the display" shows ' 8  display .*serving' xl-qmp consoles

ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'

# Without a password, and at another port. A viewer that asks for a thousand
# screens and reads none.
guest_cfg hvm1 "$helper" 'vncdisplay = 7' 'vncunused = 0' |
    sed 's/^vnc = 0/vnc = 1/; s,/echo.img,/keys.img,' >/run/hvm1.cfg
# The VGA's text memory: what stands there, and in which colours.
text_memory() {
    xl qemu-monitor-command hvm1 'xp /2000hx 0xb8000' | sed 's/^[0-9a-f]*://' | tr -d ' \r\n'
}
shows_text() {
    text_memory | grep -q "$(printf %s "$1" | od -An -v -tx1 | sed 's/ /0x07/g' | tr -d '\n')"
}
types() {
    /tests/viewer 127.0.0.1 5907 "$1" >/dev/null || return
    wait_for 10 shows_text ">$1" || { text_memory | grep -o '0x073e\(0x07[2-7].\)*'; return 1; }
}
stall() {
    {
        printf 'RFB 003.003\n\001'
        for i in $(seq 1000); do printf '\003\000\000\000\000\000\002\320\001\220'; done
        sleep 600
    } | socat -u - TCP:127.0.0.1:5907
}
processes_of() {
    local p
    for p in $(pidof qmp-helper); do
        [ "$(stat -c %u "/proc/$p")" != $((0x78650000 + $1)) ] || echo "$p"
    done
}
worker_dies() { kill -9 "$(processes_of "$(domid hvm1)")"; }
ok "xl create, without a password" xl create /run/hvm1.cfg
is "at the port that was asked for" 5907 "$(port_of)"
ok "the display worker has a user of its own" [ "$(processes_of "$(domid hvm1)" | wc -l)" = 1 ]
ok "the guest runs" wait_for 60 shows running xl-qmp exec hvm1 query-status
ok "the BIOS says so" wait_for 60 shows_text 'Booting from Floppy...'
ok "and has started it" wait_for 60 shows_text '>'
# Each key goes down and up, and QEMU's keyboard keeps 16 such events.
ok "what a viewer types appears" types 'xen qmp'
ok "the guest stands still" xl-qmp exec hvm1 stop
ok "a screenshot" wait_for 60 screenshot still
ok "gtk-vnc's viewer" gvnc 7 other
ok "sees the same" sees_the_same other
ok "the guest goes on" xl-qmp exec hvm1 cont
# In RFB, and then not: no such message, and one with 4 GiB to come.
# It does not hang up: who shows it the screen does.
means_ill() {
    { printf "RFB 003.008\n\001\001$1"; head -c 100000 /dev/zero; } |
        socat STDIO,ignoreeof TCP:127.0.0.1:5907 2>/dev/null | tr -d '\000'
}
ok "QEMU ends who says what is nothing" shows QEMU means_ill '\201'
ok "and who says that 4 GiB come" shows QEMU means_ill '\006\000\000\000\377\377\377\377'
ok "a screenshot, after viewers that mean ill" wait_for 60 screenshot first
stall &
stalled=$!
# It has what it does not read: as much as its window takes at first.
ok "a viewer stalls" wait_for 60 sh -c "netstat -tn | awk '\$5 ~ /:5907\$/ && \$2 > 30000' | grep -q ."
ok "another sees the screen" screenshot second
ok "QMP goes on" xl-qmp exec hvm1 query-status
sed -e 's/"hvm1"/"hvm2"/' /run/hvm1.cfg >/run/hvm2.cfg
ok "a second guest at that port is refused" not xl create /run/hvm2.cfg
ok "by name" grep -q 'cannot listen at 127.0.0.1, display 7' /var/log/xen/qemu-dm-hvm2-dm.log
xl destroy hvm2 2>/dev/null
xenconsoled_dies
ok "xenconsoled is killed: viewers see it again" wait_for 60 screenshot third
kill $stalled
worker_dies
ok "so they do when the display worker is killed" wait_for 60 screenshot fourth
listens() { shows "127.0.0.1:5907 " netstat -tln; }
ok "it listens" listens
/tests/viewer 127.0.0.1 5907 end &
looks=$!
guest=$(domid hvm1)
ok "somebody looks" wait_for 60 counted viewers 1
ok "xl save" xl save hvm1 /run/hvm1.save.txt
ok "who looked is told" wait $looks
ok "nobody listens then" not listens

# From now on with TLS, which nobody can do without; root's socket has none.
mkdir -p /etc/xenqmp /etc/pki/CA /run/pki
certificates() (
    cd /run/pki
    printf 'cn = ca\nca\ncert_signing_key\nexpiration_days = 2\n' >ca.cfg
    printf 'cn = dom0\nip_address = 127.0.0.1\ntls_www_server\nsigning_key\nexpiration_days = 2\n' >server.cfg
    printf 'cn = viewer\ntls_www_client\nsigning_key\nexpiration_days = 2\n' >viewer.cfg
    for who in ca other server viewer; do
        certtool --generate-privkey --key-type ecdsa --outfile $who-key.pem || exit
    done
    for who in ca other; do
        certtool --generate-self-signed --load-privkey $who-key.pem --template ca.cfg --outfile $who-cert.pem || exit
    done
    for who in server viewer; do
        certtool --generate-certificate --load-privkey $who-key.pem --load-ca-certificate ca-cert.pem \
            --load-ca-privkey ca-key.pem --template $who.cfg --outfile $who-cert.pem || exit
    done
)
ok "certificates" certificates 2>/run/pki/log
printf 'vnc_tls_x509_cert_dir = /run/nowhere\n' >/etc/xenqmp/qmp-helper.conf
ok "without certificates nothing is restored" not xl restore /run/hvm1.save.txt
ok "for that reason" grep -q 'cannot have TLS, .*: /run/nowhere/server-cert.pem: No such file' $helper_log
ok "which xl-qmp doctor says, too" shows 'problem  qmp-helper.conf: .*/run/nowhere/server-cert.pem' xl-qmp doctor
wait_for 20 sh -c '! pidof qmp-helper'
printf 'vnc_tls_x509_cert_dir = /run/pki\nvnc_socket_group = root\nvnc_socket_mode = 0666\n' \
    >/etc/xenqmp/qmp-helper.conf
ok "xl restore" xl restore /run/hvm1.save.txt
is "at its port again" 5907 "$(port_of)"
ok "the guest runs on" wait_for 60 shows running xl-qmp exec hvm1 query-status
ok "and is seen" wait_for 60 screenshot fifth
is "at its socket" 666 "$(stat -c %a "/run/xenqmp/vnc-$(domid hvm1)")"
ok "the guest stands still" xl-qmp exec hvm1 stop
ok "a screenshot of that" screenshot still
stranger_goes() { ! tls_viewer /run/pki/other-cert.pem 2>/run/stranger.txt; }
ok "a viewer that does not know who signed it goes away" stranger_goes
ok "for that reason" grep -i 'certificate' /run/stranger.txt
ok "a viewer by TLS" tls_viewer /run/pki/ca-cert.pem
ok "sees the same" sees_the_same tls
if gvnc_has_tls >/dev/null; then
    ok "gtk-vnc's does not know who signed it, either" not gvnc 7 other
    cp /run/pki/ca-cert.pem /etc/pki/CA/cacert.pem
    ok "and then sees the same" gvnc 7 other
    ok "to the last pixel" sees_the_same other
fi
worker_dies
ok "and again when the display worker was killed" wait_for 60 tls_viewer /run/pki/ca-cert.pem
# It does not hang up before it has heard why.
says_hello() { printf 'RFB 003.003\n' | socat STDIO,ignoreeof TCP:127.0.0.1:5907 | tr -d '\000'; }
ok "who has no TLS is refused" shows 'which has no TLS' says_hello
ok "the log names them" grep -q 'a viewer at 127.0.0.1:[0-9]* looks' $helper_log
ok "the sandbox refused nothing" not grep "sandbox refused" $helper_log
ok "xl destroy" xl destroy hvm1
wait_for 20 sh -c '! pidof qmp-helper'
wait

# For those alone whom the CA knows.
printf 'vnc_tls_x509_cert_dir = /run/pki\nvnc_tls_x509_verify = 1\n' >/etc/xenqmp/qmp-helper.conf
ok "xl create, for viewers with certificates" xl create /run/hvm1.cfg
ok "one with" wait_for 60 tls_viewer /run/pki/ca-cert.pem -i /run/pki/viewer
ok "one without" not tls_viewer /run/pki/ca-cert.pem
ok "one whom the CA does not know" not tls_viewer /run/pki/ca-cert.pem -i /run/pki/other
is "the log names both" 2 "$(grep -c 'refused the viewer at .*: TLS: ' $helper_log)"
ok "one with, once more" tls_viewer /run/pki/ca-cert.pem -i /run/pki/viewer
parent=$(xenstore-read "/local/domain/$(domid hvm1-dm)/image/device-model-pid")
ok "qmp-helper is killed" kill -9 "$parent"
ok "one with sees it all the same" wait_for 20 tls_viewer /run/pki/ca-cert.pem -i /run/pki/viewer
ok "the sandbox refused nothing" not grep "sandbox refused" $helper_log
ok "xl destroy" xl destroy hvm1
ok "both workers end with their consoles" wait_for 30 not pidof qmp-helper
# Nobody was left to remove them.
rm -rf /run/xenqmp /run/xen/qmp-*
rm -f /run/serial.out /run/*.txt.ppm /run/*.png /run/hvm1.save.txt /etc/xenqmp/qmp-helper.conf /etc/pki/CA/cacert.pem
rm -rf /run/pki
snapshot after
ok "nothing is left behind" same_snapshots before after
