"""See all watchers of a circusd at once and without an event loop, for commands that look briefly."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import zmq

from opsagent_tools.processes.proc import read_stat
from opsagent_tools.supervisors.circusd.book import Book
from opsagent_tools.supervisors.circusd.endpoint import Endpoint
from opsagent_tools.supervisors.circusd.told import KEYS, Told, is_own, options_of, pids_of, sockets_of, statuses_of
from opsagent_tools.supervisors.port import NotPermitted, SupervisorUnreachable
from opsagent_tools.units import Unit

LOOK_S = 3.0
_ANSWER_MAX = 32 * 1024 * 1024
Question = tuple[str, Mapping[str, Any]]


def look(address: str, *, kind: str = "circusd", uid: int | None = None, timeout_s: float = LOOK_S) -> tuple[Unit, ...]:
    """Return all units. Raises SupervisorUnreachable, NotPermitted; ValueError for an address that is none."""
    endpoint = Endpoint.parse(address)
    peer = endpoint.whose()
    if uid is not None and peer.uid != uid:
        raise NotPermitted(f"{endpoint}: user {peer.uid} listens there, and not user {uid}: it is not asked anything")
    told = tell_now(endpoint, timeout_s=timeout_s)
    book = Book(kind)
    book.ports = _ports(endpoint, timeout_s) if any(one.uses_sockets for one in told.values()) else {}
    pids = (pid for one in told.values() for pid in one.pids)
    stat = next((stat for pid in pids if (stat := read_stat(pid)) is not None), None)
    book.begin(peer.pid or (stat.parent if stat is not None else 0), peer.uid)
    book.take(told)
    return book.units()


def tell_now(endpoint: Endpoint, *, timeout_s: float) -> dict[str, Told]:
    """Ask for every watcher but circus' own, and wait. Raises SupervisorUnreachable, NotPermitted."""
    endpoint.whose()
    deadline = time.monotonic() + timeout_s
    (answer,) = _ask(endpoint, [("status", {})], deadline)
    statuses = {name: one for name, one in statuses_of(answer).items() if not is_own(name)}
    questions: list[Question] = []
    for name in statuses:
        questions += [("get", {"name": name, "keys": KEYS}), ("list", {"name": name})]
    answers = iter(_ask(endpoint, questions, deadline))
    return {
        name: Told(name=name, status=status, options=options_of(options), pids=pids_of(pids))
        for (name, status), options, pids in zip(statuses.items(), answers, answers, strict=True)
        if options.get("status") != "error" and pids.get("status") != "error"
    }


def _ports(endpoint: Endpoint, timeout_s: float) -> dict[str, int]:
    (answer,) = _ask(endpoint, [("listsockets", {})], time.monotonic() + timeout_s)
    return sockets_of(answer)


def _ask(endpoint: Endpoint, questions: Sequence[Question], deadline: float) -> list[dict[str, Any]]:
    """Ask all of it at once; answers in order."""
    answers: dict[int, dict[str, Any]] = {}
    with zmq.Context() as context, context.socket(zmq.DEALER) as line:
        line.linger, line.maxmsgsize = 0, _ANSWER_MAX
        line.connect(str(endpoint))
        for number, (command, properties) in enumerate(questions):
            line.send(json.dumps({"id": number, "command": command, "properties": properties}).encode())
        while len(answers) < len(questions):
            if not line.poll(max(0, int((deadline - time.monotonic()) * 1000))):
                raise SupervisorUnreachable(f"circusd at {endpoint} does not answer")
            try:
                answer = json.loads(line.recv())
            except (ValueError, RecursionError):
                raise SupervisorUnreachable(f"what answers at {endpoint} is no circusd") from None
            if isinstance(answer, dict) and isinstance(answer.get("id"), int):
                answers[answer["id"]] = answer
    return [answers[number] for number in range(len(questions))]
