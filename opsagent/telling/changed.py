"""What changed just before an incident: configuration files with their difference, deploys, what people had done.

Looked at as soon as the incident is there: a repair may put a file back a second later.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from opsagent import last_good
from opsagent.model import Incident
from opsagent.store.journal import Journal
from opsagent_tools.files import UnsafeFile, read_owned
from opsagent_tools.redact import redact
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.text import escape_for_terminal
from opsagent_tools.units import Unit

BACK = timedelta(hours=1)
_MOST = 12
_LINES, _SHOWN, _WIDTH = 3000, 60, 240
_DIFF_BYTES = 256 * 1024


def before(
    incident: Incident, unit: Unit | None, spec: ServiceSpec | None, *, journal: Journal, folder: Path
) -> list[dict[str, Any]]:
    """Return the changes, newest first, each `{"what", "name", "said", "at", "diff"}`. Blocks."""
    found = [*_orders(incident, journal), *(_files(unit, spec, folder) if unit is not None else ())]
    return sorted(found, key=lambda one: str(one["at"]), reverse=True)[:_MOST]


def _files(unit: Unit, spec: ServiceSpec | None, folder: Path) -> Iterator[dict[str, Any]]:
    for change in last_good.differing(unit, spec, folder):
        if change.on_trial:
            continue
        now = _content(change.path, unit.uid)
        then = last_good.good_content(unit.id, folder, change.path)
        how = "is missing" if now is None else "is new" if not change.good else "changed"
        yield {
            "what": "config",
            "name": str(change.path),
            "said": f"configuration file {change.path.name} {how} since it was last well",
            "at": datetime.fromtimestamp(change.changed_at, UTC).isoformat() if change.changed_at else "",
            "diff": difference(change.path.name, then, now or b""),
        }


def _content(path: Path, uid: int) -> bytes | None:
    try:
        return read_owned(path, uid if os.geteuid() == 0 else os.geteuid())
    except (OSError, UnsafeFile):
        return None


def difference(name: str, then: bytes, now: bytes) -> str:
    """Return the unified difference from `then` to `now`: secrets masked before anything is compared, bounded."""
    if b"\0" in then or b"\0" in now or max(len(then), len(now)) > _DIFF_BYTES:
        return f"{name}: {len(then)} bytes then, {len(now)} now"
    old, new = (_lines(content) for content in (then, now))
    if max(len(old), len(new)) > _LINES:
        return f"{name}: {len(old)} lines then, {len(new)} now"
    found = list(difflib.unified_diff(old, new, f"{name} (then)", f"{name} (now)", n=2, lineterm=""))
    if not found:
        return f"{name}: only what is masked differs" if then != now else ""
    more = [f"… and {len(found) - _SHOWN} lines more"] if len(found) > _SHOWN else []
    return "\n".join([*(line[:_WIDTH] for line in found[:_SHOWN]), *more])


def _lines(content: bytes) -> list[str]:
    return [escape_for_terminal(line) for line in redact(content.decode("utf-8", "replace")).splitlines()]


def _orders(incident: Incident, journal: Journal) -> Iterator[dict[str, Any]]:
    since = incident.began_at - BACK
    for deploy in journal.deploys(incident.unit, 5):
        at = deploy.ended_at or deploy.began_at
        if since <= at <= incident.opened_at:
            why = f": {deploy.why}" if deploy.why else ""
            said = f"deploy of {incident.unit.name} by {deploy.by}{why}"
            yield {"what": "deploy", "name": incident.unit.name, "said": said, "at": at.isoformat(), "diff": ""}
    for plan in journal.plans_of_people(since):
        mine = plan.plan.unit == incident.unit or plan.plan.unit in incident.affected
        if mine and plan.created_at <= incident.opened_at and plan.status != "skipped":
            said = f"a person had this done: {plan.plan.why or plan.plan.remedy} ({plan.plan.unit.name})"
            yield {
                "what": "command",
                "name": plan.plan.unit.name,
                "said": said,
                "at": plan.created_at.isoformat(),
                "diff": "",
            }
