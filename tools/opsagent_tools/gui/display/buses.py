"""The D-Bus session of a display, and the accessibility bus in it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from opsagent_tools.gui.display.folders import write_private
from opsagent_tools.gui.display.installed import ACCESSIBILITY, launcher
from opsagent_tools.gui.port import NotUsable, ScreenError
from opsagent_tools.patience import within

_SERVICES = ("ca.desrt.dconf", "org.xfce.Xfconf")
"""What may be started on demand beside the accessibility bus: where programs keep their settings. No keyring, no portals."""
_INSTALLED = Path("/usr/share/dbus-1/services")
_START_S = 20.0

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <keep_umask/>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{folder}/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def bus_config(folder: Path) -> Path:
    """Write the configuration of the session's bus; return its path."""
    services = folder / "services"
    services.mkdir(mode=0o700)
    for name in _SERVICES:
        installed = _INSTALLED / f"{name}.service"
        if installed.is_file():
            (services / installed.name).symlink_to(installed)
    program = launcher()
    if program is not None:
        text = f"[D-BUS Service]\nName=org.a11y.Bus\nExec={program}\n"
        write_private(services / "org.a11y.Bus.service", text)
    return write_private(folder / "bus.xml", _CONFIG.format(folder=escape(str(folder))))


def wake_accessibility(session_address: str) -> str:
    """Start the accessibility bus of a session, tell programs that it is listened to, and return its address.

    Waits on this thread. Raises NotUsable where it is not installed, ScreenError.
    """
    answer: Future[str] = Future()

    def ask() -> None:
        try:
            answer.set_result(asyncio.run(within(_wake(session_address), _START_S)))
        except TimeoutError:
            answer.set_exception(ScreenError(f"the accessibility bus did not start within {_START_S:g} s"))
        except Exception as error:  # noqa: BLE001 (it is raised where it is waited for)
            answer.set_exception(error)

    thread = threading.Thread(target=ask, name="opsagent-a11y")  # the caller's thread may have a loop that runs
    thread.start()
    thread.join()
    return answer.result()


async def _wake(session_address: str) -> str:
    from dbus_fast import DBusError, Variant
    from dbus_fast.aio import MessageBus

    bus = await MessageBus(bus_address=session_address).connect()
    try:
        address = await _call(bus, "org.a11y.Bus", "GetAddress")
        for name in ("IsEnabled", "ScreenReaderEnabled"):
            body = ["org.a11y.Status", name, Variant("b", True)]
            await _call(bus, "org.freedesktop.DBus.Properties", "Set", "ssv", body)
    except DBusError as error:
        raise NotUsable(f"no accessibility bus ({error.text}): apt-get install {ACCESSIBILITY}") from None
    finally:
        bus.disconnect()
    return str(address[0])


async def _call(bus: Any, interface: str, member: str, signature: str = "", body: Sequence[Any] = ()) -> Sequence[Any]:
    from dbus_fast import DBusError, Message, MessageType

    asked = Message("org.a11y.Bus", "/org/a11y/bus", interface, member, signature=signature, body=list(body))
    answer: Any = await bus.call(asked)
    if answer.message_type is MessageType.ERROR:
        raise DBusError(answer.error_name, str(answer.body[0]) if answer.body else "no answer")
    found: Sequence[Any] = answer.body
    return found
