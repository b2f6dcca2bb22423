"""Web consoles in Chromium: supervisord's own page, and Syncthing's."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from opsagent_evals.gui.drifting import drifted, font_scale
from opsagent_evals.gui.judges import by_spots, spot
from opsagent_evals.gui.model import Drift, Place, Program, Running, Start
from opsagent_evals.gui.programs.acts import ACCESSIBLE, LOOKS, click, enter

_CONF = """[supervisord]
nodaemon=true
logfile={log}
pidfile={home}/supervisord.pid
[inet_http_server]
port=127.0.0.1:{port}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
_UNIT = "[program:{name}]\ncommand=sleep 600\nstartsecs=0\nautostart={starts}\nautorestart=false\npriority={priority}\n"


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def browser(place: Place, url: str, *, themed: bool = True) -> tuple[str, ...]:
    """Return Chromium with one page, in this variant. `themed`: colours are the browser's, not the page's own."""
    options = ["--no-first-run", "--no-default-browser-check", "--disable-sync", "--disable-component-update"]
    options += ["--force-renderer-accessibility", f"--user-data-dir={place.home}/chromium", "--password-store=basic"]
    if os.geteuid() == 0:
        options += ["--no-sandbox", "--test-type"]
    if (scale := font_scale(place)) > 1:
        options.append(f"--force-device-scale-factor={scale}")
    if themed and Drift.DARK in place.drifts:
        options += ["--force-dark-mode", "--enable-features=WebContentsForceDark"]
    if themed and Drift.CONTRAST in place.drifts:
        options.append("--force-high-contrast")
    return ("chromium", *options, f"--app={url}")


def _supervisord() -> str:
    beside = Path(sys.executable).with_name("supervisord")
    return str(beside) if beside.exists() else (shutil.which("supervisord") or "supervisord")


def _supervisor_start(place: Place) -> Start:
    drifts = place.drifts
    port = free_port()
    names = drifted(
        place,
        ["billing", "ingest", "mailer"],
        extra=(1, ("cron", "gateway")),
        decoys=(("billing-archive", "ingest-test"), ("mailer2",)),
    )
    text = _CONF.format(log=place.work / "supervisord.log", home=place.home, port=port)
    for number, name in enumerate(names):
        starts = str(not name.startswith("ingest")).lower()
        text += _UNIT.format(name=name, starts=starts, priority=number)
    (place.work / "supervisord.conf").write_text(text)
    return Start(
        argv=browser(place, f"http://127.0.0.1:{port}/"),
        beside=((_supervisord(), "-c", "supervisord.conf"),),
        awaits=port,
        move=(60, 50) if Drift.MOVED in drifts else None,
        size=(880, 620) if Drift.RESIZED in drifts else None,
    )


async def _supervisor_outcome(running: Running) -> str:
    text = (running.place.work / "supervisord.log").read_text()
    spawned = re.findall(r"spawned: '([^']+)'", text)
    stopped = re.findall(r"(?:stopped|exited): '?([\w-]+)'?", text)
    started_once = {name for name in spawned if not name.startswith("ingest")}
    wanted = sorted([*started_once, "ingest", "mailer"])
    if sorted(spawned) == wanted and sorted(stopped) == ["billing", "mailer"]:
        return ""
    return f"started {spawned}, stopped {stopped}"


SUPERVISOR = Program(
    name="supervisor",
    toolkit="web (Chromium)",
    package="chromium",
    held_out=False,
    kinds=ACCESSIBLE,
    program="chromium",
    acts=(
        click("start ingest", shows="Process ingest started"),
        click("stop billing", shows="Process billing stopped"),
        click("restart mailer", shows="Process mailer restarted"),
        click("clear mailer", shows="Log for mailer cleared"),
        click("Refresh", shows="Page refreshed"),
    ),
    drifts=(*LOOKS, Drift.REORDERED, Drift.EXTRA, Drift.DECOY, Drift.ALL),
    start=_supervisor_start,
    judge=by_spots(
        {
            "start ingest": spot("Start", "link", cell="ingest"),
            "stop billing": spot("Stop", "link", cell="billing"),
            "restart mailer": spot("Restart", "link", cell="mailer"),
            "clear mailer": spot("Clear Log", "link", cell="mailer"),
            "Refresh": spot("REFRESH", "link"),
        }
    ),
    outcome=_supervisor_outcome,
)

