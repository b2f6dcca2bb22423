"""One taught rule as a value: whom it is about, which actions, when, and how it is written into a fact. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast, get_args

from opsagent.maintenance import ALL, DAYS, Weekly, names_of
from opsagent_tools.actions import ActionName
from opsagent_tools.units import UnitId

FIELD = "rule"
"""The field of a fact that holds its rule."""
EVERYTHING = "*"
"""Any action that changes something."""
Verdict = Literal["never", "ask"]
_DAY_MINUTES = 24 * 60
_MOST = 50


class BadRule(ValueError):
    """It is no rule that this version knows. The text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaughtRule:
    """A person's word: these actions on these units never, or only after asking; always, or in a window."""

    verdict: Verdict
    actions: frozenset[str]
    """Names of actions, or EVERYTHING."""
    units: tuple[str, ...]
    """Names as a unit answers to them; `all`: every unit."""
    window: Weekly | None = None
    """When it holds; None: always."""
    outside: bool = False
    """It holds outside the window, not inside."""
    fact: str = ""
    """Id of the fact that says so."""
    text: str = ""
    """What the person said."""
    unread: str = ""
    """Why this version cannot read what they meant; it is then as careful as it can be."""

    def binds(self, action: ActionName, unit: UnitId) -> bool:
        """Tell whether it is about this action on this unit; a name that several have means all of them."""
        about = EVERYTHING in self.actions or action.value in self.actions
        return about and any(name == ALL or name in names_of(unit) for name in self.units)

    def holds(self, now: datetime) -> bool:
        """Tell whether it holds at this moment."""
        if self.window is None:
            return True
        found = self.window.following(now)
        inside = found is not None and found.begins <= now
        return inside is not self.outside

    def until(self, now: datetime) -> datetime | None:
        """Return when it stops to hold for now; None: it always does, or does not hold."""
        if self.window is None or not self.holds(now):
            return None
        found = self.window.following(now)
        if found is None:
            return None
        return found.begins if self.outside else found.ends

    def says(self) -> str:
        """Return what it was read as, in words that leave nothing open."""
        doing = " or ".join(sorted(self.actions)).replace("_", " ") if EVERYTHING not in self.actions else "change"
        whom = "anything" if ALL in self.units else " or ".join(self.units)
        if self.unread:
            return f"what cannot be read here ({self.unread}); so it asks before any change of {whom}"
        when = f" {_said(self.window, outside=self.outside)}" if self.window is not None else ""
        return f"never {doing} {whom}{when}" if self.verdict == "never" else f"ask before {doing} of {whom}{when}"

    def fields(self) -> dict[str, Any]:
        """Return it in the form in which a fact keeps it."""
        said: dict[str, Any] = {"verdict": self.verdict, "actions": sorted(self.actions), "units": list(self.units)}
        if self.window is not None:
            said |= {
                "days": [DAYS[day] for day in sorted(self.window.days)],
                "from": _clock(self.window.begins),
                "to": _clock(self.window.ends),
                "zone": self.window.zone,
                "outside": self.outside,
            }
        return said


def rule_of(said: object, *, fact: str = "", text: str = "") -> TaughtRule:
    """Read a rule from the field of a fact. Raises BadRule."""
    if not isinstance(said, Mapping):
        raise BadRule("a rule is a table")
    if said.get("verdict") not in get_args(Verdict):
        raise BadRule(f"{said.get('verdict')!r} is no verdict")
    actions, units = (_names(said.get(key), key) for key in ("actions", "units"))
    unknown = sorted(set(actions) - {EVERYTHING, *(name.value for name in ActionName)})
    if unknown:
        raise BadRule(f"there is no action {', '.join(unknown)}")
    return TaughtRule(
        verdict=cast("Verdict", said["verdict"]),
        actions=frozenset(actions),
        units=units,
        window=_window(said),
        outside=bool(said.get("outside", False)),
        fact=fact,
        text=text,
    )


def heeded(said: Mapping[str, Any], *, fact: str = "", text: str = "") -> TaughtRule:
    """Read a rule; of one that this version does not know it is only known that somebody meant to bind the agent, so
    that it has to ask before any change of what the rule is about, as far as that can be told.
    """
    try:
        return rule_of(said, fact=fact, text=text)
    except BadRule as error:
        try:
            units = _names(said.get("units"), "units")
        except BadRule:
            units = (ALL,)
        return unreadable(str(error), units, fact=fact, text=text)


def unreadable(why: str, units: tuple[str, ...] = (ALL,), *, fact: str = "", text: str = "") -> TaughtRule:
    """Return the rule that takes the place of what cannot be read: ask before any change of these units."""
    return TaughtRule(verdict="ask", actions=frozenset({EVERYTHING}), units=units, fact=fact, text=text, unread=why)


def _names(found: object, key: str) -> tuple[str, ...]:
    if not isinstance(found, list) or not found or not all(isinstance(one, str) and one for one in found):
        raise BadRule(f"{key} must be a list of names")
    if len(found) > _MOST:
        raise BadRule(f"more than {_MOST} {key}")
    return tuple(found)


def _window(said: Mapping[str, Any]) -> Weekly | None:
    if "from" not in said:
        return None
    days = frozenset(DAYS.index(day) for day in _names(said.get("days"), "days") if day in DAYS)
    begins, ends = (_minutes(said.get(key)) for key in ("from", "to"))
    zone = said.get("zone")
    if not days or not isinstance(zone, str) or not is_zone(zone):
        raise BadRule("a window has days and a zone")
    return Weekly(days, begins, ends, zone)


def is_zone(name: str) -> bool:
    """Tell whether it is a time zone that this machine knows."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _minutes(found: object) -> int:
    hour, colon, minute = str(found).partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal()):
        raise BadRule(f"{found!r} is no time of day")
    at = int(hour) * 60 + int(minute)
    if int(minute) > 59 or at > _DAY_MINUTES:
        raise BadRule(f"{found!r} is no time of day")
    return at


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _said(window: Weekly, *, outside: bool) -> str:
    days = "" if len(window.days) == 7 else ", ".join(DAYS[day].capitalize() for day in sorted(window.days))
    whole = (window.ends - window.begins) % _DAY_MINUTES == 0
    span = "" if whole else f"{_clock(window.begins)}-{_clock(window.ends)}"
    parts = [part for part in (days, span) if part]
    return f"{'except' if outside else 'on' if whole else 'in'} {' '.join(parts) or 'any day'} ({window.zone})"
