"""What the engine remembers over its own death: the services as applied, and what a person stopped. Mode 0600."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from opsagent_tools.services.spec import Health, ServiceSpec
from opsagent_tools.supervisors.circus import procfs
from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.circus.marks import Started

Phase = Literal["run", "stopped", "exited", "failed"]
"""run: it should run; stopped: a person stopped it; exited: it ended by itself; failed: it could not be started."""

_VERSION = 1
_ONE_PATH = ("cwd", "out_file", "error_file", "log_file", "pid_file")
_PATHS = ("logs", "config_files", "watch")
_TUPLES = ("command", "depends_on", "stop_exit_codes", "ignore_watch", "filter_env", "aliases")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What services get from whoever applied them."""

    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    umask: int = 0o022


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One service, and how it should be."""

    spec: ServiceSpec
    instances: int
    phase: Phase = "run"
    reason: str = ""
    last_exit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything that outlives the daemon."""

    base: Base = field(default_factory=Base)
    services: tuple[Wanted, ...] = ()


class StateFile:
    """`state.json` and `processes.json` in the engine's folder. Each write replaces the whole file at once."""

    def __init__(self, engine_dir: Path) -> None:
        self._state = engine_dir / "state.json"
        self._processes = engine_dir / "processes.json"

    def stamp(self) -> object:
        """Return a value that changes whenever the state is saved: each save is a new file."""
        try:
            status = self._state.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def load(self) -> State:
        """Return what was saved last, an empty State where nothing was. Raises EngineError for a broken file."""
        try:
            raw = json.loads(self._state.read_text())
        except FileNotFoundError:
            return State()
        except (OSError, ValueError) as error:
            raise self._broken(str(error)) from None
        try:
            return _state_from_json(raw)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._broken(f"{type(error).__name__} {error}") from None

    def _broken(self, problem: str) -> EngineError:
        return EngineError(f"{self._state}: cannot be used ({problem}); remove it and apply the services again")

    def save(self, state: State) -> None:
        """Replace what is saved; on disk when this returns."""
        services = [
            {
                "spec": spec_to_json(one.spec),
                "instances": one.instances,
                "phase": one.phase,
                "reason": one.reason,
                "last_exit": one.last_exit,
            }
            for one in state.services
        ]
        base = {"env": dict(state.base.env), "umask": state.base.umask}
        _replace(self._state, {"version": _VERSION, "base": base, "services": services}, durable=True)

    def load_processes(self) -> tuple[Started, ...]:
        """Return what was running when the daemon last wrote it down, nothing after a reboot."""
        try:
            raw = json.loads(self._processes.read_text())
            if raw["boot"] != procfs.boot_id():
                return ()
            return tuple(Started(**one) for one in raw["processes"])
        except (OSError, ValueError, KeyError, TypeError):
            return ()  # the mark in the environment finds nearly all of them without it

    def save_processes(self, processes: Iterable[Started]) -> None:
        """Replace the record of what runs."""
        rows = [{"pid": one.pid, "birth": one.birth, "unit": one.unit, "instance": one.instance} for one in processes]
        _replace(self._processes, {"boot": procfs.boot_id(), "processes": rows}, durable=False)

    def remove(self) -> None:
        """Forget everything."""
        self._state.unlink(missing_ok=True)
        self._processes.unlink(missing_ok=True)


def spec_to_json(spec: ServiceSpec) -> dict[str, Any]:
    """Return the spec as JSON can hold it."""
    found: dict[str, Any] = {}
    for one in fields(spec):
        value = getattr(spec, one.name)
        if isinstance(value, Health):
            found[one.name] = {each.name: getattr(value, each.name) for each in fields(value)}
        elif isinstance(value, Path):
            found[one.name] = str(value)
        elif isinstance(value, tuple):
            found[one.name] = [str(item) if isinstance(item, Path) else item for item in value]
        else:
            found[one.name] = dict(value) if isinstance(value, Mapping) else value
    return found


def spec_from_json(raw: Mapping[str, Any]) -> ServiceSpec:
    """Return the spec that `spec_to_json` wrote, of this version or an older one with fewer keys.

    Raises KeyError, TypeError or ValueError for anything else.
    """
    values = dict(raw)
    values.update({key: Path(values[key]) for key in _ONE_PATH if values.get(key) is not None})
    values.update({key: tuple(values[key]) for key in _TUPLES if key in values})
    values.update({key: tuple(Path(item) for item in values[key]) for key in _PATHS if key in values})
    if values.get("health") is not None:
        values["health"] = Health(**values["health"])
    return ServiceSpec(**values)


def base_from_json(raw: Mapping[str, Any]) -> Base:
    """Return the Base that is sent and saved as `{"env": {...}, "umask": 18}`."""
    return Base(env={str(key): str(value) for key, value in raw["env"].items()}, umask=int(raw["umask"]))


def _state_from_json(raw: Mapping[str, Any]) -> State:
    if raw["version"] != _VERSION:
        raise ValueError(f"version {raw['version']!r}, this program writes {_VERSION}")
    services = tuple(
        Wanted(
            spec=spec_from_json(one["spec"]),
            instances=int(one["instances"]),
            phase=one["phase"] if one["phase"] in get_args(Phase) else "run",
            reason=str(one["reason"]),
            last_exit=one["last_exit"],
        )
        for one in raw["services"]
    )
    return State(base=base_from_json(raw["base"]), services=services)


def _replace(path: Path, content: object, *, durable: bool) -> None:
    partial = path.with_suffix(f".{os.getpid()}.new")
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            json.dump(content, file)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
