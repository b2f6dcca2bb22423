"""What a file of any format describes: services, and what of it has no effect. A leaf: standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from opsagent_tools.services.spec import ServiceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing in a file that is taken otherwise than it may seem, or has no effect."""

    service: str
    """Empty: it concerns the file as a whole."""
    key: str
    says: str
    """One line for a person."""

    def __str__(self) -> str:
        where = " ".join(part for part in (self.service, self.key) if part)
        return f"{where}: {self.says}" if where else self.says


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The services of a file, in its order."""

    specs: tuple[ServiceSpec, ...]
    notes: tuple[Note, ...] = ()
