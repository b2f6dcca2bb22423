# A till: one at a time, so it keeps a record of who is at it.
use strict; use warnings;
use IO::Socket::INET;
$| = 1;
my $state = $ENV{STATE_DIR};
my $sitzung = "$state/kasse.pid";
if (-e $sitzung) {
    print STDERR "[Kasse] Start abgebrochen: Kassensitzung in $sitzung ist noch offen\n";
    exit 11;
}
open my $out, '>', $sitzung or die "Sitzung: $!"; print $out "$$\n"; close $out;
open my $in, '<', 'kasse.conf' or die "Einstellungen: $!";
my %wert = map { /^(\w+)\s*=\s*(\S+)/ ? ($1 => $2) : () } <$in>; close $in;
my $tuer = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 21620, Listen => 32, ReuseAddr => 1) or die "Port: $!";
local $SIG{TERM} = sub { unlink $sitzung; exit 0 };
print "[Kasse] offen, Waehrung $wert{waehrung}, Rabatt $wert{rabatt}\n";
while (my $kunde = $tuer->accept) {
    my $zeile = <$kunde>;
    my $text = "Rabatt $wert{rabatt} $wert{waehrung}\n";
    print $kunde "HTTP/1.0 200 OK\r\nContent-Length: " . length($text) . "\r\n\r\n$text";
    close $kunde;
}
