"""The one door by which the agent's own messages leave the machine, and the only module that knows Apprise.

`send` runs this very module as a short-lived process of its own (`python -m opsagent.egress`): a service that hangs is
ended, nothing of the environment is heeded (no proxy, key, `.netrc` or tracing variable), and what the process may reach
is what the configuration names, watched by an audit hook that cannot be taken off: any other host, program or socket is
refused before anything is said to it. The address comes over standard input, never as an argument.

EgressError
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsagent.secret_file import NoSecret, one_secret
from opsagent.wall import Wall, bare_environment

TIMEOUT_S = 20.0
_ENDS_S = 5.0
_ANSWER_MAX = 64 * 1024


class EgressError(Exception):
    """It cannot be sent. One line; no secret in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How it went."""

    ok: bool
    where: str
    """Scheme and hosts, no secret."""
    size: int
    """Bytes that went to a socket; of the text, where the service is a local one."""
    why: str = ""
    """Why it was not sent."""


def address(*, url_file: str, url_env: str, folder: Path) -> str:
    """Return the address that the configuration refers to. Raises EgressError."""
    try:
        return one_secret(file=url_file, env=url_env, folder=folder, what="Apprise URL")
    except NoSecret as error:
        raise EgressError(str(error)) from error


async def send(
    url: str, *, title: str, body: str, hosts: tuple[str, ...] = (), proxy: str = "", timeout_s: float = TIMEOUT_S
) -> Sent:
    """Send one message. Never raises for what the service or the network does. Takes `timeout_s` at most."""
    order = {"url": url, "title": title, "body": body, "hosts": list(hosts), "proxy": proxy, "timeout_s": timeout_s}
    # As isolated as it can be while the package is found: no user site, no start-up files, no folder of the caller.
    command = [sys.executable, "-s", "-P", "-m", "opsagent.egress"]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**bare_environment(), **({"NO_PROXY": ""} if proxy else {})},
        cwd="/",
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout_s + _ENDS_S):
            said, _ = await process.communicate(json.dumps(order).encode())
    except TimeoutError:
        return Sent(ok=False, where=_scheme(url), size=0, why=f"no answer within {timeout_s:.0f} s")
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return _read(said[:_ANSWER_MAX], url)


def _read(said: bytes, url: str) -> Sent:
    try:
        answer = json.loads(said)
        return Sent(
            ok=bool(answer["ok"]), where=str(answer["where"]), size=int(answer["bytes"]), why=str(answer["why"])
        )
    except (ValueError, KeyError, TypeError):
        return Sent(ok=False, where=_scheme(url), size=0, why="the sending process broke off")


def _scheme(url: str) -> str:
    scheme, named, _ = url.partition("://")  # without one, all of it is the secret
    return scheme.lower() if named and scheme.isalnum() and len(scheme) <= 24 else "?"


class _TimeUp(BaseException):
    """Raised out of whatever a plugin is waiting for; what plugins catch does not catch it."""


def _deliver(order: Mapping[str, Any]) -> dict[str, Any]:
    """Do it, in the process that is for nothing else."""
    proxy = str(order["proxy"])
    if proxy:
        os.environ.update(HTTP_PROXY=proxy, HTTPS_PROXY=proxy, http_proxy=proxy, https_proxy=proxy)
    import apprise

    scheme = _scheme(str(order["url"]))
    seen: list[str] = []
    asset = apprise.AppriseAsset(storage_mode="memory", secure_logging=True, app_id="opsagent", app_desc="opsagent")
    wall = Wall([str(host) for host in order["hosts"]], proxy, local=True)
    target = apprise.Apprise(asset=asset)
    if not target.add(str(order["url"])) or len(target) != 1:
        return {"ok": False, "where": scheme, "bytes": 0, "why": "is no address that Apprise knows"}
    _adjust(target[0], str(order["url"]), float(order["timeout_s"]))
    wall.arm()
    try:
        ok = bool(
            target.notify(
                title=str(order["title"]), body=str(order["body"]), body_format="text", interpret_escapes=False
            )
        )
    except _TimeUp:
        seen.append(_late(order))
        ok = False
    except Exception as error:  # noqa: BLE001  # plugins raise whatever their service makes of it
        seen.append(type(error).__name__)
        ok = False
    reached = ", ".join(sorted(wall.reached))
    where = f"{scheme} {reached}" if reached else scheme
    size = wall.size or (len(f"{order['title']}{order['body']}".encode()) if ok else 0)
    return {"ok": ok, "where": where, "bytes": size, "why": "" if ok else _why(wall, seen)}


def _adjust(service: Any, url: str, timeout_s: float) -> None:
    """Give the service time: what it takes late is not said again. What is too long for it becomes several."""
    if "rto=" not in url:
        service.socket_read_timeout = max(service.socket_read_timeout, timeout_s * 3 / 4)
    if "overflow=" not in url:
        service.overflow_mode = "split"


def _why(wall: Wall, seen: list[str]) -> str:
    if wall.refused:
        first = wall.refused[0].rpartition(":")[0] or wall.refused[0]
        return f'it wants to reach {first}, which is not among the hosts of the channel: add "{first}" there'
    return f"the service did not take it{f' ({seen[0]})' if seen else ''}"


def _late(order: Mapping[str, Any]) -> str:
    return f"no answer within {float(order['timeout_s']):.0f} s"


def _time_is_up(*_: object) -> None:
    raise _TimeUp


def _main() -> int:
    import signal
    import threading

    order = json.loads(sys.stdin.buffer.read())
    # It ends by itself, whatever becomes of whoever asked: with an answer, or, where nothing can be interrupted, without.
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_REAL, max(0.1, float(order["timeout_s"])))
    last = threading.Timer(max(0.1, float(order["timeout_s"])) + _ENDS_S, os._exit, [1])
    last.daemon = True
    last.start()
    try:
        answer = _deliver(order)
    except _TimeUp:
        answer = {"ok": False, "where": _scheme(str(order["url"])), "bytes": 0, "why": _late(order)}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # plugins may have left threads


if __name__ == "__main__":
    sys.exit(_main())
