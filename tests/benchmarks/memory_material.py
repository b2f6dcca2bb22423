"""What the benchmarks of memory are made of: texts of incidents by the ten thousand, and vectors for them at once.

The model would need ten minutes for a hundred thousand texts. So only some real texts are embedded by it; the others
get vectors that lie around those as incidents of one cause lie around each other (cosine .85 to the middle, .72 to
each other). Questions are embedded by the model, in the time that is measured.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zlib import crc32

from opsagent_evals.memory import corpus
from opsagent_evals.memory.own_memory import AroundEmbedder
from opsagent_memory import Episode
from opsagent_memory.embed import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCOPE = "unit/circus/api"
BESIDE = "unit/circus/gateway"
"""A second scope, of a hundredth of the size: what a filter has to keep out."""
CAUSES = 240
_POOL = 4_096
_SPREAD = 0.62
_SIGNS = ("exit 1", "exit 137", "exit 143", "killed by signal 9", "probe timed out", "connection refused")
_OUTCOMES = ("worked", "worked", "worked", "failed")


class PreparedEmbedder(AroundEmbedder):
    """Gives the questions that it was told of to the model, and every other text a vector that is made up at once."""

    def __init__(self, embedder: Embedder) -> None:
        import numpy as np

        super().__init__(embedder)
        self._questions: set[str] = set()
        chance = np.random.default_rng(1)
        noise = chance.standard_normal((_POOL, embedder.dimensions)).astype(np.float32)
        self._noise = _SPREAD * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        self._centres = embedder.embed([_head(cause) for cause in range(CAUSES)])

    def asked(self, questions: Sequence[str]) -> None:
        """Give these to the model from now on."""
        self._questions.update(questions)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row of length one per text."""
        import numpy as np

        if all(text in self._questions for text in texts):
            return self._embedder.embed(texts)
        numbers = np.array([crc32(text.encode()) for text in texts])
        causes = np.array([crc32(text[:24].encode()) % CAUSES for text in texts])
        noise = (self._noise[numbers % _POOL] + self._noise[(numbers // _POOL) % _POOL]) / np.sqrt(2, dtype=np.float32)
        rows = self._centres[causes] + noise
        made: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for place, text in enumerate(texts):
            if text in self._questions or text == "warm":
                made[place] = self._embedder.embed([text])[0]
        return made


def episodes(first: int, count: int, scope: str = SCOPE) -> list[Episode]:
    """Return episodes with numbers of their own, of some hundred causes, over two years."""
    now = datetime.now(UTC)
    made = []
    for number in range(first, first + count):
        chance = random.Random(number)
        cause = chance.randrange(CAUSES)
        text = f"{_head(cause)}: {chance.choice(_SIGNS)} on web{number % 97}, request {chance.getrandbits(32):08x}"
        fields = {"remedy": f"crash/{'abcdef'[cause % 6]}", "outcome": chance.choice(_OUTCOMES), "class": "crash"}
        created_at = now - timedelta(minutes=chance.randrange(1_000_000))
        made.append(Episode(id=f"{scope}-{number}", scope=scope, text=text, created_at=created_at, fields=fields))
    return made


def questions(language: str, seed: int) -> Iterator[str]:
    """Yield questions of the shipped cases, each with the name of some host, so that none was asked before."""
    found = [one.text for one in corpus.shipped().questions if one.language == language]
    chance = random.Random(seed)
    chance.shuffle(found)
    while True:
        for text in found:
            host = f"app{chance.randrange(1_000_000)}"
            yield f"{host}에서 {text}" if language == "ko" else f"{text} on {host}"


_HEADS: list[str] = []


def _head(cause: int) -> str:
    if not _HEADS:
        _HEADS.extend(" ".join(text.split()[:9]).rstrip(".,:;").replace(". ", ", ") for text in corpus.distractors())
    return _HEADS[cause]
