"""Would an instance that is told to end finish what it has begun? Pure: a setup, facts of its processes, its script.

What can be known differs by runtime. The kernel says whether a signal has a handler (`processes.handling`); Node has
one for SIGINT and SIGTERM in any case, so that there the script is read, as text and never run. Only the script
itself is read, not what it loads: what is found is sure, what is not found is said as that.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.lint.source import without_comments
from opsagent_tools.processes.connections import Guests
from opsagent_tools.processes.handling import Handling
from opsagent_tools.units import UnitSetup

_SHELLS = frozenset({"sh", "dash", "bash", "zsh", "busybox"})
_NODE_DEFAULT_STOP = int(signal.SIGTERM)
_ENOUGH = 2.0
"""A stop timeout should be this many times the longest request that is seen."""

_ON = r"(?<!\brl)(?<!\breadline)\s*\.\s*(?:on|once|addListener|prependListener)\s*\(\s*"
"""On whatever is the process: it may be imported under another name, or a call may hang on another."""
_ON_ANY = re.compile(rf"process(?:_\d+\s*\.\s*default)?{_ON}[A-Za-z_$][\w$.]*\s*,")
_READY = re.compile(r"process\s*\.\s*send\s*(?:\?\.)?\s*\(\s*['\"`]ready['\"`]")
_NO_SERVER = (
    r"db|database|pool|client|redis|mongo\w*|conn|connection|prisma|knex|sequelize|queue|worker|channel|producer|consumer|"
    r"file|fd|fh|handle|stream|logger|log|rl|readline|watcher|browser|page|cache|store|span"
)
CLOSES = re.compile(
    rf"(?:(?<![\w$])(?!\w*(?:{_NO_SERVER})\s*[?.])[\w$]+|[)\]])\s*\??\s*\.\s*close\b(?!\s*=)", re.IGNORECASE
)
"""Something is closed that may be the server: not what is called a database, a file …"""
_ENDS_SERVER = re.compile(r"\.\s*(?:stop|terminate|shutdown|destroy|drain|disconnect)\s*\(|graceful", re.IGNORECASE)
"""Another way in which a server may be ended."""
_SAYS_CLOSE = re.compile(
    r"['\"`]connection['\"`]\s*[,:\]]\s*=?\s*['\"`]close['\"`]|shouldKeepAlive\s*=\s*false", re.IGNORECASE
)
_NET_CLOSE = re.compile(r"net(?:_\d+)?(?:\s*\.\s*default)?\s*\.\s*Server\s*\.\s*prototype\s*\.\s*close")
_MESSAGE = re.compile(r"process\s*\.\s*(?:on|once|addListener)\s*\(\s*['\"`]message['\"`]")
_SERVES_HTTP = re.compile(r"createServer\s*\(|\bexpress\s*\(|\bfastify\s*\(|\bnew\s+Koa\b|\.listen\s*\(")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFacts:
    """What the kernel says of one instance."""

    pid: int
    runtime: str = ""
    """`node`, `python`, a shell's name, another executable's name; "" where it cannot be seen."""
    handling: Handling | None = None
    guests: Guests | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What the text of a Node script says of its own end."""

    handles: frozenset[int]
    """Signals that it sets a handler for."""
    says_ready: bool
    closes_server: bool
    may_end_server: bool
    """It stops something in another way, which may be the server."""
    says_close: bool
    """It answers with `Connection: close` while it ends."""
    keeps_idle: bool
    """It closes the listening socket alone (`net.Server.prototype.close`), not the idle connections."""
    takes_messages: bool
    serves_http: bool


def read_script(text: str) -> Script:
    """Read a script as text. Comments are left out; a handler that is built from pieces is not found."""
    bare = without_comments(text)
    names = {name for name in ("SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP", "SIGUSR2") if _handles(name, bare)}
    return Script(
        handles=frozenset(int(signal.Signals[name]) for name in names),
        says_ready=_READY.search(bare) is not None,
        closes_server=CLOSES.search(bare) is not None,
        may_end_server=_ENDS_SERVER.search(bare) is not None,
        says_close=_SAYS_CLOSE.search(bare) is not None,
        keeps_idle=_NET_CLOSE.search(bare) is not None,
        takes_messages=_MESSAGE.search(bare) is not None,
        serves_http=_SERVES_HTTP.search(bare) is not None,
    )


