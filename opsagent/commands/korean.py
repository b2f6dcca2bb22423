"""The Korean vocabulary: a table of what is understood, and how words are taken apart before it is looked at.

Particles are split off names and nouns (`api를` → `api 를`), counters off numbers (`50줄` → `50 줄`). Verbs are listed
with their endings, because the ending carries what matters: `재시작해줘` asks, `재시작하지 마` forbids,
`재시작하면` supposes. Only endings that ask are in the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from opsagent.commands.grammar import Grammar, Pattern, pattern
from opsagent.commands.words import Token, vocabulary

_PARTICLES = (
    "에서의",
    "에서",
    "에게",
    "하고",
    "이랑",
    "랑",
    "를",
    "을",
    "의",
    "은",
    "는",
    "이",
    "가",
    "와",
    "과",
    "좀",
)
_COUNTED = re.compile(r"(?P<n>\d{1,6})(?P<counter>줄|개|대|라인)(?P<particle>로|으로|만|를|을|씩)?")

_ASKING = (
    "해줘", "해 줘", "해줘요", "해 줘요", "해주세요", "해 주세요", "해주십시오", "해 주십시오", "해", "해요", "해라", "하세요",
    "하십시오", "시켜줘", "시켜 줘", "시켜주세요", "시켜 주세요", "시켜", "부탁해", "부탁해요", "부탁합니다", "부탁드려요",
    "부탁드립니다", "부탁", "바랍니다", "해줘라", "",
)  # fmt: skip
_GOING_ON = (
    "하고",
    "하고 나서",
    "한 다음",
    "한 다음에",
    "한 뒤",
    "한 뒤에",
    "한 후",
    "한 후에",
    "해주고",
    "해 주고",
    "시키고",
)
_NATIVE = ("줘", " 줘", "줘요", " 줘요", "주세요", " 주세요", "주십시오", "라", "요", "")
_NATIVE_ON = ("주고", " 주고")

_STEMS = {
    "reload": ("다시 로드", "다시로드", "리로드", "재로드", "재적재", "reload", "무중단 재시작"),
    "restart": ("재시작", "다시 시작", "다시시작", "재기동", "리스타트", "restart"),
    "stop": ("중지", "정지", "중단", "종료", "스톱", "stop"),
    "start": ("시작", "기동", "구동", "스타트", "start"),
    "scale": ("스케일", "조정", "변경", "설정", "scale"),
    "check": ("확인", "체크", "점검"),
    "search": ("검색",),
}
_NATIVE_STEMS = {
    "stop": ("멈춰", "꺼", "내려"),
    "start": ("켜", "띄워"),
    "scale": ("맞춰", "바꿔"),
    "scale_up": ("늘려", "올려"),
    "scale_down": ("줄여", "낮춰"),
    "show": ("보여", "알려", "찾아", "가져와", "띄워"),
}


def _forms(name: str) -> tuple[str, ...]:
    """Return every way to ask for it."""
    asked = [_spaced(stem, ending) for stem in _STEMS.get(name, ()) for ending in _ASKING]
    native = [stem + ending for stem in _NATIVE_STEMS.get(name, ()) for ending in _NATIVE]
    return _unique(form for forms in (*asked, native) for form in forms)


def _going_on(name: str) -> tuple[str, ...]:
    """Return every way to ask for it and to go on: `중지하고`, `중지한 다음`."""
    asked = [_spaced(stem, ending) for stem in _STEMS.get(name, ()) for ending in _GOING_ON]
    native = [stem + ending for stem in _NATIVE_STEMS.get(name, ()) for ending in _NATIVE_ON]
    return _unique(form for forms in (*asked, native) for form in forms)


def _spaced(stem: str, ending: str) -> tuple[str, ...]:
    return (stem + ending, f"{stem} {ending}") if ending else (stem,)


def _unique(forms: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(forms))


_SHOW = (*_forms("show"), *_forms("check"), "줘", "주세요", "보자", "볼래", "궁금해", "보고 싶어")
_SAFELY = ("안전하게", "무중단으로", "무중단", "하나씩", "한 개씩", "차례로", "순차적으로", "조심해서", "우아하게")
_GENTLY = tuple(way for way in _SAFELY if way != "무중단")
"""Before a restart; `무중단 재시작` is one word for a reload."""
_NOW = ("지금", "바로", "즉시", "당장", "얼른", "빨리", "좀", "제발", "다시 한번")
_TROUBLE = (
    "죽었어", "죽었지", "죽었나요", "죽었니", "느려", "느리지", "느린가요", "안 돼", "안돼", "안 되지", "멈췄어", "멈췄지",
    "실패했어", "내려갔어", "다운됐어", "이래", "이러지", "이상해", "재시작됐어", "느려졌어", "문제야", "그래",
)  # fmt: skip
_WELL = ("어때", "어때요", "어떤가요", "괜찮아", "괜찮나요", "살아 있어", "살아있어", "돌고 있어", "돌아가", "잘 돌아가",
         "돌아가고 있어", "잘 돌아가고 있어", "떠 있어", "정상이야")  # fmt: skip
_UNITS = "<units> 를|을? 좀?"


def _changes() -> Iterable[Pattern]:
    for verb, go in (("", False), ("_on", True)):
        yield pattern("reload", f"@now* @safely* {_UNITS} @safely* @now* @reload{verb}", goes_on=go, safely=True)
        for where in ("@gently @gently* {0} @gently*", "{0} @gently @gently*"):
            placed = where.format(_UNITS)
            yield pattern("restart", f"@now* {placed} @now* @restart{verb}", goes_on=go, safely=True)
        for tool in ("restart", "stop", "start"):
            yield pattern(tool, f"@now* {_UNITS} @now* @{tool}{verb}", goes_on=go)
        for way in ("", "up", "down"):
            verbs = f"@scale_{way}{verb}" if way else f"@scale{verb}"
            yield pattern(
                "scale",
                f"@now* @safely* <units> 의? @instances? 를|을? @safely* <n> 개|대? 로|으로 @safely* @now* {verbs}",
                towards=way,
                goes_on=go,
            )


_READS: tuple[Pattern, ...] = (
    *(pattern("tail_logs", text) for text in (
        "<units> 의? @recent? 로그 를|을? 좀? @show?",
        "<units> 의? @recent? 로그 를|을? @recent? <n> 줄|라인|개 만|를|을? @show?",
        "<units> 의? @recent? <n> 줄|라인 의? 로그 를|을? @show?",
        "@recent? <units> 의? 로그 <n> 줄|라인 만|를|을? @show?",
    )),
    *(pattern("search_logs", text, query="error") for text in (
        "<units> 의? @recent? 에러|오류 로그? 를|을|만? @show?", "<units> 의? 로그 에서|의? 에러|오류 를|을|만? @show?",
    )),
    pattern("search_logs", "<units> 의? 로그 에서 <query> 를|을? @search"),
    *(pattern("describe_process", text) for text in (
        "<units> 의? 상태 를|을|는|가|좀? @show?", "<units> 의? 상태 는|가? @well", "<units> 은|는|이|가? @well",
        "<units> 를|을|좀? @check", "<units> @show",
    )),
    *(pattern("list_processes", text) for text in (
        "상태 를|을? @show?", "전체|모든 서비스? 의? 상태 를|을? @show?", "서비스|프로세스|전체 목록 를|을? @show?",
        "뭐가 돌아가고 있어", "모든 서비스|프로세스 @show", "전체 상태 @well",
    )),
    *(pattern("recall_incidents", text) for text in (
        "<unit> 은|는|이|가? 왜 @trouble", "왜 <unit> 은|는|이|가? @trouble", "<unit> 은|는|이|가|에? 무슨 일이야",
        "<unit> 은|는|이|가? 왜", "<unit> 의? 장애|사고 이력|기록|내역? 를|을? @show?", "장애|사고 이력|기록|내역|목록 를|을? @show?",
    )),
    *(pattern("host_metrics", text) for text in (
        "서버|호스트|시스템 의? 상태|메트릭|지표 를|을? @show?", "메모리|디스크|cpu 사용량|상태? 를|을? @show?",
    )),
)  # fmt: skip

GRAMMAR = Grammar(
    sets={
        "lead": ("자", "저기", "혹시", "please", "이제", "그럼", ",", "opsagent"),
        "tail": (".", "!", "please", "고마워", "고맙습니다", "감사합니다", "ㅎㅎ", ","),
        "show": _SHOW,
        "safely": _SAFELY,
        "gently": _GENTLY,
        "now": _NOW,
        "recent": ("최근", "마지막", "최신"),
        "trouble": _TROUBLE,
        "well": _WELL,
        "instances": ("인스턴스", "인스턴스 수", "프로세스", "프로세스 수", "개수"),
        **{name: _forms(name) for name in (*_STEMS, "scale_up", "scale_down")},
        **{f"{name}_on": _going_on(name) for name in (*_STEMS, "scale_up", "scale_down")},
        "join": (
            "그리고",
            "그 다음",
            "그 다음에",
            "그다음",
            "그다음에",
            "그런 다음",
            "그러고 나서",
            "다음에",
            ",",
            ". 그리고",
            ".",
        ),
    },
    patterns=(*_changes(), *_READS),
    numbers={"한": 1, "하나": 1, "두": 2, "둘": 2, "세": 3, "셋": 3, "네": 4, "넷": 4, "다섯": 5, "여섯": 6},
    joiners=frozenset({"하고", "이랑", "랑", "와", "과", "및", ","}),
    nouns=frozenset({"서비스", "앱", "프로세스", "서버"}),
    things=vocabulary("인스턴스 메모리 디스크 호스트 시스템 cpu"),
    soft_sets=frozenset({"trouble", "well"}),
    particles=frozenset({"를", "을"}),
)

FORBIDDING = re.compile(r"지\s*(마|말|않)|말고|말아|안\s|못\s|없이|빼고|제외")
SUPPOSING = re.compile(r"(면|거든|으면|라면|을까|할까|될까|때|까지|전에|동안)(\s|$|[?,.])")
VERBS = {
    "로드": "reload", "리로드": "reload", "재로드": "reload", "무중단": "reload",
    "재시작": "restart", "다시": "restart", "재기동": "restart", "리스타트": "restart",
    "중지": "stop", "정지": "stop", "중단": "stop", "종료": "stop", "멈": "stop", "꺼": "stop", "내려": "stop", "죽여": "stop",
    "시작": "start", "기동": "start", "켜": "start", "띄": "start", "실행": "start",
    "늘": "scale", "줄여": "scale", "스케일": "scale",
    "로그": "tail_logs", "상태": "describe_process", "왜": "recall_incidents",
}  # fmt: skip
"""Beginnings of words that hint at a tool when the text was not understood; used for offers only."""

SPOKEN = {
    "에이피아이": "api", "웹": "web", "워커": "worker", "게이트웨이": "gateway", "스토어": "store", "서버": "server",
    "디비": "db", "데이터베이스": "database", "캐시": "cache", "큐": "queue", "프론트": "front", "백엔드": "backend",
    "스케줄러": "scheduler", "레디스": "redis", "로그인": "login", "결제": "payment", "프록시": "proxy",
}  # fmt: skip
"""Names as they are spoken; used for offers only."""


def split(tokens: tuple[Token, ...], names: frozenset[str]) -> tuple[Token, ...]:
    """Take particles off names and nouns, counters off numbers, and verbs off names that they were written onto."""
    return tuple(piece for token in tokens for piece in ((token,) if token.quoted else _split_one(token, names)))


def _split_one(token: Token, names: frozenset[str]) -> tuple[Token, ...]:
    counted = _COUNTED.fullmatch(token.text)
    if counted is not None:
        return tuple(Token(part) for part in counted.groups() if part)
    if token.text in names or token.word in GRAMMAR.words:
        return (token,)
    for particle in _PARTICLES:
        stem = token.text.removesuffix(particle)
        if stem and stem != token.text and (stem in names or stem in _NOUNS):
            return (Token(stem), Token(particle))
    return (token,)


_NOUNS = vocabulary(
    "로그 상태 서비스 앱 프로세스 서버 목록 인스턴스 이력 기록 내역 사용량 메모리 디스크 호스트 시스템 지표 에러 오류"
)
