"""`propose`: a caller's plan becomes a question to people. It is never carried out from here, whatever its risk and the mode.

How it stands is told by `proposal`. There is no tool that approves or denies: a person does, on the machine.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from opsagent.brain.proposals import ARGS
from opsagent.commands.meaning import MAX_INSTANCES
from opsagent.commands.reading import CommandStep
from opsagent.mcp_server.commands import TEXT, reading_of
from opsagent.mcp_server.desk import Call, Desk, McpTool
from opsagent.mcp_server.errors import CallError, call_error
from opsagent.mcp_server.giving import given, one_line

if TYPE_CHECKING:
    from opsagent.model import Plan
    from opsagent.ports import AgentPort
    from opsagent.store.journal import Journal
    from opsagent_tools.units import Unit

PROCEDURE = "run_gui_procedure"
PROPOSABLE = ("start", "stop", "restart", "reload", "scale", "rollback", PROCEDURE)
"""What a program may propose. Orders to the agent (pause, hold, approve, teach) are given by people alone."""
STEPS_MAX = 5
OPEN_MAX = 10
"""Questions of all MCP callers together that may be open: another name for oneself gives no more."""
PER_HOUR = 30
_WHY_MAX, _CHOICES = 300, 3
_PREFIX = "mcp: "
_STEP = {
    "type": "object",
    "properties": {
        "tool": {"type": "string", "enum": list(PROPOSABLE), "description": "what to do"},
        "unit": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "description": "name of the service; of run_gui_procedure none",
        },
        "replicas": {
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_INSTANCES,
            "description": "scale: how many instances",
        },
        "safely": {"type": "boolean", "description": "restart: one instance after the other"},
        "procedure": {"type": "string", "minLength": 1, "maxLength": 64, "description": "run_gui_procedure: its name"},
        "params": {"type": "string", "maxLength": 500, "description": "run_gui_procedure: what it is told, as text"},
    },
    "required": ["tool"],
    "additionalProperties": False,
}


def tools() -> tuple[McpTool, ...]:
    """Return `propose`, and `proposal` that tells what became of it."""
    return (
        McpTool(
            name="propose",
            title="propose a change to a person",
            description=(
                "Propose a change of services, as `steps` or as `text` in plain words, with the reason `why`. Nothing runs: "
                "a person is asked, and only they can say yes, on the machine. Each step becomes a question of its own. "
                "Returns the ids of the questions."
            ),
            properties={
                "steps": {"type": "array", "items": _STEP, "minItems": 1, "maxItems": STEPS_MAX},
                "text": TEXT,
                "why": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1000,
                    "description": "the reason, for the person",
                },
            },
            required=("why",),
            run=_propose,
            reads=False,
        ),
        McpTool(
            name="proposal",
            title="what became of a proposal",
            description="Say whether a proposal still waits for a person, was approved and how that ended, or was denied. Reads only.",
            properties={
                "id": {"type": "string", "minLength": 4, "maxLength": 64, "description": "that propose returned"}
            },
            required=("id",),
            run=_proposal,
        ),
    )


async def _propose(desk: Desk, call: Call) -> dict[str, Any]:
    steps = await _steps(desk, call)
    async with desk.alone:
        return await _proposed(desk, call, steps)


async def _proposed(desk: Desk, call: Call, steps: tuple[CommandStep, ...]) -> dict[str, Any]:
    from opsagent.config import Config
    from opsagent.local_api import open_agent

    await asyncio.to_thread(_within_budget, desk, len(steps))
    why = f"{call.caller} says: {one_line(str(call.arguments['why']), _WHY_MAX)}"
    config = await asyncio.to_thread(Config.load, desk.home)
    # every plan is made before anybody is asked: what cannot be planned keeps all of it from being asked
    plans = [_saying(why, await _plan(desk, step, why, config.policy.canary_s)) for step in steps]
    results: list[dict[str, Any]] = []
    async with open_agent(desk.home, config) as agent:
        for step, plan in zip(steps, plans, strict=True):
            results.append({"step": _plain(step), **await _ask(agent, plan, call.caller, why)})
            if results[-1]["result"] != "asked":
                break
    left = [_plain(step) for step in steps[len(results) :]]
    note = "Nothing was done. Only a person can say yes, and no answer counts as no."
    return given({"proposals": results, "not_proposed": left, "note": note})


async def _ask(agent: AgentPort, plan: Plan, caller: str, why: str) -> dict[str, Any]:
    """Return what became of one plan; an error is a result, for what was asked before it stands."""
    try:
        progress = await agent.propose(plan, by=caller, why=why)
    except Exception as error:  # noqa: BLE001  # told as a code and a line
        told = call_error(error)
        return {"result": "failed", "approval": None, "rule": told.code, "detail": str(told)}
    found = {
        "result": progress.kind,
        "approval": progress.approval or None,
        "rule": progress.rule,
        "detail": progress.text,
    }
    if progress.approval:
        answers = f"opsagent approve {progress.approval}, or opsagent deny {progress.approval}"
        found["how"] = f"a person answers on the machine: {answers}"
    return found


async def _steps(desk: Desk, call: Call) -> tuple[CommandStep, ...]:
    text, listed = call.arguments.get("text"), call.arguments.get("steps")
    if bool(text) == bool(listed):
        raise CallError("bad_argument", "give either steps or text")
    if listed:
        found = tuple(_step(one) for one in listed)
    else:
        reading = await reading_of(desk, str(text))
        if reading.ask is not None:
            offers = [[step.to_json() for step in offer] for offer in reading.ask.offers[:_CHOICES]]
            raise CallError("not_proposed", reading.ask.question, kind=reading.ask.kind, offers=offers)
        found = reading.steps
    for step in found:
        _demand_proposable(step)
    if len(found) > STEPS_MAX:
        raise CallError("not_proposed", f"{len(found)} steps at once: propose {STEPS_MAX} at most")
    return found


def _plain(step: CommandStep) -> dict[str, Any]:
    return {"tool": str(step.tool), "unit": step.target, **step.args}


def _step(one: dict[str, Any]) -> CommandStep:
    args: dict[str, Any] = {name: one[name] for name in ("replicas", "safely", "procedure", "params") if name in one}
    for name in args:  # the question would not say what the caller believes to have proposed
        if name not in ARGS.get(one["tool"], ()):
            raise CallError("bad_argument", f"{one['tool']} takes no {name}")
    if one["tool"] == PROCEDURE and not args.get("procedure"):
        raise CallError("bad_argument", f"{PROCEDURE} needs procedure")
    return CommandStep(tool=one["tool"], target=one.get("unit"), args=args)


def _demand_proposable(step: CommandStep) -> None:
    if step.tool not in PROPOSABLE:
        raise CallError("not_proposed", f"{step.tool} is nothing that a program may propose: {', '.join(PROPOSABLE)}")
    if step.tool == PROCEDURE:
        if step.target is not None:
            raise CallError("bad_argument", f"{PROCEDURE} takes no unit: its procedure says which program it is for")
    elif step.target is None or step.target == "all":
        raise CallError("not_proposed", f"{step.tool} of everything: name the services, each in a step of its own")
    for name in ("at", "if"):
        if name in step.args:
            raise CallError("not_proposed", "a proposal is for now: times and conditions are set by people")


def _within_budget(desk: Desk, more: int) -> None:
    """Raise CallError where callers ask too much. Counted in the journal: to start the server anew changes nothing."""
    from opsagent.store.journal import Journal

    with Journal.read(desk.home) as journal:
        rows = [row for row in journal.approvals(pending=False) if row.proposer.startswith(_PREFIX)]
    still_open = sum(row.status == "pending" for row in rows)
    if still_open + more > OPEN_MAX:
        raise CallError("too_many", f"{still_open} proposals wait for an answer already: {OPEN_MAX} at most")
    lately = sum(row.asked_at >= datetime.now(UTC) - timedelta(hours=1) for row in rows)
    if lately + more > PER_HOUR:
        raise CallError("too_many", f"{lately} proposals within the last hour: {PER_HOUR} at most")


async def _plan(desk: Desk, step: CommandStep, why: str, canary_s: float) -> Plan:
    if step.tool == PROCEDURE:
        return await _procedure(desk, step, why)
    from opsagent.api.ask import status
    from opsagent.commands.plans import plan_of
    from opsagent.running import find, look

    daemon = await asyncio.to_thread(status, desk.home)
    running = await asyncio.to_thread(look, desk.home, daemon=daemon)
    unit = find(step.target or "", running.with_daemons, silent=running.silent)
    if step.tool == "rollback":
        return await _rollback(desk, unit, running.spec(unit.id))
    try:
        return plan_of(step, unit, running.spec(unit.id), text=why, canary_s=canary_s)
    except KeyError as error:
        raise CallError("bad_argument", f"{step.tool} needs {error.args[0]}") from error


async def _procedure(desk: Desk, step: CommandStep, why: str) -> Plan:
    """Return the plan of a procedure on a screen, on the version that is accepted now."""
    from opsagent.screens.calling import planned
    from opsagent.screens.errors import ProcedureError

    try:
        plan, _, _ = await planned(desk.home, step.args, why=why)
    except ProcedureError as error:
        raise CallError("not_proposed", str(error)) from error
    if plan.steps[0].action.args.get("looked"):
        raise CallError(
            "not_proposed", f"a run of {step.args['procedure']} was cut short: a person has to run it again"
        )
    return plan


def _saying(why: str, plan: Plan) -> Plan:
    """Return the plan with the caller's reason where a person looks who is asked: at its first step."""
    first, *rest = plan.steps
    return replace(plan, why=why, steps=(replace(first, why=why), *rest))


