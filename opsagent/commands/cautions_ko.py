"""Korean words and endings that keep a plan from being done although all of them were explained. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from opsagent.commands.clauses import Doubt, Why
from opsagent.commands.known import Known
from opsagent.commands.meaning import Steps
from opsagent.commands.words import Token
from opsagent_tools.registry import READING

_ASKS = re.compile(r"줘|주세요|주십시오|주라|줄래|주실|세요|십시오|부탁|바람|바랍|라$|자$|요망|ㄱㄱ|고고")
"""Endings with which somebody is asked to do it."""
_TELLING = frozenset(
    "계속 자꾸 갑자기 혼자 혼자서 스스로 저절로 자동으로 알아서 매번 방금 벌써 이미 또 맨날 가끔 종종".split()
)
"""Said of what happens: right before the verb they tell, and do not order."""
_TITLES = frozenset("최근 마지막 지난 직전 최종 첫 이전 비정상 예기치 강제 다음 아까 방금".split())
_ABOUT = re.compile(r"(?:(?:직전|직후|도중|당시)\S*|중(?:에 \S+|이야|임)?|이후|아직|예정|예정이야)[.!]?$")
_TOLD = re.compile(
    r"(?:(?<!도)(?<!도 )됨|되었음|받음|받았어|받았음|받았습니다|왔어|왔음|요청함|요청했어|있었어|할 거야|할 예정|할 예정이야|할 예정입니다|"
    r"하네|하네요|하더라|하더라고|하는구나|하더군|[가-힣]하지)[.!~]*$"
)
_DOES = re.compile(r"[가-힣](?:한다|합니다)[.!~]*$")
"""Whoever says so of an answer gives it (승인합니다); of a change, tells that it is done."""
_NOT_AT_ALL = re.compile(
    r"(?:않았(?:어|다|음|습니다|어요|는데)?|않아도 ?(?:돼|된다|됩니다|괜찮아|돼요)|필요 ?(?:는|도|가)? ?없(?:어|다|음|습니다|어요|지|을 듯)?)[.!~]*$"
)
_PREVENTS = re.compile(
    r"(?:그만|안|못) ?하게|하지 ?(?:않|못하)게|되지 ?(?:않|못하)[게도]|안 ?되게|(?:자동으로|스스로|알아서|저절로) ?\S*(?:하게|되게)"
)
_IF = re.compile(r"[가-힣]면[은요]?$|[가-힣](?:다면|라면|거든)$")
_POLITE_IF = re.compile(
    r"(?:가능하|되|괜찮으|시간 ?되|시간되|웬만하|그러|이러|가능하다|급하|바쁘지 않으|괜찮다|여유 ?되|어떠)(?:시)?면[은요]?$|측면$|화면$|전면$|표면$|라면$"
)
_ODD = re.compile(r"[\^&+|<>{}\[\]#=*\\]")
_NO_PARAMS = re.compile(r"실행|돌려|돌리|하려|하는|하던|했|멈|세 ?번|두 ?번|\d번|말고|취소|아니|안 |못 ")
"""What no procedure is told: it speaks of the procedure itself."""
_UNDOES = frozenset("보류 중단 취소 연기 거절 반대 정지 중지 홀드 스톱 스탑".split())
"""Alone behind a comma, it takes back what was just said: 재시작해줘, 중단."""
_GOES_ON = frozenset({"끝나면", "완료되면"})
_LEFT_OPEN = frozenset("새 이 그 저 및 또는 혹은 그리고 하지만 근데 만약".split())
"""Nothing ends with these."""
_SUPPOSING = frozenset({"아니면", "만약", "만약에", "만일"})
_WISH = ("좋", "고맙", "감사", "될", "되", "돼", "안")
"""재시작해 주면 좋겠어: what follows makes a request of it."""
_NO_NAMES = frozenset("안 못 말고 도 나 너 이 그 저 좀 다 꼭 더 또".split())
_ACTS = frozenset("재시작 중지 시작 종료 정지 롤백 리로드 재기동 기동 가동 실행 중단 승인 거절 보류".split())
_SUBJECT = ("가", "이")
_CHANGED = frozenset({"restart", "stop", "start", "reload", "rollback", "scale"})


def doubts(tokens: Sequence[Token], steps: Steps, known: Known) -> Iterator[Doubt]:
    """Give a doubt for every word that speaks against doing the steps."""
    words = [token for token in tokens if token.text not in {".", "!", ",", "~", "…", "?"}]
    if not words:
        return
    said = " ".join(token.text for token in words)
    last = words[-1].text
    changing = [step for step in steps if step.tool not in READING]
    if last in _UNDOES and any(token.text == "," and other.text == last for token, other in pairwise(tokens)):
        yield Doubt(Why.FORBIDS, last)
    yield from _of_the_end(said, last, words)
    if any(step.tool in _CHANGED for step in changing):
        yield from _of_tellers(words, known)
        if _DOES.search(said):
            yield Doubt(Why.REPORTS, last)
    yield from _of_conditions(words, steps, known)
    for token in words:
        if not token.quoted and token.text[:1] == "~" and token.text[1:2].isdigit():
            yield Doubt(Why.COUNT, token.text)
        if token.text in {"하나만", "하나", "한개만"} and any(step.tool != "scale" for step in changing):
            yield Doubt(Why.COUNT, token.text)
        parts = _ODD.split(token.text)
        if (
            not token.quoted
            and len(parts) > 1
            and token.text != "^^"
            and any(part not in known.names for part in parts)
        ):
            yield Doubt(Why.UNKNOWN, token.text)
    for step in changing:
        if step.tool == "run_gui_procedure" and _NO_PARAMS.search(str(step.args.get("params", ""))):
            yield Doubt(Why.UNKNOWN, str(step.args["params"]))
    named = {step.target for step in changing}
    for token in words:
        if not token.quoted and token.text in named and token.text in _NO_NAMES | _ACTS:
            yield Doubt(Why.WHOM, token.text)
        stem = token.text[:-1]
        if not token.quoted and stem in named and stem in _NO_NAMES:
            yield Doubt(Why.WHOM, stem)


def _of_the_end(said: str, last: str, words: Sequence[Token]) -> Iterator[Doubt]:
    """A command says at its end what is to be done; these ends tell, put off or forbid."""
    if last in _LEFT_OPEN:
        yield Doubt(Why.UNKNOWN, last)
    for ends, why in ((_ABOUT, Why.REPORTS), (_TOLD, Why.REPORTS), (_NOT_AT_ALL, Why.FORBIDS)):
        match = ends.search(said)
        if match:
            yield Doubt(why, match[0])
    prevents = _PREVENTS.search(said)
    if prevents:
        yield Doubt(Why.FORBIDS, prevents[0])
    if last.endswith("로그") and len(words) > 1 and words[-2].text in {"후", "뒤", "다음", "이후", "후에", "뒤에"}:
        yield Doubt(Why.MIXED, last)


def _of_tellers(words: Sequence[Token], known: Known) -> Iterator[Doubt]:
    """`api가 재시작해`, `api 자꾸 멈춰`, `api 최근 재시작`: it is told what happens; nobody is asked to do it."""
    last = words[-1].text
    if _ASKS.search(last):
        before = words[-2].text if len(words) > 1 else ""
        if before in _TELLING - {"방금", "또", "이미", "벌써", "매번"}:
            yield Doubt(Why.REPORTS, before)
        return
    place = len(words) - 2
    while place >= 0 and not words[place].quoted and words[place].text in _TELLING | _TITLES:
        yield Doubt(Why.REPORTS, words[place].text)
        place -= 1
    if place >= 0 and words[place].text.endswith(_SUBJECT) and words[place].text[:-1] in known.names:
        yield Doubt(Why.REPORTS, words[place].text)


def _of_conditions(words: Sequence[Token], steps: Steps, known: Known) -> Iterator[Doubt]:
    """Give an `if` that the steps lost, or one whose unit may be another."""
    conditional = any("if" in step.args for step in steps)
    for place, token in enumerate(words):
        text = token.text
        if token.quoted or text in known.names:
            continue
        pair = f"{words[place - 1].text} {text}" if place else text
        after = words[place + 1].text if place + 1 < len(words) else ""
        goes_on = place > 0 and text in _GOES_ON  # that it follows something was found where it was read
        supposes = text in _SUPPOSING or (
            not goes_on and _IF.search(text) and not _POLITE_IF.search(pair) and not after.startswith(_WISH)
        )
        whether = text.endswith(("는지", "은지", "인지", "을지"))
        alone = sum(word.text in known.names for word in words) < 2 and not any(step.target == "all" for step in steps)
        if (whether and not alone) if conditional else supposes:
            yield Doubt(Why.SUPPOSES, text)
