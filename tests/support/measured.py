"""Figures of units and of the machine as tables: fed to the detector, second by second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opsagent.model import EvidenceKind, Scalar, Signal, SignalKind
from opsagent.naming import host_unit
from opsagent.notice import Notice, Noticed
from tests.support.histories import History, uid

GB = 1_000_000_000
Figures = Callable[[float], dict[str, Scalar]]


def tell_host(history: History, **data: Scalar) -> None:
    """Let the machine say this now."""
    kind, evidence = SignalKind.HOST_SAMPLE, EvidenceKind.KERNEL
    told = Signal(kind=kind, unit=host_unit(), at=history.now, evidence=evidence, data=data)
    history.world.apply(told)
    history.told += history.detector.observe(told, history.world, history.now)


def tell(history: History, name: str, **data: Scalar) -> None:
    """Let the first process of a unit have these figures now."""
    process = history.world.units[uid(name)].processes[0].key
    usual: dict[str, Any] = {"rss": 50_000_000, "cpu": 0.0, "threads": 4, "state": "S"}
    history.signal(SignalKind.SAMPLE, name, process=process, **{**usual, **data})


def disk(share: float, *, size: int = 100 * GB, mount: str = "/srv", **more: Scalar) -> dict[str, Scalar]:
    """A file system that is so full."""
    used = int(share * size)
    return {"mount": mount, "filesystem": "ext4", "size": size, "used": used, "free": size - used, **more}


def noticed(history: History) -> list[Notice]:
    """Return what was noticed, in order."""
    return [one.notice for one in history.told if isinstance(one, Noticed)]


def run_host(history: History, figures: Figures, seconds: float, *, every: float = 10.0) -> None:
    """Let the machine say these figures while time passes."""
    began = history.now
    while (passed := (history.now - began).total_seconds()) < seconds:
        tell_host(history, **figures(passed))
        history.wait(every, step=every)


def run_unit(history: History, name: str, figures: Figures, seconds: float, *, every: float = 10.0) -> None:
    """Let a unit have these figures while time passes."""
    began = history.now
    while (passed := (history.now - began).total_seconds()) < seconds:
        tell(history, name, **figures(passed))
        history.wait(every, step=every)
