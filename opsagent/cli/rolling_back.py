"""Carries out `opsagent rollback`: look, show, ask, and hand the plan to the agent."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from opsagent.cli.errors import CliError, Code, Unclear

if TYPE_CHECKING:
    from opsagent.cli.carry import Ended
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.model import Plan
    from opsagent.releases.difference import Difference
    from opsagent.store.rows import ReleaseRow
    from opsagent_tools.services.spec import ServiceSpec
    from opsagent_tools.units import Unit


class RollingBack:
    """One `opsagent rollback`."""

    def __init__(self, home: Home, name: str, out: Out, *, yes: bool) -> None:
        from opsagent.cli.daemon import status
        from opsagent.cli.services import find, look

        self._home = home
        self._out = out
        self._yes = yes
        daemon = status(home)
        running = look(home, daemon=daemon)
        self._unit: Unit = find(name, running.units)
        self._spec: ServiceSpec | None = running.spec(self._unit.id)
        self._told: dict[str, Any] = {"unit": str(self._unit.id)}

    def run(self, *, to: str | None, undo: bool, dry_run: bool) -> int:
        """Do it; return the exit code."""
        plan = asyncio.run(self._plan(to, undo=undo))
        if isinstance(plan, int):
            return self._end("refused" if plan else "nothing", plan)
        if dry_run:
            return self._end("dry_run", Code.DONE)
        if not self._agreed(plan):
            self._out.note("nothing was done")
            return Code.NEEDS_APPROVAL
        ended = asyncio.run(self._carry_out(plan))
        return self._tell(ended)

    async def _plan(self, to: str | None = None, *, undo: bool = False) -> Plan | int:
        """Look at the difference, show it, and return the plan; the exit code where there is nothing to do."""
        from opsagent.carrying.rollback import CannotCompare, Rollback

        rollback = Rollback(self._home, self._unit, self._spec)
        try:
            if undo:
                plan = await rollback.taking_back()
                if not self._out.as_json:
                    self._out.line(
                        f"takes the last rollback of {self._unit.name} back: its files as they were before it"
                    )
                return plan
            looked = await rollback.look(to)
        except LookupError as error:
            raise Unclear(str(error)) from error
        except CannotCompare as error:
            raise CliError(str(error), code=Code.REFUSED) from error
        self._show(looked.found, looked.row)
        if looked.plan is None:
            return Code.REFUSED if looked.found.refused else Code.DONE
        return looked.plan

    def _show(self, found: Difference, row: ReleaseRow) -> None:
        from opsagent.cli.rollback_list import as_json
        from opsagent.views.release import as_lines, changes_json

        self._told |= {
            "release": as_json(row),
            "now": found.now,
            "changes": changes_json(found),
            "warnings": list(found.warnings),
            "refused": found.refused or None,
            "advice": found.advice or None,
        }
        if not self._out.as_json:
            self._out.lines(as_lines(found, row, self._unit.name, self._out.screen))

    def _agreed(self, plan: Plan) -> bool:
        """Ask on a terminal. Elsewhere the guard asks, and says by which id."""
        if self._yes or self._out.as_json or not (sys.stdin.isatty() and self._out.notes.terminal):
            return True
        steps = ", then ".join(step.action.name.value for step in plan.steps)
        self._out.note(f"{self._unit.name}: {steps}")
        sys.stderr.write("go on? [y/N] ")
        sys.stderr.flush()
        self._yes = sys.stdin.readline().strip().lower() in {"y", "yes"}
        return self._yes

    async def _carry_out(self, plan: Plan) -> Ended:
        """Hand the plan to the agent, and follow it to its end."""
        from opsagent.cli.agent import agent_of
        from opsagent.cli.carry import Carrier
        from opsagent.cli.store import person

        async with agent_of(self._home) as agent:
            return await Carrier(self._out).follow(agent.submit(plan, confirmed=self._yes, by=person()))

    def _tell(self, ended: Ended) -> int:
        from opsagent.views.terminal import one_line

        name = self._unit.name
        self._told |= ended.as_json()
        if self._out.as_json:
            return self._end(ended.result, ended.code)
        match ended.result:
            case "done":
                self._out.line(
                    one_line(f"done: {name} is rolled back; `opsagent rollback {name} --undo` takes it back")
                )
            case "asked":
                self._out.note(f"needs a yes: {ended.detail}. Say --yes, or `opsagent approve {ended.approval}`")
            case "refused":
                self._out.note(f"refused: {ended.detail}" + (f" (rule: {ended.rule})" if ended.rule else ""))
            case _:
                self._out.note(f"failed: {ended.detail}")
        return ended.code

    def _end(self, result: str, code: int) -> int:
        if self._out.as_json:
            self._out.document({**self._told, "result": result, "exit_code": int(code)})
        return code
