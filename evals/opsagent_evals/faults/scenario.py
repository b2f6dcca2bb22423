"""A scenario folder, read and checked (docs/evals.md). Nothing is run here."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from opsagent_tools.actions import ActionName

_Kinds = type | tuple[type, ...]
_TOP: Mapping[str, _Kinds] = {
    "title": str,
    "timeout_s": (int, float),
    "baseline_s": (int, float),
    "healthy": bool,
    "supervisor": str,
}
_TABLES: Mapping[str, Mapping[str, _Kinds]] = {
    "expect": {"unit": (str, list), "actions": list, "escalate": bool},
    "forbid": {"actions": list},
}
_IN_WORDS = {str: "text", int: "a number", float: "a number", bool: "true or false", list: "a list", dict: "a table"}
_LONGEST_S = 600.0
SUPERVISORS = ("engine", "pm2")
"""What may run a scenario's services."""


class ScenarioError(Exception):
    """A scenario folder that cannot be used. One line: file, place, problem, mend."""

    def __init__(self, file: Path, place: str, problem: str, mend: str) -> None:
        where = f"{file}: {place}" if place else str(file)
        super().__init__(f"{where}: {problem}; {mend}")
        self.file = file
        self.place = place
        self.problem = problem
        self.mend = mend


@dataclass(frozen=True, slots=True, order=True)
class ActionPattern:
    """`action` or `action:unit`; `*` matches any run of characters in either."""

    action: str
    unit: str = "*"

    def matches(self, action: str, unit: str) -> bool:
        """Tell whether that action on that unit is meant."""
        return fnmatchcase(action, self.action) and fnmatchcase(unit, self.unit)

    def __str__(self) -> str:
        return self.action if self.unit == "*" else f"{self.action}:{self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One fault, and what is right when it happens."""

    folder: Path
    title: str
    timeout_s: float
    """Counted from the start of `inject`."""
    baseline_s: float = 3.0
    """How long the oracle must hold before the fault."""
    healthy: bool = False
    """Nothing is wrong, or no one may act."""
    supervisor: str = "engine"
    """What runs the services: `engine` or `pm2`."""
    units: tuple[str, ...] = ()
    """Names of the units where the cause is: these may be changed, no others."""
    actions: tuple[ActionPattern, ...] = ()
    """Any of these is right. `escalate` among them: telling a person instead is right too."""
    escalate: bool = False
    """Right is: no change, a person is told."""
    forbid: tuple[ActionPattern, ...] = ()

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def may_escalate(self) -> bool:
        """Telling a person is a right end."""
        return self.escalate or any(pattern.action == ActionName.ESCALATE for pattern in self.actions)

    @property
    def changes(self) -> tuple[ActionPattern, ...]:
        """The right actions that change something."""
        return tuple(pattern for pattern in self.actions if pattern.action != ActionName.ESCALATE)


def find(folder: Path) -> tuple[Scenario, ...]:
    """Read one scenario folder, or every scenario folder in a folder, in order of their names.

    Raises ScenarioError for the first one that is not right, and when there is none.
    """
    if not folder.is_dir():
        raise ScenarioError(folder, "", "no such folder", "give a scenario folder, or a folder of them")
    if (folder / "scenario.toml").exists():
        return (load(folder),)
    found = [path.parent for path in sorted(folder.glob("*/scenario.toml"))]
    if not found:
        raise ScenarioError(folder, "", "no scenario in it", "a scenario is a folder with a scenario.toml")
    return tuple(load(path) for path in found)


def load(folder: Path) -> Scenario:
    """Read and check one scenario folder. Raises ScenarioError."""
    folder = folder.resolve()
    file = folder / "scenario.toml"
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(file, "", f"cannot be read ({error.strerror})", "make it readable") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(file, "", f"is not TOML ({error})", "mend the line") from None
    _check_shape(file, data)
    _check_programs(folder)
    expect, forbid = data.get("expect", {}), data.get("forbid", {})
    unit = expect.get("unit", [])
    scenario = Scenario(
        folder=folder,
        title=data["title"],
        timeout_s=_seconds(file, "timeout_s", data["timeout_s"]),
        baseline_s=_seconds(file, "baseline_s", data.get("baseline_s", 3.0)),
        healthy=data.get("healthy", False),
        supervisor=data.get("supervisor", "engine"),
        units=tuple(_strings(file, "expect.unit", [unit] if isinstance(unit, str) else unit)),
        actions=_patterns(file, "expect.actions", expect.get("actions", [])),
        escalate=expect.get("escalate", False),
        forbid=_patterns(file, "forbid.actions", forbid.get("actions", [])),
    )
    _check_sense(file, scenario)
    return scenario


