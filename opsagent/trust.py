"""How right the agent would have been: what it would have done, beside what people did and how it ended. Pure.

Trust is earned per action and unit, by what people would have wanted, and lost on one miss. What ended by itself speaks
neither for an action nor against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from opsagent_tools.actions import ActionName
from opsagent_tools.units import UnitId

if TYPE_CHECKING:
    from opsagent.store.trust import GrantRow, Judgement, WouldBeRow

SETTLE_S = 10.0
"""So long after an incident's end it is judged: whoever restarts a service first stops it."""
_HELPED = timedelta(minutes=10)
"""What ended an incident was done at most so long before."""
_SLACK = timedelta(seconds=2)
_RESTART_S = 120.0
"""A start so soon after a person's stop makes a restart of the two."""
_SUPERVISORS_OWN_S = 30.0
"""A start so soon after a death is the supervisor's own."""

_SAME: dict[ActionName, frozenset[ActionName]] = {
    ActionName.RESTART: frozenset({ActionName.RESTART, ActionName.RELOAD}),
    ActionName.RELOAD: frozenset({ActionName.RESTART, ActionName.RELOAD}),
    ActionName.START: frozenset({ActionName.START, ActionName.RESTART, ActionName.RELOAD}),
}
"""What a person may have done that is the same thing, seen from the service."""
_SEEN = frozenset({ActionName.START, ActionName.STOP, ActionName.RESTART, ActionName.RELOAD, ActionName.SCALE})
"""What the agent can see people do by themselves. Of anything else it cannot tell that they did not do it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What was seen of a unit: it was stopped on purpose, died, or was started."""

    at: datetime
    kind: Literal["stopped", "died", "spawned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that somebody did to the unit."""

    at: datetime
    action: ActionName
    by: str
    """Who, for a person: a name, or `a person` where only the doing was seen; `the agent`."""
    helped: bool | None = None
    """Of a plan that was verified: whether it did; None: the end of the incident tells."""
    also: frozenset[ActionName] = frozenset()
    """What else the same plan did to the unit: its other steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the incident ended."""

    at: datetime
    well: bool
    """The unit serves, some seconds later, and is in no new incident."""
    why: str = ""
    watched: bool = True
    """The agent was there all the time; False: what people did meanwhile it did not see."""


def deeds_seen(
    happenings: Sequence[Happening], since: datetime, apart: Sequence[tuple[datetime, datetime]]
) -> list[Deed]:
    """Return what people did with the supervisor's own tools, as far as it was seen. `apart`: when plans went on."""
    found: list[Deed] = []
    stopped: Happening | None = None
    died: Happening | None = None
    for one in sorted(happenings, key=lambda one: one.at):
        if any(begins - _SLACK <= one.at <= ends + _SLACK for begins, ends in apart):
            stopped = died = None
            continue
        if one.kind == "died":
            died = one
        elif one.kind == "stopped":
            stopped = stopped or one
        elif stopped is not None and (one.at - stopped.at).total_seconds() <= _RESTART_S:
            found.append(Deed(at=stopped.at, action=ActionName.RESTART, by="a person"))
            stopped = died = None
        elif died is None or (one.at - died.at).total_seconds() > _SUPERVISORS_OWN_S:
            found.append(Deed(at=one.at, action=ActionName.START, by="a person"))
    if stopped is not None:
        found.append(Deed(at=stopped.at, action=ActionName.STOP, by="a person"))
    return [deed for deed in found if deed.at >= since - _SLACK]


def judge(would: WouldBeRow, deeds: Iterable[Deed], ending: Ending) -> tuple[Judgement, str]:
    """Return how right a would-be action would have been, and why."""
    after = sorted((deed for deed in deeds if would.at - _SLACK <= deed.at <= ending.at + _SLACK), key=lambda d: d.at)
    same = _SAME.get(would.action, frozenset({would.action}))
    last = after[-1] if after else None
    if last is None:
        return _nobody_did_anything(ending)
    also = would.action if would.action in last.also else None
    what = f"{last.by} did {also or last.action}"
    if last.action not in same and also is None:
        if would.action not in _SEEN and last.by != "the agent":
            return "unknown", f"{what}; whether also {would.action}, cannot be seen"
        return "wrong", f"{what} instead"
    helped = last.helped if last.helped is not None else ending.well and ending.at - last.at <= _HELPED
    return ("right", f"{what}, and it helped") if helped else ("wrong", f"{what}, and it did not help")


def _nobody_did_anything(ending: Ending) -> tuple[Judgement, str]:
    if not ending.watched:
        return "unknown", "the agent was not there all the time"
    if ending.well:
        return "not_needed", "it ended by itself"
    return "unknown", ending.why or "nobody did anything, and it is not well"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How right one action on one unit would have been."""

    unit: UnitId
    action: ActionName
    right: int = 0
    not_needed: int = 0
    wrong: int = 0
    unknown: int = 0
    """Nobody can tell, or not yet."""
    first_at: datetime | None = None
    last_at: datetime | None = None
    right_since: int = 0
    """Right ones since the last miss."""
    granted: bool = False
    granted_by: str = ""
    granted_at: datetime | None = None
    lost: str = ""
    """Why the last grant was lost or taken back; empty while one is in force."""

    @property
    def key(self) -> str:
        """`restart:worker`."""
        return f"{self.action}:{self.unit.name}"

    @property
    def judged(self) -> int:
        """Those of which it is known."""
        return self.right + self.not_needed + self.wrong

    def line(self) -> str:
        """Say it: `17 of 17 right, 0 harmful`."""
        rest = f", {self.not_needed} not needed" if self.not_needed else ""
        open_ones = f", {self.unknown} unknown" if self.unknown else ""
        return f"{self.right} of {self.judged} right, {self.wrong} harmful{rest}{open_ones}"

    def is_earned(self, least: int) -> bool:
        """Tell whether it may be offered: right often enough since the last miss."""
        return not self.granted and self.right_since >= least


def scores(rows: Iterable[WouldBeRow], grants: Iterable[GrantRow]) -> tuple[Score, ...]:
    """Return the score of every action and unit that there are would-be actions or grants of, by unit and action."""
    by_key: dict[tuple[UnitId, ActionName], list[WouldBeRow]] = {}
    granted: dict[tuple[UnitId, ActionName], list[GrantRow]] = {}
    for row in rows:
        by_key.setdefault((row.unit, row.action), []).append(row)
    for grant in grants:
        granted.setdefault((grant.unit, grant.action), []).append(grant)
    keys = sorted({*by_key, *granted}, key=lambda key: (str(key[0]), key[1]))
    return tuple(_score(*key, by_key.get(key, []), granted.get(key, [])) for key in keys)


def _score(unit: UnitId, action: ActionName, rows: Sequence[WouldBeRow], grants: Sequence[GrantRow]) -> Score:
    misses = [row.at for row in rows if row.verdict == "wrong"]
    misses += [grant.revoked_at for grant in grants if grant.revoked_at is not None]
    missed = max(misses, default=None)
    rights = [row for row in rows if row.verdict == "right"]
    inforce = next((grant for grant in grants if grant.revoked_at is None), None)
    ended = max((one for one in grants if one.revoked_at is not None), key=lambda one: one.revoked_at or one.granted_at,
                default=None)  # fmt: skip
    return Score(
        unit=unit,
        action=action,
        right=len(rights),
        not_needed=sum(row.verdict == "not_needed" for row in rows),
        wrong=sum(row.verdict == "wrong" for row in rows),
        unknown=sum(row.verdict in {None, "unknown"} for row in rows),
        first_at=min((row.at for row in rows), default=None),
        last_at=max((row.at for row in rows), default=None),
        right_since=sum(missed is None or row.at > missed for row in rights),
        granted=inforce is not None,
        granted_by=inforce.by if inforce is not None else "",
        granted_at=inforce.granted_at if inforce is not None else None,
        lost=(ended.revoked_why or "") if inforce is None and ended is not None else "",
    )
