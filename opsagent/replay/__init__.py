"""Logs of the past, read as if live: which incidents there were. Nothing is acted on, probed or connected to."""
