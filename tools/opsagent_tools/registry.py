"""The one registry of tools: what each is called, what it touches, which arguments it takes.

Runbooks, the command reader, chat models, MCP and the command line all look here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from opsagent_tools.actions import ActionName, Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One thing that can be done or looked up."""

    name: str
    effect: Effect
    summary: str
    """One line; its help text and its description for a model."""
    args: Mapping[str, str] = field(default_factory=dict)
    """Argument name → what it means, with its unit."""


def _tools(*tools: Tool) -> Mapping[str, Tool]:
    return MappingProxyType({tool.name: tool for tool in tools})


READING = _tools(
    Tool(name="list_processes", effect=Effect.READS, summary="List all units and their processes."),
    Tool(name="describe_process", effect=Effect.READS, summary="Say how one unit is doing."),
    Tool(
        name="tail_logs",
        effect=Effect.READS,
        summary="Show the last lines of a unit's log.",
        args={"lines": "how many lines", "since": "how far back: 30m, 2h, 1d"},
    ),
    Tool(
        name="search_logs",
        effect=Effect.READS,
        summary="Find lines in a unit's log.",
        args={"query": "text to look for", "lines": "how many lines at most", "since": "how far back: 30m, 2h, 1d"},
    ),
    Tool(
        name="recall_incidents",
        effect=Effect.READS,
        summary="Say what happened to a unit before, and what helped.",
        args={"query": "what to look for", "since": "how far back: 30m, 2h, 1d"},
    ),
    Tool(name="host_metrics", effect=Effect.READS, summary="Show load, memory and disks of this machine."),
)

CHANGING = _tools(
    Tool(
        name=ActionName.START,
        effect=Effect.STARTS,
        summary="Start a unit that is down; of a supervisor's daemon: bring it back with what it ran.",
        args={"ends": "how many processes that outlived the daemon are ended first"},
    ),
    Tool(name=ActionName.STOP, effect=Effect.INTERRUPTS, summary="Stop a unit; it stays stopped."),
    Tool(
        name=ActionName.RESTART, effect=Effect.INTERRUPTS, summary="Stop and start a unit; it does not serve meanwhile."
    ),
    Tool(
        name=ActionName.RELOAD,
        effect=Effect.REPLACES,
        summary="Replace the instances of a unit one by one, the first as a canary.",
        args={
            "pid": "the instance to replace",
            "started": "its start time",
            "ready_s": "seconds a new one must stay up",
        },
    ),
    Tool(
        name=ActionName.SCALE,
        effect=Effect.REPLACES,
        summary="Run another number of instances.",
        args={"instances": "how many"},
    ),
    Tool(name=ActionName.CONTINUE, effect=Effect.RESUMES, summary="Let processes stopped by a signal go on (SIGCONT)."),
    Tool(
        name=ActionName.STOP_ORPHAN,
        effect=Effect.INTERRUPTS,
        summary="End a process that is left over from an earlier life of the unit.",
        args={"pid": "its process id", "started": "its start time, seconds since the epoch"},
    ),
    Tool(
        name=ActionName.QUARANTINE,
        effect=Effect.WRITES_FILES,
        summary="Move a file aside; it is never deleted.",
        args={
            "path": "the file",
            "to": "where it goes",
            "sha256": "of the content that was looked at",
            "item": "true: an item of a spool, which goes to the agent's own quarantine",
            "uid": "whose the item is",
            "back": "true: the item goes back to where it was",
        },
    ),
    Tool(
        name=ActionName.ROTATE_LOG,
        effect=Effect.WRITES_FILES,
        summary="Move a log's lines into an archive beside it; none is lost.",
        args={
            "path": "the log",
            "keep": "archives that are kept",
            "total": "bytes that they may have together",
            "compress": "true: all but the newest are packed",
            "gap": "true: where nothing else can be done, a line may be lost in some microseconds",
            "shelf": "where the archive goes, packed, when the disk of the log is full",
        },
    ),
    Tool(
        name=ActionName.TRUNCATE_LOG,
        effect=Effect.DESTROYS,
        summary="Empty a log; what it holds is lost.",
        args={"path": "the log"},
    ),
    Tool(
        name=ActionName.REOPEN_LOG,
        effect=Effect.INTERRUPTS,
        summary="Have a supervisor, or a process that is known to do it on a signal, open its log files anew.",
        args={"signal": "its name without SIG", "pid": "the process", "started": "its start time"},
    ),
    Tool(
        name=ActionName.SET_LOG_LEVEL,
        effect=Effect.INTERRUPTS,
        summary="Have a service log less, by the signal that its description names for that.",
        args={"signal": "its name without SIG", "pid": "the process", "started": "its start time"},
    ),
    Tool(
        name=ActionName.RESTORE_MODE,
        effect=Effect.WRITES_FILES,
        summary="Give files the owner and mode back that they had when the unit was last well.",
        args={
            "files": "path, device, inode, and mode, uid, gid then and now of each, as JSON",
            "back": "true: what stood before goes back",
        },
    ),
    Tool(
        name=ActionName.ROLLBACK,
        effect=Effect.INTERRUPTS,
        summary="Put the files of an earlier release back.",
        args={
            "release": "SHA-256 of the manifest that is to hold",
            "replaces": "of the manifest that holds now",
            "then_restart": "true: restart the unit with them",
        },
    ),
    Tool(
        name=ActionName.ROLLBACK_CONFIG,
        effect=Effect.WRITES_FILES,
        summary="Put the last known good content of a configuration file back.",
        args={
            "path": "the file",
            "sha256": "of the good content",
            "replaces": "of the content that goes; empty: there is none",
            "mode": "permissions of a file that is made anew",
            "definition": "instead of a file: SHA-256 of the command and environment that it is to be started with",
        },
    ),
    Tool(
        name=ActionName.RENICE,
        effect=Effect.RESUMES,
        summary="Lower the priority of a unit's processes; never raise it.",
        args={
            "were": "how each of them is weighed now, `pid:started:nice:group` with commas",
            "nice": "the nice value that they get, 1 to 19",
            "back": "true: put exactly these values back",
        },
    ),
    Tool(
        name=ActionName.SIGNAL,
        effect=Effect.INTERRUPTS,
        summary="Send a signal that the process handles: HUP, USR1, USR2, TERM or CONT.",
        args={"pid": "the process", "started": "its start time", "signal": "its name without SIG"},
    ),
    Tool(
        name=ActionName.END_SESSION,
        effect=Effect.INTERRUPTS,
        summary="End one session of a PostgreSQL server; what it had not committed is rolled back.",
        args={"pid": "the server process of the session", "started": "its start time"},
    ),
    Tool(
        name=ActionName.FREE_PORT,
        effect=Effect.DESTROYS,
        summary="End the process that holds a unit's port, whoever it is.",
        args={"port": "the port", "pid": "who holds it", "started": "its start time"},
    ),
    Tool(
        name=ActionName.RUN_RUNBOOK_COMMAND,
        effect=Effect.INTERRUPTS,
        summary="Run a command that a person's own runbook names, as the owner of the unit.",
        args={
            "runbook": "the remedy that has it",
            "step": "number of its step",
            "digest": "of what stood there when it was planned",
            "run": "name of this run, under which its receipt is kept",
            "effect": "safe, disruptive or destructive",
            "shown": "the command as a person may see it",
            "cwd": "the folder that it starts in",
            "undo": "true: the command that takes it back",
        },
    ),
    Tool(name=ActionName.ESCALATE, effect=Effect.TELLS, summary="Tell a person what is known."),
)

