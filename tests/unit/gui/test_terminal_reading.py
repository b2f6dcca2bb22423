"""Cells → elements: what is a button, a list, a field, and above all: where the focus is, and where that is not sure."""

from __future__ import annotations

from datetime import UTC, datetime

from opsagent_tools.gui.fingerprints import fingerprint_of
from opsagent_tools.gui.locating import locate
from opsagent_tools.gui.matching.names import shortened
from opsagent_tools.gui.model import Element, Fingerprint, Located, Look, NotLocated, SurfaceKind, Window
from opsagent_tools.gui.terminal.driving import is_on
from opsagent_tools.gui.terminal.reading.elements import Reading, read_screen
from opsagent_tools.gui.terminal.vt import Emulator

_HIDDEN, _LIT, _PLAIN = "\x1b[?25l", "\x1b[7m", "\x1b[0m"


def _read(*rows: str, cursor: tuple[int, int] | None = None, hidden: bool = False, lines: bool = False) -> Reading:
    emulator = Emulator(60, max(12, len(rows)))
    emulator.feed("\r\n".join(rows).encode())
    if cursor is not None:
        emulator.feed(f"\x1b[{cursor[1] + 1};{cursor[0] + 1}H".encode())
    return read_screen(emulator.cells(), hidden=hidden, lines=lines)


def _one(reading: Reading, role: str, name: str) -> Element:
    found = [one for one in reading.elements if (one.role, one.name) == (role, name)]
    assert len(found) == 1, [(one.role, one.name) for one in reading.elements]
    return found[0]


def _names(reading: Reading, role: str) -> list[str]:
    return [one.name for one in reading.elements if one.role == role]


def _on(reading: Reading) -> list[str]:
    return [one.name for one in reading.elements if one.role != "text" and is_on(reading, one)]


def _box(*rows: str, title: str = "", width: int = 30) -> list[str]:
    top = f"┌{f' {title} '.center(width, '─') if title else '─' * width}┐"
    return [top, *(f"│{row}{' ' * (width - _width(row))}│" for row in rows), f"└{'─' * width}┘"]


def _width(row: str) -> int:
    bare = row.replace(_LIT, "").replace(_PLAIN, "")
    return sum(2 if ord(char) >= 0x1100 else 1 for char in bare)


def test_a_dialog_with_a_list_and_buttons() -> None:
    reading = _read(*_box(" Pick one", "", f" {_LIT}1 Start{_PLAIN}", " 2 Stop ", " 3 상태 ", "", "   <Ok>     <Cancel>", title="Service"),
                    cursor=(5, 7))  # fmt: skip
    assert reading.title == "Service"
    assert _names(reading, "list item") == ["Start", "Stop", "상태"]
    assert _on(reading) == ["Start", "Ok"]
    assert reading.aliases[_one(reading, "list item", "Stop").id] == ("2 Stop",)


def test_words_of_one_length_are_no_tags() -> None:
    reading = _read("", f"  {_LIT}Show logs{_PLAIN}", "  Stop jobs", "  Kill work", _HIDDEN)
    assert _names(reading, "menu item") == ["Show logs", "Stop jobs", "Kill work"]


def test_a_frame_of_ascii_is_a_frame() -> None:
    reading = _read("+--- Delete ---+", '| Delete "a"?  |', "| [ Yes ][ No ]|", "+--------------+", cursor=(11, 2))
    assert reading.title == "Delete"
    assert _names(reading, "button") == ["Yes", "No"]
    assert _on(reading) == ["No"]


def test_a_hidden_cursor_that_was_left_on_a_box_is_no_focus() -> None:
    rows = ["", " [ ] Restart", " [ ] Delete all", " [x] Report"]
    assert _on(_read(*rows, _HIDDEN, cursor=(1, 2))) == []
    lit = ["", " [ ] Restart", f" {_LIT}[ ] Delete all{_PLAIN}", " [x] Report"]
    assert _on(_read(*lit, _HIDDEN, cursor=(0, 9))) == ["Delete all"]


def test_a_cursor_and_a_look_that_disagree_are_not_believed() -> None:
    rows = _box("", f"  < Yes >   {_LIT}< No >{_PLAIN}  ")
    assert _on(_read(*rows, cursor=(5, 2))) == ["Yes"]  # a cursor that is shown is where keys go
    both = _box("", f"  {_LIT}[ ] a{_PLAIN}", f"  {_LIT}[ ] b{_PLAIN}", "   < Ok >")
    assert "a" not in _on(_read(*both, cursor=(5, 4)))


def test_behind_a_dialog_nothing_can_be_used() -> None:
    reading = _read(
        f" {_LIT}file1{_PLAIN}",
        " file2",
        *_box(" Sure?", "   [ Yes ]  [ No ]"),
        "1Help  2Menu  3Quit  4Copy",
        cursor=(6, 4),
    )
    assert "enabled" in _one(reading, "button", "Yes").states
    behind = [one for one in reading.elements if one.name in {"file1", "file2", "Quit"}]
    assert behind
    assert not any("enabled" in one.states for one in behind)


