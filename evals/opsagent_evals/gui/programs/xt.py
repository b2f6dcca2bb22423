"""Programs of Xaw and Motif, which tell accessibility nothing: xcalc, xedit, NEdit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from opsagent_evals.gui.drifting import font_scale
from opsagent_evals.gui.model import Drift, Place, Program, Running, Start
from opsagent_evals.gui.oracles import file_has
from opsagent_evals.gui.programs.acts import LOOKS, PIXELS, click, enter
from opsagent_evals.gui.xwindows import Server, by_order, connected, press_at, selection

_FIXED = {
    1.0: "-misc-fixed-medium-r-normal--13-120-75-75-c-80-iso8859-1",
    1.4: "-misc-fixed-medium-r-normal--18-120-100-100-c-90-iso8859-1",
    2.0: "-sony-fixed-medium-r-normal--24-170-100-100-c-120-iso8859-1",
}


def _colours(place: Place, of: str) -> Mapping[str, str]:
    if Drift.DARK in place.drifts:
        return {f"{of}*background": "#202428", f"{of}*foreground": "#d8dce0", f"{of}*borderColor": "#707880"}
    if Drift.CONTRAST in place.drifts:
        return {f"{of}*background": "black", f"{of}*foreground": "yellow", f"{of}*borderColor": "yellow"}
    return {}


# xcalc --------------------------------------------------------------------------------------------------------------

_LCD = 67
_CALC = {"AC": 52, "7": 20, "8": 19, "*": 17, "6": 13, "-": 12, "5": 14, "2": 9, "3": 8, "+": 7, "=": 2, "lcd": _LCD}


def _xcalc_start(place: Place) -> Start:
    scale = font_scale(place)
    resources = dict(_colours(place, "XCalc"))
    if scale > 1:
        resources |= {
            "XCalc*Font": _FIXED[scale],
            "XCalc*Command.width": str(round(40 * scale)),
            "XCalc*Command.height": str(round(26 * scale)) if scale < 2 else "44",
            "XCalc*bevel.screen.LCD.width": str(round(186 * scale)),
        }
    if Drift.RESIZED in place.drifts and scale == 1:
        resources |= {"XCalc*Command.width": "62", "XCalc*Command.height": "38"}
    return Start(
        argv=("xcalc",),
        resources=resources,
        move=(30, 40) if Drift.MOVED in place.drifts else None,
        decoys=(("galculator",),) if Drift.DECOY in place.drifts else (),
    )


async def _xcalc_outcome(running: Running) -> str:
    connection = connected(running.env)
    try:
        made = await connection.ask(lambda display: Server(display).made_by(frozenset({running.pid})), 30.0)
        await connection.ask(lambda display: press_at(display, made[_LCD].box.center))
        await asyncio.sleep(0.3)
    finally:
        await asyncio.to_thread(connection.close)
    shown = (await selection(running.env)).strip()
    return "" if shown in {"40", "40."} else f"the display shows {shown!r}"


XCALC = Program(
    name="xcalc",
    toolkit="Xaw",
    package="x11-apps",
    held_out=False,
    kinds=PIXELS,
    program="xcalc",
    acts=tuple(click(key) for key in ("7", "*", "6", "-", "2", "=")),
    drifts=(*LOOKS, Drift.DECOY, Drift.ALL),
    start=_xcalc_start,
    judge=by_order(_CALC),
    outcome=_xcalc_outcome,
)

# xedit --------------------------------------------------------------------------------------------------------------


def _xedit_start(place: Place) -> Start:
    drifts = place.drifts
    (place.work / "zone.txt").write_text("")
    resources = dict(_colours(place, "Xedit"))
    if (scale := font_scale(place)) > 1:
        resources |= {"Xedit*font": _FIXED[scale], "Xedit*international": "false"}
    if Drift.RENAMED in drifts:
        resources["Xedit*save.label"] = "Store"
    if Drift.RESIZED in drifts:
        resources["Xedit.geometry"] = "820x560"
    decoy = ("xmessage", "-buttons", "Save:0,Load:1,Quit:2", "Save or Load the file, or Quit?")
    return Start(
        argv=("xedit",),
        resources=resources,
        move=(20, 120) if Drift.MOVED in drifts else None,
        decoys=(decoy,) if Drift.DECOY in drifts else (),
    )


async def _xedit_outcome(running: Running) -> str:
    return await file_has(running.place.work / "zone.txt", "ttl 3600\n", either="ttl 3600")


XEDIT = Program(
    name="xedit",
    toolkit="Xaw",
    package="x11-apps",
    held_out=True,
    kinds=PIXELS,
    program="xedit",
    acts=(
        enter("file name", "zone.txt"),
        click("Load", shows="Read - Write"),
        enter("text", "ttl 3600"),
        click("Save", shows="written"),
        click("Quit"),
    ),
    drifts=(*LOOKS, Drift.RENAMED, Drift.DECOY, Drift.ALL),
    start=_xedit_start,
    judge=by_order({"Quit": 4, "Save": 5, "Load": 6, "file name": 7, "text": 16}),
    outcome=_xedit_outcome,
    ready="Load",
)

# NEdit --------------------------------------------------------------------------------------------------------------

_HOSTS = "alpha 10.0.0.1\nalpha 10.0.0.2\nbeta 10.0.0.3\n"
_DIALOG = "Replace/Find"


def _nedit_start(place: Place) -> Start:
    drifts = place.drifts
    (place.work / "hosts").write_text(_HOSTS)
    resources = dict(_colours(place, "NEdit"))
    if (scale := font_scale(place)) > 1:
        resources |= {"NEdit*renderTable": "large", "NEdit*large.fontType": "FONT_IS_XFT"}
        resources |= {"NEdit*large.fontName": "DejaVu Sans", "NEdit*large.fontSize": str(round(10 * scale))}
    if Drift.RENAMED in drifts:
        resources |= {"NEdit*searchMenu.replace.labelString": "Substitute..."}
    if Drift.RESIZED in drifts:
        resources |= {"nedit.textRows": "34", "nedit.textCols": "100"}
    decoy = ("xmessage", "-buttons", "File:0,Search:1,Replace:2,Save:3", "String to Find: Replace With: Window")
    return Start(
        argv=("nedit", "hosts"),
        resources=resources,
        move=(40, 60) if Drift.MOVED in drifts else None,
        decoys=(decoy,) if Drift.DECOY in drifts else (),
    )


async def _nedit_outcome(running: Running) -> str:
    return await file_has(running.place.work / "hosts", _HOSTS.replace("alpha", "gamma"))


NEDIT = Program(
    name="nedit",
    toolkit="Motif",
    package="nedit",
    held_out=True,
    kinds=PIXELS,
    program="nedit",
    acts=(
        click("Search", shows="Replace..."),
        click("Replace...", window=_DIALOG),
        enter("String to Find", "alpha", dialog=_DIALOG),
        enter("Replace With", "gamma", dialog=_DIALOG),
        click("Window", dialog=_DIALOG),
        click("File", shows="Save As..."),
        click("Save"),
    ),
    drifts=(*LOOKS, Drift.RENAMED, Drift.DECOY, Drift.ALL),
    start=_nedit_start,
    judge=by_order(
        {
            "Search": 311,
            "File": 313,
            "Replace...": 71,
            "Save": 22,
            "String to Find": 371,
            "Replace With": 369,
            "Window": 360,
        }
    ),
    outcome=_nedit_outcome,
)

PROGRAMS = (XCALC, XEDIT, NEDIT)
