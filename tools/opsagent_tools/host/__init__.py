"""The machine itself: processor, memory, disks and mounts, pressure. Linux's /proc; elsewhere nothing is told."""
