"""Runs the command that a person's own runbook names, as the owner of the unit, and keeps a receipt of how it ended.

The runbook is read again just before: it must still be the user's alone, and say what it said when it was planned.
The receipt is what the world can be asked for after a crash: no receipt means that nobody can tell.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from opsagent.check import Checker
from opsagent.command_receipts import folder_in, is_run, write_receipt
from opsagent.runbooks.commands import digest_of, words_of
from opsagent.runbooks.library.card import RemedyCard
from opsagent.runbooks.own import FOLDER, OwnRunbooks
from opsagent_tools.actions import Action, Outcome
from opsagent_tools.processes.commands import CommandRefused, Ran, run_words
from opsagent_tools.redact import redact

_TAIL = 300


class CommandHands:
    """The hand of `run_runbook_command`."""

    def __init__(self, checker: Checker, home: Path, own: OwnRunbooks | None = None) -> None:
        self._checker = checker
        self._own = own or OwnRunbooks(home / FOLDER)
        self._receipts = folder_in(home)

    async def run(self, action: Action) -> Outcome:
        """Run it once; exit code 0 is done."""
        run = str(action.args["run"])
        if not is_run(run):
            return Outcome(done=False, detail="this run has no name")
        said = await asyncio.to_thread(self._planned, action)
        if isinstance(said, str):
            return Outcome(done=False, detail=said)
        step = said.steps[int(action.args["step"])]
        unit = await self._checker.unit(action.unit)
        try:
            words = words_of(step, action.args)
            ran = await run_words(
                words,
                uid=unit.uid,
                cwd=Path(step.cwd or "/"),
                timeout_s=step.timeout_s,
                env={"OPSAGENT_UNIT": action.unit.name},
            )
        except (CommandRefused, ValueError, KeyError) as error:
            return Outcome(done=False, detail=f"not run: {error}")
        await asyncio.to_thread(write_receipt, self._receipts, run, ran.code)
        return Outcome(done=ran.code == 0, detail=_told(words, ran, step.timeout_s))

    def _planned(self, action: Action) -> RemedyCard | str:
        """Return the remedy as its file says it now, or why that is not what was planned."""
        name, number = str(action.args["runbook"]), int(action.args["step"])
        card = self._own.card(name)
        said = next((one for one in card.remedies if one.counts_as == name), None) if card is not None else None
        if said is None or not 0 <= number < len(said.steps):
            return f"{name} is not in the runbooks any more"
        if digest_of(said, number) != action.args.get("digest"):
            return f"{name} was changed since this was planned"
        return said


def _told(words: tuple[str, ...], ran: Ran, timeout_s: float) -> str:
    """Say how it ended, with the end of what it said: redacted, one line, bounded."""
    text = redact(ran.output.decode(errors="replace"))
    tail = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    tail = tail if len(tail) <= _TAIL else "…" + tail[-_TAIL:]
    how = f"took longer than {timeout_s:g} s and was ended" if ran.code is None else f"exit code {ran.code}"
    if ran.code is not None and ran.code < 0:
        how = f"ended by signal {-ran.code}"
    return f"{Path(words[0]).name}: {how}{f' ({tail})' if tail else ''}"
