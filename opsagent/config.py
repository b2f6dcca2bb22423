"""`config.toml` in the home (docs/config.md): strict, every error one line with file, place and mend.

ServicesFileError
└── ConfigError   in the keys that are not `[services.NAME]`
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from opsagent.home import Home, HomeError, refuse_shared
from opsagent.log_policy import LogPolicy
from opsagent.mcp_settings import McpSettings
from opsagent.memory_settings import MemorySettings
from opsagent.model_settings import ModelSettings
from opsagent.notify_settings import Notify
from opsagent.policy import Policy
from opsagent.screen_settings import ScreenSettings
from opsagent_tools.redact import configure
from opsagent_tools.redact_custom import Redaction
from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.found import Wanted

if TYPE_CHECKING:
    from opsagent.maintenance import Window

T = TypeVar("T")


class ConfigError(ServicesFileError):
    """`config.toml` cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a person configured; the defaults where there is no file. Nothing needs to be configured."""

    policy: Policy = field(default_factory=Policy)
    """`mode` and `[policy]`."""
    services: tuple[ServiceSpec, ...] = ()
    """`[services.NAME]`: what the agent is told of services, whoever runs them; `NAME` may be `pm2:api` too."""
    supervisors: Wanted = field(default_factory=Wanted)
    """`[supervisors]`: which ones are looked for."""
    logs: LogPolicy = field(default_factory=LogPolicy)
    """`[logs]`: which logs are rotated, and what is kept of them."""
    redact: Redaction = field(default_factory=Redaction)
    """`[redact]`: what is masked beside the secrets that always are; holds for this process once it is loaded."""
    maintenance: tuple[Window, ...] = ()
    """`[[maintenance]]`: when nobody is to be woken, and nothing is to be done."""
    memory: MemorySettings = field(default_factory=MemorySettings)
    """`[memory]`: what is learnt, how much is kept, and by which model it is found."""
    notify: Notify = field(default_factory=Notify)
    """`[notify]`: who is told what, and how; no message leaves the machine without it."""
    model: ModelSettings = field(default_factory=ModelSettings)
    """`[model]`: which chat model may be asked; none is without it."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """`[groups]`: names for several services at once, as people say them in commands."""
    mcp: McpSettings = field(default_factory=McpSettings)
    """`[mcp]`: MCP servers of others that a chat model may look with."""
    screens: ScreenSettings = field(default_factory=ScreenSettings)
    """`[screens]`: where procedures on screens run, what is kept of them, and where their secrets are."""

    @classmethod
    def load(cls, home: Home) -> Config:
        """Read `config.toml`. Raises ServicesFileError (ConfigError); HomeError where others may write to the file."""
        path = home.config_file
        try:
            refuse_shared(path, "configuration")
        except FileNotFoundError:
            return cls(policy=Policy(home=str(home.path)))
        except OSError as error:
            raise HomeError(f"{path}: cannot be read ({error.strerror}): check its owner and its mode") from error
        found = parse(path)
        found = replace(found, policy=replace(found.policy, home=str(home.path)))
        if found.redact != Redaction():
            configure(found.redact)
        return found

    def described(self, applied: Iterable[ServiceSpec]) -> dict[str, ServiceSpec]:
        """Return every description by name: those of this file as they are written there, and by full name
        (`circus:api`) those that the engine was told of, together with what this file says of them.

        What runs is as it was applied. What this file says of a mode goes before it, and either one protects.
        """
        found = {spec.name: spec for spec in self.services}
        for spec in applied:
            full = f"circus:{spec.name}"
            plain = found.get(spec.name)
            said = found.get(full) or plain
            whole = spec if said is None else _together(spec, said)
            found[full] = replace(whole, protected=whole.protected or (plain is not None and plain.protected))
        return found


def _together(applied: ServiceSpec, said: ServiceSpec) -> ServiceSpec:
    return replace(
        applied,
        mode=applied.mode if said.mode is None else said.mode,
        protected=applied.protected or said.protected,
        health=applied.health or said.health,
        depends_on=applied.depends_on or said.depends_on,
        independent=applied.independent or said.independent,
        logs=applied.logs or said.logs,
        max_memory=applied.max_memory or said.max_memory,
        config_files=applied.config_files or said.config_files,
        aliases=tuple(dict.fromkeys((*applied.aliases, *said.aliases))),
    )


def parse(path: Path) -> Config:
    """Read a configuration file. Raises ServicesFileError (ConfigError)."""
    # Only who has a configuration pays for reading it.
    from opsagent_tools.services.toml import parse_services, read_document

    document, source = read_document(path)
    where = _Where(path, source)
    where.refuse_unknown((), document, _TABLES)
    values = {"mode": where.read(("mode",), document["mode"], _mode)} if "mode" in document else {}
    values |= _policy(document.get("policy", {}), where)
    services = document.get("services", {})
    if not isinstance(services, dict):
        raise where.error(("services",), "must be a table", "write [services.NAME] tables")
    specs = parse_services(services, file=path, source=source, need_command=False, known=None)
    screens = _screens(document.get("screens", {}), where)
    values |= {"procedures": screens.unattended} if screens.unattended else {}
    policy = Policy(**values)  # type: ignore[arg-type]  # each was read by its reader
    return Config(
        policy=policy,
        services=specs,
        supervisors=_supervisors(document.get("supervisors", {}), where),
        logs=_logs(document.get("logs", {}), where),
        redact=_redact(document.get("redact", {}), where),
        maintenance=_maintenance(document.get("maintenance", []), where),
        memory=_memory(document.get("memory", {}), where),
        notify=_notify(document.get("notify", {}), where),
        model=_model(document.get("model", {}), where),
        mcp=_mcp(document.get("mcp", {}), where),
        screens=screens,
        groups=_groups(document.get("groups", {}), where),
    )


_TABLES = (
    "mode", "policy", "services", "supervisors", "logs", "redact", "maintenance", "memory", "notify", "model", "groups", "mcp",
    "screens",
)  # fmt: skip


def _policy(table: object, where: _Where) -> dict[str, object]:
    if not isinstance(table, dict):
        raise where.error(("policy",), "must be a table", "write [policy] and its keys below it")
    if not table:
        return {}
    from opsagent import config_policy as read

    where.refuse_unknown(("policy",), table, tuple(read.READERS))
    return read.values({key: where.read(("policy", key), value, read.READERS[key]) for key, value in table.items()})


def _supervisors(table: object, where: _Where) -> Wanted:
    from opsagent import config_supervisors as read

    if not isinstance(table, dict):
        raise where.error(("supervisors",), "must be a table", "write [supervisors] and its keys below it")
    where.refuse_unknown(("supervisors",), table, tuple(read.READERS))
    values = {key: where.read(("supervisors", key), value, read.READERS[key]) for key, value in table.items()}
    return Wanted(**values)  # type: ignore[arg-type]  # each was read by its reader


def _logs(table: object, where: _Where) -> LogPolicy:
    from opsagent import log_policy

    readers = log_policy.readers()
    if not isinstance(table, dict):
        raise where.error(("logs",), "must be a table", "write [logs] and its keys below it")
    where.refuse_unknown(("logs",), table, tuple(readers))
    values = {key: where.read(("logs", key), value, readers[key]) for key, value in table.items()}
    return LogPolicy(**values)  # type: ignore[arg-type]  # each was read by its reader


def _redact(table: object, where: _Where) -> Redaction:
    if not isinstance(table, dict):
        raise where.error(("redact",), "must be a table", "write [redact] and its keys below it")
    if not table:
        return Redaction()
    from opsagent import config_redact as read

    where.refuse_unknown(("redact",), table, tuple(read.READERS))
    values = {key: where.read(("redact", key), value, read.READERS[key]) for key, value in table.items()}
    return Redaction(**values)  # type: ignore[arg-type]  # each was read by its reader


def _memory(table: object, where: _Where) -> MemorySettings:
    from opsagent import config_memory as read

    if not isinstance(table, dict):
        raise where.error(("memory",), "must be a table", "write [memory] and its keys below it")
    where.refuse_unknown(("memory",), table, tuple(read.READERS))
    return read.settings({key: where.read(("memory", key), table[key], read.READERS[key]) for key in table})


def _notify(table: object, where: _Where) -> Notify:
    from opsagent import config_notify as read
    from opsagent_tools.services.fields import Wrong

    if not isinstance(table, dict):
        raise where.error(("notify",), "must be a table", "write [notify] and its keys below it")
    try:
        return read.read(table)
    except Wrong as wrong:
        raise where.error(("notify", *wrong.key.split(".")), wrong.problem, wrong.mend) from None


def _model(table: object, where: _Where) -> ModelSettings:
    def read(said: Mapping[str, object]) -> ModelSettings:
        from opsagent import config_model

        return config_model.read(said)

    return where.whole("model", table, ModelSettings(), read)


def _mcp(table: object, where: _Where) -> McpSettings:
    def read(said: Mapping[str, object]) -> McpSettings:
        from opsagent import config_mcp

        return config_mcp.read(said)

    return where.whole("mcp", table, McpSettings(), read, keys="[mcp.servers.NAME]")


def _screens(table: object, where: _Where) -> ScreenSettings:
    def read(said: Mapping[str, object]) -> ScreenSettings:
        from opsagent import config_screens

        return config_screens.read(said)

    return where.whole("screens", table, ScreenSettings(), read)


def _groups(table: object, where: _Where) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise where.error(("groups",), "must be a table", 'write [groups] and below it backend = ["api", "worker"]')
    found: dict[str, tuple[str, ...]] = {}
    for name, units in table.items():
        if not isinstance(units, list) or not units or not all(isinstance(unit, str) and unit for unit in units):
            raise where.error(("groups", name), "must be a list of names", f'write {name} = ["api", "worker"]')
        found[name] = tuple(dict.fromkeys(units))
    return found


def _maintenance(tables: object, where: _Where) -> tuple[Window, ...]:
    from opsagent import config_maintenance as read
    from opsagent_tools.services.fields import Wrong

    if not isinstance(tables, list):
        raise where.error(("maintenance",), "must be tables", "write [[maintenance]], in double brackets")
    found = []
    for number, table in enumerate(tables):
        try:
            found.append(read.read(table))
        except Wrong as wrong:
            place = f"maintenance[{number + 1}]" + (f".{wrong.key}" if wrong.key else "")
            line = read.line_of(where.source, number, wrong.key)
            raise ConfigError(where.file, wrong.problem, place=place, line=line, mend=wrong.mend) from None
    return tuple(found)


def _mode(value: object) -> object:
    from opsagent_tools.services import fields

    return fields.mode(value)


@dataclass(frozen=True, slots=True)
class _Where:
    """Turns a key into the error that names its place."""

    file: Path
    source: str

    def error(self, route: tuple[str, ...], problem: str, mend: str) -> ConfigError:
        from opsagent_tools.services.lines import find_line

        line = find_line(self.source, route) or find_line(self.source, route[:1])  # inline tables
        return ConfigError(self.file, problem, place=".".join(route), line=line, mend=mend)

    def whole(
        self, name: str, table: object, empty: T, read: Callable[[Mapping[str, object]], T], *, keys: str = ""
    ) -> T:
        """Return a table as `read` reads it, which raises Wrong; `empty` where it says nothing."""
        if not isinstance(table, dict):
            raise self.error((name,), "must be a table", f"write {keys or f'[{name}]'} and its keys below it")
        if not table:
            return empty
        from opsagent_tools.services.fields import Wrong

        try:
            return read(table)
        except Wrong as wrong:
            raise self.error((name, *filter(None, wrong.key.split("."))), wrong.problem, wrong.mend) from None

    def refuse_unknown(self, route: tuple[str, ...], table: Mapping[str, object], known: tuple[str, ...]) -> None:
        import difflib

        for key in table:
            if key not in known:
                near = difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.5)
                mend = f"did you mean {near[0]}?" if near else f"known keys are {', '.join(known)}"
                raise self.error((*route, key), "unknown key", mend)

    def read(self, route: tuple[str, ...], value: object, reader: Callable[[object], object]) -> object:
        from opsagent_tools.services.fields import Wrong

        try:
            return reader(value)
        except Wrong as wrong:
            route = (*route, wrong.key) if wrong.key else route
            raise self.error(route, wrong.problem, wrong.mend) from None