def test_fields_have_their_labels_and_values() -> None:
    field = "\x1b[4m"
    reading = _read(
        "",
        f"  Host:  {field}db.local    {_PLAIN}",
        f"  Port:  {field}            {_PLAIN}",
        "  Name: joe_______",
        cursor=(9, 2),
    )
    assert [(one.label, one.value) for one in reading.elements if one.role == "text field"] == [
        ("Host", "db.local"), ("Port", ""), ("Name", "joe"),
    ]  # fmt: skip
    assert _on(reading) == ["Port"]


def test_a_form_without_looks_has_fields_in_line_with_the_cursor() -> None:
    reading = _read(*_box("Host:    db", "Port:    22", "", "  <Ok>  <Cancel>"), cursor=(10, 2))
    assert [(one.label, one.value) for one in reading.elements if one.role == "text field"] == [
        ("Host", "db"),
        ("Port", "22"),
    ]
    assert _on(reading) == ["Port"]


def test_secrets_are_never_read() -> None:
    for reading in (
        _read("Password: hunter2", lines=True),
        _read("비밀번호: hunter2", lines=True),
        _read("Login: hunter2", hidden=True, lines=True),
        _read(*_box("Password", f"  {_LIT}hunter2         {_PLAIN}", "   <Ok>"), cursor=(10, 2)),
        _read(*_box(" Enter it", "  *******________", "   <Ok>"), cursor=(10, 2)),
    ):
        secret = [one for one in reading.elements if "secret" in one.states]
        assert [(one.role, one.value) for one in secret] == [("password field", None)]


def test_choices_are_those_of_the_prompt_that_asks_now() -> None:
    menu = ["1) Show logs", "2) Delete all", ""]
    asked = _read(*menu, "Choose [1-2]: ", cursor=(14, 3), lines=True)
    assert [(one.name, one.actions) for one in asked.elements if one.role == "menu item"] == [
        ("Show logs", ("type:1",)), ("Delete all", ("type:2",)),
    ]  # fmt: skip
    answered = _read(*menu, "Choose [1-2]: 1", "New name: ", cursor=(10, 4), lines=True)
    assert _names(answered, "menu item") == []
    assert (
        _names(_read(*menu, "Delete all of them? (y/n) ", cursor=(26, 3), hidden=True, lines=True), "menu item") == []
    )


def test_a_pulled_down_menu() -> None:
    bar = f"\x1b[46m Left  {_LIT} File {_PLAIN}\x1b[46m  Options  {' ' * 30}{_PLAIN}"
    popup = [f"{'':6}{row}" for row in _box(" View     F3", f"{_LIT} Delete   F8 {_PLAIN}", width=14)]
    reading = _read(bar, *popup, _HIDDEN)
    assert _names(reading, "menu") == ["Left", "File", "Options"]
    assert _names(reading, "menu item") == ["View", "Delete"]
    assert _on(reading) == ["File", "Delete"]


def test_keys_that_the_foot_of_the_screen_names() -> None:
    reading = _read(*[""] * 10, "text", "F1Help  F2Setup F10Quit")
    assert [(one.name, one.actions) for one in reading.elements if one.role == "button"] == [
        ("Help", ("key:f1",)), ("Setup", ("key:f2",)), ("Quit", ("key:f10",)),
    ]  # fmt: skip
    nano = _read(*[""] * 10, "^G Help      ^O Write Out", "^X Exit      ^R Read File")
    assert "key:ctrl+o" in _one(nano, "button", "Write Out").actions


def test_a_gauge_tells_how_far_it_is() -> None:
    rows = [
        "┌──────────────────┐",
        "│ Copying          │",
        "│┌────────────────┐│",
        "││      42%       ││",
        "│└────────────────┘│",
        "└──────────────────┘",
    ]
    assert _one(_read(*rows, _HIDDEN), "progress bar", "Copying").value == "42%"


def _checklist(*rows: tuple[str, str]) -> list[str]:
    return _box(
        " Which ones?",
        "",
        *(f" [ ] {tag.ljust(8)} {text}" for tag, text in rows),
        "",
        "   <Ok>     <Cancel>",
        title="Tonight",
    )


def test_a_row_is_known_by_its_tag_where_its_text_is_another_one() -> None:
    shown = _read(*_checklist(("nginx", "Web server"), ("redis", "Cache"), ("smtpd", "Mail")))
    cache = _one(shown, "check box", "Cache")
    assert cache.label == "redis"
    known = fingerprint_of(cache, _look(shown))
    renamed = _look(_read(*_checklist(("smtpd", "Mail"), ("redis", "Key store"), ("nginx", "Web server"))))
    found = locate(known, renamed)
    assert isinstance(found, Located)
    assert found.element is not None
    assert (found.element.name, found.element.label, found.drift) == ("Key store", "redis", ("name",))
    moved = _look(_read(*_checklist(("smtpd", "Cache"), ("redis", "Key store"), ("nginx", "Web server"))))
    assert isinstance(locate(known, moved), NotLocated)
    others = _look(
        _read(*_checklist(("redis-old", "Cache of last year"), ("valkey", "Cache"), ("nginx", "Web server")))
    )
    assert isinstance(locate(known, others), NotLocated)


