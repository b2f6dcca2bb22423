"""Where an app's output goes. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from opsagent_tools.services import fields
from opsagent_tools.services.ecosystem import values
from opsagent_tools.services.fields import Wrong

NOWHERE = Path("/dev/null")
_TIME_FORMAT = "YYYY-MM-DDTHH:mm:ss"


def keys_of(app: Mapping[str, object], cwd: object, notes: dict[str, str]) -> dict[str, object]:
    """Return the keys of the spec that say where output goes, and in which form. Raises Wrong."""
    assert isinstance(cwd, Path)
    found: dict[str, object] = {}
    for key in ("out_file", "error_file", "log_file", "pid_file"):
        path = _file(app, key, cwd, notes)
        if path is not None:
            found[key] = path
    if found.get("out_file") == found.get("error_file") == NOWHERE and "log_file" not in found:
        del found["out_file"], found["error_file"]
        found["disable_logs"] = True
    for key, reader in (("merge_logs", values.flag), ("disable_logs", values.flag), ("time", values.flag)):
        if key in app:
            found[key] = _named(key, app[key], reader)
    if "log_date_format" in app:
        found["log_date_format"] = _named("log_date_format", app["log_date_format"], fields.date_pattern)
    if found.pop("time", False):
        found["log_date_format"] = _TIME_FORMAT
    if "log_type" in app:
        found["log_type"] = _named("log_type", app["log_type"], fields.log_type)
    if found.get("disable_logs"):
        for key in ("out_file", "error_file", "log_file"):
            if found.pop(key, None) is not None:
                notes[key] = "has no effect: disable_logs is true"
    found.setdefault("merge_logs", "instances" not in app)
    return found


def _file(app: Mapping[str, object], key: str, cwd: Path, notes: dict[str, str]) -> Path | None:
    raw = app.get(key)
    if raw is None or (key == "log_file" and raw is False):
        return None
    if key == "log_file" and raw is True:
        notes[key] = "the engine's own log has both streams, if no file of its own takes one"
        return None
    if raw in ("NULL", "/dev/null"):
        return None if key in ("log_file", "pid_file") else NOWHERE
    found = _named(key, raw, lambda value: fields.log_path(values.text(value), cwd))
    assert isinstance(found, Path)
    return found


def _named(key: str, value: object, reader: Callable[[object], object]) -> object:
    try:
        return reader(value)
    except Wrong as wrong:
        raise Wrong(wrong.problem, wrong.mend, key) from None
