"""Carries out `opsagent chat`: on a terminal, on lines, and what is kept of conversations."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from opsagent.cli.errors import Code, Unclear, code_of, one_line, write_trace
from opsagent.cli.output import Out

if TYPE_CHECKING:
    from opsagent.chat.events import Event
    from opsagent.chat.room import Room
    from opsagent.commands.reading import Language
    from opsagent.home import Home
    from opsagent.views.terminal import Screen


def chat(resume: str | None, *, as_json: bool, home: str | None) -> int:
    """Talk. `resume`: begin of the id of an earlier conversation, empty for the last one; None: a new one."""
    from opsagent.chat.desk import HomeDesk
    from opsagent.chat.room import Room
    from opsagent.cli.services import open_home

    place = open_home(home)
    out = Out(as_json=as_json)
    on_terminal = not as_json and sys.stdin.isatty() and out.screen.terminal
    desk = HomeDesk(place, lambda error: _explained(error, place), own_keys=on_terminal)
    room = Room(place, desk, language=_language())
    if resume is not None:
        _resume(room, resume)
    return _run(room, _on_terminal(room) if on_terminal else _on_lines(room, out))


def _resume(room: Room, begins_with: str) -> None:
    try:
        room.resume(begins_with)
    except LookupError as error:
        raise Unclear(f"{error}: `opsagent chat --list` lists them") from error


def _run(room: Room, talking: Coroutine[Any, Any, int]) -> int:
    """Run to the end; SIGTERM and a terminal that goes away end it as an end of the input does: nothing is half done."""

    async def run() -> int:
        task = asyncio.ensure_future(talking)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            return int(Code.INTERRUPTED)
        finally:
            await room.close()

    return asyncio.run(run())


async def _on_terminal(room: Room) -> int:
    from opsagent.chat.terminal import Terminal

    return await Terminal(room, _answer_lines).run()


async def _on_lines(room: Room, out: Out) -> int:
    from opsagent.chat.drawing import drawn
    from opsagent.chat.lines import Lines

    def show(event: Event) -> None:
        if out.as_json:
            more = {"conversation": room.keeper.id} if event.kind == "end" else {}
            out.item({**event.to_json(), **more})
            return
        out.lines(drawn(event, out.screen, _answer_lines))

    return await Lines(room, show, as_json=out.as_json).run()


def _answer_lines(event: Event, screen: Screen) -> list[str]:
    """Return an answer as `opsagent do` draws it."""
    from opsagent.answering.answer import Answer
    from opsagent.cli.answers import show
    from opsagent.commands.reading import CommandStep

    step = event.data["step"]
    collected = _Collected(screen)
    answer = Answer(data=event.data["answer"], headline=event.text, lines=event.lines, quoted=event.quoted)
    show(CommandStep(tool=step["tool"], target=step["target"], args=step["args"]), answer, collected)
    return collected.found


class _Collected(Out):
    """Keeps lines instead of writing them."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(as_json=False)
        self.screen = screen
        self.found: list[str] = []

    def _write(self, text: str) -> None:
        self.found.extend(text.split("\n"))

    def note(self, text: str) -> None:
        """Keep it too."""
        self.found.append(text)


def _explained(error: Exception, home: Home) -> str:
    """Return one line for an error; what is a fault of the program leaves its trace in the home."""
    if code_of(error) is not None:
        return one_line(error)
    trace = write_trace(error, home.logs_dir)
    return f"unexpected {type(error).__name__}: {one_line(error)}" + (
        f"; the full trace is in {trace}" if trace else ""
    )


def _language() -> Language:
    """Return the language of the person's environment, for what is said before they say anything."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return "ko" if os.environ[name].lower().startswith("ko") else "en"
    return "en"


def list_all(*, as_json: bool, home: str | None) -> int:
    """List this person's conversations."""
    from opsagent.cli.services import open_home
    from opsagent.cli.store import person, reading
    from opsagent.views.numbers import moment
    from opsagent.views.table import Cell, Column, table

    with reading(open_home(home)) as journal:
        rows = journal.conversations(person())
    out = Out(as_json=as_json)
    if as_json:
        out.document({"conversations": rows})
        return Code.DONE
    if not rows:
        out.line("no conversation is kept")
        return Code.DONE
    columns = (Column("ID"), Column("BEGAN", drop=1), Column("SAID", drop=2, right=True), Column("FIRST"))
    drawn = [
        (Cell(row.id, "strong"), Cell(moment(row.began_at)), Cell(str(row.turns)), Cell(row.title)) for row in rows
    ]
    out.lines(table(columns, drawn, out.screen))
    return Code.DONE


def forget_one(begins_with: str | None, *, as_json: bool, home: str | None) -> int:
    """Erase one conversation."""
    from opsagent.cli.services import open_home
    from opsagent.cli.store import person, writing

    if not begins_with:
        raise Unclear("which conversation? `opsagent chat --list` lists them")
    with writing(open_home(home)) as journal:
        try:
            row = journal.conversation(begins_with)
        except LookupError as error:
            raise Unclear(f"{error}: `opsagent chat --list` lists them") from error
        if row.by != person():
            raise Unclear(f"conversation {row.id} is one of {row.by}, who may forget it")
        count = journal.forget_conversation(row.id)
    out = Out(as_json=as_json)
    if as_json:
        out.document({"forgotten": row.id, "turns": count})
    else:
        out.line(f"forgotten: conversation {row.id}, {count} things that were said in it")
    return Code.DONE
