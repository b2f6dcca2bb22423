"""How rare an error is among those that a series has shown: the tail of a histogram with logarithmic bins."""

from __future__ import annotations

from math import log2, log10

_BINS = 96
_PER_OCTAVE = 4.0
_LAST = _BINS - 1
_MIDDLE = _BINS // 2
_SMALLEST = 2.0 ** (-(_MIDDLE - 1) / _PER_OCTAVE)
_LARGEST = 2.0 ** ((_LAST - _MIDDLE) / _PER_OCTAVE)
GENERATION = 16384
"""After so many values what was learnt counts half, so that a series may change its ways."""


class Rarity:
    """Learns as it is asked."""

    __slots__ = ("_counts", "_seen")

    def __init__(self) -> None:
        self._counts = [0] * _BINS
        self._seen = 0

    def of(self, error: float) -> float:
        """Return in how many decimal digits of values no error was as large as `error` (0 or more), and learn.

        2 is: about one of a hundred was. The first values are never rare.
        """
        if error <= _SMALLEST:
            bin_ = 0
        elif error < _LARGEST:
            bin_ = int(_PER_OCTAVE * log2(error)) + _MIDDLE
        else:
            bin_ = _LAST
        counts, seen = self._counts, self._seen
        if not seen:
            digits = 0.0
        elif bin_:
            digits = log10((seen + 2) / (sum(counts[bin_:]) + 1))
        else:
            digits = log10((seen + 2) / (seen + 1))
        counts[bin_] += 1
        self._seen = seen + 1
        if seen >= 2 * GENERATION:
            self._counts = [count // 2 for count in counts]
            self._seen = sum(self._counts)
        return digits
