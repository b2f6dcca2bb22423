# Says how many are left, to whoever asks.
use strict;
use warnings;
use IO::Socket::INET;
$SIG{PIPE} = 'IGNORE';
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 21641, Listen => 16, ReuseAddr => 1) or die "$!";
while (my $kund = $server->accept) {
    print $kund "kvar=7\n";
    close $kund;
}