async def _rollback(desk: Desk, unit: Unit, spec: Any) -> Plan:
    from opsagent.carrying.rollback import CannotCompare, Rollback

    try:
        looked = await Rollback(desk.home, unit, spec).look()
    except CannotCompare as error:
        raise CallError("unavailable", str(error)) from error
    if looked.plan is None:
        raise CallError(
            "not_proposed", looked.found.refused or f"{unit.name} is as its last good release: nothing to put back"
        )
    return looked.plan


async def _proposal(desk: Desk, call: Call) -> dict[str, Any]:
    from opsagent.store.journal import Journal

    def find() -> dict[str, Any]:
        with Journal.read(desk.home) as journal:
            return _told(journal, str(call.arguments["id"]))

    return given(await asyncio.to_thread(find))


def _told(journal: Journal, wanted: str) -> dict[str, Any]:
    row = journal.approval(wanted)
    if not row.proposer.startswith(_PREFIX):
        raise CallError("not_found", f"{wanted} is no proposal of an MCP caller")
    plan = journal.plan(row.plan_id)
    return {
        "id": row.id,
        "action": str(row.step.action),
        "status": row.status,
        "decided_by": row.decided_by,
        "expires_at": row.expires_at.isoformat(),
        "plan": plan.status,
        "detail": plan.detail,
    }
