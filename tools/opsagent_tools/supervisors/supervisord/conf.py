"""supervisord's configuration file, read as data: sections and keys with the line that they stand in.

Nothing is evaluated and nothing taken over: expansions are done by supervisord alone, and what it made of them is asked
from it (`getAllConfigInfo`). Here is found what it does not tell: `autorestart`, `environment`, `stopasgroup`, `user`,
which sections are event listeners, where `numprocs` stands. Format: supervisord.org/configuration.html.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_FILE_MAX = 1024 * 1024
_FILES_MAX = 500
_SECTION = re.compile(r"\[(?P<name>[^]]+)\]")
_OPTION = re.compile(r"(?P<key>[^:=\s][^:=]*?)\s*[:=]\s*(?P<value>.*)")
_COMMENT = re.compile(r"(?:^|\s)[;#].*$")
_EXPANSION = re.compile(r"%\((?P<key>[A-Za-z0-9_]+)\)(?P<format>[-#0 +]*\d*[sd])")

DEFAULT_PLACES = (
    "../etc/supervisord.conf",
    "../supervisord.conf",
    "supervisord.conf",
    "etc/supervisord.conf",
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
)
"""Where supervisord looks without `-c`, relative to its folder; the first two relative to the program."""


@dataclass(frozen=True, slots=True)
class Line:
    """One value and where it stands."""

    value: str
    file: Path
    number: int

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


@dataclass(frozen=True, slots=True)
class Section:
    """One `[kind:name]`."""

    kind: str
    name: str
    at: Line
    values: dict[str, Line] = field(default_factory=dict)

    def get(self, key: str, default: str = "") -> str:
        """Return the value of a key as written, comments removed."""
        line = self.values.get(key)
        return line.value if line is not None else default

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a boolean key."""
        return self.get(key, str(default)).lower() in {"true", "yes", "on", "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfFile:
    """A configuration file with everything that it includes."""

    path: Path
    sections: tuple[Section, ...] = ()
    files: Mapping[Path, float] = field(default_factory=dict)
    """Every file that was read, with its modification time."""
    unread: tuple[Path, ...] = ()
    """Those that could not be read, or belong to somebody else."""

    def section(self, kind: str, name: str = "") -> Section | None:
        """Return the last section of that kind and name: as in supervisord, later ones win."""
        found = (one for one in reversed(self.sections) if one.kind == kind and (not name or one.name == name))
        return next(found, None)

    def programs(self) -> Iterator[Section]:
        """Yield what runs processes that are units; event listeners do not."""
        return (one for one in self.sections if one.kind in {"program", "fcgi-program"})

    def listeners(self) -> frozenset[str]:
        """Return the names of its event listeners, which are groups too."""
        return frozenset(one.name for one in self.sections if one.kind == "eventlistener")

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Return which programs are in which group; a program that no group names is a group of its own."""
        found = {
            one.name: tuple(part.strip() for part in one.get("programs").split(",") if part.strip())
            for one in self.sections
            if one.kind == "group"
        }
        grouped = {program for programs in found.values() for program in programs}
        found.update({one.name: (one.name,) for one in self.programs() if one.name not in grouped})
        return found

    def process_names(self) -> dict[str, Section]:
        """Return the section of each process that the file describes, by `group:name`."""
        sections = {one.name: one for one in self.programs()}
        found: dict[str, Section] = {}
        for group, programs in self.groups().items():
            for program in programs:
                section = sections.get(program)
                if section is not None:
                    found.update((f"{group}:{name}", section) for name in _numbered(section, group))
        return found


def read_conf(path: Path, uid: int) -> ConfFile | None:
    """Read a configuration that a supervisord of user `uid` uses; None where it cannot be read or is not that user's."""
    sections: list[Section] = []
    files: dict[Path, float] = {}
    unread: list[Path] = []
    text = _read(path, uid, files)
    if text is None:
        return None
    _parse(text, path, sections)
    for pattern in _includes(sections, path.parent):
        for name in sorted(glob.glob(pattern)):  # noqa: PTH207  # patterns are absolute, and may have any form
            found = Path(name)
            if len(files) >= _FILES_MAX or found in files:
                continue
            included = _read(found, uid, files)
            if included is None:
                unread.append(found)
            else:
                _parse(included, found, sections)
    return ConfFile(path=path, sections=tuple(sections), files=files, unread=tuple(unread))


def expand(text: str, names: Mapping[str, str | int]) -> str | None:
    """Return `text` with its `%(name)s` replaced; None where one is not known (an environment variable, say)."""
    try:
        done = _EXPANSION.sub(lambda m: ("%" + m["format"]) % (names[m["key"]],), text)
    except (KeyError, TypeError, ValueError):
        return None
    return done.replace("%%", "%")


def _numbered(section: Section, group: str) -> list[str]:
    count, first = _whole(section.get("numprocs"), 1), _whole(section.get("numprocs_start"), 0)
    template = section.get("process_name", "%(program_name)s")
    found = []
    for number in range(first, first + min(count, 10_000)):
        names: dict[str, str | int] = {"program_name": section.name, "group_name": group, "process_num": number}
        name = expand(template, {**names, "numprocs": count, "here": str(section.at.file.parent)})
        if name is not None:
            found.append(name)
    return found


def _whole(text: str, default: int) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else default


def _includes(sections: list[Section], here: Path) -> list[str]:
    names = {"here": str(here), "host_node_name": os.uname().nodename}
    found: list[str] = []
    for section in sections:
        if section.kind == "include":
            found += [str(here / word) for word in (expand(section.get("files"), names) or "").split()]
    return found


def _parse(text: str, path: Path, sections: list[Section]) -> None:
    section: Section | None = None
    key = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = _COMMENT.sub("", raw).rstrip()
        if not line:
            continue
        if line[0].isspace() and section is not None and key:
            before = section.values[key]
            section.values[key] = Line(f"{before.value}\n{line.strip()}".strip(), before.file, before.number)
            continue
        match = _SECTION.match(line)
        if match is not None:
            kind, _, name = match["name"].partition(":")
            section, key = Section(kind.strip(), name.strip(), Line(match["name"], path, number)), ""
            sections.append(section)
            continue
        option = _OPTION.match(line)
        if option is not None and section is not None:
            key = option["key"].strip().lower()
            section.values[key] = Line(option["value"].strip(), path, number)


def _read(path: Path, uid: int, files: dict[Path, float]) -> str | None:
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
    files[path] = status.st_mtime
    return raw.decode("utf-8", "replace") if len(raw) <= _FILE_MAX else None


def _readable_by(path: Path, status: os.stat_result, uid: int) -> bool:
    if uid == 0:
        return True
    if status.st_uid != uid and not status.st_mode & 0o004:
        return False
    folders = (folder.stat() for folder in path.resolve().parents)
    return all(one.st_uid == uid or one.st_mode & 0o001 for one in folders)
