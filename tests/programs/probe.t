#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# qmp-helper as libxl, from 4.20 on, starts it before there is a domain: with
# the arguments of a QEMU without a machine, and a listening socket on which
# it asks for that QEMU's options.
use strict;
use warnings;
use Cwd qw(realpath);
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use Test::More tests => 9;

my $helper = realpath("$ENV{XENQMP_BUILD}/bin/qmp-helper");
my $dir = tempdir(CLEANUP => 1);
$^F = 255;                      # it is inherited
my $server = IO::Socket::UNIX->new(Local => "$dir/socket", Listen => 1)
    or die "$dir/socket: $!\n";
my $pid = fork() // die "fork: $!\n";
if (!$pid) {
    open(STDERR, '>', "$dir/log") or die;
    my $fd = fileno($server);
    $SIG{HUP} = 'IGNORE';        # as under nohup
    exec($helper, qw(-S -no-user-config -nodefaults -nographic -machine),
         'none,accel=xen', '-chardev',
         "socket,id=libxl-cmd,fd=$fd,server=on,wait=off",
         '-mon', 'chardev=libxl-cmd,mode=control') or die;
}
close($server);

my $client = IO::Socket::UNIX->new(Peer => "$dir/socket") or die "connect: $!\n";
local $SIG{ALRM} = sub { die "no answer\n" };
alarm(300);
like(scalar <$client>, qr/^\{"QMP": \{"version": .*\}\r\n$/, 'a greeting');
sub ask {
    my ($command, $id) = @_;
    print $client qq({"execute": "$command", "id": $id}\r\n);
    return scalar <$client>;
}
is(ask('qmp_capabilities', 771752), qq({"return": {}, "id": 771752}\r\n), 'negotiation');
is(ask('query-command-line-options', 771753), qq({"return": [], "id": 771753}\r\n),
   'no options are offered');
like(ask('query-block', 1), qr/CommandNotFound/, 'nothing else is known');
ok(-S "$dir/socket", 'the socket stays where libxl made it');
is(ask('quit', 771754), qq({"return": {}, "id": 771754}\r\n), 'quit');
ok(!-e "$dir/socket", 'and goes: libxl leaves it, and who is refused would, too');
# libxl ends it by the pid that it has written down, which so stays its own.
kill('HUP', $pid);
waitpid($pid, 0);
is($? & 127, 1, 'it ends when libxl ends it');
is(-s "$dir/log", 0, 'no complaint');
