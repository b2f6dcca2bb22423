"""Causes that lie in what a service was given: its configuration, its environment, its certificates, its resolver, its release."""

from __future__ import annotations

from collections.abc import Iterator

from opsagent.causes.suspect import PROOF, SOME, STRONG, WEAK, Reason, Suspect, weigh
from opsagent.model import Cause, Fault, Hypothesis
from opsagent.runbooks.changed_files import AT_ONCE_S, CHANGE_TO_TROUBLE_S, SLACK_S, File, files_of, overload
from opsagent.runbooks.findings import Facts, Findings
from opsagent_tools.units import UnitId

_GIVEN_SLACK_S = 3.0
"""The agent sees within this time that a unit is given something else."""
_LONG_TRIAL_S = 120.0
"""What a unit was well with for so long is hardly what it is ill of."""
_RUNS = frozenset({Fault.HANG, Fault.DEGRADED, Fault.ERROR_BURST, Fault.DEPENDENCY_DOWN})
_ABORTED = frozenset({-6, 134, -9, 137, 3})
"""How runtimes end that reach a cap of their own: SIGABRT (Node, the JVM), SIGKILL, the JVM's exit on an OutOfMemoryError."""


def bad_config(findings: Findings) -> Hypothesis | None:
    """Its configuration is another than the one with which it was last well, and what is in trouble knows it."""
    unit = findings.case.incident.unit
    change = findings.known("config_changed", unit)
    if change is None or not change.answered:
        return None
    files = tuple(file for file in files_of(change) if not file.flag("machine"))
    if not files:
        return _changed(Cause.BAD_CONFIG, findings, change) if change.flag("changed") else None
    began = findings.case.incident.began_at.timestamp()
    recent = tuple(file for file in files if 0 <= began + SLACK_S - file.changed_at <= CHANGE_TO_TROUBLE_S)
    wrecked = [file.wrecked for file in recent if file.wrecked]
    pro: list[Reason] = [("it is not the content kept when it was last well", WEAK)]
    pro += [(f"{why}, which it was when last well", PROOF) for why in wrecked[:1]]
    if recent:
        pro.append((_how_long(began, recent), SOME))
        pro += list(_known_to_it(findings, recent))
    against = [] if wrecked else list(_against_config(findings, files, recent))
    return weigh(Cause.BAD_CONFIG, unit, change.words("said"), speaks_for=pro, speaks_against=against)


def _how_long(began: float, files: tuple[File, ...]) -> str:
    return f"it changed {max(0.0, began - max(file.changed_at for file in files)):.0f} s before the trouble began"


def _known_to_it(findings: Findings, files: tuple[File, ...]) -> Iterator[Reason]:
    lives = findings.lives(findings.case.incident.unit)
    changed_at = max(file.changed_at for file in files)
    since = [life for life in lives if life.born >= changed_at - SLACK_S]
    if since:
        yield f"what died had been started with it ({len(since)} of {len(lives)} deaths)", SOME
    elif any(file.taken_up for file in files):
        yield "what runs now was started since, or has read it", SOME


def _against_config(findings: Findings, files: tuple[File, ...], recent: tuple[File, ...]) -> Iterator[Reason]:
    began = findings.case.incident.began_at.timestamp()
    if not recent:
        late = any(file.changed_at > began + SLACK_S for file in files)
        yield (
            ("it changed after the trouble began", SOME) if late else ("it changed long before the trouble began", SOME)
        )
        return
    if all(not file.taken_up for file in recent) and not findings.lives(findings.case.incident.unit):
        yield "what runs now was started before, and has not read it", STRONG
    if any(file.words("agrees_with") for file in recent):
        yield "what it depends on was given the same: somebody wanted it", STRONG
    tried_s = max((float(file.facts.get("trial_s", 0.0)) for file in recent if file.flag("on_trial")), default=0.0)
    if tried_s:
        yield f"it was well with it for {tried_s:.0f} s", SOME * min(1.0, tried_s / _LONG_TRIAL_S)


def stale_credentials(findings: Findings) -> Hypothesis | None:
    """Its configuration was changed, and what runs now does not know that."""
    unit = findings.case.incident.unit
    change = findings.known("config_changed", unit)
    began = findings.case.incident.began_at.timestamp()
    recent = tuple(
        file
        for file in files_of(change)
        if 0 <= began + SLACK_S - file.changed_at <= CHANGE_TO_TROUBLE_S and not file.flag("machine")
    )
    unknown = tuple(file for file in recent if not file.taken_up and not file.wrecked)
    if change is None or not unknown or findings.lives(unit):
        return None
    pro: list[Reason] = [(f"{_how_long(began, unknown)}, and what runs now was started before that", SOME)]
    if all(file.words("read_since") == "no" for file in unknown):
        pro.append(("nobody has read it since (its access time)", SOME))
    if any(file.flag("secret") for file in unknown):
        pro.append(("what changed in it is a secret", SOME))
    if any(file.words("agrees_with") for file in unknown):
        pro.append(("what it depends on was given the same", STRONG))
    names = ", ".join(file.name for file in unknown)
    cause = f"{unit.name} runs with what {names} said before it was changed"
    return weigh(Cause.STALE_CREDENTIALS, unit, cause, speaks_for=pro)


