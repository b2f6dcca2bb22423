"""Databases as older versions left them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from opsagent_memory import database, migrations

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_MODEL = ("fake-hashed-words", "0" * 64)
_INSERT = (
    "INSERT INTO memory_records (id, scope, kind, text, text_key, fields, remedy, outcome, fault_class, source, trust,"
    " created_at, valid_from, valid_to, supersedes, forgotten_at) VALUES (?, 's', 'episode', ?, ?, ?, 'crash/start',"
    " 'worked', NULL, 'agent', 1.0, '2026-02-01 10:00:00.000000', NULL, NULL, NULL, ?)"
)


def database_of_schema_1(path: Path, texts: Sequence[str], *, forgotten: int = 0) -> None:
    """Lay out the first schema and keep episodes `ep-0`, `ep-1`, … in it; then come `forgotten` tombstones.

    Each text has a vector that means nothing, made of `vecN`.
    """
    engine = database.open_engine(path)
    with database.writing(engine) as connection:
        migrations.upgrade(connection, "0001")
    salt = database.salt(engine)
    engine.dispose()
    fields = json.dumps({"remedy": "crash/start", "outcome": "worked", "n": 1.5, "포트": [None, True]})
    with closing(sqlite3.connect(path)) as connection:
        for number, text in enumerate(texts):
            key = blake2b(text.encode(), key=salt, digest_size=16).hexdigest()
            connection.execute(_INSERT, (f"ep-{number}", text, key, fields, None))
            vector = (key, *_MODEL, 384, f"vec{number % 10}".encode() * 384)
            connection.execute("INSERT OR IGNORE INTO memory_vectors VALUES (?, ?, ?, ?, ?)", vector)
        for number in range(len(texts), len(texts) + forgotten):
            connection.execute(_INSERT, (f"ep-{number}", "", "", "{}", "2026-02-02 10:00:00.000000"))
        connection.execute("UPDATE memory_records SET remedy = NULL, outcome = NULL WHERE forgotten_at IS NOT NULL")
        connection.commit()
