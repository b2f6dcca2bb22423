"""Fields of one line on pixels: their ink, their caret, and how what they hold gives way to what is typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("cv2", reason="needs the extra gui: pip install opsagent[gui]")

import cv2
import numpy as np

from opsagent_tools.gui.model import Box, Picture, Window
from opsagent_tools.gui.pixels.arrays import Image
from opsagent_tools.gui.pixels.emptying import Beside, Field, _stands_apart
from opsagent_tools.gui.pixels.eyes import FieldText
from opsagent_tools.gui.pixels.frames import frames_in
from opsagent_tools.gui.pixels.ink import caret_in, drawn_in
from opsagent_tools.gui.pixels.lines import pieces_in
from opsagent_tools.gui.port import Unfinished

_WINDOW = Window(id="x11:0x1", pid=1, exe="/bin/form", program="form", uid=0, box=Box(0, 0, 300, 100))
_LETTER = 8


def field(text: str = "", caret: int | None = None, wide: int = 1) -> Image:
    """Return the picture of a white field: its text from column 10 on, and a caret."""
    image = np.full((20, 160, 3), 255, dtype=np.uint8)
    cv2.putText(image, text, (10, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1)
    if caret is not None:
        image[2:18, caret : caret + wide] = 0
    return image


def with_round_corners(image: Image) -> Image:
    for x in (0, 2, -1, -3):
        image[0, x] = image[x, 0] = image[-1, x] = image[x, -1] = (200, 120, 60)
    return image


def test_a_caret_alone_is_nothing_in_a_field() -> None:
    assert drawn_in(field()) == []
    assert drawn_in(field(caret=10)) == []
    assert drawn_in(field(caret=10, wide=8)) == []
    with_serifs = field(caret=12)
    with_serifs[2:3, 9:16] = with_serifs[17:18, 9:16] = 0
    assert drawn_in(with_serifs) == []
    assert drawn_in(with_round_corners(field(caret=10))) == []
    assert len(drawn_in(field("host"))) == 1
    assert len(drawn_in(field("host", caret=120))) == 2


def test_a_caret_after_a_text_is_told_from_a_letter() -> None:
    text = field("hello")
    end = int(np.flatnonzero((text < 128).any(axis=(0, 2)))[-1]) + 1
    assert caret_in(text) == (0, 0)
    assert caret_in(field("hello", caret=end + 1)) == (end + 1, end + 2)
    assert caret_in(field("hello", caret=end + 2, wide=2)) == (end + 2, end + 4)
    assert caret_in(field("hello", caret=end + 2, wide=8)) == (end + 2, end + 10)
    assert caret_in(with_round_corners(field("hello", caret=end + 2))) == (end + 2, end + 3)
    assert caret_in(field()) == (0, 0)


@pytest.mark.parametrize(("top", "wide"), [(26, 1), (22, 1), (22, 8)])
def test_a_field_is_whole_whatever_its_text_and_its_caret_cut_it_into(top: int, wide: int) -> None:
    window = np.full((60, 300, 3), 217, dtype=np.uint8)
    cv2.rectangle(window, (60, 20), (280, 40), (0, 0, 0), 1)
    window[21:40, 61:280] = 255
    window[26:31, 63:100:3] = 0  # bullets, so close that nothing plain is between them
    window[26:31, 64:100:3] = 120
    window[top:39, 101 : 101 + wide] = 0
    (field,) = [one.box for one in frames_in(window) if one.box.height < 40]
    assert (field.left, field.right) in {(61, 280), (61, 279)}


def test_the_border_of_a_field_is_no_letter_of_its_label() -> None:
    window = np.full((60, 300, 3), 235, dtype=np.uint8)
    cv2.putText(window, "Host:", (20, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1)
    cv2.rectangle(window, (60, 20), (280, 40), (118, 118, 118), 2)
    window[22:39, 62:279] = 255
    cv2.putText(window, "db1", (66, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1)
    pieces = pieces_in(window, [Box(14, 16, 120, 30)], frames_in(window))
    assert [one.box.right < 57 or one.box.left > 63 for one in pieces] == [True, True], "the border is in a text"


class _Form:
    """A field as hands and eyes use it. `marks`: shift+Home marks; `rest`: what no key takes away; `deaf`: others get the keys."""

    def __init__(
        self, text: str, *, marks: bool = True, rest: str = "", hint: str = "", least: int = 0, deaf: bool = False
    ) -> None:
        self.text, self._marks, self._rest, self._hint, self._least = text, marks, rest, hint, least
        self._marked, self._deaf, self.keys, self.typed = False, deaf, [""], ""

    @property
    def shown(self) -> str:
        return self.text + self._rest if self.text or self._rest else self._hint

    async def hotkey(self, keys: Sequence[str], **_: Any) -> None:
        self.keys.append("+".join(keys))
        if self._deaf:
            return
        if keys[-1] == "backspace":
            self.text = self.text[: max(0 if self._marked else len(self.text) - 1, self._least)]
        self._marked = self._marks and keys[-1] == "home"

    async def type_text(self, text: str, *, replace: bool = False, **_: Any) -> None:
        if replace:
            self.text = "" if self._marks else self.text
            return
        self.typed += text
        if self._deaf:
            return
        self.text = text if self._marked and not self._least else self.text + text
        self._marked = False

    async def drawn(self, _: Box) -> tuple[Box, ...]:
        return (Box(10, 5, _LETTER * len(self.shown), 10),) if self.shown else ()

    async def picture(self, box: Box) -> Picture:
        return Picture(f"{self.shown}{self._marked}".encode(), box, masked=True)

    async def text_of(self, *_: Any) -> FieldText:
        return FieldText(self.shown, 1.0, False, self.shown)


def _field(form: _Form, monkeypatch: pytest.MonkeyPatch, *, has_keys: bool = True) -> Field:
    monkeypatch.setattr("opsagent_tools.gui.pixels.emptying._SHOWS_S", 0.01)
    monkeypatch.setattr("opsagent_tools.gui.pixels.emptying._DRAWN_S", 0.01)
    monkeypatch.setattr("opsagent_tools.gui.pixels.emptying._LOOK_S", 0.0)
    seen: dict[str, Any] = {"drawn": form.drawn, "text": form.text_of, "picture": form.picture}
    eyes: Any = type("Eyes", (), {name: staticmethod(one) for name, one in seen.items()})
    hands: Any = form
    return Field(hands, _WINDOW, eyes, Box(0, 0, 160, 20), "the field", has_keys=has_keys)


async def _replaced(form: _Form, text: str, monkeypatch: pytest.MonkeyPatch) -> Beside:
    return await _field(form, monkeypatch).replace(text, form.text)


@pytest.mark.parametrize(
    ("form", "unit"),
    [
        (_Form("old text"), ""),
        (_Form("old text", marks=False), ""),
        (_Form("x" * 90, marks=False), ""),
        (_Form(""), ""),
        (_Form("1000", rest=" ms"), " ms"),
        (_Form("", hint="name of the host"), ""),
    ],
    ids=["marked", "Athena's", "long", "empty", "unit", "hint"],
)
async def test_what_a_field_held_gives_way(form: _Form, unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await _replaced(form, "2500", monkeypatch)).unit == unit
    assert form.text == "2500"
    assert not any("ctrl" in keys or keys == "space" for keys in form.keys), "keys that mean other things elsewhere"


async def test_what_does_not_go_away_is_not_typed_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    for form in (_Form("7", least=1), _Form("name", rest=" ms")):
        with pytest.raises(Unfinished, match="does not go away"):
            await _replaced(form, "42" if form.text == "7" else "other", monkeypatch)
        assert form.text in {"7", ""}


async def test_nothing_is_taken_away_before_a_field_shows_that_it_has_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("old text", ""):
        form = _Form(text)
        await _field(form, monkeypatch, has_keys=False).replace("2500", form.text)
        assert form.text == "2500"
        deaf = _Form(text, deaf=True)
        with pytest.raises(Unfinished, match="takes the keys"):
            await _field(deaf, monkeypatch, has_keys=False).replace("2500", deaf.text)
        assert not any("backspace" in keys for keys in deaf.keys)
        assert deaf.typed == ("" if text else "2")
    area, deaf = _Form("two lines"), _Form("two lines", deaf=True)
    with pytest.raises(Unfinished, match="takes the keys"):
        await _field(area, monkeypatch, has_keys=False).clear_lines()
    with pytest.raises(Unfinished, match="takes the keys"):
        await _field(deaf, monkeypatch, has_keys=False).type("more")
    assert (area.text, deaf.typed) == ("two lines", "m")


def test_an_icon_stands_apart_from_what_is_typed_beside_it() -> None:
    icon, typed = Box(4, 4, 14, 14), Box(26, 5, 40, 11)
    assert _stands_apart(icon, (icon, typed))
    assert _stands_apart(Box(110, 5, 9, 6), (typed, Box(114, 6, 2, 5))), "drawn weaker beside stronger ink"
    assert not _stands_apart(Box(4, 5, 6, 11), (Box(4, 5, 6, 11), Box(11, 5, 6, 11))), "a digit before another"
    assert not _stands_apart(icon, (typed,)), "it went away"


async def test_an_area_is_emptied_or_a_person_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for form in (_Form("two lines"), _Form("", hint="1")):  # the number of its first line
        await _field(form, monkeypatch).clear_lines()
        assert form.text == ""
    with pytest.raises(Unfinished, match="does not go away"):
        await _field(_Form("two lines", marks=False), monkeypatch).clear_lines()
