"""What can go wrong with a backup, in one line that says where and how to mend it. Standard library only."""

from __future__ import annotations


class BackupError(Exception):
    """The backup could not be made, or is not one that can be restored; nothing was changed."""
