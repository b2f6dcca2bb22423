"""What a day was like, for people who are only getting to know the agent: one digest, and not an alarm for each thing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from opsagent.policy import Policy

if TYPE_CHECKING:
    from opsagent.store.journal import Journal
    from opsagent.store.rows import ApprovalRow, IncidentRow
    from opsagent.store.trust import GrantRow, WouldBeRow

_QUIET_MODES = frozenset({"observe", "suggest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What happened between two moments."""

    since: datetime
    until: datetime
    incidents: tuple[IncidentRow, ...]
    """That were opened or ended then, or go on, newest first."""
    would_be: tuple[WouldBeRow, ...]
    """What the agent would have done, oldest first."""
    waiting: tuple[ApprovalRow, ...]
    grants: tuple[GrantRow, ...]
    """That were given or lost then."""

    @property
    def verdicts(self) -> dict[str, int]:
        """Return how many would-be actions were right, not needed, wrong, unknown or are open."""
        return dict(Counter(row.verdict or "open" for row in self.would_be))

    @property
    def unfinished(self) -> tuple[IncidentRow, ...]:
        """Return the incidents that are neither resolved nor closed."""
        return tuple(row for row in self.incidents if row.status not in {"resolved", "closed"})


def digest_of(journal: Journal, since: datetime, until: datetime) -> Digest:
    """Gather a digest; blocks for some queries."""
    incidents = tuple(row for row in journal.incidents_since(since) if row.incident.opened_at <= until)
    grants = [
        grant
        for grant in journal.grants(ended=True)
        if any(at is not None and since <= at <= until for at in (grant.granted_at, grant.revoked_at))
    ]
    return Digest(
        since=since,
        until=until,
        incidents=incidents,
        would_be=tuple(row for row in journal.would_bes(since=since) if row.at <= until),
        waiting=journal.approvals(),
        grants=tuple(grants),
    )


def digest_until(policy: Policy, born: datetime | None) -> datetime | None:
    """Return until when a digest takes the place of alarms; None: it does not.

    That is so in the first days of a home, while the agent only watches and suggests. What is down and escalated is
    an alarm on the first day, too.
    """
    careful = policy.mode in _QUIET_MODES if isinstance(policy.mode, str) else False
    if not policy.digest or not careful or born is None:
        return None
    return born + timedelta(days=policy.digest_days)


def is_in_place_of_alarms(policy: Policy, born: datetime | None, now: datetime) -> bool:
    """Tell whether what the agent would do is kept for the digest at this moment."""
    until = digest_until(policy, born)
    return until is not None and now < until
