# SPDX-License-Identifier: GPL-2.0-or-later
#
# QEMU, what lies before it (qmp_stack.c), and clients, for the tests here.
# Nothing waits longer than its limit; nothing outlives the test.
package Peers;
use strict;
use warnings;
use Exporter qw(import);
use File::Temp qw(tempdir);
use IO::Handle;
use IO::Socket::UNIX;
use JSON::PP;

our @EXPORT = qw(start_qemu start_stack wait_in_flight end client socat
                 message send_bytes step ask ok plan $dir $json);
our $json = JSON::PP->new->canonical->allow_nonref->allow_bignum;

my $build = $ENV{XENQMP_BUILD} or die "XENQMP_BUILD is not set\n";
my $LIMIT_S = 60;
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { die "a step took longer than its limit\n" };

our $dir = tempdir('qmp-XXXXXX', TMPDIR => 1, CLEANUP => 1);
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

# { pid, paths of its monitors }. QEMU greets at its standard output when it
# is up; the sockets listen before. Without arguments it has no machine.
sub start_qemu {
    my ($name, @arguments) = @_;
    @arguments = qw(-M none) unless @arguments;
    my @monitors = map {
        ('-chardev', "socket,id=m$_,path=$dir/$name-$_,server=on,wait=off",
         '-mon', "chardev=m$_,mode=control")
    } 1, 2;
    my ($pid, undef, $output) =
        start('qemu-system-x86_64', @arguments, qw(-nodefaults -display none),
              '-chardev', 'stdio,id=up', '-mon', 'chardev=up,mode=control',
              @monitors);
    (<$output> // '') =~ /^\{"QMP"/ or die "QEMU did not start\n";
    return { pid => $pid, paths => [ map { "$dir/$name-$_" } 1, 2 ] };
}

# { input, path for clients }: input takes its words, and its end ends it.
sub start_stack {
    my ($qemu) = @_;
    my (undef, $input, $output) =
        start("$build/tests/component/qmp_stack", $dir,
              reverse @{$qemu->{paths}});
    (<$output> // '') eq "ready\n" or die "qmp_stack did not start\n";
    $input->autoflush(1);
    return { input => $input, output => $output, path => "$dir/qmp" };
}

# Until QEMU has been given a command.
sub wait_in_flight {
    my ($stack) = @_;
    print {$stack->{input}} 'w';
    alarm $LIMIT_S;
    (readline($stack->{output}) // '') eq "in flight\n"
        or die "qmp_stack ended\n";
    alarm 0;
}

# Ends a child that cannot object, and waits for that.
sub end {
    my ($pid) = @_;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    @children = grep { $_ != $pid } @children;
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

# What comes back from one command; events before that are kept.
sub ask {
    my ($client, $command, $arguments) = @_;
    my $id = '__ask' . ++$client->{syncs};
    send_bytes($client, $json->encode({
        execute => $command, id => $id,
        $arguments ? (arguments => $arguments) : (),
    }) . "\n");
    for (;;) {
        my $message = message($client);
        return $message if ($message->{id} // '') eq $id;
        push @{$client->{events}}, $message;
    }
}

my $tests = 0;
my $failed = 0;

sub ok {
    my ($ok, $name, @why) = @_;
    printf "%sok %d - %s\n", $ok ? '' : 'not ', ++$tests, $name;
    print map { "# $_\n" } @why unless $ok;
    $failed++ unless $ok;
}

sub plan {
    print "1..$tests\n";
    exit($failed ? 1 : 0);
}

1;
