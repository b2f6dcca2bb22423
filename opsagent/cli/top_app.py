"""The live view behind `opsagent top`. Foreign text is drawn as text, never as markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Input, Static
from textual.worker import get_current_worker

from opsagent.cli.top_data import Picture, Watcher
from opsagent.views import top
from opsagent.views.table import Cell
from opsagent.views.terminal import Style, one_line

_STYLES: dict[Style, str] = {
    "": "",
    "good": "green",
    "bad": "bold red",
    "warn": "yellow",
    "dim": "dim",
    "strong": "bold",
    "accent": "cyan",
}
_COLUMN_WIDTH = 10
"""Columns of a terminal that one of the table takes, roughly: of so many as fit, the most useful are shown."""
_SIDE_BY_SIDE = 110
_LISTED = 30


def drawn(cell: Cell) -> Text:
    """Return a cell as Textual draws it."""
    return Text(one_line(cell.text), style=_STYLES[cell.style], no_wrap=True, overflow="ellipsis")


def listed(cells: Sequence[Cell]) -> Text:
    """Return cells as lines."""
    return Text("\n", no_wrap=True, overflow="ellipsis").join([drawn(cell) for cell in cells[:_LISTED]])


class OneUnit(ModalScreen[None]):
    """One service: its figures, its incident, what it logs."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,enter", "dismiss", "Back")]

    def __init__(self, title: str, lines: Sequence[Cell]) -> None:
        super().__init__()
        self._title, self._lines = title, lines

    def compose(self) -> ComposeResult:
        """Build the page."""
        with Vertical(id="page"):
            yield Static(Text(self._title, style="bold"))
            yield Static(listed(self._lines))
            yield Static(Text("escape: back", style="dim"))


