# The shelf: one line in, how many are left out.
use strict; use warnings;
use IO::Socket::INET;
$SIG{TERM} = sub { exit 0 };
my $tuer = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 21471, Listen => 64, ReuseAddr => 1) or die "$!";
print STDERR "regal: bereit\n";
while (my $wer = $tuer->accept) {
    my $was = <$wer>;
    print $wer "7\n";
    close $wer;
}
