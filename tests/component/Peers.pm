# SPDX-License-Identifier: GPL-2.0-or-later
#
# QEMU, what lies before it (qmp_stack.c), and clients, for the tests here.
# Nothing waits longer than its limit; nothing outlives the test.
package Peers;
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Exporter qw(import);
use File::Temp qw(tempdir);
use IO::Handle;
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP;
use POSIX ();

our @EXPORT = qw(start_qemu start_simulated_qemu start_stack start_short_stack
                 wait_in_flight wait_copying wait_filled end client socat message send_bytes step ask
                 event ok plan $dir $json $LIMIT_S);
our $json = JSON::PP->new->canonical->allow_nonref->allow_bignum;

my $build = $ENV{XENQMP_BUILD} or die "XENQMP_BUILD is not set\n";
our $LIMIT_S = 3600;            # for what never comes: see host.h
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { die "a step took longer than its limit\n" };

our $dir = tempdir('qmp-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0711, $dir or die "$dir: $!\n";
my (@children, @stacks);

# Each leads a group: qmp-helper's worker outlives its parent.
sub start {
    my (@command) = @_;
    pipe(my $theirs, my $input) or die "pipe: $!\n";
    pipe(my $output, my $out) or die "pipe: $!\n";
    my $pid = fork() // die "fork: $!\n";
    if (!$pid) {
        setpgrp;
        open(STDIN, '<&', $theirs) && open(STDOUT, '>&', $out) or exit 127;
        close $_ for $theirs, $input, $output, $out;
        exec @command or exit 127;
    }
    push @children, $pid;
    return ($pid, $input, $output);
}

END {
    local $?;
    kill 'KILL', map { ($_, -$_) } @children;
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

# The same of a simulated QEMU, whose state has what size one likes:
# "simulate-state" {size} makes it, "xen-save-devices-state" writes it,
# "simulate-incoming" {path, size} reads one to restore. The event
# SIMULATED_STATE {digest} tells of what was written, or read to its end.
# Any other command succeeds.
sub start_simulated_qemu {
    my ($name) = @_;
    my @paths = map { "$dir/$name-$_" } 1, 2;
    my @listeners = map {
        unlink $_;
        IO::Socket::UNIX->new(Local => $_, Listen => 1) or die "$_: $!\n";
    } @paths;
    my $pid = fork() // die "fork: $!\n";
    if (!$pid) {
        eval { simulated_qemu_serve(@listeners) };
        warn $@;
        POSIX::_exit(1);
    }
    push @children, $pid;
    return { pid => $pid, paths => \@paths };
}

sub simulated_qemu_serve {
    my @listeners = @_;
    my $select = IO::Select->new(@listeners);
    my (%text, %qemu);
    my $put = sub {
        my ($handle, $message) = @_;
        syswrite $handle, $json->encode($message) . "\r\n" if defined $text{$handle};
    };
    while (my @ready = $select->can_read) {
        for my $handle (@ready) {
            if (grep { $_ == $handle } @listeners) {
                my $connection = $handle->accept or die "accept: $!\n";
                $text{$connection} = '';
                $select->add($connection);
                syswrite $connection, qq({"QMP": {"version": {}, ) .
                    qq("capabilities": ["oob"]}}\r\n);
            } elsif ($qemu{saving} && $handle == $qemu{saving}{ends}) {
                simulate_saved(\%qemu);
            } elsif (!defined $text{$handle}) {
                simulate_read(\%qemu);
            } elsif (!sysread $handle, $text{$handle}, 65536,
                     length $text{$handle}) {
                $select->remove($handle);
                delete $text{$handle};
                close $handle;
            }
            for my $client (grep { defined $text{$_} } $select->handles) {
                # In-band nothing is done meanwhile.
                while (!$qemu{saving} ? $text{$client} =~ s/^(.*?)\r?\n//
                       : $text{$client} =~ s/^(.*?"exec-oob".*?)\r?\n//) {
                    my $command = $json->decode($1);
                    my %answer = (return => {});
                    if ($command->{'exec-oob'}) {
                        %answer = (error => { class => 'CommandNotFound',
                                              desc => 'does not support OOB' });
                    } else {
                        simulate($command->{execute}, $command->{arguments},
                                 \%qemu);
                    }
                    $answer{id} = $command->{id};
                    if ($qemu{saving}) {
                        $qemu{saving}{answer} //= [$client, \%answer];
                        $select->add($qemu{saving}{ends});
                        next if !$command->{'exec-oob'};
                    }
                    $put->($client, \%answer);
                }
            }
            # What is read is no socket's.
            $select->add($qemu{incoming}) if $qemu{incoming};
            if (my $digest = delete $qemu{digest}) {
                $select->remove($qemu{ended}) if $qemu{ended};
                delete $qemu{ended};
                $put->($_, {
                    event => 'SIMULATED_STATE', data => { digest => $digest },
                    timestamp => { seconds => 0, microseconds => 0 },
                }) for $select->handles;
            }
            if (my $answer = delete $qemu{answer}) {
                $select->remove($qemu{wrote});
                $put->(@$answer);
            }
        }
    }
}

# Somebody else writes it, for what is out-of-band is answered meanwhile.
sub simulate_save {
    my ($qemu, $path) = @_;
    pipe(my $ends, my $end) or die "pipe: $!\n";
    my $pid = fork() // die "fork: $!\n";
    if (!$pid) {
        close $ends;
        open(my $file, '>', $path) or warn "$path: $!\n" and POSIX::_exit(1);
        print $file $qemu->{state};
        POSIX::_exit(!close $file);
    }
    $qemu->{saving} = { ends => $ends, pid => $pid };
}

sub simulate_saved {
    my ($qemu) = @_;
    my $saving = delete $qemu->{saving};
    waitpid $saving->{pid}, 0;
    die "the state was not written\n" if $?;
    $qemu->{digest} = sha256_hex($qemu->{state});
    @$qemu{qw(answer wrote)} = @$saving{qw(answer ends)};
}

# Some more of the incoming state; QEMU reads no further than its end.
sub simulate_read {
    my ($qemu) = @_;
    my $most = $qemu->{left} < 65536 ? $qemu->{left} : 65536;
    if ($most) {
        my $n = sysread $qemu->{incoming}, my $bytes, $most
            or die "the incoming state ends\n";
        $qemu->{sha}->add($bytes);
        $qemu->{left} -= $n;
    }
    return if $qemu->{left};
    $qemu->{digest} = $qemu->{sha}->hexdigest;
    $qemu->{ended} = delete $qemu->{incoming};
}

sub simulate {
    my ($what, $arguments, $qemu) = @_;
    if ($what eq 'simulate-state') {
        open(my $random, '<', '/dev/urandom') or die "urandom: $!\n";
        read $random, my $block, 1 << 20;
        my $size = $arguments->{size};
        $qemu->{state} = substr join('', map { pack('N', $_) . $block }
                                     0 .. $size >> 20), 0, $size;
    } elsif ($what eq 'xen-save-devices-state') {
        simulate_save($qemu, $arguments->{filename} // "$dir/qemu-save");
    } elsif ($what eq 'simulate-incoming') {
        open($qemu->{incoming}, '<', $arguments->{path})
            or die "$arguments->{path}: $!\n";
        $qemu->{sha} = Digest::SHA->new(256);
        $qemu->{left} = $arguments->{size};
        simulate_read($qemu) unless $qemu->{left};
    }
}

# { input, path for clients, incoming: where QEMU reads the state }: input
# takes its words, and its end ends it.
sub start_stack { start_stack_of('qmp_stack', @_) }

# The same; its worker waits 3 s for a reply.
sub start_short_stack { start_stack_of('qmp_stack_short', @_) }

sub start_stack_of {
    my ($program, $qemu, @state) = @_;
    mkdir "$dir/saved";
    unlink map { "$dir/$_" } qw(uevents qmp);
    my ($pid, $input, $output) =
        start("$build/tests/component/$program", $dir,
              reverse(@{$qemu->{paths}}), @state);
    (<$output> // '') =~ /^ready (-?\d+)$/ or die "$program did not start\n";
    $input->autoflush(1);
    push @stacks, $pid;
    return { pid => $pid, input => $input, output => $output,
             path => "$dir/qmp", incoming => "/proc/$pid/fd/$1" };
}

sub wait_told {
    my ($stack, $word, $answer, $meanwhile) = @_;
    print {$stack->{input}} $word;
    $meanwhile->() if $meanwhile;
    alarm $LIMIT_S;
    (readline($stack->{output}) // '') eq "$answer\n"
        or die "qmp_stack ended\n";
    alarm 0;
}

# Until QEMU has been given a command.
sub wait_in_flight { wait_told($_[0], 'w', 'in flight') }

# Until a part of the state that is saved meanwhile is on its way to dom0: no
# more than that leaves before the next word.
sub wait_copying { wait_told($_[0], 'k', 'copying', $_[1]) }

# Until as much waits for QEMU as stubdomd keeps.
sub wait_filled { wait_told($_[0], 'q', 'filled') }

# Ends a child that cannot object, and waits for that.
sub end {
    my ($pid) = @_;
    kill 'KILL', $pid, -$pid;
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

# The next event of that name, which has come or comes.
sub event {
    my ($client, $name) = @_;
    for (;;) {
        my $event = shift @{$client->{events}} // message($client);
        return $event if ($event->{event} // '') eq $name;
    }
}

my $tests = 0;
my $failed = 0;

# What is matched is true or false, never a list.
sub ok($$@) {
    my ($ok, $name, @why) = @_;
    printf "%sok %d - %s\n", $ok ? '' : 'not ', ++$tests, $name;
    print map { "# $_\n" } @why unless $ok;
    $failed++ unless $ok;
}

# The stack's dom0 has a /run of its own.
sub ok_no_reports {
    for my $pid (@stacks) {
        open(my $log, '<', "/proc/$pid/root/run/xensim/log") or next;
        my @reports = grep { /Sanitizer|runtime error/ } <$log>;
        ok(0, 'no sanitizer complains of xenconsoled', @reports)
            if @reports;
    }
}

sub plan {
    ok_no_reports();
    print "1..$tests\n";
    exit($failed ? 1 : 0);
}

1;
