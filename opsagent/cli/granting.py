"""Granting and revoking: what `opsagent trust` writes down."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.policy import Policy
    from opsagent.store.journal import Journal
    from opsagent.trust import Score
    from opsagent_tools.actions import ActionName
    from opsagent_tools.units import UnitId

_YES = {"y", "yes", "ㅇ", "네", "예"}


def grant(place: Home, text: str, why: str, out: Out, *, sure: bool) -> int:
    """Let the agent do `ACTION:UNIT` unasked. Raises Unclear, CliError."""
    from opsagent.cli.agent import config_of
    from opsagent.cli.errors import CliError, Code
    from opsagent.cli.store import reading

    """Let the agent do `ACTION:UNIT` unasked. Raises Unclear, CliError."""
    action, unit = meant(place, text)
    policy = config_of(place).policy
    if not grantable(action, policy):
        problem = "cannot be undone, or no grant reaches it: it is asked for, each time (docs/policy.md)"
        raise CliError(f"{action}:{unit.name} {problem}", code=Code.REFUSED)
    least = policy.trust_min
    with reading(place) as journal:
        score = next((one for one in scores_of(journal) if (one.unit, one.action) == (unit, action)), None)
    times = score.right_since if score is not None else 0
    if times < least:
        thin = f"{action}:{unit.name} was right {times} times so far, the policy wants {least} (trust_min)"
        if not sure:
            if not (sys.stdin.isatty() and out.notes.terminal and not out.as_json):
                raise CliError(f"{thin}: say --yes to grant it all the same", code=Code.NEEDS_APPROVAL)
            if not confirm(f"{thin}; grant it all the same?"):
                out.note("nothing was granted")
                return Code.NEEDS_APPROVAL
        out.note(thin)
    return write_grant(place, unit, action, why or (score.line() if score is not None else "no record yet"), out)


def write_grant(place: Home, unit: UnitId, action: ActionName, why: str, out: Out) -> int:
    """Write a grant down and say so."""
    from opsagent.cli.store import person, writing

    with writing(place) as journal:
        granted = journal.grant(unit, action, person(), why)
        journal.record_change("grant", f"{action}:{unit.name} is granted: {why}", person())
    if out.as_json:
        out.document({"grant": granted, "action": action.value, "unit": str(unit), "by": person(), "why": why})
    else:
        from opsagent.views.terminal import one_line

        name = one_line(f"{action}:{unit.name}")
        out.line(f"{name} is auto from now on, until it misses once; `opsagent trust --revoke {name}` takes it back")
    return 0


def revoke(place: Home, text: str, why: str, out: Out) -> int:
    """Take a grant back. Raises Unclear where there is none."""
    from opsagent.cli.errors import Unclear
    from opsagent.cli.store import person, writing

    action, unit = meant(place, text)
    with writing(place) as journal:
        ended = journal.revoke(unit, action, person(), why or "taken back by a person")
    if not ended:
        raise Unclear(f"{action}:{unit.name} is not granted: `opsagent trust` lists what is")
    if out.as_json:
        out.document({"revoked": ended, "action": action.value, "unit": str(unit)})
    else:
        from opsagent.views.terminal import one_line

        out.line(f"{one_line(f'{action}:{unit.name}')} is not granted any more")
    return 0


def scores_of(journal: Journal) -> tuple[Score, ...]:
    """Return how right each action would have been; blocks for two queries."""
    from opsagent.trust import scores

    return scores(journal.would_bes(), journal.grants(ended=True))


def grantable(action: ActionName, policy: Policy) -> bool:
    """Tell whether a grant could do anything: what destroys, or only tells, cannot be granted, nor a command, as one earns
    nothing for another (`safe_commands`), nor a procedure on screens (`[screens] unattended`), nor a rollback of a release, unless the policy lets it be done unasked.
    """
    from opsagent_tools.actions import ActionName, Effect
    from opsagent_tools.registry import TOOLS

    if action in {ActionName.RUN_RUNBOOK_COMMAND, ActionName.RUN_GUI_PROCEDURE}:
        return False
    if action is ActionName.ROLLBACK and not policy.rollback_failed_deploys:
        return False
    tool = TOOLS.get(action)
    return tool is not None and tool.effect not in {Effect.DESTROYS, Effect.READS, Effect.TELLS}


def meant(place: Home, text: str) -> tuple[ActionName, UnitId]:
    """Read `restart:worker`. Raises Unclear, which offers what is near."""
    from opsagent.cli.daemon import status
    from opsagent.cli.errors import Unclear
    from opsagent.cli.services import find, look
    from opsagent.explaining import action_named

    name, colon, unit = text.partition(":")
    if not colon or not unit:
        raise Unclear(f"{text!r} is no ACTION:UNIT: write for example restart:worker")
    try:
        action = action_named(name)
    except ValueError as error:
        raise Unclear(str(error)) from None
    running = look(place, daemon=status(place))
    return action, find(unit, running.with_daemons, silent=running.silent).id


def confirm(question: str) -> bool:
    """Ask on the terminal; anything but y or yes is no."""
    from opsagent.views.terminal import one_line

    sys.stderr.write(f"{one_line(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in _YES
