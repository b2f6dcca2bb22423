"""Text into the field that has the focus: what was there is taken away, what is typed is read back."""

from __future__ import annotations

from dataclasses import dataclass

from opsagent_tools.gui.model import Element
from opsagent_tools.gui.port import ScreenError
from opsagent_tools.gui.terminal.driving import is_on, said, same
from opsagent_tools.gui.terminal.fingers import Fingers
from opsagent_tools.gui.terminal.holding import Terminal
from opsagent_tools.gui.terminal.keys import bytes_of, has_key

_ROUNDS = 4
_SEEN_S = 0.6
_UNSEEN_S = 0.1
"""For what may leave no trace on the screen."""


@dataclass
class Typist:
    """Types on one terminal."""

    terminal: Terminal
    fingers: Fingers

    async def type(self, text: str, field: Element | None, *, replace: bool, secret: bool) -> None:
        """Type `text` into `field`, which has the focus (None: where the cursor is).

        Raises:
            ScreenError: the text has control characters, or the field does not hold what was typed. The text of a
                secret is never in the message.
        """
        if any(not char.isprintable() for char in text):
            raise ScreenError("text with control characters or line ends is not typed: keys of their own are for those")
        if field is not None and replace:
            await self._clear(field, secret=secret)
        before = field.value or "" if field is not None and not replace else ""
        reading = await self.fingers.send(text.encode(), _UNSEEN_S if secret else _SEEN_S)
        if field is None or secret:
            return
        found = same(reading, field)
        if found is not None and not _holds(found, before + text):
            found = same(await self.fingers.press(()), field)
        if found is None:
            raise ScreenError(f"{said(field)} is not there any more after typing")
        if "secret" in found.states:
            return
        if not _holds(found, before + text):
            raise ScreenError(f"{said(field)} does not hold what was typed into it")

    async def _clear(self, field: Element, *, secret: bool) -> None:
        """Take away what the field holds; see that it is empty."""
        if secret or "secret" in field.states:
            await self.fingers.send(b"\x15", _UNSEEN_S)  # Ctrl+U: the line, in every program that hides what is typed
            return
        erase = self.terminal.erase if self.terminal.reads_lines else bytes_of(("backspace",), self.terminal.term)
        found: Element | None = field
        for _ in range(_ROUNDS):
            if not found or not found.value:
                return
            if not self.terminal.reads_lines:
                await self._to_end(found)
            await self.fingers.send(erase * len(found.value), _SEEN_S)
            reading = await self.fingers.rested()
            found = same(reading, field)
            if found is None or not is_on(reading, found):
                raise ScreenError(f"{said(field)} lost the focus while it was emptied")
        raise ScreenError(f"{said(field)} cannot be emptied")

    async def _to_end(self, field: Element) -> None:
        """Bring the caret behind the last character of the field."""
        for key in ("end", "right"):
            cells = (await self.fingers.rested()).cells
            column, row = cells.cursor
            text = cells.lines[field.box.top][field.box.left : field.box.right].rstrip(" _")
            missing = field.box.left + len(text) - column
            if missing <= 0 or row != field.box.top:
                return
            if key == "right":
                await self.fingers.press((key,) * missing)
            elif has_key(key, self.terminal.term):
                await self.fingers.press((key,))


def _holds(field: Element, text: str) -> bool:
    """The field shows `text`; of one that is too long for it, the end."""
    shown, meant = (field.value or "").strip(), text.strip()
    if shown == meant:
        return True
    return len(shown) >= min(field.box.width // 2, field.box.width - 3) - 1 and bool(shown) and meant.endswith(shown)
