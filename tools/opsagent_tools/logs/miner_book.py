"""The templates of a miner: which there are, which are merged, which keys lead to them, which are forgotten."""

from __future__ import annotations

import hashlib

from opsagent_tools.logs.event import Signature
from opsagent_tools.logs.masking import untyped
from opsagent_tools.logs.miner_words import WILD, edges, is_value, polar, ripe, wordy

_TOKENS = 60
"""Longer templates are never merged."""
_COMPARED = 48
"""So many templates of the same length and beginning (or end) are compared with a new one."""
_APART = 3
"""Templates that differ in more places than this are different."""
ALIASES = 32
"""Keys from before that one template keeps."""
_SHAPE = 300
"""From so many templates of one shape on, all in them that is not polar is taken for values."""

Places = tuple[int, ...]
Tokens = tuple[str, ...]


class Group:
    """One template, and what is known of it."""

    __slots__ = ("aliases", "count", "into", "places", "shape", "signature", "tokens", "values")

    def __init__(self, tokens: Tokens, template: str) -> None:
        self.tokens = tokens
        """Untyped: values are WILD."""
        self.signature = Signature(key_of(" ".join(tokens)), template)
        self.count = 0
        self.into: Group | None = None
        """What it was merged into; itself where it was forgotten."""
        self.aliases: dict[str, None] = {}
        self.places: Places = ()
        """Where merging has found that any word is a value."""
        self.values: list[int] = []
        """The buckets that it lies in."""
        self.shape = 0


