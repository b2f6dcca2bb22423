"""What a command is probably about: a compact, calibrated model of intents. It ranks; it never decides a change.

A linear model over hashed word and character n-grams (docs/decisions/0017-intent-model.md). Its weights are made by
`python -m opsagent_evals.chat.train` from the corpus that stands beside it, and shipped in `weights/`. Standard
library only: one guess is a few hundred additions, and numpy would cost more to import than it saves.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import math
import re
import zlib
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNIT = "{u}"
"""The word that stands for the name of a unit that exists."""
NUMBER = "{n}"
"""The word that stands for a number."""
ABSTAIN = "abstain"
"""The class of texts that ask for nothing that may be done."""
SEVERAL = "several"
"""The class of texts that ask for more than one tool."""
WEIGHTS = Path(__file__).parent / "weights" / "intents.bin"
FORMAT = 1
BUCKETS = 1 << 16
"""How many rows of weights there are; a feature's row is its CRC-32 modulo this."""

_TOKEN = re.compile(
    r"[a-z][a-z0-9_.-]*[a-z0-9_](?:'[a-z]+)?|[a-z](?:'[a-z]+)?|[가-힣ㄱ-ㅎㅏ-ㅣ]+|\d+(?:[.:]\d+)*|[?!,;%]"
)
_MARKS = frozenset("?!,;%")


class BrokenWeights(ValueError):
    """The weights of the intent model are not those that were made."""


@dataclass(frozen=True, slots=True)
class Guess:
    """One thing that a text may ask for."""

    tool: str
    """A name of `opsagent_tools.registry.SPOKEN`, `ABSTAIN` or `SEVERAL`."""
    probability: float
    """Calibrated on phrasings that the model was not trained on; all guesses of one text sum to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From which probability on a guess is good for what; measured in training, on phrasings held out."""

    read: float
    """The first guess is a tool that reads: at least 97 of 100 such guesses are right."""
    offer: float
    """The first guess is worth offering: more often right than wrong."""
    abstain: float
    """The first guess is `ABSTAIN`: at least 97 of 100 such guesses are right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Weights as they are kept: whole numbers, one row per bucket, one column per class."""

    classes: tuple[str, ...]
    rows: array[int]
    bias: tuple[float, ...]
    scale: float
    """What one unit of a weight is worth, the temperature included."""
    thresholds: Thresholds
    source: str
    """Digest of what the weights were made from: corpus and code."""


def words_of(text: str, names: Collection[str] = ()) -> tuple[str, ...]:
    """Split a text into the words that `guess` wants: names of units become `UNIT`, numbers `NUMBER`.

    Scripts are split apart, so that a Korean particle is a word of its own (`api를`: `{u}`, `를`).
    """
    known = {name.lower() for name in names}
    return tuple(_word(match.group(), known) for match in _TOKEN.finditer(text.lower().replace("’", "'")))


def _word(word: str, known: Collection[str]) -> str:
    if word in known or word.removesuffix("'s") in known:
        return UNIT
    return NUMBER if word[0].isdigit() else word


def features(words: Sequence[str], *, question: bool) -> frozenset[int]:
    """Return the rows of the model that a text sets: hashed features, each once."""
    said = [word for word in words if word not in _MARKS]
    return frozenset(zlib.crc32(name.encode()) % BUCKETS for name in _names(said, words, question))


def _names(said: Sequence[str], words: Sequence[str], question: bool) -> Iterator[str]:
    row = ["<", *said, ">"]
    for word in said:
        yield f"w {word}"
        if word not in (UNIT, NUMBER):
            yield from _pieces(word)
    for first, second in itertools.pairwise(row):
        yield f"b {first} {second}"
    for first, _, third in zip(row, row[1:], row[2:], strict=False):
        yield f"s {first} {third}"
    for three in zip(row, row[1:], row[2:], strict=False):
        yield "t " + " ".join(three)
    yield from _shape(said, words, question)


def _pieces(word: str) -> Iterator[str]:
    """Yield the pieces of a word that survive a slip of the finger, or another ending."""
    padded = f"^{word}$"
    sizes = (1, 2, 3) if "가" <= word[0] <= "힣" else (3, 4)
    for size in sizes:
        for start in range(len(padded) - size + 1):
            yield f"c {padded[start : start + size]}"


def _shape(said: Sequence[str], words: Sequence[str], question: bool) -> Iterator[str]:
    asked = question or "?" in words
    yield f"? {asked}"
    yield f"units {min(said.count(UNIT), 3)}"
    yield f"numbers {min(said.count(NUMBER), 2)}"
    yield f"length {min(len(said), 24).bit_length()}"
    if said:
        yield f"first {said[0]} {asked}"
        yield f"last {said[-1]} {asked}"


def guess(words: Sequence[str], *, question: bool) -> tuple[Guess, ...]:
    """Return what the words may ask for, likeliest first; every class is there.

    Words are as `words_of` makes them. `question`: the text ends in a question mark, or is one in its language.
    Raises BrokenWeights where the file of weights is missing or was changed.
    """
    model = load()
    width = len(model.classes)
    hit = features(words, question=question)
    sums = [0] * width
    rows = model.rows
    for row in hit:
        sums = [total + weight for total, weight in zip(sums, rows[row * width : (row + 1) * width], strict=True)]
    each = model.scale / math.sqrt(len(hit) or 1)
    scores = [total * each + bias for total, bias in zip(sums, model.bias, strict=True)]
    top = max(scores)
    shares = [math.exp(score - top) for score in scores]
    whole = sum(shares)
    ranked = sorted(zip(shares, model.classes, strict=True), key=lambda pair: (-pair[0], pair[1]))
    return tuple(Guess(name, share / whole) for share, name in ranked)


@functools.cache
def load(path: Path = WEIGHTS) -> Model:
    """Read the weights, once. Raises BrokenWeights."""
    try:
        head, _, body = path.read_bytes().partition(b"\n")
        about = json.loads(head)
        return _model(about, zlib.decompress(body))
    except (OSError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise BrokenWeights(f"the weights of the intent model cannot be used: {path.name}: {error}") from error


def _model(about: dict[str, Any], body: bytes) -> Model:
    classes = tuple(str(name) for name in about["classes"])
    if about["format"] != FORMAT or about["buckets"] != BUCKETS:
        raise BrokenWeights("they are of another version")
    if hashlib.sha256(body).hexdigest() != about["sha256"] or len(body) != BUCKETS * len(classes):
        raise BrokenWeights("they were changed")
    if len(about["bias"]) != len(classes):
        raise BrokenWeights("they do not fit together")
    rows = array("b")
    rows.frombytes(body)
    return Model(
        classes=classes,
        rows=rows,
        bias=tuple(float(value) for value in about["bias"]),
        scale=float(about["scale"]),
        thresholds=Thresholds(**{key: float(value) for key, value in about["thresholds"].items()}),
        source=str(about["source"]),
    )


def thresholds() -> Thresholds:
    """Return from which probability on a guess may be used. Raises BrokenWeights."""
    return load().thresholds
