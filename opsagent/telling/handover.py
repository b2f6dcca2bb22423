"""A handover: what the next person has to know of the last hours. Pure; takes what `gather` read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from opsagent.telling.account import cost_of, likeliest, moment_of
from opsagent.telling.document import Block, Bullet, Bullets, Document, Heading, Para
from opsagent.telling.issue import recurring
from opsagent.telling.phrases import cost, fault_of, status
from opsagent.telling.words import Words

_FRESH = timedelta(hours=1)
_SOON = timedelta(hours=12)


def handover(found: Mapping[str, Any], words: Words) -> Document:
    """Return the text of what `opsagent handover --json` has."""
    begins, ends = (_at(found[key]) for key in ("since", "at"))
    span = words.duration((ends - begins).total_seconds())
    blocks: list[Block] = [
        Para(words("ho.span", begins=words.time(begins), ends=words.time(ends)), soft=True),
        *_state(found, words),
        *_section("open", [_open(one, words) for one in found["open"]], words),
        *_section("snoozed", [_open(one, words) for one in found["snoozed"]], words, quiet=True),
        *_section("held", [_held(one, words) for one in found["held"]], words),
        *_section("pending", [_pending(one, words) for one in found["pending"]], words),
        *_section("scheduled", [_scheduled(one, words) for one in found.get("scheduled", ())], words, quiet=True),
        *_section("repaired", list(_repaired(found["repaired"], words)), words),
        *_without_model(found.get("solved", {}), words),
        *_section("ended", list(_ended(found["ended"], words)), words, quiet=True),
        *_section("changed", list(_changed(found, words)), words),
        *_section("policy", list(_policy(found, words)), words, quiet=True),
        *_section("recurring", list(_recurring(found["recurring"], words)), words, quiet=True),
        *_section("watch", list(_watch(found, words)), words),
    ]
    return Document(title=words("ho.title", span=span), blocks=blocks, language=words.language, zone=words.zone)


def _section(name: str, items: Sequence[Bullet], words: Words, *, quiet: bool = False) -> Iterator[Block]:
    if not items and quiet:
        return
    yield Heading(words(f"ho.{name}"))
    yield Bullets(items) if items else Para(words(f"ho.none_{name}"))


def _state(found: Mapping[str, Any], words: Words) -> Iterator[Block]:
    if found.get("paused"):
        yield Para(words("ho.paused", by=found["paused"]["by"], why=found["paused"]["why"] or "-"))
    if found.get("daemon") is False:
        yield Para(words("ho.no_daemon"))
    if not any(found[key] for key in ("open", "snoozed", "held", "pending")):
        yield Para(words("ho.quiet"))


def _open(one: Mapping[str, Any], words: Words) -> Bullet:
    line = words(
        "ho.open_line",
        unit=one["name"],
        fault=fault_of(one, words),
        status=status(one, words),
        since=words.time(_at(one["began_at"])),
        id=one["id"],
    )
    below = [one["summary"]]
    best = likeliest(one)
    if best is not None:
        below.append(words("msg.cause", text=best["cause"], percent=words.percent(float(best["weight"]))))
    for key, name in (("msg.why", "why"), ("msg.never", "never"), ("msg.next", "next")):
        if one.get(name):
            below.append(words(key, text=one[name]))
    return Bullet(line, below)


def _held(one: Mapping[str, Any], words: Words) -> Bullet:
    until = moment_of(one["until"])
    if until is None:
        return Bullet(words("ho.held_open", unit=one["name"], by=one["by"], why=one["why"] or "-"))
    return Bullet(words("ho.held_line", unit=one["name"], by=one["by"], until=words.time(until), why=one["why"] or "-"))


def _pending(one: Mapping[str, Any], words: Words) -> Bullet:
    return Bullet(
        words(
            "ho.pending_line",
            action=one["action"],
            unit=one["name"],
            since=words.short(_at(one["asked_at"])),
            until=words.short(_at(one["expires_at"])),
            id=one["id"],
        ),
        [one["why"]] if one["why"] else [],
    )


def _scheduled(one: Mapping[str, Any], words: Words) -> Bullet:
    next_at, ran = moment_of(one["next_at"]), moment_of(one["last_at"])
    below = []
    if ran is not None and one["last_result"]:
        below.append(f"{words.short(ran)}: {one['last_result']}")
    if next_at is None:
        return Bullet(words("ho.scheduled_over", text=one["text"], by=one["by"], id=one["id"]), below)
    when = words.time(next_at)
    return Bullet(words("ho.scheduled_line", text=one["text"], by=one["by"], when=when, id=one["id"]), below)


def _groups(accounts: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    groups: dict[tuple[object, ...], list[Mapping[str, Any]]] = {}
    for one in accounts:
        groups.setdefault((one["unit"], one["fault"], one["remedy"]), []).append(one)
    return sorted(groups.values(), key=len, reverse=True)


def _repaired(accounts: Sequence[Mapping[str, Any]], words: Words) -> Iterator[Bullet]:
    for group in _groups(accounts):
        first = group[0]
        yield Bullet(
            words(
                "ho.repaired_line",
                unit=first["name"],
                fault=fault_of(first, words),
                times=words.count("time", len(group)),
                remedy=first["remedy"] or "-",
                cost=cost(cost_of(group), words),
            ),
            [", ".join(one["id"] for one in group[:8])],
        )


def _without_model(solved: Mapping[str, int], words: Words) -> Iterator[Block]:
    """Say which share needed no chat model, where one was needed at all."""
    if not solved.get("model"):
        return
    without = solved.get("memory", 0) + solved.get("runbook", 0)
    share = words.percent(without / (without + solved["model"]))
    yield Para(
        words(
            "ho.without_model",
            percent=share,
            memory=solved.get("memory", 0),
            runbook=solved.get("runbook", 0),
            model=solved["model"],
        )
    )


def _ended(accounts: Sequence[Mapping[str, Any]], words: Words) -> Iterator[Bullet]:
    for group in _groups(accounts):
        first, times = group[0], words.count("time", len(group))
        line = words("ho.ended_line", unit=first["name"], fault=fault_of(first, words), times=times)
        outcomes = dict.fromkeys(str(one["outcome"]) for one in group if one["outcome"])
        yield Bullet(line, ["; ".join(outcomes)] if outcomes else [])


def _changed(found: Mapping[str, Any], words: Words) -> Iterator[Bullet]:
    for one in found["deploys"]:
        at = words.short(_at(one["began_at"]))
        key = "ho.deploy_result" if one["result"] else "ho.deploy"
        line = words(key, unit=one["name"], by=one["by"], why=one["why"] or "-", result=one["result"] or "")
        yield Bullet(f"{at}: {line}")
    for one in found["changes"]:
        line = words("ho.change_line", unit=one["name"], action=one["text"], cost=one["cost"])
        yield Bullet(f"{words.short(_at(one['at']))}: {line}")
    for one in found["orders"]:
        line = words("ho.person_line", by=one["by"], text=one["text"]) if one["by"] else f"{one['name']}: {one['text']}"
        yield Bullet(f"{words.short(_at(one['at']))}: {line}")


def _policy(found: Mapping[str, Any], words: Words) -> Iterator[Bullet]:
    for one in found["grants"]:
        if one["revoked_at"]:
            at, key = one["revoked_at"], "ho.revoked"
        else:
            at, key = one["granted_at"], "ho.grant"
        line = words(
            key, unit=one["name"], action=one["action"], mode=one["mode"], by=one["by"], why=one["revoked_why"] or "-"
        )
        yield Bullet(f"{words.short(_at(at))}: {line}")
    judged = found["would_be"]
    total = sum(judged.values())
    if total:
        right, wrong = judged.get("right", 0), judged.get("wrong", 0)
        rest = total - right - wrong
        yield Bullet(words("ho.would_be", n=total, right=right, wrong=wrong, rest=rest))


def _recurring(accounts: Sequence[Mapping[str, Any]], words: Words) -> Iterator[Bullet]:
    for group in recurring(accounts):
        first = group[0]
        yield Bullet(
            words(
                "ho.recurring_line",
                unit=first["name"],
                fault=fault_of(first, words),
                times=words.count("time", len(group)),
                remedy=first["remedy"],
                cost=cost(cost_of(group), words),
                id=first["id"],
            )
        )


def _watch(found: Mapping[str, Any], words: Words) -> Iterator[Bullet]:
    now = _at(found["at"])
    for one in found["deploys"]:
        if not one["ended_at"]:
            since = words.short(_at(one["began_at"]))
            yield Bullet(words("ho.deploy_watch", unit=one["name"], since=since, by=one["by"]))
    for one in found["held"]:
        until = moment_of(one["until"])
        if until is not None and until - now <= _SOON:
            yield Bullet(words("ho.hold_ends", unit=one["name"], until=words.time(until)))
    for one in found["snoozed"]:
        until = moment_of(one["snoozed"]["until"])
        if until is not None and until - now <= _SOON:
            yield Bullet(words("ho.snooze_ends", unit=one["name"], until=words.time(until)))
    for one in found["pending"]:
        expires = words.time(_at(one["expires_at"]))
        yield Bullet(words("ho.approval_ends", action=one["action"], unit=one["name"], until=expires))
    for one in found["repaired"]:
        at = moment_of(one["resolved_at"])
        if at is not None and now - at <= _FRESH:
            yield Bullet(words("ho.repaired_watch", unit=one["name"], since=words.short(at)))


def _at(text: object) -> datetime:
    return datetime.fromisoformat(str(text))
