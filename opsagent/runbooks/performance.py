"""Conditions of the runbooks for services that are slow, wait, or fail part of the time. Kernel and probes only.

What suffers is never treated here: each names the unit where the cause is, and says what of its own shows that.
"""

from __future__ import annotations

from opsagent import planning
from opsagent.model import Fault, LeaveAlone
from opsagent.runbooks import stuck
from opsagent.runbooks.case import Target
from opsagent.runbooks.changed_files import args_of, fresh
from opsagent.runbooks.common import it_is_starting
from opsagent.runbooks.down import not_ours
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.remedy import Against, Fit
from opsagent_tools.units import UnitState

_HOARD = 3
"""Fewer connections that are held and not used are a pool at rest."""
_IDLE_S = 3.0
_WELL_BESIDE_S = 5.0
"""What was held this long before the trouble began, without being used since, did not begin it."""
_FLOOD_S = 8.0
"""Connections a second of one client."""
_MOST = 0.6
_GIVEN_UP = 5
_STARVES, _TAKES = 0.1, 0.3
"""Who waits for a processor this share of the time is short of it; who takes this share of all cores takes it."""
_LATE_S = 0.8
_LOWEST = 19
_STARTED_S = 20.0
_SLOW_FOR_S, _SILENT_FOR_S = 25.0, 8.0
"""What slows down, or stands still, for less may go on by itself: a copy, a pause, a planned window."""
_MOMENT_S = 2.0
_IDLE_CPU = 0.3


def one_ill_instance(findings: Findings, target: Target) -> Fit | Against:
    """One of several instances answers badly, by its own answers; all others answer well."""
    state = running(findings, target)
    if isinstance(state, Against):
        return state
    found = findings.of("workers", target.unit.id)
    pid = int(found.number("ill_pid"))
    if not found.answered or not pid:
        return Against(found.words("said") or "it is not known which instance is ill")
    if not planning.can_replace_one(target.unit):
        return Against(f"one instance of {target.unit.name} cannot be replaced alone")
    return Fit(target=target, why=found.words("said"), args={"worst_pid": pid})


def one_odd_instance(findings: Findings, target: Target) -> Fit | Against:
    """Some answers are bad, and the kernel sees one instance spin while its siblings do not."""
    state = running(findings, target)
    if isinstance(state, Against):
        return state
    found = findings.of("workers", target.unit.id)
    pid = int(found.number("odd_pid"))
    if not found.answered or not pid or found.words("odd") != "spinning":
        return Against("no instance differs from its siblings")
    if not found.number("bad") or found.number("ill_pid"):
        return Against(found.words("said"))
    if not planning.can_replace_one(target.unit):
        return Against(f"one instance of {target.unit.name} cannot be replaced alone")
    return Fit(target=target, why=found.words("said"), args={"worst_pid": pid})


def some_ill_instance(findings: Findings, target: Target) -> Fit | Against:
    """Some answers are bad, nobody is seen to give them, and nothing else explains it: which instance is not known."""
    state = running(findings, target)
    if isinstance(state, Against):
        return state
    unit = target.unit
    findings.want(("workers", unit.id), ("wait_chain", unit.id), ("process_state", unit.id))
    found, failed = findings.of("workers", unit.id), findings.of("workers", unit.id).number("bad")
    if not found.answered or failed < _HOARD or found.number("ill_pid") or found.number("odd_pid"):
        return Against(found.words("said"))
    if found.number("nobody_bad") < failed or failed > found.number("asked") / 2:
        return Against(f"{found.words('said')}: several instances give them")
    if not planning.can_surge(unit):
        return Against(f"the instances of {unit.name} cannot stand side by side")
    if findings.of("wait_chain", unit.id).flag("waiting") or findings.of("process_state", unit.id).flag("starved"):
        return Against(f"{unit.name} waits for somebody else")
    return Fit(target=target, why=found.words("said"), args={"worst_pid": 0})


