"""systemd over D-Bus: PID 1 (`system`) and the instance of one user (`user`)."""