class Book:
    """All templates of one miner."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.groups: dict[str, Group] = {}
        """By untyped text."""
        self.by_key: dict[str, Group] = {}
        self._buckets: dict[int, dict[Group, None]] = {}
        """Templates that differ at certain places only, by the hash of those places and of all the rest."""
        self._opened: dict[int, Group] = {}
        self._open_places: dict[int, dict[Places, None]] = {}
        """By number of tokens: the places at which some template of that length takes any word."""
        self._alike: dict[tuple[int, int, str], dict[Group, None]] = {}
        self._shapes: dict[int, int] = {}

    def get(self, template: str) -> Group | None:
        """Return the group of a typed template, redacted or not, if there is one that needs to know no more of it."""
        bare = untyped(template)
        group = self.groups.get(bare)
        if group is None:
            group = self._opened_for(tuple(bare.split(" ")))
            if group is not None and len(group.aliases) < ALIASES:
                return None
        return group

    def find(self, template: str) -> Group:
        """Return the group of a typed, redacted template; it may be new, and may have been merged at once."""
        bare = untyped(template)
        group = self.groups.get(bare)
        if group is not None:
            return group
        tokens = tuple(bare.split(" "))
        group = self._opened_for(tokens)
        if group is not None:
            self._alias(key_of(bare), group)
            return group
        if len(tokens) > _TOKENS:
            return self._add(tokens, template)
        shape = _shape(tokens)
        if self._shapes.get(hash(shape), 0) >= _SHAPE:
            noise = " ".join(shape)
            return self.groups.get(noise) or self._add(shape, noise.replace(WILD, "<str>"))
        group = self._add(tokens, template)
        group.shape = hash(shape)
        self._shapes[group.shape] = self._shapes.get(group.shape, 0) + 1
        return self._merge_what_is_ripe(group)

    def _add(self, tokens: Tokens, template: str) -> Group:
        if len(self.groups) >= self._limit:
            self._forget_least()
        group = Group(tokens, template)
        self.groups[" ".join(tokens)] = group
        self.by_key[group.signature.key] = group
        return group

    # --- merging ---

    def _opened_for(self, tokens: Tokens) -> Group | None:
        for places in self._open_places.get(len(tokens), ()):
            group = self._opened.get(hash((places, _rest(tokens, places))))
            if group is not None and not any(polar(tokens[place]) for place in places):
                return group
        return None

    def _merge_what_is_ripe(self, group: Group) -> Group:
        """Put a template among its likes; merge where there are enough of them, and go on with what came of it."""
        while True:
            merged = self._place(group)
            if merged is None:
                return group
            group = merged

    def _place(self, group: Group, *, merging: bool = True) -> Group | None:
        tokens = group.tokens
        if len(tokens) > _TOKENS:
            return None
        places_list: list[Places] = [(place,) for place, token in enumerate(tokens) if not polar(token)]
        places_list += self._apart(group)
        is_word = [wordy(token) for token in tokens]
        words = sum(is_word)
        for places in places_list:
            if words <= sum([is_word[place] for place in places]):
                continue
            rest = _rest(tokens, places)
            number = hash((places, rest))
            bucket = self._buckets.setdefault(number, {})
            bucket[group] = None
            group.values.append(number)
            if merging and len(bucket) > 1:
                seen = [{each.tokens[place] for each in bucket} for place in places]
                others = [token for place, token in enumerate(tokens) if place not in places]
                if ripe(seen, places, others):
                    return self._merge(list(bucket), places, rest)
        return None

    def _apart(self, group: Group) -> list[Places]:
        """Return at which places, together, other templates differ from this one; it is remembered for later ones."""
        tokens, found = group.tokens, dict[Places, None]()
        for end in (0, -1):
            likes = self._alike.setdefault((len(tokens), end, tokens[end]), {})
            for other in likes:
                places = tuple(at for at, (a, b) in enumerate(zip(tokens, other.tokens, strict=True)) if a != b)
                if not self._may_differ(tokens, other.tokens, places):
                    continue
                rest = _rest(other.tokens, places)
                if _rest(tokens, places) == rest:
                    found[places] = None
                    number = hash((places, rest))
                    self._buckets.setdefault(number, {})[other] = None
                    other.values.append(number)
            likes[group] = None
            if len(likes) > _COMPARED:
                del likes[next(iter(likes))]
        return list(found)

    def _may_differ(self, tokens: Tokens, others: Tokens, places: Places) -> bool:
        return (
            1 < len(places) <= _APART
            and (3 * len(places) <= len(tokens) or all(is_value(others[at]) for at in places))
            and not any(polar(tokens[at]) or polar(others[at]) for at in places)
        )

    def _merge(self, members: list[Group], places: Places, rest: Tokens) -> Group:
        tokens = tuple(token.replace("\0", WILD) if at in places else token for at, token in enumerate(rest))
        bare = " ".join(tokens)
        target = self.groups.get(bare)
        if target is None:
            target = self._add(tokens, _display(members[0].signature.template, tokens, places))
        self._leave(target)
        for member in members:
            if member is not target:
                self._absorb(member, target)
        target.places = tuple(sorted({*places, *target.places, *(at for each in members for at in each.places)}))
        self._open(target)
        return target

    def _open(self, group: Group) -> None:
        """Take any word at the merged places of a template for a value, from now on."""
        if group.places:
            self._opened[hash((group.places, _rest(group.tokens, group.places)))] = group
            self._open_places.setdefault(len(group.tokens), {})[group.places] = None

    def _close(self, group: Group) -> None:
        number = hash((group.places, _rest(group.tokens, group.places)))
        if self._opened.get(number) is group:
            del self._opened[number]

    def _absorb(self, member: Group, target: Group) -> None:
        self._remove(member)
        member.into = target
        target.count += member.count
        for key in (member.signature.key, *member.aliases):
            self._alias(key, target)

    def _alias(self, key: str, group: Group) -> None:
        if key != group.signature.key and len(group.aliases) < ALIASES and key not in group.aliases:
            group.aliases[key] = None
            self.by_key[key] = group

    # --- forgetting ---

    def _forget_least(self) -> None:
        """Forget the eighth that counted least, of equal ones the oldest; what stays counts half from now on."""
        ranked = sorted(self.groups.values(), key=lambda group: group.count)
        for group in ranked[: max(1, len(ranked) // 8)]:
            self._remove(group)
            group.into = group
            for key in (group.signature.key, *group.aliases):
                if self.by_key.get(key) is group:
                    del self.by_key[key]
        for group in self.groups.values():
            group.count //= 2

    def _remove(self, group: Group) -> None:
        self._leave(group)
        self._close(group)
        bare = " ".join(group.tokens)
        if self.groups.get(bare) is group:
            del self.groups[bare]
        if group.shape:
            left = self._shapes.get(group.shape, 1) - 1
            if left:
                self._shapes[group.shape] = left
            else:
                self._shapes.pop(group.shape, None)

    def _leave(self, group: Group) -> None:
        """Take a template out of the buckets."""
        for number in group.values:
            bucket = self._buckets.get(number)
            if bucket is not None:
                bucket.pop(group, None)
                if not bucket:
                    del self._buckets[number]
        group.values.clear()
        for end in (0, -1):
            place = (len(group.tokens), end, group.tokens[end])
            likes = self._alike.get(place)
            if likes is not None:
                likes.pop(group, None)
                if not likes:
                    del self._alike[place]

    def restore(self, group: Group) -> None:
        """Take in a template that was kept."""
        self.groups[" ".join(group.tokens)] = group
        self.by_key[group.signature.key] = group
        for key in group.aliases:
            self.by_key.setdefault(key, group)
        self._open(group)
        self._place(group, merging=False)


def key_of(bare: str) -> str:
    """Return the durable key of an untyped template: 16 hex digits."""
    return hashlib.blake2b(bare.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _rest(tokens: Tokens, places: Places) -> Tokens:
    """Return the tokens with only the punctuation of those at `places`."""
    left = list(tokens)
    for place in places:
        left[place] = edges(tokens[place])
    return tuple(left)


def _shape(tokens: Tokens) -> Tokens:
    return tuple(edges(token).replace("\0", WILD) if wordy(token) and not polar(token) else token for token in tokens)


def _display(template: str, tokens: Tokens, places: Places) -> str:
    """Return the typed template with what was merged as `<str>`."""
    shown = template.split(" ")
    if len(shown) != len(tokens):
        return " ".join(tokens)
    for place in places:
        if not is_value(shown[place]):
            shown[place] = tokens[place].replace(WILD, "<str>")
    return " ".join(shown)
