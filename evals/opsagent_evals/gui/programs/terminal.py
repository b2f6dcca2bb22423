"""Programs that fill a terminal: Midnight Commander, htop."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from opsagent_evals.gui.cells import by_cells, size_on
from opsagent_evals.gui.model import Drift, Place, Program, Running, Start
from opsagent_evals.gui.oracles import ended
from opsagent_evals.gui.programs.acts import ON_TERMINAL, TERMINAL, click, enter, press

# Midnight Commander -------------------------------------------------------------------------------------------------


def _mc_start(place: Place) -> Start:
    drifts = place.drifts
    folder = place.work / "reports"
    folder.mkdir()
    for name in ("alpha.csv", "march.csv", "notes.txt"):
        (folder / name).write_text(name)
    if drifts & {Drift.EXTRA, Drift.REORDERED}:
        for name in ("aaa.log", "april.csv", "june.csv", "zeta.txt"):
            (folder / name).write_text(name)
    if Drift.DECOY in drifts:
        for name in ("march.csv.old", "old-march.csv"):
            (folder / name).write_text(name)
    config = place.home / ".config/mc"
    config.mkdir(parents=True)
    skin = {Drift.DARK: "dark", Drift.CONTRAST: "darkfar"}
    chosen = next((skin[drift] for drift in skin if drift in drifts), "default")
    order = "sort_order=size\n" if Drift.REORDERED in drifts else ""
    (config / "ini").write_text(f"[Midnight-Commander]\nskin={chosen}\nauto_save_setup=false\nconfirm_exit=false\n")
    (config / "panels.ini").write_text(f"[New Left Panel]\n{order}reverse=false\n")
    return Start(argv=("mc", "-u", "-d", str(folder), str(place.work)), env={}, size=size_on(place))


async def _mc_outcome(running: Running) -> str:
    folder = running.place.work / "reports"
    await asyncio.sleep(0.3)
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("march*"))
    wanted = ["archive/march.csv"] + (["march.csv.old"] if Drift.DECOY in running.place.drifts else [])
    return "" if found == wanted else f"in reports: {found}"


MC = Program(
    name="mc",
    toolkit="terminal (S-Lang)",
    package="mc",
    held_out=False,
    kinds=TERMINAL,
    alone=True,
    program="mc",
    acts=(
        press("F7"),
        enter("directory name", "archive"),
        click("OK"),
        click("march.csv"),
        press("F6"),
        enter("to", "archive/"),
        click("OK"),
    ),
    drifts=(Drift.PLAIN, *ON_TERMINAL, Drift.DECOY, Drift.ALL),
    start=_mc_start,
    judge=by_cells(
        {
            "march.csv": r"^[│║|][ *]?(?P<at>march\.csv\s.*?)[│║|]{2}",
            "directory name": (r"[│║|] (?P<at>Enter directory name:\s+) [│║|]", 1),
            "to": (r"[│║|] (?P<at>to:\s+) [│║|]", 1),
            "OK": r"\[< OK >\]",
            "ready": r"10\s?Quit",
        }
    ),
    outcome=_mc_outcome,
    ready="ready",
)

# htop ---------------------------------------------------------------------------------------------------------------


def _htop_start(place: Place) -> Start:
    folder = place.home / ".config/htop"
    folder.mkdir(parents=True)
    scheme = {Drift.DARK: 0, Drift.CONTRAST: 1}
    colours = next((number for drift, number in scheme.items() if drift in place.drifts), 5)
    (folder / "htoprc").write_text(
        f"htop_version=3.2.2\nconfig_reader_min_version=3\nfields=0 48 17 18 38 39 40 2 46 47 49 1\ncolor_scheme={colours}\n"
        "hide_kernel_threads=1\nhide_userland_threads=0\nshadow_other_users=0\ntree_view=0\nshow_cpu_frequency=0\n"
        "delay=50\n"
    )
    return Start(argv=("htop",), env={}, size=size_on(place))


async def _htop_outcome(running: Running) -> str:
    await ended(running)
    text = (running.place.home / ".config/htop/htoprc").read_text()
    wanted = ("hide_userland_threads=1", "shadow_other_users=1", "show_cpu_frequency=0", "hide_kernel_threads=1")
    missing = [line for line in wanted if line not in text]
    return f"htoprc lacks {missing}" if missing else ""


_DOWN, _HOME = "\x1bOB", "\x1bOH"
_IN_PANEL = "\x1bOC" + _HOME
HTOP = Program(
    name="htop",
    toolkit="terminal (curses)",
    package="htop",
    held_out=True,
    kinds=TERMINAL,
    program="htop",
    acts=(
        press("F2"),
        click("Display options"),
        replace(click("Hide userland process threads", checked=True), by_hand=_IN_PANEL + _DOWN * 8 + " "),
        replace(click("Shadow other users' processes", checked=True), by_hand=_HOME + _DOWN * 6 + " "),
        press("F10"),
        press("F10"),
    ),
    drifts=(Drift.PLAIN, Drift.RESIZED, Drift.DARK, Drift.CONTRAST, Drift.ALL),
    start=_htop_start,
    judge=by_cells(
        {
            "Display options": r"^Display options",
            "Hide userland process threads": r"\[.\]\s+Hide userland process threads",
            "Shadow other users' processes": r"\[.\]\s+Shadow other users' processes",
            "ready": r"F10",
        }
    ),
    outcome=_htop_outcome,
    ready="ready",
)

PROGRAMS = (MC, HTOP)
