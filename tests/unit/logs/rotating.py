"""A process that writes numbered lines to a log as fast as it can, and what became of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opsagent_tools.logs.rotate_archives import archives
from opsagent_tools.logs.rotate_place import Place
from tests.support.waiting import eventually

WRITER = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: globals().update(go=False))
go, n, pad = True, 0, sys.argv[3] * 40
flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if sys.argv[2] == "append" else 0)
log = os.open(sys.argv[1], flags, 0o640)
while go:
    os.write(log, b"%09d %s\\n" % (n, pad[: n % 41].encode()))
    n += 1
print(n)
"""


class Writer:
    """The process, and how much it wrote in the end."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pids = {process.pid}

    def end(self) -> int:
        """End it; return how many lines it wrote."""
        self._process.terminate()
        out, _ = self._process.communicate(timeout=20)
        return int(out)


@contextmanager
def writing(log: Path, how: str = "append") -> Iterator[Writer]:
    """Write to `log` until the writer is ended; `how`: `append`, else at a place of its own."""
    command = [sys.executable, "-c", WRITER, str(log), how, "x"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            eventually(lambda: log.exists() and log.stat().st_size > 100_000, why="it writes")
            yield Writer(process)
        finally:
            process.kill()


def numbers(content: bytes) -> list[int]:
    """The numbers of all lines; what was blanked or punched out is no line."""
    lines = content.replace(b"\0", b"").split(b"\n")
    return [int(line.split(b" ")[0]) for line in lines if line.strip()]


def everything(log: Path, owners: frozenset[int]) -> bytes:
    """The archives, oldest first, and the log."""
    with Place.open(log, owners) as place:
        names = [one.name for one in archives(place)]
    return b"".join(log.with_name(name).read_bytes() for name in names) + log.read_bytes()