ORDERS = _tools(
    Tool(name="pause", effect=Effect.ORDERS, summary="Have the agent do nothing by itself, until it is resumed."),
    Tool(
        name="resume",
        effect=Effect.ORDERS,
        summary="Have the agent act by itself again; of one unit: end its hold.",
    ),
    Tool(
        name="hold",
        effect=Effect.ORDERS,
        summary="Have the agent leave one unit alone.",
        args={"for": "how long: 30m, 2h, 1d", "why": "the reason"},
    ),
    Tool(
        name="approve",
        effect=Effect.ORDERS,
        summary="Say yes to a question of the agent.",
        args={"id": "of the question; none: the only one that is open"},
    ),
    Tool(
        name="deny",
        effect=Effect.ORDERS,
        summary="Say no to a question of the agent.",
        args={"id": "of the question; none: the only one that is open"},
    ),
    Tool(
        name="teach",
        effect=Effect.ORDERS,
        summary="Keep what a person says as a fact, and as a rule of the guard where it is one.",
        args={"text": "what holds"},
    ),
)
"""What only people say, in plain words; no runbook and no remedy has them."""

PROCEDURES = _tools(
    Tool(
        name="run_gui_procedure",
        effect=Effect.INTERRUPTS,
        summary="Carry out a procedure on a screen that was shown before.",
        args={"procedure": "its name", "params": "what it is told, as text"},
    ),
)
"""What is done on screens. People say what a procedure is told as text; a plan has it as JSON, and beside it what was meant:
the version by its hash, and on which display."""

TOOLS: Mapping[str, Tool] = MappingProxyType({**READING, **CHANGING, **ORDERS, **PROCEDURES})

SPOKEN: Mapping[str, Tool] = MappingProxyType(
    {
        **READING,
        **{name: CHANGING[name] for name in ("start", "stop", "restart", "reload", "scale", "rollback")},
        **ORDERS,
        **PROCEDURES,
    }
)
"""What a person may ask for in plain words, and a chat model may propose."""


def effect_of(name: str) -> Effect:
    """Return what a tool touches. KeyError: there is no such tool (so it cannot be run)."""
    return TOOLS[name].effect
