"""Whether a service's command could be started at all. Standard library only; changes nothing, runs nothing."""

from __future__ import annotations

import os
import shutil

from opsagent_tools.services.spec import ServiceSpec


def why_not_runnable(spec: ServiceSpec) -> str:
    """Return why the command cannot be run, or nothing."""
    program = spec.command[0]
    if not spec.cwd.is_dir():
        return f"its folder {spec.cwd} is not there"
    if "/" in program:
        path = spec.cwd / program
        if not path.exists():
            return f"{path} is not there"
        if not path.is_file():
            return f"{path} is no file"
        return "" if os.access(path, os.X_OK) else f"{path} may not be executed"
    found = shutil.which(program, path=spec.env.get("PATH"))
    return "" if found else f"there is no program {program}"
