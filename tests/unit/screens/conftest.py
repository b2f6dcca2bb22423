"""A scripted console (`FakeProgram`) in the place of a display, and a home that has an accepted procedure for it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from opsagent.carrying.carrier import Carrier
from opsagent.carrying.events import Event, Person, Said
from opsagent.cli.gui_carry import next_version, store
from opsagent.commands.reading import CommandStep
from opsagent.home import Home
from opsagent.model import Risk
from opsagent.procedures import ACCEPTED
from opsagent.running import Running
from opsagent.screens.kept import Kept
from opsagent.screens.stage import Stage
from opsagent.screens.writing import read
from opsagent.store.journal import Journal
from opsagent_tools.gui.fake import Control, FakeProgram, FakeScreens, FakeWindow
from opsagent_tools.gui.model import Box
from opsagent_tools.gui.playing import Player

EXPORT = """
name: export report
title: the report of a month
window: {{program: ledger}}
start: [ledger]
parameters:
  month: {{example: march}}
steps:
  - type: "{{month}}"
    on: {{role: text field, label: Month}}
  - click: {{role: button, name: Export}}
effects:
  - {{file: "{file}", contains: "{{month}}", within_s: 0.3}}
"""
TWO_CLICKS = """
name: two clicks
window: {program: ledger}
start: [ledger]
steps:
  - click: {role: button, name: Reports}
  - click: {role: button, name: Export}
"""
WIPE = """
name: wipe archive
window: {program: ledger}
start: [ledger]
steps:
  - click: {role: button, name: Delete archive}
"""

NOTHING = Running(engine_running=False, engine_pid=None, units=(), specs=())


@dataclass(slots=True)
class Console:
    """One home, its console, and who runs procedures on it."""

    home: Home
    file: Path
    program: FakeProgram
    opened: int = 0
    """How often a stage was opened."""
    asked: list[tuple[str, ...]] = field(default_factory=list)
    months: list[str] = field(default_factory=list)

    def accept(self, text: str) -> None:
        """Keep another version of a procedure as a person accepted it."""
        keep(self.home, text)

    async def run(self, name: str, says: bool | None = None, agreed: bool = True, **args: Any) -> Event:
        """Run a procedure as a person who says yes to the run itself; `says`: to each step that asks."""
        seen = [event async for event in self.carry(name, says, agreed, **args)]
        return seen[-1]

    async def carry(
        self, name: str, says: bool | None = None, agreed: bool = True, **args: Any
    ) -> AsyncIterator[Event]:
        async def confirm(question: str, lines: Sequence[str]) -> bool:
            self.asked.append((question, *lines))
            return bool(says)

        person = Person(name="kim", confirm=None if says is None else confirm, agreed=agreed)
        step = CommandStep(tool="run_gui_procedure", args={"procedure": name, **args}, risk=Risk.DISRUPTIVE)
        carrier = Carrier(self.home, person, running=NOTHING, daemon=None)
        async for event in carrier.carry(Said(steps=(step,), text=f"run {name}")):
            yield event

    def journal(self) -> Journal:
        return Journal.open(self.home)


def keep(home: Home, text: str) -> None:
    """Keep a procedure as a person accepted it. Runs a loop of its own."""
    procedure = read(text, "test")
    number = next_version(home, procedure.name)
    kept = Kept(procedure=replace(procedure, version=number), text=text, status=ACCEPTED, why="written", by="kim")
    store(home, kept, {})


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A home that knows the procedures of this file, and the file that one of them writes."""
    folder = tmp_path_factory.mktemp("known")
    file = folder / "report.csv"
    home = Home.open(folder / "home")
    for text in (EXPORT.format(file=file), WIPE, TWO_CLICKS):
        keep(home, text)
    return home.path, file


@pytest.fixture
def console(home: Path, known: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Console:
    copied, file = known
    shutil.copytree(copied, home, dirs_exist_ok=True)
    file.unlink(missing_ok=True)
    monkeypatch.setattr(Player._find, "__defaults__", (0.3,))  # nothing comes later here
    made = Console(Home.open(home), file, ledger())

    def export(program: FakeProgram) -> None:
        made.months.append(program.control("month").value or "")
        file.write_text(f"report of {made.months[-1]}")

    made.program.reactions = {"export": export, "delete": lambda _: file.unlink()}

    @asynccontextmanager
    async def open_stage(*_: object) -> AsyncIterator[Stage]:
        made.opened += 1
        yield Stage(FakeScreens(made.program))

    monkeypatch.setattr("opsagent.screens.stage.open_stage", open_stage)
    return made


def ledger() -> FakeProgram:
    """Return a console with a field, a button that exports, and one that deletes."""
    controls = [
        Control("month label", "label", "Month", box=Box(10, 10, 80, 20)),
        Control("month", "text field", label="Month", value="", box=Box(100, 10, 200, 24), states=_FIELD),
        Control("reports", "button", "Reports", box=Box(10, 110, 100, 30)),
        Control("export", "button", "Export", box=Box(10, 60, 100, 30)),
        Control("delete", "button", "Delete archive", box=Box(200, 60, 140, 30)),
    ]
    return FakeProgram([FakeWindow("Ledger", controls)], program="ledger")


_FIELD = frozenset({"enabled", "visible", "editable"})
