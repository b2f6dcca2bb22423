"""Hands and eyes of the agent: supervisors, processes, logs, probes, screens. Knows nothing of incidents."""