# Syncthing ----------------------------------------------------------------------------------------------------------

_QUIET = {
    "globalAnnounceEnabled": "false",
    "localAnnounceEnabled": "false",
    "relaysEnabled": "false",
    "natEnabled": "false",
    "startBrowser": "false",
    "urAccepted": "-1",
    "urSeen": "99",
    "crashReportingEnabled": "false",
    "autoUpgradeIntervalH": "0",
    "unackedNotificationID": "",
}
"""It talks to nobody and asks nothing."""
_LIMITS = {"name": "vault-2", "recv": "700", "send": "450"}


def _syncthing_start(place: Place) -> Start:
    drifts = place.drifts
    home, port, listens = place.home / "syncthing", free_port(), free_port()
    generate = ("syncthing", "generate", f"--home={home}", "--no-default-folder", "--skip-port-probing")
    subprocess.run(generate, env={**os.environ, "HOME": str(place.home)}, check=True, capture_output=True)
    text = (home / "config.xml").read_text().replace("127.0.0.1:8384", f"127.0.0.1:{port}")
    for name, value in _QUIET.items():
        text = re.sub(rf"<{name}>[^<]*</{name}>", f"<{name}>{value}</{name}>", text)
    text = text.replace(
        "<listenAddress>default</listenAddress>", f"<listenAddress>tcp://127.0.0.1:{listens}</listenAddress>"
    )
    theme = "black" if Drift.CONTRAST in drifts else "dark" if Drift.DARK in drifts else "default"
    text = text.replace("<theme>default</theme>", f"<theme>{theme}</theme>")
    names = ["Vault"] if Drift.EXTRA in drifts else []
    names += ["Settings", "Actions", "Connections"] if Drift.DECOY in drifts else []
    for name in names:
        folder = place.home / name
        folder.mkdir()
        entry = f'<folder id="{name}" label="{name}" path="{folder}" type="sendreceive"></folder>\n    <device '
        text = text.replace("<device ", entry, 1)
    (home / "config.xml").write_text(text)
    return Start(
        argv=browser(place, f"http://127.0.0.1:{port}/", themed=False),
        beside=(("syncthing", "serve", f"--home={home}", "--no-browser", "--no-upgrade"),),
        awaits=port,
        move=(40, 30) if Drift.MOVED in drifts else None,
        size=(940, 740) if Drift.RESIZED in drifts else None,
    )


async def _syncthing_outcome(running: Running) -> str:
    await asyncio.sleep(1.0)
    told = ET.parse(running.place.home / "syncthing/config.xml").getroot()  # noqa: S314  # of a program that we started
    device, options = told.find("device"), told.find("options")
    found = {
        "name": device.get("name") if device is not None else None,
        "recv": options.findtext("maxRecvKbps") if options is not None else None,
        "send": options.findtext("maxSendKbps") if options is not None else None,
    }
    return "" if found == _LIMITS else f"config.xml says {found}"


SYNCTHING = Program(
    name="syncthing",
    toolkit="web (Chromium)",
    package="syncthing",
    held_out=True,
    kinds=ACCESSIBLE,
    program="chromium",
    acts=(
        click("Actions", shows="Settings"),
        click("Settings", shows="Device Name"),
        enter("Device Name", _LIMITS["name"]),
        click("Connections", shows="Incoming Rate Limit"),
        enter("Incoming Rate Limit (KiB/s)", _LIMITS["recv"]),
        enter("Outgoing Rate Limit (KiB/s)", _LIMITS["send"]),
        click("Save"),
    ),
    drifts=(*LOOKS, Drift.EXTRA, Drift.DECOY, Drift.ALL),
    start=_syncthing_start,
    judge=by_spots(
        {
            "Actions": spot("Actions", "link", "push button", "menu", "toggle button"),
            "Settings": spot("Settings", "link", "menu item"),
            "Device Name": spot("Device Name", "entry", "text"),
            "Connections": spot("Connections", "link", "page tab"),
            "Incoming Rate Limit (KiB/s)": spot("Incoming Rate Limit (KiB/s)", "entry", "spin button"),
            "Outgoing Rate Limit (KiB/s)": spot("Outgoing Rate Limit (KiB/s)", "entry", "spin button"),
            "Save": spot("Save", "push button"),
        }
    ),
    outcome=_syncthing_outcome,
)

PROGRAMS = (SUPERVISOR, SYNCTHING)
