"""Incidents as a table, and one incident as a page. Pure; takes the forms of `incidents --json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from opsagent.telling.account import changes, cost_of
from opsagent.telling.as_lines import hung, one_line_kept
from opsagent.telling.phrases import cost
from opsagent.telling.times import clock, told
from opsagent.telling.words import Words
from opsagent.views.numbers import duration, moment
from opsagent.views.table import Cell, Column, fit
from opsagent.views.terminal import Screen, Style, one_line
from opsagent.views.timeline import style_of
from opsagent.views.wrapping import wrapped

LIST_COLUMNS = (
    Column("ID"),
    Column("OPENED", drop=4),
    Column("UNIT"),
    Column("FAULT", drop=1),
    Column("STATUS"),
    Column("MTTD", drop=6, right=True),
    Column("MTTR", drop=3, right=True),
    Column("REMEDY", drop=2),
    Column("FROM", drop=7),
    Column("SUMMARY", drop=5),
)
_STATUS: dict[str, Style] = {
    "open": "bad",
    "repairing": "warn",
    "escalated": "bad",
    "resolved": "good",
    "closed": "dim",
}


def state(incident: Mapping[str, Any]) -> str:
    """Return the state in a word or two: a person who looks after it, or does not want to hear of it, goes first."""
    if incident["status"] not in {"open", "repairing", "escalated"}:
        return str(incident["status"])
    marks = [mark for mark in ("acked", "snoozed") if incident.get(mark)]
    return f"{incident['status']} ({', '.join(marks)})" if marks else str(incident["status"])


def list_row(incident: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Return one incident as a row under LIST_COLUMNS."""
    return (
        Cell(incident["id"], "strong"),
        Cell(moment(datetime.fromisoformat(incident["opened_at"]))),
        Cell(incident["name"]),
        Cell(incident["fault"]),
        Cell(state(incident), _STATUS.get(incident["status"], "")),
        Cell(duration(incident["mttd_s"])),
        Cell(duration(incident["mttr_s"])),
        Cell(incident["remedy"] or ""),
        Cell(incident["remedy_source"] or ""),
        Cell(incident["summary"]),
    )


def page(incident: Mapping[str, Any], screen: Screen, words: Words | None = None) -> list[str]:
    """Return one incident as lines of the screen's width; times in the zone of `words`."""
    words = words or Words()
    status = screen.paint(state(incident), _STATUS.get(incident["status"], ""))
    about = f"incident {incident['id']}: {incident['fault']} of {incident['name']}, "
    *above, last = wrapped(about + state(incident), screen)
    lines = [*(screen.paint(line, "strong") for line in above), _ending(last, state(incident), status, screen)]
    lines += wrapped(incident["summary"], screen)
    lines.append("")
    for label, text in _facts(incident, words):
        lines += hung(text, screen, f"{label:<9} ")
    sections: tuple[tuple[str, Iterable[str]], ...] = (
        ("hypotheses", _hypotheses(incident, screen)),
        ("changed just before", _changed(incident, screen, words)),
        ("evidence", _evidence(incident, screen)),
        ("remembered", _recollections(incident, screen)),
        ("what documents say", _plainly(incident.get("documents", ()), screen)),
        ("what was done", _plans(incident, screen)),
        ("who was told", _told(incident, screen, words)),
        ("timeline", _timeline(incident, screen, words)),
    )
    for title, body in sections:
        shown = list(body)
        if shown:
            lines += ["", screen.paint(title, "strong"), *shown]
    return lines


def _ending(line: str, plain: str, painted: str, screen: Screen) -> str:
    """Return the last line of the heading, its state in its colour."""
    if not line.endswith(plain):
        return screen.paint(line, "strong")
    return screen.paint(line.removesuffix(plain), "strong") + painted


def _facts(incident: Mapping[str, Any], words: Words) -> Iterator[tuple[str, str]]:
    yield "began", told(datetime.fromisoformat(incident["began_at"]), words.zone)
    yield "detected", f"after {duration(incident['mttd_s'])}"
    yield "repaired", f"after {duration(incident['mttr_s'])}"
    spent = cost(cost_of([incident]), words)
    if spent != "-":
        yield "cost", spent
    if incident["affected"]:
        yield "affected", ", ".join(incident["affected"])
    if incident.get("cause") and incident["cause"] != "unknown":
        yield "cause", str(incident["cause"]).replace("_", " ")
    if incident.get("why_root"):
        yield "why here", incident["why_root"]
    if incident.get("returned_of"):
        yield "again", f"it came back after the repair of incident {incident['returned_of']}"
    for mark, verb in (("acked", "looked after by"), ("snoozed", "snoozed by")):
        said = incident.get(mark)
        if said:
            why = f": {said['why']}" if said["why"] else ""
            until = f" until {told(datetime.fromisoformat(said['until']), words.zone)}" if said["until"] else ""
            yield mark, f"{verb} {said['by']}{until}{why}"
    proved = next((one for one in reversed(incident["timeline"]) if one["kind"] in _PROOFS), None)
    if proved is not None:
        yield "proof", f"{proved['kind'].replace('_', ' ')}: {proved['text']}"
    if incident["outcome"]:
        yield "outcome", incident["outcome"]


