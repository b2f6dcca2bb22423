"""A log under torture: written to without a pause, rotated in every way, and its reader killed in the middle.

Three processes: a writer (20,000 numbered lines a second), a rotator (logrotate's ways: rename and recreate, copy and
truncate; or truncation alone), and a reader that keeps its position as the daemon does. What counts: of the lines that
stand in the file or in one of its archives in the end, each was read exactly once.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import eventually

LINES_PER_S = 20_000
_LINE = re.compile(rb"(\d{9}) [a-z ]{40} end")
WRITER = """
import os, signal, sys, time
path, rate = sys.argv[1], float(sys.argv[2])
going = True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
flags, n, began = os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0, time.monotonic()
log = os.open(path, flags, 0o640)
while going:
    due = int((time.monotonic() - began) * rate)
    if due > n + 5000:  # it was not let run for a while
        began += (due - n) / rate
    while n < due:
        count = min(due - n, 40)
        chunk = b"".join(b"%09d %-40s end\\n" % (k, b"torture " * (k % 5)) for k in range(n, n + count))
        n += os.write(log, chunk) // 55
    try:
        if os.stat(path).st_ino != os.fstat(log).st_ino:
            raise FileNotFoundError
    except FileNotFoundError:
        os.close(log)
        log = os.open(path, flags, 0o640)
    time.sleep(0.002)
print(n)
"""
READER = """
import json, os, sys, time
from pathlib import Path
from opsagent_tools.logs.tail import FileTail
log, seen, kept = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
state = json.loads(kept.read_text()) if kept.exists() else None
out = os.open(seen, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
if state is not None:
    os.truncate(seen, state["seen"])
tail = FileTail(log, resume=state["position"]) if state is not None else FileTail(log, from_start=True)
at = 0.0
while True:
    lines = tail.look()
    if lines:
        data = b"".join(line + b"\\n" for line in lines)
        while data:
            data = data[os.write(out, data):]
    if time.monotonic() - at > 0.5:
        at = time.monotonic()
        part = kept.with_suffix(".part")
        part.write_text(json.dumps({"position": tail.position(), "seen": os.fstat(out).st_size, "skipped": tail.skipped,
                                    "missed": tail.missed}))
        part.replace(kept)
    if not lines:
        time.sleep(0.1)
"""


@dataclass(frozen=True, slots=True)
class Survivors:
    """What came of it."""

    written: int
    survived: int
    """Lines that stand in the file or in an archive in the end."""
    lost: int
    """Of these, those that were never read."""
    doubled: int
    """Lines that were read more than once."""
    rotations: int
    kills: int


def _shift(log: Path) -> Path:
    """Make room for `log.1`, as logrotate does."""
    count = 1
    while log.with_name(f"{log.name}.{count}").exists():
        count += 1
    for number in range(count, 1, -1):
        log.with_name(f"{log.name}.{number - 1}").rename(log.with_name(f"{log.name}.{number}"))
    return log.with_name(f"{log.name}.1")


def _rotate(log: Path, how: str) -> None:
    if how == "rename":
        log.rename(_shift(log))
        log.touch()
    elif how == "copytruncate":
        copy = _shift(log)
        with log.open("rb") as source, copy.open("wb") as target:
            while chunk := source.read(1 << 16):
                target.write(chunk)
        os.truncate(log, 0)
    else:
        os.truncate(log, 0)


def torture(folder: Path, ways: list[str], *, seconds: float, every_s: float, kill_every: int) -> Survivors:
    """Torture a log for so long; `kill_every`: after so many rotations the reader is killed and starts anew."""
    log, seen, kept = folder / "app.log", folder / "seen", folder / "kept.json"
    log.touch()
    rotations = kills = 0
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(log), str(LINES_PER_S)], stdout=subprocess.PIPE)
    reader = subprocess.Popen([sys.executable, "-c", READER, str(log), str(seen), str(kept)])
    try:
        eventually(kept.exists, why="the reader reads")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(every_s)
            if kill_every and rotations % kill_every == kill_every - 1:
                reader.send_signal(signal.SIGKILL)
                reader.wait()
                kills += 1
                _rotate(log, ways[rotations % len(ways)])
                time.sleep(every_s / 2)
                reader = subprocess.Popen([sys.executable, "-c", READER, str(log), str(seen), str(kept)])
            else:
                _rotate(log, ways[rotations % len(ways)])
            rotations += 1
        writer.terminate()
        out, _ = writer.communicate(timeout=30)
        archives = [path for path in folder.iterdir() if path.name.startswith("app.log")]
        survivors = {number for path in archives for number in numbers(path.read_bytes())}
        last = b"%09d " % max(survivors, default=0)
        eventually(lambda: not survivors or last in seen.read_bytes(), timeout=60, why="all of it is read")
        eventually(lambda: _is_kept(kept, seen), timeout=10, why="the reader is done")
    finally:
        for process in (writer, reader):
            process.kill()
            process.wait()
        if writer.stdout is not None:
            writer.stdout.close()
    counts = Counter(numbers(seen.read_bytes()))
    state = json.loads(kept.read_text())
    assert (state["skipped"], state["missed"]) == (0, "")
    return Survivors(
        written=int(out),
        survived=len(survivors),
        lost=len(survivors - counts.keys()),
        doubled=sum(1 for count in counts.values() if count > 1),
        rotations=rotations,
        kills=kills,
    )


def _is_kept(kept: Path, seen: Path) -> bool:
    return int(json.loads(kept.read_text())["seen"]) == seen.stat().st_size


def numbers(content: bytes) -> list[int]:
    """The numbers of the lines that are whole: rotation may tear one."""
    found = (_LINE.fullmatch(line) for line in content.split(b"\n"))
    return [int(line[1]) for line in found if line is not None]
