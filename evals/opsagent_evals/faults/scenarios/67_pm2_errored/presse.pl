#!/usr/bin/perl
use strict;
use warnings;
$| = 1;
while (1) { print "tirage en cours\n"; sleep 7; }
