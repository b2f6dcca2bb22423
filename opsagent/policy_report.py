"""The policy as it holds now: every key with its value and where that is said, in `config.toml` by line. Pure but for reading it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsagent.policy import Policy

if TYPE_CHECKING:
    from opsagent.quiet import QuietHours
    from opsagent_tools.services.spec import ServiceSpec

DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One key of the policy."""

    key: str
    value: Any
    where: str
    """`default`, or `config.toml:12`."""
    means: str
    """One line for a person."""


class Sources:
    """Knows in which line of a configuration a key stands."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._document: Mapping[str, Any] = {}
        self._source = ""
        if path.exists():
            from opsagent_tools.services.toml import read_document

            self._document, self._source = read_document(path)

    def where(self, *route: str) -> str:
        """Return `config.toml:12` for a key that is written, else `default`."""
        table: Any = self._document
        for part in route:
            if not isinstance(table, Mapping) or part not in table:
                return DEFAULT
            table = table[part]
        from opsagent_tools.services.lines import find_line

        line = find_line(self._source, route) or find_line(self._source, route[:1])
        return f"{self._name}:{line}" if line is not None else self._name


def policy_said(policy: Policy, sources: Sources) -> Iterator[Said]:
    """Yield every key, in the order of docs/policy.md."""
    values = {**{key: getattr(policy, key) for key in _MEANS if hasattr(policy, key)}, **_composed(policy)}
    for key, means in _MEANS.items():
        route = _ELSEWHERE.get(key, ("policy", key))
        yield Said(key=key, value=values[key], where=sources.where(*route), means=means)


def service_said(name: str, spec: ServiceSpec | None, sources: Sources, applied: str) -> tuple[str, bool, str]:
    """Return where the mode of a service is said, whether it is protected, and where that is said.

    `applied` says where a description came from that `config.toml` does not hold.
    """
    if spec is None:
        return DEFAULT, False, DEFAULT
    keys = (spec.name, name)
    mode = next((found for key in keys if (found := sources.where("services", key, "mode")) != DEFAULT), "")
    protects = next((found for key in keys if (found := sources.where("services", key, "protected")) != DEFAULT), "")
    mode = mode or (applied if spec.mode is not None else DEFAULT)
    return mode, spec.protected, protects or (applied if spec.protected else DEFAULT)


def _composed(policy: Policy) -> dict[str, Any]:
    return {
        "mode": policy.mode if isinstance(policy.mode, str) else dict(policy.mode),
        "outside": {"own": policy.outside_own or "as the mode says", "machine": policy.outside_machine},
        "protected_paths": list(policy.protected_paths),
        "safe_commands": list(policy.safe_commands),
        "procedures": list(policy.procedures),
        "quiet_hours": None if policy.quiet is None else quiet_as_json(policy.quiet),
    }


def quiet_as_json(quiet: QuietHours) -> dict[str, Any]:
    """Return quiet hours as they are written."""
    from opsagent.maintenance import DAYS

    when = quiet.when
    begins, ends = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (when.begins, when.ends))
    days = [DAYS[day].capitalize() for day in sorted(when.days)]
    return {"from": begins, "to": ends, "weekdays": days, "zone": when.zone}


_ELSEWHERE = {"mode": ("mode",), "procedures": ("screens", "unattended")}
"""Where keys stand that are not in `[policy]`."""
_MEANS = {
    "mode": "how far the agent may go by itself, where a service says nothing",
    "engine_mode": "bringing back the agent's own engine",
    "outside": "the most for files of a unit's own, and for the machine's",
    "two_person": "two people have to say yes to what cannot be undone",
    "protected_paths": "files that no action touches, beside a fixed list",
    "safe_commands": "commands of runbooks of your own that are safe",
    "procedures": "procedures on screens that may run with nobody present",
    "quiet_hours": "when what is not urgent waits for the morning",
    "blast_radius": "largest part of a unit's instances that is replaced at once",
    "budget_actions": "repairs of one unit per window",
    "global_budget_actions": "repairs of all units per window",
    "induced_budget_actions": "the same for what outsiders can bring about",
    "induced_global_budget_actions": "the same, all units together",
    "budget_window_s": "seconds of that window",
    "breaker_failures": "failed repairs (of a unit, against a cause) that open its breaker",
    "breaker_window_s": "seconds within which they count",
    "breaker_trial_s": "seconds after the last of them until one more try",
    "trust_min": "right would-be actions until `opsagent trust` offers a grant",
    "digest": "the first days end in a digest a day, not in alarms",
    "digest_days": "how many days those are",
    "release_good_after_s": "seconds until a release counts as good",
    "deploy_watch_s": "seconds that a release is watched after a deploy",
    "canary_s": "seconds that the first new instance has to stay well",
    "rollback_failed_deploys": "a release that fails is rolled back unasked",
}
