"""Korean sentences as whole patterns, until its words are read by their roles. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from opsagent.commands import korean
from opsagent.commands.clauses import Doubt, Why
from opsagent.commands.grammar import Clause, Matcher
from opsagent.commands.known import Known
from opsagent.commands.meaning import Meant
from opsagent.commands.words import Token

_MARK = re.compile(r"[?？]")


def read(tokens: Sequence[Token], known: Known) -> list[Meant]:
    """Return what the patterns make of a text."""
    asked = any(_MARK.fullmatch(token.text) for token in tokens)
    plain = korean.split(tuple(token for token in tokens if not _MARK.fullmatch(token.text)), known.names)
    texts = _Texts(Matcher(korean.GRAMMAR, plain, known.names))
    found: dict[str, Meant] = {}
    for clauses in itertools.islice(texts.from_(0), 16):
        steps = tuple(
            known.step(clause.tool, name, {{"scale": "replicas", "tail_logs": "lines"}.get(clause.tool, "n") if key == "n" else key: value
                                           for key, value in clause.args}) for clause in clauses for name in clause.units or (None,)
        )  # fmt: skip
        changes = [clause for clause in clauses if clause.tool in {"restart", "stop", "start", "reload", "scale"}]
        doubts = [Doubt(Why.ASKS)] if asked and changes else []
        doubts.extend(doubt for clause in changes if (doubt := _counts(clause, known)) is not None)
        found.setdefault(repr([step.to_json() for step in steps]), Meant(steps, tuple(doubts)))
    return list(found.values())


def _counts(clause: Clause, known: Known) -> Doubt | None:
    if clause.tool != "scale":
        return None
    wanted = int(dict(clause.args)["n"])
    now = known.named(clause.units[0])[0].instances
    wrong = (clause.towards == "up" and wanted <= now) or (clause.towards == "down" and wanted >= now)
    return Doubt(Why.COUNT, str(wanted)) if wrong or not 1 <= wanted <= 32 else None


class _Texts:
    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._rows: dict[int, tuple[tuple[Clause, ...], ...]] = {}

    def from_(self, start: int) -> tuple[tuple[Clause, ...], ...]:
        """Return the rows that explain all tokens from `start` on."""
        if start not in self._rows:
            rows = itertools.islice(dict.fromkeys(self._find(start)), 16)
            self._rows[start] = tuple(row for row in rows if len(row) <= 6)
        return self._rows[start]

    def _find(self, start: int) -> Iterator[tuple[Clause, ...]]:
        found = {one for begin in self._skipping("lead", start) for one in self._matcher.clauses(begin)}
        for clause, end in sorted(found, key=repr):
            for after in self._skipping("tail", end):
                if after == len(self._matcher.tokens) and not clause.goes_on:
                    yield (clause,)
                following = set(self._matcher.phrase("join", after)) | ({after} if clause.goes_on else set())
                for place in following:
                    yield from ((clause, *row) for row in self.from_(place))

    def _skipping(self, name: str, start: int) -> set[int]:
        reached, frontier = {start}, [start]
        while frontier:
            fresh = set(self._matcher.phrase(name, frontier.pop())) - reached
            reached |= fresh
            frontier.extend(fresh)
        return reached
