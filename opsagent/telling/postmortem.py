"""A postmortem from the account of an incident: what, impact, detection, cause, fix, proof, and what comes of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from opsagent.telling.account import changes, cost_of, likeliest, moment_of
from opsagent.telling.document import Block, Bullet, Bullets, Chart, Document, Facts, Heading, Lines, Mark, Para, Rows
from opsagent.telling.phrases import fault_of, named, status
from opsagent.telling.words import Words

_PROBABLE = 0.5
_HYPOTHESES = 4
_EVENTS = 120
_UNTOLD = frozenset({"recalled", "probed", "verifying", "note"})
"""Kinds of events that say how the agent thinks, and not what happened."""
_EVIDENCE = 16
_RECURS = 3


def postmortem(
    account: Mapping[str, Any], words: Words, *, at: datetime, same: Sequence[Mapping[str, Any]] = ()
) -> Document:
    """Return the whole text. `same`: other incidents that were repaired with the same remedy, newest first."""
    title = words("pm.title", fault=fault_of(account, words), unit=account["name"])
    blocks = [
        *_what(account, words),
        *_impact(account, words),
        *_detection(account, words),
        *_cause(account, words),
        *_changed(account, words),
        *_fix(account, words),
        *_proof(account, words),
        *_over_time(account, words),
        *_next_time(account, words),
        *_actions(account, words, same),
        *_timeline(account, words),
        Para(words("pm.written", at=words.time(at), zone=words.zone), soft=True),
    ]
    return Document(title=title, blocks=blocks, language=words.language, zone=words.zone)


def _what(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    began, opened, ended = (moment_of(account[key]) for key in ("began_at", "opened_at", "resolved_at"))
    yield Heading(words("pm.what"))
    yield Para(account["summary"])
    pairs = [
        (words("pm.incident"), account["id"]),
        (words("pm.unit"), f"{account['name']} ({account['unit']})"),
        (words("pm.state"), status(account, words)),
        (words("pm.began"), words.time(began) if began else "-"),
        (words("pm.opened"), words.time(opened) if opened else "-"),
        (words("pm.ended"), words.time(ended) if ended else words("pm.still_open")),
    ]
    if account["affected"]:
        pairs.append((words("pm.affected"), named(account["affected"])))
    yield Facts(pairs)


def _impact(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    yield Heading(words("pm.impact"))
    total, impact = cost_of([account]), account.get("impact") or {}
    pairs = [(words("pm.down"), words.duration(total["down_s"]))] if total["down_s"] else []
    for key, label in (
        ("failed_probes", "pm.failed"),
        ("failed_requests", "pm.requests"),
        ("errors", "pm.errors"),
        ("restarts", "pm.restarts"),
    ):
        value = impact.get(key)
        if isinstance(value, (int, float)):
            of = f" / {impact['probes']:,}" if key == "failed_probes" and impact.get("probes") else ""
            pairs.append((words(label), f"{round(value):,}{of}"))
    yield Facts(pairs) if pairs else Para(words("pm.not_measured"))


def _detection(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    yield Heading(words("pm.detection"))
    pairs = [(words("pm.mttd"), words.duration(account["mttd_s"] if account["mttd_s"] is not None else _mttd(account)))]
    first = next(iter(account["symptoms"]), None)
    if first is not None:
        said = ", ".join(f"{key}={value}" for key, value in first["data"].items() if key not in {"key", "signature"})
        kind = str(first["kind"]).replace("_", " ")
        pairs.append((words("pm.signal"), f"{kind} ({said})" if said else kind))
        pairs.append((words("pm.by"), words(f"evidence.{first['evidence']}")))
    if account.get("why_root"):
        pairs.append((words("pm.cause"), account["why_root"]))
    yield Facts(pairs)


def _mttd(account: Mapping[str, Any]) -> float | None:
    began, opened = moment_of(account["began_at"]), moment_of(account["opened_at"])
    return (opened - began).total_seconds() if began and opened else None


def _cause(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    yield Heading(words("pm.cause"))
    found = sorted(account["hypotheses"], key=lambda one: -float(one["weight"]))[:_HYPOTHESES]
    if not found:
        yield Para(words("pm.no_cause"))
    else:
        yield Bullets([_hypothesis(one, words) for one in found])
    evidence = [one for one in account["evidence"] if one["facts"] or one["text"]][-_EVIDENCE:]
    if evidence:
        yield Para(words("pm.evidence"), soft=True)
        yield Bullets([_evidence(one, words) for one in evidence])


def _hypothesis(one: Mapping[str, Any], words: Words) -> Bullet:
    sure = words("pm.sure", percent=words.percent(float(one["weight"])))
    kind = str(one.get("kind") or "").replace("_", " ")
    about = ", ".join(part for part in (one["unit"]["name"], kind if kind != "unknown" else "", sure) if part)
    return Bullet(
        f"{one['cause']} ({about})",
        [
            *(words("pm.for", text=text) for text in one["speaks_for"]),
            *(words("pm.against", text=text) for text in one["speaks_against"]),
        ],
    )


def _evidence(one: Mapping[str, Any], words: Words) -> Bullet:
    facts = {key: value for key, value in one["facts"].items() if key != "said"}
    said = one["facts"].get("said") or ", ".join(f"{key}={value}" for key, value in list(facts.items())[:8])
    by = words(f"evidence.{one['kind']}")
    about = f"{one['probe']} ({by}, {one['unit']['name']})"
    return Bullet(f"{about}: {said}", quote=str(one["text"] or ""))


def _changed(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    yield Heading(words("pm.changed"))
    found = changes(account)
    if not found:
        yield Para(words("pm.nothing_changed"))
        return
    yield Bullets([Bullet(change_line(one, account, words)) for one in found])
    yield from (Lines(one["diff"], "diff") for one in found if one["diff"])


def change_line(one: Mapping[str, Any], account: Mapping[str, Any], words: Words) -> str:
    """Return one change with how long before the trouble it was."""
    began, at = moment_of(account["began_at"]), one["at"]
    if began is None or at is None:
        return words("pm.change", what=one["what"])
    before = (began - at).total_seconds()
    key = "pm.change_at" if before >= 0 else "pm.change_after"
    return words(key, what=one["what"], time=words.duration(abs(before)))


def _fix(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    yield Heading(words("pm.fix"))
    if not account["plans"]:
        yield Para(words("pm.no_fix"))
        return
    approved = {one["action"]: one["decided_by"] for one in account.get("approvals", ()) if one["decided_by"]}
    items = []
    for number, plan in enumerate(account["plans"], start=1):
        line = words(
            "pm.plan",
            n=number,
            remedy=plan["remedy"],
            source=words(f"source.{plan['source']}"),
            status=words(f"plan.{plan['status']}"),
        )
        below = [plan["why"]] if plan["why"] else []
        for step in plan["steps"]:
            done = words("pm.step", action=step["action"], unit=step["unit"], status=step["status"])
            by = approved.get(step["action"])
            more = [f"({step['detail']})"] if step["detail"] else []
            below.append(" ".join([done, *more, *([words("pm.approved_by", by=by)] if by else [])]))
        items.append(Bullet(line, [*below, *([plan["detail"]] if plan["detail"] else [])]))
    yield Bullets(items)


def _proof(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    yield Heading(words("pm.verification"))
    proved = next((one for one in reversed(account["timeline"]) if one["kind"] == "verified"), None)
    doubted = next((one for one in reversed(account["timeline"]) if one["kind"] in {"unproven", "not_better"}), None)
    if proved is not None:
        yield Para(words("pm.verified", why=proved["text"] or "-"))
    elif doubted is not None:
        yield Para(words("pm.unproven", why=doubted["text"] or "-"))
    else:
        yield Para(words("pm.not_verified"))
    pairs = [(words("pm.mttr"), words.duration(account["mttr_s"]))] if account["mttr_s"] is not None else []
    if account["outcome"]:
        pairs.append((words("pm.outcome"), account["outcome"]))
    if pairs:
        yield Facts(pairs)


def _over_time(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    found = [chart for chart in charts_of(account, words) if chart.points]
    if found:
        yield Heading(words("pm.over_time"))
        yield from (replace(chart, keyed=number == 0) for number, chart in enumerate(found))


_SERIES = (
    ("health", "band", "{:g}"),
    ("latency", "line", "{:,.0f}"),
    ("errors", "bars", "{:,.0f}"),
    ("rss", "line", "{bytes}"),
    ("restarts", "bars", "{:,.0f}"),
)


def charts_of(account: Mapping[str, Any], words: Words) -> Iterator[Chart]:
    """Yield what was measured over the incident, each with the moments at which something happened."""
    impact = account.get("impact") or {}
    series = impact.get("series") or {}
    begins, ends = moment_of(impact.get("from")), moment_of(impact.get("to"))
    if begins is None or ends is None or ends <= begins:
        return
    first = min((float(points[0][0]) for points in series.values() if points), default=0.0)
    shown_from = begins + timedelta(seconds=max(0.0, first - 1.0))
    marks = list(_marks(account, words))
    for name, kind, scale in _SERIES:
        points = [(begins + timedelta(seconds=float(at)), float(value)) for at, value in series.get(name) or ()]
        title = words(f"chart.{name}")
        yield Chart(title=title, points=points, kind=kind, marks=marks, scale=scale, begins=shown_from, ends=ends)


def _marks(account: Mapping[str, Any], words: Words) -> Iterator[Mark]:
    opened, ended = moment_of(account["opened_at"]), moment_of(account["resolved_at"])
    if opened:
        yield Mark(at=opened, text=words("mark.detected"), hue="bad")
    acted = next((step for plan in account["plans"] for step in plan["steps"]), None)
    if acted is not None and (at := moment_of(acted["intended_at"])):
        yield Mark(at=at, text=words("mark.acted"), hue="acted")
    proved = next((one for one in reversed(account["timeline"]) if one["kind"] == "verified"), None)
    if proved is not None and (at := moment_of(proved["at"])):
        yield Mark(at=at, text=words("mark.verified"), hue="good")
    elif ended:
        yield Mark(at=ended, text=words("mark.ended"), hue="good")


def _next_time(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    yield Heading(words("pm.next"))
    tried = {plan["remedy"]: plan["status"] for plan in account["plans"] if plan["status"] in {"done", "failed"}}
    known = {one["remedy"]: one for one in account["recollections"]}
    items = [_odds(remedy, status_, known.get(remedy), words) for remedy, status_ in tried.items()]
    items += [_odds(remedy, "", one, words) for remedy, one in known.items() if remedy not in tried]
    if not tried:
        by_itself = "by itself" in str(account["outcome"] or "") or "without the agent" in str(account["outcome"] or "")
        items.insert(0, Bullet(words("pm.by_itself" if by_itself else "pm.nothing_learnt")))
    yield Bullets(items)


def _odds(remedy: str, ended: str, known: Mapping[str, Any] | None, words: Words) -> Bullet:
    if known is None:
        line, good, tries = words("pm.odds_new", remedy=remedy), 0, 0
    else:
        good, tries = int(known.get("successes", 0)), int(known.get("tries", 0))
        line = words("pm.odds", remedy=remedy, good=good, tries=tries, percent=words.percent(float(known["score"])))
    if not ended:
        return Bullet(line)
    won = ended == "done"
    after = words("pm.odds_after", remedy=remedy, good=good + won, tries=tries + 1)
    return Bullet(line, [after, words("pm.first" if won else "pm.not_again", remedy=remedy)])


def _actions(account: Mapping[str, Any], words: Words, same: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    yield Heading(words("pm.actions"))
    found = list(_todo(account, words, same))
    yield Bullets([Bullet(text) for text in found or [words("pm.action_none")]])


def _todo(account: Mapping[str, Any], words: Words, same: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if account["status"] == "escalated":
        yield words("pm.action_open")
    if account.get("returned_of"):
        yield words("pm.action_returned", id=account["returned_of"])
    times = len({one["id"] for one in same} | {account["id"]})
    if account["remedy"] and times >= _RECURS:
        yield words(
            "pm.action_permanent",
            times=words.count("time", times),
            remedy=account["remedy"],
            id=account["id"],
        )
    elif account["remedy"] and str(account["remedy"]).rpartition("/")[2] in {"restart", "start"}:
        yield words("pm.action_undo_todo")
    best = likeliest(account)
    if best is None or float(best["weight"]) < _PROBABLE:
        yield words("pm.action_cause")
    for one in changes(account)[:2]:
        yield words("pm.action_change", what=one["what"])
    if not (account.get("impact") or {}).get("probes") and account["impact"] is not None:
        yield words("pm.action_probe", unit=account["name"])


def _timeline(account: Mapping[str, Any], words: Words) -> Iterator[Block]:
    yield Heading(words("pm.timeline"))
    heads = (words("pm.local", zone=words.zone), words("pm.utc"), words("pm.kind"), words("pm.text"))
    told = [one for one in account["timeline"] if one["kind"] not in _UNTOLD][:_EVENTS]
    yield Rows(heads, [_event(one, words) for one in told])


def _event(one: Mapping[str, Any], words: Words) -> Sequence[str]:
    from datetime import UTC

    from opsagent.telling.times import zone_of

    at = moment_of(one["at"])
    local = f"{at.astimezone(zone_of(words.zone)):%Y-%m-%d %H:%M:%S}" if at else "-"
    utc = f"{at.astimezone(UTC):%H:%M:%S}Z" if at else "-"
    by = f" ({one['by']})" if one["by"] else ""
    return (local, utc, str(one["kind"]).replace("_", " "), f"{one['text']}{by}")
