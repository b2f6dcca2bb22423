"""Which text is the caption of a check box or radio button: that to its right, or to its left where forms put it there."""

from __future__ import annotations

from collections.abc import Sequence

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.marks import Mark
from opsagent_tools.gui.pixels.words import Text

_FARTHEST = 2.4
"""Heights of text between a mark and its caption, at most."""
_SURE = 0.8


def caption_of(mark: Mark, marks: Sequence[Mark], texts: Sequence[Text]) -> Text | None:
    """Return the caption of `mark`; None where there is none, or where both sides may be it.

    A text to its left is its caption only if it is no other mark's: in `[x] one [ ] two`, `one` is the first one's.
    """
    usable = [one for one in texts if _is_caption(one)]
    after = min((one for one in usable if _follows(mark.box, one)), key=lambda one: one.box.left, default=None)
    before = max((one for one in usable if _precedes(mark.box, one)), key=lambda one: one.box.right, default=None)
    if before is not None and any(other is not mark and _follows(other.box, before) for other in marks):
        before = None
    if before is None or after is None:
        return after or before
    if before.text.endswith((":", "：")):
        return before
    left, right = mark.box.left - before.box.right, after.box.left - mark.box.right
    if abs(left - right) < 0.5 * after.height:
        return None
    return before if left < right else after


def _follows(mark: Box, text: Text) -> bool:
    return 0 <= text.box.left - mark.right <= _FARTHEST * text.height and _in_row(mark, text)


def _precedes(mark: Box, text: Text) -> bool:
    return 0 <= mark.left - text.box.right <= _FARTHEST * text.height and _in_row(mark, text)


def _in_row(mark: Box, text: Text) -> bool:
    return abs(text.box.center.y - mark.center.y) <= 0.6 * text.height


def _is_caption(text: Text) -> bool:
    """Say whether a text is surely one, and not the next picture of a tool bar."""
    word = len(text.text) > 1 or text.text.isascii()
    return text.score >= _SURE and word and any(sign.isalpha() for sign in text.text)
