"""How right a grouping of lines is, as the literature counts it (Zhu et al. 2019, Khan et al. 2022)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

_TYPE = re.compile(r"<[a-z*]+>")
_RUN = re.compile(r"<\*>(?:[^\w<]*<\*>)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """Rates, 0..1."""

    ga: float
    """Lines whose group is exactly the group that their label makes."""
    fga: float
    """F1 of the groups that are exactly right: small groups count like large ones."""
    groups: int
    """Groups that were made."""
    labels: int
    """Groups that there are."""


def grouping(predicted: Sequence[Hashable], labels: Sequence[Hashable]) -> Grouping:
    """Compare the group of each line with its label."""
    made, true = _sets(predicted), _sets(labels)
    right = set(made) & set(true)
    both = len(made) + len(true)
    return Grouping(
        ga=sum(map(len, right)) / len(labels) if labels else 0.0,
        fga=2 * len(right) / both if both else 0.0,
        groups=len(made),
        labels=len(true),
    )


def templates_right(predicted: Sequence[str], labels: Sequence[str]) -> float:
    """Return the share of lines whose template is the label's, all types being alike, values in a row being one."""
    return sum(_plain(one) == _plain(other) for one, other in zip(predicted, labels, strict=True)) / (len(labels) or 1)


def _plain(template: str) -> str:
    return " ".join(_RUN.sub("<*>", _TYPE.sub("<*>", template)).split())


def _sets(keys: Sequence[Hashable]) -> list[frozenset[int]]:
    found: dict[Hashable, list[int]] = defaultdict(list)
    for at, key in enumerate(keys):
        found[key].append(at)
    return [frozenset(lines) for lines in found.values()]