def _handles(name: str, bare: str) -> bool:
    """A handler set for the signal: under its name, or under names that come from a list or an object that has it."""
    if re.search(rf"{_ON}['\"`]{name}['\"`]", bare):
        return True
    return _ON_ANY.search(bare) is not None and re.search(rf"['\"`]{name}['\"`]|\b{name}\s*:", bare) is not None


def graceful_findings(
    setup: UnitSetup, processes: Sequence[ProcessFacts], script: str | None = None
) -> tuple[Finding, ...]:
    """Return what would cost requests when instances of this unit are ended one after the other; empty: nothing seen.

    `script`: the text of the script that Node runs.
    """
    if not processes:
        return ()
    if processes[0].runtime == "node":
        found = _node(setup, processes, read_script(script) if script is not None else None)
    else:
        found = _others(setup, processes)
    return tuple(one for one in (*found, *_timeout(setup, processes)) if one is not None)


def cut_off(processes: Sequence[ProcessFacts]) -> str:
    """Return in words what ending these instances at once would cut off right now."""
    seen = [facts.guests for facts in processes if facts.guests is not None]
    if not seen:
        return "how many connections are open cannot be seen"
    waiting, idle = sum(one.waiting for one in seen), sum(one.idle for one in seen)
    if not waiting and not idle:
        return "no connection is open right now"
    return f"right now {_many(waiting, 'request')} in flight and {_many(idle, 'idle connection')} would be cut"


def open_now(processes: Sequence[ProcessFacts]) -> int:
    """Return how many connections from outside are open."""
    return sum(facts.guests.open for facts in processes if facts.guests is not None)


def _node(setup: UnitSetup, processes: Sequence[ProcessFacts], script: Script | None) -> Iterator[Finding | None]:
    stop = setup.stop_signal or _NODE_DEFAULT_STOP
    name = signal.Signals(stop).name
    if script is None:
        yield _finding(
            setup,
            processes,
            "reload/handler_not_seen",
            Severity.NOTE,
            f"its script cannot be read: whether it handles {name} is not known; {cut_off(processes)}",
            f"handle {name}: stop accepting, answer what was begun, then exit",
        )
        return
    asked_otherwise = bool(setup.more.get("shutdown_with_message")) and script.takes_messages
    if stop not in script.handles and not asked_otherwise:
        yield _finding(
            setup,
            processes,
            "reload/ignores_stop_signal",
            Severity.WARNING,
            f"{_where(setup)} has no handler for {name}: Node ends at once; {cut_off(processes)}",
            f"process.on('{name}', …): server.close(), answer with `Connection: close`, exit when the last one is gone",
        )
    elif script.serves_http and script.closes_server and not (script.says_close and script.keeps_idle):
        idle = sum(facts.guests.idle for facts in processes if facts.guests is not None)
        yield _finding(
            setup,
            processes,
            "reload/close_drops_keepalive",
            Severity.WARNING,
            f"its handler for {name} calls server.close(): Node 19 and later close idle keep-alive connections at that "
            f"moment, while a client may be asking on them ({_many(idle, 'idle connection')} right now)",
            "answer with `Connection: close` first and close the listening socket alone: "
            "net.Server.prototype.close.call(server)",
        )
    elif script.serves_http and not script.closes_server and not script.may_end_server:
        yield _finding(
            setup,
            processes,
            "reload/ends_without_closing",
            Severity.WARNING,
            f"{_where(setup)} handles {name}, and nothing in it closes its server: what was begun is cut off; "
            f"{cut_off(processes)}",
            "close the server first, and exit when the last connection is gone",
        )
    if setup.says_ready and not script.says_ready:
        yield _finding(
            setup,
            processes,
            "reload/never_says_ready",
            Severity.WARNING,
            f"wait_ready is set and {_where(setup)} never says `ready`: each start waits {_wait(setup)} and proves nothing",
            "process.send('ready') in the callback of listen()",
        )


