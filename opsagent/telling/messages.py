"""What a message says: a title and some lines, in the words of its channel. Pure.

Every value in it is foreign until it is escaped; a message has no link, and nothing in it can be clicked to say yes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from opsagent.telling.account import changes, cost_of, likeliest, moment_of
from opsagent.telling.phrases import cost, fault_of, named
from opsagent.telling.words import Words
from opsagent_tools.text import escape_for_chat

_LONGEST = 400
_BODY = 3500
_NARROWER = (240, 160, 120, 100)
"""Lengths of lines, one after the other, where a message is too long; the agent's own commands are shorter than the last."""
_TRIED = 4
_CHANGES = 2


def safe(value: object) -> str:
    """Return foreign text as it may stand in a message."""
    text = escape_for_chat(str(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _titled(key: str, account: Mapping[str, Any], words: Words) -> str:
    return words(key, unit=safe(account["name"]), fault=fault_of(account, words))


def escalation(account: Mapping[str, Any], words: Words, *, key: str = "msg.escalation") -> tuple[str, str]:
    """Return title and body: a person is needed."""
    return _titled(key, account, words), "\n".join(_escalation(account, words))


def _escalation(account: Mapping[str, Any], words: Words) -> Iterator[str]:
    yield safe(account["summary"])
    began = moment_of(account["began_at"])
    if began is not None:
        yield words("msg.since", at=words.time(began))
    yield from _cause(account, words)
    if account.get("why"):
        yield words("msg.why", text=safe(account["why"]))
    for one in changes(account)[:_CHANGES]:
        yield words("msg.changed", text=safe(one["what"]))
    if account["affected"]:
        yield words("msg.suffers", units=safe(named(account["affected"])))
    tried = [f"{one['remedy']} ({words('plan.' + one['status'])})" for one in account.get("tried", ())][-_TRIED:]
    if tried:
        yield words("msg.tried", text=safe(", ".join(tried)))
    spent = cost(cost_of([account]), words)
    if spent != "-":
        yield words("msg.cost", cost=spent)
    for key, name in (("msg.never", "never"), ("msg.next", "next")):
        if account.get(name):
            yield words(key, text=safe(account[name]))
    yield words("msg.look", id=account["id"])
    yield words("msg.mute", id=account["id"])


def _cause(account: Mapping[str, Any], words: Words) -> Iterator[str]:
    best = likeliest(account)
    if best is None:
        yield words("msg.no_cause")
        return
    sure = words.percent(float(best["weight"]))
    yield words("msg.cause", text=safe(f"{best['cause']} [{best['unit']['name']}]"), percent=sure)
    for key, name in (("pm.for", "speaks_for"), ("pm.against", "speaks_against")):
        if best[name]:
            yield words(key, text=safe("; ".join(str(one) for one in best[name])))


def suggestion(account: Mapping[str, Any], words: Words) -> tuple[str, str]:
    """Return title and body: what the agent would do, were it let."""
    lines = [
        safe(account["summary"]),
        *_cause(account, words),
        words("msg.would", text=safe(account["suggested"])),
        words("msg.look", id=account["id"]),
        words("msg.mute", id=account["id"]),
    ]
    return _titled("msg.suggestion", account, words), "\n".join(lines)


def over(account: Mapping[str, Any], words: Words) -> tuple[str, str]:
    """Return title and body: what a person was called for is over."""
    lines = [words("msg.outcome", text=safe(account["outcome"] or "-"))]
    lines += [words("msg.took", time=words.duration(account["mttr_s"]))] if account["mttr_s"] is not None else []
    return _titled("msg.over", account, words), "\n".join([*lines, words("msg.look", id=account["id"])])


def repaired(account: Mapping[str, Any], words: Words) -> tuple[str, str]:
    """Return title and body: the agent repaired something."""
    spent = cost(cost_of([account]), words)
    lines = [
        safe(account["summary"]),
        words("msg.by", remedy=safe(account["remedy"])),
        words("msg.took", time=words.duration(account["mttr_s"])),
        *([words("msg.cost", cost=spent)] if spent != "-" else []),
        words("msg.look", id=account["id"]),
    ]
    return _titled("msg.repaired", account, words), "\n".join(lines)


def recurs(group: Sequence[Mapping[str, Any]], words: Words) -> tuple[str, str]:
    """Return title and body: the same was repaired again and again; its permanent fix is prepared."""
    first, times = group[0], words.count("time", len(group))
    spent = cost(cost_of(group), words)
    lines = [
        words("msg.recurring_line", times=times, remedy=safe(first["remedy"]), cost=spent),
        words("msg.issue", id=first["id"]),
    ]
    return _titled("msg.recurring", first, words), "\n".join(lines)


def approval(asked: Mapping[str, Any], words: Words) -> tuple[str, str]:
    """Return title and body: the agent asks. Only a command answers; the message says which."""
    title = words("msg.approval", unit=safe(asked["name"]), action=safe(asked["action"]))
    lines = [
        *([words("msg.proposer", by=safe(asked["proposer"]))] if asked.get("proposer") else []),
        *([words("msg.why", text=safe(asked["why"]))] if asked["why"] else []),
        *([words("msg.two", n=asked["needed"])] if asked["needed"] > 1 else []),
        words("msg.approve", id=asked["id"]),
        words("msg.deny", id=asked["id"]),
        words("msg.expires", at=words.time(datetime.fromisoformat(str(asked["expires_at"])))),
        words("msg.no_links"),
    ]
    return title, "\n".join(lines)


def undone(one: Mapping[str, Any], words: Words) -> tuple[str, str]:
    """Return title and body: what a person had scheduled was not done, or did not succeed."""
    return words("msg.schedule"), "\n".join([safe(one["text"]), words("msg.schedules")])


def digest(lines: Sequence[str], span: str, words: Words) -> tuple[str, str]:
    """Return title and body of a digest from the lines of a handover."""
    kept = [line for line in (escape_for_chat(line) for line in lines[1:]) if line]
    return words("msg.digest", span=span), "\n".join(kept)[:_BODY]


def joined(messages: Sequence[tuple[str, str, str]], words: Words, machine: str) -> tuple[str, str]:
    """Return one title and one body for `(kind, title, body)` that go out together.

    What is too long is shortened within its lines, never at its end: there are the commands. Of very many, first what
    answers them is left out, then all but how many more there are.
    """
    foot = words("msg.machine", machine=safe(machine))
    if len(messages) == 1:
        _, title, body = messages[0]
        return title, _fitting([body, foot], "\n")
    kinds = dict.fromkeys(kind for kind, _, _ in messages)
    said = ", ".join(words(f"msg.kind.{kind}") for kind in kinds)
    heading = words("msg.many", n=len(messages), kinds=said)
    whole = _fitting([*(f"{title}\n{body}" for _, title, body in messages), foot], "\n\n")
    if len(whole) <= _BODY:
        return heading, whole
    titles, room = [title for _, title, _ in messages], _BODY - len(foot) - _LONGEST
    while len("\n".join(titles)) > room:
        titles.pop()
    left = len(messages) - len(titles)
    more = [words("msg.more", n=left)] if left else []
    return heading, "\n".join([*titles, *more, words("msg.handover"), "", foot])


def _fitting(parts: Sequence[str], between: str) -> str:
    """Return the parts as one, with lines so long that it fits, where that can be."""
    body = between.join(parts)
    for most in _NARROWER:
        if len(body) <= _BODY:
            break
        body = between.join("\n".join(_cut(line, most) for line in part.split("\n")) for part in parts)
    return body


def _cut(line: str, most: int) -> str:
    return line if len(line) <= most else line[: most - 1] + "…"
