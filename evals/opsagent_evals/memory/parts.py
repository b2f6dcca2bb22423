"""The parts of the suite that ask: paraphrases, LoCoMo, and cases of a user. Each method gets the same texts and vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from opsagent_evals.memory import hits
from opsagent_evals.memory.bm25 import Bm25
from opsagent_evals.memory.corpus import Cases
from opsagent_evals.memory.hits import Asked
from opsagent_evals.memory.locomo import Conversation
from opsagent_evals.memory.own_memory import OnceEmbedder, OwnMemory
from opsagent_evals.memory.plain_chroma import PlainChroma
from opsagent_evals.telling import say
from opsagent_memory.embed import Embedder

MEMORY, BM25, CHROMA, CHROMA_PLAIN = "memory", "bm25", "chroma", "chroma_english"
METHODS = (MEMORY, BM25, CHROMA, CHROMA_PLAIN)
"""`chroma` gets the vectors that memory gets; `chroma_english` those of the English model alone, without its Korean."""
_TOLD_EVERY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One set of questions over one set of documents."""

    name: str
    documents: int
    asked: tuple[Asked, ...]


def asked_of(
    sets: Sequence[tuple[str, Cases]], folder: Path, embedder: Embedder, english: Embedder
) -> tuple[Part, ...]:
    """Put the questions of each named set of cases to a memory and to the yardsticks, in `folder`."""
    parts = []
    with ExitStack() as stack:
        memory, chroma = _opened(folder, embedder, stack)
        plain = stack.enter_context(PlainChroma(folder / "english", OnceEmbedder(english)))
        for name, cases in sets:
            say(f"{name}: {len(cases.questions):,} questions over {len(cases.documents):,} documents")
            shelves: dict[str, hits.Ranker] = {
                MEMORY: memory.shelf(name, cases.documents),
                BM25: Bm25(cases.documents),
                CHROMA: chroma.shelf(cases.documents),
                CHROMA_PLAIN: plain.shelf(cases.documents),
            }
            questions = ((one.text, one.language, one.half, (one.document,)) for one in cases.questions)
            asked = hits.ask(questions, shelves, _teller(name, len(cases.questions)))
            parts.append(Part(name=name, documents=len(cases.documents), asked=asked))
    return tuple(parts)


def conversations(found: Sequence[Conversation], folder: Path, embedder: Embedder) -> tuple[Part, ...]:
    """Put LoCoMo's questions to a memory and to the yardsticks: a scope for each conversation, a turn a record."""
    parts = []
    with ExitStack() as stack:
        memory, chroma = _opened(folder, embedder, stack)
        for number, one in enumerate(found, 1):
            say(f"LoCoMo {number}/{len(found)} {one.name}: {len(one.questions)} questions, {len(one.turns)} turns")
            shelves: dict[str, hits.Ranker] = {
                MEMORY: memory.shelf(one.name, one.turns, one.times),
                BM25: Bm25(one.turns),
                CHROMA: chroma.shelf(one.turns),
            }
            half = "heldout" if one.held_out else "dev"
            asked = hits.ask(((text, kind, half, right) for text, kind, right in one.questions), shelves)
            parts.append(Part(name=one.name, documents=len(one.turns), asked=asked))
    return tuple(parts)


def _opened(folder: Path, embedder: Embedder, stack: ExitStack) -> tuple[OwnMemory, PlainChroma]:
    once = OnceEmbedder(embedder)
    (folder / "memory").mkdir(parents=True)
    memory = stack.enter_context(OwnMemory(folder / "memory", once))
    return memory, stack.enter_context(PlainChroma(folder / "chroma", once))


def _teller(name: str, whole: int) -> Callable[[int], None]:
    def tell(count: int) -> None:
        if count % _TOLD_EVERY == 0:
            say(f"{name}: {count:,}/{whole:,}")

    return tell
