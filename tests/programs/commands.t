#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# xl-qmp's commands against a real QEMU, on a pipe and on a terminal:
# exec (xl/cmd_exec.c), batch (xl/cmd_batch.c), events (xl/cmd_events.c) and
# shell (xl/cmd_shell.c, with shell_history.c and completion.c).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../component";
use File::Temp qw(tempdir);
use IO::Select;
use Peers;

my $xl_qmp = "$ENV{XENQMP_BUILD}/bin/xl-qmp";
my $dir = tempdir(CLEANUP => 1);
my $qemu = start_qemu('qemu');
my ($target, $other) = map { "unix:$_" } @{$qemu->{paths}};
# A step takes no longer; only a failing one takes as long.
my $LIMIT_S = 300;

# What a command prints on both, and its exit code.
sub run {
    my ($command) = @_;
    my $out = `timeout $LIMIT_S $xl_qmp $command 2>$dir/err`;
    my $code = $? >> 8;
    open my $file, '<', "$dir/err" or die "$dir/err: $!\n";
    return ($code, $out, join('', <$file>));
}

# A command that stays, its standard error in a file; as Peers::start().
sub stay {
    my ($err, $command) = @_;
    return Peers::start('sh', '-c', "exec $command 2>$err");
}

# Something to read? Then all that is there.
sub wait_readable {
    my ($from, $seconds) = @_;
    return '' if !IO::Select->new($from)->can_read($seconds);
    sysread($from, my $text, 65536) // die "cannot read: $!\n";
    return $text;
}

