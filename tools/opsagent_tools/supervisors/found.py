"""What the search for supervisors works with: the machine as it is looked at, what a person wants, what was found.

A leaf beside the port, for the `find.py` of each adapter and for `discover.py`. Standard library only, and light.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from opsagent_tools.processes.sweep import Sweep, sweep

Family = Literal["pm2", "supervisord", "circusd", "systemd"]
State = Literal["running", "died", "idle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One supervisor of this machine that is not the embedded engine."""

    family: Family
    address: str
    """How it is reached: a PM2 home, a socket or URL, `system` or `user`. Tells it from others of its family."""
    uid: int
    """Whose it is: what it says is read and acted on as that user."""
    kind: str = ""
    """First part of its units' ids, unique on this machine; empty while it has none (`discover` gives it)."""
    pid: int | None = None
    """Its daemon, where that is known."""
    state: State = "running"
    """`died`: its daemon ended since the machine was started, and did not tidy up; `idle`: it does not run."""
    why: str = ""
    """How it was found, in words for a person."""
    refused: str = ""
    """Why it is not opened, in words for a person; empty: nothing is wrong with it."""
    options: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict, repr=False)
    """More that its adapter needs (`pubsub`, `username`, `password_file`, `units`)."""

    @property
    def key(self) -> str:
        """Return what it is known by from one look to the next."""
        return f"{self.family}:{self.address}"

    @property
    def usable(self) -> bool:
        """Tell whether it is to be opened: it runs, or should."""
        return not self.refused and self.state != "idle"

    def but(self, reason: str) -> Found:
        """Return it refused."""
        return replace(self, refused=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """A supervisor that a person named in the configuration."""

    address: str
    pubsub: str = ""
    """Of a circusd: where it publishes its events."""
    username: str = ""
    password_file: str = ""
    """A file of the agent's user (0600) that holds nothing but the password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person says of the search (`[supervisors]` in config.toml). The default looks for everything."""

    discover: bool = True
    """False: only what is named here."""
    off: frozenset[str] = frozenset()
    """Families or kinds that are left alone altogether."""
    pm2_homes: tuple[Path, ...] = ()
    supervisord: tuple[At, ...] = ()
    circusd: tuple[At, ...] = ()
    systemd_units: tuple[str, ...] = ()
    """Units that are watched beside those that are by themselves."""
    systemd_exclude: tuple[str, ...] = ()
    """Units, or patterns of names (`snap*`), that are not watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine as it is looked at; a test makes one up."""

    sweep: Sweep
    uid: int
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    home: Path | None = None
    """Home folder of the agent's user."""
    run: Path = Path("/run")

    @classmethod
    def here(cls, processes: Sweep | None = None) -> Machine:
        """Look at this machine."""
        given = os.environ.get("HOME", "")
        return cls(
            sweep=processes if processes is not None else sweep(),
            uid=os.geteuid(),
            environ=os.environ,
            home=Path(given) if given.startswith("/") else None,
        )


@lru_cache(maxsize=256)
def user_of(uid: int) -> str:
    """Return the name of a user, else the number."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
