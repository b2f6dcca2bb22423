"""Releases and deploys in the journal."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, select

from opsagent.store.boundary import Store, Writer
from opsagent.store.errors import DeployOpen
from opsagent.store.plans import step_row
from opsagent.store.rows import DeployResult, DeployRow, ReleaseRow
from opsagent.store.schema import deploys, plans, releases, steps
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.units import UnitId

RELEASES_KEPT = 8
"""Of one unit; older ones are forgotten."""


class Releases(Store):
    """The part of the journal that knows which releases were good, and when people deploy."""

    def note_release(
        self, unit: UnitId, *, kind: str, label: str, branch: str | None, commit: str | None, manifest: str
    ) -> str:
        """Write down that this release is good now; return its id. One that is known is only seen anew."""
        with self._writing() as writer:
            known = select(releases.c.id).where(releases.c.unit == str(unit), releases.c.manifest == manifest)
            found = writer.connection.execute(known).scalar()
            if found is not None:
                writer.update(releases, found, good_at=writer.now)
                return str(found)
            release_id = secrets.token_hex(4)
            said = {"kind": kind, "label": label, "branch": branch, "commit": commit, "manifest": manifest}
            writer.insert(releases, release_id, unit=unit, noted_at=writer.now, good_at=writer.now, **said)
            _forget_old(writer, unit)
            return release_id

    def releases(self, unit: UnitId | None = None) -> tuple[ReleaseRow, ...]:
        """Return the releases that were good (of one unit, or of all), the one that was last good first."""
        wanted = select(releases).order_by(releases.c.good_at.desc(), releases.c.id)
        if unit is not None:
            wanted = wanted.where(releases.c.unit == str(unit))
        with self._reading() as connection:
            return tuple(_release_row(row) for row in connection.execute(wanted).mappings())

    def last_rollback(self, unit: UnitId) -> Action | None:
        """Return the rollback of a unit's release that was done last, an undo of one too; None where there was none."""
        wanted = (
            select(steps)
            .join_from(steps, plans, steps.c.plan_id == plans.c.id)
            .where(plans.c.unit == str(unit), steps.c.status.in_(("done", "undone")))
            .order_by(steps.c.intended_at.desc(), steps.c.id)
        )
        with self._reading() as connection:
            rows = (step_row(row) for row in connection.execute(wanted).mappings())
            return next((row.step.action for row in rows if row.step.action.name is ActionName.ROLLBACK), None)

    def begin_deploy(
        self, unit: UnitId, until: datetime, why: str, by: str, *, release_before: str | None = None
    ) -> str:
        """Write down that a person deploys this unit now; return the deploy's id. Raises DeployOpen where one is."""
        deploy_id = secrets.token_hex(4)
        with self._writing(durable=True) as writer:
            row = writer.connection.execute(_open(writer.now).where(deploys.c.unit == str(unit))).mappings().first()
            if row is not None:
                raise DeployOpen(
                    f"a deploy of {unit.name} by {row['by']} is open until {row['until']:%H:%M:%S} UTC: "
                    f"end it with `opsagent deploy end {unit.name}`"
                )
            said = {"unit": unit, "why": why, "by": by, "release_before": release_before}
            writer.insert(deploys, deploy_id, began_at=writer.now, until=until, **said)
        return deploy_id

    def end_deploy(self, unit: UnitId, by: str) -> DeployRow | None:
        """End the open deploy of a unit and return it; None where none is open. Its release is watched from now on."""
        with self._writing(durable=True) as writer:
            row = writer.connection.execute(_open(writer.now).where(deploys.c.unit == str(unit))).mappings().first()
            if row is None:
                return None
            writer.update(deploys, row["id"], ended_at=writer.now, ended_by=by)
            ended = select(deploys).where(deploys.c.id == row["id"])
            return _deploy_row(writer.connection.execute(ended).mappings().one())

    def open_deploy(self, unit: UnitId, now: datetime | None = None) -> DeployRow | None:
        """Return the deploy of a unit that is under way; None where there is none, or its time has run out."""
        return next((deploy for deploy in self.open_deploys(now) if deploy.unit == unit), None)

    def open_deploys(self, now: datetime | None = None) -> tuple[DeployRow, ...]:
        """Return the deploys that are under way, oldest first."""
        with self._reading() as connection:
            return tuple(_deploy_row(row) for row in connection.execute(_open(now or self._clock())).mappings())

    def unjudged_deploys(self) -> tuple[DeployRow, ...]:
        """Return the deploys of which nobody has said yet how they ended, oldest first: open, forgotten or watched."""
        wanted = select(deploys).where(deploys.c.result.is_(None)).order_by(deploys.c.began_at, deploys.c.id)
        with self._reading() as connection:
            return tuple(_deploy_row(row) for row in connection.execute(wanted).mappings())

    def judge_deploy(self, deploy_id: str, result: DeployResult) -> None:
        """Say how a deploy ended. LookupError: no such deploy."""
        with self._writing() as writer:
            writer.update(deploys, deploy_id, result=result)

    def deploys(self, unit: UnitId | None = None, limit: int = 20) -> tuple[DeployRow, ...]:
        """Return deploys, the newest first."""
        wanted = select(deploys).order_by(deploys.c.began_at.desc(), deploys.c.id).limit(limit)
        if unit is not None:
            wanted = wanted.where(deploys.c.unit == str(unit))
        with self._reading() as connection:
            return tuple(_deploy_row(row) for row in connection.execute(wanted).mappings())


def _forget_old(writer: Writer, unit: UnitId) -> None:
    mine = select(releases.c.id).where(releases.c.unit == str(unit)).order_by(releases.c.good_at.desc())
    for release_id in list(writer.connection.execute(mine.offset(RELEASES_KEPT)).scalars()):
        writer.remove(releases, release_id)


def _open(now: datetime) -> Select[Any]:
    return (
        select(deploys)
        .where(deploys.c.ended_at.is_(None), deploys.c.until > now)
        .order_by(deploys.c.began_at, deploys.c.id)
    )


def _release_row(row: RowMapping) -> ReleaseRow:
    kept = {name: value for name, value in row.items() if name not in {"unit", "salt"}}
    return ReleaseRow(unit=UnitId.parse(row["unit"]), **kept)


def _deploy_row(row: RowMapping) -> DeployRow:
    kept = {name: value for name, value in row.items() if name not in {"unit", "salt"}}
    return DeployRow(unit=UnitId.parse(row["unit"]), **kept)
