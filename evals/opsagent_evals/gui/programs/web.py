"""Web consoles in Chromium: supervisord's own page."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from pathlib import Path

from opsagent_evals.gui.drifting import font_scale
from opsagent_evals.gui.judges import by_spots, spot
from opsagent_evals.gui.model import Drift, Place, Program, Running, Start
from opsagent_evals.gui.programs.acts import ACCESSIBLE, LOOKS, click

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


def browser(place: Place, url: str) -> tuple[str, ...]:
    """Return Chromium with one page, in this variant."""
    options = ["--no-first-run", "--no-default-browser-check", "--disable-sync", "--disable-component-update"]
    options += ["--force-renderer-accessibility", f"--user-data-dir={place.home}/chromium", "--password-store=basic"]
    if os.geteuid() == 0:
        options += ["--no-sandbox", "--test-type"]
    if (scale := font_scale(place)) > 1:
        options.append(f"--force-device-scale-factor={scale}")
    if Drift.DARK in place.drifts:
        options += ["--force-dark-mode", "--enable-features=WebContentsForceDark"]
    if Drift.CONTRAST in place.drifts:
        options.append("--force-high-contrast")
    return ("chromium", *options, f"--app={url}")


def _supervisord() -> str:
    beside = Path(sys.executable).with_name("supervisord")
    return str(beside) if beside.exists() else (shutil.which("supervisord") or "supervisord")


def _supervisor_start(place: Place) -> Start:
    drifts = place.drifts
    port = free_port()
    names = ["billing", "ingest", "mailer"]
    if Drift.EXTRA in drifts:
        names[1:1] = ["cron", "gateway"]
    if Drift.DECOY in drifts:
        names = ["billing-archive", "ingest-test", *names, "mailer2"]
    if Drift.REORDERED in drifts:
        names.reverse()
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

PROGRAMS = (SUPERVISOR,)
