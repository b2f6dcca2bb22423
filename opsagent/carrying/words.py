"""What is said while things are carried out, in English and Korean. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opsagent.commands.reading import Language

_SAID: Final[Mapping[str, tuple[str, str]]] = {
    "interrupts": ("this interrupts {what}", "서비스가 중단됩니다: {what}"),
    "go on": ("go on?", "계속할까요?"),
    "left alone": ("left alone: {what}", "건드리지 않음: {what}"),
    "everything": ("that means: {what}", "대상: {what}"),
    "nothing left": ("there is nothing that it would be done to", "대상이 하나도 없습니다"),
    "nothing done": ("nothing was done", "아무것도 하지 않았습니다"),
    "protected": ("protected", "보호됨"),
    "on hold": ("on hold: {why}", "보류 중: {why}"),
    "no reason": ("no reason given", "이유 없음"),
    "taught": ("a person taught: {rule}", "사람이 가르친 규칙: {rule}"),
    "running already": ("runs already", "이미 실행 중"),
    "stopped already": ("does not run", "실행 중이 아님"),
    "plays": ("runs {what}", "실행할 절차: {what}"),
    "cut short": (
        "look first: the run {run} was cut short, and nobody can tell how far it came",
        "먼저 확인하세요: 실행 {run}이(가) 중간에 끊겨 어디까지 진행됐는지 알 수 없습니다",
    ),
    "run where asked": (
        "run it again on a terminal, where you can be asked",
        "질문에 답할 수 있는 터미널에서 다시 실행하세요",
    ),
    "step needs you": ("do this step?", "이 단계를 실행할까요?"),
    # orders
    "paused": (
        "paused: the agent watches, and does nothing until `opsagent resume`",
        "일시 중지: 에이전트는 지켜보기만 하고, 다시 시작(`opsagent resume`)할 때까지 아무것도 하지 않습니다",
    ),
    "resumed": ("resumed: the agent may act again", "다시 시작: 에이전트가 다시 조치할 수 있습니다"),
    "not paused": ("the agent was not paused", "에이전트는 일시 중지 상태가 아니었습니다"),
    "held until": ("{unit} is on hold until {until}", "{unit}: {until}까지 보류합니다"),
    "held": ("{unit} is on hold until it is released", "{unit}: 해제할 때까지 보류합니다"),
    "released": ("{unit} is released: the agent may act on it again", "{unit}: 보류를 해제했습니다"),
    "not held": ("{unit} was not on hold", "{unit}: 보류 상태가 아니었습니다"),
    "no question": ("nothing is waiting for approval", "승인을 기다리는 것이 없습니다"),
    "many questions": ("say which: {ids}", "어느 것인지 말해 주세요: {ids}"),
    "no such question": ("no open question {id}", "열려 있는 질문 중에 {id} 없음"),
    "question": ("{action}, asked by {by}: {why}", "{action}, 요청: {by}, 이유: {why}"),
    "approve": ("approve that?", "승인할까요?"),
    "deny": ("deny that?", "거절할까요?"),
    "approved": ("approved: {action}", "승인함: {action}"),
    "approved, agent": (
        "approved: the agent does {action} now, if everything still is as it was asked",
        "승인함: 물어볼 때와 같은 상태면 에이전트가 지금 {action} 실행",
    ),
    "approved, no daemon": (
        "approved, but no daemon runs that could do it: start `opsagent watch` before {until}",
        "승인했지만 실행할 데몬이 없습니다: {until} 전에 `opsagent watch`를 시작하세요",
    ),
    "approved, step": (
        "approved: the run that waits for it goes on, or the next one does this step, once, before {until}",
        "승인함: 기다리는 실행이 이어지거나, {until} 전의 다음 실행이 이 단계를 한 번 실행합니다",
    ),
    "half approved": (
        "noted: somebody else has to approve it too, before {until}",
        "기록함: {until} 전에 다른 사람도 승인해야 합니다",
    ),
    "denied": ("denied: {action} is not done", "거절함: {action} 실행하지 않음"),
    "say which": (
        "{question}; say it with its id: {id}",
        "{question}; 번호와 함께 말해 주세요: {id}",
    ),
    # teaching
    "keep that": ("keep that?", "기억할까요?"),
    "fact": ("fact: {text}", "사실: {text}"),
    "a plain fact": ("it is kept as a fact, and binds nobody", "사실로만 기억하고, 규칙은 되지 않습니다"),
    "read as": ("rule: {rule}", "규칙: {rule}"),
    "kept": ("kept ({id})", "기억했습니다 ({id})"),
    "not kept": ("nothing was kept", "기억하지 않았습니다"),
    "teach yes": (
        "nothing is kept until you say yes: say it again with --yes",
        "동의하기 전에는 기억하지 않습니다: --yes를 붙여 다시 말해 주세요",
    ),
    # conditions
    "not so": ("{said}", "{said}"),
    "is down": ("{unit} is down", "{unit}: 내려가 있음"),
    "is up": ("{unit} is up", "{unit}: 실행 중"),
    "is stopped": ("{unit} is stopped", "{unit}: 중지되어 있음"),
    "is healthy": ("{unit} is healthy", "{unit}: 정상"),
    "is unhealthy": ("{unit} is unhealthy", "{unit}: 응답 이상"),
    "has memory": ("{unit} has {amount} of memory", "{unit}: 메모리 {amount}"),
    "has cpu": ("{unit} uses {amount} of a processor", "{unit}: CPU {amount}"),
    "cannot tell": ("it cannot be told whether {condition}: {why}", "조건을 확인할 수 없습니다({condition}): {why}"),
    "no probe": ("it has no health probe", "상태 확인(health)이 설정되어 있지 않습니다"),
    "no such unit": ("there is no such service", "그런 서비스가 없습니다"),
    "no process": ("it has no process that could be measured", "측정할 프로세스가 없습니다"),
    "no answer": ("its supervisor does not answer", "관리자(supervisor)가 응답하지 않습니다"),
    "no such condition": ("that condition is not one that can be looked at", "확인할 수 있는 조건이 아닙니다"),
    # schedules
    "at": ("{what}: {when} ({zone}), {left}", "{what}: {when} ({zone}), {left}"),
    "in": ("in {left}", "{left} 뒤"),
    "again": ("and then {at}, until it is cancelled", "이후 취소할 때까지 {at}"),
    "only if": ("only if {condition} then", "그때 {condition} 조건이 맞을 때만"),
    "schedule that": ("have it done then?", "그때 실행할까요?"),
    "scheduled": (
        "scheduled ({id}): {when} ({zone}); `opsagent schedule cancel {id}` takes it back",
        "예약함 ({id}): {when} ({zone}); 취소: `opsagent schedule cancel {id}`",
    ),
    "no daemon": (
        "nobody would be there to do it: start the daemon first (`opsagent watch`, or `opsagent startup`)",
        "그때 실행할 데몬이 없습니다: 먼저 시작하세요 (`opsagent watch` 또는 `opsagent startup`)",
    ),
    "not later": (
        "{tool} cannot be done later: say it when it is time",
        "{tool}: 예약할 수 없습니다. 그때 말해 주세요",
    ),
    "bad time": ("no such time: {at} ({why})", "시간이 맞지 않습니다: {at} ({why})"),
    "schedule yes": (
        "nothing is scheduled until you say yes: say it again with --yes",
        "동의하기 전에는 예약하지 않습니다: --yes를 붙여 다시 말해 주세요",
    ),
    "a secret": (
        "it holds what looks like a secret, which is not stored: it could not be run",
        "비밀로 보이는 값이 있어 저장하지 않습니다: 실행할 수 없습니다",
    ),
    # phrases
    "which": ("which one?", "어느 것인가요?"),
    "as before": (
        "understood as `{what}`, as you meant it before (`opsagent do --forget TEXT` drops that)",
        "전에 고른 대로 `{what}`(으)로 이해했습니다 (`opsagent do --forget TEXT`: 잊기)",
    ),
    "meant before": ("before, that meant `{before}`; from now on `{now}`", "전에는 `{before}`, 이제부터는 `{now}`"),
    # how it ended
    "done": ("done: {what}", "완료: {what}"),
    "not done": ("not done: {what}", "하지 않음: {what}"),
    "needs a yes": (
        "{what} needs a yes: {detail}. Say it again with --yes, or `opsagent approve {id}`",
        "{what}: 확인이 필요합니다: {detail}. --yes를 붙여 다시 말하거나 `opsagent approve {id}`",
    ),
    "refused": ("refused: {what}", "거부됨: {what}"),
    "rule": (" (rule: {rule})", " (규칙: {rule})"),
    "failed": ("failed: {what}", "실패: {what}"),
    "incident": (" (incident {id})", " (사건 {id})"),
    "interrupted": ("interrupted; done so far: {what}", "중단됨; 지금까지 한 것: {what}"),
    "nothing": ("nothing", "없음"),
    "in the middle": (
        "interrupted in the middle of: {what}; `opsagent ps` shows how things stand",
        "하던 중에 중단됨: {what}; 상태는 `opsagent ps`로 볼 수 있습니다",
    ),
    # rollback
    "nothing to put back": ("nothing to put back", "되돌릴 것이 없습니다"),
    "roll back": ("put that back?", "되돌릴까요?"),
}
"""Key → in English, in Korean."""


def say(language: Language, key: str, **values: object) -> str:
    """Return a sentence in the language of the person."""
    return _SAID[key][language == "ko"].format(**values)


def listed(names: list[str]) -> str:
    """Return names as they are written in both languages."""
    return ", ".join(names)
