"""Documents that are gone: which were deleted, and which may only be out of sight. Pure."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from opsagent_memory.documents.walking import under

FEW = 5
"""A folder below the one that was asked about is looked at if it held so many documents."""


def held_back(known: Collection[str], vanished: Collection[str], roots: Iterable[str]) -> set[str]:
    """Return which of the vanished documents had better stay until a person says otherwise.

    Where more than half of a folder's known documents went at once, a missing mount, another branch or a mistake is
    likelier than a deletion. The folder is the one that was asked about, or one below it that held several documents.
    """
    roots = tuple(roots)
    had, lost = Counter[str](), Counter[str]()
    for path in known:
        had.update(_folders(path, roots))
    for path in vanished:
        lost.update(_folders(path, roots))
    doubtful = {
        folder for folder, count in lost.items() if count * 2 > had[folder] and (folder in roots or had[folder] >= FEW)
    }
    return {path for path in vanished if any(folder in doubtful for folder in _folders(path, roots))}


def _folders(path: str, roots: Iterable[str]) -> Iterator[str]:
    """Yield the folders from each root down to where the document lies."""
    seen = set[str]()
    for root in roots:
        folder = posixpath.dirname(path)
        while under(folder, root) and folder not in seen:
            seen.add(folder)
            yield folder
            if folder in {root, "/"}:
                break
            folder = posixpath.dirname(folder)
