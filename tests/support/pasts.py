"""Homes of PM2 made of files, as months of running leave them; times are in seconds since the epoch."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

DAY = 86_400.0
BASE = datetime(2026, 11, 1, tzinfo=UTC).timestamp()


def wall(at: float, ahead_h: float = 0.0) -> str:
    """The time as a clock shows it that is so many hours ahead of UTC."""
    return f"{datetime.fromtimestamp(at, UTC) + timedelta(hours=ahead_h):%Y-%m-%dT%H:%M:%S}"


class Home:
    """Writes `pm2.log` and logs of apps."""

    def __init__(self, path: Path, *, ahead_h: float = 0.0) -> None:
        """`ahead_h`: the clock of its machine is so many hours ahead of UTC."""
        self.path, self.ahead_h = path, ahead_h
        (path / "logs").mkdir(parents=True)
        path.chmod(0o700)
        self._said: list[tuple[float, str]] = []
        self.say(BASE, "--- New PM2 Daemon started ----------------------------------------------------")

    def say(self, at: float, text: str) -> None:
        self._said.append((at, f"{wall(at, self.ahead_h)}: PM2 log: {text}"))

    def start(self, at: float, name: str, number: int = 0) -> None:
        self.say(at, f"App [{name}:{number}] starting in -fork mode-")
        self.say(at, f"App [{name}:{number}] online")

    def crash(self, at: float, name: str, number: int = 0, code: int = 1, *, again: bool = True) -> None:
        """It ends by itself, and PM2 starts it again in the same second."""
        how = f"[{code}] via signal [SIGINT]" if code >= 0 else "[0] via signal [SIGKILL]"
        self.say(at, f"App [{name}:{number}] exited with code {how}")
        if again:
            self.start(at, name, number)

    def stop(self, at: float, name: str, number: int = 0) -> None:
        self.say(at, f"Stopping app:{name} id:{number}")
        self.say(at, f"App [{name}:{number}] exited with code [0] via signal [SIGINT]")

    def too_heavy(self, at: float, name: str, number: int = 0) -> None:
        words = "(current_memory=320000000 max_memory_limit=300000000 [octets])"
        self.say(at, f"[PM2][WORKER] Process {number} restarted because it exceeds --max-memory-restart value {words}")
        self.stop(at, name, number)
        self.start(at, name, number)

    def log(self, name: str, lines: Iterable[str], *, written_at: float) -> Path:
        """Write a log (packed, if its name says so) that was written last at that time."""
        path = self.path / "logs" / name
        content = "".join(f"{line}\n" for line in lines).encode()
        path.write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
        os.utime(path, (written_at, written_at))
        return path

    def done(self) -> Path:
        """Write `pm2.log`; return the home."""
        said = sorted(self._said, key=lambda one: one[0])
        path = self.path / "pm2.log"
        path.write_text("".join(f"{text}\n" for _, text in said))
        os.utime(path, (said[-1][0], said[-1][0]))
        return self.path


def a_month(path: Path, *, ahead_h: float = 0.0) -> Path:
    """`api` dies every night of the same error, `worker` grows too large, `web` has a crash loop and a burst, once each."""
    home = Home(path, ahead_h=ahead_h)
    for number, name in enumerate(("api", "worker", "web")):
        home.start(BASE, name, number)
    api = []
    for day in range(1, 8):
        at = BASE + day * DAY + 3 * 3600 + 12 * 60
        written = int((at - 1) * 1000)
        api.append(
            f'{{"level":50,"time":{written},"pid":{100 + day},"hostname":"h","msg":"ENOSPC: disk is full, file {day}"}}'
        )
        home.crash(at, "api", 0)
        home.too_heavy(BASE + day * DAY + 7 * 3600, "worker", 1)
    web = [(BASE + minute * 60.0, f"GET /items/{minute} 200") for minute in range(0, 8 * 1440, 7)]
    loop, burst = BASE + 5 * DAY + 40_000, BASE + 6 * DAY + 50_000
    for count in range(8):
        web.append((loop + 2 * count, "TypeError: Cannot read properties of undefined (reading 'id')"))
        home.crash(loop + 2 * count, "web", 2)
    web += [(burst + count * 0.1, "Error: connect ECONNREFUSED 10.0.0.5:5432") for count in range(300)]
    web.sort(key=lambda one: one[0])
    stamped = [(at, f"{wall(at, ahead_h)}: {text}") for at, text in web]
    cut = BASE + 4 * DAY
    old = [text for at, text in stamped if at < cut]
    home.log(f"web-out__{wall(cut, ahead_h)[:10]}_00-00-00.log.gz", old, written_at=cut)
    home.log("web-out.log", [text for at, text in stamped if at >= cut], written_at=stamped[-1][0])
    home.log("api-error.log", api, written_at=BASE + 7 * DAY + 3 * 3600 + 12 * 60 - 1)
    home.log("worker-out.log", ["ready"] * 20, written_at=BASE + 7 * DAY)
    return home.done()
