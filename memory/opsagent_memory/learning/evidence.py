"""What successes and failures are worth: counts in, expected success out.

A smoothed rate with a Beta-like prior, as in `opsagent_memory.ranking`: what was never tried has `NEUTRAL`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opsagent_memory.ranking import HARM, NEUTRAL, PRIOR_WEIGHT, SOURCE_CAP

Floats = NDArray[np.float64]
Vector = NDArray[np.float32]

GOOD, BAD = 0, 1
"""Places in the last axis of counts."""


def counted(reward: float) -> tuple[float, float]:
    """Return what one outcome adds to successes and failures; harm counts more than no help."""
    if reward < 0:
        return 0.0, HARM
    return min(reward, 1.0), 1.0 - min(reward, 1.0)


def scores(counts: Floats) -> tuple[Floats, Floats]:
    """Return the expected success, and the evidence behind it, of counts (…, remedy, source, good or bad).

    No source weighs more than `SOURCE_CAP` for a remedy, however often it repeats itself.
    """
    said = counts.sum(axis=-1)
    shrunk = counts * np.minimum(1.0, SOURCE_CAP / np.maximum(said, 1e-12))[..., None]
    total = shrunk.sum(axis=-2)
    mass = total.sum(axis=-1)
    return (PRIOR_WEIGHT * NEUTRAL + total[..., GOOD]) / (PRIOR_WEIGHT + mass), mass
