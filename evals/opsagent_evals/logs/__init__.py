"""`opsagent eval logs`: signatures of log lines, held to public ground truth (docs/evals.md)."""
