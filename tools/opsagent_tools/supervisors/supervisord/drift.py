"""Where supervisord's configuration on disk differs from what runs. supervisord itself is not asked to read it again:
that would already change what it knows.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.supervisors.supervisord.book import Book
from opsagent_tools.supervisors.supervisord.conf import Section, expand
from opsagent_tools.supervisors.supervisord.info import Config, Info
from opsagent_tools.units import UnitId

_TEXTS = ("command", "directory")
_NUMBERS = {"startsecs": 1, "startretries": 3, "stopwaitsecs": 10}
_FLAGS = {"autostart": True, "redirect_stderr": False}


def drift(book: Book) -> Iterator[Finding]:
    """Yield what `supervisorctl update` or a reboot would change, by unit."""
    if book.conf is None:
        return
    written = book.conf.process_names()
    whole = not book.conf.unread
    groups = {full.partition(":")[0] for full in written}
    known = {info.group for info in book.infos.values()} | {config.group for config in book.configs.values()}
    for group in sorted(groups - {info.group for info in book.infos.values()}):
        yield _finding(
            None, f"{group} is in the configuration and does not run: supervisord has not taken it up", group
        )
    for group in sorted({info.group for info in book.infos.values()} - groups) if whole else ():
        lost = next(book.unit_of(info.full) for info in book.infos.values() if info.group == group)
        yield _finding(lost, f"{group} runs and is not in the configuration any more: a reboot loses it", group)
    for unit in book.units():
        members = book.members(unit.name)
        group = members[0].group
        if group not in groups or group not in known:
            continue
        yield from _counted(unit.id, members, written)
        section, config = written.get(members[0].full), book.configs.get(members[0].full)
        if section is not None and config is not None:
            yield from _changed(unit.id, section, config)


def _counted(unit: UnitId, members: tuple[Info, ...], written: dict[str, Section]) -> Iterator[Finding]:
    sections = {id(section): section for info in members if (section := written.get(info.full)) is not None}
    if len(sections) != 1:
        return
    (section,) = sections.values()
    wanted = sum(1 for full, one in written.items() if one is section and full.startswith(f"{members[0].group}:"))
    if wanted != len(members):
        line = section.values.get("numprocs")
        where = str(line) if line is not None else str(section.at)
        says = f"{len(members)} processes run, the configuration says {wanted} ({where})"
        yield _finding(unit, says, members[0].group)


def _changed(unit: UnitId, section: Section, config: Config) -> Iterator[Finding]:
    for key, (here, there) in _differences(section, config).items():
        line = section.values.get(key)
        where = str(line) if line is not None else str(section.at)
        says = f"{key} is {there} for supervisord and {here} on disk ({where})"
        yield _finding(unit, says, config.group)


def _differences(section: Section, config: Config) -> dict[str, tuple[str, str]]:
    """Return what is written and what supervisord has, by key; what cannot be expanded here is not compared."""
    found: dict[str, tuple[str, str]] = {}
    names: dict[str, str | int] = {
        "program_name": section.name,
        "group_name": config.group,
        "here": str(section.at.file.parent),
        "host_node_name": os.uname().nodename,
        "numprocs": int(section.get("numprocs", "1") or 1) if section.get("numprocs", "1").isdecimal() else 1,
    }
    for key in _TEXTS:
        here, there = expand(section.get(key), names), config.text(key)
        if here is not None and key in config.values and here != there:
            found[key] = (
                "changed" if key == "command" else here or "not set",
                "another" if key == "command" else there,
            )
    for key, default in _NUMBERS.items():
        text = section.get(key, str(default))
        if text.isdecimal() and key in config.values and int(text) != config.number(key, default):
            found[key] = (text, str(config.values[key]))
    for key, preset in _FLAGS.items():
        if key in config.values and section.flag(key, default=preset) != config.values[key]:
            found[key] = (str(section.flag(key, default=preset)).lower(), str(config.values[key]).lower())
    name = section.get("stopsignal", "TERM").upper().removeprefix("SIG")
    number = int(name) if name.isdecimal() else signal.Signals.__members__.get(f"SIG{name}")
    if number is not None and "stopsignal" in config.values and int(number) != config.values["stopsignal"]:
        found["stopsignal"] = (name, str(config.values["stopsignal"]))
    return found


def _finding(unit: UnitId | None, says: str, group: str) -> Finding:
    return Finding(
        check="supervisord/configuration_drift",
        unit=unit,
        severity=Severity.WARNING,
        says=says,
        mend=f"supervisorctl reread, then supervisorctl update {group} (which restarts it), or put the file back",
    )
