"""What the reader says in Korean. Pure."""

from __future__ import annotations

import re

from opsagent.commands.korean_forms import coda
from opsagent.commands.reading import CommandStep
from opsagent.commands.times import WEEKDAYS

THEN = ", 그 다음 "
SENTENCES = {
    "did you mean": "{why}. `{offer}`(을/를) 말씀하신 건가요?",
    "forbids and nothing else": "하지 말라는 말씀이라 아무것도 하지 않습니다",
    "more than one way": "여러 가지로 읽힐 수 있는 말입니다",
    "word and name": '\'{word}\'(은/는) 낱말이면서 서비스 이름입니다. 서비스라면 따옴표로 감싸 주세요: "{word}"',
    "more than one unit": "{word}(이/가) 여럿입니다 ({ids}). 전체 id로 말씀해 주세요",
    "no such unit": "'{word}'(이라는/라는) 서비스는 없습니다",
    "units are": "'{word}'(이라는/라는) 서비스는 없습니다. 있는 서비스: {names}",
    "no units": "'{word}'(이라는/라는) 서비스는 없습니다. 지금은 하나도 없습니다. `opsagent up FILE`로 시작할 수 있습니다",
    "for instance": "{why}. 예를 들어 이렇게 말씀해 주세요: NAME 무중단 리로드, NAME 로그, NAME 왜 죽었어, 상태",
    "empty": "무엇을 할지 말씀해 주세요. 예: api 안전하게 리로드해줘",
    "too long": "{count}자입니다. 명령은 {most}자까지입니다",
    "unsafe": "이 글대로는 하지 않습니다: {why}. 보통 글자로 다시 써 주세요",
    "hidden": "보이지 않는 글자나 제어 문자가 있습니다 ({char})",
    "not as a whole": "무슨 말씀인지 다 알아듣지는 못했습니다",
    "unknown word": "'{word}'(은/는) 모르는 말입니다",
    "forbids": "하지 말라는 말씀입니다",
    "supposes": "'{word}'(은/는) 그대로 실행하지 않는 말입니다",
    "asks": "무언가를 바꾸는 일에 대한 질문입니다",
    "reports": "해 달라는 말씀이 아니라 있었던 일로 들립니다",
    "near name": "그렇게 쓰는 서비스는 없고, '{word}'(이/가) 비슷합니다",
    "slip": "그렇게 해 달라는 말씀인지 확실하지 않습니다",
    "whom": "어느 서비스인지 분명하지 않습니다",
    "when": "언제인지 분명하지 않습니다 ({word})",
    "vague": "정확히 언제인지 말씀해 주세요",
    "either": "{word}일 수도, 그 열두 시간 뒤일 수도 있습니다",
    "corrected": "말씀을 고치셨습니다",
    "relative": "지금 돌고 있는 개수에서 세어야 합니다",
    "many verbs": "할 일이 둘 이상입니다",
    "left out": "빼라는 것이 있습니다",
    "mixed": "함께 하지 않는 일들이 섞여 있습니다",
    "count": "인스턴스는 1개에서 {most}개까지입니다",
    "count of": "인스턴스는 1개에서 {most}개까지입니다. {word}개는 안 됩니다",
}  # fmt: skip

_PARTICLE = re.compile(r"(?P<before>.)(?P<quote>['`\")]*)\((?P<closed>[가-힣]+)/(?P<open>[가-힣]+)\)")
_CLOSED_LATIN = frozenset("lmnrLMNR013678")
"""Letters and digits that are read with a consonant at their end (엘, 엠, 엔, 알; 영, 일, 삼, 육, 칠, 팔)."""
_TOOLS = {
    "restart": "재시작", "reload": "리로드", "stop": "중지", "start": "시작", "rollback": "롤백", "hold": "홀드", "resume": "재개", "pause": "일시정지",
    "approve": "승인", "deny": "거절",
}  # fmt: skip
_UNITS = {"s": "초", "m": "분", "h": "시간", "d": "일"}
_STATES = {
    "down": "다운되면",
    "up": "살아 있으면",
    "healthy": "정상이면",
    "unhealthy": "비정상이면",
    "stopped": "정지되면",
}
_DAYS = {"today": "오늘", "tomorrow": "내일", "every day": "매일", "every weekday": "평일마다"}


