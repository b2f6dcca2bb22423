"""Make the weights of the intent model from the corpus: `python -m opsagent_evals.chat.train`. Deterministic.

Multinomial logistic regression with an L2 penalty over the features of `opsagent.commands.intents`, by full-batch
gradient descent with momentum; then rounded to whole numbers, as the model keeps them. Temperature and thresholds come
from phrasings that were not trained on: five folds, split by phrase. `--measure` prints the figures of those folds
(docs/decisions/0017-intent-model.md) and writes nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opsagent.commands import intents
from opsagent_evals.chat.corpus import expand
from opsagent_evals.chat.corpus.expand import Sentence
from opsagent_tools.registry import SPOKEN

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

CLASSES = (*sorted(str(name) for name in SPOKEN), intents.ABSTAIN, intents.SEVERAL)
FOLDS = 5
STEPS = 120
RATE = 60.0
MOMENTUM = 0.9
PENALTY = 2e-6
"""Of the squared weights, per sentence of the corpus."""
SINGLE_WEIGHT = 3.0
"""What one sentence that was written as it stands counts, beside one that a grammar made."""
SURE = 0.97
"""How often the first guess must be right where it is used without asking."""


@dataclass(frozen=True, slots=True)
class Material:
    """The corpus as numbers."""

    rows: Ints
    """Features of all sentences, one after the other."""
    starts: Ints
    """Where each sentence's features begin in `rows`."""
    intents: Ints
    """Class of each sentence, as an index into CLASSES."""
    worth: Floats
    folds: Ints

    def part(self, chosen: NDArray[np.bool_]) -> Material:
        """Return the sentences that are chosen."""
        ends = np.append(self.starts[1:], len(self.rows))
        kept = np.flatnonzero(chosen)
        pieces = [self.rows[self.starts[at] : ends[at]] for at in kept]
        starts = np.cumsum([0, *(len(piece) for piece in pieces[:-1])])
        return Material(np.concatenate(pieces), starts, self.intents[kept], self.worth[kept], self.folds[kept])


def material(sentences: Sequence[Sentence]) -> Material:
    """Turn sentences into features, classes and folds. A phrase lies in one fold, whole."""
    every = [sorted(features_of(sentence)) for sentence in sentences]
    return Material(
        rows=np.array([row for rows in every for row in rows], dtype=np.int64),
        starts=np.cumsum([0, *(len(rows) for rows in every[:-1])]),
        intents=np.array([CLASSES.index(sentence.intent) for sentence in sentences]),
        worth=np.array([SINGLE_WEIGHT if one.single else 1.0 for one in sentences], dtype=np.float32),
        folds=np.array([zlib.crc32(sentence.frame.encode()) % FOLDS for sentence in sentences]),
    )


def features_of(sentence: Sentence) -> frozenset[int]:
    """Return a sentence's features as the reader will see them."""
    words = intents.words_of(sentence.text, sentence.names)
    return intents.features(words, question=sentence.text.rstrip().endswith("?"))


@dataclass(frozen=True, slots=True)
class Weights:
    """What training finds: one row per feature that occurs, one column per class."""

    seen: Ints
    """The features that occur, ascending."""
    rows: Floats
    bias: Floats

    def scores(self, of: Material) -> Floats:
        """Return the score of each class for each sentence; a feature that was never seen says nothing."""
        at = np.clip(np.searchsorted(self.seen, of.rows), 0, len(self.seen) - 1)
        known = self.seen[at] == of.rows
        found = self.rows[at] * known[:, None]
        counts = np.diff(np.append(of.starts, len(of.rows)))
        value = (1 / np.sqrt(counts)).astype(np.float32)
        sums: Floats = np.add.reduceat(found, of.starts, axis=0)
        return sums * value[:, None] + self.bias


def train(of: Material, *, steps: int = STEPS) -> Weights:
    """Fit the weights. Additions only, in one order: no library decides how they are split over threads."""
    seen, at = np.unique(of.rows, return_inverse=True)
    counts = np.diff(np.append(of.starts, len(of.rows)))
    value = (1 / np.sqrt(counts)).astype(np.float32)
    owner = np.repeat(np.arange(len(counts)), counts)
    order = np.argsort(at, kind="stable")
    by_feature, firsts = owner[order], np.searchsorted(at[order], np.arange(len(seen)))
    rows = np.zeros((len(seen), len(CLASSES)), dtype=np.float32)
    bias = np.zeros(len(CLASSES), dtype=np.float32)
    pace, bias_pace = np.zeros_like(rows), np.zeros_like(bias)
    whole = of.worth.sum()
    for _ in range(steps):
        scores = np.add.reduceat(rows[at], of.starts, axis=0) * value[:, None] + bias
        wrong = softmax(scores)
        wrong[np.arange(len(wrong)), of.intents] -= 1
        wrong *= (of.worth / whole)[:, None]
        slope = np.add.reduceat((wrong * value[:, None])[by_feature], firsts, axis=0) + PENALTY * rows
        pace = MOMENTUM * pace - RATE * slope
        bias_pace = MOMENTUM * bias_pace - wrong.sum(axis=0)
        rows += pace
        bias += bias_pace
    return Weights(seen, rows, bias)


