"""Experts weighted by how well they foretold: exponential weights over a running, discounted loss.

    Lₑ ← FADE · Lₑ + known · (reward - expectedₑ)²,   weightₑ ∝ exp(-SHARP · Lₑ)

the exponentially weighted forecaster (Cesa-Bianchi & Lugosi, Prediction, Learning, and Games, 2006, section 2.1) with
discounting (section 2.11), on the prequential loss (Dawid 1984): each forecast is judged before its outcome is learnt.
`known`, 0..1, is how much evidence there was: an expert that guesses the base rate of what nobody tried yet is no better
at telling remedies apart, and to be judged by that made the choices worse.
"""

from __future__ import annotations

import numpy as np

from opsagent_memory.learning.evidence import Floats

FADE = 0.98
SHARP = 0.5


class Mixing:
    """Weights of experts, the best forecaster's largest."""

    def __init__(self, experts: tuple[str, ...], *, learns: bool) -> None:
        self.experts = experts
        self._learns = learns
        self.losses = np.zeros(len(experts))

    def weights(self) -> Floats:
        """Return the experts' weights; they sum to one."""
        if not self._learns:
            return np.full(len(self.experts), 1 / max(len(self.experts), 1))
        spread = np.exp(-SHARP * (self.losses - self.losses.min())) if self.experts else self.losses
        return np.asarray(spread / max(spread.sum(), 1e-300))

    def judge(self, expected: Floats, reward: float, weight: float) -> None:
        """Take in how far each expert's forecast was off."""
        self.losses = FADE * self.losses + weight * (reward - expected) ** 2
