"""Who may be asked about an incident that nothing known helps against. A port: the agent knows no model."""

from __future__ import annotations

from typing import Protocol

from opsagent.casefile import CaseFile


class Adviser(Protocol):
    """Thinks beside everything else. What it proposes is put to a person; nothing ever waits for it."""

    def look_soon(self, file: CaseFile) -> None:
        """Think about an incident that a person was called for, some time from now; once for each."""

    async def close(self) -> None:
        """Think no further."""
