"""Reads a taught rule in Korean: `billing는 새벽 1시에서 3시 사이에 재시작하지 마`. Pure.

The ending carries what matters, so whole endings are listed: `하지 마` forbids, `하기 전에 물어봐` wants to be asked,
`하지 않으면 안 돼` is its own opposite and is not understood.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from opsagent.taught.clock import Spoken, Unclear, span_of
from opsagent.taught.reading import Names, Spelled, When, take

_PART = r"(?:(?P<part{0}>새벽|오전|오후|아침|낮|저녁|밤)\s*)?"
_TIME = (
    _PART + r"(?:(?P<h{0}>\d{{1,2}})\s*시(?:\s*(?P<m{0}>\d{{1,2}})\s*분|\s*(?P<half{0}>반))?"
    r"|(?P<c{0}>\d{{1,2}}):(?P<d{0}>\d\d)|(?P<word{0}>정오|자정))"
)
_SPAN = re.compile(
    rf"{_TIME.format(1)}\s*(?:에서|부터|와|과|~|-|–)\s*{_TIME.format(2)}\s*(?:(?:까지|사이)\s*)?"
    r"(?:에?(?P<only>만)|에는|에도|에|엔|는|동안에?는?)?(?![\w:])"
)
_NAME_OF_DAY = "월화수목금토일"
_ONE_DAY = r"[월화수목금토일]요일"
_DAYS = re.compile(
    rf"(?:매주\s*)?(?P<days>주말|평일|매일|{_ONE_DAY}\s*(?:부터|~|-)\s*{_ONE_DAY}(?:까지)?|[월화수목금토일]\s*~\s*[월화수목금토일]|"
    rf"{_ONE_DAY}(?:\s*(?:,|과|와|이랑|하고|및|이나)\s*{_ONE_DAY})*)(?:마다)?(?:에?(?P<only>만)|에는|에도|에|엔|은|날)?(?!\w)"
)
_ZONE = re.compile(
    r"\(?(?P<zone>UTC|GMT|KST|한국\s?시간|[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+)\)?(?:\s*기준)?(?:으로)?\)?(?!\w)"
)
_UNTIL = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)까지는?")
_FOR = re.compile(r"(?:앞으로\s*)?(?P<n>\d{1,4})\s*(?P<what>시간|일|주|개월)\s*(?:간|동안)(?:은|에는)?")
_HOURS = {"시간": 1, "일": 24, "주": 7 * 24, "개월": 30 * 24}
_ADVERBS = re.compile(r"(?<!\S)(?:절대로?|항상|늘|반드시|꼭|무조건|제발|먼저)(?!\S)")
_ALWAYS = frozenset({"항상", "늘", "반드시", "꼭", "무조건"})
_NOT_ALWAYS = re.compile(r"지는\s*\S")
"""With an adverb of `_ALWAYS`: not always, which is no never."""

_NOUNS = {
    "restart": "재시작|재기동|리스타트|다시 시작|다시시작|재부팅",
    "reload": "리로드|다시 로드|다시로드|재로드",
    "stop": "중지|정지|중단|종료",
    "start": "시작|기동",
    "scale": "스케일|스케일링|증설|축소",
    "roll back": "롤백",
    "touch": "변경|수정|조작|수리|조치",
}
_STEMS = {
    "stop": "멈추|끄|내리|죽이",
    "start": "켜|띄우",
    "roll back": "되돌리",
    "touch": "건드리|만지|손대|고치|바꾸",
}
_VERB = rf"(?P<noun>{'|'.join(_NOUNS.values())})(?:을|를)?"
_STEM = rf"(?P<stem>{'|'.join(_STEMS.values())})"
_DO = r"\s*(?:하|시키)"
_NO = r"(?:마라|마세요|마십시오|말아\s*주세요|말아\s*줘요?|말아요|말아라|말아|말\s*것|마요|마)"
_BAD = r"안\s*(?:돼요?|됩니다|된다|되요)"
_NEVER = (
    rf"(?:{_VERB}(?:{_DO}지(?:는|도)?\s*{_NO}|{_DO}면\s*{_BAD}|\s*금지)|{_STEM}(?:지(?:는|도)?\s*{_NO}|면\s*{_BAD}))"
)
_WHOM = r"(?:(?:나|저|우리|사람)(?:에게|한테)\s*)?"
_ASKING = r"(?:물어\s*(?:봐\s*(?:줘|주세요|요|라)?|보세요|보고 해)|(?:허락|승인|확인)(?:을|를)?\s*(?:받아\s*(?:줘|주세요|요|라)?|받으세요|받고 해))"
_ASK = rf"(?:{_VERB}(?:{_DO}기)?|{_STEM}기)\s*전에(?:는|도)?\s*{_WHOM}{_ASKING}"
_UNASKED = r"(?:(?:묻지|물어보지)\s*(?:않고|말고)|(?:내\s*)?(?:허락|승인|동의|확인)\s*없이)는?"
_MAY = rf"{_VERB}{_DO}?(?:해\s*(?:줘|주세요|라|요)?|해도\s*(?:돼요?|됩니다)|하세요|할 것)"
_UNITS = r"(?P<units>\S.*?)(?:에 대한|에 대해|의)?"
_SENTENCES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ask", re.compile(rf"{_UNASKED}\s*{_UNITS}\s+{_NEVER}")),
    ("ask", re.compile(rf"{_UNITS}\s+{_UNASKED}\s*{_NEVER}")),
    ("never", re.compile(rf"{_UNITS}\s+{_NEVER}")),
    ("ask", re.compile(rf"{_UNITS}\s+{_ASK}")),
    ("only", re.compile(rf"{_UNITS}\s+{_MAY}")),
)
_EVERYTHING = re.compile(r"아무것도|아무 서비스도|모든 (?:서비스|유닛)|모두|전부|전체")
_PRONOUN = re.compile(r"이것|그것|이 서비스|그 서비스")
_SEVERAL = re.compile(r"\s*,\s*|\s+(?:및|그리고|또는|하고)\s+|(?<=[A-Za-z0-9\"'”])(?:와|과|이랑|랑|하고|이나|나)\s+")
_PARTICLE = re.compile(r"(?:은|는|을|를|도|이|가|만)$")
LIKE_A_RULE = re.compile(
    r"지(?:는|도)?\s*(?:마|말|않)|금지|면\s*안\s*(?:돼|됩|된|되)|전에.*(?:물어|허락|승인|확인)|(?:에|까지|동안)만\s|(?:허락|승인|동의)\s*없이"
)
"""Who writes so means to bind somebody."""


def read(text: str, names: Names, when: When, now: datetime) -> Spelled:
    """Explain every word of the sentence. `when` takes what is said about time. Raises Unclear."""
    rest = _times(text, when, now)
    adverbs: set[str] = set()
    rest = take(rest, _ADVERBS, lambda match: adverbs.add(match[0]))
    names = Names(names.known, names.it, frozenset(), _EVERYTHING, _PRONOUN)
    for verdict, sentence in _SENTENCES:
        match = sentence.fullmatch(rest)
        if match is None or (verdict == "only") is not when.only:
            continue
        if verdict == "only" and when.window() is None:
            raise Unclear("it does not say when")
        if (verdict != "ask" and "먼저" in adverbs) or (adverbs & _ALWAYS and _NOT_ALWAYS.search(rest)):
            raise Unclear("it can be read in more than one way")
        units = names.read([_bare(one, names) for one in _SEVERAL.split(match["units"].strip())])
        return Spelled("never" if verdict == "only" else verdict, _verbs(match), units, outside=verdict == "only")
    raise Unclear("I do not understand every word of it")


def _times(text: str, when: When, now: datetime) -> str:
    def span(match: re.Match[str]) -> None:
        when.set_span(span_of(_spoken(match, "1"), _spoken(match, "2")))
        when.only = when.only or match["only"] is not None

    def days(match: re.Match[str]) -> None:
        when.set_days(days_of(match["days"]))
        when.only = when.only or match["only"] is not None

    rest = take(text, _FOR, lambda match: when.set_until(now + _lasting(match), now))
    rest = take(rest, _SPAN, span)
    rest = take(rest, _DAYS, days)
    if when.span is not None:
        rest = take(rest, _ZONE, lambda match: when.set_zone(match["zone"]))
    rest = take(rest, _UNTIL, lambda match: when.set_last_day(match["date"], now))  # by the clock that is known now
    return rest.strip(" ,")


def _spoken(match: re.Match[str], end: str) -> Spoken:
    said, part = match.groupdict(), match[f"part{end}"]
    if said[f"word{end}"]:
        return Spoken(12 if said[f"word{end}"] == "정오" else 0, exact=True)
    if said[f"c{end}"]:
        half, loose = _half(part, int(said[f"c{end}"])), not part and not said[f"c{end}"].startswith("0")
        return Spoken(int(said[f"c{end}"]), int(said[f"d{end}"]), half, exact=not part, loose=loose)
    hour = int(said[f"h{end}"])
    minute = 30 if said[f"half{end}"] else int(said[f"m{end}"] or 0)
    half = _half(part, hour) if hour <= 12 else ""
    return Spoken(hour, minute, half)


def _half(part: str | None, hour: int) -> str:
    match part:
        case None:
            return ""
        case "새벽" | "오전" | "아침":
            return "am"
        case "밤":  # ten at night, one at night
            return "am" if hour < 6 or hour == 12 else "pm"
        case "낮":  # eleven and twelve by day
            return "am" if hour in {10, 11} else "pm"
        case "저녁" if hour == 12:  # twelve in the evening is midnight
            return "am"
        case _:
            return "pm"


def days_of(text: str) -> frozenset[int]:
    """Return the weekdays that are meant; 0 is Monday."""
    fixed = {"주말": frozenset({5, 6}), "평일": frozenset(range(5)), "매일": frozenset(range(7))}
    if text in fixed:
        return fixed[text]
    # `요일` is taken with its day: the last syllable of 월요일 is no Sunday
    named = [_NAME_OF_DAY.index(day) for day in re.findall(r"([월화수목금토일])(?:요일|(?=\s*~)|$)", text)]
    if re.search(r"부터|~|-", text):
        first, last = named[0], named[-1]
        return frozenset((first + shift) % 7 for shift in range((last - first) % 7 + 1))
    return frozenset(named)


def _verbs(match: re.Match[str]) -> tuple[str, ...]:
    said = match.groupdict()
    noun, stem = said.get("noun"), said.get("stem")
    found = [key for key, forms in _NOUNS.items() if noun and noun in forms.split("|")]
    found += [key for key, forms in _STEMS.items() if stem and stem in forms.split("|")]
    return tuple(dict.fromkeys(found))


def _bare(said: str, names: Names) -> str:
    if said in names.known or _EVERYTHING.fullmatch(said):
        return said
    bare = _PARTICLE.sub("", said) or said
    if bare in names.known or _EVERYTHING.fullmatch(bare) or _PRONOUN.fullmatch(bare):
        return bare
    return bare.removesuffix("서비스").strip() or bare


def _lasting(match: re.Match[str]) -> timedelta:
    return timedelta(hours=int(match["n"]) * _HOURS[match["what"]])
