"""The windows of a recording, and what is to be seen after its steps. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsagent_tools.gui.matching.roles import CHOICES, is_on
from opsagent_tools.gui.model import Verb, Window
from opsagent_tools.gui.procedure import Expectation, WindowRule

if TYPE_CHECKING:
    from opsagent_tools.gui.recording.steps import Did

_TITLE_PART = 60


def main_window(done: Sequence[Did]) -> Window | None:
    """Return the first window of the program that most was done to; None: no program is known."""
    windows = [one.where for one in done if one.where is not None and one.where.program]
    if not windows:
        return None
    (program, _), *_ = Counter(one.program for one in windows).most_common(1)
    return next(one for one in windows if one.program == program)


def other_window(one: Did, main: Window | None) -> WindowRule | None:
    """Return the rule for a dialog; None: the procedure's own window."""
    window = one.where
    if (
        window is None
        or main is None
        or window.popup  # a menu is part of the window that opened it, whatever it is called
        or window.id == main.id
        or (not window.modal and window.wm_class == main.wm_class)
    ):
        return None
    title = _steady_title(window.title)
    return WindowRule(program=window.program, wm_class=window.wm_class, title=title, dialog=window.modal and not title)


def switches(one: Did) -> bool:
    """Tell whether a check box or the like was clicked."""
    return one.seen is not None and one.seen.element.role in CHOICES and one.gesture.verb is Verb.CLICK


def expected_after(one: Did, following: Did | None) -> Expectation | None:
    """Return what is to be seen afterwards: the check mark, or the dialog in which the next step was done."""
    checked = is_on(one.now) if one.now is not None and switches(one) else None
    window = ""
    here, there = one.where, following.where if following is not None else None
    if here is not None and there is not None and there.id != here.id and there.modal:
        window = _steady_title(there.title)
    if checked is None and not window and not one.closed:
        return None
    return Expectation(checked=checked, window=window, closed=one.closed)


def _steady_title(title: str) -> str:
    """Return the part of a title that is the same next time: without file names and paths, which have dots and slashes."""
    words = [part for part in re.split(r"\s+[-–—|:]\s+", title) if not re.search(r"[./\\]\w", part)]
    return (words[-1] if words else "")[:_TITLE_PART]
