"""The keyword index: which texts hold a term, in an SQLite file of its own (FTS5) beside the vectors.

Like the vectors it is rebuilt from the truth, and deleted, file and all, when something is forgotten. Only real hits
count: an identifier that few texts hold, or a word that is rare among the texts of its shelf. Fusing two whole
rankings made recall worse; a hit adds little to a text's similarity, so that meaning leads: at most `MOST` where topics
tell what a text is about (`opsagent_memory.topics`), and up to `MOST_ALONE` where they tell nothing.

    s     = Σ weight(t) · ln((n + 1) / df(t)) / ln(n + 1)   over the terms t of the question that the text holds
    bonus = most · s^1.5 / (1 + s^1.5)

(n texts on the shelf, df of which hold the term: the second factor is the inverse document frequency, 0..1. The power
makes much of a second rare word: one may be there by chance.)
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from heapq import nlargest
from pathlib import Path

from opsagent_memory import terms, topics
from opsagent_memory.records import Kind
from opsagent_memory.topics import weighing

MOST, MOST_ALONE = 0.15, 0.3
"""No hit is worth more similarity than this. Chosen, as the form is, on the development halves of the memory suite."""
_POWER = 1.5
RARE_WORD = 0.05
"""A word says something where at most this share of the shelf's texts hold it."""
RARE_IDENTIFIER = 0.2
_RARE_AT_LEAST = 5
"""On a small shelf what so many texts hold is rare still."""
_RARE_AT_MOST = 150
STRONGEST = 16
"""So many of the texts that hold most come to mind even where their meaning is far."""
_TERMS = 48
"""So many terms of a question are looked up."""
_NAME = "keywords.sqlite3"
_LAYOUT = "3"
"""Raised whenever a text is taken up in another way; that the topics are others is seen by itself."""
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE shelves (id INTEGER PRIMARY KEY, scope TEXT NOT NULL, kind TEXT NOT NULL, UNIQUE (scope, kind));
CREATE TABLE texts (id INTEGER PRIMARY KEY, shelf INTEGER NOT NULL, key TEXT NOT NULL, topics BLOB NOT NULL,
    UNIQUE (shelf, key));
CREATE VIRTUAL TABLE words USING fts5
    (terms, content='', detail=none, columnsize=0, tokenize="ascii tokenchars '~=._/:@#+-'");
