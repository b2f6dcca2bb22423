"""The learners of a memory: one for each scope, taught by the truth, in its order, and never ahead of the disk.

A learner is kept as a snapshot beside the truth, so that a start need not learn everything anew. What came since is
learnt when the learner is next needed. Where a record is forgotten, superseded or ended, the scope is learnt anew
without it.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from opsagent_memory import database, lessons, rows, weighing
from opsagent_memory.errors import EmbedderError, MemoryStoreError
from opsagent_memory.finder import Finder
from opsagent_memory.learning.words import Family, LearningOptions, Learnt, Lesson
from opsagent_memory.ranking import NEUTRAL
from opsagent_memory.records import Episode, Kind, RemedyRecord
from opsagent_memory.schema import learners
from opsagent_memory.store import Store

if TYPE_CHECKING:
    from opsagent_memory.learning.learner import Learner

_KEPT_EVERY = 32
"""A snapshot is written after so many lessons, and when the memory is closed."""
_GROUND = "erased\x1f"
"""Before the name of a scope: what was learnt of it from episodes that are no longer there."""
_OPEN = 16
"""So many scopes have their learner in memory."""
_LEARNT_ANEW = 3_000
"""At most so many of a scope's newest lessons are learnt where there is no snapshot."""
_NOTHING = Learnt(surprise=0.0, expected=NEUTRAL, family="", opened=False, stale=False)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Held:
    """A learner, and how far it got."""

    learner: Learner
    up_to: int
    unsaved: int = 0