def hoards_connections(findings: Findings, target: Target) -> Fit | Against:
    """Another unit holds most connections of what the root needs, uses none of them, and its number grew."""
    holder, root = target.unit, findings.case.incident.unit
    findings.want(("clients", root), ("unit_state", holder.id))
    found = findings.of("clients", root)
    why = not_ours(findings.of("unit_state", holder.id), holder) or _is_over(holder.name, found)
    if why:
        return Against(why)
    held, others = found.number("holder_held"), found.number("others_hold")
    if held < _HOARD or found.number("holder_idle_s") < _IDLE_S:
        return Against(f"nobody hoards connections of {found.words('server_name')}")
    if held < 2 * others or found.number("holder_grown") < 2:
        return Against(f"{found.words('said')}: no more than it had before, or than others hold")
    if found.number("holder_idle_s") > age_s(findings) + _WELL_BESIDE_S:
        return Against(f"{found.words('said')}: so it did when {findings.case.incident.unit.name} was well yet")
    starving = found.number("others_wait") or found.flag("queue_full") or not served_now(findings)
    if not starving:
        return Against(f"{found.words('said')}: nobody waits for them")
    return Fit(target=target, why=f"{found.words('said')}, and others get none", args={"worst_pid": 0})


def _is_over(name: str, found: Facts) -> str:
    if not found.answered:
        return "it is not known who holds connections"
    return "" if found.words("holder") else f"{name} holds none"


def pool_is_used_up(findings: Findings, target: Target) -> Fit | Against:
    """It has connections to what it needs, says nothing on any of them, and answers nobody in time."""
    unit = target.unit
    state = stuck.up_but_unwell(findings, target)
    if isinstance(state, Against):
        return state
    findings.want(("held_open", unit.id), ("health_now", unit.id), ("process_state", unit.id))
    held, health = findings.of("held_open", unit.id), findings.of("health_now", unit.id)
    if not held.answered or held.number("count") < _HOARD or held.number("idle_s") < _IDLE_S:
        return Against(held.words("said") or "it is not known what it holds")
    if health.words("reason") == "status" and health.number("latency_s") < _LATE_S / 2:
        return Against(f"{unit.name} answers at once, with a failure: it waits for no connection")
    process = findings.of("process_state", unit.id)
    if process.flag("busy") or process.flag("spinning") or process.flag("starved") or process.number("stopped"):
        return Against(f"{unit.name} does not just wait ({process.words('said')})")
    if stuck.never_well(findings, target):
        return Against(f"{unit.name} has not been well since it was started")
    return Fit(target=target, why=f"{held.words('said')}, and answers nobody in time", args={"worst_pid": 0})


def floods(findings: Findings, target: Target) -> Fit | Against:
    """One client asks again and again, gives up each time, and its server works on for nobody."""
    client, root = target.unit, findings.case.incident.unit
    findings.want(("clients", root), ("unit_state", client.id))
    found = findings.of("clients", root)
    why = not_ours(findings.of("unit_state", client.id), client)
    if why or not found.answered:
        return Against(why or "it is not known who is connected")
    server = findings.named(found.words("server"))
    if server is None or server.unit.id == client.id:
        return Against("it is not known whose server it is")
    if found.number("flooder_s") < _FLOOD_S or found.number("flooder_share") < _MOST:
        return Against(f"nobody floods {server.unit.name}")
    if found.number("given_up") < _GIVEN_UP and not found.flag("queue_full"):
        return Against(f"{found.words('said')}: it is answered in time")
    if found.flag("jammed"):
        return Against(f"{found.words('said')}: {server.unit.name} is stuck, whoever asks it")
    findings.want(("process_state", server.unit.id), ("unit_state", server.unit.id))
    process = findings.of("process_state", server.unit.id)
    if not process.answered or process.flag("spinning") or process.number("stopped") or process.flag("debugged"):
        return Against(f"{server.unit.name} is not only overloaded ({process.words('said')})")
    if findings.of("unit_state", client.id).words("state") != UnitState.RUNNING:
        return Against(f"{client.name} does not run")
    return Fit(target=target, why=found.words("said"), args={"server": str(server.unit.id)})


