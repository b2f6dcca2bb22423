"""Programs of Qt 5, wxWidgets and Swing: FeatherPad, qt5ct, FileZilla, jconsole."""

from __future__ import annotations

import asyncio
import configparser
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

from opsagent_evals.gui.drifting import gtk_env, qt_env, swing_options
from opsagent_evals.gui.judges import by_spots, spot
from opsagent_evals.gui.model import Drift, Place, Program, Running, Start
from opsagent_evals.gui.oracles import appears, file_has
from opsagent_evals.gui.programs.acts import ACCESSIBLE, LOOKS, click, enter

# FeatherPad ---------------------------------------------------------------------------------------------------------

_DECOY_FORM = ("yad", "--form", "--title", "Save as", "--field=File name", "", "--button=Save:0", "--button=Cancel:1")


def _featherpad_start(place: Place) -> Start:
    (place.work / "rules.txt").write_text("")
    drifts = place.drifts
    config = place.home / ".config/featherpad/fp.conf"
    config.parent.mkdir(parents=True)
    extra = "true" if Drift.EXTRA in drifts else "false"
    config.write_text(
        f"[text]\nlineNumbers={extra}\n[window]\nnoToolbar={'false' if Drift.EXTRA in drifts else 'true'}\n"
        f"hideStatusbar=false\nstartSize=@Size({'900 620' if Drift.RESIZED in drifts else '700 500'})\nremSize=false\n"
    )
    return Start(
        argv=("featherpad", "--standalone", "rules.txt"),
        env={**qt_env(place), **gtk_env(place)},
        move=(30, 40) if Drift.MOVED in drifts else None,
        decoys=(_DECOY_FORM,) if Drift.DECOY in drifts else (),
    )


async def _featherpad_outcome(running: Running) -> str:
    old = await file_has(running.place.work / "rules.txt", "")
    return old or await file_has(running.place.work / "rules-new.txt", "open 22\n")


_SAVE_AS = "Save as"
FEATHERPAD = Program(
    name="featherpad",
    toolkit="Qt 5",
    package="featherpad",
    held_out=False,
    kinds=ACCESSIBLE,
    program="featherpad",
    acts=(
        enter("text", "open 22"),
        click("File", shows="Save As"),
        click("Save As", window=_SAVE_AS),
        enter("File name", "rules-new.txt", dialog=_SAVE_AS),
        click("Save", dialog=_SAVE_AS),
    ),
    drifts=(*LOOKS, Drift.EXTRA, Drift.DECOY, Drift.ALL),
    start=_featherpad_start,
    judge=by_spots(
        {
            "text": spot("", "text", window="rules"),
            "File": spot("File", "menu item"),
            "Save As": spot("Save As", "menu item"),
            "File name": spot(None, "text", label="File name", window=_SAVE_AS),
            "Save": spot("Save", "push button", window=_SAVE_AS),
        }
    ),
    outcome=_featherpad_outcome,
    ready="File",
)

# qt5ct --------------------------------------------------------------------------------------------------------------


def _qt5ct_start(place: Place) -> Start:
    drifts = place.drifts
    return Start(
        argv=("qt5ct",),
        env={**qt_env(place), **gtk_env(place), "QT_QPA_PLATFORMTHEME": "qt5ct" if Drift.EXTRA not in drifts else ""},
        move=(20, 20) if Drift.MOVED in drifts else None,
        size=(900, 720) if Drift.RESIZED in drifts and Drift.FONT_1_4 not in drifts else None,
        decoys=(
            (
                "yad",
                "--form",
                "--title",
                "Apply",
                "--field=Interface:CHK",
                "FALSE",
                "--button=Apply:0",
                "--button=OK:0",
            ),
        )
        if Drift.DECOY in drifts
        else (),
    )


