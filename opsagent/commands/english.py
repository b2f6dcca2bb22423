"""The English vocabulary: a table of what is understood. What is not in it is asked back."""

from __future__ import annotations

from opsagent.commands.grammar import Grammar, Pattern, pattern
from opsagent.commands.words import vocabulary

_LEAD = (
    "please", "pls", "kindly", "hey", "hi", "hello", "ok", "okay", "now", "just", ",", "opsagent",
    "could you please", "can you please", "would you please", "will you please",
    "i want you to", "i need you to", "i would like you to", "i'd like you to", "go ahead and", "then",
)  # fmt: skip
_TAIL = (
    "please", "pls", "now", "right now", "right away", "immediately", "asap", "for me", "again",
    "thanks", "thank you", ".", "!", ",", "at once",
)  # fmt: skip
_SHOW = (
    "show", "show me", "display", "print", "view", "list", "get", "get me", "give me", "see", "read", "fetch", "open",
    "let me see", "i want to see", "what are", "what is", "what's",
)  # fmt: skip
_SAFELY = (
    "safely", "gracefully", "one by one", "one at a time", "without downtime", "without any downtime",
    "with no downtime", "with zero downtime", "rolling", "in a safe way",
)  # fmt: skip
_SAFE = ("safe", "graceful", "rolling", "zero downtime", "zero-downtime", "clean")
_GENTLY = tuple(way for way in _SAFELY if way != "rolling")
_GENTLE = tuple(way for way in _SAFE if way != "rolling")
"""Before a restart; a rolling restart is another word for a reload."""
_INSTANCES = ("instance", "instances", "worker", "workers", "process", "processes", "replica", "replicas", "copies")
_TROUBLE = (
    "down", "dead", "slow", "failing", "broken", "crashing", "restarting", "hanging", "stuck", "unhealthy", "stopped",
    "crash", "fail", "die", "restart", "stop", "break", "hang", "crashed", "failed", "died", "restarted", "hung",
    "not running", "not responding", "not answering", "not working", "so slow", "flapping", "using so much memory",
)  # fmt: skip
_WELL = ("running", "up", "ok", "okay", "healthy", "alive", "fine", "well", "down", "dead", "stopped", "working")
_LOGS = ("log", "logs", "log file", "output")
_ALL = ("all", "everything", "all services", "all processes", "all units", "all of them", "services", "processes",
        "units", "every service", "apps", "all apps", "the services", "the processes", "all the services",
        "service status", "overall status", "running services", "running processes")  # fmt: skip

_CHANGES: tuple[Pattern, ...] = (
    *(pattern("reload", text, safely=True) for text in (
        "reload|re-load <units> @safely*",
        "@safely reload|re-load <units> @safely*",
        "safe|rolling|graceful reload of? <units>",
        "do|perform|run a @safe* reload of|on <units>",
        "do|perform|run a rolling restart of|on <units>",
        "rolling restart of? <units>",
        "give <units> a @safe* reload",
    )),
    *(pattern("restart", text, safely=True) for text in (
        "@gently @gently* restart|re-start|bounce <units> @gently*",
        "restart|re-start|bounce <units> @gently @gently*",
        "@gentle restart of? <units>",
        "do|perform|run a @gentle restart of|on <units>",
        "give <units> a @gentle restart",
    )),
    *(pattern("restart", text) for text in (
        "restart|re-start|bounce <units>",
        "do|perform a restart of <units>",
        "give <units> a restart",
    )),
    *(pattern("stop", text) for text in (
        "stop|halt|shutdown <units>",
        "shut down <units>", "shut <units> down",
        "take down <units>", "take <units> down",
        "bring down <units>", "bring <units> down",
        "turn|switch off <units>", "turn|switch <units> off",
    )),
    *(pattern("rollback", text) for text in (
        "rollback|revert <units>", "roll back <units>", "roll <units> back", "do|perform a rollback of <units>",
        "roll back|rollback <units> to the? last good? release|version",
    )),
    *(pattern("start", text) for text in (
        "start|launch <units>",
        "start up <units>", "start <units> up",
        "bring back? up <units>", "bring <units> back? up",
        "turn|switch on <units>", "turn|switch <units> on",
    )),
    *(pattern("scale", text) for text in (
        "@safely* scale <units> to? <n> @instances? @safely*",
        "set <units> to <n> @instances",
        "set the? number of? @instances of|for <units> to <n>",
        "run <n> @instances of <units>",
        "run <units> with <n> @instances",
    )),
    *(pattern("scale", text, towards=way) for way, text in (
        ("up", "scale <units> up|out to <n> @instances?"),
        ("up", "scale up|out <units> to <n> @instances?"),
        ("up", "increase|raise|grow <units> to <n> @instances?"),
        ("down", "@safely* scale <units> down|in to <n> @instances? @safely*"),
        ("down", "@safely* scale down|in <units> to <n> @instances? @safely*"),
        ("down", "@safely* decrease|reduce|shrink <units> to <n> @instances? @safely*"),
    )),
)  # fmt: skip

