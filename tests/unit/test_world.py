"""The live picture: what signals do to it, and who depends on whom."""

from __future__ import annotations

from opsagent.model import SignalKind
from opsagent.topology import SURE_AFTER, Link, Node
from tests.support.histories import History, service, uid


def test_health_is_what_the_last_probes_said() -> None:
    history = History(service("api"))
    history.fail("api", "timeout", 2.0)
    first = history.now
    history.wait(1)
    history.fail("api", "refused")
    health = history.world.health[uid("api")]
    assert (health.ok, health.failures, health.reason, health.since) == (False, 2, "refused", first)
    assert health.last_ok is None
    history.ok("api")
    assert (history.world.health[uid("api")].ok, history.world.health[uid("api")].failures) == (True, 0)
    well_at = history.now
    history.wait(1)
    history.fail("api")
    assert history.world.health[uid("api")].last_ok == well_at


def test_a_process_that_ended_has_no_samples_any_more() -> None:
    history = History(service("api", instances=2))
    history.sample("api")
    assert len(history.world.past(uid("api")).samples) == 2
    history.die("api")
    assert len(history.world.past(uid("api")).samples) == 1


def test_samples_are_kept_for_a_quarter_of_an_hour() -> None:
    history = History(service("api"))
    for _ in range(200):
        history.sample("api")
        history.wait(10, step=10)
    (kept,) = history.world.past(uid("api")).samples.values()
    assert 80 <= len(kept) <= 91


def test_dependencies_nearest_first_and_circles_end() -> None:
    history = History(service("a", "b"), service("b", "c"), service("c", "a"), service("d"))
    assert history.world.all_upstream(uid("a")) == (uid("b"), uid("c"))
    assert history.world.all_downstream(uid("a")) == (uid("c"), uid("b"))
    assert history.world.all_upstream(uid("d")) == ()


def test_a_unit_that_is_reached_by_many_ways_is_gone_through_once() -> None:
    layers = [[f"s{depth}-{number}" for number in range(8)] for depth in range(12)]
    below = [*layers[1:], []]
    history = History(*(service(name, *deps) for names, deps in zip(layers, below, strict=True) for name in names))
    world = history.world
    assert len(world.all_upstream(uid("s0-0"))) == 8 * 11  # by eight billion ways
    assert world.all_downstream(uid("s11-0"))[:8] == tuple(map(uid, layers[10]))
    assert (
        world.upstream_set(uid("s9-3"))
        == set(world.all_upstream(uid("s9-3")))
        == set(map(uid, [*below[9], *below[10]]))
    )


def test_who_depends_on_whom_is_asked_anew_when_that_changes() -> None:
    history = History(service("a", "b"), service("b"), service("c"))
    world = history.world
    assert world.all_downstream(uid("b")) == (uid("a"),)
    assert world.downstream(uid("c")) == ()
    link = Link(Node.of(uid("b")), Node.of(uid("c")), port=1)
    for _ in range(SURE_AFTER):
        world.topology.take([link], list(world.units), history.now, 1.0)
    assert world.downstream(uid("c")) == (uid("b"),)
    assert world.all_upstream(uid("a")) == (uid("b"), uid("c"))
    world.replace_specs({name: spec for name, spec in world.specs.items() if name != "a"})
    assert world.all_downstream(uid("c")) == (uid("b"),)


def test_supervisors_that_are_gone() -> None:
    history = History(service("a"))
    history.engine(SignalKind.SUPERVISOR_LOST)
    assert history.world.lost == {"circus"}
    assert uid("a") in history.world.units
    history.engine(SignalKind.SUPERVISOR_BACK)
    assert history.world.lost == set()
