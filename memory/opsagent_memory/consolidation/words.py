"""The vocabulary of consolidation. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from opsagent_memory.options import SizePolicy

PROPOSED_AFTER = 5
"""So many proven successes for one family make a remedy a procedure, as a proposal."""
PROPOSED_RATE = 0.8
"""Of the last `JUDGED_BY` proven attempts so many must have helped."""
JUDGED_BY = 10
STALE_AFTER = 3
"""So many proven attempts in a row that did not help make a procedure stale."""
TOLERANCE = 0.05
"""Archiving moves the score of no remedy by more than this, for no question that was asked in these words before."""
ALIKE = 0.80
"""Facts in words with this cosine or more are shown to a person: they may contradict each other."""
LOW_SURPRISE = 0.5
"""An episode that surprised more than this is kept in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PossibleContradiction:
    """Two facts in words that are much alike; only a person can tell whether both hold."""

    scope: str
    older: str
    newer: str
    """Ids."""
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Consolidated:
    """What was done, or with `dry_run` what would be."""

    archived: int = 0
    """Records that left recall; they stay readable, and what they taught stays learnt."""
    ended: int = 0
    """Facts whose validity ended because a newer one says otherwise."""
    proposed: int = 0
    """Procedures that were proposed, or proposed anew with newer counts."""
    stale: int = 0
    """Procedures that were marked: what used to work no longer does."""
    erased: int = 0
    """Archived records that were erased for good."""
    possible_contradictions: tuple[PossibleContradiction, ...] = ()
    complete: bool = True
    """Whether all was looked through; otherwise the next call goes on where this one stopped."""
    told: tuple[str, ...] = ()
    """Each thing that was done and why, a line each."""
    dry_run: bool = False


def in_words(policy: SizePolicy) -> tuple[str, ...]:
    """Return what a memory keeps, and what goes when, as sentences for a person."""
    return (
        (
            f"An episode that repeats what its family knows is archived after {policy.keep_detail_days} days: it"
            f" leaves recall, stays readable, and still counts. The newest {policy.repeats_kept} of each family and"
            " remedy stay, and so does whatever came as a surprise."
        ),
        f"A fact that was replaced or has ended is archived after {policy.keep_detail_days} days.",
        f"What is archived is erased after {policy.keep_archived_days} days; what an episode taught stays learnt.",
        (
            f"Beyond {policy.max_records:,} records (documents are not counted) repeats are archived sooner, what is"
            " archived longest is erased sooner, and then the oldest episodes go, first those that count for nothing."
        ),
        "Facts and procedures that hold are never touched: only a person forgets them.",
    )
