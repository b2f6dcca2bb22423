"""How near some texts are to a question: exactly, and each by itself, where recall would merge what says the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opsagent_memory.finder import Finder
from opsagent_memory.store import Store


def similarities(finder: Finder, store: Store, query: str, texts: Sequence[str]) -> list[float]:
    """Return the cosine of the question and each text. Texts that memory knows need no model."""
    if not texts:
        return []
    keys = [store.key(text) for text in texts]
    known = store.vectors(sorted(set(keys)), finder.embedder)
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    fresh = dict(zip(missing, finder.embedder.embed(list(missing.values())), strict=True)) if missing else {}
    rows = np.stack([np.frombuffer(known[key], dtype="<f4") if key in known else fresh[key] for key in keys])
    return [min(1.0, float(cosine)) for cosine in rows @ finder.vector(query)]
