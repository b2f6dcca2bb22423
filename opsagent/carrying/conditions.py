"""Conditions of commands (`if api is down, restart it`): a closed list of forms, evaluated at the moment of acting.

Forms (`if`): `NAME is down|up|stopped|healthy|unhealthy`, `NAME memory > 500M`, `NAME cpu > 80%`. To parse is pure; to
look reads the unit as its supervisor shows it, /proc, and the health probe that a person configured.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from opsagent.carrying.words import say
from opsagent.commands.reading import Language
from opsagent_tools.units import Unit, UnitState

if TYPE_CHECKING:
    from opsagent.running import Running

State = Literal["down", "up", "stopped", "healthy", "unhealthy"]

_FORM = re.compile(
    r"(?P<name>\S+) (?:is (?P<state>down|up|stopped|healthy|unhealthy)"
    r"|(?P<what>memory|cpu) (?P<op>[<>]) (?P<amount>\d{1,7}(?:\.\d{1,3})?)(?P<unit>[KMG]?|%))"
)
_BYTES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_CPU_LOOK_S = 1.0
"""How long a process is watched to tell how much of a processor it uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition, taken apart."""

    name: str
    """Of the unit that it is about."""
    state: State | None = None
    what: Literal["memory", "cpu"] | None = None
    above: bool = True
    amount: float = 0.0
    """Bytes, or per cent of one processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What looking showed."""

    holds: bool | None
    """None: it cannot be told."""
    said: str
    """What is so instead, or why it cannot be told; in the person's language."""


def parse(text: str) -> Condition:
    """Take a condition apart. ValueError: it is none of the closed list."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no condition that can be looked at")
    if match["state"]:
        return Condition(name=match["name"], state=match["state"])  # type: ignore[arg-type]  # one of the five
    if (match["unit"] == "%") != (match["what"] == "cpu"):
        raise ValueError(f"{text!r}: memory is said in bytes (500M), cpu in per cent (80%)")
    amount = float(match["amount"]) * _BYTES.get(match["unit"], 1)
    return Condition(name=match["name"], what=match["what"], above=match["op"] == ">", amount=amount)  # type: ignore[arg-type]


async def look(text: str, running: Running, language: Language) -> Found:
    """Return whether a condition holds now. Never raises for what cannot be known."""
    try:
        condition = parse(text)
    except ValueError:
        return _unknown(language, text, "no such condition")
    from opsagent.running import UnknownService, find

    try:
        unit = find(condition.name, running.with_daemons, silent=running.silent)
    except UnknownService as error:
        return Found(holds=None, said=say(language, "cannot tell", condition=text, why=error))
    if unit.state is UnitState.UNKNOWN or unit.id.supervisor in running.silent:
        return _unknown(language, text, "no answer")
    if condition.state is not None:
        return await _state(condition, unit, running, text, language)
    return await _measured(condition, unit, text, language)


def _unknown(language: Language, condition: str, why: str) -> Found:
    return Found(holds=None, said=say(language, "cannot tell", condition=condition, why=say(language, why)))


async def _state(condition: Condition, unit: Unit, running: Running, text: str, language: Language) -> Found:
    up = unit.state in {UnitState.RUNNING, UnitState.STARTING} and bool(unit.processes)
    stopped = unit.state is UnitState.STOPPED
    now: State = "up" if up else "stopped" if stopped else "down"
    holds = {"up": up, "down": not up, "stopped": stopped, "healthy": False, "unhealthy": True}[str(condition.state)]
    if condition.state in {"healthy", "unhealthy"} and up:
        spec = running.spec(unit.id)
        if spec is None or spec.health is None:
            return _unknown(language, text, "no probe")
        from opsagent_tools.probes.health import ask

        well = (await ask(spec.health)).ok
        now = "healthy" if well else "unhealthy"
        holds = now == condition.state
    return Found(holds=holds, said=say(language, f"is {now}", unit=unit.name))


async def _measured(condition: Condition, unit: Unit, text: str, language: Language) -> Found:
    from opsagent.views.numbers import size

    if condition.what == "memory":
        found = await asyncio.to_thread(_memory, unit)
        said = "has memory"
    else:
        found = await _cpu(unit)
        said = "has cpu"
    if found is None:
        return _unknown(language, text, "no process")
    holds = found > condition.amount if condition.above else found < condition.amount
    amount = size(found) if condition.what == "memory" else f"{found:.0f} %"
    return Found(holds=holds, said=say(language, said, unit=unit.name, amount=amount))


def _memory(unit: Unit) -> float | None:
    """Return the resident memory of all its processes, in bytes; None where there is none that could be measured."""
    import psutil

    total, seen = 0, False
    for process in unit.processes:
        try:
            total += psutil.Process(process.pid).memory_info().rss
        except psutil.Error:
            continue
        seen = True
    return float(total) if seen else None


async def _cpu(unit: Unit) -> float | None:
    """Return what all its processes use now, in per cent of one processor."""
    before = await asyncio.to_thread(_used, unit)
    began = asyncio.get_running_loop().time()
    await asyncio.sleep(_CPU_LOOK_S)
    after = await asyncio.to_thread(_used, unit)
    both = before.keys() & after.keys()
    if not both:
        return None
    took = asyncio.get_running_loop().time() - began
    return sum(after[pid] - before[pid] for pid in both) / took * 100.0


def _used(unit: Unit) -> dict[int, float]:
    import psutil

    found: dict[int, float] = {}
    for process in unit.processes:
        try:
            times = psutil.Process(process.pid).cpu_times()
        except psutil.Error:
            continue
        found[process.pid] = times.user + times.system
    return found
