"""Names as Korean writes them by their sound: `레디스` is redis, `게이트웨이` gateway, `에이피아이` api. Pure.

Latin letters are read as the sounds that they may have, alone or as spelt out, and Hangul as the sounds that it writes; a
name is found where the two agree from end to end. That is general, and needs no list of names. Sounds are lax about what
Korean spelling is lax about: doubled and aspirated consonants, a 으 behind a consonant.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

_FIRST, _LAST = 0xAC00, 0xD7A3
_ONSETS = ("g", "g", "n", "d", "d", "r", "m", "b", "b", "s", "s", "", "j", "j", "c", "g", "d", "b", "h")
_VOWELS = (
    "a",
    "E",
    "ya",
    "yE",
    "v",
    "e",
    "yv",
    "ye",
    "o",
    "wa",
    "we",
    "we",
    "yo",
    "u",
    "wv",
    "we",
    "wi",
    "yu",
    "U",
    "Ui",
    "i",
)
_CODAS = ("", "g", "g", "gs", "n", "nj", "nh", "d", "r", "rg", "rm", "rb", "rs", "rt", "rb", "rh", "m", "b", "bs", "s", "s", "N",
          "j", "c", "g", "d", "b", "h")  # fmt: skip
"""Letters of sounds: one for what is taken as the same (ㄱ ㄲ ㅋ → g). ㅓ is v, ㅐ is E, ㅡ is U, a final ㅇ is N."""

_SOUNDS: Mapping[str, str] = {
    "a": "a E ei e o v", "e": "e E i v", "ear": "v i ie", "ae": "E a e", "dg": "j ji", "shi": "si swi", "i": "i ai U", "o": "o ou a v u", "u": "u v yu U i a", "y": "i ai y wai",
    "ee": "i", "ea": "i e ie ei E", "oo": "u", "ai": "ei", "ay": "ei ai", "ey": "i ei", "ei": "ei ai", "ou": "au v u ou", "ow": "ou au o",
    "oa": "o", "ie": "i ie ai aie", "igh": "ai", "au": "o au v", "aw": "o", "ew": "yu u", "ue": "u yu", "ueue": "yu", "eue": "yu",
    "io": "io aio iou", "ia": "ia aia", "ui": "ui wi i", "eu": "yu u eu", "ya": "ya", "yo": "yo",
    "b": "b bU", "c": "g gU s", "ch": "c ci g gU", "ck": "g gU", "d": "d dU j", "dge": "ji j sji", "f": "b bU h hu", "g": "g gU j ji",
    "h": "h", "j": "j", "k": "g gU", "l": "r rr rU", "m": "m mU", "mb": "m mb", "n": "n N", "ng": "N Ng NgU nj ng ngU", "nk": "Ng NgU", "p": "b bU",
    "ph": "b bU", "q": "g gU", "qu": "gw gu gwi g", "r": "r rr rU", "s": "s sU j jU", "sh": "s si swi sy", "sch": "sU sUg sUgU sUgy",
    "t": "d dU s", "th": "s sU d dU", "tion": "syvn", "sion": "syvn jyvn", "ssion": "syvn", "tch": "ci c sci", "v": "b bU", "w": "w u", "wh": "w hw u",
    "x": "gs gsU jU j", "z": "j jU", "er": "v vr", "or": "v or ov", "ar": "a ar", "ir": "v", "ur": "v", "ure": "yv", "ing": "iN",
    "ll": "r rr rU", "le": "r Ur rr", "ss": "s sU", "tt": "d dU s", "ff": "b bU h hu", "pp": "b", "mm": "m", "nn": "n", "rr": "r rr",
    "ce": "s sU", "cc": "g gs", "dd": "d", "gg": "g", "bb": "b sb", "ts": "cU sU", "are": "ev E", "ire": "aiv", "ore": "ov o", "wa": "wv wa wo wE we", "wo": "wv wo u",
    "we": "we wi wE", "wi": "wi", "ju": "jyu ju", "du": "du ju dyu", "ate": "eidU eid", "age": "iji eiji", "che": "si swi ci c se gU",
}  # fmt: skip
"""Letters → the sounds that they may have."""
_SPELT: Mapping[str, str] = {
    "a": "ei", "b": "bi", "c": "si", "d": "di", "e": "i", "f": "ebU", "g": "ji", "h": "eici", "i": "ai", "j": "jei", "k": "gei", "l": "er", "m": "em",
    "n": "en", "o": "o", "p": "bi", "q": "gyu", "r": "ar", "s": "esU", "t": "di", "u": "yu", "v": "bUi bi", "w": "dvbUryu dvbUru", "x": "egsU Egsu Egs EgsU",
    "y": "wai", "z": "jedU ji", "1": "ir won", "2": "i du tu", "3": "sam sUri", "4": "sa bo", "5": "o baibU", "6": "yug", "7": "cir", "8": "bar", "9": "gu", "0": "yvN jero",
}  # fmt: skip
_PLAIN_VOWELS = {"a": ["a", "E", "ei"], "e": ["e", "E", "i"], "i": ["i", "ai"], "o": ["o", "ou"], "u": ["u", "v", "yu"]}
"""Of short names, vowels sound as they are written: 오프 is no api."""
_ONE_VOWEL = frozenset({"ai", "ay", "ee", "oo", "au", "aw"})
_SEPARATORS = "-_. "
_SHORT = 4
"""A name, or part of one, of at most so many letters may be spelt out, as may its first and its last letter."""


@lru_cache(maxsize=4096)
def heard(text: str) -> tuple[str, tuple[int, ...]]:
    """Return the sounds of a text, and for each of them the index of its character; Latin letters stay, as capitals."""
    sounds: list[str] = []
    places: list[int] = []
    for at, char in enumerate(text):
        if _FIRST <= ord(char) <= _LAST:
            code = ord(char) - _FIRST
            syllable = _ONSETS[code // 588] + _VOWELS[code % 588 // 28] + _CODAS[code % 28]
        else:
            syllable = char.upper()
        sounds.append(syllable)
        places.extend([at] * len(syllable))
    return "".join(sounds), (*places, len(text))


def ends(name: str, text: str, start: int) -> tuple[int, ...]:
    """Return where in `text`, from `start` on, the name may end as it sounds; longest first. At syllables only."""
    return tuple(start + end for end in _ends(name.lower(), text[start : start + 4 * len(name) + 4]))


@lru_cache(maxsize=4096)
def _ends(name: str, text: str) -> tuple[int, ...]:
    sounds, places = heard(text)
    if sounds[:1] not in beginnings(name):
        return ()
    reached = _reached(name, sounds)
    found = set()
    for at in reached:
        whole = at == len(sounds) or places[at] != places[at - 1]
        if at and whole:
            found.add(places[at])
    return tuple(sorted(found, reverse=True))


@lru_cache(maxsize=1024)
def beginnings(name: str) -> frozenset[str]:
    """Return the first letters of the sounds that a name may begin with."""
    return frozenset(one[:1] for _, options in _options(name, 0) for one in options) if name else frozenset()


@lru_cache(maxsize=8)
def by_beginning(names: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Return the names by the first letters of the sounds that they may begin with."""
    found: dict[str, list[str]] = {}
    for name in names:
        for letter in beginnings(name.lower()):
            found.setdefault(letter, []).append(name)
    return {letter: tuple(those) for letter, those in found.items()}


