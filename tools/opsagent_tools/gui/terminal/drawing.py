"""Cells → PNG, without a display. The one module here that knows Pillow.

Letters come from a monospaced font of the machine (found by fontconfig's program where it is there), wide ones from a font
that has them. Lines and blocks of frames are drawn, not looked up: then they join whatever the font.
"""

from __future__ import annotations

import io
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from wcwidth import wcwidth

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.terminal.cells import Cell, Cells

_SIZE = 14
_PLACES = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts")
_WANTED = {"mono": ("DejaVuSansMono.ttf", "LiberationMono-Regular.ttf", "Menlo.ttc"),
           "wide": ("NotoSansCJK-Regular.ttc", "NotoSansMonoCJK-Regular.ttc", "NanumGothic.ttf", "AppleSDGothicNeo.ttc")}  # fmt: skip
_PATTERNS = {"mono": "monospace", "wide": "monospace:lang=ko"}
_FONTCONFIG_S = 5.0

_COLOURS = {
    "black": "#000000", "red": "#cd3131", "green": "#0dbc79", "brown": "#c7a500", "blue": "#2456b8",
    "magenta": "#bc3fbc", "cyan": "#11a8cd", "white": "#d0d0d0", "brightblack": "#666666", "brightred": "#f14c4c",
    "brightgreen": "#23d18b", "brightbrown": "#f5f543", "brightblue": "#3b8eea", "brightmagenta": "#d670d6",
    "bfightmagenta": "#d670d6", "brightcyan": "#29b8db", "brightwhite": "#ffffff",
}  # fmt: skip
_GROUND, _INK, _MASK = "#1e1e1e", "#d4d4d4", "#000000"

_LINES = {  # which arms a sign has: left, right, up, down
    "─━═╌┄┈": "lr", "│┃║╎┆┊": "ud", "┌┏╔╭╒╓": "rd", "┐┓╗╮╕╖": "ld", "└┗╚╰╘╙": "ru", "┘┛╝╯╛╜": "lu",
    "├┣╠╞╟┝┠": "rud", "┤┫╣╡╢┥┨": "lud", "┬┳╦╤╥": "lrd", "┴┻╩╧╨": "lru", "┼╋╬╪╫": "lrud",
}  # fmt: skip
_ARMS = {sign: arms for signs, arms in _LINES.items() for sign in signs}


def draw(cells: Cells, part: Box, masks: Sequence[Box] = ()) -> bytes:
    """Return a PNG of `part` (in cells), with `masks` (in cells) black."""
    width, height = _cell_size()
    picture = Image.new("RGB", (max(1, part.width * width), max(1, part.height * height)), _GROUND)
    pen = ImageDraw.Draw(picture)
    for row in range(part.top, part.bottom):
        top = (row - part.top) * height
        for run in cells.runs(row, part.left, part.right):  # most cells are nothing but their background
            ground = _colour(run.style.shown[1], _GROUND)
            if ground != _GROUND:
                left, right = (run.left - part.left) * width, (run.right - part.left) * width
                pen.rectangle((left, top, right - 1, top + height - 1), fill=ground)
        for column in range(part.left, part.right):
            cell = cells.rows[row][column]
            if cell.char.strip() or (cell.char and cell.style.underline):
                picture.paste(_drawn(cell), ((column - part.left) * width, top))
    if cells.cursor_shown and part.left <= cells.cursor[0] < part.right and part.top <= cells.cursor[1] < part.bottom:
        left, top = (cells.cursor[0] - part.left) * width, (cells.cursor[1] - part.top) * height
        pen.rectangle((left, top + height - 3, left + width - 1, top + height - 1), fill=_INK)
    for mask in masks:
        shown = mask.meets(part)
        if not shown.empty:
            left, top = (shown.left - part.left) * width, (shown.top - part.top) * height
            pen.rectangle((left, top, left + shown.width * width - 1, top + shown.height * height - 1), fill=_MASK)
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=4)
    return out.getvalue()


@lru_cache(maxsize=8192)
def _drawn(cell: Cell) -> Image.Image:
    """Return the picture of one cell, or of the two that a wide character takes."""
    width, height = _cell_size()
    wide = wcwidth(cell.char[0]) == 2
    fg, bg = cell.style.shown
    ink = _colour(fg, _INK)
    picture = Image.new("RGB", (2 * width if wide else width, height), _colour(bg, _GROUND))
    pen = ImageDraw.Draw(picture)
    font = _font("wide" if wide else "mono")
    if arms := _ARMS.get(cell.char):
        _lines(pen, arms, (width, height), ink)
    elif cell.char.strip() and font is not None:
        pen.text((0, 1), cell.char, fill=ink, font=font)
    if cell.style.underline:
        pen.line((0, height - 2, picture.width - 1, height - 2), fill=ink)
    return picture


def _lines(pen: ImageDraw.ImageDraw, arms: str, size: tuple[int, int], ink: str) -> None:
    width, height = size
    middle, centre = width // 2, height // 2
    ends = {"l": (0, centre), "r": (width - 1, centre), "u": (middle, 0), "d": (middle, height - 1)}
    for arm in arms:
        pen.line((middle, centre, *ends[arm]), fill=ink)


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return _COLOURS.get(name) or (
        f"#{name}" if len(name) == 6 and all(sign in "0123456789abcdef" for sign in name) else default
    )


@lru_cache(maxsize=1)
def _cell_size() -> tuple[int, int]:
    font = _font("mono")
    return (max(1, round(font.getlength("M"))), _SIZE + 5) if font is not None else (8, _SIZE + 5)


@lru_cache(maxsize=2)
def _font(kind: str) -> ImageFont.FreeTypeFont | None:
    """Return a font of the machine; None: there is none, and letters are left out."""
    for path in (*_by_fontconfig(kind), *_by_name(kind)):
        try:
            return ImageFont.truetype(path, _SIZE)
        except OSError:
            continue
    found = ImageFont.load_default(_SIZE)
    return found if isinstance(found, ImageFont.FreeTypeFont) else None


def _by_fontconfig(kind: str) -> list[str]:
    try:
        told = subprocess.run(["fc-match", "-f", "%{file}", _PATTERNS[kind]], capture_output=True, text=True,
                              timeout=_FONTCONFIG_S, check=True).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []
    return [told] if told.endswith((".ttf", ".otf", ".ttc")) else []


def _by_name(kind: str) -> list[str]:
    places = [Path(place) for place in _PLACES]
    return [
        str(path)
        for name in _WANTED[kind]
        for place in places
        if place.is_dir()
        for path in sorted(place.rglob(name))[:1]
    ]


def warm_up() -> None:
    """Find the fonts, so that the first picture takes no longer than others."""
    _cell_size()
    _font("wide")
