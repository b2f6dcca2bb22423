"""Embedding models by LangChain's names. Imported when one is first asked."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.embeddings import Embeddings

_STEERING = ("_BASE_URL", "_API_BASE", "_ENDPOINT", "_HOST")
"""Ends of names of variables that would send texts elsewhere than the configuration says."""
_making = threading.Lock()


def made(name: str, settings: Mapping[str, Any]) -> Embeddings:
    """Return LangChain's model of this name, unsteered by the environment."""
    with _making, _unsteered():
        from langchain.embeddings import init_embeddings

        return init_embeddings(name, **settings)


@contextlib.contextmanager
def _unsteered() -> Iterator[None]:
    """Hide the variables that would send texts elsewhere: an environment is no consent."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.upper().endswith(_STEERING)}
    try:
        yield
    finally:
        os.environ.update(hidden)
