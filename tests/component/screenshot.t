#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What xl-qmp screenshot runs, and displays that mean it badly: this is the
# other end of its connection.
use strict;
use warnings;
use Fcntl;
use IO::Handle;
use POSIX ();
use Socket;
use Test::More;

my $program = "$ENV{XENQMP_BUILD}/bin/screenshot";
my ($display, $pid, $in, $out, $err);
local $SIG{PIPE} = 'IGNORE';

# Connected, by a descriptor 3.
sub begin {
    my ($format, $seconds, $password) = @_;
    my ($end, @pipes);

    socketpair($display, $end, AF_UNIX, SOCK_STREAM, 0) or die "socketpair: $!\n";
    for my $i (0 .. 2) {
        pipe(my $r, my $w) or die "pipe: $!\n";
        $pipes[$i] = [$r, $w];
    }
    $pid = fork;
    if (!$pid) {
        POSIX::dup2(fileno($pipes[0][0]), 0);
        POSIX::dup2(fileno($pipes[1][1]), 1);
        POSIX::dup2(fileno($pipes[2][1]), 2);
        POSIX::dup2(fileno($end), 100);
        POSIX::dup2(100, 3);
        POSIX::close($_) for 4 .. 1023;
        exec $program, $format, $seconds or POSIX::_exit(127);
    }
    ($in, $out, $err) = ($pipes[0][1], $pipes[1][0], $pipes[2][0]);
    close $_ for $pipes[0][0], $pipes[1][1], $pipes[2][1], $end;
    print $in ($password // ''), "\n";
    close $in;
}

sub tell_it { my $n = syswrite($display, $_[0]); return $n }

sub hear {
    my ($n) = @_;
    my $r = '';
    while (length $r < $n) {
        my $got = sysread($display, $r, $n - length $r, length $r);
        return $r if !$got;
    }
    return $r;
}

sub slurp { open my $file, '<', $_[0] or die "$_[0]: $!\n"; return <$file> }

# (status, what it wrote, what it complained of)
sub end {
    my $picture = do { local $/; binmode $out; <$out> };
    my $line = do { local $/; <$err> };
    waitpid $pid, 0;
    close $display;
    return ($? & 127 ? 'signal ' . ($? & 127) : $? >> 8, $picture // '', $line // '');
}

# As far as ServerInit, for a screen of that size; 32 bits a pixel.
sub greet {
    my ($w, $h) = @_;
    tell_it("RFB 003.008\n");
    hear(12);
    tell_it("\1\1");
    hear(1);
    tell_it("\0\0\0\0");
    hear(1);
    tell_it(pack('nnCCCCnnnCCCxxxNa*', $w, $h, 32, 24, 0, 1, 255, 255, 255, 0, 8, 16, 4, 'test'));
}

# Until it asks for the screen: its messages have lengths of their own.
sub asked {
    for (;;) {
        my $byte = hear(1);
        return 0 if $byte eq '';
        my $type = ord($byte);
        if ($type == 0) { hear(19) }
        elsif ($type == 2) { my (undef, $n) = unpack('Cn', hear(3)); hear(4 * $n) }
        elsif ($type == 3) { hear(9); return 1 }
        else { return 0 }
    }
}

sub update { my ($x, $y, $w, $h, $pixels) = @_; return pack('CxnnnnnN', 0, 1, $x, $y, $w, $h, 0) . $pixels }

begin('ppm', 10);
greet(2, 1);
ok asked(), 'it asks for the screen';
tell_it(update(0, 0, 2, 1, pack('V2', 0x030201, 0xfffefd)));
my ($status, $picture, $line) = end();
is $status, 0, 'a picture';
is $picture, "P6\n2 1\n255\n\1\2\3\xfd\xfe\xff", 'has the pixels';
is $line, '', 'and no line';

begin('png', 10);
greet(2, 1);
asked();
tell_it(join '', map { update($_, 0, 1, 1, pack('V', $_)) } 0 .. 1);
($status, $picture, $line) = end();
is "$status $line", '0 ', 'in two updates';
like $picture, qr/^\x89PNG\r\n/, 'as PNG';

begin('ppm', 1);
greet(2, 2);
asked();
tell_it(update(0, 0, 2, 1, pack('V2', 1, 2)));
($status, $picture, $line) = end();
is $status, 1, 'half a screen';
is $picture, '', 'is no picture';
like $line, qr/shows nothing in time\n\z/, 'but a line';

# Its parent would end it.
begin('ppm', 1);
greet(2, 2);
asked();
tell_it(substr(update(0, 0, 2, 2, 'x' x 16), 0, 20));
my %is = map { /^(\w+):\s*(\S+)/ ? ($1 => $2) : () } slurp("/proc/$pid/status");
is "$is{Seccomp} $is{NoNewPrivs}", '2 1', 'while it waits, it may call little';
is join(' ', sort map { s,.*/,,r } glob "/proc/$pid/fd/*"), '0 1 2 3', 'has what it was given';
is((grep { /^Max processes/ && /\b0\s+0\b/ } slurp("/proc/$pid/limits")), 1, 'starts no process');
SKIP: {
    skip 'it gives up what is root\'s', 3 if $>;
    is $is{Uid}, 65534, 'is nobody';
    is hex $is{CapEff}, 0, 'has no capability';
    isnt readlink("/proc/$pid/ns/net"), readlink('/proc/self/ns/net'), 'and no network';
}
close $display;
($status, $picture, $line) = end();
is "$status $picture", '1 ', 'half a message';
like $line, qr/can't be seen.*\n\z/, 'is no picture';

for my $size ([65535, 65535], [0, 0], [65535, 1025]) {
    begin('ppm', 5);
    greet(@$size);
    ($status, $picture, $line) = end();
    is "$status $picture", '1 ', "a screen of $size->[0] x $size->[1]";
    like $line, qr/a screen of $size->[0] x $size->[1]\n\z/, 'is refused';
}

# A pixel beyond the screen that it was told of.
begin('ppm', 5);
greet(2, 2);
asked();
tell_it(update(0, 0, 4000, 4000, 'x' x 4000));
($status, $picture, $line) = end();
is "$status $picture $line", '3  ', 'more than the screen: another connection is asked for';

begin('ppm', 5);
tell_it("GET / HTTP/1.1\r\n");
($status, $picture, $line) = end();
is "$status $picture", '1 ', 'no RFB';
like $line, qr/^xl-qmp: screenshot: no display there/, 'is told';

begin('ppm', 5);
close $display;
($status, $picture, $line) = end();
is "$status $picture", '1 ', 'nobody there';
like $line, qr/^xl-qmp: screenshot: no display there.*\n\z/, 'is told in a line';

# Bytes of anything, from each step on.
srand 5;
my @bad;
for my $step (0 .. 39) {
    begin('png', 1);
    my $bytes = join '', map { chr rand 256 } 1 .. 3000;
    if ($step % 2) {
        greet(64, 64);
        asked();
    } else {
        tell_it("RFB 003.008\n\1\1\0\0\0\0");
    }
    # The kinds of messages that there are, as often as not.
    substr($bytes, 0, 1) = chr($step % 5);
    tell_it($bytes);
    shutdown($display, 1);
    ($status, $picture, $line) = end();
    push @bad, "step $step: $status" if $status !~ /^[013]$/;
}
is_deeply \@bad, [], 'bytes at random end no process by a signal';

done_testing();
