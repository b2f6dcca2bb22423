"""Questions to people in the journal: random, single use, expiring, bound to what was asked."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from opsagent.model import Plan, Step
from opsagent.store.boundary import Store
from opsagent.store.codec import from_plain, to_plain
from opsagent.store.errors import NotDecided
from opsagent.store.plans import plan_row
from opsagent.store.rows import ApprovalRow, ApprovalStatus
from opsagent.store.schema import approvals, plans
from opsagent_tools.peers import same_person

AGENT = "agent"
"""The proposer of unattended plans."""


class Approvals(Store):
    """The part of the journal that knows what people were asked, and what they said. There is no other place for it."""

    def ask(  # noqa: PLR0917  # the order is the order of a sentence
        self, plan: Plan, ordinal: int, step: Step, binding: str, ttl_s: float, by: str = AGENT, needed: int = 1
    ) -> str:
        """Ask for a yes to this plan from this step on; return the id of the question. The plan must be recorded.

        `binding` is the hash of what the yes is for: actions, unit, processes, policy. `by` is who proposes it, `needed`
        how many different people have to say yes (1 or 2).
        """
        approval_id = secrets.token_hex(8)
        with self._writing(durable=True) as writer:
            if not writer.exists(plans, plan.id):
                raise LookupError(f"no plan {plan.id}")
            writer.insert(
                approvals,
                approval_id,
                incident_id=plan.incident,
                plan_id=plan.id,
                ordinal=ordinal,
                step=to_plain(step),
                binding=binding,
                proposer=by,
                asked_at=writer.now,
                expires_at=writer.now + timedelta(seconds=ttl_s),
                status="pending",
                needed=needed,
            )
        return approval_id

    def approvals(self, *, pending: bool = True) -> tuple[ApprovalRow, ...]:
        """Return the open questions (or all that were ever asked), oldest first."""
        wanted = select(approvals).order_by(approvals.c.asked_at, approvals.c.id)
        if pending:
            wanted = wanted.where(approvals.c.status == "pending")
        now = self._clock()
        with self._reading() as connection:
            rows = [approval_row(row, now) for row in connection.execute(wanted).mappings()]
        return tuple(row for row in rows if not pending or row.status == "pending")

    def approval(self, approval_id: str) -> ApprovalRow:
        """Return one question. LookupError: no such one."""
        with self._reading() as connection:
            return _get(connection, approval_id, self._clock())

    def approval_status(self, approval_id: str) -> ApprovalStatus:
        """Return how a question stands now. LookupError: no such one."""
        return self.approval(approval_id).status

    def open_question(self, plan_id: str) -> str | None:
        """Return the question about this plan that is waiting for an answer, or whose yes is waiting to be used."""
        wanted = select(approvals).where(approvals.c.plan_id == plan_id).order_by(approvals.c.asked_at.desc())
        now = self._clock()
        with self._reading() as connection:
            rows = [approval_row(row, now) for row in connection.execute(wanted).mappings()]
        return next((row.id for row in rows if row.status in {"pending", "approved"}), None)

    def decide_approval(self, approval_id: str, approve: bool, by: str) -> ApprovalRow:
        """Write down a person's answer and return the question as it stands then: pending still, where a second person
        has to say yes. One no ends it.

        Raises LookupError where there is no such question, NotDecided where it is not open any more, or where the
        one who proposed it, or who said yes already, would approve it.
        """
        with self._writing(durable=True) as writer:
            row = _get(writer.connection, approval_id, writer.now)
            if row.status != "pending":
                raise NotDecided(f"approval {approval_id}: is {row.status} already: ask for it again")
            if approve and (by == AGENT or same_person(by, row.proposer)):
                raise NotDecided(f"approval {approval_id}: {by} proposed it: somebody else has to approve it")
            if approve and row.decided_by is not None and same_person(by, row.decided_by):
                raise NotDecided(f"approval {approval_id}: {by} said yes already: a second person has to")
            writer.update(approvals, approval_id, **_decision(row, approve, by, writer.now))
            return _get(writer.connection, approval_id, writer.now)

    def yes_to(self, plan_id: str) -> frozenset[str]:
        """Return who said yes to a plan with a yes that was used for it."""
        wanted = select(approvals.c.decided_by, approvals.c.second_by).where(
            approvals.c.plan_id == plan_id, approvals.c.status == "used"
        )
        with self._reading() as connection:
            return frozenset(name for row in connection.execute(wanted) for name in row if name)

    def denied_by(self, plan_id: str) -> str:
        """Return who said no to a plan; empty where nobody did."""
        wanted = select(approvals.c.decided_by, approvals.c.second_by).where(
            approvals.c.plan_id == plan_id, approvals.c.status == "denied"
        )
        with self._reading() as connection:
            found = connection.execute(wanted.order_by(approvals.c.asked_at.desc())).first()
        return str(found.second_by or found.decided_by) if found is not None else ""

    def use_approval(self, approval_id: str, binding: str) -> bool:
        """Use up a yes: True exactly once, before it expires, and only if what it was bound to is still so.

        Where something has changed the yes is void: it was for something else.
        """
        with self._writing(durable=True) as writer:
            row = _get(writer.connection, approval_id, writer.now)
            if row.status != "approved":
                return False
            fits = secrets.compare_digest(row.binding, binding)
            writer.update(approvals, approval_id, status="used" if fits else "expired")
            return fits

    def expire_approval(self, approval_id: str) -> None:
        """Withdraw a question that nobody needs to answer any more; one that was used up or denied stays so."""
        with self._writing() as writer:
            if _get(writer.connection, approval_id, writer.now).status in {"pending", "approved"}:
                writer.update(approvals, approval_id, status="expired")

    def plan_of_approval(self, approval_id: str) -> Plan:
        """Return the plan that the yes is for. LookupError: no such question, or its plan cannot be run from the store
        because a secret in it was masked.
        """
        with self._reading() as connection:
            asked = _get(connection, approval_id, self._clock())
            row = connection.execute(select(plans).where(plans.c.id == asked.plan_id)).mappings().one()
        if row["masked"]:
            raise LookupError(f"the plan of approval {approval_id} holds a masked secret: ask for it again")
        return plan_row(row).plan


def approval_row(row: RowMapping, now: datetime) -> ApprovalRow:
    """Return the record of a row of `approvals`, as it stands at `now`."""
    rest = {name: value for name, value in row.items() if name not in {"step", "salt"}}
    found = ApprovalRow(step=from_plain(row["step"], Step), **rest)
    over = found.status in {"pending", "approved"} and found.expires_at <= now
    return replace(found, status="expired") if over else found


def _decision(row: ApprovalRow, approve: bool, by: str, now: datetime) -> dict[str, Any]:
    """Return what an answer changes in a pending question."""
    first = row.decided_by is None
    said = {"decided_by": by, "decided_at": now} if first else {"second_by": by, "second_at": now}
    if not approve:
        return {**said, "status": "denied"}
    complete = row.persons < 2 or not first
    return {**said, "status": "approved"} if complete else said


def _get(connection: Connection, approval_id: str, now: datetime) -> ApprovalRow:
    row = connection.execute(select(approvals).where(approvals.c.id == approval_id)).mappings().first()
    if row is None:
        raise LookupError(f"no approval {approval_id}")
    return approval_row(row, now)
