"""What is known before a service is reloaded, restarted or made smaller, and whether it may begin. Pure.

Each item says what was looked at and what was found, with the numbers. A `block` refuses the command; a `warn` is said
first; and where it will cost requests or time (`costs`), a person has to say yes to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from opsagent.claims import Claim
from opsagent.model import Fault, Scalar
from opsagent.planning import Way
from opsagent.preflight_items import Item, Level, Preflight
from opsagent.store.changes import ChangeRow
from opsagent.store.rows import DeployRow, HoldRow, IncidentRow
from opsagent_tools.findings import Finding, Severity
from opsagent_tools.probes.health import ProbeResult
from opsagent_tools.units import Unit, UnitSetup, UnitState

_CUTS = frozenset(
    {"reload/ignores_stop_signal", "reload/close_drops_keepalive", "reload/deaf_to_stop_signal",
     "reload/stop_timeout_too_short", "reload/ends_without_closing"}
)  # fmt: skip
"""Checks that find what a reload would cut off."""
_BUSY_CORE = 0.9
"""More than this share of a core per instance is too much to take an instance away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was gathered (`opsagent.preflight_facts`)."""

    unit: Unit
    way: Way
    what: str
    by: str
    """The person who asks."""
    now: datetime
    setup: UnitSetup | None = None
    probe: ProbeResult | None = None
    """None: no health probe is configured."""
    frozen: tuple[int, ...] = ()
    """Processes that a signal stopped (state T)."""
    incident: IncidentRow | None = None
    hold: HoldRow | None = None
    deploy: DeployRow | None = None
    claim: Claim | None = None
    broken_off: int | None = None
    """Instances that it had when a reload of it was broken off, with nothing done to it since; None: there is none."""
    last: ChangeRow | None = None
    """The last change of this kind."""
    last_gap: ChangeRow | None = None
    """The last one that ended all instances before new ones started, and succeeded: how long it was down."""
    graceful: tuple[Finding, ...] = ()
    coming: tuple[Finding, ...] = ()
    """What is not graceful in the source that is started now, and was not seen of the instances that run."""
    counted: bool = False
    """Open connections could be counted."""
    open_connections: int = 0
    wanted: int | None = None
    """Instances that a change of scale leaves."""
    cores: float | None = None
    """What all instances together use now, in cores; None: not measured."""
    dependents: tuple[str, ...] = ()

    @property
    def outright(self) -> bool:
        """Tell whether a person wants it to start anew, whatever state it is in."""
        return self.what == "restart" and self.way is Way.RESTART

    @property
    def left(self) -> int | None:
        """Return how many instances have to do the work of all; None: as many as now."""
        if self.wanted is not None:
            return self.wanted
        return len(self.unit.processes) - 1 if self.way is Way.ONE_BY_ONE else None


def judge(known: Known) -> Preflight:
    """Say what stands in the way, what it will cost, and what is well."""
    items = tuple(
        item
        for look in (_busy, _health, _incident, _hold, _deploy, _instances, _load, _graceful, _last, _dependents)
        for item in look(known)
    )
    return Preflight(
        unit=str(known.unit.id), what=known.what, way=known.way.value, items=items, costs="; ".join(_costs(known))
    )


def ago(seconds: float) -> str:
    """Return a time span as people say it: `40 s ago`, `3 h ago`."""
    for unit_s, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {name} ago"
    return f"{max(seconds, 0.0):.0f} s ago"


def _busy(known: Known) -> Iterator[Item]:
    ending = [process.pid for process in known.unit.processes if not process.wanted]
    if known.claim is not None:
        yield _item("busy", Level.BLOCK, str(known.claim))
    elif known.setup is not None and known.setup.busy:
        yield _item("busy", Level.BLOCK, known.setup.busy)
    elif ending:
        yield _item("busy", Level.BLOCK, f"its supervisor is just ending {_pids(ending)}: another change is under way")


def _health(known: Known) -> Iterator[Item]:
    unit, probe = known.unit, known.probe
    running = sum(process.wanted for process in unit.processes)
    facts: dict[str, Scalar] = {"running": running, "instances": unit.instances}
    # Whoever restarts it outright may do so because it is ill; there is nothing to lose then.
    ill = Level.WARN if known.outright else Level.BLOCK
    mend = "" if known.outright else f'; `opsagent do "restart {unit.name}"` starts it anew'
    if unit.state is not UnitState.RUNNING or running < unit.instances:
        why = f" ({unit.reason})" if unit.reason else ""
        says = f"it is {unit.state}, {running} of {unit.instances} instances run{why}"
        yield _item("health", ill, f"{says}{': there is nothing to prove against' if mend else ''}{mend}", **facts)
    elif known.frozen:
        yield _item("health", ill, f"{_pids(known.frozen)} stopped by a signal{mend}", **facts)
    elif probe is None:
        says = (
            f"{running} of {unit.instances} instances run; it has no health probe, so whether it answers is not known"
        )
        yield _item("health", Level.OK, says, **facts)
    elif probe.ok:
        latency_ms = round(probe.latency_s * 1000, 1)
        says = f"{running} of {unit.instances} instances run, its probe answers in {latency_ms:g} ms"
        yield _item("health", Level.OK, says, latency_ms=latency_ms, **facts)
    else:
        how = f"{probe.reason} {probe.status}" if probe.status is not None else probe.reason
        says = f"it does not answer its health probe now ({how})"
        cannot = ": a new release cannot be compared with it" if mend else ""
        yield _item("health", ill, f"{says}{cannot}{mend}", **facts)
    surplus = running - unit.instances
    if surplus > 0:
        says = f"{running} run where {unit.instances} are wanted: what an earlier reload left is ended first"
        yield _item("surplus", Level.WARN, says, surplus=surplus)
    elif known.broken_off is not None and running > known.broken_off:
        says = f"{running} run where {known.broken_off} were wanted when a reload of it was broken off"
        mend = f'`opsagent do "scale {unit.name} to {known.broken_off}"` takes away what that left'
        yield _item("surplus", Level.WARN, f"{says}; {mend}", surplus=running - known.broken_off)


def _incident(known: Known) -> Iterator[Item]:
    incident = known.incident
    if incident is None:
        return
    told = f"incident {incident.id} is open ({incident.fault.value}, {incident.status}): {incident.incident.summary}"
    # Nothing is done about a release that is not fit until another comes, or the last good one is put back: by this.
    looked_at = incident.status == "open" and incident.fault is not Fault.BAD_RELEASE
    worked_on = (looked_at or incident.status == "repairing") and not known.outright
    yield _item("incident", Level.BLOCK if worked_on else Level.WARN, told, id=incident.id)


def _hold(known: Known) -> Iterator[Item]:
    hold = known.hold
    if hold is None:
        return
    until = f" until {hold.until:%H:%M} UTC" if hold.until is not None else ""
    told = f"{hold.by} holds it{until}{f': {hold.why}' if hold.why else ''}"
    if hold.by == known.by:
        yield _item("hold", Level.WARN, told)
    else:
        yield _item("hold", Level.BLOCK, f"{told}; `opsagent release {known.unit.name}` ends it")


def _deploy(known: Known) -> Iterator[Item]:
    deploy = known.deploy
    if deploy is None:
        return
    told = f"{deploy.by} deploys it since {deploy.began_at:%H:%M} UTC{f': {deploy.why}' if deploy.why else ''}"
    if deploy.by == known.by:
        yield _item("deploy", Level.OK, told)
    else:
        yield _item("deploy", Level.BLOCK, f"{told}; `opsagent deploy end {known.unit.name}` ends it")


def _instances(known: Known) -> Iterator[Item]:
    count = len(known.unit.processes)
    if known.wanted is not None:
        if known.wanted < 1:
            yield _item("instances", Level.BLOCK, "at least one instance has to stay; say stop to run none")
        else:
            yield _item("instances", Level.OK, f"from {known.unit.instances} to {known.wanted}, one at a time")
        return
    others = f"{count - 1} serve{'s' if count == 2 else ''}"
    match known.way:
        case Way.BESIDE:
            says = f"each of {count} is ended only when a new one beside it has proved itself"
        case Way.CANARY_THEN_REPLACE:
            says = f"a new one beside {count} old ones is the canary; then each is replaced under its own number"
        case Way.ONE_BY_ONE:
            says = f"nothing can stand beside them: one of {count} is down at a time while {others}; the first is the canary"
        case Way.IN_PLACE:
            says = "its supervisor tells it to reload by itself: what it takes up of a new release is its own doing"
        case _:
            says = _all_at_once(known, count)
    yield _item("instances", Level.WARN if known.way in {Way.ONE_BY_ONE, Way.RESTART} else Level.OK, says, count=count)


def _all_at_once(known: Known, count: int) -> str:
    if known.what != "restart" or not (count > 1 or known.unit.surges):
        return f"nothing can stand beside it: {_downtime(known)}"
    ends = f"all {count} end" if count > 1 else "its only instance ends"
    safer = f'`opsagent do "reload {known.unit.name} safely"` does not'
    return f"{ends} before a new one starts: {_downtime(known)}; {safer}"


def _downtime(known: Known) -> str:
    waits = "requests wait" if known.unit.shares_socket else "it does not serve"
    gap = known.last_gap
    if gap is None:
        return f"{waits} while it starts anew; how long that takes is not known yet"
    when = ago((known.now - gap.at).total_seconds())
    by = {"probe": "by its health probe", "port": "by its port", "process": "by its processes"}.get(gap.seen_by, "")
    down_s = gap.took_s if known.unit.shares_socket else gap.down_s
    return f"{waits} while it starts anew: {down_s:.1f} s last time ({when}, {by})"


def _load(known: Known) -> Iterator[Item]:
    if known.left is None or known.cores is None or known.left < 1:
        return
    each = known.cores / known.left
    says = f"its instances use {known.cores:.2f} cores together; {known.left} would use {each:.2f} each"
    yield _item("load", Level.WARN if each > _BUSY_CORE else Level.OK, says, cores=round(known.cores, 2))


def _graceful(known: Known) -> Iterator[Item]:
    for finding in known.graceful:
        level = Level.WARN if finding.severity is not Severity.NOTE else Level.OK
        says = f"{finding.says}; to mend it: {finding.mend}" if level is Level.WARN else finding.says
        yield Item(name="graceful", level=level, says=says, facts={"check": finding.check, **finding.facts})
    for finding in known.coming:
        yield Item(name="graceful", level=Level.WARN, says=f"{finding.says}; to mend it: {finding.mend}",
                   facts={"check": finding.check, **finding.facts})  # fmt: skip
    if not known.graceful:
        how_many = f"; {known.open_connections} connections are open now" if known.counted else ""
        yield _item("graceful", Level.OK, f"nothing seen that would cut requests off{how_many}")


def _last(known: Known) -> Iterator[Item]:
    last = known.last
    if last is None:
        yield _item("last", Level.OK, f"no {known.what} of it is remembered")
        return
    when = ago((known.now - last.at).total_seconds())
    facts: dict[str, Scalar] = {"took_s": round(last.took_s, 2), "down_s": last.down_s, "done": last.done}
    if not last.done:
        yield _item("last", Level.WARN, f"the last {last.action}, {when}, failed: {last.why}", **facts)
        return
    gap = f"{last.down_s:.1f} s without service" if last.failed else "no gap seen"
    yield _item("last", Level.OK, f"the last {last.action}, {when}, took {last.took_s:.1f} s, {gap}", **facts)


def _dependents(known: Known) -> Iterator[Item]:
    if known.dependents and known.way is Way.RESTART and known.wanted is None:
        names = ", ".join(known.dependents[:5]) + (" …" if len(known.dependents) > 5 else "")
        yield _item("dependents", Level.WARN, f"{names} depend on it and will see the gap", count=len(known.dependents))


def _costs(known: Known) -> Iterator[str]:
    if known.way is Way.RESTART and known.wanted is None and known.unit.processes:
        yield _downtime(known)
    for finding in known.graceful:
        if finding.check in _CUTS and finding.severity is not Severity.NOTE and known.open_connections:
            yield finding.says
    if known.left and known.cores is not None and known.cores / known.left > _BUSY_CORE:
        yield f"{known.left} of its instances would have to do {known.cores:.2f} cores' work"


def _item(name: str, level: Level, says: str, **facts: Scalar) -> Item:
    return Item(name=name, level=level, says=says, facts=facts)


def _pids(pids: Sequence[int]) -> str:
    return f"process{'es' if len(pids) > 1 else ''} {', '.join(str(pid) for pid in pids)}"
