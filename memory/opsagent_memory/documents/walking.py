"""Which documents there are under some paths. Links are not followed, and what cannot be listed is told apart from
what is gone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsagent_memory.documents.reading import format_of
from opsagent_memory.documents.words import IngestLimits, Skipped
from opsagent_memory.errors import DocumentsRefused

IGNORED_FOLDERS = frozenset(
    "node_modules bower_components vendor site-packages venv env virtualenv __pycache__ dist build target htmlcov"
    " coverage".split()
)
"""What others made or installed. Folders and files whose names begin with a dot are ignored too."""
IGNORED_FILES = ("license", "licence", "copying", "robots.txt", "requirements", "cmakelists.txt", "top_level.txt")
"""Names that begin like this answer no question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What was found."""

    roots: tuple[str, ...]
    """The paths that were asked about, absolute."""
    found: dict[str, str] = field(default_factory=dict)
    """Each document, and the root it was found under."""
    skipped: list[Skipped] = field(default_factory=list)


def walk(paths: Sequence[Path | str], limits: IngestLimits) -> Listing:
    """Return the documents under these files and folders.

    Raises:
        DocumentsRefused: there are more than `limits.max_files`.
    """
    roots = tuple(dict.fromkeys(os.path.abspath(path) for path in paths))  # noqa: PTH100 (links stay as they are named)
    listing = Listing(roots=roots)
    for root in roots:
        if os.path.isdir(root):  # noqa: PTH112
            found = _folder(root, listing.skipped)
        elif os.path.isfile(root):  # noqa: PTH113
            found = _file(root, listing.skipped)
        else:
            continue
        for path in found:
            listing.found.setdefault(path, root)
            if len(listing.found) > limits.max_files:
                raise DocumentsRefused(f"more than {limits.max_files:,} documents; name the folders that matter")
    return listing


def gone(path: str) -> bool:
    """Say whether there certainly is nothing of this name: not where nobody can tell (no permission, a dead mount)."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _file(path: str, skipped: list[Skipped]) -> Iterator[str]:
    """A file that was named itself may have any name, as long as it is read like a text."""
    if os.path.islink(path):  # noqa: PTH114
        skipped.append(Skipped(path=path, reason="a link; name the file that it leads to"))
        return
    yield path


def _folder(root: str, skipped: list[Skipped]) -> Iterator[str]:
    def unlisted(error: OSError) -> None:
        skipped.append(Skipped(path=str(error.filename), reason=f"cannot be listed: {error.strerror}"))

    for folder, folders, files in os.walk(root, onerror=unlisted):
        linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118
        folders[:] = sorted(name for name in folders if not _ignored(name) and name not in linked)
        for name in sorted([*files, *linked]):
            path = os.path.join(folder, name)  # noqa: PTH118
            if os.path.islink(path):  # noqa: PTH114
                _tell_link(root, path, skipped)
            elif not name.startswith(".") and not name.lower().startswith(IGNORED_FILES) and format_of(name):
                yield path


def _ignored(name: str) -> bool:
    return name.startswith(".") or name in IGNORED_FOLDERS or name.endswith(".egg-info")


def _tell_link(root: str, path: str, skipped: list[Skipped]) -> None:
    """A link to what lies under the same root is found there; one that leads out is told."""
    target, top = os.path.realpath(path), os.path.realpath(root)
    wanted = not os.path.basename(path).startswith(".") and (  # noqa: PTH119
        os.path.isdir(target) or format_of(path) is not None  # noqa: PTH112
    )
    if wanted and not under(target, top):
        skipped.append(Skipped(path=path, reason="a link that leads out of the folder"))


def under(path: str, folder: str) -> bool:
    """Say whether a path is this folder, or lies in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