async def _qt5ct_outcome(running: Running) -> str:
    path = running.place.home / ".config/qt5ct/qt5ct.conf"
    await asyncio.sleep(0.3)
    if not path.exists():
        return "qt5ct.conf was not written"
    config = configparser.RawConfigParser(strict=False)
    config.read_string(path.read_text())
    found = {
        "custom_palette": config["Appearance"].get("custom_palette"),
        "cursor_flash_time": config["Interface"].get("cursor_flash_time"),
        "wheel_scroll_lines": config["Interface"].get("wheel_scroll_lines"),
        "gui_effects": config["Interface"].get("gui_effects"),
    }
    wanted = {"custom_palette": "true", "cursor_flash_time": "800", "wheel_scroll_lines": "7", "gui_effects": "General"}
    return "" if found == wanted else f"qt5ct.conf says {found}"


QT5CT = Program(
    name="qt5ct",
    toolkit="Qt 5",
    package="qt5ct",
    held_out=True,
    kinds=ACCESSIBLE,
    program="qt5ct",
    acts=(
        click("Custom", checked=True),
        click("Interface", shows="Mouse wheel scroll lines"),
        enter("Cursor flash time", "800"),
        click("Enable gui effects", checked=True),
        enter("Mouse wheel scroll lines", "7"),
        click("Apply"),
        click("OK"),
    ),
    drifts=(*LOOKS, Drift.EXTRA, Drift.DECOY, Drift.ALL),
    start=_qt5ct_start,
    judge=by_spots(
        {
            "Custom": spot("Custom", "radio button"),
            "Interface": spot("Interface", "page tab"),
            "Cursor flash time": spot(None, "spin box", label="Cursor flash time"),
            "Mouse wheel scroll lines": spot(None, "spin box", label="Mouse wheel scroll lines"),
            "Enable gui effects": spot("Enable gui effects", "check box"),
            "Apply": spot("Apply", "push button", window="Qt5 Configuration Tool"),
            "OK": spot("OK", "push button", window="Qt5 Configuration Tool"),
        }
    ),
    outcome=_qt5ct_outcome,
)

# FileZilla ----------------------------------------------------------------------------------------------------------