def overloading_caller(findings: Findings) -> Hypothesis | None:
    """One that depends on it was given another configuration, and asks more of it since."""
    unit = findings.case.incident.unit
    callers = findings.known("callers", unit)
    if callers is None or not callers.answered or not callers.words("unit"):
        return None
    target = findings.named(callers.words("unit"))
    began = findings.case.incident.began_at.timestamp()
    if target is None or not 0 <= began + SLACK_S - callers.number("changed_at") <= CHANGE_TO_TROUBLE_S:
        return None
    pro: list[Reason] = [(callers.words("said"), SOME), ("it changed before the trouble began", SOME)]
    how = overload(findings, unit, target.unit.id)
    if how:
        pro.append((how, STRONG))
    return weigh(Cause.BAD_CONFIG, target.unit.id, callers.words("said"), speaks_for=pro)


def changed_above(findings: Findings) -> Hypothesis | None:
    """What it depends on was given another configuration a moment before, and seems well itself."""
    above = _just_changed_above(findings)
    return weigh(Cause.BAD_CONFIG, above[0], above[1], speaks_for=above[2]) if above is not None else None


def stale_above(findings: Findings) -> Hypothesis | None:
    """What it depends on was given something else a moment before, and has not read it."""
    above = _just_changed_above(findings)
    if above is None:
        return None
    unit, said, pro = above
    files = files_of(findings.known("config_changed", unit))
    unread = [file.name for file in files if file.unread]
    if not unread:
        return None
    pro = (*pro, (f"{unit.name} was started before that, and nobody has read {', '.join(unread)} since", SOME))
    return weigh(Cause.STALE_CREDENTIALS, unit, said, speaks_for=pro)


def _just_changed_above(findings: Findings) -> tuple[UnitId, str, tuple[Reason, ...]] | None:
    """Return the one unit above whose configuration was changed right before the trouble, and what speaks for it."""
    incident = findings.case.incident
    callers = findings.known("callers", incident.unit)
    if callers is None or not callers.answered or not callers.words("above"):
        return None
    target = findings.named(callers.words("above"))
    ago = incident.began_at.timestamp() + SLACK_S - callers.number("above_changed_at")
    if target is None or not 0 <= ago <= AT_ONCE_S:
        return None
    said = callers.words("said")
    return target.unit.id, said, ((said, WEAK), (f"that was {ago:.0f} s before the trouble began", SOME))


def bad_environment(findings: Findings) -> Hypothesis | None:
    """Its supervisor gives it another environment or command than the one with which it was last well."""
    return _of_definition(findings, Cause.BAD_ENVIRONMENT, capped=False)


def heap_cap(findings: Findings) -> Hypothesis | None:
    """It ends as runtimes do that reach a cap of their own, and that cap was changed."""
    unit = findings.case.incident.unit
    state = findings.known("unit_state", unit)
    code = int(state.number("last_exit")) if state is not None and state.has("last_exit") else 0
    if code not in _ABORTED and not any(end in _ABORTED for end in _codes(findings)):
        return None
    return _of_definition(findings, Cause.HEAP_CAP, capped=True)


def _codes(findings: Findings) -> Iterator[int]:
    for signal in findings.case.incident.symptoms:
        if signal.unit == findings.case.incident.unit and "exit_code" in signal.data:
            yield int(signal.data["exit_code"])


def _of_definition(findings: Findings, kind: Cause, *, capped: bool) -> Hypothesis | None:
    unit = findings.case.incident.unit
    change = findings.known("environment_changed", unit)
    if change is None or not change.answered or not change.flag("changed") or change.flag("caps") is not capped:
        return None
    began = findings.case.incident.began_at.timestamp()
    pro: list[Reason] = [("it is not what it was last well with", SOME)]
    against: list[Reason] = []
    if 0 <= began + _GIVEN_SLACK_S - change.number("started_at") <= CHANGE_TO_TROUBLE_S:
        pro.append(("it was started with that shortly before the trouble began", SOME))
    else:
        against.append(("it was started with that long before, or after, the trouble began", SOME))
    if capped:
        pro.append(("it ended as a runtime does that reaches its cap", SOME))
    elif change.flag("on_trial") and change.number("trial_s") > 0:
        tried_s = change.number("trial_s")
        against.append((f"it was well with it for {tried_s:.0f} s", SOME * min(1.0, tried_s / _LONG_TRIAL_S)))
    return weigh(kind, unit, change.words("said"), speaks_for=pro, speaks_against=against)


