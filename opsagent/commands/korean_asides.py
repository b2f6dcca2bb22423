"""What a Korean command says beside what is to be done: announcements, who looks after it, who is left out or alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from opsagent.commands.korean_pieces import Piece, Text
from opsagent.commands.korean_verbing import LOOKING, WHO, said_by
from opsagent.commands.korean_verbs import OTHER
from opsagent.commands.tags import NEAR

_WORK = r"점검|배포|작업|업데이트|패치|테스트|마이그레이션|백업|공사|정비|행사|이벤트|유지보수|교체|이관"
_ENDS = r"끝|끝남|끝났음|완료|종료|시작|개시|끝났다|끝났어|완료됨|종료됨|완료했음"
_SAID = (
    r"들어갑니다|들어가요|들어간다|들어갈게요|시작합니다|시작해요|시작할게요|시작하겠습니다|끝났습니다|끝났어요|끝났음|완료했습니다|완료됐습니다|완료되었습니다|"
    r"완료됐어요|완료됐어|종료합니다|종료했습니다|종료됐습니다|종료되었습니다|마쳤습니다|중입니다|중이에요|예정입니다|있습니다|합니다|할게요|하겠습니다"
)
_ANNOUNCED = re.compile(
    rf"(?:안녕하세요 ?[,.!]* ?)?(?:(?:정기|긴급|서버|시스템|디비|DB|야간|주간|오늘|지금|곧|잠시 후) ){{0,2}}(?:{_WORK})(?:을|를|이|가|은|는|도)? ?(?:다 |모두 )?"
    rf"(?:(?:{_ENDS}) ?[.!,]+|(?:{_SAID})(?: ?[.!,]+|(?= )))"
)
"""점검 들어갑니다; 배포 끝. 작업 완료!"""
_MINE = frozenset({"내가", "제가", "우리가", "저희가", "저희", "제", "저희팀이"})
_DOES = frozenset({"will", "reason", "progress", "duty", "third"})
_KEPT = ("놔", "놓아", "냅", "그대로", "그냥", "가만", "내버려")
_DEPLOYED = ("배포", "디플로이", "올린", "올렸던", "나간", "릴리")
_BESIDES = ("외", "이외")


_INTRODUCED = re.compile(
    r"(?:안녕하세요 ?[,.!]* ?)?[가-힣A-Za-z]{1,12} ?(?:팀|부서|담당|담당자|운영자|개발자|매니저|엔지니어)(?:입니다|이에요|예요|인데요|인데)(?: ?[.,!]+|(?= ))"
)
"""결제팀입니다."""


def introductions(text: Text, pieces: list[Piece]) -> list[Piece]:
    """Pass over who speaks: 결제팀입니다, api 재시작해 주세요."""
    match = _INTRODUCED.match(text.text)
    said = [piece for piece in pieces if match is not None and piece.start < match.end()]
    if match is None or not said or said[-1].end > match.end() or any(one.kind in WHO for one in said):
        return pieces
    return [replace(said[0], end=said[-1].end, kind="filler", value="", form="", slip=False), *pieces[len(said) :]]


def announcements(text: Text, pieces: list[Piece]) -> list[Piece]:
    """Take what is announced before a command of its own as its reason: 점검 들어갑니다, web 내려주세요."""
    match = _ANNOUNCED.match(text.text)
    if match is None:
        return pieces
    said = [piece for piece in pieces if piece.start < match.end()]
    rest = pieces[len(said) :]
    if not said or said[-1].end > match.end() or not _asks(rest) or any(one.kind in WHO for one in said):
        return pieces
    return [replace(said[0], end=said[-1].end, kind="reason", value="", form="", polite=False, slip=False), *rest]


def _asks(pieces: Sequence[Piece]) -> bool:
    """Tell whether pieces say by themselves what is to be done, and to whom."""
    return any(one.kind in WHO for one in pieces) and any(one.kind in {"vn", "verb"} for one in pieces)


def looked_after(text: Text, pieces: list[Piece]) -> list[Piece]:
    """Take who looks after it as a reason to leave it alone: mysql은 내가 볼테니 건드리지 마."""
    begin = next((at for at, one in enumerate(pieces) if said_by(text, one) in _MINE), None)
    if begin is None:
        return pieces
    end = next((at for at in range(begin, len(pieces)) if pieces[at].kind == "verb"), None)
    if end is None or pieces[end].form not in _DOES or pieces[end].value not in LOOKING | {OTHER, "touch"}:
        return pieces
    if any(one.kind in WHO for one in pieces[begin:end]):
        return pieces
    later = [one for one in pieces[end + 1 :] if one.kind == "verb"]
    alone = bool(later) and (
        later[0].value in {"hold", "resume"} or (later[0].value == "touch" and later[0].form == "negated")
    )
    if not alone or not any(one.kind in WHO for one in pieces):
        return pieces
    reason = replace(pieces[end], start=pieces[begin].start, kind="reason", value="", form="", polite=False)
    return [*pieces[:begin], reason, *pieces[end + 1 :]]


def left_alone(text: Text, pieces: list[Piece]) -> list[Piece]:
    """`worker 재시작하고 api는 놔둬`: beside something that is to be done to others it says what is not, and is no hold."""
    verbs = [one for one in pieces if one.kind == "verb"]
    changes = any(one.value not in LOOKING | {"hold", "touch", OTHER} for one in verbs)
    if len(verbs) < 2 or not changes or any(one.kind == "duration" for one in pieces):
        return pieces
    found: list[Piece] = []
    begin = 0
    for at, piece in enumerate(pieces):
        kept = piece.kind == "verb" and piece.value == "hold" and piece.form in {"imperative", "then"}
        own = {one.value for one in pieces[begin:at] if one.kind in WHO}
        others = {one.value for one in (*pieces[:begin], *pieces[at:]) if one.kind in WHO}
        alone = kept and said_by(text, piece).startswith(_KEPT) and bool(own) and bool(others) and not own & others
        found.append(replace(piece, value="touch", form="negated") if alone else piece)
        begin = at + 1 if piece.kind == "verb" else begin
    return found


def never(text: Text, pieces: list[Piece]) -> list[Piece]:
    """`절대 건드리지 마`: it is meant in earnest, and nothing more."""
    found: list[Piece] = []
    for at, piece in enumerate(pieces):
        behind = pieces[at + 1] if at + 1 < len(pieces) else None
        spares = behind is not None and behind.kind == "verb" and behind.value in {"touch", "hold"}
        earnest = piece.kind in {"doubt", "negation"} and said_by(text, piece) in {"절대", "절대로", "결코"}
        found.append(replace(piece, kind="filler", value="") if spares and earnest else piece)
    return found


def sentences(_text: Text, pieces: list[Piece]) -> list[Piece]:
    """End a sentence behind its verb where another one begins with whom it is about: `worker 재시작 web은 놔둬`."""
    found: list[Piece] = []
    for at, piece in enumerate(pieces):
        form = piece.form if piece.kind == "verb" and piece.value not in LOOKING | {OTHER, "touch"} else ""
        if form not in {"imperative", "noun", "attributive"} or not any(one.kind in WHO for one in pieces[:at]):
            found.append(piece)
            continue
        behind = [one for one in pieces[at + 1 :] if one.kind != "filler"]
        verb = next((one for one in behind if one.kind == "verb"), None)
        names = bool(behind) and behind[0].kind == "unit" and verb is not None and behind[0].start > piece.end
        touches = verb is not None and verb.value in {"touch", "hold"} and verb.form in {"negated", "imperative"}
        spares = names and verb is not None and (touches or verb.form == "negated")
        orders = names and verb is not None and form == "imperative" and verb.form == "imperative"
        if spares or orders:
            found.append(replace(piece, form="noun" if form == "attributive" else form))
            found.append(replace(piece, start=piece.end - 1, kind="mark", value=".", form="", polite=False, slip=False))
        else:
            found.append(piece)
    return found


def plainly(text: Text, pieces: list[Piece]) -> list[Piece]:
    """`방금 배포한 api 되돌려`, `api 있잖아 그거`: what only says once more which one is meant says nothing new."""
    back = any(one.kind == "verb" and one.value == "rollback" for one in pieces)
    units = [at for at, one in enumerate(pieces) if one.kind == "unit"]
    found: list[Piece] = []
    for at, piece in enumerate(pieces):
        behind = pieces[at + 1] if at + 1 < len(pieces) else None
        deployed = piece.kind == "verb" and piece.form == "attributive" and piece.value in {OTHER, "start"}
        again = piece.kind == "pronoun" and piece.value == "it" and len(units) == 1 and units[0] < at
        between = pieces[units[0] + 1 : at] if again else []
        if (
            back
            and deployed
            and behind is not None
            and behind.kind == "unit"
            and said_by(text, piece).startswith(_DEPLOYED)
        ) or (again and all(one.kind == "filler" or (one.kind == "mark" and one.value in ",.") for one in between)):
            found.append(replace(piece, kind="filler", value="", form=""))
        else:
            found.append(piece)
    return found


def exclusions(text: Text, pieces: list[Piece]) -> list[Piece]:
    """`api 외에 web도` and `api 말고 web도` mean both of them: nobody can tell, so it is asked."""
    found: list[Piece] = []
    for at, piece in enumerate(pieces):
        if piece.kind == "all" and piece.value == "rest":  # the rest of what?
            left = any(one.kind == "except" for one in pieces[:at])
            found.append(replace(piece, value="all") if left else replace(piece, kind="unknown"))
            continue
        found.append(piece)
        if piece.kind != "except":
            continue
        behind = pieces[at + 1 :]
        also = any(one.kind == "particle" and one.value == "also" for one in behind)
        every = any(one.kind == "all" or (one.kind == "noun" and one.value == "services") for one in behind)
        before = next((one.kind for one in reversed(pieces[:at]) if one.kind not in {"particle", "filler"}), "")
        if also or before == "verb" or (said_by(text, piece).startswith(_BESIDES) and not every):
            found.append(replace(piece, kind="doubt", value=said_by(text, piece), form=""))
    return found


def told_params(text: Text, pieces: list[Piece]) -> list[Piece]:
    """What stands between a procedure and its verb is what it is told: export report 서울 지점으로 돌려줘."""
    at = next((place for place, one in enumerate(pieces) if one.kind == "procedure"), None)
    last = next((place for place, one in enumerate(pieces) if one.kind == "verb"), None)
    if at is None or last is None or last < at + 2:
        return pieces
    between = pieces[at + 1 : last]
    if re.search("금지|취소|말고", text.text):
        return pieces
    easy = {"unknown", "noun", "particle", "number", "counter", "params", "filler", "duration"}
    tells = any(one.kind == "unknown" or (one.kind == "duration" and one.form == "since") for one in between)
    if (
        not tells
        or any(one.kind == "duration" and one.form != "since" for one in between)
        or any(one.kind not in easy for one in between)
    ):
        return pieces
    while between and between[0].kind in {"particle", "filler"}:
        between = between[1:]
    said = text.text[between[0].start : between[-1].end]
    said = re.sub(r"(?:으로|로|만|을|를)$", "", said)
    params = replace(between[0], end=between[-1].end, kind="params", value=said, form="")
    return [*pieces[: at + 1], params, *pieces[last:]]


def named(text: Text, pieces: list[Piece]) -> list[Piece]:
    """`worker 6개로`, `web 이전 버전으로` name a change right behind who is meant, and end the text."""
    spoken = [one for one in pieces if not (one.kind == "mark" and one.value in ".!~^") and one.kind != "filler"]
    if len(spoken) < 3 or spoken[-1].kind != "particle" or spoken[-1].value != "to":
        return pieces
    if any(one.kind == "verb" for one in spoken) or any(one.kind == "mark" and one.value in "?？" for one in pieces):
        return pieces
    number = spoken[-3:-1]
    counted = [one.kind for one in number] == ["number", "counter"] and number[1].value == "instances"
    back = spoken[-2].kind == "noun" and spoken[-2].value == "release"
    before = spoken[: -3 if counted else -2]
    while before and before[-1].kind == "particle" and before[-1].value in {"obj", "topic", "only"}:
        before = before[:-1]
    if not (counted or back) or not before or before[-1].kind != "unit" or before[-1].form == NEAR:
        return pieces
    last = pieces[-1]
    value = "scale" if counted else "rollback"
    if back and not said_by(text, spoken[-2]).startswith(("이전", "전", "직전", "예전", "지난", "구")):
        return pieces
    return [*pieces, replace(last, start=last.end - 1, kind="verb", value=value, form="noun")]
