#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A CD is changed as libxl of Xen 4.20 and later does it, and devices are
# added and removed: a QEMU behind stubdomd, console 3 and qmp-helper's
# worker. The stubdomain's kernel, that is /sys/block and its uevents, is
# played here.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use IO::Socket::UNIX;
use Peers;
use Socket qw(SOCK_DGRAM);

my $DEVID = 5632;               # hdc
my $DISK_SIZE = 1 << 16;

mkdir "$dir/$_" or die "$dir/$_: $!\n" for qw(block dev);

sub uevent {
    my ($action, $path) = @_;
    my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM,
                                       Peer => "$dir/uevents")
        or die "uevents: $!\n";
    syswrite($socket, "$action\@$path\0ACTION=$action\0DEVPATH=$path\0" .
             "SUBSYSTEM=block\0DEVTYPE=disk\0") or die "uevents: $!\n";
}

# What the kernel does: the node, sysfs, the event.
sub appear {
    my ($name, $devid, $content) = @_;
    open(my $node, '>', "$dir/dev/$name") or die "$name: $!\n";
    print $node $content x $DISK_SIZE;
    close $node or die "$name: $!\n";
    symlink "../devices/vbd-$devid/block/$name", "$dir/block/$name"
        or die "$name: $!\n";
}
sub plug_in {
    my ($name, $devid, $content) = @_;
    appear($name, $devid, $content);
    uevent('add', "/devices/vbd-$devid/block/$name");
}
sub disappear {
    my ($name) = @_;
    unlink "$dir/block/$name", "$dir/dev/$name";
}
sub unplug {
    my ($name, $devid) = @_;
    disappear($name);
    uevent('remove', "/devices/vbd-$devid/block/$name");
}

my $qemu = start_qemu('qemu', qw(-M pc -accel tcg -m 16 -device),
                      'piix3-usb-uhci,id=usb', '-drive',
                      "if=none,readonly=on,id=ide-$DEVID", '-device',
                      "ide-cd,id=ide-$DEVID,drive=ide-$DEVID");
appear('xvda', 51712, 'A');     # before QEMU was there
my $stack = start_stack($qemu);
my $client = client($stack->{path});
ask($client, 'qmp_capabilities');

# The sets with that opaque, as libxl looks for one: { id, descriptors }.
sub fdsets {
    my ($devid) = @_;
    my $reply = ask($client, 'query-fdsets');
    my @found;
    for my $set (@{$reply->{return}}) {
        my @fds = grep { ($_->{opaque} // '') eq "stub-devid:$devid" }
            @{$set->{fds}};
        push @found, { id => $set->{'fdset-id'}, fds => scalar @fds } if @fds;
    }
    return @found;
}

# libxl asks again and again; a limit, in questions.
sub wait_fdset {
    my ($devid, $there) = @_;
    my @found;
    for (1 .. 20000) {
        @found = fdsets($devid);
        return $found[0] // {} if @found == $there;
    }
    die "there are ", scalar @found, " fdsets of disk $devid\n";
}

sub is_return {
    my ($reply, $name) = @_;
    ok($reply->{return}, $name, $json->encode($reply));
    return $reply;
}

# Has QEMU copy the medium.
sub medium_is {
    my ($content, $name) = @_;
    my $copy = "$dir/copy";
    my $reply = ask($client, 'drive-backup', {
        device => "ide-$DEVID", target => $copy, sync => 'full',
        format => 'raw', 'job-id' => 'copy',
    });
    if ($reply->{return}) {
        $reply = event($client, 'BLOCK_JOB_COMPLETED');
        open(my $file, '<', $copy) or die "$copy: $!\n";
        local $/;
        ok(<$file> eq $content x $DISK_SIZE, $name, $json->encode($reply));
        unlink $copy;
    } else {
        ok(0, $name, $json->encode($reply));
    }
}

sub change_medium {
    my ($set, $format) = @_;
    return ask($client, 'blockdev-change-medium', {
        id => "ide-$DEVID", filename => "/dev/fdset/$set->{id}",
        format => $format,
    });
}

# As libxl: the old medium leaves QEMU, its disk the stubdomain.
sub eject {
    is_return(ask($client, 'eject', { id => "ide-$DEVID",
                                          force => $json->true }),
              'the medium is ejected');
    my ($set) = fdsets($DEVID);
    return unless $set;
    is_return(ask($client, 'remove-fd', { 'fdset-id' => $set->{id} }),
              'and its fdset removed');
}

is_return({ return => wait_fdset(51712, 1) },
          'a disk that is there from the start has an fdset');
ok(!fdsets($DEVID), 'the drive is empty');

plug_in('xvdc', $DEVID, 'B');
is_return(change_medium(wait_fdset($DEVID, 1), 'raw'),
          'a disk that was plugged in becomes the medium');
medium_is('B', 'the drive has its content');

eject();
ok(!fdsets($DEVID), 'no fdset is left');
unplug('xvdc', $DEVID);
plug_in('xvdc', $DEVID, 'C');
is_return(change_medium(wait_fdset($DEVID, 1), 'raw'), 'it is changed');
medium_is('C', 'the drive has the new content');

# Unplugged and plugged in before stubdomd looks.
eject();
disappear('xvdc');
appear('xvdc', $DEVID, 'D');
uevent($_, "/devices/vbd-$DEVID/block/xvdc") for qw(remove add);
is_return(change_medium(wait_fdset($DEVID, 1), 'raw'),
          'it is changed in one go');
medium_is('D', 'the drive has the newest content');

# What is not removed by libxl.
unplug('xvdc', $DEVID);
wait_fdset($DEVID, 0);
ok(1, 'the fdset of an unplugged disk is removed');
uevent('add', "/devices/vbd-$DEVID/block/xvdc/xvdc1");
plug_in('xvdd', 51760, 'E');    # once it has one, the partition's turn is over
wait_fdset(51760, 1);
ok(!fdsets($DEVID), 'a partition has none');
ok(fdsets(51712) == 1, 'the other disk has kept its own');

# As libxl writes it, with a device that need not be a disk for QEMU.
eject();
disappear('xvdc');
symlink '/dev/null', "$dir/dev/xvdc" or die "xvdc: $!\n";
symlink "../devices/vbd-$DEVID/block/xvdc", "$dir/block/xvdc"
    or die "xvdc: $!\n";
uevent('add', "/devices/vbd-$DEVID/block/xvdc");
is_return(change_medium(wait_fdset($DEVID, 1), 'host_device'),
          'the format that libxl names is taken');

# --- Devices -----------------------------------------------------------------

is_return(ask($client, 'device_add', {
    driver => 'usb-tablet', id => 'tablet', bus => 'usb.0',
}), 'device_add: a USB device');
is_return(ask($client, 'device_del', { id => 'tablet' }),
          'device_del: the USB device');
ok(event($client, 'DEVICE_DELETED')->{data}{device} eq 'tablet',
   'DEVICE_DELETED arrives');

# The guest has to agree, or is reset.
is_return(ask($client, 'device_add', { driver => 'pci-testdev',
                                           id => 'card', addr => '10' }),
          'device_add: a PCI device');
is_return(ask($client, 'device_del', { id => 'card' }),
          'device_del: the PCI device');
my $reply = ask($client, 'query-pci');
ok($json->encode($reply) =~ /"card"/, 'it is there until the guest agrees');
is_return(ask($client, 'system_reset'), 'the guest is reset');
my $event = event($client, 'DEVICE_DELETED');
$event = event($client, 'DEVICE_DELETED') unless $event->{data}{device};
ok($event->{data}{device} eq 'card', 'DEVICE_DELETED arrives for it');

plan();
