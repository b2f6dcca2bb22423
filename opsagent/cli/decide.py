"""What `approve` and `deny` share: write the answer down, and carry a person's plan out after a yes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from opsagent.cli.errors import Code

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.store.rows import ApprovalRow


def decide(approval: str, *, approve: bool, as_json: bool, home: str | None) -> int:
    """Answer a question; return the exit code."""
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home_as_its_owner
    from opsagent.cli.store import no_such, person, writing

    place = open_home_as_its_owner(home)
    out = Out(as_json=as_json)
    try:
        with writing(place) as journal:
            origin = journal.plan_of_approval(approval).origin if approve else ""
            row = journal.decide_approval(approval, approve, person())
    except LookupError as error:
        raise no_such("approval", approval, f"{error}; `opsagent approvals` lists them") from error
    if origin == "person" and row.status == "approved":
        return asyncio.run(_carry_out(place, row, out))
    said = _said(place, row, approve=approve)
    if as_json:
        from opsagent.views.questions import as_json as row_as_json

        out.document({"approval": row_as_json(row), "note": said})
    else:
        out.line(said)
    return Code.DONE


def _said(home: Home, row: ApprovalRow, *, approve: bool) -> str:
    from opsagent.views.questions import marked, state

    action = marked(str(row.step.action))
    if not approve:
        return f"denied: {action} is not done"
    if row.status == "pending":
        return f"noted ({state(row)}): somebody else has to approve it too, before {row.expires_at:%H:%M}Z"
    if "screen_step" in row.step.action.args:
        until = f"before {row.expires_at:%H:%M}Z"
        return f"approved: the run that waits for it goes on, or the next one does this step, once, {until}"
    from opsagent.cli.daemon import status

    if status(home) is None:
        return f"approved, but no daemon runs that could do it: start `opsagent watch` before {row.expires_at:%H:%M}Z"
    return f"approved: the agent does {action} now, if everything still is as it was asked"


async def _carry_out(home: Home, row: ApprovalRow, out: Out) -> int:
    from opsagent.cli.agent import agent_of
    from opsagent.cli.carry import Carrier
    from opsagent.cli.store import person

    async with agent_of(home) as agent:
        carrier = Carrier(out)
        ended = await carrier.follow(agent.approved(row.id, by=person()))
    if out.as_json:
        from opsagent.views.questions import as_json as row_as_json

        out.document({"approval": row_as_json(row), "result": ended.as_json()})
    elif ended.code == Code.DONE:
        out.line(f"done: {row.step.action} ({ended.detail})")
    else:
        out.note(f"{ended.result}: {row.step.action}: {ended.detail}")
    return ended.code
