r"""From phrase grammars to sentences: always the same ones, in the same order. Pure but for reading the files.

    verb = restart | bounce              a word list, used as $verb
    > restart({u})                       what the phrases below ask for (a call as in chat cases)
    [please] $verb {u} [for me]          a phrase: (a|b) one of them, [a|b] one of them or nothing; \ takes a sign as it is

A phrase without choices is a sentence of its own. Slots are filled from lists: {u} and {u2} names of services, {n} a
number, {d} a span of time, {q} something to look for, {p} a procedure, {id} a question's number, {t} a time of day.

CorpusError
"""

from __future__ import annotations

import functools
import random
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
EACH = 14
"""How many sentences one phrase gives at most."""
EACH_ABSTAIN = 22
"""The same for phrases that ask for nothing: a third of the corpus."""
ROUGH = 0.12
"""Part of the sentences of a grammar that get a slip of the finger; those to abstain from never do."""

NAMES = (
    "api worker web redis gateway billing mailer search payments nginx postgres scheduler auth cron queue cache "
    "frontend checkout indexer orders-api user_service proxy kafka grafana ingest reports notifier mail backup "
    "catalog pay-web session-store thumbs geo ledger uploads metrics-agent crawler inbox shop svc2 etl"
).split()
PROCEDURES = ("export report", "close month", "monthly invoices", "backup photos", "sync contacts", "send payroll")
QUERIES = (
    "timeout, connection refused, OOM, 502, segfault, deadlock, out of memory, permission denied, order 4412, "
    "NullPointerException, panic, disk full, retrying, user 88, SSL"
).split(", ")
SPANS = {
    "en": {
        "10 minutes": "10m", "30 minutes": "30m", "half an hour": "30m", "an hour": "1h", "2 hours": "2h",
        "three hours": "3h", "6h": "6h", "15m": "15m", "a day": "1d", "2 days": "2d", "45 min": "45m", "90 minutes": "90m",
    },
    "ko": {
        "10분": "10m", "30분": "30m", "한 시간": "1h", "1시간": "1h", "2시간": "2h", "두 시간": "2h", "세 시간": "3h",
        "하루": "1d", "이틀": "2d", "15분": "15m", "6시간": "6h", "3일": "3d",
    },
}  # fmt: skip
TIMES = {
    "en": ("3am", "03:00", "midnight", "noon", "10 pm", "half past four", "6:30"),
    "ko": ("새벽 3시", "03:00", "자정", "밤 10시", "오후 6시 30분", "정오", "아침 9시"),
}
NUMBERS = ("2", "3", "4", "5", "6", "8", "10")
LINES = ("20", "50", "100", "200", "500", "30", "10")

_DEFINITION = re.compile(r"([a-z_]+)\s*=\s*(.*)")
_REFERENCE = re.compile(r"\$([a-z_]+)")
_SLOT = re.compile(r"\{([a-z]+2?)\}")
_BAR = re.compile(r"\s*\|\s*")
_SPACES = re.compile(r"\s+")


class CorpusError(ValueError):
    """A phrase of the corpus cannot be read. One line, with file and line number."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the corpus."""

    text: str
    calls: str
    """What it asks for, as a chat case says it: calls with `;` between, alternatives with `||`; `ask()`: nothing that
    may be done; `several`: calls of more than one tool, not written out."""
    names: tuple[str, ...]
    """The services that it names."""
    frame: str
    """`FILE:LINE` of its phrase: sentences of one phrase are never trained on and judged by at once."""
    single: bool
    """Whether its phrase has no choices: it was written as it stands."""

    @property
    def language(self) -> str:
        """Return `en` or `ko`."""
        return "ko" if self.frame.startswith("ko") else "en"

    @property
    def intent(self) -> str:
        """Return the class that the model learns: a tool, `several` or `abstain`."""
        first = self.calls.split("||")[0].strip()
        if first in {"ask()", "several"}:
            return "abstain" if first == "ask()" else "several"
        tools = [call.split("(")[0].strip() for call in first.split(";")]
        return tools[0] if len(set(tools)) == 1 else "several"


@functools.cache
def sentences() -> tuple[Sentence, ...]:
    """Return the whole corpus, every text once; of equal texts the first stays. Raises CorpusError."""
    found: dict[str, Sentence] = {}
    for path in files():
        for sentence in of_file(path):
            found.setdefault(sentence.text.lower(), sentence)
    return tuple(found.values())


def files() -> tuple[Path, ...]:
    """Return the files that the corpus is made of, in their order."""
    return tuple(sorted(path for path in FOLDER.glob("*.txt") if path.name != "words.txt"))


