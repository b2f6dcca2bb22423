"""What can go wrong with the store, each in one line that says where and how to mend it.

StoreError
├── StoreReadOnly   it was opened for reading only
├── StoreNewer      a newer opsagent wrote it
├── NotDecided      an approval cannot be decided as asked
└── DeployOpen      a deploy of that unit is under way already
"""

from __future__ import annotations


class StoreError(Exception):
    """The store did not take or give what was asked. The text is one line: what, where, how to mend it."""


class StoreReadOnly(StoreError):
    """Opened for reading only."""


class StoreNewer(StoreError):
    """Its schema is not one that this version knows."""


class NotDecided(StoreError):
    """This approval cannot be decided (any more), or not by this person."""


class DeployOpen(StoreError):
    """A deploy of this unit is under way already."""
