# SPDX-License-Identifier: GPL-2.0-or-later
# What a guest costs dom0 and how long its creation takes: the stock set-up
# (QEMU in dom0, vchan proxy) and xenqmp in turn, in one run. Prints
# figures; nothing passes or fails by them. Where no guest of the stock set-up
# starts, it says so and has no ratios to it.

milliseconds() { awk '{ print int($1 * 1000) }' /proc/uptime; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# cost NAME: creates the guest of /run/NAME.cfg; times and memory to files.
cost() {
    local begun
    begun=$(milliseconds)
    xl create "/run/$1.cfg" >/run/create.txt 2>&1 || { cat /run/create.txt; return 1; }
    echo $(($(milliseconds) - begun)) >>"/run/$1.create.txt"
    # The time of one command, xl's own start included.
    for _ in 1 2 3; do
        begun=$(milliseconds)
        xl qemu-monitor-command "$1" "info status" >/dev/null || broken=1
        echo $(($(milliseconds) - begun)) >>"/run/$1.command.txt"
    done
    /tests/qmp_latency "/run/xen/qmp-libxl-$(domid "$1")" 200 >>"/run/$1.latency.txt" || broken=1
    memory_of $(pidof qmp-helper xen-qemu-system-i386 vchan-socket-proxy) >>"/run/$1.memory.txt"
    xl destroy "$1"
    wait_for 20 sh -c '! pidof qmp-helper xen-qemu-system-i386 vchan-socket-proxy'
}

broken=0 names='stock ours'
guest_cfg stock "$stock" >/run/stock.cfg
guest_cfg ours "$helper" >/run/ours.cfg
# The first of each is not counted.
for turn in 0 1 2 3; do
    for name in $names; do
        cost $name >/run/cost.txt && continue
        sed "s/^/# $name: /" /run/cost.txt
        # Its QEMU in dom0, if that is what failed.
        sed "s/^/# $name: /" /var/log/xen/qemu-dm-$name-dm.log | tail -n 3
        case $name:$turn in stock:0) names=ours ;; *) broken=1 ;; esac
    done
    [ $turn != 0 ] || rm -f /run/*.create.txt /run/*.command.txt /run/*.memory.txt /run/*.latency.txt
done
is "every guest was created and answered" 0 $broken
for name in $names; do
    echo "# $name: xl create $(median </run/$name.create.txt) ms," \
        "xl qemu-monitor-command $(median </run/$name.command.txt) ms," \
        "dom0 memory $(cut -d' ' -f1 /run/$name.memory.txt | median) kB PSS," \
        "$(cut -d' ' -f2 /run/$name.memory.txt | median) kB private dirty (medians of 3, 9, 3, 3)"
done
# latency NAME WHAT PERCENTILE
latency() { awk -v w="$2" -v f=$(($3 == 50 ? 2 : 3)) '$1 == w { print $f }' "/run/$1.latency.txt" | median; }
for what in command connection megabyte; do
    for p in 50 99; do
        for name in $names; do
            echo "# $name: QMP, a $what, p$p: $(latency $name $what $p) us"
        done
    done
done
case $names in
*stock*)
    for what in create command; do
        echo "xl $what|$(median </run/ours.$what.txt)|$(median </run/stock.$what.txt)"
    done
    for what in command connection megabyte; do
        for p in 50 99; do
            echo "QMP, a $what, p$p|$(latency ours $what $p)|$(latency stock $what $p)"
        done
    done
    echo "dom0 memory|$(cut -d' ' -f1 /run/ours.memory.txt | median)|$(cut -d' ' -f1 /run/stock.memory.txt | median)"
    ;;
esac | awk -F'|' '
    $2 == "" || $3 + 0 == 0 { printf "# %s: no ratio, a figure is missing\n", $1; next }
    { printf "# %s: xenqmp / stock = %.2f\n", $1, $2 / $3 }'

# What stock cannot do: many clients at once, the answers checked.
xl create /run/ours.cfg >/dev/null 2>&1
for n in 1 8 64; do
    set -- $(/tests/qmp_latency "/run/xen/qmp-libxl-$(domid ours)" $((10 + n / 2)) $n)
    echo "# QMP, $2 clients: $3 commands/s, max/min per client $4"
done
echo "# qmp-helper after that: $(memory_of $(pidof qmp-helper) | sed 's/ / kB PSS, /') kB private dirty"
xl destroy ours
