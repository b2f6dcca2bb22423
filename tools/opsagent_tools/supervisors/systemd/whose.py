"""Which units are a person's services, and which are the distribution's own machinery. Reads folders only.

A service is a person's where its unit file really lies in a folder that is for people (`/etc/systemd/system`,
`/usr/local/lib`, transient units of `systemd-run` …), or was linked there from a folder of their own. What packages
bring under `/usr/lib` is listed only where it is named.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from opsagent_tools.supervisors.systemd.endpoint import Scope, runtime_dir

_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]{1,240}\.service")
_NEVER = re.compile(
    r"(systemd-.*|dbus(-broker|-org\..*)?|sshd?(@.*)?|.*getty(@.*)?|autovt@.*|login|user@.*|user-runtime-dir@.*"
    r"|polkit|emergency|rescue|init|opsagent(-.*)?)\.service"
)
"""Never a service to repair, whoever wrote the file: what people log in with, systemd itself, the agent."""
_PACKAGED = ("/usr/lib/systemd/", "/lib/systemd/", "/usr/share/systemd/", "/run/systemd/generator")


def file_of(name: str) -> str:
    """Return the unit's file name: `api` → `api.service`, `worker@` → `worker@.service`."""
    return name if name.endswith(".service") else f"{name}.service"


def name_of(file: str) -> str:
    """Return the name that a unit is shown under: `api.service` → `api`, `worker@3.service` → `worker@`."""
    stem = file.removesuffix(".service")
    return stem[: stem.index("@") + 1] if "@" in stem else stem


def instance_of(file: str) -> str:
    """Return what stands behind the `@`: `worker@3.service` → `3`; empty for a unit that is no instance."""
    return file.removesuffix(".service").partition("@")[2]


def unit_folders(scope: Scope) -> tuple[Path, ...]:
    """Return the folders of unit files that people (or programs of theirs) write, the strongest first."""
    if scope == "system":
        own = ["/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient"]
        own += ["/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system"]
        return tuple(Path(path) for path in own)
    home, run = Path.home(), runtime_dir()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
    own_folders = [config / "systemd/user.control", run / "systemd/user.control", run / "systemd/transient"]
    own_folders += [config / "systemd/user", Path("/etc/systemd/user"), run / "systemd/user"]
    return (*own_folders, Path("/run/systemd/user"), data / "systemd/user", Path("/usr/local/lib/systemd/user"))


class Services:
    """A person's services, by what lies in folders and by what they named."""

    def __init__(
        self,
        scope: Scope,
        named: Sequence[str] = (),
        exclude: Sequence[str] = (),
        folders: Sequence[Path] | None = None,
    ) -> None:
        """Look in the folders of `scope`. `named`: further unit files; `exclude`: patterns of names (`snap*`), not listed."""
        self._folders = tuple(unit_folders(scope) if folders is None else folders)
        self._named = frozenset(file_of(name) for name in named)
        self._exclude = tuple(pattern.removesuffix(".service") for pattern in exclude)
        self._own = own_unit()

    def files(self) -> frozenset[str]:
        """Return the unit files that are there now, templates (`worker@.service`) among them."""
        found = set(self._named)
        for folder in self._folders:
            found.update(file for file in _listed(folder) if self._is_theirs(folder, file))
        return frozenset(file for file in found if self._may_be(file))

    def enabled_instances(self, template: str) -> frozenset[str]:
        """Return the instances of a template that come up at boot, by the links of `systemctl enable`."""
        stem = template.removesuffix(".service")
        return frozenset(
            link.name
            for folder in self._folders
            for kind in ("wants", "requires")
            for link in folder.glob(f"*.target.{kind}/{_literal(stem)}*.service")
            if link.name != template
        )

    def is_ours(self, file: str, files: frozenset[str]) -> bool:
        """Tell whether a loaded unit is among `files`, or an instance of a template among them."""
        if not self._may_be(file):
            return False
        return file in files or ("@" in file and f"{name_of(file)}.service" in files)

    def is_named(self, file: str) -> bool:
        """Tell whether a person named it: then it is shown whatever it is."""
        return file in self._named or ("@" in file and f"{name_of(file)}.service" in self._named)

    def _may_be(self, file: str) -> bool:
        if _NAME.fullmatch(file) is None or _NEVER.fullmatch(file) or file == self._own:
            return False
        names = (name_of(file), file.removesuffix(".service"))
        return not any(fnmatchcase(name, pattern) for name in names for pattern in self._exclude)

    def _is_theirs(self, folder: Path, file: str) -> bool:
        real = os.path.realpath(folder / file)
        if real == "/dev/null" or real.startswith(_PACKAGED):
            return False
        # A link to a unit of another name is an alias (`systemctl enable` makes them): the unit is listed once.
        alias = Path(real).name != file and any(real.startswith(f"{own}/") for own in self._folders)
        return not alias


def own_unit(cgroup: str | None = None) -> str:
    """Return the unit that this very process runs in; empty where it runs in none."""
    try:
        said = Path("/proc/self/cgroup").read_text() if cgroup is None else cgroup
    except OSError:
        return ""
    parts = [part for line in said.splitlines() for part in line.rpartition(":")[2].split("/")]
    own = [part for part in parts if part.endswith(".service") and not part.startswith("user@")]
    return own[-1] if own else ""


def _listed(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            yield from [entry.name for entry in entries if _NAME.fullmatch(entry.name)]
    except OSError:
        return


def _literal(text: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", text)


def by_unit(files: Iterable[str]) -> dict[str, list[str]]:
    """Group unit files and instances by the unit that they are shown as; a template without instances has none."""
    found: dict[str, list[str]] = {}
    for file in sorted(files, key=order_of):
        instances = found.setdefault(name_of(file), [])
        if "@" not in file or instance_of(file):
            instances.append(file)
    return found


def order_of(file: str) -> tuple[str, int, str]:
    """Return a key that sorts `worker@10` behind `worker@9`."""
    instance = instance_of(file)
    return name_of(file), int(instance) if instance.isdecimal() else -1, instance
