"""What can go wrong with boot units, in one line that says where and how to mend it. Standard library only."""

from __future__ import annotations


class BootError(Exception):
    """The boot units could not be put in place or taken away."""
