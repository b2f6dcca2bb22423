"""What an English model is told for Korean text: its words in English, in their order. No grammar is attempted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from opsagent_memory.korean.jamo import HANGUL, letters, starts_syllable, stem_forms

_RUN = re.compile(r"[가-힣]+(?:[ \t]+[가-힣]+)*|[^가-힣]+")
PARTICLES = frozenset(
    "은 는 이 가 을 를 에 의 도 만 로 으로 와 과 랑 이랑 하고 에서 에게 한테 께서 께 부터 까지 보다 처럼 마다 조차 마저 밖에 이나 나 이라 "
    "라 이란 란 에는 에도 에만 에서는 에서도 으로는 로는 으로만 로만 으로도 로도 에서만 만이 까지도 들 들이 들을 들은 들의 들도 들에 쪽 쪽에서 쪽이 "
    "이요 요 임 입니다 이에요 예요 인데 이고 이며 이라서 라서 이라고 라고 라는 이라는 인 용 때문에 에서의 과의 와의 으로부터 로부터 에다 에다가 씩 "
    "이든 든 든지 인지 이랑은 상 상에 상의 상에서 시 시에 중 중에 중인 중이 후 후에 전 전에 간 간에 별 당 측 하다 된 되 됨 함 한 할 하 "
    "해 해요 했 했어요 합니다 되는 되어 되면 돼 돼요 됐 됐어요 됩니다 이었 였 없이 없는 등 등이 등을 대로 으론 론".split()
)
_ENDINGS = tuple(
    letters(ending)
    for ending in (
        "고 는 다 어 아 었 았 지 게 면 니 려 서 요 음 은 을 던 더 자 네 나 기 며 냐 죠 습 겠 라 도 버 거 여 였 시 세 으 니까 대 래 함 하 한 해 "
        "했 되 돼 됨 된 됐 을 는 질 진 입 잖 구 길 놓 두 가 이"
    ).split()
)
_LAST_LETTER_ENDINGS = frozenset(chr(0x11A7 + place) for place in (4, 8, 16, 17, 20))  # ㄴ ㄹ ㅁ ㅂ ㅆ
_JOINED_FROM = 3
"""Forms of so many syllables are found across spaces, too."""


class Form(NamedTuple):
    """One form of the lexicon."""

    english: str
    stem: bool
    """Whether any ending may follow, melted into the last syllable or not."""
    gaps: frozenset[int]
    """Where the form itself has spaces, in letters."""
    syllables: int


class Lexicon:
    """Forms by their letters without spaces."""

    def __init__(self, forms: Mapping[str, Form], learnt: Mapping[str, str]) -> None:
        self.forms = forms
        self.learnt = learnt
        self.longest = max(map(len, forms), default=0)

    @classmethod
    def read(cls, text: str, learnt: Mapping[str, str] | None = None) -> Lexicon:
        """Read the lexicon's own file (its format is told in its head)."""
        forms: dict[str, Form] = {}
        for line in text.splitlines():
            english, colon, written = line.partition(":")
            if not colon or line.startswith("#"):
                continue
            for said in written.split(","):
                for key, form in _forms(said.strip(), english.strip()):
                    forms.setdefault(key, form)
        return cls(forms, learnt or {})

    def gloss(self, text: str) -> str:
        """Return the text with its Korean in English; Korean that is not known is left out."""
        words: list[str] = []
        glued = False
        for run in _RUN.findall(text):
            if HANGUL.match(run):
                words += self._of_run(run, glued=glued)
            else:
                words.append(run.strip())
            glued = not run[-1].isspace()
        return " ".join(word for word in words if word)

    def _of_run(self, run: str, *, glued: bool) -> Iterator[str]:
        line = _Line.of(run)
        if glued and run.split(maxsplit=1)[0] in PARTICLES:  # api가
            line.skip(len(letters(run.split(maxsplit=1)[0])))
        while line.place < len(line.letters):
            found = self._longest_at(line)
            if found is not None:
                length, form = found
                yield form.english
                line.skip(length)
                if not line.at_word and (form.stem or line.rest_of_word() in PARTICLES):
                    line.skip(len(line.letters[line.place : line.end_of_word(line.place)]))
            elif line.at_word and (known := self.known(line.rest_of_word())):
                yield known
                line.skip(len(letters(line.rest_of_word())))
            else:
                line.skip_syllable()

    def known(self, word: str) -> str:
        """Return what was learnt for a word, itself or without its particle or ending."""
        for cut in range(len(word), max(1, len(word) - 4), -1):
            if word[:cut] in self.learnt:
                return self.learnt[word[:cut]]
        return ""

    def _longest_at(self, line: _Line) -> tuple[int, Form] | None:
        start = line.place
        for length in range(min(self.longest, len(line.letters) - start), 1, -1):
            form = self.forms.get(line.letters[start : start + length])
            if form is not None and line.fits(form, length):
                return length, form
        return None


@dataclass(slots=True)
class _Line:
    """Korean words as one row of letters, and a place in it."""

    letters: str
    ends: list[int]
    """Where words end."""
    words: list[str]
    place: int = 0

    @classmethod
    def of(cls, run: str) -> _Line:
        words = run.split()
        ends: list[int] = []
        for word in words:
            ends.append((ends[-1] if ends else 0) + len(letters(word)))
        return cls("".join(map(letters, words)), ends, words)

    @property
    def at_word(self) -> bool:
        return self.place == 0 or self.place in self.ends

    def end_of_word(self, place: int) -> int:
        return next(end for end in self.ends if end > place)

    def rest_of_word(self) -> str:
        """Return what is left of the word, in syllables; empty at its end or inside a syllable."""
        if self.place >= len(self.letters):
            return ""
        number = next(number for number, end in enumerate(self.ends) if end > self.place)
        begin = self.ends[number - 1] if number else 0
        syllables = sum(map(starts_syllable, self.letters[begin : self.place]))
        return self.words[number][syllables:]

    def skip(self, length: int) -> None:
        self.place += length

    def skip_syllable(self) -> None:
        self.place += 1
        while self.place < len(self.letters) and not starts_syllable(self.letters[self.place]):
            self.place += 1

    def fits(self, form: Form, length: int) -> bool:
        """Whether a form whose letters are here is meant here."""
        start, end = self.place, self.place + length
        gaps = {gap - start for gap in self.ends if start < gap < end}
        if not gaps <= form.gaps and form.syllables < _JOINED_FROM:
            return False
        after = self.letters[end : self.end_of_word(start if not gaps else end - 1)]
        if form.stem:
            if form.syllables > 1 or not after:
                return True
            return self.at_word and (after[0] in _LAST_LETTER_ENDINGS or after.startswith(_ENDINGS))
        if after and not starts_syllable(after[0]):
            return False
        if form.syllables > 1 or not after:
            return form.syllables > 1 or self.at_word
        return self.at_word and self._ends_with_particle(end)

    def _ends_with_particle(self, place: int) -> bool:
        here, self.place = self.place, place
        rest, self.place = self.rest_of_word(), here
        return rest in PARTICLES


def _forms(said: str, english: str) -> Iterator[tuple[str, Form]]:
    if not said:
        return
    stem, bare = said.endswith("~"), said.rstrip("~")
    spelled = letters(bare)
    gaps, key = set(), ""
    for letter in spelled:
        if letter == " ":
            gaps.add(len(key))
        else:
            key += letter
    form = Form(english, stem, frozenset(gaps), len(bare.replace(" ", "")))
    for shape in stem_forms(key) if stem else (key,):
        yield shape, form
