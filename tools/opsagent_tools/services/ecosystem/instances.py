"""How many instances of an app, and whether they can be: Node's cluster mode is PM2's own."""

from __future__ import annotations

from collections.abc import Mapping

from opsagent_tools.services.ecosystem import values
from opsagent_tools.services.ecosystem.program import Program
from opsagent_tools.services.fields import Wrong

_MODES = {"fork": "fork", "fork_mode": "fork", "cluster": "cluster", "cluster_mode": "cluster"}
_WAYS_OUT = (
    "run it under PM2, which opsagent keeps as well; or write opsagent: { share_socket: true } and port, and let the app "
    "listen on { fd: +process.env.LISTEN_FD }; or, where instances do not listen, exec_mode: 'fork'"
)


def keys_of(
    app: Mapping[str, object], program: Program, found: Mapping[str, object], notes: dict[str, str]
) -> dict[str, object]:
    """Return the number of instances. Raises Wrong where they would take each other's port."""
    count = _count(app)
    mode = _mode(app)
    clustered = mode == "cluster" or (mode == "" and program.is_node and "instances" in app)
    if mode == "cluster" and not program.is_node:
        raise Wrong("is cluster, which is for Node alone", "write exec_mode: 'fork'", "exec_mode")
    shares, counts_up = bool(found.get("share_socket")), bool(found.get("increment_var"))
    if clustered and count == 1:
        notes["exec_mode"] = "is cluster in PM2; with one instance it runs as fork here"
    elif clustered and shares:
        notes["exec_mode"] = "is cluster in PM2; here the instances share one socket, whose number is in LISTEN_FD"
    elif clustered and not counts_up:
        problem = (
            f"asks for {count} instances in Node's cluster mode, which is PM2's own; forks would take each other's port"
        )
        raise Wrong(problem, _WAYS_OUT, "exec_mode" if mode else "instances")
    elif program.is_node and count > 1 and found.get("port") and not shares and not counts_up:
        problem = f"asks for {count} forks that all get port {found['port']}, which one alone can have"
        raise Wrong(problem, "add increment_var: 'PORT', or opsagent: { share_socket: true }", "instances")
    return {"instances": count}


def _count(app: Mapping[str, object]) -> int:
    try:
        return values.instances(app.get("instances", 1))
    except Wrong as wrong:
        raise Wrong(wrong.problem, wrong.mend, "instances") from None


def _mode(app: Mapping[str, object]) -> str:
    if app.get("execute_command") is True:
        return "fork"
    raw = app.get("exec_mode", "")
    if raw == "":
        return ""
    if not isinstance(raw, str) or raw not in _MODES:
        raise Wrong(f"{raw!r} is no way to run an app", "write fork or cluster", "exec_mode")
    return _MODES[raw]