"""


class KeywordsBroken(Exception):
    """The file cannot be read or written."""


@dataclass(frozen=True, slots=True)
class Hit:
    """That a text holds some of what was asked for."""

    bonus: float
    """0..`MOST_ALONE`."""
    terms: tuple[str, ...]
    """What it holds, what says most first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A text to take up."""

    seq: int
    scope: str
    kind: Kind
    key: str
    text: str


class KeywordIndex:
    """Finds texts by their rare words. Callable from any thread."""

    def __init__(self, folder: Path, identity: str) -> None:
        """`identity` names the memory; a file of another one is not believed."""
        self._path = folder / _NAME
        self._identity = identity
        self._connection: sqlite3.Connection | None = None
        self._shelves: dict[tuple[str, str], int] = {}
        self._sizes: dict[int, int] = {}
        self._weights: dict[int, tuple[int, weighing.Weights]] = {}
        self._serving = threading.Lock()

    def mark(self) -> tuple[int, str]:
        """Return up to which record of the truth this goes, and the key of that record's text; (0, ""): empty."""
        with self._serving, _breaking():
            said = dict(self._opened().execute("SELECT key, value FROM meta"))
        return int(said.get("up_to", 0)), said.get("mark", "")

    def take(self, entries: Sequence[Entry], up_to: int, mark: str) -> None:
        """Take up texts; from now on this goes up to that record."""
        with self._serving, _breaking():
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                for entry in entries:
                    self._take(connection, entry)
                said = (("up_to", str(up_to)), ("mark", mark))
                connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", said)
                connection.execute("COMMIT")
            except BaseException:
                self._forget_known()
                connection.execute("ROLLBACK")
                raise

    def hits(self, question: str, shelves: Iterable[tuple[str, Kind]], near: Collection[str]) -> dict[str, Hit]:
        """Return which texts hold rare words of the question, by key: those of `near`, and the few that hold most."""
        asked = sorted(terms.of_text(question).items(), key=lambda item: -item[1])[:_TERMS]
        found: dict[str, Hit] = {}
        with self._serving, _breaking():
            connection = self._opened()
            for scope, kind in shelves:
                shelf = self._shelf(connection, scope, kind.value, make=False)
                if shelf is not None:
                    most = MOST_ALONE - (MOST_ALONE - MOST) * self._weighed(connection, shelf).worth
                    strengths, held = self._looked_up(connection, shelf, asked)
                    for row, key in self._keys(connection, shelf, strengths, near):
                        strength = strengths[row] ** _POWER
                        hit = Hit(most * strength / (1 + strength), tuple(held[row]))
                        if key not in found or found[key].bonus < hit.bonus:
                            found[key] = hit
        return found

    def topics(self, question: str, shelves: Iterable[tuple[str, Kind]], keys: Sequence[str]) -> dict[str, float]:
        """Return what it adds to these texts' similarity that they speak of the same as the question, by key."""
        asked = topics.of_text(question)
        found: dict[str, float] = {}
        if not asked or not keys:
            return found
        with self._serving, _breaking():
            connection = self._opened()
            for scope, kind in shelves:
                shelf = self._shelf(connection, scope, kind.value, make=False)
                if shelf is None:
                    continue
                weighed = self._weighed(connection, shelf)
                query = "SELECT key, topics FROM texts WHERE shelf = ? AND key IN (SELECT value FROM json_each(?))"
                for key, spoken_of in connection.execute(query, (shelf, json.dumps(keys))):
                    shared = asked & int.from_bytes(spoken_of, "little")
                    if shared:
                        found[key] = max(found.get(key, 0.0), weighing.bonus(shared, weighed))
        return found

    def _weighed(self, connection: sqlite3.Connection, shelf: int) -> weighing.Weights:
        """Return how much each topic says on a shelf; counted anew when it has grown by half."""
        size = self._size(connection, shelf)
        counted, weighed = self._weights.get(shelf, (0, None))
        if weighed is None or size > counted * 1.5:
            query = "SELECT topics FROM texts WHERE shelf = ? LIMIT ?"
            sample = connection.execute(query, (shelf, weighing.SAMPLE))
            weighed = weighing.weights(int.from_bytes(row[0], "little") for row in sample)
            self._weights[shelf] = (size, weighed)
        return weighed

    def erase(self) -> None:
        """Delete the file; it comes back from the truth."""
        with self._serving:
            self._close()
            for ending in ("", "-wal", "-shm", "-journal"):
                with suppress(FileNotFoundError):
                    self._path.with_name(_NAME + ending).unlink()

    def close(self) -> None:
        """Let go of the file."""
        with self._serving:
            self._close()

    def _looked_up(
        self, connection: sqlite3.Connection, shelf: int, asked: Sequence[tuple[str, float]]
    ) -> tuple[dict[int, float], dict[int, list[str]]]:
        """Return how strong a hit each text is, by its row, and what it holds."""
        texts = self._size(connection, shelf)
        strengths: dict[int, float] = {}
        held: dict[int, list[str]] = {}
        for term, weight in asked:
            share = RARE_IDENTIFIER if weight >= terms.IDENTIFIER else RARE_WORD
            most = int(min(_RARE_AT_MOST, max(_RARE_AT_LEAST, share * texts)))
            query = "SELECT rowid FROM words WHERE words MATCH ? LIMIT ?"
            rows = connection.execute(query, (f'"{shelf}~{term}"', most + 1)).fetchall()
            if not rows or len(rows) > most:
                continue
            worth = weight * math.log((texts + 1) / len(rows)) / math.log(texts + 1)
            for (row,) in rows:
                strengths[row] = strengths.get(row, 0.0) + worth
                held.setdefault(row, []).append(term)
        return strengths, held

    @staticmethod
    def _keys(
        connection: sqlite3.Connection, shelf: int, strengths: Mapping[int, float], near: Collection[str]
    ) -> list[tuple[int, str]]:
        """Return the rows that matter with their keys: what is near, and the strongest, the newest of equals first."""
        if not strengths:
            return []
        query = "SELECT id, key FROM texts WHERE shelf = ? AND key IN (SELECT value FROM json_each(?))"
        known = connection.execute(query, (shelf, json.dumps(list(near)))).fetchall()
        strongest = nlargest(STRONGEST, strengths, key=lambda row: (strengths[row], row))
        query = "SELECT id, key FROM texts WHERE id IN (SELECT value FROM json_each(?))"
        known += connection.execute(query, (json.dumps(strongest),)).fetchall()
        return [(row, key) for row, key in known if row in strengths]

    def _take(self, connection: sqlite3.Connection, entry: Entry) -> None:
        shelf = self._shelf(connection, entry.scope, entry.kind.value, make=True)
        assert shelf is not None
        spoken_of = topics.of_text(entry.text).to_bytes(topics.MOST_BYTES, "little")
        insert = "INSERT OR IGNORE INTO texts (shelf, key, topics) VALUES (?, ?, ?)"
        added = connection.execute(insert, (shelf, entry.key, spoken_of))
        if added.rowcount:
            self._sizes[shelf] = self._size(connection, shelf) + 1
            said = " ".join(f"{shelf}~{term}" for term in terms.of_text(entry.text))
            connection.execute("INSERT INTO words (rowid, terms) VALUES (?, ?)", (added.lastrowid, said))

    def _shelf(self, connection: sqlite3.Connection, scope: str, kind: str, *, make: bool) -> int | None:
        found = self._shelves.get((scope, kind))
        if found is None:
            query = "SELECT id FROM shelves WHERE scope = ? AND kind = ?"
            row = connection.execute(query, (scope, kind)).fetchone()
            if row is None and not make:
                return None
            insert = "INSERT INTO shelves (scope, kind) VALUES (?, ?)"
            found = int(row[0] if row else connection.execute(insert, (scope, kind)).lastrowid or 0)
            self._shelves[scope, kind] = found
        return found

    def _size(self, connection: sqlite3.Connection, shelf: int) -> int:
        if shelf not in self._sizes:
            (count,) = connection.execute("SELECT count(*) FROM texts WHERE shelf = ?", (shelf,)).fetchone()
            self._sizes[shelf] = int(count)
        return self._sizes[shelf]

    def _opened(self) -> sqlite3.Connection:
        """Return the connection; a file of another memory, or of another layout, is replaced by an empty one."""
        if self._connection is not None:
            return self._connection
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        connection = self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        # NORMAL: a power cut may take the last texts, and the truth has them.
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").close()
        known: Mapping[str, str] = {}
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            known = dict(connection.execute("SELECT key, value FROM meta"))
        said = {"layout": _LAYOUT, "topics": topics.digest(), "memory": self._identity}
        if said.items() <= known.items():
            return connection
        if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise KeywordsBroken(f"{self._path}: of another memory, or of another version")
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA}")
        connection.executemany("INSERT INTO meta VALUES (?, ?)", said.items())
        connection.execute("COMMIT")
        return connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        self._forget_known()
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _forget_known(self) -> None:
        """Ask the file again for what was read of it."""
        self._shelves.clear()
        self._sizes.clear()
        self._weights.clear()


@contextmanager
def _breaking() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, ValueError) as error:
        raise KeywordsBroken(str(error)) from error
