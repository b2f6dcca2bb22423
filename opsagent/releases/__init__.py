"""Releases: what a service was when it was last well, and the way back to it (docs/releases.md)."""
