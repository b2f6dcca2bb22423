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
    from opsagent.releases.keeper import Keeper
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
        plan = asyncio.run(self.plan(to, undo=undo))
        if isinstance(plan, int):
            return self._end("refused" if plan else "nothing", plan)
        if dry_run:
            return self._end("dry_run", Code.DONE)
        if not self.agreed(plan):
            self._out.note("nothing was done")
            return Code.NEEDS_APPROVAL
        ended = asyncio.run(self.carry_out(plan))
        return self._tell(ended)

    @property
    def refused(self) -> str:
        """Return why there is no plan."""
        return str(self._told.get("refused") or "nothing to put back")

    async def plan(self, to: str | None = None, *, undo: bool = False) -> Plan | int:
        """Look at the difference, show it, and return the plan; the exit code where there is nothing to do."""
        from opsagent.cli.agent import config_of
        from opsagent.releases.opening import keeper_of

        config = config_of(self._home)
        canary_s, well = config.policy.canary_s, await self._is_well()
        async with keeper_of(self._home, config, self._unit.id.supervisor) as keeper:
            if undo:
                return await asyncio.to_thread(self._undo, keeper, canary_s, well=well)
            try:
                row = await asyncio.to_thread(keeper.find, self._unit.id, to)
            except LookupError as error:
                raise Unclear(str(error)) from error
            found = await self._difference(keeper, row)
            self._show(found, row)
            if not found.restores:
                return Code.REFUSED if found.refused else Code.DONE
            release, replaces = await asyncio.to_thread(keeper.keep_states, found)
        return self._made(release, replaces, row.label, canary_s=canary_s, well=well)

    async def _difference(self, keeper: Keeper, row: ReleaseRow) -> Difference:
        from opsagent_tools.files import UnsafeFile

        try:
            return await keeper.difference(self._unit, row)
        except (UnsafeFile, OSError) as error:
            raise CliError(f"{self._unit.name} cannot be rolled back: {error}", code=Code.REFUSED) from error

    def _undo(self, keeper: Keeper, canary_s: float, *, well: bool) -> Plan:
        last = keeper.journal.last_rollback(self._unit.id)
        if last is None:
            raise Unclear(f"no rollback of {self._unit.name} is known that could be taken back")
        if not self._out.as_json:
            self._out.line(f"takes the last rollback of {self._unit.name} back: its files as they were before it")
        label = "what it had before the rollback"
        release, replaces = str(last.args["replaces"]), str(last.args["release"])
        return self._made(release, replaces, label, canary_s=canary_s, well=well)

    def _made(self, release: str, replaces: str, label: str, *, canary_s: float, well: bool) -> Plan:
        from opsagent.releases.plans import rollback_plan

        return rollback_plan(
            self._unit, self._spec, release=release, replaces=replaces, label=label, well=well, canary_s=canary_s
        )

    async def _is_well(self) -> bool:
        """Tell whether there is something to lose: it serves now, as far as anybody can ask."""
        from opsagent_tools.probes.health import ask
        from opsagent_tools.units import UnitState

        if self._unit.state is not UnitState.RUNNING or len(self._unit.processes) < self._unit.instances:
            return False
        health = self._spec.health if self._spec is not None else None
        return health is None or (await ask(health)).ok

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

    def agreed(self, plan: Plan) -> bool:
        """Ask on a terminal. Elsewhere the guard asks, and says by which id."""
        if self._yes or self._out.as_json or not (sys.stdin.isatty() and self._out.notes.terminal):
            return True
        steps = ", then ".join(step.action.name.value for step in plan.steps)
        self._out.note(f"{self._unit.name}: {steps}")
        sys.stderr.write("go on? [y/N] ")
        sys.stderr.flush()
        self._yes = sys.stdin.readline().strip().lower() in {"y", "yes"}
        return self._yes

    async def carry_out(self, plan: Plan) -> Ended:
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
