"""What chat models were asked, and what it cost, in the journal. What was said to them is not kept here."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, or_, select

from opsagent.store.boundary import Store
from opsagent.store.schema import incidents, model_calls

CUT_OFF = "under way"
"""`why` of a request that was let go and of whose end nobody told: whoever asked ended meanwhile. It may have cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One request to a chat model."""

    id: str
    at: datetime
    purpose: str
    model: str
    incident_id: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None
    currency: str | None = None
    ok: bool = False
    why: str = ""
    """Why it failed."""
    bytes_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUse:
    """What models were asked in a while, summed up."""

    calls: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    """Of the requests whose price was known, in one currency."""
    unpriced: int = 0
    """Requests that were answered and of which nobody knows what they cost, in that currency."""
    bytes_out: int = 0

    @property
    def tokens(self) -> int:
        """Return all tokens, in and out."""
        return self.tokens_in + self.tokens_out


class ModelCalls(Store):
    """The part of the journal that knows what models were asked."""

    def begin_model_call(self, *, purpose: str, model: str, incident: str | None = None) -> str:
        """Note, on the disk, that a request is about to go out; return its id."""
        call_id = secrets.token_hex(8)
        with self._writing(durable=True) as writer:
            writer.insert(
                model_calls,
                call_id,
                at=writer.now,
                purpose=purpose,
                model=model,
                incident_id=incident,
                tokens_in=0,
                tokens_out=0,
                cost=None,
                currency=None,
                ok=False,
                why=CUT_OFF,
                bytes_out=0,
            )
        return call_id

    def end_model_call(
        self,
        call_id: str,
        *,
        ok: bool,
        why: str = "",
        tokens: tuple[int, int] = (0, 0),
        cost: float | None = None,
        currency: str | None = None,
        bytes_out: int = 0,
    ) -> None:
        """Note how it ended. `tokens`: in, out."""
        tokens_in, tokens_out = tokens
        with self._writing() as writer:
            writer.update(
                model_calls,
                call_id,
                ok=ok,
                why=why,
                tokens_in=tokens_in,
                tokens_out=tokens_out,
                cost=cost,
                currency=currency,
                bytes_out=bytes_out,
            )

    def model_calls(self, since: datetime | None = None, limit: int = 100) -> tuple[ModelCall, ...]:
        """Return what models were asked, newest first."""
        wanted = select(model_calls).order_by(model_calls.c.at.desc(), model_calls.c.id).limit(limit)
        if since is not None:
            wanted = wanted.where(model_calls.c.at >= since)
        with self._reading() as connection:
            rows = connection.execute(wanted).mappings()
            return tuple(ModelCall(**{name: row[name] for name in ModelCall.__dataclass_fields__}) for row in rows)

    def model_use(self, since: datetime, currency: str) -> ModelUse:
        """Sum up what models were asked since then. Costs are those in `currency`."""
        table = model_calls.c
        sums = [
            func.count(),
            func.sum(case((table.ok.is_(True), 0), else_=1)),
            func.sum(table.tokens_in),
            func.sum(table.tokens_out),
            func.sum(table.bytes_out),
        ]
        with self._reading() as connection:
            calls, failed, tokens_in, tokens_out, size = connection.execute(
                select(*sums).where(table.at >= since)
            ).one()
            own = select(func.sum(table.cost)).where(table.at >= since, table.currency == currency)
            cost = connection.execute(own).scalar()
            unknown = or_(table.cost.is_(None), table.currency.is_(None), table.currency != currency)
            others = select(func.count()).where(table.at >= since, table.ok.is_(True), unknown)
            unpriced = connection.execute(others).scalar()
        return ModelUse(
            calls=int(calls or 0),
            failed=int(failed or 0),
            tokens_in=int(tokens_in or 0),
            tokens_out=int(tokens_out or 0),
            cost=float(cost or 0.0),
            unpriced=int(unpriced or 0),
            bytes_out=int(size or 0),
        )

    def solved_by(self, since: datetime | None = None) -> Sequence[tuple[str, int]]:
        """Return how many incidents that ended repaired were solved by whom, most first."""
        wanted = (
            select(incidents.c.solved_by, func.count())
            .where(incidents.c.status == "resolved", incidents.c.solved_by.is_not(None))
            .group_by(incidents.c.solved_by)
            .order_by(func.count().desc(), incidents.c.solved_by)
        )
        if since is not None:
            wanted = wanted.where(incidents.c.opened_at >= since)
        with self._reading() as connection:
            return [(str(who), int(count)) for who, count in connection.execute(wanted).all()]
