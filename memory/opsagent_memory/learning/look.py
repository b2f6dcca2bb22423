"""What all experts say about one incident."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opsagent_memory.learning.evidence import Floats, Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What every expert says about one incident."""

    vector: Vector
    day: float
    fault_class: str | None
    kernel: Vector
    """Cosines with the kernel's incidents."""
    families: Vector
    """Cosines with the families' centres."""
    expected: Floats
    """(experts, remedies)"""
    uncertainty: Floats
    nearest: int
    """The family that it is of, -1: none."""

    def is_of(self, vector: Vector, day: float, fault_class: str | None, remedies: int) -> bool:
        """Say whether this answers that question."""
        same = (self.day, self.fault_class, self.expected.shape[1]) == (day, fault_class, remedies)
        return same and (self.vector is vector or np.array_equal(self.vector, vector))
