"""The guard's rules, one module per kind of reason. All pure; `opsagent.guard` puts them in their order."""
