#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# QEMU's device state, of many sizes, from a simulated QEMU to libxl's file,
# by stubdomd, console 1, xenconsoled and qmp-helper's worker; and back by
# console 2. libxl reads the file as soon as it has the reply.
use strict;
use warnings;
use Digest::SHA;
use FindBin;
use lib $FindBin::Bin;
use Peers;

my @SIZES = (0, 1, 4095, 4096, 4097, 1 << 20, 64 << 20);
my $saved = "$dir/saved/state";

sub digest_of {
    my ($path) = @_;
    return -e $path ? Digest::SHA->new(256)->addfile($path, 'b')->hexdigest
        : "no file $path";
}

sub is_same {
    my ($is, $ought, $name) = @_;
    ok($is eq $ought, $name, "it is $is, not $ought");
}

sub save {
    my ($client, $size) = @_;
    ask($client, 'simulate-state', { size => $size });
    return ask($client, 'xen-save-devices-state',
               { filename => '/dev/fdset/1', live => $json->true });
}

# Until a part of it has left, which is all for now.
sub begin_save {
    my ($client, $stack) = @_;
    ask($client, 'simulate-state', { size => 1 << 20 });
    wait_copying($stack, sub {
        send_bytes($client,
                   qq({"execute": "xen-save-devices-state", "id": 1}\n));
    });
}

# Once there is something to cut.
sub cut {
    my ($path) = @_;
    my $end = time + $LIMIT_S;
    select(undef, undef, undef, 0.01) until -s $path || time > $end;
    truncate($path, 0) or die "$path: $!\n";
}

# A save of the guest that runs.
sub saves_again {
    my ($client, $name) = @_;
    my ($reply, $end) = (undef, time + $LIMIT_S);
    do { $reply = save($client, 5000) } until $reply->{return} || time > $end;
    ok($reply->{return}, "$name: the next one succeeds",
       $json->encode($reply));
    # The last of them: what was ended has one as well.
    my ($written) = grep { $_->{event} eq 'SIMULATED_STATE' }
        reverse splice @{$client->{events}};
    is_same(digest_of($saved), $written->{data}{digest},
            "$name: and is what QEMU wrote");
}

# Of what QEMU has written, or read.
sub digest_at_qemu {
    my ($client) = @_;
    return event($client, 'SIMULATED_STATE')->{data}{digest};
}

# A guest that is saved again and again: never behind, never before.
my $qemu   = start_simulated_qemu('qemu');
my $stack  = start_stack($qemu);
my $client = client($stack->{path});
ask($client, 'qmp_capabilities');
for my $size (@SIZES, 1) {
    my $reply = save($client, $size);
    my $digest = digest_of($saved);
    ok($reply->{return}, "a state of $size bytes is saved",
       $json->encode($reply));
    is_same($digest, digest_at_qemu($client), 'and is what QEMU wrote');
}

# 64 KiB are free for it.
print {$stack->{input}} 'f';
for my $what ('fails, and says why', 'fails again') {
    my $reply = save($client, 100_000);
    ok(($reply->{error}{desc} // '') =~ /No space left on device/,
       "a save onto a full disk $what", $json->encode($reply));
    ok(ask($client, 'cont')->{return}, 'the guest runs on');
    digest_at_qemu($client);
}
print {$stack->{input}} 'e';
my $reply = save($client, 100_000);
ok($reply->{return}, 'with room it is saved', $json->encode($reply));
is_same(digest_of($saved), digest_at_qemu($client), 'and is what QEMU wrote');

# What has come is not what QEMU wrote: it is longer, or no longer there.
for my $what ('a byte of somebody else', 'a file that was cut') {
    begin_save($client, $stack);
    cut($saved) unless $what =~ /byte/;
    print {$stack->{input}} $what =~ /byte/ ? 'x' : 'g';
    my $message;
    do { $message = message($client) } while $message->{event};
    ok(($message->{error}{desc} // '') =~
       /1048577 bytes came of the 1048576|changed by somebody else/,
       "a save with $what fails, and says why", $json->encode($message));
    ok(ask($client, 'cont')->{return}, 'the guest runs on');
    saves_again($client, "after $what");
}

# A save ends with its session, and nothing of it is in the next.
for my $n (1 .. 5) {
    begin_save($client, $stack);
    print {$stack->{input}} 'c';
    my $message;
    do { $message = message($client) } while $message->{event};
    ok(($message->{error}{desc} // '') =~ /may have been executed/,
       "save $n: fails with its session", $json->encode($message));
    saves_again($client, "save $n");
}

# Another client's, out-of-band, as QMP lets it be asked.
my $other = client($stack->{path});
ask($other, 'qmp_capabilities', { enable => ['oob'] });
for my $n (1 .. 5) {
    begin_save($client, $stack);
    send_bytes($other, qq({"exec-oob": "xen-save-devices-state", "id": 2}\n));
    my $message;
    do { $message = message($other) } while $message->{event};
    ok($message->{error}, "save $n: another one beside it is refused",
       $json->encode($message));
    print {$stack->{input}} 'g';
    my $digest;
    do {
        $message = message($client);
        $digest = $message->{data}{digest}
            if ($message->{event} // '') eq 'SIMULATED_STATE';
    } while $message->{event};
    ok($message->{return}, "save $n: succeeds", $json->encode($message));
    is_same(digest_of($saved), $digest, "save $n: and is what QEMU wrote");
}
end($_->{pid}) for $stack, $qemu;

# Each in a stubdomain of its own, and saved again by the restored guest.
for my $size (@SIZES) {
    my $file = "$dir/to-restore";
    $qemu = start_simulated_qemu("qemu-$size");
    # Made by another QEMU; no byte means anything to a terminal.
    my $state = "\0\3\4\r\n\x11\x13\x7f\xff" x ($size / 9 + 1);
    open(my $out, '>', $file) or die "$file: $!\n";
    print $out substr($state, 0, $size);
    close $out or die "$file: $!\n";
    $stack  = start_stack($qemu, $file);
    $client = client($stack->{path});
    ask($client, 'qmp_capabilities');
    ask($client, 'simulate-incoming', { path => $stack->{incoming},
                                        size => $size });
    print {$stack->{input}} 'i';
    is_same(digest_at_qemu($client), digest_of($file),
            "a state of $size bytes is restored");
    save($client, 5000);
    is_same(digest_of($saved), digest_at_qemu($client),
            'and the guest saved again');
    end($_->{pid}) for $stack, $qemu;
}

plan();
