"""What can follow what is typed so far: verbs, names of services and procedures, ids. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

ENGLISH = tuple(
    "reload|reload all|restart|stop|start|scale|roll back|status|logs of|last 50 lines of|search the logs of|why did"
    "|is|incidents|host metrics|pause|resume|hold|approve|deny|remember:|undo that|help|safely|and show its logs".split(
        "|"
    )
)
KOREAN = tuple(
    "안전하게 리로드해줘|리로드해줘|재시작해줘|중지해줘|시작해줘|롤백해줘|상태 알려줘|로그 보여줘|왜 죽었어?|괜찮아?|인시던트 보여줘"
    "|일시정지해줘|재개해줘|승인해줘|거절해줘|기억해:|되돌려줘|도움말".split("|")
)
STEERING = ("/help", "/approvals", "/more", "/quiet", "/news", "/new", "/history", "/quit")
_MOST_WORDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What there is to complete."""

    names: Sequence[str] = ()
    """Of services."""
    groups: Sequence[str] = ()
    """Aliases and groups."""
    procedures: Sequence[str] = ()
    questions: Sequence[tuple[str, str]] = ()
    """Id of each open question of the agent, and what it is about."""
    incidents: Sequence[tuple[str, str]] = ()
    """Id of each incident, and what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One way to go on."""

    text: str
    back: int
    """How many characters before the cursor it replaces."""
    about: str = ""


def completions(typed: str, known: Known, *, asked: bool = False) -> Iterator[Completion]:
    """Yield what may follow. `asked`: somebody pressed Tab, so an empty place gets everything."""
    if typed.startswith("/"):
        yield from (Completion(text=word, back=len(typed)) for word in STEERING if word.startswith(typed))
        return
    words = typed.split(" ")
    if not words[-1] and not asked:
        return
    found: dict[str, Completion] = {}
    for word, about in _candidates(words, known):
        back = _overlap(words, word)
        if (back or not words[-1]) and back != len(word):
            found.setdefault(word, Completion(text=word, back=back, about=about))
    yield from sorted(found.values(), key=lambda one: -one.back)  # what goes on with more words of it comes first


def _candidates(words: Sequence[str], known: Known) -> Iterable[tuple[str, str]]:
    first = [word for word in words[:-1] if word][:1]
    if first and first[0].lower() in {"approve", "deny", "승인", "거절"}:
        yield from known.questions
        return
    yield from ((name, "") for name in known.names)
    yield from ((name, "") for name in known.groups)
    verbs = (*ENGLISH, *KOREAN)
    yield from ((verb, "") for verb in verbs)
    yield from ((name, "procedure") for name in known.procedures)
    if words[-1]:
        yield from known.questions
        yield from known.incidents


def _overlap(words: Sequence[str], candidate: str) -> int:
    """Return how many characters at the end of the text the candidate begins with, counted from the start of a word."""
    for count in range(min(_MOST_WORDS, len(words)), 0, -1):
        typed = " ".join(words[-count:])
        if typed and candidate.lower().startswith(typed.lower()):
            return len(typed)
    return 0
