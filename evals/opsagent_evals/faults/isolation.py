"""A room of its own for a case: process, network and mount namespaces where the host allows them (Linux).

In there only the case's processes exist, every port is free, and all of it ends with its first process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys

_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1
_INSIDE = "OPSAGENT_EVAL_ROOM"


def prefix() -> list[str]:
    """Return the words to put before a command so that it runs in a room of its own; empty where that cannot be."""
    unshare = shutil.which("unshare")
    if unshare is None or sys.platform != "linux":
        return []
    room = ["--pid", "--fork", "--kill-child", "--net", "--mount", "--mount-proc", "--ipc"]
    for words in ([unshare, *room], [unshare, "--user", "--map-root-user", *room]):
        command = [*words, sys.executable, "-I", "-c", _TRIAL]
        if subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0:
            return ["env", f"{_INSIDE}=1", *words]
    return []


_TRIAL = "import os; os.stat('/proc/1'); assert os.getpid() == 1"


def settle_in() -> bool:
    """First thing in the room: bring up loopback, and stay as the first process that buries orphans.

    Returns True in a child of that first process, and False, with nothing done, outside such a room.
    """
    if os.environ.pop(_INSIDE, None) is None or os.getpid() != 1:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        asked = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(sock, _SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | _IFF_UP, b""))
    child = os.fork()
    if child == 0:
        return True
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the case hears of it through its standard input
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
