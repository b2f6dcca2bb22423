"""How the machine itself is doing. Standard library only."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any


def metrics(home: Path) -> dict[str, Any]:
    """Return load, memory and the disk that the home is on. Sizes in bytes; None where the platform does not tell."""
    disk = shutil.disk_usage(home)
    memory = _memory()
    return {
        "cpus": os.cpu_count(),
        "load": list(os.getloadavg()),
        "memory_total": memory.get("MemTotal"),
        "memory_available": memory.get("MemAvailable"),
        "swap_total": memory.get("SwapTotal"),
        "swap_free": memory.get("SwapFree"),
        "disk_path": str(home),
        "disk_total": disk.total,
        "disk_free": disk.free,
    }


def _memory() -> dict[str, int]:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines)
    return {field[0].rstrip(":"): int(field[1]) * 1024 for field in fields if len(field) == 3}
