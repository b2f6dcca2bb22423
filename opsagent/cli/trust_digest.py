"""The digest: what happened lately, and what the agent would have done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.digest import Digest
    from opsagent.home import Home
    from opsagent.store.trust import WouldBeRow


def digest(place: Home, since: str, out: Out) -> int:
    """Show what happened in the time `since` says. Raises Unclear."""
    from datetime import UTC, datetime, timedelta

    from opsagent.cli.errors import Unclear
    from opsagent.cli.store import reading
    from opsagent.digest import digest_of
    from opsagent.views.numbers import seconds_of

    now = datetime.now(UTC)
    try:
        begins = now - timedelta(seconds=seconds_of(since))
    except (ValueError, OverflowError) as error:
        raise Unclear(f"--since: {error}") from None
    with reading(place) as journal:
        found = digest_of(journal, begins, now)
    if out.as_json:
        out.document(digest_as_json(found))
    else:
        _draw_digest(found, out)
    return 0


def digest_as_json(found: Digest) -> dict[str, Any]:
    """Return a digest in its documented JSON form."""
    return {
        "since": found.since,
        "until": found.until,
        "incidents": [
            {"id": row.id, "unit": str(row.unit), "fault": row.fault.value, "status": row.status,
             "opened_at": row.incident.opened_at, "outcome": row.outcome, "summary": row.incident.summary}
            for row in found.incidents
        ],
        "would_be": [would_be_as_json(row) for row in found.would_be],
        "verdicts": found.verdicts,
        "waiting": [row.id for row in found.waiting],
        "grants": [
            {"action": grant.action.value, "unit": str(grant.unit), "granted_at": grant.granted_at,
             "revoked_at": grant.revoked_at, "revoked_why": grant.revoked_why}
            for grant in found.grants
        ],
    }  # fmt: skip


def _draw_digest(found: Digest, out: Out) -> None:
    from opsagent.views.numbers import moment
    from opsagent.views.terminal import one_line

    out.line(f"since {moment(found.since)}: {len(found.incidents)} incidents, {len(found.unfinished)} of them go on")
    for row in found.incidents:
        summary = one_line(row.incident.summary)
        out.line(f"  {moment(row.incident.opened_at)}  {row.id}  {row.status}  {summary}")
    verdicts = ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in sorted(found.verdicts.items()))
    out.line(f"the agent would have acted {len(found.would_be)} times" + (f": {verdicts}" if verdicts else ""))
    for would in found.would_be:
        what = one_line(f"{would.action}:{would.unit.name}: {would.why}")
        out.line(f"  {moment(would.at)}  {would.verdict or 'open'}  {what}")
    if found.waiting:
        out.line(f"{len(found.waiting)} questions wait: `opsagent approvals`")
    for grant in found.grants:
        ended = f"lost: {grant.revoked_why}" if grant.revoked_at is not None else f"granted by {grant.by}"
        out.line(one_line(f"{grant.action}:{grant.unit.name} {ended}"))


def would_be_as_json(row: WouldBeRow) -> dict[str, Any]:
    """Return a would-be action in its documented JSON form."""
    return {
        "id": row.id,
        "action": row.action.value,
        "unit": str(row.unit),
        "at": row.at,
        "incident": row.incident_id,
        "remedy": row.remedy,
        "verdict": row.verdict,
        "judged_at": row.judged_at,
        "why": row.why,
    }
