"""Programs of GTK 3: galculator, yad, mousepad, zenity."""

from __future__ import annotations

from opsagent_evals.gui.drifting import drifted, gtk_env
from opsagent_evals.gui.judges import by_spots, spot
from opsagent_evals.gui.model import Drift, Place, Program, Running, Start
from opsagent_evals.gui.oracles import closed_window, ended, file_has, output_of
from opsagent_evals.gui.programs.acts import ACCESSIBLE, LOOKS, click, enter

# galculator ---------------------------------------------------------------------------------------------------------


def _galculator_start(place: Place) -> Start:
    folder = place.home / ".config/galculator"
    folder.mkdir(parents=True)
    mode = 1 if Drift.EXTRA in place.drifts else 0
    (folder / "galculator.conf").write_text(f"remembers_display=true\nmode={mode}\n")
    decoys = (("xcalc",),) if Drift.DECOY in place.drifts else ()
    return Start(
        argv=("galculator",),
        env=gtk_env(place),
        move=(40, 60) if Drift.MOVED in place.drifts else None,
        size=(620, 560) if Drift.RESIZED in place.drifts else None,
        decoys=decoys,
    )


async def _galculator_outcome(running: Running) -> str:
    await closed_window(running)
    text = (running.place.home / ".config/galculator/galculator.conf").read_text()
    values = [line.partition("=")[2].strip() for line in text.splitlines() if line.startswith("remembered_valuex")]
    return "" if values == ['"40"'] else f"the display was left at {values}"


_KEYS = ("7", "*", "6", "-", "2", "=")

GALCULATOR = Program(
    name="galculator",
    toolkit="GTK 3",
    package="galculator",
    held_out=False,
    kinds=ACCESSIBLE,
    program="galculator",
    acts=tuple(click(key) for key in _KEYS),
    drifts=(*LOOKS, Drift.EXTRA, Drift.DECOY, Drift.ALL),
    start=_galculator_start,
    judge=by_spots({key: spot(key, "toggle button", "push button") for key in _KEYS}),
    outcome=_galculator_outcome,
)

# yad ----------------------------------------------------------------------------------------------------------------

_FIELDS = ("Host", "Port", "User", "Directory")
_VALUES = {"Host": "db1.example.org", "Port": "5433", "User": "backup", "Directory": "/srv/export"}


def _yad_fields(place: Place) -> list[tuple[str, str]]:
    above = (("Host alias", ""), ("The Host and the User of the Export:LBL", ""))
    return drifted(
        place,
        [*((name, "") for name in _FIELDS), ("Compress:CHK", "FALSE"), ("Format:CB", "csv!json!xml")],
        renamed={("Directory", ""): ("Folder", "")},
        extra=(1, (("Database", ""), ("Schema", ""))),
        decoys=(above, (("User group", ""), ("Compress later:CHK", "FALSE"))),
    )


def _yad_start(place: Place) -> Start:
    drifts, fields = place.drifts, _yad_fields(place)
    buttons = ["--button=Cancel:1", "--button=Export:0"]
    if Drift.DECOY in drifts:
        buttons.insert(0, "--button=Export later:3")
    if Drift.REORDERED in drifts:
        buttons.reverse()
    argv = ["yad", "--form", "--title", "Nightly export", "--separator=|", "--output-by-row"]
    argv += [f"--field={name}" for name, _ in fields] + buttons + [value for _, value in fields]
    return Start(
        argv=tuple(argv),
        env=gtk_env(place),
        move=(700, 40) if Drift.MOVED in drifts else None,
        size=(620, 480) if Drift.RESIZED in drifts else None,
    )


async def _yad_outcome(running: Running) -> str:
    if (code := await ended(running)) != 0:
        return f"it ended with {code}"
    wanted = {**_VALUES, "Folder": _VALUES["Directory"], "Compress:CHK": "TRUE", "Format:CB": "csv"}
    right = [wanted.get(name, value) for name, value in _yad_fields(running.place) if not name.endswith(":LBL")]
    found = output_of(running).replace("\n", "|").strip("|").split("|")
    while found and right and right[0] == "":  # strip took what is empty at the ends
        right = right[1:]
    while right and right[-1] == "":
        right = right[:-1]
    return "" if found == right else f"it printed {found}"


YAD = Program(
    name="yad",
    toolkit="GTK 3",
    package="yad",
    held_out=False,
    kinds=ACCESSIBLE,
    program="yad",
    acts=(
        *(enter(name, _VALUES[name]) for name in _FIELDS),
        click("Compress", checked=True),
        click("Export"),
    ),
    drifts=(*LOOKS, Drift.REORDERED, Drift.EXTRA, Drift.RENAMED, Drift.DECOY, Drift.ALL),
    start=_yad_start,
    judge=by_spots(
        {
            **{name: spot(None, "text", "entry", label=name) for name in _FIELDS},
            "Compress": spot("Compress", "check box"),
            "Export": spot("Export", "push button"),
        },
        changed={Drift.RENAMED: {"Directory": spot(None, "text", "entry", label="Folder")}},
    ),
    outcome=_yad_outcome,
)

# mousepad -----------------------------------------------------------------------------------------------------------

