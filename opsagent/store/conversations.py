"""Conversations of people with the agent, and what was said in them, in the journal."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import RowMapping, func, select

from opsagent.store.boundary import Store
from opsagent.store.schema import conversations, turns

Who = Literal["person", "agent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRow:
    """One conversation."""

    id: str
    by: str
    """The person."""
    began_at: datetime
    ended_at: datetime | None
    """None: it goes on, or its process was killed."""
    title: str
    """What the person said first."""
    language: Literal["en", "ko"]
    turns: int = 0
    """How many things were said in it, by both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRow:
    """One thing that was said."""

    id: str
    conversation_id: str
    ordinal: int
    at: datetime
    who: Who
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Conversations(Store):
    """The part of the journal that knows conversations."""

    def begin_conversation(self, *, by: str, title: str, language: str) -> str:
        """Begin one; return its id."""
        conversation_id = secrets.token_hex(4)
        with self._writing() as writer:
            writer.insert(
                conversations,
                conversation_id,
                by=by,
                began_at=writer.now,
                ended_at=None,
                title=title,
                language=language,
            )
        return conversation_id

    def add_turn(self, conversation_id: str, *, who: Who, text: str, data: Mapping[str, Any] | None = None) -> None:
        """Keep what was said. LookupError: there is no such conversation (any more)."""
        with self._writing() as writer:
            if not writer.exists(conversations, conversation_id):
                raise LookupError(f"no conversation {conversation_id}")
            last = select(func.max(turns.c.ordinal)).where(turns.c.conversation_id == conversation_id)
            before = writer.connection.execute(last).scalar()
            writer.insert(
                turns,
                secrets.token_hex(8),
                conversation_id=conversation_id,
                ordinal=0 if before is None else int(before) + 1,
                at=writer.now,
                who=who,
                text=text,
                data=dict(data or {}),
            )

    def end_conversation(self, conversation_id: str, *, ended: bool = True) -> None:
        """Note that a conversation is over; `ended` false: that it goes on. LookupError: there is no such."""
        with self._writing() as writer:
            writer.update(conversations, conversation_id, ended_at=writer.now if ended else None)

    def conversations(self, by: str | None = None, limit: int = 50) -> tuple[ConversationRow, ...]:
        """Return the conversations of everybody (or of one person), the latest first."""
        wanted = select(conversations).order_by(conversations.c.began_at.desc(), conversations.c.id).limit(limit)
        if by is not None:
            wanted = wanted.where(conversations.c.by == by)
        said = select(turns.c.conversation_id, func.count()).group_by(turns.c.conversation_id)
        with self._reading() as connection:
            counts = {row[0]: int(row[1]) for row in connection.execute(said)}
            return tuple(_conversation(row, counts.get(row["id"], 0)) for row in connection.execute(wanted).mappings())

    def conversation(self, begins_with: str) -> ConversationRow:
        """Return the one whose id begins so. LookupError: there is none, or more than one."""
        wanted = select(conversations).where(conversations.c.id.startswith(begins_with, autoescape=True)).limit(2)
        with self._reading() as connection:
            rows = connection.execute(wanted).mappings().all()
        if len(rows) != 1:
            how = "more than one conversation begins with" if rows else "no conversation"
            raise LookupError(f"{how} {begins_with!r}")
        return _conversation(rows[0], len(self.turns(rows[0]["id"])))

    def turns(self, conversation_id: str) -> tuple[TurnRow, ...]:
        """Return what was said in a conversation, in order."""
        wanted = select(turns).where(turns.c.conversation_id == conversation_id).order_by(turns.c.ordinal)
        with self._reading() as connection:
            return tuple(_turn(row) for row in connection.execute(wanted).mappings())

    def forget_conversation(self, conversation_id: str) -> int:
        """Erase a conversation and all that was said in it; return how much that was. LookupError: there is no such."""
        with self._writing(durable=True) as writer:
            if not writer.exists(conversations, conversation_id):
                raise LookupError(f"no conversation {conversation_id}")
            said = select(turns.c.id).where(turns.c.conversation_id == conversation_id)
            rows = [str(row.id) for row in writer.connection.execute(said)]
            for row_id in rows:
                writer.remove(turns, row_id)
            writer.remove(conversations, conversation_id)
        return len(rows)


def _conversation(row: RowMapping, count: int) -> ConversationRow:
    names = ("id", "by", "began_at", "ended_at", "title", "language")
    return ConversationRow(**{name: row[name] for name in names}, turns=count)


def _turn(row: RowMapping) -> TurnRow:
    return TurnRow(**{name: row[name] for name in TurnRow.__dataclass_fields__})
