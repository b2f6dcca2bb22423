"""The one way in which a file cannot be taken."""

from __future__ import annotations


class Unreadable(Exception):
    """It cannot be taken; the message is the reason, for a person. It never leaves this folder."""
