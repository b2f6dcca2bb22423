"""The little language of a runbook's conditions: `PROBE.FACT OP VALUE`. Pure; nothing is evaluated but comparisons.

    own_logs.fills is true
    own_logs.share >= 0.9
    unit_state.state in running exited
    release_changed.label exists
    root.dependencies.root is api          # of the incident's unit, where the remedy aims at another
    unit.instances > 1                     # without any probe: name, state, instances, processes, surges,
                                           # autorestart, has_port, has_health, supervisor
    incident.age_s > 30                    # fault, affected, age_s, attempts

What a probe did not tell, what it could not find out, and what is only text, fulfils no condition: also not `is not`.
`absent` alone holds where a probe answered and did not tell it.

ConditionError   it cannot be read
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from opsagent.model import Scalar
from opsagent.runbooks.case import Target
from opsagent.runbooks.findings import Findings
from opsagent_tools.units import UnitId

MOST_CHARACTERS = 200
_ROOT = "root"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FACT = re.compile(r"[a-z0-9][a-z0-9_]*")
_WORDS = re.compile(r"[,\s]+")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
UNIT, INCIDENT = "unit", "incident"
UNIT_FACTS = (
    "name",
    "supervisor",
    "state",
    "instances",
    "processes",
    "surges",
    "autorestart",
    "has_port",
    "has_health",
)
INCIDENT_FACTS = ("fault", "affected", "age_s", "attempts")
WITHOUT_PROBE: Mapping[str, tuple[str, ...]] = MappingProxyType({UNIT: UNIT_FACTS, INCIDENT: INCIDENT_FACTS})


class ConditionError(ValueError):
    """A condition cannot be read; says what is wrong and how to write it."""


@dataclass(frozen=True, slots=True)
class Held:
    """All conditions hold, and what shows it."""

    why: str


@dataclass(frozen=True, slots=True)
class Broken:
    """One of them does not hold, and why."""

    why: str
    unknown: bool = False
    """Because its probe could not find out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """One condition, read."""

    text: str
    probe: str
    fact: str
    op: str
    values: tuple[Scalar, ...] = ()
    of_root: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What `PROBE.FACT` names."""

    probe: str
    name: str
    of_root: bool = False


def _same(told: Scalar, value: Scalar) -> bool:
    if isinstance(told, bool) or isinstance(value, bool):
        return told is value
    if isinstance(told, str) or isinstance(value, str):
        return isinstance(told, str) and isinstance(value, str) and told == value
    return told == value


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[Scalar, Sequence[Scalar]], bool]:
    def holds(told: Scalar, values: Sequence[Scalar]) -> bool:
        value = values[0]
        if isinstance(told, bool | str) or isinstance(value, bool | str):
            return False
        return compare(float(told), float(value))

    return holds


_OPS: Mapping[str, Callable[[Scalar, Sequence[Scalar]], bool]] = MappingProxyType(
    {
        "is not": lambda told, values: not _same(told, values[0]),
        "is": lambda told, values: _same(told, values[0]),
        "not in": lambda told, values: not any(_same(told, value) for value in values),
        "in": lambda told, values: any(_same(told, value) for value in values),
        "<=": _ordered(operator.le),
        ">=": _ordered(operator.ge),
        "<": _ordered(operator.lt),
        ">": _ordered(operator.gt),
        "exists": lambda told, values: True,
        "absent": lambda told, values: False,
    }
)
_UNARY = frozenset({"exists", "absent"})
_MANY = frozenset({"in", "not in"})
_ORDER = frozenset({"<", "<=", ">", ">="})


def parse(text: str) -> When:
    """Read one condition. Raises ConditionError."""
    if len(text) > MOST_CHARACTERS or not text.isprintable():
        raise ConditionError(f"longer than {MOST_CHARACTERS} characters, or not printable: write PROBE.FACT OP VALUE")
    name, _, rest = text.strip().partition(" ")
    fact = parse_fact(name)
    rest = rest.strip()
    op = next(
        (op for op in _OPS if rest == op or rest.startswith(op + " ") or (op in _ORDER and rest.startswith(op))), ""
    )
    if not op:
        said = rest.partition(" ")[0] or "nothing"
        near = difflib.get_close_matches(said, _OPS, 1)
        raise ConditionError(
            f"`{text}`: {said} is no comparison"
            f"{f' (did you mean {near[0]}?)' if near else ''}: use one of {', '.join(_OPS)}"
        )
    return When(
        text=text.strip(),
        probe=fact.probe,
        fact=fact.name,
        op=op,
        values=_values(text, op, rest[len(op) :].strip()),
        of_root=fact.of_root,
    )


def parse_fact(text: str) -> Fact:
    """Read `PROBE.FACT` or `root.PROBE.FACT`. Raises ConditionError."""
    parts = text.split(".")
    of_root = len(parts) == 3 and parts[0] == _ROOT
    names = parts[1:] if of_root else parts
    if len(names) != 2 or not _NAME.fullmatch(names[0]) or not _FACT.fullmatch(names[1]):
        raise ConditionError(f"`{text}` names no fact: write PROBE.FACT (small letters, digits, _)")
    told = WITHOUT_PROBE.get(names[0])
    if told is not None and names[1] not in told:
        near = difflib.get_close_matches(names[1], told, 1)
        raise ConditionError(
            f"`{text}`: {names[0]} has no {names[1]}{f' (did you mean {near[0]}?)' if near else ''}: "
            f"it has {', '.join(told)}"
        )
    return Fact(probe=names[0], name=names[1], of_root=of_root)


def _values(text: str, op: str, rest: str) -> tuple[Scalar, ...]:
    if op in _UNARY:
        if rest:
            raise ConditionError(f"`{text}`: nothing may follow {op}")
        return ()
    words = [word for word in _WORDS.split(rest) if word] if op in _MANY else [rest] if rest else []
    if not words:
        raise ConditionError(f"`{text}`: a value is missing after {op}")
    values = tuple(_value(word) for word in words)
    if op in _ORDER and isinstance(values[0], bool | str):
        raise ConditionError(f"`{text}`: {op} compares numbers, and {rest} is none")
    return values


def _value(word: str) -> Scalar:
    if len(word) >= 2 and word[0] == word[-1] and word[0] in "'\"":
        return word[1:-1]
    if word in ("true", "false"):
        return word == "true"
    return float(word) if _NUMBER.fullmatch(word) else word


def holds(conditions: Iterable[When], findings: Findings, unit: UnitId, target: Target | None) -> Held | Broken:
    """Tell whether all of them hold for `unit`. Raises NotAsked with all probes that are still wanted.

    What is known is looked at first: where that breaks a condition, nothing more is asked for.
    """
    conditions = tuple(conditions)
    missing: list[tuple[str, UnitId]] = []
    shown: list[str] = []
    for condition in conditions:
        whose = findings.case.incident.unit if condition.of_root else unit
        if condition.probe not in WITHOUT_PROBE and findings.known(condition.probe, whose) is None:
            missing.append((condition.probe, whose))
            continue
        broken = _broken(condition, findings, whose, target if not condition.of_root else findings.root, shown)
        if broken is not None:
            return broken
    if missing:
        findings.want(*missing)
    return Held("; ".join(dict.fromkeys(shown)))


def _broken(
    condition: When, findings: Findings, unit: UnitId, target: Target | None, shown: list[str]
) -> Broken | None:
    if condition.probe in WITHOUT_PROBE:
        told = without_probe(condition.probe, condition.fact, findings, target)
    else:
        facts = findings.of(condition.probe, unit)
        if not facts.answered:
            return Broken(f"{condition.probe} of {unit.name} could not find out", unknown=True)
        told = facts.evidence.facts.get(condition.fact)
        said = facts.words("said")
        if said:
            shown.append(said)
    if told is None:
        if condition.op == "absent":
            return None
        return Broken(f"{condition.probe} of {unit.name} does not tell {condition.fact}")
    if compares(condition, told):
        return None
    return Broken(f"{condition.text} does not hold: {_short(told)}")


def compares(condition: When, told: Scalar) -> bool:
    """Tell whether a fact fulfils the condition."""
    return _OPS[condition.op](told, condition.values)


def without_probe(what: str, fact: str, findings: Findings, target: Target | None) -> Scalar | None:
    """Return what is known of the unit or the incident without asking anybody."""
    if what == INCIDENT:
        incident = findings.case.incident
        told: Mapping[str, Scalar] = {
            "fault": incident.fault.value,
            "affected": len(incident.affected),
            "age_s": (findings.case.now - incident.began_at).total_seconds(),
            "attempts": len(findings.case.tried),
        }
        return told.get(fact)
    if target is None:
        return None
    unit, spec = target.unit, target.spec
    told = {
        "name": unit.name,
        "supervisor": unit.id.supervisor,
        "state": unit.state.value,
        "instances": unit.instances,
        "processes": len(unit.processes),
        "surges": bool(unit.processes) and unit.surges,
        "autorestart": unit.autorestart,
        "has_port": bool(unit.ports),
        "has_health": spec is not None and spec.health is not None,
    }
    return told.get(fact)


def _short(told: Scalar) -> str:
    text = str(told)
    return text if len(text) <= 60 else text[:57] + "…"
