"""The permanent fix of what is repaired again and again, as the text of an issue that is ready to file. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from opsagent.casenote import NEXT
from opsagent.model import Cause
from opsagent.telling.account import changes, cost_of, likeliest, moment_of
from opsagent.telling.document import Block, Bullet, Bullets, Document, Facts, Heading, Lines, Para, Rows
from opsagent.telling.phrases import cost, fault_of
from opsagent.telling.postmortem import change_line
from opsagent.telling.words import Words

RECURS = 3
"""So often the same remedy has to have been needed for the same trouble, until it is called recurring."""
_TEXTS = ("last_log", "recent_errors", "last_words", "stack")
_ENVIRONMENT = ("unit_state", "process_state", "memory", "disk", "executable", "limits", "config_changed", "release")
_LISTED = 20


def alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two incidents are the same trouble, repaired in the same way."""
    same = ("unit", "fault", "remedy")
    return all(one[key] == other[key] for key in same) and bool(one["remedy"])


def recurring(accounts: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return groups of repaired incidents that are the same trouble again and again, each newest first."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for one in accounts:
        if one["remedy"] and one["status"] == "resolved":
            groups.setdefault((one["unit"], one["fault"], one["remedy"]), []).append(one)
    found = [sorted(group, key=lambda one: str(one["opened_at"]), reverse=True) for group in groups.values()]
    return sorted((group for group in found if len(group) >= RECURS), key=len, reverse=True)


def issue(account: Mapping[str, Any], same: Sequence[Mapping[str, Any]], words: Words) -> Document:
    """Return the text for the incident `account`; `same` are the other times of it, newest first."""
    every = [account, *(one for one in same if one["id"] != account["id"])]
    return Document(
        title=_title(account, every, words),
        blocks=[
            *_summary(account, every, words),
            *_reproduce(account, every, words),
            *_suspect(account, words),
            *_evidence(account, words),
            *_meanwhile(account, words),
            *_look(account, words),
            *_incidents(every, words),
        ],
        language=words.language,
        zone=words.zone,
    )


def _title(account: Mapping[str, Any], every: Sequence[Mapping[str, Any]], words: Words) -> str:
    fault = fault_of(account, words)
    if len(every) > 1 and account["remedy"]:
        times = words.count("time", len(every))
        return words("is.title", unit=account["name"], fault=fault, times=times, remedy=account["remedy"])
    best = likeliest(account)
    cause = best["cause"] if best is not None else account["summary"]
    return words("is.title_one", unit=account["name"], fault=fault, cause=cause)


def _summary(account: Mapping[str, Any], every: Sequence[Mapping[str, Any]], words: Words) -> Iterator[Block]:
    yield Heading(words("is.summary"))
    yield Para(account["summary"])
    best = likeliest(account)
    if best is not None:
        sure = words("pm.sure", percent=words.percent(float(best["weight"])))
        yield Para(f"{best['cause']} ({best['unit']['name']}, {sure})")
    yield Heading(words("is.cost"))
    first = min((at for one in every if (at := moment_of(one["began_at"]))), default=None)
    since = words.time(first) if first else "-"
    spent = cost(cost_of(every), words)
    yield Para(words("is.cost_line", cost=spent, times=words.count("incident", len(every)), since=since))


def _reproduce(account: Mapping[str, Any], every: Sequence[Mapping[str, Any]], words: Words) -> Iterator[Block]:
    yield Heading(words("is.reproduce"))
    apart = _apart(every)
    if apart is None:
        yield Para(words("is.no_reproduction_one"))
    else:
        times = words.count("time", len(every))
        yield Para(words("is.no_reproduction", times=times, every=words.duration(apart)))
    age = _age(account)
    if age is not None:
        yield Para(words("is.after_start", age=words.duration(age)))
    lines = [one for one in account["evidence"] if one["probe"] in _TEXTS and one["text"]]
    texts = [str(one["text"]) for one in lines] or [str(one["text"]) for one in account["symptoms"] if one.get("text")][
        -5:
    ]
    if texts:
        yield Para(words("is.last_lines"), soft=True)
        yield Lines("\n".join(dict.fromkeys(texts)))
    signatures = dict.fromkeys(
        str(one["data"]["signature"]) for one in account["symptoms"] if one["data"].get("signature")
    )
    if signatures:
        yield Heading(words("is.signature"))
        yield Lines("\n".join(list(signatures)[:8]))
    facts = list(_facts(account))
    if facts:
        yield Heading(words("is.environment"))
        yield Facts(facts)


def _apart(every: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the median time between two of them, in seconds."""
    began = sorted(at for one in every if (at := moment_of(one["began_at"])))
    gaps = sorted((after - before).total_seconds() for before, after in itertools.pairwise(began))
    return gaps[len(gaps) // 2] if gaps else None


def _age(account: Mapping[str, Any]) -> float | None:
    """Return how old the process was that the first sign of trouble is of, in seconds."""
    for one in account["symptoms"]:
        process, at = one.get("process"), moment_of(one["at"])
        if process and process.get("started") and at is not None:
            return max(0.0, at.timestamp() - float(process["started"]))
    return None


def _facts(account: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for one in account["evidence"]:
        if one["probe"] in _ENVIRONMENT and "failed" not in one["facts"] and one["unit"]["name"] == account["name"]:
            said = one["facts"].get("said")
            yield one["probe"], str(said or ", ".join(f"{key}={value}" for key, value in one["facts"].items()))


def _suspect(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    yield Heading(words("is.suspect"))
    found = changes(account)
    if not found:
        yield Para(words("pm.nothing_changed"))
        return
    yield Bullets([Bullet(change_line(one, account, words)) for one in found])
    yield from (Lines(one["diff"], "diff") for one in found if one["diff"])


def _evidence(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    best = likeliest(account)
    if best is None:
        return
    yield Heading(words("is.evidence"))
    yield Bullets(
        [
            *(Bullet(words("pm.for", text=text)) for text in best["speaks_for"]),
            *(Bullet(words("pm.against", text=text)) for text in best["speaks_against"]),
        ]
        or [Bullet(words("is.none"))]
    )


def _meanwhile(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    yield Heading(words("is.meanwhile"))
    plan = next((one for one in account["plans"] if one["remedy"] == account["remedy"] and one["steps"]), None)
    if plan is None:
        yield Para(words("is.meanwhile_none"))
        return
    steps = ", ".join(step["action"] for step in plan["steps"])
    yield Para(words("is.meanwhile_line", remedy=plan["remedy"], steps=steps))


def _look(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    yield Heading(words("is.look"))
    best = likeliest(account)
    kind = str(account.get("cause") or (best or {}).get("kind") or Cause.UNKNOWN.value)
    cause = Cause(kind) if kind in set(Cause) else Cause.UNKNOWN
    name = best["unit"]["name"] if best is not None else account["name"]
    yield Para(NEXT[cause].format(unit=name, name=name))


def _incidents(every: Sequence[Mapping[str, Any]], words: Words) -> Iterator[Block]:
    yield Heading(words("is.incidents"))
    heads = (words("pm.incident"), words("pm.began"), words("pm.mttr"), words("pm.impact"))
    rows = [
        (one["id"], _began(one, words), words.duration(one["mttr_s"]), cost(cost_of([one]), words))
        for one in every[:_LISTED]
    ]
    yield Rows(heads, rows)


def _began(one: Mapping[str, Any], words: Words) -> str:
    at: datetime | None = moment_of(one["began_at"])
    return words.time(at) if at is not None else "-"
