"""Programs of a terminal that ask one question: whiptail (newt), dialog (curses)."""

from __future__ import annotations

from opsagent_evals.gui.cells import by_cells, size_on
from opsagent_evals.gui.drifting import drifted
from opsagent_evals.gui.model import Drift, Place, Program, Running, Start
from opsagent_evals.gui.oracles import ended
from opsagent_evals.gui.programs.acts import ON_TERMINAL, TERMINAL, click, enter


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
    rows = drifted(
        place,
        [(tag, text, "ON" if tag == "cron" else "OFF") for tag, text in _SERVICES.items()],
        renamed={("redis", "Cache", "OFF"): ("redis", "Key store", "OFF")},
        extra=(1, (("ntpd", "Clock", "ON"), ("munin", "Graphs", "OFF"))),
        decoys=((("redis-old", "Cache of last year", "OFF"),), (("nginx-test", "Web server, not live", "OFF"),)),
    )
    text = "Restart nginx and redis tonight? <Ok> starts it." if Drift.DECOY in drifts else "What is restarted tonight?"
    argv = ["whiptail", "--title", "Night window", "--separate-output", "--ok-button", "Apply", "--checklist", text]
    argv += ["20", "64", str(len(rows)), *(word for row in rows for word in row)]
    env = {}
    if Drift.DARK in drifts:
        env["NEWT_COLORS"] = "root=,black window=lightgray,black border=gray,black checkbox=lightgray,black"
    if Drift.CONTRAST in drifts:
        env["NEWT_COLORS"] = "root=white,black window=white,black checkbox=white,black actcheckbox=black,white"
    return Start(argv=_kept(*argv), env=env, size=size_on(place))


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
    drifts=(Drift.PLAIN, *ON_TERMINAL, Drift.RENAMED, Drift.DECOY, Drift.ALL),
    start=_whiptail_start,
    judge=by_cells(
        {**{tag: rf"\[.\] {tag}\s+\w[\w ,]*\w" for tag in _SERVICES}, "Apply": r"<Apply>"},
    ),
    outcome=_whiptail_outcome,
)

# dialog -------------------------------------------------------------------------------------------------------------

_RECORD = {"Host": "db7", "Port": "6543", "Owner": "night shift", "Zone": "south"}


def _dialog_fields(place: Place) -> list[str]:
    return drifted(
        place,
        [*_RECORD],
        renamed={"Zone": "Region"},
        extra=(1, ("Alias", "Rack")),
        decoys=(("Host group",), ("Old port",)),
    )


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
    return Start(argv=_kept(*argv), env=env, size=size_on(place))


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
    drifts=(Drift.PLAIN, Drift.MOVED, *ON_TERMINAL, Drift.RENAMED, Drift.DECOY, Drift.ALL),
    start=_dialog_start,
    judge=by_cells(
        {**{name: _field(name) for name in _RECORD}, "Save": r"<\s*Save\s*>"},
        {Drift.RENAMED: {"Zone": _field("Region")}},
    ),
    outcome=_dialog_outcome,
    ready="Save",
)

PROGRAMS = (WHIPTAIL, DIALOG)
