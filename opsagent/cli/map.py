"""`opsagent map`: who talks to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag, complete_units

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from opsagent.cli.output import Out
    from opsagent.home import Home


def command(
    *,
    focus: Annotated[
        str | None,
        typer.Option(
            "--focus",
            metavar="UNIT",
            help="Only this service, what it uses and what uses it.",
            autocompletion=complete_units,
            show_default=False,
        ),
    ] = None,
    svg: Annotated[
        str | None, typer.Option("--svg", metavar="FILE", help="Write a drawing (SVG).", show_default=False)
    ] = None,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write a page with drawing and table.", show_default=False),
    ] = None,
    words: Annotated[bool, typer.Option("--words", help="Say where each arrow is known from.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Draw who talks to whom, from who uses (left) to who is used (right).

    Learnt from open connections, never by connecting. The daemon (`opsagent watch`) learns over time; without one, what is
    connected at this moment is shown, with what an earlier one learnt.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import config_trouble, open_home
    from opsagent.views.map_graph import focused

    out, place = Out(as_json=json), open_home(home)
    report = _report(place)
    key = _focus(focus, report) if focus is not None else ""
    _write_files(report, key, svg=svg, html=html, out=out)
    if json:
        out.document(focused(report, key) if key else report)
    elif not (svg or html):
        _show(report, key, words=words, out=out)
    trouble = config_trouble(place) if report["source"] != "daemon" else ""
    for line in (*((trouble,) if trouble else ()), *(notes(report) if not json else ())):
        out.note(line)
    return 0


def _report(home: Home) -> dict[str, Any]:
    from opsagent.answering.mapping import look_now
    from opsagent.cli.daemon import topology

    return topology(home) or look_now(home)


def _focus(name: str, report: Mapping[str, Any]) -> str:
    """Return the id of the unit that a name means. Raises Unclear."""
    from opsagent.cli.services import find
    from opsagent_tools.units import Unit, UnitId, UnitState

    ids = [UnitId.parse(node["id"]) for node in report["nodes"] if node["sort"] == "unit"]
    return str(find(name, [Unit(id=unit, state=UnitState.UNKNOWN) for unit in ids]).id)


def _write_files(report: Mapping[str, Any], focus: str, *, svg: str | None, html: str | None, out: Out) -> None:
    from pathlib import Path

    from opsagent.views.map_graph import picture

    if svg:
        from opsagent.views.map_svg import document

        _write(Path(svg), document(picture(report, focus=focus)), out)
    if html:
        from opsagent.views.map_html import page

        _write(Path(html), page(picture(report, focus=focus), report), out)


def _write(path: Path, text: str, out: Out) -> None:
    from opsagent.cli.errors import Unclear

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unclear(f"{path}: cannot be written ({error.strerror or error})") from error
    out.note(f"written: {path}")


def _show(report: Mapping[str, Any], focus: str, *, words: bool, out: Out) -> None:
    import os
    import sys

    from opsagent.views.map_graph import picture
    from opsagent.views.map_text import Letters, arrow_lines, draw

    drawn = picture(report, focus=focus, stale=words)
    if words:
        out.lines(arrow_lines(drawn))
    else:
        speaks_unicode = "utf" in (sys.stdout.encoding or "").lower() and os.environ.get("TERM") != "dumb"
        out.lines(draw(drawn, out.screen, Letters(unicode=speaks_unicode)))


def notes(report: Mapping[str, Any]) -> list[str]:
    """Return what has to be said of a map beside it."""
    from datetime import datetime

    from opsagent.views.numbers import moment

    units = [node for node in report["nodes"] if node["sort"] == "unit"]
    found = [] if units else ["no services: describe some in a file and run `opsagent up FILE`"]
    if report["source"] == "now":
        found.append("seen now; the daemon (`opsagent watch`) learns over time")
    elif report["source"] == "kept":
        kept = moment(datetime.fromisoformat(report["kept_at"]))
        found.append(f"seen now, and learnt until {kept}; no daemon runs (`opsagent watch`)")
    hidden = [node["name"] for node in units if node["connections_hidden"]]
    if hidden:
        found.append(f"connections cannot be seen of {', '.join(hidden)}: another user's, or another network namespace")
    passing = [node["name"] for node in units if node["unseen_clients"]]
    if passing:
        found.append(f"somebody on this machine connects too shortly to be seen to {', '.join(passing)}")
    return found
