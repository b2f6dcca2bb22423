use strict; use warnings; use IO::Socket::INET; use JSON::PP;
$| = 1; $SIG{PIPE} = 'IGNORE';
my %routes;
sub slurp { open my $f, '<', $_[0] or return ''; local $/; return <$f> }
sub configure {
  my $main = slurp('etc/main.ini');
  $main =~ /^port\s*=\s*(\d+)/m or die "no port";
  my $port = $1;
  %routes = map { $_->{path} => $_->{to} } @{ decode_json(slurp('etc/routes.json'))->{routes} };
  return $port;
}
my $port = configure();
my $again = 0; $SIG{HUP} = sub { $again = 1 };
my $door = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 32, ReuseAddr => 1) or die $!;
printf "%s router[%d]: %d routes\n", scalar(localtime), $$, scalar keys %routes;
while (1) {
  my $client = $door->accept;
  if ($again) { $again = 0; configure(); printf "%s router[%d]: read again\n", scalar(localtime), $$ }
  next unless $client;
  my $line = <$client> // '';
  while (my $more = <$client>) { last if $more =~ /^\r?\n$/ }
  my ($path) = $line =~ m{^GET (\S+)};
  my $to = $routes{$path // ''} // ($path && $path eq '/up' ? 'up' : undef);
  my $code = defined $to ? '200 OK' : '404 Nowhere'; $to //= 'nowhere';
  print $client "HTTP/1.0 $code\r\nContent-Length: " . length($to) . "\r\n\r\n$to";
  close $client;
}
