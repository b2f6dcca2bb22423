"""Steps as the store keeps them, and back. Pure.

A target in full (`pm2:api@host.example`) is taken apart: whole, it looks like an e-mail address and would be masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from opsagent.commands.reading import CommandStep
from opsagent.model import Risk
from opsagent_tools.registry import SPOKEN
from opsagent_tools.units import UnitId


def to_stored(steps: Iterable[CommandStep]) -> list[dict[str, Any]]:
    """Return the steps as JSON-like data."""
    return [{**step.to_json(), "target": unit_to_stored(step.target)} for step in steps]


def from_stored(rows: Iterable[Mapping[str, Any]]) -> tuple[CommandStep, ...]:
    """Return the steps again. ValueError: a newer version wrote them, or they were tampered with."""
    return tuple(_step(row) for row in rows)


def unit_to_stored(name: str | None) -> str | dict[str, str] | None:
    """Return a unit's name, or its full id taken apart."""
    try:
        return asdict(UnitId.parse(name)) if name is not None else None
    except ValueError:
        return name


def unit_from_stored(kept: Any) -> str | None:
    """Return it as it was. ValueError: it is none."""
    if kept is None or isinstance(kept, str):
        return kept
    if isinstance(kept, Mapping) and set(kept) == {"supervisor", "name", "host"}:
        return str(UnitId(**{key: str(value) for key, value in kept.items()}))
    raise ValueError(f"no name of a unit: {kept!r}")


def _step(row: Mapping[str, Any]) -> CommandStep:
    tool, args = row.get("tool"), row.get("args")
    if tool not in SPOKEN or not isinstance(args, Mapping):
        raise ValueError(f"no step of a command: {row!r}")
    if not all(isinstance(value, (str, int, float, bool)) for value in args.values()):
        raise ValueError(f"no arguments of a command: {args!r}")
    return CommandStep(
        tool=str(tool),
        target=unit_from_stored(row.get("target")),
        args={str(key): value for key, value in args.items()},
        risk=Risk(row.get("risk", Risk.DISRUPTIVE)),
        why=str(row.get("why", "")),
    )
