"""What to do about each kind of fault: one file a fault, found here by it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from opsagent.model import Fault
from opsagent.runbooks import (
    bad_release,
    crash,
    crash_loop,
    degraded,
    dependency_down,
    engine_down,
    error_burst,
    flapping,
    hang,
    memory_growth,
    saturation,
)
from opsagent.runbooks.remedy import Runbook

RUNBOOKS: Mapping[Fault, Runbook] = MappingProxyType(
    {
        module.RUNBOOK.fault: module.RUNBOOK
        for module in (
            crash,
            crash_loop,
            hang,
            memory_growth,
            dependency_down,
            error_burst,
            engine_down,
            bad_release,
            saturation,
            flapping,
            degraded,
        )
    }
)
