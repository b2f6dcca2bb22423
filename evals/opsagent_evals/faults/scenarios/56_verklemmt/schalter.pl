# The counter: every request books something on the account. A child for each of them.
use strict; use warnings;
use IO::Socket::INET;
$SIG{TERM} = sub { exit 0 }; $SIG{CHLD} = 'IGNORE'; $SIG{PIPE} = 'IGNORE';
my $door = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 21562, Listen => 64, ReuseAddr => 1) or die "$!";
while (my $who = $door->accept) {
    if (fork) { close $who; next }
    close $door;
    $SIG{ALRM} = sub { print STDERR scalar(localtime), " schalter: Konto antwortet nicht\n"; exit 1 };
    alarm 4;
    my $line = <$who>;
    my $konto = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => 21561, Timeout => 1) or exit 1;
    print $konto "forth\n"; $konto->flush;
    my $answer = <$konto>;
    print $who "HTTP/1.0 ", (defined $answer ? "200 OK" : "502 Bad Gateway"), "\r\n\r\n", $answer // '';
    exit 0;
}
