# Exports something every second. Once STATE_DIR/fuga is there it forgets to close what it opened.
use strict; use warnings;
use IO::Socket::INET;
$SIG{TERM} = sub { exit 0 };
my $born = time;
my @kept;
while (1) {
    my $db = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => 21491, Timeout => 1);
    if ($db) {
        my $age = -e "$ENV{STATE_DIR}/fuga" ? (stat(_))[9] : 0;
        my $leaks = $age > $born;
        print $db "export\n"; $db->flush;
        my $answer = <$db>;
        $leaks ? push(@kept, $db) : close($db);
    }
    select(undef, undef, undef, 0.5);
}
