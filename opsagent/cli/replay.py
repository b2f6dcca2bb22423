"""`opsagent replay`: the logs of the past, read as if live. Nothing is done to any service."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag, complete_units

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.cli.services import Running
    from opsagent.home import Home
    from opsagent.learn import Reconstructed
    from opsagent.replay.run import Progress, Replay
    from opsagent.replay.sources import Wanted
    from opsagent.replay.words import Replayed
    from opsagent_tools.supervisors.found import Found
    from opsagent_tools.units import Unit, UnitId

_ROWS = 20
_JOURNAL_MOST = 10_000
_SHOW_AFTER_S = 0.5
_TELL_EVERY_S = 15.0


def command(
    units: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[UNIT]...",
            help="Names of services [default: all that have logs].",
            autocompletion=complete_units,
            show_default=False,
        ),
    ] = None,
    *,
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="From when on: 30d, 12h, or 2026-01-31[T12:00].")
    ] = "30d",
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="Up to when [default: now].", show_default=False)
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option("--file", metavar="PATH", help="A log to read too, whoever writes it.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", help="Rows of each table [default: 20; JSON: all].", show_default=False),
    ] = None,
    remember: Annotated[
        bool | None,
        typer.Option(
            "--remember/--no-remember",
            help="Keep what was found in the memory, marked as reconstructed [default: asks].",
            show_default=False,
        ),
    ] = None,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Read existing logs as if live: the incidents that there were, when, why; what comes again and again first.

    Reads only. Times without an offset get one that is inferred, and shown. Secrets are masked.
    """
    from opsagent.cli.errors import Code, Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    if limit is not None and limit < 1:
        raise Unclear(f"--limit {limit}: must be at least 1")
    now = time.time()
    window = _when("--since", since, now), _when("--until", until, now) if until is not None else now
    if window[0] >= window[1]:
        raise Unclear(f"--since {since} is not before --until {until or 'now'}")
    place, out = open_home(home), Out(as_json=json)
    files = [Path(each).absolute() for each in file or []]
    replayed = _replayed(place, units or [], files, window, out)
    from opsagent.replay.report import document

    replayed.live = _live(place, replayed)
    found = document(replayed, asked=(since, until), limit=limit if json else None)
    if not json:
        _show(found, out, limit or _ROWS)
    kept = _remember(place, replayed, remember, out)
    if json:
        out.document({**found, "remembered": kept})
    return Code.FAILED if _missed(replayed, files) else Code.DONE


def _when(option: str, text: str, now: float) -> float:
    """Return the moment that a duration before now, or a date (of this machine's zone, unless it says one), means."""
    from datetime import datetime

    from opsagent.cli.errors import Unclear
    from opsagent.views.numbers import seconds_of

    try:
        return max(0.0, now - seconds_of(text))
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise Unclear(f"{option} {text!r} is no time: write 30d, 12h, 90m or 2026-01-31T12:00") from None


def _replayed(
    home: Home, names: Sequence[str], files: Sequence[Path], window: tuple[float, float], out: Out
) -> Replayed:
    from opsagent.cli.agent import config_of
    from opsagent.cli.daemon import status
    from opsagent.cli.services import look
    from opsagent.replay.run import Replay

    running = look(home, daemon=status(home))
    for kind, why in sorted(running.silent.items()):
        out.note(f"{kind} does not answer ({why}): what its files say is read all the same")
    watch = _Watch(out)
    replay = Replay(
        _wanted(home, running, files, alone=bool(files) and not names),
        since=window[0],
        until=window[1],
        specs=config_of(home).described(running.specs),
        progress=watch.see,
    )
    only = _chosen(replay, names, files)
    try:
        return replay.run(only)
    finally:
        watch.clear()


def _wanted(home: Home, running: Running, files: Sequence[Path], *, alone: bool) -> Wanted:
    """`alone`: only the files are wanted."""
    from opsagent.replay.sources import Wanted

    if alone:
        return Wanted(files=tuple(files))
    from opsagent.cli.services import KIND

    owners = {one.kind: uid for one in running.others if one.kind and (uid := _owner(one)) is not None}
    units = [_with_logs(home, unit, running) if unit.id.supervisor == KIND else unit for unit in running.units]
    return Wanted(units=tuple(units), supervisors=running.others, owners=owners, files=tuple(files))


def _owner(found: Found) -> int | None:
    """Return whose the files of a supervisor must be, where that is neither this user nor root itself."""
    import os

    return found.uid if found.uid not in {os.geteuid(), 0} else None