_TEXT = "upstream alpha\nserver alpha:8080\nserver beta:8080\n"


def _mousepad_start(place: Place) -> Start:
    (place.work / "upstream.conf").write_text(_TEXT)
    drifts = place.drifts
    settings = {"toolbar-visible": Drift.EXTRA in drifts, "statusbar-visible": Drift.EXTRA in drifts}
    folder = place.home / ".config/glib-2.0/settings"
    folder.mkdir(parents=True)
    lines = [f"{name}={str(value).lower()}" for name, value in settings.items()]
    (folder / "keyfile").write_text("[org/xfce/mousepad/preferences/window]\n" + "\n".join(lines) + "\n")
    (place.work / "other.conf").write_text("Find and Replace\nReplace All\nSave\n")
    return Start(
        argv=("mousepad", "--disable-server", "upstream.conf"),
        env=gtk_env(place),
        move=(20, 30) if Drift.MOVED in drifts else None,
        size=(860, 620) if Drift.RESIZED in drifts else None,
        decoys=(("yad", "--text-info", "--filename=other.conf", "--button=Save:0", "--button=Replace:1"),)
        if Drift.DECOY in drifts
        else (),
    )


async def _mousepad_outcome(running: Running) -> str:
    return await file_has(running.place.work / "upstream.conf", _TEXT.replace("alpha", "gamma"))


_REPLACE = "Find and Replace"
MOUSEPAD = Program(
    name="mousepad",
    toolkit="GTK 3",
    package="mousepad",
    held_out=True,
    kinds=ACCESSIBLE,
    program="mousepad",
    acts=(
        click("Search", shows="Find and Replace"),
        click("Find and Replace...", window=_REPLACE),
        enter("Search for", "alpha", dialog=_REPLACE),
        enter("Replace with", "gamma", dialog=_REPLACE),
        click("Replace all in", dialog=_REPLACE, checked=True),
        click("Replace All", dialog=_REPLACE),
        click("Close", dialog=_REPLACE),
        click("File", shows="Save As"),
        click("Save"),
    ),
    drifts=(*LOOKS, Drift.EXTRA, Drift.DECOY, Drift.ALL),
    start=_mousepad_start,
    judge=by_spots(
        {
            "Search": spot("Search", "menu"),
            "File": spot("File", "menu"),
            "Find and Replace...": spot("Find and Replace...", "menu item"),
            "Save": spot("Save", "menu item"),
            "Search for": spot(None, "text", "entry", label="Search for", window=_REPLACE),
            "Replace with": spot(None, "text", "entry", label="Replace with", window=_REPLACE),
            "Replace all in": spot("Replace all in:", "check box", window=_REPLACE),
            "Replace All": spot("Replace All", "push button", window=_REPLACE),
            "Close": spot("Close", "push button", window=_REPLACE),
        }
    ),
    outcome=_mousepad_outcome,
)

# zenity -------------------------------------------------------------------------------------------------------------

_ASKED = ("Name", "Zone", "Address", "Lifetime")
_ANSWERS = {"Name": "cache-3", "Zone": "north", "Address": "10.4.0.17", "Lifetime": "3600"}


def _zenity_fields(place: Place) -> list[str]:
    return drifted(
        place,
        _ASKED,
        renamed={"Lifetime": "Time to live"},
        extra=(2, ("Owner", "Cost centre")),
        decoys=(("Zone name",), ("Address of the owner",)),
    )


def _zenity_start(place: Place) -> Start:
    drifts, names = place.drifts, _zenity_fields(place)
    argv = ["zenity", "--forms", "--title", "New record", "--text", "Name, Zone and Address of the new record"]
    argv += [f"--add-entry={name}" for name in names] + ["--ok-label=Add record", "--cancel-label=Cancel"]
    return Start(
        argv=tuple(argv),
        env=gtk_env(place),
        move=(60, 380) if Drift.MOVED in drifts else None,
        size=(560, 420) if Drift.RESIZED in drifts else None,
    )


async def _zenity_outcome(running: Running) -> str:
    if (code := await ended(running)) != 0:
        return f"it ended with {code}"
    wanted = {**_ANSWERS, "Time to live": _ANSWERS["Lifetime"]}
    found = output_of(running).strip("\n").split("|")
    right = [wanted.get(name, "") for name in _zenity_fields(running.place)]
    return "" if found == right else f"it printed {found}"


ZENITY = Program(
    name="zenity",
    toolkit="GTK 3",
    package="zenity",
    held_out=True,
    kinds=ACCESSIBLE,
    program="zenity",
    acts=(*(enter(name, _ANSWERS[name]) for name in _ASKED), click("Add record")),
    drifts=(*LOOKS, Drift.REORDERED, Drift.EXTRA, Drift.RENAMED, Drift.DECOY, Drift.ALL),
    start=_zenity_start,
    judge=by_spots(
        {
            **{name: spot(None, "text", "entry", label=name) for name in _ASKED},
            "Add record": spot("Add record", "push button"),
        },
        changed={Drift.RENAMED: {"Lifetime": spot(None, "text", "entry", label="Time to live")}},
    ),
    outcome=_zenity_outcome,
)

PROGRAMS = (GALCULATOR, YAD, MOUSEPAD, ZENITY)
