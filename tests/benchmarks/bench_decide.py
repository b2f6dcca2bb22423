"""What deciding costs beyond its probes: every round of decide, cold and from memory, with 500 units on the machine.

Recall is given and the probes answer at once, so that what is measured is the agent's own processor time.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from opsagent.decide import Case, decide
from opsagent.model import Fault, Incident, Investigate, RemedyOdds
from opsagent.world import World
from opsagent_tools.services.spec import ServiceSpec
from tests.benchmarks.conftest import Figure, percentile
from tests.support.cases import BEGAN, ENDED, HANGS, NOW, Answers, died, evidence_of, odds, spec_of, unit_of

UNITS = 500
DECISIONS = 60
BAR_MS = 150.0
"""Issue 6: a decision, beyond its probes."""


def crowd() -> World:
    """500 units, each of which depends on the one before."""
    specs: list[ServiceSpec] = []
    for number in range(UNITS):
        above = (f"s{number - 1}",) if number % 10 else ()
        specs.append(spec_of(f"s{number}", depends_on=above, port=9000 + number))
    world = World(specs)
    world.replace_units("circus", [unit_of(spec.name, ports=(spec.port,)) for spec in specs])
    return world


def whole(world: World, incident: Incident, answers: Answers, known: tuple[RemedyOdds, ...]) -> tuple[float, int, str]:
    """Return processor time in ms, how many probes were asked, and what was decided."""
    began, probes = time.process_time(), 0
    evidence: list[Any] = []
    while True:
        case = Case.of(incident, world, now=NOW, evidence=evidence, odds=known)
        decision = decide(case)
        if not isinstance(decision, Investigate):
            return (time.process_time() - began) * 1000, probes, type(decision).__name__
        probes += len(decision.requests)
        evidence += [evidence_of(request, answers) for request in decision.requests]


def bench_decide(benchmark: Any, figure: Figure) -> None:
    world = crowd()
    unit = world.named("s309")[0]
    crash = Incident(id="i1", fault=Fault.CRASH, unit=unit, opened_at=BEGAN, began_at=BEGAN, symptoms=(died("s309"),))
    hang = replace(crash, fault=Fault.HANG, symptoms=())
    remembered = (odds("crash/start", tries=3, successes=3, score=0.9),)
    rows: dict[str, tuple[Incident, Answers, tuple[RemedyOdds, ...]]] = {
        "a crash, cold": (crash, ENDED, ()),
        "a crash, from memory": (crash, ENDED, remembered),
        "a hang that nothing explains but itself": (hang, HANGS, ()),
    }
    found: dict[str, list[tuple[float, int, str]]] = {name: [] for name in rows}

    def run() -> None:
        for name, (incident, answers, known) in rows.items():
            found[name] += [whole(world, incident, answers, known) for _ in range(DECISIONS)]

    benchmark.pedantic(run, rounds=1, warmup_rounds=0)
    for name, taken in found.items():
        figure(
            f"deciding about {name}, beyond its probes, p95",
            percentile([one[0] for one in taken], 0.95),
            "ms",
            bar=BAR_MS,
            note=f"processor time, {UNITS} units, {taken[0][1]} probes, n = {DECISIONS}",
        )
    assert {one[2] for taken in found.values() for one in taken} == {"Act"}
    assert found["a crash, from memory"][0][1] < found["a crash, cold"][0][1]