def _with_logs(home: Home, unit: Unit, running: Running) -> Unit:
    """Add the logs that the embedded engine keeps of a service, where it does not run and lists none."""
    from dataclasses import replace

    from opsagent.cli.services import view_engine
    from opsagent_tools.supervisors.circus.logplaces import all_files

    spec = next((spec for spec in running.specs if spec.name == unit.name), None)
    if spec is None or unit.logs:
        return unit
    own = view_engine(home).paths.log(spec.name)
    return replace(unit, logs=(*all_files(spec, own, range(1, spec.instances + 1)), *spec.logs))


def _chosen(replay: Replay, names: Sequence[str], files: Sequence[Path]) -> frozenset[UnitId] | None:
    from opsagent.cli.services import find
    from opsagent.replay.sources import FILE

    if not names:
        return None
    chosen = {find(name, replay.units).id for name in names}
    return frozenset(chosen | {unit.id for unit in replay.units if files and unit.id.supervisor == FILE})


class _Watch:
    """Shows how far the reading is: a moving line on a terminal, now and then a line elsewhere."""

    def __init__(self, out: Out) -> None:
        from opsagent.views.progress import Spinner

        self._out = out
        self._spinner = Spinner(out.notes)
        self._began = time.monotonic()
        self._shown = self._began
        self._next = _SHOW_AFTER_S if out.notes.terminal else _TELL_EVERY_S

    def see(self, progress: Progress) -> None:
        """Take note; show it where it is time."""
        now = time.monotonic()
        if now - self._shown < self._next:
            return
        self._shown = now
        passed, share = now - self._began, progress.bytes_done / max(1, progress.bytes_all)
        left = f", {passed * (1 - share) / share:.0f} s to go" if 0.02 < share < 1.0 else ""
        text = f"{progress.lines:,} lines read, {min(share, 1.0) * 100:.0f}%{left}"
        if self._out.notes.terminal:
            self._next = 0.2
            self._spinner.show(text)
        else:
            self._out.note(text)

    def clear(self) -> None:
        """Take the moving line away."""
        self._spinner.clear()


def _show(found: Mapping[str, Any], out: Out, rows: int) -> None:
    from opsagent.views.replay import lines, summary

    drawn = lines(found, out.screen, limit=rows)
    out.lines(drawn)
    if not drawn:
        out.line("no incident found")
    out.line()
    for text in summary(found):
        out.line(out.screen.paint(text, "dim"))
    for one in found["read"]["unread"]:
        out.note(f"not read: {one['name']}: {one['why']}")


def _missed(replayed: Replayed, files: Sequence[Path]) -> bool:
    """Tell whether a file that was asked for by name could not be read at all."""
    from opsagent.replay.sources import TOO_OLD

    named = {str(path) for path in files}
    read = {source.name for source in replayed.sources if source.lines}
    return any(one.name in named - read and one.why != TOO_OLD for one in replayed.unread)


def _live(home: Home, replayed: Replayed) -> dict[str, str]:
    """Return which of the incidents the agent has in its own journal."""
    from opsagent.replay.remembering import seen_live

    if not home.database.exists():
        return {}
    from opsagent.cli.store import reading

    with reading(home) as journal:
        rows = journal.incidents(None, _JOURNAL_MOST)
    return seen_live(replayed.incidents, [(row.unit, row.incident.began_at.timestamp(), row.id) for row in rows])


def _remember(home: Home, replayed: Replayed, wanted: bool | None, out: Out) -> int:
    """Keep what was found, if that is wanted; return how many are new."""
    from opsagent.replay.remembering import to_remember

    episodes = to_remember(replayed.incidents, replayed.live)
    if not episodes or wanted is False or (wanted is None and not _agreed(len(episodes), out)):
        return 0
    added = asyncio.run(_keep(home, episodes))
    known = len(episodes) - added
    out.note(f"remembered {added} as reconstructed from logs" + (f"; {known} were known" if known else ""))
    return added


def _agreed(count: int, out: Out) -> bool:
    """Ask on a terminal; elsewhere nothing is written unasked."""
    if out.as_json or not (sys.stdin.isatty() and out.notes.terminal):
        return False
    what = "this" if count == 1 else f"these {count}"
    sys.stderr.write(f"remember {what}, marked as reconstructed from logs? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


async def _keep(home: Home, episodes: Sequence[Reconstructed]) -> int:
    from opsagent.cli.agent import agent_of
    from opsagent.replay.remembering import AT_ONCE

    added = 0
    async with agent_of(home) as agent:
        for start in range(0, len(episodes), AT_ONCE):
            kept = await agent.remember(list(episodes[start : start + AT_ONCE]))
            added += kept["added"]
    return added
