"""The tables of what people said, and of what was asked of chat models."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, Integer, String, Text

from opsagent.store.columns import Utc, opaque, table

phrases = table(
    "phrases",
    Column("by", String(64), nullable=False, index=True),
    Column("key", Text, nullable=False),
    Column("text", Text, nullable=False),
    opaque("language", 8),
    Column("steps", JSON, nullable=False),
    Column("at", Utc, nullable=False),
    Column("uses", Integer, nullable=False),
    Column("used_at", Utc),
)
"""What a person means by a text: they were offered it, and took it."""

schedules = table(
    "schedules",
    Column("by", String(64), nullable=False),
    Column("text", Text, nullable=False),
    opaque("language", 8),
    Column("steps", JSON, nullable=False),
    Column("units", JSON, nullable=False),
    Column("at_text", String(64), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("next_at", Utc, index=True),
    Column("condition", Text, nullable=False),
    opaque("state", 16, index=True),
    opaque("run", nullable=True),
    Column("last_at", Utc),
    Column("last_result", Text),
    Column("ended_at", Utc),
    Column("ended_by", String(64)),
)
"""What a person wants done later. `run` is the claim of the run that is under way: the plans of it bear its name."""

conversations = table(
    "conversations",
    Column("by", String(64), nullable=False, index=True),
    Column("began_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("title", Text, nullable=False),
    opaque("language", 8),
)

turns = table(
    "turns",
    opaque("conversation_id", index=True),
    Column("ordinal", Integer, nullable=False),
    Column("at", Utc, nullable=False),
    opaque("who", 16),
    Column("text", Text, nullable=False),
    Column("data", JSON, nullable=False),
)
"""What was said in a conversation, in order. `who` is one of a closed list."""

model_calls = table(
    "model_calls",
    Column("at", Utc, nullable=False, index=True),
    opaque("purpose", 32),
    Column("model", String(128), nullable=False),
    opaque("incident_id", nullable=True, index=True),
    Column("tokens_in", Integer, nullable=False),
    Column("tokens_out", Integer, nullable=False),
    Column("cost", Float),
    Column("currency", String(8)),
    Column("ok", Boolean, nullable=False),
    Column("why", Text, nullable=False),
    Column("bytes_out", Integer, nullable=False),
)
"""What chat models were asked, and what it cost (NULL: nobody knows). What was said is not kept here."""