class Learners:
    """Learns, and says what is expected. Callable from any thread; one call at a time is served."""

    def __init__(self, store: Store, finder: Finder, options: LearningOptions) -> None:
        self._store = store
        self._finder = finder
        self._options = options
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._serving = threading.RLock()
        finder.around_change = self._anew_in

    def learn(self, episode: Episode, now: datetime) -> Learnt:
        """Keep an episode and learn from it; on return it is on the disk.

        One that teaches nothing (nothing was tried or proven, or its source moves no remedy) is kept too; `family` is
        empty then. So it is where the model fails: what was missed is learnt when the model is there again.

        Raises:
            RecordExists, RecordNotFound: as `Memory.add` does.
        """
        with self._serving:
            learnt = self._learnt(episode)
            try:
                new = self._keep(episode, learnt, now)
            except BaseException:
                self._held.pop(episode.scope, None)  # it is ahead of the truth
                raise
            if not new or episode.supersedes is not None:
                self.anew((episode.scope,))
            elif learnt is not None:
                self._reached(episode)
            return learnt or _NOTHING

    def weighed(
        self,
        question: str,
        found: Sequence[RemedyRecord],
        scopes: Sequence[str],
        now: datetime,
        fault_class: str | None,
    ) -> list[RemedyRecord]:
        """Return the remedies ranked by what all experts expect of them, best first.

        `found` is what the episodic kernel says. What nobody near has seen to work is never spoken for, and what
        nobody near has seen to fail never against, whatever the other experts say.
        """
        if not found:
            return []
        names = [record.remedy for record in found]
        with self._serving:
            vector = self._finder.vector(question)
            said = [self._caught_up(scope) for scope in scopes]
            predicted = [(held.learner.predict(vector, names, now, fault_class), held.learner.weights) for held in said]
        ranked = []
        for record in found:
            certain = [(one[record.remedy], weights) for one, weights in predicted]
            prediction, weights = min(certain, key=lambda pair: pair[0].uncertainty)
            ranked.append(weighing.weighed(record, prediction, weights))
        return sorted(ranked, key=lambda record: (-record.score, -record.similarity, record.remedy))

    def families(self, scope: str) -> tuple[Family, ...]:
        """Return the families of a scope, the largest first."""
        with self._serving:
            return self._caught_up(scope).learner.families()

    @contextmanager
    def relearning(self, scopes: Iterable[str]) -> Iterator[None]:
        """Let nobody learn while the block changes what was taught; learn these scopes anew when they are next needed."""
        changed = frozenset(scopes)
        if not changed:
            yield
            return
        with self._serving:
            self.anew(changed)
            yield

    def anew(self, scopes: Iterable[str]) -> None:
        """Give up what was learnt of these scopes; it is learnt anew from the truth when it is next needed."""
        with self._serving, database.writing(self._store.engine) as connection:
            for scope in set(scopes):
                self._held.pop(scope, None)
                connection.execute(learners.delete().where(learners.c.scope == scope))

    def settle(self, scope: str, record_ids: Sequence[str]) -> None:
        """Keep what these episodes taught beyond themselves: they are about to be erased because they are old.

        It becomes the ground on which a scope is learnt anew. It holds as long as the model and the options do.
        """
        with self._serving:
            self._finder.nearest("", scopes=(scope,), kinds=(Kind.EPISODE,), limit=1)  # embeds what waits for it
            ground = self._ground(scope) or self._fresh()
            with database.reading(self._store.engine) as connection:
                up_to = lessons.newest(connection, scope)
                for lesson in lessons.following(
                    connection,
                    scope,
                    after=0,
                    up_to=up_to,
                    embedder=self._finder.embedder,
                    most=_LEARNT_ANEW,
                    only=record_ids,
                ):
                    ground.learn(lesson)
            self._write(_GROUND + scope, up_to, ground)

    def give_up_ground(self, scopes: Iterable[str]) -> None:
        """Forget what episodes of these scopes taught that were erased because they were old."""
        self.anew(_GROUND + scope for scope in scopes)

    def _anew_in(self, change: Callable[[], None]) -> None:
        """Let the memory change its space; what was learnt in the former is learnt anew from the truth."""
        with self._serving:
            self._held.clear()
            change()

    def close(self) -> None:
        """Write the snapshots."""
        with self._serving:
            for scope, held in self._held.items():
                self._save(scope, held)
            self._held.clear()

    def _learnt(self, episode: Episode) -> Learnt | None:
        """Move the scope's learner; None where there is nothing to learn from this episode, or not yet."""
        if not lessons.teaches(episode):
            return None
        with database.reading(self._store.engine) as connection:
            if rows.find(connection, episode.id) is not None:
                return None
        try:
            vector = self._finder.vector(episode.text)
            held = self._caught_up(episode.scope)
        except EmbedderError as error:
            _log.warning("kept, but not learnt yet: %s", error)
            return None
        assert episode.remedy is not None
        assert episode.outcome is not None
        held.unsaved += 1
        return held.learner.learn(
            Lesson(
                vector=vector,
                remedy=episode.remedy,
                reward=lessons.REWARDS[episode.outcome],
                at=episode.created_at,
                weight=episode.trust,
                fault_class=episode.fault_class,
                source=episode.source.value,
            )
        )

    def _keep(self, episode: Episode, learnt: Learnt | None, now: datetime) -> bool:
        told = {episode.id: learnt} if learnt is not None and learnt.family else {}
        vectors, space = self._finder.embed_new((episode,))
        new = self._store.append((episode,), vectors, space, at=now, learnt=told)
        self._finder.take(new)
        return bool(new)

    def _reached(self, episode: Episode) -> None:
        """Note how far the learner is; where somebody else added a lesson meanwhile, it learns in order again."""
        held = self._held[episode.scope]
        with database.reading(self._store.engine) as connection:
            seq = rows.find(connection, episode.id).seq
            if lessons.between(connection, episode.scope, held.up_to, seq):
                del self._held[episode.scope]
                return
        held.up_to = seq
        if held.unsaved >= _KEPT_EVERY:
            self._save(episode.scope, held)

    def _caught_up(self, scope: str) -> _Held:
        """Return a scope's learner, taught by all that is there."""
        held = self._held.get(scope) or self._loaded(scope)
        self._held[scope] = held
        self._held.move_to_end(scope)
        with database.reading(self._store.engine) as connection:
            newest = lessons.newest(connection, scope)
        if newest > held.up_to:
            self._teach(scope, held, newest)
        if held.unsaved >= _KEPT_EVERY:
            self._save(scope, held)
        while len(self._held) > _OPEN:
            self._save(*self._held.popitem(last=False))
        return held

    def _teach(self, scope: str, held: _Held, newest: int) -> None:
        """Teach a learner what came since, up to the episode that is the newest now."""
        embedder = self._finder.embedder
        with database.reading(self._store.engine) as connection:
            waits = lessons.lack_vectors(connection, scope, held.up_to, embedder)
        if waits:
            self._finder.nearest("", scopes=(scope,), kinds=(Kind.EPISODE,), limit=1)  # embeds what waits for it
        with database.reading(self._store.engine) as connection:
            for lesson in lessons.following(
                connection, scope, after=held.up_to, up_to=newest, embedder=embedder, most=_LEARNT_ANEW
            ):
                held.learner.learn(lesson)
                held.unsaved += 1
        held.up_to = newest

    def _loaded(self, scope: str) -> _Held:
        """Return the learner as it was kept; where it was not, one that stands on what was erased, or on nothing."""
        kept = self._read(scope)
        if kept is not None:
            return kept
        return _Held(self._ground(scope) or self._fresh(), 0)

    def _ground(self, scope: str) -> Learner | None:
        """Return what the episodes taught that were erased because they were old."""
        kept = self._read(_GROUND + scope)
        return kept.learner if kept is not None else None

    def _fresh(self) -> Learner:
        from opsagent_memory.learning.learner import Learner

        return Learner(self._options)

    def _read(self, name: str) -> _Held | None:
        learner = self._fresh()
        query = sa.select(learners).where(learners.c.scope == name)
        with database.reading(self._store.engine) as connection:
            row = connection.execute(query).first()
        if row is None or row.options_hash != self._made_with(learner):
            return None
        try:
            learner.load(row.state)
        except ValueError as error:
            _log.warning("%s is learnt anew: %s", name.removeprefix(_GROUND), error)
            return None
        return _Held(learner, row.up_to_seq)

    def _save(self, scope: str, held: _Held) -> None:
        """Write a snapshot. It is a convenience: where it cannot be written, more is learnt anew at the next start."""
        if not held.unsaved:
            return
        try:
            self._write(scope, held.up_to, held.learner)
        except MemoryStoreError as error:
            _log.warning("what was learnt of %s is not kept: %s", scope, error)
            return
        held.unsaved = 0

    def _write(self, name: str, up_to: int, learner: Learner) -> None:
        values = {
            "scope": name,
            "up_to_seq": up_to,
            "options_hash": self._made_with(learner),
            "state": learner.dump(),
        }
        with database.writing(self._store.engine) as connection:
            connection.execute(learners.delete().where(learners.c.scope == name))
            connection.execute(learners.insert().values(values))

    def _made_with(self, learner: Learner) -> str:
        """Return what a snapshot must have been made with: the learner's own options, and the space of its vectors."""
        from hashlib import sha256

        embedder = self._finder.embedder
        return sha256(f"{learner.fingerprint} {embedder.model_id} {embedder.model_hash}".encode()).hexdigest()