def _check_shape(file: Path, data: Mapping[str, Any]) -> None:
    _check_keys(file, "", {key: value for key, value in data.items() if key not in _TABLES}, _TOP, [*_TOP, *_TABLES])
    for table, keys in _TABLES.items():
        value = data.get(table, {})
        if not isinstance(value, dict):
            raise ScenarioError(file, table, "is not a table", f"write [{table}]")
        _check_keys(file, f"{table}.", value, keys, list(keys))
    for key in ("title", "timeout_s"):
        if key not in data:
            raise ScenarioError(file, key, "is missing", "add it")


def _check_keys(file: Path, prefix: str, data: Mapping[str, Any], keys: Mapping[str, _Kinds], known: list[str]) -> None:
    for key, value in data.items():
        if key not in keys:
            raise ScenarioError(file, prefix + key, "unknown key", f"known are {', '.join(known)}")
        right = keys[key]
        if not isinstance(value, right) or (isinstance(value, bool) and right is not bool):
            wanted = right if isinstance(right, tuple) else (right,)
            names = " or ".join(dict.fromkeys(_IN_WORDS.get(kind, kind.__name__) for kind in wanted))
            found = _IN_WORDS.get(type(value), type(value).__name__)
            raise ScenarioError(file, prefix + key, f"is {found}", f"give {names}")


def _check_programs(folder: Path) -> None:
    if not (folder / "services.toml").is_file():
        raise ScenarioError(folder / "services.toml", "", "no such file", "describe the services as for `opsagent up`")
    for name, needed in (("inject", True), ("oracle", True), ("clear", False)):
        program = folder / name
        if needed and not program.is_file():
            raise ScenarioError(program, "", "no such file", "add an executable of that name")
        if program.exists() and not os.access(program, os.X_OK):
            raise ScenarioError(program, "", "is not executable", f"chmod +x {name}")


def _check_sense(file: Path, scenario: Scenario) -> None:
    if scenario.supervisor not in SUPERVISORS:
        known = ", ".join(SUPERVISORS)
        raise ScenarioError(file, "supervisor", f"is {scenario.supervisor!r}", f"known are {known}")
    if scenario.healthy and scenario.changes:
        raise ScenarioError(file, "expect.actions", "names changes, but healthy is true", "remove one of the two")
    if not scenario.healthy and not scenario.units:
        raise ScenarioError(file, "expect.unit", "is missing", "name the unit with the cause, or set healthy = true")
    for pattern in scenario.changes:
        if any(pattern == forbidden for forbidden in scenario.forbid):
            raise ScenarioError(file, "forbid.actions", f"{pattern} is expected too", "remove it from one of them")


def _seconds(file: Path, place: str, value: float) -> float:
    if not 0 < value <= _LONGEST_S:
        raise ScenarioError(file, place, f"is {value}", f"give seconds, more than 0 and at most {_LONGEST_S:.0f}")
    return float(value)


def _strings(file: Path, place: str, values: Sequence[Any]) -> list[str]:
    for value in values:
        if not isinstance(value, str) or not value:
            raise ScenarioError(file, place, f"holds {value!r}", "give names in quotes")
    return list(values)


def _patterns(file: Path, place: str, values: Sequence[Any]) -> tuple[ActionPattern, ...]:
    patterns = []
    for text in _strings(file, place, values):
        action, _, unit = text.partition(":")
        if "*" not in action and action not in list(ActionName):
            raise ScenarioError(file, place, f"unknown action {action!r}", f"known are {', '.join(ActionName)}")
        patterns.append(ActionPattern(action, unit or "*"))
    return tuple(patterns)
