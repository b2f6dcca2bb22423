"""Fault scenarios and benchmarks."""
