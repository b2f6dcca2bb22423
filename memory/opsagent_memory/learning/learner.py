"""One scope's learner: what it expects of a remedy, and what an outcome teaches it."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opsagent_memory.learning import evidence, snapshot
from opsagent_memory.learning.evidence import Floats, Vector
from opsagent_memory.learning.families import FamilyCounters
from opsagent_memory.learning.kernel import EpisodicKernel
from opsagent_memory.learning.linear import LinearMemory
from opsagent_memory.learning.look import Look
from opsagent_memory.learning.mixing import Mixing
from opsagent_memory.learning.words import MINILM, Family, LearningOptions, Learnt, Lesson, Prediction, Space
from opsagent_memory.ranking import NEUTRAL, PRIOR_WEIGHT

LOW_SURPRISE = 0.5
"""A repeat with less surprise than this adds to a counter; with more it is kept in full."""
CURIOSITY = -0.07
"""What not knowing a remedy at all adds to its score where one is chosen. Below 0: an unknown one comes after one that
is known to help somewhat less often than not.
"""


MOST_NAMES = 256
"""A scope's learner knows at most so many remedies, sources and classes; what comes later teaches it nothing."""
_NO_CLASS = -1
_UNKNOWN = -2


class Learner:
    """Predicts, and learns from every lesson. Not for several threads at once."""

    def __init__(self, options: LearningOptions | None = None, *, space: Space = MINILM) -> None:
        self.options = options or LearningOptions()
        self.space = space
        self._remedies: dict[str, int] = {}
        self._sources: dict[str, int] = {}
        self._classes: dict[str, int] = {}
        self._kernel = EpisodicKernel(space, decays=self.options.decay)
        self._families = FamilyCounters(space, decays=self.options.decay, momentum=self.options.momentum)
        self._rows: dict[tuple[int, int], int] = {}
        """The linear memory's row for a remedy and a class of fault."""
        self._linear = LinearMemory(decays=self.options.decay, momentum=self.options.momentum)
        on = {"kernel": self.options.kernel, "families": self.options.families, "linear": self.options.linear}
        self._mixing = Mixing(tuple(name for name, is_on in on.items() if is_on), learns=self.options.mixing)
        self._looked: Look | None = None

    @property
    def weights(self) -> Mapping[str, float]:
        """How far each expert is believed."""
        return dict(zip(self._mixing.experts, self._mixing.weights().tolist(), strict=True))

    def predict(
        self, vector: Vector, remedies: Sequence[str], at: datetime, fault_class: str | None = None
    ) -> dict[str, Prediction]:
        """Return what is expected of each of these remedies for something that looks like `vector`, at this time."""
        look = self._look(vector, at, fault_class)
        weights = self._mixing.weights()
        return {remedy: self._prediction(remedy, look, weights) for remedy in remedies}

    def learn(self, lesson: Lesson) -> Learnt:
        """Take one outcome in: judge the experts by it, then teach them."""
        labels = self._labels(lesson)
        if labels is None:
            return Learnt(
                surprise=min(max(lesson.reward, 0.0), 1.0) - NEUTRAL,
                expected=NEUTRAL,
                family="",
                opened=False,
                stale=False,
            )
        remedy, source, fault_class = labels
        look = self._look(lesson.vector, lesson.at, lesson.fault_class)
        reward = min(max(lesson.reward, 0.0), 1.0)
        expected = self._prediction(lesson.remedy, look, self._mixing.weights()).score
        surprise = reward - expected
        known = 1 - float(look.uncertainty[remedy])
        self._mixing.judge(look.expected[:, remedy], reward, lesson.weight * known)
        good, bad = evidence.counted(lesson.reward)
        outcome = (good * lesson.weight, bad * lesson.weight)
        self._keep(look, labels, lesson, outcome, surprise)
        family, opened, stale = self._count(look, labels, lesson, outcome, surprise)
        if self.options.linear:
            target = reward if lesson.reward >= 0 else -1.0
            self._linear.learn(lesson.vector, (self._row(remedy, fault_class), source), target, lesson.weight)
        self._looked = None
        return Learnt(
            surprise=surprise,
            expected=expected,
            family=_family_id(int(self._families.numbers[family])),
            opened=opened,
            stale=stale,
            weights=self.weights,
        )

    def choose(
        self,
        vector: Vector,
        remedies: Sequence[str],
        at: datetime,
        chance: random.Random,
        fault_class: str | None = None,
    ) -> str:
        """Return the remedy to try: one of those passed in, which the caller knows to be safe; never another.

        Raises:
            ValueError: none was passed in.
        """
        if not remedies:
            raise ValueError("there is nothing to choose from")
        worth = self._worth(self._look(vector, at, fault_class), remedies)
        best = max(worth) - 1e-9
        return chance.choice([remedy for remedy, value in zip(remedies, worth, strict=True) if value >= best])

    def _worth(self, look: Look, remedies: Sequence[str]) -> list[float]:
        """Return what each remedy is chosen by. With exploration, what is unknown is worth nearly even odds."""
        score, unknown = self._mixing.weights() @ look.expected, look.uncertainty
        if self.options.exploration:
            known, new = score + CURIOSITY * unknown, NEUTRAL + CURIOSITY
        else:
            known, new = score * (1 - unknown), 0.0
        worth = known.tolist() if self._mixing.experts else [new] * len(unknown)
        places = [self._remedies.get(remedy) for remedy in remedies]
        return [new if place is None else worth[place] for place in places]

    def families(self) -> tuple[Family, ...]:
        """Return the families of like incidents, the largest first."""
        found = [self._family(place) for place in range(self._families.size)]
        return tuple(sorted(found, key=lambda family: (-family.lessons, family.id)))

    @property
    def fingerprint(self) -> str:
        """What a state must have been made with to be of use here: version, options and space."""
        said = {"version": snapshot.VERSION, "options": asdict(self.options), "space": asdict(self.space)}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def dump(self) -> bytes:
        """Return the state, versioned and checked; no pickle."""
        arrays = {f"kernel.{name}": array for name, array in self._kernel.arrays().items()}
        arrays |= {f"families.{name}": array for name, array in self._families.arrays().items()}
        arrays |= {f"linear.{name}": array for name, array in self._linear.arrays().items()}
        arrays["losses"] = self._mixing.losses
        facts = {
            "fingerprint": self.fingerprint,
            "remedies": list(self._remedies),
            "sources": list(self._sources),
            "classes": list(self._classes),
            "rows": list(self._rows),
        }
        return snapshot.pack(facts, arrays)

    def load(self, state: bytes) -> None:
        """Take up a state that `dump` returned.

        Raises:
            ValueError: it is broken, of another version, or was made with other options; nothing was changed.
        """
        facts, arrays = snapshot.unpack(state)
        if facts.get("fingerprint") != self.fingerprint:
            raise ValueError("the state of a learner with other options")
        fresh = Learner(self.options, space=self.space)
        try:
            fresh._take(facts, arrays)
        except (KeyError, TypeError) as error:
            raise ValueError(f"the state of a learner is broken: {error}") from error
        self.__dict__.update(fresh.__dict__)

    def _take(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        self._remedies = {str(name): number for number, name in enumerate(facts["remedies"])}
        self._sources = {str(name): number for number, name in enumerate(facts["sources"])}
        self._classes = {str(name): number for number, name in enumerate(facts["classes"])}
        self._rows = {(int(remedy), int(of)): number for number, (remedy, of) in enumerate(facts["rows"])}
        for prefix, part in (("kernel.", self._kernel), ("families.", self._families), ("linear.", self._linear)):
            part.take({name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)})
        if arrays["losses"].shape != self._mixing.losses.shape:
            raise ValueError("the state of a learner is broken: losses of other experts")
        self._mixing.losses = arrays["losses"]

    def _look(self, vector: Vector, at: datetime, fault_class: str | None) -> Look:
        """Ask every expert about every remedy. The answer is kept: `learn` mostly follows `predict` at once."""
        day = at.timestamp() / 86_400
        looked = self._looked
        if looked is not None and looked.is_of(vector, day, fault_class, len(self._remedies)):
            return looked
        number = None if fault_class is None else self._classes.get(fault_class, _UNKNOWN)
        shape = (len(self._remedies), max(len(self._sources), 1))
        kernel, families = self._kernel.cosines(vector), self._families.cosines(vector)
        expected, mass = [], np.zeros(shape[0])
        for name in self._mixing.experts:
            if name == "linear":
                expected.append(self._recalled(vector, number))
                continue
            counts = (
                self._kernel.read(kernel, day, number, shape)
                if name == "kernel"
                else self._families.read(families, day, number, shape)
            )
            score, weight = evidence.scores(counts)
            expected.append(score)
            mass = np.maximum(mass, weight)
        rows = np.stack(expected) if expected else np.full((0, shape[0]), NEUTRAL)
        self._looked = Look(
            vector=vector,
            day=day,
            fault_class=fault_class,
            kernel=kernel,
            families=families,
            expected=rows,
            uncertainty=PRIOR_WEIGHT / (PRIOR_WEIGHT + mass),
            nearest=self._families.place(families, _NO_CLASS if number is None else number, 0.0),
        )
        return self._looked

    def _recalled(self, vector: Vector, fault_class: int | None) -> Floats:
        """Return what the linear memory expects of each remedy, over the classes of fault that are asked about."""
        said = self._linear.read(vector, len(self._rows))
        rows = np.array(list(self._rows), np.int64).reshape(-1, 2)
        asked = rows[:, 1] == fault_class if fault_class is not None else np.ones(len(rows), bool)
        count = len(self._remedies)
        voices = np.bincount(rows[asked, 0], minlength=count)
        total = np.bincount(rows[asked, 0], weights=said[asked], minlength=count)
        return np.where(voices > 0, total / np.maximum(voices, 1), NEUTRAL)

    def _prediction(self, remedy: str, look: Look, weights: Floats) -> Prediction:
        at = self._remedies.get(remedy)
        if at is None or not len(weights):
            return Prediction(remedy=remedy, score=NEUTRAL, uncertainty=1.0)
        by_expert = look.expected[:, at]
        return Prediction(
            remedy=remedy,
            score=float(weights @ by_expert),
            uncertainty=float(look.uncertainty[at]),
            by_expert=dict(zip(self._mixing.experts, by_expert.tolist(), strict=True)),
            stale=self._families.is_stale(look.nearest, at),
        )

    def _keep(
        self, look: Look, labels: tuple[int, int, int], lesson: Lesson, outcome: tuple[float, float], surprise: float
    ) -> None:
        if not self.options.kernel:
            return
        day = look.day
        expected = self.options.gating and abs(surprise) < LOW_SURPRISE
        if not (expected and self._kernel.repeat(look.kernel, labels, outcome, day)):
            self._kernel.keep(lesson.vector, labels, outcome, day)

    def _count(
        self, look: Look, labels: tuple[int, int, int], lesson: Lesson, outcome: tuple[float, float], surprise: float
    ) -> tuple[int, bool, bool]:
        remedy, source, fault_class = labels
        shape = (len(self._remedies), len(self._sources))
        family = self._families.place(look.families, fault_class, surprise if self.options.gating else 0.0)
        opened = family < 0
        if opened:
            family = self._families.open(lesson.vector, fault_class, look.day, shape, _number(lesson))
        else:
            self._families.widen(len(self._families.sums), shape)
            self._families.join(family, lesson.vector, look.day)
        return family, opened, self._families.count(family, (remedy, source), outcome, surprise)

    def _labels(self, lesson: Lesson) -> tuple[int, int, int] | None:
        """Return the numbers of remedy, source and class; None where there are too many to take up another."""
        named = ((self._remedies, lesson.remedy), (self._sources, lesson.source), (self._classes, lesson.fault_class))
        if any(name not in table and len(table) >= MOST_NAMES for table, name in named if name is not None):
            return None
        remedy, source, fault_class = (
            _NO_CLASS if name is None else table.setdefault(name, len(table)) for table, name in named
        )
        return remedy, source, fault_class

    def _row(self, remedy: int, fault_class: int) -> int:
        return self._rows.setdefault((remedy, fault_class), len(self._rows))

    def _family(self, place: int) -> Family:
        families, names = self._families, tuple(self._remedies)
        counts = families.counts[place].sum(axis=1)
        known = [remedy for remedy in range(len(counts)) if counts[remedy].any()]
        fault_class = int(families.classes[place])
        return Family(
            id=_family_id(int(families.numbers[place])),
            fault_class=None if fault_class < 0 else tuple(self._classes)[fault_class],
            centre=families.centres[place].copy(),
            lessons=int(families.lessons[place]),
            remedies={names[remedy]: (float(counts[remedy, 0]), float(counts[remedy, 1])) for remedy in known},
            stale=frozenset(names[remedy] for remedy in known if families.stale[place, remedy]),
            last_at=datetime.fromtimestamp(families.days[place] * 86_400, UTC),
        )


def _number(lesson: Lesson) -> int:
    """Return what names a family: the incident that opened it, so that it is named the same when learnt anew."""
    said = f"{lesson.fault_class or ''} {lesson.at.timestamp()!r} ".encode() + lesson.vector.astype("<f4").tobytes()
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "little")


def _family_id(number: int) -> str:
    return f"f-{number:016x}"
