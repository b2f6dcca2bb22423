"""What can go wrong with the engine itself."""

from __future__ import annotations

from opsagent_tools.supervisors.port import SupervisorError


class EngineError(SupervisorError):
    """The embedded engine could not be started, asked or ended. One line: what, where, how to mend it."""
