#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The rooms of docs/architecture.md, from the bottom to the top, are those of
# the sources; a room includes headers of those that it is said to use, which
# stand before it, and of these only the ones that are said to be for others;
# in a room nobody includes whoever includes him. A header's guard is its path.
use strict;
use warnings;

my $srcdir = $ENV{SRCDIR} or die "SRCDIR is not set\n";
chdir $srcdir or die "$srcdir: $!\n";
$| = 1;

sub slurp {
    my ($path) = @_;
    open(my $file, '<', $path) or die "$path: $!\n";
    local $/;
    return scalar <$file>;
}

# | `room/` | what | `a.h`, `b.h` | `room/`, ... |
my (@rooms, %public, %uses);
for (split /\n/, slurp('docs/architecture.md')) {
    my ($room, $headers, $used) =
        m{^\| `([\w/]+)/` \| [^|]+ \| ([^|]*) \| ([^|]*) \|$} or next;
    push @rooms, $room;
    $public{$room} = { map { $_ => 1 } $headers =~ /`([\w.]+)`/g };
    $uses{$room} = { map { $_ => 1 } $used =~ m{`([\w/]+)/`}g };
}

my %includes;                   # path => [what it includes, as written]
for my $path (split /\n/, `find console libxl libvirt tools xl -name '*.[ch]'`) {
    $includes{$path} = [ slurp($path) =~ /^#include "([^"]+)"/gm ];
}

sub dir  { my ($path) = @_; $path =~ s{/?[^/]*$}{}; return $path; }
sub name { my ($path) = @_; $path =~ s{.*/}{}; return $path; }
sub noun { my ($path) = @_; $path =~ s{\.[ch]$}{}; return $path; }

# Complaints about what the sources include.
sub order {
    my (%includes) = @_;
    my (%place, @r);
    @place{@rooms} = 0 .. $#rooms;

    for my $path (sort keys %includes) {
        my $room = dir($path);
        for my $header (grep { m{/} } @{$includes{$path}}) {
            my $other = dir($header);
            if (!exists $place{$other} || $place{$other} >= $place{$room}) {
                push @r, "$path includes $header, which is not below it";
            } elsif (!$uses{$room}{$other}) {
                push @r, "$path includes $header, but $room is not said to use $other";
            } elsif (!$public{$other}{name($header)}) {
                push @r, "$path includes $header, which is $other\'s own";
            }
        }
    }
    return @r;
}

# Nouns of a room that include one another in a circle.
sub circles {
    my (%includes) = @_;
    my (%next, %state, @r);

    for my $path (keys %includes) {
        my $room = dir($path);
        $next{noun($path)}{"$room/" . noun($_)} = 1
            for grep { !m{/} && exists $includes{"$room/$_"} } @{$includes{$path}};
    }
    my $visit;
    $visit = sub {
        my ($noun, @way) = @_;
        return if ($state{$noun} // '') eq 'done';
        if (($state{$noun} // '') eq 'open') {
            shift @way while $way[0] ne $noun;
            push @r, join(' -> ', @way, $noun);
            return;
        }
        $state{$noun} = 'open';
        $visit->($_, @way, $noun)
            for grep { $_ ne $noun } sort keys %{$next{$noun} // {}};
        $state{$noun} = 'done';
    };
    $visit->($_) for sort keys %next;
    return @r;
}

my $n = 0;
sub ok {
    my ($what, @wrong) = @_;
    $n++;
    print @wrong ? 'not ' : '', "ok $n - $what\n", map { "# $_\n" } @wrong;
}

my %folders = map { dir($_) => 1 } keys %includes;
my %named = map { $_ => 1 } @rooms;
ok 'the map has the rooms that there are',
    (grep { !$named{$_} } sort keys %folders), (grep { !$folders{$_} } @rooms);
ok 'what a room is said to use stands before it', map {
    my $room = $rooms[$_];
    my %before = map { $_ => 1 } @rooms[0 .. $_ - 1];
    map { "$room uses $_" } grep { !$before{$_} } sort keys %{$uses{$room}};
} 0 .. $#rooms;
ok 'no include upward, none of what is a room\'s own', order(%includes);
ok 'no circle in a room', circles(%includes);
ok 'headers that are said to be for others are there, and included by others', map {
    my $room = $_;
    map { "$room/$_" } grep {
        my $header = "$room/$_";
        !-e $header || !grep { dir($_) ne $room && grep { $_ eq $header } @{$includes{$_}} } keys %includes
    } sort keys %{$public{$room}};
} @rooms;
sub guards {
    my (%text) = @_;
    my @r;

    for my $path (sort keys %text) {
        my $guard = 'XENQMP_' . uc($path =~ s/\W/_/gr);
        push @r, "$path has not the guard $guard"
            unless $text{$path} =~ /^#ifndef $guard\n#define $guard$/m;
    }
    return @r;
}
# The one that is installed has the name that it is included by.
my %headers = map { $_ => slurp($_) } grep { !m{/libxl_qmp\.h$} }
    split /\n/, `find console libxl libvirt tools xl tests -name '*.h'`;
ok 'a header has its path for a guard', guards(%headers);
my @mirrors = map { s{^tests/unit/}{}r } split /\n/, `find tests/unit -mindepth 1 -type d`;
ok 'unit tests lie as the sources do', grep {
    my $folder = $_;
    !grep { index("$_/", "$folder/") == 0 } @rooms
} @mirrors;

# And each would be seen.
my ($low, $high) = ('console/xen/ring.c', 'console/guest/console.c');
sub with {
    my ($path, $header) = @_;
    return %includes, $path => [ @{$includes{$path}}, $header ];
}
sub seen { return @_ ? () : 'it was not' }
ok 'an include upward is seen', seen(order(with($low, 'console/guest/console.h')));
ok 'one of a room that it is not said to use', seen(order(with('xl/rows.c', 'console/xen/ring.h')));
ok 'one of a header that is a room\'s own', seen(order(with('libxl/helper/helper.c', 'libxl/worker/mux.h')));
ok 'a circle', seen(circles(with($high, 'flow.h')));
ok 'a guard of another header', seen(guards(%headers, 'xl/rows.h' => $headers{'xl/host.h'}));
print "1..$n\n";
