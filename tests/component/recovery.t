#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# QEMU hangs, dies, or its console goes: what a client is told, and that it
# carries on on the same connection.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Peers;

sub execute {
    my ($client, $id, $command) = @_;
    $command //= 'query-status';
    send_bytes($client, "{\"execute\": \"$command\", \"id\": \"$id\"}\n");
}

sub is_reply {
    my ($client, $id, $name, $part) = @_;
    my $message = reply($client);
    my $found = !$part ? $message->{return}
        : $message->{error} && $message->{error}{desc} =~ /$part/;
    ok($found && $message->{id} eq $id, $name, $json->encode($message));
}

# Not an event: a QEMU that has just been started says RESUME.
sub reply {
    my ($client) = @_;
    my $message;
    do { $message = message($client) } while $message->{event};
    return $message;
}

# Commands, one after the other, until one is executed.
sub works_again {
    my ($client, $name) = @_;
    my ($message, $n);
    my $end = time + $LIMIT_S;
    do {
        execute($client, 'again-' . ++$n);
        $message = reply($client);
    } until $message->{id} ne "again-$n" || $message->{return} ||
        time > $end;
    ok($message->{return}, "$name: it works again", $json->encode($message));
    # Whatever it is: a machine may be busy.
    execute($client, 'after');
    $message = reply($client);
    ok($message->{id} eq 'after', "$name: and no late reply comes",
       $json->encode($message));
}

# With a worker that doesn't wait long for QEMU's replies.
my $qemu   = start_qemu('hung');
my $stack  = start_short_stack($qemu);
my $client = client($stack->{path});
my $other  = client($stack->{path});
step($_, '{"execute": "qmp_capabilities"}') for $client, $other;

kill 'STOP', $qemu->{pid};
# As many as QEMU is given of libxl's at a time.
execute($client, "hung-$_") for 1 .. 7;
is_reply($client, "hung-$_", "QEMU hangs: command $_",
         'has not answered .* may still be executed') for 1 .. 7;
execute($other, 'more');
is_reply($other, 'more', 'QEMU hangs: others are told at once',
         'hangs: .* not sent');
kill 'CONT', $qemu->{pid};
works_again($other, 'QEMU hung');
end($_->{pid}) for $stack, $qemu;

$qemu   = start_qemu('qemu');
$stack  = start_stack($qemu);
$client = client($stack->{path});
step($client, '{"execute": "qmp_capabilities"}');

kill 'STOP', $qemu->{pid};
execute($client, 'in-flight');
wait_in_flight($stack);
print {$stack->{input}} 'd';
is_reply($client, 'in-flight', 'xenconsoled ends: a command in flight',
         'lost; the command may have been executed');
execute($client, 'meanwhile');
is_reply($client, 'meanwhile', 'xenconsoled is away: a command',
         'xenconsoled does not serve .* not sent');
kill 'CONT', $qemu->{pid};
print {$stack->{input}} 's';
works_again($client, 'xenconsoled came back');

kill 'STOP', $qemu->{pid};
execute($client, 'in-flight');
wait_in_flight($stack);
print {$stack->{input}} 'r';
is_reply($client, 'in-flight', 'the stubdomain resumes: a command in flight',
         'lost; the command may have been executed');
kill 'CONT', $qemu->{pid};
works_again($client, 'the stubdomain has a new ring');

print {$stack->{input}} 'c';
works_again($client, 'the console was removed and created again');

# QEMU reads nothing, and what waits for it is all that stubdomd keeps.
kill 'STOP', $qemu->{pid};
my $argument = 'a' x 900_000;
send_bytes($client, qq({"execute": "query-status", "id": "large", ) .
           qq("arguments": {"a": "$argument"}}\n));
wait_filled($stack);
print {$stack->{input}} 'c';
is_reply($client, 'large', 'QEMU reads nothing: the command',
         'lost; the command may have been executed');
my $answer;
for (1 .. 10) {
    execute($client, "unread-$_");
    $answer = reply($client)->{error}{desc} // '';
    last if $answer =~ /QEMU does not greet/;
}
ok($answer =~ /QEMU does not greet/, 'QEMU reads nothing: qmp_reset is read',
   $answer);
kill 'CONT', $qemu->{pid};
works_again($client, 'QEMU reads again');

kill 'STOP', $qemu->{pid};
execute($client, 'in-flight');
wait_in_flight($stack);
end($qemu->{pid});
is_reply($client, 'in-flight', 'QEMU dies: a command in flight',
         'may have executed');
$qemu = start_qemu('qemu');
works_again($client, 'QEMU was started again');

plan();
