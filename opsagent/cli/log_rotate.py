"""`opsagent logs UNIT --rotate`: the logs of one service into archives now, through the agent like every change."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsagent.cli.errors import Code, Unclear

if TYPE_CHECKING:
    import os

    from opsagent.cli.output import Out
    from opsagent.cli.services import Running
    from opsagent.home import Home
    from opsagent.model import Plan
    from opsagent_tools.units import Unit


def rotate_now(home: Home, running: Running, unit: Unit, out: Out, *, yes: bool) -> int:
    """Rotate every log of a service that is not empty. Exit code 0: each was; 1: one was not; 3: nobody said yes."""
    spec = running.spec(unit.id)
    paths = dict.fromkeys((*unit.logs, *(spec.logs if spec is not None else ())))
    files = [(path, file) for path in paths if (file := _plain(path)) is not None and file.st_size]
    if not files:
        raise Unclear(f"{unit.name} has no log file with anything in it")
    if not yes and _can_ask(out):
        yes = _confirmed([path for path, _ in files])
    results = asyncio.run(_all(home, unit, files, out, yes=yes))
    if out.as_json:
        out.document({"unit": str(unit.id), "results": results})
    return max((int(one["exit_code"]) for one in results), default=Code.DONE)


async def _all(
    home: Home, unit: Unit, files: Sequence[tuple[Path, os.stat_result]], out: Out, *, yes: bool
) -> list[dict[str, Any]]:
    from opsagent.cli.agent import agent_of, config_of
    from opsagent.cli.carry import Carrier
    from opsagent.cli.store import person
    from opsagent.log_hands import LEFT_ALONE

    results, policy = [], config_of(home).logs
    async with agent_of(home) as agent:
        for path, file in files:
            plan = _plan(unit, path, file, policy)
            ended = await Carrier(out).follow(agent.submit(plan, confirmed=yes, by=person()))
            idle = LEFT_ALONE in ended.detail
            results.append({"path": str(path), **ended.as_json(), "exit_code": int(Code.DONE if idle else ended.code)})
            if not out.as_json:
                _tell(path, ended, out)
    return results


def _plan(unit: Unit, path: Path, file: os.stat_result, policy: Any) -> Plan:
    from opsagent.log_policy import ROTATE
    from opsagent.planning import new_plan, rotate_log_steps
    from opsagent_tools.logs.rotate_archives import newest

    return new_plan(
        unit=unit.id,
        steps=rotate_log_steps(unit, path, policy, size=file.st_blocks * 512, after=newest(path), gap=True),
        remedy=ROTATE,
        origin="person",
        source="person",
        why=f"opsagent logs {unit.name} --rotate",
    )


def _tell(path: Path, ended: Any, out: Out) -> None:
    from opsagent.log_hands import LEFT_ALONE
    from opsagent.views.terminal import one_line

    match ended.result:
        case "done":
            out.line(one_line(f"rotated {path}"))
        case "failed" if LEFT_ALONE in ended.detail:
            out.line(one_line(ended.detail))
        case "asked":
            out.note(f"{path} needs a yes: say it again with --yes, or `opsagent approve {ended.approval}`")
        case result:
            out.note(f"{result}: {path}: {ended.detail}")


def _plain(path: Path) -> os.stat_result | None:
    import stat

    try:
        found = path.lstat()
    except OSError:
        return None
    # What is no regular file is handed on: the refusal says why.
    return found if not stat.S_ISDIR(found.st_mode) else None


def _can_ask(out: Out) -> bool:
    return not out.as_json and sys.stdin.isatty() and out.notes.terminal


def _confirmed(paths: Sequence[Path]) -> bool:
    from opsagent.views.terminal import one_line

    sys.stderr.write(f"rotate {one_line(', '.join(map(str, paths)))}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes", "ㅇ", "네", "예"}
