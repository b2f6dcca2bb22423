"""Read `services.toml` (docs/services-toml.md) strictly: what is not understood is an error, never ignored."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.services import fields
from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.services.graph import find_cycle
from opsagent_tools.services.keys import HEALTH_KEYS, SERVICE_KEYS, complete, nearest, read_value, why_inconsistent
from opsagent_tools.services.lines import find_line
from opsagent_tools.services.reading import read_text
from opsagent_tools.services.spec import ServiceSpec

__all__ = [
    "HEALTH_KEYS",
    "RESERVED",
    "SERVICE_KEYS",
    "ServicesFileError",
    "load_services",
    "parse_services",
    "read_document",
]

_NAME = re.compile(r"\w[\w.-]{0,63}")
_ANY_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
"""Of services that somebody else runs: `pm2:web/api`, `worker@`, `my app`."""
RESERVED = frozenset({"engine"})
"""A supervisor's own daemon is a unit too, of this name: a service that bore it would be taken for that."""


def load_services(path: Path) -> tuple[ServiceSpec, ...]:
    """Return the services that the file describes, in its order. Raises ServicesFileError."""
    document, source = read_document(path)
    for key in document:
        if key != "services":
            raise _unknown_top_level(path, key, document, source)
    services = document.get("services")
    if not isinstance(services, dict) or not services:
        mend = 'add a table such as [services.api] with command = ["python3", "api.py"]'
        raise ServicesFileError(path, "describes no service", mend=mend)
    return parse_services(services, file=path, source=source)


def read_document(path: Path) -> tuple[dict[str, object], str]:
    """Return what a TOML file says, and its text. Raises ServicesFileError."""
    source = read_text(path)
    try:
        return tomllib.loads(source), source
    except tomllib.TOMLDecodeError as error:
        raise _broken(path, str(error)) from None
    except RecursionError:
        raise _broken(path, "nested too deeply") from None


def parse_services(
    tables: Mapping[str, object],
    *,
    file: Path,
    source: str = "",
    need_command: bool = True,
    known: Collection[str] | None = (),
) -> tuple[ServiceSpec, ...]:
    """Return the services of an already loaded mapping of `[services.NAME]` tables.

    `file` is named in errors, and its folder is where relative paths start; `source` (its text) gives the line.
    `need_command` is False where other supervisors run the services. `known` are further services that
    `depends_on` may name; None accepts any name. Raises ServicesFileError.
    """
    where = _Where(file, source)
    base = file.absolute().parent
    _check_names(tables, where, _NAME if need_command else _ANY_NAME)
    specs = tuple(_service(name, raw, base, where, need_command) for name, raw in tables.items())
    _check_ports(specs, where)
    _check_dependencies(specs, where, known)
    return specs


@dataclass(frozen=True, slots=True)
class _Where:
    """Turns a key into the error that names its place."""

    file: Path
    source: str

    def error(self, keys: Iterable[str], problem: str, mend: str = "") -> ServicesFileError:
        route = ("services", *keys)
        line = find_line(self.source, route)
        return ServicesFileError(self.file, problem, place=".".join(route), line=line, mend=mend)


def _broken(path: Path, message: str) -> ServicesFileError:
    found = re.search(r" \(at line (\d+), column \d+\)$", message)
    line = int(found[1]) if found else None
    problem = message[: found.start()] if found else message.removesuffix(" (at end of document)")
    return ServicesFileError(path, f"broken TOML: {problem}", line=line, mend="mend the syntax there")


def _unknown_top_level(path: Path, key: str, document: Mapping[str, object], source: str) -> ServicesFileError:
    raw = document[key]
    if isinstance(raw, dict) and ("command" in raw or "services" not in document):
        mend = f"did you mean [services.{key}]?"
    else:
        mend = "only [services.NAME] tables may stand here"
    return ServicesFileError(path, "unknown key", place=key, line=find_line(source, (key,)), mend=mend)


def _check_names(tables: Mapping[str, object], where: _Where, allowed: re.Pattern[str]) -> None:
    seen: dict[str, str] = {}
    for name in tables:
        if not allowed.fullmatch(name):
            raise where.error([name], "is no name for a service", "use up to 64 letters, digits, '_', '-' and '.'")
        if name.rpartition(":")[2] in RESERVED:
            raise where.error([name], "is the name of what runs the services", "choose another name")
        twin = seen.setdefault(name.casefold(), name)
        if twin != name:
            raise where.error([name], f"differs from {twin} only in upper and lower case", "rename one of them")


def _service(name: str, raw: object, base: Path, where: _Where, need_command: bool) -> ServiceSpec:
    if not isinstance(raw, dict):
        problem = f"is {fields.name_of_type(raw)}, must be a table"
        raise where.error([name], problem, f"write [services.{name}] and its keys below it")
    _check_keys([name], raw, SERVICE_KEYS, where)
    if need_command and "command" not in raw:
        raise where.error([name], "has no command", 'add command = ["program", "argument"]')
    values: dict[str, object] = {}
    for key, value in raw.items():
        try:
            values[key] = read_value(key, value, _cwd(raw, base), base)
        except fields.Wrong as wrong:
            raise where.error([name, key, *([wrong.key] if wrong.key else [])], wrong.problem, wrong.mend) from None
    values.setdefault("cwd", base)
    values["independent"] = values.get("depends_on") == ()
    spec = complete(ServiceSpec(name=name, **values))  # type: ignore[arg-type]  # each key was read by its own reader
    wrong_pair = why_inconsistent(spec)
    if wrong_pair is not None:
        raise where.error([name, wrong_pair.key], wrong_pair.problem, wrong_pair.mend)
    return spec


def _cwd(raw: Mapping[str, object], base: Path) -> Path:
    value = raw.get("cwd")
    return fields.path(value, base) if isinstance(value, str) and value else base


def _check_keys(route: list[str], raw: Mapping[str, object], known: Collection[str], where: _Where) -> None:
    for key in raw:
        if key not in known:
            raise where.error([*route, key], "unknown key", nearest(key, known))


def _check_ports(specs: Iterable[ServiceSpec], where: _Where) -> None:
    owners: dict[int, str] = {}
    for spec in specs:
        if spec.port is not None and owners.setdefault(spec.port, spec.name) != spec.name:
            problem = f"port {spec.port} is already the port of {owners[spec.port]}"
            raise where.error([spec.name, "port"], problem, "give each service a port of its own")


def _check_dependencies(specs: tuple[ServiceSpec, ...], where: _Where, known: Collection[str] | None) -> None:
    names = [spec.name for spec in specs]
    for spec in specs:
        for other in spec.depends_on:
            if known is not None and other not in names and other not in known:
                mend = nearest(other, names) if difflib.get_close_matches(other, names, 1, 0.5) else "describe it too"
                raise where.error([spec.name, "depends_on"], f"names {other!r}, which is no service here", mend)
    cycle = find_cycle({spec.name: spec.depends_on for spec in specs})
    if cycle:
        raise where.error([cycle[0], "depends_on"], f"goes in a circle: {' -> '.join(cycle)}", "remove one of them")
