"""What `config_changed` tells of each changed file, typed. A leaf of the runbooks and of the suspects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opsagent.model import Scalar
from opsagent.runbooks.case import Target
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.remedy import Against
from opsagent_tools.units import UnitId

CHANGE_TO_TROUBLE_S = 600.0
"""A change explains trouble that began at most this much later."""
AT_ONCE_S = 60.0
"""What a unit that seems well does to another shows at most this long after it was changed."""
SLACK_S = 1.0
"""File times and the clock differ by less; trouble may be seen this much before the edit that caused it is."""


@dataclass(frozen=True, slots=True)
class File:
    """A configuration file that is not what it was when its service was last well."""

    facts: Mapping[str, Scalar]

    def words(self, name: str) -> str:
        return str(self.facts.get(name, ""))

    def flag(self, name: str) -> bool:
        return self.facts.get(name) is True

    @property
    def name(self) -> str:
        return self.words("name")

    @property
    def changed_at(self) -> float:
        return float(self.facts.get("changed_at", 0.0))

    @property
    def wrecked(self) -> str:
        """Return how it is no configuration any more, or nothing."""
        if self.flag("missing"):
            return f"{self.name} is missing"
        broken = self.words("broken")
        return f"{self.name}: {broken}" if broken else ""

    @property
    def unread(self) -> bool:
        """Tell whether it is known that nobody has read it since it was changed, under processes that are older."""
        return self.flag("older") and self.words("read_since") == "no"

    @property
    def taken_up(self) -> bool:
        """Tell whether the processes that run now know it: they were started since, or somebody has read it since.

        Of a secret that both ends were given it is known that they do not: they would be well.
        """
        if not self.flag("older"):
            return True
        return self.words("read_since") == "yes" and not self.flag("secret") and not self.words("agrees_with")


def files_of(change: Facts | None) -> tuple[File, ...]:
    """Return the changed files that a probe tells of."""
    if change is None or not change.answered:
        return ()
    facts = change.evidence.facts
    found = []
    number = 1
    while f"{number}_path" in facts:
        prefix = f"{number}_"
        found.append(File({name[len(prefix) :]: value for name, value in facts.items() if name.startswith(prefix)}))
        number += 1
    return tuple(found)


def fresh(findings: Findings, target: Target) -> tuple[File, ...] | Against:
    """Return the files that changed shortly before the trouble began, or why there are none that may explain it."""
    change = findings.of("config_changed", target.unit.id)
    files = files_of(change) if change.answered else ()
    if not files:
        return Against(change.words("said") or f"the configuration of {target.unit.name} is the last known good one")
    if change.number("differs") > len(files):
        return Against(f"{change.number('differs'):.0f} files changed: that is more than a slip")
    began = findings.case.incident.began_at.timestamp()
    late = [file for file in files if file.changed_at > began + SLACK_S]
    if late and not _was_put_back(findings, target):
        return Against(f"{late[0].name} changed after the trouble began: somebody is at work on it")
    found = tuple(file for file in files if began - file.changed_at <= CHANGE_TO_TROUBLE_S)
    if not found:
        return Against(f"{change.words('said')}, long before the trouble began")
    return found


def _was_put_back(findings: Findings, target: Target) -> bool:
    """Tell whether an undo of ours may have written the file last."""
    return findings.tried_any("/rollback_config", target.unit.id)


def args_of(files: tuple[File, ...]) -> dict[str, Scalar]:
    """Return what the steps of a rollback need, for each file."""
    args: dict[str, Scalar] = {"files": len(files)}
    for number, file in enumerate(files, 1):
        for name in ("path", "good", "current", "mode"):
            args[f"{number}_{name}"] = file.facts.get(name, "")
    return args


_OVERLOADED = ("busy", "starved")
_MANY = 3
"""So many questions that were given up, or connections a second, are no accident."""


def overload(findings: Findings, unit: UnitId, by: UnitId) -> str:
    """Return how the kernel shows that `unit` is asked more than it can answer (by `by`, where that is seen), or nothing.

    Uses what is known and asks for nothing.
    """
    process = findings.known("process_state", unit)
    if process is not None and process.answered and any(process.flag(name) for name in _OVERLOADED):
        return f"{unit.name} works all the time ({process.words('said')})"
    clients = findings.known("clients", findings.case.incident.unit)
    if clients is None or not clients.answered or clients.words("server") != str(unit):
        return ""
    floods = clients.words("flooder") == str(by) and clients.number("flooder_s") >= _MANY
    waits = clients.flag("queue_full") or clients.number("given_up") >= _MANY or clients.number("queue") >= _MANY
    return clients.words("said") if floods and waits else ""
