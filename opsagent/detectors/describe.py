"""An incident in words: one line for a person, and a text that is the same when the same cause comes again."""

from __future__ import annotations

import signal as signals

from opsagent.detectors import saturation
from opsagent.model import Fault, Incident, Signal, SignalKind
from opsagent_tools.redact import redact
from opsagent_tools.text import escape_for_terminal
from opsagent_tools.units import UnitId

_ERRORS_NAMED = 5
_MEGABYTE = 1_000_000


def summary(fault: Fault, unit: UnitId, symptoms: tuple[Signal, ...], affected: frozenset[UnitId]) -> str:
    """Return one redacted line like `api crashed (killed by signal 9)`."""
    own = [signal for signal in symptoms if signal.unit == unit]
    text = f"{unit.name} {_of_the_daemon(symptoms) if fault is Fault.ENGINE_DOWN else _what(fault, own)}"
    if affected:
        text += f"; {', '.join(sorted(other.name for other in affected))} affected"
    return redact(escape_for_terminal(text)).replace("\n", " ")


def symptom_text(incident: Incident) -> str:
    """Return the memory's key of an incident: fault, unit, how it ended, what probes and kernel said, which errors.

    Durable: no host, pid, time, size or count is in it, and nothing that came after the incident was opened, so that
    it reads the same now and when the incident is learnt from.
    """
    own = [signal for signal in incident.symptoms if signal.unit == incident.unit]
    seen = [signal for signal in incident.symptoms if signal.at <= incident.opened_at]
    parts = [f"{incident.fault.value.replace('_', ' ')} of {incident.unit.name}"]
    ending = next((_ending(signal) for signal in own if signal.kind is SignalKind.DEATH), "")
    if ending:
        parts.append(ending)
    if any(signal.kind is SignalKind.SUPERVISOR_TROUBLED for signal in seen):
        parts.append("it answers, and does not know what an earlier one ran")
    reasons = sorted({_reason(signal) for signal in seen if signal.kind is SignalKind.PROBE_FAILED})
    if reasons:
        parts.append(f"probe: {', '.join(reasons)}")
    states = {signal.data.get("state") for signal in own if signal.kind is SignalKind.SAMPLE}
    if "T" in states:
        parts.append("processes stopped by a signal (state T)")
    parts += sorted({saturation.what(signal) for signal in seen if saturation.tells(signal)})
    errors = {str(signal.data.get("signature", "")) for signal in seen if signal.kind is SignalKind.LOG_ERROR}
    parts += [f"error: {each}" for each in sorted(errors - {""})[:_ERRORS_NAMED]]
    return redact("; ".join(parts))


def _what(fault: Fault, own: list[Signal]) -> str:
    deaths = [signal for signal in own if signal.kind is SignalKind.DEATH]
    ending = _ending(deaths[-1]) if deaths else ""
    how = f" ({ending})" if ending else ""
    match fault:
        case Fault.CRASH:
            return f"crashed{how}"
        case Fault.CRASH_LOOP:
            return f"crashes again and again{how}"
        case Fault.HANG:
            reasons = [_reason(signal) for signal in own if signal.kind is SignalKind.PROBE_FAILED]
            frozen = any(signal.kind is SignalKind.SAMPLE and signal.data.get("state") == "T" for signal in own)
            if not own:  # nothing is known of it but that it is slow, and that others suffer from it
                return "answers far more slowly than usual"
            why = "stopped by a signal" if frozen else f"probe: {reasons[-1]}" if reasons else "no answer"
            return f"lives but does not serve ({why})"
        case Fault.ERROR_BURST:
            return "writes far more errors than usual"
        case Fault.MEMORY_GROWTH:
            sizes = [float(signal.data["rss"]) for signal in own if "rss" in signal.data]
            return f"grows towards its memory limit ({sizes[-1] / _MEGABYTE:.0f} MB)" if sizes else "grows"
        case Fault.DEPENDENCY_DOWN:
            return "is down and others need it"
        case Fault.ENGINE_DOWN:
            return _GONE
        case Fault.SATURATION:
            scarce = [signal for signal in own if saturation.tells(signal)]
            return saturation.words(scarce[-1]) if scarce else "has something nearly used up"
        case Fault.FLAPPING:
            return "is well and not well in turn"
        case Fault.DEGRADED:
            return _degraded(own)
        case Fault.BAD_RELEASE:
            said = [signal for signal in own if signal.kind is SignalKind.RELEASE_UNFIT]
            return f"was given a release that is not fit: {said[-1].data.get('why', '')}" if said else _UNFIT


def _degraded(own: list[Signal]) -> str:
    """Say how badly it answers, by what its probe said first."""
    told = next((signal for signal in own if "limit_s" in signal.data), None)
    if told is None:
        return "answers far more slowly than usual"
    bad, of = int(told.data.get("bad", 0)), int(told.data.get("of", 0))
    if told.kind is SignalKind.PROBE_FAILED or bad < of * 0.8:
        return f"serves only part of the time ({bad} of {of} answers were bad)"
    return f"answers far more slowly than usual ({float(told.data.get('latency_s', 0.0)):.2f} s)"


_GONE = "is gone: nothing is restarted until it is back"
_SILENT = "(process {}) lives and does not answer: nothing is restarted until it does"


def _of_the_daemon(symptoms: tuple[Signal, ...]) -> str:
    """Say what is wrong with a supervisor's daemon, by what was said of it last."""
    said = [s for s in symptoms if s.kind in {SignalKind.SUPERVISOR_LOST, SignalKind.SUPERVISOR_TROUBLED}]
    trouble = str(said[-1].data.get("trouble", "")) if said else ""
    pid = said[-1].data.get("pid") if said else None
    return f"answers, but {trouble}" if trouble else _GONE if pid is None else _SILENT.format(pid)


_UNFIT = "was given a release that is not fit"


def _ending(death: Signal) -> str:
    code = death.data.get("exit_code")
    if not isinstance(code, int):
        return ""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signals.Signals(-code).name
    except ValueError:
        return f"killed by signal {-code}"
    return f"killed by signal {-code}, {name}"


def _reason(failed: Signal) -> str:
    reason = str(failed.data.get("reason", "error"))
    return f"{reason} {failed.data['status']}" if reason == "status" and "status" in failed.data else reason
