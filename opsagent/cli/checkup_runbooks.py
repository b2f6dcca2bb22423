"""The check of `doctor` for people's own runbooks: those that cannot be used, each with its mend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from opsagent.cli.finding import Finding

if TYPE_CHECKING:
    from opsagent.home import Home


def runbooks(home: Home) -> Iterator[Finding]:
    """Yield what there is to say of the runbooks of a home; nothing where it has none."""
    from opsagent.runbooks.own import FOLDER, read_folder

    folder = home.path / FOLDER
    if not folder.is_symlink() and not folder.exists():
        return
    shelf = read_folder(folder)
    for line in shelf.broken:
        what, _, mend = line.rpartition(": ")
        yield Finding(about="runbooks", level="note", detail=f"cannot be used: {what}", mend=mend)
    if shelf.cards or not shelf.broken:
        names = ", ".join(card.name for card in shelf.cards)
        yield Finding(
            about="runbooks", level="ok", detail=f"{len(shelf.cards)} of your own{f': {names}' if names else ''}"
        )
