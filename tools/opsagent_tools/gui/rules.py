"""Which windows may be used at all. Asked before a procedure begins, and again right before each gesture.

A window is judged by what the server and the kernel know of it: the user id, the executable and the file that it is, and
whether it was started on our own display. Its title and its class are no argument. On a desktop that people share only
programs that were named may be used, and never without a person: `Display.own` tells which kind it is.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from opsagent_tools.gui.model import Window
from opsagent_tools.gui.port import Refused
from opsagent_tools.gui.programs import ProgramName, program_of
from opsagent_tools.trust import is_private_group

_NEVER = re.compile(
    r"pinentry.*|polkit-.*|.*-polkit-.*|.*-?askpass|gcr-prompter|gnome-keyring.*|kwallet.*|seahorse|keepass.*|bitwarden.*"
    r"|1password.*|.*screensaver.*|.*screenlock.*|.*locker.*|i3lock|slock|swaylock|xlock|xsecurelock|gdm-.*|lightdm.*|sddm.*"
    r"|kdesu|gksu.*|pkexec",
    re.IGNORECASE,
)
"""Where passwords are asked for and kept, and what locks screens: of no procedure's business."""


def never_used(program: str) -> str:
    """Return why no procedure may ever be in a program, by its name; empty: one may."""
    found = _NEVER.fullmatch(program)
    return f"{program} asks for or keeps passwords, or locks the screen: it is never used" if found else ""


class Screen(Protocol):
    """What is asked of a display here; `Display` is one."""

    @property
    def own(self) -> bool: ...

    def holds(self, pid: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a window's owner, beside the window itself."""

    program: ProgramName
    """Its process as it is now."""
    started_here: bool
    """It was started on our own display, or by what was."""
    own_display: bool
    changeable: str = ""
    """Path of the executable or script that others than its user and root may write; empty: none."""


def standing_of(window: Window, display: Screen) -> Standing:
    """Look up what is known of a window's owner."""
    program = program_of(window.pid)
    return Standing(program, display.holds(window.pid), display.own, _changeable(window.pid, program))


def refusal(window: Window, standing: Standing, allow: Collection[str], uid: int) -> str | None:
    """Return why a window may not be used, None if it may.

    `allow`: names of programs (`Window.program`), or absolute paths of executables or scripts. `uid`: our own user id.
    """
    now = standing.program
    if window.pid <= 0:
        return "the server does not know whose window it is (a program on another machine?)"
    if (now.exe, now.name, now.uid) != (window.exe, window.program, window.uid):
        return f"process {window.pid} is another program by now"
    if not now.exe:
        return f"what process {window.pid} executes cannot be seen"
    if now.uid != uid:
        return f"{now.name} runs as user {now.uid}, this is user {uid}"
    if never := never_used(now.name) or never_used(Path(now.exe).name):
        return never
    if standing.changeable:
        return f"{standing.changeable} can be changed by other users"
    if standing.own_display and not standing.started_here:
        return f"{now.name} (process {window.pid}) was not started on this display"
    if not {now.name, now.exe, now.script} & (set(allow) - {""}):
        allowed = ", ".join(sorted(allow)) or "none"
        return f"{now.name} is not among the programs that may be used ({allowed})"
    return None


def demand(window: Window, display: Screen, allow: Collection[str]) -> None:
    """Raise Refused where a window may not be used: see `refusal`."""
    why = refusal(window, standing_of(window, display), allow, os.geteuid())
    if why is not None:
        raise Refused(f"the window is not used: {why}")


def _changeable(pid: int, program: ProgramName) -> str:
    """Return the file of a program that users beside its own and root may write."""
    files = [(program.exe, Path(f"/proc/{pid}/exe"))]
    if program.script.startswith("/"):
        files.append((program.script, Path(program.script)))
    for name, path in files:
        try:
            found = path.stat()
        except OSError:
            continue  # an executable that was replaced meanwhile still has its inode; a script may be gone
        foreign = found.st_uid not in {0, program.uid}
        shared = found.st_mode & stat.S_IWGRP and not is_private_group(found.st_gid, program.uid)
        if stat.S_ISREG(found.st_mode) and (foreign or shared or found.st_mode & stat.S_IWOTH):
            return name
    return ""
