"""Programs of a terminal: whiptail (newt), dialog (curses), Midnight Commander, htop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from opsagent_evals.gui.cells import CellJudge, Pattern
from opsagent_evals.gui.model import Drift, Judge, Place, Program, Running, Start
from opsagent_evals.gui.oracles import ended
from opsagent_evals.gui.programs.acts import TERMINAL, click, enter, press

_SIZE = (90, 28)
_LARGE = (120, 40)


def _by_cells(
    patterns: Mapping[str, Pattern], changed: Mapping[Drift, Mapping[str, Pattern]] | None = None
) -> Callable[[Running], Awaitable[Judge]]:
    async def judge(running: Running) -> Judge:
        known = dict(patterns)
        for drift, others in (changed or {}).items():
            if drift in running.place.drifts:
                known.update(others)
        return CellJudge(_size(running.place), known)

    return judge


def _size(place: Place) -> tuple[int, int]:
    return _LARGE if Drift.RESIZED in place.drifts else _SIZE


def _kept(*argv: str) -> tuple[str, ...]:
    """Return a command whose answers, written to standard error, go to a file: the program itself runs, no shell."""
    return ("sh", "-c", 'exec "$@" 2>answers', "sh", *argv)


async def _answers(running: Running) -> str:
    code = await ended(running)
    path = running.place.work / "answers"
    text = path.read_text() if path.exists() else ""
    return text if code == 0 else f"it ended with {code}"


# whiptail -----------------------------------------------------------------------------------------------------------

_SERVICES = {"nginx": "Web server", "redis": "Cache", "cron": "Timers", "rsync": "Mirror", "smtpd": "Mail"}


def _whiptail_start(place: Place) -> Start:
    drifts = place.drifts
    rows = [(tag, text, "ON" if tag == "cron" else "OFF") for tag, text in _SERVICES.items()]
    if Drift.RENAMED in drifts:
        rows = [(tag, "Key store" if tag == "redis" else text, on) for tag, text, on in rows]
    if Drift.EXTRA in drifts:
        rows[1:1] = [("ntpd", "Clock", "ON"), ("munin", "Graphs", "OFF")]
    if Drift.DECOY in drifts:
        rows[0:0] = [("redis-old", "Cache of last year", "OFF")]
        rows.append(("nginx-test", "Web server, not live", "OFF"))
    if Drift.REORDERED in drifts:
        rows.reverse()
    text = "Restart nginx and redis tonight? <Ok> starts it." if Drift.DECOY in drifts else "What is restarted tonight?"
    argv = ["whiptail", "--title", "Night window", "--separate-output", "--ok-button", "Apply", "--checklist", text]
    argv += ["20", "64", str(len(rows)), *(word for row in rows for word in row)]
    env = {}
    if Drift.DARK in drifts:
        env["NEWT_COLORS"] = "root=,black window=lightgray,black border=gray,black checkbox=lightgray,black"
    if Drift.CONTRAST in drifts:
        env["NEWT_COLORS"] = "root=white,black window=white,black checkbox=white,black actcheckbox=black,white"
    return Start(argv=_kept(*argv), env=env, size=_size(place))


async def _whiptail_outcome(running: Running) -> str:
    told = await _answers(running)
    wanted = {"nginx", "redis", "smtpd"} | ({"ntpd"} if Drift.EXTRA in running.place.drifts else set())
    return "" if set(told.split()) == wanted else f"it answered {told.split()}"


WHIPTAIL = Program(
    name="whiptail",
    toolkit="terminal (newt)",
    package="whiptail",
    held_out=False,
    kinds=TERMINAL,
    program="whiptail",
    acts=(
        click("nginx", checked=True),
        click("redis", checked=True),
        click("cron", checked=False),
        click("smtpd", checked=True),
        click("Apply"),
    ),
    drifts=(
        Drift.PLAIN,
        Drift.RESIZED,
        Drift.DARK,
        Drift.CONTRAST,
        Drift.REORDERED,
        Drift.EXTRA,
        Drift.RENAMED,
        Drift.DECOY,
        Drift.ALL,
    ),
    start=_whiptail_start,
    judge=_by_cells(
        {**{tag: rf"\[.\] {tag}\s+\w[\w ,]*\w" for tag in _SERVICES}, "Apply": r"<Apply>"},
    ),
    outcome=_whiptail_outcome,
)

# dialog -------------------------------------------------------------------------------------------------------------

_RECORD = {"Host": "db7", "Port": "6543", "Owner": "night shift", "Zone": "south"}


def _dialog_fields(place: Place) -> list[str]:
    names = [*_RECORD]
    if Drift.RENAMED in place.drifts:
        names[names.index("Zone")] = "Region"
    if Drift.EXTRA in place.drifts:
        names[1:1] = ["Alias", "Rack"]
    if Drift.DECOY in place.drifts:
        names = ["Host group", *names, "Old port"]
    if Drift.REORDERED in place.drifts:
        names.reverse()
    return names


def _dialog_start(place: Place) -> Start:
    drifts, names = place.drifts, _dialog_fields(place)
    fields: list[str] = []
    for row, name in enumerate(names, 1):
        fields += [f"{name}:", str(row), "1", "", str(row), "14", "24", "40"]
    begin = ["--begin", "1", "4"] if Drift.MOVED in drifts else []
    text = "Host and Port of the record. Save ends it."
    argv = ["dialog", *begin, "--title", "New record", "--ok-label", "Save", "--form", text]
    argv += [str(len(names) + 9), "56", str(len(names)), *fields]
    env = {}
    if drifts & {Drift.DARK, Drift.CONTRAST}:
        ground = "BLACK" if Drift.DARK in drifts else "WHITE"
        ink = "WHITE" if Drift.DARK in drifts else "BLACK"
        (place.home / "rc").write_text(
            f"use_shadow = OFF\nuse_colors = ON\nscreen_color = ({ink},{ground},ON)\ndialog_color = ({ink},{ground},OFF)\n"
        )
        env["DIALOGRC"] = str(place.home / "rc")
    return Start(argv=_kept(*argv), env=env, size=_size(place))


async def _dialog_outcome(running: Running) -> str:
    told = (await _answers(running)).split("\n")
    wanted = {**_RECORD, "Region": _RECORD["Zone"]}
    right = [wanted.get(name, "") for name in _dialog_fields(running.place)]
    return "" if told in (right, [*right, ""]) else f"it answered {told}"


def _field(name: str) -> str:
    """Return where the field of a label is: it begins 13 columns after the label, and has 24."""
    return rf"(?<=[│x|])\s?{name}:.{{{12 - len(name)}}}(?P<at>.{{24}})"


DIALOG = Program(
    name="dialog",
    toolkit="terminal (curses)",
    package="dialog",
    held_out=True,
    kinds=TERMINAL,
    program="dialog",
    acts=(*(enter(name, value) for name, value in _RECORD.items()), click("Save")),
    drifts=(
        Drift.PLAIN,
        Drift.MOVED,
        Drift.RESIZED,
        Drift.DARK,
        Drift.CONTRAST,
        Drift.REORDERED,
        Drift.EXTRA,
        Drift.RENAMED,
        Drift.DECOY,
        Drift.ALL,
    ),
    start=_dialog_start,
    judge=_by_cells(
        {**{name: _field(name) for name in _RECORD}, "Save": r"<\s*Save\s*>"},
        {Drift.RENAMED: {"Zone": _field("Region")}},
    ),
    outcome=_dialog_outcome,
    ready="Save",
)

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
    return Start(argv=("mc", "-u", "-d", str(folder), str(place.work)), env={}, size=_size(place))


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
    drifts=(
        Drift.PLAIN,
        Drift.RESIZED,
        Drift.DARK,
        Drift.CONTRAST,
        Drift.REORDERED,
        Drift.EXTRA,
        Drift.DECOY,
        Drift.ALL,
    ),
    start=_mc_start,
    judge=_by_cells(
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
    return Start(argv=("htop",), env={}, size=_size(place))


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
    judge=_by_cells(
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

PROGRAMS = (WHIPTAIL, DIALOG, MC, HTOP)
