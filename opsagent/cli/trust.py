"""`opsagent trust`: how right the agent would have been, and what it may do unasked because of that."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.store.trust import Judgement
    from opsagent.trust import Score


def command(
    *,
    grant: Annotated[
        str, typer.Option("--grant", metavar="ACTION:UNIT", help="Let the agent do this unasked.", show_default=False)
    ] = "",
    revoke: Annotated[
        str, typer.Option("--revoke", metavar="ACTION:UNIT", help="Take that back.", show_default=False)
    ] = "",
    show: Annotated[
        str,
        typer.Option(
            "--show", metavar="ACTION:UNIT", help="Every time that it would have done it.", show_default=False
        ),
    ] = "",
    right: Annotated[
        str, typer.Option("--right", metavar="ID", help="Say that it would have been right.", show_default=False)
    ] = "",
    wrong: Annotated[
        str, typer.Option("--wrong", metavar="ID", help="Say that it would have been wrong.", show_default=False)
    ] = "",
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why; kept with it.", show_default=False)] = "",
    digest: Annotated[bool, typer.Option("--digest", help="What happened in the last day.")] = False,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="With --digest: how far back (12h, 7d).")
    ] = "24h",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Grant also what was right fewer times than the policy wants.")
    ] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show what the agent would have done, and how right that was by what people did; grant what was earned.

    On a terminal it offers what was right often enough: `enable auto? [y/N]`. A grant is for one action on one unit,
    reaches no further than that, and is lost on one miss.
    Exit code 3: a grant that is not earned yet, without --yes; 4: one that can never be granted.
    """
    from opsagent.cli import granting
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.trust_digest import digest as show_digest

    place, out = open_home(home), Out(as_json=json)
    asked = [name for name, given in (("--grant", grant), ("--revoke", revoke), ("--show", show), ("--right", right),
             ("--wrong", wrong), ("--digest", digest)) if given]  # fmt: skip
    if len(asked) > 1:
        raise Unclear(f"one at a time: {' or '.join(asked)}")
    if grant:
        return granting.grant(place, grant, why, out, sure=yes)
    if revoke:
        return granting.revoke(place, revoke, why, out)
    if show:
        return _show(place, show, out)
    if right or wrong:
        return _say(place, right or wrong, "right" if right else "wrong", why, out)
    return show_digest(place, since, out) if digest else _list(place, out)


def _list(place: Home, out: Out) -> int:
    from opsagent.cli.agent import config_of
    from opsagent.cli.granting import grantable, scores_of
    from opsagent.cli.store import reading

    policy = config_of(place).policy
    least = policy.trust_min
    with reading(place) as journal:
        found = scores_of(journal)
    earned = [score for score in found if score.is_earned(least) and grantable(score.action, policy)]
    if out.as_json:
        out.document({"least": least, "scores": [_as_json(score, earned=score in earned) for score in found]})
        return 0
    if not found:
        out.line("nothing yet: in mode suggest, whatever the agent would do is kept here beside what people did")
        return 0
    for score in found:
        out.line(_line(score, out))
    if sys.stdin.isatty() and out.notes.terminal:
        _offer(place, earned, out)
    else:
        for score in earned:
            out.note(f"earned: `opsagent trust --grant {score.key}`")
    return 0


def _offer(place: Home, earned: Sequence[Score], out: Out) -> None:
    from opsagent.cli.granting import confirm, write_grant

    for score in earned:
        if confirm(f"{score.key} {score.line()}; enable auto?"):
            write_grant(place, score.unit, score.action, f"{score.line()}", out)


def _line(score: Score, out: Out) -> str:
    from opsagent.views.terminal import one_line

    dates = f"{score.first_at:%Y-%m-%d} to {score.last_at:%Y-%m-%d}" if score.first_at and score.last_at else ""
    stands = ""
    if score.granted:
        stands = f"auto: granted by {score.granted_by} at {score.granted_at:%Y-%m-%d}"
    elif score.lost:
        stands = f"no longer granted: {score.lost}"
    rest = "; ".join(part for part in (dates, stands) if part)
    name = out.screen.paint(one_line(score.key), "strong")
    return f"{name}  {score.line()}" + (f"  ({one_line(rest)})" if rest else "")


def _as_json(score: Score, *, earned: bool) -> dict[str, Any]:
    return {
        "action": score.action.value,
        "unit": str(score.unit),
        "right": score.right,
        "not_needed": score.not_needed,
        "wrong": score.wrong,
        "unknown": score.unknown,
        "right_since_last_miss": score.right_since,
        "first_at": score.first_at,
        "last_at": score.last_at,
        "earned": earned,
        "granted": score.granted,
        "granted_by": score.granted_by or None,
        "granted_at": score.granted_at,
        "lost": score.lost or None,
    }


def _show(place: Home, text: str, out: Out) -> int:
    from opsagent.cli.granting import meant
    from opsagent.cli.store import reading
    from opsagent.cli.trust_digest import would_be_as_json
    from opsagent.views.numbers import moment
    from opsagent.views.table import Cell, Column, table

    action, unit = meant(place, text)
    with reading(place) as journal:
        rows = [row for row in journal.would_bes() if (row.unit, row.action) == (unit, action)]
    if out.as_json:
        out.document({"would_be": [would_be_as_json(row) for row in rows]})
        return 0
    if not rows:
        out.line("it never came to that so far")
        return 0
    drawn = [
        (Cell(row.id, "strong"), Cell(moment(row.at)), Cell(row.verdict or "open", _STYLES.get(row.verdict or "", "")),
         Cell(row.incident_id or ""), Cell(row.why))
        for row in rows
    ]  # fmt: skip
    columns = (Column("ID"), Column("AT"), Column("VERDICT"), Column("INCIDENT", drop=1), Column("WHY", drop=2))
    out.lines(table(columns, drawn, out.screen))
    return 0


_STYLES: dict[str, Any] = {"right": "good", "wrong": "bad", "not_needed": "dim", "unknown": "dim"}


def _say(place: Home, row_id: str, verdict: Judgement, why: str, out: Out) -> int:
    from opsagent.cli.store import no_such, person, writing

    said = f"{person()} says so" + (f": {why}" if why else "")
    with writing(place) as journal:
        found = [row for row in journal.would_bes() if row.id.startswith(row_id)]
        if len(found) != 1:
            raise no_such("would-be action", row_id, "`opsagent trust --show ACTION:UNIT` lists them")
        journal.judge_would_be(found[0].id, verdict, said)
    if out.as_json:
        out.document({"id": found[0].id, "verdict": verdict, "why": said})
    else:
        out.line(f"noted: it would have been {verdict}")
    return 0
