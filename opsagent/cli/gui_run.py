"""`opsagent gui run NAME`: a procedure on a screen, carried out through the guard, step by step."""

from __future__ import annotations

import asyncio
import json as jsons
import sys
from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.gui_list import ProcedureName

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.screens.kept import Kept


_ALL = 10_000
_TOLD_AT_THE_END = frozenset({"step_done", "step_failed"})
"""Progress that says what the end says too: the plan has but one step."""


def run(
    name: ProcedureName,
    *,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            "-p",
            metavar="NAME=VALUE",
            help="What it is told; of a secret, its name under [screens.secrets]. Again for each.",
            show_default=False,
        ),
    ] = None,
    display: Annotated[
        str | None,
        typer.Option(
            "--display",
            metavar="DISPLAY",
            help="own, or a desktop like :0 [default: as config.toml says, else own].",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do, and do nothing.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Confirm the run. Steps that need a person ask all the same.")
    ] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Run a procedure: each target is found before it is touched, and where it is not sure it stops.

    A step that deletes, sends or ends something asks you when it comes; where you cannot be asked, the run ends before it.
    Exit code 1: halted, or its effect was not seen; 3: a person is needed; 4: refused by policy.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    place, out = open_home(home), Out(as_json=json)
    kept, told = _meant(place, name, param or [])
    shown_display = _display(place, display)
    if dry_run:
        return _dry_run(kept, told, shown_display, out)
    return _Running(place, out, yes=yes).run(kept.name, told, shown_display)


def _meant(home: Home, name: str, params: Sequence[str]) -> tuple[Kept, dict[str, str]]:
    """Return the version that is meant, and what it is told. Raises ProcedureError, Unclear."""
    from opsagent.cli.errors import Unclear
    from opsagent.screens.shelf import Shelf
    from opsagent.screens.telling import told_by_name

    given: dict[str, str] = {}
    for one in params:
        key, equals, value = one.partition("=")
        if not equals or not key:
            raise Unclear(f"--param {one!r}: write it as NAME=VALUE")
        if key in given:
            raise Unclear(f"--param {key}: is said twice")
        given[key] = value
    kept = Shelf(home.database).row(name).shown
    return kept, told_by_name(kept.procedure, given)


def _display(home: Home, given: str | None) -> str:
    from opsagent.cli.agent import config_of
    from opsagent.cli.errors import Unclear
    from opsagent.config_screens import read
    from opsagent_tools.services.fields import Wrong

    if given is None:
        return config_of(home).screens.display
    try:
        return read({"display": given}).display
    except Wrong as wrong:
        raise Unclear(f"--display: {wrong.problem}: {wrong.mend}") from None


def _dry_run(kept: Kept, told: dict[str, str], display: str, out: Out) -> int:
    from opsagent.screens.forms import version_form
    from opsagent.screens.planning import shown
    from opsagent.views.screens import version
    from opsagent.views.terminal import one_line

    form = version_form(kept)
    if out.as_json:
        secret = {one.name for one in kept.procedure.parameters if one.secret}
        values = {key: f"@{value}" if key in secret else value for key, value in told.items()}
        out.document({"dry_run": True, "told": values, "display": display, **form})
    else:
        out.line(
            one_line(f"would run {shown(kept, told)} on {'a display of its own' if display == 'own' else display}")
        )
        out.lines(list(version(form, out.screen)))
        if not kept.accepted:
            out.note("nobody has accepted it yet: it would be refused")
    return 0


class _Running:
    """One `opsagent gui run`."""

    def __init__(self, home: Home, out: Out, *, yes: bool) -> None:
        self._home = home
        self._out = out
        self._yes = yes
        self._before: set[str] = set()
        """Runs whose reports were there before."""

    def run(self, name: str, told: dict[str, str], display: str) -> int:
        """Do it; return the exit code."""
        from opsagent.cli.errors import Code
        from opsagent.cli.gui_list import runs_of
        from opsagent.cli.showing import Showing
        from opsagent.commands.reading import CommandStep
        from opsagent.model import Risk

        args = {"procedure": name, "told": jsons.dumps(told, ensure_ascii=False), "display": display}
        step = CommandStep(tool="run_gui_procedure", args=args, risk=Risk.DISRUPTIVE, why="asked for")
        results: list[dict[str, Any]] = []
        showing = Showing(self._out, results, "en")
        self._before = {str(one["run"]) for one in runs_of(self._home, name, _ALL)}
        try:
            code = asyncio.run(self._carry(step, showing))
        except KeyboardInterrupt:
            code = int(Code.INTERRUPTED)
            showing.interrupted()
            results.clear()
            self._say_interrupted(name)
        if self._out.as_json:
            self._out.document(self._document(results, code))
        elif code != Code.INTERRUPTED:
            showing.end((), interrupted=False)
        return code

    def _say_interrupted(self, name: str) -> None:
        from opsagent.cli.gui_list import runs_of

        last = runs_of(self._home, name, 1)
        where = f"; what was done: {last[0]['report']}" if last and last[0]["run"] not in self._before else ""
        self._out.note(f"interrupted between two gestures{where}")

    async def _carry(self, step: Any, showing: Any) -> int:
        from opsagent.carrying.carrier import Carrier
        from opsagent.carrying.events import LAST, Person, Said
        from opsagent.cli.store import person

        who = Person(name=person(), confirm=self._confirm if self._can_ask() else None, agreed=self._yes)
        carrier = Carrier(self._home, who)
        showing.begin(carrier)
        code = 1
        said = Said(steps=(step,), text=f"run {step.args['procedure']}")
        async with aclosing(carrier.carry(said)) as events:
            async for event in events:
                if event.progress is None or event.progress.kind not in _TOLD_AT_THE_END:
                    showing.show(event)
                if event.kind in LAST:
                    code = event.code
        return code

    def _document(self, results: Sequence[dict[str, Any]], code: int) -> dict[str, Any]:
        last = results[-1] if results else {}
        run = last.get("run") or {}
        keys = ("result", "detail", "rule", "approval", "plan")
        return {**run, **{key: last.get(key) for key in keys}, "exit_code": code}

    async def _confirm(self, question: str, lines: Sequence[str]) -> bool:
        from opsagent.cli.asking import ask_yes

        for line in lines:
            self._out.note(line)
        return await ask_yes(question)

    def _can_ask(self) -> bool:
        return not self._out.as_json and sys.stdin.isatty() and self._out.notes.terminal
