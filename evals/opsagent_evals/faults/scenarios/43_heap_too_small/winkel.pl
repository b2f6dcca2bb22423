use strict; use warnings; use IO::Socket::INET;
# A shop that asks for a price now and then.
$| = 1;
while (1) {
  sleep 1;
  my $lijst = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => 21430, Timeout => 1);
  if (!$lijst) { print STDERR "WAARSCHUWING geen prijzen\n"; next }
  print $lijst "GET /prijs HTTP/1.0\r\n\r\n"; my $antwoord = <$lijst>; close $lijst;
}
