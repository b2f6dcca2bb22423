"""Carries out `opsagent undo`: look, show, ask, and hand the plans to the agent, one after the other."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsagent.cli.errors import Code, Unclear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsagent.cli.carry import Ended
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.model import Plan
    from opsagent.takeback import Back

_MARKS = {"possible": "", "back": "taken back already", "cannot": "cannot be taken back", "changed": "changed since"}
_MOST_OF_DIFFERENCE = 40


class TakingBack:
    """One `opsagent undo`."""

    def __init__(self, home: Home, what: str, out: Out, *, yes: bool) -> None:
        self._home = home
        self._what = what
        self._out = out
        self._yes = yes
        self._told: dict[str, Any] = {}

    def run(self, *, dry_run: bool) -> int:
        """Do it; return the exit code."""
        from opsagent.cli.store import person
        from opsagent.takeback import plans_of

        backs = asyncio.run(self._looked())
        self._show(backs)
        plans = plans_of(backs, person())
        changed = [back for back in backs if back.state == "changed"]
        if changed:
            return self._end("refused", Code.REFUSED, f"{changed[0].why}: nothing of it is overwritten")
        if not plans:
            if any(back.state == "cannot" for back in backs) and not any(back.state == "back" for back in backs):
                return self._end("refused", Code.REFUSED, "nothing of this can be taken back")
            return self._end("nothing", Code.DONE, "nothing is left to take back")
        if dry_run:
            return self._end("dry_run", Code.DONE)
        if not self._agreed():
            return self._end("declined", Code.NEEDS_APPROVAL, "nothing was done")
        return self._tell(asyncio.run(self._carry_out(plans)))

    async def _looked(self) -> Sequence[Back]:
        """Return what was done, and what can be taken back now."""
        from opsagent.cli.store import reading
        from opsagent.takeback import backs_of

        try:
            with reading(self._home) as journal:
                done = await asyncio.to_thread(journal.done_by, self._what)
        except LookupError as error:
            raise Unclear(f"{error}: `opsagent incidents show ID` lists plans and steps") from error
        self._told = {"id": done.id, "kind": done.kind}
        return [await self._still(back) for back in backs_of(done.plans, done.takings, done.ordinal)]

    async def _still(self, back: Back) -> Back:
        """Look whether what the step left is still as it left it, as far as files tell; act asks for the rest."""
        from opsagent.check import Checker
        from opsagent.takeback import stands
        from opsagent.world import World

        check = stands(back.step)
        if back.state != "possible" or back.undo is None or check is None:
            return back
        checker = Checker({}, World(), last_good_dir=self._home.last_good_dir)
        if await checker.holds(check) is not False:
            return back
        if await checker.holds(back.undo.goal) is True:
            return replace(back, state="back", why="it is as it was before")
        return replace(back, state="changed", why=f"what {back.step.action} left was changed since")

    def _show(self, backs: Sequence[Back]) -> None:
        self._told["steps"] = [
            {
                "plan": back.row.plan.id,
                "remedy": back.row.plan.remedy,
                "ordinal": back.ordinal,
                "unit": str(back.step.action.unit),
                "done": str(back.step.action),
                "undo": str(back.undo.action) if back.undo is not None else None,
                "args": dict(back.undo.action.args) if back.undo is not None else {},
                "state": back.state,
                "why": back.why or None,
            }
            for back in backs
        ]
        if self._out.as_json:
            return
        from opsagent.views.terminal import one_line

        if not backs:
            self._out.line("nothing was done under this id")
        for back in backs:
            undo = f"{back.undo.action}{_args(back)}" if back.undo is not None else ""
            mark = _MARKS[back.state]
            said = f"{mark}: {back.why}" if mark and back.why and back.state != "changed" else mark or undo
            self._out.line(one_line(f"{back.row.plan.id}.{back.ordinal}  {back.step.action}  ->  {said}"))
            for line in self._difference(back):
                self._out.line(one_line(f"    {line}"))

    def _difference(self, back: Back) -> list[str]:
        """Return what the content of a configuration file would change to, masked."""
        import difflib
        from pathlib import Path

        from opsagent.kept_contents import content_path
        from opsagent_tools.redact import redact

        action = back.undo.action if back.undo is not None else None
        if action is None or back.state != "possible" or action.name.value != "rollback_config":
            return []
        try:
            now = Path(str(action.args["path"])).read_text(errors="replace").splitlines()
            sha256 = str(action.args["sha256"])
            then = content_path(self._home.last_good_dir, sha256).read_text(errors="replace") if sha256 else ""
        except (OSError, ValueError):
            return []
        found = [
            line for line in difflib.unified_diff(now, then.splitlines(), lineterm="", n=1) if line[:3] not in _HEADS
        ]
        return [redact(line) for line in found[:_MOST_OF_DIFFERENCE]]

    def _agreed(self) -> bool:
        """Ask on a terminal. Elsewhere the guard asks, and says by which id."""
        if self._yes or self._out.as_json or not (sys.stdin.isatty() and self._out.notes.terminal):
            return True
        sys.stderr.write("take this back? [y/N] ")
        sys.stderr.flush()
        self._yes = sys.stdin.readline().strip().lower() in {"y", "yes", "ㅇ", "네", "예"}
        return self._yes

    async def _carry_out(self, plans: Sequence[Plan]) -> Ended:
        """Hand the plans to the agent, the latest first, until one does not succeed."""
        from opsagent.cli.agent import agent_of
        from opsagent.cli.carry import Carrier
        from opsagent.cli.store import person

        async with agent_of(self._home) as agent:
            for plan in plans:
                ended = await Carrier(self._out).follow(agent.submit(plan, confirmed=self._yes, by=person()))
                if ended.code != Code.DONE:
                    break
        return ended

    def _tell(self, ended: Ended) -> int:
        self._told |= ended.as_json()
        match ended.result:
            case "done":
                return self._end("done", ended.code, "it is taken back")
            case "asked":
                how = f"needs a yes: {ended.detail}. Say --yes, or `opsagent approve {ended.approval}`"
            case "refused":
                how = f"refused: {ended.detail}" + (f" (rule: {ended.rule})" if ended.rule else "")
            case _:
                how = f"failed: {ended.detail}"
        return self._end(ended.result, ended.code, how)

    def _end(self, result: str, code: int, said: str = "") -> int:
        if self._out.as_json:
            self._out.document({**self._told, "result": result, "detail": said or None, "exit_code": int(code)})
        elif said and code == Code.DONE:
            self._out.line(said)
        elif said:
            self._out.note(said)
        return code


_HEADS = ("---", "+++")


def _args(back: Back) -> str:
    args = back.undo.action.args if back.undo is not None else {}
    shown = [f"{name}={value}" for name, value in args.items() if name in {"path", "to", "instances", "release"}]
    return f" ({', '.join(shown)})" if shown else ""
