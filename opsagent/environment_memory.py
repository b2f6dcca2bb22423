"""What a unit was last well with besides its files: command and environment, by reference.

Of every variable a keyed hash is kept (`opsagent.releases.environment`), so that a difference can be named and not read.
Of a service that our own engine runs the whole definition is kept as well, in a 0600 file under the home, so that it can
be given again. A definition that takes the place of a good one is on trial at first, like a configuration file.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from opsagent.kept_contents import write_private
from opsagent_tools.units import UnitId

_LOG = logging.getLogger(__name__)
_TRIAL_S = 900.0
_NOTED_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a unit is given to run with."""

    command: str
    """Keyed hash of all words."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variable → keyed hash of its value."""
    caps: Mapping[str, str] = field(default_factory=dict)
    """Limits of its own that command or environment set (`--max-old-space-size` → `64`); no secrets."""
    definition: str = ""
    """SHA-256 of the kept definition; empty where it is not ours to give."""

    def plain(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {
            "command": self.command,
            "env": dict(self.env),
            "caps": dict(self.caps),
            "definition": self.definition,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is known of a unit."""

    good: Given
    trial: Given | None = None
    trial_since: float = 0.0
    trial_until: float = 0.0
    seen: str = ""
    """SHA-256 of the definition that was seen last …"""
    seen_at: float = 0.0
    """… and when it was first seen, seconds since the epoch."""


def remembered(unit: UnitId, folder: Path) -> Remembered | None:
    """Return what the unit was last well with; None where nothing is known."""
    try:
        found = json.loads(_path(unit, folder).read_bytes())
        trial = found.get("trial")
        return Remembered(
            good=_given(found["good"]),
            trial=_given(trial) if trial else None,
            trial_since=float(found.get("since", 0.0)),
            trial_until=float(found.get("until", 0.0)),
            seen=str(found.get("seen", "")),
            seen_at=float(found.get("seen_at", 0.0)),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        _LOG.warning("what %s was given is unreadable; it is noted anew", unit)
        return None


def note(unit: UnitId, given: Given, folder: Path, now: float) -> None:
    """Take what a unit that is well now was started with for good, as far as that is proven."""
    known = remembered(unit, folder)
    if known is None or (given.definition and not known.good.definition):
        _write(unit, folder, Remembered(good=given))
    elif known.good == given:
        if known.trial is not None:
            _write(unit, folder, replace(known, trial=None))
    elif known.trial != given:
        _write(unit, folder, replace(known, trial=given, trial_since=now, trial_until=now))
    elif now - known.trial_since >= _TRIAL_S:
        _write(unit, folder, replace(known, good=given, trial=None))
    elif now - known.trial_until >= _NOTED_S:
        _write(unit, folder, replace(known, trial_until=now))


def see(unit: UnitId, definition: str, folder: Path, now: float) -> None:
    """Note since when a unit has the definition of this SHA-256, well or not. Nothing is noted of one never seen well."""
    known = remembered(unit, folder)
    if known is not None and known.seen != definition:
        _write(unit, folder, replace(known, seen=definition, seen_at=now))


def _write(unit: UnitId, folder: Path, what: Remembered) -> None:
    record = {
        "good": what.good.plain(),
        "trial": what.trial.plain() if what.trial is not None else None,
        "since": what.trial_since,
        "until": what.trial_until,
        "seen": what.seen,
        "seen_at": what.seen_at,
    }
    write_private(_path(unit, folder), json.dumps(record).encode(), replace=True)


def _given(raw: Mapping[str, Any]) -> Given:
    return Given(
        command=str(raw["command"]),
        env={str(name): str(value) for name, value in raw["env"].items()},
        caps={str(name): str(value) for name, value in raw["caps"].items()},
        definition=str(raw["definition"]),
    )


def _path(unit: UnitId, folder: Path) -> Path:
    return folder / f"{hashlib.sha256(str(unit).encode()).hexdigest()[:16]}.given.json"