def alike(name: str, word: str) -> bool:
    """Tell whether a whole word in Hangul (or in part) sounds like the name."""
    return len(word) in ends(name, word, 0)


@lru_cache(maxsize=8192)
def _reached(name: str, sounds: str) -> frozenset[int]:
    """Return every place of `sounds` up to which the whole name may be read."""
    places: list[set[int]] = [set() for _ in range(len(name) + 1)]
    places[0].add(0)
    for at in range(len(name)):
        if not places[at]:
            continue
        for taken, options in _options(name, at):
            for begin in places[at]:
                places[at + taken].update(begin + len(one) for one in options if sounds.startswith(one, begin))
    return frozenset(places[len(name)])


@lru_cache(maxsize=8192)
def _options(name: str, at: int) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Return how the name may be read from `at` on: (letters taken, the sounds that they may have)."""
    char = name[at]
    if char in _SEPARATORS:
        return ((1, ("", char, " ")),)
    options: list[tuple[int, tuple[str, ...]]] = [(1, (char.upper(),))]
    if not char.isascii():
        options.append((1, (heard(char)[0],)))
    if char in _SPELT and _may_be_spelt(name, at):
        options.append((1, tuple(_SPELT[char].split())))
    for size in (5, 4, 3, 2, 1):
        letters = name[at : at + size]
        if len(letters) == size and letters in _SOUNDS and not (size == 1 and name[at : at + 2] in _ONE_VOWEL):
            sounds = (_PLAIN_VOWELS.get(letters) if len(name) <= _SHORT - 1 else None) or _SOUNDS[letters].split()
            options.append((size, tuple(sound for sound in sounds if _fits(sound, letters, name, at))))
    if _is_silent(name, at):
        options.append((1, ("",)))
    return tuple(options)


def _fits(sound: str, letters: str, name: str, at: int) -> bool:
    """Tell whether letters may have that sound where they stand."""
    after = name[at + len(letters) : at + len(letters) + 1]
    if letters == "c" and sound == "s":
        return after in set("eiy")
    if letters == "le":
        return not after or after in _SEPARATORS
    return not (letters == "e" and sound == "v" and (at == 0 or name[at - 1] in _SEPARATORS))


def _is_silent(name: str, at: int) -> bool:
    """Tell whether a letter may have no sound: r behind a vowel (worker, cart), e at an end (cache, cached)."""
    before, after = name[at - 1 : at] if at else "", name[at + 1 : at + 2]
    ends_here = not after or after in _SEPARATORS or after.isdigit()
    match name[at]:
        case "r":
            return before in set("aeiou") - {""} and (ends_here or after not in "aeiouyr")
        case "e":
            last = name[at + 2 : at + 3]
            return bool(before) and (ends_here or (after in "sd" and (not last or last in _SEPARATORS)))
        case "t" | "d" | "h" | "w" | "b":
            return bool(before) and ends_here and before not in _SEPARATORS and before not in "aeiouy"
    return False


def _may_be_spelt(name: str, at: int) -> bool:
    """Tell whether a letter may be said by its name: in a short word, at its ends, or in a tail without a vowel (mysql)."""
    begin = max((name.rfind(mark, 0, at) for mark in _SEPARATORS), default=-1) + 1
    later = [name.find(mark, at) for mark in _SEPARATORS if name.find(mark, at) >= 0]
    end = min(later, default=len(name))
    return (
        end - begin <= _SHORT or at in {begin, end - 1} or name[at].isdigit() or not set(name[at:end]) & set("aeiouy")
    )


_VOWELS_HEARD = frozenset("aEeovuUi")


@lru_cache(maxsize=4096)
def nearly(name: str, word: str) -> bool:
    """Tell whether a word sounds like the name but for one vowel (카푸카, kafka)."""
    sounds, _ = heard(word)
    name = name.lower()
    if sounds[:1] not in beginnings(name):
        return False
    places: list[set[tuple[int, bool]]] = [set() for _ in range(len(name) + 1)]
    places[0].add((0, False))
    for at in range(len(name)):
        for taken, options in _options(name, at) if places[at] else ():
            for begin, slipped in places[at]:
                for one in options:
                    slips = _slips(one, sounds[begin : begin + len(one)])
                    if slips + slipped <= 1:
                        places[at + taken].add((begin + len(one), slipped or slips == 1))
    return (len(sounds), True) in places[len(name)]


def _slips(one: str, other: str) -> int:
    """Return how many vowels differ; 2: something else differs."""
    if len(one) != len(other):
        return 2
    differ = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    return 2 if any(not {a, b} <= _VOWELS_HEARD for a, b in differ) else len(differ)
