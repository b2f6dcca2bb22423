"""How things stand, in one line at the bottom: what matters most first, as much as fits. Pure but for `stand`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsagent.commands.reading import Language
from opsagent.views.table import cells, fit
from opsagent.views.terminal import Style

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.model_settings import ModelSettings

_BETWEEN = " · "
_WORDS: dict[str, tuple[str, str]] = {
    "paused": ("paused", "일시정지"),
    "alone": ("no daemon", "데몬 없음"),
    "asks": ("{count} waiting for a yes", "승인 대기 {count}"),
    "open": ("{count} open", "열린 인시던트 {count}"),
    "well": ("all well", "이상 없음"),
    "mode": ("mode {mode}", "모드 {mode}"),
    "cost": ("{model} {cost:.2f} {currency}", "{model} {cost:.2f} {currency}"),
    "quiet": ("quiet", "알림 끔"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the bottom line tells."""

    daemon: bool = False
    paused: bool = False
    mode: str = ""
    incidents: int = 0
    """Open ones."""
    questions: int = 0
    """Of the agent, that wait for a yes."""
    services: int = 0
    model: str = ""
    cost: float | None = None
    """Of this month."""
    currency: str = "USD"


def stand(home: Home, models: ModelSettings) -> Standing:
    """Return how things stand. Blocks for a moment. Raises StoreError."""
    from opsagent.api.ask import status
    from opsagent.brain.account import month_of
    from opsagent.store.journal import Journal

    daemon = status(home)
    with Journal.read(home) as journal:
        paused = journal.paused() is not None
        questions = len(journal.approvals())
        first = models.first
        use = journal.model_use(month_of(datetime.now(UTC)), models.currency) if first is not None else None
    units = daemon["units"] if daemon is not None else ()
    return Standing(
        daemon=daemon is not None,
        paused=paused,
        mode=_mode(daemon),
        incidents=len({unit["incident"] for unit in units if unit["incident"]}),
        questions=questions,
        services=len(units),
        model=first.name if first is not None else "",
        cost=use.cost if use is not None else None,
        currency=models.currency,
    )


def _mode(daemon: Mapping[str, Any] | None) -> str:
    mode = (daemon or {}).get("policy", {}).get("mode", "")
    return mode if isinstance(mode, str) else "/".join(dict.fromkeys(mode.values()))


def parts(now: Standing, language: Language, *, quiet: bool = False) -> tuple[tuple[str, Style], ...]:
    """Return the pieces of the line, what matters most first."""
    found: list[tuple[str, Style]] = []

    def add(key: str, style: Style, **values: object) -> None:
        found.append((_WORDS[key][language == "ko"].format(**values), style))

    if now.paused:
        add("paused", "warn")
    if now.questions:
        add("asks", "warn", count=now.questions)
    if now.incidents:
        add("open", "bad", count=now.incidents)
    if not now.daemon:
        add("alone", "dim")
    elif not now.incidents:
        add("well", "good")
    if now.mode:
        add("mode", "dim", mode=now.mode)
    if now.model and now.cost is not None:
        add("cost", "dim", model=now.model, cost=now.cost, currency=now.currency)
    elif now.model:
        found.append((now.model, "dim"))
    if quiet:
        add("quiet", "dim")
    return tuple(found)


def fitting(pieces: tuple[tuple[str, Style], ...], width: int) -> tuple[tuple[str, Style], ...]:
    """Return as many of the pieces as fit side by side into so many columns; of the first, what fits."""
    kept: list[tuple[str, Style]] = []
    room = width
    for text, style in pieces:
        needed = cells(text) + (cells(_BETWEEN) if kept else 0)
        if needed > room:
            break
        kept.append((text, style))
        room -= needed
    if not kept and pieces:
        return ((fit(pieces[0][0], width), pieces[0][1]),)
    return tuple(kept)