def takes_the_processor(findings: Findings, target: Target) -> Fit | Against:
    """Another unit, which nobody needs, takes the processor that the root waits for."""
    hog, root = target.unit, findings.case.incident.unit
    findings.want(("cpu_hogs", root), ("unit_state", hog.id), ("process_state", root))
    found, process = findings.of("cpu_hogs", root), findings.of("process_state", root)
    why = not_ours(findings.of("unit_state", hog.id), hog)
    if why or not found.answered or not process.answered:
        return Against(why or "it is not known who uses the processor")
    if process.flag("spinning") or process.number("stopped"):
        return Against(f"{root.name} has trouble of its own ({process.words('said')})")
    if found.number("hog_cpu") < _TAKES * found.number("cores") or found.number("hog_cpu") <= found.number("own_cpu"):
        return Against(f"{found.words('said')}: that is not what it lacks")
    waits = max(found.number("waits"), process.number("delayed"))
    if waits < _STARVES:
        return Against(f"{found.words('said')}: it gets the processor that it wants")
    if found.flag("related") or not found.flag("job"):
        return Against(f"{found.words('said')}, and somebody needs {hog.name}")
    return Fit(target=target, why=found.words("said"), args={"were": found.words("were")})


def may_be_reniced(findings: Findings, target: Target) -> Fit | Against:
    """The same, and its priority can be lowered, and put back."""
    fit = takes_the_processor(findings, target)
    if isinstance(fit, Against):
        return fit
    found = findings.of("cpu_hogs", findings.case.incident.unit)
    if not found.words("were") or found.number("nice") >= _LOWEST:
        return Against(f"{target.unit.name} has the lowest priority already, or it cannot be told")
    if not found.flag("restorable"):
        return Against("a priority that was lowered could not be put back: that takes root")
    return fit


def may_be_stopped(findings: Findings, target: Target) -> Fit | Against:
    """The same, after a lower priority did not help, and it is a job: no port, and nobody depends on it."""
    fit = takes_the_processor(findings, target)
    if isinstance(fit, Against):
        return fit
    if findings.of("cpu_hogs", findings.case.incident.unit).flag("listens"):
        return Against(f"{target.unit.name} listens on a port: it may serve somebody")
    return fit


def slow_since_its_configuration(findings: Findings, target: Target) -> Fit | Against:
    """It is at the end of the wait, and its configuration changed before that began; it was started since, or reads it."""
    end = ends_the_wait(findings, target)
    if isinstance(end, Against):
        return end
    files = fresh(findings, target)
    if isinstance(files, Against):
        return files
    blamed = tuple(file for file in files if not file.flag("machine"))
    if not blamed or not all(file.flag("restorable") and file.flag("declared") for file in blamed):
        return Against(f"what changed of {target.unit.name} cannot be put back")
    agrees = next((file for file in blamed if file.words("agrees_with")), None)
    if agrees is not None:
        return Against(f"{agrees.name} says what another service was given, too: both were changed")
    names = ", ".join(file.name for file in blamed)
    why = f"{end.words('said')}; {names} changed shortly before"
    return Fit(target=target, why=why, args={**args_of(blamed), "down": False})


def answers_late(findings: Findings, target: Target) -> Fit | Against:
    """It is at the end of the wait, waits for nobody, has a processor, is not flooded, and does not answer in time."""
    end = ends_the_wait(findings, target)
    if isinstance(end, Against):
        return end
    unit, root = target.unit, findings.case.incident.unit
    if not (end.flag("idle") or end.flag("spinning")):
        return Against(end.words("said"))
    gave_up = findings.of("clients", root).number("given_up") >= _GIVEN_UP
    if end.number("waiting_s") < _LATE_S and not (end.flag("spinning") and gave_up):
        return Against(f"{end.words('said')}: that is not long")
    least_s = _SLOW_FOR_S if findings.case.incident.fault is Fault.DEGRADED else _SILENT_FOR_S
    if age_s(findings) < least_s:
        return Against(f"{end.words('said')}: that may pass by itself")
    lives_s = findings.of("unit_state", unit.id).number("age_s")
    if lives_s < _STARTED_S and not _was_served_by(findings, lives_s):
        return Against(f"{unit.name} started {lives_s:.0f} s ago, and may be starting yet")
    why = _used_up(findings.of("clients", root))
    return Against(why) if why else Fit(target=target, why=end.words("said"), args={"worst_pid": 0})


