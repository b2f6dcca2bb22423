"""Asks services whether they serve, once and now, as a person configured it: of those that are not known to be well."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.running import Running
    from opsagent_tools.probes.health import ProbeResult
    from opsagent_tools.services.spec import Health

_PATIENCE_S = 2.0
_AT_ONCE = 64
"""Services that are asked for one answer; the health of more stays unknown."""


def ask_health(rows: Sequence[dict[str, Any]], running: Running) -> None:
    """Fill in `health`, and `health_reason` where it fails, of rows whose units run and are not known to be healthy."""
    wanted: dict[str, Health] = {}
    unsure = {row["id"] for row in rows if row["health"] != "healthy"}
    for unit in running.units:
        spec = running.spec(unit.id)
        if spec is None or spec.health is None or str(unit.id) not in unsure:
            continue
        if unit.processes and len(wanted) < _AT_ONCE:
            wanted[str(unit.id)] = replace(spec.health, timeout_s=min(spec.health.timeout_s, _PATIENCE_S))
    if not wanted:
        return
    found = _ask_all(wanted)
    for row in rows:
        result = found.get(row["id"])
        if result is not None:
            row["health"] = "healthy" if result.ok else "unhealthy"
            row["health_reason"] = (
                result.reason if result.status is None else f"{result.reason} {result.status}".strip()
            )


def _ask_all(wanted: dict[str, Health]) -> dict[str, ProbeResult]:
    from opsagent_tools.probes.health import ask

    found: dict[str, ProbeResult] = {}

    async def one(unit: str, health: Health) -> None:
        found[unit] = await ask(health)

    async def all_() -> None:
        await asyncio.gather(*(one(unit, health) for unit, health in wanted.items()))

    # a thread of its own: whoever asks may stand in an event loop already
    thread = threading.Thread(target=lambda: asyncio.run(all_()), name="health for an answer", daemon=True)
    thread.start()
    thread.join(_PATIENCE_S * 2)
    return dict(found)
