"""Which files an instance's output goes to. Pure; light, for commands that only look."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from opsagent_tools.services.spec import ServiceSpec

NOWHERE = Path("/dev/null")


def numbered(path: Path, spec: ServiceSpec, number: int) -> Path:
    """Return the path for one instance, `api-0.log` of `api.log`, where several have files of their own."""
    if path == NOWHERE or (spec.instances == 1 and number == 1):
        return path
    return path.with_name(f"{path.stem}-{number - 1}{path.suffix}")


def files_for(spec: ServiceSpec, own: Path, number: int, stream: str) -> tuple[Path, ...]:
    """Return the files that `out` or `err` of an instance goes to. `own`: the engine's own for this service."""
    if spec.disable_logs:
        return ()
    named = spec.out_file if stream == "out" else spec.error_file
    found = [named or own, *([spec.log_file] if spec.log_file else [])]
    if not spec.merge_logs:
        found = [numbered(path, spec, number) for path in found]
    return tuple(path for path in dict.fromkeys(found) if path != NOWHERE)


def all_files(spec: ServiceSpec, own: Path, numbers: Iterable[int]) -> tuple[Path, ...]:
    """Return every file that these instances write to."""
    found = (path for number in numbers for stream in ("out", "err") for path in files_for(spec, own, number, stream))
    return tuple(dict.fromkeys(found))
