"""The goal of each action that a runbook's step may leave unsaid. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from opsagent.model import CheckKind
from opsagent_tools.actions import ActionName

GOALS: Mapping[ActionName, CheckKind] = MappingProxyType(
    {
        ActionName.START: CheckKind.HEALTHY,
        ActionName.STOP: CheckKind.DOWN,
        ActionName.RESTART: CheckKind.HEALTHY,
        ActionName.RELOAD: CheckKind.HEALTHY,
        ActionName.SCALE: CheckKind.RUNNING,
        ActionName.CONTINUE: CheckKind.RESUMED,
        ActionName.STOP_ORPHAN: CheckKind.PROCESS_GONE,
        ActionName.QUARANTINE: CheckKind.PATH_GONE,
        ActionName.ROTATE_LOG: CheckKind.LOG_ROTATED,
        ActionName.RESTORE_MODE: CheckKind.MODES_ARE,
        ActionName.SET_LOG_LEVEL: CheckKind.ALWAYS,
        ActionName.ROLLBACK_CONFIG: CheckKind.FILE_IS,
        ActionName.ROLLBACK: CheckKind.RELEASE_IS,
        ActionName.ESCALATE: CheckKind.TOLD,
    }
)
"""What none is given for must name its goal in the file. A new action brings its line here."""