_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<FileZilla3 version="3.63.0" platform="*nix"><Settings>
<Setting name="Greeting version">99.0.0</Setting><Setting name="Update Check">0</Setting>
<Setting name="Show message log">{log}</Setting><Setting name="Show Quickconnect bar">{quick}</Setting>
</Settings></FileZilla3>
"""
_SITE = {"Host": "files.example.org", "Port": "2121", "User": "mirror"}


def _filezilla_start(place: Place) -> Start:
    drifts = place.drifts
    folder = place.home / ".config/filezilla"
    folder.mkdir(parents=True)
    less = 0 if Drift.EXTRA in drifts else 1
    (folder / "filezilla.xml").write_text(_SETTINGS.format(log=less, quick=1 if Drift.DECOY in drifts else 0))
    return Start(
        argv=("filezilla",),
        env=gtk_env(place),
        move=(50, 50) if Drift.MOVED in drifts else None,
        size=(980, 640) if Drift.RESIZED in drifts else None,
        decoys=(("yad", "--form", "--title", "New site", "--field=Host:", "", "--field=Port:", "", "--button=OK:0"),)
        if Drift.DECOY in drifts
        else (),
    )


async def _filezilla_outcome(running: Running) -> str:
    path = running.place.home / ".config/filezilla/sitemanager.xml"
    if not await appears(path):
        return "no site was saved"
    sites = ET.fromstring(path.read_text()).findall(".//Server")  # noqa: S314  # written by the program that we started
    found = [{name: site.findtext(name) for name in _SITE} for site in sites]
    return "" if found == [_SITE] else f"sites are {found}"


_SITES = "Site Manager"
FILEZILLA = Program(
    name="filezilla",
    toolkit="wxWidgets",
    package="filezilla",
    held_out=True,
    kinds=ACCESSIBLE,
    program="filezilla",
    acts=(
        click("File", shows="Site Manager"),
        click("Site Manager...", window=_SITES),
        click("New site", dialog=_SITES),
        enter("Host", _SITE["Host"], dialog=_SITES),
        enter("Port", _SITE["Port"], dialog=_SITES),
        enter("User", _SITE["User"], dialog=_SITES),
        click("OK", dialog=_SITES),
    ),
    drifts=tuple(
        one for one in (*LOOKS, Drift.EXTRA, Drift.DECOY, Drift.ALL) if one is not Drift.FONT_2
    ),  # it has no room,
    start=_filezilla_start,
    judge=by_spots(
        {
            "File": spot("File", "menu"),
            "Site Manager...": spot("Site Manager...", "menu item"),
            "New site": spot("New site", "push button", window=_SITES),
            "Host": spot(None, "text", "entry", label="Host", window=_SITES),
            "Port": spot(None, "text", "entry", label="Port", window=_SITES),
            "User": spot(None, "text", "entry", label="User", window=_SITES),
            "OK": spot("OK", "push button", window=_SITES),
        }
    ),
    outcome=_filezilla_outcome,
)

# jconsole -----------------------------------------------------------------------------------------------------------

_PATIENT = "public class Patient { public static void main(String[] a) throws Exception { Thread.sleep(600000); } }\n"


def _jconsole_start(place: Place) -> Start:
    (place.work / "Patient.java").write_text(_PATIENT)
    (place.work / "Patience.java").write_text(_PATIENT.replace("Patient", "Patience"))
    run = ("java", "-Xmx32m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    beside = [(*run, "Patient.java")]
    if Drift.DECOY in place.drifts:
        beside.append((*run, "Patience.java"))
    return Start(
        argv=("jconsole", *swing_options(place)),
        env=gtk_env(place),
        beside=tuple(beside),
        move=(20, 30) if Drift.MOVED in place.drifts else None,
        size=(1050, 680) if Drift.RESIZED in place.drifts else None,
    )


async def _jconsole_outcome(running: Running) -> str:
    listed = await asyncio.to_thread(subprocess.run, ["jps", "-lm"], capture_output=True, text=True, check=False)
    pids = [line.split()[0] for line in listed.stdout.splitlines() if "Patient.java" in line]
    pids = [pid for pid in pids if Path(f"/proc/{pid}/cwd").resolve() == running.place.work]
    counts = []
    for pid in pids:
        told = await asyncio.to_thread(
            subprocess.run, ["jstat", "-gc", pid], capture_output=True, text=True, check=False, env=dict(running.env)
        )
        lines = [line.split() for line in told.stdout.splitlines()]
        counts += [float(dict(zip(lines[0], lines[1], strict=False))["FGC"])] if len(lines) > 1 else []
    return "" if 1 in counts else f"full collections: {counts}"


JCONSOLE = Program(
    name="jconsole",
    toolkit="Swing",
    package="openjdk-17-jdk",
    held_out=False,
    kinds=ACCESSIBLE,
    program="jconsole",
    acts=(
        click("Local Process", checked=True),
        click("Patient"),
        click("Connect", shows="Insecure"),
        click("Insecure connection", shows="Memory"),
        click("Memory", shows="Perform GC"),
        click("Perform GC"),
    ),
    drifts=(Drift.PLAIN, *LOOKS[1:], Drift.DECOY, Drift.ALL),
    start=_jconsole_start,
    judge=by_spots(
        {
            "Local Process": spot("Local Process:", "radio button"),
            "Patient": spot("jdk.compiler/com.sun.tools.javac.launcher.Main Patient.java", "label"),
            "Connect": spot("Connect", "push button"),
            "Insecure connection": spot("Insecure connection", "push button"),
            "Memory": spot("Memory", "page tab"),
            "Perform GC": spot("Perform GC", "push button"),
        }
    ),
    outcome=_jconsole_outcome,
    alone=True,
)

PROGRAMS = (FEATHERPAD, QT5CT, FILEZILLA, JCONSOLE)
