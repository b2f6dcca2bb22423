"""Text into the field that has the focus: what was there is taken away, what is typed is read back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from opsagent_tools.gui.model import Element
from opsagent_tools.gui.port import ScreenError
from opsagent_tools.gui.terminal.driving import Press, is_on, said, same
from opsagent_tools.gui.terminal.keys import bytes_of, has_key
from opsagent_tools.gui.terminal.program import Terminal
from opsagent_tools.gui.terminal.reading.elements import Reading

_QUIET_S = 0.02
_TIMEOUT_S = 3.0
_ROUNDS = 4


@dataclass
class Typist:
    """Types on one terminal."""

    terminal: Terminal
    now: Callable[[], Awaitable[Reading]]
    press: Press

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
        await self.terminal.write(text.encode())
        await self.terminal.rest(quiet_s=_QUIET_S, timeout_s=_TIMEOUT_S)
        if field is None or secret:
            return
        found = same(await self.now(), field)
        if found is None:
            raise ScreenError(f"{said(field)} is not there any more after typing")
        if "secret" in found.states:
            return
        if not _holds(found, before + text):
            raise ScreenError(f"{said(field)} does not hold what was typed into it")

    async def _clear(self, field: Element, *, secret: bool) -> None:
        """Take away what the field holds; see that it is empty."""
        if secret or "secret" in field.states:
            await self._send(b"\x15")  # Ctrl+U: the line, in every program that hides what is typed
            return
        erase = self.terminal.erase if self.terminal.reads_lines else bytes_of(("backspace",), self.terminal.term)
        found: Element | None = field
        for attempt in range(_ROUNDS):
            if not found or not found.value:
                return
            if attempt == 0 and not self.terminal.reads_lines:
                await self.press(("end" if has_key("end", self.terminal.term) else "ctrl+e",))
            await self._send(erase * (len(found.value) + 1) if attempt else erase * len(found.value))
            reading = await self.now()
            found = same(reading, field)
            if found is None or not is_on(reading, found):
                raise ScreenError(f"{said(field)} lost the focus while it was emptied")
        raise ScreenError(f"{said(field)} cannot be emptied")

    async def _send(self, data: bytes) -> None:
        await self.terminal.write(data)
        await self.terminal.rest(quiet_s=_QUIET_S, timeout_s=_TIMEOUT_S)


def _holds(field: Element, text: str) -> bool:
    """The field shows `text`; of one that is too long for it, the end."""
    shown, meant = (field.value or "").strip(), text.strip()
    if shown == meant:
        return True
    return len(shown) >= min(field.box.width // 2, field.box.width - 3) - 1 and bool(shown) and meant.endswith(shown)
