"""Short texts that lean on the turn before: `and worker?`, `same for web`, `워커도`, `again`, `그거 로그 보여줘`. Pure.

A closed list of forms around names of units, and nothing else in the text; whatever does not fit is the reader's. A
question never becomes a change here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from opsagent.commands.known import Known
from opsagent.commands.reading import CommandStep, Context
from opsagent_tools.registry import CHANGING, READING

Steps = tuple[CommandStep, ...]

_LEADS = (
    "(?:and |ok |now )*(?:(?:do )?the same (?:for|with|to|on)|same (?:for|with|on)|likewise for|and for|and|also|plus"
    "|what about|how about|what of)"
)
_EN = re.compile(rf"{_LEADS} (?P<names>.+?)(?: too| as well| also| then)?(?: please)?")
_KO = re.compile(
    r"(?:그럼 |그러면 |그리고 |또 |이번엔 |이번에는 )*(?P<names>.+?)(?:은|는|도|의 경우는|은요|는요|도요|이는|이도)"
    r"(?: ?(?:똑같이|마찬가지로|그렇게))?(?: ?(?:해 ?줘|해 ?주세요|부탁해|부탁해요|요|어때|어때요|어떤데))?"
)
_BETWEEN = re.compile(r"\s*,\s*(?:and )?|\s+and\s+|\s+|(?<=\w)(?:하고|이랑|랑|과|와)\s*")
_AGAIN = frozenset(
    {"again", "once more", "one more time", "다시", "한 번 더", "다시 한 번", "다시 보여줘", "또 보여줘"}
)
_IT = re.compile(
    r"\b(?:its|that one's|that service's)\b|\b(?:it|that one|that service)\b"
    r"|(?:그거|그것|그 서비스|그놈|걔|그게|그건|그걸)(?=\s|$|[은는이가을를의도])"
)
_ALONE = frozenset({"at", "if"})


def followed(text: str, units: Known, context: Context) -> Steps:
    """Return what the text asks for, leaning on the last steps; empty: it does not lean on them like that."""
    words = " ".join(unicodedata.normalize("NFC", text).split())
    asks = words.endswith(("?", "？"))
    plain = words.rstrip("?？.!… ")
    if plain.lower() in _AGAIN:
        return context.last if context.last and all(step.tool in READING for step in context.last) else ()
    pattern = _last_pattern(context.last)
    if pattern is None or (asks and pattern.tool not in READING):
        return ()
    names = _names(plain, units, context)
    return tuple(units.step(pattern.tool, name, pattern.args) for name in names)


def _last_pattern(last: Sequence[CommandStep]) -> CommandStep | None:
    """Return the one thing that was done to all units of the last turn; None where there were several."""
    if not last or any(step.target in {None, "all"} or _ALONE & set(step.args) for step in last):
        return None
    first = last[0]
    alike = all((step.tool, dict(step.args)) == (first.tool, dict(first.args)) for step in last)
    spoken = first.tool in READING or first.tool in CHANGING or first.tool == "hold"
    return first if alike and spoken else None


def _names(text: str, units: Known, context: Context) -> tuple[str, ...]:
    """Return the units that the text names in one of the forms; empty where anything else is in it."""
    whole: dict[str, tuple[str, ...]] = {name: (name,) for name in units.names}
    whole |= {name: tuple(members) for name, members in context.groups.items()}
    whole |= {alias: (name,) for alias, name in context.aliases.items()}
    for form in (_EN, _KO):
        found = form.fullmatch(text) or form.fullmatch(text.lower())
        names = _all_of(found["names"], whole) if found is not None else ()
        if names and all(len(units.named(name)) == 1 for name in names):
            return names
    return ()


def _all_of(text: str, whole: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if text in whole:
        return whole[text]
    parts = [part for part in _BETWEEN.split(text) if part]
    if not parts or any(part not in whole for part in parts):
        return ()
    return tuple(dict.fromkeys(name for part in parts for name in whole[part]))


def with_its_name(text: str, context: Context) -> str:
    """Return the text with the name of what was spoken of for `it`, `its`, 그거; empty where that is not one unit.

    For the reader to read once more where it asked back; only what reads may come of it.
    """
    if len(context.spoken_of) != 1 or len(_IT.findall(text)) != 1:
        return ""
    name = context.spoken_of[0]
    return _IT.sub(lambda found: f"{name}'s" if found.group().endswith("s") and found.group() != "its" else name, text)