class Units(DataTable[Text]):
    """The table of services."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Service")]


class TopApp(App[int]):
    """Looks again and again, in a thread of its own, and draws what it saw last."""

    TITLE = "opsagent top"
    CSS = """
    #head, #host { height: auto; padding: 0 1; }
    #host { color: $text-muted; }
    #units { height: 1fr; }
    #lists { height: 30%; min-height: 6; border-top: solid $surface-lighten-2; }
    #lists.narrow { layout: vertical; }
    #lists Static { width: 1fr; height: 1fr; padding: 0 1; }
    #filter { display: none; height: 3; }
    #filter.shown { display: block; }
    OneUnit { align: center middle; }
    #page { width: 90%; height: auto; max-height: 90%; border: round $accent; padding: 1 2; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("s", "sort", "Sort"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("p", "pause", "Pause"),
        Binding("escape", "unfilter", "All", show=False),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, watcher: Watcher, every_s: float) -> None:
        super().__init__()
        self._watcher, self._every_s = watcher, every_s
        self._picture: Picture | None = None
        self._shown: list[Mapping[str, Any]] = []
        self._sort = next(iter(top.SORTS))
        self._only = ""
        self._paused = self._looking = False
        self._problem = ""
        self._columns: tuple[int, ...] = ()

    def compose(self) -> ComposeResult:
        """Build the page."""
        yield Static("looking …", id="head")
        yield Static("", id="host")
        yield Input(placeholder="part of a name; enter keeps it, escape shows all", id="filter")
        yield Units(id="units", cursor_type="row", zebra_stripes=True)
        with Horizontal(id="lists"):
            yield Static("", id="incidents")
            yield Static("", id="logged")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look."""
        self.query_one(Units).focus()
        self._look()
        self.set_interval(self._every_s, self._look)

    def on_resize(self, event: Resize) -> None:
        """Show what fits."""
        self.query_one("#lists").set_class(event.size.width < _SIDE_BY_SIDE, "narrow")
        self._draw()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _look(self) -> None:
        if self._paused or self._looking:
            return
        self._looking = True
        picture, problem = self._picture, ""
        try:
            picture = self._watcher.look()
        except Exception as error:  # noqa: BLE001  # the daemon went away, say: told, and looked at again
            problem = one_line(f"{type(error).__name__}: {error}")
        finally:
            self._looking = False
        if not get_current_worker().is_cancelled:
            self.call_from_thread(self._take, picture, problem)

    def _take(self, picture: Picture | None, problem: str) -> None:
        self._picture, self._problem = picture, problem
        self._draw()

    def _draw(self) -> None:
        picture = self._picture
        if picture is None:
            self.query_one("#head", Static).update(Text(self._problem or "looking …"))
            return
        words = [top.headline(picture), f"by {self._sort}"]
        words += [f"only “{self._only}”"] if self._only else []
        words += ["PAUSED"] if self._paused else []
        head = Text(" · ".join(words), style="bold")
        if self._problem:
            head.append(f"  {self._problem}", style="bold red")
        self.query_one("#head", Static).update(head)
        self.query_one("#host", Static).update(Text(top.host_line(picture["host"])))
        self._draw_units(picture)
        incidents = [*top.incident_lines(picture), *top.notice_lines(picture)]
        self.query_one("#incidents", Static).update(_titled("Incidents and notices", incidents))
        self.query_one("#logged", Static).update(_titled("Logged", top.signature_lines(picture)))

    def _draw_units(self, picture: Picture) -> None:
        table = self.query_one(Units)
        at = table.cursor_row
        chosen = self._shown[at]["id"] if 0 <= at < len(self._shown) else None
        self._shown = top.rows(picture, sort=self._sort, only=self._only)
        names = [unit["name"] for unit in picture["units"]]
        columns = _fitting(self.size.width)
        if columns != self._columns:
            table.clear(columns=True)
            for place in columns:
                table.add_column(Text(top.COLUMNS[place].title, style="dim"), key=str(place))
            self._columns = columns
        else:
            table.clear()
        for unit in self._shown:
            cells = top.row(unit, shared=names.count(unit["name"]) > 1)
            table.add_row(*(drawn(cells[place]) for place in columns), key=unit["id"])
        again = next((row for row, unit in enumerate(self._shown) if unit["id"] == chosen), None)
        if again is not None:
            table.move_cursor(row=again, animate=False)

    def action_sort(self) -> None:
        """Take the next order."""
        names = list(top.SORTS)
        self._sort = names[(names.index(self._sort) + 1) % len(names)]
        self._draw()

    def action_pause(self) -> None:
        """Look no further, or go on."""
        self._paused = not self._paused
        self._draw()

    def action_filter(self) -> None:
        """Ask for a part of a name."""
        field = self.query_one("#filter", Input)
        field.add_class("shown")
        field.focus()

    def action_unfilter(self) -> None:
        """Show all again."""
        self._only = ""
        field = self.query_one("#filter", Input)
        field.value = ""
        field.remove_class("shown")
        self.query_one(Units).focus()
        self._draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        self._only = event.value.strip()
        self._draw()

    def on_input_submitted(self) -> None:
        """Keep the filter."""
        self.query_one("#filter", Input).remove_class("shown")
        self.query_one(Units).focus()

    def on_data_table_row_selected(self) -> None:
        """Open the service under the cursor."""
        at = self.query_one(Units).cursor_row
        if self._picture is not None and 0 <= at < len(self._shown):
            unit = self._shown[at]
            self.push_screen(OneUnit(one_line(unit["id"]), top.page(unit, self._picture)))


def _titled(title: str, cells: Sequence[Cell]) -> Text:
    return Text("\n", no_wrap=True, overflow="ellipsis").join([Text(title, style="dim"), listed(cells)])


def _fitting(width: int) -> tuple[int, ...]:
    """Return which columns are shown: where not all fit, those of the highest `drop` are left out."""
    places = range(len(top.COLUMNS))
    room = max(3, width // _COLUMN_WIDTH)
    kept = sorted(places, key=lambda place: top.COLUMNS[place].drop)[:room]
    return tuple(place for place in places if place in kept)
