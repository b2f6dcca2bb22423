"""The runbooks as files: one TOML for each fault, read once, when one is first needed.

    cards_for(fault)      what there is for a kind of incident, in the order of the causes' strength
    remedies_for(fault)   their remedies, as decide weighs them
    calls_for(fault)      their reasons to call a person
    ALL                   every card

The format is in docs/runbooks.md; `reading` reads it, `conditions` has its little language, `making` makes remedies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.model import Fault
    from opsagent.runbooks.findings import Findings
    from opsagent.runbooks.library.card import Card, RemedyCard
    from opsagent.runbooks.remedy import Remedy

    ALL: tuple[Card, ...]

__all__ = ["ALL", "about", "calls_for", "cards_for", "every_card", "remedies_for"]


@cache
def every_card() -> tuple[Card, ...]:
    """Return every runbook that the agent came with, by name. Raises RunbookError where one cannot be read."""
    from opsagent.runbooks.library.reading import read_card

    files = sorted(
        (file for file in resources.files(__name__).iterdir() if file.name.endswith(".toml")),
        key=lambda file: file.name,
    )
    return tuple(read_card(file.read_text(encoding="utf-8"), name=file.name.removesuffix(".toml")) for file in files)


def cards_for(fault: Fault, own: Iterable[Card] = ()) -> tuple[Card, ...]:
    """Return the cards for a kind of incident, a person's `own` before the others."""
    return tuple(card for card in (*own, *every_card()) if fault in card.answers)


def remedies_for(fault: Fault, own: Iterable[Card] = ()) -> tuple[Remedy, ...]:
    """Return what the cards for a kind of incident propose: a person's own first, then by their order."""
    from opsagent.runbooks.library.making import remedies_of

    mine = [remedy for card in own if fault in card.answers for remedy in remedies_of(card)]
    return (*sorted(mine, key=lambda remedy: remedy.order), *_shipped(fault))


def calls_for(fault: Fault, own: Iterable[Card] = ()) -> tuple[Callable[[Findings], str | None], ...]:
    """Return the reasons to call a person that the cards for a kind of incident name."""
    from opsagent.runbooks.library.making import calls_of

    return (*(call for card in own if fault in card.answers for call in calls_of(card)), *_shipped_calls(fault))


def about(remedy: str) -> RemedyCard | None:
    """Return what is written about a remedy of that durable name (`crash/start`, `disk_full/rotate_log`)."""
    return _by_remedy().get(remedy)


@cache
def _shipped(fault: Fault) -> tuple[Remedy, ...]:
    from opsagent.runbooks.library.making import remedies_of

    found = [remedy for card in cards_for(fault) for remedy in remedies_of(card)]
    return tuple(sorted(found, key=lambda remedy: remedy.order))


@cache
def _shipped_calls(fault: Fault) -> tuple[Callable[[Findings], str | None], ...]:
    from opsagent.runbooks.library.making import calls_of

    return tuple(call for card in cards_for(fault) for call in calls_of(card))


@cache
def _by_remedy() -> dict[str, RemedyCard]:
    return {name: one for card in every_card() for one in card.remedies for name in (one.counts_as, *one.counted_as)}


def __getattr__(name: str) -> Any:
    if name == "ALL":
        return every_card()
    raise AttributeError(name)
