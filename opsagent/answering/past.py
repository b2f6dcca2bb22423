"""`recall_incidents`: what happened to a unit and why, what was done, how it ended; or what happened altogether."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from opsagent.answering.answer import Answer
from opsagent.answering.log_lines import lines_of
from opsagent.answering.process import in_a_sentence, state_of
from opsagent.answering.words import Say
from opsagent.store.rows import UNFINISHED
from opsagent.telling.account import brief, changes, cost_of, likeliest
from opsagent.telling.gather import account_of
from opsagent.telling.phrases import cost, fault_of, status
from opsagent.telling.postmortem import change_line
from opsagent_tools.text import UntrustedText

if TYPE_CHECKING:
    from opsagent.answering.ground import Ground
    from opsagent.commands.reading import CommandStep
    from opsagent.store.journal import Journal
    from opsagent.store.rows import IncidentRow
    from opsagent_tools.units import UnitId

SHOWN = 5
_LOOKED_THROUGH = 1000
_REASONS, _CHANGES, _ATTEMPTS, _BESIDE, _LAST_LINES = 3, 3, 4, 5, 3
_REMEMBERED, _LONGEST = 3, 300
_BACK = timedelta(days=7)
"""How far back orders and notices are told of, where there is no incident."""


def recall_incidents(step: CommandStep, ground: Ground) -> Answer:
    """Answer what happened to one unit, or altogether."""
    if step.target is None or step.target == "all":
        from opsagent.answering.lookback import look_back

        return look_back(step, ground)
    (unit,) = ground.units(step.target)
    since = ground.since(step.args)
    with ground.journal() as journal:
        rows = [
            row
            for row in journal.incidents(None, _LOOKED_THROUGH)
            if row.unit == unit.id or unit.id in row.incident.affected
        ]
        chosen = _choose(rows, unit.id, since)
        told = [brief(row, journal.standing_watches()) for row in rows[:SHOWN]]
        now = in_a_sentence(ground.row(unit), ground)
        stopped = since is None and state_of(ground.row(unit)) == "stopped"  # by a person, who is why it is down now
        if chosen is None:
            lines = [] if stopped else [ground.say("past.now", text=now)]
            lines += _beside(unit.id, since or ground.now - _BACK, journal, ground)
            answer = _nothing(unit.id, since, told, journal.began(), lines, ground=ground)
            return replace(answer, headline=now) if stopped else answer
        account = account_of(journal, chosen.id)
        stopped = stopped and chosen.status not in UNFINISHED
        orders = list(_beside(unit.id, chosen.resolved_at or ground.now, journal, ground)) if stopped else []
        alike = [row for row in journal.repaired_alike(chosen) if row.id != chosen.id]
    lines = [*_because(account, ground), *_story(account, ground), *_before(account, alike, ground)]
    lines += _remembered(step, unit.name, ground)
    headline = headline_of(account, ground)
    if stopped:
        headline = ground.say("and").join([now, f"{ground.say('past.instead')}: {headline}"])
        lines[:0] = orders
    else:
        lines.append(ground.say("past.now", text=now))
    if len(rows) > 1:
        lines.append(ground.say.count("past.more", len(rows) - 1, name=unit.name))
    lines.append(f"opsagent incidents show {chosen.id}")
    return Answer(data={"incidents": told}, headline=headline, lines=tuple(lines))


def _choose(rows: Sequence[IncidentRow], unit: UnitId, since: datetime | None) -> IncidentRow | None:
    """Return the incident that the question is about: one that is not over, else the latest; its own go first."""
    within = [
        row
        for row in rows
        if since is None
        or row.status in UNFINISHED
        or row.incident.opened_at >= since
        or (row.resolved_at is not None and row.resolved_at >= since)
    ]
    own = [row for row in within if row.unit == unit] or within
    return next((row for row in own if row.status in UNFINISHED), next(iter(own), None))


def headline_of(account: Mapping[str, Any], ground: Ground) -> str:
    """Return what an incident was, why, and how it ended, in a sentence."""
    say = ground.say
    fault, name, at = fault_of(account, say.words), account["name"], ground.short(account["began_at"])
    if account["status"] in UNFINISHED:
        first = say("past.why_open", name=name, fault=fault, at=at, status=status(account, say.words))
        return say("and").join([first, _cause(account, say)])
    first = say("past.why", name=name, fault=fault, at=at)
    return say("and").join([first, _cause(account, say), how_it_ended(account, say)])


def _cause(account: Mapping[str, Any], say: Say) -> str:
    best = likeliest(account)
    if best is None or best.get("kind") == "unknown":
        return say("past.no_cause")
    sure = say.words.percent(float(best["weight"]))
    if best["unit"]["name"] == account["name"]:
        return say("past.cause", cause=say.cause(best), percent=sure)
    return say("past.cause_in", unit=best["unit"]["name"], cause=say.cause(best), percent=sure)


def how_it_ended(account: Mapping[str, Any], say: Say) -> str:
    """Return how an incident that is over ended."""
    took = say.words.duration(account["mttr_s"]) if account["mttr_s"] is not None else ""
    if account["status"] == "resolved" and account["remedy"]:
        return say("past.repaired" if took else "past.repaired_some", took=took, remedy=account["remedy"])
    outcome = account["outcome"] or say("past.by_itself")
    return say("past.ended" if took else "past.ended_some", took=took, outcome=outcome)


def _because(account: Mapping[str, Any], ground: Ground) -> Iterator[str]:
    """Yield what speaks for the likeliest cause and against it, and what had changed."""
    say, best = ground.say, likeliest(account)
    yield account["summary"]
    if best is not None:
        yield from (say("past.for", text=text) for text in best["speaks_for"][:_REASONS])
        yield from (say("past.against", text=text) for text in best["speaks_against"][:1])
    for change in changes(account)[:_CHANGES]:
        yield say("past.changed", what=change_line(change, account, say.words))


def _story(account: Mapping[str, Any], ground: Ground) -> Iterator[str]:
    """Yield what was done, what it cost and how it is known to be over."""
    say, words = ground.say, ground.say.words
    for plan in account["plans"][-_ATTEMPTS:]:
        state, source = words(f"plan.{plan['status']}"), words(f"source.{plan['source']}")
        line = say("past.tried", remedy=plan["remedy"], source=source, status=state)
        by = [one["decided_by"] for one in account["approvals"] if one["decided_by"] and one["status"] == "used"]
        yield say("join").join([line, *(say("past.by", by=name) for name in by[:1])])
    proved = next((one for one in reversed(account["timeline"]) if one["kind"] == "verified"), None)
    if proved is not None and proved["text"]:
        yield say("past.proof", why=proved["text"])
    called = next((one for one in reversed(account["timeline"]) if one["kind"] == "escalated"), None)
    if called is not None and account["status"] in UNFINISHED:
        yield say("past.said", why=str(called["data"].get("reason") or called["text"]))
    spent = cost(cost_of([account]), words)
    if spent != "-":
        yield say("past.cost", cost=spent)


def _before(account: Mapping[str, Any], alike: Sequence[IncidentRow], ground: Ground) -> Iterator[str]:
    """Yield whether it was seen before and what helped: from the journal, which is cheap, and what was recalled then."""
    say = ground.say
    if alike:
        times = say.words.count("time", len(alike))
        at = ground.short(alike[0].incident.began_at)
        yield say("past.before", times=times, at=at, remedy=account["remedy"])
    elif account["remedy"]:
        yield say("past.new")
    yield from (say("past.remembered", text=one["why"]) for one in account["recollections"][:_BESIDE] if one["why"])


def _remembered(step: CommandStep, unit: str, ground: Ground) -> Iterator[str]:
    """Yield what the daemon's memory knows of what was asked for in words; without a daemon it costs too much."""
    query = str(step.args.get("query") or "").strip()
    if not query or ground.daemon is None:
        return
    from opsagent.api.ask import remembered

    for one in remembered(ground.home, query, unit, _REMEMBERED):
        text = " ".join(str(one["text"]).split())
        yield ground.say("past.remembered", text=text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def _nothing(
    unit: UnitId,
    since: datetime | None,
    told: list[dict[str, Any]],
    began: datetime | None,
    lines: list[str],
    *,
    ground: Ground,
) -> Answer:
    """Say honestly that nothing is known; `lines`: what is recorded beside."""
    say, name = ground.say, unit.name
    if since is not None:
        headline = say("past.none_since", name=name, since=ground.short(since))
        if began is None:
            lines.append(say("past.nothing"))
        elif began > since:
            lines.append(say("past.short", began=ground.short(began)))
    elif began is not None:
        headline = say("past.none", name=name, began=ground.short(began))
    else:
        headline = say("past.empty", name=name)
    if told:
        last = told[0]
        what = (
            f"{fault_of(last, say.words)}, {ground.short(last['began_at'])}, {how_it_ended(last, say)} [{last['id']}]"
        )
        lines.append(f"{say('past.instead')}: {what}")
    if ground.daemon is None:
        lines.append(say("note.no_daemon"))
    rows = [row for row in ground.report["units"] if row["id"] == str(unit)]
    quoted = () if rows and state_of(rows[0]) == "up" else _last_lines(unit, ground)
    return Answer(data={"incidents": told, "now": rows}, headline=headline, lines=tuple(lines), quoted=quoted)


def _last_lines(unit: UnitId, ground: Ground) -> tuple[UntrustedText, ...]:
    """Return how the log of a unit that is not well ends: that may be all that there is to see."""
    (found,) = ground.units(str(unit))
    return tuple(UntrustedText(line.text) for line in lines_of(found, _LAST_LINES, ground.running))


def _beside(unit: UnitId, since: datetime, journal: Journal, ground: Ground) -> Iterator[str]:
    say = ground.say
    orders = [row for row in journal.plans_of_people(since) if row.plan.unit == unit]
    notices = [one for one in journal.notices(100, unit) if one.at >= since]
    for row in orders[-_BESIDE:]:
        ended = "" if row.status in {"done", "proposed"} else f" ({say.words(f'plan.{row.status}')})"
        yield say("past.order", at=ground.short(row.created_at), text=f"{row.plan.why or row.plan.remedy}{ended}")
    for notice in notices[:_BESIDE]:
        yield say("past.notice", at=ground.short(notice.at), text=notice.text)
    if not orders and not notices:
        yield say("past.quiet")
