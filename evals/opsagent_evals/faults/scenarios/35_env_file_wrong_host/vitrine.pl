use strict; use warnings; use IO::Socket::INET;
$| = 1; $SIG{PIPE} = 'IGNORE'; $SIG{CHLD} = 'IGNORE';
my $porte = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 21350, Listen => 64, ReuseAddr => 1) or die "port: $!";
print "vitrine ouverte, réserve=$ENV{RESERVE_HOTE}:$ENV{RESERVE_PORT}\n";
while (1) {
  my $client = $porte->accept or next;
  if (fork) { close $client; next }
  $client->timeout(1);
  while (my $ligne = <$client>) { last if $ligne =~ /^\r?\n$/ }
  my $reserve = IO::Socket::INET->new(PeerAddr => $ENV{RESERVE_HOTE}, PeerPort => $ENV{RESERVE_PORT}, Timeout => 0.6);
  my ($code, $texte) = ('200 OK', '');
  if ($reserve) { print $reserve "combien\n"; $texte = <$reserve> // '' }
  if (!$texte) {
    print STDERR "[ALERTE] réserve injoignable : $@\n";
    ($code, $texte) = ('503 Indisponible', "fermé\n");
  }
  print $client "HTTP/1.0 $code\r\nContent-Length: " . length($texte) . "\r\n\r\n$texte";
  exit 0;
}
