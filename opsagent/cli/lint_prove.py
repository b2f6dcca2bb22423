"""`opsagent lint UNIT --prove`: a reload under a load of our own, and how many requests it costs. Needs a yes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from opsagent.cli.errors import CliError, Code, Unclear

if TYPE_CHECKING:
    from opsagent.cli.carry import Ended
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent_tools.lint.load import Load
    from opsagent_tools.lint.subject import Subject

_WARM_UP_S = 1.0
"""How long the service is asked before it is reloaded: the baseline."""
_AFTER_S = 0.5
"""… and after the reload has ended: what it left behind may end later."""


def prove_reload(home: Home, subject: Subject, out: Out, *, seconds: float, path: str, yes: bool) -> int:
    """Ask the service's own port for a while, reload it in the middle, and count. Exit code 0: no request failed."""
    port = _port(subject)
    if any(char <= " " or char > "~" for char in path) or not path.startswith("/"):
        raise Unclear(f"--path {path!r}: write a path that begins with /")
    if not yes and not _agreed(subject, port, path, out):
        out.note(
            f"this asks 127.0.0.1:{port}{path} for {seconds:g} s and reloads {subject.unit.name}: say it with --yes"
        )
        return Code.NEEDS_APPROVAL
    before, during, ended = asyncio.run(_prove(home, subject, out, port=port, path=path, seconds=seconds))
    return _tell(subject, before, during, ended, out)


def _port(subject: Subject) -> int:
    if not subject.ports:
        raise Unclear(f"{subject.unit.name} listens on no TCP port that could be asked")
    return subject.ports[0]


def _agreed(subject: Subject, port: int, path: str, out: Out) -> bool:
    if out.as_json or not sys.stdin.isatty() or not out.notes.terminal:
        return False
    sys.stderr.write(f"ask 127.0.0.1:{port}{path} and reload {subject.unit.name} meanwhile? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes", "ㅇ", "네", "예"}


async def _prove(
    home: Home, subject: Subject, out: Out, *, port: int, path: str, seconds: float
) -> tuple[Load, Load, Ended]:
    from opsagent_tools.lint.load import Load, ask_until

    before, during = Load(), Load()
    async with _asking(ask_until, port, path, before):
        await asyncio.sleep(_WARM_UP_S)
    if before.failed or not before.asked:
        why = before.failures[0] if before.failures else "no answer"
        raise CliError(
            f"{subject.unit.name} fails requests before anything is done to it ({why}): nothing was reloaded"
        )
    async with _asking(ask_until, port, path, during):
        at_least = asyncio.create_task(asyncio.sleep(seconds))
        ended = await _reload(home, subject, out)
        await at_least
        await asyncio.sleep(_AFTER_S)
    return before, during, ended


@asynccontextmanager
async def _asking(
    ask: Callable[..., Coroutine[Any, Any, None]], port: int, path: str, load: Load
) -> AsyncIterator[None]:
    """Ask for as long as this is entered."""
    stop = asyncio.Event()
    asking = asyncio.create_task(ask(stop, port, path, load))
    try:
        yield
        stop.set()
        await asking
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def _reload(home: Home, subject: Subject, out: Out) -> Ended:
    """Have the agent reload it, as `opsagent do "reload …"` would."""
    from opsagent.cli.agent import agent_of
    from opsagent.cli.carry import Carrier
    from opsagent.cli.store import person
    from opsagent.planning import PERSONS_CANARY_S, new_plan, rolling_reload_steps

    unit = subject.unit
    plan = new_plan(
        unit=unit.id,
        steps=rolling_reload_steps(unit, None, canary_s=PERSONS_CANARY_S),
        remedy="person/reload",
        origin="person",
        source="person",
        why=f"opsagent lint {unit.name} --prove",
    )
    async with agent_of(home) as agent:
        return await Carrier(out).follow(agent.submit(plan, confirmed=True, by=person()))


def _tell(subject: Subject, before: Load, during: Load, ended: Ended, out: Out) -> int:
    proved = ended.result == "done" and not during.failed
    if out.as_json:
        out.document(
            {
                "unit": str(subject.unit.id),
                "proved": proved,
                "reload": {"result": ended.result, "detail": ended.detail},
                "before": _numbers(before),
                "during": _numbers(during),
            }
        )
    else:
        from opsagent.views.terminal import one_line

        out.line(one_line(f"reload of {subject.unit.name}: {ended.result} ({ended.detail})"))
        out.line(f"{during.failed} of {during.asked} requests failed; the slowest took {during.slowest_s * 1000:.0f} ms "
                 f"(before: {before.slowest_s * 1000:.0f} ms)")  # fmt: skip
        out.lines([f"  {one_line(failure)}" for failure in during.failures])
    if ended.result != "done":
        return ended.code
    return Code.DONE if proved else Code.FAILED


def _numbers(load: Load) -> dict[str, Any]:
    return {
        "asked": load.asked,
        "failed": load.failed,
        "slowest_s": round(load.slowest_s, 3),
        "failures": load.failures,
    }
