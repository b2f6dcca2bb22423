"""The journal, opened for a command: for looking where nothing is written, for writing where something is ordered."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opsagent.cli.errors import Unclear

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.store.journal import Journal


@contextmanager
def reading(home: Home) -> Iterator[Journal]:
    """Open the journal for looking only."""
    from opsagent.store.journal import Journal

    journal = Journal.read(home)
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def writing(home: Home) -> Iterator[Journal]:
    """Open the journal for a person's order."""
    from opsagent.store.journal import Journal

    journal = Journal.open(home)
    try:
        yield journal
    finally:
        journal.close()


def person() -> str:
    """Return the name of the person who runs this command, as the kernel knows them (not as the environment says).

    Whoever became root after logging in is who logged in: two people with `sudo` are two, one is one.
    """
    from opsagent_tools.peers import person_of

    return person_of(os.getuid(), os.getpid())


def no_such(what: str, wanted: str, mend: str) -> Unclear:
    """Return the error for an id that does not exist."""
    return Unclear(f"there is no {what} {wanted!r}: {mend}")