def particles(text: str) -> str:
    """Return the text with each `(을/를)` as the sound before it asks for."""
    return _PARTICLE.sub(lambda match: match["before"] + match["quote"] + _fitting(match), text)


def _fitting(match: re.Match[str]) -> str:
    before = match["before"]
    closed = coda(before) != 0 if "가" <= before <= "힣" else before in _CLOSED_LATIN
    return match["closed"] if closed else match["open"]


def topic(word: str, closed: str, opened: str) -> str:
    """Return the word with the particle that its sound asks for: `web은`, `api는`."""
    return particles(f"{word}({closed}/{opened})")


def length(written: str) -> str:
    """Return a length of time: `2시간`."""
    return f"{written[:-1]}{_UNITS[written[-1]]}"


def moment(at: str) -> str:
    """Return a moment or a schedule: `내일 03:00에`, `매주 월요일 03:00에`, `10분 뒤에`, `30분마다`."""
    day, _, last = at.rpartition(" ")
    if day == "in":
        return f"{length(last)} 뒤에"
    if day == "every" and last[-1] in _UNITS:
        return f"{length(last)}마다"
    name = day.removeprefix("every ")
    if name in WEEKDAYS:
        weekday = "월화수목금토일"[WEEKDAYS.index(name)] + "요일"
        return f"매주 {weekday} {last}에" if day.startswith("every ") else f"{weekday} {last}에"
    return f"{_DAYS.get(day, day)} {last}에".strip()


def condition(written: str) -> str:
    """Return a condition: `api(이/가) 다운되면`, `api 메모리 500M 넘으면`."""
    name, _, rest = written.partition(" ")
    if rest.startswith("is "):
        return f"{topic(name, '이', '가')} {_STATES.get(rest.removeprefix('is '), rest)}"
    what, _, limit = rest.partition(" > ")
    return f"{name} {'메모리' if what == 'memory' else 'cpu'} {limit} 넘으면"


def command(step: CommandStep) -> str:
    """Return a step as a command."""
    where = {None: "", "all": "전부"}.get(step.target, step.target or "")
    when = f"{moment(str(step.args['at']))} " if step.args.get("at") else ""
    supposing = f"{condition(str(step.args['if']))} " if step.args.get("if") else ""
    return " ".join(f"{when}{supposing}{_words(step, where)}".split())


def _words(step: CommandStep, where: str) -> str:
    args = step.args
    since = f"최근 {length(str(args['since']))} " if args.get("since") else ""
    match step.tool:
        case "scale":
            return f"{where} {args.get('replicas')}개로 조정"
        case "tail_logs":
            return f"{where} {since}로그" + (f" {args['lines']}줄" if args.get("lines") else "")
        case "search_logs":
            return f'{where} {since}로그에서 "{args.get("query")}" 검색'
        case "describe_process":
            return f"{where} 상태"
        case "recall_incidents":
            return f"{where} {since}장애 이력"
        case "list_processes":
            return "전체 상태"
        case "host_metrics":
            return "서버 상태"
        case "hold" if args.get("for"):
            return f"{where} {length(str(args['for']))} 동안 홀드"
        case "approve" | "deny":
            return f"{args.get('id', '그거')} {_TOOLS[step.tool]}"
        case "teach":
            return f"기억해: {args.get('text', '')}"
        case "run_gui_procedure":
            return f"{args.get('params', '')} {args.get('procedure', '')} 실행"
        case "restart" if args.get("safely"):
            return f"{where} 안전하게 재시작"
        case tool:
            return f"{where} {_TOOLS.get(tool, tool)}"