# Without what moves a terminal's cursor or colours its text.
sub plain {
    return $_[0] =~ s/(\r(?=\e\[\d+G))?\e\[[0-9;]*[A-Za-z]//gr;
}

# Reads until it matches, as plain(); all that came.
sub wait_match {
    my ($from, $pattern) = @_;
    my $text = '';
    while (plain($text) !~ $pattern) {
        my $more = wait_readable($from, $LIMIT_S);
        last if $more eq '';
        $text .= $more;
    }
    return $text;
}

# Stops and continues until that is seen.
sub wait_events {
    my ($from) = @_;
    for (1 .. 100) {
        run("exec $other stop");
        run("exec $other cont");
        my $text = wait_readable($from, 0.3);
        return $text if $text ne '';
    }
    return '';
}

sub wait_exit {
    my ($pid) = @_;
    alarm $LIMIT_S;
    waitpid $pid, 0;
    alarm 0;
    return $? & 127 ? "signal " . ($? & 127) : $? >> 8;
}

# --- exec -------------------------------------------------------------------

my ($code, $out, $err) =
    run("exec $target object-add qom-type=rng-random id=rng0 filename=/dev/zero");
ok($code == 0 && $out eq "{}\n", 'exec with members', $out, $err);
($code, $out, $err) = run("exec $target qom-get path=/objects/rng0 property=filename");
ok($code == 0 && $out eq "\"/dev/zero\"\n", 'QEMU understood them', $out, $err);
($code, $out, $err) = run("exec $target object-add id:=7");
ok($code == 1 && $err =~ /^xl-qmp: GenericError: .*\n\z/, 'or did not', $err);

# --- batch ------------------------------------------------------------------

sub batch {
    my ($options, @lines) = @_;
    open my $file, '>', "$dir/lines" or die "$dir/lines: $!\n";
    print $file map { "$_\n" } @lines;
    close $file;
    return run("batch $options <$dir/lines");
}

my @work = ('# a comment', 'stop', '', '{"execute": "query-status"}',
            "object-add qom-type=rng-random id=rng1 filename='/dev/zero'",
            'qom-get path=/objects/rng1 property=filename',
            'object-del id=rng1');
($code, $out, $err) = batch($target, @work);
ok($code == 0 && $out =~ /\A\{\}\n\{.*"paused".*\n\{\}\n"\/dev\/zero"\n\{\}\n\z/,
   'batch: commands of both kinds', $out, $err);
my $latencies = qr/; \d+\.\d\d s, \d+\/s; latency p50 \d+\.\d{3} ms, p99 \d+\.\d{3} ms, max \d+\.\d{3} ms\n\z/;
ok($err =~ /\A5 of 5 commands sent, 0 failed$latencies/, 'its summary', $err);
($code, $out, $err) = batch("--repeat 20 --rate 100 $target", @work);
ok($code == 0 && $err =~ /\A100 of 100 commands sent, 0 failed; (\S+) s/ &&
   $1 >= 0.98, 'no faster than --rate says', $err);
@work = ('stop', 'frobnicate', 'cont');
($code, $out, $err) = batch($target, @work);
ok($code == 1 && $out eq "{}\n" &&
   $err =~ /\Axl-qmp: line 2: frobnicate: CommandNotFound: .*\n2 of 3 commands sent, 1 failed/,
   'an error ends it', $out, $err);
($code, $out, $err) = batch("$target - --keep-going", @work);
ok($code == 1 && $out eq "{}\n{}\n" && $err =~ /\n3 of 3 commands sent, 1 failed/,
   'unless it is to keep going', $out, $err);
($code, $out, $err) = batch($target, 'quit', 'stop', 'stop');
ok($code == 3 && $err =~ /^xl-qmp: unix:.*: line [23]: stop: /m,
   'a lost connection is 3', $out, $err);
end($qemu->{pid});
$qemu = start_qemu('qemu');

# --- events -----------------------------------------------------------------

my ($pid, undef, $events) = stay("$dir/events", "$xl_qmp events $target --filter 'RES*' STOPP");
$out = wait_events($events);
my @lines = split /\n/, $out;
ok(@lines && !grep({ eval { $json->decode($_)->{event} } ne 'RESUME' } @lines),
   'events: those that match, one JSON object a line', $out);

end($qemu->{pid});
my $lost = 0;
for (1 .. 600) {
    open my $file, '<', "$dir/events" or die;
    $lost = join('', <$file>) =~ /\Axl-qmp: .*: the connection was lost.*\n\z/;
    last if $lost;
    run("exec unix:/nonexistent stop");
}
ok($lost, 'a lost connection is told');
$qemu = start_qemu('qemu');
ok(wait_events($events) =~ /RESUME/, 'and opened again');
kill 'INT', $pid;
ok(wait_exit($pid) eq '0', 'SIGINT ends it with 0');

($pid, undef, $events) = Peers::start('socat', '-u',
    "EXEC:'$xl_qmp events $target',pty,setsid,ctty", 'STDOUT');
$out = wait_events($events);
ok($out =~ /^\d\d:\d\d:\d\d\.\d{3}  (STOP|RESUME)\r?$/m && $out !~ /[{]/,
   'on a terminal: time and name', $out);
end($pid);

# --- shell ------------------------------------------------------------------

$ENV{XDG_STATE_HOME} = "$dir/state";
$ENV{TERM} = 'xterm';
($pid, my $keys, my $screen) = Peers::start('socat',
    "EXEC:'$xl_qmp shell $target',pty,setsid,ctty,stderr", 'STDIO');
$keys->autoflush(1);
sub type {
    my ($text, $pattern, $name) = @_;
    print $keys $text;
    my $seen = wait_match($screen, $pattern);
    ok(scalar(plain($seen) =~ $pattern), $name, $seen =~ s/[^ -~\n]/?/gr);
    return $seen;
}
type('', qr/qmp> /, 'shell: a prompt');
type("stop\n", qr/STOP.*\{\}/s, 'a command and its event');
my $seen = type("query-status\n", qr/\{\r\n  .*"status": "paused".*qmp> /s,
                'what it returns is indented');
ok(scalar($seen =~ /\e\[1;34m"status"\e\[0m: \e\[32m"paused"\e\[0m/),
   'and coloured', $seen);
# The schema has come by now: the answers come in order.
type("query-stat\t", qr/query-status/, 'completion: what is the same in all');
type("\t\t", qr/query-stats  query-stats-schemas  query-status/, 'completion: a choice');
type("\x15set_li\tup=t\t", qr/set_link up=true /, 'completion: commands and values');
run("exec $other cont");
$seen = wait_match($screen, qr/RESUME.*qmp> .*set_link up=true/s);
ok(scalar($seen =~ /\r\e\[K\d\d:\d\d:\d\d\.\d+  RESUME\r\n.*qmp> .*set_link up=true/s),
   'an event above the line, which is drawn again', $seen);
type("\x03", qr/\^C.*qmp> /s, 'Ctrl-C forgets the line');
type("frobnicate\n", qr/CommandNotFound/, 'an error');
type("stop now\n", qr/what is 'now'/, 'a wrong line');
type("\e[A\e[A\e[A\e[A\n", qr/stop.*STOP/s, 'history');
print $keys "exit\n";
wait_exit($pid);
open my $kept, '<', "$dir/state/xenqmp/history" or die "history: $!\n";
ok(scalar(join('', <$kept>) =~ /^query-status\b/m), 'which is kept');

plan();
