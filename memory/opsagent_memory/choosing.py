"""Which model embeds, by one setting. Standard library only until a model is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from opsagent_memory.bilingual import BilingualEmbedder
from opsagent_memory.embed import Embedder
from opsagent_memory.errors import EmbedderError

BUILT_IN = "builtin"
LANGCHAIN = "langchain"
_WRITE = 'write "builtin", or "PROVIDER:MODEL" as in "ollama:nomic-embed-text"'


def embedder_for(
    setting: str | Mapping[str, object], folder: Path, *, redact: Callable[[str], str] | None = None
) -> Embedder:
    """Return the embedder that a setting names; nothing is loaded, and nobody is asked, before it is used.

    `"builtin"` is the model that came inside a package. `"PROVIDER:MODEL"`, or a table whose `langchain` says that
    and whose other keys are settings of the model, is one that LangChain reaches; with a hosted one, texts leave this
    machine, after `redact`. What tells its space from others is kept in `folder`.

    Raises:
        EmbedderError: the setting names no model.
    """
    if setting == BUILT_IN:
        return BilingualEmbedder()
    table = {LANGCHAIN: setting} if isinstance(setting, str) else dict(setting)
    name = table.pop(LANGCHAIN, None)
    if not isinstance(name, str) or not all(part.strip() for part in name.partition(":")):
        raise EmbedderError(f"{name if isinstance(name, str) else setting!r} names no embedding model: {_WRITE}")
    from opsagent_memory.served import LangChainEmbedder

    return LangChainEmbedder(name.strip(), folder, settings=table, redact=redact)
