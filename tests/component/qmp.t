#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Peers that nobody here wrote. The script of conformance/qmp.pl is sent to
# QEMU's own socket and to QEMU behind stubdomd, a terminal and qmp-helper's
# worker (qmp_stack.c). The transcripts are the same but for %DIFFERENCES,
# each with the sentence of the specification that allows it; one that is
# listed and does not occur is a failure too.
#
# After each step a command with an id of its own is sent: what comes before
# its reply belongs to the step, so nothing here waits for a time.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Peers;

our (%DIFFERENCES, @NEGOTIATION, @COMMANDS);
require("$FindBin::Bin/../conformance/qmp.pl");

my %occurred;

sub text {
    my ($messages, $difference) = @_;
    my @copies = @{$json->decode($json->encode($messages))};
    if ($difference) {
        $difference->{apply}->($_) for @copies;
        @copies = $copies[0] if $difference->{count};
    }
    return join "\n", map { $json->encode($_) } @copies;
}

sub compare {
    my ($what, $direct, $through, $name) = @_;
    my $same = text($direct) eq text($through);
    my $difference = $name ? $DIFFERENCES{$name} : undef;
    $occurred{$name}++ if $name && !$same;
    $same = text($direct, $difference) eq text($through, $difference)
        if $difference;
    ok($same && @$direct > 0, $what,
       map { substr($_, 0, 2000) } 'QEMU:', split(/\n/, text($direct)),
       'through qmp-helper:', split(/\n/, text($through)));
}

sub name_of {
    my ($step) = @_;
    (my $name = "$step->[0]: $step->[1]") =~ s/[^ -~]|#/./g;
    return $name;
}

my $direct = start_qemu('direct')->{paths};
my $stack = start_stack(start_qemu('behind'));
my @first  = map { client($_) } $direct->[0], $stack->{path};
my @second = map { socat($_) } $direct->[1], $stack->{path};
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
plan();
