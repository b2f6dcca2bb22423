"""The text of a first `config.toml`, from what was found on the machine and what a person answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opsagent_tools.supervisors.found import At, Wanted

MODES = {
    "observe": "watch and tell, nothing more",
    "suggest": "say what it would do",
    "approve": "ask before each repair",
    "auto": "repair by itself, within limits",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundService:
    """One service that a supervisor runs."""

    name: str
    """As it is written in `[services.NAME]`: in full (`pm2:api`) where several supervisors have it."""
    supervisor: str
    ports: tuple[int, ...] = ()
    """TCP ports that it was found to listen on, its configured one first."""
    described: bool = False
    """Whether its own `services.toml` says how its health is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a person chose; the defaults are the careful ones."""

    mode: str = "suggest"
    leave_alone: tuple[str, ...] = ()
    """Supervisors that are not to be watched, by kind or family."""
    protected: frozenset[str] = frozenset()
    """Services that nothing may ever be done to."""
    health: Mapping[str, str] = field(default_factory=dict)
    """Service → URL or `host:port` to probe."""


def render(
    supervisors: Mapping[str, str], services: Sequence[FoundService], answers: Answers, kept: Wanted | None = None
) -> str:
    """Return the configuration. `supervisors`: kind → what it is, for a comment; `kept`: where they are looked for
    beside the usual places, as the configuration before this one says.
    """
    lines = [
        "# opsagent's configuration. Nothing here is needed: what is left out has a careful default (docs/config.md).",
        "# After a change: nothing to reload, `opsagent watch` is started again.",
        "",
        "# How far the agent may go by itself:",
        *(f"#   {name:<8} {means}" for name, means in MODES.items()),
        f'mode = "{answers.mode}"',
        "",
        "[policy]                  # `opsagent policy show` has all of it with its values; docs/policy.md explains it",
        "# budget_actions = 5      # unattended repairs that one service may get per window",
        "# induced_budget_actions = 4  # the same for what outsiders can bring about: floods, hangs, poison items",
        "# budget_window_s = 600",
        "# breaker_failures = 3    # failed repairs after which a person is told, and nothing more is tried",
        "# breaker_trial_s = 900   # after this one more try, and a person is told how it went",
        "# blast_radius = 0.25     # largest part of a service's instances that is replaced at once",
        "# two_person = true       # two people have to say yes to what cannot be undone",
        '# outside = { own = "auto", machine = "approve" }  # the most for files of the service, and of the machine',
        '# protected_paths = ["/srv/shop/data/**"]          # files that nothing ever touches, beside a fixed list',
        "# digest = true           # the first days end in a digest a day, not in alarms",
        "# [policy.quiet_hours]    # what is not urgent waits for the morning",
        '# from = "22:00"',
        '# to = "07:00"',
        '# weekdays = "Mon-Fri"    # of the evening on which they begin',
        '# zone = "Europe/Berlin"  # else the machine\'s',
        "",
        "[logs]",
        "# rotate = true           # logs that nothing else rotates, where the mode lets it (docs/log-rotation.md)",
        '# max_size = "50M"        # beyond which a log is rotated',
        "# keep = 10               # archives of one log",
        "",
        "# [[maintenance]]         # when trouble is expected: nothing is done, nobody is woken",
        '# units = "all"           # or names: ["api", "store"]',
        '# when = "Sun 02:00-04:00"',
        '# why = "backup"',
        "",
        *_supervisors(supervisors, answers, kept or Wanted()),
    ]
    plain = [service for service in services if _is_plain(service, answers)]
    for service in services:
        if service not in plain:
            lines += _service(service, answers)
    if plain:
        names = ", ".join(_comment(service.name) for service in plain)
        lines.append(f"# run by systemd: {names}: a section as above for each that there is something to say of")
    return "\n".join(lines).rstrip() + "\n"


def _is_plain(service: FoundService, answers: Answers) -> bool:
    """Tell whether it is one of the many units of systemd that nothing was said of."""
    said = service.name in answers.protected or service.name in answers.health
    return service.supervisor.startswith("systemd") and not said and not service.ports


def _supervisors(supervisors: Mapping[str, str], answers: Answers, kept: Wanted) -> list[str]:
    lines = ["[supervisors]"]
    if not kept.discover:
        lines.append("discover = false")
    for key, values in (
        ("pm2_homes", kept.pm2_homes),
        ("systemd_units", kept.systemd_units),
        ("systemd_exclude", kept.systemd_exclude),
    ):
        if values:
            lines.append(f"{key} = [{', '.join(_string(str(value)) for value in values)}]")
    for key, places in (("supervisord", kept.supervisord), ("circusd", kept.circusd)):
        if places:
            lines.append(f"{key} = [{', '.join(map(_place, places))}]")
    lines += [f"# found: {kind} ({_comment(what)})" for kind, what in supervisors.items()]
    if not supervisors:
        lines.append("# none was found beside the agent's own engine (`opsagent up FILE`)")
    off = ", ".join(_string(kind) for kind in sorted({*answers.leave_alone, *kept.off}))
    lines.append(f"off = [{off}]" if off else '# off = ["systemd"]     # those that are left alone altogether')
    return [*lines, ""]


def _service(service: FoundService, answers: Answers) -> list[str]:
    listens = f", listens on {', '.join(map(str, service.ports))}" if service.ports else ""
    lines = [f"[services.{_key(service.name)}]", f"# run by {service.supervisor}{listens}"]
    probe = answers.health.get(service.name)
    if probe:
        key = "http" if probe.startswith(("http://", "https://")) else "tcp"
        lines.append(f"health = {{ {key} = {_string(probe)} }}")
    elif service.described:
        lines.append("# how its health is asked stands in its services.toml")
    elif service.ports:
        lines.append(f'# health = {{ http = "http://127.0.0.1:{service.ports[0]}/health" }}')
    protected = service.name in answers.protected
    lines.append("protected = true" if protected else "# protected = true       # nothing is ever done to it")
    lines.append('# mode = "auto"          # for this service alone')
    return [*lines, ""]


def _place(at: At) -> str:
    given = {name: getattr(at, name) for name in ("address", "pubsub", "username", "password_file")}
    return "{ " + ", ".join(f"{name} = {_string(value)}" for name, value in given.items() if value) + " }"


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else _string(name)


def _string(text: str) -> str:
    """Return a TOML basic string (https://toml.io/en/v1.0.0#string)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def _comment(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