def of_file(path: Path) -> Iterator[Sentence]:
    """Yield the sentences of one file. Raises CorpusError."""
    lists = dict(_lists(FOLDER / "words.txt"))
    calls = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        written = line.strip()
        definition = _DEFINITION.fullmatch(written)
        if not written or written.startswith("#"):
            continue
        if definition is not None:
            lists[definition[1]] = _BAR.sub("|", definition[2])
        elif written.startswith(">"):
            calls = written.removeprefix(">").strip()
        elif not calls:
            raise CorpusError(f"{path.name}:{number}: a phrase before any `>`")
        else:
            try:
                yield from _of_phrase(written, calls, f"{path.stem}:{number}", lists)
            except (KeyError, IndexError) as error:
                raise CorpusError(f"{path.name}:{number}: {error}") from error


def _lists(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        definition = _DEFINITION.fullmatch(line.strip())
        if definition is not None:
            yield definition[1], _BAR.sub("|", definition[2]).replace("_", " ")


def _of_phrase(phrase: str, calls: str, frame: str, lists: Mapping[str, str]) -> Iterator[Sentence]:
    while _REFERENCE.search(phrase):
        phrase = _REFERENCE.sub(lambda match: f"({lists[match[1]]})", phrase)
    chance = random.Random(zlib.crc32(phrase.encode()))  # noqa: S311 - the same sentences every time
    tree = _parse(phrase)
    single = all(isinstance(part, str) for part in tree)
    seen: set[str] = set()
    most = EACH_ABSTAIN if calls.startswith("ask()") else EACH
    for _ in range(1 if single else 4 * most):
        bare = _SPACES.sub(" ", _say(tree, chance)).strip()
        if bare not in seen and len(seen) < most:
            seen.add(bare)
            text, asked, names = _fill(bare, calls, chance, "ko" if frame.startswith("ko") else "en")
            if not single:
                text = _roughen(text, names, chance, slips=not calls.startswith("ask()"))
            yield Sentence(text, asked, names, frame, single)


Tree = list["str | Choice"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several ways to go on."""

    ways: list[Tree]


def _parse(phrase: str) -> Tree:
    tree, rest = _row(phrase, 0, "")
    if rest != len(phrase):
        raise IndexError(f"a bracket too many at {phrase[rest:]!r}")
    return tree[0]


def _row(phrase: str, at: int, until: str) -> tuple[list[Tree], int]:
    """Read the ways up to the closing bracket `until`; return them and where they end."""
    ways: list[Tree] = [[]]
    while at < len(phrase) and phrase[at] not in ")]":
        char = phrase[at]
        if char in "([":
            inner, at = _row(phrase, at + 1, ")" if char == "(" else "]")
            ways[-1].append(Choice(inner + ([[]] * len(inner) if char == "[" else [])))
        elif char == "|" and until:
            ways.append([])
        else:
            at += char == "\\"
            ways[-1].append(phrase[at])
        at += 1
    if until and phrase[at] != until:
        raise IndexError(f"no {until!r}")
    return ways, at


def _say(tree: Tree, chance: random.Random) -> str:
    return "".join(part if isinstance(part, str) else _say(chance.choice(part.ways), chance) for part in tree)


def _fill(bare: str, calls: str, chance: random.Random, language: str) -> tuple[str, str, tuple[str, ...]]:
    """Fill the slots of one sentence, alike in its text and in its calls."""
    first, second, third = chance.sample(NAMES, 3)
    span = chance.choice(sorted(SPANS[language]))
    number = chance.choice(LINES if "logs(" in calls else NUMBERS)
    said = {"u": first, "u2": second, "u3": third, "n": number, "d": span, "q": chance.choice(QUERIES)}
    said |= {"p": chance.choice(PROCEDURES), "id": str(chance.randint(2, 90)), "t": chance.choice(TIMES[language])}
    meant = said | {"d": SPANS[language][span]}
    names = tuple(name for slot, name in (("u", first), ("u2", second), ("u3", third)) if f"{{{slot}}}" in bare)
    text = _SLOT.sub(lambda match: said[match[1]], bare)
    return text, _SLOT.sub(lambda match: meant[match[1]], calls), names


def _roughen(text: str, names: Sequence[str], chance: random.Random, *, slips: bool) -> str:
    """Write a sentence the way it may come: a capital, a full stop, a slip of the finger."""
    die = chance.random()
    if slips and die < ROUGH:
        words = text.split(" ")
        able = [at for at, word in enumerate(words) if len(word) >= 5 and word.isascii() and word.isalpha()]
        able = [at for at in able if words[at] not in names]
        if able:
            at = chance.choice(able)
            words[at] = _slip(words[at], chance)
            return " ".join(words)
    if die > 1 - ROUGH:
        return text[0].upper() + text[1:] + ("" if text[-1] in "?.!" else ".")
    return text


def _slip(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word) - 1)
    match chance.randrange(3):
        case 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case 1:
            return word[:at] + word[at + 1 :]
        case _:
            return word[:at] + word[at] + word[at:]
