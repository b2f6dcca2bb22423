"""What people are told: accounts of incidents, postmortems, handovers, issues, and messages that leave the machine."""
