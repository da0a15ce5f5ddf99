# SPDX-License-Identifier: GPL-2.0-or-later
#
# What run, before and after begin with, in dom0 of a whole Debian: the words of
# dom0.sh, and what they need there. $scenario_name is set.

export LC_ALL=C DEBIAN_FRONTEND=noninteractive HOME=/root SYSTEMD_COLORS=0
usleep() { busybox usleep "$1"; }
stty -F /dev/ttyS1 raw -echo
. /tests/dom0.sh
beat

unit=xenqmp-xenconsoled.service

install_packages() {
    apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@"
}
is_ours() {
    readlink "/proc/$(systemctl show -P MainPID $unit)/exe"
    [ "$(readlink "/proc/$(systemctl show -P MainPID $unit)/exe")" = /usr/libexec/xenqmp/xenconsoled ]
}
# finish() looks for what was logged in the file of a syslog.
finish_host() {
    journalctl -b --no-pager >/var/log/messages
    finish
}