def certificate_expired(findings: Findings) -> Hypothesis | None:
    """A certificate that it, or what it depends on, shows is not valid."""
    unit = findings.case.incident.unit
    facts = findings.known("certificates", unit)
    if facts is None or not facts.answered or not facts.flag("bad"):
        return None
    target = findings.named(facts.words("unit"))
    pro: list[Reason] = [(f"the certificate itself: {facts.words('said')}", STRONG)]
    if facts.flag("presented_bad"):
        pro.append(("its server shows it", STRONG))
    at = facts.number("bad_since")
    began = findings.case.incident.began_at.timestamp()
    against: list[Reason] = []
    if at and 0 <= began + SLACK_S - at <= CHANGE_TO_TROUBLE_S:
        pro.append((f"it is so since {max(0.0, began - at):.0f} s before the trouble began", SOME))
    elif at and began - at > CHANGE_TO_TROUBLE_S:
        against.append(("it has been so for long", SOME))
    whose = target.unit.id if target is not None else unit
    return weigh(Cause.CERTIFICATE_EXPIRED, whose, facts.words("said"), speaks_for=pro, speaks_against=against)


def dns_failure(findings: Findings) -> Hypothesis | None:
    """Names that it uses cannot be resolved where it runs."""
    unit = findings.case.incident.unit
    facts = findings.known("resolver", unit)
    if facts is None or not facts.answered or not facts.flag("failing"):
        return None
    pro: list[Reason] = [(f"asked as {unit.name} asks: {facts.words('said')}", STRONG)]
    if facts.flag("changed"):
        pro.append(("where names are resolved was changed since it was last well", STRONG))
    return weigh(Cause.DNS_FAILURE, unit, facts.words("said"), speaks_for=pro)


def bad_release(findings: Findings) -> Hypothesis | None:
    """Its release is another than the one with which it was last well."""
    change = findings.known("release_changed", findings.case.incident.unit)
    if change is None or not change.answered or not change.flag("changed") or change.flag("only_config"):
        return None
    return _changed(Cause.BAD_RELEASE, findings, change, "the release kept when it was last well")


def _changed(
    kind: Cause, findings: Findings, change: Facts, source: str = "the content kept when it was last well"
) -> Hypothesis | None:
    unit = findings.case.incident.unit
    return weigh(
        kind,
        unit,
        change.words("said"),
        speaks_for=[(source, SOME), *_in_time(findings, change)],
        speaks_against=list(_out_of_time(findings, change)),
    )


def _in_time(findings: Findings, change: Facts) -> Iterator[Reason]:
    """Yield what the order of change, start and trouble says for it."""
    changed_at, began = change.number("changed_at"), findings.case.incident.began_at.timestamp()
    if not changed_at or not 0 <= began + SLACK_S - changed_at <= CHANGE_TO_TROUBLE_S:
        return
    yield f"it changed {max(0.0, began - changed_at):.0f} s before the trouble began", SOME
    lives = findings.lives(findings.case.incident.unit)
    if lives and lives[-1].born >= changed_at - SLACK_S:
        yield "what died had been started with it", SOME


def _out_of_time(findings: Findings, change: Facts) -> Iterator[Reason]:
    changed_at, began = change.number("changed_at"), findings.case.incident.began_at.timestamp()
    if changed_at > began + SLACK_S:
        yield "it changed after the trouble began", SOME
    elif changed_at and began - changed_at > CHANGE_TO_TROUBLE_S:
        yield "it changed long before the trouble began", WEAK


SUSPECTS: tuple[Suspect, ...] = (
    Suspect(Cause.BAD_CONFIG, ("config_changed", "unit_state"), bad_config),
    Suspect(Cause.BAD_CONFIG, ("callers", "process_state"), overloading_caller, _RUNS),
    Suspect(Cause.BAD_CONFIG, ("callers",), changed_above, _RUNS),
    Suspect(Cause.STALE_CREDENTIALS, ("config_changed", "unit_state"), stale_credentials, _RUNS),
    Suspect(Cause.STALE_CREDENTIALS, ("callers",), stale_above, _RUNS),
    Suspect(Cause.BAD_ENVIRONMENT, ("environment_changed", "unit_state"), bad_environment),
    Suspect(
        Cause.HEAP_CAP, ("environment_changed", "unit_state"), heap_cap, frozenset({Fault.CRASH, Fault.CRASH_LOOP})
    ),
    Suspect(Cause.CERTIFICATE_EXPIRED, ("certificates",), certificate_expired, _RUNS),
    Suspect(Cause.DNS_FAILURE, ("resolver",), dns_failure, _RUNS | {Fault.CRASH_LOOP}),
    Suspect(Cause.BAD_RELEASE, ("release_changed", "unit_state"), bad_release),
)
