"""Grants, and what the agent would have done, in the journal."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import RowMapping, func, select

from opsagent.model import Plan
from opsagent.store.boundary import Store
from opsagent.store.schema import grants, ledger, settings, would_be
from opsagent_tools.actions import ActionName
from opsagent_tools.units import UnitId

Judgement = Literal["right", "not_needed", "wrong", "unknown"]
"""`right`: a person did the same and it helped, or said so; `not_needed`: it ended by itself; `wrong`: people did something
else, or said so; `unknown`: nobody can tell."""
_BORN = "born"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRow:
    """What a person lets the agent do unasked: one action on one unit."""

    id: str
    unit: UnitId
    action: ActionName
    granted_at: datetime
    by: str
    why: str
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    revoked_why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WouldBeRow:
    """One action that the agent would have taken, had it been let."""

    id: str
    incident_id: str | None
    plan_id: str | None
    unit: UnitId
    action: ActionName
    remedy: str
    rule: str
    """The guard's rule that held it back: `suggest`, or `ask` where a person was asked."""
    at: datetime
    verdict: Judgement | None = None
    """None: not known yet."""
    judged_at: datetime | None = None
    why: str = ""
    """What it was to be good for; once judged: what became of it."""


class Trust(Store):
    """The part of the journal that knows how far people trust the agent, and on what grounds."""

    def grant(self, unit: UnitId, action: ActionName, by: str, why: str) -> str:
        """Write down that the agent may do `action` on `unit` unasked; return the grant's id. Twice is once."""
        with self._writing(durable=True) as writer:
            open_ones = select(grants.c.id).where(
                grants.c.unit == str(unit), grants.c.action == action.value, grants.c.revoked_at.is_(None)
            )
            known = writer.connection.execute(open_ones).scalar()
            if known is not None:
                return str(known)
            grant_id = secrets.token_hex(4)
            said = {"unit": unit, "action": action.value, "mode": "auto", "by": by, "why": why}
            writer.insert(grants, grant_id, granted_at=writer.now, **said)
        return grant_id

    def revoke(self, unit: UnitId, action: ActionName, by: str, why: str) -> int:
        """End the grants of this action on this unit; return how many there were."""
        with self._writing(durable=True) as writer:
            wanted = select(grants.c.id).where(
                grants.c.unit == str(unit), grants.c.action == action.value, grants.c.revoked_at.is_(None)
            )
            found = list(writer.connection.execute(wanted).scalars())
            for grant_id in found:
                writer.update(grants, grant_id, revoked_at=writer.now, revoked_by=by, revoked_why=why)
        return len(found)

    def grants(self, *, ended: bool = False) -> tuple[GrantRow, ...]:
        """Return the grants in force (`ended`: those that were revoked too), oldest first."""
        wanted = select(grants).order_by(grants.c.granted_at, grants.c.id)
        if not ended:
            wanted = wanted.where(grants.c.revoked_at.is_(None))
        with self._reading() as connection:
            return tuple(_grant(row) for row in connection.execute(wanted).mappings())

    def note_would_be(self, plan: Plan, rule: str) -> tuple[str, ...]:
        """Keep what a plan would have done, one row for each action and unit; return the new rows' ids.

        While an incident goes on, the same action on the same unit is kept once.
        """
        kept: list[str] = []
        steps = (step.action for step in plan.steps if step.action.name is not ActionName.ESCALATE)
        wanted = dict.fromkeys((action.name, action.unit) for action in steps)
        with self._writing() as writer:
            for action, unit in wanted:
                same = select(would_be.c.id).where(
                    would_be.c.incident_id == plan.incident,
                    would_be.c.unit == str(unit),
                    would_be.c.action == action.value,
                    would_be.c.verdict.is_(None),
                )
                if plan.incident is not None and writer.connection.execute(same).first() is not None:
                    continue
                row_id = secrets.token_hex(6)
                writer.insert(
                    would_be,
                    row_id,
                    incident_id=plan.incident,
                    plan_id=plan.id,
                    unit=unit,
                    action=action.value,
                    remedy=plan.remedy,
                    rule=rule,
                    at=writer.now,
                    why=plan.why,
                )
                kept.append(row_id)
        return tuple(kept)

    def judge_would_be(self, row_id: str, verdict: Judgement, why: str) -> None:
        """Say how right it would have been. LookupError: there is no such row."""
        with self._writing() as writer:
            writer.update(would_be, row_id, verdict=verdict, judged_at=writer.now, why=why)

    def would_bes(
        self, *, open_only: bool = False, incident: str | None = None, since: datetime | None = None
    ) -> tuple[WouldBeRow, ...]:
        """Return what would have been done, oldest first."""
        wanted = select(would_be).order_by(would_be.c.at, would_be.c.id)
        if open_only:
            wanted = wanted.where(would_be.c.verdict.is_(None))
        if incident is not None:
            wanted = wanted.where(would_be.c.incident_id == incident)
        if since is not None:
            wanted = wanted.where(would_be.c.at >= since)
        with self._reading() as connection:
            return tuple(_would_be(row) for row in connection.execute(wanted).mappings())

    def born(self) -> datetime | None:
        """Return when the agent began to watch with this home, as far as that is known."""
        with self._reading() as connection:
            said = connection.execute(select(settings.c.at).where(settings.c.id == _BORN)).scalar()
            return said or connection.execute(select(func.min(ledger.c.at))).scalar()

    def note_birth(self) -> None:
        """Write down that the agent begins to watch, once; a home that is older keeps its age."""
        first = self.born()
        with self._writing() as writer:
            if not writer.exists(settings, _BORN):
                writer.insert(settings, _BORN, value={}, at=first or writer.now)


def _grant(row: RowMapping) -> GrantRow:
    return GrantRow(**_plain(row, "mode"))


def _would_be(row: RowMapping) -> WouldBeRow:
    return WouldBeRow(**_plain(row))


def _plain(row: RowMapping, *but: str) -> dict[str, Any]:
    rest = {name: value for name, value in row.items() if name not in {"salt", *but}}
    return {**rest, "unit": UnitId.parse(row["unit"]), "action": ActionName(row["action"])}
