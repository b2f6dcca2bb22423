"""circusd's configuration file, read as data: what it does not tell itself, and what would come back after a reboot.

Nothing is evaluated and nothing taken over; a value with an expansion (`$(circus.env.HOME)`) is left as written.
Format: circus.readthedocs.io, "Configuration".
"""

from __future__ import annotations

import glob
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

_FILE_MAX = 1024 * 1024
_FILES_MAX = 200
_SECTION = re.compile(r"\[(?P<name>[^]]+)\]")
_OPTION = re.compile(r"(?P<key>[^:=\s][^:=]*?)\s*[:=]\s*(?P<value>.*)")
_COMMENT = re.compile(r"^\s*[#;].*|\s;.*$")
DEFAULT_ENDPOINT = "tcp://127.0.0.1:5555"
DEFAULT_PUBSUB = "tcp://127.0.0.1:5556"


@dataclass(frozen=True, slots=True)
class Section:
    """One `[kind:name]` and where it begins."""

    kind: str
    name: str
    file: Path
    line: int
    values: dict[str, str] = field(default_factory=dict)

    @property
    def at(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfFile:
    """A configuration file with everything that it includes."""

    path: Path
    sections: tuple[Section, ...] = ()
    whole: bool = True
    """False: an included file could not be read."""

    def get(self, key: str, default: str = "") -> str:
        """Return a value of `[circus]`, as written."""
        found = (one.values[key] for one in reversed(self.sections) if one.kind == "circus" and key in one.values)
        return next(found, default)

    @property
    def watchers(self) -> dict[str, Section]:
        """Return the watchers by name; circus takes no two whose names differ in case only."""
        return {one.name: one for one in self.sections if one.kind == "watcher"}

    @property
    def sockets(self) -> dict[str, Section]:
        return {one.name.lower(): one for one in self.sections if one.kind == "socket"}


def read_conf(path: Path, uid: int) -> ConfFile | None:
    """Read a configuration of user `uid` with its includes; None where it cannot be read as that user would."""
    sections: list[Section] = []
    text = _read(path, uid)
    if text is None:
        return None
    _parse(text, path, sections)
    whole, seen = True, {path}
    for pattern in _includes(sections, path.parent):
        for name in sorted(glob.glob(pattern)):  # noqa: PTH207  # patterns are absolute, and may have any form
            found = Path(name)
            if found in seen or len(seen) >= _FILES_MAX:
                continue
            seen.add(found)
            included = _read(found, uid)
            if included is None:
                whole = False
            else:
                _parse(included, found, sections)
    return ConfFile(path=path, sections=tuple(sections), whole=whole)


def _includes(sections: list[Section], here: Path) -> list[str]:
    found: list[str] = []
    for section in sections:
        if section.kind == "circus":
            found += [str(here / word) for word in section.values.get("include", "").split()]
            found += [str(here / word / "*.ini") for word in section.values.get("include_dir", "").split()]
    return found


def _parse(text: str, path: Path, sections: list[Section]) -> None:
    section: Section | None = None
    key = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = _COMMENT.sub("", raw).rstrip()
        if not line:
            continue
        if line[0].isspace() and section is not None and key:
            section.values[key] = f"{section.values[key]}\n{line.strip()}".strip()
            continue
        match = _SECTION.match(line)
        if match is not None:
            kind, _, name = match["name"].partition(":")
            section, key = Section(kind.strip(), name.strip(), path, number), ""
            sections.append(section)
            continue
        option = _OPTION.match(line)
        if option is not None and section is not None:
            key = option["key"].strip().lower()
            section.values[key] = option["value"].strip()


def _read(path: Path, uid: int) -> str | None:
    """Return the text of a regular file that user `uid` could read too: its word is not to open others' files for us."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or not _readable_by(path, status, uid):
                return None
            raw = file.read(_FILE_MAX + 1)
    except OSError:
        return None
    return raw.decode("utf-8", "replace") if len(raw) <= _FILE_MAX else None


def _readable_by(path: Path, status: os.stat_result, uid: int) -> bool:
    if uid == 0:
        return True
    if status.st_uid != uid and not status.st_mode & stat.S_IROTH:
        return False
    folders = (folder.stat() for folder in path.resolve().parents)
    return all(one.st_uid == uid or one.st_mode & stat.S_IXOTH for one in folders)
