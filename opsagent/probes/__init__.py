"""Read-only probes: each finds out one thing about one unit, when decide asks for it (`opsagent.evidence`)."""
