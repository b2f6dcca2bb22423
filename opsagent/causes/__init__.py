"""Why a service is in trouble: the suspects by kind of cause, and the judge over all of them. Pure.

A module per family of causes, each with `SUSPECTS`; `opsagent.causes.judging` puts them together.
"""

from __future__ import annotations

from opsagent.causes import configuration, files, performance, processes
from opsagent.causes.suspect import Suspect

SUSPECTS: tuple[Suspect, ...] = (
    *processes.SUSPECTS,
    *files.SUSPECTS,
    *configuration.SUSPECTS,
    *performance.SUSPECTS,
)
"""Everybody who is suspected."""
