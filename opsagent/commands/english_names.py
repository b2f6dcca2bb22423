"""Names of units as people write them: in another case, with other dashes, by an alias, nearly right. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from opsagent.commands.english_words import Meaning
from opsagent.commands.known import Known
from opsagent.commands.reading import Context
from opsagent.commands.tags import Role
from opsagent.commands.words import Token, distance

_SPLIT = re.compile(r"[-_./\s]+")


class Namer:
    """Finds names of units as people write them: in another case, with other dashes, by an alias, nearly right."""

    def __init__(self, known: Known, context: Context) -> None:
        self._known = known
        self._context = context
        self._plain: dict[str, list[tuple[Role, str]]] = {}
        for name in known.by_name:
            self._add(name, Role.UNIT, name)
        for alias, name in context.aliases.items():
            if name in known.by_name:
                self._add(alias, Role.UNIT, name)
        for group in context.groups:
            self._add(group, Role.GROUP, group)
        self._shorts = tuple(name for name in known.short_names if " " not in name)
        self._longest = max((key.count(" ") + 1 for key in self._plain), default=1)

    def _add(self, said: str, role: Role, name: str) -> None:
        for form in {said.lower(), " ".join(_SPLIT.split(said.lower())).strip()}:
            meant = self._plain.setdefault(form, [])
            if (role, name) not in meant:
                meant.append((role, name))

    def at(self, tokens: Sequence[Token], start: int) -> Iterator[tuple[int, Meaning]]:
        """Yield what is named at `start`, longest first, with the place behind it."""
        for end in range(min(len(tokens), start + self._longest), start, -1):
            words = tokens[start:end]
            if end - start > 1 and any(word.quoted for word in words):
                continue
            meant = self._meant(" ".join(word.text for word in words))
            if meant is not None:
                yield end, meant

    def _meant(self, said: str) -> Meaning | None:
        if self._known.named(said):
            return (Role.UNIT, said, "")
        found = self._plain.get(said.lower(), [])
        if len(found) > 1:  # by full id, name and kind one unit has several names
            units = {unit.id for role, name in found for unit in self._known.named(name) if role is Role.UNIT}
            found = found[:1] if len(units) == 1 else []
        return (found[0][0], found[0][1], "") if found else None

    def near(self, word: str) -> tuple[str, ...]:
        """Return the names that a word is near to: a slip, a plural, a beginning."""
        lowered = word.lower()
        if len(lowered) < 3:
            return ()
        return tuple(name for name in self._shorts if _is_near(lowered, name.lower()))


def _is_near(word: str, name: str) -> bool:
    if abs(len(word) - len(name)) <= 2 and len(set(word) ^ set(name)) <= 4:  # the distance takes its time
        far = distance(word, name)
        if far <= (1 if len(name) < 7 else 2) and (len(name) > 3 or word[0] == name[0]):
            return True
    parts = _SPLIT.split(name)
    singular = word.removesuffix("s")
    return (
        (len(parts) > 1 and word in parts[:1])
        or (len(singular) > 2 and singular in {name, name.removesuffix("s")})
        or (len(word) >= 4 and name.startswith(word))
    )
