"""Programs of Tk, which tell accessibility nothing: gitk, IDLE."""

from __future__ import annotations

import asyncio
import subprocess

from opsagent_evals.gui.drifting import drifted, font_scale
from opsagent_evals.gui.model import Drift, Place, Program, Running, Start
from opsagent_evals.gui.oracles import file_has
from opsagent_evals.gui.programs.acts import LOOKS, PIXELS, click, enter, right
from opsagent_evals.gui.tk import by_tk

_DARK = {
    "*background": "#24282c",
    "*foreground": "#dfe3e6",
    "*Menu.background": "#24282c",
    "*Menu.foreground": "#dfe3e6",
    "*Entry.background": "#15181a",
    "*Text.background": "#15181a",
    "*Canvas.background": "#15181a",
    "*TkTheme": "clam",
}
_CONTRAST = {"*background": "white", "*foreground": "black", "*Menu.background": "black", "*Menu.foreground": "white"}


def _resources(place: Place) -> dict[str, str]:
    if Drift.DARK in place.drifts:
        return dict(_DARK)
    return dict(_CONTRAST) if Drift.CONTRAST in place.drifts else {}


# gitk ---------------------------------------------------------------------------------------------------------------

_DAY = "2026-01-05T10:00:00"


def _git(place: Place, *words: str, day: str = _DAY) -> None:
    env = {"HOME": str(place.home), "PATH": "/usr/bin:/bin", "GIT_AUTHOR_DATE": day, "GIT_COMMITTER_DATE": day}
    subprocess.run(("git", *words), cwd=place.work, env=env, check=True, capture_output=True)


def _gitk_start(place: Place) -> Start:
    drifts = place.drifts
    (place.home / ".gitconfig").write_text(
        "[user]\nname = Ops\nemail = ops@example.org\n[init]\ndefaultBranch = main\n"
    )
    _git(place, "init", "-q")
    subjects = drifted(
        place,
        ["First release", "Mend the pump", "Second release"],
        extra=(1, ("Raise the limit", "Lower the limit")),
        decoys=((), ("Create tag", "Mend the pump again")),
    )
    for number, subject in enumerate(subjects):
        (place.work / "pump.txt").write_text(subject)
        _git(place, "add", "pump.txt")
        _git(place, "commit", "-q", "-m", subject, day=f"2026-01-{number + 10:02d}T10:00:00")
    if Drift.DARK in drifts:
        folder = place.home / ".config/git"
        folder.mkdir(parents=True)
        (folder / "gitk").write_text(
            "set bgcolor #15181a\nset fgcolor #dfe3e6\nset uicolor #24282c\nset uifgcolor #dfe3e6\n"
            "set selectbgcolor #40464c\nset want_ttk 0\n"
        )
    return Start(
        argv=("gitk",),
        resources=_resources(place),
        dpi=round(96 * font_scale(place)),
        move=(40, 50) if Drift.MOVED in drifts else None,
        size=(980, 640) if drifts & {Drift.RESIZED, Drift.MOVED} else (1100, 700),
    )


async def _gitk_outcome(running: Running) -> str:
    told = await asyncio.to_thread(
        subprocess.run,
        ["git", "for-each-ref", "--format=%(refname:short)|%(contents:subject)|%(*subject)", "refs/tags"],
        cwd=running.place.work,
        env=dict(running.env),
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if told.stdout.strip() == "v1.1|Pump mended|Mend the pump" else f"tags: {told.stdout.strip()!r}"


_TAG = "Create tag"
GITK = Program(
    name="gitk",
    toolkit="Tk",
    package="gitk",
    held_out=False,
    kinds=PIXELS,
    program="gitk",
    acts=(
        right("Mend the pump", shows=_TAG),
        click("menu Create tag", window="tag"),
        enter("Tag name", "v1.1", dialog="tag"),
        enter("Tag message", "Pump mended", dialog="tag"),
        click("Create", dialog="tag"),
    ),
    drifts=(*LOOKS, Drift.REORDERED, Drift.EXTRA, Drift.DECOY, Drift.ALL),
    start=_gitk_start,
    judge=by_tk(
        "gitk",
        {
            "Mend the pump": ("canvas", "Mend the pump"),
            "menu Create tag": ("menu", "Create tag"),
            "Tag name": ("path", ".maketag.tag"),
            "Tag message": ("path", ".maketag.msg"),
            "Create": ("path", ".maketag.buts.gen"),
        },
    ),
    outcome=_gitk_outcome,
)

# IDLE ---------------------------------------------------------------------------------------------------------------

_CODE = "limit = alpha\nprint(alpha, limit)\n"
_DIALOG = "Replace Dialog"


def _idle_start(place: Place) -> Start:
    drifts = place.drifts
    (place.work / "limits.py").write_text(_CODE)
    folder = place.home / ".idlerc"
    folder.mkdir()
    theme = "IDLE Dark" if Drift.DARK in drifts else "IDLE Classic"
    lines = f"lines = {1 if Drift.EXTRA in drifts else 0}"
    (folder / "config-main.cfg").write_text(
        f"[Theme]\ndefault = 1\nname = {theme}\nname2 =\n[EditorWindow]\nwidth = 80\nheight = 24\n"
        f"line-numbers-default = {Drift.EXTRA in drifts}\n# {lines}\n"
    )
    decoy = ("zenity", "--forms", "--title=Replace", "--text=Find:", "--add-entry=Find:", "--add-entry=Replace with:")
    return Start(
        argv=("idle-python3.11", "limits.py"),
        resources=_resources(place),
        dpi=round(96 * font_scale(place)),
        move=(500, 60) if Drift.MOVED in drifts else None,
        size=(900, 560) if Drift.RESIZED in drifts else None,
        decoys=(decoy,) if Drift.DECOY in drifts else (),
    )


async def _idle_outcome(running: Running) -> str:
    return await file_has(running.place.work / "limits.py", _CODE.replace("alpha", "gamma"))


_IN_DIALOG = ".!toplevel.!frame"
IDLE = Program(
    name="idle",
    toolkit="Tk",
    package="idle-python3.11",
    held_out=True,
    kinds=PIXELS,
    program="idle-python3.11",
    acts=(
        click("Edit", shows="Replace..."),
        click("Replace...", window=_DIALOG),
        enter("Find", "alpha", dialog=_DIALOG),
        enter("Replace with", "gamma", dialog=_DIALOG),
        click("Replace All", dialog=_DIALOG),
        click("File", shows="Save As..."),
        click("Save"),
    ),
    drifts=(*LOOKS, Drift.EXTRA, Drift.DECOY, Drift.ALL),
    start=_idle_start,
    judge=by_tk(
        "idle",
        {
            "Edit": ("menu", "Edit"),
            "File": ("menu", "File"),
            "Replace...": ("menu", "Replace..."),
            "Save": ("menu", "Save"),
            "Find": ("path", f"{_IN_DIALOG}.!entry"),
            "Replace with": ("path", f"{_IN_DIALOG}.!entry2"),
            "Replace All": ("text", "Replace All"),
        },
    ),
    outcome=_idle_outcome,
)

PROGRAMS = (GITK, IDLE)
