# SPDX-License-Identifier: GPL-2.0-or-later
# What a viewer has to wait for, beside a QEMU in dom0, and what a display
# costs. Prints figures; nothing passes or fails by them.

broken=0
port_of() { xenstore-read "/local/domain/$(domid "$1")/console/vnc-port"; }
# look NAME WHAT COUNT: p50 and p99, in microseconds.
look() {
    /tests/viewer 127.0.0.1 "$(port_of "$1")" "$2:$3" 2>/run/viewer.txt | head -n 1 >"/run/$1.$2.txt"
    [ -s "/run/$1.$2.txt" ] || {
        echo "# $1, $2: $(tail -n 1 /run/viewer.txt)"
        broken=1
    }
}
resized() { shows '1024 x 768' /tests/viewer 127.0.0.1 "$(port_of "$1")" ''; }
ratio() { # WHAT FIELD OURS STOCK
    awk -v f="$2" "FNR == 1 { v[NR] = \$f } END { printf \"%.2f\", v[1] / (v[2] + !v[2]) }" "/run/$3.$1.txt" "/run/$4.$1.txt"
}
worker() {
    local p
    for p in $(pidof qmp-helper); do
        [ "$(stat -c %u "/proc/$p")" != $((0x78650000 + $(domid ours))) ] || echo "$p"
    done
}

with='s/^vnc = 0/vnc = 1/; s,/echo.img,/keys.img,'
guest_cfg ours "$helper" 'vga = "stdvga"' | sed "$with" >/run/ours.cfg
guest_cfg stock 'vga = "stdvga"' | sed -e "$with" -e '/stubdom/d' -e 's,file=/keys.img,file=/tests/keys.img,' \
    >/run/stock.cfg
for name in stock ours; do
    xl create /run/$name.cfg >/dev/null 2>&1 || broken=1
    wait_for 60 sh -c "xl domid $name"
done
wait_for 60 shows running xl-qmp exec ours query-status
echo "# display worker, idle: $(memory_of $(worker) | sed 's/ / kB PSS, /') kB private dirty"
# Once more before it counts.
for n in 3 100; do
    for name in stock ours; do look $name key $n; done
done
for name in stock ours; do
    /tests/viewer 127.0.0.1 "$(port_of $name)" = >/dev/null
    wait_for 60 resized $name || broken=1
done
for n in 3 30; do
    for name in stock ours; do look $name full $n; done
done
for what in key full; do
    echo "# $what: xenqmp $(cat /run/ours.$what.txt) us, QEMU in dom0 $(cat /run/stock.$what.txt) us (p50, p99);" \
        "xenqmp / stock = $(ratio $what 1 ours stock), $(ratio $what 2 ours stock)"
done
# latency NAME WHEN: of a QMP command, p50 and p99.
latency() {
    /tests/qmp_latency "/run/xen/qmp-libxl-$(domid "$1")" 200 |
        awk '$1 == "command" { print $2, $3 }' >"/run/$1-$2.qmp.txt"
}
# As many look at NAME.
look_at() { [ "$(netstat -tn | awk -v p=":$(port_of "$1")\$" '$5 ~ p && $6 == "ESTABLISHED"' | wc -l)" = "$2" ]; }
pull() { /tests/viewer 127.0.0.1 "$(port_of "$1")" full:10000 >/dev/null 2>&1; }
for name in stock ours; do
    latency $name idle
    pull $name &
    wait_for 60 look_at $name 1 || broken=1
    latency $name pulled
    pull $name &
    wait_for 60 look_at $name 2 || broken=1
    [ $name = stock ] ||
        echo "# display worker, two viewers: $(memory_of $(worker) | sed 's/ / kB PSS, /') kB private dirty"
    kill $(pidof viewer)
    wait
    echo "# QMP's latency, $name: idle $(cat /run/$name-idle.qmp.txt) us, beside a viewer at full speed" \
        "$(cat /run/$name-pulled.qmp.txt) us (p50, p99);" \
        "ratio $(ratio qmp 1 $name-pulled $name-idle), $(ratio qmp 2 $name-pulled $name-idle)"
done
is "every guest was created and shown" 0 $broken
xl destroy ours
xl destroy stock