def slow_by_itself(findings: Findings, target: Target) -> Fit | Against:
    """It has answered slowly for long, waits for nobody, has a processor and hardly uses it, and others need it."""
    unit, incident = target.unit, findings.case.incident
    state = running(findings, target)
    if isinstance(state, Against):
        return state
    if incident.fault is not Fault.DEGRADED or not (incident.affected or findings.case.downstream):
        return Against(f"nobody is known to need {unit.name}")
    if age_s(findings) < _SLOW_FOR_S or state.number("age_s") < _STARTED_S + _SLOW_FOR_S:
        return Against(f"that {unit.name} is slow may pass by itself")
    findings.want(*((probe, unit.id) for probe in ("wait_chain", "clients", "process_state", "answers")))
    chain, process = findings.of("wait_chain", unit.id), findings.of("process_state", unit.id)
    if not chain.answered or chain.flag("waiting") or not process.answered:
        return Against(chain.words("said") or "it is not known whom it waits for")
    if process.number("cpu") > _IDLE_CPU or process.number("delayed") > _STARVES or process.number("uninterruptible"):
        return Against(f"{unit.name} does not just wait ({process.words('said')})")
    answers = findings.of("answers", unit.id)
    if answers.number("bad") or answers.number("median_s") < _LATE_S / 2:
        return Against(f"{unit.name} is not slow throughout ({answers.words('said')})")
    why = _used_up(findings.of("clients", unit.id))
    if why:
        return Against(why)
    said = f"{unit.name} has answered slowly for {age_s(findings):.0f} s, does nothing meanwhile, and waits for nobody"
    return Fit(target=target, why=said, args={"worst_pid": 0})


def _used_up(held: Facts) -> str:
    """Return what the clients of a server do to it that it is not to blame for, or nothing."""
    if not held.answered or (held.number("holder_held") >= _HOARD and held.number("holder_idle_s") >= _IDLE_S):
        return f"{held.words('said')}: it may have none left to give"
    if held.number("flooder_s") >= _FLOOD_S and held.number("given_up") >= _GIVEN_UP and not held.flag("jammed"):
        return f"{held.words('said')}: it is flooded, not broken"
    return ""


def age_s(findings: Findings) -> float:
    """Return for how long the trouble has lasted."""
    return (findings.case.now - findings.case.incident.began_at).total_seconds()


def _was_served_by(findings: Findings, lives_s: float) -> bool:
    """Tell whether the root was well at a time when a unit of that age ran already."""
    root = findings.root
    if root is None or root.spec is None or root.spec.health is None:
        return False
    health = findings.of("health_now", root.unit.id)
    return health.has("last_ok_s") and health.number("last_ok_s") < lives_s - 1.0


def ends_the_wait(findings: Findings, target: Target) -> Facts | Against:
    """Return what is known of the wait that ends at this unit, or why it does not."""
    state = running(findings, target)
    if isinstance(state, Against):
        return state
    end = findings.of("wait_chain", findings.case.incident.unit)
    if not end.answered or end.words("end") != str(target.unit.id):
        return Against(end.words("said") or "it is not known who waits for whom")
    if served_now(findings) and not _is_slow(findings):
        return Against(f"{findings.case.incident.unit.name} is served: {end.words('said')} is nothing unusual")
    return end


def served_now(findings: Findings) -> bool:
    """Tell whether the root answers its probe at this moment."""
    root = findings.root
    if root is None or root.spec is None or root.spec.health is None:
        return False
    health = findings.of("health_now", root.unit.id)
    return health.answered and health.flag("ok")


def _is_slow(findings: Findings) -> bool:
    return any("limit_s" in one.data for one in findings.case.incident.symptoms)


def running(findings: Findings, target: Target) -> Facts | Against:
    """Return the state of a unit that runs and is ours."""
    state = findings.of("unit_state", target.unit.id)
    why = not_ours(state, target.unit)
    if why:
        return Against(why)
    if state.words("state") != UnitState.RUNNING:
        return Against(f"{target.unit.name} is {state.words('state')}")
    return state


def it_may_pass(findings: Findings) -> LeaveAlone | None:
    """Return that it is looked at again: it has waited for another unit for a moment only, which may go on by itself."""
    starting = it_is_starting(findings)
    if starting is not None or findings.root is None or findings.case.tried:
        return starting
    chain = findings.known("wait_chain", findings.root.unit.id)
    if chain is None or not chain.answered or not chain.words("end") or age_s(findings) > _SILENT_FOR_S + _MOMENT_S:
        return None
    return LeaveAlone(why=f"{chain.words('said')}: that may pass by itself", look_again_s=_MOMENT_S)
