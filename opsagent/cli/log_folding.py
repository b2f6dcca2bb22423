"""Log lines on a terminal, those that say the same folded into one that counts."""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from opsagent.views.folding import Folded, Folding
from opsagent.views.logs import style_of_level
from opsagent.views.table import fit
from opsagent_tools.logs.miner import Miner
from opsagent_tools.logs.reading import LineReader
from opsagent_tools.text import escape_for_terminal

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

    from opsagent.answering.log_lines import LogLine
    from opsagent.cli.output import Out

_GROWS_S = 10.0
"""A block that is followed live stands for at most so long: what came when remains to be seen."""


class FoldedLines:
    """Draws lines. A line that is indented belongs to the one before it: a trace is folded as a whole."""

    def __init__(self, out: Out, *, live: bool = False) -> None:
        """`live`: the block that still grows is shown, too, and drawn again and again."""
        self._out = out
        self._readers: dict[str, LineReader] = {}
        self._miner = Miner()
        self._folding = Folding()
        self._held: dict[str, list[str]] = {}
        self._began = time.monotonic()
        self._wants_live = live
        self._live: Live | None = None

    def take(self, source: str, prefix: str, line: LogLine) -> None:
        """Take the next line of a source. `prefix`: what stands before it, escaped."""
        held = self._held.get(source)
        if held is not None and line.text[:1].isspace():
            held.append(prefix + escape_for_terminal(line.text))
            return
        if held is not None:
            self._add(source, self._held.pop(source))
        self._held[source] = [line.text, prefix + escape_for_terminal(line.text)]

    def settle(self) -> None:
        """Nothing more came for a moment: what is held back is complete."""
        for source in list(self._held):
            self._add(source, self._held.pop(source))
        if self._wants_live and time.monotonic() - self._began >= _GROWS_S:
            self._ended(self._folding.end())
        if self._live is not None:
            self._live.update(self._growing(), refresh=True)

    def end(self) -> None:
        """Draw what is left."""
        for source in list(self._held):
            self._add(source, self._held.pop(source))
        self._ended(self._folding.end())

    def __enter__(self) -> Self:
        if self._wants_live:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(highlight=False), transient=True, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()
        self.end()

    def _add(self, source: str, held: list[str]) -> None:
        said, *shown = held
        event = self._readers.setdefault(source, LineReader()).read(said.encode())
        kind = (source, self._miner.add(event.message).key, len(shown) > 1)
        self._ended(self._folding.add(kind, "\n".join(shown), event.level))

    def _ended(self, lines: Iterable[Folded]) -> None:
        drawn = [self._drawn(one) for one in lines]
        if not drawn:
            return
        self._began = time.monotonic()
        if self._live is None:
            self._out.lines(drawn)
            return
        from rich.text import Text

        for one in drawn:
            self._live.console.print(Text.from_ansi(one), soft_wrap=True)

    def _drawn(self, one: Folded, width: int | None = None) -> str:
        text = one.text if width is None else fit(one.text.partition("\n")[0], max(10, width - len(one.prefix)))
        screen = self._out.screen
        return screen.paint(one.prefix, "accent") + screen.paint(text, style_of_level(one.level))

    def _growing(self) -> Text:
        from rich.text import Text

        width = (self._out.screen.width or 80) - 1
        return Text("\n").join([Text.from_ansi(self._drawn(one, width)) for one in self._folding.block])
