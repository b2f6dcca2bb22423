"""What the conversation itself says, in the language of the one who speaks. Pure.

Questions back and offers are worded by `opsagent.commands`, answers by `opsagent.answering`; here is what remains.
"""

from __future__ import annotations

from opsagent.commands.reading import Language
from opsagent.commands.say_ko import particles

_SAID: dict[str, tuple[str, str]] = {
    "take_one": ("y takes it; anything else leaves it", "y를 누르면 실행하고, 그 밖에는 아무것도 하지 않습니다"),
    "take_some": ("{numbers} takes one; anything else leaves it", "{numbers} 중 하나를 고르세요. 그 밖에는 아무것도 하지 않습니다"),
    "which": ("Which one? Say {numbers}", "어느 것입니까? {numbers} 중에서 고르세요"),
    "no_such_offer": ("There is no {number}: say {numbers}", "{number}번은 없습니다. {numbers} 중에서 고르세요"),
    "nothing_done": ("Nothing was done", "아무것도 하지 않았습니다"),
    "nothing_open": ("Nothing is open to say that to", "지금 답을 기다리는 것이 없습니다"),
    "nothing_more": ("That was all", "더 보여 줄 것이 없습니다"),
    "no_questions": ("The agent is not waiting for an answer", "에이전트가 답을 기다리는 것이 없습니다"),
    "which_question": (
        "More than one question is open: say `approve ID` or `deny ID`",
        "답을 기다리는 질문이 여럿입니다. `approve ID` 또는 `deny ID`라고 하세요",
    ),
    "no_such_question": ("No open question begins with {id}", "{id}로 시작하는 열린 질문이 없습니다"),
    "more_such_questions": (
        "More than one open question begins with {id}: say more of it",
        "{id}로 시작하는 질문이 여럿입니다. ID를 더 길게 적으세요",
    ),
    "waits": ("Waiting for a yes: {action}", "승인 대기 중: {action}"),
    "asks": ("The agent asks: {action}?", "에이전트가 묻습니다: {action} 할까요?"),
    "why_line": ("why: {why}", "이유: {why}"),
    "args_line": ("with: {args}", "값: {args}"),
    "by_line": ("asked by {by}, until {until}", "{by} 요청, {until}까지"),
    "incident_line": ("incident: {incident}", "인시던트: {incident}"),
    "evidence_line": ("evidence: {text}", "근거: {text}"),
    "cost_line": ("last time: {cost}", "지난번: {cost}"),
    "own_question": (
        "You proposed it yourself: somebody else has to say yes",
        "본인이 제안한 일입니다. 다른 사람이 승인해야 합니다",
    ),
    "answer_it": ("yes or no? (`approve {id}`, `deny {id}`)", "네 / 아니요? (`approve {id}`, `deny {id}`)"),
    "name_it": ("answer with `approve {id}` or `deny {id}`", "`approve {id}` 또는 `deny {id}`로 답하세요"),
    "two_persons": ("two people have to say yes ({state})", "두 사람이 승인해야 합니다 ({state})"),
    "no_model": (
        "No chat model is configured; with one, free phrasing is understood too (docs/models.md)",
        "설정된 채팅 모델이 없습니다. 모델을 설정하면 자유로운 표현도 이해합니다 (docs/models.md)",
    ),
    "model_failed": ("The model is of no help: {why}", "모델의 도움을 받지 못했습니다: {why}"),
    "model_said": ("{model} says:", "{model}의 답:"),
    "stopped": ("Stopped; nothing was changed", "중단했습니다. 바뀐 것은 없습니다"),
    "detached": (
        "The daemon goes on with `{step}` to its safe end; nothing after it is begun. `status` shows how it went",
        "`{step}`: 데몬이 안전하게 끝까지 진행합니다. 그 다음 단계는 시작하지 않습니다. `status`로 확인할 수 있습니다",
    ),
    "stopping": (
        "Stopping where nothing is half done…",
        "반쯤 하다 만 것이 없도록 안전하게 멈추는 중…",
    ),
    "broken_off": (
        "Broke off `{step}` where nothing is half done; nothing after it was begun. `status` shows how things are",
        "`{step}`: 반쯤 하다 만 것 없이 멈췄습니다. 그 다음은 시작하지 않았습니다. `status`로 확인할 수 있습니다",
    ),
    "greeting": (
        "{count} services. Say what to do, or ask; /help tells more, Ctrl-D leaves",
        "서비스 {count}개. 할 일이나 궁금한 것을 말하세요. /help 도움말, Ctrl-D 나가기",
    ),
    "folded": ("… {count} lines more: /more", "… {count}줄 더 있음: /more"),
    "leave_hint": ("Ctrl-D or /quit leaves", "Ctrl-D 또는 /quit로 나갑니다"),
    "leaves": ("Leaving as soon as nothing is half done", "반쯤 된 것이 없어지는 대로 나갑니다"),
    "undo_none": ("There is nothing in this conversation to take back", "이 대화에는 되돌릴 것이 없습니다"),
    "undo_offer": ("Take back `{done}`: `{undo}`?", "`{done}` 되돌리기: `{undo}` 할까요?"),
    "undo_cannot": ("`{done}` cannot be taken back", "`{done}`(은/는) 되돌릴 수 없습니다"),
    "undo_by": ("`{done}` is taken back with `{command}`", "`{done}`(은/는) `{command}` 명령으로 되돌립니다"),
    "why_refused": ("It was not done: {why}", "하지 않은 이유: {why}"),
    "why_rule": (
        "rule: {rule}; `opsagent policy explain {action} {unit}` says what would have to change",
        "규칙: {rule}. `opsagent policy explain {action} {unit}` 명령이 무엇을 바꿔야 하는지 알려 줍니다",
    ),
    "quiet": ("News of the daemon is not shown; `/news` shows it again", "데몬 소식을 보이지 않습니다. `/news`로 다시 켭니다"),
    "loud": ("News of the daemon is shown; `/quiet` hides it", "데몬 소식을 보입니다. `/quiet`로 끕니다"),
    "not_begun": ("not done: {step}", "하지 않음: {step}"),
    "silent": (
        "A supervisor does not answer, so its services are not known: {what}",
        "응답하지 않는 슈퍼바이저가 있어 그 서비스는 알 수 없습니다: {what}",
    ),
    "learnt": ("Next time I understand it so", "다음에는 그렇게 이해합니다"),
    "resumed": ("Goes on where it ended: {title} ({turns} turns)", "이어서 계속합니다: {title} ({turns}개의 말)"),
    "kept_not": ("This is not kept: {why}", "이 대화는 저장되지 않습니다: {why}"),
    "new": ("A new conversation", "새 대화입니다"),
}  # fmt: skip