def test_the_first_column_of_a_table_is_no_tag_by_which_its_row_is_known() -> None:
    def processes(first: str) -> Reading:
        rows = (("www", "nginx"), ("root", first), ("mysql", "mysqld"))
        texts = [f"{user.ljust(8)}{name.ljust(20)}" for user, name in rows]
        return _read("Processes", "", f"{_LIT}{texts[0]}{_PLAIN}", *texts[1:], _HIDDEN)

    shown = processes("sshd")
    known = fingerprint_of(_one(shown, "menu item", "sshd"), _look(shown))
    assert isinstance(locate(known, _look(shown)), Located)
    assert isinstance(locate(known, _look(processes("cron"))), NotLocated)


def test_a_number_before_a_row_is_a_place_and_no_tag() -> None:
    shown = _read(*_checklist(("1", "Start"), ("2", "Restart"), ("3", "Status")))
    restart = _one(shown, "check box", "Restart")
    assert not restart.label
    assert isinstance(
        locate(
            fingerprint_of(restart, _look(shown)),
            _look(_read(*_checklist(("1", "Start"), ("2", "Stop"), ("3", "Status")))),
        ),
        NotLocated,
    )


def test_a_long_title_makes_no_hole_in_a_frame_and_is_known_where_it_is_cut() -> None:
    row = f"{_LIT} march.csv {_PLAIN}".ljust(28 + len(_LIT + _PLAIN))
    cut = _read("┌<─ ...2/work-of-x/reports ─.┐", f"│{row}│", f"│{' alpha.csv'.ljust(28)}│", f"└{'─' * 28}┘")
    wide = _read(
        "┌<─ /srv/12/work-of-x/reports ───────.┐", f"│{row}{' ' * 9}│", f"│{' alpha.csv'.ljust(37)}│", f"└{'─' * 37}┘"
    )
    march = _one(cut, "menu item", "march.csv")
    assert fingerprint_of(march, _look(cut)).within == "...2/work-of-x/reports"
    assert isinstance(locate(fingerprint_of(march, _look(cut)), _look(wide)), Located)
    skin = _read("┌←─ /srv/work ──────•[↓]→┐", f"│{row[:-4]}│", f"│{' alpha.csv'.ljust(24)}│", f"└{'─' * 24}┘")
    assert fingerprint_of(_one(skin, "menu item", "march.csv"), _look(skin)).within.endswith("/srv/work")
    assert shortened("Long name…", "Long name of it")
    assert not shortened("Save...", "Save as")


def _look(reading: Reading) -> Look:
    window = Window(id="pty:1", pid=1, exe="/bin/x", program="x", uid=0, box=reading.cells.box)
    return Look(window=window, at=datetime.now(UTC), source=SurfaceKind.TERMINAL, elements=reading.elements)


_CYAN, _GREY = "\x1b[30;46m", "\x1b[30;47m"


def test_of_two_highlights_the_one_that_has_the_colour_of_the_only_one_takes_the_keys() -> None:
    options = ["[ ]  Tree view", "[ ]  Hide threads"]
    alone = _read(
        f"{_CYAN}{'Meters'.ljust(12)}{_PLAIN} {options[0]}", f"{'Display'.ljust(12)} {options[1]}", "", _HIDDEN
    )
    assert _on(alone) == ["Meters"]
    left = _read(
        f"{_GREY}{'Meters'.ljust(12)}{_PLAIN} {options[0]}",
        f"{'Display'.ljust(12)} {_CYAN}{options[1]}{_PLAIN}",
        "",
        _HIDDEN,
    )
    assert "Hide threads" not in _on(left)
    told = read_screen(left.cells, colour=alone.colour)
    assert _on(told) == ["Hide threads"]
    assert told.colour == alone.colour


def test_a_bar_with_one_function_key_is_a_bar() -> None:
    reading = _read(*["text"] * 11, f"F10{_CYAN}Done  {_PLAIN}{_HIDDEN}")
    assert _one(reading, "button", "Done").actions == ("key:f10",)
    assert not _names(_read(*["text"] * 11, "F10 and F1 are keys, 3 more below"), "button")


def test_a_row_is_meant_by_either_word_for_a_row() -> None:
    reading = _read("", f"  {_LIT}Show logs{_PLAIN}", "  Stop jobs", "  Kill work", _HIDDEN)
    assert isinstance(locate(Fingerprint(role="list item", name="Stop jobs"), _look(reading)), Located)


def test_a_tag_and_its_text_that_are_lit_each_for_itself_are_one_row() -> None:
    lit = f" {_LIT}start{_PLAIN}   {_LIT}Start it{_PLAIN}"
    reading = _read(*_box("", lit, " halt    Halt it", "", "   <Ok>     <Cancel>", title="Service"), cursor=(5, 5))
    assert _names(reading, "list item") == ["Start it", "Halt it"]
    assert _one(reading, "list item", "Start it").label == "start"
