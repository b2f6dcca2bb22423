"""Put the reader to the corpus: what it plans wrongly, and which phrases it neither plans nor offers.

    python -m opsagent_evals.chat.corpus.put [--every N]

What nothing may be done for must not be planned as a change, and no change must be planned as another one.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from opsagent.commands import reader
from opsagent.commands.reading import Context, Reading
from opsagent_evals.chat.cases import Case, read_calls
from opsagent_evals.chat.corpus import expand
from opsagent_evals.chat.corpus.expand import Sentence
from opsagent_evals.chat.match import judge
from opsagent_evals.chat.suite import units
from opsagent_tools.registry import READING

OTHERS = ("api", "worker", "postgres", "ledger")
"""Services that exist beside those that a sentence names."""
_NOW = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)
_CONTEXT = Context(procedures=expand.PROCEDURES, now=_NOW)


@dataclass(frozen=True, slots=True)
class Put:
    """One sentence, what the reader made of it, and how that stands to what it asks for."""

    sentence: Sentence
    reading: Reading
    verdict: str
    """As `opsagent_evals.chat.match.judge` says; `several`: nothing was written down to hold it against."""

    def __str__(self) -> str:
        planned = "; ".join(f"{step.tool}({step.target}, {dict(step.args)})" for step in self.reading.steps)
        return f"{self.verdict}: {self.sentence.text} | {self.sentence.calls} | {planned or 'asks back'}"


def put(sentences: Sequence[Sentence]) -> Iterator[Put]:
    """Read each sentence once."""
    for sentence in sentences:
        said = sentence.text.lower()
        services = (*sentence.names, *(name for name in OTHERS if name not in said))
        reading = reader.read(sentence.text, units(services), _CONTEXT)
        yield Put(sentence, reading, _verdict(sentence, services, reading))


def _verdict(sentence: Sentence, services: tuple[str, ...], reading: Reading) -> str:
    if sentence.intent == "several":
        return "several"
    alternatives = tuple(read_calls(calls) for calls in sentence.calls.split("||"))
    return judge(Case("corpus", 0, sentence.text, alternatives, services, expand.PROCEDURES), reading)


def sample(every: int, begin: int = 0) -> tuple[Sentence, ...]:
    """Return every so many-th sentence of the corpus, from `begin` on: the same ones every time."""
    return expand.sentences()[begin::every]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print wrong changes and readings, then the phrases that are missed most. Returns 1 if a change was wrong."""
    parser = argparse.ArgumentParser(prog="python -m opsagent_evals.chat.corpus.put", description=main.__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every so many-th sentence")
    found = list(put(sample(parser.parse_args(arguments).every)))
    sys.stdout.write("\n".join(_lines(found)) + "\n")
    return 1 if any(one.verdict == "wrong_change" for one in found) else 0


def _lines(found: Sequence[Put]) -> Iterator[str]:
    for verdict in ("wrong_change", "wrong_reading"):
        yield from (str(one) for one in found if one.verdict == verdict)
    phrases: dict[str, list[Put]] = defaultdict(list)
    for one in found:
        phrases[f"{one.sentence.intent} {one.sentence.frame}"].append(one)
    for name, those in sorted(phrases.items(), key=lambda item: -_missed(item[1])):
        if _missed(those):
            missed = next(one for one in those if one.verdict == "asked")
            yield f"missed {_missed(those)} of {len(those)}: {name}: {missed.sentence.text}"
    for language in ("en", "ko"):
        kinds = Counter(_kind(one) for one in found if one.sentence.language == language)
        yield f"{language}: " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))


def _missed(those: Sequence[Put]) -> int:
    return sum(one.verdict == "asked" for one in those)


def _kind(one: Put) -> str:
    if one.sentence.intent in {"several", "abstain"}:
        group = one.sentence.intent
    else:
        group = "reads" if one.sentence.intent in READING else "changes"
    return f"{group}: {one.verdict}"


if __name__ == "__main__":
    sys.exit(main())
