"""A text of several sentences has a vector for the whole and one for each of them.

One vector of a long text is a mean of all that it says, and a question about one thing in it is far from that mean;
what follows the first 128 word pieces is not in it at all. So the likeness of a question and a text is

    (1 - SHARE) · cos(question, whole) + SHARE · max(cos(question, whole), max over sentences cos(question, sentence))

and with a text of one sentence it is the cosine. The vectors of a text are kept in one row: the whole first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHARE = 0.6
MOST = 8
"""So many sentences of a text have a vector of their own; beyond, neighbours share one."""
_SHORT = 24
"""A shorter sentence stays with the one before it."""
_ENDS = re.compile(r"(?<=[.!?。])\s+|\n+")


def cut(text: str) -> list[str]:
    """Return the sentences of a text; none where it is only one."""
    found: list[str] = []
    for sentence in _ENDS.split(text.strip()):
        if found and (len(sentence) < _SHORT or len(found[-1]) < _SHORT):
            found[-1] += f" {sentence}"
        elif sentence:
            found.append(sentence)
    if len(found) > MOST:
        each = -(-len(found) // MOST)
        found = [" ".join(found[start : start + each]) for start in range(0, len(found), each)]
    return found if len(found) > 1 else []


def embedded(
    texts: Mapping[str, str],
    embed: Callable[[list[str]], NDArray[np.float32]],
    wholes: Mapping[str, NDArray[np.float32]] | None = None,
) -> dict[str, bytes]:
    """Return what is kept of each text, by its key: float32 in bytes, the whole first.

    `wholes`: the vectors of whole texts that are known already, by the text.
    """
    known = wholes or {}
    cuts = {key: cut(text) for key, text in texts.items()}
    wanted = [part for key, text in texts.items() for part in ([] if text in known else [text]) + cuts[key]]
    vectors = iter(embed(wanted) if wanted else ())
    found = {}
    for key, text in texts.items():
        whole = known[text] if text in known else next(vectors)
        parts = [next(vectors) for _ in cuts[key]]
        found[key] = b"".join(vector.astype("<f4").tobytes() for vector in (whole, *parts))
    return found


def rows(kept: bytes, dimensions: int) -> NDArray[np.float32]:
    """Return the vectors that are kept of a text, one a row, the whole first; none where they are damaged."""
    import numpy as np

    if len(kept) % (4 * dimensions):
        return np.empty((0, dimensions), dtype=np.float32)
    return np.frombuffer(kept, dtype="<f4").reshape(-1, dimensions)


def likeness(vectors: NDArray[np.float32], question: NDArray[np.float32]) -> float:
    """Return how like a question is to a text that has these vectors, -1..1."""
    cosines = vectors @ question
    return min(1.0, float((1 - SHARE) * cosines[0] + SHARE * cosines.max()))
