"""Short answers to what was just shown: yes, no, a number; and what steers the conversation itself. Pure.

They are taken only as a whole: `yes, and stop web` is no yes but a text of its own, which the reader reads.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

ReplyKind = Literal[
    "yes", "no", "pick", "why", "undo", "more", "help", "approvals", "quiet", "loud", "new", "history", "quit"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One short answer."""

    kind: ReplyKind
    number: int = 0
    """With `pick`: which offer, from 1."""


_WORDS: dict[ReplyKind, str] = {
    "yes": """y | ㅛ | yes | yeah | yep | yup | ok | okay | sure | do it | do that | do so | go ahead | please do | yes please
        | yes do it | yes go ahead | ok do it | that's right | correct | confirm | confirmed
        | 네 | 넵 | 넹 | 예 | 응 | 그래 | ㅇ | ㅇㅇ | ㅇㅋ | 좋아 | 좋아요 | 맞아 | 맞아요 | 그렇게 해 | 그렇게 해줘
        | 그렇게 해주세요 | 해 | 해줘 | 해 줘 | 해주세요 | 진행 | 진행해 | 진행해줘 | 진행해 주세요 | 네 해줘 | 응 해줘 | 네 진행해줘""",
    "no": """n | ㅜ | no | nope | nah | no thanks | no thank you | don't | dont | do not | cancel | cancel that | cancel it
        | never mind | nevermind | forget it | leave it | no don't | not now
        | 아니 | 아니요 | 아니오 | 아뇨 | ㄴ | ㄴㄴ | 취소 | 취소해 | 취소해줘 | 됐어 | 됐어요 | 하지 마 | 하지마 | 하지 마세요
        | 그만 | 그만해 | 나중에""",
    "why": "why | why? | why not | why not? | how come | how come? | 왜 | 왜? | 왜요? | 왜 안 돼? | 왜 안돼? | 이유는?",
    "undo": """undo | undo that | undo it | undo the last | take it back | take that back | revert that | revert it
        | 되돌려 | 되돌려줘 | 되돌려 줘 | 취소하고 되돌려 | 방금 거 되돌려줘 | 방금 한 거 되돌려줘 | 원래대로 돌려줘""",
    "more": "/more | more | show more | show the rest | 더 | 더 보여줘 | 나머지 | 나머지도 보여줘",
    "help": "/help | help | ? | /? | what can you do | what can you do? | 도움말 | 도와줘 | 뭐 할 수 있어? | 뭘 할 수 있어?",
    "approvals": """/approvals | approvals | pending | what is pending | what is pending? | what's pending?
        | what is waiting? | what is waiting for me? | open questions | 승인 대기 | 승인 목록 | 승인 대기 목록 | 대기 중인 승인
        | 승인할 거 있어? | 뭐가 대기 중이야?""",
    "quiet": "/quiet | quiet | be quiet | no news | 조용히 | 조용히 해 | 조용히 해줘 | 알림 꺼 | 알림 꺼줘",
    "loud": "/news | /loud | loud | news | show news | 알림 켜 | 알림 켜줘 | 소식 보여줘",
    "new": "/new | new conversation | 새 대화",
    "history": "/history | /list | history | 대화 목록",
    "quit": "/quit | /exit | quit | exit | bye | goodbye | :q | q | 종료 | 끝 | 나가기 | 나갈게",
}
_MEANT = {" ".join(word.split()): kind for kind, words in _WORDS.items() for word in words.split("|")}

_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
_NUMBER = re.compile(r"(?:number |no\. ?|#|option )?([1-9])(?: please)?|([1-9])번(?:으로)?(?: ?해 ?줘| ?해 ?주세요)?")
_ORDINAL = re.compile(
    r"(?:the )?(first|second|third|fourth|fifth)(?: one| offer)?(?: please)?"
    r"|(첫|두|세|네) ?번째(?: ?거| ?것)?(?:로|으로)?(?: ?해 ?줘| ?해 ?주세요)?"
)
_KOREAN_ORDINALS = {"첫": 1, "두": 2, "세": 3, "네": 4}


def reply_of(text: str) -> Reply | None:
    """Return the short answer that the text is as a whole; None where it is anything else."""
    words = " ".join(unicodedata.normalize("NFC", text).lower().replace("’", "'").split())
    plain = words.rstrip(" .!~,…。！")
    kind = _MEANT.get(words) or _MEANT.get(plain) or _MEANT.get(plain.replace(",", ""))
    if kind is not None:
        return Reply(kind=kind)
    number = _NUMBER.fullmatch(plain)
    if number is not None:
        return Reply(kind="pick", number=int(number[1] or number[2]))
    ordinal = _ORDINAL.fullmatch(plain)
    if ordinal is not None:
        return Reply(kind="pick", number=_ORDINALS.get(ordinal[1] or "") or _KOREAN_ORDINALS[ordinal[2]])
    return None


def is_yes(text: str) -> bool:
    """Tell whether the text is a yes and nothing else; an empty one is not."""
    reply = reply_of(text)
    return reply is not None and reply.kind == "yes"


def is_no(text: str) -> bool:
    """Tell whether the text is a no and nothing else; an empty one is not."""
    reply = reply_of(text)
    return reply is not None and reply.kind == "no"


def one_text(pasted: str) -> str:
    """Return what was typed or pasted as one text: its lines are parts of one command, never several commands."""
    lines = [" ".join(line.split(" ")).strip() for line in re.split(r"\r\n|\r|\n", pasted)]
    return " ".join(line for line in lines if line)