_PROOFS = frozenset({"verified", "not_better", "unproven"})


def _plainly(texts: Iterable[object], screen: Screen) -> Iterator[str]:
    for text in texts:
        yield from hung(str(text), screen, "  ")


def _evidence(incident: Mapping[str, Any], screen: Screen) -> Iterator[str]:
    for found in incident["evidence"]:
        said = found["facts"].get("said")
        facts = said or ", ".join(f"{key}={value}" for key, value in found["facts"].items())
        text = f"  “{found['text']}”" if found["text"] else ""
        about = f"{found['probe']} ({found['kind']}, {found['unit']['name']}): "
        yield from hung(f"{about}{facts}{text}", screen, "  ")


def _hypotheses(incident: Mapping[str, Any], screen: Screen) -> Iterator[str]:
    for one in sorted(incident["hypotheses"], key=lambda one: -float(one["weight"])):
        kind = str(one.get("kind") or "unknown").replace("_", " ")
        about = one["unit"]["name"] if kind == "unknown" else f"{kind}, {one['unit']['name']}"
        yield from hung(f"{one['cause']} ({about})", screen, f"  {float(one['weight']):.2f}  ")
        for mark, reasons in (("+", one["speaks_for"]), ("-", one["speaks_against"])):
            for reason in reasons:
                yield from hung(reason, screen, f"        {mark} ")


def _changed(incident: Mapping[str, Any], screen: Screen, words: Words) -> Iterator[str]:
    for one in changes(incident):
        at = f" ({told(one['at'], words.zone)})" if one["at"] is not None else ""
        yield from hung(f"{one['what']}{at}", screen, "  ")
        for line in one["diff"].splitlines():
            shown = one_line_kept(line)
            shown = shown if screen.width is None else fit(shown, max(8, screen.width - 6))
            yield "      " + screen.paint(shown, _DIFF.get(line[:1], ""))


_DIFF: dict[str, Style] = {"+": "good", "-": "bad", "@": "accent"}


def _recollections(incident: Mapping[str, Any], screen: Screen) -> Iterator[str]:
    for found in incident.get("recollections", ()):
        expects = f"{float(found['score']):.2f}" if "score" in found else "    "
        yield from hung(found["why"], screen, f"  {expects}  ")
        if "without_learning" in found:
            experts = ", ".join(f"{name} {score:.2f}" for name, score in found["by_expert"].items())
            by = f"; {experts}" if experts else ""
            yield from hung(f"without learning {float(found['without_learning']):.2f}{by}", screen, "        ")


_MARKS: dict[str, tuple[str, Style]] = {"done": ("+", "good"), "failed": ("x", "bad"), "undone": ("<", "warn")}


def _plans(incident: Mapping[str, Any], screen: Screen) -> Iterator[str]:
    answers = {one["action"]: one for one in incident.get("approvals", ()) if one["decided_by"]}
    for plan in incident["plans"]:
        detail = f": {plan['detail']}" if plan["detail"] else ""
        line = f"attempt {plan['attempt']}: {plan['remedy']} from {plan['source']}, {plan['status']}{detail}"
        yield from hung(line, screen, "  ")
        for step in plan["steps"]:
            mark, style = _MARKS.get(step["status"], ("·", "dim"))
            note = f" ({step['detail']})" if step["detail"] else ""
            ruled = f", by rule {step['rule']}" if step.get("rule") else ""
            answer = answers.get(step["action"])
            by = f", {answer['status']} by {answer['decided_by']}" if answer else ""
            drawn = list(hung(f"{step['action']} {step['status']}{ruled}{by}{note}", screen, "      "))
            yield f"    {screen.paint(mark, style)} {drawn[0][6:]}"
            yield from drawn[1:]


def _told(incident: Mapping[str, Any], screen: Screen, words: Words) -> Iterator[str]:
    for one in incident.get("told", ()):
        when = f"{clock(datetime.fromisoformat(one['sent_at']), words.zone)}  " if one["sent_at"] else ""
        how = "sent" if one["sent_at"] else f"not sent: {one['error']}" if one["error"] else "waits"
        yield from hung(f"{one['kind']} to {one['channel']}: {how}", screen, f"  {when}")


def _timeline(incident: Mapping[str, Any], screen: Screen, words: Words) -> Iterator[str]:
    zone = "" if words.zone not in {"", "UTC"} else "Z"
    for event in incident["timeline"]:
        kind, by = one_line(event["kind"]), f" (by {event['by']})" if event["by"] else ""
        narrow = screen.width is not None and screen.width < _WIDE_ENOUGH
        at = clock(datetime.fromisoformat(event["at"]), words.zone) + zone
        head = f"  {at}  {kind}  " if narrow else f"  {at}  {kind:<14}  "
        drawn = list(hung(f"{event['text']}{by}", screen, head)) or [head]
        yield screen.paint(head.rstrip(), style_of(kind)) + drawn[0][len(head.rstrip()) :]
        yield from drawn[1:]


_WIDE_ENOUGH = 70
"""Columns from which on texts of a timeline stand below each other."""
