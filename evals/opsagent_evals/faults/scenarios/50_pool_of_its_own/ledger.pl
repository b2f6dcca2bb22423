# Answers a line with a line, on as many connections as there are.
use strict; use warnings;
use IO::Socket::INET; use IO::Select;
$SIG{TERM} = sub { exit 0 }; $SIG{PIPE} = 'IGNORE';
my $door = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 21501, Listen => 64, ReuseAddr => 1) or die "$!";
my $all = IO::Select->new($door);
while (1) {
    for my $one ($all->can_read) {
        if ($one == $door) { $all->add($door->accept); next }
        my $line = '';
        if (!sysread($one, $line, 200)) { $all->remove($one); close $one; next }
        syswrite($one, "12\n");
    }
}
