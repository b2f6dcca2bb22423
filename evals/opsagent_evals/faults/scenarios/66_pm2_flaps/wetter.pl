#!/usr/bin/perl
use strict;
use warnings;
$| = 1;
while (1) { print "wetter heiter\n"; sleep 5; }
