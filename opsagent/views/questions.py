"""Questions of the agent to people, as they are shown: from the typed action, letters that look alike marked. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.store.rows import ApprovalRow


def as_json(row: ApprovalRow) -> dict[str, Any]:
    """Return a question in its documented JSON form."""
    return {
        "id": row.id,
        "action": row.step.action.name.value,
        "unit": str(row.unit),
        "args": dict(row.step.action.args),
        "why": row.step.why,
        "plan": row.plan_id,
        "incident": row.incident_id,
        "proposer": row.proposer,
        "status": row.status,
        "asked_at": row.asked_at.isoformat(),
        "expires_at": row.expires_at.isoformat(),
        "decided_by": row.decided_by,
        "needed": row.persons,
        "second_by": row.second_by,
        "state": state(row),
    }


def state(row: ApprovalRow) -> str:
    """Say how a question stands: `pending`, or where two people are needed `1 of 2: alice`."""
    if row.persons < 2:
        return row.status
    yes = [name for name in (row.decided_by, row.second_by) if name]
    if row.status == "denied":
        return f"denied by {yes[-1]}"
    said = f"{len(yes)} of {row.persons}" + (f": {', '.join(yes)}" if yes else "")
    return said if row.status in {"pending", "approved"} else f"{row.status} ({said})"


def marked(text: str) -> str:
    """Return the text with every letter that is not plain ASCII marked, so that look-alikes are seen for what they are."""
    return "".join(char if char.isascii() else f"{char}<U+{ord(char):04X}>" for char in text)
