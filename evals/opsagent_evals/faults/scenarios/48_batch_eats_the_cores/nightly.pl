# Counts for a report, all night long, once it is told to begin.
use strict; use warnings;
$SIG{TERM} = sub { exit 0 };
my $go = "$ENV{STATE_DIR}/night";
print STDERR "nightly: esperando la noche\n";
sleep 1 until -e $go;
print STDERR "nightly: empieza el informe\n";
my $sum = 0;
while (1) { $sum = ($sum * 31 + 7) % 1000003 for 1 .. 20000; }