_READS: tuple[Pattern, ...] = (
    *(pattern("list_processes", text) for text in (
        "status|ps|overview|list",
        "@show the? @all", "@show the? status of? @all?", "status of @all", "check @all",
        "what is|are running", "what's|whats running", "which services are @well", "is everything @well",
        "how is everything", "how are things|all", "@show the? list of @all",
    )),
    *(pattern("describe_process", text) for text in (
        "status|health of|for? <units>",
        "@show the? status|state|health of|for <units>",
        "@show <units> status|state|health", "@show <unit>",
        "<units> status|state|health",
        "check on? <units>", "check the? status|health of|for <units>", "describe|inspect <units>",
        "how is|are <units> doing?", "how's|hows <units> doing?", "is|are <units> still? @well",
    )),
    *(pattern("tail_logs", text) for text in (
        "@show? the? last|latest|recent|newest? @logs of|for|from <units>",
        "@show? the? last|latest|recent? <n> log? lines|line|entries of|for|from the? @logs? of|for|from? <units> @logs?",
        "@show? the? last|latest|recent? <n> @logs of|for|from <units>",
        "@show? the? last|latest|recent? <n> lines of <units>",
        "@show? the? last|latest|recent? <units> @logs",
        "@logs <units>", "@logs <units> <n> lines?", "<units> @logs <n> lines?",
        "tail <units> @logs?", "tail the? @logs of|for|from <units>",
        "tail the? last? <n> lines? of|from? <units> @logs?",
        "what do|does the? @logs of <units> say", "what do|does <units> @logs say", "check the? @logs of|for <units>",
        "check <units> @logs",
    )),
    *(pattern("search_logs", text, query="error") for text in (
        "@show? the? last|latest|recent? errors in|of|from|for <units> @logs?",
        "@show? <units> errors", "find|search errors in <units> @logs?", "errors in the? @logs of <units>",
        "@show? the? errors in the? @logs of|for <units>",
    )),
    *(pattern("search_logs", text) for text in (
        "search|grep <units> @logs? for <query>",
        "search|grep the? @logs of|for <units> for <query>",
        "search|look for <query> in <units> @logs?",
        "find|grep <query> in <units> @logs?",
        "find|grep <query> in the? @logs of|for <units>",
        "search|look for <query> in the? @logs of|for <units>",
    )),
    *(pattern("recall_incidents", text) for text in (
        "why <unit>",
        "why is|are|was|were <units> @trouble", "why did|does|do <units> keep? @trouble", "why has|have <units> @trouble",
        "what happened to|with <units>", "what is wrong with <units>", "what's|whats wrong with <units>",
        "what is the? problem with <units>",
        "@show? the? last|latest|recent|past? incidents|history of|for|on <units>",
        "@show? the? last|latest|recent|past? incidents", "@show? <units> incidents|history",
        "has|have <units> @trouble before",
    )),
    *(pattern("host_metrics", text) for text in (
        "@show? the? host|machine|system|server metrics|load|status|stats",
        "@show? the? cpu|load|memory|ram|disk usage|load|space?",
        "how much memory|ram|disk space? is free|left|used|available",
        "how is the? machine|host|server|box doing?",
    )),
)  # fmt: skip

NEGATIONS = vocabulary(
    "not no never don't dont do-not doesn't won't can't cannot shouldn't mustn't without avoid except but neither nor "
    "nothing none stop-not"
)
CONDITIONS = vocabulary(
    "if unless when whenever once until till after before while in case otherwise else or maybe perhaps should would "
    "could might may whether later tomorrow tonight every only"
)
GRAMMAR = Grammar(
    sets={
        "lead": _LEAD, "tail": _TAIL, "show": _SHOW, "safely": _SAFELY, "safe": _SAFE, "gently": _GENTLY, "gentle": _GENTLE, "instances": _INSTANCES,
        "trouble": _TROUBLE, "well": _WELL, "logs": _LOGS, "all": _ALL,
        "join": ("and", "then", "and then", ", and", ", then", ", and then", ",", ".", ". then", "after that",
                 "and after that", ", after that", "afterwards"),
    },
    patterns=_CHANGES + _READS,
    numbers={
        "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
        "eleven": 11, "twelve": 12,
    },
    joiners=frozenset({"and", ",", "&"}),
    articles=frozenset({"the", "my", "our"}),
    nouns=frozenset({"service", "services", "unit", "units", "app", "apps", "application", "process"}),
    things=frozenset(_INSTANCES) | vocabulary("server host machine system box cpu memory ram disk load metrics output"),
    soft_sets=frozenset({"trouble", "well"}),
    never=NEGATIONS | CONDITIONS,
)  # fmt: skip

VERBS = {
    "reload": "reload", "re-load": "reload", "refresh": "reload",
    "restart": "restart", "re-start": "restart", "bounce": "restart", "reboot": "restart", "cycle": "restart",
    "recycle": "restart", "relaunch": "restart", "kick": "restart",
    "stop": "stop", "halt": "stop", "shutdown": "stop", "kill": "stop", "terminate": "stop", "end": "stop",
    "quit": "stop", "disable": "stop", "pause": "stop",
    "start": "start", "launch": "start", "run": "start", "enable": "start", "resume": "start", "boot": "start",
    "scale": "scale", "resize": "scale",
    "logs": "tail_logs", "log": "tail_logs", "tail": "tail_logs",
    "status": "describe_process", "check": "describe_process", "health": "describe_process",
    "describe": "describe_process", "why": "recall_incidents", "incidents": "recall_incidents",
}  # fmt: skip
"""Words that hint at a tool when the text as a whole was not understood; used for offers only."""
