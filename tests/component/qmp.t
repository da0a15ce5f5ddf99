#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Peers that nobody here wrote. The script of conformance/qmp.pl is sent to
# QEMU's own socket and to QEMU behind stubdomd's relay and qmp-helper's
# worker (qmp_stack.c). The transcripts are the same but for %DIFFERENCES,
# each with the sentence of the specification that allows it; one that is
# listed and does not occur is a failure too.
#
# After each step a command with an id of its own is sent: what comes before
# its reply belongs to the step, so nothing here waits for a time.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use JSON::PP;

my $build = $ENV{XENQMP_BUILD} or die "XENQMP_BUILD is not set\n";
our (%DIFFERENCES, @NEGOTIATION, @COMMANDS);
require(dirname(abs_path($0)) . '/../conformance/qmp.pl');

my $json = JSON::PP->new->canonical->allow_nonref->allow_bignum;
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { die "a step took longer than its limit\n" };
my $LIMIT_S = 60;

# --- Peers -------------------------------------------------------------------

my $dir = tempdir('qmp-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0711, $dir or die "$dir: $!\n";
my @children;

sub start {
    my (@command) = @_;
    pipe(my $theirs, my $input) or die "pipe: $!\n";
    pipe(my $output, my $out) or die "pipe: $!\n";
    my $pid = fork() // die "fork: $!\n";
    if (!$pid) {
        open(STDIN, '<&', $theirs) && open(STDOUT, '>&', $out) or exit 127;
        close $_ for $theirs, $input, $output, $out;
        exec @command or exit 127;
    }
    push @children, $pid;
    return ($pid, $input, $output);
}

END {
    local $?;
    kill 'KILL', @children;
    waitpid $_, 0 for @children;
}

# QEMU says so on the monitor of a third socket when it is up: the sockets
# listen before it.
sub start_qemu {
    my ($name) = @_;
    my @monitors = map {
        ('-chardev', "socket,id=m$_,path=$dir/$name-$_,server=on,wait=off",
         '-mon', "chardev=m$_,mode=control")
    } 1, 2;
    my ($pid, undef, $output) =
        start('qemu-system-x86_64', qw(-M none -nodefaults -display none),
              '-chardev', 'stdio,id=up', '-mon', 'chardev=up,mode=control',
              @monitors);
    (<$output> // '') =~ /^\{"QMP"/ or die "QEMU did not start\n";
    return map { "$dir/$name-$_" } 1, 2;
}

sub start_stack {
    my ($monitor) = @_;
    my (undef, $input, $output) =
        start("$build/tests/component/qmp_stack", $dir, $monitor);
    (<$output> // '') eq "ready\n" or die "qmp_stack did not start\n";
    # Its end of the pipe stays open as long as this runs.
    our @inputs;
    push @inputs, $input;
    return ("$dir/qmp", "$dir/qmp");
}

sub client {
    my ($path) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $path) or die "$path: $!\n";
    return connected($socket, $socket);
}

# Somebody at a terminal, who uses socat.
sub socat {
    my ($path) = @_;
    my (undef, $input, $output) = start('socat', '-', "UNIX-CONNECT:$path");
    return connected($input, $output);
}

sub connected {
    my ($input, $output) = @_;
    my $client = { input => $input, output => $output, syncs => 0 };
    $client->{greeting} = message($client);
    return $client;
}

# One message, as the specification has it: a json-object in ASCII and CRLF.
sub message {
    my ($client) = @_;
    alarm $LIMIT_S;
    my $line = readline($client->{output}) // die "the server hung up\n";
    alarm 0;
    $line =~ s/\r\n\z// or die "no CRLF: $line\n";
    my $message = $json->decode($line);
    ref $message eq 'HASH' or die "no json-object: $line\n";
    if ($message->{event}) {
        my $time = $message->{timestamp};
        join(' ', sort keys %$time) eq 'microseconds seconds'
            or die "no timestamp: $line\n";
        $message->{timestamp} = '*';
    }
    return $message;
}

sub send_bytes {
    my ($client, $bytes) = @_;
    my $piece = $bytes =~ s/^<BYTES>// ? 1 : 65536;
    alarm $LIMIT_S;
    for (my $at = 0; $at < length $bytes; $at += $piece) {
        my $part = substr($bytes, $at, $piece);
        while (length $part) {
            my $n = syswrite($client->{input}, $part);
            defined $n or die "cannot send: $!\n";
            substr($part, 0, $n) = '';
        }
    }
    alarm 0;
}

# What comes of the bytes.
sub step {
    my ($client, $bytes) = @_;
    my $sync = '__sync' . ++$client->{syncs};
    my @messages;
    send_bytes($client, $bytes);
    send_bytes($client, "\n{\"execute\": \"query-name\", \"id\": \"$sync\"}\n");
    for (;;) {
        my $message = message($client);
        my $id = $message->{id};
        return \@messages if defined $id && !ref $id && $id eq $sync;
        push @messages, $message;
    }
}

# --- Comparison --------------------------------------------------------------

my $tests = 0;
my $failed = 0;
my %occurred;

sub ok {
    my ($ok, $name, @why) = @_;
    printf "%sok %d - %s\n", $ok ? '' : 'not ', ++$tests, $name;
    print map { "# $_\n" } @why unless $ok;
    $failed++ unless $ok;
}

sub text {
    my ($messages, $difference) = @_;
    my @copies = @{$json->decode($json->encode($messages))};
    if ($difference) {
        $difference->{apply}->($_) for @copies;
        @copies = $copies[0] if $difference->{count};
    }
    return join "\n", map { substr($json->encode($_), 0, 2000) } @copies;
}

sub compare {
    my ($what, $direct, $through, $name) = @_;
    my $same = text($direct) eq text($through);
    my $difference = $name ? $DIFFERENCES{$name} : undef;
    $occurred{$name}++ if $name && !$same;
    $same = text($direct, $difference) eq text($through, $difference)
        if $difference;
    ok($same && @$direct > 0, $what, split /\n/,
       "QEMU:\n" . text($direct) . "\nthrough qmp-helper:\n" .
       text($through));
}

sub name_of {
    my ($step) = @_;
    (my $name = "$step->[0]: $step->[1]") =~ s/[^ -~]|#/./g;
    return $name;
}

my ($direct_1, $direct_2) = start_qemu('direct');
my ($through_1, $through_2) = start_stack((start_qemu('behind'))[0]);

my @first  = map { client($_) } $direct_1, $through_1;
my @second = map { socat($_) } $direct_2, $through_2;
compare('Server Greeting', map { [ $_->{greeting} ] } @first);

for my $step (@NEGOTIATION, @COMMANDS) {
    compare(name_of($step), (map { step($_, $step->[2]) } @first),
            $step->[3]);
}

# "Asynchronous messages are not delivered either." This one has been
# connected all the while.
compare('Capabilities Negotiation: no events before it',
        map { step($_, "{'execute': 'query-version'}") } @second);
compare('Capabilities Negotiation: nothing enabled',
        map { step($_, "{'execute': 'qmp_capabilities'}") } @second);
compare('Out-of-band execution: not enabled',
        map { step($_, "{'exec-oob': 'migrate-pause', 'id': 1}") } @second);
compare('Asynchronous events: of what another client does',
        map { step($_, "{'execute': 'stop'}") } @second);

ok($occurred{$_}, "the difference \"$_\" is one",
   'allowed by: ' . $DIFFERENCES{$_}{sentence})
    for sort keys %DIFFERENCES;
print "1..$tests\n";
exit($failed ? 1 : 0);
