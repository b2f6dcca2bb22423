"""What the intent model was measured to be worth, on phrasings that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from opsagent.commands.intents import ABSTAIN
from opsagent_evals.chat.corpus.expand import Sentence
from opsagent_tools.registry import READING

Mask = NDArray[np.bool_]
_BINS = 10


def lines(
    sentences: Sequence[Sentence],
    shares: NDArray[np.float32],
    classes: Sequence[str],
    heat: float,
    limits: Mapping[str, float],
) -> Iterator[str]:
    """Yield the figures, a line each. `shares`: probabilities, one row per sentence, one column per class."""
    truth = np.array([classes.index(sentence.intent) for sentence in sentences])
    single = np.array([sentence.single for sentence in sentences])
    korean = np.array([sentence.language == "ko" for sentence in sentences])
    yield f"temperature {heat}, thresholds {dict(limits)}"
    groups = {"all": np.ones(len(truth), bool), "of grammars": ~single, "single": single}
    groups |= {"single, English": single & ~korean, "single, Korean": single & korean}
    for name, group in groups.items():
        if group.any():
            yield f"{name}: " + _figures(shares[group], truth[group], classes, limits)
    yield from _by_class(shares, truth, classes)


def _figures(
    shares: NDArray[np.float32], truth: NDArray[np.int64], classes: Sequence[str], limits: Mapping[str, float]
) -> str:
    first, sure = shares.argmax(axis=1), shares.max(axis=1)
    right = first == truth
    nothing = classes.index(ABSTAIN)
    abstains, acts = truth == nothing, truth != nothing
    reads = np.isin(first, [classes.index(name) for name in READING])
    best = np.where(np.arange(len(classes)) == nothing, -1, shares).argmax(axis=1)
    changes = acts & ~reads & (first != nothing)
    said = {
        "sentences": f"{len(truth)}",
        "right": f"{right.mean():.3f}",
        "ECE": f"{calibration_error(sure, right):.3f}",
        "abstains where it must": f"{(first == nothing)[abstains].mean():.3f}",
        "best tool right": f"{(best == truth)[acts].mean():.3f}",
        "reads where sure": _at(reads & (sure >= limits["read"]), right, reads),
        "abstains where sure": _at((first == nothing) & (sure >= limits["abstain"]), right, first == nothing),
        "another change, sure to .95": f"{int(((sure >= 0.95) & ~right & ~reads & (first != nothing)).sum())}"
        f" of {int(((sure >= 0.95) & changes).sum())}",
    }
    return ", ".join(f"{name} {value}" for name, value in said.items())


def _at(used: Mask, right: Mask, among: Mask) -> str:
    """Return how often a guess is right where it would be used, and how many there are."""
    return f"{right[used].mean():.3f} of {int(used.sum())}/{int(among.sum())}" if used.any() else "never"


def calibration_error(sure: NDArray[np.float32], right: Mask) -> float:
    """Return the expected calibration error in ten bins: |said - found|, weighed by how many there are."""
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    return sum(
        float(abs(sure[bins == one].mean() - right[bins == one].mean())) * float((bins == one).mean())
        for one in np.unique(bins)
    )


def _by_class(shares: NDArray[np.float32], truth: NDArray[np.int64], classes: Sequence[str]) -> Iterator[str]:
    first = shares.argmax(axis=1)
    for at, name in enumerate(classes):
        there, said = truth == at, first == at
        if there.any():
            missed = np.bincount(first[there & ~said], minlength=len(classes))
            most = ", ".join(f"{classes[other]} {missed[other]}" for other in np.argsort(-missed)[:3] if missed[other])
            found = (there & said).sum()
            yield f"  {name}: {there.sum()}, found {found / there.sum():.2f}, right {found / max(1, said.sum()):.2f}; {most}"
