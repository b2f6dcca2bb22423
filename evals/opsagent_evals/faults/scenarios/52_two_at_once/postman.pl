# Takes letters: a line in, a receipt out.
use strict; use warnings;
use IO::Socket::INET;
$SIG{TERM} = sub { exit 0 }; $SIG{PIPE} = 'IGNORE';
my $door = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 21521, Listen => 64, ReuseAddr => 1) or die "$!";
while (my $who = $door->accept) { my $line = <$who>; print $who "sent\n" if defined $line; close $who }
