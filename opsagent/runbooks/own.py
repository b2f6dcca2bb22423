"""People's own runbooks: the files in `runbooks/` of the home, read again when one of them changed.

Only from there, never from the current folder. Folder and files belong to the agent's user, are no links, and neither
group nor world may write to them; else they are not read. A runbook that cannot be used is told of, and skipped: the
others hold, and nothing stops.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from opsagent.runbooks.library.card import Card, RunbookError
from opsagent.runbooks.library.reading import MOST_BYTES, read_card
from opsagent.screens.accepted import accepted_file, read_accepted
from opsagent_tools.actions import ActionName, Effect
from opsagent_tools.files import UnsafeFile
from opsagent_tools.trust import open_owned

FOLDER = "runbooks"
"""Of the home."""
_MOST_FILES = 200
_PATIENCE_S = 5.0
_OTHERS_WRITE = 0o022
_SUFFIXES = (".toml", ".py")

_LOG = logging.getLogger(__name__)
_Seen = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is in the folder now."""

    cards: tuple[Card, ...] = ()
    broken: tuple[str, ...] = ()
    """One line for each that cannot be used: which, what is wrong, how to mend it."""


class OwnRunbooks:
    """Keeps what was read until a file changes."""

    def __init__(self, folder: Path, safe: Callable[[], Collection[str]] = frozenset) -> None:
        """`safe`: says which remedies' (`FILE/NAME`) commands the policy's file calls safe."""
        self._folder = folder
        self._safe = safe
        self._seen: object = None
        self._shelf = Shelf()

    def current(self) -> Shelf:
        """Return what holds now. Reads files only where one of them changed; blocks for that, and raises nothing."""
        safe = frozenset(self._safe())
        seen = (self._look(), safe)
        if seen != self._seen:
            self._seen = seen
            self._shelf = self._read(safe)
            for line in self._shelf.broken:
                _LOG.warning("%s", line)
        return self._shelf

    def _read(self, safe: frozenset[str]) -> Shelf:
        """Read the folder beside: a runbook in Python that does not come to an end must not hold up a repair."""
        read: list[Shelf] = []
        thread = threading.Thread(target=lambda: read.append(read_folder(self._folder, safe)), daemon=True)
        thread.start()
        thread.join(_PATIENCE_S)
        if read:
            return read[0]
        why = f"not read within {_PATIENCE_S:g} s: what is not done then (a loop in a .py file, say) must go"
        return Shelf(self._shelf.cards, (f"{self._folder}: {why}",))

    def card(self, counts_as: str) -> Card | None:
        """Return the card that has the remedy of that durable name (`own.FILE/NAME`)."""
        return next(
            (card for card in self.current().cards if any(one.counts_as == counts_as for one in card.remedies)), None
        )

    def _look(self) -> _Seen:
        try:
            with os.scandir(self._folder) as entries:
                found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
            found.append(("", self._folder.lstat()))
        except OSError:
            return ()
        with suppress(OSError):
            found.append(("accepted procedures", accepted_file(self._folder.parent).lstat()))
        return tuple(sorted((name, its.st_ino, its.st_mtime_ns, its.st_ctime_ns, its.st_size) for name, its in found))


def read_folder(folder: Path, safe: Collection[str] = ()) -> Shelf:
    """Read every runbook of the folder; no folder is an empty one."""
    problem = folder_problem(folder)
    if problem is not None:
        return Shelf(broken=(problem,) if problem else ())
    cards: list[Card] = []
    broken: list[str] = []
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES and not path.name.startswith("."))
    except OSError as error:
        return Shelf(broken=(f"{folder}: cannot be read ({error.strerror}): check its mode",))
    if len(paths) > _MOST_FILES:
        broken.append(f"{folder}: more than {_MOST_FILES} files: the others are not read")
    for path in paths[:_MOST_FILES]:
        try:
            card = read_file(path)
        except RunbookError as error:
            broken.append(str(error))
            continue
        twin = next((one.source for one in cards if one.name == card.name), "")
        if twin:
            broken.append(f"{path}: named like {Path(twin).name}: rename one of them")
        else:
            try:
                cards.append(_with_procedures(_as_the_policy_says(card, frozenset(safe)), folder.parent))
            except RunbookError as error:
                broken.append(f"{path}: {error}")
    return Shelf(tuple(cards), tuple(broken))


def folder_problem(folder: Path) -> str | None:
    """Return why nothing is read from the folder; empty where there is none; None: it is fine."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{folder}: cannot be looked at ({error.strerror}): check its mode"
    if not stat.S_ISDIR(found.st_mode):
        return f"{folder}: is no folder{' but a link' if stat.S_ISLNK(found.st_mode) else ''}: make it one"
    return _shared(folder, found)


def read_file(path: Path) -> Card:
    """Read one runbook of a person's. Raises RunbookError."""
    try:
        descriptor = open_owned(path, os.geteuid())
    except FileNotFoundError:
        raise RunbookError(f"{path}: is not there: check its name") from None
    except (UnsafeFile, OSError) as error:
        raise RunbookError(f"{path}: {_why(path, error)}: it must be a file of your own, and no link") from error
    with os.fdopen(descriptor, "rb") as file:
        shared = _shared(path, os.fstat(file.fileno()))
        if shared is not None:
            raise RunbookError(shared)
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise RunbookError(f"{path}: longer than {MOST_BYTES // 1024} KiB: split it")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise RunbookError(f"{path}: no UTF-8 (byte {error.start}): save it as UTF-8") from error
    if path.suffix == ".py":
        from opsagent.runbooks.own_python import card_of  # few have any

        return card_of(text, path)
    return read_card(text, name=path.stem, source=str(path), own=True)


def _why(path: Path, error: Exception) -> str:
    said = (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)
    return said.removeprefix(f"{path} ")


def _shared(path: Path, found: os.stat_result) -> str | None:
    if found.st_uid != os.geteuid():
        return f"{path}: belongs to user {found.st_uid}, not to the agent's: `chown {os.geteuid()} {path}`"
    if found.st_mode & _OTHERS_WRITE:
        return f"{path}: others may write to it: `chmod go-w {path}`"
    return None


def _as_the_policy_says(card: Card, safe: frozenset[str]) -> Card:
    """A command is disruptive at least, unless the policy's file calls it safe; what a runbook says of itself does not."""
    remedies = tuple(
        replace(one, effect=Effect.INTERRUPTS)
        if one.effect is Effect.STARTS and f"{card.name}/{one.name}" not in safe
        else one
        for one in card.remedies
    )
    return replace(card, remedies=remedies)


def _with_procedures(card: Card, home: Path) -> Card:
    """Put beside each procedure on a screen which version of it is accepted. Raises RunbookError."""
    if not any(step.action is ActionName.RUN_GUI_PROCEDURE for one in card.remedies for step in one.steps):
        return card
    from opsagent.runbooks.screens import bound

    accepted = read_accepted(home)
    remedies = tuple(
        replace(
            one,
            steps=tuple(
                replace(step, args=bound(step.args, accepted)) if step.action is ActionName.RUN_GUI_PROCEDURE else step
                for step in one.steps
            ),
        )
        for one in card.remedies
    )
    return replace(card, remedies=remedies)


def problems(home: Path) -> Iterator[str]:
    """Yield what is wrong with the runbooks of a home; for `doctor`."""
    yield from read_folder(home / FOLDER).broken
