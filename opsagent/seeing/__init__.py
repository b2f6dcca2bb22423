"""Models that look at screens: their process, their account, and whether they may be asked at all."""