def softmax(scores: Floats) -> Floats:
    """Return probabilities, one row per sentence."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def held_out(of: Material) -> Floats:
    """Return scores of every sentence by a model that never saw its phrase."""
    scores = np.zeros((len(of.intents), len(CLASSES)), dtype=np.float32)
    for fold in range(FOLDS):
        out = of.folds == fold
        scores[out] = train(of.part(~out)).scores(of.part(out))
    return scores


def temperature(scores: Floats, truth: Ints, worth: Floats) -> float:
    """Return what scores are divided by so that probabilities are as right as they say: least log loss on a grid."""
    grid = np.round(np.arange(0.4, 3.01, 0.05), 2)
    at = np.arange(len(truth))
    losses = [float((-np.log(softmax(scores / one)[at, truth] + 1e-9) * worth).sum()) for one in grid]
    return float(grid[int(np.argmin(losses))])


def threshold(sure: Floats, right: NDArray[np.bool_], bar: float) -> float:
    """Return the least probability from which on at least `bar` of the guesses are right; .99 where there is none."""
    order = np.argsort(-sure, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(share >= bar)
    return round(min(0.99, float(sure[order][good[-1]]) + 0.005), 3) if len(good) else 0.99


def thresholds(shares: Floats, truth: Ints) -> dict[str, float]:
    """Return what `intents.Thresholds` holds, measured on guesses about phrasings held out."""
    first, sure = shares.argmax(axis=1), shares.max(axis=1)
    right = first == truth
    reads = np.array([name in SPOKEN and SPOKEN[name].effect.value == "reads" for name in CLASSES])[first]
    nothing = first == CLASSES.index(intents.ABSTAIN)
    tools = ~nothing & (first != CLASSES.index(intents.SEVERAL))
    return {
        "read": threshold(sure[reads], right[reads], SURE),
        "offer": threshold_half(sure[tools], right[tools]),
        "abstain": threshold(sure[nothing], right[nothing], SURE),
    }


def threshold_half(sure: Floats, right: NDArray[np.bool_]) -> float:
    """Return the least probability at which a guess is still right more often than wrong, by twentieths."""
    for low in np.round(np.arange(0.05, 1.0, 0.05), 2):
        near = (sure >= low) & (sure < low + 0.1)
        if near.sum() >= 20 and right[near].mean() >= 0.5:
            return float(low)
    return 0.5


def source() -> str:
    """Return a digest of all that the weights depend on: corpus, features, training."""
    digest = hashlib.sha256()
    for path in (*expand.files(), expand.FOLDER / "words.txt", expand.FOLDER / "expand.py", Path(__file__)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(Path(intents.__file__).read_bytes())
    return digest.hexdigest()


def write(weights: Weights, heat: float, limits: dict[str, float], path: Path = intents.WEIGHTS) -> None:
    """Write the weights as the reader keeps them: a line of JSON, then signed bytes, packed."""
    unit = float(np.abs(weights.rows).max()) / 127
    table = np.zeros((intents.BUCKETS, len(CLASSES)), dtype=np.int8)
    table[weights.seen] = np.rint(weights.rows / unit).astype(np.int8)
    body = table.tobytes()
    about = {
        "format": intents.FORMAT,
        "classes": CLASSES,
        "buckets": intents.BUCKETS,
        "scale": round(unit / heat, 9),
        "bias": [round(float(value) / heat, 6) for value in weights.bias],
        "thresholds": limits,
        "sha256": hashlib.sha256(body).hexdigest(),
        "source": source(),
    }
    path.write_bytes(json.dumps(about).encode() + b"\n" + zlib.compress(body, 9))


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, calibrate and write; with `--measure`, print the figures instead."""
    parser = argparse.ArgumentParser(prog="python -m opsagent_evals.chat.train", description=main.__doc__)
    parser.add_argument("--measure", action="store_true", help="print the figures of phrasings held out, write nothing")
    asked = parser.parse_args(arguments)
    sentences = expand.sentences()
    numbers = material(sentences)
    scores = held_out(numbers)
    heat = temperature(scores, numbers.intents, numbers.worth)
    shares = softmax(scores / heat)
    limits = thresholds(shares, numbers.intents)
    if asked.measure:
        from opsagent_evals.chat.train_report import lines

        sys.stdout.write("\n".join(lines(sentences, shares, CLASSES, heat, limits)) + "\n")
        return 0
    write(train(numbers), heat, limits)
    return 0


if __name__ == "__main__":
    sys.exit(main())