def _others(setup: UnitSetup, processes: Sequence[ProcessFacts]) -> Iterator[Finding | None]:
    stop = setup.stop_signal or int(signal.SIGTERM)
    name, first = signal.Signals(stop).name, processes[0]
    if first.runtime in _SHELLS:
        yield _finding(
            setup,
            processes,
            "reload/behind_a_shell",
            Severity.NOTE,
            f"its process is a shell ({first.runtime}): whether {name} reaches the program cannot be seen; "
            f"{cut_off(processes)}",
            "start the program itself, or with `exec`",
        )
        return
    unaware = [facts for facts in processes if facts.handling is not None and facts.handling.dies_of(stop)]
    if unaware:
        yield _finding(
            setup,
            unaware,
            "reload/ignores_stop_signal",
            Severity.WARNING,
            f"{len(unaware)} of {_many(len(processes), 'instance')} handle no {name} and end at once; {cut_off(unaware)}",
            f"handle {name}: stop accepting, answer what was begun, then exit",
        )
    elif first.runtime == "python" and stop == signal.SIGINT:
        yield _finding(
            setup,
            processes,
            "reload/handler_not_seen",
            Severity.NOTE,
            f"Python turns SIGINT into KeyboardInterrupt: whether that ends it gracefully cannot be seen; "
            f"{cut_off(processes)}",
            "handle SIGINT, or have it stopped by SIGTERM",
        )
    deaf = [facts for facts in processes if facts.handling is not None and stop in facts.handling.ignored]
    if deaf:
        yield _finding(
            setup,
            deaf,
            "reload/deaf_to_stop_signal",
            Severity.WARNING,
            f"{len(deaf)} of {_many(len(processes), 'instance')} ignore {name}: they are killed"
            f"{f' after {setup.stop_timeout_s:g} s' if setup.stop_timeout_s is not None else ''}; {cut_off(deaf)}",
            f"handle {name}, or have it stopped by a signal that it handles",
        )


def _timeout(setup: UnitSetup, processes: Sequence[ProcessFacts]) -> Iterator[Finding | None]:
    longest_s = max((facts.guests.longest_s for facts in processes if facts.guests is not None), default=0.0)
    if setup.stop_timeout_s is None or longest_s * _ENOUGH <= setup.stop_timeout_s:
        return
    yield _finding(
        setup,
        processes,
        "reload/stop_timeout_too_short",
        Severity.WARNING if longest_s > setup.stop_timeout_s else Severity.NOTE,
        f"it is killed {setup.stop_timeout_s:g} s after it was told to end; a request that runs now has taken "
        f"{longest_s:.1f} s already",
        f"give it {max(longest_s * _ENOUGH, setup.stop_timeout_s * 2):.0f} s (kill_timeout, stopwaitsecs, "
        "TimeoutStopSec, stop_timeout_s)",
    )


def _finding(  # noqa: PLR0917  # the fields of a finding, in their order
    setup: UnitSetup, processes: Sequence[ProcessFacts], check: str, severity: Severity, says: str, mend: str
) -> Finding:
    seen = [facts.guests for facts in processes if facts.guests is not None]
    return Finding(
        check=check,
        unit=setup.id,
        severity=severity,
        says=says,
        mend=mend,
        facts={
            "instances": len(processes),
            "in_flight": sum(one.waiting for one in seen),
            "idle_connections": sum(one.idle for one in seen),
            "counted": bool(seen),
        },
    )


def _where(setup: UnitSetup) -> str:
    return setup.script.name if setup.script is not None else "its script"


def _wait(setup: UnitSetup) -> str:
    return f"{setup.ready_timeout_s:g} s" if setup.ready_timeout_s is not None else "its whole timeout"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
