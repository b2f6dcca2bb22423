"""The hash chain over the journal: what was written cannot be changed afterwards without `verify` telling.

Every write to a row appends one entry: a *commitment*, SHA-256 over the row's random salt and its content, and a
*link*, SHA-256 over the link before, the entry's place and the commitment. So content and salt can be destroyed later
(`forget`) and the chain still holds, while nobody can guess the content from what is left. What the chain cannot show
is that its end was cut off: for that, keep the newest link elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, func, select

from opsagent.store.database import lock_ledger
from opsagent.store.rows import Verification
from opsagent.store.schema import COVERED, ledger, settings

ANCHOR = "ledger_anchor"
"""Setting with the last entry that pruning removed: {"seq", "link"}. Not covered itself: the chain starts at it."""
_PROBLEMS_MAX = 20


def new_salt() -> str:
    """Return 128 random bits."""
    return secrets.token_hex(16)


def append(connection: Connection, table: Table, row_id: str, at: datetime, *, removed: bool = False) -> None:
    """Commit to the row as it is now (it must carry a fresh salt), or to its removal."""
    lock_ledger(connection)
    row = None if removed else connection.execute(select(table).where(table.c.id == row_id)).mappings().one()
    seq, link = _last(connection)
    commitment = _commitment(table, row) if row is not None else ""
    entry: dict[str, Any] = {"seq": seq + 1, "at": at, "about": table.name, "row": row_id, "commitment": commitment}
    connection.execute(ledger.insert().values(**entry, link=_link(link, entry)))


def verify(connection: Connection) -> Verification:
    """Check every link, and every row against its latest commitment."""
    problems: list[str] = []
    latest: dict[tuple[str, str], str] = {}
    seq, link = _anchor(connection)
    entries = 0
    for entry in connection.execute(select(ledger).order_by(ledger.c.seq)).mappings():
        entries += 1
        seq += 1
        if entry["seq"] != seq:
            problems.append(f"ledger: entry {seq} is missing")
            seq = entry["seq"]
        elif entry["link"] != _link(link, entry):
            problems.append(f"ledger: entry {seq} ({entry['about']} {entry['row']}) was changed")
        link = entry["link"]
        latest[entry["about"], entry["row"]] = entry["commitment"]
    problems.extend(_changed_rows(connection, latest))
    shown = problems[:_PROBLEMS_MAX]
    if len(problems) > len(shown):
        shown.append(f"… and {len(problems) - len(shown)} more")
    return Verification(entries=entries, problems=tuple(shown))


def _changed_rows(connection: Connection, latest: dict[tuple[str, str], str]) -> Iterator[str]:
    left = dict(latest)
    for table in COVERED:
        for row in connection.execute(select(table)).mappings():
            if table is settings and row["id"] == ANCHOR:
                continue
            commitment = left.pop((table.name, row["id"]), None)
            if commitment is None:
                yield f"{table.name} {row['id']}: is in no entry of the ledger"
            elif row["salt"] is not None and _commitment(table, row) != commitment:
                yield f"{table.name} {row['id']}: was changed behind the journal's back"
    for (about, row_id), commitment in left.items():
        if commitment:
            yield f"{about} {row_id}: was removed behind the journal's back"


def prune(connection: Connection, before: datetime, now: datetime) -> None:
    """Cut off the entries older than `before`; rows that live on are committed to anew. The chain goes on unbroken."""
    cut = connection.execute(select(func.min(ledger.c.seq)).where(ledger.c.at >= before)).scalar()
    last, _ = _last(connection)
    end = last if cut is None else cut - 1
    newest = select(ledger.c.about, ledger.c.row, func.max(ledger.c.seq).label("seq")).group_by(
        ledger.c.about, ledger.c.row
    )
    stale = newest.having(func.max(ledger.c.seq) <= end)
    tables = {table.name: table for table in COVERED}
    for about, row_id, _seq in connection.execute(stale).all():
        table = tables[about]
        if connection.execute(select(table.c.id).where(table.c.id == row_id)).first() is not None:
            append(connection, table, row_id, now)
    kept = connection.execute(select(ledger.c.link).where(ledger.c.seq == end)).scalar()
    if kept is None:
        return
    connection.execute(ledger.delete().where(ledger.c.seq <= end))
    connection.execute(settings.delete().where(settings.c.id == ANCHOR))
    connection.execute(settings.insert().values(id=ANCHOR, value={"seq": end, "link": kept}, at=now))


def _last(connection: Connection) -> tuple[int, str]:
    found = connection.execute(select(ledger.c.seq, ledger.c.link).order_by(ledger.c.seq.desc()).limit(1)).first()
    return (found.seq, found.link) if found is not None else _anchor(connection)


def _anchor(connection: Connection) -> tuple[int, str]:
    found = connection.execute(select(settings.c.value).where(settings.c.id == ANCHOR)).scalar()
    return (int(found["seq"]), str(found["link"])) if found else (0, "")


def _commitment(table: Table, row: RowMapping) -> str:
    """Return the hash. A column of later that is empty does not count: rows from before it was there stay valid."""
    content = {
        key: _canonical(value) for key, value in row.items() if value is not None or not table.c[key].info.get("later")
    }
    return _sha256(json.dumps(content, sort_keys=True, separators=(",", ":")))


def _canonical(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _link(before: str, entry: Mapping[str, Any] | RowMapping) -> str:
    place = [before, entry["seq"], entry["at"].isoformat(), entry["about"], entry["row"], entry["commitment"]]
    return _sha256(json.dumps(place, separators=(",", ":")))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