HELP: dict[Language, tuple[str, ...]] = {
    "en": (
        "Say what to do, or ask: `reload api safely`, `is redis ok?`, `why did worker die?`, `and web?`, `show me its logs`",
        "y, n, 1, 2: answer what was just shown",
        "approve ID: answer a question of the agent; `deny ID` says no",
        "why?: why it was refused, or what happened",
        "undo that: take back what was done last",
        "/approvals: open questions of the agent",
        "/more: what was folded",
        "/quiet, /news: hide or show what the daemon tells",
        "/new, /history: another conversation; those that there were",
        "Tab, Ctrl-R: complete; search what you said before",
        "Ctrl-C: stop where nothing is half done",
        "Ctrl-D, /quit: leave",
    ),
    "ko": (
        "할 일이나 궁금한 것을 말하세요: `api 안전하게 리로드해줘`, `redis 괜찮아?`, `worker 왜 죽었어?`, `web은?`, `그거 로그 보여줘`",
        "네, 아니요, 1, 2: 방금 보인 것에 답하기",
        "approve ID: 에이전트의 질문 승인. `deny ID`는 거절",
        "왜?: 거절된 이유나 있었던 일",
        "되돌려줘: 마지막으로 한 일 되돌리기",
        "/approvals: 에이전트의 열린 질문",
        "/more: 접힌 부분",
        "/quiet, /news: 데몬 소식 끄기, 켜기",
        "/new, /history: 새 대화, 지난 대화들",
        "Tab, Ctrl-R: 완성, 말한 것 찾기",
        "Ctrl-C: 안전하게 중단",
        "Ctrl-D, /quit: 나가기",
    ),
}


def say(key: str, language: Language, **values: object) -> str:
    """Return a sentence. KeyError: there is none of that name, or a value of it is missing."""
    english, korean = _SAID[key]
    return particles(korean.format(**values)) if language == "ko" else english.format(**values)
