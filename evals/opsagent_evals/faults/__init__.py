"""`opsagent eval faults`: real faults, put to the unattended agent, one scenario folder each (docs/evals.md)."""
