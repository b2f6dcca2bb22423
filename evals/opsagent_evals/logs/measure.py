"""Mines one system at a time, always from nothing and with the same settings, and compares with the labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opsagent_evals.logs import labelled
from opsagent_evals.logs.drain import Drain
from opsagent_evals.logs.grouping import Grouping, grouping, templates_right
from opsagent_evals.logs.loghub import System
from opsagent_tools.logs.miner import Miner
from opsagent_tools.logs.reading import LineReader

_ROUNDS = 3
"""Each speed is the best of so many rounds; all that are compared run in every round, one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of one system."""

    system: str
    held_out: bool
    content: Grouping
    """By the ids that lines have in the end."""
    content_online: Grouping
    """By the ids that lines were given as they came."""
    raw: Grouping
    raw_online: Grouping
    pa_content: float
    """Lines whose template is right word by word."""
    drain3: float | None = None
    """GA of Drain3 on content, README configuration; None: not installed."""
    drain3_raw: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speeds:
    """Lines a second of one core."""

    own: float
    drain3_readme: float | None = None
    drain3_default: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applications:
    """What came of the labelled logs of applications. Rates 0..1 over all events, or over those with a trace."""

    logs: int
    events: int
    ga: float
    whole: float
    """Events with exactly their lines."""
    levels: float
    traces: int
    exceptions: float
    causes: float
    frames: float


def applications() -> Applications:
    """Read and mine the logs of applications that ship with the suite, each from nothing."""
    logs = labelled.load()
    scores = [labelled.score(log) for log in logs]
    events, traces = sum(one.events for one in scores), sum(one.traces for one in scores)
    right = sum(_grouped(log).ga * len(log.labels) for log in logs)
    return Applications(
        logs=len(logs),
        events=events,
        ga=round(right / events, 4),
        whole=round(sum(one.whole for one in scores) / events, 4),
        levels=round(sum(one.levels for one in scores) / events, 4),
        traces=traces,
        exceptions=round(sum(one.exceptions for one in scores) / traces, 4),
        causes=round(sum(one.causes for one in scores) / traces, 4),
        frames=round(sum(one.frames for one in scores) / traces, 4),
    )


def _grouped(log: labelled.Labelled) -> Grouping:
    miner = Miner()
    keys = {line: miner.add(event.message).key for line, event in labelled.events_by_line(log.lines)}
    return grouping(
        [miner.resolve(keys.get(label.line, f"none at {label.line}")) for label in log.labels],
        [label.group for label in log.labels],
    )


def row(system: System, *, drain3: bool) -> Row:
    """Return how right the signatures of one system are."""
    read = LineReader(clock=lambda: 0.0).read
    content = _mined(system.content)
    raw = _mined([read(line).message for line in system.raw])
    labels = system.templates
    return Row(
        system=system.name,
        held_out=system.held_out,
        content=grouping(content.final, labels),
        content_online=grouping(content.online, labels),
        raw=grouping(raw.final, labels),
        raw_online=grouping(raw.online, labels),
        pa_content=templates_right(content.templates, labels),
        drain3=grouping(Drain(readme=True).mine(system.content)[0], labels).ga if drain3 else None,
        drain3_raw=grouping(Drain(readme=True).mine(_text(system.raw))[0], labels).ga if drain3 else None,
    )


def speeds(systems: Sequence[System], *, drain3: bool) -> Speeds:
    """Return how quick mining is, each system from nothing, one after the other on the same lines."""
    own: list[float] = []
    readme: list[float] = []
    default: list[float] = []
    for _ in range(_ROUNDS):
        own.append(sum(_seconds(system.content) for system in systems))
        if drain3:
            readme.append(sum(Drain(readme=True).mine(system.content)[1] for system in systems))
            default.append(sum(Drain(readme=False).mine(system.content)[1] for system in systems))
    lines = sum(len(system.content) for system in systems)
    return Speeds(
        own=lines / min(own),
        drain3_readme=lines / min(readme) if readme else None,
        drain3_default=lines / min(default) if default else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mined:
    online: list[str]
    final: list[str]
    templates: list[str]


def _mined(messages: Sequence[str]) -> _Mined:
    miner = Miner()
    online = [miner.add(message).key for message in messages]
    final = [miner.resolve(key) for key in online]
    template: Callable[[str], str] = miner.template
    return _Mined(online=online, final=final, templates=[template(key) for key in online])


def _seconds(messages: Sequence[str]) -> float:
    miner = Miner()
    miner.forget_words()
    add = miner.add
    began = time.process_time()
    for message in messages:
        add(message)
    return time.process_time() - began


def _text(lines: Sequence[bytes]) -> list[str]:
    return [line.decode("utf-8", "replace") for line in lines]
